//! docs/api.md is true: its lines run as they stand.

use super::{keys, messages};
use harness::http::Http;
use harness::http::KEY;
use harness::process::{installed, run};
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../docs/api.md");

/// The blocks of a kind, in their order.
fn blocks(kind: &str) -> Vec<&'static str> {
    let begin = format!("```{kind}\n");
    let parts = PAGE.split(begin.as_str()).skip(1);
    parts
        .map(|part| part.split("```").next().expect("a block"))
        .collect()
}

#[test]
fn the_lines_of_the_page_run_as_they_stand() {
    let redis = Redis::start();
    let (folder, file) = keys(&format!("{KEY}\n"));
    let proxy = Proxy::with(&redis, &["--api-key-file", &file]);
    let address = "http://127.0.0.1:8080/api";
    let script = blocks("sh").concat();
    assert!(
        script.contains(address) && script.matches("curl ").count() > 10,
        "{script}"
    );
    let script = script.replace(address, &format!("http://127.0.0.1:{}/api", proxy.port));
    // Each answer on a line of its own, and nothing goes on behind a refusal.
    let curl = r#"curl() { command curl --fail-with-body "$@"; echo; }"#;
    let _ = installed("CURL", "curl", "curl");
    let mut bash = std::process::Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &format!("{curl}\n{script}")]);
    bash.current_dir(folder.path());
    let done = run(bash);
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let answers: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert_eq!(answers.len(), script.matches("curl ").count());
    // The first one looks as it is shown.
    let mut shown: Value = serde_json::from_str(blocks("json")[0]).expect("JSON");
    shown["position"] = answers[0]["position"].clone();
    assert_eq!(answers[0], shown);
    assert_eq!(answers[1]["messages"].as_array().map(Vec::len), Some(2));
    let unread = answers.iter().find(|answer| answer["rooms"].is_array());
    assert_eq!(unread.expect("an answer")["rooms"][1]["code"], "NOROOM");
    let mut http = Http::to(proxy.port);
    assert_eq!(
        http.get(&messages("a/b")).ok()["messages"][0]["message"],
        "hello"
    );
    assert_eq!(http.post("/api/bans", &json!({"uid": "x"})).status, 200);
}
