//! Two devices of one uid while something fails: what the laptop has not read is not lost to it, whatever the phone reads.
//!
//! Of one uid both devices are on one proxy, of another they are on two. `ROOMCAST_TIMES=20` repeats each fault so often.

use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::relay::Relay;
use harness::value::{int, list, ok};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What everybody has who sets nothing.
const DEFAULT_GRACE: [&str; 2] = ["--room.device-grace", "60s"];
/// Whatever everybody has read is freed at once.
const KEEP_NOTHING: &str = "ROOM.LIMITS room:r keep 0";
const ROUNDS: usize = 3;
const PER_ROUND: usize = 10;
/// Some times as long as a proxy gathers what it reports.
const QUIET: Duration = Duration::from_millis(300);

fn times() -> usize {
    let times = std::env::var("ROOMCAST_TIMES").ok();
    times.map_or(1, |times| {
        times.parse().expect("ROOMCAST_TIMES is a number")
    })
}

/// Logs in; `None` while the proxy has no Redis.
fn try_login(port: u16, uid: &str, since: Option<&Value>) -> Option<Client> {
    let mut client = Client::connect(port);
    let mut event = json!({"event": "login", "roomid": "r", "uid": uid, "ack": "client", "v": 1});
    if let Some(since) = since {
        event["since"] = since.clone();
    }
    client.send(&event);
    let answer = |event: &Value| event["event"] == "synced" || event["event"] == "error";
    let answer = client.find("an answer to the login", answer);
    (answer["event"] == "synced").then_some(client)
}

/// A device that remembers what it has seen.
struct Device {
    uid: &'static str,
    client: Option<Client>,
    seen: Vec<String>,
    at: Value,
}

impl Device {
    fn new(port: u16, uid: &'static str) -> Self {
        let client = try_login(port, uid, None).expect("a login");
        Self {
            uid,
            client: Some(client),
            seen: Vec::new(),
            at: Value::Null,
        }
    }

    fn client(&mut self) -> &mut Client {
        self.client.as_mut().expect("it is connected")
    }

    /// Its socket ends without a word.
    fn vanish(&mut self) {
        self.client
            .take()
            .expect("it is connected")
            .drop_connection();
    }

    /// It comes back with the position that it has.
    fn come_back(&mut self, port: u16) {
        let since = (!self.at.is_null()).then_some(&self.at);
        self.client = Some(eventually("a login", || try_login(port, self.uid, since)));
    }

    /// Reads up to a message.
    fn read(&mut self, end: &str) {
        let messages = self.client().messages_until(end);
        self.at = messages.last().expect("a message")["position"].clone();
        self.seen.extend(texts(&messages));
    }

    fn acknowledge(&mut self) {
        let event = json!({"event": "ack", "roomid": "r", "position": self.at});
        self.client().send(&event);
    }

    fn has_all(&mut self, said: usize) {
        let expected: Vec<String> = (1..=said).map(text_of).collect();
        assert_eq!(self.seen, expected, "{}", self.uid);
        let bad = |event: &&Value| event["event"] == "lost" || event["event"] == "reset";
        let found = self.client().seen.iter().find(bad).cloned();
        assert_eq!(found, None, "{}", self.uid);
    }
}

/// The two devices of each uid, and who has said how much.
struct People {
    phones: Vec<Device>,
    laptops: Vec<Device>,
    said: usize,
}

impl People {
    /// `same` has both devices on the first proxy, `split` its laptop on the second.
    fn new(redis: &Redis, ports: [u16; 2]) -> Self {
        let phones = ["same", "split"].map(|uid| Device::new(ports[0], uid));
        let laptops = [(ports[0], "same"), (ports[1], "split")];
        let laptops = laptops.map(|(port, uid)| Device::new(port, uid));
        ok(&mut redis.connect(), KEEP_NOTHING);
        let mut people = Self {
            phones: phones.into(),
            laptops: laptops.into(),
            said: 0,
        };
        // The laptops have read a first part, and no more from then on.
        people.say(redis);
        let end = text_of(people.said);
        for laptop in &mut people.laptops {
            laptop.read(&end);
            laptop.acknowledge();
        }
        people.phones_read();
        people
    }

    fn say(&mut self, redis: &Redis) {
        let mut connection = redis.connect();
        for _ in 0..PER_ROUND {
            self.said += 1;
            ok(
                &mut connection,
                &format!("ROOM.PUBLISH room:r bot {}", text_of(self.said)),
            );
        }
    }

    /// The phones read all that was said, and say so.
    fn phones_read(&mut self) {
        let end = text_of(self.said);
        for phone in &mut self.phones {
            phone.read(&end);
            phone.acknowledge();
        }
    }

    /// More is said, which the phones read at once, until the proxies have reported it.
    fn go_on(&mut self, redis: &Redis, proxies: [&Proxy; 2]) {
        let acked = || proxies.map(|proxy| proxy.metric("roomcast_acked_total"));
        let before = acked();
        for _ in 0..ROUNDS {
            self.say(redis);
            self.phones_read();
        }
        let (mut last, mut since) = (before, Instant::now());
        eventually("the phones' word is reported", || {
            let now = acked();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            (now != before && since.elapsed() > QUIET).then_some(())
        });
    }

