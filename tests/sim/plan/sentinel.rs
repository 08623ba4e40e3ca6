//! Every third run that is not one of a cluster has two servers and sentinels: now and then these make the replica the primary,
//! while the old one lives on for a moment and takes what it is given.

use super::{Act, DEVICES, FAULTS_UNTIL, Plan, ROOMS};
use crate::random::Random;

impl Plan {
    /// Whose acts are of server 0 are of the primary then, whichever that is; those of server 1 of the other one.
    pub(super) fn sentinel(&mut self, random: &mut Random) {
        if self.nodes() > 1 || !random.once_in(3) {
            return;
        }
        self.sentinel = true;
        for (_, act) in &mut self.acts {
            *act = match *act {
                Act::Failover(lag, ..) => switch(lag, random),
                other => other.at(usize::from(random.once_in(4))),
            };
        }
        let faults = self.acts.iter().filter(|act| act.1.is_fault());
        let times: Vec<u64> = faults.map(|act| act.0).collect();
        for _ in 0..random.between(1, 4) {
            // Often beside what else fails: it is why sentinels do it.
            let at = match random.once_in(2) || times.is_empty() {
                true => random.between(500, FAULTS_UNTIL),
                false => random.one_of(&times) + random.to(3_000),
            };
            let lag = random.one_of(&[0, 50, 1_000]);
            let act = switch(random.to(lag), random);
            self.acts.push((at.min(FAULTS_UNTIL), act));
            // People come and go meanwhile, and talk.
            for _ in 0..random.to(4) {
                let (at, ms) = (at + random.to(2_500), random.to(1_500));
                let device = random.to(DEVICES as u64 - 1) as usize;
                self.acts
                    .push((at.min(FAULTS_UNTIL), Act::Drop(device, ms)));
            }
            for _ in 0..random.to(15) {
                let (at, room) = (at + random.to(2_500), random.one_of(&[0, 0, 1, 2]));
                let act = match random.once_in(3) {
                    true => Act::Outside(room),
                    false => Act::Publish(random.to(DEVICES as u64 - 1) as usize, room, 0),
                };
                self.acts.push((at.min(FAULTS_UNTIL), act));
            }
        }
        for _ in 0..random.to(5) {
            let at = random.between(1_000, FAULTS_UNTIL);
            self.acts
                .push((at, Act::Outside(random.to(ROOMS as u64 - 1) as usize)));
        }
    }
}

fn switch(lag: u64, random: &mut Random) -> Act {
    let lives = random.one_of(&[0, 300, 3_000, 3_000]);
    Act::Switch(lag, random.to(lives), usize::from(random.once_in(3)))
}
