//! For whom mail waits.

use crate::calls::join;
use crate::waits::{DELAY, LEASE, waiting};
use room_core::commands::waiting::Row;
use room_core::limits::Limit;

const PROXY: u64 = 1;

#[test]
fn who_is_away_is_told_of_what_others_said_a_while_ago() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob", "eve"]).unwrap();
    server.join(PROXY, "r", join("eve")).unwrap();
    server.say("r", "ann", 2);
    assert_eq!(server.who_waits(), [""; 0], "not yet");
    server.tick(DELAY - 1);
    assert_eq!(server.who_waits(), [""; 0]);
    server.tick(1);
    let found = server.look_for_waiting(10, 1000);
    let room = server.room("r");
    let row = Row {
        uid: (*b"bob").into(),
        cursor: 0,
        told: 0,
        head: room.log().head(),
        pending: 2,
        since: room.log().oldest_ms().unwrap(),
        joined_at: 0,
        tellings: 0,
        acted: found[0].1.acted,
    };
    assert_eq!(
        found,
        [("r".to_owned(), row)],
        "not who said it, and not who is here"
    );
    assert_eq!(server.agenda.leased(), 1);
}

#[test]
fn somebody_goes_with_mail_that_is_old() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.join(PROXY, "r", join("bob")).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), [""; 0], "it is here");
    server.detach(PROXY, "r", &["bob"]).unwrap();
    server.tick(server.settings.grace - 1);
    assert_eq!(server.who_waits(), [""; 0], "it may come back");
    server.tick(1);
    assert_eq!(server.who_waits(), ["bob"]);
}

#[test]
fn what_somebody_said_itself_waits_for_nobody() {
    let mut server = waiting();
    server.invite("r", &["bot", "bob"]).unwrap();
    server.say("r", "bot", 1000);
    server.say("r", "bob", 1);
    server.say("r", "bot", 5);
    server.tick(DELAY);
    // Few steps at a time.
    let mut found = Vec::new();
    for _ in 0..20 {
        found.extend(server.look_for_waiting(10, 1));
    }
    found.sort_by(|a, b| a.1.uid.cmp(&b.1.uid));
    let since = |seq| server.room("r").log().entries_from(seq).next().unwrap().ms;
    let rows: Vec<(&[u8], u64)> = found
        .iter()
        .map(|(_, row)| (&*row.uid, row.since))
        .collect();
    assert_eq!(rows, [(&b"bob"[..], since(1)), (&b"bot"[..], since(1001))]);
}

#[test]
fn nobody_is_passed_over_while_others_leave() {
    let mut server = waiting();
    let uids: Vec<String> = (0..100).map(|i| format!("u{i:02}")).collect();
    let names: Vec<&str> = uids.iter().map(String::as_str).collect();
    server.invite("r", &names).unwrap();
    server.say("r", "bot", 600);
    server.tick(DELAY);
    let mut found = Vec::new();
    for i in 0..40 {
        found.extend(server.look_for_waiting(3, 3));
        server.leave("r", &[&format!("u{i:02}")]).unwrap();
    }
    found.extend(server.look_for_waiting(1000, 100_000));
    for uid in &names[40..] {
        let many = found.iter().filter(|(_, row)| *row.uid == *uid.as_bytes());
        assert_eq!(many.count(), 1, "{uid}");
    }
}

#[test]
fn a_room_of_its_own_and_none() {
    let mut server = waiting();
    server.settings.limits.set(Limit::WaitingDelay, 0);
    for room in ["off", "on"] {
        server.invite(room, &["ann", "bob"]).unwrap();
    }
    server.limits("on", &[("waiting-delay", "5s")]).unwrap();
    for room in ["off", "on"] {
        server.say(room, "ann", 1);
    }
    server.tick(5000);
    assert_eq!(server.agenda.rooms(), 1);
    let found = server.look_for_waiting(10, 1000);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "on");
    // Switched on for all, rooms are found that nobody touches.
    server.settings.limits.set(Limit::WaitingDelay, 1);
    server.tick(1);
    let found = server.look_for_waiting(10, 1000);
    assert_eq!((found.len(), &*found[0].0), (1, "off"));
}

#[test]
fn after_a_start_or_a_promotion_it_is_found_again() {
    for promoted in [false, true] {
        let mut server = waiting();
        server.invite("r", &["ann", "bob", "eve"]).unwrap();
        server.say("r", "ann", 1);
        server.tick(DELAY);
        assert_eq!(server.who_waits(), ["bob", "eve"]);
        server.told_of("r", 1, &["eve"]);
        if promoted {
            server.promote();
        } else {
            server.restart();
        }
        server.tick(1);
        assert_eq!(
            server.who_waits(),
            [""; 0],
            "proxies have yet to say who is here"
        );
        server.tick(server.settings.start_grace);
        assert_eq!(
            server.who_waits(),
            ["bob"],
            "leases go, what was told stays"
        );
        server.say("r", "ann", 1);
        server.tick(DELAY);
        server.tick(LEASE);
        assert_eq!(server.who_waits(), ["bob"]);
    }
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_up() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.wall -= 3_600_000;
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
}

#[test]
fn who_is_kicked_is_told_of() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.join(PROXY, "r", join("bob")).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), [""; 0]);
    server.kick("r", "bob", "").unwrap();
    assert_eq!(server.who_waits(), ["bob"]);
}

#[test]
fn what_is_acknowledged_after_a_start_is_not_told() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.promote();
    server.join(PROXY, "r", join("bob")).unwrap();
    assert_eq!(
        server.ack(PROXY, "r", 1, &["bob"]),
        0,
        "others may have less"
    );
    server.detach(PROXY, "r", &["bob"]).unwrap();
    server.settings.limits.set(Limit::WaitingDelay, 1);
    server.tick(server.settings.start_grace);
    server.tick(server.settings.grace);
    assert_eq!(server.cursor("r", "bob"), 0);
    assert_eq!(server.who_waits(), [""; 0]);
    server.tick(server.settings.device_grace);
    assert_eq!(server.cursor("r", "bob"), 1);
}

/// All messages bear the stamp of the first one then, and after a restart nothing is known of when they came.
#[test]
fn a_lively_room_is_told_of_while_the_clock_is_behind() {
    for restarts in [false, true] {
        let mut server = waiting();
        server.invite("r", &["ann", "bob"]).unwrap();
        server.say("r", "ann", 1);
        server.wall -= 3_600_000;
        if restarts {
            server.restart();
            server.tick(server.settings.start_grace);
        }
        let told = (1..=25).find(|_| {
            server.say("r", "ann", 1);
            server.tick(DELAY / 10);
            server.who_waits() == ["bob"]
        });
        let told = told.expect("bob is told of");
        assert!((10..=21).contains(&told), "{told} tenths: {restarts}");
    }
}
