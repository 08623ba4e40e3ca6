//! The room against a naive one: a plain list of messages and a plain map of cursors, driven by the same random steps.

use proptest::prelude::*;
use room_core::Came;
use room_core::announce::{self, Header, Kind};
use room_core::chain::next_tag;
use room_core::dedupe::DedupePolicy;
use room_core::limits::{Limit, Limits};
use room_core::log::Reason;
use room_core::position::{Position, Tag};
use room_core::room::{Drop, Room};
use room_core::snapshot::{self, Loader};
use std::collections::BTreeMap;

const BIRTH: Tag = Tag(0xfeed_beef);

#[derive(Clone, Debug)]
enum Step {
    Append { after_ms: u64, uid: u8, len: usize },
    Retry { uid: u8, id: u8 },
    Admit { uid: u8, back: u64, newcomer: bool },
    Invite { uid: u8 },
    ForgetIds { age_ms: u64 },
    Ack { uid: u8, back: u64 },
    Leave { uid: u8 },
    Release { uid: u8, released: bool },
    Drop { keep: u64 },
    Limit { limit: usize, value: u64 },
    Settle { after_ms: u64 },
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    let uid = 0u8..40;
    prop_oneof![
        8 => (0u64..400, uid.clone(), prop_oneof![0usize..200, 0usize..20, 1500usize..6000, 15_000usize..40_000])
            .prop_map(|(after_ms, uid, len)| Step::Append { after_ms, uid, len }),
        3 => (uid.clone(), 0u8..6).prop_map(|(uid, id)| Step::Retry { uid, id }),
        3 => (uid.clone(), 0u64..20, any::<bool>()).prop_map(|(uid, back, newcomer)| Step::Admit { uid, back, newcomer }),
        1 => uid.clone().prop_map(|uid| Step::Invite { uid }),
        1 => (0u64..3000).prop_map(|age_ms| Step::ForgetIds { age_ms }),
        6 => (uid.clone(), prop_oneof![0u64..3, 0u64..200]).prop_map(|(uid, back)| Step::Ack { uid, back }),
        1 => uid.clone().prop_map(|uid| Step::Leave { uid }),
        1 => (uid, any::<bool>()).prop_map(|(uid, released)| Step::Release { uid, released }),
        1 => (0u64..100).prop_map(|keep| Step::Drop { keep }),
        1 => (0usize..4, 0u64..50).prop_map(|(limit, value)| Step::Limit { limit, value }),
        4 => (0u64..2000).prop_map(|after_ms| Step::Settle { after_ms }),
        1 => Just(Step::Reload),
    ]
}

/// What a member is.
#[derive(Clone, Debug, PartialEq)]
struct Naive {
    joined: u64,
    cursor: u64,
    released: bool,
    newcomer: bool,
}

#[derive(Default)]
struct Model {
    /// Every message ever: ms, uid, payload. Number n is at n-1.
    messages: Vec<(u64, Vec<u8>, Vec<u8>)>,
    tags: Vec<Tag>,
    first: u64,
    members: BTreeMap<Vec<u8>, Naive>,
    ids: Vec<(Vec<u8>, Vec<u8>, u64, u64)>,
    limits: BTreeMap<usize, u64>,
    now: u64,
    /// When a member last acted.
    acted: u64,
}

fn name(uid: u8) -> Vec<u8> {
    // Some long, some short, some not ASCII; more than a segment lists.
    match uid % 3 {
        0 => format!("u{uid}").into_bytes(),
        1 => format!("member-with-a-long-name-{uid}").into_bytes(),
        _ => format!("ü{uid}").into_bytes(),
    }
}

const POLICY: DedupePolicy = DedupePolicy {
    count: 4,
    age_ms: 1500,
};

impl Model {
    fn head(&self) -> u64 {
        self.messages.len() as u64
    }

