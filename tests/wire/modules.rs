//! The files of both machines point one way, so that a reader of one knows which others it can touch.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Which files each file names, in `use` lines and in paths.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Returns the modules below a folder of `src`, by their paths in the crate, with their code.
fn modules(folder: &Path, path: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_stem().unwrap().to_str().unwrap();
        if file.is_dir() {
            modules(&file, &format!("{path}::{name}"), found);
        } else if file.extension().is_some_and(|kind| kind == "rs") {
            let path = if name == "mod" { path.to_owned() } else { format!("{path}::{name}") };
            let text = fs::read_to_string(&file).unwrap();
            let code =
                text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
            found.insert(path, code);
        }
    }
}

/// Appends the paths that a tree of `use` stands for, and returns what follows it.
fn paths<'a>(tree: &'a str, front: &str, found: &mut Vec<String>) -> &'a str {
    let tree = tree.trim_start();
    if let Some(mut list) = tree.strip_prefix('{') {
        loop {
            list = list.trim_start_matches(|letter: char| letter == ',' || letter.is_whitespace());
            if let Some(rest) = list.strip_prefix('}') {
                return rest;
            }
            // What is left of an entry is `as` and another name.
            list = paths(list, front, found).trim_start_matches(|letter| letter != ',' && letter != '}');
        }
    }
    let (word, rest) = tree.split_at(tree.find(|letter| !is_of_word(letter)).unwrap_or(tree.len()));
    if let Some(rest) = rest.strip_prefix("::") {
        return paths(rest, &format!("{front}{word}::"), found);
    }
    found.push(format!("{front}{word}"));
    rest
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Returns the path from the root of the crate of one that begins with `crate`, `self` or `super`.
fn absolute(path: &str, module: &str) -> String {
    let mut base: Vec<&str> = module.split("::").collect();
    let mut words = path.split("::").peekable();
    match words.next() {
        Some("crate") => base.clear(),
        Some("super") => drop(base.pop()),
        _ => {}
    }
    while words.next_if_eq(&"super").is_some() {
        base.pop();
    }
    base.extend(words);
    base.join("::")
}

/// Returns which modules of a machine name which others.
fn graph(code: &BTreeMap<String, String>) -> Graph {
    let mut graph = Graph::new();
    for (module, text) in code {
        let named = graph.entry(module.clone()).or_default();
        for start in ["crate::", "self::", "super::"] {
            for (at, _) in text.match_indices(start) {
                // A path's end isn't its beginning, and where an item is visible isn't what it needs.
                let before = &text[..at];
                if before.ends_with(|letter| is_of_word(letter) || letter == ':') || before.ends_with("(in ") {
                    continue;
                }
                let mut found = Vec::new();
                paths(&text[at..], "", &mut found);
                for path in found {
                    let mut path = absolute(&path, module);
                    while !code.contains_key(&path) {
                        match path.rsplit_once("::") {
                            Some((front, _)) => path.truncate(front.len()),
                            None => path.clear(),
                        }
                        if path.is_empty() {
                            break;
                        }
                    }
                    if !path.is_empty() && path != *module {
                        named.insert(path);
                    }
                }
            }
        }
    }
    graph
}

/// Returns the modules that are part of a circle: what is left when those that name none of the others are taken away, one
/// after the other, and then those that none of the others names.
fn circles(mut graph: Graph) -> Graph {
    loop {
        let left: BTreeSet<String> = graph.keys().cloned().collect();
        let named: BTreeSet<String> = graph.values().flatten().cloned().collect();
        graph.retain(|module, _| named.contains(module));
        graph.retain(|_, names| {
            names.retain(|name| left.contains(name));
            !names.is_empty()
        });
        if graph.len() == left.len() {
            return graph;
        }
    }
}

fn machine(name: &str) -> Graph {
    let mut code = BTreeMap::new();
    modules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name), name, &mut code);
    assert!(code.len() > 5, "{name}");
    graph(&code)
}

#[test]
fn no_files_of_the_server_import_each_other_in_a_circle() {
    assert_eq!(circles(machine("server")), Graph::new());
}

#[test]
fn no_files_of_the_client_import_each_other_in_a_circle() {
    assert_eq!(circles(machine("client")), Graph::new());
}

#[test]
fn a_circle_of_files_is_noticed() {
    let code = [
        ("m", "pub use self::a::A; use self::b::{B, c::C};"),
        ("m::a", "use super::b::B; fn f() -> super::b::c::C {}"),
        ("m::b", "use crate::m::{b::c, a::{A as Other, D}};"),
        ("m::b::c", "pub(super) struct C;"),
    ];
    let code = code.map(|(module, text)| (module.to_owned(), text.to_owned())).into();
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(
        circles(graph(&code)),
        [("m::a".to_owned(), names(&["m::b"])), ("m::b".to_owned(), names(&["m::a"]))].into()
    );
}
