//! The task that owns a room's seats.

use super::acks::{Acks, Leave, SeatId};
use super::join::{self, From};
use super::seats::Seats;
use super::{Hub, Msg, Step, encode};
use crate::broken::Broken;
use crate::catchup::Follower;
use crate::redis::Fault;
use crate::{frame, metrics};
use bytes::Bytes;
use room_core::position::Position;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

/// Uids of one command.
const CHUNK: usize = 500;
/// Frames that are handled in one go.
const TOGETHER: usize = 1024;
/// The acknowledgement interval grows by this much with each seat.
const ACK_INTERVAL_PER_SEAT: Duration = Duration::from_micros(50);
/// The counters of a large room change with everybody who comes; they are told this often.
const COUNTERS_EVERY: Duration = Duration::from_secs(1);
const LONGEST_ACK_INTERVAL: Duration = Duration::from_secs(1);

/// Runs until the hub is taken from the list and nobody holds it any more.
pub(super) async fn run(
    hub: Weak<Hub>,
    mut requests: mpsc::Receiver<Msg>,
    mut frames: mpsc::Receiver<Vec<Bytes>>,
) {
    // Counted as long as it lives, so that a room that stays behind is seen.
    let _counted = metrics::ROOMS.held();
    let mut seats = Seats::default();
    let mut missed = false;
    let mut counters = Counters::default();
    let mut flush_at: Option<Instant> = None;
    loop {
        let wake = async {
            match hub.upgrade() {
                // The hub itself must not be held while waiting, or it would never end.
                Some(hub) => {
                    let bell = hub.wake.clone();
                    drop(hub);
                    bell.notified().await;
                }
                None => std::future::pending().await,
            }
        };
        let told = tokio::select! {
            biased;
            msg = requests.recv() => msg.map(Told::Msg),
            () = sleep_until(flush_at.unwrap_or_else(Instant::now)), if flush_at.is_some() => Some(Told::Flush),
            () = wake => Some(Told::Woken),
            () = sleep_until(counters.due()), if counters.waiting.is_some() => Some(Told::Counters),
            some = frames.recv() => some.map(|first| Told::Frames(gather(first, &mut frames))),
        };
        let (Some(told), Some(hub)) = (told, hub.upgrade()) else {
            return;
        };
        let mut task = Task {
            hub,
            seats,
            missed,
            counters,
        };
        match told {
            Told::Msg(msg) => task.handle(msg).await,
            Told::Frames(frames) => task.frames(frames).await,
            Told::Woken => {}
            Told::Counters => task.tell_counters(),
            Told::Flush => {
                flush_at = None;
                task.flush().await;
            }
        }
        if task.hub.lagged.swap(false, Ordering::Acquire) {
            task.read_missed().await;
        }
        if flush_at.is_none() && task.hub.acks(|acks| acks.is_due()) {
            flush_at = Some(Instant::now() + task.ack_interval());
        }
        Task {
            seats,
            missed,
            counters,
            ..
        } = task;
    }
}

/// What came while the task was busy leaves together.
fn gather(first: Vec<Bytes>, frames: &mut mpsc::Receiver<Vec<Bytes>>) -> Vec<Bytes> {
    let mut all = first;
    while all.len() < TOGETHER
        && let Ok(more) = frames.try_recv()
    {
        all.extend(more);
    }
    all
}

enum Told {
    Msg(Msg),
    Frames(Vec<Bytes>),
    Woken,
    Counters,
    Flush,
}

/// The last counters that a large room was told, and newer ones that it is to be told.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) told: Option<Instant>,
    pub(super) waiting: Option<Bytes>,
}

impl Counters {
    /// When the room may be told again.
    pub(super) fn due(&self) -> Instant {
        self.told
            .map_or_else(Instant::now, |told| told + COUNTERS_EVERY)
    }
}

/// The task's state while it handles one thing.
pub(super) struct Task {
    pub(super) hub: Arc<Hub>,
    pub(super) seats: Seats,
    /// Frames came while the hub did not know where it was.
    pub(super) missed: bool,
    pub(super) counters: Counters,
}

