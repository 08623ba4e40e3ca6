use super::*;

/// The times here are counted from this one on.
const T: u64 = 1_795_630_000_000;

/// An entry as it is typed: `uid mallory reason spam`.
fn read(line: &str) -> Result<Entry, String> {
    let line = match line.split_once("until T+") {
        Some((before, after)) => {
            let (ms, after) = after.split_once(' ').unwrap_or((after, ""));
            let until = T + ms.parse::<u64>().unwrap();
            format!("{before}until {until} {after}").trim().to_owned()
        }
        None => line.to_owned(),
    };
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    Entry::read(words.chunks(2).map(|pair| (pair[0], pair[1])))
}

fn table(most: usize, ms: u64, lines: &[&str]) -> Bans {
    let mut bans = Bans::new(most);
    for line in lines {
        bans.take(read(line).unwrap(), T + ms);
    }
    bans
}

#[test]
fn the_last_entry_about_a_uid_and_a_room_counts() {
    for (lines, everywhere, in_a, in_b) in [
        (&["uid u"][..], true, false, false),
        (&["uid u room a"], false, true, false),
        (&["uid u", "uid u room a"], true, true, false),
        (&["uid u", "uid u until 0"], false, false, false),
        (&["uid u until 0", "uid u"], true, false, false),
        // Each by itself: what is taken back for everywhere leaves a room's, and the other way round.
        (&["uid u room a", "uid u until 0"], false, true, false),
        (&["uid u", "uid u room a until 0"], true, false, false),
        (&["uid u room a", "uid u room b"], false, true, true),
        (
            &["uid u room a", "uid u room b", "uid u room a until 0"],
            false,
            false,
            true,
        ),
        (&["uid u until T+1000"], false, false, false),
        (&["uid u until T+1001"], true, false, false),
        // An entry that is over replaces one that is not.
        (&["uid u", "uid u until T+999"], false, false, false),
        (&["uid u until T+2000", "uid u"], true, false, false),
        (&["uid v", "uid v room a"], false, false, false),
        // Other fields are of no concern; the last one of a name counts.
        (&["by ops uid v uid u"], true, false, false),
    ] {
        let bans = table(9, 1000, lines);
        let sight = bans.at(T + 1000);
        assert_eq!(sight.of("u").is_some(), everywhere, "{lines:?}");
        assert_eq!(sight.of_room("u", "a").is_some(), in_a, "{lines:?}");
        assert_eq!(sight.of_room("u", "b").is_some(), in_b, "{lines:?}");
        assert_eq!(bans.concerns("u"), everywhere || in_a || in_b, "{lines:?}");
    }
    assert!(Sight::default().of("u").is_none());
}

#[test]
fn time_ends_a_ban_without_any_entry() {
    let mut bans = table(
        9,
        0,
        &["uid u until T+5000", "uid u room a until T+7000", "uid v"],
    );
    assert!(bans.at(T + 4999).of("u").is_some());
    assert!(bans.at(T + 5000).of("u").is_none());
    assert!(bans.at(T + 6999).of_room("u", "a").is_some());
    assert!(bans.at(u64::MAX).of("v").is_some(), "for good");
    assert_eq!(bans.len(), 3);
    bans.drop_over(T + 4999);
    assert_eq!(bans.len(), 3);
    bans.drop_over(T + 5000);
    assert_eq!((bans.len(), bans.concerns("u")), (2, true));
    bans.drop_over(T + 7000);
    assert_eq!((bans.len(), bans.concerns("u")), (1, false));
    assert!(bans.ends.is_empty());
}

#[test]
fn what_is_replaced_or_taken_back_does_not_end_the_one_in_its_place() {
    let mut bans = table(9, 0, &["uid u until T+5000", "uid u until T+9000"]);
    bans.drop_over(T + 5000);
    assert_eq!(bans.at(T + 5000).of("u").unwrap().until, Some(T + 9000));
    bans.take(read("uid u").unwrap(), T + 5000);
    bans.drop_over(T + 9000);
    assert!(bans.at(T + 9000).of("u").is_some());
    assert!(bans.ends.is_empty());
}