    /// The laptops, which have slept all the time, vanish, the phones read on, the laptops come back and have all, once.
    fn laptops_return(&mut self, redis: &Redis, proxies: [&Proxy; 2]) {
        let there = || {
            let counts = proxies.map(|proxy| proxy.metric("roomcast_connections"));
            counts.iter().sum::<u64>()
        };
        self.laptops.iter_mut().for_each(Device::vanish);
        eventually("the proxies know that they went", || {
            (there() == 2).then_some(())
        });
        // Else its session, which is about to end, would hold what its ghost is to hold.
        eventually("Redis knows that they went", || {
            let page = ok(&mut redis.connect(), "ROOM.MEMBERS room:r");
            let rows = list(&list(&page)[1]).to_vec();
            let one_each = rows.iter().all(|row| int(&list(row)[3]) == 1);
            one_each.then_some(())
        });
        self.laptops_are_back(redis, proxies);
    }

    fn laptops_are_back(&mut self, redis: &Redis, proxies: [&Proxy; 2]) {
        self.go_on(redis, proxies);
        let end = text_of(self.said);
        for (laptop, proxy) in self.laptops.iter_mut().zip(proxies) {
            laptop.come_back(proxy.port);
            laptop.read(&end);
        }
        for device in self.laptops.iter_mut().chain(&mut self.phones) {
            device.has_all(self.said);
        }
    }
}

fn text_of(number: usize) -> String {
    format!("m{number}")
}

#[test]
fn a_redis_that_stalls() {
    for _ in 0..times() {
        let redis = Redis::with(&[&["--save", ""][..], &DEFAULT_GRACE].concat());
        let (one, two) = (Proxy::start(&redis), Proxy::start(&redis));
        let mut people = People::new(&redis, [one.port, two.port]);
        people.say(&redis);
        redis.process().signal("STOP");
        // Longer than --redis-timeout.
        std::thread::sleep(Duration::from_secs(9));
        redis.process().signal("CONT");
        people.phones_read();
        people.go_on(&redis, [&one, &two]);
        people.laptops_return(&redis, [&one, &two]);
    }
}

#[test]
fn a_redis_that_is_killed_and_has_its_aof() {
    for _ in 0..times() {
        let own = [
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ];
        let mut redis = Redis::with(&[&own[..], &DEFAULT_GRACE].concat());
        let (one, two) = (Proxy::start(&redis), Proxy::start(&redis));
        let mut people = People::new(&redis, [one.port, two.port]);
        people.say(&redis);
        redis.crash_and_restart();
        people.phones_read();
        people.go_on(&redis, [&one, &two]);
        people.laptops_return(&redis, [&one, &two]);
    }
}

#[test]
fn a_replica_that_is_promoted() {
    for _ in 0..times() {
        let own = [&["--save", ""][..], &DEFAULT_GRACE].concat();
        let mut redis = Redis::with(&own);
        let replica = redis.replica_via(redis.port, &own);
        let relays = [Relay::to(redis.port), Relay::to(redis.port)];
        let url = |relay: &Relay| format!("redis://127.0.0.1:{}", relay.port);
        let [one, two] = [0, 1].map(|at: usize| Proxy::to(&url(&relays[at]), &[]));
        let mut people = People::new(&redis, [one.port, two.port]);
        people.say(&redis);
        redis.in_step(&replica);
        redis.kill();
        ok(&mut replica.connect(), "REPLICAOF NO ONE");
        relays.iter().for_each(|relay| relay.redirect(replica.port));
        people.phones_read();
        people.go_on(&replica, [&one, &two]);
        people.laptops_return(&replica, [&one, &two]);
    }
}

#[test]
fn a_rolling_restart_of_the_proxies() {
    for _ in 0..times() {
        let redis = Redis::with(&[&["--save", ""][..], &DEFAULT_GRACE].concat());
        let old = [Proxy::start(&redis), Proxy::start(&redis)];
        let mut people = People::new(&redis, [old[0].port, old[1].port]);
        people.say(&redis);
        people.phones_read();
        let new = [Proxy::start(&redis), Proxy::start(&redis)];
        for mut proxy in old {
            assert_eq!(proxy.stop(), 0);
        }
        // The phones are fast, the laptops sleep.
        for phone in &mut people.phones {
            phone.come_back(new[1].port);
        }
        people.laptops_are_back(&redis, [&new[0], &new[1]]);
    }
}

/// A client of the tutorial, which has no position to bring.
#[test]
fn who_reconnects_often_sees_no_message_twice() {
    let redis = Redis::with(&[&["--save", ""][..], &DEFAULT_GRACE].concat());
    let proxy = Proxy::start(&redis);
    ok(&mut redis.connect(), "ROOM.INVITE room:r ben");
    let mut seen = Vec::new();
    let mut said = 0;
    for _ in 0..20 {
        let mut ben = Client::login(proxy.port, "r", "ben");
        for _ in 0..3 {
            said += 1;
            ok(
                &mut redis.connect(),
                &format!("ROOM.PUBLISH room:r bot {}", text_of(said)),
            );
        }
        seen.extend(texts(&ben.messages_until(&text_of(said))));
        ben.confirm();
        said += 1;
        ben.drop_connection();
        eventually("the proxy has seen it go", || {
            (proxy.metric("roomcast_connections") == 0).then_some(())
        });
        ok(
            &mut redis.connect(),
            &format!("ROOM.PUBLISH room:r bot {}", text_of(said)),
        );
    }
    let mut ben = Client::login(proxy.port, "r", "ben");
    seen.extend(texts(&ben.messages_until(&text_of(said))));
    let expected: Vec<String> = (1..=said).map(text_of).collect();
    assert_eq!(seen, expected);
}
