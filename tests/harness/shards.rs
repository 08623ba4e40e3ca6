//! A whole cluster: primaries with a replica each, whose slots move, and whose nodes fail, come and go.

use crate::cluster::own;
use crate::eventually::within;
use crate::redis::Redis;
use crate::slots::{Known, Way, is_fine, move_slot};
use crate::value::{ok, text};
use room_core::slots::{SLOTS, slot_of};
use std::time::Duration;

/// After so many milliseconds a node that says nothing is taken for dead.
pub const NODE_TIMEOUT: u64 = 2000;
/// A failover after another one, with all that belongs to it.
const PATIENCE: Duration = Duration::from_secs(60);

struct Node {
    redis: Redis,
    id: String,
    /// It runs, and answers.
    is_here: bool,
    /// It was taken out of the cluster.
    is_out: bool,
}

/// See the top of the file. Nodes are known by their place in the order in which they came.
pub struct Shards {
    nodes: Vec<Node>,
    options: Vec<String>,
}

impl Shards {
    /// So many primaries, each with an equal part of the slots and a replica, when all agree. Each server has these options.
    pub fn start(primaries: usize, options: &[&str]) -> Self {
        let timeout = NODE_TIMEOUT.to_string();
        let of_a_node = [
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            &timeout,
            // However long it was out of touch: tests freeze primaries for longer than their replicas would wait.
            "--cluster-replica-validity-factor",
            "0",
            "--cluster-allow-replica-migration",
            "no",
        ];
        let all = of_a_node.iter().chain(options);
        let mut shards = Self {
            nodes: Vec::new(),
            options: all.map(|option| (*option).to_owned()).collect(),
        };
        for _ in 0..2 * primaries {
            shards.push();
        }
        for at in 0..primaries {
            let part = |at: usize| at * SLOTS / primaries;
            let slots = format!("{} {}", part(at), part(at + 1) - 1);
            own(&shards.nodes[at].redis, &slots, at + 1);
        }
        for at in 1..shards.nodes.len() {
            shards.meet(at);
        }
        shards.know_each_other();
        for at in 0..primaries {
            shards.replicate(primaries + at, at);
        }
        shards.settled();
        shards
    }

    /// Another node, that nobody knows yet.
    fn push(&mut self) -> usize {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let redis = Redis::with(&options);
        let id = text(&ok(&mut redis.connect(), "CLUSTER MYID"));
        self.nodes.push(Node {
            redis,
            id,
            is_here: true,
            is_out: false,
        });
        self.nodes.len() - 1
    }

    fn meet(&self, at: usize) {
        let port = self.nodes[at].redis.port;
        for other in self.places().into_iter().filter(|other| *other != at) {
            let mut c = self.redis(other).connect();
            ok(&mut c, &format!("CLUSTER MEET 127.0.0.1 {port}"));
        }
    }

    fn know_each_other(&self) {
        let all = self.nodes.iter().filter(|node| !node.is_out).count();
        within(PATIENCE, "all nodes know each other", || {
            let knows = |at: usize| {
                let known = Known::all(self.redis(at));
                known.len() == all && !known.iter().any(|known| known.is("handshake"))
            };
            self.places().into_iter().all(knows).then_some(())
        });
    }

    fn replicate(&self, replica: usize, primary: usize) {
        let command = format!("CLUSTER REPLICATE {}", self.nodes[primary].id);
        within(PATIENCE, "it becomes a replica", || {
            self.redis(replica).run_words(&command).ok()
        });
    }

    /// One of them.
    pub fn redis(&self, at: usize) -> &Redis {
        &self.nodes[at].redis
    }

    /// The same, to end it or to see that it ended.
    pub fn redis_mut(&mut self, at: usize) -> &mut Redis {
        &mut self.nodes[at].redis
    }

    /// Those that run and answer.
    pub fn places(&self) -> Vec<usize> {
        let places = self.nodes.iter().enumerate();
        let places = places.filter(|(_, node)| node.is_here && !node.is_out);
        places.map(|(at, _)| at).collect()
    }

