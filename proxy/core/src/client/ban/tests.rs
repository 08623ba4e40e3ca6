use super::super::ClientLimits;
use super::super::tests::{LOGIN_A, LOGIN_B, MESSAGE, client, short};
use super::*;
use crate::bans::{Bans, Entry};
use crate::pass::{Pass, Token};
use crate::rights::Grants;

/// The time of whatever happens here.
const NOW: u64 = 1_795_630_001_000;

/// Entries as they are typed, separated by commas: `uid u reason spam, uid v`.
fn bans(entries: &str) -> Bans {
    let mut bans = Bans::new(100);
    for entry in entries.split(", ").filter(|entry| !entry.is_empty()) {
        let words: Vec<&[u8]> = entry.split(' ').map(str::as_bytes).collect();
        let entry = Entry::read(words.chunks(2).map(|pair| (pair[0], pair[1])));
        bans.take(entry.unwrap(), 0);
    }
    bans
}

fn all(acts: &[Act]) -> String {
    let short: Vec<_> = acts.iter().map(short).collect();
    short.join("; ")
}

/// What comes of an event while somebody is banned.
fn told(client: &mut Client, text: &str, entries: &str) -> String {
    let bans = bans(entries);
    all(&client.text(0, text, bans.at(NOW)))
}

#[test]
fn a_banned_uid_is_refused_and_closed_and_one_of_a_room_there_only() {
    let both = r#"{"event":"login","uid":"u","rooms":[{"roomid":"a"},{"roomid":"b"}]}"#;
    for (text, entries, wanted) in [
        (LOGIN_A, "uid u", "BANNED; Banned"),
        (LOGIN_A, "uid u until 1795630001000", "a: login 1"),
        (LOGIN_A, "uid u until 1795630001001", "BANNED; Banned"),
        (LOGIN_A, "uid v", "a: login 1"),
        (LOGIN_A, "uid u room a", "BANNED"),
        (LOGIN_A, "uid u room b", "a: login 1"),
        (both, "uid u room a", "BANNED; b: login 1"),
        (both, "uid u room a, uid u", "BANNED; Banned"),
    ] {
        assert_eq!(
            told(&mut client(), text, entries),
            wanted,
            "{text} {entries}"
        );
    }
}