impl Task {
    async fn handle(&mut self, msg: Msg) {
        match msg {
            Msg::Start(head) => self.start(head).await,
            Msg::Enter { seat, at, head } => {
                self.seats.insert(seat.clone(), head);
                join::spawn_first(self.hub.clone(), seat, From::Known(at));
            }
            Msg::StepOver { id, at, answer } => {
                // Who asked may be gone.
                let _ = answer.send(self.step_over(id, at));
            }
            Msg::Exit { id, uid, how } => self.exit(id, &uid, how),
            Msg::Look => self.read_missed().await,
            Msg::Stop(answer) => {
                for (id, uid) in self.seats.all() {
                    self.exit(id, &uid, Leave::Away);
                }
                self.flush().await;
                // Who asked may have given up.
                let _ = answer.send(());
            }
            Msg::Relinked => self.relinked().await,
        }
    }

    /// The hub learns where it is, unless it knows.
    async fn start(&mut self, head: Position) {
        let known = self.hub.following(|follower| {
            let known = follower.is_some();
            follower.get_or_insert_with(|| Follower::new(head));
            known
        });
        if !known {
            self.hub.moved.send_replace(head.seq);
            if std::mem::take(&mut self.missed) {
                self.read_missed().await;
            }
        }
    }

    fn step_over(&mut self, id: SeatId, at: Position) -> Step {
        let here = self
            .hub
            .following(|follower| follower.as_ref().map(Follower::at));
        if !self.seats.has(id) {
            return Step::Done;
        }
        match here {
            // A hub that lags behind what the seat was promised has nothing more to give yet; the log has.
            Some(here) if here == at && at.seq >= self.seats.promised(id) => {}
            Some(_) => return Step::ReadOn,
            None => return Step::Ask,
        }
        if let Some(seat) = self.seats.go_live(id) {
            let event =
                json!({"event": "synced", "roomid": self.hub.roomid, "position": at.to_string()});
            seat.conn.send(&event.to_string());
        }
        Step::Done
    }

    fn exit(&mut self, id: SeatId, uid: &str, how: Leave) {
        self.seats.remove(id);
        self.hub.acks(|acks| acks.exit(uid, id, how));
    }

    fn ack_interval(&self) -> Duration {
        if self.hub.acks(|acks| acks.is_held_up()) {
            return LONGEST_ACK_INTERVAL;
        }
        let grown = self.hub.config.ack_interval + ACK_INTERVAL_PER_SEAT * self.seats.len() as u32;
        grown.min(LONGEST_ACK_INTERVAL.max(self.hub.config.ack_interval))
    }

    /// Reports which devices went, then what was confirmed, then who is gone.
    async fn flush(&mut self) {
        let hub = &self.hub;
        let _turn = hub.reporting.lock().await;
        if !send_away(hub).await {
            return;
        }
        let due = hub.acks(Acks::take);
        for (position, uids) in due.acks {
            send_acks(hub, position, &uids).await;
        }
        for uids in due.detach.chunks(CHUNK) {
            // If Redis is away, so are the sessions.
            let _ = hub.redis.detach(&hub.key, uids).await;
        }
    }

    /// Announces the sessions on a new connection, and looks for what was missed meanwhile.
    pub(super) async fn relinked(&mut self) {
        let uids = self.hub.acks(|acks| acks.uids());
        let (mut gone, mut kicks) = (Vec::new(), Vec::new());
        for some in uids.chunks(CHUNK) {
            match self.hub.redis.attach(&self.hub.key, some).await {
                Ok(attached) => {
                    gone.extend(attached.gone);
                    kicks.extend(attached.kicks);
                }
                Err(Fault::Refused { code, .. }) if code == "NOROOM" => return self.lose_history(),
                Err(fault) => {
                    warn!(room = self.hub.roomid, %fault, "sessions could not be announced");
                    return;
                }
            }
        }
        self.hub.acks(Acks::report_again);
        if !self.hub.config.is_broken(Broken::NoGapCheck) {
            self.read_missed().await;
        }
        // A history that was rolled back took memberships along that nobody ended: those seats join again, and are told.
        if self.position().is_none() {
            return;
        }
        for uid in gone {
            self.end_uid(&uid, "logout", "no longer a member").await;
        }
        // The announcement was missed, and the reason with it.
        for (uid, count) in kicks {
            if self.hub.acks(|acks| acks.kicks(&uid) < count) {
                self.end_uid(&uid, "kicked", "").await;
            }
        }
    }

