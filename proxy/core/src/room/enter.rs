//! Logins, and what Redis answers to joins.

use super::missed::AGAIN_MS;
use super::refusals::{refusal, unreadable};
use super::{Link, Room};
use crate::ask::{Answer, Ask, Fault, Joined};
use crate::book::Leave;
use crate::budget::too_fast::TooFast;
use crate::cx::{Cx, Joining, Purpose};
use crate::event::{Event, Login};
use crate::events;
use crate::handle::{ConnId, Handle, Push, Pushed};
use crate::rights::Right;
use crate::seat::{Seat, State, Synced, Waiting, Why};
use crate::settings::Broken;
use crate::wire::About;
use room_core::position::Position;

impl<H: Handle> Room<H> {
    /// A client logs in. Its seat here, if it has one, rests until that is answered.
    pub(super) fn login(
        &mut self,
        conn: ConnId,
        handle: &H,
        login: Box<Login>,
        bytes: usize,
        cx: &mut Cx<'_, H>,
    ) {
        if !cx.is_up() {
            self.refuse_login(handle, &Fault::Down, bytes, cx);
            match self.seats.get_mut(&conn) {
                Some(seat) => {
                    seat.number = login.number;
                    self.stay_unless_other(conn, &login, cx);
                }
                None => handle.ended(&self.roomid, login.number),
            }
            return;
        }
        if !login.guest {
            self.book.begin(&login.uid);
        }
        if self.seats.get(&conn).is_none() {
            cx.figures.seats += 1;
            self.seats.push(Seat::new(conn, handle.clone(), &login));
            // The walk over the seats goes one further, or it ends before somebody whom it owes a message.
            self.left += u32::from(self.left > 0);
        }
        if let Some(seat) = self.seats.get_mut(&conn) {
            seat.state = State::Out;
            seat.number = login.number;
            seat.waiting = Some(Box::new(Waiting {
                why: Why::Login {
                    login,
                    bytes,
                    came: cx.now,
                    asked: false,
                    heard: None,
                },
                queue: Vec::new(),
                gone: false,
            }));
        }
        match self.link {
            Link::Linked => self.send_login(conn, cx),
            _ => self.want_link(cx),
        }
    }

    /// What the uid has confirmed, and which of its devices went, reaches Redis before the join.
    pub(super) fn send_login(&mut self, conn: ConnId, cx: &mut Cx<'_, H>) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        let Some(Why::Login { login, asked, .. }) =
            seat.waiting.as_mut().map(|waiting| &mut waiting.why)
        else {
            return;
        };
        *asked = true;
        if login.guest {
            let (number, since, history) = (login.number, login.since, login.history);
            return self.visit((conn, number), since, history, cx);
        }
        let admission = std::mem::take(&mut login.admission);
        let ask = Ask::Join {
            uid: login.uid.clone(),
            since: login.since,
            history: login.history,
            own: !login.rights.has(Right::History),
            only_member: admission.is_for_members(),
        };
        let (login, uid) = (login.number, login.uid.clone());
        let first = self.book.due(Some(&uid));
        self.say(first, cx);
        let joining = Joining {
            conn,
            login,
            uid,
            counts: self.counts.asked(),
            admission,
        };
        self.ask(cx, ask, Purpose::Joined(joining));
    }

    /// Redis answered a join. One whose seat has ended since began what is to be ended now; before that nothing is said of the
    /// uid.
    pub(super) fn joined(
        &mut self,
        joining: Joining,
        answer: Result<Answer, Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        let for_members = joining.admission.is_for_members();
        let answer = joining.admission.answered(answer);
        let (conn, asked) = (joining.conn, joining.counts);
        if !self.waits_with(conn, joining.login) || self.comes_as_guest(conn) {
            self.book.abort(&joining.uid);
            return self.report_soon(cx);
        }
        match answer {
            Ok(Answer::Joined(joined)) => {
                self.counts.answered(asked, joined.members, joined.online);
                self.counts.are_told();
                self.entered(conn, &joined, cx);
            }
            Ok(_) => self.login_failed(conn, &unreadable(), cx),
            // The module is older, and cannot tell strangers from members: so nobody is refused.
            Err(fault) if for_members && fault.is_unknown_option("XX") => {
                self.send_login(conn, cx);
            }
            Err(fault) => {
                cx.figures.strangers += u64::from(fault.is(TooFast::CODE));
                self.login_failed(conn, &fault, cx);
            }
        }
    }

