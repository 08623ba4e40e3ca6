//! Accounts, purses and their table over time.

use super::account::Rate;
use super::payer::{Payer, Rates};
use super::purse::Purse;
use super::table::{Table, moves};
use super::work;

const HERE: Payer = Payer::Address(1);
const ANN: Payer = Payer::Uid(1);

/// As the program has them by default.
fn rates() -> Rates {
    Rates {
        address: Rate(400_000),
        uid: Rate(100_000),
        frames: 200,
    }
}

/// A connection that does something again and again, as far as it may.
struct Somebody {
    purse: Purse,
    /// Work of one thing, and how often it is done (ms).
    each: u64,
    every: u64,
    next: u64,
    did: u64,
    refused: u64,
}

impl Somebody {
    fn new(now: u64, each: u64, every: u64) -> Self {
        let mut new = Self {
            purse: Purse::new(HERE, &rates(), now),
            each,
            every,
            next: now,
            did: 0,
            refused: 0,
        };
        new.purse.spend(work::UPGRADE + work::login(false));
        new
    }

    fn go(&mut self, table: &mut Table, now: u64) {
        while self.next <= now {
            if self.purse.is_due() {
                let wait = table.settle(now, &mut self.purse);
                if wait > 0 {
                    self.refused += 1;
                    self.next = now + wait;
                    return;
                }
            }
            self.purse.spend(self.each);
            self.did += self.each;
            self.next += self.every;
            if self.every == 0 && self.did.is_multiple_of(40_000) {
                return;
            }
        }
    }
}

/// Runs from `from` to `to` in steps of 10 ms.
fn run(table: &mut Table, people: &mut [Somebody], from: u64, to: u64) {
    for now in (from..to).step_by(10) {
        people.iter_mut().for_each(|one| one.go(table, now));
    }
}

#[test]
fn one_that_floods_is_refused_and_nineteen_others_of_its_address_never_are() {
    let mut table = Table::new(rates());
    let mut people: Vec<_> = (0..19).map(|_| Somebody::new(0, 150, 1000)).collect();
    people.push(Somebody::new(0, 40, 0));
    run(&mut table, &mut people, 0, 120_000);
    let (flood, honest) = people.split_last().unwrap();
    assert!(honest.iter().all(|one| one.refused == 0));
    assert!(honest.iter().all(|one| one.did >= 150 * 119));
    assert!(flood.refused > 100, "{}", flood.refused);
    // What an address may do in two minutes, and at once.
    assert!(flood.did < 400_000 * 130, "{}", flood.did);
    // A newcomer is not refused either.
    let late = Somebody::new(120_000, 150, 1000);
    people.push(late);
    run(&mut table, &mut people, 120_000, 180_000);
    let late = people.last().unwrap();
    assert!(late.refused == 0 && late.did >= 150 * 59, "{}", late.did);
}

#[test]
fn who_comes_again_and_again_gets_what_a_newcomer_needs_and_no_more() {
    let mut table = Table::new(rates());
    let mut flood = vec![Somebody::new(0, 40, 0)];
    run(&mut table, &mut flood, 0, 30_000);
    for again in 0..50 {
        let now = 30_000 + again;
        let mut next = Somebody::new(now, 40, 0);
        for _ in 0..100 {
            next.go(&mut table, now);
        }
        assert!(next.refused > 0 && next.did < 20_000, "{}", next.did);
    }
    assert!(table.charge(30_050, HERE, work::ACCEPT) > 0, "they queue");
    assert_eq!(table.charge(30_050, Payer::Address(2), work::ACCEPT), 0);
    assert_eq!(table.charge(40_000, HERE, work::ACCEPT), 0, "it is over");
}

#[test]
fn two_thousand_come_in_within_five_seconds_where_somebody_of_their_address_floods() {
    let mut table = Table::new(rates());
    let mut flood: Vec<_> = (0..20).map(|_| Somebody::new(0, 40, 0)).collect();
    run(&mut table, &mut flood, 0, 30_000);
    let waits: Vec<_> = (0..2000)
        .map(|_| table.charge(30_000, HERE, work::ACCEPT + work::UPGRADE))
        .collect();
    assert!(waits.is_sorted(), "one after the other");
    assert!(waits[1999] < 5000, "{}", waits[1999]);
    assert!(waits[1999] > 2000, "not all at once: {}", waits[1999]);
}

