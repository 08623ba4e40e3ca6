//! How much is said in a room: who shouts is refused, event by event, and nobody else is.

use crate::desk::{Conn, Desk};
use hub_core::ask::{Answer, Ask, Published, Question};
use hub_core::event::Event;
use hub_core::settings::Settings;
use hub_core::wire::{ClientEvent, parse};

/// A message, or with another name an event that is not stored.
fn says(event: &str, id: &str, size: usize) -> Event {
    let text = format!(
        r#"{{"event":"{event}","message":"{}","id":"{id}"}}"#,
        "x".repeat(size)
    );
    match parse(&text).unwrap() {
        ClientEvent::Message(out) => Event::Publish(out),
        ClientEvent::Other(out) => Event::Signal(out),
        other => panic!("{other:?}"),
    }
}

/// Answers what is asked; how many messages and events reached Redis.
fn pass_on(desk: &mut Desk) -> usize {
    let mut came = 0;
    while !desk.asks.is_empty() {
        let Question { request, ask, .. } = desk.asks.remove(0);
        let answer = match ask {
            Ask::Publish { .. } => Answer::Published(Published {
                seq: 1,
                duplicate: false,
                position: None,
            }),
            _ => Answer::Done,
        };
        came += 1;
        desk.answer(request, Ok(answer));
    }
    came
}

#[test]
fn who_says_most_is_refused_and_the_others_are_heard() {
    let mut desk = Desk::new();
    let (loud, bob) = (Conn::default(), Conn::default());
    desk.login(1, &loud, "loud", None);
    desk.login(2, &bob, "bob", None);
    desk.answer_all();
    loud.take();
    bob.take();
    let rate = Settings::default().room_bytes;
    let (before, mut said) = (loud.done(), 0);
    for i in 0..300 {
        let event = if i % 2 == 0 { "message" } else { "drawing" };
        desk.event(1, &loud, says(event, &i.to_string(), 60_000));
        said += pass_on(&mut desk);
        desk.event(2, &bob, says("message", &i.to_string(), 100));
        assert_eq!(pass_on(&mut desk), 1, "{i}");
    }
    // Half of ten seconds' worth: no more than is left for the others.
    let most = 5 * rate as usize / 60_000;
    assert!((most - 1..=most).contains(&said), "{said}");
    assert_eq!(loud.done() - before, 300, "each is done with");
    let errors: Vec<_> = loud
        .take()
        .into_iter()
        .filter(|e| e["event"] == "error")
        .collect();
    assert_eq!(errors.len(), 300 - said);
    let last = errors.last().unwrap();
    assert_eq!(
        (&last["code"], &last["of"], &last["id"], &last["roomid"]),
        (
            &"TOOFAST".into(),
            &"drawing".into(),
            &"299".into(),
            &"r".into()
        )
    );
    let sentence = last["message"].as_str().unwrap();
    assert!(
        sentence.contains("this room may have 1048576 bytes"),
        "{sentence}"
    );
    assert!(bob.take().iter().all(|event| event["event"] != "error"));
    assert_eq!(desk.hub.figures().too_loud, errors.len() as u64);
    // When it is paid off, it may again, and nobody knows who said what.
    desk.pass(60_000);
    desk.answer_all();
    desk.event(1, &loud, says("message", "again", 60_000));
    assert_eq!(pass_on(&mut desk), 1);
}