    /// Where all of them are, those that do not run included.
    pub fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(|node| node.redis.port).collect()
    }

    /// For a proxy.
    pub fn url(&self) -> String {
        let seeds = self.ports().into_iter();
        let seeds: Vec<String> = seeds.map(|port| format!("127.0.0.1:{port}")).collect();
        format!("redis+cluster://{}", seeds.join(","))
    }

    fn at(&self, id: &str) -> usize {
        let at = self.nodes.iter().position(|node| node.id == id);
        at.expect("one of the nodes")
    }

    /// Those that own slots.
    pub fn primaries(&self) -> Vec<usize> {
        let known = Known::all(self.redis(self.places()[0]));
        let owners = known.iter().filter(|known| !known.slots.is_empty());
        owners.map(|known| self.at(&known.id)).collect()
    }

    /// Who owns a key's slot.
    pub fn owner(&self, key: &str) -> usize {
        let slot = slot_of(key.as_bytes());
        let known = Known::all(self.redis(self.places()[0]));
        let owner = known.iter().find(|known| known.owns(slot));
        self.at(&owner.expect("an owner").id)
    }

    /// Which slots it owns now.
    pub fn slots_of(&self, at: usize) -> impl Fn(u16) -> bool + use<> {
        let known = Known::all(self.redis(self.places()[0]));
        let known = known
            .into_iter()
            .find(|known| known.id == self.nodes[at].id);
        let known = known.expect("one of the nodes");
        move |slot| known.owns(slot)
    }

    /// A replica of this one.
    pub fn replica_of(&self, primary: usize) -> usize {
        let id = &self.nodes[primary].id;
        let known = Known::all(self.redis(self.places()[0]));
        let replica = known
            .iter()
            .find(|known| known.primary.as_ref() == Some(id));
        self.at(&replica.expect("a replica").id)
    }

    /// Whether the nodes know this way.
    pub fn know(&self, way: Way) -> bool {
        way.is_known_to(self.redis(self.places()[0]))
    }

    /// Moves a key's slot, with all its keys. `between` is called after the keys have gone and before the slot does (if it moves
    /// in this way).
    pub fn move_slot(&self, key: &str, to: usize, way: Way, between: impl FnOnce()) {
        let from = self.owner(key);
        let of = |at: usize| (self.redis(at), &*self.nodes[at].id);
        move_slot(slot_of(key.as_bytes()), way, of(from), of(to), between);
        within(PATIENCE, "the slot has moved", || {
            (self.owner(key) == to).then_some(())
        });
        self.agree();
    }

    /// Lets a replica take its primary's place, which agrees.
    pub fn fail_over(&self, replica: usize) {
        ok(&mut self.redis(replica).connect(), "CLUSTER FAILOVER");
        self.takes_over(replica);
    }

    /// Waits until all that run and answer take this one for a primary, and the cluster for fine.
    pub fn takes_over(&self, replica: usize) {
        let id = &self.nodes[replica].id;
        within(PATIENCE, "the replica takes over", || {
            let sees = |at: usize| {
                let redis = self.redis(at);
                let known = Known::all(redis);
                let own = known.iter().find(|known| known.id == *id);
                own.is_some_and(|own| !own.slots.is_empty()) && is_fine(redis)
            };
            self.places().into_iter().all(sees).then_some(())
        });
    }

    /// Kills one without a warning.
    pub fn kill(&mut self, at: usize) {
        self.nodes[at].is_here = false;
        self.nodes[at].redis.kill();
    }

    /// Starts it again where it was, with what it had.
    pub fn start_again(&mut self, at: usize) {
        self.nodes[at].redis.start_again();
        self.nodes[at].is_here = true;
    }

    /// It stands still, but its connections stay; or goes on.
    pub fn freeze(&mut self, at: usize, frozen: bool) {
        self.nodes[at].is_here = !frozen;
        let process = self.nodes[at].redis.process();
        process.signal(if frozen { "STOP" } else { "CONT" });
    }

    /// A primary without slots comes; its place.
    pub fn add(&mut self) -> usize {
        let at = self.push();
        self.meet(at);
        self.know_each_other();
        self.settled();
        at
    }

    /// One that owns no slots leaves for ever.
    pub fn remove(&mut self, at: usize) {
        self.nodes[at].is_out = true;
        let command = format!("CLUSTER FORGET {}", self.nodes[at].id);
        for other in self.places() {
            ok(&mut self.redis(other).connect(), &command);
        }
        self.nodes[at].redis.stop();
        self.settled();
    }

    /// Waits until all that run say the same of who owns what, take the cluster for fine, and have replicas in step: only then can
    /// the next failover happen.
    pub fn settled(&self) {
        within(PATIENCE, "the cluster is fine", || {
            let places = self.places();
            let linked = |at: usize| {
                let info: String = self.redis(at).query(redis::cmd("INFO").arg("everything"));
                info.contains("role:master")
                    || info.contains("master_link_status:up") && info.contains("\nloading:0")
            };
            let fine = places
                .iter()
                .all(|at| is_fine(self.redis(*at)) && linked(*at));
            (fine && self.is_agreed()).then_some(())
        });
    }

    fn agree(&self) {
        within(PATIENCE, "the nodes agree", || {
            self.is_agreed().then_some(())
        });
    }

    fn is_agreed(&self) -> bool {
        let places = self.places().into_iter();
        let mut views = places.map(|at| Known::all(self.redis(at)));
        let Some(first) = views.next() else {
            return true;
        };
        let failing = |known: &Known| known.is("fail") || known.is("fail?");
        let here = |known: &Known| self.nodes[self.at(&known.id)].is_here;
        let healthy = |known: &Known| !here(known) || !failing(known);
        first.iter().all(healthy) && views.all(|view| same(&view, &first))
    }
}

/// Whether two say the same of who owns what since when, and of who replicates whom.
fn same(one: &[Known], other: &[Known]) -> bool {
    let of = |known: &Known| {
        let epoch = known.primary.is_none().then_some(known.epoch);
        (
            known.id.clone(),
            known.primary.clone(),
            epoch,
            known.slots.clone(),
        )
    };
    one.iter().map(of).eq(other.iter().map(of))
}
