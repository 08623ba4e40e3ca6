//! `ROOM.HELLO`: a proxy names its connection and renews its lease.

use super::env::Env;
use super::outcome::Outcome;
use super::reply::{Answer, Sink};
use crate::error::RoomError;
use crate::room::check_uid;
use crate::sessions::{Greeting, Hello, NameTaken, Sessions};

/// The longest `ID`, in bytes.
pub const MOST_ID: usize = 64;

impl Answer for Greeting {
    fn write(&self, to: &mut impl Sink) {
        to.status(match self {
            Self::Ok => c"OK",
            Self::Announce => c"ANNOUNCE",
            Self::Superseded => c"SUPERSEDED",
        });
    }
}

/// Runs it.
pub fn hello(
    sessions: &mut Sessions,
    hello: &Hello<'_>,
    env: &Env<'_>,
) -> Result<Outcome<'static, Greeting>, RoomError> {
    check_uid(hello.name)?;
    if hello
        .id
        .is_some_and(|id| id.is_empty() || id.len() > MOST_ID)
    {
        return Err(RoomError::BadId(hello.id.unwrap_or_default().into()));
    }
    if !env.counts {
        return Ok(Outcome::of(Greeting::Ok));
    }
    match sessions.hello(hello, env.times.mono, env.settings.device_grace) {
        Ok(greeting) => Ok(Outcome::of(greeting)),
        Err(NameTaken) => Err(RoomError::NameTaken(hello.name.into())),
    }
}
