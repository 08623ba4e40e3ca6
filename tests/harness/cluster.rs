//! Two primaries of a cluster, and a slot that moves between them.

use crate::eventually::eventually;
use crate::follower::Follower;
use crate::redis::Redis;
use crate::slots::{Known, Way, is_fine, move_slot};
use crate::value::{ok, text, words};
use redis::Value;

/// What the tests' nodes are started with. Nobody is taken for dead: no test here wants a failover.
pub const OPTIONS: [&str; 6] = [
    "--save",
    "",
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "60000",
];

/// See the top of the file. Each owns half of the slots.
pub struct Primaries {
    /// The nodes.
    pub nodes: [Redis; 2],
    ids: [String; 2],
}

impl Primaries {
    /// Starts both and waits until each takes the cluster for fine.
    pub fn start() -> Self {
        let nodes = [Redis::with(&OPTIONS), Redis::with(&OPTIONS)];
        for (node, (slots, epoch)) in nodes.iter().zip([("0 8191", 1), ("8192 16383", 2)]) {
            own(node, slots, epoch);
        }
        ok(
            &mut nodes[0].connect(),
            &format!("CLUSTER MEET 127.0.0.1 {}", nodes[1].port),
        );
        let ids = [0, 1].map(|at: usize| text(&ok(&mut nodes[at].connect(), "CLUSTER MYID")));
        let both = Self { nodes, ids };
        both.nodes
            .iter()
            .for_each(|node| wait_for_state(node, "ok"));
        both.wait_for_agreement();
        both
    }

    /// A client of both.
    pub fn follower(&self) -> Follower {
        Follower::of(self.nodes.iter().map(|node| node.port))
    }

    /// Which node owns the key's slot: the one that does not point elsewhere.
    pub fn owner(&self, key: &str) -> usize {
        eventually("exactly one node owns the slot", || {
            let owns = [0, 1].map(|at: usize| {
                let exists = words(&format!("EXISTS {key}"));
                exists
                    .query::<Value>(&mut self.nodes[at].connect())
                    .is_ok_and(|value| matches!(value, Value::Int(_)))
            });
            match owns {
                [true, false] => Some(0),
                [false, true] => Some(1),
                _ => None,
            }
        })
    }

    /// Moves the key's slot, with all its keys, to the other node, and returns when both agree. `between` is called
    /// after the keys have gone and before the slot does (if it moves in this way).
    pub fn move_slot(&self, way: Way, key: &str, between: impl FnOnce()) {
        let from = self.owner(key);
        let to = 1 - from;
        let slot: u16 = self.nodes[from].query(&words(&format!("CLUSTER KEYSLOT {key}")));
        let of = |at: usize| (&self.nodes[at], &*self.ids[at]);
        move_slot(slot, way, of(from), of(to), between);
        eventually("the slot has moved", || {
            (self.owner(key) == to).then_some(())
        });
        self.wait_for_agreement();
    }

    /// Waits until both nodes say the same of who owns what since when. A slot that went back before its owner had
    /// heard of the other's epoch would be claimed by both, or by none.
    fn wait_for_agreement(&self) {
        eventually("the nodes agree", || {
            let views = [0, 1].map(|at: usize| Known::all(&self.nodes[at]));
            (views[0] == views[1]).then_some(())
        });
    }

    /// Whether the nodes know this way.
    pub fn know(&self, way: Way) -> bool {
        way.is_known_to(&self.nodes[0])
    }
}

/// A new node owns these slots. Two of one epoch would settle that between them later, and slots with it.
pub(crate) fn own(node: &Redis, slots: &str, epoch: usize) {
    let mut c = node.connect();
    ok(&mut c, &format!("CLUSTER ADDSLOTSRANGE {slots}"));
    ok(&mut c, &format!("CLUSTER SET-CONFIG-EPOCH {epoch}"));
}

/// Waits until a node says that the cluster is in this state.
pub fn wait_for_state(node: &Redis, state: &str) {
    eventually("the cluster's state", || {
        (is_fine(node) == (state == "ok")).then_some(())
    });
}
