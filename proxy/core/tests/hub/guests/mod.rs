//! Guests: they are in a room, and Redis does not know it.

mod comes;
mod ends;
mod histories;

use crate::desk::{Conn, Desk, login_of};
use hub_core::ask::Ask;
use hub_core::event::{Event, Login};
use room_core::position::Position;

const ID: u64 = 5;

/// A guest's login, with all rights.
fn login(since: Option<Position>, history: u64) -> Login {
    Login {
        since,
        history,
        guest: true,
        ..login_of("eve")
    }
}

fn come(desk: &mut Desk, conn: &Conn, login: Login) {
    desk.event(ID, conn, Event::Login(Box::new(login)));
}

/// A room in which a guest sits, and nobody else of this proxy.
fn sits(said: usize) -> (Desk, Conn) {
    let mut desk = Desk::new();
    for n in 1..=said {
        desk.say(&n.to_string());
    }
    let eve = Conn::default();
    come(&mut desk, &eve, login(None, 0));
    knows_nobody(&desk.answer_all());
    assert_eq!(eve.names(), ["login", "synced"]);
    (desk, eve)
}

/// Nothing that was asked names a guest.
fn knows_nobody(asks: &[Ask]) {
    for ask in asks {
        let silent = match ask {
            Ask::Attach(uids) => uids.iter().all(|uid| &**uid != "eve"),
            Ask::Subscribe | Ask::Unsubscribe | Ask::Range { .. } => true,
            Ask::Publish { .. } | Ask::Signal(..) | Ask::Members(_) => true,
            _ => false,
        };
        assert!(silent, "{ask:?}");
    }
}

fn said(conn: &Conn) -> Vec<String> {
    let names = conn.names().into_iter();
    names.filter(|name| name != "presence").collect()
}

fn refresh(desk: &mut Desk) -> Vec<Ask> {
    let mut asks = desk.answer_all();
    desk.pass(10_000);
    asks.append(&mut desk.answer_all());
    asks
}
