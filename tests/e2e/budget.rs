//! What one client may cost the others, at the limits that users have: who floods is read more slowly, told so, closed, and
//! in the end told not to come back; an honest room of the same address goes on, and newcomers get in.

use harness::attack::{Attack, FRAGMENT, NOTHING_MORE, PING, Script, text};
use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const FOR_EVER: usize = usize::MAX;

fn login(roomid: &str, uid: &str) -> Vec<u8> {
    text(&json!({"event": "login", "roomid": roomid, "uid": uid}).to_string())
}

/// To a hundred rooms, which is a hundred logins.
fn login_to_many(uid: &str) -> Vec<u8> {
    let rooms: Vec<Value> = (0..100)
        .map(|i| json!({"roomid": format!("r{i}")}))
        .collect();
    text(&json!({"event": "login", "uid": uid, "rooms": rooms}).to_string())
}

/// Two talk until something was refused, and a good while longer; all that is said arrives, in its order. Then a newcomer.
fn an_honest_room_goes_on(proxy: &Proxy, refused: impl Fn() -> bool) {
    let (mut a, mut b) = (
        Client::login(proxy.port, "honest", "a"),
        Client::login(proxy.port, "honest", "b"),
    );
    let began = Instant::now();
    let mut said = 0;
    while said < 40 || !refused() {
        assert!(began.elapsed() < Duration::from_secs(60), "nothing refused");
        a.say(&format!("{said} from a"));
        let heard = b.messages_until(&format!("{said} from a"));
        b.say(&format!("{said} from b"));
        assert_eq!(texts(&heard).len(), 1 + usize::from(said > 0));
        let heard = texts(&a.messages_until(&format!("{said} from b")));
        assert_eq!(heard, [format!("{said} from a"), format!("{said} from b")]);
        said += 1;
    }
    let mut late = Client::login(proxy.port, "honest", "late");
    late.say("let me in");
    assert_eq!(b.messages_until("let me in").len(), 2);
    let slowed = |client: &Client| client.seen.iter().any(|event| event["code"] == "SLOWDOWN");
    assert!(!slowed(&a) && !slowed(&b) && !slowed(&late));
}

/// What an honest room sees of an attack; what of the attack was refused is counted under this name.
fn beside(how_many: usize, counted: &str, script: impl Fn(usize) -> Script) {
    let redis = Redis::start();
    let proxy = Proxy::as_used(&redis, &[]);
    let attack = Attack::begin(proxy.port, how_many, script);
    an_honest_room_goes_on(&proxy, || proxy.metric(counted) > 0);
    assert!(attack.connections() > 0);
}

#[test]
fn sockets_that_only_send_pings() {
    beside(20, "roomcast_pauses_total", |_| Script {
        first: Vec::new(),
        again: PING.repeat(100),
        times: FOR_EVER,
    });
}

#[test]
fn frames_that_say_nothing() {
    beside(4, "roomcast_pauses_total", |_| Script {
        first: FRAGMENT.to_vec(),
        again: NOTHING_MORE.repeat(100),
        times: FOR_EVER,
    });
}

