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
    /// More events than `--max-rate`.
    Flood,
    /// An event above `--max-event`.
    TooBig,
    /// Not what RFC 6455 allows, or a binary message.
    Protocol,
}

impl Close {
    /// The code in the close frame.
    pub const fn code(self) -> u16 {
        match self {
            Self::GoingAway => 4000,
            Self::Dead => 4001,
            Self::Flood => 4100,
            Self::TooBig => 4101,
            Self::Protocol => 4102,
        }
    }

    /// The sentence in the close frame.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "the server stops; connect again",
            Self::Dead => "no sign of life; connect again",
            Self::Flood => "too many events in a short time",
            Self::TooBig => "an event was larger than allowed",
            Self::Protocol => "only text messages of RFC 6455 are understood",
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
        assert!(Close::GoingAway.reconnect() && Close::Dead.reconnect());
        assert!(
            !Close::Flood.reconnect() && !Close::TooBig.reconnect() && !Close::Protocol.reconnect()
        );
        for close in [
            Close::GoingAway,
            Close::Dead,
            Close::Flood,
            Close::TooBig,
            Close::Protocol,
        ] {
            // RFC 6455, section 5.5: a control frame has at most 125 bytes, two of which are the code.
            assert!(close.reason().len() <= 123);
        }
    }
}
