//! Answers where nothing is wrong.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Map, Value};

/// A JSON text.
pub(super) fn answer(json: impl Into<Bytes>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, json.into()).into_response()
}

/// An object of these members.
pub(super) fn object<const N: usize>(members: [(&str, Value); N]) -> Response {
    let members = members.map(|(name, value)| (name.to_owned(), value));
    answer(Value::Object(Map::from_iter(members)).to_string())
}