    /// The room went to another server meanwhile: a login is asked for there. Whether it was done before nobody knows.
    pub(super) fn join_moved(&mut self, joining: Joining, cx: &mut Cx<'_, H>) {
        let (conn, uid) = (joining.conn, joining.uid);
        if !self.waits_with(conn, joining.login) || self.comes_as_guest(conn) {
            self.book.abort(&uid);
            return self.report_soon(cx);
        }
        let waiting = self.seats.get_mut(&conn);
        let waiting = waiting.and_then(|seat| seat.waiting.as_mut());
        // The server that is asked now has no key that could have gone.
        let waiting = waiting.map(|waiting| {
            waiting.gone = false;
            &mut waiting.why
        });
        match waiting {
            Some(Why::Login { login, asked, .. }) => {
                login.admission = joining.admission;
                *asked = false;
                self.book.abort(&uid);
                self.book.begin(&uid);
            }
            _ => self.login_failed(conn, &Fault::Down, cx),
        }
    }

    pub(super) fn entered(&mut self, conn: ConnId, joined: &Joined, cx: &mut Cx<'_, H>) {
        let Some(waiting) = self
            .seats
            .get_mut(&conn)
            .and_then(|seat| seat.waiting.take())
        else {
            return;
        };
        let Waiting { why, queue, gone } = *waiting;
        let mut missed_kick = false;
        let (heard, bytes) = match why {
            Why::Login {
                login,
                bytes,
                came,
                heard,
                ..
            } => {
                self.take_seat((conn, came), &login, joined, cx);
                self.begin(conn, login.since, joined, cx);
                self.report_soon(cx);
                (heard, bytes)
            }
            Why::Again { heard } => {
                missed_kick = self.go_on(conn, joined, cx);
                self.report_soon(cx);
                (heard, 0)
            }
            Why::Leave => return,
        };
        let Some(seat) = self.seats.get(&conn) else {
            return;
        };
        let (handle, uid, seat_is_guest) = (seat.handle.clone(), seat.uid.clone(), seat.guest);
        if missed_kick {
            self.end_uid(&uid, Some(""), "", cx);
        } else if seat_is_guest {
            if let Some(reason) = heard.and_then(|heard| heard.kicked) {
                self.kicked_early(conn, &reason, cx);
            }
        } else if heard.is_some() {
            self.ask(cx, Ask::Attach(vec![uid.clone()]), Purpose::Heard(uid));
        }
        if bytes > 0 {
            handle.done(bytes);
        }
        self.go_through(conn, &handle, queue, cx);
        if gone {
            // Whoever entered just now is not among those who are being announced.
            self.doubt_relink();
            self.lose_history(cx);
        }
    }

    fn take_seat(
        &mut self,
        (conn, came): (ConnId, u64),
        login: &Login,
        joined: &Joined,
        cx: &mut Cx<'_, H>,
    ) {
        self.stop_reading_back(conn, cx);
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        if seat.uid != login.uid || login.guest {
            let before = std::mem::replace(&mut seat.uid, login.uid.clone());
            self.book.exit(&before, conn, Leave::Away);
        }
        seat.name = login.name.clone();
        seat.acks = login.acks || login.guest;
        seat.guest = login.guest;
        seat.rights = login.rights;
        let promised = joined.head.seq;
        seat.owes_synced = Some(Box::new(Synced { promised, came }));
        seat.restart(joined.position);
        seat.set_began(joined.position);
        if !login.guest {
            let since = login.since.as_slice();
            let has = Self::counts_as_having(joined, since, cx);
            self.book.enter(&login.uid, conn, has, joined.kicks);
        }
        let echo = events::login(&self.roomid, login, joined);
        // What was missed follows, or 'synced' does.
        seat.handle.push(cx.now, &echo, Push::Begin);
    }

