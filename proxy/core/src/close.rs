//! Why the proxy closes a connection, as WebSocket close codes (RFC 6455, section 7.4.2: 4000 to 4999 are ours).
//!
//! 4000 to 4099: connect again (with backoff); 4100 to 4199: do not, it would end the same way.

/// A reason to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The proxy stops; another one may be there already.
    GoingAway,
    /// No sign of life from the client.
    Dead,
    /// The server failed in a way that it cannot go on from, on this connection.
    Failed,
    /// The client's token has expired, or is not good yet.
    Expired,
    /// Nobody logged in in time.
    NoLogin,
    /// More work than its budget for long.
    Busy,
    /// The same again and again.
    Flood,
    /// An event above `--max-event`.
    TooBig,
    /// Not what RFC 6455 allows, or a binary message.
    Protocol,
    /// A token that is not good, and will not be.
    BadToken,
    /// Its uid is banned.
    Banned,
}

impl Close {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::GoingAway,
        Self::Dead,
        Self::Failed,
        Self::Expired,
        Self::NoLogin,
        Self::Busy,
        Self::Flood,
        Self::TooBig,
        Self::Protocol,
        Self::BadToken,
        Self::Banned,
    ];

    /// The code in the close frame.
    pub const fn code(self) -> u16 {
        match self {
            Self::GoingAway => 4000,
            Self::Dead => 4001,
            Self::Failed => 4002,
            Self::Expired => 4003,
            Self::NoLogin => 4004,
            Self::Busy => 4005,
            Self::Flood => 4100,
            Self::TooBig => 4101,
            Self::Protocol => 4102,
            Self::BadToken => 4103,
            Self::Banned => 4104,
        }
    }

    /// The sentence in the close frame.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "the server stops; connect again",
            Self::Dead => "no sign of life; connect again",
            Self::Failed => "the server failed; connect again",
            Self::Expired => "the token is not valid now; connect again with a new one",
            Self::NoLogin => "nobody logged in; connect again to do so",
            Self::Busy => "more than this server does for one client; connect again, later",
            Self::Flood => "again and again more than this server does for one client",
            Self::TooBig => "an event was larger than allowed",
            Self::Protocol => "only text messages of RFC 6455 are understood",
            Self::BadToken => "the token is not valid",
            Self::Banned => "this uid is banned",
        }
    }

    /// How long a client is to wait at least before it connects again (ms).
    pub const fn after(self) -> u64 {
        match self {
            Self::Busy => 5000,
            Self::Failed => 1000,
            _ => 0,
        }
    }

    /// Whether a client should connect again.
    pub const fn reconnect(self) -> bool {
        self.code() < 4100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_says_whether_to_reconnect() {
        for (close, reconnect) in [
            (Close::GoingAway, true),
            (Close::Dead, true),
            (Close::Failed, true),
            (Close::Expired, true),
            (Close::NoLogin, true),
            (Close::Busy, true),
            (Close::Flood, false),
            (Close::TooBig, false),
            (Close::Protocol, false),
            (Close::BadToken, false),
            (Close::Banned, false),
        ] {
            assert_eq!(close.reconnect(), reconnect, "{close:?}");
            let range = if reconnect { 4000..=4099 } else { 4100..=4199 };
            assert!(range.contains(&close.code()), "{close:?}");
            assert_eq!(
                close.reason().contains("connect again"),
                reconnect,
                "{close:?}"
            );
        }
    }

    #[test]
    fn each_code_is_of_one_reason_and_fits_a_frame() {
        let mut codes: Vec<u16> = Close::ALL.iter().map(|close| close.code()).collect();
        codes.dedup();
        assert_eq!(codes.len(), Close::ALL.len());
        assert!(codes.is_sorted());
        for close in Close::ALL {
            // RFC 6455, section 5.5: a control frame has at most 125 bytes, two of which are the code.
            assert!(close.reason().len() <= 123);
        }
    }
}
