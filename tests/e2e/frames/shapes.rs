//! Lengths, pings, reserved bits, opcodes, fragments.

use super::peer::{BINARY, CLOSE, Came, FIN, PING, PONG, TEXT, frame, note};
use super::{Case, case, echo, refused, run};

/// The first part of a text, and a later one.
const BEGINS: u8 = TEXT & !FIN;
const GOES_ON: u8 = 0;
const ENDS: u8 = FIN;

/// A note whose text makes its frame's payload so long.
fn note_of(len: usize) -> (String, Vec<u8>) {
    let text = "x".repeat(len - note("").len());
    let frame = frame(TEXT, note(&text).as_bytes());
    (text, frame)
}

#[test]
fn lengths_1() {
    let mut cases = vec![case(
        "1.1.1",
        &[frame(TEXT, b"")],
        vec![Came::Error("BADJSON".into())],
    )];
    for len in [125, 126, 127, 128, 65_535, 65_536] {
        let (text, frame) = note_of(len);
        let name = format!("1.1: {len} bytes");
        let once = std::slice::from_ref(&frame);
        cases.push(case(&name, once, vec![echo(&text)]));
        let part = if len < 1000 { 1 } else { 997 };
        cases.push(case(&name, &[frame], vec![echo(&text)]).chopped(part));
    }
    for len in [0, 125, 126, 127, 65_535, 65_536] {
        let binary = frame(BINARY, &vec![0xfe; len]);
        cases.push(case(
            &format!("1.2: {len} bytes"),
            &[binary],
            vec![refused()],
        ));
    }
    // A length of which nobody has so much, and one that is none.
    for len in [1_u64 << 40, 1 << 63, u64::MAX] {
        let mut huge = vec![TEXT, 0x80 | 127];
        huge.extend(len.to_be_bytes());
        huge.extend([0; 4]);
        let closed = Came::Closed(Some(4101));
        cases.push(case(&format!("{len} bytes"), &[huge], vec![closed]));
    }
    run(cases);
}

#[test]
fn pings_2() {
    let pong = |payload: &[u8]| Came::Pong(payload.to_vec());
    let raw = [0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff];
    let full = [0xfe; 125];
    let ten: Vec<Vec<u8>> = (0..10_u8).map(|n| frame(PING, &[n])).collect();
    let ten_back = || (0..10_u8).map(|n| pong(&[n])).collect::<Vec<_>>();
    run([
        case("2.1", &[frame(PING, b"")], vec![pong(b"")]),
        case(
            "2.2",
            &[frame(PING, b"Hello, world!")],
            vec![pong(b"Hello, world!")],
        ),
        case("2.3", &[frame(PING, &raw)], vec![pong(&raw)]),
        case("2.4", &[frame(PING, &full)], vec![pong(&full)]),
        case("2.5", &[frame(PING, &[0xfe; 126])], vec![refused()]),
        case("2.6", &[frame(PING, &full)], vec![pong(&full)]).chopped(1),
        case("2.7", &[frame(PONG, b"")], Vec::new()),
        case("2.8", &[frame(PONG, b"unasked")], Vec::new()),
        case(
            "2.9",
            &[frame(PONG, b"unasked"), frame(PING, b"asked")],
            vec![pong(b"asked")],
        ),
        case("2.10", &ten, ten_back()),
        case("2.11", &ten, ten_back()).chopped(1),
    ]);
}

#[test]
fn reserved_bits_3() {
    let good = frame(TEXT, note("one").as_bytes());
    let mut cases = Vec::new();
    for bits in 1..=7_u8 {
        let bits_at = bits << 4;
        for (name, first) in [("text", TEXT), ("ping", PING), ("close", CLOSE)] {
            let payload: &[u8] = if first == TEXT { b"{}" } else { b"" };
            let bad = frame(first | bits_at, payload);
            let name = format!("3: bits {bits} of a {name}");
            let once = std::slice::from_ref(&bad);
            cases.push(case(&name, once, vec![refused()]));
            let after = || {
                let one = case(&name, std::slice::from_ref(&good), vec![echo("one")]);
                one.then(&[bad.clone(), frame(PING, b"")], vec![refused()])
            };
            cases.extend([after(), after().chopped(1)]);
        }
    }
    run(cases);
}

