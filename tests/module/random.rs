//! Random work on rooms.

use harness::connection::Connection;
use harness::eventually;
use harness::random::Random;
use harness::redis::Redis;
use harness::value::{ok, words};
use redis::Value;

const KEYS: [&str; 4] = ["r1", "r2", "r3", "{r}4"];
const UIDS: [&str; 8] = ["a", "b", "c", "d", "ünal", "e%s%n", "f", "0123456789abcdef"];
/// What may come of a command that was made up.
const EXPECTED_ERRORS: [&str; 6] = [
    "NOROOM",
    "NOMEMBER",
    "BADPOS",
    "LIMIT",
    "ERR no such key",
    "ERR source and destination",
];

/// Random commands on some rooms, over several connections with sessions of their own.
pub(crate) struct Work {
    connections: Vec<Connection>,
    random: Random,
}

impl Work {
    pub(crate) fn on(redis: &Redis, random: Random) -> Self {
        Self {
            connections: (0..3).map(|_| redis.connect()).collect(),
            random,
        }
    }

    pub(crate) fn run(&mut self, acts: usize) {
        for _ in 0..acts {
            let command = self.act();
            let on = self.random.below(self.connections.len());
            let done = command.query::<Value>(&mut self.connections[on]);
            if let Err(error) = done {
                let text = format!(
                    "{} {}",
                    error.code().unwrap_or(""),
                    error.detail().unwrap_or("")
                );
                assert!(
                    EXPECTED_ERRORS.iter().any(|known| text.starts_with(known)),
                    "{:?}: {error}",
                    String::from_utf8_lossy(&command.get_packed_command())
                );
            }
        }
    }

    fn uids(&mut self) -> Vec<&'static str> {
        (0..=self.random.below(4))
            .map(|_| self.random.one_of(&UIDS))
            .collect()
    }

    /// A position somewhere in the room, which may be wrong.
    fn position(&mut self, key: &str) -> String {
        let seq = self.random.below(300);
        let asked = words(&format!("ROOM.RANGE {key} {seq} {seq}"));
        match asked.query::<Value>(&mut self.connections[0]) {
            Ok(page) if self.random.below(10) > 0 => {
                harness::value::text(&harness::value::field(&page, "before"))
            }
            _ => format!("{seq}-00000000"),
        }
    }

    fn act(&mut self) -> redis::Cmd {
        let key = self.random.one_of(&KEYS);
        let uid = self.random.one_of(&UIDS);
        let many = self.uids();
        let n = self.random.below(50);
        let text = match self.random.below(100) {
            0..45 => return self.publish(key, uid),
            45..55 => format!("ROOM.JOIN {key} {uid} HISTORY {n}"),
            55..60 => format!("ROOM.JOIN {key} {uid} SINCE {}", self.position(key)),
            60..75 => format!("ROOM.ACK {key} {} {}", self.position(key), many.join(" ")),
            75..80 => format!("ROOM.INVITE {key} {}", many.join(" ")),
            80..84 => format!("ROOM.LEAVE {key} {uid}"),
            84..88 => format!("ROOM.DETACH {key} {}", many.join(" ")),
            88..91 => self.limits(key),
            91..93 => format!("ROOM.TRIM {key} MAXLEN {}", 20 + n),
            93..95 => format!("ROOM.KICK {key} {uid}"),
            95..96 => format!("PEXPIRE {key} 3600000"),
            96..97 => format!("COPY {key} {} REPLACE", self.random.one_of(&KEYS)),
            97..98 => format!("RENAME {key} {}", self.random.one_of(&KEYS)),
            98..99 => format!("ROOM.TRIM {key} BEFORE {n}"),
            _ if n == 0 => format!("DEL {key}"),
            _ => format!("ROOM.PUBLISH {key} {uid} typing EPHEMERAL"),
        };
        words(&text)
    }

    fn publish(&mut self, key: &str, uid: &str) -> redis::Cmd {
        let size = match self.random.below(20) {
            0 => 0,
            1 => 5000 + self.random.below(5000),
            _ => self.random.below(300),
        };
        let payload: Vec<u8> = (0..size).map(|_| self.random.below(256) as u8).collect();
        let mut command = words(&format!("ROOM.PUBLISH {key} {uid}"));
        command.arg(payload);
        if self.random.below(3) == 0 {
            command.arg("ID").arg(self.random.below(40));
        }
        command
    }

    fn limits(&mut self, key: &str) -> String {
        let name = self
            .random
            .one_of(&["maxlen", "maxbytes", "maxage", "keep", "member-ttl"]);
        let value = match name {
            "maxbytes" => 1000 + self.random.below(50_000),
            // Nothing is to happen by time alone.
            "maxage" | "member-ttl" => 3_600_000,
            _ => 1 + self.random.below(100),
        };
        format!("ROOM.LIMITS {key} {name} {value}")
    }
}

/// Every key with the digest of its value, once the devices that went let the cursors rise and the timer has seen to that.
pub(crate) fn digests(redis: &Redis) -> Vec<(String, String)> {
    eventually("no device is missing", || {
        (redis.info("room_ghosts") == 0).then_some(())
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut keys: Vec<String> = redis.query(redis::cmd("KEYS").arg("*"));
    keys.sort();
    keys.into_iter()
        .map(|key| (redis.digest(&key), key))
        .collect()
}

/// A room that exists, or the test would prove little.
pub(crate) fn stands(redis: &Redis) -> bool {
    let mut c = redis.connect();
    KEYS.iter()
        .any(|key| harness::value::int(&ok(&mut c, &format!("EXISTS {key}"))) == 1)
}
