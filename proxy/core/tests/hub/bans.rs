//! What a room does with whoever is banned from it.

use crate::desk::{Conn, Desk, login_of};
use hub_core::ask::Ask;
use hub_core::bans::{Ban, Bans, Entry};
use hub_core::event::{Event, Login};

/// As the table of bans has it.
fn spam() -> Event {
    let fields = [
        ("uid", "bob"),
        ("room", "r"),
        ("until", "1795630000000"),
        ("reason", "spam"),
    ];
    let bytes = fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let mut bans = Bans::new(1);
    bans.take(Entry::read(bytes).unwrap(), 0);
    let ban: Option<&Ban> = bans.at(0).of_room("bob", "r");
    Event::Banned(ban.unwrap().clone())
}

#[test]
fn a_seat_ends_as_by_a_kick_and_its_membership_stays() {
    let mut desk = Desk::new();
    let (bob, ann) = (Conn::default(), Conn::default());
    desk.login(1, &bob, "bob", None);
    desk.login(2, &ann, "ann", None);
    desk.answer_all();
    bob.take();
    desk.event(1, &bob, spam());
    let events = bob.take();
    assert_eq!(events.len(), 1, "{events:?}");
    let kicked = &events[0];
    assert_eq!(kicked["event"], "kicked");
    assert_eq!(
        (&kicked["roomid"], &kicked["uid"]),
        (&"r".into(), &"bob".into())
    );
    assert_eq!(
        (&kicked["reason"], &kicked["until"]),
        (&"spam".into(), &1_795_630_000_000_u64.into())
    );
    assert_eq!((bob.ended(), ann.ended()), (1, 0));
    // Its session ends in Redis, and nothing else.
    desk.pass(1_000);
    let asks = desk.answer_all();
    assert!(
        asks.iter()
            .any(|ask| matches!(ask, Ask::Detach(uids) if *uids[0] == *"bob")),
        "{asks:?}"
    );
    assert!(
        !asks.iter().any(|ask| matches!(ask, Ask::Leave(_))),
        "{asks:?}"
    );
    let one = desk.say("one");
    desk.hear(&one);
    assert!(bob.take().is_empty());
    assert!(ann.names().contains(&"one".to_owned()));
    // Told once more, or to somebody who is not here, it does nothing.
    desk.event(1, &bob, spam());
    assert!(bob.take().is_empty());
    assert_eq!(bob.ended(), 1);
}

#[test]
fn a_login_under_way_does_not_come_and_gives_its_bytes_back() {
    let mut desk = Desk::new();
    let bob = Conn::default();
    desk.login(1, &bob, "bob", None);
    // The room is heard: now the join is asked.
    desk.answer_first();
    desk.event(1, &bob, Event::Logout);
    assert_eq!(bob.done(), 0);
    desk.event(1, &bob, spam());
    assert_eq!(bob.done(), 2, "of the login, and of what waited for it");
    let mut asks = desk.answer_all();
    desk.pass(1_000);
    asks.append(&mut desk.answer_all());
    assert_eq!(bob.names(), ["kicked", "error"]);
    assert_eq!((bob.done(), bob.ended()), (2, 1));
    // The session that the join has begun is ended.
    assert!(
        asks.iter().any(|ask| matches!(ask, Ask::Detach(_))),
        "{asks:?}"
    );
    let one = desk.say("one");
    desk.hear(&one);
    assert!(bob.take().is_empty());
}

#[test]
fn a_guest_ends_too_and_redis_hears_nothing_of_it() {
    let mut desk = Desk::new();
    let bob = Conn::default();
    let login = Login {
        guest: true,
        ..login_of("bob")
    };
    desk.event(1, &bob, Event::Login(Box::new(login)));
    desk.answer_all();
    bob.take();
    desk.event(1, &bob, spam());
    assert_eq!(bob.names(), ["kicked"]);
    assert_eq!(bob.ended(), 1);
    desk.pass(2_000);
    assert!(desk.asks.is_empty(), "{:?}", desk.asks);
}
