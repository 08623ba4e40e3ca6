//! Looking into Redis' replies.

use crate::connection::Connection;
use redis::{Cmd, Value, cmd};

/// A command of words without spaces.
pub fn words(words: &str) -> Cmd {
    let mut words = words.split(' ');
    let mut command = cmd(words.next().unwrap_or_default());
    words.for_each(|word| {
        command.arg(word);
    });
    command
}

/// Runs a command of words.
///
/// # Panics
/// If Redis answers with an error.
pub fn ok(connection: &mut Connection, text: &str) -> Value {
    words(text)
        .query(connection)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The error that a command of words gets: code and text.
///
/// # Panics
/// If it gets none.
pub fn err(connection: &mut Connection, command: &Cmd) -> String {
    match command.query::<Value>(connection) {
        Ok(value) => panic!("an error was expected, not {value:?}"),
        Err(error) => format!(
            "{} {}",
            error.code().unwrap_or("?"),
            error.detail().unwrap_or_default()
        ),
    }
}

/// A number.
pub fn int(value: &Value) -> i64 {
    match value {
        Value::Int(n) => *n,
        other => panic!("a number was expected, not {other:?}"),
    }
}

/// Text.
pub fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::Okay => "OK".into(),
        other => panic!("text was expected, not {other:?}"),
    }
}

/// A list.
pub fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        other => panic!("a list was expected, not {other:?}"),
    }
}

/// Numbers of a list.
pub fn ints(value: &Value) -> Vec<i64> {
    list(value).iter().map(int).collect()
}

/// The numbers of a reply to PUBLISH: seq, online, offline, duplicate.
pub fn published(reply: &Value) -> Vec<i64> {
    list(reply).iter().take(4).map(int).collect()
}

/// A field of a map, or of the flat array that RESP2 makes of it.
pub fn field(value: &Value, name: &str) -> Value {
    let pairs: Vec<(Value, Value)> = match value {
        Value::Map(pairs) => pairs.clone(),
        Value::Array(flat) => flat
            .chunks_exact(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()))
            .collect(),
        other => panic!("a map was expected, not {other:?}"),
    };
    let found = pairs.into_iter().find(|(known, _)| text(known) == name);
    found
        .unwrap_or_else(|| panic!("no field {name} in {value:?}"))
        .1
}

/// The payloads of a RANGE or QUEUE.
pub fn payloads(value: &Value) -> Vec<String> {
    list(&field(value, "rows"))
        .iter()
        .map(|row| text(&list(row)[3]))
        .collect()
}
