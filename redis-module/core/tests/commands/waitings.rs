//! For whom mail waits, and what ends that.

use crate::calls::{join, publish};
use crate::server::Server;
use room_core::commands::waiting::{Look, MOST_LEASES, Row, Step};
use room_core::commands::{Env, Publish};
use room_core::limits::Limit;
use room_core::sessions::RoomKey;

const PROXY: u64 = 1;
const DELAY: u64 = 30_000;
const LEASE: u64 = 10_000;

fn server() -> Server {
    let mut server = Server::default();
    server.settings.limits.set(Limit::WaitingDelay, DELAY);
    server.pass(1_000_000);
    server
}

impl Server {
    /// What a call looks through in `steps` steps of one room after the other: rows with their rooms' names.
    fn look_for_waiting(&mut self, count: usize, mut steps: usize) -> Vec<(String, Row)> {
        let now = self.times().mono;
        let (clock, settings, mut found) = (self.clock, self.settings, Vec::new());
        let env = self.env(0, &clock, &settings);
        self.agenda.lapse(now);
        let mut after = None;
        while let Some(at) = self.agenda.next(self.db, now, after.as_ref()) {
            let key = at.1.clone();
            after = Some(at);
            let (over, rows) = self.look_through(&key, &env, count - found.len(), &mut steps);
            let name = String::from_utf8_lossy(&key.name).into_owned();
            found.extend(rows.into_iter().map(|row| (name.clone(), row)));
            if !over && (steps == 0 || found.len() >= count) {
                break;
            }
        }
        found
    }

    fn look_through(
        &mut self,
        key: &RoomKey,
        env: &Env<'_>,
        count: usize,
        steps: &mut usize,
    ) -> (bool, Vec<Row>) {
        let Some(room) = self.rooms.get(&(key.db, key.name.to_vec())) else {
            self.agenda.forget(key.as_name());
            return (true, Vec::new());
        };
        let (mut scan, leases) = self.agenda.scan(key).unwrap();
        let look = Look {
            key: key.as_name(),
            room,
            sessions: &self.sessions,
            leases,
            env,
        };
        let (mut rows, mut over) = (Vec::new(), false);
        while *steps > 0 && rows.len() < count.min(self.agenda.free()) && !over {
            *steps -= 1;
            match scan.step(&look) {
                Step::Next => {}
                Step::Found(row) => rows.push(row),
                Step::Over => over = true,
            }
        }
        let now = env.times.mono;
        self.agenda
            .looked(key, (scan, over), &rows, (now, now + LEASE));
        (over, rows)
    }

    /// Who waits, in the order of names.
    fn who_waits(&mut self) -> Vec<String> {
        let found = self.look_for_waiting(1000, 100_000);
        let mut who: Vec<String> = found
            .into_iter()
            .map(|(_, row)| String::from_utf8_lossy(&row.uid).into_owned())
            .collect();
        who.sort_unstable();
        who
    }
}

#[test]
fn who_is_away_is_told_of_what_others_said_a_while_ago() {
    let mut server = server();
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
    };
    assert_eq!(
        found,
        [("r".to_owned(), row)],
        "not who said it, and not who is here"
    );
    assert_eq!(server.agenda.leased(), 1);
}

#[test]
fn a_lease_lapses_and_a_telling_is_quiet_until_something_is_done() {
    let mut server = server();
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
    let mut server = server();
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
    let mut server = server();
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
fn somebody_goes_with_mail_that_is_old() {
    let mut server = server();
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
fn it_is_told_again_if_that_is_wanted() {
    let mut server = server();
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
fn what_somebody_said_itself_waits_for_nobody() {
    let mut server = server();
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
    let mut server = server();
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
    let mut server = server();
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
        let mut server = server();
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
    let mut server = server();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 1);
    server.wall -= 3_600_000;
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), ["bob"]);
}

#[test]
fn who_leaves_and_comes_back_is_told_of_under_other_numbers() {
    let mut server = server();
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
    let mut server = server();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.say("r", "ann", 2);
    server.say("other", "ann", 2);
    let strange = server.at("other", 1);
    let told = server.run(0, "r", |place, env| {
        room_core::commands::told(place, strange, &[b"bob"], env)
    });
    assert_eq!(told, Err("BADPOS".into()));
}

#[test]
fn only_so_many_are_leased() {
    let mut server = server();
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
    let mut server = server();
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
fn who_is_kicked_is_told_of() {
    let mut server = server();
    server.invite("r", &["ann", "bob"]).unwrap();
    server.join(PROXY, "r", join("bob")).unwrap();
    server.say("r", "ann", 1);
    server.tick(DELAY);
    assert_eq!(server.who_waits(), [""; 0]);
    server.kick("r", "bob", "").unwrap();
    assert_eq!(server.who_waits(), ["bob"]);
}

#[test]
fn leases_end_wherever_they_are() {
    let mut server = server();
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
    let mut server = server();
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
fn what_is_acknowledged_after_a_start_is_not_told() {
    let mut server = server();
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

#[test]
fn a_database_that_is_emptied_takes_its_rooms_and_leases_along_and_no_others() {
    let mut server = server();
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
