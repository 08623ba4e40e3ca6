//! The token that a connection holds: what it allows, until when, and what is told of it.

use crate::event::Told;
use crate::pass::Pass;
use crate::rights::{Right, Rights};
use crate::wire::{About, Role};

/// A code and a sentence for the client.
pub(crate) type Denied = (&'static str, String);

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Holder {
    pub(crate) pass: Pass,
    /// When it was taken, by the clock that does not go back.
    since: u64,
}

impl Holder {
    /// Takes a token at `now`.
    pub(crate) const fn new(pass: Pass, now: u64) -> Self {
        Self { pass, since: now }
    }

    /// When it ends, by the clock that does not go back.
    pub(crate) const fn ends(&self) -> u64 {
        self.since.saturating_add(self.pass.lives)
    }

    /// What its client is told of it at `now`.
    pub(crate) const fn told(&self, now: u64) -> Told {
        Told {
            ts: self.pass.ts + now.saturating_sub(self.since),
            expires: self.pass.expires,
        }
    }

    /// Whether it is of this uid, if the client names one.
    pub(crate) fn is_of(&self, uid: Option<&str>) -> Result<(), Denied> {
        let own = &*self.pass.uid;
        match uid {
            Some(uid) if uid != own => {
                let what = format!("the token is of uid '{own}', not of '{uid}'");
                Err(("OTHERUID", what))
            }
            _ => Ok(()),
        }
    }
}

/// As what somebody with these rights may enter a room, and be sent what was said there before. Who does not say is a
/// member where that is allowed.
pub(crate) fn may_enter(
    rights: Rights,
    roomid: &str,
    role: Option<Role>,
    history: bool,
) -> Result<Role, Denied> {
    let (member, guest) = (rights.has(Right::Member), rights.has(Right::Guest));
    let role = match role {
        Some(role) => role,
        None if member => Role::Member,
        None if guest => Role::Guest,
        None => {
            let what = format!("the token does not let you enter room '{roomid}'");
            return Err(("NORIGHT", what));
        }
    };
    let entered = match role {
        Role::Member => Right::Member,
        Role::Guest => Right::Guest,
    };
    may(rights, Some(entered), roomid)?;
    may(rights, history.then_some(Right::History), roomid)?;
    Ok(role)
}

/// Whether somebody with these rights may do what needs this one.
pub(crate) fn may(rights: Rights, needed: Option<Right>, roomid: &str) -> Result<(), Denied> {
    match needed {
        Some(right) if !rights.has(right) => {
            let name = right.name();
            let what = format!("the token does not give you the right '{name}' in room '{roomid}'");
            Err(("NORIGHT", what))
        }
        _ => Ok(()),
    }
}

/// What an error about a room says that it answers.
pub(crate) fn about(event: &str, roomid: &str) -> About {
    About {
        event: Some(event.to_owned()),
        roomid: Some(roomid.to_owned()),
        id: None,
    }
}