    fn tag(&self, seq: u64) -> Tag {
        if seq == 0 {
            BIRTH
        } else {
            self.tags[seq as usize - 1]
        }
    }

    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.set(Limit::Keep, 10);
        for (&at, &value) in &self.limits {
            limits.set(Limit::ALL[at], scaled(at, value));
        }
        limits
    }

    /// The lowest message that one of these members waits for.
    fn awaited(&self, who: impl Fn(&Naive) -> bool) -> Option<u64> {
        let next = |member: &Naive| who(member).then_some(member.cursor + 1);
        self.members.values().filter_map(next).min()
    }

    fn push(&mut self, uid: &[u8], payload: Vec<u8>) {
        self.tags
            .push(next_tag(self.tag(self.head()), self.now, uid, &payload));
        self.messages.push((self.now, uid.to_vec(), payload));
        if let Some(member) = self.members.get_mut(uid) {
            member.newcomer = false;
        }
    }
}

/// Byte limits and ages in sizes that matter.
fn scaled(limit: usize, value: u64) -> u64 {
    match Limit::ALL[limit] {
        Limit::MaxBytes => value * 1000,
        Limit::MaxAge => value * 100,
        _ => value,
    }
}

fn run(room: &mut Room, model: &mut Model, step: &Step) {
    match *step {
        Step::Append { after_ms, uid, len } => {
            model.now += after_ms;
            let payload: Vec<u8> = (0..len)
                .map(|i| (i * 31 + usize::from(uid)) as u8)
                .collect();
            let position = room.append(model.now, &name(uid), &payload);
            model.push(&name(uid), payload);
            assert_eq!(
                position,
                Position::new(model.head(), model.tag(model.head()))
            );
        }
        Step::Retry { uid, id } => retry(room, model, &name(uid), &[id]),
        Step::Admit {
            uid,
            back,
            newcomer,
        } => admit(room, model, &name(uid), back, newcomer),
        Step::Invite { uid } => {
            let member = model.members.get_mut(&name(uid));
            let was = member.is_some_and(|member| std::mem::take(&mut member.newcomer));
            assert_eq!(room.set_invited(&name(uid)), was);
        }
        Step::ForgetIds { age_ms } => {
            let horizon = model.now - age_ms;
            let before = model.ids.len();
            model.ids.retain(|seen| seen.3 >= horizon);
            assert_eq!(room.forget_ids_before(horizon), before - model.ids.len());
        }
        Step::Ack { uid, back } => {
            let to = model.head().saturating_sub(back);
            let moved = room.raise(&name(uid), to, model.now);
            let member = model.members.get_mut(&name(uid));
            assert_eq!(
                moved,
                member.as_ref().is_some_and(|member| to > member.cursor)
            );
            if let Some(member) = member.filter(|_| moved) {
                member.cursor = to;
                member.newcomer = false;
                model.acted = model.now;
            }
        }
        Step::Leave { uid } => {
            assert_eq!(
                room.remove(&name(uid)),
                model.members.remove(&name(uid)).is_some()
            );
        }
        Step::Release { uid, released } => {
            room.set_released(&name(uid), released);
            if let Some(member) = model.members.get_mut(&name(uid)) {
                member.released = released;
            }
        }
        Step::Drop { keep } => {
            let first = (model.head() + 1).saturating_sub(keep).max(model.first);
            let gone = room.drop_messages(Drop {
                first,
                reason: Reason::Trim,
            });
            assert_eq!(gone, first - model.first);
            model.first = first;
        }
        Step::Limit { limit, value } => {
            model.limits.insert(limit, value);
            room.set_limit(Limit::ALL[limit], Some(scaled(limit, value)));
        }
        Step::Settle { after_ms } => {
            model.now += after_ms;
            settle(room, model);
        }
        Step::Reload => *room = reload(room),
    }
}

fn admit(room: &mut Room, model: &mut Model, uid: &[u8], back: u64, newcomer: bool) {
    let cursor = model.head().saturating_sub(back).max(model.first - 1);
    let new = room.admit(uid, cursor, model.now, newcomer);
    assert_eq!(new, !model.members.contains_key(uid));
    if new {
        model.acted = model.now;
        let naive = Naive {
            joined: cursor,
            cursor,
            released: false,
            newcomer,
        };
        model.members.insert(uid.to_vec(), naive);
    }
}

