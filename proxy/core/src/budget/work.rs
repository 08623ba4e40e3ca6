//! What things cost, in *work*: about a microsecond of one core, Redis' part and what follows included. It need not be
//! exact, but nothing may be free, and nothing much cheaper here than it is.

use crate::wire::ClientEvent;

/// A connection is accepted, and speaks HTTP.
pub const ACCEPT: u64 = 100;
/// It shakes hands for TLS: a key exchange and a signature.
pub const HANDSHAKE: u64 = 300;
/// It becomes a WebSocket.
pub const UPGRADE: u64 = 200;
/// Any frame, also one of control, an empty one, or a fragment: a ping has a pong.
pub const FRAME: u64 = 10;
/// A record of TLS is opened, beside what it holds.
pub const RECORD: u64 = 1;
/// An event that is refused: it is read, and answered by a packet of its own.
pub const REFUSED: u64 = 60;
/// A ping that is answered, by a packet of its own too.
pub const ANSWERED: u64 = REFUSED;
/// A signature is checked.
pub const TOKEN: u64 = 200;
/// A room is read backwards for a client, beside the bytes of the page.
pub const HISTORY: u64 = 250;
/// A room is entered by a newcomer.
const LOGIN: u64 = 400;
/// So many bytes are read, or written to one receiver, for one unit.
const BYTES: u64 = 256;

/// Bytes that come, in so many frames.
pub const fn read(frames: u64, bytes: u64) -> u64 {
    frames * FRAME + bytes.div_ceil(BYTES)
}

/// A page of a log goes to one receiver.
pub const fn page(bytes: usize) -> u64 {
    (bytes as u64).div_ceil(BYTES)
}

/// A message goes to all that are in the room, here: each is written to, however little it is.
pub const fn fan_out(bytes: usize, receivers: usize) -> u64 {
    (bytes as u64 + BYTES).saturating_mul(receivers as u64) / BYTES
}

/// An event that was understood, beside its frame; of a login only the token, as its rooms are entered one by one.
pub fn event(event: &ClientEvent) -> u64 {
    match event {
        ClientEvent::Login(login) if login.token.is_some() => TOKEN,
        ClientEvent::Login(_) => 0,
        ClientEvent::Refresh(_) => TOKEN,
        ClientEvent::Message(_) => 80,
        ClientEvent::Other(_) => 50,
        ClientEvent::Pong | ClientEvent::Heartbeat { .. } | ClientEvent::Ack { .. } => 10,
        ClientEvent::Logout(_) | ClientEvent::Leave(_) => 100,
        ClientEvent::Members { .. } => 300,
        // Each time that Redis is asked counts by itself.
        ClientEvent::History { .. } => 50,
    }
}

/// A room is entered. Who comes back to where it was reads less than who comes anew.
pub const fn login(comes_back: bool) -> u64 {
    if comes_back { LOGIN / 4 } else { LOGIN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::parse;

    fn cost(text: &str) -> u64 {
        event(&parse(text).unwrap())
    }

    #[test]
    fn nothing_is_free() {
        for text in [
            r#"{"event":"heartbeat","message":"pong"}"#,
            r#"{"event":"ack","position":"3-00000001"}"#,
            r#"{"event":"typing"}"#,
            r#"{"event":"members"}"#,
            r#"{"event":"history"}"#,
            r#"{"event":"leave"}"#,
        ] {
            assert!(cost(text) > 0, "{text}");
        }
        assert!(login(true) > 0 && login(true) < login(false));
        assert!(read(1, 0) > 0 && read(0, 1) > 0);
        assert!(page(1) > 0 && page(32_768) >= 128);
        assert!(fan_out(60_000, 100) > 100 * fan_out(600, 10));
        assert_eq!(fan_out(0, 45), 45);
    }
}
