//! How much is said in the room: what is too much is refused, event by event, to whoever says most.

use super::Room;
use super::serve::KEPT_MS;
use crate::budget::too_fast::TooFast;
use crate::budget::voices::Voices;
use crate::cx::Cx;
use crate::events;
use crate::handle::{ConnId, Handle, Push};
use crate::wire::About;

impl<H: Handle> Room<H> {
    /// Whether the client of this seat may say so much; else it is told so, and the event is done with.
    pub(super) fn may_say(
        &mut self,
        conn: ConnId,
        size: usize,
        (event, id, bytes): (&str, Option<&String>, usize),
        cx: &mut Cx<'_, H>,
    ) -> bool {
        let Some(seat) = self.seats.get(&conn) else {
            return false;
        };
        let rate = cx.settings.room_bytes;
        let voices = self
            .voices
            .get_or_insert_with(|| Box::new(Voices::new(cx.now)));
        self.times.shrink = self.times.shrink.min(cx.now + KEPT_MS);
        let Err(after) = voices.say(rate, cx.now, &seat.uid, size as u64) else {
            return true;
        };
        cx.figures.too_loud += 1;
        let told = TooFast {
            whose: "this room",
            what: TooFast::BYTES,
            most: rate,
            option: "--publish-bytes-per-room",
            after,
        };
        let about = About {
            id: id.cloned(),
            ..self.about(event)
        };
        let error = events::error(TooFast::CODE, &told.to_string(), &about);
        seat.handle.push(cx.now, &error, Push::Answer);
        seat.handle.done(bytes);
        false
    }

    /// Whether what was said is paid off: nobody need know it any more.
    pub(super) fn forget_voices(&mut self, cx: &Cx<'_, H>) -> bool {
        let rate = cx.settings.room_bytes;
        if let Some(voices) = &mut self.voices
            && !voices.is_settled(rate, cx.now)
        {
            return false;
        }
        self.voices = None;
        true
    }
}