fn retry(room: &mut Room, model: &mut Model, uid: &[u8], id: &[u8]) {
    let of_uid = model
        .ids
        .iter()
        .rev()
        .filter(|seen| seen.0 == uid)
        .take(POLICY.count as usize);
    let fresh =
        |seen: &&(Vec<u8>, Vec<u8>, u64, u64)| seen.1 == id && model.now - seen.3 <= POLICY.age_ms;
    let expected = of_uid.clone().find(fresh).map(|seen| seen.2);
    let seen = room.seen_before(uid, id);
    let young = seen.filter(|seen| model.now - seen.1 <= POLICY.age_ms);
    assert_eq!(young.map(|seen| seen.0), expected);
    if expected.is_none() {
        let position = room.append(model.now, uid, id);
        model.push(uid, id.to_vec());
        room.remember(uid, id, position.seq, model.now, &POLICY);
        model
            .ids
            .push((uid.to_vec(), id.to_vec(), position.seq, model.now));
        let of_uid = model.ids.iter().filter(|seen| seen.0 == uid).count();
        if of_uid as u64 > POLICY.count {
            let oldest = model.ids.iter().position(|seen| seen.0 == uid);
            oldest.map(|at| model.ids.remove(at));
        }
    }
}

/// Whether a message is older than the limit.
fn old_at(now: u64, limits: &Limits) -> impl Fn(u64) -> bool {
    let horizon = now.saturating_sub(limits.get(Limit::MaxAge));
    move |ms| ms < horizon
}

/// What the limits drop must be allowed: by them, or because nobody waits.
fn settle(room: &mut Room, model: &mut Model) {
    let limits = room.limits(&model.limits());
    for drop in room
        .due(old_at(model.now, &limits), &limits)
        .into_iter()
        .flatten()
    {
        let before = room.log().len();
        let counted = room.log().drops().count(drop.reason);
        let gone = room.drop_messages(drop);
        assert_eq!(gone, drop.first - model.first);
        assert_eq!(room.log().drops().count(drop.reason), counted + gone);
        let awaited = model.awaited(|member| !member.released);
        let lost = model.awaited(|member| member.released);
        match drop.reason {
            Reason::Read | Reason::MemberTtl => {
                assert!(
                    drop.first <= awaited.unwrap_or(u64::MAX),
                    "somebody waits for a message that went as read"
                );
                assert!(room.log().len() >= limits.get(Limit::Keep).min(before));
                let lost = lost.unwrap_or(u64::MAX);
                if drop.reason == Reason::Read {
                    assert!(
                        drop.first <= lost,
                        "a message went as read that is lost to somebody"
                    );
                } else {
                    assert!(
                        drop.first > lost,
                        "a message went as lost that all have read"
                    );
                    if model.members.len() <= 32 {
                        assert!(
                            model.first >= lost,
                            "all have read the first of the lost ones"
                        );
                    }
                }
            }
            Reason::MaxLen => assert_eq!(room.log().len(), limits.get(Limit::MaxLen)),
            Reason::MaxBytes => {
                assert!(room.log().bytes() <= limits.get(Limit::MaxBytes) || room.log().len() == 1);
            }
            Reason::MaxAge => {
                let horizon = model.now - limits.get(Limit::MaxAge);
                assert!(
                    room.log()
                        .oldest_ms()
                        .is_none_or(|oldest| oldest >= horizon)
                );
            }
            other => panic!("no limit drops for {other:?}"),
        }
        assert_eq!(room.log().drops().reason_of(drop.first - 1), drop.reason);
        model.first = drop.first;
    }
    assert!(
        room.due(old_at(model.now, &limits), &limits)
            .iter()
            .all(Option::is_none),
        "settled is settled"
    );
    // In a small room what everybody has read is gone, to the message.
    let awaited = model.awaited(|member| !member.released);
    let keep_from = (model.head() + 1)
        .saturating_sub(limits.get(Limit::Keep))
        .max(1);
    if model.members.len() <= 32 {
        assert!(model.first >= awaited.unwrap_or(model.head() + 1).min(keep_from));
    }
}

