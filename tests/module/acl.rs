//! Access rules: keys by the kind of access, channels on publish.

use harness::redis::Redis;
use harness::value::{err, ok, words};
use redis::Connection;

fn user(redis: &Redis, name: &str, rules: &str) -> Connection {
    ok(
        &mut redis.connect(),
        &format!("ACL SETUSER {name} on nopass {rules}"),
    );
    let mut c = redis.connect();
    ok(&mut c, &format!("AUTH {name} any"));
    c
}

#[test]
fn a_reader_may_read_and_no_more() {
    let redis = Redis::start();
    ok(&mut redis.connect(), "ROOM.JOIN r a");
    let mut c = user(&redis, "reader", "+@all %R~r allchannels");
    for command in [
        "ROOM.INFO r",
        "ROOM.RANGE r - +",
        "ROOM.QUEUE r a",
        "ROOM.MEMBERS r",
        "ROOM.PENDING r a",
        "ROOM.HEADS r",
        "ROOM.LAG r",
        "ROOM.WHY r a 1",
        "ROOM.ATTACH r a",
        "ROOM.DETACH r a",
    ] {
        ok(&mut c, command);
    }
    for command in [
        "ROOM.PUBLISH r a x",
        "ROOM.JOIN r b",
        "ROOM.LEAVE r a",
        "ROOM.TRIM r MAXLEN 1",
        "ROOM.INVITE r b",
        "ROOM.LIMITS r keep 1",
        "ROOM.ACK r 0-00000000 a",
        "ROOM.KICK r a",
        "ROOM._APPLY r drop:1",
    ] {
        assert!(
            err(&mut c, &words(command)).starts_with("NOPERM"),
            "{command}"
        );
    }
    assert!(err(&mut c, &words("ROOM.INFO other")).starts_with("NOPERM"));
    assert!(err(&mut c, &words("ROOM.HEADS r other")).starts_with("NOPERM"));
}

#[test]
fn publishing_needs_the_channel_too() {
    let redis = Redis::start();
    let mut c = user(&redis, "mute", "+@all ~* resetchannels");
    for command in [
        "ROOM.PUBLISH r a x",
        "ROOM.PUBLISH r a x EPHEMERAL",
        "ROOM.KICK r a",
        "ROOM.LEAVE r a",
    ] {
        assert!(
            err(&mut c, &words(command)).starts_with("NOPERM"),
            "{command}"
        );
    }
    assert_eq!(redis.query::<i64>(redis::cmd("EXISTS").arg("r")), 0);
    let script = words("EVAL")
        .arg("return redis.call('ROOM.PUBLISH', KEYS[1], 'a', 'x')")
        .arg(1)
        .arg("r")
        .clone();
    let said = err(&mut c, &script);
    assert!(
        said.contains("publish to the channel"),
        "a script is no way around: {said}"
    );
    ok(&mut c, "MULTI");
    ok(&mut c, "ROOM.PUBLISH r a x");
    let done = format!("{:?}", words("EXEC").query::<redis::Value>(&mut c));
    assert!(done.contains("publish to the channel"), "{done}");
    let logged: String = format!("{:?}", redis.query::<redis::Value>(&words("ACL LOG")));
    assert!(logged.contains("channel"), "an operator sees it: {logged}");
    assert_eq!(redis.query::<i64>(redis::cmd("EXISTS").arg("r")), 0);
    ok(&mut redis.connect(), "ACL SETUSER mute &r");
    ok(&mut c, "ROOM.PUBLISH r a x");
    ok(&mut c, "ROOM.INVITE r a b");
    ok(&mut c, "ROOM.KICK r a");
    ok(&mut c, "ROOM.LEAVE r a");
    assert!(err(&mut c, &words("ROOM.PUBLISH other a x")).starts_with("NOPERM"));
}
