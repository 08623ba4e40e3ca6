//! The end of a run: all must be at rest, and nothing forgotten.

use super::World;
use crate::checker::Judge;
use crate::people::{Device, KEYS, Place};
use crate::plan::{END, FAULTS_UNTIL};
use crate::server::Server;
use crate::truth::Truth;
use room_core::room::Room;
use std::collections::HashMap;

impl World<'_> {
    /// All must be at rest, and nothing forgotten.
    pub(super) fn judge(&mut self) {
        let truth = self.truth.clone();
        let truth = &*truth.borrow();
        let head_of = |key: &str| truth.room(key).and_then(crate::truth::Life::head);
        let mut wrong = Vec::new();
        for device in &self.devices {
            let who = device.who();
            if device.connect_at >= END {
                continue;
            }
            if let Some(why) = device.unrest() {
                wrong.push(format!("liveness: {}: {why}", who.name));
                continue;
            }
            for place in &device.places {
                let key = KEYS[place.room];
                if !who.is_at(place.track.last, head_of(key)) {
                    let what = format!(
                        "poll-skip: {} has {:?} of {key}, whose head is {:?}",
                        who.name,
                        place.track.last,
                        head_of(key)
                    );
                    wrong.push(what);
                }
                self.judge_place(device, place, truth, &mut wrong);
            }
        }
        self.judge_rooms(truth, &mut wrong);
        for (number, proxy) in self.proxies.iter().enumerate() {
            if proxy.ranges.iter().any(|at| *at > END - 5_000) {
                wrong.push(format!("liveness: proxy {number} still reads the log"));
            }
        }
        self.wrong = wrong;
        // Who went offline while it was away, and did not come back, nobody can have told.
        let came_back = |device: &&Device| device.connect_at < END;
        for device in self.devices.iter().filter(came_back) {
            let who = device.who();
            for place in &device.places {
                let mut judge = Judge {
                    now: END,
                    truth,
                    wrong: &mut self.wrong,
                };
                judge.confirmed(who, KEYS[place.room], &place.track);
            }
        }
    }

    /// The server that has a room.
    fn kept(&self, key: &str) -> Option<(&Server, &Room)> {
        self.nodes.iter().find_map(|node| {
            let room = node.server.rooms.get(key)?;
            Some((&node.server, &**room))
        })
    }

    pub(super) fn judge_place(
        &self,
        device: &Device,
        place: &Place,
        truth: &Truth,
        wrong: &mut Vec<String>,
    ) {
        let (who, key) = (device.who(), KEYS[place.room]);
        let Some((server, room)) = self.kept(key) else {
            return;
        };
        let member = room.member(who.uid.as_bytes());
        let name = Server::name(key);
        let sits = server.sessions.is_here(name, who.uid.as_bytes());
        if who.guest && (sits || member.is_some()) {
            wrong.push(format!("guest: {key} knows {} as a member", who.uid));
        }
        let all_here = self
            .devices
            .iter()
            .all(|other| other.kind.1 != who.uid || other.connect_at < END);
        if !who.guest
            && all_here
            && member.as_ref().map(|member| member.cursor) != Some(room.log().head().seq)
        {
            let cursor = member.map(|member| member.cursor);
            wrong.push(format!(
                "liveness: the cursor of {} in {key} is {cursor:?} of {}",
                who.uid,
                room.log().head()
            ));
        }
        let changed = truth.room(key).map_or(0, |life| life.changed);
        if let Some(since) = place.track.owed_kick
            && since > changed
        {
            wrong.push(format!(
                "kick: {} was never told of its kick at {since} ms in {key}",
                who.name
            ));
        }
        let counts = (room.member_count() as u64, server.sessions.online(name));
        if place.track.counts.is_some_and(|known| known != counts) {
            wrong.push(format!(
                "presence: {} takes {:?} of {key} for true, which is {counts:?}",
                who.name, place.track.counts
            ));
        }
        for (uid, online) in &place.track.online {
            if *online != server.sessions.is_here(name, uid.as_bytes()) {
                wrong.push(format!(
                    "presence: {} takes {uid} in {key} for online: {online}",
                    who.name
                ));
            }
        }
    }

    /// Nothing twice, each sender's order, nothing that was refused.
    pub(super) fn judge_rooms(&self, truth: &Truth, wrong: &mut Vec<String>) {
        for key in KEYS {
            let Some(life) = truth.room(key) else {
                continue;
            };
            for (text, many) in truth.texts(key) {
                if many > 1 {
                    wrong.push(format!("duplicate: {key} holds '{text}' {many} times"));
                }
            }
            let mut newest: HashMap<&str, u64> = std::collections::HashMap::new();
            let sure = |said: &&crate::truth::Said| {
                let mut devices = self.devices.iter();
                devices.all(|device| !device.unsure.contains(&said.text))
            };
            let stored = life.holds.iter().filter_map(|at| life.said.get(at));
            for said in stored.filter(sure) {
                let (device, number) = said.text.rsplit_once('-').unwrap_or(("", "0"));
                let number = number.parse().unwrap_or(0);
                let before = newest.entry(device).or_default();
                if *before > number {
                    wrong.push(format!(
                        "order: in {key} {device} said {number} after {before}"
                    ));
                }
                *before = number;
            }
            for device in &self.devices {
                for said in life
                    .said
                    .values()
                    .filter(|said| device.refused.contains(&said.text))
                {
                    wrong.push(format!(
                        "aborted read: '{}' was refused, and {key} holds it",
                        said.text
                    ));
                }
            }
        }
    }
}

/// Faults end before people do.
const _: () = assert!(FAULTS_UNTIL < END);
