//! A proxy with the rights that the documentation gives it, and no more.

use harness::client::{Client, texts};
use harness::process::built;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{err, ok, words};
use serde_json::json;
use std::process::Command;

const OPERATING: &str = include_str!("../../docs/operating.md");

/// The rule as somebody would paste it: one line.
pub(crate) fn documented_rule() -> &'static str {
    let mut lines = OPERATING.lines();
    let rule = lines.find(|line| line.trim_start().starts_with("ACL SETUSER proxy "));
    assert_eq!(lines.next(), Some(""), "the rule is one line");
    rule.expect("a rule in docs/operating.md").trim()
}

/// What the program prints for these options.
fn printed_rule(options: &[&str]) -> String {
    let program = built("ROOMCAST_PROXY", "roomcast-proxy");
    let mut command = Command::new(program);
    let out = command.arg("--print-acl").args(options).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn the_documented_acl_line_is_what_is_printed() {
    assert_eq!(printed_rule(&[]), documented_rule());
}

#[test]
fn the_printed_acl_line_is_what_a_proxy_needs() {
    for (db, prefix) in [("", "room:"), ("/2", "a b[*]:")] {
        works_with_the_printed_acl_line(db, prefix);
    }
}

fn works_with_the_printed_acl_line(db: &str, prefix: &str) {
    let redis = Redis::start();
    let url = format!("redis://ann:secret@127.0.0.1:{}{db}", redis.port);
    let options = ["--key-prefix", prefix];
    let rule = printed_rule(&[&options[..], &["--redis", &url]].concat());
    ok(&mut redis.connect(), &rule);
    let proxy = Proxy::to(&url, &options);
    let mut a = Client::login(proxy.port, "1", "a");
    let mut b = Client::login(proxy.port, "1", "b");
    a.say("hello");
    assert_eq!(texts(&b.messages_until("hello")), ["hello"]);
    a.confirm();
    b.drop_connection();
    a.say("later");
    a.messages_until("later");
    let mut b = Client::login(proxy.port, "1", "b");
    assert!(texts(&b.messages_until("later")).contains(&"later".to_owned()));
    a.send(&json!({"event": "typing"}));
    b.wait("typing");
    a.send(&json!({"event": "members"}));
    a.wait("members");
    a.send(&json!({"event": "leave", "roomid": "1"}));
    assert_eq!(a.wait("logout")["reason"], "left");
    let refused = format!("{:?}", ok(&mut redis.connect(), "ACL LOG"));
    assert_eq!(refused, "array([])", "nothing that it does is refused");
}

#[test]
fn with_the_documented_acl_line_nobody_stops_the_server_or_its_clients() {
    let redis = Redis::start();
    ok(&mut redis.connect(), documented_rule());
    let mut c = redis.connect();
    ok(&mut c, "AUTH proxy secret");
    for command in [
        "CLIENT PAUSE 1",
        "CLIENT KILL TYPE normal",
        "SHUTDOWN NOSAVE",
        "FLUSHALL",
        "GET room:1",
        "DEL room:1",
        "ROOM.KICK room:1 a",
        "ROOM.TRIM room:1 MAXLEN 0",
        "ROOM.PUBLISH other:1 a x",
    ] {
        let said = err(&mut c, &words(command));
        assert!(said.starts_with("NOPERM"), "{command}: {said}");
    }
}
