//! Judges what each device is told against what is true, as it happens; and in the end, whether all are at rest.

use crate::seen::Seen;
use crate::truth::Truth;
use room_core::position::{Position, Seq};
use std::collections::{HashMap, HashSet};

/// What one device was told in one room.
#[derive(Default)]
pub(crate) struct Track {
    /// What it has without a hole.
    pub(crate) last: Option<Position>,
    seen: HashSet<Position>,
    /// Where it was started first.
    first: Seq,
    /// A jump that the next event must explain.
    jump: Option<String>,
    /// When it was last told of another history, or became a member anew.
    told_at: u64,
    /// What it knows to be stored, and since when.
    confirmed: Vec<(u64, String, Position)>,
    /// A kick that it is to be told of: since when.
    pub(crate) owed_kick: Option<u64>,
    /// Whom it takes for online or not.
    pub(crate) online: HashMap<String, bool>,
    /// Members, and those online, as it was last told.
    pub(crate) counts: Option<(u64, u64)>,
}

/// What is known of a device.
#[derive(Clone, Copy)]
pub(crate) struct Who<'a> {
    pub(crate) name: &'a str,
    pub(crate) uid: &'a str,
    pub(crate) careful: bool,
    /// Another device has the same uid.
    pub(crate) shared: bool,
    /// It does not belong to the room. It may be there before the room is: then its beginning has no tag yet.
    pub(crate) guest: bool,
}

impl Who<'_> {
    /// Whether it has what is told to be what it has.
    pub(crate) fn is_at(self, has: Option<Position>, at: Option<Position>) -> bool {
        let beginning = |at: Option<Position>| at.is_some_and(|at| at.seq == 0);
        has == at || self.guest && beginning(has) && beginning(at)
    }
}

/// Judges.
pub(crate) struct Judge<'a> {
    pub(crate) now: u64,
    pub(crate) truth: &'a Truth,
    pub(crate) wrong: &'a mut Vec<String>,
}

