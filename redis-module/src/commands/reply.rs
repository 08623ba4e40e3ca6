//! Shapes that several replies share.

use crate::ffi::Ctx;
use room_core::Member;
use room_core::position::Position;
use room_core::room::{Lost, Room};

impl Ctx<'_> {
    pub(crate) fn reply_text(self, text: &str) {
        self.reply_bytes(text.as_bytes());
    }

    pub(crate) fn reply_position(self, position: Position) {
        self.reply_text(&position.to_string());
    }

    /// `name` and a number, in a map.
    pub(crate) fn pair(self, name: &str, value: u64) {
        self.reply_text(name);
        self.reply_int(value);
    }

    /// `name` and a position, in a map.
    pub(crate) fn pair_position(self, name: &str, position: Position) {
        self.reply_text(name);
        self.reply_position(position);
    }

    /// `lost`, and null or from, to, reason.
    pub(crate) fn pair_lost(self, lost: Option<Lost>) {
        self.reply_text("lost");
        match lost {
            None => self.reply_null(),
            Some(lost) => {
                self.reply_array(3);
                self.reply_int(lost.from);
                self.reply_int(lost.to);
                self.reply_text(lost.reason.word());
            }
        }
    }

    /// uid, cursor, pending, sessions, last act.
    pub(crate) fn reply_member(self, room: &Room, member: &Member<'_>, sessions: usize) {
        self.reply_array(5);
        self.reply_bytes(member.uid);
        self.reply_int(member.cursor);
        self.reply_int(room.pending(member.cursor));
        self.reply_int(sessions as u64);
        self.reply_int(member.acted_ms);
    }
}
