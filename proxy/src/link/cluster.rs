//! Keeps a pair of connections up for ever to each node of a cluster that owns slots.
//!
//! Who owns what is asked of the nodes: of one in turn every second, and of all where something is not as it was believed to
//! be (a node sends us elsewhere, is late, or gone; a slot is nowhere), and every ten seconds in any case.

use super::address::{Address, Servers};
use super::backoff::Backoff;
use super::bans_there::follow_bans;
use super::board::Board;
use super::health::Node as Seen;
use super::look::{Look, look, look_at};
use super::means::Means;
use super::node::{Member, Node};
use super::refusal::Refusal;
use super::slots::Place;
use super::way::{Endpoint, Spot, Way};
use crate::metrics::OfNode;
use redis::ConnectionAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{info, warn};

/// How often one node, and how often all are asked.
const ONE: Duration = Duration::from_secs(1);
const ALL: Duration = Duration::from_secs(10);
/// How often all are asked while a slot is nowhere; and at most, whatever happens.
const NOWHERE: Duration = Duration::from_millis(200);
const DAMPED: Duration = Duration::from_millis(100);
/// A node that owns nothing any more has so long for what it was asked before.
const LEAVES: Duration = Duration::from_millis(500);

/// See the top of the file.
pub(crate) struct Cluster {
    means: Arc<Means>,
    way: Arc<Way>,
    seeds: Vec<Endpoint>,
    board: Arc<Board>,
    nodes: JoinSet<Place>,
    /// Those to whom a pair is there or being made.
    under_way: BTreeSet<Place>,
    /// Since when somebody owns nothing.
    idle: BTreeMap<Place, Instant>,
    turn: usize,
}

impl Cluster {
    /// `None` if the address is of another kind.
    pub(crate) fn of(address: &Address, means: Arc<Means>) -> Option<Self> {
        let Servers::Cluster(seeds) = &address.servers else {
            return None;
        };
        Some(Self {
            board: Arc::new(Board::new(means.inboxes.clone())),
            means,
            way: address.way.clone(),
            seeds: seeds.clone(),
            nodes: JoinSet::new(),
            under_way: BTreeSet::new(),
            idle: BTreeMap::new(),
            turn: 0,
        })
    }

    /// Links the nodes, and returns when every slot is somewhere, or `wait` is over and some are.
    ///
    /// # Errors
    /// If no node can be used: why.
    pub(crate) async fn start(&mut self, wait: Duration) -> Result<(), Refusal> {
        let deadline = Instant::now() + wait;
        let mut backoff = Backoff::default();
        // What lasts is seen on one of them as well as on all.
        let why = loop {
            match self.first_node().await {
                Ok(()) => break None,
                Err(why) if why.lasts() || Instant::now() >= deadline => break Some(why),
                Err(_) => sleep(backoff.next().min(wait / 4)).await,
            }
        };
        if let Some(why) = why {
            return Err(why);
        }
        while !self.board.is_whole() && Instant::now() < deadline {
            self.ask(true).await;
            self.link_wanted();
            tokio::select! {
                () = self.board.changed() => {}
                ended = self.nodes.join_next(), if !self.nodes.is_empty() => {
                    self.ended(ended);
                }
                () = sleep(NOWHERE) => {}
            }
        }
        let (_, nowhere) = self.board.slots();
        if nowhere == hub_core::routes::ALL.len() {
            return Err(Refusal::Unreachable("no node owns any slot".to_owned()));
        }
        if nowhere > 0 {
            warn!(nowhere, "some slots have no node that could be reached");
        }
        Ok(())
    }

    /// Tries whether one node is what it should be, and asks it who the others are.
    async fn first_node(&mut self) -> Result<(), Refusal> {
        let mut refusal = Refusal::Unreachable("the address names no node".to_owned());
        for (place, seed) in self.seed_places().iter().zip(&self.seeds) {
            match look_at(place, Look::Alone(seed.clone())).await {
                Ok(view) => {
                    self.board.learn(&[view]);
                    return self.first_pair().await;
                }
                Err(why) => refusal = why,
            }
        }
        Err(refusal)
    }