/// The members furthest behind are the first of all, sorted.
fn check_lag(room: &Room, tops: &[usize]) {
    let mut all: Vec<_> = room.members().collect();
    all.sort_by_key(|member| (member.cursor, member.uid));
    for &top in tops {
        assert_eq!(room.lag(top), all[..top.min(all.len())]);
    }
}

fn parts(room: &Room) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    snapshot::save(room, |part| parts.push(part.to_vec()));
    parts
}

fn reload(room: &Room) -> Room {
    let saved = parts(room);
    let mut loader = Loader::default();
    for part in &saved {
        loader.feed(part).expect("what was saved loads");
    }
    let loaded = loader.finish().expect("what was saved is whole");
    assert_eq!(
        saved,
        parts(&loaded),
        "a reloaded room saves the same bytes"
    );
    loaded
}

fn compare(room: &Room, model: &Model) {
    let log = room.log();
    assert_eq!(
        log.head(),
        Position::new(model.head(), model.tag(model.head()))
    );
    assert_eq!(log.first(), model.first);
    assert_eq!(log.len(), model.head() + 1 - model.first);
    let from = model.first + log.len() / 3;
    let mut seq = from;
    for entry in log.entries_from(from) {
        let (ms, uid, payload) = &model.messages[seq as usize - 1];
        assert_eq!(
            (entry.ms, entry.uid, entry.payload),
            (*ms, &uid[..], &payload[..])
        );
        assert_eq!(entry.position, Position::new(seq, model.tag(seq)));
        seq += 1;
    }
    assert_eq!(seq, model.head() + 1);
    for seq in [model.first - 1, from.min(model.head()), model.head()] {
        assert_eq!(
            log.position_at(seq),
            Some(Position::new(seq, model.tag(seq)))
        );
    }
    assert_eq!(log.position_at(model.head() + 1), None);
    if model.first >= 2 {
        assert_eq!(log.position_at(model.first - 2), None);
    }
    assert_eq!(
        log.start(),
        Position::new(model.first - 1, model.tag(model.first - 1))
    );
    assert_eq!(room.acted_ms(), model.acted);
    assert_eq!(room.oldest_id_ms(), model.ids.first().map(|seen| seen.3));
    assert_eq!(room.member_count(), model.members.len());
    check_lag(room, &[0, 1, 3, 1000]);
    for (uid, naive) in &model.members {
        let member = room.member(uid).expect("a member");
        assert_eq!(
            (
                member.joined_at,
                member.cursor,
                member.released,
                member.newcomer
            ),
            (naive.joined, naive.cursor, naive.released, naive.newcomer)
        );
        assert_eq!(
            room.pending(naive.cursor),
            model
                .head()
                .saturating_sub(naive.cursor.max(model.first - 1))
        );
        assert_eq!(
            room.lost(naive.cursor),
            (model.first - 1).saturating_sub(naive.cursor)
        );
    }
    let mut listed: Vec<_> = room.members().map(|member| member.uid.to_vec()).collect();
    listed.sort();
    assert!(listed.iter().eq(model.members.keys()));
}

