//! What one client has received: each message once, in order, and how late; and where it is in its protocol.

use crate::crowd::{Heard, Said, Talk, now_us};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// Bytes of a message, as JSON.
const SIZE: usize = 100;
const NUMBER: &[u8] = b"{\"n\":";
const TIME: &[u8] = b",\"at\":";

/// The n-th message of a room, with the moment (microseconds) from which its latency counts.
pub(crate) fn message(n: u64, at: u64) -> String {
    let mut text = format!(r#"{{"n":{n},"at":{at},"x":""#);
    let fill = SIZE.saturating_sub(text.len() + 2);
    text.push_str(&"x".repeat(fill));
    text.push_str("\"}");
    text
}

/// A protocol from the side of one client, who keeps what it must remember in its [`Person`].
pub(crate) trait Protocol: Send + Sync {
    /// The path and the WebSocket subprotocol.
    fn path(&self) -> (&'static str, Option<&'static str>);
    /// What it says first. `again`: it was here before.
    fn hello(&self, me: &mut Person, again: bool) -> Vec<Said>;
    /// What a WebSocket message means to it.
    fn heard(&self, me: &mut Person, bytes: &[u8]) -> Heard;
}

/// See the top of the file.
#[derive(Default)]
pub(crate) struct Person {
    /// Its number, for names.
    pub(crate) id: usize,
    /// What the server calls the stream or the session that it may come back to.
    pub(crate) session: String,
    /// How far it is in there.
    pub(crate) position: String,
    /// Bytes of a message that has not come as a whole, where a protocol ignores WebSocket's borders.
    pub(crate) buffer: Vec<u8>,
    /// When it acknowledged, where that is not for each message.
    pub(crate) acked: Option<Instant>,
    /// What the server said: whether it misses nothing after coming back.
    pub(crate) recovered: Option<bool>,
    pub(crate) tally: Tally,
}

impl Person {
    /// Counts the messages in these bytes; how many there were, without those that came before.
    pub(crate) fn count(&mut self, mut bytes: &[u8]) -> u64 {
        let before = self.tally.got;
        while let Some(at) = find(bytes, NUMBER) {
            let (n, rest) = number(&bytes[at + NUMBER.len()..]);
            let time = rest.strip_prefix(TIME).map(|rest| number(rest).0);
            self.tally.count(n, time);
            bytes = rest;
        }
        self.tally.got - before
    }
}

/// Which messages came, exactly.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) got: u64,
    pub(crate) twice: u64,
    /// Came after one with a higher number.
    pub(crate) late: u64,
    last: u64,
    skipped: Vec<u64>,
    /// Microseconds from the moment in the message to its arrival.
    pub(crate) latencies: Vec<f32>,
}

impl Tally {
    fn count(&mut self, n: u64, time: Option<u64>) {
        if n > self.last {
            self.skipped.extend(self.last + 1..n);
            self.last = n;
        } else if let Some(at) = self.skipped.iter().position(|one| *one == n) {
            self.skipped.swap_remove(at);
            self.late += 1;
        } else {
            self.twice += 1;
            return;
        }
        self.got += 1;
        if let Some(time) = time {
            self.latencies.push(now_us().saturating_sub(time) as f32);
        }
    }
}

/// All clients of one peer.
pub(crate) struct People {
    protocol: Box<dyn Protocol>,
    each: Vec<Mutex<Person>>,
}

impl People {
    pub(crate) fn new(protocol: Box<dyn Protocol>, many: usize) -> Self {
        let person = |id| Person {
            id,
            ..Person::default()
        };
        let each = (0..many).map(|id| Mutex::new(person(id))).collect();
        Self { protocol, each }
    }

    fn person(&self, id: usize) -> MutexGuard<'_, Person> {
        self.each[id].lock().expect("a client that did not panic")
    }

    pub(crate) fn many(&self) -> usize {
        self.each.len()
    }

    /// A sum over all.
    pub(crate) fn sum(&self, of: impl Fn(&Person) -> u64) -> u64 {
        (0..self.each.len()).map(|id| of(&self.person(id))).sum()
    }

    /// How many were told that they miss nothing; none if nobody was told anything.
    pub(crate) fn recovered(&self) -> Option<u64> {
        let told = self.sum(|one| u64::from(one.recovered.is_some()));
        let many = self.sum(|one| u64::from(one.recovered == Some(true)));
        (told > 0).then_some(many)
    }

    /// All latencies since the last call, in microseconds.
    pub(crate) fn take_latencies(&self) -> Vec<f64> {
        let mut all = Vec::new();
        for id in 0..self.each.len() {
            let latencies = std::mem::take(&mut self.person(id).tally.latencies);
            all.extend(latencies.into_iter().map(f64::from));
        }
        all
    }
}

impl Talk for People {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        self.protocol.path()
    }

    fn hello(&self, client: usize, again: bool) -> Vec<Said> {
        let mut me = self.person(client);
        me.buffer.clear();
        me.recovered = None;
        self.protocol.hello(&mut me, again)
    }

    fn heard(&self, client: usize, bytes: &[u8]) -> Heard {
        self.protocol.heard(&mut self.person(client), bytes)
    }

    fn returns(&self) -> bool {
        true
    }
}

/// Where `wanted` begins.
pub(crate) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

/// What stands between `before` and the next byte `end`.
pub(crate) fn between<'a>(bytes: &'a [u8], before: &[u8], end: u8) -> Option<&'a str> {
    let rest = &bytes[find(bytes, before)? + before.len()..];
    let end = rest.iter().position(|byte| *byte == end)?;
    std::str::from_utf8(&rest[..end]).ok()
}

/// The number after `before`.
pub(crate) fn number_after(bytes: &[u8], before: &[u8]) -> Option<u64> {
    let at = find(bytes, before)? + before.len();
    Some(number(&bytes[at..]).0)
}

/// A number in digits, and what follows it.
fn number(bytes: &[u8]) -> (u64, &[u8]) {
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (digits, rest) = bytes.split_at(digits);
    let value = digits
        .iter()
        .fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    (value, rest)
}