#[test]
fn bursts_by_those_who_come_again_and_again() {
    beside(20, "roomcast_connections_queued_total", |i| Script {
        first: login_to_many(&format!("attacker{i}")),
        again: text(r#"{"event":"message","message":"spam"}"#).repeat(20),
        times: 5,
    });
}

#[test]
fn large_events_to_many() {
    let redis = Redis::start();
    let proxy = Proxy::as_used(&redis, &[]);
    let seats = Attack::begin(proxy.port, 100, |i| Script {
        first: login("theirs", &format!("seat{i}")),
        again: Vec::new(),
        times: FOR_EVER,
    });
    eventually("all have a seat", || {
        (proxy.metric("roomcast_seats") >= 100).then_some(())
    });
    let blob = format!(r#"{{"event":"blob","x":"{}"}}"#, "x".repeat(60_000));
    let attack = Attack::begin(proxy.port, 3, |i| Script {
        first: login("theirs", &format!("attacker{i}")),
        again: text(&blob),
        times: FOR_EVER,
    });
    an_honest_room_goes_on(&proxy, || proxy.metric("roomcast_pauses_total") > 0);
    drop((attack, seats));
}

#[test]
fn a_flood_is_slowed_told_and_closed_and_the_third_time_for_good() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--max-rate", "5", "--busy-timeout", "2s"]);
    let mut other = Client::login(proxy.port, "r", "other");
    for (time, code) in [(1, 4005), (2, 4005), (3, 4100)] {
        let mut flood = Client::login(proxy.port, "r", "flood");
        for i in 0..90 {
            flood.say(&format!("{time} {i}"));
        }
        let told = flood.wait("error");
        assert_eq!(told["code"], "SLOWDOWN");
        assert_eq!(flood.closed(), code);
        let closing = flood.seen.iter().find(|event| event["event"] == "closing");
        let after = closing.map(|event| event["after"].as_u64());
        assert_eq!(after.is_some(), code == 4005, "{closing:?}");
        assert_ne!(after, Some(Some(0)));
    }
    for (name, count) in [("busy_connections", 2), ("floods", 1)] {
        assert_eq!(proxy.metric(&format!("roomcast_{name}_total")), count);
    }
    assert!(proxy.metric("roomcast_slowdowns_total") >= 3);
    // Who said the same more slowly is none of them.
    other.say("still here");
    other.messages_until("still here");
}

#[test]
fn who_is_read_slowly_is_not_silent_and_loses_nothing() {
    let redis = Redis::start();
    let options = ["--max-rate", "10", "--busy-timeout", "5m"];
    let times = ["--heartbeat", "500ms", "--dead-after", "2s"];
    let proxy = Proxy::with(&redis, &[options, times].concat());
    let mut eager = Client::login(proxy.port, "r", "eager");
    for i in 0..150 {
        eager.say(&format!("{i}"));
    }
    let heard = texts(&eager.messages_until("149"));
    assert_eq!(heard, (0..150).map(|i| i.to_string()).collect::<Vec<_>>());
    assert!(proxy.metric("roomcast_pauses_total") > 0);
    assert_eq!(proxy.metric("roomcast_dead_connections_total"), 0);
}

/// Reads for a moment; whether somebody asked.
fn is_asked(page: &mut Client) -> bool {
    let end = Instant::now() + Duration::from_millis(100);
    page.serve_until("a moment", || Instant::now() >= end);
    let before = page.seen.len();
    page.seen.retain(|event| event["ask"] != true);
    page.seen.len() < before
}

#[test]
fn questions_of_strangers_close_no_honest_page() {
    let redis = Redis::start();
    let proxy = Proxy::as_used(&redis, &["--busy-timeout", "5s"]);
    let mut pages: Vec<Client> = (0..3)
        .map(|i| Client::login(proxy.port, "demo", &format!("page{i}")))
        .collect();
    let attack = Attack::begin(proxy.port, 3, |i| Script {
        first: login("demo", &format!("attacker{i}")),
        again: text(r#"{"event":"hello","ask":true}"#).repeat(10),
        times: FOR_EVER,
    });
    let began = Instant::now();
    // Until those who ask are closed themselves; the demo's pages answer whoever asks, once for all of them in a while.
    while proxy.metric("roomcast_busy_connections_total") == 0 {
        assert!(
            began.elapsed() < Duration::from_secs(90),
            "nobody was closed"
        );
        for page in &mut pages {
            if is_asked(page) {
                page.send_if_open(&json!({"event": "hello"}));
            }
        }
    }
    drop(attack);
    pages[0].say("still here");
    for page in &mut pages {
        page.messages_until("still here");
        assert!(!page.seen.iter().any(|event| event["code"] == "SLOWDOWN"));
    }
}
