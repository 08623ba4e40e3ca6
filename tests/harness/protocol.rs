//! The protocol as a document (docs/protocol), and whether a frame is as it says.

use serde_json::Value;

/// Who sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Its schemas are those of `client.json`.
    Client,
    /// Of `server.json`.
    Server,
}

impl Side {
    /// The document.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Client => include_str!("../../docs/protocol/client.json"),
            Self::Server => include_str!("../../docs/protocol/server.json"),
        }
    }
}

/// What about a frame is not as its schema says, if anything.
#[cfg(feature = "schemas")]
pub fn wrong(side: Side, frame: &Value) -> Option<String> {
    let schemas = schemas::of(side);
    let name = frame["event"].as_str().unwrap_or_default();
    let schema = schemas.get(name).or_else(|| schemas.get("other"))?;
    let why: Vec<String> = schema
        .iter_errors(frame)
        .map(|error| error.to_string())
        .collect();
    (!why.is_empty()).then(|| format!("'{name}' of {side:?}: {}", why.join("; ")))
}

/// Nothing is known of schemas.
#[cfg(not(feature = "schemas"))]
pub const fn wrong(_: Side, _: &Value) -> Option<String> {
    None
}

#[cfg(feature = "schemas")]
mod schemas {
    use super::Side;
    use jsonschema::Validator;
    use serde_json::{Value, json};
    use std::collections::HashMap;
    use std::sync::OnceLock;

    /// By the name of the event.
    pub(super) type Schemas = HashMap<String, Validator>;

    pub(super) fn of(side: Side) -> &'static Schemas {
        static CLIENT: OnceLock<Schemas> = OnceLock::new();
        static SERVER: OnceLock<Schemas> = OnceLock::new();
        let known = match side {
            Side::Client => &CLIENT,
            Side::Server => &SERVER,
        };
        known.get_or_init(|| read(side))
    }

    /// One schema for each event that the document is about.
    fn read(side: Side) -> Schemas {
        let document: Value = serde_json::from_str(side.text()).expect("a document in JSON");
        jsonschema::meta::validate(&document).expect("a document of schemas");
        let events = document["anyOf"].as_array().expect("its events");
        let schema = |event: &Value| {
            let at = event["$ref"].as_str().expect("a reference");
            let name = at.rsplit('/').next().unwrap_or_default().to_owned();
            let schema = json!({"$ref": at, "$defs": document["$defs"]});
            let schema = jsonschema::draft202012::new(&schema).expect("a schema");
            (name, schema)
        };
        events.iter().map(schema).collect()
    }
}
