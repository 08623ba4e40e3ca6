//! An object's fields without some of them, as pieces of its text.

use super::names::is_server_field;
use super::scan::{Member, Shape, scan};
use smallvec::SmallVec;

/// Fields to be copied, with the commas between them: one piece for as many as lie side by side.
#[derive(Debug, Default)]
pub struct Pieces {
    /// Where each piece begins and ends, but for the last one.
    before: SmallVec<[(usize, usize); 4]>,
    /// The last piece; an empty one is none.
    last: (usize, usize),
    /// The last piece goes on with the next field.
    goes_on: bool,
}

impl Pieces {
    /// The next field of the object: whether it is kept.
    #[inline(always)] // A call would cost as much as a short field.
    pub fn add(&mut self, member: &Member<'_>) -> bool {
        self.add_if(member, !member.is(is_server_field))
    }

    #[inline(always)]
    fn add_if(&mut self, member: &Member<'_>, keep: bool) -> bool {
        if keep && !self.goes_on {
            if self.last.1 > 0 {
                self.before.push(self.last);
            }
            self.last.0 = member.from;
        }
        if keep {
            self.last.1 = member.to;
        }
        self.goes_on = keep;
        keep
    }

    fn all(&self) -> impl Iterator<Item = (usize, usize)> {
        let last = (self.last.1 > 0).then_some(self.last);
        self.before.iter().copied().chain(last)
    }

    /// The pieces of `text`, which must be the one that the fields were found in.
    pub fn of<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        self.all().filter_map(move |(from, to)| text.get(from..to))
    }

    /// How many bytes they are, a comma before each included.
    pub fn size(&self) -> usize {
        self.all().map(|(from, to)| to - from + 1).sum()
    }
}

/// Fields of an event (`,"a":1,"name":"Ann"`) without those called `name`.
pub(super) fn without_name(fields: &str) -> String {
    // What was scanned as part of an object is one again.
    let object = format!("{{{}}}", fields.trim_start_matches(','));
    let mut pieces = Pieces::default();
    scan(&object, |member| {
        pieces.add_if(&member, !member.is(|name| name == b"name"));
    });
    let mut kept = String::with_capacity(pieces.size());
    for piece in pieces.of(&object) {
        kept.push(',');
        kept.push_str(piece);
    }
    kept
}

/// An object as it was published.
#[derive(Debug)]
pub struct Published<'a> {
    /// The value of `event` as it is written.
    pub event: Option<&'a str>,
    /// The fields that are passed on.
    pub pieces: Pieces,
    /// How deep it is, and whether it is Unicode.
    pub shape: Shape,
}

/// Takes a payload apart; `None` if it is not a JSON object.
pub fn published(text: &str) -> Option<Published<'_>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut event = None;
    let mut pieces = Pieces::default();
    let shape = scan(text, |member| {
        if !pieces.add(&member) && member.is(|name| name == b"event") {
            event = Some(member.value());
        }
    })?;
    Some(Published {
        event,
        pieces,
        shape,
    })
}
