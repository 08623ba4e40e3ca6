//! A server that lacks what the module needs is told so in one sentence.

use harness::servers::{refuses, too_old};

#[test]
fn a_server_that_is_too_old_logs_which_version_it_has_and_which_is_needed() {
    let (code, log) = refuses(&too_old());
    assert_ne!(code, 0);
    assert!(
        code < 128,
        "it ends by itself, not by a signal: {code}\n{log}"
    );
    let said: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("6.2.14") && line.contains("room"))
        .collect();
    assert_eq!(said.len(), 1, "one sentence names its version: {log}");
    for wanted in ["needs", "Redis 7.0.3", "Valkey 7.2"] {
        assert!(said[0].contains(wanted), "no '{wanted}' in: {}", said[0]);
    }
}
