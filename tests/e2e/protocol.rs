//! docs/protocol: schemas that notice what is wrong, and vectors that are true.

use harness::client::Client;
use harness::protocol::{Side, wrong};
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

const ASYNCAPI: &str = include_str!("../../docs/protocol/asyncapi.yaml");
const FRAMES: &str = include_str!("../../docs/protocol/vectors/frames.json");
const DIALOGUES: &str = include_str!("../../docs/protocol/vectors/dialogues.json");

fn frames(side: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(FRAMES).expect("JSON");
    all[side].as_array().expect("a list").clone()
}

/// The names of the events of one side.
fn events(side: Side) -> Vec<String> {
    let document: Value = serde_json::from_str(side.text()).expect("JSON");
    let events = document["anyOf"].as_array().expect("events");
    let name = |event: &Value| {
        let at = event["$ref"].as_str().expect("a reference");
        at.trim_start_matches("#/$defs/").to_owned()
    };
    events.iter().map(name).collect()
}

#[test]
fn every_event_has_a_schema_and_stands_in_asyncapi() {
    let (client, server) = (events(Side::Client), events(Side::Server));
    for (file, names) in [("client", &client), ("server", &server)] {
        for name in names {
            let reference = format!("$ref: './{file}.json#/$defs/{name}'");
            assert!(ASYNCAPI.contains(&reference), "{file} {name}");
        }
        let many = ASYNCAPI.matches(&format!("./{file}.json#")).count();
        assert_eq!(many, names.len(), "{file}");
    }
    // What only the server may say is the server's, and no client's.
    for name in hub_core::wire::names::SERVER_EVENTS {
        assert!(!client.iter().any(|known| known == name), "{name}");
        assert!(
            wrong(Side::Client, &json!({"event": name})).is_some(),
            "{name}"
        );
    }
}

#[test]
fn wrong_frames_are_noticed_and_right_ones_are_not() {
    let (mut right, mut planted) = (0, 0);
    for vector in frames("server") {
        let said = wrong(Side::Server, &vector["frame"]);
        let is_wrong = !vector["wrong"].is_null();
        assert_eq!(said.is_some(), is_wrong, "{vector}: {said:?}");
        *(if is_wrong { &mut planted } else { &mut right }) += 1;
    }
    assert!(planted >= 10 && right >= 10, "{planted} and {right}");
}

#[test]
fn a_proxy_answers_frames_as_the_vectors_say() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    for vector in frames("client") {
        let mut client = Client::login(proxy.port, "v", "vic");
        let text = match &vector["text"] {
            Value::String(text) => text.clone(),
            _ => vector["frame"].to_string(),
        };
        client.send_text(&text);
        // What is behind it has been answered when this is.
        client.send(&json!({"event": "closing"}));
        let behind = |event: &Value| event["code"] == "BADEVENT" && event["of"] == "closing";
        client.find("the end", behind);
        let mut errors = client.seen.iter().filter(|event| event["event"] == "error");
        let code = errors.next().map(|error| &error["code"]);
        assert_eq!(code.unwrap_or(&Value::Null), &vector["code"], "{vector}");
        let form = wrong(Side::Client, &vector["frame"]);
        if vector["text"].is_null() {
            assert_eq!(
                form.is_some(),
                !vector["code"].is_null(),
                "{vector}: {form:?}"
            );
        }
    }
}

#[test]
fn the_dialogues_go_as_they_are_written() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let all: Vec<Value> = serde_json::from_str(DIALOGUES).expect("JSON");
    for dialogue in all {
        let mut clients: HashMap<String, Client> = HashMap::new();
        let mut names: Names = Names::new();
        for step in dialogue["steps"].as_array().expect("steps") {
            let who = step["who"].as_str().expect("somebody").to_owned();
            if step["hangs up"] == true {
                clients
                    .remove(&who)
                    .expect("a connection")
                    .drop_connection();
                continue;
            }
            let client = clients
                .entry(who)
                .or_insert_with(|| Client::connect(proxy.port));
            if !step["says"].is_null() {
                client.send(&filled(&step["says"], &names));
                continue;
            }
            let wanted = &step["hears"];
            let what = format!("{wanted} of: {}", dialogue["about"]);
            let heard = client.find(&what, |event| has(wanted, event, &names));
            learn(wanted, &heard, &mut names);
        }
    }
}

/// What the names stand for.
type Names = HashMap<String, Value>;

fn is_name(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| text.starts_with('$'))
}

/// The event with what its names stand for.
fn filled(event: &Value, names: &Names) -> Value {
    let fields = event.as_object().expect("an object").iter();
    let filled = fields.map(|(name, value)| {
        let known = is_name(value).map(|value| names[value].clone());
        (name.clone(), known.unwrap_or_else(|| value.clone()))
    });
    Value::Object(filled.collect::<Map<_, _>>())
}

/// Whether something has all that is wanted.
fn has(wanted: &Value, value: &Value, names: &Names) -> bool {
    match (wanted, value) {
        (Value::Object(wanted), Value::Object(fields)) => wanted.iter().all(|(name, wanted)| {
            let value = fields.get(name);
            value.is_some_and(|value| has(wanted, value, names))
        }),
        (Value::Array(wanted), Value::Array(values)) => {
            let mut both = wanted.iter().zip(values);
            wanted.len() == values.len() && both.all(|(wanted, value)| has(wanted, value, names))
        }
        _ => match is_name(wanted) {
            Some(name) => names.get(name).is_none_or(|known| known == value),
            None => wanted == value,
        },
    }
}

/// Notes what new names stand for.
fn learn(wanted: &Value, value: &Value, names: &mut Names) {
    if let Some(name) = is_name(wanted) {
        names.insert(name.to_owned(), value.clone());
    }
    if let Some(fields) = wanted.as_object() {
        fields
            .iter()
            .for_each(|(name, wanted)| learn(wanted, &value[name], names));
    }
    if let Some(items) = wanted.as_array() {
        for (at, wanted) in items.iter().enumerate() {
            learn(wanted, &value[at], names);
        }
    }
}