    /// Whether a pair can be made to somebody who owns slots: it is as with all of them.
    async fn first_pair(&self) -> Result<(), Refusal> {
        let mut refusal = Refusal::Unreachable("no node owns any slot".to_owned());
        for place in self.board.wanted() {
            let at = self.endpoint(&place);
            let board = self.board.clone();
            match Node::connect(&self.means, &at, Some(Member { board, place })).await {
                Ok(_) => return Ok(()),
                Err(why) => refusal = why,
            }
        }
        Err(refusal)
    }

    /// Keeps the links up for ever; it ends by a panic of one of its parts only.
    pub(crate) async fn run(mut self) {
        let bans = follow_bans(self.board.clone(), self.means.clone());
        let mut bans = Box::pin(bans);
        let (mut one, mut all) = (Instant::now() + ONE, Instant::now() + ALL);
        let mut not_before = Instant::now();
        loop {
            self.show();
            let whole = self.board.is_whole();
            let next = if whole { one } else { Instant::now() + NOWHERE };
            let leaves = self.leaves_at();
            let asks = tokio::select! {
                () = &mut bans => return,
                ended = self.nodes.join_next(), if !self.nodes.is_empty() => {
                    if !self.ended(ended) {
                        return;
                    }
                    Some(true)
                }
                () = self.board.doubted() => Some(true),
                () = self.board.changed() => None,
                () = sleep_until(leaves.unwrap_or(next)), if leaves.is_some() => {
                    self.leave_idle();
                    None
                }
                () = sleep_until(next) => Some(!whole),
            };
            let Some(mut asks_all) = asks else {
                continue;
            };
            sleep_until(not_before).await;
            asks_all |= Instant::now() >= all;
            let differs = self.ask(asks_all).await;
            if differs && !asks_all {
                self.ask(true).await;
            }
            one = Instant::now() + ONE;
            if asks_all {
                all = Instant::now() + ALL;
                not_before = Instant::now() + DAMPED;
            }
            self.link_wanted();
            self.leave_idle();
        }
    }

    /// Asks all nodes, or one in turn, who owns what. Whether the one says something else than what is believed, or nothing.
    async fn ask(&mut self, all: bool) -> bool {
        let linked = self.board.linked();
        if !all {
            self.turn += 1;
            let turn = self.turn;
            let many = linked.len().max(1);
            let nth = linked.into_iter().nth(turn % many);
            let Some((place, linked)) = nth else {
                return true;
            };
            let look = Look::Linked(linked.commands);
            // Whoever does not answer soon is asked beside all others.
            let view = timeout(NOWHERE, look_at(&place, look)).await;
            return !view.is_ok_and(|view| view.is_ok_and(|view| self.board.agrees(&view)));
        }
        let mut asked: Vec<(Place, Look)> = Vec::new();
        for place in self.board.known().into_iter().chain(self.seed_places()) {
            if asked.iter().any(|(known, _)| *known == place) {
                continue;
            }
            let look = match linked.get(&place) {
                Some(linked) => Look::Linked(linked.commands.clone()),
                None => Look::Alone(self.endpoint(&place)),
            };
            asked.push((place, look));
        }
        let views = look(asked).await;
        self.board.learn(&views);
        false
    }

    fn seed_places(&self) -> Vec<Place> {
        let places = self.seeds.iter().filter_map(|seed| match seed.spot() {
            Spot::Port(host, port) => Some(Place {
                host: host.to_owned(),
                port,
            }),
            Spot::Socket(_) => None,
        });
        places.collect()
    }

    fn endpoint(&self, place: &Place) -> Endpoint {
        self.way
            .to(ConnectionAddr::Tcp(place.host.clone(), place.port))
    }

