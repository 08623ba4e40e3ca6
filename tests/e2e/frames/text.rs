//! Texts are UTF-8, however they are cut.

use super::peer::{FIN, TEXT, frame, note};
use super::{case, echo, refused, run};

/// A note around bytes.
fn around(bytes: &[u8]) -> Vec<u8> {
    let note = note("?");
    let at = note.find('?').expect("the text");
    [&note.as_bytes()[..at], bytes, &note.as_bytes()[at + 1..]].concat()
}

/// A message in parts of these sizes, the last one of what is left.
fn parts(payload: &[u8], size: usize) -> Vec<Vec<u8>> {
    let many = payload.chunks(size).count();
    let part = |(at, part): (usize, &[u8])| {
        let first = if at == 0 { TEXT & !FIN } else { 0 };
        let last = if at + 1 == many { FIN } else { 0 };
        frame(first | last, part)
    };
    payload.chunks(size).enumerate().map(part).collect()
}

#[test]
fn valid_6() {
    let valid = [
        "Hello-µ@ßöäüàá-UTF-8!!",
        "κόσμε",
        "\u{80}",
        "\u{800}",
        "\u{10000}",
        "\u{7ff}",
        "\u{fffd}",
        "\u{10ffff}",
        "\u{d7ff}\u{e000}",
        // No characters, but none of UTF-8's business.
        "\u{fffe}\u{ffff}\u{1fffe}\u{10fffe}",
        "👩‍👩‍👧",
    ];
    let mut cases = Vec::new();
    for text in valid {
        let payload = around(text.as_bytes());
        let name = format!("6: {text:?}");
        cases.push(case(&name, &[frame(TEXT, &payload)], vec![echo(text)]));
        for size in 1..=5 {
            let name = format!("{name} in frames of {size}");
            cases.push(case(&name, &parts(&payload, size), vec![echo(text)]));
        }
        cases.push(case(&name, &[frame(TEXT, &payload)], vec![echo(text)]).chopped(1));
    }
    run(cases);
}

#[test]
fn invalid_6() {
    let invalid: [&[u8]; 24] = [
        // Continuations alone, and firsts alone.
        b"\x80",
        b"\xbf",
        b"\x80\xbf\x80",
        b"\xc2",
        b"\xc3 ",
        b"\xe1\x80",
        b"\xf1\x80\x80",
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
        // Longer than need be.
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xe0\x9f\xbf",
        b"\xf0\x80\x80\xaf",
        b"\xf0\x8f\xbf\xbf",
        // Halves of surrogate pairs, and pairs of them.
        b"\xed\xa0\x80",
        b"\xed\xaf\xbf",
        b"\xed\xbf\xbf",
        b"\xed\xa0\x80\xed\xb0\x80",
        // Above what there is.
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xfe",
        b"\xff",
    ];
    let mut cases = Vec::new();
    for bytes in invalid {
        let payload = around(bytes);
        let name = format!("6: {bytes:x?}");
        cases.push(case(&name, &[frame(TEXT, &payload)], vec![refused()]));
        for size in 1..=3 {
            let name = format!("{name} in frames of {size}");
            cases.push(case(&name, &parts(&payload, size), vec![refused()]));
        }
        // Cut off in the middle of a character, and nothing after it.
        cases.push(case(&name, &[frame(TEXT, bytes)], vec![refused()]));
    }
    run(cases);
}