impl Judge<'_> {
    fn fail(&mut self, who: Who<'_>, key: &str, what: &str) {
        let now = self.now;
        self.wrong
            .push(format!("{now} ms, {} in {key}: {what}", who.name));
    }

    /// The device has something new of the room, or is told something.
    pub(crate) fn event(&mut self, who: Who<'_>, key: &str, track: &mut Track, seen: &Seen<'_>) {
        let own_login = seen.event == "login" && seen.position().is_some();
        let explains = matches!(&*seen.event, "lost" | "reset");
        let about_room = explains || own_login || matches!(&*seen.event, "message" | "synced");
        // Where the connection ended before it was told it still has what it had, and the next login has to tell it.
        if about_room
            && let Some(jump) = track.jump.take()
            && !explains
            && !own_login
        {
            self.fail(who, key, &jump);
        }
        match &*seen.event {
            "login" if own_login => self.login(who, key, track, seen),
            "message" => self.message(who, key, track, seen),
            "lost" => self.lost(who, key, track, seen),
            "reset" => self.reset(who, key, track, seen),
            "synced" => self.synced(who, key, track, seen),
            _ => {}
        }
        self.presence(who, track, seen, own_login);
    }

    fn holds(&self, key: &str, at: Position) -> bool {
        self.truth.room(key).is_some_and(|life| life.has(at))
    }

    /// Whether it was handed all messages after `from` up to `to`, of the history that holds.
    fn has_seen(&self, key: &str, track: &Track, (from, to): (Seq, Seq)) -> bool {
        let holds = self.truth.room(key).map_or(&[][..], |life| &life.holds);
        let between = holds.iter().skip(from as usize + 1);
        let mut between = between.take_while(|position| position.seq <= to);
        between.all(|position| track.seen.contains(position))
    }

    fn login(&mut self, who: Who<'_>, key: &str, track: &mut Track, seen: &Seen<'_>) {
        let at = seen.position().unwrap_or_default();
        track.owed_kick = None;
        // Who comes without a position cannot be told what became of what it saw before.
        if !who.careful {
            track.told_at = self.now;
        }
        match track.last {
            _ if seen.new => {
                track.told_at = self.now;
                track.first = at.seq;
            }
            None => track.first = at.seq,
            Some(last) if who.is_at(Some(last), Some(at)) => {}
            Some(last) if who.careful => {
                track.jump = Some(format!("it had {last} and was started at {at}"));
                // What explains it says where it goes on.
                return;
            }
            // Whoever comes without a position from another history cannot be told. And what it had before, when it was
            // started lower and did not come to read it again, it need not have twice.
            Some(last)
                if self.holds(key, last)
                    && self.holds(key, at)
                    && !self.has_seen(key, track, (last.seq, at.seq)) =>
            {
                track.jump = Some(format!("it had {last} and was started at {at}"));
                return;
            }
            Some(_) => {}
        }
        track.last = Some(at);
    }

    fn message(&mut self, who: Who<'_>, key: &str, track: &mut Track, seen: &Seen<'_>) {
        let Some(at) = seen.position() else { return };
        let Some(said) = self.truth.room(key).and_then(|life| life.said.get(&at)) else {
            return self.fail(who, key, &format!("{at} was never stored"));
        };
        if said.uid != seen.uid || said.text != seen.message {
            let what = format!(
                "{at} is '{}' of {}, not '{}' of {}",
                said.text, said.uid, seen.message, seen.uid
            );
            return self.fail(who, key, &what);
        }
        if !who.is_at(track.last, Some(said.before)) {
            let what = match track.last {
                Some(last) if last == at || track.seen.contains(&at) => {
                    format!("{at} came again, it had {last}")
                }
                Some(last) => format!("{at} follows {}, and it had {last}", said.before),
                None => format!("{at} came before its login"),
            };
            self.fail(who, key, &what);
        }
        track.last = Some(at);
        track.seen.insert(at);
    }

    /// A message is heard soon after it was said, or after the device had caught up.
    pub(crate) fn in_time(
        &mut self,
        who: Who<'_>,
        key: &str,
        seen: &Seen<'_>,
        (since, latest): (u64, u64),
    ) {
        let at = seen.position().unwrap_or_default();
        let said = self.truth.room(key).and_then(|life| life.said.get(&at));
        let since = said.map_or(self.now, |said| said.at).max(since);
        if self.now > since + latest {
            let late = self.now - since;
            self.fail(who, key, &format!("late: {at} is heard after {late} ms"));
        }
    }

    fn lost(&mut self, who: Who<'_>, key: &str, track: &mut Track, seen: &Seen<'_>) {
        let at = seen.position().unwrap_or_default();
        if at.seq != seen.to || seen.from > seen.to {
            self.fail(
                who,
                key,
                &format!("lost {} to {}, and goes on at {at}", seen.from, seen.to),
            );
        }
        // Where it was started is the end of what is lost.
        let has = track.last.map_or(0, |last| last.seq);
        if has < seen.from.saturating_sub(1) {
            self.fail(
                who,
                key,
                &format!("it had {has} and lost {} to {}", seen.from, seen.to),
            );
        }
        // Where the log does not reach back to, nobody knows what was of this history: that it is lost is all that is told.
        if let Some(life) = self.truth.room(key) {
            let known = |at: Position| at.seq > seen.to || life.has(at);
            track.confirmed.retain(|(_, _, at)| known(*at));
        }
        track.last = Some(at);
    }

    fn reset(&mut self, who: Who<'_>, key: &str, track: &mut Track, seen: &Seen<'_>) {
        let at = seen.position().unwrap_or_default();
        let Some(life) = self.truth.room(key) else {
            return;
        };
        if life.changed == 0 {
            self.fail(
                who,
                key,
                &format!("a reset to {at}, and the history is what it was"),
            );
        }
        let begin = life.starts.contains(&at) || at.seq <= track.first;
        if !begin
            && !track.seen.contains(&at)
            && !who.shared
            && life.has(at)
            && track.jump.is_none()
        {
            self.fail(who, key, &format!("a reset to {at}, which it never saw"));
        }
        track.told_at = self.now;
        track.last = Some(at);
    }

    fn synced(&mut self, who: Who<'_>, key: &str, track: &mut Track, seen: &Seen<'_>) {
        let at = seen.position();
        if !who.is_at(track.last, at) {
            self.fail(
                who,
                key,
                &format!("synced at {at:?}, and it had {:?}", track.last),
            );
        }
    }

    fn presence(&mut self, who: Who<'_>, track: &mut Track, seen: &Seen<'_>, own_login: bool) {
        if let (Some(total), Some(num)) = (seen.total, seen.num) {
            track.counts = Some((total, num));
        }
        match &*seen.event {
            "login" if own_login => track.online.clear(),
            "login" => {
                track.online.insert(seen.uid.to_string(), true);
            }
            "logout" if seen.uid != who.uid => {
                track.online.insert(seen.uid.to_string(), false);
            }
            "presence" => {
                if let Some(online) = &seen.online {
                    track.online.values_mut().for_each(|online| *online = false);
                    track
                        .online
                        .extend(online.iter().map(|uid| (uid.clone(), true)));
                } else {
                    // Only the counters: whom it knows by name may have gone.
                    track.online.clear();
                }
            }
            _ => {}
        }
    }

    /// It was told that its message is stored.
    pub(crate) fn sent(&mut self, who: Who<'_>, key: &str, track: &mut Track, seen: &Seen<'_>) {
        let Some(at) = seen.position() else { return };
        let said = self.truth.room(key).and_then(|life| life.said.get(&at));
        match said {
            Some(said) if said.uid == who.uid && said.text == seen.id => {
                track.confirmed.push((self.now, said.text.clone(), at));
            }
            Some(said) => {
                let what = format!("'{}' is said to be {at}, which is '{}'", seen.id, said.text);
                self.fail(who, key, &what);
            }
            None => self.fail(
                who,
                key,
                &format!("'{}' is said to be {at}, which never was", seen.id),
            ),
        }
    }

    /// The device parts from the room. It knows the positions of its own messages that it was not handed, but when it comes
    /// back it says nothing of them, as they are no progress: nobody can tell it if they are lost then.
    pub(crate) fn parted(track: &mut Track) {
        let Track {
            confirmed, seen, ..
        } = track;
        confirmed.retain(|(_, _, at)| seen.contains(at));
    }

    /// Its uid left: it forgets the room, and nobody can tell it of messages that go later.
    pub(crate) fn left(track: &mut Track) {
        track.last = None;
        track.confirmed.clear();
        track.owed_kick = None;
    }

    /// A plain device's connection ended: as it says nothing of its past when it comes back, what was lost a moment ago it
    /// cannot be told.
    pub(crate) fn cut_off(&mut self, key: &str, track: &mut Track) {
        if let Some(life) = self.truth.room(key)
            && life.is_fresh(self.now)
        {
            track.confirmed.retain(|(_, _, at)| life.has(*at));
        }
    }

    /// In the end: what was confirmed is in the room, or its sender was told of another history.
    pub(crate) fn confirmed(&mut self, who: Who<'_>, key: &str, track: &Track) {
        let Some(life) = self.truth.room(key) else {
            return;
        };
        for (when, text, at) in &track.confirmed {
            if !life.has(*at) && track.told_at < *when {
                self.fail(
                    who,
                    key,
                    &format!(
                        "lost write: '{text}' was {at} at {when} ms, and is gone without a word"
                    ),
                );
            }
        }
    }
}
