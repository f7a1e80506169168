//! The README's programs.

const README: &str = include_str!("../../README.md");

/// The programs of one page, which are run against real mail programs.
const PROGRAMS: [&str; 2] = [include_str!("../../src/manual/server.rs"), include_str!("../../src/manual/client.rs")];

#[test]
fn the_readme_shows_the_programs_that_are_run() {
    for program in PROGRAMS {
        let code = program.find("use std").map(|start| &program[start..]).unwrap();
        assert!(README.contains(&format!("```rust,no_run\n{code}```\n")), "the README has another text of it:\n{code}");
    }
}
