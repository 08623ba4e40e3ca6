//! An object's fields without some of them, as pieces of its text.

use super::names::is_server_field;
use super::scan::{Member, Shape, scan};
use smallvec::SmallVec;

/// Fields to be copied, with the commas between them: one piece for as many as lie side by side.
#[derive(Debug, Default)]
pub struct Pieces {
    /// Where each piece begins and ends.
    pieces: SmallVec<[(usize, usize); 4]>,
    /// The last piece goes on with the next field.
    goes_on: bool,
}

impl Pieces {
    /// The next field of the object.
    pub fn add(&mut self, member: &Member<'_>) {
        if is_server_field(&member.name()) {
            self.goes_on = false;
            return;
        }
        match self.pieces.last_mut() {
            Some(piece) if self.goes_on => piece.1 = member.to,
            _ => self.pieces.push((member.from, member.to)),
        }
        self.goes_on = true;
    }

    /// The pieces of `text`, which must be the one that the fields were found in.
    pub fn of<'a>(&self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let piece = move |(from, to): &(usize, usize)| text.get(*from..*to);
        self.pieces.iter().filter_map(piece)
    }

    /// How many bytes they are, a comma before each included.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|(from, to)| to - from + 1).sum()
    }

    /// No field is left.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
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
        if member.name() == "event" {
            event = Some(member.value);
        }
        pieces.add(&member);
    })?;
    Some(Published {
        event,
        pieces,
        shape,
    })
}
