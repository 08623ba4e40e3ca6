use super::*;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

fn shape(text: &str) -> Option<(usize, bool)> {
    scan(text, |_| ()).map(|shape| (shape.depth, shape.unicode))
}

fn members(text: &str) -> Vec<(String, String)> {
    let mut members = Vec::new();
    scan(text, |member| {
        members.push((member.name().into_owned(), member.value().to_owned()));
    });
    members
}

#[test]
fn depth_and_halves_are_seen_wherever_they_are() {
    for (text, wanted) in [
        ("1", (0, true)),
        (" -0.5e+3 ", (0, true)),
        (r#""a""#, (0, true)),
        ("[]", (1, true)),
        ("[[],{}]", (2, true)),
        ("{}", (1, true)),
        (r#"{"a":1}"#, (1, true)),
        (r#"{"a":[{"b":[]}],"c":{}}"#, (4, true)),
        (r#"{"a":"\ud83e\udd80"}"#, (1, true)),
        (r#"{"a":"\ud800"}"#, (1, false)),
        (r#"{"a":"\udc00"}"#, (1, false)),
        (r#"{"a":"\ud800\ud800\udc00"}"#, (1, false)),
        (r#"{"a":"\ud800x"}"#, (1, false)),
        (r#"{"a":"\ud800\n"}"#, (1, false)),
        (r#"{"\ud800":1}"#, (1, false)),
        (r#"{"a":[{"b\udbff":1}]}"#, (3, false)),
        (r#"{"a":"\\ud800"}"#, (1, true)),
    ] {
        assert_eq!(shape(text), Some(wanted), "{text}");
    }
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(shape(&deep(100_000)), Some((100_000, true)));
    assert_eq!(
        shape(&format!("{{\"a\":{}}}", deep(999))),
        Some((1000, true))
    );
}

#[test]
fn the_members_are_those_of_the_outermost_object() {
    let text = "\n{ \"a\" : {\"b\":1} ,\"c\\u0064\":[ 1, 2 ] , \"a\": \"}\\\"\" }\t";
    let wanted = [("a", r#"{"b":1}"#), ("cd", "[ 1, 2 ]"), ("a", r#""}\"""#)];
    let wanted: Vec<_> = wanted.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    assert_eq!(members(text), wanted);
    assert_eq!(members("[{\"a\":1}]"), []);
}

#[test]
fn what_is_no_json_is_told_from_what_is() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "{]",
        "[}",
        "[1,]",
        "[,1]",
        "[1 2]",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{,"a":1}"#,
        r#"{a:1}"#,
        r#"{"a":1}}"#,
        r#"{"a":1} 2"#,
        r#"{"a":{"b" 1}}"#,
        r#"{"a":[1}"#,
        "01",
        "-",
        "-a",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "nul",
        "nulll",
        "True",
        "\"",
        "\"\n\"",
        "\"\u{1}\"",
        r#""\x""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\ud800\u""#,
        "\u{a0}1",
        "//",
    ] {
        assert_eq!(shape(text), None, "{text}");
        assert!(
            serde_json::from_str::<IgnoredAny>(text).is_err(),
            "{text}: the test is wrong"
        );
    }
}

/// Bits of JSON, so that random texts are often nearly JSON.
fn nearly_json() -> impl Strategy<Value = String> {
    let bit = prop_oneof![
        Just("{"),
        Just("}"),
        Just("["),
        Just("]"),
        Just(":"),
        Just(","),
        Just("\""),
        Just("\"a\""),
        Just("\"a\":"),
        Just("\\"),
        Just("\\ud800"),
        Just("\\udc00"),
        Just("\\u00"),
        Just("1"),
        Just("0"),
        Just("-"),
        Just("."),
        Just("e"),
        Just("true"),
        Just("null"),
        Just(" "),
        Just("\n"),
        Just("é"),
    ];
    prop::collection::vec(bit, 0..12).prop_map(|bits| bits.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn json_is_what_serde_takes_for_it(text in nearly_json()) {
        let theirs = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        prop_assert_eq!(shape(&text).is_some(), theirs, "{}", text);
        // Whatever is Unicode and not deeper than serde reads can be read as a value, and nothing else.
        if let Some((_, unicode)) = shape(&text) {
            prop_assert_eq!(unicode, serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn values_come_apart_as_they_were_put_together(value in value(), pretty: bool) {
        let text = match pretty {
            true => serde_json::to_string_pretty(&value).unwrap(),
            false => value.to_string(),
        };
        prop_assert_eq!(shape(&text), Some((depth(&value), true)));
        let apart = members(&text).into_iter().map(|(name, value)| {
            (name, serde_json::from_str::<Value>(&value).unwrap())
        });
        let apart = Value::Object(apart.collect());
        prop_assert_eq!(apart, if value.is_object() { value } else { serde_json::json!({}) });
    }
}