#[test]
fn what_others_would_see_is_refused_before_the_room_has_heard_of_it() {
    for (text, entries, wanted) in [
        (MESSAGE, "uid u", "BANNED"),
        (MESSAGE, "uid u room a", "BANNED"),
        (MESSAGE, "uid u room b", "a: message"),
        (r#"{"event":"typing"}"#, "uid u", "BANNED"),
        (
            r#"{"event":"typing","roomid":"a"}"#,
            "uid u room a",
            "BANNED",
        ),
        (r#"{"event":"typing"}"#, "uid u room b", "a: signal typing"),
        (r#"{"event":"leave"}"#, "uid u", "a: leave"),
        (r#"{"event":"members"}"#, "uid u room a", "a: members 0"),
    ] {
        let mut client = client();
        client.text(0, LOGIN_A, Sight::default());
        assert_eq!(told(&mut client, text, entries), wanted, "{text} {entries}");
    }
}

#[test]
fn a_new_ban_of_the_uid_tells_all_its_rooms_and_closes() {
    let mut client = client();
    client.text(0, LOGIN_A, Sight::default());
    client.text(0, LOGIN_B, Sight::default());
    client.text(
        0,
        &LOGIN_A
            .replace("\"u\"", "\"v\"")
            .replace(":\"a\"", ":\"c\""),
        Sight::default(),
    );
    let look = |entries: &str| {
        let bans = bans(entries);
        client.look_at_bans(bans.at(NOW))
    };
    assert!(look("uid x, uid u until 1795630001000").is_empty());
    let acts = look("uid u until 1795630002000 reason spam");
    assert_eq!(
        all(&acts),
        "said; said; Banned",
        "not in the room of another uid"
    );
    let Act::Say(frame) = &acts[1] else {
        panic!("{acts:?}");
    };
    assert_eq!(
        &frame[2..],
        br#"{"event":"kicked","roomid":"b","uid":"u","reason":"spam","until":1795630002000}"#
    );
    assert_eq!(all(&look("uid v")), "said; Banned");
}

#[test]
fn a_new_ban_of_a_room_is_for_the_room_to_handle() {
    let mut client = client();
    client.text(0, LOGIN_A, Sight::default());
    client.text(0, LOGIN_B, Sight::default());
    let spam = bans("uid u room b reason spam, uid u room x, uid v room a");
    assert_eq!(all(&client.look_at_bans(spam.at(NOW))), "b: banned spam");
    client.ended("b", 2);
    assert_eq!(all(&client.look_at_bans(spam.at(NOW))), "");
    assert_eq!(told(&mut client, MESSAGE, "uid u room b"), "a: message");
}

fn pass() -> Pass {
    Pass {
        uid: "u".into(),
        name: None,
        grants: Grants::read(r#"{"*":["member","read","publish","signal"]}"#).unwrap(),
        ts: 0,
        expires: 1000,
        lives: 1000,
    }
}

/// What comes of an event with a good token while somebody is banned.
fn shown(client: &mut Client, text: &str, entries: &str) -> String {
    let bans = bans(entries);
    let mut acts = client.text(0, text, bans.at(NOW));
    match acts.pop() {
        Some(Act::Look(look)) => all(&client.looked(0, look, Ok(pass()), bans.at(NOW))),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_token_of_a_banned_uid_lets_nobody_in_and_is_not_renewed() {
    let keyed = || {
        let limits = ClientLimits {
            tokens: true,
            ..ClientLimits::default()
        };
        Client::new(limits)
    };
    let login = r#"{"event":"login","roomid":"a","token":"t"}"#;
    let refresh = r#"{"event":"refresh","token":"t"}"#;
    assert_eq!(shown(&mut keyed(), login, "uid u"), "BANNED; Banned");
    let look = super::super::Look::of_connection(Token("t".into()));
    let none = bans("uid u");
    let acts = keyed().looked(0, look, Ok(pass()), none.at(NOW));
    assert_eq!(all(&acts), "BANNED; Banned");
    let mut client = keyed();
    assert_eq!(shown(&mut client, login, ""), "a: login 1");
    client.text(0, r#"{"event":"login","roomid":"b"}"#, Sight::default());
    let got = shown(&mut client, refresh, "uid u room b reason spam");
    assert_eq!(got, "a: renewed; b: banned spam; said");
    assert_eq!(
        shown(&mut client, refresh, "uid u"),
        "BANNED; said; said; Banned"
    );
    // Whose seat there has ended is told why, and not to log in.
    client.ended("b", 2);
    let late = r#"{"event":"message","message":1,"roomid":"b"}"#;
    assert_eq!(told(&mut client, late, "uid u room b"), "BANNED");
    assert_eq!(told(&mut client, late, ""), "NOLOGIN");
}

#[test]
fn a_connection_notes_no_more_uids_than_it_has_rooms() {
    let mut client = Client::new(ClientLimits::default());
    let login = |uid: &str, roomid: &str| {
        format!(r#"{{"event":"login","uid":"{uid}","roomid":"{roomid}"}}"#)
    };
    for (n, roomid) in ["a", "b"].into_iter().cycle().take(50).enumerate() {
        client.text(0, &login(&format!("u{n}"), roomid), Sight::default());
        assert!(client.uids.len() <= 3, "{:?}", client.uids);
    }
    let look = |entries: &str| {
        let bans = bans(entries);
        all(&client.look_at_bans(bans.at(NOW)))
    };
    assert_eq!(look("uid u47"), "", "who was here before is not meant");
    assert_eq!(look("uid u48 room a, uid u49 room a"), "a: banned ");
    assert_eq!(look("uid u49"), "said; Banned");
}
