//! docs/api/openapi.yaml is true: schemathesis asks a real proxy what the document allows, and what it does not, and holds each
//! answer against it. scripts/test api fetches it (requirements.txt) and says where it is.

use harness::http::{Http, KEY};
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::json;
use std::process::Command;

/// Its settings.
const SETTINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/api/schemathesis.toml");
/// Requests for each operation in each phase, about.
const EXAMPLES: &str = "60";

#[test]
fn schemathesis_finds_the_document_true() {
    let program = std::env::var("ROOMCAST_SCHEMATHESIS").expect("scripts/test api runs this test");
    let redis = Redis::start();
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("api-keys");
    std::fs::write(&keys, KEY).expect("a file");
    let keys = keys.to_str().expect("a path of text");
    let proxy = Proxy::with(&redis, &["--api-key-file", keys]);
    // Rooms that are there beside those that are not.
    let mut http = Http::to(proxy.port);
    for room in ["0", "lobby"] {
        let path = format!("/api/rooms/{room}");
        http.post(&format!("{path}/invite"), &json!({"uids": ["0", "ann"]}))
            .ok();
        http.post(
            &format!("{path}/messages"),
            &json!({"uid": "ann", "message": "hi"}),
        )
        .ok();
    }
    let mut command = Command::new(program);
    command
        .args([
            "--config-file",
            SETTINGS,
            "run",
            &format!("http://127.0.0.1:{}/api/openapi.yaml", proxy.port),
        ])
        .args(["--header", &format!("Authorization: Bearer {KEY}")])
        .args([
            "--checks",
            "all",
            "--max-examples",
            EXAMPLES,
            "--continue-on-failure",
        ])
        .env("NO_COLOR", "1")
        .current_dir(folder.path());
    // It ends by itself: its requests are counted.
    let done = command.output().expect("schemathesis runs");
    let said = String::from_utf8_lossy(&done.stdout);
    // What it found stands behind how it began.
    let found = said.find("= FAILURES").or(said.find("= ERRORS"));
    assert!(
        done.status.success(),
        "{}\n{}",
        &said[found.unwrap_or_default()..],
        String::from_utf8_lossy(&done.stderr)
    );
    // It has looked at something.
    let line = said
        .lines()
        .find(|line| line.contains("generated"))
        .unwrap_or_default();
    println!("{line}");
    let mut http = Http::to(proxy.port);
    assert_eq!(http.get("/api/rooms/lobby").status, 200, "and all is well");
}
