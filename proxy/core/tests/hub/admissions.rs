//! What a login pays for a membership, and what becomes of one that nobody could pay for.

use crate::desk::{Conn, Desk, login_of, refused};
use hub_core::ask::{Answer, Ask, Fault, Joined, Question};
use hub_core::budget::admission::{Admission, Fee, MEMBERSHIP, NEW_ROOM};
use hub_core::budget::too_fast::TooFast;
use hub_core::event::{Event, Login};
use room_core::position::{Position, Tag};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// What was used of a fee, once it is dropped.
#[derive(Debug, Default)]
struct Paid {
    used: AtomicU64,
    settled: OnceLock<u64>,
}

#[derive(Debug)]
struct Note(Arc<Paid>);

impl Fee for Note {
    fn used(&mut self, cost: u64) {
        self.0.used.fetch_add(cost, Ordering::Relaxed);
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let used = self.0.used.load(Ordering::Relaxed);
        assert_eq!(self.0.settled.set(used), Ok(()), "settled once");
    }
}

fn paid() -> (Admission, Arc<Paid>) {
    let paid = Arc::new(Paid::default());
    (Admission::Paid(Box::new(Note(paid.clone()))), paid)
}

fn members_only() -> Admission {
    Admission::Members(Box::new(TooFast {
        whose: "this uid",
        what: "new memberships an hour",
        most: 12,
        option: "--memberships-per-uid",
        after: 61_500,
    }))
}

fn login(admission: Admission) -> Event {
    Event::Login(Box::new(Login {
        admission,
        ..login_of("ann")
    }))
}

/// A login up to its question, which says whether only members come in.
fn comes(desk: &mut Desk, ann: &Conn, admission: Admission) -> (u64, bool) {
    desk.event(1, ann, login(admission));
    loop {
        if let Some(Question {
            request,
            ask: Ask::Join { only_member, .. },
            ..
        }) = desk.asks.first()
        {
            let found = (*request, *only_member);
            desk.asks.remove(0);
            return found;
        }
        desk.answer_first();
    }
}

fn joined(new: bool, members: u64, head: u64) -> Joined {
    let at = Position::new(head, Tag(7));
    Joined {
        position: at,
        head: at,
        new,
        members,
        ..Joined::default()
    }
}

#[test]
fn what_it_became_is_paid_and_no_more() {
    for (answer, cost) in [
        (Ok(joined(false, 5, 0)), 0),
        (Ok(joined(true, 5, 0)), MEMBERSHIP),
        (Ok(joined(true, 1, 4)), MEMBERSHIP),
        (Ok(joined(true, 1, 0)), NEW_ROOM),
        (Err(refused("OOM")), 0),
        (Err(Fault::Down), 0),
    ] {
        let (mut desk, ann) = (Desk::new(), Conn::default());
        let (admission, paid) = paid();
        let (request, only_member) = comes(&mut desk, &ann, admission);
        assert!(!only_member);
        assert_eq!(paid.settled.get(), None, "it is paid first");
        desk.answer(request, answer.clone().map(Answer::Joined));
        assert_eq!(paid.settled.get(), Some(&cost), "{answer:?}");
    }
}

#[test]
fn who_goes_before_the_answer_pays_and_who_never_asked_does_not() {
    let (mut desk, ann) = (Desk::new(), Conn::default());
    let (admission, gone) = paid();
    let (request, _) = comes(&mut desk, &ann, admission);
    desk.hub.gone(desk.now, 1, &["r".into()], &mut desk.asks);
    desk.answer(request, Ok(Answer::Joined(joined(true, 1, 0))));
    assert_eq!(gone.settled.get(), Some(&NEW_ROOM));

    // The room is not heard yet.
    let (mut desk, ann) = (Desk::new(), Conn::default());
    let (admission, early) = paid();
    desk.event(1, &ann, login(admission));
    desk.hub.gone(desk.now, 1, &["r".into()], &mut desk.asks);
    assert_eq!(early.settled.get(), Some(&0));
    // Redis is away.
    desk.down();
    let (admission, away) = paid();
    desk.event(2, &ann, login(admission));
    assert_eq!(away.settled.get(), Some(&0));
}

#[test]
fn where_nobody_can_pay_strangers_are_told_and_members_come_back() {
    for code in ["NOMEMBER", "NOROOM"] {
        let (mut desk, ann) = (Desk::new(), Conn::default());
        let (request, only_member) = comes(&mut desk, &ann, members_only());
        assert!(only_member);
        desk.answer(request, Err(refused(code)));
        let [error] = &ann.take()[..] else {
            panic!("one answer");
        };
        assert_eq!(
            (&error["code"], &error["of"]),
            (&"TOOFAST".into(), &"login".into())
        );
        let sentence = error["message"].as_str().unwrap();
        for part in ["this uid", "12 new", "--memberships-per-uid", "in 62 s"] {
            assert!(sentence.contains(part), "{sentence}");
        }
        assert_eq!((ann.ended(), ann.done()), (1, 1));
        assert_eq!(desk.hub.figures().strangers, 1);
        // The same client may come as soon as it can pay.
        let (request, _) = comes(&mut desk, &ann, Admission::Free);
        desk.answer(request, Ok(Answer::Joined(joined(true, 1, 0))));
        assert_eq!(ann.names()[0], "login");
    }
    let (mut desk, ann) = (Desk::new(), Conn::default());
    let (request, _) = comes(&mut desk, &ann, members_only());
    desk.answer(request, Ok(Answer::Joined(joined(false, 3, 0))));
    assert_eq!(ann.names()[0], "login");
    assert_eq!(desk.hub.figures().strangers, 0);
}

#[test]
fn a_module_that_cannot_tell_strangers_keeps_nobody_out() {
    let (mut desk, ann) = (Desk::new(), Conn::default());
    let (request, _) = comes(&mut desk, &ann, members_only());
    desk.answer(
        request,
        Err(Fault::Refused {
            code: "ERR".into(),
            message: "syntax error near 'XX'".into(),
        }),
    );
    let (request, ask) = desk.one();
    assert!(
        matches!(
            ask,
            Ask::Join {
                only_member: false,
                ..
            }
        ),
        "{ask:?}"
    );
    desk.answer(request, Ok(Answer::Joined(joined(true, 1, 0))));
    assert_eq!(ann.names()[0], "login");
}
