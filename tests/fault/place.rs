//! Where a client is, while its diary is read: what may come next. Pure.

use crate::history::{Event, Kind};
use room_core::position::{Position, Seq};
use std::collections::HashSet;

/// See the top of the file.
#[derive(Default)]
pub(crate) struct Place {
    /// The newest that it has without a hole.
    pub(crate) last: Option<Position>,
    /// Numbers of what the package has seen: it says nothing when they come again, after a `reset`.
    pub(crate) seen: HashSet<Seq>,
}

impl Place {
    /// What is wrong about a login there, of which the client is `told` this next.
    pub(crate) fn login(
        &mut self,
        position: Position,
        new: bool,
        told: Option<&Event>,
        kind: Kind,
    ) -> Option<String> {
        // What is told right behind it explains a jump.
        if matches!(told, Some(Event::Lost { .. } | Event::Reset(_))) {
            return None;
        }
        // Its connection ended before it was told more: that comes with the next one, and what is wrong then is seen then.
        let is_over = match kind {
            // A page does not tell when a connection ends. In the end, all had time to be told.
            Kind::Package => matches!(
                told,
                Some(Event::Login { .. } | Event::Reloaded | Event::Gone)
            ),
            Kind::Careful | Kind::Plain => matches!(told, Some(Event::Ended)),
        };
        // Only a plain client, which says nothing of what it had, begins anew by that alone.
        if is_over && !(new && kind == Kind::Plain) {
            return None;
        }
        let last = self.last;
        let behind = last.is_some_and(|last| match kind {
            Kind::Careful => last != position,
            // It may get again what it did not acknowledge, or what its handler still worked on.
            Kind::Plain | Kind::Package => last.seq < position.seq,
        });
        // That is dropped by the package.
        if kind != Kind::Package || behind || last.is_none() {
            self.last = Some(position);
        }
        (behind && !new).then(|| {
            format!(
                "it had {} and was started at {position}",
                last.unwrap_or_default()
            )
        })
    }

    pub(crate) fn lost(&mut self, from: Seq, to: Seq, kind: Kind) -> Option<String> {
        // One that has nothing yet begins behind it.
        let first = Position::new(from.saturating_sub(1), Position::default().tag);
        let last = self.last.unwrap_or(first);
        // The server does not know what a plain client had without acknowledging it.
        if from > last.seq + 1 || (to < last.seq && kind != Kind::Plain) {
            return Some(format!(
                "it had {last} and was told that it lost {from} to {to}"
            ));
        }
        // The tag is known when the next message comes.
        self.last = Some(Position::new(to, last.tag));
        None
    }

    pub(crate) fn next(&mut self, position: Position) -> Option<String> {
        let last = self.last.replace(position);
        match last {
            Some(last) if last.seq + 1 == position.seq => None,
            Some(last)
                if last.seq < position.seq
                    && (last.seq + 1..position.seq).all(|seq| self.seen.contains(&seq)) =>
            {
                None
            }
            Some(last) => Some(format!("{position} came after {last}")),
            None => Some(format!("{position} came before the login")),
        }
    }
}
