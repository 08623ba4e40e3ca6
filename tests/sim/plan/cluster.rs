//! Every second run is one of a cluster: its slots move, and what befalls a server befalls one of two.

use super::{Act, FAULTS_UNTIL, Plan, ROOMS};
use crate::pipe::Delay;
use crate::random::Random;

/// Whether a run is one of a cluster, and of which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cluster {
    No,
    /// Whatever fails.
    Yes,
    /// Nothing is lost: nobody is told of another history.
    Lossless,
    /// Nothing fails, and in all rooms but the first people only listen: what is said there they hear in time.
    Listeners,
}

/// The code among [`REFUSALS`](super::REFUSALS).
const CLUSTERDOWN: usize = 4;

impl Cluster {
    pub(crate) const fn of(number: u64) -> Self {
        match number {
            0 => Self::No,
            1 => Self::Yes,
            2 => Self::Lossless,
            _ => Self::Listeners,
        }
    }
}

impl Plan {
    /// How many servers there are.
    pub(crate) fn nodes(&self) -> usize {
        match self.cluster {
            Cluster::No if !self.sentinel => 1,
            _ => 2,
        }
    }

    pub(super) fn cluster(&mut self, random: &mut Random) {
        if random.once_in(2) {
            return;
        }
        self.cluster = random.one_of(&[
            Cluster::Yes,
            Cluster::Yes,
            Cluster::Lossless,
            Cluster::Listeners,
        ]);
        match self.cluster {
            Cluster::Listeners => return self.listeners(random),
            Cluster::Lossless => self
                .acts
                .retain(|(_, act)| !matches!(act, Act::Failover(..) | Act::Delete(_))),
            Cluster::Yes | Cluster::No => {}
        }
        for (_, act) in &mut self.acts {
            *act = act.at(random.to(1) as usize);
        }
        let faults = self.acts.iter().filter(|act| act.1.is_fault());
        let times: Vec<u64> = faults.map(|act| act.0).collect();
        for _ in 0..random.between(1, 5) {
            // Often beside what else fails.
            let at = match random.once_in(2) || times.is_empty() {
                true => random.between(500, FAULTS_UNTIL),
                false => (random.one_of(&times) + random.to(1_000)).saturating_sub(500),
            };
            let act = self.move_of(random);
            self.acts.push((at, act));
        }
        for _ in 0..random.to(20) {
            let at = random.between(1_000, FAULTS_UNTIL);
            self.acts
                .push((at, Act::Outside(random.to(ROOMS as u64 - 1) as usize)));
        }
        if random.once_in(4) {
            let (at, ms) = (random.between(1_000, FAULTS_UNTIL), random.to(3_000));
            for node in 0..2 {
                self.acts.push((at, Act::Refuse(CLUSTERDOWN, ms, node)));
            }
        }
    }

    fn move_of(&self, random: &mut Random) -> Act {
        let room = random.one_of(&[0, 0, 1, 2]);
        let ms = random.one_of(&[0, 20, 300, 3_000]);
        match random.to(9) {
            0..=3 => Act::Move(room, ms, 0),
            4..=6 => Act::Move(room, ms, random.between(1, 3) as usize),
            7 | 8 => Act::MoveAtOnce(room, random.to(1)),
            _ => Act::HandOver(random.to(1) as usize),
        }
    }

    /// Somebody says something in their rooms all the time, while these move for long.
    fn listeners(&mut self, random: &mut Random) {
        let mut said = 0;
        self.acts.retain(|(_, act)| match act {
            Act::Publish(_, 0, size) => {
                said += 1;
                *size == 0 && said % 4 == 0
            }
            Act::Drop(..) | Act::Logout(..) | Act::Signal(_, 0) => true,
            _ => false,
        });
        let delay = |least: u64| Delay {
            least,
            most: least + 4,
        };
        (self.commands, self.announcements) = (delay(random.to(1)), delay(random.to(1)));
        self.network = delay(1);
        for _ in 0..random.between(1, 3) {
            let (at, room) = (
                random.between(500, FAULTS_UNTIL / 2),
                random.between(1, 2) as usize,
            );
            let act = match random.to(3) {
                0 => Act::MoveAtOnce(room, random.to(1)),
                _ => Act::Move(room, random.one_of(&[20, 1_000, 15_000]), 0),
            };
            self.acts.push((at, act));
        }
        let mut at = random.between(500, 3_000);
        while at < FAULTS_UNTIL {
            self.acts
                .push((at, Act::Outside(random.between(1, 2) as usize)));
            at += random.between(100, 3_000);
        }
    }
}
