//! Long reads take turns, and hold nothing else up.

use crate::desk::{Conn, Desk};
use hub_core::ask::{Answer, Ask, Question};
use hub_core::event::Event;
use hub_core::settings::Settings;

fn waits(desk: &Desk) -> u64 {
    desk.hub.figures().waited
}

#[test]
fn so_many_lists_of_members_are_asked_for_at_the_same_time() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    let most = Settings::default().member_lists;
    for _ in 0..most + 3 {
        desk.event(1, &ann, Event::Members(0));
    }
    let leave = Event::Leave;
    desk.event(1, &ann, leave);
    assert_eq!(
        desk.asks.len(),
        most + 1,
        "what is no long read waits for none"
    );
    assert_eq!(waits(&desk), 3);
    let members = |asks: &[Question]| {
        asks.iter()
            .filter(|asked| asked.ask == Ask::Members(0))
            .count()
    };
    for left in (0..3).rev() {
        let Question { request, ask, .. } = desk.asks.remove(0);
        assert_eq!(ask, Ask::Members(0));
        desk.answer(request, Ok(Answer::Members("0".into(), Vec::new())));
        assert_eq!(members(&desk.asks), most, "{left} wait");
    }
    let request = desk.asks.remove(0).request;
    desk.answer(request, Ok(Answer::Members("0".into(), Vec::new())));
    assert_eq!(members(&desk.asks), most - 1);
}

#[test]
fn what_waits_for_its_turn_fails_with_the_link_and_takes_no_turn_after_it() {
    let mut desk = Desk::new();
    let ann = Conn::default();
    desk.login(1, &ann, "ann", None);
    desk.answer_all();
    ann.take();
    let most = Settings::default().member_lists;
    for _ in 0..most + 1 {
        desk.event(1, &ann, Event::Members(0));
    }
    desk.asks.clear();
    desk.down();
    assert_eq!(ann.names(), vec!["error"; most + 1]);
    desk.up();
    desk.answer_all();
    for _ in 0..most {
        desk.event(1, &ann, Event::Members(0));
    }
    assert_eq!(desk.asks.len(), most);
}