    /// A seat begins where Redis says.
    pub(super) fn begin(
        &mut self,
        conn: ConnId,
        since: Option<Position>,
        joined: &Joined,
        cx: &mut Cx<'_, H>,
    ) {
        self.tell_start(conn, since, joined, cx);
        self.start(joined.head, cx);
        cx.figures.catchups += u64::from(joined.pending > 0);
        self.advance_one(conn, cx);
    }

    /// Tells a client whether it lost messages or saw another history.
    pub(super) fn tell_start(
        &mut self,
        conn: ConnId,
        since: Option<Position>,
        joined: &Joined,
        cx: &mut Cx<'_, H>,
    ) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        // A membership that went with a lost tail begins before what was handed over: that may be of the tail.
        let goes_back = |since: &Position| joined.reset || since.seq > joined.position.seq;
        if let Some(since) = since.filter(goes_back) {
            cx.figures.resets += 1;
            let event = events::reset(&self.roomid, since, joined.position);
            seat.handle.push(cx.now, &event, Push::Answer);
        }
        if let Some(lost) = &joined.lost {
            let count = lost.to.saturating_sub(lost.from).saturating_add(1);
            cx.figures.lost = cx.figures.lost.saturating_add(count);
            let event = events::lost(&self.roomid, lost, joined.position);
            let told = Push::Told { asks: !seat.acks };
            // It counts as read, as messages do, when its client confirms it or what follows.
            if let Pushed::Taken(beat) = seat.handle.push(cx.now, &event, told) {
                seat.handed(joined.position, beat);
            }
        }
    }

    /// See [`Joined::confirmed`].
    pub(super) fn counts_as_having(
        joined: &Joined,
        known: &[Position],
        cx: &Cx<'_, H>,
    ) -> Position {
        match cx.settings.broken {
            Some(Broken::LossRead) => joined.position,
            _ => joined.confirmed(known),
        }
    }

    /// A join has failed: a login is refused, and the seat that was there before it goes on, as the same.
    pub(super) fn login_failed(&mut self, conn: ConnId, fault: &Fault, cx: &mut Cx<'_, H>) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        let Some(waiting) = seat.waiting.take() else {
            return;
        };
        let (handle, uid, guest) = (seat.handle.clone(), seat.uid.clone(), seat.guest);
        match &waiting.why {
            Why::Login { login, asked, .. } if !login.guest => self.take_back(&login.uid, *asked),
            Why::Again { .. } if !guest => self.book.abort(&uid),
            _ => {}
        }
        match waiting.why {
            Why::Login { login, bytes, .. } => {
                self.refuse_login(&handle, fault, bytes, cx);
                if guest || self.book.confirmed(&uid, conn).is_some() {
                    self.advance_one(conn, cx);
                    self.stay_unless_other(conn, &login, cx);
                } else {
                    self.drop_seat(conn, cx);
                    handle.ended(&self.roomid, login.number);
                }
            }
            Why::Again { .. } => {
                self.doubt(conn);
                if fault.passes() {
                    self.times.again = self.times.again.min(cx.now + AGAIN_MS);
                } else {
                    let event = refusal(fault, &self.about("login"));
                    self.end_seat(conn, Leave::Told, Some(&event), cx);
                }
            }
            Why::Leave => {}
        }
        self.report_soon(cx);
        self.go_through(conn, &handle, waiting.queue, cx);
    }

    /// A login comes to nothing; whether it was asked of Redis.
    fn take_back(&mut self, uid: &str, asked: bool) {
        match asked {
            true => self.book.abort(uid),
            false => self.book.withdraw(uid),
        }
    }

    fn refuse_login(&self, handle: &H, fault: &Fault, bytes: usize, cx: &Cx<'_, H>) {
        let event = refusal(fault, &self.about("login"));
        handle.push(cx.now, &event, Push::Answer);
        handle.done(bytes);
    }

    pub(super) fn about(&self, event: &str) -> About {
        About {
            event: Some(event.to_owned()),
            roomid: Some(self.roomid.to_string()),
            id: None,
        }
    }

    /// What came meanwhile takes effect now, in its order.
    pub(super) fn go_through(
        &mut self,
        conn: ConnId,
        handle: &H,
        queue: Vec<(Event, usize)>,
        cx: &mut Cx<'_, H>,
    ) {
        for (event, bytes) in queue {
            self.client(conn, handle, event, bytes, cx);
        }
    }
}
