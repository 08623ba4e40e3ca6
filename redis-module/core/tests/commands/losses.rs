//! Whoever is told that messages are gone is told again until it acknowledges something behind them.

use crate::calls::join;
use crate::server::Server;
use crate::value::Value;
use room_core::commands::{self, Join, Trim};
use room_core::position::{Position, Tag};

const PROXY: u64 = 1;
const OTHER: u64 = 2;
const LEASE: u64 = 1_000_000;

/// Ten messages of which the first six are gone. A member that is not here has acknowledged two, `ann` all.
fn room() -> Server {
    let mut server = Server::settled();
    server.hello(PROXY, "p1", LEASE).unwrap();
    server.invite("r", &["slow", "ann"]).unwrap();
    server.say("r", "ann", 10);
    server.ack(0, "r", 2, &["slow"]);
    server.ack(0, "r", 10, &["ann"]);
    server.trim("r", Trim::Before(7)).unwrap();
    server
}

/// A position of which only the number is known, as the log does not reach back to it.
fn number(seq: u64) -> Position {
    Position::new(seq, Tag(0))
}

fn lost_of(reply: &Value) -> Option<(u64, u64)> {
    match reply.get("lost") {
        Value::Null => None,
        lost => Some((lost.items()[0].int(), lost.items()[1].int())),
    }
}

/// It comes without a position: what it is told is gone.
fn comes(server: &mut Server, client: u64, uid: &str) -> Option<(u64, u64)> {
    lost_of(&server.join(client, "r", join(uid)).unwrap())
}

#[derive(Clone, Copy, Debug)]
enum End {
    /// Its socket died: the proxy says what it had.
    Away,
    /// The proxy died.
    ProxyDies,
    /// The proxy's connection died, and it announced its sessions again; then its socket died.
    Announced,
    Logout,
    Kick,
    /// The server started anew.
    Restart,
}

const ENDS: [End; 6] = [
    End::Away,
    End::ProxyDies,
    End::Announced,
    End::Logout,
    End::Kick,
    End::Restart,
];

fn ends(server: &mut Server, how: End) {
    let goes = |server: &mut Server, client: u64| {
        let kept = server.away(client, "r", number(2), &["slow"]).unwrap();
        assert_eq!(kept.int(), 1, "a place before the log is kept too");
        server.detach(client, "r", &["slow"]).unwrap();
    };
    match how {
        End::Away => goes(server, PROXY),
        End::ProxyDies => server.gone(PROXY),
        End::Announced => {
            server.gone(PROXY);
            server.hello(OTHER, "p1", LEASE).unwrap();
            server.attach(OTHER, "r", &["slow"]).unwrap();
            goes(server, OTHER);
        }
        End::Logout => {
            server.detach(PROXY, "r", &["slow"]).unwrap();
        }
        End::Kick => {
            server.kick("r", "slow", "").unwrap();
        }
        End::Restart => server.restart(),
    }
}

#[test]
fn what_was_told_into_a_connection_that_died_is_told_again() {
    for how in ENDS {
        for (grace, cut) in [(false, 7), (true, 7), (false, 9), (true, 9)] {
            let mut server = room();
            assert_eq!(comes(&mut server, PROXY, "slow"), Some((3, 6)));
            assert_eq!(server.cursor("r", "slow"), 2, "{how:?}");
            ends(&mut server, how);
            server.tick(match grace {
                true => server.settings.device_grace + 1,
                false => 1,
            });
            server.trim("r", Trim::Before(cut)).unwrap();
            assert_eq!(server.cursor("r", "slow"), 2, "{how:?} {grace}");
            let again = comes(&mut server, 7, "slow");
            assert_eq!(again, Some((3, cut - 1)), "{how:?}, grace is over: {grace}");
        }
    }
}

#[test]
fn what_is_acknowledged_behind_a_loss_is_told_no_more() {
    for (to, begins) in [(6, 6), (8, 8)] {
        let mut server = room();
        comes(&mut server, PROXY, "slow");
        // What lies before the log says nothing of what came behind.
        let before = server.ack_at(PROXY, "r", number(4), &["slow"]);
        assert_eq!((before.unwrap().int(), server.cursor("r", "slow")), (0, 2));
        assert_eq!(server.ack(PROXY, "r", to, &["slow"]), 1);
        assert_eq!(server.cursor("r", "slow"), to);
        server.gone(PROXY);
        let reply = server.join(OTHER, "r", join("slow")).unwrap();
        assert_eq!(lost_of(&reply), None);
        assert_eq!(reply.get("pending").int(), 10 - begins);
    }
}

#[test]
fn a_newcomer_that_brings_a_place_before_the_log_is_told_again_too() {
    let mut server = room();
    let arguments = Join {
        since: Some(number(4)),
        ..join("new")
    };
    let reply = server.join(PROXY, "r", arguments).unwrap();
    assert_eq!(lost_of(&reply), Some((5, 6)));
    server.gone(PROXY);
    server.tick(server.settings.device_grace + 1);
    assert_eq!(comes(&mut server, OTHER, "new"), Some((5, 6)));
    server.leave("r", &["new"]).unwrap();
    assert_eq!(comes(&mut server, OTHER, "new"), None, "it has nothing");
}

#[test]
fn a_device_behind_a_loss_holds_back_the_others() {
    let mut server = room();
    comes(&mut server, PROXY, "slow");
    let tablet = server.join_since(OTHER, "r", "slow", 9).unwrap();
    assert_eq!(tablet.get("resumed").int(), 1);
    server.ack(OTHER, "r", 10, &["slow"]);
    assert_eq!(server.cursor("r", "slow"), 2);
    server.away(PROXY, "r", number(2), &["slow"]).unwrap();
    server.detach(PROXY, "r", &["slow"]).unwrap();
    assert_eq!(comes(&mut server, PROXY, "slow"), Some((3, 6)));
    server.ack(PROXY, "r", 6, &["slow"]);
    assert_eq!(server.cursor("r", "slow"), 6);
}

#[test]
fn what_waits_is_counted_from_the_log_on() {
    let mut server = room();
    for seated in [false, true] {
        if seated {
            comes(&mut server, PROXY, "slow");
        }
        let room = Some(server.room("r"));
        let name = server.name("r");
        let pending = commands::pending(name, room, &server.sessions, b"slow");
        let pending = Value::of(&pending.unwrap());
        let numbers = ["cursor", "pending", "lost", "online"];
        let wanted = [2, 4, 4, u64::from(seated)];
        assert_eq!(numbers.map(|name| pending.get(name).int()), wanted);
        let page = commands::Page::default();
        let queue = commands::queue(room, b"slow", page);
        let queue = Value::of(&queue.unwrap());
        assert_eq!(queue.get("rows").items().len(), 4);
        let fate = commands::why(room, b"slow", 4).unwrap();
        assert_eq!(Value::of(&fate).text(), "dropped (trim)");
    }
    // Nothing is left at all.
    server.trim("r", Trim::MaxLen(0)).unwrap();
    let room = Some(server.room("r"));
    let pending = commands::pending(server.name("r"), room, &server.sessions, b"slow");
    let pending = Value::of(&pending.unwrap());
    let numbers = ["pending", "bytes", "lost"].map(|name| pending.get(name).int());
    assert_eq!(numbers, [0, 0, 8]);
}
