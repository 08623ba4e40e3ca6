//! `ROOM.LIMITS` and `ROOM.TRIM`.

use crate::server::Server;
use room_core::commands::Trim;
use room_core::limits::Limit;

fn room() -> Server {
    let mut server = Server::settled();
    server.invite("r", &["a"]).unwrap();
    server.say("r", "a", 10);
    server.effects.clear();
    server.events.clear();
    server
}

#[test]
fn limits_take_units_and_default() {
    for (name, value, wanted) in [
        ("maxlen", "5", Ok(5)),
        ("MAXLEN", "0", Ok(0)),
        ("maxbytes", "64mb", Ok(64 << 20)),
        ("maxage", "30d", Ok(30 * 86_400_000)),
        ("member-ttl", "2h", Ok(7_200_000)),
        ("keep", "7", Ok(7)),
        ("keep", "7k", Err("BADLIMIT")),
        ("maxage", "1mb", Err("BADLIMIT")),
        ("maxlen", "-1", Err("BADLIMIT")),
        ("nothing", "1", Err("BADLIMIT")),
    ] {
        let mut server = room();
        let reply = server.limits("r", &[(name, value)]);
        assert_eq!(reply.err().as_deref(), wanted.err(), "{name} {value}");
        let limits = server.room("r").limits(&server.settings.limits);
        if let (Ok(wanted), Some(limit)) = (wanted, Limit::from_name(name.as_bytes())) {
            assert_eq!(limits.get(limit), wanted, "{name} {value}");
            server.limits("r", &[(name, "default")]).unwrap();
            let limits = server.room("r").limits(&server.settings.limits);
            assert_eq!(limits, server.settings.limits);
        }
    }
    assert_eq!(
        Server::default().limits("x", &[("keep", "1")]),
        Err("NOROOM".into())
    );
}

#[test]
fn one_bad_pair_sets_none() {
    let mut server = room();
    let reply = server.limits("r", &[("keep", "1"), ("maxlen", "x")]);
    assert_eq!(reply, Err("BADLIMIT".into()));
    assert!(server.effects.is_empty());
}

#[test]
fn a_lower_limit_drops_at_once() {
    let mut server = room();
    server
        .limits("r", &[("maxlen", "4"), ("keep", "0")])
        .unwrap();
    assert_eq!(server.room("r").log().len(), 4);
    assert_eq!(server.counted["Dropped"], 6);
    assert_eq!(server.events, ["room.limits"]);
}

#[test]
fn what_is_set_already_is_no_change() {
    let mut server = room();
    server.limits("r", &[("keep", "4")]).unwrap();
    assert_eq!(server.events.len(), 1);
    server.limits("r", &[("keep", "4")]).unwrap();
    server.limits("r", &[("maxlen", "default")]).unwrap();
    assert_eq!((server.events.len(), server.effects.len()), (1, 1));
}

#[test]
fn trim_drops_by_hand() {
    for (what, gone, first) in [
        (Trim::MaxLen(4), 6, 7),
        (Trim::MaxLen(0), 10, 11),
        (Trim::MaxLen(10), 0, 1),
        (Trim::MaxLen(u64::MAX), 0, 1),
        (Trim::Before(4), 3, 4),
        (Trim::Before(0), 0, 1),
        (Trim::Before(u64::MAX), 10, 11),
    ] {
        let mut server = room();
        assert_eq!(server.trim("r", what).unwrap().int(), gone, "{what:?}");
        assert_eq!(server.room("r").log().first(), first, "{what:?}");
        assert_eq!(server.room("r").log().head().seq, 10, "numbers go on");
        assert_eq!(server.effects.len(), usize::from(gone > 0), "{what:?}");
    }
    assert_eq!(room().trim("x", Trim::MaxLen(0)), Err("NOROOM".into()));
}