#[test]
fn opcodes_4() {
    let good = frame(TEXT, note("one").as_bytes());
    let mut cases = Vec::new();
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        for payload in [&b""[..], b"unknown"] {
            let bad = frame(FIN | opcode, payload);
            let name = format!("4: opcode {opcode}");
            cases.push(case(
                &name,
                &[bad.clone(), frame(PING, b"")],
                vec![refused()],
            ));
            let one = case(&name, std::slice::from_ref(&good), vec![echo("one")]);
            cases.push(one.then(&[bad], vec![refused()]));
        }
    }
    // RFC 6455, 5.1: a client masks.
    let mut bare = vec![TEXT, note("one").len() as u8];
    bare.extend_from_slice(note("one").as_bytes());
    cases.push(case("an unmasked frame", &[bare], vec![refused()]));
    run(cases);
}

/// A note in two parts.
fn halves(text: &str) -> (Vec<u8>, Vec<u8>) {
    let note = note(text);
    let (begin, end) = note.as_bytes().split_at(note.len() / 2);
    (frame(BEGINS, begin), frame(ENDS, end))
}

fn good_fragments() -> Vec<Case> {
    let pong = |payload: &[u8]| Came::Pong(payload.to_vec());
    let (begin, end) = halves("one");
    let ping = frame(PING, b"between");
    let single: Vec<u8> = note("one")
        .bytes()
        .enumerate()
        .flat_map(|(at, byte)| frame(if at == 0 { BEGINS } else { GOES_ON }, &[byte]))
        .collect();
    vec![
        case("5.3", &[begin.clone(), end.clone()], vec![echo("one")]),
        case("5.5", &[begin.clone(), end.clone()], vec![echo("one")]).chopped(1),
        case(
            "5.6",
            &[begin.clone(), ping.clone(), end.clone()],
            vec![pong(b"between"), echo("one")],
        ),
        case(
            "5.8",
            &[begin.clone(), ping.clone(), end.clone()],
            vec![pong(b"between"), echo("one")],
        )
        .chopped(1),
        case(
            "5.19",
            &[
                begin.clone(),
                frame(GOES_ON, b""),
                ping.clone(),
                frame(GOES_ON, b""),
                ping,
                end,
            ],
            vec![pong(b"between"), pong(b"between"), echo("one")],
        ),
        case(
            "a byte a frame",
            &[single, frame(ENDS, b"")],
            vec![echo("one")],
        ),
        case(
            "6.1.3",
            &[
                frame(BEGINS, b""),
                frame(GOES_ON, note("one").as_bytes()),
                frame(ENDS, b""),
            ],
            vec![echo("one")],
        ),
    ]
}

#[test]
fn fragments_5() {
    let (begin, end) = halves("one");
    let whole = frame(TEXT, note("two").as_bytes());
    let mut cases = good_fragments();
    cases.extend([
        case(
            "5.1",
            &[frame(PING & !FIN, b"a"), frame(ENDS, b"b")],
            vec![refused()],
        ),
        case(
            "5.2",
            &[frame(PONG & !FIN, b"a"), frame(ENDS, b"b")],
            vec![refused()],
        ),
        case(
            "a close in parts",
            &[frame(CLOSE & !FIN, b""), frame(ENDS, b"")],
            vec![refused()],
        ),
        case("5.9", &[frame(ENDS, b"x"), whole.clone()], vec![refused()]),
        case("5.10", &[frame(ENDS, b"x"), whole.clone()], vec![refused()]).chopped(1),
        case(
            "5.12",
            &[frame(GOES_ON, b"x"), whole.clone()],
            vec![refused()],
        ),
        case("5.15", &[begin.clone(), end], vec![echo("one")])
            .then(&[frame(GOES_ON, b"x"), whole.clone()], vec![refused()]),
        case("5.18", &[begin.clone(), whole], vec![refused()]),
        case(
            "a binary within a text",
            &[begin.clone(), frame(BINARY, b"x")],
            vec![refused()],
        ),
        case(
            "a binary in parts",
            &[frame(BINARY & !FIN, b"x"), frame(ENDS, b"")],
            vec![refused()],
        ),
    ]);
    // Parts that together are more than an event may be.
    let part = frame(GOES_ON, &[b'x'; 60_000]);
    let closed = vec![Came::Closed(Some(4101))];
    cases.push(case(
        "too large",
        &[begin, part.clone(), part.clone(), part.clone(), part],
        closed,
    ));
    run(cases);
}
