//! A proxy with the rights that the documentation gives it, and no more.

use harness::client::{Client, texts};
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{err, ok, words};
use serde_json::json;

const OPERATING: &str = include_str!("../../docs/operating.md");

/// The rule as somebody would paste it: one line.
pub(crate) fn documented_rule() -> &'static str {
    let mut lines = OPERATING.lines();
    let rule = lines.find(|line| line.trim_start().starts_with("ACL SETUSER proxy "));
    assert_eq!(lines.next(), Some(""), "the rule is one line");
    rule.expect("a rule in docs/operating.md").trim()
}

#[test]
fn the_documented_acl_line_is_what_a_proxy_needs() {
    let redis = Redis::start();
    ok(&mut redis.connect(), documented_rule());
    let url = format!("redis://proxy:secret@127.0.0.1:{}", redis.port);
    let proxy = Proxy::to(&url, &[]);
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
