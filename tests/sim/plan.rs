//! What happens in a run: drawn from its seed, written as a text, read back.

use crate::pipe::Delay;
use crate::random::Random;
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
/// So many messages at least.
const LEAST_TALK: usize = 200;
/// All must be at rest.
pub(crate) const END: u64 = 92_000;

/// One thing that happens; `ms` is for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// A device says something in a room, with so many bytes of padding.
    Publish(usize, usize, u64),
    Signal(usize, usize),
    /// A device's connection drops, and it comes back after a while.
    Drop(usize, u64),
    /// It logs out and comes back.
    Logout(usize, u64),
    /// It reads nothing for a while.
    Crawl(usize, u64),
    Leave(usize, usize),
    Kick(usize, usize),
    /// A proxy's link breaks. The server notices after so long; with 1, what was on its way arrives.
    Cut(usize, u64, u64),
    StallServer(u64),
    StallCommands(usize, u64),
    StallAnnouncements(usize, u64),
    Restart(u64),
    /// The replica takes over; it lacks what the last so many ms brought.
    Failover(u64, u64),
    /// The server refuses: with which code.
    Refuse(usize, u64),
    /// The wall clock jumps back or forth so many ms.
    JumpBack(u64),
    JumpForth(u64),
    Delete(usize),
    Kill(usize, u64),
    Stop(usize, u64),
    Pause(usize, u64),
}

const BUSY: usize = 1;
pub(crate) const REFUSALS: [&str; 4] = ["NOREPLICAS", "BUSY", "OOM", "READONLY"];

impl Act {
    const NAMES: [&'static str; 20] = [
        "publish",
        "signal",
        "drop",
        "logout",
        "crawl",
        "leave",
        "kick",
        "cut",
        "stall-server",
        "stall-commands",
        "stall-announcements",
        "restart",
        "failover",
        "refuse",
        "jump-back",
        "jump-forth",
        "delete",
        "kill",
        "stop",
        "pause",
    ];

    fn parts(self) -> (usize, [u64; 3]) {
        let n = |a: usize| a as u64;
        match self {
            Self::Publish(a, b, c) => (0, [n(a), n(b), c]),
            Self::Signal(a, b) => (1, [n(a), n(b), 0]),
            Self::Drop(a, b) => (2, [n(a), b, 0]),
            Self::Logout(a, b) => (3, [n(a), b, 0]),
            Self::Crawl(a, b) => (4, [n(a), b, 0]),
            Self::Leave(a, b) => (5, [n(a), n(b), 0]),
            Self::Kick(a, b) => (6, [n(a), n(b), 0]),
            Self::Cut(a, b, c) => (7, [n(a), b, c]),
            Self::StallServer(a) => (8, [a, 0, 0]),
            Self::StallCommands(a, b) => (9, [n(a), b, 0]),
            Self::StallAnnouncements(a, b) => (10, [n(a), b, 0]),
            Self::Restart(a) => (11, [a, 0, 0]),
            Self::Failover(a, b) => (12, [a, b, 0]),
            Self::Refuse(a, b) => (13, [n(a), b, 0]),
            Self::JumpBack(a) => (14, [a, 0, 0]),
            Self::JumpForth(a) => (15, [a, 0, 0]),
            Self::Delete(a) => (16, [n(a), 0, 0]),
            Self::Kill(a, b) => (17, [n(a), b, 0]),
            Self::Stop(a, b) => (18, [n(a), b, 0]),
            Self::Pause(a, b) => (19, [n(a), b, 0]),
        }
    }

