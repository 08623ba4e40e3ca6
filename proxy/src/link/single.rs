//! Keeps one pair of connections up for ever, at one address.

use super::address::{Address, Servers};
use super::backoff::Backoff;
use super::means::Means;
use super::node::Node;
use super::refusal::Refusal;
use super::way::Endpoint;
use crate::inbox::Input;
use crate::worker::Questions;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

/// See the top of the file.
pub(crate) struct Single {
    at: Endpoint,
    means: Arc<Means>,
    generation: u64,
}

/// A pair that nobody uses yet.
pub(crate) struct Started(Node);

impl Single {
    /// # Errors
    /// If the address is one of several servers.
    pub(crate) fn new(address: &Address, means: Arc<Means>) -> Result<Self, Refusal> {
        match &address.servers {
            Servers::One(at) => Ok(Self {
                at: at.clone(),
                means,
                generation: 0,
            }),
            Servers::Sentinels { .. } | Servers::Cluster(_) => Err(Refusal::NotYet),
        }
    }

    /// The first pair, within `wait`, or why there is none.
    pub(crate) async fn start(&mut self, wait: Duration) -> Result<Started, Refusal> {
        let deadline = Instant::now() + wait;
        let mut backoff = Backoff::default();
        loop {
            match self.connect().await {
                Ok(node) => return Ok(Started(node)),
                Err(Refusal::Unreachable(_)) if Instant::now() < deadline => {
                    sleep(backoff.next().min(wait / 4)).await;
                }
                Err(refusal) => return Err(refusal),
            }
        }
    }

    async fn connect(&mut self) -> Result<Node, Refusal> {
        self.generation += 1;
        Node::connect(&self.means, &self.at, self.generation).await
    }

    /// Keeps the link up for ever.
    pub(crate) async fn run(
        mut self,
        Started(mut node): Started,
        mut questions: mpsc::UnboundedReceiver<Questions>,
    ) {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            self.serve(node, &mut questions).await;
            backoff.lived(began.elapsed());
            node = loop {
                sleep(backoff.next()).await;
                match self.connect().await {
                    Ok(node) => break node,
                    Err(refusal) => warn!(%refusal, "Redis cannot be reached"),
                }
            };
            info!("connected to Redis again");
        }
    }

    /// Serves one pair, from when the workers hear of it until they hear of its end.
    async fn serve(&self, node: Node, questions: &mut mpsc::UnboundedReceiver<Questions>) {
        let means = &self.means;
        let generation = node.generation;
        means.link.set_up(true);
        means.metrics.redis_up.set(1);
        means.inboxes.tell_all(|| Input::Up(generation));
        let why = node.serve(questions).await;
        means.link.set_up(false);
        means.metrics.redis_up.set(0);
        means.metrics.redis_lost.inc();
        means.inboxes.tell_all(|| Input::Down(generation));
        warn!(why, "the connection to Redis is lost");
    }
}