/// `PROPTEST_CASES` of them, or as many as take a few seconds.
fn config() -> ProptestConfig {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => config,
        None => ProptestConfig {
            cases: 96,
            ..config
        },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_room_behaves_like_a_list_and_a_map(steps in prop::collection::vec(step(), 1..250)) {
        let mut room = Room::new(BIRTH);
        let mut model = Model { first: 1, now: 1_000_000, ..Model::default() };
        for step in &steps {
            run(&mut room, &mut model, step);
        }
        compare(&room, &model);
        compare(&reload(&room), &model);
    }

    /// A replica that loaded a snapshot in the middle cuts its segments where the primary does.
    #[test]
    fn a_copy_made_on_the_way_stays_equal(steps in prop::collection::vec(step(), 1..200), at in 0usize..200) {
        let mut room = Room::new(BIRTH);
        let mut model = Model { first: 1, now: 1_000_000, ..Model::default() };
        let mut copy = None;
        for (i, step) in steps.iter().enumerate() {
            if i == at {
                let twin = Model {
                    messages: model.messages.clone(),
                    tags: model.tags.clone(),
                    members: model.members.clone(),
                    ids: model.ids.clone(),
                    limits: model.limits.clone(),
                    ..model
                };
                copy = Some((reload(&room), twin));
            }
            run(&mut room, &mut model, step);
            if let Some((room, model)) = &mut copy {
                run(room, model, step);
            }
        }
        if let Some((copy, _)) = copy {
            prop_assert_eq!(parts(&room), parts(&copy));
        }
    }

    /// Saved bytes with a flaw are refused, or make a room that works; never a panic.
    #[test]
    fn damaged_snapshots_do_no_harm(
        steps in prop::collection::vec(step(), 1..60),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1u8..=255), 1..4),
        cut in any::<prop::sample::Index>(),
        truncate in any::<bool>(),
    ) {
        let mut room = Room::new(BIRTH);
        let mut model = Model { first: 1, now: 1_000_000, ..Model::default() };
        for step in &steps {
            run(&mut room, &mut model, step);
        }
        let mut saved = parts(&room);
        for (part, byte, mask) in flips {
            let part = part.index(saved.len());
            let byte = byte.index(saved[part].len());
            saved[part][byte] ^= mask;
        }
        if truncate {
            let part = cut.index(saved.len());
            let len = cut.index(saved[part].len());
            saved[part].truncate(len);
        }
        let mut loader = Loader::default();
        let fed = saved.iter().try_for_each(|part| loader.feed(part));
        if let (Ok(()), Ok(mut room)) = (fed, loader.finish()) {
            let head = room.log().head();
            let now = room.log().last_ms();
            prop_assert_eq!(room.append(now, b"a", b"b").seq, head.seq + 1);
            for drop in room.due(|_| false, &Limits::default()).into_iter().flatten() {
                room.drop_messages(drop);
            }
            prop_assert_eq!(parts(&reload(&room)), parts(&room));
        }
    }

    #[test]
    fn frames_go_there_and_back(
        kind in prop_oneof![Just(Kind::Message), Just(Kind::Ephemeral), Just(Kind::Presence), Just(Kind::Control)],
        db: u16, seq: u64, tag: u32, ms: u64, online: u64, members: u64,
        uid in "[a-zA-Z0-9ü@:._-]{1,60}",
        payload in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let header = Header { kind, db: db.into(), seq, tag: Tag(tag), ms, online, members, uid: &uid };
        let mut frame = Vec::new();
        announce::write(&mut frame, &header, &payload);
        prop_assert_eq!(announce::parse(&frame), Some((header, &payload[..])));
    }

    #[test]
    fn no_bytes_make_the_frame_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = announce::parse(&bytes);
    }
}

#[test]
fn the_promised_cost_per_message_and_member() {
    let mut room = Room::new(BIRTH);
    let empty = room.heap_bytes();
    for i in 0..100_000u64 {
        room.append(1_000_000 + i / 20, b"0123456789abcdef", &[b'x'; 100]);
    }
    let per_message = (room.heap_bytes() - empty) as f64 / 100_000.0 - 100.0;
    assert!(
        per_message <= 5.0,
        "{per_message} bytes of overhead per message"
    );
    for members in [60_000u64, 100_000, 120_000, 200_000] {
        let mut room = Room::new(BIRTH);
        for i in 0..members {
            room.admit(format!("{i:016}").as_bytes(), 0, 1_000_000, false);
        }
        let per_member = (room.heap_bytes() - empty) as f64 / members as f64;
        assert!(
            per_member <= 64.0,
            "{per_member} bytes per member of {members}"
        );
    }
}

