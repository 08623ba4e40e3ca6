//! For how long members are leased, and what ends that they are quiet.

use crate::calls::{join, publish};
use crate::waits::{DELAY, LEASE, waiting};
use room_core::commands::Publish;
use room_core::commands::waiting::MOST_LEASES;
use room_core::limits::Limit;

const PROXY: u64 = 1;

#[test]
fn a_lease_lapses_and_a_telling_is_quiet_until_something_is_done() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
    assert_eq!(server.who_waits(), [""; 0], "leased");
    server.tick(LEASE - 1);
    assert_eq!(server.who_waits(), [""; 0]);
    server.tick(1);
    assert_eq!(server.who_waits(), ["bob"], "nobody said that it was told");
    assert_eq!(server.told_of("r", 1, &["bob", "nobody"]), 1);
    assert_eq!(
        (server.agenda.leased(), server.told_of("r", 1, &["bob"])),
        (0, 0)
    );
    server.say("r", "ann", 1);
    server.tick(10 * DELAY);
    assert_eq!(server.who_waits(), [""; 0], "quiet");
    assert_eq!(server.agenda.rooms(), 0, "and nothing is kept of it");
    assert_eq!(server.ack(0, "r", 1, &["bob"]), 1);
    let found = server.look_for_waiting(10, 1000);
    let row = &found[0].1;
    assert_eq!(
        (row.told, row.tellings, row.cursor, row.pending),
        (1, 1, 1, 1)
    );
}

#[test]
fn who_was_here_is_told_of_what_came_after_what_it_was_told_of() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
    server.told_of("r", 1, &["bob"]);
    server.join(PROXY, "r", join("bob")).unwrap();
    server.tick(1);
    server.detach(PROXY, "r", &["bob"]).unwrap();
    server.tick(server.settings.grace);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), [""; 0], "it was told of that");
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
}

#[test]
fn who_is_here_when_it_is_told_is_told_of_the_next() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
    server.join(PROXY, "r", join("bob")).unwrap();
    server.told_of("r", 1, &["bob"]);
    server.gone(PROXY);
    server.say("r", "ann", 1);
    server.tick(1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
}

#[test]
fn it_is_told_again_if_that_is_wanted() {
    let mut server = waiting();
    server.settings.waiting_again = 100_000;
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
    server.told_of("r", 1, &["bob"]);
    server.tick(99_999);
    assert_eq!(server.who_waits(), [""; 0]);
    server.tick(1);
    assert_eq!(server.who_waits(), ["bob"]);
    assert_eq!(server.told_of("r", 1, &["bob"]), 1);
    assert_eq!(server.told_of("r", 1, &["bob"]), 0, "a repeat");
    server.tick(100_000);
    let found = server.look_for_waiting(10, 1000);
    assert_eq!(found[0].1.tellings, 2);
}

#[test]
fn who_came_and_went_since_it_was_leased_is_told_of_the_next() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
    server.join(PROXY, "r", join("bob")).unwrap();
    server.tick(1);
    server.detach(PROXY, "r", &["bob"]).unwrap();
    server.tick(server.settings.grace);
    assert_eq!(server.told_of("r", 1, &["bob"]), 1, "while it is leased");
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
    server.told_of("r", 2, &["bob"]);
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), [""; 0], "it was not here since");
}

#[test]
fn who_leaves_and_comes_back_is_told_of_under_other_numbers() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.told_of("r", 1, &["bob"]);
    server.leave("r", &["bob"]).unwrap();
    server.invite("r", &["bob"]).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    let row = &server.look_for_waiting(10, 1000)[0].1;
    assert_eq!((row.told, row.tellings, row.joined_at), (0, 1, 1));
}

#[test]
fn a_position_of_another_history_tells_nobody() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 2);
    server.say("other", "ann", 2);
    let strange = server.at("other", 1);
    let told = server.run(0, "r", |place, env| {
        room_core::commands::told(place, None, strange, &[b"bob"], env)
    });
    assert_eq!(told, Err("BADPOS".into()));
}

