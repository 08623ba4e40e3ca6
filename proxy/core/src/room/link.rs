//! A room on the link: subscribed first, then its sessions are announced, then it is served.

use super::Room;
use super::missed::AGAIN_MS;
use crate::ask::{Answer, Ask, Attached, Fault};
use crate::counts::CountsAsked;
use crate::cx::{Cx, Purpose};
use crate::events;
use crate::handle::{ConnId, Handle};
use crate::seat::{Seat, State, Why};
use crate::settings::Broken;
use std::sync::Arc;

/// Uids of one command.
const CHUNK: usize = 500;

/// How far a room is on this link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Nothing was asked yet, or there is no link.
    None,
    /// Its channel is being subscribed.
    Subscribing,
    /// Its sessions are being announced.
    Attaching,
    /// It hears announcements, and its sessions are known.
    Linked,
}

/// What `ROOM.ATTACH` told, until all of it is there and the history is known to be the same.
#[derive(Debug, Default)]
pub(super) struct Relink {
    /// Commands without an answer.
    open: usize,
    gone: Vec<Arc<str>>,
    kicks: Vec<(String, u64)>,
    answer: Option<Attached>,
    fault: Option<Fault>,
    /// The sessions may have ended meanwhile.
    again: bool,
    /// What was known of who is online when it was asked.
    asked: u64,
    counts: CountsAsked,
}

impl<H: Handle> Room<H> {
    /// Begins on this link, unless that is done or there is none.
    pub(crate) fn want_link(&mut self, cx: &mut Cx<'_, H>) {
        if self.link == Link::None && cx.is_up() {
            self.link = Link::Subscribing;
            self.ask(cx, Ask::Subscribe, Purpose::Subscribed);
        }
    }

    /// The link is gone: nothing is asked any more. The failures of what was asked follow, then [`down`](Self::down).
    pub(crate) fn unlink(&mut self) {
        self.link = Link::None;
        self.relink = None;
        self.gather = None;
        self.trail = None;
        self.whereabouts = None;
    }

    /// All questions have failed. Logins wait if the room `goes_on` on another link.
    pub(crate) fn down(&mut self, goes_on: bool, cx: &mut Cx<'_, H>) {
        if !goes_on {
            self.fail_logins(&Fault::Down, cx);
        }
        self.book.down();
        self.believe_nobody();
    }

    /// The room leaves its link, which stays, and perhaps the sessions there: ends that are to be reported are, on the next.
    pub(crate) fn leaves(&mut self, goes_on: bool, cx: &mut Cx<'_, H>) {
        if !goes_on {
            self.fail_logins(&Fault::Down, cx);
        }
        self.book.doubt();
        self.believe_nobody();
    }

    fn believe_nobody(&mut self) {
        for seat in self.seats.rows_mut() {
            seat.set_believed(false);
        }
    }

    /// Redis had ended the sessions: they are announced again, and the history is looked at. What is being announced may have
    /// been before that.
    pub(crate) fn announce(&mut self, cx: &mut Cx<'_, H>) {
        self.book.doubt();
        self.doubt_relink();
        self.relink(cx);
    }

    /// What is being announced is announced again, when that is answered.
    pub(super) fn doubt_relink(&mut self) {
        if let Some(relink) = &mut self.relink {
            relink.again = relink.open > 0;
        }
    }

    /// It begins on its link after a while.
    pub(crate) fn wait(&mut self, ms: u64, cx: &Cx<'_, H>) {
        self.times.again = self.times.again.min(cx.now + ms);
    }

    /// Announces everything again.
    pub(crate) fn relink(&mut self, cx: &mut Cx<'_, H>) {
        match self.link {
            Link::None => self.want_link(cx),
            Link::Linked => self.attach(cx),
            Link::Subscribing | Link::Attaching => {}
        }
    }

    pub(super) fn subscribed(&mut self, fault: Option<Fault>, cx: &mut Cx<'_, H>) {
        if self.link != Link::Subscribing {
            return;
        }
        match fault {
            None => self.attach(cx),
            Some(fault) => {
                self.link = Link::None;
                self.times.again = self.times.again.min(cx.now + AGAIN_MS);
                self.fail_logins(&fault, cx);
            }
        }
    }

