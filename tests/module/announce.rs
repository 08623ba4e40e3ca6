//! What subscribers of a room's channel hear.

use harness::connection::Connection;
use harness::redis::Redis;
use harness::value::{list, ok, text, words};
use room_core::announce::{self, Kind};
use room_core::position::Position;

type Frame = (Kind, Position, u64, u64, String, String);

struct Ear(Connection);

impl Ear {
    fn on(redis: &Redis) -> Self {
        let mut connection = redis.connect();
        ok(&mut connection, "SUBSCRIBE r");
        Self(connection)
    }

    fn push(&mut self) -> redis::Value {
        self.0.recv().expect("a frame in time")
    }

    /// The next frame: kind, position, online, members, uid, payload.
    fn next(&mut self) -> Frame {
        let push = self.push();
        let (redis::Value::Array(parts) | redis::Value::Push { data: parts, .. }) = push else {
            panic!("no message: {push:?}");
        };
        let redis::Value::BulkString(frame) = parts.last().expect("a payload") else {
            panic!("no bytes");
        };
        let (header, payload) =
            announce::parse(frame).unwrap_or_else(|| panic!("no frame: {frame:?}"));
        let text = String::from_utf8_lossy(payload).into_owned();
        (
            header.kind,
            header.position(),
            header.online,
            header.members,
            header.uid.to_owned(),
            text,
        )
    }
}

#[test]
fn messages_carry_the_chain_and_the_counts() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r a b c");
    let heads: Vec<String> = redis.query(&words("ROOM.HEADS r"));
    let mut at: Position = heads[0].parse().unwrap();
    let mut ear = Ear::on(&redis);
    for i in 0..50 {
        ok(&mut c, &format!("ROOM.PUBLISH r bot m{i}"));
        let (kind, position, online, members, uid, payload) = ear.next();
        assert_eq!(
            (kind, online, members, uid.as_str(), payload),
            (Kind::Message, 0, 3, "bot", format!("m{i}"))
        );
        let rows = ok(&mut c, &format!("ROOM.RANGE r {} +", position.seq));
        let row = harness::value::list(&harness::value::field(&rows, "rows"))[0].clone();
        let ms = harness::value::int(&harness::value::list(&row)[1]) as u64;
        at = at.next(ms, b"bot", format!("m{i}").as_bytes());
        assert_eq!(position, at, "the tag continues the chain");
    }
    ok(&mut c, "ROOM.PUBLISH r bot now EPHEMERAL");
    let (kind, position, ..) = ear.next();
    assert_eq!(
        (kind, position),
        (Kind::Ephemeral, Position::new(0, at.tag))
    );
}

#[test]
fn presence_is_gathered_and_a_blip_is_not_told() {
    let redis = Redis::start();
    ok(&mut redis.connect(), "CONFIG SET room.grace 400");
    let mut c = redis.connect();
    let mut ear = Ear::on(&redis);
    for command in ["MULTI", "ROOM.JOIN r a", "ROOM.JOIN r b", "EXEC"] {
        ok(&mut c, command);
    }
    let (kind, _, online, members, uid, payload) = ear.next();
    assert_eq!(
        (kind, online, members, uid.as_str(), payload.as_str()),
        (Kind::Presence, 2, 2, "-", "+a\n+b")
    );
    ok(&mut c, "ROOM.DETACH r a");
    ok(&mut c, "ROOM.JOIN r a");
    ok(&mut c, "ROOM.DETACH r b");
    let (kind, _, online, _, _, payload) = ear.next();
    assert_eq!(
        (kind, online, payload.as_str()),
        (Kind::Presence, 1, "-b"),
        "the blip of a is not told"
    );
    ok(&mut redis.connect(), "CONFIG SET room.presence-names 1");
    for command in ["MULTI", "ROOM.JOIN r x", "ROOM.JOIN r y", "EXEC"] {
        ok(&mut c, command);
    }
    let (kind, _, online, members, _, payload) = ear.next();
    assert_eq!(
        (kind, online, members, payload.as_str()),
        (Kind::Presence, 3, 4, ""),
        "too many names: only the counters"
    );
}

#[test]
fn leaving_kicking_and_keys_that_go_are_announced() {
    let redis = Redis::start();
    let mut c = redis.connect();
    let mut ear = Ear::on(&redis);
    for command in [
        "MULTI",
        "ROOM.JOIN r a",
        "ROOM.JOIN r b",
        "ROOM.KICK r b too loud",
        "EXEC",
    ] {
        if command.starts_with("ROOM.KICK") {
            words("ROOM.KICK r b")
                .arg("too loud")
                .query::<redis::Value>(&mut c)
                .unwrap();
        } else {
            ok(&mut c, command);
        }
    }
    let control = |frame: Frame| (frame.0, frame.4, frame.5);
    assert_eq!(
        control(ear.next()),
        (Kind::Control, "b".into(), "kicked too loud".into())
    );
    assert_eq!(ear.next().5, "+a");
    ok(&mut c, "ROOM.LEAVE r b");
    assert_eq!(
        control(ear.next()),
        (Kind::Control, "b".into(), "left".into())
    );
    for (gone, again) in [
        ("DEL r", "ROOM.JOIN r a"),
        ("RENAME r away", "ROOM.JOIN r a"),
        ("FLUSHALL", "ROOM.JOIN r a"),
        ("SET r x", "DEL r"),
    ] {
        ok(&mut c, gone);
        assert_eq!(
            control(ear.next()),
            (Kind::Control, "-".into(), "gone".into()),
            "{gone}"
        );
        ok(&mut c, again);
        if again.starts_with("ROOM") {
            assert_eq!(ear.next().5, "+a");
        }
    }
}

#[test]
fn keyspace_events_tell_what_was_done() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "CONFIG SET notify-keyspace-events Kd");
    let mut ear = redis.connect();
    ok(&mut ear, "SUBSCRIBE __keyspace@0__:r");
    for command in [
        "ROOM.JOIN r a",
        "ROOM.INVITE r b",
        "ROOM.PUBLISH r a x",
        "ROOM.LIMITS r keep 1",
        "ROOM.KICK r b",
        "ROOM.LEAVE r b",
    ] {
        ok(&mut c, command);
    }
    let expected = [
        "room.join",
        "room.invite",
        "room.publish",
        "room.limits",
        "room.kick",
        "room.leave",
    ];
    for event in expected {
        let heard = ear.recv().expect("an event in time");
        assert_eq!(list(&heard).last().map(text).as_deref(), Some(event));
    }
}