    /// Makes every live seat ask Redis what of its past is true; the first answer tells the hub where it is.
    pub(super) fn lose_history(&mut self) {
        let at = self
            .hub
            .following(Option::take)
            .map(|follower| follower.at());
        self.hub.pages.clear();
        let Some(at) = at else { return };
        for seat in self.seats.demote_all() {
            join::spawn(self.hub.clone(), seat, From::Doubtful(at));
        }
    }

    /// Sends frames to all live seats, which were at `before` and are at `to` then.
    pub(super) async fn send(&mut self, frames: &Bytes, before: Position, to: Position) {
        for slow in self.seats.send(frames, to).await {
            join::spawn(self.hub.clone(), slow, From::Known(before));
        }
        if self.hub.config.is_broken(Broken::AckEarly) {
            for seat in self.seats.live() {
                self.hub.confirm(&seat.uid, seat.id, to);
            }
        }
    }

    /// Ends the seats of a uid that left, or was kicked, somewhere else.
    pub(super) async fn end_uid(&mut self, uid: &str, event: &str, reason: &str) {
        for seat in self.seats.of_uid(uid) {
            // Its own connection may have ended it already.
            if seat
                .conn
                .confirmations(|confirmations| confirmations.close(seat.id))
            {
                let object = json!({"event": event, "roomid": self.hub.roomid, "uid": uid, "reason": reason});
                seat.conn.push(&frame::text(object.to_string().as_bytes()));
            }
            self.exit(seat.id, uid, Leave::Told);
        }
    }

    /// Tells all live seats of a uid, but for its own.
    pub(super) fn tell_others(
        &self,
        uid: &str,
        event: &str,
        header: &room_core::announce::Header<'_>,
    ) {
        let mut out = bytes::BytesMut::new();
        encode::presence(event, &self.hub.roomid, uid, header, &mut out);
        let frames = out.freeze();
        for seat in self.seats.live().filter(|seat| &*seat.uid != uid) {
            seat.conn.push_if_room(&frames);
        }
    }
}

/// A join of the uid begins: what it has confirmed, and which of its devices went, reaches Redis before.
pub(crate) async fn report_before_join(hub: &Hub, uid: &str) {
    let _turn = hub.reporting.lock().await;
    let went = send_away(hub).await;
    for (position, uids) in hub.acks(|acks| acks.begin(uid)) {
        if went {
            send_acks(hub, position, &uids).await;
        }
    }
}

/// Tells Redis which devices went without a logout, so that nothing is freed that they have not read. False if Redis went
/// away before it answered: then nothing else is reported either, and this is tried again. If it refuses, the rest goes on.
async fn send_away(hub: &Hub) -> bool {
    let mut groups = hub.acks(Acks::take_away).into_iter();
    while let Some((position, uids)) = groups.next() {
        for (i, some) in uids.chunks(CHUNK).enumerate() {
            match hub.redis.away(&hub.key, position, some).await {
                Ok(()) => {}
                Err(Fault::Down) => {
                    let rest = uids.iter().skip(i * CHUNK).cloned().collect();
                    let all = std::iter::once((position, rest)).chain(groups).collect();
                    hub.acks(|acks| acks.keep_away(all));
                    return false;
                }
                Err(fault) => {
                    debug!(room = hub.roomid, %position, %fault, "a departure was not taken")
                }
            }
        }
    }
    true
}

/// One `ROOM.ACK` per some uids; a refusal is only logged, as the positions are asked for again at the next join.
async fn send_acks(hub: &Hub, position: Position, uids: &[String]) {
    for some in uids.chunks(CHUNK) {
        metrics::ACKED.add(some.len() as u64);
        if let Err(fault) = hub.redis.ack(&hub.key, position, some).await {
            warn!(room = hub.roomid, %position, %fault, "an acknowledgement was not taken");
        }
    }
}
