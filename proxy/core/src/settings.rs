//! Limits and times of the core, each from an option of the program or fixed here with its reason.

/// See the top of the file. Times in milliseconds, sizes in bytes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The key of room `lobby` is this and `lobby`.
    pub key_prefix: String,
    /// The database that the rooms are in.
    pub db: i32,
    /// The least time between two acknowledgement rounds of a room.
    pub ack_interval: u64,
    /// Acknowledgements a second beyond which rooms gather more before each of them …
    pub acks: u64,
    /// … for so long at most.
    pub longest_ack_interval: u64,
    /// How long a room that nobody is in stays subscribed.
    pub room_pause: u64,
    /// Payload of one page of a catch-up.
    pub page: usize,
    /// Pages that are read at the same time by all who catch up.
    pub catch_ups: usize,
    /// The same for pages of lists of members.
    pub member_lists: usize,
    /// The same for pages of history.
    pub histories: usize,
    /// The largest frame with a page of history.
    pub history: usize,
    /// Rooms that attach at the same time after a reconnect.
    pub window: usize,
    /// What a room keeps of announcements while somebody reads the log.
    pub ring: usize,
    /// Bytes a second that may be said in a room, here.
    pub room_bytes: u64,
    /// Defects on request, for tests of the tests.
    pub broken: Option<Broken>,
}

/// What is done wrong on request: tests of the tests show that each is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Messages count as confirmed when they were handed over.
    AckEarly,
    /// Live frames are taken whether they follow or not, and nobody looks for what was missed.
    NoGapCheck,
    /// Whoever is told that messages are gone counts as having read that.
    LossRead,
    /// Where a room has moved, clients' questions are asked before those that the server before has not answered.
    Hasty,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            key_prefix: "room:".into(),
            db: 0,
            ack_interval: 50,
            acks: 250,
            longest_ack_interval: 2_000,
            room_pause: 5_000,
            page: 32 * 1024,
            catch_ups: 128,
            member_lists: 16,
            histories: 16,
            history: 128 * 1024,
            window: 256,
            ring: 4 * 1024 * 1024,
            room_bytes: 1024 * 1024,
            broken: None,
        }
    }
}
