//! A client that reads slowly is served from the log; nobody else notices, nothing is lost.

use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;

#[test]
fn a_stalled_reader_costs_little_and_gets_everything_in_the_end() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--outbox", "65536"]);
    let mut good = Client::login(proxy.port, "r", "good");
    let mut stalled = Client::login(proxy.port, "r", "stalled");
    let payload = "x".repeat(1000);
    const MANY: usize = 20_000;
    for some in 0..MANY / 100 {
        let mut pipe = redis::pipe();
        for i in 0..100 {
            let text = format!(
                "{{\"message\":\"{}\",\"fill\":\"{payload}\"}}",
                some * 100 + i
            );
            pipe.cmd("ROOM.PUBLISH")
                .arg("room:r")
                .arg("bot")
                .arg(text)
                .ignore();
        }
        pipe.query::<()>(&mut redis.connect()).unwrap();
    }
    let last = (MANY - 1).to_string();
    assert_eq!(good.messages_until(&last).len(), MANY);
    assert!(proxy.metric("roomcast_slow_total") >= 1);
    eventually("the good client is live again", || {
        (proxy.metric("roomcast_seats") == 2).then_some(())
    });
    let seen = texts(&stalled.messages_until(&last));
    assert!(
        seen.iter()
            .enumerate()
            .all(|(i, text)| *text == i.to_string()),
        "in order, without a gap"
    );
    assert_eq!(seen.len(), MANY);
}
