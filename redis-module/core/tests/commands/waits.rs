//! What a worker is told of who waits.

use crate::server::Server;
use room_core::commands::Env;
use room_core::commands::waiting::{Look, Row, Step};
use room_core::limits::Limit;
use room_core::sessions::RoomKey;

pub(crate) const DELAY: u64 = 30_000;
pub(crate) const LEASE: u64 = 10_000;

/// A server where mail waits after a delay.
pub(crate) fn waiting() -> Server {
    let mut server = Server::default();
    server.settings.limits.set(Limit::WaitingDelay, DELAY);
    server.pass(1_000_000);
    server
}

impl Server {
    /// What a call looks through in `steps` steps of one room after the other: rows with their rooms' names.
    pub(crate) fn look_for_waiting(
        &mut self,
        count: usize,
        mut steps: usize,
    ) -> Vec<(String, Row)> {
        let now = self.times().mono;
        let (clock, settings, mut found) = (self.clock, self.settings, Vec::new());
        let env = self.env(0, &clock, &settings);
        self.agenda.lapse(now);
        let mut after = None;
        while let Some(at) = self.agenda.next(self.db, now, after.as_ref()) {
            let key = at.1.clone();
            after = Some(at);
            let (over, rows) = self.look_through(&key, &env, count - found.len(), &mut steps);
            let name = String::from_utf8_lossy(&key.name).into_owned();
            found.extend(rows.into_iter().map(|row| (name.clone(), row)));
            if !over && (steps == 0 || found.len() >= count) {
                break;
            }
        }
        found
    }

    fn look_through(
        &mut self,
        key: &RoomKey,
        env: &Env<'_>,
        count: usize,
        steps: &mut usize,
    ) -> (bool, Vec<Row>) {
        let Some(room) = self.rooms.get(&(key.db, key.name.to_vec())) else {
            self.agenda.forget(key.as_name());
            return (true, Vec::new());
        };
        let (mut scan, leases) = self.agenda.scan(key).unwrap();
        let look = Look {
            key: key.as_name(),
            room,
            sessions: &self.sessions,
            leases,
            env,
        };
        let (mut rows, mut over) = (Vec::new(), false);
        while *steps > 0 && rows.len() < count.min(self.agenda.free()) && !over {
            *steps -= 1;
            match scan.step(&look) {
                Step::Next => {}
                Step::Found(row) => rows.push(row),
                Step::Over => over = true,
            }
        }
        let now = env.times.mono;
        self.agenda
            .looked(key, (scan, over), &rows, (now, now + LEASE));
        (over, rows)
    }

    /// Who waits, in the order of names.
    pub(crate) fn who_waits(&mut self) -> Vec<String> {
        let found = self.look_for_waiting(1000, 100_000);
        let mut who: Vec<String> = found
            .into_iter()
            .map(|(_, row)| String::from_utf8_lossy(&row.uid).into_owned())
            .collect();
        who.sort_unstable();
        who
    }
}
