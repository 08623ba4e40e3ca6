//! Damaged dumps by the thousand: refused or harmless, the server alive.

use crate::workload::{fill, publish};
use harness::redis::Redis;
use harness::value::ok;
use redis::cmd;

/// CRC-64 as Redis computes it ("Jones", reflected), bit by bit: it only has to be right.
fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u64::from(byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0x95ac_9329_ac4b_c9b5
            } else {
                crc >> 1
            }
        })
    })
}

/// With a footer that fits, so that the damage reaches the module.
fn sealed(body: &[u8], version: &[u8]) -> Vec<u8> {
    let mut dump = [body, version].concat();
    dump.extend_from_slice(&crc64(&dump).to_le_bytes());
    dump
}

/// A small generator with a fixed seed: a failure can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

fn restore(redis: &mut Redis, connection: &mut redis::Connection, dump: &[u8], what: &str) -> bool {
    let restored = cmd("RESTORE")
        .arg("x")
        .arg(0)
        .arg(dump)
        .arg("REPLACE")
        .query::<String>(connection);
    assert!(redis.is_alive(), "{what} killed the server");
    if restored.is_err() {
        return false;
    }
    // What was taken must work.
    for command in [
        "ROOM.INFO x",
        "ROOM.RANGE x - + COUNT 10",
        "ROOM.MEMBERS x",
        "ROOM.PUBLISH x bot hi",
        "DEBUG RELOAD",
        "DEL x",
    ] {
        harness::value::words(command)
            .query::<redis::Value>(connection)
            .unwrap_or_else(|error| panic!("{what}: {command}: {error}"));
    }
    true
}

#[test]
fn damaged_dumps_do_no_harm() {
    let mut redis = Redis::start();
    fill(&redis, "r");
    ok(&mut redis.connect(), "ROOM.TRIM r MAXLEN 20");
    let dump: Vec<u8> = redis.query(cmd("DUMP").arg("r"));
    let (body, footer) = dump.split_at(dump.len() - 10);
    let version = &footer[..2];
    assert_eq!(sealed(body, version), dump, "the footer is understood");
    let mut connection = redis.connect();
    let mut taken = 0;
    for cut in (0..body.len()).step_by(body.len() / 400 + 1) {
        taken += usize::from(restore(
            &mut redis,
            &mut connection,
            &sealed(&body[..cut], version),
            &format!("cut at {cut}"),
        ));
    }
    let mut random = Random(42);
    for round in 0..3000 {
        let mut damaged = body.to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(damaged.len());
            damaged[at] ^= 1 << random.below(8);
        }
        taken += usize::from(restore(
            &mut redis,
            &mut connection,
            &sealed(&damaged, version),
            &format!("flip {round}"),
        ));
    }
    assert!(
        taken < 300,
        "{taken} of 3400 damaged dumps were taken: what is not text should be checked"
    );
    publish(&mut connection, "r", "bot", b"still here");
}
