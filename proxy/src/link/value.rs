//! Reading replies. What is not as expected is `None`.

use hub_core::ask::Fault;
use redis::{RedisError, RedisResult, Value};
use room_core::position::Position;
use serde_json::Value as Json;

pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(n) => u64::try_from(*n).ok(),
        _ => None,
    }
}

pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

pub(super) fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(list) | Value::Set(list) => Some(list),
        _ => None,
    }
}

pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    list(value)?.iter().map(text).collect()
}

/// A reply with names: a map, or the flat array that RESP2 makes of it.
pub(super) struct Pairs(Vec<(String, Value)>);

impl Pairs {
    pub(super) fn of(value: Value) -> Self {
        let pairs: Vec<(Value, Value)> = match value {
            Value::Map(pairs) => pairs,
            Value::Array(flat) => {
                let mut flat = flat.into_iter();
                std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect()
            }
            _ => Vec::new(),
        };
        Self(
            pairs
                .into_iter()
                .filter_map(|(name, value)| Some((text(&name)?, value)))
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(number)
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        Some(self.number(name)? == 1)
    }

    pub(super) fn position(&self, name: &str) -> Option<Position> {
        self.get(name).and_then(text)?.parse().ok()
    }
}

/// A reply as JSON has it; the link speaks RESP3, in which maps are maps.
pub(super) fn json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Nil => Json::Null,
        Value::Okay => "OK".into(),
        Value::Int(n) => (*n).into(),
        // The names of strangers' keys are bytes.
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into(),
        Value::SimpleString(text) => text.as_str().into(),
        Value::Array(list) => list.iter().map(json).collect::<Option<_>>()?,
        Value::Map(pairs) => {
            let pair = |(name, value): &(Value, Value)| Some((text(name)?, json(value)?));
            Json::Object(pairs.iter().map(pair).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// An error of Redis as such; one of the connection is [`Fault::Down`].
pub(super) fn fault_of(error: &RedisError) -> Fault {
    match error.code() {
        Some(code) if !error.is_io_error() => Fault::Refused {
            code: code.to_owned(),
            message: error.detail().unwrap_or("without a reason").to_owned(),
        },
        _ => Fault::Down,
    }
}

/// The reply, or what is wrong. The library hands an error of Redis over in either of two ways.
pub(super) fn checked(reply: RedisResult<Value>) -> Result<Value, Fault> {
    match reply {
        Ok(Value::ServerError(error)) => Err(Fault::Refused {
            code: error.code().to_owned(),
            message: error.details().unwrap_or("without a reason").to_owned(),
        }),
        Ok(value) => Ok(value),
        Err(error) => Err(fault_of(&error)),
    }
}

pub(super) fn is_unknown_command(fault: &Fault) -> bool {
    matches!(fault, Fault::Refused { message, .. } if message.contains("unknown command"))
}
