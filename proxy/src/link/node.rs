//! One pair of connections from its making to its end: carries the workers' questions to it in their order, and what it
//! answers and announces to them. When either connection fails both are dropped, so that Redis ends the sessions.

use super::bans;
use super::board::{Board, Linked};
use super::commands::{Channels, answer};
use super::itself::demoted;
use super::lanes::{About, Lanes};
use super::means::Means;
use super::pair::Pair;
use super::pairs::{Desk, Questions};
use super::refusal::Refusal;
use super::renew::renew;
use super::sentences::told;
use super::slots::{Place, sent_to};
use super::value::checked;
use super::way::Endpoint;
use crate::broken::panic_at;
use crate::inbox::{Inboxes, Input};
use hub_core::ask::{Ask, Fault};
use redis::{PushInfo, PushKind, RedisResult, Value};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

/// How long an answer that is late may still take.
const GRACE: Duration = Duration::from_millis(20);
/// After so long without an answer a cluster is asked whether another node has taken over, and then so often.
const DOUBT: Duration = Duration::from_secs(1);
const DOUBT_AGAIN: Duration = Duration::from_millis(200);

/// Errors of which the server is the cause, and not what a client wants: whoever operates it is to know.
const OF_THE_SERVER: [&str; 6] = ["NOPERM", "NOAUTH", "BUSY", "MISCONF", "NOREPLICAS", "OOM"];

/// The cluster that a node is one of.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) board: Arc<Board>,
    pub(super) place: Place,
}

/// See the top of the file.
pub(super) struct Node {
    means: Arc<Means>,
    desk: Desk,
    pair: Pair,
    member: Option<Member>,
    /// What was heard on one of its connections, or not any more, is its end.
    broken: Arc<Notify>,
    /// A subscription ended, which may be one of many: see [`demoted`].
    ended: Arc<Notify>,
    given_up: watch::Receiver<()>,
    /// Ends with it.
    life: watch::Sender<()>,
}

impl Node {
    /// A new pair, of a generation that no other one has.
    pub(super) async fn connect(
        means: &Arc<Means>,
        at: &Endpoint,
        member: Option<Member>,
    ) -> Result<Self, Refusal> {
        let given_up = means.link.given_up();
        let desk = means.pairs.open();
        let generation = desk.generation;
        let (broken, ended) = <(Arc<Notify>, Arc<Notify>)>::default();
        let (inboxes, breaks, ends) = (means.inboxes.clone(), broken.clone(), ended.clone());
        let heard = move |push| {
            match hear(generation, &inboxes, push) {
                Heard::Taken => {}
                Heard::End => ends.notify_one(),
                Heard::Break => breaks.notify_one(),
            }
            Ok(())
        };
        let times = (means.lease, means.timeout);
        let channels = channels(member.as_ref());
        let pair = Pair::new(at, &means.identity, times, channels, heard).await?;
        Ok(Self {
            means: means.clone(),
            desk,
            pair,
            member,
            broken,
            ended,
            given_up,
            life: watch::Sender::default(),
        })
    }

    /// What workers know it by.
    pub(super) const fn generation(&self) -> u64 {
        self.desk.generation
    }

    /// What others may use of it.
    pub(super) fn linked(&self, leave: Arc<Notify>) -> Linked {
        Linked {
            generation: self.generation(),
            commands: self.pair.commands.clone(),
            leave,
            lives: self.life.subscribe(),
        }
    }

    /// Serves until something breaks: what.
    pub(super) async fn serve(self) -> &'static str {
        let Self {
            means,
            mut desk,
            pair,
            member,
            broken,
            ended,
            mut given_up,
            life: _life,
        } = self;
        let hands = Hands {
            means: &means,
            member: member.as_ref(),
            generation: desk.generation,
        };
        let both = (pair.commands.clone(), pair.announcements.clone());
        let renew = renew(&means, desk.generation, both, pair.lacks_id);
        let mut renew = Box::pin(renew);
        let follow = bans::follow(pair.commands.clone(), false, means.banned.clone());
        let mut bans = Box::pin(async {
            // When that ends, so does the pair. In a cluster one follows them for all nodes.
            if hands.member.is_none() {
                follow.await;
            }
            pending::<()>().await;
        });
        let mut demoted = Box::pin(demoted(ended, pair.commands.clone()));
        let channels = channels(hands.member);
        let mut lanes = Lanes::new(pair.commands, pair.announcements, channels);
        let _driving = pair.driving;
        let mut doubted = Instant::now();
        loop {
            while let Ok(more) = desk.questions.try_recv() {
                hands.take(&mut lanes, more);
            }
            lanes.send();
            while let Some((about, reply)) = lanes.try_next() {
                if let Some(why) = hands.settle(about, reply) {
                    return why;
                }
            }
            // An answer may have made place.
            lanes.send();
            let deadline = lanes.deadline(means.timeout);
            let deadline = deadline.unwrap_or_else(|| Instant::now() + means.timeout);
            let doubtful = lanes.deadline(DOUBT);
            let doubtful = doubtful.map(|at| at.max(doubted + DOUBT_AGAIN));
            let answered = tokio::select! {
                biased;
                () = broken.notified() => return ENDED,
                _ = given_up.changed() => return "it is given up",
                () = &mut demoted => {
                    // Where to is known at once, and not when it is looked at next.
                    hands.member.iter().for_each(|member| member.board.doubt());
                    return "its rooms have gone to another node";
                }
                why = &mut renew => return why,
                () = &mut bans => continue,
                more = desk.questions.recv() => {
                    match more {
                        Some(more) => hands.take(&mut lanes, more),
                        None => pending().await,
                    }
                    continue;
                }
                answered = lanes.commands.next() => answered,
                answered = lanes.announcements.next() => answered,
                () = hands.doubt(doubtful) => {
                    doubted = Instant::now();
                    continue;
                }
                () = sleep_until(deadline) => {
                    // If it was this process that stood still, the answer is there and is read now.
                    sleep(GRACE).await;
                    match lanes.try_next() {
                        Some(answered) => answered,
                        None if lanes.is_late(means.timeout) => return "an answer did not come in time",
                        None => continue,
                    }
                }
            };
            if let Some(why) = hands.settle(answered.0, answered.1) {
                return why;
            }
        }
    }
}

