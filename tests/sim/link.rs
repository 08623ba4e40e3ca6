//! A pair of connections between a proxy and a server: one for commands, one for announcements.

use crate::pipe::{Delay, Pipe};
use crate::plan::ROOMS;
use crate::random::Random;
use crate::server::ClientId;
use bytes::Bytes;
use hub_core::ask::{Answer, Ask, Fault, Request};
use room_core::sessions::Greeting;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What goes to the server.
pub(crate) enum Command {
    Hello,
    /// Whose each slot is.
    Map,
    /// With the last one `ASKING` goes before it.
    Ask(Request, Arc<str>, Ask, bool),
}

/// What comes from it.
pub(crate) enum News {
    Greeting(Result<Greeting, Fault>),
    Answer(Request, Result<Answer, Fault>),
    Announced(Arc<str>, Bytes),
    /// A subscription ended that nobody ended.
    Unsubscribed(Arc<str>),
    Map([usize; ROOMS]),
}

/// See the top of the file.
pub(crate) struct Link {
    pub(crate) proxy: usize,
    pub(crate) node: usize,
    /// Which process of that proxy.
    pub(crate) process: u64,
    /// Of the proxy; the server knows it as a client of the same number.
    pub(crate) generation: u64,
    pub(crate) commands: Pipe<Command>,
    pub(crate) subscribes: Pipe<Command>,
    pub(crate) answers: Pipe<News>,
    pub(crate) announcements: Pipe<News>,
    /// What the server sends on the second connection.
    pub(crate) subscribed: BTreeSet<Arc<str>>,
    /// The ends that are open, and when each learns that the other is not.
    pub(crate) proxy_end: bool,
    pub(crate) server_end: bool,
    pub(crate) server_learns: Option<u64>,
    pub(crate) proxy_learns: Option<u64>,
}

impl Link {
    pub(crate) fn new(
        (proxy, process): (usize, u64),
        node: usize,
        generation: u64,
        seed: u64,
        delays: (Delay, Delay),
    ) -> Self {
        let random = |part: u64| Random::new(seed, 1_000 + generation * 4 + part);
        Self {
            proxy,
            node,
            process,
            generation,
            commands: Pipe::new(delays.0, random(0)),
            answers: Pipe::new(delays.0, random(1)),
            subscribes: Pipe::new(delays.1, random(2)),
            announcements: Pipe::new(delays.1, random(3)),
            subscribed: BTreeSet::new(),
            proxy_end: true,
            server_end: true,
            server_learns: None,
            proxy_learns: None,
        }
    }

    pub(crate) const fn client(&self) -> ClientId {
        // Others than proxies have lower ones.
        100 + self.generation
    }

    pub(crate) fn send(&mut self, now: u64, command: Command) {
        match command {
            Command::Ask(_, _, Ask::Subscribe | Ask::Unsubscribe, _) => {
                self.subscribes.send(now, command)
            }
            _ => self.commands.send(now, command),
        }
    }

    /// The next command that is there, of whichever connection.
    pub(crate) fn next_command(&mut self, now: u64) -> Option<Command> {
        if !self.server_end {
            return None;
        }
        match self.commands.next() <= self.subscribes.next() && self.commands.next().is_some() {
            true => self.commands.pop(now),
            false => self.subscribes.pop(now).or_else(|| self.commands.pop(now)),
        }
    }

    /// The next thing that the proxy hears.
    pub(crate) fn next_news(&mut self, now: u64) -> Option<News> {
        match self.answers.next() <= self.announcements.next() && self.answers.next().is_some() {
            true => self.answers.pop(now),
            false => self
                .announcements
                .pop(now)
                .or_else(|| self.answers.pop(now)),
        }
    }

    /// When the server has something to do.
    pub(crate) fn server_wakes(&self) -> Option<u64> {
        if !self.server_end {
            return None;
        }
        earliest([
            self.commands.next(),
            self.subscribes.next(),
            self.server_learns,
        ])
    }

    pub(crate) fn proxy_wakes(&self) -> Option<u64> {
        earliest([
            self.answers.next(),
            self.announcements.next(),
            self.proxy_learns,
        ])
    }
}

/// The earliest of these times.
pub(crate) fn earliest<const N: usize>(times: [Option<u64>; N]) -> Option<u64> {
    times.into_iter().flatten().min()
}