    fn of(name: &str, [a, b, c]: [u64; 3]) -> Option<Self> {
        let n = |a: u64, most: usize| a as usize % most;
        Some(match Self::NAMES.iter().position(|known| *known == name)? {
            0 => Self::Publish(n(a, MOST_DEVICES), n(b, ROOMS), c),
            1 => Self::Signal(n(a, MOST_DEVICES), n(b, ROOMS)),
            2 => Self::Drop(n(a, MOST_DEVICES), b),
            3 => Self::Logout(n(a, MOST_DEVICES), b),
            4 => Self::Crawl(n(a, MOST_DEVICES), b),
            5 => Self::Leave(n(a, MOST_DEVICES), n(b, ROOMS)),
            6 => Self::Kick(n(a, MOST_DEVICES), n(b, ROOMS)),
            7 => Self::Cut(n(a, PROXIES), b, c),
            8 => Self::StallServer(a),
            9 => Self::StallCommands(n(a, PROXIES), b),
            10 => Self::StallAnnouncements(n(a, PROXIES), b),
            11 => Self::Restart(a),
            12 => Self::Failover(a, b),
            13 => Self::Refuse(n(a, REFUSALS.len()), b),
            14 => Self::JumpBack(a),
            15 => Self::JumpForth(a),
            16 => Self::Delete(n(a, ROOMS)),
            17 => Self::Kill(n(a, PROXIES), b),
            18 => Self::Stop(n(a, PROXIES), b),
            _ => Self::Pause(n(a, PROXIES), b),
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refuse(which, _) => REFUSALS[which],
            _ => Self::NAMES[self.parts().0],
        }
    }

    pub(crate) fn is_publish(self) -> bool {
        matches!(self, Self::Publish(..))
    }
}

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
            acts: Vec::new(),
        };
        plan.talk(&mut random);
        plan.people(&mut random);
        plan.faults(&mut random);
        plan.guest(&mut Random::new(seed, 2));
        plan.acts.sort_by_key(|act| act.0);
        plan
    }

    /// `quiet`: nobody says anything in a room after that.
    fn publish(&mut self, random: &mut Random, at: u64, quiet: [u64; ROOMS]) {
        let room = random.one_of(&[0, 0, 0, 1, 2]);
        let device = random.to(DEVICES as u64 - 1) as usize;
        let size = random.one_of(&[0, 0, 0, 0, 100, 1500]);
        if at <= quiet[room] {
            self.acts.push((at, Act::Publish(device, room, size)));
        }
    }

    fn talk(&mut self, random: &mut Random) {
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
                    .push((at - random.to(500), Act::Refuse(which, ms)));
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

    fn people(&mut self, random: &mut Random) {
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
    fn guest(&mut self, random: &mut Random) {
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

    fn faults(&mut self, random: &mut Random) {
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
                    self.acts.push((when, Act::Refuse(BUSY, ms)));
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
        0 | 1 => Act::Cut(proxy, ms, random.to(1)),
        2 => Act::StallServer(ms),
        3 => Act::StallCommands(proxy, ms),
        4 => Act::StallAnnouncements(proxy, ms),
        5 => Act::Restart(ms / 2),
        6 => Act::Failover(random.between(0, 1_000), ms / 2),
        7 | 8 => Act::Refuse(random.to(3) as usize, ms),
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

impl Act {
    pub(crate) fn is_fault(self) -> bool {
        !matches!(
            self,
            Self::Publish(..)
                | Self::Signal(..)
                | Self::Drop(..)
                | Self::Logout(..)
                | Self::Leave(..)
        )
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
        for (at, act) in &self.acts {
            let (number, [a, b, c]) = act.parts();
            writeln!(f, "{at} {} {a} {b} {c}", Act::NAMES[number])?;
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
                _ => {
                    let act = Act::of(words.get(1)?, [number(2)?, number(3)?, number(4)?])?;
                    plan.acts.push((number(0)?, act));
                }
            }
        }
        Some(plan)
    }
}

/// What must have happened in a long run.
pub(crate) const NAMES_OF_FAULTS: [&str; 22] = [
    "drop",
    "logout",
    "crawl",
    "leave",
    "kick",
    "cut",
    "stall-server",
    "stall-commands",
    "stall-announcements",
    "restart",
    "failover",
    "jump-back",
    "jump-forth",
    "delete",
    "kill",
    "stop",
    "pause",
    "signal",
    "NOREPLICAS",
    "BUSY",
    "OOM",
    "READONLY",
];
