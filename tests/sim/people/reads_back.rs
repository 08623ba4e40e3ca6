//! A device that reads back what was said before, and how what it is told is judged.

use super::{Device, KEYS, Place, ROOMIDS, Scene, State};
use crate::seen::Seen;
use crate::truth::Life;
use room_core::position::Position;

/// What it asked for.
#[derive(Clone, Copy)]
struct Asked {
    /// `None`: where its login began.
    until: Option<Position>,
    limit: u64,
}

/// See the top of the file; of one room.
#[derive(Default)]
pub(super) struct ReadsBack {
    /// Where its login began, and where it began anew since.
    begins: Vec<Position>,
    asked: Option<Asked>,
    /// Where the last page said that the one before it ends.
    next: Option<Position>,
}

impl ReadsBack {
    /// It logged in.
    pub(super) fn begins(&mut self, at: Option<Position>) {
        self.begins = at.into_iter().collect();
        self.asked = None;
        self.next = None;
    }

    /// The history is another one.
    pub(super) fn begins_anew(&mut self, at: Option<Position>) {
        self.begins.extend(at);
    }

    /// It is not there any more.
    pub(super) const fn stop(&mut self) {
        self.asked = None;
    }

    pub(super) const fn waits(&self) -> bool {
        self.asked.is_some()
    }
}

impl Place {
    fn ask(&mut self, until: Option<Position>, limit: u64) -> String {
        self.reads_back.asked = Some(Asked { until, limit });
        let until = until.map_or(String::new(), |until| format!(",\"until\":\"{until}\""));
        let roomid = ROOMIDS[self.room];
        format!("{{\"event\":\"history\",\"roomid\":\"{roomid}\",\"limit\":{limit}{until}}}")
    }
}

impl Device {
    /// It is to read back.
    pub(crate) fn read_back(&mut self, room: usize) {
        let Some(at) = self.place_of(room) else {
            return;
        };
        let place = &mut self.places[at];
        if self.conn.is_none() || place.state != State::In || place.reads_back.waits() {
            return;
        }
        let until = match self.random.to(2) {
            0 => None,
            1 => place.track.last,
            _ => place.reads_back.next,
        };
        let limit = self.random.one_of(&[1, 7, 100]);
        self.says.push(place.ask(until, limit));
    }

    /// A page came.
    pub(super) fn page(&mut self, at: usize, seen: &Seen<'_>, scene: &mut Scene<'_>) {
        let place = &mut self.places[at];
        let Some(asked) = place.reads_back.asked.take() else {
            let what = format!(
                "{} ms, {}: a page that it did not ask for",
                scene.now, self.kind.0
            );
            return scene.wrong.push(what);
        };
        scene.stats.add("history read", 1);
        scene.stats.add("read back", seen.messages.len() as u64);
        let life = scene.truth.room(KEYS[place.room]);
        if let Err(what) = judge(seen, asked, &place.reads_back.begins, life) {
            let (now, name) = (scene.now, self.kind.0);
            scene
                .wrong
                .push(format!("history: {now} ms, {name} {what}: {seen:?}"));
        }
        place.reads_back.next = seen.after().filter(|_| seen.more);
        if let Some(next) = place.reads_back.next
            && self.random.once_in(2)
        {
            self.says.push(place.ask(Some(next), asked.limit));
        }
    }

    /// It was refused.
    pub(super) fn no_page(&mut self, at: usize, seen: &Seen<'_>, scene: &mut Scene<'_>) {
        let place = &mut self.places[at];
        let Some(asked) = place.reads_back.asked.take() else {
            return;
        };
        scene.stats.add("history refused", 1);
        let life = scene.truth.room(KEYS[place.room]);
        // A server that is the primary no more may lack it.
        let split = life.is_some_and(|life| life.split > 0 && life.is_fresh(scene.now));
        let holds = |until: Position| !split && life.is_some_and(|life| life.has(until));
        let wrong = match &*seen.code {
            "BADPOS" => asked.until.is_some_and(holds),
            "TOOFAST" | "UNSUPPORTED" | "ERR" => true,
            _ => false,
        };
        if wrong {
            let (now, name) = (scene.now, self.kind.0);
            scene
                .wrong
                .push(format!("history: {now} ms, {name}: {seen:?}"));
        }
    }
}

/// What is wrong with a page: all of what was said in (`after`, `until`], as it was said, and nothing else.
fn judge(
    page: &Seen<'_>,
    asked: Asked,
    begins: &[Position],
    life: Option<&Life>,
) -> Result<(), String> {
    let after = page.after().ok_or("has no position to go on from")?;
    let mut at = after;
    for message in &page.messages {
        let position = message
            .position()
            .ok_or("is sent a message without a position")?;
        let said = life.and_then(|life| life.said.get(&position));
        let said = said.ok_or_else(|| format!("is told {position}, which was never stored"))?;
        if said.before != at {
            return Err(format!("is told {position} behind {at}"));
        }
        if said.uid != message.uid || said.text != message.message {
            return Err(format!("is told another {position} than was said"));
        }
        at = position;
    }
    let ends = match asked.until {
        Some(until) => at == until,
        None => begins.contains(&at),
    };
    let many = page.messages.len() as u64;
    if !ends {
        return Err(format!(
            "asked for what was said up to {:?}, not {at}",
            asked.until
        ));
    }
    if many > asked.limit || page.more && many == 0 {
        return Err(format!("asked for {} messages", asked.limit));
    }
    match page.more {
        true if page.gone < after.seq => Ok(()),
        false if page.gone == after.seq => Ok(()),
        _ => Err(format!(
            "is told that {} before {after} are gone",
            page.gone
        )),
    }
}
