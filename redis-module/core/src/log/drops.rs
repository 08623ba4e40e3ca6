//! Why messages are gone: what a member who comes back too late is told.

use crate::bytes::{Reader, put_varint};
use crate::position::Seq;

/// Why a message is no longer stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Every member that held the log back has acknowledged it: no loss, but for a second device that is behind.
    Read,
    /// More messages than `maxlen`.
    MaxLen,
    /// More bytes than `maxbytes`.
    MaxBytes,
    /// Older than `maxage`.
    MaxAge,
    /// Only members absent for longer than `member-ttl` still waited for it.
    MemberTtl,
    /// `ROOM.TRIM`.
    Trim,
}

impl Reason {
    /// All of them, in the order of [`Drops::count`].
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::MaxLen,
        Self::MaxBytes,
        Self::MaxAge,
        Self::MemberTtl,
        Self::Trim,
    ];

    /// The word that commands and clients see.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read-elsewhere",
            Self::MaxLen => "maxlen",
            Self::MaxBytes => "maxbytes",
            Self::MaxAge => "maxage",
            Self::MemberTtl => "member-ttl",
            Self::Trim => "trim",
        }
    }

    /// The reason with this word.
    pub fn from_word(word: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.word().as_bytes() == word)
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// Reasons are kept for this many runs of dropped messages; older runs take the reason of the next.
const MAX_RUNS: usize = 16;

/// Which messages were dropped for which reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Ascending: everything up to `.0` (and above the run before) went for `.1`.
    runs: Vec<(Seq, Reason)>,
    counts: [u64; Reason::ALL.len()],
}

impl Drops {
    /// Of a log that dropped nothing.
    pub(crate) const NONE: &Self = &Self {
        runs: Vec::new(),
        counts: [0; Reason::ALL.len()],
    };

    pub(crate) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.runs.capacity() * size_of::<(Seq, Reason)>()
    }

    pub(crate) fn record(&mut self, up_to: Seq, how_many: u64, reason: Reason) {
        if let Some(count) = self.counts.get_mut(reason.index()) {
            *count = count.saturating_add(how_many);
        }
        match self.runs.last_mut() {
            Some(run) if run.1 == reason => run.0 = up_to,
            _ => self.runs.push((up_to, reason)),
        }
        if self.runs.len() > MAX_RUNS {
            self.runs.remove(0);
        }
    }

    /// Why `seq` is gone; only meaningful for a message that is.
    pub fn reason_of(&self, seq: Seq) -> Reason {
        let run = self.runs.iter().find(|run| run.0 >= seq);
        run.or(self.runs.last()).map_or(Reason::Read, |run| run.1)
    }

    /// How many messages went for this reason since the room was born.
    pub fn count(&self, reason: Reason) -> u64 {
        self.counts.get(reason.index()).copied().unwrap_or(0)
    }

    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        for count in self.counts {
            put_varint(out, count);
        }
        put_varint(out, self.runs.len() as u64);
        for (up_to, reason) in &self.runs {
            put_varint(out, *up_to);
            put_varint(out, reason.index() as u64);
        }
    }

    /// Reads what `save` wrote; `below` is the first message that is still stored.
    pub(crate) fn load(reader: &mut Reader<'_>, below: Seq) -> Option<Self> {
        let mut drops = Self::default();
        for count in &mut drops.counts {
            *count = reader.varint()?;
        }
        let runs = reader.varint()?;
        if runs > MAX_RUNS as u64 {
            return None;
        }
        for _ in 0..runs {
            let up_to = reader.varint()?;
            let reason = *Reason::ALL.get(usize::try_from(reader.varint()?).ok()?)?;
            let ascending = drops
                .runs
                .last()
                .is_none_or(|last| last.0 < up_to && last.1 != reason);
            if up_to >= below || !ascending {
                return None;
            }
            drops.runs.push((up_to, reason));
        }
        Some(drops)
    }
}
