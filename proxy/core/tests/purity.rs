//! The core depends on nothing that waits, and says so nowhere: design.md, section 4.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything that the core is built of. What is new here was looked at: no runtime, no Redis, no clock, no chance.
const CRATES: [&str; 20] = [
    "bytes",
    "foldhash",
    "hashbrown",
    "hub-core",
    "itoa",
    "memchr",
    "proc-macro2",
    "quote",
    "room-core",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "smallvec",
    "syn",
    "tinyvec",
    "twox-hash",
    "unicode-ident",
    "unicode-normalization",
    "zmij",
];

/// Words that would bring waiting, a clock, chance, the world outside or shared state in.
const WORDS: [&str; 26] = [
    "tokio",
    "redis",
    "parking_lot",
    "crossbeam",
    "rand",
    "getrandom",
    "async",
    "await",
    "Future",
    "Mutex",
    "RwLock",
    "Condvar",
    "mpsc",
    "thread",
    "thread_local",
    "Instant",
    "SystemTime",
    "UNIX_EPOCH",
    "Duration",
    "RandomState",
    "sleep",
    "unsafe",
    "println",
    "eprintln",
    "fs",
    "net",
];

#[test]
fn nothing_that_waits_is_below_the_core() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{lib}|{p}"])
        .args(["--package", "hub-core"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success(), "{said}");
    let tree = String::from_utf8_lossy(&tree.stdout);
    let crates: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split('|').nth(1)?.split(' ').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert!(crates.contains(&"hub-core") && crates.contains(&"room-core"));
    let others: Vec<_> = crates
        .iter()
        .filter(|name| !CRATES.contains(name))
        .collect();
    assert!(others.is_empty(), "not in the list: {others:?}");
}

#[test]
fn no_source_names_what_waits() {
    let mut found = Vec::new();
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source can be read");
        for (at, line) in text.lines().enumerate() {
            found.extend(forbidden(line).map(|word| (file.clone(), at + 1, word.to_owned())));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_must_not_be_there_would_be_found() {
    for line in [
        "use tokio::sync::Notify;",
        "    pub async fn wait(&self) {",
        "let at = std::time::Instant::now();",
        "use std::{sync::Mutex, net::TcpStream};",
    ] {
        assert!(forbidden(line).next().is_some(), "{line}");
    }
    for line in [
        "//! Nothing here knows async or redis.",
        "let a = 1; // no Mutex",
        "#![forbid(unsafe_code)]",
        "let threads = random(offset);",
    ] {
        assert_eq!(forbidden(line).next(), None, "{line}");
    }
}

/// The forbidden words of a line, comments and the name of the lint aside.
fn forbidden(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.split(move |c| !is_word(c))
        .filter(|word| WORDS.contains(word))
}

/// The sources below `folder`, without those of tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the sources are there");
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let is_test = path.ends_with("tests") || path.ends_with("tests.rs");
        if path.is_dir() && !is_test {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") && !is_test {
            files.push(path);
        }
    }
    files
}
