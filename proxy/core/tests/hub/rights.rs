//! What a room does for those who may not do everything there.

use crate::desk::{Conn, Desk, login_of};
use hub_core::event::{Event, Login};
use hub_core::rights::Rights;
use room_core::announce::Kind;

fn rights(names: &[&str]) -> Rights {
    Rights::named(names.iter().copied())
}

/// Somebody logs in with these rights; all questions are answered.
fn enter(desk: &mut Desk, id: u64, conn: &Conn, uid: &str, names: &[&str]) {
    let login = Login {
        rights: rights(names),
        ..login_of(uid)
    };
    desk.event(id, conn, Event::Login(Box::new(login)));
    desk.answer_all();
}

#[test]
fn who_may_not_read_is_sent_nothing_and_has_it_later() {
    let mut desk = Desk::new();
    let (bob, ann) = (Conn::default(), Conn::default());
    enter(&mut desk, 1, &bob, "bob", &["member", "publish"]);
    enter(&mut desk, 2, &ann, "ann", &["member", "read"]);
    assert_eq!(bob.names(), ["login", "synced"]);
    ann.take();
    let one = desk.say("one");
    desk.hear(&one);
    let typing = desk.typing("ann");
    desk.hear(&typing);
    desk.pass(10_000);
    desk.answer_all();
    assert_eq!(ann.names(), ["one", "typing"]);
    assert!(bob.names().is_empty());
    // Nothing counts as confirmed, and another token brings what was missed.
    desk.event(1, &bob, Event::Renewed(rights(&["member", "read"]), None));
    desk.answer_all();
    let two = desk.say("two");
    desk.hear(&two);
    let names = bob.names();
    assert_eq!(
        names
            .iter()
            .filter(|name| *name != "presence")
            .collect::<Vec<_>>(),
        ["one", "two"]
    );
    desk.event(1, &bob, Event::Renewed(rights(&["member"]), None));
    let three = desk.say("three");
    desk.hear(&three);
    assert!(bob.names().is_empty());
    desk.event(1, &bob, Event::Renewed(rights(&["member", "read"]), None));
    desk.answer_all();
    assert!(bob.names().contains(&"three".to_owned()));
}

#[test]
fn who_may_not_know_the_members_is_told_counters() {
    let mut desk = Desk::new();
    let (bob, ann) = (Conn::default(), Conn::default());
    enter(&mut desk, 1, &bob, "bob", &["member", "read"]);
    enter(&mut desk, 2, &ann, "ann", &["member", "read", "members"]);
    bob.take();
    ann.take();
    desk.online = 3;
    let came = desk.frame(Kind::Presence, desk.head(), "-", b"+cid");
    desk.hear(&came);
    desk.pass(2_000);
    let (told_bob, told_ann) = (bob.take(), ann.take());
    assert!(told_ann.iter().any(|event| event["uid"] == "cid"));
    assert!(told_bob.iter().any(|event| event["num"] == 3));
    let text = format!("{told_bob:?}");
    assert!(!text.contains("cid"), "{text}");
    // Who is here after a time in which that could not be heard.
    desk.down();
    desk.up();
    desk.answer_all();
    desk.pass(2_000);
    let text = format!("{:?}", bob.take());
    assert!(
        text.contains("presence") && !text.contains("online"),
        "{text}"
    );
}

#[test]
fn a_room_that_a_token_lost_ends_by_an_error() {
    let mut desk = Desk::new();
    let bob = Conn::default();
    enter(&mut desk, 1, &bob, "bob", &["member", "read"]);
    bob.take();
    desk.event(1, &bob, Event::Revoked);
    let events = bob.take();
    assert_eq!(events[0]["code"], "NORIGHT");
    assert_eq!(
        (&events[0]["of"], &events[0]["roomid"]),
        (&"refresh".into(), &"r".into())
    );
    assert_eq!(bob.ended(), 1);
    let one = desk.say("one");
    desk.hear(&one);
    assert!(bob.take().is_empty());
}

#[test]
fn a_login_under_way_comes_with_the_newest_rights() {
    let mut desk = Desk::new();
    let bob = Conn::default();
    desk.login(1, &bob, "bob", None);
    desk.event(1, &bob, Event::Renewed(rights(&["member"]), None));
    desk.answer_all();
    let one = desk.say("one");
    desk.hear(&one);
    assert_eq!(bob.names(), ["login", "synced"]);
    // One whose room was lost meanwhile does not come at all.
    let ann = Conn::default();
    desk.login(2, &ann, "ann", None);
    desk.event(2, &ann, Event::Revoked);
    desk.answer_all();
    assert_eq!(ann.names(), ["error"]);
    assert_eq!(ann.done(), 1, "its connection may go on");
}

/// A later login of the same connection, with all rights.
fn again(number: u32) -> Event {
    Event::Login(Box::new(Login {
        number,
        ..login_of("bob")
    }))
}

#[test]
fn a_login_behind_one_that_is_under_way_comes_with_the_newest_rights_too() {
    let mut desk = Desk::new();
    let bob = Conn::default();
    desk.login(1, &bob, "bob", None);
    desk.event(1, &bob, again(2));
    desk.event(1, &bob, Event::Renewed(rights(&["member"]), None));
    desk.answer_all();
    let one = desk.say("one");
    desk.hear(&one);
    assert_eq!(bob.names(), ["login", "synced", "login", "synced"]);
    // Where the room was lost meanwhile it is not entered by that one.
    let ann = Conn::default();
    desk.login(2, &ann, "bob", None);
    desk.event(2, &ann, Event::Logout);
    desk.event(2, &ann, again(3));
    desk.event(2, &ann, Event::Revoked);
    desk.answer_all();
    let two = desk.say("two");
    desk.hear(&two);
    let events = ann.take();
    assert!(
        events.iter().all(|event| event["event"] == "error"),
        "{events:?}"
    );
    assert_eq!(ann.ended(), 2);
}

#[test]
fn who_may_not_read_learns_of_another_history_too() {
    let mut desk = Desk::new();
    let bob = Conn::default();
    enter(&mut desk, 1, &bob, "bob", &["member"]);
    let one = desk.say("one");
    desk.hear(&one);
    bob.take();
    let join = desk.deleted();
    let joined = desk.joined(desk.head());
    desk.answer(join, Ok(joined));
    desk.answer_all();
    let new = desk.say("new");
    desk.hear(&new);
    desk.pass(10_000);
    desk.answer_all();
    assert!(
        bob.names()
            .iter()
            .all(|name| name != "new" && name != "one")
    );
    desk.event(1, &bob, Event::Renewed(rights(&["member", "read"]), None));
    desk.answer_all();
    let next = desk.say("next");
    desk.hear(&next);
    let names = bob.names();
    let said: Vec<_> = names.iter().filter(|name| *name != "presence").collect();
    assert_eq!(said, ["new", "next"]);
}
