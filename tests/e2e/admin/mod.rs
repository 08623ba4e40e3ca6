//! The admin page: who sees it, what it says, and what that costs Redis.
//!
//! | file | what it shows |
//! |---|---|
//! | `seen` | who gets to see the page, and what it may do |
//! | `says` | what it says |
//! | `walks` | the walk over all rooms |

mod says;
mod seen;
mod walks;

use harness::http::{Answer, Http};
use harness::proxy::Proxy;
use serde_json::Value;

/// A request with this method, `Host` and more headers.
fn ask(port: u16, method: &str, path: &str, host: &str, headers: &[&str]) -> Answer {
    let mut http = Http::to(port);
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n");
    for header in headers {
        head += &format!("{header}\r\n");
    }
    http.send(format!("{head}\r\n").as_bytes());
    http.answer(method == "HEAD").expect("an answer")
}

fn get(proxy: &Proxy, path: &str) -> Answer {
    ask(proxy.admin, "GET", path, "localhost", &[])
}

fn data(proxy: &Proxy, path: &str) -> Value {
    let answer = get(proxy, path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()
}