const ENDED: &str = "one of its connections ended";

fn channels(member: Option<&Member>) -> Channels {
    match member {
        Some(_) => Channels::Sharded,
        None => Channels::Plain,
    }
}

/// What hands questions and answers over.
struct Hands<'a> {
    means: &'a Means,
    member: Option<&'a Member>,
    generation: u64,
}

impl Hands<'_> {
    fn take(&self, lanes: &mut Lanes, questions: Questions) {
        if self.means.panics {
            for question in &questions.asks {
                panic_at("link", true, question.key.trim_start_matches("room:"));
            }
        }
        lanes.add(questions);
    }

    /// An answer that is late in a cluster may never come: whether another node has taken over is asked of the others.
    async fn doubt(&self, at: Option<Instant>) {
        let (Some(member), Some(at)) = (self.member, at) else {
            return pending().await;
        };
        sleep_until(at).await;
        member.board.doubt();
    }

    /// Hands an answer to its worker. Why the pair is not to be kept, if so.
    fn settle(&self, about: About, reply: RedisResult<Value>) -> Option<&'static str> {
        self.means.metrics.round_trips.took(about.since.elapsed());
        let reply = checked(reply);
        let why = match &reply {
            Err(Fault::Down) => return Some(ENDED),
            // It was demoted or began again: the address may lead to another server by now.
            Err(fault)
                if ["READONLY", "LOADING", "MASTERDOWN"]
                    .iter()
                    .any(|code| fault.is(code)) =>
            {
                Some("this server takes no writes")
            }
            Err(Fault::Refused { code, message }) if OF_THE_SERVER.contains(&code.as_str()) => {
                if let Some(left_out) = self.means.refused.again() {
                    warn!(code, message, left_out, "Redis refuses what a room needs");
                }
                None
            }
            _ => None,
        };
        let generation = self.generation;
        let (request, worker) = (about.request, about.worker);
        let input = match self.elsewhere(&reply, about.ask) {
            Some((ask, asking)) => Input::Elsewhere {
                generation,
                request,
                ask,
                asking,
            },
            None => Input::Answer {
                generation,
                request,
                answer: answer(about.reading, reply.map_err(without_address)).map_err(told),
            },
        };
        if let Some(inbox) = self.means.inboxes.numbered(worker) {
            inbox.push(input);
        }
        why
    }

    /// The question, if another node has the room; and the pair to it, if its slot is not there yet. Without a pair it is told as
    /// a refusal that passes.
    fn elsewhere(
        &self,
        reply: &Result<Value, Fault>,
        ask: Option<Ask>,
    ) -> Option<(Ask, Option<u64>)> {
        let (Some(member), Err(Fault::Refused { code, message })) = (self.member, reply) else {
            return None;
        };
        let (slot, place) = match code.as_str() {
            "MOVED" | "ASK" => sent_to(message, &member.place)?,
            _ => return None,
        };
        if code == "MOVED" {
            member.board.sent(slot, place);
            return Some((ask?, None));
        }
        let asking = member.board.asked(place)?;
        Some((ask?, Some(asking)))
    }
}

/// Where another node is, is nothing for clients; that this passes is.
fn without_address(fault: Fault) -> Fault {
    match fault {
        Fault::Refused { code, message } if code == "MOVED" || code == "ASK" => Fault::Refused {
            code: "TRYAGAIN".into(),
            message,
        },
        fault => fault,
    }
}

/// What was heard.
enum Heard {
    Taken,
    /// The end of a subscription.
    End,
    /// The pair is not to be kept.
    Break,
}

/// Hands an announcement on.
fn hear(generation: u64, inboxes: &Inboxes, push: PushInfo) -> Heard {
    match push.kind {
        PushKind::Message | PushKind::SMessage => {
            let Ok([Value::BulkString(channel), Value::BulkString(frame)]) =
                <[Value; 2]>::try_from(push.data)
            else {
                return Heard::Taken;
            };
            if inboxes.announced(generation, &channel, &frame) {
                Heard::Taken
            } else {
                Heard::Break
            }
        }
        PushKind::SUnsubscribe => {
            if let Some(Value::BulkString(channel)) = push.data.first() {
                inboxes.unsubscribed(generation, channel);
            }
            Heard::End
        }
        PushKind::Disconnection => Heard::Break,
        _ => Heard::Taken,
    }
}
