//! With tokens a uid pays for its memberships, and not the address.

use super::signed::{ALL, KeyFile, SECRET, claims, signed};
use harness::client::Client;
use harness::redis::Redis;
use serde_json::json;

fn token(uid: &str) -> String {
    signed(SECRET, &claims(uid, json!({"*": ALL})))
}

/// Whether somebody is let in; the code that it is refused with.
fn comes_in(client: &mut Client, roomid: &str, uid: &str) -> Option<String> {
    client.send(&json!({"event": "login", "roomid": roomid, "token": token(uid)}));
    let answered = |event: &serde_json::Value| event["event"] == "login" || event["of"] == "login";
    let answer = client.find("an answer to the login", answered);
    answer["code"].as_str().map(str::to_owned)
}

#[test]
fn a_uid_has_had_its_memberships_wherever_it_comes_from_and_others_have_theirs() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let limits = [
        "--memberships-per-uid",
        "30",
        "--memberships-per-address",
        "10",
    ];
    let proxy = keys.proxy(&redis, &limits);
    let mut phone = Client::connect(proxy.port);
    for roomid in ["a", "b", "c"] {
        assert_eq!(comes_in(&mut phone, roomid, "ann"), None, "{roomid}");
    }
    let refused = Some("TOOFAST".to_owned());
    assert_eq!(comes_in(&mut phone, "d", "ann"), refused);
    let mut laptop = Client::connect(proxy.port);
    assert_eq!(comes_in(&mut laptop, "d", "ann"), refused);
    assert_eq!(comes_in(&mut laptop, "b", "ann"), None, "a member");
    for roomid in ["d", "a"] {
        let mut bob = Client::connect(proxy.port);
        assert_eq!(comes_in(&mut bob, roomid, "bob"), None);
    }
}