    /// Announces the sessions. Messages are kept until it is known where the room is.
    pub(super) fn attach(&mut self, cx: &mut Cx<'_, H>) {
        if !cx.is_up()
            || matches!(self.link, Link::None)
            || self.relink.as_ref().is_some_and(|relink| relink.open > 0)
        {
            return;
        }
        let uids = self.book.here();
        if uids.is_empty() && !self.has_guests() {
            // What was announced before this link it may not have heard: whoever joins next tells where the room is.
            self.knows = false;
            return self.linked(cx);
        }
        self.link = Link::Attaching;
        self.gather.get_or_insert_default();
        let mut relink = Relink {
            asked: self.whereabouts.get_or_insert_default().asked(),
            counts: self.counts.asked(),
            ..Relink::default()
        };
        let mut chunks: Vec<_> = uids.chunks(CHUNK).map(<[_]>::to_vec).collect();
        if chunks.is_empty() {
            // Only guests are here: nobody is announced, but the room is looked at.
            chunks.push(Vec::new());
        }
        for some in chunks {
            relink.open += 1;
            self.ask(cx, Ask::Attach(some.clone()), Purpose::Attached(some));
        }
        self.relink = Some(Box::new(relink));
    }

    fn linked(&mut self, cx: &mut Cx<'_, H>) {
        self.link = Link::Linked;
        self.send_logins(cx);
        self.report_soon(cx);
    }

    pub(super) fn attached(
        &mut self,
        uids: &[Arc<str>],
        answer: Result<Answer, Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        let Some(relink) = &mut self.relink else {
            return;
        };
        relink.open = relink.open.saturating_sub(1);
        match answer {
            Ok(Answer::Attached(attached)) => {
                let gone = |uid: &&Arc<str>| attached.gone.iter().any(|gone| **gone == ***uid);
                relink.gone.extend(uids.iter().filter(gone).cloned());
                relink.kicks.extend(attached.kicks.iter().cloned());
                let here: Vec<_> = uids.iter().filter(|uid| !gone(uid)).cloned().collect();
                relink.answer = Some(attached);
                self.book.attached(&here);
            }
            Ok(_) => {}
            Err(fault) => relink.fault = Some(fault),
        }
        if self.relink.as_ref().is_some_and(|relink| relink.open == 0) {
            self.all_attached(cx);
        }
    }

    fn all_attached(&mut self, cx: &mut Cx<'_, H>) {
        let Some(relink) = &mut self.relink else {
            return;
        };
        match relink.fault.take() {
            None => {}
            Some(fault) if fault.is("NOROOM") => {
                self.give_up_relink();
                self.room_is_gone(cx);
                return self.linked(cx);
            }
            Some(Fault::Down) => return,
            Some(_) => {
                self.give_up_relink();
                // It stays subscribed, and is not live before this was answered.
                self.link = Link::Linked;
                self.knows_nothing();
                self.times.again = self.times.again.min(cx.now + AGAIN_MS);
                return self.linked(cx);
            }
        }
        if relink.again {
            self.give_up_relink();
            return self.attach(cx);
        }
        cx.figures.relinked += 1;
        let head = relink.answer.as_ref().and_then(|answer| answer.head);
        self.tell_presence(cx);
        self.linked(cx);
        if !self.knows {
            return self.after_loss(head, cx);
        }
        // A join that was answered meanwhile told where the room is, but not what is true of the others' past.
        self.settle_doubts(cx);
        self.doubt_senders();
        self.ask_doubts(cx);
        let careless = cx.settings.broken == Some(Broken::NoGapCheck);
        if careless || head.is_some() && head == self.at() {
            self.history_is_true(cx);
            self.replay(cx);
            self.advance_all(cx);
        } else {
            self.read_missed(cx);
        }
    }

    /// What was asked with it has no answer.
    fn give_up_relink(&mut self) {
        if let Some(relink) = self.relink.take() {
            self.who(relink.asked, None);
        }
    }

    /// The sessions are announced, but what the seats have may be of another history.
    fn after_loss(&mut self, head: Option<room_core::position::Position>, cx: &mut Cx<'_, H>) {
        let relink = self.relink.take().unwrap_or_default();
        for uid in &relink.gone {
            for (conn, _) in self.conns_of(uid) {
                let confirmed = self.book.confirmed(uid, conn);
                if let Some(since) = confirmed {
                    self.join_again(conn, since, cx);
                }
            }
        }
        self.believe_kicks(&relink.kicks, cx);
        if let Some(head) = head {
            self.start(head, cx);
        }
        self.ask_doubts(cx);
    }