#[test]
fn two_thousand_of_one_address_come_at_once_and_talk() {
    let mut table = Table::new(rates());
    let mut waits = 0;
    for _ in 0..2000 {
        waits += table.charge(0, HERE, work::ACCEPT);
    }
    // Each says something of 200 bytes every 20 s to all the others.
    let talk = 80 + work::read(1, 250) + work::fan_out(200, 2000);
    let mut people: Vec<_> = (0..2000).map(|_| Somebody::new(0, talk, 20_000)).collect();
    for (i, one) in people.iter_mut().enumerate() {
        one.next = 10 * i as u64;
        waits += table.settle(0, &mut one.purse);
    }
    assert_eq!(waits, 0);
    run(&mut table, &mut people, 0, 60_000);
    assert!(people.iter().all(|one| one.refused == 0));
}

#[test]
fn one_alone_has_all_that_its_address_has() {
    let mut table = Table::new(rates());
    let mut one = vec![Somebody::new(0, 40, 0)];
    run(&mut table, &mut one, 0, 100_000);
    let did = one[0].did;
    assert!((30_000_000..44_000_000).contains(&did), "{did}");
}

#[test]
fn those_who_are_refused_take_turns() {
    for count in [1, 2, 20, 200] {
        let mut table = Table::new(rates());
        let mut people: Vec<_> = (0..count).map(|_| Somebody::new(0, 40, 0)).collect();
        let did = |people: &[Somebody]| people.iter().map(|one| one.did).sum::<u64>();
        let (mut before, mut most) = (0, 0);
        for now in 0..60_000 {
            people.iter_mut().for_each(|one| one.go(&mut table, now));
            if now % 10 == 0 {
                let done = did(&people);
                if now > 30_000 {
                    most = most.max(done - before);
                }
                before = done;
            }
        }
        assert!(
            most < 12_000,
            "{most} within 10 ms by {count}, where 4,000 may be"
        );
        let all = did(&people);
        assert!(
            (20_000_000..37_000_000).contains(&all),
            "what may be done is done, and no more: {all} by {count}"
        );
    }
}

#[test]
fn a_token_moves_what_was_paid_to_the_uid() {
    let mut table = Table::new(rates());
    let mut purse = Purse::new(HERE, &rates(), 0);
    purse.spend(900_000);
    table.settle(0, &mut purse);
    let (before, paid) = moves(&mut purse, ANN);
    assert_eq!((before, paid), (HERE, 900_000));
    table.give_back(0, before, paid);
    assert_eq!(purse.payer(), ANN);
    assert!(table.settle(0, &mut purse) > 0, "it is more than a uid may");
    assert_eq!(purse.recent(), 900_000, "nothing is counted twice");
    assert!(table.settle(1000, &mut purse) > 0);
    assert_eq!(table.settle(20_000, &mut purse), 0);
    // The address owes nothing.
    let mut next = Purse::new(HERE, &rates(), 0);
    next.spend(1_999_000);
    assert_eq!(table.settle(0, &mut next), 0);
}

#[test]
fn frames_alone_are_a_connections_own_matter() {
    let mut table = Table::new(rates());
    let mut purse = Purse::new(HERE, &rates(), 0);
    purse.frames(2000);
    assert!(!purse.is_due());
    purse.frames(100);
    assert!(purse.is_due());
    assert_eq!(table.settle(0, &mut purse), 500);
    assert_eq!(table.settle(500, &mut purse), 0);
    purse.frames(2000);
    assert_eq!(table.settle(500, &mut purse), 500, "looked at now and then");
    purse.frames(200);
    purse.lend(1000, 3000);
    assert!(!purse.is_due(), "a goodbye is heard");
}

#[test]
fn who_owes_nothing_has_no_account_and_there_is_an_end_to_them() {
    let mut table = Table::new(rates());
    for who in 0..40_000 {
        table.charge(0, Payer::Address(who), work::ACCEPT);
    }
    assert!(table.len() < 20_000, "{}", table.len());
    // Those who came too late share one, and it is not the first one's.
    assert_eq!(table.charge(0, Payer::Address(3), 1000), 0);
    for who in 0..40_000 {
        table.charge(60_000 + who, Payer::Address(who), work::ACCEPT);
    }
    assert!(table.len() < 1000, "{}", table.len());
    assert!(!table.is_empty());
}
