//! A room's live frames: what follows is sent on, what does not is looked up in the log.

use super::encode;
use super::task::Task;
use crate::broken::Broken;
use crate::catchup::{Row, Verdict};
use crate::metrics;
use crate::redis::Fault;
use bytes::{Bytes, BytesMut};
use room_core::announce::{self, Header, Kind, control};
use room_core::position::Position;
use tokio::time::Instant;
use tracing::{info, warn};

/// Messages of one read when live frames did not follow.
const MISSED_PAGE: u64 = 256;

/// Frames that were judged and encoded but not sent yet.
#[derive(Default)]
struct Run {
    frames: BytesMut,
}

impl Task {
    /// Handles announcements that came together: what can leave together does.
    pub(super) async fn frames(&mut self, frames: Vec<Bytes>) {
        let Some(mut before) = self.position() else {
            return self.before_the_start(frames).await;
        };
        let mut run = Run::default();
        for frame in frames {
            let Some((header, payload)) = announce::parse(&frame) else {
                warn!(
                    room = self.hub.roomid,
                    "something else was published on the room's channel"
                );
                continue;
            };
            self.hub.set_counts(header.online, header.members);
            match header.kind {
                Kind::Message if self.takes(&header, payload) => {
                    encode::live(&self.hub.roomid, &header, payload, &mut run.frames);
                }
                Kind::Message => {
                    self.finish(&mut run, before).await;
                    self.look_up(&header, payload).await;
                    match self.position() {
                        Some(position) => before = position,
                        None => return,
                    }
                }
                Kind::Ephemeral => {
                    encode::live(&self.hub.roomid, &header, payload, &mut run.frames)
                }
                Kind::Presence | Kind::Control => {
                    self.finish(&mut run, before).await;
                    match header.kind {
                        Kind::Presence => self.presence(&header, payload).await,
                        _ => self.control(&header, payload).await,
                    }
                    match self.position() {
                        Some(position) => before = position,
                        None => return,
                    }
                }
            }
        }
        self.finish(&mut run, before).await;
    }

    /// Whoever joins first tells where the room is, and the log has what was said; but it has no kicks.
    async fn before_the_start(&mut self, frames: Vec<Bytes>) {
        self.missed = true;
        for frame in frames {
            if let Some((header, payload)) = announce::parse(&frame)
                && header.kind == Kind::Control
            {
                self.control(&header, payload).await;
            }
        }
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.hub
            .following(|follower| follower.as_ref().map(|follower| follower.at()))
    }

    /// Takes the message if it is the next one.
    fn takes(&self, header: &Header<'_>, payload: &[u8]) -> bool {
        let careless = self.hub.config.is_broken(Broken::NoGapCheck);
        self.hub.following(|follower| match follower {
            Some(follower) if careless || follower.judge(header, payload) == Verdict::Next => {
                follower.advance(header.position());
                true
            }
            _ => false,
        })
    }

    /// Sends what has gathered; the seats were at `before`.
    async fn finish(&mut self, run: &mut Run, before: Position) {
        let Some(to) = self.position() else { return };
        self.moved(to).await;
        if !run.frames.is_empty() {
            let frames = run.frames.split().freeze();
            self.send(&frames, before, to).await;
        }
    }

