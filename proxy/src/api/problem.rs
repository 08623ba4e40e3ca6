//! What a request is answered when something is wrong: a document of RFC 9457 with a stable code, which is the same that
//! clients' events have.

use crate::calls::Miss;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hub_core::ask::Fault;
use hub_core::wire::Bad;
use serde_json::{Map, Value, json};

/// See the top of the file.
#[derive(Debug)]
pub(super) struct Problem {
    code: String,
    detail: String,
    /// More members of the document.
    more: Map<String, Value>,
}

/// The status of each code.
const STATUSES: [(u16, &[&str]); 12] = [
    (400, &["BADJSON", "BADFIELD", "BADID", "BADUID", "TOOMANY"]),
    (401, &["NOTOKEN", "BADTOKEN"]),
    (403, &["BANNED"]),
    (404, &["NOROOM", "NOMEMBER", "NOTFOUND"]),
    (405, &["BADMETHOD"]),
    (408, &["TIMEOUT"]),
    (409, &["WRONGTYPE", "BADPOS", "CONFLICT"]),
    (413, &["TOOBIG"]),
    (415, &["BADTYPE"]),
    (429, &["LIMIT", "TOOFAST"]),
    (501, &["UNSUPPORTED"]),
    (
        503,
        &[
            "UNAVAILABLE",
            "OOM",
            "BUSY",
            "CLUSTERDOWN",
            "LOADING",
            "MASTERDOWN",
            "MISCONF",
            "NOREPLICAS",
            "READONLY",
            "TRYAGAIN",
        ],
    ),
];

/// That of any other: Redis said something that no caller can mend (`NOPERM`, say).
const OTHER: u16 = 502;

impl Problem {
    pub(super) fn new(code: &str, detail: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.into(),
            more: Map::new(),
        }
    }

    /// With one more member.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Whether it has this code.
    pub(super) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    fn status(&self) -> StatusCode {
        let has = |(_, codes): &&(u16, &[&str])| codes.contains(&self.code.as_str());
        let status = STATUSES
            .iter()
            .find(has)
            .map_or(OTHER, |(status, _)| *status);
        StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY)
    }
}

impl From<Bad> for Problem {
    fn from(bad: Bad) -> Self {
        Self::new(bad.code, bad.message)
    }
}

impl From<(&'static str, String)> for Problem {
    fn from((code, detail): (&'static str, String)) -> Self {
        Self::new(code, detail)
    }
}

impl From<Miss> for Problem {
    fn from(miss: Miss) -> Self {
        match miss {
            Miss::Away => {
                let what = "the server's database is away, and was not asked: try again";
                Self::new("UNAVAILABLE", what).with("fate", "not-done")
            }
            Miss::Unknown => {
                let what = "the server's database went away before it answered, or took too long: this may have been done or not. Repeat it with the same key or id";
                Self::new("UNAVAILABLE", what).with("fate", "unknown")
            }
            Miss::Refused(Fault::Down) => Self::from(Miss::Unknown),
            Miss::Refused(fault) if fault.is_unknown_option("ROOMID") => Self::new(
                "UNSUPPORTED",
                "the server's Redis module is too old to remember ids of a room: update it",
            ),
            Miss::Refused(Fault::Refused { code, message }) => Self::new(&code, message),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut document = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(members) = document.as_object_mut() {
            members.extend(self.more);
        }
        let header = |name, value| [(name, HeaderValue::from_static(value))];
        let kind = header(header::CONTENT_TYPE, "application/problem+json");
        let answer = (status, kind, document.to_string());
        match status.as_u16() {
            401 => (header(header::WWW_AUTHENTICATE, "Bearer"), answer).into_response(),
            // What passes by itself may be tried again soon.
            429 | 503 => (header(header::RETRY_AFTER, "1"), answer).into_response(),
            _ => answer.into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(problem: Problem) -> (u16, Option<String>) {
        let answer = problem.into_response();
        let again = answer.headers().get(header::RETRY_AFTER);
        let again = again.map(|again| again.to_str().unwrap().to_owned());
        assert_eq!(
            answer.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        (answer.status().as_u16(), again)
    }

    #[test]
    fn each_code_has_a_status_and_what_passes_says_so() {
        for (code, wanted) in [
            ("BADFIELD", 400),
            ("NOROOM", 404),
            ("LIMIT", 429),
            ("OOM", 503),
            ("NOPERM", 502),
            ("SOMETHING", 502),
        ] {
            let passes = matches!(wanted, 429 | 503).then(|| "1".to_owned());
            assert_eq!(status(Problem::new(code, "")), (wanted, passes), "{code}");
        }
        let refused = |code: &str, message: &str| {
            Miss::Refused(Fault::Refused {
                code: code.into(),
                message: message.into(),
            })
        };
        for (miss, wanted, fate) in [
            (Miss::Away, 503, Some("not-done")),
            (Miss::Unknown, 503, Some("unknown")),
            (refused("NOMEMBER", "x"), 404, None),
            (refused("ERR", "syntax error near 'ROOMID'"), 501, None),
        ] {
            let problem = Problem::from(miss);
            assert_eq!(problem.more.get("fate").and_then(Value::as_str), fate);
            assert_eq!(status(problem).0, wanted);
        }
    }

    #[test]
    fn each_code_is_documented_with_its_status() {
        let page = include_str!("../../../docs/api.md");
        let rows = page.lines().filter(|line| line.starts_with("| "));
        let rows: Vec<&str> = rows.collect();
        for (status, codes) in STATUSES {
            for code in codes {
                let text = format!("`{code}`");
                let row = rows.iter().find(|row| row.contains(&text));
                let row = row.unwrap_or_else(|| panic!("{code} is not documented"));
                let first = row.split('|').nth(1).unwrap_or_default();
                assert!(first.contains(&status.to_string()), "{code}: {row}");
            }
        }
    }
}
