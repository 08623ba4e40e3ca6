//! One pair of connections from its making to its end: carries the workers' questions to it in their order, and what it
//! answers and announces to them. When either connection fails both are dropped, so that Redis ends the sessions.

use super::bans;
use super::commands::answer;
use super::lanes::{About, Lanes};
use super::means::Means;
use super::pair::Pair;
use super::refusal::Refusal;
use super::renew::renew;
use super::sentences::told;
use super::value::checked;
use super::way::Endpoint;
use crate::broken::panic_at;
use crate::inbox::{Inboxes, Input};
use crate::worker::Questions;
use hub_core::ask::Fault;
use redis::{PushInfo, PushKind, RedisResult, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

/// How long an answer that is late may still take.
const GRACE: Duration = Duration::from_millis(20);

/// Errors of which the server is the cause, and not what a client wants: whoever operates it is to know.
const OF_THE_SERVER: [&str; 6] = ["NOPERM", "NOAUTH", "BUSY", "MISCONF", "NOREPLICAS", "OOM"];

/// See the top of the file.
pub(super) struct Node {
    means: Arc<Means>,
    /// What workers know this pair by.
    pub(super) generation: u64,
    pair: Pair,
    /// What was heard on one of its connections, or not any more, is its end.
    broken: Arc<Notify>,
    given_up: watch::Receiver<()>,
}

impl Node {
    /// A new pair, of a generation that no other one has.
    pub(super) async fn connect(
        means: &Arc<Means>,
        at: &Endpoint,
        generation: u64,
    ) -> Result<Self, Refusal> {
        let given_up = means.link.given_up();
        let broken = Arc::new(Notify::new());
        let (inboxes, breaks) = (means.inboxes.clone(), broken.clone());
        let heard = move |push| {
            if !hear(generation, &inboxes, push) {
                breaks.notify_one();
            }
            Ok(())
        };
        let times = (means.lease, means.timeout);
        let pair = Pair::new(at, &means.identity, times, heard).await?;
        Ok(Self {
            means: means.clone(),
            generation,
            pair,
            broken,
            given_up,
        })
    }

    /// Serves until something breaks: what.
    pub(super) async fn serve(
        self,
        questions: &mut mpsc::UnboundedReceiver<Questions>,
    ) -> &'static str {
        let Self {
            means,
            generation,
            pair,
            broken,
            mut given_up,
        } = self;
        let both = (pair.commands.clone(), pair.announcements.clone());
        let mut renew = Box::pin(renew(&means, generation, both, pair.lacks_id));
        let mut bans = Box::pin(bans::follow(pair.commands.clone(), means.banned.clone()));
        let mut lanes = Lanes::new(pair.commands, pair.announcements);
        let _driving = pair.driving;
        let take = |lanes: &mut Lanes, more| take(&means, generation, lanes, more);
        let settle = |about, reply| settle(&means, generation, about, reply);
        loop {
            while let Ok(more) = questions.try_recv() {
                take(&mut lanes, more);
            }
            lanes.send();
            while let Some((about, reply)) = lanes.try_next() {
                if let Some(why) = settle(about, reply) {
                    return why;
                }
            }
            // An answer may have made place.
            lanes.send();
            let deadline = lanes.deadline(means.timeout);
            let deadline = deadline.unwrap_or_else(|| Instant::now() + means.timeout);
            let answered = tokio::select! {
                biased;
                () = broken.notified() => return ENDED,
                _ = given_up.changed() => return "it is given up",
                why = &mut renew => return why,
                () = &mut bans => return "the bans are not followed any more",
                more = questions.recv() => {
                    match more {
                        Some(more) => take(&mut lanes, more),
                        None => std::future::pending().await,
                    }
                    continue;
                }
                answered = lanes.commands.next() => answered,
                answered = lanes.announcements.next() => answered,
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
            if let Some(why) = settle(answered.0, answered.1) {
                return why;
            }
        }
    }
}

const ENDED: &str = "one of its connections ended";

fn take(means: &Means, generation: u64, lanes: &mut Lanes, questions: Questions) {
    // Those of an earlier pair failed with it.
    if questions.generation == generation {
        if means.panics {
            for question in &questions.asks {
                panic_at("link", true, question.key.trim_start_matches("room:"));
            }
        }
        lanes.add(questions);
    }
}

/// Hands an answer to its worker. Why the pair is not to be kept, if so.
fn settle(
    means: &Means,
    generation: u64,
    about: About,
    reply: RedisResult<Value>,
) -> Option<&'static str> {
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
            if let Some(left_out) = means.refused.again() {
                warn!(code, message, left_out, "Redis refuses what a room needs");
            }
            None
        }
        _ => None,
    };
    if let Some(inbox) = means.inboxes.all().get(about.worker) {
        inbox.push(Input::Answer {
            generation,
            request: about.request,
            answer: answer(about.reading, reply).map_err(told),
        });
    }
    why
}

/// Hands an announcement on. False: the pair is not to be kept.
fn hear(generation: u64, inboxes: &Inboxes, push: PushInfo) -> bool {
    match push.kind {
        PushKind::Message => {
            let Ok([Value::BulkString(channel), Value::BulkString(frame)]) =
                <[Value; 2]>::try_from(push.data)
            else {
                return true;
            };
            inboxes.announced(generation, &channel, &frame)
        }
        PushKind::Disconnection => false,
        _ => true,
    }
}
