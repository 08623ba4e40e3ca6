//! What people do and what fails, drawn from a seed.

use super::act::BUSY;
use super::{Act, Cluster, DEVICES, END, FAULTS_UNTIL, GUEST, PROXIES, Plan, ROOMS, TALK_UNTIL};
use crate::random::Random;

/// Somebody who brings no position, and a room of hers that has a small limit.
const PLAIN: usize = 4;
const SMALL: usize = 1;
/// So many messages at least.
const LEAST_TALK: usize = 200;

impl Plan {
    /// `quiet`: nobody says anything in a room after that.
    fn publish(&mut self, random: &mut Random, at: u64, quiet: [u64; ROOMS]) {
        let room = random.one_of(&[0, 0, 0, 1, 2]);
        let device = random.to(DEVICES as u64 - 1) as usize;
        let size = random.one_of(&[0, 0, 0, 0, 100, 1500]);
        if at <= quiet[room] {
            self.acts.push((at, Act::Publish(device, room, size)));
        }
    }

    pub(super) fn talk(&mut self, random: &mut Random) {
        // In a room in which somebody talks until the end, that may heal what a fault left.
        let quiet = [(); ROOMS].map(|()| match random.once_in(4) {
            true => random.between(10_000, FAULTS_UNTIL),
            false => TALK_UNTIL,
        });
        // And the last words of a room are acknowledged while that is refused.
        for at in quiet.into_iter().filter(|at| *at < TALK_UNTIL) {
            if random.once_in(2) {
                let (which, ms) = (random.to(3) as usize, random.between(300, 2_000));
                self.acts
                    .push((at - random.to(500), Act::Refuse(which, ms, 0)));
                for _ in 0..3 {
                    let when = at - random.to(500);
                    self.publish(random, when, quiet);
                }
            }
        }
        for _ in 0..random.between(60, 140) {
            let at = random.between(200, TALK_UNTIL);
            self.publish(random, at, quiet);
        }
        // More than a room can take for a moment, from one or from many.
        for _ in 0..random.between(3, 8) {
            let (at, span) = (
                random.between(500, FAULTS_UNTIL + 8000),
                random.one_of(&[1, 50, 500, 3000]),
            );
            let one = random
                .once_in(3)
                .then(|| random.to(DEVICES as u64 - 1) as usize);
            for _ in 0..random.between(10, 60) {
                let when = at + random.to(span);
                match one {
                    Some(device) if when <= quiet[0] => {
                        self.acts.push((when, Act::Publish(device, 0, 20)));
                    }
                    Some(_) => {}
                    None => self.publish(random, when, quiet),
                }
            }
        }
        while self.acts.len() < LEAST_TALK {
            let at = random.between(200, FAULTS_UNTIL);
            self.publish(random, at, quiet);
        }
        for _ in 0..random.to(30) {
            let (device, room) = (
                random.to(DEVICES as u64 - 1) as usize,
                random.one_of(&[0, 0, 1]),
            );
            self.acts
                .push((random.between(500, TALK_UNTIL), Act::Signal(device, room)));
        }
    }

    pub(super) fn people(&mut self, random: &mut Random) {
        for _ in 0..random.between(1, 6) {
            let at = random.between(500, FAULTS_UNTIL);
            let device = random.to(DEVICES as u64 - 1) as usize;
            let room = random.one_of(&[0, 0, 1, 2]);
            let (short, long) = (random.between(0, 2_000), random.between(2_000, 20_000));
            let ms = if random.once_in(3) { long } else { short };
            self.acts.push((
                at,
                match random.to(7) {
                    0..=2 => Act::Drop(device, ms),
                    3 => Act::Logout(device, ms),
                    4 => Act::Crawl(device, ms / 2),
                    5 => Act::Leave(device, room),
                    _ => Act::Kick(device, room),
                },
            ));
        }
        // Somebody is kicked at the moment of its return.
        if random.once_in(4) {
            let (at, ms) = (
                random.between(500, FAULTS_UNTIL),
                random.between(100, 3_000),
            );
            let device = random.to(DEVICES as u64 - 1) as usize;
            self.acts.push((at, Act::Drop(device, ms)));
            self.acts
                .push((at + ms + random.to(400), Act::Kick(device, 0)));
        }
        // Somebody is not there at the end.
        match random.to(5) {
            0 => self.acts.push((FAULTS_UNTIL + 5_000, Act::Drop(7, END))),
            1 => self.acts.push((FAULTS_UNTIL + 5_000, Act::Logout(7, END))),
            _ => {}
        }
    }