/// Uids of all lengths, more than a chunk of rows holds, who come and go at random while somebody pages through them.
#[test]
fn a_crowd_is_kept_through_coming_and_going() {
    let mut room = Room::new(BIRTH);
    for i in 0..50 {
        room.append(1000 + i, b"bot", b"text");
    }
    let uid = |i: u64| format!("{i}-{}", "x".repeat((i * 7919 % 120) as usize)).into_bytes();
    let mut naive = BTreeMap::new();
    let mut random = 88_172_645_463_325_252u64;
    // Up to thousands, then down to none.
    for (steps, of_8_come) in [(12_000, 7), (4000, 4), (30_000, 1)] {
        let (mut at, mut staying) = (0, BTreeMap::new());
        let mut shown = std::collections::BTreeSet::new();
        for step in 0..steps {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if step % 10_000 == 0 {
                at = room.member_count();
                staying = naive.clone();
                shown.clear();
            }
            if random % 8 < of_8_come {
                let (who, cursor) = (uid(random % 20_000), random >> 40 & 31);
                let new = room.admit(&who, cursor, step, random & 1 << 50 != 0);
                assert_eq!(new, !naive.contains_key(&who));
                naive.entry(who).or_insert(cursor);
            } else if let Some(member) =
                room.member_at(random as usize % room.member_count().max(1))
            {
                let who = member.uid.to_vec();
                assert!(room.remove(&who) && !room.remove(&who));
                naive.remove(&who);
                staying.remove(&who);
            }
            at = at.min(room.member_count());
            for _ in 0..2 {
                if at > 0 {
                    at -= 1;
                    shown.insert(room.member_at(at).unwrap().uid.to_vec());
                }
            }
            if at == 0 {
                assert!(
                    staying.keys().all(|who| shown.contains(who)),
                    "a page hid one"
                );
            }
            if step % 1000 == 0 || naive.len() < 4 {
                assert_eq!(room.member_count(), naive.len());
                let known = |(who, &cursor): (&Vec<u8>, &u64)| {
                    room.member(who)
                        .is_some_and(|member| member.cursor == cursor)
                };
                assert!(naive.iter().all(known));
                check_lag(&room, &[1, 10, 700]);
            }
        }
        assert_eq!(parts(&reload(&room)), parts(&room));
    }
    assert!(room.member_count() < 10);
    assert!(room.heap_bytes() < 10_000, "{}", room.heap_bytes());
}

#[test]
fn many_ids_are_forgotten_a_part_at_a_time() {
    let mut room = Room::new(BIRTH);
    let policy = DedupePolicy {
        count: 1_000_000,
        age_ms: 1_000_000,
    };
    for i in 0..2500u64 {
        room.append(5000 + i, b"bot", b"text");
        room.remember(b"bot", &i.to_le_bytes(), i + 1, 5000 + i, &policy);
    }
    let most = room_core::dedupe::MOST_FORGOTTEN;
    assert_eq!(room.forget_ids_before(5000 + 2400), most);
    assert_eq!(room.oldest_id_ms(), Some(5000 + most as u64));
    assert_eq!(room.forget_ids_before(5000 + 2400), most);
    assert_eq!(room.forget_ids_before(5000 + 2400), 400);
    assert_eq!(room.forget_ids_before(5000 + 2400), 0);
    assert_eq!(room.forget_ids_before(u64::MAX), 100);
    assert_eq!(
        (room.oldest_id_ms(), room.forget_ids_before(u64::MAX)),
        (None, 0)
    );
}

#[test]
fn a_full_room_admits_all_or_says_so() {
    let mut room = Room::new(BIRTH);
    room.admit(b"first", 0, 1, false);
    let two = || [&b"second"[..], b"third"].into_iter();
    assert!(room.check_admit_all(two(), 3).is_ok());
    assert_eq!(room.check_admit_all(two(), 2).unwrap_err().code(), "LIMIT");
    assert!(room.check_admit_all([].into_iter(), 0).is_ok());
    let bad = [&b"fourth"[..], b"no uid"].into_iter();
    assert_eq!(room.check_admit_all(bad, 9).unwrap_err().code(), "BADUID");
}

#[test]
fn where_a_room_came_from_is_not_part_of_it() {
    let room = Room::new(BIRTH);
    let (unknown, born) = (
        Came::default(),
        Came {
            at: 77,
            arrived: false,
        },
    );
    assert_eq!(
        (room.came(), unknown.at, unknown.arrived),
        (unknown, 0, true)
    );
    let before = parts(&room);
    room.set_came(born);
    assert_eq!((room.came(), parts(&room)), (born, before));
    assert_eq!(
        (room.clone().came(), reload(&room).came()),
        (unknown, unknown)
    );
}
