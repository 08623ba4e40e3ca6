//! File descriptors: as many as the system gives, some of which connections leave to what everybody needs.

use rustix::process::{Resource, getrlimit, setrlimit};
use std::os::fd::AsRawFd;
use tracing::warn;

/// Descriptors that connections leave: to the link, to the admin port ([`OF_ADMIN`]), to log and threads.
pub(crate) const SPARE: u64 = 32;
/// Connections to the admin port at most, so that they leave the link what it needs.
pub(crate) const OF_ADMIN: usize = 16;

/// Raises the soft limit to the hard one.
pub(crate) fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        warn!(%error, "the limit of file descriptors stays as it is");
    }
}

/// Connections that there are descriptors for; `None`: any number.
pub(crate) fn for_connections() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map(|limit| limit.saturating_sub(SPARE))
}

/// Whether this socket takes a descriptor that something else may need.
pub(crate) fn takes_spare(socket: &impl AsRawFd) -> bool {
    // The system gives the lowest number that is free.
    let number = u64::try_from(socket.as_raw_fd()).unwrap_or(0);
    for_connections().is_some_and(|most| number >= most)
}
