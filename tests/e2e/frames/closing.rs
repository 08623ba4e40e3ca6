//! How a connection ends by a close frame.

use super::peer::{CLOSE, Came, FIN, PING, TEXT, frame, note};
use super::{case, echo, refused, run};

/// A close frame with this code and reason.
fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(CLOSE, &[&code.to_be_bytes()[..], reason].concat())
}

fn closed(code: u16) -> Came {
    Came::Closed(Some(code))
}

#[test]
fn frames_around_a_close_7() {
    let whole = frame(TEXT, note("one").as_bytes());
    let begin = frame(TEXT & !FIN, note("one").as_bytes());
    let large = "x".repeat(150_000);
    run([
        case("7.1.1", std::slice::from_ref(&whole), vec![echo("one")])
            .then(&[close(1000, b"")], vec![closed(1000)]),
        case(
            "7.1.2",
            &[close(1000, b""), close(1000, b"")],
            vec![closed(1000)],
        ),
        case(
            "7.1.3",
            &[close(1000, b""), frame(PING, b"")],
            vec![closed(1000)],
        ),
        case("7.1.4", &[close(1000, b""), whole], vec![closed(1000)]),
        case(
            "7.1.5",
            &[begin, close(1000, b""), frame(FIN, b"x")],
            vec![closed(1000)],
        ),
        case(
            "7.1.6",
            &[frame(TEXT, note(&large).as_bytes())],
            vec![echo(&large)],
        )
        .then(&[close(1000, b"")], vec![closed(1000)]),
    ]);
}

#[test]
fn payloads_of_a_close_7() {
    run([
        case("7.3.1", &[frame(CLOSE, b"")], vec![Came::Closed(None)]),
        case("7.3.2", &[frame(CLOSE, b"a")], vec![refused()]),
        case("7.3.3", &[close(1000, b"")], vec![closed(1000)]),
        case(
            "7.3.4",
            &[close(1000, "bye, bÿe".as_bytes())],
            vec![closed(1000)],
        ),
        case("7.3.5", &[close(1000, &[b'*'; 123])], vec![closed(1000)]),
        case("7.3.6", &[close(1000, &[b'*'; 124])], vec![refused()]),
        case(
            "7.5.1",
            &[close(1000, b"\xce\xba\xed\xa0\x80edited")],
            vec![refused()],
        ),
        case(
            "a reason that is cut",
            &[close(1000, b"bye \xc3")],
            vec![refused()],
        ),
    ]);
}

#[test]
fn codes_7() {
    let valid = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ];
    let invalid = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
    let mut cases = Vec::new();
    for code in valid {
        cases.push(case(
            &format!("7.7: {code}"),
            &[close(code, b"")],
            vec![closed(code)],
        ));
    }
    for code in invalid {
        // Autobahn wants 1002 here, or the end.
        cases.push(case(
            &format!("7.9: {code}"),
            &[close(code, b"")],
            vec![closed(1002)],
        ));
    }
    run(cases);
}
