//! `tests/RULES.md` states every rule that a comment cites, and names the tests that show it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/RULES.md");

/// Ids of rules, and what cites each of them.
type Cited = BTreeMap<String, BTreeSet<String>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the files below `folder` that have comments, and none where there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            if !path.ends_with("target") {
                found.extend(files(&path));
            }
        } else if path.extension().is_some_and(|kind| ["rs", "py", "txt"].iter().any(|known| kind == *known)) {
            found.push(path);
        }
    }
    found
}

/// Whether a word is an id: R, a group and a number, with hyphens between them, or C and a number.
fn is_id(word: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    match word.split('-').collect::<Vec<_>>()[..] {
        ["R", group, number] => !group.is_empty() && is_number(number),
        [word] => word.strip_prefix('C').is_some_and(is_number),
        _ => false,
    }
}

/// Returns the ids in the comments of a file.
fn ids<'a>(path: &Path, text: &'a str) -> impl Iterator<Item = &'a str> {
    let mark = if path.extension().is_some_and(|kind| kind == "rs") { "//" } else { "#" };
    text.lines()
        .filter_map(move |line| line.split_once(mark))
        .flat_map(|(_, comment)| comment.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-'))
        .filter(|word| is_id(word))
}

/// Returns the name of the tests that a file below `tests` contains, if it contains any: its path, or that of the folder
/// where it is a dialogue.
fn test_name(path: &Path, text: &str) -> Option<String> {
    let path = path.strip_prefix("tests").ok()?;
    let named = match path.extension()?.to_str()? {
        "txt" => path.parent()?.to_owned(),
        "rs" if text.contains("#[test]") => path.with_extension(""),
        _ => return None,
    };
    Some(named.iter().filter_map(|part| part.to_str()).collect::<Vec<_>>().join("/"))
}

/// Returns what cites each rule: all files, and the tests among them.
fn cited() -> (Cited, Cited) {
    let (mut everywhere, mut tests) = (Cited::new(), Cited::new());
    for folder in ["src", "tests", "fuzz", "examples", "benches"] {
        for path in files(&root().join(folder)) {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let path = path.strip_prefix(root()).unwrap();
            let name = test_name(path, &text).filter(|_| folder == "tests");
            for id in ids(path, &text) {
                everywhere.entry(id.to_owned()).or_default().insert(path.display().to_string());
                if let Some(name) = &name {
                    tests.entry(id.to_owned()).or_default().insert(name.clone());
                }
            }
        }
    }
    (everywhere, tests)
}

/// Returns the rules that a text states, each with its last line: the tests, or why there are none.
fn stated(text: &str) -> BTreeMap<&str, &str> {
    let mut rules = BTreeMap::new();
    for rule in text.split("\n- **").skip(1) {
        let (id, rest) = rule.split_once("**").unwrap();
        let rest = rest.split("\n\n").next().unwrap();
        assert!(is_id(id), "{id}");
        assert!(rules.insert(id, rest.lines().last().unwrap()).is_none(), "{id} is stated twice");
    }
    rules
}

#[test]
fn each_rule_that_a_comment_cites_is_stated() {
    let text = fs::read_to_string(RULES).unwrap();
    let rules = stated(&text);
    let unknown: Vec<_> = cited().0.into_iter().filter(|(id, _)| !rules.contains_key(id.as_str())).collect();
    assert!(unknown.is_empty(), "these aren't in tests/RULES.md: {unknown:#?}");
}

#[test]
fn each_rule_names_its_tests_or_why_it_has_none() {
    // The published package has some of the tests only.
    if !root().join("fuzz").exists() {
        return;
    }
    let tests = cited().1;
    let mut text = fs::read_to_string(RULES).unwrap();
    let mut wrong = Vec::new();
    for (id, line) in stated(&text.clone()) {
        let names: Vec<_> = tests.get(id).into_iter().flatten().map(|name| format!("`{name}`")).collect();
        let right = format!("  Shown by: {}.", names.join(", "));
        match line.split_once(':') {
            Some(("  No test", reason)) if !reason.trim().is_empty() => {
                assert!(names.is_empty(), "{id} has tests: {right}");
            }
            Some(("  Shown by", _)) if names.is_empty() => panic!("no test cites {id}, and no `No test:` tells why"),
            Some(("  Shown by", _)) if line == right => {}
            Some(("  Shown by", _)) => {
                let start = text.find(&format!("\n- **{id}**")).unwrap();
                let start = start + text[start..].find("\n  Shown by:").unwrap() + 1;
                let end = start + text[start..].find('\n').unwrap();
                text.replace_range(start..end, &right);
                wrong.push(format!("{id}\n{right}"));
            }
            _ => panic!("{id} ends neither with `  Shown by:` nor with `  No test:` and a reason"),
        }
    }
    if std::env::var_os("RENEW_RULES").is_some() {
        fs::write(RULES, text).unwrap();
    } else {
        assert!(wrong.is_empty(), "RENEW_RULES=1 writes these lines into tests/RULES.md:\n{}", wrong.join("\n"));
    }
}
