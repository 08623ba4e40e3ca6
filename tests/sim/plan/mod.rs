//! What happens in a run: drawn from its seed, written as a text, read back.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | a plan, as a text |
//! | `act` | one thing that happens |
//! | `draw` | what people do and what fails, from a seed |
//! | `cluster` | what there is more of in a cluster |
//! | `sentinel` | the same where sentinels watch a primary and its replica |

mod act;
mod cluster;
mod draw;
mod sentinel;

use crate::pipe::Delay;
use crate::random::Random;
pub(crate) use act::{Act, NAMES_OF_FAULTS, REFUSALS};
pub(crate) use cluster::Cluster;
use std::fmt::{self, Display};

/// Devices, proxies and rooms of a run.
pub(crate) const DEVICES: usize = 8;
/// The device that comes behind them, where there is a guest, and how many there are then.
pub(crate) const GUEST: usize = DEVICES;
pub(crate) const MOST_DEVICES: usize = DEVICES + 1;
pub(crate) const PROXIES: usize = 2;
pub(crate) const ROOMS: usize = 3;
/// Faults and most of the talk are over then (ms).
pub(crate) const FAULTS_UNTIL: u64 = 52_000;
/// Nobody says anything after that.
pub(crate) const TALK_UNTIL: u64 = 75_000;
/// All must be at rest.
pub(crate) const END: u64 = 92_000;

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Of the command connections, the announcement connections, the clients' network.
    pub(crate) commands: Delay,
    pub(crate) announcements: Delay,
    pub(crate) network: Delay,
    /// Somebody is in the rooms without belonging to them.
    pub(crate) guest: bool,
    pub(crate) cluster: Cluster,
    /// Two servers, of which one is the primary, as sentinels say.
    pub(crate) sentinel: bool,
    /// In order of time.
    pub(crate) acts: Vec<(u64, Act)>,
}

impl Plan {
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed, 0);
        let delay = |random: &mut Random| {
            let least = random.one_of(&[0, 0, 1, 10, 50]);
            Delay {
                least,
                most: least + random.one_of(&[0, 5, 50, 150]),
            }
        };
        let mut plan = Self {
            seed,
            commands: delay(&mut random),
            announcements: delay(&mut random),
            network: Delay {
                least: 1,
                most: random.one_of(&[1, 20, 100]),
            },
            guest: false,
            cluster: Cluster::No,
            sentinel: false,
            acts: Vec::new(),
        };
        plan.talk(&mut random);
        plan.people(&mut random);
        plan.faults(&mut random);
        plan.guest(&mut Random::new(seed, 2));
        plan.cluster(&mut Random::new(seed, 4));
        plan.history(&mut Random::new(seed, 6));
        plan.sentinel(&mut Random::new(seed, 8));
        plan.losses(&mut Random::new(seed, 10));
        plan.acts.sort_by_key(|act| act.0);
        plan
    }
}

impl Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        for (name, delay) in [
            ("commands", self.commands),
            ("announcements", self.announcements),
            ("network", self.network),
        ] {
            writeln!(f, "{name} {} {}", delay.least, delay.most)?;
        }
        if self.guest {
            writeln!(f, "guest 1")?;
        }
        if self.cluster != Cluster::No {
            writeln!(f, "cluster {}", self.cluster as u64)?;
        }
        if self.sentinel {
            writeln!(f, "sentinel 1")?;
        }
        for (at, act) in &self.acts {
            let (number, [a, b, c], node) = act.parts();
            write!(f, "{at} {} {a} {b} {c}", Act::NAMES[number])?;
            match node {
                0 => writeln!(f)?,
                _ => writeln!(f, " {node}")?,
            }
        }
        Ok(())
    }
}

impl Plan {
    /// Reads what `Display` wrote; lines that begin with `#` say why it is kept.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let nothing = Delay { least: 0, most: 0 };
        let mut plan = Self {
            seed: 0,
            commands: nothing,
            announcements: nothing,
            network: nothing,
            guest: false,
            cluster: Cluster::No,
            sentinel: false,
            acts: Vec::new(),
        };
        for line in text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
            let delay = || {
                Some(Delay {
                    least: number(1)?,
                    most: number(2)?,
                })
            };
            match words[0] {
                "seed" => plan.seed = number(1)?,
                "commands" => plan.commands = delay()?,
                "announcements" => plan.announcements = delay()?,
                "network" => plan.network = delay()?,
                "guest" => plan.guest = number(1)? == 1,
                "sentinel" => plan.sentinel = number(1)? == 1,
                "cluster" => plan.cluster = Cluster::of(number(1)?),
                _ => {
                    let act = Act::of(words.get(1)?, [number(2)?, number(3)?, number(4)?])?;
                    let node = number(5).unwrap_or(0) as usize;
                    plan.acts.push((number(0)?, act.at(node)));
                }
            }
        }
        Some(plan)
    }
}
