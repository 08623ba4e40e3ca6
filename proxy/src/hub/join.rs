//! A seat that catches up: page by page from the log at its own speed, until it has what the hub has.

use super::pages::Source;
use super::{Hub, Msg, NewSeat, Step};
use crate::catchup::Slice;
use crate::redis::Fault;
use crate::redis::commands::Joined;
use crate::{clock, metrics};
use room_core::position::Position;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tracing::warn;

/// Where there is nothing to read yet, a seat asks again after so long, then twice as long …
const SHORT_WAIT: Duration = Duration::from_millis(5);
/// … so often; then it asks Redis where it is.
const MOST_WAITS: u32 = 6;

/// Where a seat begins to catch up.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    /// It has everything up to here, in this history.
    Known(Position),
    /// It had everything up to here, but whether that is this history must be asked.
    Doubtful(Position),
}

/// What Redis says of a seat's position.
enum Standing {
    True,
    /// The position is, but the uid does not belong to the room (any more).
    NoMember,
    OtherHistory,
}

pub(super) fn spawn(hub: Arc<Hub>, seat: NewSeat, from: From) {
    start(hub, seat, from, false);
}

/// The first catch-up of a seat, which ends with `synced`.
pub(super) fn spawn_first(hub: Arc<Hub>, seat: NewSeat, from: From) {
    start(hub, seat, from, true);
}

fn start(hub: Arc<Hub>, seat: NewSeat, from: From, first: bool) {
    metrics::CATCHUPS.up();
    tokio::spawn(async move { CatchUp { hub, seat, first }.run(from).await });
}

struct CatchUp {
    hub: Arc<Hub>,
    seat: NewSeat,
    first: bool,
}

impl CatchUp {
    async fn run(&self, mut from: From) {
        let mut waits = 0;
        while self.seat.conn.has_room().await && self.is_seated() {
            let at = match from {
                From::Known(at) => at,
                From::Doubtful(at) => match self.join_again(at).await {
                    Ok(at) => at,
                    Err(fault) => {
                        self.wait_after(&fault).await;
                        continue;
                    }
                },
            };
            from = From::Known(at);
            match self.step_over(at).await {
                Step::Done => return,
                Step::Ask => {
                    from = From::Doubtful(at);
                    continue;
                }
                Step::ReadOn => {}
            }
            match self.next_page(at).await {
                Ok(Slice::Bytes(frames, to)) => {
                    let (conn, id) = (&self.seat.conn, self.seat.id);
                    if !conn.push_page(id, &frames, to, clock::now_ms(), self.first) {
                        return;
                    }
                    from = From::Known(to);
                    waits = 0;
                }
                // The hub has not heard of what this seat read, or hears what Redis had not stored when it was asked.
                // If that does not pass, the seat is ahead of a room that was rolled back.
                Ok(Slice::Beyond) => {
                    tokio::time::sleep(SHORT_WAIT * (1 << waits)).await;
                    waits += 1;
                    if waits == MOST_WAITS / 2 {
                        self.hub.tell(Msg::Look).await;
                    }
                    if waits == MOST_WAITS {
                        waits = 0;
                        from = From::Doubtful(at);
                    }
                }
                Ok(Slice::Gone(_) | Slice::OtherHistory) => from = From::Doubtful(at),
                Err(Fault::Refused { code, .. }) if code == "NOROOM" => from = From::Doubtful(at),
                Err(fault) => self.wait_after(&fault).await,
            }
        }
    }

    fn is_seated(&self) -> bool {
        self.seat
            .conn
            .confirmations(|confirmations| confirmations.has(self.seat.id))
    }

    async fn next_page(&self, at: Position) -> Result<Slice, Fault> {
        let source = Source {
            redis: &self.hub.redis,
            roomid: &self.hub.roomid,
            key: &self.hub.key,
            bytes: self.hub.config.page,
            counts: self.hub.counts(),
        };
        self.hub.pages.after(&source, at).await
    }

    async fn step_over(&self, at: Position) -> Step {
        let (answer, answered) = oneshot::channel();
        self.hub
            .tell(Msg::StepOver {
                id: self.seat.id,
                at,
                answer,
            })
            .await;
        // A task that is gone has no seats either.
        answered.await.unwrap_or(Step::Done)
    }

    async fn wait_after(&self, fault: &Fault) {
        if matches!(fault, Fault::Refused { .. }) {
            warn!(room = self.hub.roomid, uid = &*self.seat.uid, %fault, "a catch-up must wait");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.hub.redis.up().await;
        // Everybody waits for the same moment: do not all come at once.
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..100))).await;
    }

    /// Whether `at` is in the room's history, and the uid belongs to the room. A join would take a position that matches
    /// for confirmed, and this seat was only sent it.
    async fn ask(&self, at: Position) -> Result<Standing, Fault> {
        let hub = &self.hub;
        let range = match hub.redis.range(&hub.key, at.seq + 1, 1, 1).await {
            Ok(range) if range.before == at => range,
            Ok(_) => return Ok(Standing::OtherHistory),
            Err(Fault::Refused { code, .. }) if code == "NOROOM" => {
                return Ok(Standing::OtherHistory);
            }
            Err(fault) => return Err(fault),
        };
        let uid = [self.seat.uid.to_string()];
        if !hub.redis.attach(&hub.key, &uid).await?.gone.is_empty() {
            return Ok(Standing::NoMember);
        }
        hub.tell(Msg::Start(range.head)).await;
        Ok(Standing::True)
    }

    fn confirmed(&self) -> Option<Position> {
        self.seat
            .conn
            .confirmations(|confirmations| confirmations.confirmed(self.seat.id))
    }

    /// Asks Redis what of this seat's past is in the room's history; tells the client what is not.
    async fn join_again(&self, at: Position) -> Result<Position, Fault> {
        let since = match self.ask(at).await? {
            Standing::True => return Ok(at),
            Standing::OtherHistory => at,
            Standing::NoMember => self.confirmed().unwrap_or(at),
        };
        let joined = self
            .hub
            .redis
            .join(&self.hub.key, &self.seat.uid, Some(since), 0)
            .await?;
        self.hub.set_counts(joined.online, joined.members);
        self.hub
            .acks(|acks| acks.recount(&self.seat.uid, joined.kicks));
        tell_start(&self.seat, &self.hub.roomid, &joined, Some(since));
        if joined.position != at {
            self.seat.conn.confirmations(|confirmations| {
                confirmations.restart(self.seat.id, joined.position)
            });
            self.hub
                .acks(|acks| acks.restart(&self.seat.uid, self.seat.id, joined.position));
        }
        self.hub.tell(Msg::Start(joined.head)).await;
        Ok(joined.position)
    }
}

/// Tells a client whether it lost messages or saw another history, after a join that gave `since`.
pub(crate) fn tell_start(seat: &NewSeat, roomid: &str, joined: &Joined, since: Option<Position>) {
    if let Some(since) = since
        && joined.reset
    {
        metrics::RESETS.up();
        let event = json!({
            "event": "reset", "roomid": roomid,
            "since": since.to_string(), "position": joined.position.to_string(),
        });
        seat.conn.send(&event.to_string());
    }
    if let Some(lost) = &joined.lost {
        metrics::LOST.add(lost.to.saturating_sub(lost.from) + 1);
        let event = json!({
            "event": "lost", "roomid": roomid,
            "from": lost.from, "to": lost.to, "reason": lost.reason,
            "position": joined.position.to_string(),
        });
        seat.conn.send(&event.to_string());
    }
}
