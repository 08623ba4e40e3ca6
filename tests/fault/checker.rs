//! Judges a history against what Roomcast promises. Pure.

use crate::history::{Diary, Event, History, Kind, Moment};
use crate::place::Place;
use room_core::position::{Position, Seq};
use std::collections::{HashMap, HashSet};

/// Every promise that was broken, in words; empty if none was.
pub(crate) fn judge(history: &History) -> Vec<String> {
    let mut judge = Judge {
        history,
        texts: HashMap::new(),
        before: HashMap::new(),
        stored: history.log.iter().map(|row| row.position).collect(),
        broken: history.restless.clone(),
    };
    judge.log();
    for diary in &history.diaries {
        judge.one_order(diary);
        judge.follows(diary);
        judge.once(diary);
        judge.accounted(diary);
        judge.given_again(diary);
        if !diary.is_gone() {
            judge.confirmed(diary);
            judge.complete(diary);
            judge.told_of_other_history(diary);
        }
    }
    judge.broken
}

struct Judge<'a> {
    history: &'a History,
    /// Whose text is at a position.
    texts: HashMap<Position, (String, String)>,
    /// Which position was seen before another.
    before: HashMap<Position, Position>,
    stored: HashSet<Position>,
    broken: Vec<String>,
}

impl<'a> Judge<'a> {
    fn fail(&mut self, diary: &Diary, what: &str) {
        self.broken.push(format!("{}: {what}", diary.device));
    }

    fn text_at(&mut self, whose: &str, position: Position, uid: &str, text: &str) {
        let known = self
            .texts
            .entry(position)
            .or_insert_with(|| (uid.to_owned(), text.to_owned()));
        if (known.0.as_str(), known.1.as_str()) != (uid, text) {
            let words = format!(
                "{whose}: {position} is '{text}' of {uid}, but for another '{}' of {}",
                known.1, known.0
            );
            self.broken.push(words);
        }
    }

    /// The room itself: nothing twice, each sender's order, nothing that nobody sent.
    fn log(&mut self) {
        let sent: HashSet<(&str, &str)> = self
            .history
            .diaries
            .iter()
            .flat_map(|diary| diary.moments.iter().map(move |moment| (diary, moment)))
            .filter_map(|(diary, (_, event))| match event {
                Event::Sent(text) => Some((diary.uid.as_str(), text.as_str())),
                _ => None,
            })
            .collect();
        let mut seen = HashSet::new();
        let mut newest: HashMap<&str, u64> = HashMap::new();
        for row in &self.history.log {
            self.text_at("the room", row.position, &row.uid, &row.text);
            if !seen.insert(&row.text) {
                self.broken
                    .push(format!("the room holds '{}' twice", row.text));
            }
            if !sent.contains(&(row.uid.as_str(), row.text.as_str())) {
                self.broken
                    .push(format!("nobody sent '{}' of {}", row.text, row.uid));
            }
            let Some((device, number)) = row.text.split_once('-') else {
                continue;
            };
            let number: u64 = number.parse().unwrap_or(0);
            let before = newest.entry(device).or_default();
            if *before >= number && !self.history.may_overtake(device, number, *before) {
                self.broken.push(format!(
                    "{device}: its {number} is stored after its {before}"
                ));
            }
            *before = number;
        }
    }

    /// Everybody sees the same text at a position, and the same position before it.
    fn one_order(&mut self, diary: &Diary) {
        let mut last: Option<Position> = None;
        for (_, event) in &diary.moments {
            match event {
                Event::Saw {
                    position,
                    uid,
                    text,
                } => {
                    self.text_at(&diary.device, *position, uid, text);
                    if let Some(before) = last.filter(|last| last.seq + 1 == position.seq) {
                        let known = *self.before.entry(*position).or_insert(before);
                        if known != before {
                            self.fail(
                                diary,
                                &format!("{position} follows {before}, for another {known}"),
                            );
                        }
                    }
                    last = Some(*position);
                }
                Event::Repeated(position) => last = Some(*position),
                Event::Login { .. } | Event::Reset(_) | Event::Lost { .. } => last = None,
                _ => {}
            }
        }
    }

