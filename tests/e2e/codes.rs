//! Errors of Redis reach clients with their code, and a sentence of ours.

use crate::access::documented_rule;
use harness::client::Client;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::ok;
use serde_json::{Value, json};

#[test]
fn errors_of_redis_reach_clients_with_their_code_and_a_sentence_of_ours() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, documented_rule());
    let url = format!("redis://proxy:secret@127.0.0.1:{}", redis.port);
    let proxy = Proxy::to(&url, &[]);
    let mut ann = Client::login(proxy.port, "r", "ann");
    let message = json!({"event": "message", "message": "x", "id": "1"});
    let typing = json!({"event": "typing"});
    let leave = json!({"event": "leave"});
    let members = json!({"event": "members"});
    let login = json!({"event": "login", "roomid": "taken", "uid": "ann"});
    ok(&mut c, "SET room:taken x");
    let cases: [(&str, &Value, &str, &str, &str); 6] = [
        (
            "PING",
            &login,
            "WRONGTYPE",
            "something else than a room",
            "PING",
        ),
        (
            "CONFIG SET maxmemory 1",
            &message,
            "OOM",
            "full",
            "CONFIG SET maxmemory 0",
        ),
        (
            "ACL SETUSER proxy -room.publish",
            &message,
            "NOPERM",
            "has no right",
            "ACL SETUSER proxy +room.publish",
        ),
        (
            "ACL SETUSER proxy -room.members",
            &members,
            "NOPERM",
            "has no right",
            "ACL SETUSER proxy +room.members",
        ),
        (
            "ACL SETUSER proxy -room.publish",
            &typing,
            "NOPERM",
            "has no right",
            "ACL SETUSER proxy +room.publish",
        ),
        (
            "CONFIG SET min-replicas-to-write 1",
            &leave,
            "NOREPLICAS",
            "too few replicas",
            "CONFIG SET min-replicas-to-write 0",
        ),
    ];
    for (before, event, code, part, after) in cases {
        ok(&mut c, before);
        ann.send(event);
        let error = ann.wait("error");
        ok(&mut c, after);
        assert_eq!(error["code"], code, "{error}");
        assert_eq!(error["of"], event["event"], "{error}");
        let said = error["message"].as_str().unwrap_or_default();
        assert!(said.contains(part), "{error}");
    }
    // The log has what Redis says itself.
    let printed = proxy.process().printed();
    assert!(printed.contains("used memory"), "{printed}");
    ann.say("after");
    ann.messages_until("after");
}
