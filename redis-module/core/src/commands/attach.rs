//! `ROOM.ATTACH`: sessions for existing members, how a proxy announces again after a reconnect; without any, a look at the
//! room for those who are no members.

use super::env::{Env, Place};
use super::many::check_uids;
use super::outcome::{Counter, Outcome};
use super::reply::{Answer, Sink};
use crate::dedupe::DedupePolicy;
use crate::error::RoomError;
use crate::position::Position;

/// Its reply, a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached<'a> {
    /// The newest message.
    pub head: Position,
    /// Who is no member.
    pub gone: Vec<&'a [u8]>,
    /// How often those were kicked who ever were: who remembers a lower count has missed a kick.
    pub kicks: Vec<(&'a [u8], u16)>,
    /// Uids.
    pub members: u64,
    /// Uids that the others take for online, these among them.
    pub online: u64,
    /// Who these are, in rooms where presence names people: a proxy may have missed who came and went.
    pub who: Option<Vec<Box<[u8]>>>,
    /// The server's Unix time in milliseconds.
    pub now: u64,
    /// Publish ids that are remembered: who only looks is told as whoever joins.
    pub dedupe: DedupePolicy,
}

impl Answer for Attached<'_> {
    fn write(&self, to: &mut impl Sink) {
        to.map(9);
        to.pair_position("head", self.head);
        to.text("gone");
        to.array(self.gone.len());
        self.gone.iter().for_each(|uid| to.bytes(uid));
        to.text("kicks");
        to.array(self.kicks.len());
        for (uid, kicks) in &self.kicks {
            to.array(2);
            to.bytes(uid);
            to.int(u64::from(*kicks));
        }
        to.pair("members", self.members);
        to.pair("online", self.online);
        to.text("who");
        match &self.who {
            None => to.null(),
            Some(who) => {
                to.array(who.len());
                who.iter().for_each(|uid| to.bytes(uid));
            }
        }
        to.pair("now", self.now);
        to.pair("dedupe-count", self.dedupe.count);
        to.pair("dedupe-age", self.dedupe.age_ms);
    }
}

/// Runs it.
pub fn attach<'a>(
    place: Place<'_>,
    uids: &[&'a [u8]],
    env: &Env<'_>,
) -> Result<Outcome<'a, Attached<'a>>, RoomError> {
    check_uids(uids, env.settings.max_uids)?;
    let room = place.room.ok_or(RoomError::NoRoom)?;
    let mut reply = Attached {
        head: room.log().head(),
        gone: Vec::new(),
        kicks: Vec::new(),
        members: room.member_count() as u64,
        online: 0,
        who: None,
        now: env.times.wall,
        dedupe: env.settings.dedupe,
    };
    let mut members = Vec::with_capacity(uids.len());
    let held = env.held_until(room.came());
    // After a start everybody comes at once, but nobody went.
    let quiet = !env.is_settled();
    for &uid in uids {
        let Some(member) = room.member(uid) else {
            reply.gone.push(uid);
            continue;
        };
        if member.kicks > 0 {
            reply.kicks.push((uid, member.kicks));
        }
        members.push((uid, member.cursor));
    }
    if !env.counts {
        members.clear();
    }
    let began = members.len() as u64;
    place
        .sessions
        .attach_all(env.client, place.key, &members, quiet);
    if let Some(until) = held.filter(|_| began > 0) {
        place.sessions.hold(place.key, until);
    }
    reply.who = place.sessions.who(place.key, env.settings.presence_names);
    reply.online = place.sessions.online(place.key);
    let mut outcome = Outcome::of(reply);
    outcome.count(Counter::Joined, began);
    Ok(outcome)
}
