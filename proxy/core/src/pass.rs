//! What a token says, once it was looked at: who somebody is, what that allows, and for how long. The looking is the shell's.

use crate::close::Close;
use crate::rights::Grants;
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// A token as a client gave it. It is a secret: it shows itself to nobody who writes logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub Box<str>);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(a token, not shown)")
    }
}

/// A token that is good.
#[derive(Clone, Debug)]
pub struct Pass {
    /// Whose it is, in NFC.
    pub uid: Arc<str>,
    /// The name to show, as JSON; it goes before what the client says.
    pub name: Option<Arc<RawValue>>,
    /// What is allowed.
    pub grants: Grants,
    /// When it was looked at, Unix time in milliseconds.
    pub ts: u64,
    /// When it ends, as it says, in the same time.
    pub expires: u64,
    /// For how many milliseconds it is taken from then on.
    pub lives: u64,
}

/// Why a token is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It will never be good: what is wrong with it.
    Bad(String),
    /// It has ended.
    Expired,
    /// It begins later.
    Early,
    /// Its key is not known, and may be soon.
    NoKey,
}

impl Refused {
    /// The code of the error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Bad(_) => "BADTOKEN",
            Self::Expired => "EXPIRED",
            Self::Early => "EARLY",
            Self::NoKey => "NOKEY",
        }
    }

    /// What a connection that has no other token is closed with.
    pub const fn close(&self) -> Close {
        match self {
            Self::Bad(_) => Close::BadToken,
            Self::Expired | Self::Early | Self::NoKey => Close::Expired,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad(why) => write!(f, "the token is not valid: {why}"),
            Self::Expired => f.write_str("the token has expired: get a new one"),
            Self::Early => f.write_str("the token is not valid yet ('nbf'): try again later"),
            Self::NoKey => f.write_str("the token's key ('kid') is not known yet: try again later"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let token = Token("secret".into());
        assert!(!format!("{token:?}").contains("secret"));
    }

    #[test]
    fn what_may_become_good_says_come_back() {
        for refused in [Refused::Expired, Refused::Early, Refused::NoKey] {
            assert!(refused.close().reconnect(), "{refused}");
        }
        assert!(!Refused::Bad("no".into()).close().reconnect());
    }
}
