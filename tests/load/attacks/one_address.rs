//! Two thousand people behind one address (a school, a network of phones) come back at once and talk, while somebody at the
//! same address attacks who has no token: with tokens, and without them where the proxy is open to all. A second proxy with
//! as many people, whom nobody attacks, is beside it.

use crate::crowd::{Crowd, Heard, Said, Talk, now_us};
use crate::figures::at;
use harness::process::free_port;
use harness::proxy::Proxy;
use harness::redis::Redis;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// People on each of the two proxies
    #[arg(long, default_value_t = 2000)]
    people: usize,
    /// How many of them share a room
    #[arg(long, default_value_t = 20)]
    together: usize,
    /// Seconds between two messages of one of them
    #[arg(long, default_value_t = 20)]
    every: u64,
    /// Seconds of talk
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What the attackers do, by its name in `attacks`
    #[arg(long, num_args = 1.., default_values_t = ["empty".to_owned(), "bursts".to_owned(), "no-login".to_owned()])]
    attack: Vec<String>,
}

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
/// How long what was said may take until it has come.
const LATE: Duration = Duration::from_secs(3);

/// What one of them says and hears.
struct People {
    together: usize,
    every: Duration,
    /// A token each, where they have one.
    tokens: Option<Vec<String>>,
    talks: AtomicBool,
    said: AtomicU64,
}

impl People {
    fn new(options: &Options, tokens: bool) -> Arc<Self> {
        let of = |client: usize| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let exp = now.expect("a clock after 1970").as_secs() + 3600;
            let claims = json!({"sub": uid(client), "exp": exp,
                "rooms": {"class-*": ["member", "read", "publish", "history"]}});
            encode(
                &Header::default(),
                &claims,
                &EncodingKey::from_secret(SECRET),
            )
            .expect("a token")
        };
        Arc::new(Self {
            together: options.together,
            every: Duration::from_secs(options.every),
            tokens: tokens.then(|| (0..options.people).map(of).collect()),
            talks: AtomicBool::new(false),
            said: AtomicU64::new(0),
        })
    }
}

fn uid(client: usize) -> String {
    format!("pupil-{client}")
}

impl Talk for People {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/ws", None)
    }

    fn hello(&self, client: usize, _: bool) -> Vec<Said> {
        let mut login =
            json!({"event": "login", "roomid": format!("class-{}", client / self.together)});
        match &self.tokens {
            Some(tokens) => login["token"] = json!(tokens[client]),
            None => login["uid"] = json!(uid(client)),
        }
        vec![Said::Text(login.to_string())]
    }

    fn heard(&self, _: usize, text: &[u8]) -> Heard {
        if text.starts_with(br#"{"event":"message""#) {
            Heard::messages(1)
        } else if text.starts_with(br#"{"event":"synced""#) {
            Heard::ready()
        } else if text.starts_with(br#"{"event":"heartbeat""#) {
            Heard::answer(r#"{"event":"heartbeat","message":"pong"}"#)
        } else {
            Heard::default()
        }
    }

    fn pause(&self) -> Option<Duration> {
        Some(self.every)
    }

    fn says(&self, _: usize, _: usize) -> Option<Said> {
        if !self.talks.load(Relaxed) {
            return None;
        }
        self.said.fetch_add(1, Relaxed);
        let text = format!(
            r#"{{"event":"message","message":"hello","t":{}}}"#,
            now_us()
        );
        Some(Said::Text(text))
    }

    /// As a page does whose connection ends.
    fn returns(&self) -> bool {
        true
    }
}

pub(crate) fn run(options: &Options) -> Value {
    println!(
        "{} people of one address, in rooms of {}\n\n{:>8} {:>10} {:>9} {:>9} {:>7} {:>7} {:>9} {:>9} {:>8} {:>7}",
        options.people,
        options.together,
        "login",
        "attack",
        "back, s",
        "control",
        "p99 ms",
        "control",
        "ratio",
        "missing",
        "refused",
        "ended"
    );
    let mut rows = Vec::new();
    for attack in &options.attack {
        for tokens in [true, false] {
            rows.push(row(options, attack, tokens));
        }
    }
    json!({"people": options.people, "seconds": options.seconds, "rows": rows})
}

/// A proxy and its people.
struct Side {
    proxy: Proxy,
    people: Arc<People>,
    crowd: Crowd,
}

impl Side {
    fn new(redis: &Redis, options: &Options, key: Option<&str>) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let with = key.map_or(Vec::new(), |key| vec!["--token-key", key]);
        let side = Self {
            proxy: Proxy::at(listen, &redis.url(), &with),
            people: People::new(options, key.is_some()),
            crowd: Crowd::new(),
        };
        // They belong to their rooms before it begins.
        side.come(options);
        side.crowd.go();
        side
    }

    fn come(&self, options: &Options) -> f64 {
        let took = self
            .crowd
            .come(self.proxy.port, options.people, true, &self.people);
        took.as_secs_f64()
    }

    fn talk(&self, yes: bool) {
        self.people.talks.store(yes, Relaxed);
    }

    /// The 99th percentile (ms), messages that somebody did not get, and connections that ended.
    fn noticed(&self, options: &Options) -> (f64, u64, u64) {
        let latencies =
            std::mem::take(&mut *self.crowd.counts.latencies.lock().expect("latencies"));
        let said = self.people.said.load(Relaxed);
        let missing = (said * options.together as u64).saturating_sub(latencies.len() as u64);
        let [p99] = at(latencies, [0.99]);
        (
            p99 / 1000.0,
            missing,
            self.crowd.counts.failed.load(Relaxed),
        )
    }
}

fn row(options: &Options, attack: &str, tokens: bool) -> Value {
    let redis = Redis::start();
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, SECRET).expect("a key");
    let key = tokens.then(|| key.to_str().expect("a path of text"));
    let (attacked, control) = (
        Side::new(&redis, options, key),
        Side::new(&redis, options, key),
    );
    let port = attacked.proxy.port.to_string();
    let longer = (options.seconds + 30).to_string();
    let arguments = [
        "attack",
        "--what",
        attack,
        "--port",
        &port,
        "--seconds",
        &longer,
        "--from",
        "127.0.0.1",
    ];
    let mut attackers = super::start(&arguments);
    sleep(Duration::from_secs(2));
    let refused = super::refused(&attacked.proxy);
    // One after the other: that 4,000 clients come at once is no server's fault.
    let (back, other_back) = (attacked.come(options), control.come(options));
    for side in [&attacked, &control] {
        side.talk(true);
    }
    sleep(Duration::from_secs(options.seconds));
    for side in [&attacked, &control] {
        side.talk(false);
    }
    sleep(LATE);
    let (p99, missing, ended) = attacked.noticed(options);
    let (other_p99, other_missing, _) = control.noticed(options);
    let refused = super::refused(&attacked.proxy) - refused;
    let _ = attackers.kill();
    let _ = attackers.wait();
    let ratio = p99 / other_p99;
    let login = if tokens { "token" } else { "open" };
    println!(
        "{login:>8} {attack:>10} {back:>9.2} {other_back:>9.2} {p99:>7.1} {other_p99:>7.1} {ratio:>9.2} {:>9} {refused:>8} {ended:>7}",
        format!("{missing}/{other_missing}"),
    );
    json!({"login": login, "attack": attack, "back_s": back, "control_back_s": other_back, "p99_ms": p99,
        "control_p99_ms": other_p99, "ratio": ratio, "missing": missing, "refused": refused, "ended": ended})
}
