//! Two primaries of a cluster, and a slot that moves between them.

use crate::connection::Connection;
use crate::eventually::eventually;
use crate::redis::Redis;
use crate::value::{ok, text, words};
use redis::{Cmd, RedisError, Value};
use std::time::Duration;

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

/// How a slot moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `SETSLOT`, `MIGRATE` of each key, `SETSLOT`: every version.
    Keys,
    /// `CLUSTER MIGRATESLOTS`: Valkey from 9.0 on.
    Atomic,
}

impl Primaries {
    /// Starts both and waits until each takes the cluster for fine.
    pub fn start() -> Self {
        let nodes = [Redis::with(&OPTIONS), Redis::with(&OPTIONS)];
        for (node, (slots, epoch)) in nodes.iter().zip([("0 8191", 1), ("8192 16383", 2)]) {
            ok(
                &mut node.connect(),
                &format!("CLUSTER ADDSLOTSRANGE {slots}"),
            );
            // Two nodes of one epoch would settle that between them later, and slots with it.
            ok(
                &mut node.connect(),
                &format!("CLUSTER SET-CONFIG-EPOCH {epoch}"),
            );
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
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        let tell = |node: &Redis, text: String| {
            ok(
                &mut node.connect(),
                &format!("CLUSTER SETSLOT {slot} {text}"),
            );
        };
        match way {
            Way::Keys => {
                tell(target, format!("IMPORTING {}", self.ids[from]));
                tell(source, format!("MIGRATING {}", self.ids[to]));
                migrate_keys(source, target, slot);
                between();
                tell(target, format!("NODE {}", self.ids[to]));
                tell(source, format!("NODE {}", self.ids[to]));
            }
            Way::Atomic => {
                let id = &self.ids[to];
                let command = format!("CLUSTER MIGRATESLOTS SLOTSRANGE {slot} {slot} NODE {id}");
                ok(&mut source.connect(), &command);
            }
        }
        eventually("the slot has moved", || {
            (self.owner(key) == to).then_some(())
        });
        self.wait_for_agreement();
    }

    /// Waits until both nodes say the same of who owns what since when. A slot that went back before its owner had
    /// heard of the other's epoch would be claimed by both, or by none.
    fn wait_for_agreement(&self) {
        eventually("the nodes agree", || {
            let views = [0, 1].map(|at: usize| view(&self.nodes[at]));
            (views[0] == views[1]).then_some(())
        });
    }

    /// Whether the nodes know this way.
    pub fn know(&self, way: Way) -> bool {
        match way {
            Way::Keys => true,
            Way::Atomic => {
                let info: Value = self.nodes[0].query(
                    redis::cmd("COMMAND")
                        .arg("INFO")
                        .arg("CLUSTER|MIGRATESLOTS"),
                );
                matches!(info, Value::Array(list) if list.iter().any(|row| *row != Value::Nil))
            }
        }
    }
}

/// What a node knows of all nodes: id, epoch and slots, by id.
fn view(node: &Redis) -> Vec<String> {
    let nodes: String = node.query(&words("CLUSTER NODES"));
    let mut view: Vec<String> = nodes
        .lines()
        .map(|line| {
            // id address flags primary ping pong epoch link slot …
            let fields: Vec<&str> = line.split(' ').collect();
            let slots = fields.get(8..).unwrap_or_default().join(" ");
            format!("{} {} {slots}", fields[0], fields[6])
        })
        .collect();
    view.sort();
    view
}

/// Waits until a node says that the cluster is in this state.
pub fn wait_for_state(node: &Redis, state: &str) {
    eventually("the cluster's state", || {
        let info: String = node.query(&words("CLUSTER INFO"));
        info.contains(&format!("cluster_state:{state}"))
            .then_some(())
    });
}

fn migrate_keys(source: &Redis, target: &Redis, slot: u16) {
    let mut c = source.connect();
    loop {
        let some = words(&format!("CLUSTER GETKEYSINSLOT {slot} 100"));
        let keys: Vec<String> = some.query(&mut c).expect("keys");
        if keys.is_empty() {
            return;
        }
        let mut migrate = words(&format!("MIGRATE 127.0.0.1 {}", target.port));
        migrate.arg("").arg(0).arg(5000).arg("KEYS").arg(keys);
        migrate.query::<Value>(&mut c).expect("keys that go");
    }
}

/// A client of both nodes that goes where it is sent, as cluster clients do.
pub struct Follower {
    connections: [Connection; 2],
    ports: [u16; 2],
    at: usize,
}

impl Follower {
    /// One that begins at the first node.
    pub fn of(both: &Primaries) -> Self {
        let [one, two] = &both.nodes;
        Self {
            connections: [one.connect(), two.connect()],
            ports: [one.port, two.port],
            at: 0,
        }
    }

    /// Runs a command where the slot is. What is sent elsewhere was not executed, so that it may be sent again.
    pub fn run(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let (mut to, mut asking) = (self.at, false);
        for _ in 0..10_000 {
            let connection = &mut self.connections[to];
            if asking {
                words("ASKING").query::<()>(connection)?;
            }
            let error = match command.query::<Value>(connection) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            asking = error.code() == Some("ASK");
            match error.code() {
                Some("ASK") => to = self.place(&error),
                Some("MOVED") => {
                    self.at = self.place(&error);
                    to = self.at;
                }
                Some("TRYAGAIN" | "CLUSTERDOWN") => {
                    to = self.at;
                    std::thread::sleep(Duration::from_millis(1));
                }
                _ => return Err(error),
            }
        }
        panic!("sent here and there without an end");
    }

    /// Which node an error names: `<slot> <host>:<port>`.
    fn place(&self, error: &RedisError) -> usize {
        let detail = error.detail().unwrap_or_default();
        let port = detail.rsplit(':').next().and_then(|port| port.parse().ok());
        let place = port.and_then(|port: u16| self.ports.iter().position(|known| *known == port));
        place.unwrap_or_else(|| panic!("no node of ours: {error}"))
    }
}
