//! What is counted, for the metrics. Numbers only grow, but for those that say otherwise.

use crate::spread::Spread;

/// See the top of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Rooms that are held now.
    pub rooms: u64,
    /// Seats that are taken now.
    pub seats: u64,
    /// Logins that were refused because they would have made a new member, and too many came.
    pub strangers: u64,
    /// Messages and events that were refused because too much was said in their room.
    pub too_loud: u64,
    /// Announcements that were heard.
    pub frames: u64,
    /// Pushes of live frames to connections.
    pub deliveries: u64,
    /// Times that a room read the log because announcements did not follow.
    pub gaps: u64,
    /// Announcements that were dropped because the ring was full while the log was read; they were read from the log.
    pub dropped: u64,
    /// Questions for pages and for what was missed.
    pub ranges: u64,
    /// Pages of history that clients were sent.
    pub histories: u64,
    /// Of these, of pages of history and of lists of members, those that waited until others were answered.
    pub waited: u64,
    /// Times that somebody's history was found to be another one.
    pub resets: u64,
    /// Messages that somebody was told are gone.
    pub lost: u64,
    /// Times that a slow seat went back to the log.
    pub slow: u64,
    /// Catch-ups that began.
    pub catchups: u64,
    /// Pages that were in memory already.
    pub pages_shared: u64,
    /// Seats that stepped from the log over to the ring.
    pub stepped: u64,
    /// Acknowledgements that Redis took, in uids.
    pub acked: u64,
    /// Times that a room gathered what was confirmed for longer, as many acknowledgements are asked.
    pub gathered: u64,
    /// Acknowledgements that are asked again because Redis refused them in passing.
    pub asked_again: u64,
    /// Rooms that went from one server to another, or whose subscription a server ended.
    pub moved: u64,
    /// Questions of clients that came back from the one and were asked of the other.
    pub redirected: u64,
    /// Rooms that were attached again after a reconnect.
    pub relinked: u64,
    /// From a login until its client was told that it has everything.
    pub caught_up: Spread,
    /// From the time on a message until all who are here and listen were handed it.
    pub handed_out: Spread,
}
