//! A saved room from strangers (`RESTORE`, an RDB file): it is refused, or it is a room like any other, and its copy does for
//! ever what it does.

use crate::forge::Forged;
use crate::server::{loaded, saved};
use crate::show;
use arbitrary::{Arbitrary, Unstructured};
use room_core::commands::{self, Page};
use room_core::limits::{Limit, Limits};
use room_core::position::Position;
use room_core::room::Room;
use room_core::snapshot::Loader;

/// The target.
///
/// # Panics
/// If something is wrong.
pub fn run(data: &[u8]) {
    let mut loader = Loader::default();
    // As they are: what no forger would write.
    let _ = loader.feed(data);
    drop(loader.finish());
    let Ok(forged) = Forged::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    show(&forged);
    let mut loader = Loader::default();
    let fed = forged.parts().iter().try_for_each(|part| loader.feed(part));
    if let (Ok(()), Ok(mut room)) = (fed, loader.finish()) {
        judge(&room);
        live(&mut room);
    }
}

/// What is true of every room.
fn judge(room: &Room) {
    let log = room.log();
    assert!(room.is_whole());
    let (mut at, mut ms) = (log.start(), 0);
    for entry in log.entries_from(0) {
        at = at.next(entry.ms, entry.uid, entry.payload);
        assert_eq!(entry.position, at, "the chain holds");
        assert!(entry.ms >= ms, "time goes back at {}", at.seq);
        ms = entry.ms;
    }
    assert_eq!(at, log.head());
    assert_eq!(log.len(), at.seq - log.start().seq);
    assert!(log.is_empty() || ms == log.last_ms());
    for member in room.members() {
        assert!(member.joined_at <= member.cursor && member.cursor <= at.seq);
        assert!(member.acted_ms <= room.acted_ms());
        assert_eq!(room.member(member.uid), Some(member));
    }
    let copy = loaded(room);
    assert_eq!(saved(room), saved(&copy), "what was saved loads the same");
    equal(room, &copy);
}

/// All that one sees of two rooms is the same, and what is done to them next.
fn equal(one: &Room, two: &Room) {
    let mut keep_none = Limits::default();
    keep_none.set(Limit::Keep, 0);
    let mut tight = keep_none;
    tight.set(Limit::MaxLen, 2);
    tight.set(Limit::MaxBytes, 50);
    tight.set(Limit::MaxAge, 1);
    for limits in [Limits::default(), keep_none, tight] {
        for limits in [limits, one.limits(&limits)] {
            let old = |ms: u64| ms < one.log().last_ms();
            assert_eq!(one.due(old, &limits), two.due(old, &limits));
        }
    }
    let (first, head) = (one.log().first(), one.log().head());
    let near = [0, 1, first - 1, first, head.seq, head.seq + 1, u64::MAX];
    for seq in near {
        let look = |room: &Room| {
            let since = Position::new(seq, head.tag);
            let at = (
                room.start_at(seq),
                room.resume(since, seq),
                room.verify(since),
            );
            (
                at,
                room.pending(seq),
                room.lost(seq),
                room.log().bytes_after(seq),
            )
        };
        assert_eq!(look(one), look(two), "{seq}");
        for uid in [&b"ann"[..], b"bob"] {
            let why = |room: &Room| commands::why(Some(room), uid, seq);
            assert_eq!(why(one), why(two), "{seq}");
        }
    }
    assert_eq!(one.lag(3), two.lag(3));
    assert_eq!(one.oldest_id_ms(), two.oldest_id_ms());
    let queue = |room| commands::queue(Some(room), b"ann", Page::default()).is_ok();
    assert_eq!(queue(one), queue(two));
}

/// The room goes on, and its copy with it.
fn live(room: &mut Room) {
    let mut copy = loaded(room);
    let uids: Vec<Vec<u8>> = room.members().map(|member| member.uid.to_vec()).collect();
    let now = room.log().last_ms();
    for (at, uid) in uids.iter().take(40).enumerate() {
        for room in [&mut *room, &mut *copy] {
            match at % 4 {
                0 => drop(room.raise(uid, room.log().first(), now)),
                1 => room.set_released(uid, at % 8 == 1),
                2 => drop(room.remove(uid)),
                _ => drop(room.raise(uid, u64::MAX, now)),
            }
        }
        equal(room, &copy);
    }
    if room.check_append().is_ok() {
        for payload in [&b"short"[..], &[b'x'; 3000]] {
            let next = room.log().head().seq + 1;
            let said = room.append(now, b"ann", payload);
            assert_eq!(said.seq, next);
            assert_eq!(said, copy.append(now, b"ann", payload));
            if room.check_append().is_err() {
                break;
            }
        }
    }
    let mut limits = Limits::default();
    limits.set(Limit::Keep, 1);
    for room in [&mut *room, &mut *copy] {
        for drop in room.due(|_| true, &limits).into_iter().flatten() {
            room.drop_messages(drop);
        }
        for uid in &uids {
            room.raise(uid, u64::MAX, now);
        }
        room.forget_ids_before(now);
    }
    assert_eq!(saved(room), saved(&copy));
    judge(room);
}