    /// In every second run there is a guest, who talks and comes and goes as others do.
    pub(super) fn guest(&mut self, random: &mut Random) {
        self.guest = random.once_in(2);
        if !self.guest {
            return;
        }
        for _ in 0..random.between(5, 20) {
            let (at, room) = (random.between(200, FAULTS_UNTIL), random.to(2) as usize);
            self.acts.push((at, Act::Publish(GUEST, room, 0)));
        }
        for _ in 0..random.to(4) {
            let (at, ms) = (random.between(500, FAULTS_UNTIL), random.to(6_000));
            let room = random.to(2) as usize;
            let act = match random.to(4) {
                0..=1 => Act::Drop(GUEST, ms),
                2 => Act::Logout(GUEST, ms),
                3 => Act::Crawl(GUEST, ms / 2),
                _ => Act::Kick(GUEST, room),
            };
            self.acts.push((at, act));
        }
    }

    /// Somebody reads back now and then.
    pub(super) fn history(&mut self, random: &mut Random) {
        let most = DEVICES - usize::from(!self.guest);
        for _ in 0..random.between(5, 25) {
            let at = random.between(500, TALK_UNTIL);
            let device = random.to(most as u64) as usize;
            let room = random.one_of(&[0, 0, 1, 2]);
            self.acts.push((at, Act::ReadBack(device, room)));
        }
    }

    /// In every third run somebody who brings no position is away, or reads nothing, while more is said than a small room keeps,
    /// and goes again about when it is told so.
    pub(super) fn losses(&mut self, random: &mut Random) {
        if self.cluster == Cluster::Listeners || !random.once_in(3) {
            return;
        }
        let at = random.between(2_000, FAULTS_UNTIL - 15_000);
        let ms = random.between(500, 4_000);
        let away = match random.once_in(3) {
            true => Act::Crawl(PLAIN, ms),
            false => Act::Drop(PLAIN, ms),
        };
        self.acts.push((at, away));
        for _ in 0..random.between(31, 60) {
            self.acts.push((at + random.to(ms), Act::Outside(SMALL)));
        }
        let mut when = at + ms;
        for _ in 0..random.between(1, 3) {
            when += random.to(700);
            let short = random.between(100, 3_000);
            self.acts.push((when, Act::Drop(PLAIN, short)));
            when += short;
        }
    }

    pub(super) fn faults(&mut self, random: &mut Random) {
        // One to three times in a run, at one moment or nearly so, then quiet.
        for _ in 0..random.between(1, 3) {
            let at = random.between(1_000, FAULTS_UNTIL - 8_000);
            for _ in 0..random.between(1, 3) {
                let when = at + random.to(random.clone().one_of(&[0, 300, 5_000]));
                let fault = fault(random);
                self.acts.push((when, fault));
                // Refused while everything is announced again.
                if matches!(fault, Act::Cut(..)) && random.once_in(3) {
                    let ms = random.between(200, 1_500);
                    self.acts.push((when, Act::Refuse(BUSY, ms, 0)));
                }
            }
        }
        let faults = self.acts.iter().filter(|act| act.1.is_fault()).count();
        if faults < 2 {
            let fault = fault(random);
            self.acts.push((random.between(1_000, FAULTS_UNTIL), fault));
        }
    }
}

fn fault(random: &mut Random) -> Act {
    let proxy = random.to(PROXIES as u64 - 1) as usize;
    let ms = match random.to(3) {
        0 => random.between(10, 200),
        1 => random.between(200, 1_500),
        2 => random.between(1_500, 4_000),
        _ => random.between(4_000, 7_000),
    };
    match random.to(15) {
        0 | 1 => Act::Cut(proxy, ms, random.to(1), 0),
        2 => Act::StallServer(ms, 0),
        3 => Act::StallCommands(proxy, ms, 0),
        4 => Act::StallAnnouncements(proxy, ms, 0),
        5 => Act::Restart(ms / 2, 0),
        6 => Act::Failover(random.between(0, 1_000), ms / 2, 0),
        7 | 8 => Act::Refuse(random.to(3) as usize, ms, 0),
        9 => match random.to(1) {
            0 => Act::JumpBack(3_600_000),
            _ => Act::JumpForth(3_600_000),
        },
        10 => Act::Delete(random.to(ROOMS as u64 - 1) as usize),
        11 => Act::Kill(proxy, ms / 2),
        12 => Act::Stop(proxy, ms / 2),
        13 => Act::Pause(proxy, ms),
        14 => Act::Crawl(random.to(DEVICES as u64 - 1) as usize, ms),
        _ => Act::Kick(random.to(DEVICES as u64 - 1) as usize, 0),
    }
}
