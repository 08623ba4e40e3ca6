//! One thing that happens in a run, and how it is written.

use super::{MOST_DEVICES, PROXIES, ROOMS};

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
    /// As with all that befalls a server or a link, the last number is the server's, where there are several.
    Cut(usize, u64, u64, usize),
    StallServer(u64, usize),
    StallCommands(usize, u64, usize),
    StallAnnouncements(usize, u64, usize),
    Restart(u64, usize),
    /// The replica takes over; it lacks what the last so many ms brought.
    Failover(u64, u64, usize),
    /// With sentinels: the replica becomes the primary; it lacks what the last so many ms brought. The old one goes on for so
    /// long without knowing, and then becomes a replica; with 1, its connections stay.
    Switch(u64, u64, usize),
    /// The server refuses: with which code.
    Refuse(usize, u64, usize),
    /// The wall clock jumps back or forth so many ms.
    JumpBack(u64),
    JumpForth(u64),
    Delete(usize),
    Kill(usize, u64),
    Stop(usize, u64),
    Pause(usize, u64),
    /// The slot of a room goes to the other server, step by step, each after so long at most; in which way.
    Move(usize, u64, usize),
    /// All at once; with 1, its sessions stay behind.
    MoveAtOnce(usize, u64),
    /// All slots of a server go at once, and it is no primary any more.
    HandOver(usize),
    /// Somebody who is in no room says something in one.
    Outside(usize),
    /// A device reads back what was said before.
    ReadBack(usize, usize),
}

pub(super) const BUSY: usize = 1;
pub(crate) const REFUSALS: [&str; 5] = ["NOREPLICAS", "BUSY", "OOM", "READONLY", "CLUSTERDOWN"];

impl Act {
    pub(super) const NAMES: [&'static str; 26] = [
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
        "move",
        "move-at-once",
        "hand-over",
        "outside",
        "read-back",
        "switch",
    ];

    /// Its name, what it is about, and of what server.
    pub(super) fn parts(self) -> (usize, [u64; 3], usize) {
        let (number, parts) = self.about();
        let node = match self {
            Self::Cut(.., node)
            | Self::StallServer(_, node)
            | Self::StallCommands(.., node)
            | Self::StallAnnouncements(.., node)
            | Self::Restart(_, node)
            | Self::Failover(.., node)
            | Self::Refuse(.., node) => node,
            _ => 0,
        };
        (number, parts, node)
    }

    /// The same of another server.
    pub(super) fn at(self, node: usize) -> Self {
        match self {
            Self::Cut(a, b, c, _) => Self::Cut(a, b, c, node),
            Self::StallServer(a, _) => Self::StallServer(a, node),
            Self::StallCommands(a, b, _) => Self::StallCommands(a, b, node),
            Self::StallAnnouncements(a, b, _) => Self::StallAnnouncements(a, b, node),
            Self::Restart(a, _) => Self::Restart(a, node),
            Self::Failover(a, b, _) => Self::Failover(a, b, node),
            Self::Refuse(a, b, _) => Self::Refuse(a, b, node),
            other => other,
        }
    }

    fn about(self) -> (usize, [u64; 3]) {
        let n = |a: usize| a as u64;
        match self {
            Self::Publish(a, b, c) => (0, [n(a), n(b), c]),
            Self::Signal(a, b) => (1, [n(a), n(b), 0]),
            Self::Drop(a, b) => (2, [n(a), b, 0]),
            Self::Logout(a, b) => (3, [n(a), b, 0]),
            Self::Crawl(a, b) => (4, [n(a), b, 0]),
            Self::Leave(a, b) => (5, [n(a), n(b), 0]),
            Self::Kick(a, b) => (6, [n(a), n(b), 0]),
            Self::Cut(a, b, c, _) => (7, [n(a), b, c]),
            Self::StallServer(a, _) => (8, [a, 0, 0]),
            Self::StallCommands(a, b, _) => (9, [n(a), b, 0]),
            Self::StallAnnouncements(a, b, _) => (10, [n(a), b, 0]),
            Self::Restart(a, _) => (11, [a, 0, 0]),
            Self::Failover(a, b, _) => (12, [a, b, 0]),
            Self::Refuse(a, b, _) => (13, [n(a), b, 0]),
            Self::JumpBack(a) => (14, [a, 0, 0]),
            Self::JumpForth(a) => (15, [a, 0, 0]),
            Self::Delete(a) => (16, [n(a), 0, 0]),
            Self::Kill(a, b) => (17, [n(a), b, 0]),
            Self::Stop(a, b) => (18, [n(a), b, 0]),
            Self::Pause(a, b) => (19, [n(a), b, 0]),
            Self::Move(a, b, c) => (20, [n(a), b, n(c)]),
            Self::MoveAtOnce(a, b) => (21, [n(a), b, 0]),
            Self::HandOver(a) => (22, [n(a), 0, 0]),
            Self::Outside(a) => (23, [n(a), 0, 0]),
            Self::ReadBack(a, b) => (24, [n(a), n(b), 0]),
            Self::Switch(a, b, c) => (25, [a, b, n(c)]),
        }
    }

    pub(super) fn of(name: &str, [a, b, c]: [u64; 3]) -> Option<Self> {
        let n = |a: u64, most: usize| a as usize % most;
        Some(match Self::NAMES.iter().position(|known| *known == name)? {
            0 => Self::Publish(n(a, MOST_DEVICES), n(b, ROOMS), c),
            1 => Self::Signal(n(a, MOST_DEVICES), n(b, ROOMS)),
            2 => Self::Drop(n(a, MOST_DEVICES), b),
            3 => Self::Logout(n(a, MOST_DEVICES), b),
            4 => Self::Crawl(n(a, MOST_DEVICES), b),
            5 => Self::Leave(n(a, MOST_DEVICES), n(b, ROOMS)),
            6 => Self::Kick(n(a, MOST_DEVICES), n(b, ROOMS)),
            7 => Self::Cut(n(a, PROXIES), b, c, 0),
            8 => Self::StallServer(a, 0),
            9 => Self::StallCommands(n(a, PROXIES), b, 0),
            10 => Self::StallAnnouncements(n(a, PROXIES), b, 0),
            11 => Self::Restart(a, 0),
            12 => Self::Failover(a, b, 0),
            13 => Self::Refuse(n(a, REFUSALS.len()), b, 0),
            14 => Self::JumpBack(a),
            15 => Self::JumpForth(a),
            16 => Self::Delete(n(a, ROOMS)),
            17 => Self::Kill(n(a, PROXIES), b),
            18 => Self::Stop(n(a, PROXIES), b),
            19 => Self::Pause(n(a, PROXIES), b),
            20 => Self::Move(n(a, ROOMS), b, c as usize),
            21 => Self::MoveAtOnce(n(a, ROOMS), b),
            22 => Self::HandOver(a as usize),
            23 => Self::Outside(n(a, ROOMS)),
            24 => Self::ReadBack(n(a, MOST_DEVICES), n(b, ROOMS)),
            _ => Self::Switch(a, b, c as usize),
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refuse(which, ..) => REFUSALS[which],
            _ => Self::NAMES[self.parts().0],
        }
    }

    pub(crate) fn is_publish(self) -> bool {
        matches!(self, Self::Publish(..) | Self::Outside(..))
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
                | Self::Outside(..)
                | Self::ReadBack(..)
        )
    }
}

/// What must have happened in a long run.
pub(crate) const NAMES_OF_FAULTS: [&str; 27] = [
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
    "CLUSTERDOWN",
    "move",
    "move-at-once",
    "hand-over",
    "switch",
];
