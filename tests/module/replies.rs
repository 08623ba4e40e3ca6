//! docs/replies.md is true: every line of it runs, in RESP2 and in RESP3, and every command is on it.

use crate::shape::{Page, Section, Shape};
use crate::workload::head;
use harness::connection::Connection;
use harness::eventually;
use harness::redis::{Redis, STILL};
use harness::value::{field, ok, text, words};
use redis::{Cmd, Value, cmd};
use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

const PAGE: &str = include_str!("../../docs/replies.md");
const README: &str = include_str!("../../README.md");

/// The command of an example: `<head>` is the room's newest position, `""` nothing.
fn command(c: &mut Connection, example: &str) -> Cmd {
    let example = match example.contains("<head>") {
        true => example.replace("<head>", &head(c, "r")),
        false => example.to_owned(),
    };
    words(&example.replace("\"\"", ""))
}

fn check_replies(c: &mut Connection, section: &Section, is_3: bool) {
    let Some(shape) = &section.shape else {
        return;
    };
    assert!(!section.examples.is_empty(), "{}", section.command);
    for example in &section.examples {
        let what = format!("{example}, RESP3: {is_3}");
        let reply = command(c, example).query::<Value>(c);
        let reply = reply.unwrap_or_else(|error| panic!("{what}: {error}"));
        if let Err(why) = shape.fits(&reply, is_3) {
            panic!("{what}: {why}: {reply:?}");
        }
    }
    if let Some(never) = shape.never_seen() {
        panic!(
            "no example of {} answers with {never:?}, RESP3: {is_3}",
            section.command
        );
    }
}

/// The room's digest when nothing of what was done before is still to be announced: on a busy machine that comes late.
fn at_rest(redis: &Redis) -> String {
    eventually("the room stands still", || {
        let before = redis.digest("r");
        sleep(TICK);
        (redis.digest("r") == before).then_some(before)
    })
}

fn check_errors(c: &mut Connection, section: &Section) {
    let command_of = |example: &str| example.split(' ').next().map(str::to_owned);
    for (code, example) in &section.errors {
        assert_eq!(command_of(example).as_ref(), Some(&section.command));
        // The command is made first: it may ask for the head.
        let command = command(c, example);
        if code == "OOM" {
            ok(c, "CONFIG SET maxmemory 1");
        }
        let error = command.query::<Value>(c);
        ok(c, "CONFIG SET maxmemory 0");
        let error = error.expect_err(example);
        assert_eq!(error.code(), Some(code.as_str()), "{example}: {error}");
    }
}

/// What a room has to announce is announced by then, and a little longer.
const TICK: Duration = Duration::from_millis(120);

#[test]
fn the_page_is_true_in_both_protocols() {
    for is_3 in [false, true] {
        let redis = Redis::with(&STILL);
        let mut c = match is_3 {
            true => redis.connect_resp3(),
            false => redis.connect(),
        };
        let page = Page::parse(PAGE);
        for line in &page.setup {
            ok(&mut c, line);
        }
        for section in &page.sections {
            check_replies(&mut c, section, is_3);
            let before = at_rest(&redis);
            check_errors(&mut c, section);
            assert_eq!(redis.digest("r"), before, "{}", section.command);
        }
    }
}

#[test]
fn every_command_is_on_the_page_and_in_the_readme() {
    let redis = Redis::start();
    let registered: BTreeSet<String> = redis.query(
        cmd("COMMAND")
            .arg("LIST")
            .arg("FILTERBY")
            .arg("MODULE")
            .arg("room"),
    );
    let registered: BTreeSet<String> = registered.iter().map(|name| name.to_uppercase()).collect();
    let page = Page::parse(PAGE);
    let written = page.sections.iter().map(|section| section.command.clone());
    assert_eq!(written.collect::<BTreeSet<_>>(), registered);
    for section in &page.sections {
        let name = &section.command;
        let docs: Value = redis.query(cmd("COMMAND").arg("DOCS").arg(name));
        let docs = match &docs {
            // RESP2: one command and its documentation.
            Value::Array(pair) if pair.len() == 2 => pair[1].clone(),
            other => panic!("{name} has no documentation: {other:?}"),
        };
        assert_eq!(text(&field(&docs, "since")), "0.1.0", "{name}");
        let internal = name.contains('_');
        assert!(
            internal || README.contains(&format!("| `{name} ")),
            "{name}"
        );
        assert!(
            internal == section.shape.is_none() && !section.errors.is_empty(),
            "{name} lacks a block"
        );
    }
}

#[test]
fn a_reply_that_is_not_as_written_is_found() {
    let shape = |text: &str| Shape::parse(text);
    let map = Value::Map(vec![(
        Value::BulkString(b"head".to_vec()),
        Value::BulkString(b"0-00000000".to_vec()),
    )]);
    let flat = Value::Array(vec![
        Value::BulkString(b"head".to_vec()),
        Value::BulkString(b"0-00000000".to_vec()),
    ]);
    assert_eq!(shape("{head: text}").fits(&map, true), Ok(()));
    assert_eq!(shape("{head: text}").fits(&flat, false), Ok(()));
    for (wrong, value, is_3) in [
        ("{head: text}", &map, false),
        ("{head: text}", &flat, true),
        ("{head: int}", &map, true),
        ("{tail: text}", &map, true),
        ("{head: text more: int}", &map, true),
        ("{}", &map, true),
        ("[text]", &flat, true),
        ("[int …]", &flat, true),
        ("text | nil", &flat, true),
    ] {
        assert!(shape(wrong).fits(value, is_3).is_err(), "{wrong}");
    }
    let list = shape("[text | nil …]");
    assert_eq!(list.fits(&flat, true), Ok(()));
    assert!(list.never_seen().is_some(), "no null was there");
}
