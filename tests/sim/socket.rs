//! A connection between a client and a proxy, as the network between them sees it.

use crate::link::earliest;
use crate::pipe::{Delay, Pipe};
use crate::random::Random;
use bytes::Bytes;
use hub_core::handle::ConnId;
use std::collections::BTreeMap;

/// Bytes that are on their way, or that the client has not read; the proxy's kernel takes no more.
const WINDOW: usize = 3_000;

/// See the top of the file.
pub(crate) struct Socket {
    pub(crate) device: usize,
    pub(crate) proxy: usize,
    pub(crate) to_proxy: Pipe<String>,
    /// Whole frames; `None`: a pong or a ping's answer is not modelled as bytes, its number is.
    pub(crate) pongs: Pipe<u64>,
    pub(crate) to_client: Pipe<Bytes>,
    pub(crate) in_flight: usize,
    pub(crate) client_end: bool,
    pub(crate) proxy_end: bool,
    /// When each end learns that the other closed.
    pub(crate) client_learns: Option<u64>,
    pub(crate) proxy_learns: Option<u64>,
}

pub(crate) type Sockets = BTreeMap<ConnId, Socket>;

impl Socket {
    pub(crate) fn new(conn: ConnId, device: usize, proxy: usize, seed: u64, delay: Delay) -> Self {
        let random = |part: u64| Random::new(seed, (1 << 32) + conn * 4 + part);
        Self {
            device,
            proxy,
            to_proxy: Pipe::new(delay, random(0)),
            pongs: Pipe::new(delay, random(1)),
            to_client: Pipe::new(delay, random(2)),
            in_flight: 0,
            client_end: true,
            proxy_end: true,
            client_learns: None,
            proxy_learns: None,
        }
    }

    /// Whether the kernel takes more.
    pub(crate) const fn has_room(&self) -> bool {
        self.in_flight < WINDOW
    }

    pub(crate) fn write(&mut self, now: u64, frames: Bytes) {
        self.in_flight += frames.len();
        self.to_client.send(now, frames);
    }

    pub(crate) fn client_wakes(&self) -> Option<u64> {
        earliest([self.to_client.next(), self.client_learns])
    }

    pub(crate) fn proxy_wakes(&self) -> Option<u64> {
        earliest([self.to_proxy.next(), self.pongs.next(), self.proxy_learns])
    }
}
