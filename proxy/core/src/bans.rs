//! Who is banned: from everywhere or from one room, until when and why. The table follows a list that operators write:
//! entries in their order, of which the last one about a uid and a room counts. Each question brings the time with it, so
//! a ban that is over needs no entry to end it.

use crate::holder::Denied;
use crate::wire::nfc;
use room_core::uid::{MAX_UID, valid_uid};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Bytes of a reason that are kept: a kick's has no more.
pub const MAX_REASON: usize = 1024;
/// A time before this one (of 1973) is in seconds: whoever wrote it believes that somebody is banned.
const LEAST_UNTIL: u64 = 100_000_000_000;
/// Bans that end together are not all taken out in one look.
const AT_ONCE: usize = 1_000;

/// See the top of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// When it is over, Unix time in milliseconds; never, if not given.
    pub until: Option<u64>,
    /// Why, as the client is told.
    pub reason: Arc<str>,
}

impl Ban {
    fn holds(&self, ms: u64) -> bool {
        self.until.is_none_or(|until| ms < until)
    }

    /// The error for whoever it keeps out: of a room, or of everything.
    pub(crate) fn denied(&self, uid: &str, roomid: Option<&str>) -> Denied {
        let mut what = format!("uid '{uid}' is banned");
        if let Some(roomid) = roomid {
            what = format!("{what} from room '{roomid}'");
        }
        if let Some(until) = self.until {
            what = format!("{what} until {until} (Unix time in ms)");
        }
        if !self.reason.is_empty() {
            what = format!("{what}: {}", self.reason);
        }
        ("BANNED", what)
    }
}

/// An entry of the list: a ban, or the end of one (that is one which is over already).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    of: Of,
    ban: Ban,
}

/// Whom a ban is of, and for which room if not for all.
type Of = (Arc<str>, Option<Arc<str>>);

impl Entry {
    /// Reads an entry's fields: `uid`, and where they are given `room`, `until`, `reason`. Others are passed over; of one
    /// that is there twice the last counts.
    ///
    /// # Errors
    /// With a sentence, if it cannot be told who is banned, or until when.
    pub fn read<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Result<Self, String> {
        let (mut uid, mut room, mut until, mut reason) = (None, None, None, &b""[..]);
        for (name, value) in fields {
            match name {
                b"uid" => uid = Some(value),
                b"room" => room = Some(value),
                b"until" => until = Some(value),
                b"reason" => reason = value,
                _ => {}
            }
        }
        let uid = uid.ok_or("it has no field 'uid'")?;
        // As a login's: how long it is in another form does not matter.
        let uid =
            str::from_utf8(uid).map_or_else(|_| uid.to_vec(), |uid| nfc(uid.into()).into_bytes());
        let uid = name("uid", &uid)?;
        let room = room.map(|room| name("room", room)).transpose()?;
        let ban = Ban {
            until: until.map(time).transpose()?,
            reason: cut(&String::from_utf8_lossy(reason)).into(),
        };
        Ok(Self {
            of: (uid.into(), room.map(Arc::from)),
            ban,
        })
    }
}

/// A uid, or a room's name.
fn name(field: &str, value: &[u8]) -> Result<String, String> {
    match str::from_utf8(value) {
        Ok(text) if valid_uid(value) => Ok(text.to_owned()),
        _ => Err(format!(
            "'{field}' must be 1 to {MAX_UID} bytes of UTF-8 without spaces or control characters, not '{}'",
            shown(value)
        )),
    }
}

fn time(value: &[u8]) -> Result<u64, String> {
    let digits = value.iter().all(u8::is_ascii_digit);
    let text = str::from_utf8(value).ok().filter(|_| digits);
    let time = text.and_then(|text| text.parse().ok());
    let time = time.filter(|time| *time == 0 || *time >= LEAST_UNTIL);
    time.ok_or_else(|| {
        let value = shown(value);
        format!("'until' must be a Unix time in milliseconds, or 0, not '{value}'")
    })
}

fn shown(value: &[u8]) -> String {
    String::from_utf8_lossy(value).chars().take(64).collect()
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_REASON);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The bans of one uid.
#[derive(Debug, Default)]
struct Rows {
    everywhere: Option<Ban>,
    /// A map of this kind is small where it is empty.
    rooms: BTreeMap<Arc<str>, Ban>,
}

impl Rows {
    fn is_empty(&self) -> bool {
        self.everywhere.is_none() && self.rooms.is_empty()
    }