#[test]
fn only_so_many_are_leased() {
    let mut server = waiting();
    assert_eq!(server.agenda.free(), MOST_LEASES);
    server.invite("r", &["ann", "bob", "eve"]).unwrap();
    server.say("r", "bot", 1);
    server.tick(DELAY);
    assert_eq!(server.look_for_waiting(2, 1000).len(), 2);
    assert_eq!(server.look_for_waiting(2, 1000).len(), 1);
    assert_eq!(server.agenda.free(), MOST_LEASES - 3);
    server.leave("r", &["ann", "bob", "eve"]).unwrap();
    server.tick(LEASE);
    assert_eq!(server.who_waits(), [""; 0]);
    assert_eq!(
        (server.agenda.free(), server.agenda.rooms()),
        (MOST_LEASES, 0)
    );
    let event = Publish {
        ephemeral: true,
        ..publish("ann", "typing")
    };
    server.publish(0, "r", event).unwrap();
    assert_eq!(
        server.agenda.rooms(),
        0,
        "what is not stored waits for nobody"
    );
}

#[test]
fn who_acknowledges_before_it_is_told_is_told_of_the_next() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
    server.ack(0, "r", 1, &["bob"]);
    server.told_of("r", 1, &["bob"]);
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
}

#[test]
fn leases_end_wherever_they_are() {
    let mut server = waiting();
    for room in ["r", "s"] {
        server.invite(room, &["ann", "bob"]).unwrap();
        server.say(room, "ann", 1);
    }
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob", "bob"]);
    assert_eq!(server.agenda.free(), MOST_LEASES - 2);
    server.agenda.lapse(server.clock.times().mono + LEASE - 1);
    assert_eq!(server.agenda.free(), MOST_LEASES - 2);
    server.agenda.lapse(server.clock.times().mono + LEASE);
    assert_eq!(server.agenda.free(), MOST_LEASES);
    // A room that is born anew under the name waits for no lease of the one before.
    server.tick(LEASE);
    assert_eq!(server.who_waits(), ["bob", "bob"]);
    server.leave("r", &["ann", "bob"]).unwrap();
    assert_eq!(server.agenda.free(), MOST_LEASES - 1);
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.settings.limits.set(Limit::WaitingDelay, 1);
    server.tick(1);
    assert_eq!(server.who_waits(), ["bob"]);
}

#[test]
fn other_settings_find_others() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
    server.told_of("r", 1, &["bob"]);
    server.say("r", "ann", 1);
    server.tick(10 * DELAY);
    assert_eq!(server.who_waits(), [""; 0]);
    server.settings.waiting_again = DELAY;
    server.tick(1);
    assert_eq!(server.who_waits(), ["bob"], "it was told long ago");
}

#[test]
fn a_database_that_is_emptied_takes_its_rooms_and_leases_along_and_no_others() {
    let mut server = waiting();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
    server.agenda.forget_all(Some(9));
    server.tick(1);
    assert_eq!(server.who_waits(), [""; 0], "it is leased");
    server.agenda.forget_all(Some(0));
    assert_eq!(
        (server.agenda.rooms(), server.agenda.free()),
        (0, MOST_LEASES)
    );
    server.tick(1);
    assert_eq!(server.who_waits(), ["bob"], "it is there all the same");
}

#[test]
fn a_worker_whose_time_was_up_goes_on_behind_the_room_or_anew() {
    let mut server = waiting();
    for room in ["r", "s"] {
        server.invite(room, &["ann", "bob"]).unwrap();
        server.say(room, "ann", 1);
    }
    server.tick(DELAY);
    let now = server.clock.times().mono;
    let first = server.agenda.next(0, now, None).unwrap();
    let second = server.agenda.next(0, now, Some(&first)).unwrap();
    server.agenda.stops(b"w", first.clone());
    assert_eq!(server.agenda.resume(b"w", 0, now), Some(first));
    assert_eq!(server.agenda.resume(b"w", 0, now), None, "once");
    server.agenda.stops(b"w", second);
    assert_eq!(
        server.agenda.resume(b"w", 0, now),
        None,
        "none is behind it"
    );
}
