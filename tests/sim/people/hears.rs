//! What a device makes of what it hears.

use super::{Device, KEYS, ROOMIDS, Scene, State};
use crate::checker::Judge;
use crate::handle::LIMIT;
use crate::seen::{Frame, Seen, frame};
use bytes::Bytes;

impl Device {
    pub(crate) fn receive(&mut self, bytes: &Bytes, scene: &mut Scene<'_>) {
        self.heard = scene.now;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let Some((frame, after)) = frame(rest) else {
                scene
                    .wrong
                    .push(format!("{}: no frame: {rest:?}", self.kind.0));
                return;
            };
            rest = after;
            match frame {
                Frame::Ping(number) => self.pongs.push(number),
                Frame::Text(text) => self.text(text, scene),
            }
        }
    }

    pub(super) fn text(&mut self, text: &[u8], scene: &mut Scene<'_>) {
        if scene.trace {
            println!(
                "{:>6} {} gets {}",
                scene.now,
                self.kind.0,
                String::from_utf8_lossy(text)
            );
        }
        let seen: Seen<'_> = match serde_json::from_slice(text) {
            Ok(seen) => seen,
            Err(error) => {
                let text = String::from_utf8_lossy(text);
                scene
                    .wrong
                    .push(format!("{}: {error}: {text}", self.kind.0));
                return;
            }
        };
        if seen.event == "heartbeat" {
            if self.kind.3 {
                self.says
                    .push("{\"event\":\"heartbeat\",\"message\":\"pong\"}".into());
            }
            return;
        }
        if seen.messages.len() > 1 && text.len() > LIMIT / 2 {
            let what = format!("{}: a page of {} bytes", self.kind.0, text.len());
            scene.wrong.push(what);
        }
        let room = ROOMIDS.iter().position(|roomid| *roomid == seen.roomid);
        match room.and_then(|room| self.place_of(room)) {
            Some(at) => self.event(at, &seen, scene),
            None if seen.event == "error" && seen.of == "login" => {
                for place in &mut self.places {
                    if matches!(place.state, State::Asked(_)) {
                        place.state = State::Out(scene.now + 300);
                    }
                }
            }
            None => scene
                .wrong
                .push(format!("{}: of no room: {seen:?}", self.kind.0)),
        }
    }

    pub(super) fn event(&mut self, at: usize, seen: &Seen<'_>, scene: &mut Scene<'_>) {
        let (now, who) = (scene.now, self.who());
        let late = self.random.to(200);
        let place = &mut self.places[at];
        let key = KEYS[place.room];
        let mut judge = Judge {
            now,
            truth: scene.truth,
            wrong: scene.wrong,
        };
        judge.event(who, key, &mut place.track, seen);
        match &*seen.event {
            "login" if seen.position().is_some() => {
                place.state = State::In;
                place.reads_back.begins(seen.position());
            }
            "login" => scene.stats.add("presence", 1),
            "synced" => (place.synced, place.synced_at) = (true, now),
            "message" => {
                if let Some(latest) = scene.latest.filter(|_| place.room > 0 && place.synced) {
                    scene.stats.add("heard in time", 1);
                    judge.in_time(who, key, seen, (place.synced_at, latest));
                }
                scene.stats.add("delivered", 1);
                place.ack_at = place.ack_at.or(who.careful.then_some(now + late));
                if who.careful && seen.uid == who.uid {
                    self.settle(at, &seen.id, now);
                }
            }
            "lost" | "reset" => {
                scene.stats.add(
                    if seen.event == "lost" {
                        "lost"
                    } else {
                        "reset"
                    },
                    1,
                );
                place.ack_at = place.ack_at.or(who.careful.then_some(now + late));
                if seen.event == "reset" {
                    place.reads_back.begins_anew(seen.position());
                }
            }
            "kicked" => {
                scene.stats.add("kicked", 1);
                place.out(now + 300 + late);
                place.track.owed_kick = None;
            }
            "logout" if seen.uid == who.uid => {
                scene.stats.add("left", 1);
                place.out(now + 300 + late);
                Judge::left(&mut place.track);
            }
            "sent" => {
                scene.stats.add("sent", 1);
                scene.stats.add("duplicate", u64::from(seen.duplicate));
                judge.sent(who, key, &mut place.track, seen);
                self.unanswered.retain(|text| *text != *seen.id);
                self.settle(at, &seen.id, now);
            }
            "history" => self.page(at, seen, scene),
            "error" if seen.of == "history" => self.no_page(at, seen, scene),
            "error" => self.error(at, seen, scene),
            "typing" => scene.stats.add("signal heard", 1),
            _ => {}
        }
        self.send(now, at);
    }

    /// A message of its own is stored.
    pub(super) fn settle(&mut self, at: usize, id: &str, now: u64) {
        let place = &mut self.places[at];
        if place.outbox.front().is_some_and(|first| first.0 == id) {
            place.outbox.pop_front();
            place.in_flight = None;
            place.retry_at = now;
        }
    }

    pub(super) fn error(&mut self, at: usize, seen: &Seen<'_>, scene: &mut Scene<'_>) {
        let now = scene.now;
        let later = now + 200 + self.random.to(400);
        let place = &mut self.places[at];
        scene.stats.add("error", 1);
        match &*seen.of {
            "login" => place.out(later),
            "message"
                if self.kind.2 && place.outbox.front().is_some_and(|first| first.0 == seen.id) =>
            {
                place.in_flight = None;
                place.retry_at = later;
            }
            "message" if self.kind.2 => {}
            // It may have been stored all the same, or is later.
            "message" if seen.code == "UNAVAILABLE" => {
                self.unsure.insert(seen.id.to_string());
            }
            "message" => {
                self.unanswered.retain(|text| *text != *seen.id);
                self.refused.insert(seen.id.to_string());
            }
            _ => {}
        }
        if seen.code == "NOLOGIN" && place.state == State::In && seen.of != "leave" {
            let what = format!(
                "{now} ms, {}: 'log in first' while it is logged in: {seen:?}",
                self.kind.0
            );
            scene.wrong.push(what);
        }
    }

    /// Why it is not at rest.
    pub(crate) fn unrest(&self) -> Option<String> {
        if self.conn.is_none() {
            return Some("not connected".into());
        }
        self.places.iter().find_map(|place| {
            let roomid = ROOMIDS[place.room];
            match (place.state, place.synced, place.outbox.front()) {
                (State::In, true, None) if place.reads_back.waits() => {
                    Some(format!("{roomid}: history is not answered"))
                }
                (State::In, true, None) => None,
                (State::In, true, Some((text, _))) => {
                    Some(format!("{roomid}: '{text}' is not confirmed"))
                }
                (State::In, false, _) => Some(format!("{roomid}: not synced")),
                (state, ..) => Some(format!("{roomid}: not logged in ({state:?})")),
            }
        })
    }
}
