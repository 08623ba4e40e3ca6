//! Frames by the letter of RFC 6455, raw over TCP, in the classes that the suite of Autobahn tests: lengths, pings, reserved
//! bits, opcodes, fragments, UTF-8, closing. The proxy echoes nothing by itself, but an event that is not stored comes back to
//! its sender too; and binary messages it does not take at all.
//!
//! | file | what it holds |
//! |---|---|
//! | `peer` | a client that sends any bytes |
//! | `shapes` | classes 1 to 5 |
//! | `text` | class 6 |
//! | `closing` | class 7 |

mod closing;
mod peer;
mod shapes;
mod text;

use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::ok;
use peer::{Came, Peer, TEXT, frame, note};

/// A name, and what is sent and comes, step by step.
struct Case {
    name: String,
    steps: Vec<(Vec<u8>, Vec<Came>)>,
    /// What is sent leaves in parts of this size.
    part: usize,
}

fn case(name: &str, frames: &[Vec<u8>], wanted: Vec<Came>) -> Case {
    Case {
        name: name.to_owned(),
        steps: vec![(frames.concat(), wanted)],
        part: usize::MAX,
    }
}

impl Case {
    fn chopped(mut self, part: usize) -> Self {
        self.name.push_str(&format!(" in parts of {part}"));
        self.part = part;
        self
    }

    /// When all of that has come, this is sent: an echo's way is longer than that of what closes the connection.
    fn then(mut self, frames: &[Vec<u8>], wanted: Vec<Came>) -> Self {
        self.steps.push((frames.concat(), wanted));
        self
    }
}

/// The note comes back.
fn echo(text: &str) -> Came {
    Came::Note(text.to_owned())
}

/// The connection is closed as one that breaks the protocol.
fn refused() -> Came {
    Came::Closed(Some(4102))
}

/// Each case on a connection of its own; who is beside it notices nothing.
fn run(cases: impl IntoIterator<Item = Case>) {
    let redis = Redis::start();
    ok(&mut redis.connect(), "CONFIG SET room.max-payload 200000");
    let proxy = Proxy::with(&redis, &["--max-event", "200000"]);
    for (at, case) in cases.into_iter().enumerate() {
        let mut peer = Peer::login(proxy.port, &format!("u{at}"));
        let mut last = None;
        for (bytes, all) in &case.steps {
            peer.send_chopped(bytes, case.part);
            for wanted in all {
                let came = peer.next();
                assert!(came == *wanted, "{}: {}", case.name, shown(&came, wanted));
                last = Some(wanted);
            }
        }
        // What is not closed goes on.
        if !matches!(last, Some(Came::Closed(_))) {
            peer.send(&frame(TEXT, note("alive").as_bytes()));
            assert_eq!(peer.next(), echo("alive"), "{}", case.name);
        }
    }
}

fn shown(came: &Came, wanted: &Came) -> String {
    let short = |came: &Came| format!("{came:?}").chars().take(200).collect::<String>();
    format!("{} instead of {}", short(came), short(wanted))
}