    /// Tells those who wait for their messages' positions, before everybody is served: a sender that waits for `sent`
    /// must not wait for the whole room, and what it says meanwhile leaves together.
    async fn moved(&self, to: Position) {
        self.hub.moved.send_replace(to.seq);
        if self.hub.moved.receiver_count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// A message that is not the next one: a repeated one is dropped, anything else means that the log must be read.
    async fn look_up(&mut self, header: &Header<'_>, payload: &[u8]) {
        let verdict = self.hub.following(|follower| {
            follower
                .as_ref()
                .map(|follower| follower.judge(header, payload))
        });
        if verdict != Some(Verdict::Duplicate) {
            self.read_missed().await;
        }
    }

    /// Reads what follows the hub's position from the log, and sends it on.
    pub(super) async fn read_missed(&mut self) {
        while let Some(at) = self.position() {
            if self.seats.is_empty() {
                // Nobody needs the past; whoever joins next tells where the room is.
                self.hub.following(Option::take);
                return;
            }
            let page = self.hub.config.page;
            let range = self
                .hub
                .redis
                .range(&self.hub.key, at.seq + 1, MISSED_PAGE, page)
                .await;
            let range = match range {
                Ok(range) => range,
                Err(Fault::Refused { code, .. }) if code == "NOROOM" => return self.lose_history(),
                Err(fault) => {
                    // A new connection checks again.
                    warn!(room = self.hub.roomid, %fault, "the log could not be read");
                    return;
                }
            };
            if range.before != at {
                info!(room = self.hub.roomid, ours = %at, theirs = %range.before, "this is another history");
                return self.lose_history();
            }
            if range.rows.is_empty() {
                return;
            }
            metrics::GAPS.up();
            self.send_rows(at, &range.rows).await;
        }
    }

    async fn send_rows(&mut self, before: Position, rows: &[Row]) {
        let mut frames = BytesMut::new();
        let mut at = before;
        for row in rows {
            at = at.next(row.ms, row.uid.as_bytes(), &row.payload);
            encode::stored(&self.hub.roomid, at, row, self.hub.counts(), &mut frames);
            self.hub.following(|follower| {
                if let Some(follower) = follower {
                    follower.advance(at);
                }
            });
        }
        self.moved(at).await;
        self.send(&frames.freeze(), before, at).await;
    }

    async fn presence(&mut self, header: &Header<'_>, payload: &[u8]) {
        let text = std::str::from_utf8(payload).unwrap_or_default();
        if text.is_empty() {
            let mut out = BytesMut::new();
            encode::counters(&self.hub.roomid, header, &mut out);
            self.counters.waiting = Some(out.freeze());
            if Instant::now() >= self.counters.due() {
                self.tell_counters();
            }
        }
        for line in text.lines() {
            match line.split_at_checked(1) {
                Some(("+", uid)) => self.tell_others(uid, "login", header),
                Some(("-", uid)) => self.tell_others(uid, "logout", header),
                // Who is here after a start: this proxy told nobody otherwise.
                Some(("=", _)) => {}
                _ => warn!(
                    room = self.hub.roomid,
                    line, "a presence line that this proxy does not know"
                ),
            }
        }
        self.check(header).await;
    }

    /// Tells the counters that wait; a message that is sent meanwhile carries newer ones.
    pub(super) fn tell_counters(&mut self) {
        self.counters.told = Some(Instant::now());
        if let Some(frames) = self.counters.waiting.take() {
            let live = self.seats.live();
            live.for_each(|seat| seat.conn.push_if_room(&frames));
        }
    }

    /// Frames that carry the head's position show whether a message before them was lost.
    async fn check(&mut self, header: &Header<'_>) {
        if self.position().is_some_and(|at| {
            at.seq < header.seq || (at.seq == header.seq && at != header.position())
        }) {
            self.read_missed().await;
        }
    }

    async fn control(&mut self, header: &Header<'_>, payload: &[u8]) {
        let text = String::from_utf8_lossy(payload);
        let (word, reason) = text.split_once(' ').unwrap_or((&text, ""));
        match word {
            control::LEFT => {
                self.end_uid(header.uid, "logout", "left").await;
                self.tell_others(header.uid, "logout", header);
            }
            control::KICKED => self.end_uid(header.uid, "kicked", reason).await,
            control::GONE => {
                info!(room = self.hub.roomid, "the room's key is gone");
                self.lose_history();
            }
            control::MOVED => {
                info!(room = self.hub.roomid, "the room moves to another node");
                self.relinked().await;
            }
            other => warn!(
                room = self.hub.roomid,
                word = other,
                "a control frame that this proxy does not know"
            ),
        }
    }
}
