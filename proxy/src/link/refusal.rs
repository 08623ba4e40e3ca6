//! What can be wrong with a Redis that a link is to be made to.

use super::value::{fault_of, is_unknown_command};
use hub_core::ask::Fault;
use redis::{ErrorKind, RedisError};
use std::fmt;

/// Why there is no pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody answers, or not as Redis, or it is not ready yet.
    Unreachable(String),
    /// It answers, and will say the same the next time: a password is wrong, or a right is missing.
    Denied(String),
    /// It and we do not agree on TLS, and will not the next time.
    Tls(String),
    /// A file of ours cannot be used.
    Files(String),
    /// It has no `ROOM.*` commands.
    NoModule,
    /// It is a part of a Redis Cluster.
    Cluster,
    /// It is no part of one.
    NoCluster,
    /// It is a sentinel, and holds no rooms.
    IsSentinel,
    /// It is no sentinel.
    NoSentinel,
    /// The sentinels agree on no primary. Whether that will be the same the next time, too.
    Sentinels { why: String, lasts: bool },
}

impl Refusal {
    /// Whether the next attempt will fail in the same way.
    pub(super) const fn lasts(&self) -> bool {
        match self {
            Self::Unreachable(_) => false,
            Self::Sentinels { lasts, .. } => *lasts,
            _ => true,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) | Self::Denied(why) | Self::Tls(why) | Self::Files(why) => {
                f.write_str(why)
            }
            Self::NoModule => f.write_str("it has no ROOM.* commands"),
            Self::Cluster => f.write_str("it is in cluster mode"),
            Self::NoCluster => f.write_str("it is not in cluster mode"),
            Self::IsSentinel => f.write_str("it is a sentinel"),
            Self::NoSentinel => f.write_str("it is no sentinel"),
            Self::Sentinels { why, .. } => f.write_str(why),
        }
    }
}

impl From<&RedisError> for Refusal {
    fn from(error: &RedisError) -> Self {
        let said = error.to_string();
        let denied = |said: &str| {
            ["WRONGPASS", "NOAUTH", "NOPERM", "AUTH", "invalid password"]
                .iter()
                .any(|word| said.contains(word))
        };
        match fault_of(error) {
            fault if is_unknown_command(&fault) => Self::NoModule,
            Fault::Refused { code, message } if denied(&code) || denied(&message) => {
                Self::Denied(format!("{code} {message}"))
            }
            Fault::Refused { code, message } => Self::Unreachable(format!("{code} {message}")),
            // The library hands over nothing but the words: with TLS 1.3 a server tells this behind the handshake.
            Fault::Down if said.contains("received fatal alert") => Self::Tls(format!(
                "it does not take our certificate, or wants one: {said}"
            )),
            Fault::Down if denied(&said) || error.kind() == ErrorKind::AuthenticationFailed => {
                Self::Denied(said)
            }
            Fault::Down => Self::Unreachable(said),
        }
    }
}
