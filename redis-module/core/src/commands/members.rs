//! `ROOM.MEMBERS`: who belongs to the room, paged. `ROOM.LAG`: the members furthest behind.

use super::reply::{Answer, Sink};
use crate::error::RoomError;
use crate::members::Member;
use crate::room::Room;
use crate::sessions::{RoomName, Sessions};

/// Rows that one MEMBERS looks at, so that a filter that few pass does not hold Redis up; and the most that one returns.
pub const MOST_LOOKED_AT: usize = 10_000;
/// Rows that one LAG returns at most.
pub const MOST_LAGGING: usize = 1_000;

/// The arguments of MEMBERS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members {
    /// Only those with a session, or only those without.
    pub online: Option<bool>,
    /// Where to go on, as the last page said; 0 begins.
    pub cursor: usize,
    /// Rows of a page.
    pub count: usize,
}

/// The reply of MEMBERS: where the next page begins (0: nowhere), and rows.
pub struct MemberPage<'a> {
    next: usize,
    rows: MemberRows<'a>,
}

/// Rows: uid, cursor, pending, sessions, last act (Unix time in milliseconds).
pub struct MemberRows<'a> {
    room: &'a Room,
    rows: Vec<(Member<'a>, usize)>,
}

impl Members {
    /// Runs it.
    pub fn run<'a>(
        &self,
        key: RoomName<'_>,
        room: Option<&'a Room>,
        sessions: &Sessions,
    ) -> Result<MemberPage<'a>, RoomError> {
        let room = room.ok_or(RoomError::NoRoom)?;
        // From the last row down: see the model's list of members for why this hides nobody.
        let all = room.member_count();
        let mut at = if self.cursor == 0 {
            all
        } else {
            self.cursor.min(all)
        };
        let (mut rows, mut looked_at) = (Vec::new(), 0);
        while at > 0 && rows.len() < self.count && looked_at < MOST_LOOKED_AT {
            at -= 1;
            looked_at += 1;
            let Some(member) = room.member_at(at) else {
                continue;
            };
            let sessions = sessions.sessions_of(key, member.uid);
            if self.online.is_none_or(|online| online == (sessions > 0)) {
                rows.push((member, sessions));
            }
        }
        Ok(MemberPage {
            next: at,
            rows: MemberRows { room, rows },
        })
    }
}

/// Runs LAG.
pub fn lag<'a>(
    key: RoomName<'_>,
    room: Option<&'a Room>,
    sessions: &Sessions,
    top: usize,
) -> Result<MemberRows<'a>, RoomError> {
    let room = room.ok_or(RoomError::NoRoom)?;
    let members = room.lag(top.min(MOST_LAGGING)).into_iter();
    let rows = members.map(|member| (member, sessions.sessions_of(key, member.uid)));
    Ok(MemberRows {
        room,
        rows: rows.collect(),
    })
}

impl Answer for MemberPage<'_> {
    fn write(&self, to: &mut impl Sink) {
        to.array(2);
        to.text(&self.next.to_string());
        self.rows.write(to);
    }
}

impl Answer for MemberRows<'_> {
    fn write(&self, to: &mut impl Sink) {
        to.array(self.rows.len());
        for (member, sessions) in &self.rows {
            to.member(self.room, member, *sessions);
        }
    }
}