#[test]
fn what_has_no_place_is_left_out_and_counted() {
    let mut bans = table(
        2,
        0,
        &["uid a until T+100", "uid b", "uid c", "uid d room r"],
    );
    assert_eq!((bans.len(), bans.beyond()), (2, 2));
    assert!(bans.at(T).of("c").is_none());
    assert!(!bans.has_place());
    // Who has a place keeps it.
    bans.take(read("uid b reason again").unwrap(), T + 50);
    assert_eq!(&*bans.at(T + 50).of("b").unwrap().reason, "again");
    assert_eq!(bans.beyond(), 2);
    // What is over makes place.
    bans.take(read("uid e").unwrap(), T + 100);
    assert!(bans.at(T + 100).of("e").is_some());
    assert_eq!((bans.len(), bans.beyond()), (2, 2));
    bans.take(read("uid e until 0").unwrap(), T + 100);
    assert!(bans.has_place(), "the list is read again for the others");
}

#[test]
fn very_many_end_in_pieces() {
    let mut bans = Bans::new(10_000);
    for n in 0..2_500 {
        bans.take(read(&format!("uid u{n} until T+10")).unwrap(), T);
    }
    for left in [1_500, 500, 0] {
        bans.drop_over(T + 10);
        assert_eq!(bans.len(), left);
        assert!(bans.at(T + 10).of("u2499").is_none());
    }
}

#[test]
fn an_entry_that_is_not_understood_says_why() {
    for (line, part) in [
        ("room a", "no field 'uid'"),
        ("uid ", "'uid' must be"),
        ("uid \u{1}", "'uid' must be"),
        ("uid u room ", "'room' must be"),
        ("uid u until ", "'until' must be"),
        ("uid u until soon", "not 'soon'"),
        ("uid u until -1", "not '-1'"),
        // In seconds.
        ("uid u until 1795630000", "not '1795630000'"),
        ("uid u until +1", "not '+1'"),
        ("uid u until 99999999999999999999", "'until' must be"),
    ] {
        let said = read(line).unwrap_err();
        assert!(said.contains(part), "{line}: {said}");
    }
    let long = "x".repeat(200);
    assert!(read(&format!("uid {long}")).is_err());
    let bytes = Entry::read([(&b"uid"[..], &b"\xff"[..])].into_iter());
    assert!(bytes.is_err());
}

#[test]
fn a_uid_is_the_same_in_both_forms_and_a_reason_is_cut() {
    let bans = table(9, 0, &["uid cafe\u{301}"]);
    assert!(bans.at(T).of("caf\u{e9}").is_some());
    // It is as long as it may be in the form that counts.
    let (apart, whole) = ("e\u{301}".repeat(64), "\u{e9}".repeat(64));
    let bans = table(9, 0, &[&format!("uid {apart}")]);
    assert!(bans.at(T).of(&whole).is_some());
    let long = "\u{e9}".repeat(1000);
    let bans = table(9, 0, &[&format!("uid u reason {long}")]);
    assert_eq!(bans.at(T).of("u").unwrap().reason.len(), MAX_REASON);
}

#[test]
fn the_error_says_who_where_until_when_and_why() {
    let bans = table(9, 0, &["uid u room a until T+7 reason spam", "uid v"]);
    let (code, what) = bans.at(T).of_room("u", "a").unwrap().denied("u", Some("a"));
    assert_eq!(code, "BANNED");
    assert_eq!(
        what,
        "uid 'u' is banned from room 'a' until 1795630000007 (Unix time in ms): spam"
    );
    let (_, what) = bans.at(T).of("v").unwrap().denied("v", None);
    assert_eq!(what, "uid 'v' is banned");
}
