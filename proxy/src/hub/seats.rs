//! The seats of a room, and the loop that sends the same bytes to all that are live.

use super::NewSeat;
use super::acks::SeatId;
use crate::conn::{HEARTBEAT, Pushed, joined};
use crate::{clock, metrics};
use bytes::Bytes;
use room_core::position::{Position, Seq};
use std::collections::HashMap;
use std::sync::Arc;

/// After so many sockets the loop lets others run.
const BREATH: usize = 256;

struct Seat {
    seat: NewSeat,
    /// It has everything that the hub has.
    live: bool,
    /// It is to be told where the missed messages end: not before this number.
    promised: Seq,
    owes_synced: bool,
}

#[derive(Default)]
pub(super) struct Seats {
    list: Vec<Seat>,
    index: HashMap<SeatId, usize>,
}

impl Seats {
    pub(super) fn insert(&mut self, seat: NewSeat, promised: Seq) {
        metrics::SEATS.up();
        self.index.insert(seat.id, self.list.len());
        self.list.push(Seat {
            seat,
            live: false,
            promised,
            owes_synced: true,
        });
    }

    pub(super) fn has(&self, id: SeatId) -> bool {
        self.index.contains_key(&id)
    }

    /// Where the room was when the seat came, until it was told that it has caught up.
    pub(super) fn promised(&self, id: SeatId) -> Seq {
        let seat = self.index.get(&id).and_then(|&at| self.list.get(at));
        seat.filter(|seat| seat.owes_synced)
            .map_or(0, |seat| seat.promised)
    }

    /// A seat that caught up. It is returned if it is to be told that it did.
    pub(super) fn go_live(&mut self, id: SeatId) -> Option<&NewSeat> {
        let seat = self.index.get(&id).and_then(|&at| self.list.get_mut(at))?;
        seat.live = true;
        std::mem::take(&mut seat.owes_synced).then_some(&seat.seat)
    }

    pub(super) fn remove(&mut self, id: SeatId) {
        let Some(at) = self.index.remove(&id) else {
            return;
        };
        self.list.swap_remove(at);
        if let Some(moved) = self.list.get(at) {
            self.index.insert(moved.seat.id, at);
        }
        metrics::SEATS.down();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn all(&self) -> Vec<(SeatId, Arc<str>)> {
        let seats = self.list.iter().map(|seat| &seat.seat);
        seats.map(|seat| (seat.id, seat.uid.clone())).collect()
    }

    pub(super) fn of_uid(&self, uid: &str) -> Vec<NewSeat> {
        self.list
            .iter()
            .filter(|seat| &*seat.seat.uid == uid)
            .map(|seat| seat.seat.clone())
            .collect()
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &NewSeat> {
        self.list
            .iter()
            .filter(|seat| seat.live)
            .map(|seat| &seat.seat)
    }

    /// Sends frames, which bring a live seat up to `to`. Returns the seats that did not take them: they are no longer
    /// live.
    pub(super) async fn send(&mut self, frames: &Bytes, to: Position) -> Vec<NewSeat> {
        let with_beat = joined(frames, &HEARTBEAT);
        let now = clock::now_ms();
        let mut slow = Vec::new();
        let mut sent = 0;
        for at in 0..self.list.len() {
            // Only this task changes the list, so it is the same after a breath.
            if at % BREATH == BREATH - 1 {
                tokio::task::yield_now().await;
            }
            let Some(seat) = self.list.get_mut(at).filter(|seat| seat.live) else {
                continue;
            };
            let conn = &seat.seat.conn;
            let pushed = conn.push_live(seat.seat.id, frames, &with_beat, to, now);
            match pushed {
                Pushed::Done => sent += 1,
                // Its connection's task is about to say so.
                Pushed::Gone => {}
                Pushed::Full => slow.push(seat.seat.clone()),
            }
            seat.live = pushed == Pushed::Done;
        }
        metrics::DELIVERIES.add(sent);
        metrics::SLOW.add(slow.len() as u64);
        slow
    }

    /// Makes every live seat catch up; returns them.
    pub(super) fn demote_all(&mut self) -> Vec<NewSeat> {
        let live = self.list.iter_mut().filter(|seat| seat.live);
        live.map(|seat| {
            seat.live = false;
            seat.seat.clone()
        })
        .collect()
    }
}
