//! Whether a login may make a new member, and what that costs. Whoever lets a login in pays for a new room at once, and is
//! given back what it was not when Redis has said what it became: nothing is left to pay for who was a member before.

use super::too_fast::TooFast;
use crate::ask::{Answer, Fault, Joined};
use std::fmt;

/// What a new membership costs.
pub const MEMBERSHIP: u64 = 1;
/// What it costs where nobody was: a room is about as large as so many members.
pub const NEW_ROOM: u64 = 10;

/// What was paid. When it is dropped, what was not [used](Self::used) of it is given back.
pub trait Fee: fmt::Debug + Send {
    /// So much of it is to be paid indeed.
    fn used(&mut self, cost: u64);
}

/// See the top of the file.
#[derive(Debug, Default)]
pub enum Admission {
    /// Nobody counts: a guest's, or one where the account is another's.
    #[default]
    Free,
    /// It is paid.
    Paid(Box<dyn Fee>),
    /// Only members come in; what a stranger is told.
    Members(Box<TooFast>),
}

impl Admission {
    /// Whether Redis is to begin nothing for a stranger.
    pub const fn is_for_members(&self) -> bool {
        matches!(self, Self::Members(_))
    }

    /// Redis has answered: what that is for the login.
    pub fn answered(self, answer: Result<Answer, Fault>) -> Result<Answer, Fault> {
        match (self, answer) {
            (Self::Paid(mut fee), Ok(Answer::Joined(joined))) => {
                if joined.new {
                    fee.used(if is_new_room(&joined) {
                        NEW_ROOM
                    } else {
                        MEMBERSHIP
                    });
                }
                Ok(Answer::Joined(joined))
            }
            (Self::Members(told), Err(fault)) if fault.is("NOMEMBER") || fault.is("NOROOM") => {
                Err(told.fault())
            }
            (_, answer) => answer,
        }
    }
}

/// Nothing was said in it, and nobody else belongs to it.
const fn is_new_room(joined: &Joined) -> bool {
    joined.members == 1 && joined.head.seq == 0
}
