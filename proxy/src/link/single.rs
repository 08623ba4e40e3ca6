//! Keeps one pair of connections up for ever, at the primary.

use super::address::Address;
use super::backoff::Backoff;
use super::health::Node as Seen;
use super::means::Means;
use super::node::Node;
use super::primary::Primary;
use super::refusal::Refusal;
use crate::inbox::Input;
use hub_core::routes::ALL;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

/// See the top of the file.
pub(crate) struct Single {
    primary: Primary,
    /// What looks for it.
    followers: JoinSet<()>,
    means: Arc<Means>,
    /// Where a pair was tried last.
    pub(crate) shown: String,
}

/// A pair that nobody uses yet.
pub(crate) struct Started(Node);

impl Single {
    /// # Errors
    /// If rooms there are on several primaries.
    pub(crate) fn new(address: &Address, means: Arc<Means>) -> Result<Self, Refusal> {
        let (primary, followers) = Primary::of(address, &means)?;
        Ok(Self {
            primary,
            followers,
            means,
            shown: address.shown.clone(),
        })
    }

    /// The first pair, within `wait`, or why there is none.
    pub(crate) async fn start(&mut self, wait: Duration) -> Result<Started, Refusal> {
        let deadline = Instant::now() + wait;
        let mut backoff = Backoff::default();
        loop {
            match self.connect().await {
                Ok(node) => return Ok(Started(node)),
                Err(refusal) if refusal.lasts() || Instant::now() >= deadline => {
                    return Err(refusal);
                }
                Err(_) => sleep(backoff.next().min(wait / 4)).await,
            }
        }
    }

    async fn connect(&mut self) -> Result<Node, Refusal> {
        let at = self.primary.find(self.means.timeout).await?;
        self.shown.clone_from(&at.shown);
        tokio::select! {
            biased;
            () = self.primary.left() => Err(Refusal::Unreachable(LEFT.to_owned())),
            node = Node::connect(&self.means, &at, None) => node,
        }
    }

    /// Keeps the link up for ever.
    pub(crate) async fn run(mut self, started: Started) {
        let mut followers = std::mem::take(&mut self.followers);
        let failed = async {
            if followers.join_next().await.is_none() {
                pending().await
            }
        };
        tokio::select! {
            () = self.keep(started) => {}
            () = failed => {}
        }
    }

    async fn keep(&mut self, Started(mut node): Started) {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            self.serve(node).await;
            backoff.lived(began.elapsed());
            node = loop {
                tokio::select! {
                    () = sleep(backoff.next()) => {}
                    // What failed there says nothing of this one.
                    () = self.primary.moved() => backoff = Backoff::default(),
                }
                match self.connect().await {
                    Ok(node) => break node,
                    Err(refusal) => warn!(%refusal, "Redis cannot be reached"),
                }
            };
            info!(redis = self.shown, "connected to Redis again");
        }
    }

    fn seen(&self, linked: bool) -> Seen {
        Seen {
            node: self.shown.clone(),
            linked,
            slots: None,
        }
    }

    /// Serves one pair, from when the workers hear of it until they hear of its end.
    async fn serve(&mut self, node: Node) {
        let means = self.means.clone();
        let generation = node.generation();
        means.link.set_up(true);
        means.link.set_nodes(vec![self.seen(true)]);
        means.metrics.redis_up.set(1);
        let all: Arc<[_]> = Arc::new([ALL]);
        let on = Some(generation);
        means.inboxes.tell_all(|| Input::Routed(all.clone(), on));
        let why = tokio::select! {
            biased;
            () = self.primary.left() => LEFT,
            why = node.serve() => why,
        };
        means.link.set_up(false);
        means.link.set_nodes(vec![self.seen(false)]);
        means.metrics.redis_up.set(0);
        means.metrics.redis_lost.inc();
        means.inboxes.tell_all(|| Input::Down(generation));
        warn!(why, "the connection to Redis is lost");
    }
}

const LEFT: &str = "the sentinels leave this primary for another";
