//! What callers can see of the sessions, told as small stories; `tests/sessions.rs` beside this crate's sources holds them
//! against a naive model.

use super::*;
use std::sync::Arc;

mod bounded;
mod devices;
mod names;
mod presence;
mod rooms;

/// The room that most stories happen in.
const ROOM: RoomName<'static> = RoomName {
    db: 0,
    name: b"room:a",
};

/// How long ghosts last, in ms.
const DEVICE_GRACE: u64 = 60_000;

fn texts(list: &[Arc<[u8]>]) -> Vec<&str> {
    list.iter()
        .map(|uid| std::str::from_utf8(uid).unwrap())
        .collect()
}

fn gone(sessions: &mut Sessions, client: ClientId, now: u64) {
    sessions.client_gone(client, now, DEVICE_GRACE);
}

/// Does all that is to be cleared away at `now`.
fn clear_up(sessions: &mut Sessions, now: u64) {
    while sessions.chores(now, 1000) > 0 {}
}

/// A connection of user `u` says HELLO with a lease of 1000 ms.
fn hello(
    sessions: &mut Sessions,
    client: ClientId,
    name: &str,
    id: Option<&str>,
    now: u64,
) -> Greeting {
    hello_as(sessions, client, name, "u", id, now).unwrap()
}

fn hello_as(
    sessions: &mut Sessions,
    client: ClientId,
    name: &str,
    user: &str,
    id: Option<&str>,
    now: u64,
) -> Result<Greeting, NameTaken> {
    let hello = Hello {
        client,
        name: name.as_bytes(),
        user: user.as_bytes(),
        id: id.map(str::as_bytes),
        lease_ms: 1000,
    };
    sessions.hello(&hello, now, DEVICE_GRACE)
}

/// What is to rise at `now`: (uid, to).
fn risen(sessions: &mut Sessions, now: u64) -> Vec<(String, u64)> {
    let text = |uid: &[u8]| String::from_utf8(uid.to_vec()).unwrap();
    let all = sessions.take_risen(now, 100);
    all.iter().map(|one| (text(&one.uid), one.to)).collect()
}

fn is_bare(sessions: &Sessions) -> bool {
    let nothing = sessions.totals()
        == Totals {
            proxies: sessions.totals().proxies,
            ..Totals::default()
        };
    let rows = (0..sessions.presences.end()).filter(|row| sessions.presences.get(*row).is_some());
    let devices = (0..sessions.devices.end()).filter(|row| sessions.devices.get(*row).is_some());
    let rooms = (0..sessions.rooms.end()).filter(|row| sessions.rooms.get(*row).is_some());
    let dbs = (0..sessions.dbs.end()).filter(|row| sessions.dbs.get(*row).is_some());
    nothing
        && rows.count() + devices.count() + rooms.count() + dbs.count() == 0
        && sessions.db_of_number.is_empty()
}