    fn take(&mut self, room: Option<&str>) -> Option<Ban> {
        match room {
            None => self.everywhere.take(),
            Some(room) => self.rooms.remove(room),
        }
    }

    fn put(&mut self, room: Option<Arc<str>>, ban: Ban) {
        match room {
            None => self.everywhere = Some(ban),
            Some(room) => {
                self.rooms.insert(room, ban);
            }
        }
    }
}

/// See the top of the file.
#[derive(Debug)]
pub struct Bans {
    most: usize,
    uids: HashMap<Arc<str>, Rows>,
    /// When each ends that does.
    ends: BTreeSet<(u64, Of)>,
    held: usize,
    beyond: usize,
    unreadable: usize,
}

impl Bans {
    /// None, of at most so many.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            uids: HashMap::new(),
            ends: BTreeSet::new(),
            held: 0,
            beyond: 0,
            unreadable: 0,
        }
    }

    /// Takes the list's next entry at this time (Unix, ms).
    pub fn take(&mut self, entry: Entry, ms: u64) {
        let Entry { of, ban } = entry;
        self.remove(&of);
        if !ban.holds(ms) {
            return;
        }
        if self.held >= self.most {
            self.drop_over(ms);
        }
        if self.held >= self.most {
            self.beyond += 1;
            return;
        }
        if let Some(until) = ban.until {
            self.ends.insert((until, of.clone()));
        }
        self.held += 1;
        let (uid, room) = of;
        self.uids.entry(uid).or_default().put(room, ban);
    }

    /// The next entry cannot be read.
    pub const fn pass_over(&mut self) {
        self.unreadable += 1;
    }

    fn remove(&mut self, of: &Of) {
        let Some(rows) = self.uids.get_mut(&of.0) else {
            return;
        };
        let Some(ban) = rows.take(of.1.as_deref()) else {
            return;
        };
        if rows.is_empty() {
            self.uids.remove(&of.0);
        }
        self.held -= 1;
        if let Some(until) = ban.until {
            self.ends.remove(&(until, of.clone()));
        }
    }

    /// Takes out what is over; of very many some, as they keep nobody out any more.
    pub fn drop_over(&mut self, ms: u64) {
        for _ in 0..AT_ONCE {
            let first = self.ends.first();
            let Some((_, of)) = first.filter(|(until, _)| *until <= ms).cloned() else {
                return;
            };
            self.remove(&of);
        }
    }

    /// How many it holds.
    pub const fn len(&self) -> usize {
        self.held
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Entries that had no place.
    pub const fn beyond(&self) -> usize {
        self.beyond
    }

    /// Entries that were not understood.
    pub const fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// Whether some that had no place would have one now: the list is to be read again for them.
    pub const fn has_place(&self) -> bool {
        self.beyond > 0 && self.held < self.most
    }

    /// Whether something is held about this uid.
    pub fn concerns(&self, uid: &str) -> bool {
        self.uids.contains_key(uid)
    }

    /// As it is at this time (Unix, ms).
    pub const fn at(&self, ms: u64) -> Sight<'_> {
        Sight {
            bans: Some(self),
            ms,
        }
    }
}

/// The bans that hold at some time; by default nobody is banned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sight<'a> {
    bans: Option<&'a Bans>,
    ms: u64,
}

impl<'a> Sight<'a> {
    /// When that is (Unix, ms).
    pub(crate) const fn now(self) -> u64 {
        self.ms
    }

    fn rows(self, uid: &str) -> Option<&'a Rows> {
        self.bans?.uids.get(uid)
    }

    /// What keeps this uid out of everything.
    pub fn of(self, uid: &str) -> Option<&'a Ban> {
        let ban = self.rows(uid)?.everywhere.as_ref();
        ban.filter(|ban| ban.holds(self.ms))
    }

    /// The code and sentence for who is kept from saying something in this room.
    pub fn silences(self, uid: &str, roomid: &str) -> Option<(&'static str, String)> {
        let everywhere = self.of(uid).map(|ban| ban.denied(uid, None));
        let here = || {
            self.of_room(uid, roomid)
                .map(|ban| ban.denied(uid, Some(roomid)))
        };
        everywhere.or_else(here)
    }

    /// What keeps it out of this room alone.
    pub fn of_room(self, uid: &str, roomid: &str) -> Option<&'a Ban> {
        let ban = self.rows(uid)?.rooms.get(roomid);
        ban.filter(|ban| ban.holds(self.ms))
    }
}

#[cfg(test)]
mod tests;