    /// Begins to link those who are wanted and are not linked.
    fn link_wanted(&mut self) {
        for place in self.board.wanted() {
            if !self.under_way.insert(place.clone()) {
                continue;
            }
            let at = self.endpoint(&place);
            let (means, board) = (self.means.clone(), self.board.clone());
            let kept = async move {
                keep(&means, &board, &at, place.clone()).await;
                place
            };
            self.nodes.spawn(tokio::task::unconstrained(kept));
        }
    }

    /// A node is not wanted any more. False: it ended by a panic.
    fn ended(&mut self, ended: Option<Result<Place, JoinError>>) -> bool {
        match ended {
            Some(Ok(place)) => self.under_way.remove(&place),
            Some(Err(_)) => false,
            None => true,
        }
    }

    /// Nodes that own nothing any more are left after a while.
    fn leave_idle(&mut self) {
        let wanted = self.board.wanted();
        let linked = self.board.linked();
        self.idle
            .retain(|place, _| linked.contains_key(place) && !wanted.contains(place));
        for (place, linked) in linked {
            if wanted.contains(&place) {
                continue;
            }
            let since = *self.idle.entry(place.clone()).or_insert_with(Instant::now);
            if since.elapsed() >= LEAVES {
                linked.leave.notify_one();
                self.idle.remove(&place);
            }
        }
    }

    /// When the next of them is left.
    fn leaves_at(&self) -> Option<Instant> {
        self.idle.values().min().map(|since| *since + LEAVES)
    }

    /// Whether all is well, for those who look.
    fn show(&self) {
        let whole = self.board.is_whole();
        if whole != self.means.link.is_up() {
            match whole {
                true => info!("every slot of the cluster is linked"),
                false => warn!("some slots of the cluster have no node that is linked"),
            }
        }
        self.means.link.set_up(whole);
        self.means.metrics.redis_up.set(whole.into());
        let (many, nowhere) = self.board.slots();
        self.means.metrics.slots_nowhere.set(nowhere as i64);
        let linked = self.board.linked();
        let nodes = many.into_iter().map(|(place, slots)| Seen {
            linked: linked.contains_key(&place),
            node: place.to_string(),
            slots: Some(slots),
        });
        let nodes: Vec<Seen> = nodes.collect();
        self.means.metrics.nodes(nodes.iter().map(|seen| OfNode {
            node: seen.node.clone(),
            linked: seen.linked,
            slots: seen.slots.unwrap_or(0) as i64,
        }));
        self.means.link.set_nodes(nodes);
    }
}

/// Keeps one node linked until it is not wanted any more.
async fn keep(means: &Arc<Means>, board: &Arc<Board>, at: &Endpoint, place: Place) {
    let mut backoff = Backoff::default();
    while board.wanted().contains(&place) {
        let member = Member {
            board: board.clone(),
            place: place.clone(),
        };
        let node = match Node::connect(means, at, Some(member)).await {
            Ok(node) => node,
            Err(refusal) => {
                warn!(node = at.shown, %refusal, "a node of the cluster cannot be reached");
                board.unasked(&place);
                sleep(backoff.next()).await;
                continue;
            }
        };
        let (generation, leave) = (node.generation(), Arc::new(Notify::new()));
        board.link(&place, node.linked(leave.clone()));
        info!(node = at.shown, "a node of the cluster is linked");
        let began = Instant::now();
        let why = tokio::select! {
            biased;
            () = leave.notified() => LEFT,
            why = node.serve() => why,
        };
        board.unlink(&place, generation);
        if why == LEFT {
            info!(node = at.shown, why, "a node of the cluster is left");
            continue;
        }
        means.metrics.redis_lost.inc();
        warn!(node = at.shown, why, "the connection to a node is lost");
        backoff.lived(began.elapsed());
        sleep(backoff.next()).await;
    }
}

const LEFT: &str = "it owns no slots";