    /// No hole that was not announced, no step back that was not.
    fn follows(&mut self, diary: &Diary) {
        let mut place = Place::default();
        for (at, (ms, event)) in diary.moments.iter().enumerate() {
            let wrong = match event {
                Event::Login { position, new } => {
                    // A handler that failed gets the same message again, whatever came meanwhile: that is not what the login is
                    // told.
                    let in_hand = in_hand(&diary.moments[..at]);
                    let told =
                        diary.moments[at + 1..]
                            .iter()
                            .map(|(_, event)| event)
                            .find(|event| {
                                let is_own = matches!(event, Event::Sent(_) | Event::Confirmed(_));
                                let is_again = matches!(event, Event::Saw { position, .. } if Some(*position) == in_hand);
                                !is_own
                                    && !is_again
                                    && !matches!(event, Event::GaveUp { .. } | Event::Failed(_))
                            });
                    place.login(*position, *new, told, diary.kind)
                }
                Event::Lost { from, to, .. } => place.lost(*from, *to, diary.kind),
                Event::Reset(position) => {
                    place.last = Some(*position);
                    None
                }
                Event::Saw { position, .. } | Event::Repeated(position) => {
                    let wrong = place.next(*position);
                    if diary.kind == Kind::Package {
                        place.seen.insert(position.seq);
                    }
                    wrong
                }
                _ => None,
            };
            if let Some(what) = wrong {
                self.fail(diary, &format!("at {ms} ms {what}"));
            }
        }
    }

    /// Nothing reaches an application twice; a plain client's only while nobody knew that it had it.
    fn once(&mut self, diary: &Diary) {
        let mut positions: HashSet<Position> = HashSet::new();
        let mut texts: HashMap<&str, Position> = HashMap::new();
        let mut came_at = 0;
        for (ms, event) in &diary.moments {
            match event {
                Event::Login { .. } => came_at = *ms,
                // What comes then may be what was seen, in another history.
                Event::Reset(_) => texts.clear(),
                Event::Saw { position, text, .. } => {
                    let again = !positions.insert(*position);
                    if again && diary.kind != Kind::Plain {
                        self.fail(diary, &format!("{position} reached the application twice"));
                    }
                    if again && self.was_acknowledged(diary, *position, came_at) {
                        self.fail(
                            diary,
                            &format!("at {ms} ms {position} came again after it was acknowledged"),
                        );
                    }
                    let other = texts.insert(text, *position);
                    if other.is_some_and(|other| other != *position) {
                        self.fail(
                            diary,
                            &format!("'{text}' came at {other:?} and at {position}"),
                        );
                    }
                }
                _ => {}
            }
            if matches!(event, Event::Login { new: true, .. }) {
                texts.clear();
            }
        }
    }

    /// Somebody looked before the client came, and its cursor was there already.
    fn was_acknowledged(&self, diary: &Diary, position: Position, came_at: u64) -> bool {
        !self.history.allowed.other_history
            && self.history.cursors.iter().any(|(ms, uid, cursor)| {
                *ms < came_at && *uid == diary.uid && *cursor >= position.seq
            })
    }

    /// Of what a page was to send it is known what became of it, in whichever tab, over all reloads.
    fn accounted(&mut self, diary: &Diary) {
        if diary.kind != Kind::Package {
            return;
        }
        let history = self.history;
        let same = history.diaries.iter().filter(|it| it.uid == diary.uid);
        let settled = same.flat_map(|it| &it.moments);
        let settled = settled.filter_map(|(_, event)| match event {
            Event::Confirmed(text) | Event::GaveUp { text, .. } => Some(text.as_str()),
            _ => None,
        });
        let settled: HashSet<&str> = settled.collect();
        for (ms, event) in &diary.moments {
            if let Event::Sent(text) = event
                && !settled.contains(text.as_str())
            {
                let what = format!("'{text}', written at {ms} ms, was forgotten");
                self.fail(diary, &what);
            }
        }
    }

