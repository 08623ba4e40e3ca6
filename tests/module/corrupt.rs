//! Damaged dumps by the thousand: refused or harmless, the server alive.

use crate::workload::{fill, head, publish};
use harness::connection::Connection;
use harness::random::Random;
use harness::redis::{Redis, STILL};
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

fn restore(redis: &mut Redis, connection: &mut Connection, dump: &[u8], what: &str) -> bool {
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
    // What was taken must work, and be what it says after one more save and load.
    let run = |connection: &mut Connection, command: &str| {
        harness::value::words(command)
            .query::<redis::Value>(connection)
            .unwrap_or_else(|error| panic!("{what}: {command}: {error}"))
    };
    for command in [
        "ROOM.INFO x",
        "ROOM.RANGE x - + COUNT 10",
        "ROOM.MEMBERS x",
        "ROOM.LAG x",
        "ROOM.PUBLISH x bot hi ID i",
        "ROOM.JOIN x somebody HISTORY 5",
    ] {
        run(connection, command);
    }
    let position = head(connection, "x");
    run(connection, &format!("ROOM.ACK x {position} somebody alice"));
    let (saved, loaded) = redis.digests_around("DEBUG RELOAD", "x");
    assert_eq!(loaded, saved, "{what}");
    for command in ["ROOM.TRIM x MAXLEN 0", "ROOM.LEAVE x somebody", "DEL x"] {
        run(connection, command);
    }
    true
}

#[test]
fn damaged_dumps_do_no_harm() {
    let mut redis = Redis::with(&STILL);
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
    let mut random = Random::new(42);
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
    // About 280, which uids and numbers that any value fits make; how many of the flips hit them differs with stamps and the
    // birth. Were any kind of part not checked it would be hundreds more.
    assert!(
        taken < 340,
        "{taken} of 3400 damaged dumps were taken: what is not text should be checked"
    );
    publish(&mut connection, "r", "bot", b"still here");
}
