//! Bytes a second that somebody may publish: on a connection, as a uid, in a room.

use harness::client::Client;
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};

const EVENT: [&str; 2] = ["--max-event", "10000"];

/// Says so much; whether it was taken, else what it was refused with.
fn say(client: &mut Client, id: usize, size: usize) -> Result<(), Value> {
    let id = id.to_string();
    client.send(&json!({"event": "message", "message": "x".repeat(size), "id": id}));
    let answered = |event: &Value| {
        event["id"] == *id && (event["event"] == "sent" || event["event"] == "error")
    };
    let answer = client.find("an answer to the message", answered);
    match answer["event"] == "sent" {
        true => Ok(()),
        false => Err(answer),
    }
}

/// Says more and more until something is refused: the refusal.
fn until_refused(client: &mut Client, size: usize) -> (usize, Value) {
    let mut said = 0;
    loop {
        match say(client, said, size) {
            Ok(()) => said += 1,
            Err(refused) => return (said, refused),
        }
        assert!(said < 1000, "nothing is refused");
    }
}

fn is_told(refused: &Value, whose: &str, option: &str) {
    assert_eq!(
        (&refused["code"], &refused["of"]),
        (&"TOOFAST".into(), &"message".into())
    );
    let sentence = refused["message"].as_str().unwrap_or_default();
    for part in [whose, "1000 bytes", option, "try again in"] {
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[test]
fn a_connection_and_a_uid_have_their_bytes_and_go_on_later() {
    let redis = Redis::start();
    for (whose, counted) in [
        ("connection", "too_fast_connection"),
        ("uid", "too_fast_uid"),
    ] {
        let option = format!("--publish-bytes-per-{whose}");
        let proxy = Proxy::with(&redis, &[&EVENT[..], &[&option, "1000"]].concat());
        let mut ann = Client::login(proxy.port, "r", "ann");
        let mut bob = Client::login(proxy.port, "r", "bob");
        let (said, refused) = until_refused(&mut ann, 1000);
        assert!((9..=12).contains(&said), "ten seconds' worth: {said}");
        is_told(&refused, &format!("this {whose}"), &option);
        assert!(proxy.metric(&format!("roomcast_{counted}_total")) > 0);
        // Neither is closed, nor read more slowly; what is small may fit still, and what was refused fits later.
        assert_eq!(say(&mut bob, 1, 1000), Ok(()));
        let mut again = Client::login(proxy.port, "r", "ann");
        assert_eq!(say(&mut again, 1, 1000).is_ok(), whose == "connection");
        let mut id = 5000;
        eventually("it may go on", || {
            id += 1;
            say(&mut ann, id, 1000).ok()
        });
        assert_eq!(proxy.metric("roomcast_slowdowns_total"), 0);
    }
}

#[test]
fn who_shouts_in_a_room_is_refused_and_who_talks_there_is_not() {
    let redis = Redis::start();
    let option = "--publish-bytes-per-room";
    let proxy = Proxy::with(&redis, &[&EVENT[..], &[option, "1000"]].concat());
    let mut bob = Client::login(proxy.port, "r", "bob");
    let mut shouts: Vec<Client> = (0..3)
        .map(|i| Client::login(proxy.port, "r", &format!("shouts{i}")))
        .collect();
    let began = std::time::Instant::now();
    let mut taken = 0;
    for round in 0..40 {
        for (i, loud) in shouts.iter_mut().enumerate() {
            match say(loud, round, 1000) {
                Ok(()) => taken += 1,
                Err(refused) if i == 0 => is_told(&refused, "this room", option),
                Err(_) => {}
            }
        }
        if round % 10 == 0 {
            assert_eq!(say(&mut bob, round, 20), Ok(()), "{round}");
        }
    }
    let most = 10 + began.elapsed().as_secs() + 1;
    assert!(taken <= most && taken >= 5, "{taken} of {most}");
    // A worker tells its figures behind its answers.
    eventually("all that were refused are counted", || {
        let refused = proxy.metric("roomcast_too_fast_room_total");
        (refused == 120 - taken).then_some(())
    });
    // Another room has its own.
    let mut elsewhere = Client::login(proxy.port, "s", "shouts0");
    assert_eq!(say(&mut elsewhere, 1, 1000), Ok(()));
}
