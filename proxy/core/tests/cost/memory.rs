//! What somebody at rest costs a hub, in bytes of live memory: after ten messages in each room, all confirmed, and a minute
//! of quiet.

use crate::allocator::counted;
use bytes::Bytes;
use hub_core::Asks;
use hub_core::ask::{Answer, Ask, Attached, Joined, Question};
use hub_core::bans::Sight;
use hub_core::client::{Act, Client, ClientLimits};
use hub_core::event::LoginNumber;
use hub_core::handle::{Beat, ConnId, Handle, Push, Pushed};
use hub_core::hub::Hub;
use hub_core::routes::ALL;
use hub_core::settings::Settings;
use room_core::announce::{self, Header, Kind};
use room_core::position::{Position, Tag};
use std::sync::Arc;

/// Messages of each room.
const MESSAGES: u64 = 10;

/// A connection as the proxy's: a pointer, as large as its.
#[derive(Clone)]
struct Conn(#[expect(dead_code, reason = "only its size counts")] Arc<()>);

impl Handle for Conn {
    fn push(&self, _: u64, _: &Bytes, _: Push) -> Pushed {
        Pushed::Taken(1)
    }
    fn done(&self, _: usize) {}
    fn ended(&self, _: &Arc<str>, _: LoginNumber) {}
}

struct Town {
    hub: Hub<Conn>,
    people: Vec<(Client, Conn)>,
    now: u64,
    asks: Asks,
}

impl Town {
    fn new() -> Self {
        let mut hub = Hub::new(Settings::default());
        hub.routed(&[ALL], Some(1));
        Self {
            hub,
            people: Vec::new(),
            now: 1_000,
            asks: Asks::new(),
        }
    }

    /// Somebody comes to these rooms.
    fn come(&mut self, rooms: &[String], acks: bool) {
        let conn = self.people.len() as ConnId;
        let entries: Vec<String> = rooms
            .iter()
            .map(|room| format!(r#"{{"roomid":"{room}"}}"#))
            .collect();
        let ack = if acks { r#","ack":"client""# } else { "" };
        let login = format!(
            r#"{{"event":"login","uid":"client-{conn:09}","rooms":[{}]{ack}}}"#,
            entries.join(",")
        );
        let mut client = Client::new(ClientLimits::default());
        let handle = Conn(Arc::new(()));
        for act in client.text(self.now, &login, Sight::default()) {
            let Act::Room(roomid, event, bytes) = act else {
                panic!("{act:?}");
            };
            let (hub, asks) = (&mut self.hub, &mut self.asks);
            hub.client(self.now, conn, &handle, &roomid, event, bytes, asks);
            client.done(bytes);
        }
        self.people.push((client, handle));
    }

    fn answer_all(&mut self) {
        while !self.asks.is_empty() {
            for Question { request, ask, .. } in std::mem::take(&mut self.asks) {
                let at = Position::new(0, Tag(7));
                let answer = match ask {
                    Ask::Join { .. } => Answer::Joined(Joined {
                        position: at,
                        head: at,
                        members: 1,
                        online: 1,
                        ..Joined::default()
                    }),
                    Ask::Attach(_) => Answer::Attached(Attached {
                        head: Some(at),
                        counts: Some((1, 1)),
                        ..Attached::default()
                    }),
                    _ => Answer::Done,
                };
                let (hub, asks) = (&mut self.hub, &mut self.asks);
                hub.answer(self.now, 1, request, Ok(answer), asks);
            }
            while self.hub.serve(self.now, &mut || true, &mut self.asks) {}
        }
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        while let Some(next) = self.hub.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.hub.tick(self.now, &mut self.asks);
            self.answer_all();
        }
        self.now = end;
    }

    /// Ten messages in each room, which everybody confirms, and a minute of quiet.
    fn talk(&mut self, rooms: &[String]) {
        let mut at = Position::new(0, Tag(7));
        let payload = br#"{"event":"message","message":"hello"}"#;
        for _ in 0..MESSAGES {
            at = at.next(5, b"bob", payload);
            let header = Header {
                kind: Kind::Message,
                db: 0,
                seq: at.seq,
                tag: at.tag,
                ms: 5,
                online: 1,
                members: 1,
                uid: "bob",
            };
            let mut frame = Vec::new();
            announce::write(&mut frame, &header, payload);
            for room in rooms {
                let (hub, asks) = (&mut self.hub, &mut self.asks);
                hub.announced(self.now, 1, &format!("room:{room}"), &frame, asks);
                while self.hub.serve(self.now, &mut || true, &mut self.asks) {}
            }
            self.pass(1_000);
        }
        for conn in 0..self.people.len() {
            self.confirm(conn, at);
        }
        self.pass(60_000);
    }

    /// By an `ack` to each room, and by the answer to a heartbeat: one of them counts.
    fn confirm(&mut self, conn: usize, at: Position) {
        let (client, handle) = &mut self.people[conn];
        let rooms = client.rooms().to_vec();
        let (hub, asks, beat): (_, _, Beat) = (&mut self.hub, &mut self.asks, 1);
        hub.answered(self.now, conn as ConnId, &rooms, beat, asks);
        for roomid in rooms {
            let event = hub_core::event::Event::Ack(at);
            hub.client(self.now, conn as ConnId, handle, &roomid, event, 1, asks);
        }
        self.answer_all();
    }
}

fn rooms(of: usize, many: usize) -> Vec<String> {
    (0..many)
        .map(|room| format!("room-{of:06}-{room:02}"))
        .collect()
}

/// Bytes for each of 200 people in so many rooms of their own. `at_once`: Redis answers when all have asked.
fn a_person_in(many: usize, acks: bool, at_once: bool) -> i64 {
    const PEOPLE: usize = 200;
    let of_all: Vec<_> = (0..PEOPLE).map(|person| rooms(person, many)).collect();
    let mut town = Town::new();
    let before = counted().live;
    for rooms in &of_all {
        town.come(rooms, acks);
        if !at_once {
            town.answer_all();
            town.talk(rooms);
        }
    }
    town.answer_all();
    town.pass(60_000);
    assert!(town.asks.is_empty());
    assert_eq!(town.hub.figures().rooms, (PEOPLE * many) as u64);
    (counted().live - before) / PEOPLE as i64
}

#[test]
fn a_seat_alone_in_its_room_is_small() {
    for acks in [false, true] {
        let (one, twenty) = (a_person_in(1, acks, false), a_person_in(20, acks, false));
        let seat = (twenty - one) / 19;
        println!("one room {one}, twenty {twenty}, each further one {seat}");
        assert!(seat <= 700, "{seat}");
        // Of 20 KB; the rest is the connection's, which is not here.
        assert!(twenty <= 15_000, "{twenty}");
    }
}

#[test]
fn what_all_asked_at_once_leaves_nothing_behind() {
    let (by_turns, at_once) = (a_person_in(20, true, false), a_person_in(20, true, true));
    println!("by turns {by_turns}, at once {at_once}");
    assert!(
        // A hub keeps place for some questions, whoever is there.
        at_once <= by_turns + by_turns / 10,
        "{at_once} against {by_turns}"
    );
}