    /// Whose message is said to be further on than the room knows: it may have been in a tail that is lost. Whether its uid's
    /// membership was there too, or has ended, is known when that is.
    fn doubt_senders(&mut self) {
        let (Some(at), Some(relink)) = (self.at(), &mut self.relink) else {
            return;
        };
        let mut waits = Vec::new();
        for seat in self.seats.rows_mut() {
            let asks = matches!(
                seat.state,
                State::Live | State::Full | State::Ahead | State::Mute
            );
            if asks && seat.waiting.is_none() && seat.is_ahead_of(at) {
                seat.doubt();
                seat.gone = !seat.guest;
                self.apart += 1;
            }
            if seat.gone {
                seat.gone = relink.gone.contains(&seat.uid);
                waits.extend(seat.gone.then(|| seat.uid.clone()));
            }
        }
        relink.gone.retain(|gone| !waits.contains(gone));
    }

    /// The room knows where it is, but some seats' past may be of another history: those join again where the membership went
    /// with it.
    fn settle_doubts(&mut self, cx: &mut Cx<'_, H>) {
        let gone = self.relink.as_ref().map(|relink| relink.gone.clone());
        for uid in gone.unwrap_or_default() {
            let mut doubted = false;
            let doubts = |seat: &Option<&Seat<H>>| {
                seat.is_some_and(|seat| seat.state == State::Doubt && !seat.gone)
            };
            for (conn, _) in self.conns_of(&uid) {
                if !doubts(&self.seats.get(&conn)) {
                    continue;
                }
                doubted = true;
                if let Some(since) = self.book.confirmed(&uid, conn) {
                    self.join_again(conn, since, cx);
                }
            }
            if doubted && let Some(relink) = &mut self.relink {
                relink.gone.retain(|gone| *gone != uid);
            }
        }
    }

    /// Where a member is.
    fn conns_of(&self, uid: &str) -> Vec<(ConnId, State)> {
        let of_uid = |seat: &&Seat<H>| &*seat.uid == uid && !seat.guest && seat.is_seated();
        let seats = self.seats.rows().iter().filter(of_uid);
        seats.map(|seat| (seat.conn, seat.state)).collect()
    }

    /// The room's history goes on: now the ends of memberships and kicks that were missed are believed.
    pub(super) fn history_is_true(&mut self, cx: &mut Cx<'_, H>) {
        let Some(relink) = self.relink.take_if(|relink| relink.open == 0) else {
            return;
        };
        for uid in relink.gone {
            self.end_uid(&uid, None, "no longer a member", cx);
        }
        self.believe_kicks(&relink.kicks, cx);
    }

    /// Who is online now, for those who may have missed who came and went.
    fn tell_presence(&mut self, cx: &mut Cx<'_, H>) {
        let Some(relink) = &self.relink else { return };
        let (asked, counts) = (relink.asked, relink.counts);
        let answer = relink.answer.clone().unwrap_or_default();
        let names = self.who(asked, answer.online);
        let Some((total, online)) = answer.counts else {
            return;
        };
        self.counts.answered(counts, total, online);
        self.counts.named(names.as_deref());
        self.counts.are_told();
        let (total, online) = (self.counts.total, self.counts.online);
        let event = events::presence(&self.roomid, total, online, names.as_deref());
        self.ring
            .push_names(None, |out| out.extend_from_slice(&event));
        if !self.all_know_names() {
            let event = events::presence(&self.roomid, total, online, None);
            self.ring.push_counters(|out| out.extend_from_slice(&event));
        }
        self.wake(cx);
    }

    /// Logins that waited for the link are asked now.
    fn send_logins(&mut self, cx: &mut Cx<'_, H>) {
        for conn in self.waiting_logins() {
            self.send_login(conn, cx);
        }
    }

    fn fail_logins(&mut self, fault: &Fault, cx: &mut Cx<'_, H>) {
        for conn in self.waiting_logins() {
            self.login_failed(conn, fault, cx);
        }
    }

    /// Whose login was not asked yet.
    fn waiting_logins(&self) -> Vec<ConnId> {
        let waits = |seat: &&Seat<H>| {
            let why = seat.waiting.as_ref().map(|waiting| &waiting.why);
            matches!(why, Some(Why::Login { asked: false, .. }))
        };
        let seats = self.seats.rows().iter().filter(waits);
        seats.map(|seat| seat.conn).collect()
    }
}

impl Link {
    /// Whether the room is on its way.
    pub(crate) const fn is_under_way(self) -> bool {
        matches!(self, Self::Subscribing | Self::Attaching)
    }
}
