//! How long things took, as it is counted.

use crate::desk::{Conn, Desk};
use hub_core::spread::Spread;

fn of(ms: &[u64]) -> Spread {
    let mut spread = Spread::default();
    ms.iter().for_each(|ms| spread.took(*ms));
    spread
}

#[test]
fn a_catch_up_lasts_from_the_login_until_its_client_has_everything() {
    let mut desk = Desk::new();
    (1..=3).for_each(|n| drop(desk.say(&n.to_string())));
    let ann = Conn::default();
    let join = desk.asks_to_join(1, &ann, "ann");
    desk.pass(40);
    let joined = desk.joined(desk.at[0]);
    desk.answer(join, Ok(joined));
    assert_eq!(desk.hub.figures().caught_up, of(&[]));
    desk.pass(30);
    let (page, _) = desk.one();
    let range = desk.range(1, 64);
    desk.answer(page, Ok(range));
    assert_eq!(ann.names().last().unwrap(), "synced");
    assert_eq!(desk.hub.figures().caught_up, of(&[70]));
    // Another login of the same connection is another catch-up.
    desk.pass(10_000);
    desk.login(1, &ann, "ann", None);
    desk.pass(3);
    desk.answer_all();
    assert_eq!(desk.hub.figures().caught_up, of(&[70, 3]));
}

/// So many people in the room.
fn crowd(many: u64) -> (Desk, Vec<Conn>) {
    let mut desk = Desk::new();
    let conns: Vec<Conn> = (0..many).map(|_| Conn::default()).collect();
    for (id, conn) in conns.iter().enumerate() {
        desk.login(id as u64, conn, &format!("uid{id}"), None);
        desk.answer_all();
        conn.take();
    }
    (desk, conns)
}

#[test]
fn a_message_is_measured_until_everybody_has_it_and_one_at_a_time() {
    // Messages are stamped 5.
    let (mut desk, conns) = crowd(40);
    let first = desk.say("first");
    let second = desk.say("second");
    let (now, generation) = (desk.now, desk.generation);
    let hear = |desk: &mut Desk, frame| {
        desk.hub
            .announced(now, generation, "room:r", frame, &mut desk.asks);
    };
    hear(&mut desk, &first);
    assert!(desk.hub.serve(now, &mut || false, &mut desk.asks));
    assert!(!desk.hub.has_served(), "16 of 40 have it");
    hear(&mut desk, &second);
    assert!(desk.hub.serve(now, &mut || false, &mut desk.asks));
    assert!(!desk.hub.has_served());
    let mut slices = 0;
    while !desk.hub.has_served() {
        desk.hub.serve(now, &mut || false, &mut desk.asks);
        slices += 1;
        assert!(slices < 3);
    }
    // All have the first one, and not all the second, which was not measured.
    let has = |conn: &Conn, what: &str| conn.names().iter().any(|name| name == what);
    assert!(conns.iter().all(|conn| has(conn, "first")));
    desk.hub.handed_out(25);
    desk.serve();
    desk.hub.handed_out(1_000);
    assert_eq!(desk.hub.figures().handed_out, of(&[20]));
    // The next one is. A clock that is behind that of the stamp counts as none.
    let third = desk.say("third");
    desk.hear(&third);
    desk.hub.handed_out(4);
    assert_eq!(desk.hub.figures().handed_out, of(&[20, 0]));
}

#[test]
fn what_nobody_is_there_to_be_handed_is_not_measured() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    let join = desk.asks_to_join(1, &ann, "ann");
    let joined = desk.joined(desk.head());
    desk.answer(join, Ok(joined));
    desk.hub.gone(desk.now, 1, &["r".into()], &mut desk.asks);
    let late = desk.say("late");
    desk.hear(&late);
    assert!(!desk.hub.has_served());
}