    /// An application that failed gets the same again, and nothing behind it before.
    fn given_again(&mut self, diary: &Diary) {
        let mut failed: Option<Position> = None;
        for (ms, event) in &diary.moments {
            let given = match event {
                Event::Failed(position) => Some(*position),
                Event::Saw { position, .. } | Event::Reset(position) => Some(*position),
                Event::Lost { .. } => failed,
                // What comes behind it begins where the server says.
                Event::Reloaded | Event::Login { .. } => {
                    failed = None;
                    continue;
                }
                _ => continue,
            };
            if failed.is_some() && failed != given {
                let what =
                    format!("at {ms} ms it was given {given:?}, though it failed at {failed:?}");
                self.fail(diary, &what);
            }
            failed = given.filter(|_| matches!(event, Event::Failed(_)));
        }
    }

    /// What was confirmed is in the room, unless a limit dropped it or its sender was told of another history.
    fn confirmed(&mut self, diary: &Diary) {
        if self.history.allowed.drops {
            return;
        }
        let held: HashSet<&str> = self
            .history
            .log
            .iter()
            .map(|row| row.text.as_str())
            .collect();
        for (at, (ms, event)) in diary.moments.iter().enumerate() {
            let Event::Confirmed(text) = event else {
                continue;
            };
            if !held.contains(text.as_str()) && !self.was_told(diary, at) {
                self.fail(
                    diary,
                    &format!("'{text}' was confirmed at {ms} ms, and is gone without a word"),
                );
            }
        }
    }

    fn was_told(&self, diary: &Diary, from: usize) -> bool {
        let tells = |event: &Event| match event {
            Event::Reset(_) => true,
            // Who comes back without a position can be told nothing of what it had.
            Event::Login { .. } => diary.kind == Kind::Plain,
            _ => false,
        };
        self.history.allowed.other_history
            && diary.moments[from..].iter().any(|(_, event)| tells(event))
    }

    /// In the end everybody has everything that the room holds, or was told what it lost.
    fn complete(&mut self, diary: &Diary) {
        let mut has: HashSet<Position> = HashSet::new();
        let mut lost: Vec<(Seq, Seq)> = Vec::new();
        let mut member_from = None;
        for (_, event) in &diary.moments {
            match event {
                Event::Login { position, new } if member_from.is_none() || *new => {
                    member_from = Some(position.seq);
                }
                Event::Saw { position, .. } => {
                    has.insert(*position);
                }
                Event::Lost { from, to, .. } => lost.push((*from, *to)),
                Event::Reset(position) => {
                    lost.clear();
                    // Another device of this uid may have confirmed what this one never saw.
                    if diary.shared {
                        member_from = member_from.max(Some(position.seq));
                    }
                    if self.history.allowed.other_history
                        && diary.kind != Kind::Plain
                        && !diary.shared
                    {
                        member_from = Some(0);
                    }
                }
                _ => {}
            }
        }
        let from = member_from.unwrap_or(0);
        let missing: Vec<String> = self
            .history
            .log
            .iter()
            .filter(|row| row.position.seq > from && !has.contains(&row.position))
            .filter(|row| {
                !lost
                    .iter()
                    .any(|(from, to)| (*from..=*to).contains(&row.position.seq))
            })
            .map(|row| format!("{} '{}'", row.position, row.text))
            .collect();
        if !missing.is_empty() {
            let some = missing
                .iter()
                .take(5)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            self.fail(
                diary,
                &format!("never saw {} messages: {some}", missing.len()),
            );
        }
    }

    /// Who saw what is not in the room's history was told so.
    fn told_of_other_history(&mut self, diary: &Diary) {
        if self.history.allowed.drops {
            return;
        }
        for (at, (ms, event)) in diary.moments.iter().enumerate() {
            let Event::Saw { position, text, .. } = event else {
                continue;
            };
            if !self.stored.contains(position) && !self.was_told(diary, at) {
                self.fail(diary, &format!("saw {position} '{text}' at {ms} ms, which is not in the history, and was not told"));
                return;
            }
        }
    }
}

/// The message that a handler failed at last, and did not get again yet.
fn in_hand(before: &[Moment]) -> Option<Position> {
    let of_handlers = before.iter().rev().find_map(|(_, event)| match event {
        Event::Failed(position) => Some(Some(*position)),
        Event::Saw { .. } | Event::Reloaded => Some(None),
        _ => None,
    });
    of_handlers.flatten()
}
