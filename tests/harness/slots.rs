//! What a cluster's node says of who owns which slots, and how one moves from node to node.

use crate::redis::Redis;
use crate::value::{ok, words};
use redis::{Value, cmd};
use std::ops::RangeInclusive;

/// How a slot moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `SETSLOT`, `MIGRATE` of each key, `SETSLOT`: every version.
    Keys,
    /// `CLUSTER MIGRATESLOTS`: Valkey from 9.0 on.
    Atomic,
}

impl Way {
    /// Whether this node knows it.
    pub fn is_known_to(self, node: &Redis) -> bool {
        match self {
            Self::Keys => true,
            Self::Atomic => {
                let info: Value =
                    node.query(cmd("COMMAND").arg("INFO").arg("CLUSTER|MIGRATESLOTS"));
                matches!(info, Value::Array(list) if list.iter().any(|row| *row != Value::Nil))
            }
        }
    }
}

/// Moves a slot, with all its keys, between two nodes, each given with its id. `between` is called after the keys have gone and
/// before the slot does (if it moves in this way). The nodes may agree on it later only.
pub fn move_slot(
    slot: u16,
    way: Way,
    (source, from): (&Redis, &str),
    (target, to): (&Redis, &str),
    between: impl FnOnce(),
) {
    let tell = |node: &Redis, text: String| {
        ok(
            &mut node.connect(),
            &format!("CLUSTER SETSLOT {slot} {text}"),
        );
    };
    match way {
        Way::Keys => {
            tell(target, format!("IMPORTING {from}"));
            tell(source, format!("MIGRATING {to}"));
            migrate_keys(source, target, slot);
            between();
            tell(target, format!("NODE {to}"));
            tell(source, format!("NODE {to}"));
        }
        Way::Atomic => {
            let command = format!("CLUSTER MIGRATESLOTS SLOTSRANGE {slot} {slot} NODE {to}");
            ok(&mut source.connect(), &command);
        }
    }
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

/// What a node says of one of all nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// What it is, `myself` left out.
    pub flags: Vec<String>,
    /// The id of its primary, if it is a replica.
    pub primary: Option<String>,
    /// Since when its slots are its own, so to say.
    pub epoch: u64,
    /// As they are written: `0-8191`, or `5`.
    pub slots: Vec<String>,
}

impl Known {
    /// Of each, by id.
    pub fn all(node: &Redis) -> Vec<Self> {
        let nodes: String = node.query(&words("CLUSTER NODES"));
        let mut all: Vec<Self> = nodes.lines().filter_map(Self::read).collect();
        all.sort();
        all
    }

    /// `id address flags primary ping pong epoch link slot …`
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(' ').collect();
        let flags = fields.get(2)?.split(',').filter(|flag| *flag != "myself");
        let primary = Some(*fields.get(3)?).filter(|id| *id != "-");
        // What is on its way stands in brackets.
        let slots = fields.get(8..).unwrap_or_default().iter();
        let slots = slots.filter(|slot| !slot.starts_with('['));
        Some(Self {
            id: (*fields.first()?).to_owned(),
            flags: flags.map(str::to_owned).collect(),
            primary: primary.map(str::to_owned),
            epoch: fields.get(6)?.parse().ok()?,
            slots: slots.map(|slot| (*slot).to_owned()).collect(),
        })
    }

    /// Whether it is this.
    pub fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own == flag)
    }

    /// Whether it owns a slot.
    pub fn owns(&self, slot: u16) -> bool {
        self.slots
            .iter()
            .filter_map(|text| range(text))
            .any(|range| range.contains(&slot))
    }
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

/// Whether a node takes the cluster for fine.
pub fn is_fine(node: &Redis) -> bool {
    let info: String = node.query(&words("CLUSTER INFO"));
    info.contains("cluster_state:ok")
}
