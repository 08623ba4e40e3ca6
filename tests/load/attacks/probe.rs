//! Honest people in one room at human pace, and newcomers who look in: what they notice.

use crate::figures::at;
use harness::light::Light;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, interval, sleep, timeout};

/// Honest people in the room.
const PEOPLE: u64 = 5;
/// Between two messages of each.
const PACE: Duration = Duration::from_millis(250);
/// Between two newcomers, and how long one of them waits.
const NEWCOMERS: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two answers to those who ask who is there.
const GREETS_EVERY: Duration = Duration::from_secs(1);
/// How long messages may take to come in the end.
const LAST: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    port: u16,
    #[arg(long)]
    room: String,
    #[arg(long)]
    seconds: u64,
}

/// See the top of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Noticed {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Messages that were sent, and arrivals of them at honest people.
    pub(crate) sent: u64,
    pub(crate) arrived: u64,
    /// Connections of honest people that ended.
    pub(crate) ended: u64,
    /// Newcomers who got in, and who did not.
    pub(crate) came: u64,
    pub(crate) turned_away: u64,
}

impl Noticed {
    pub(super) fn read(printed: &[u8]) -> Self {
        serde_json::from_slice(printed).expect("what a probe noticed")
    }

    fn looked_in(&mut self, came: bool) {
        self.came += u64::from(came);
        self.turned_away += u64::from(!came);
    }

    /// Arrivals that there should have been.
    pub(super) fn missing(&self) -> u64 {
        (self.sent * PEOPLE).saturating_sub(self.arrived)
    }
}

/// What is noticed while it is noticed.
#[derive(Default)]
struct Noticing {
    latencies: Vec<f64>,
    noticed: Noticed,
}

type Shared = Arc<Mutex<Noticing>>;

pub(super) fn run(options: &Options) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let noticed = runtime.block_on(notice(options));
    println!("{}", serde_json::to_string(&noticed).expect("JSON"));
}

async fn notice(options: &Options) -> Noticed {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    let shared = Shared::default();
    let over = Instant::now() + Duration::from_secs(options.seconds);
    // All belong to the room before anybody speaks: then each is owed every message.
    for person in 0..PEOPLE {
        let came = looks_in(to, &options.room, &name(person)).await;
        assert!(came, "{} cannot come in", name(person));
    }
    let mut people = Vec::new();
    for person in 0..PEOPLE {
        let person = person_of(to, options.room.clone(), person, over, shared.clone());
        people.push(tokio::spawn(person));
    }
    newcomers(to, &options.room, over, &shared).await;
    for person in people {
        let _ = person.await;
    }
    let Noticing {
        latencies,
        mut noticed,
    } = std::mem::take(&mut *shared.lock().expect("figures"));
    noticed.arrived = latencies.len() as u64;
    [noticed.p50_ms, noticed.p99_ms] = at(latencies, [0.5, 0.99]);
    noticed
}

fn name(person: u64) -> String {
    format!("honest-{person}")
}

/// Comes, again where the connection ends, and talks until the time is over.
async fn person_of(to: SocketAddr, room: String, person: u64, over: Instant, shared: Shared) {
    let mut since = String::new();
    while Instant::now() < over {
        if talk(to, &room, person, over, &shared, &mut since)
            .await
            .is_err()
        {
            shared.lock().expect("figures").noticed.ended += 1;
            sleep(Duration::from_millis(500)).await;
        }
    }
}

async fn talk(
    to: SocketAddr,
    room: &str,
    person: u64,
    over: Instant,
    shared: &Shared,
    since: &mut String,
) -> io::Result<()> {
    let mut light = enter(to, room, &name(person), since).await?;
    let mut pace = interval(PACE);
    let mut greeted = Instant::now();
    while Instant::now() < over + LAST {
        tokio::select! {
            bytes = light.next() => hear(&bytes?, &mut light, shared, since, &mut greeted).await?,
            _ = pace.tick(), if Instant::now() < over => {
                light.send(&format!(r#"{{"event":"message","message":{}}}"#, now_us())).await?;
                shared.lock().expect("figures").noticed.sent += 1;
            }
            () = tokio::time::sleep_until(over + LAST) => {}
        }
    }
    Ok(())
}

async fn hear(
    bytes: &[u8],
    light: &mut Light,
    shared: &Shared,
    since: &mut String,
    greeted: &mut Instant,
) -> io::Result<()> {
    let event: serde_json::Value = serde_json::from_slice(bytes)?;
    match event["event"].as_str() {
        Some("heartbeat") => {
            light
                .send(r#"{"event":"heartbeat","message":"pong"}"#)
                .await?
        }
        Some("message") => {
            let sent = event["message"].as_u64().unwrap_or_default();
            let took = now_us().saturating_sub(sent) as f64 / 1000.0;
            shared.lock().expect("figures").latencies.push(took);
            event["position"]
                .as_str()
                .unwrap_or_default()
                .clone_into(since);
        }
        // A page of the demo greets whoever asks who is there, once a second for all of them.
        Some("hello") if event["ask"] == true && greeted.elapsed() >= GREETS_EVERY => {
            *greeted = Instant::now();
            light.send(r#"{"event":"hello"}"#).await?;
        }
        _ => {}
    }
    Ok(())
}

async fn enter(to: SocketAddr, room: &str, uid: &str, since: &str) -> io::Result<Light> {
    let mut light = Light::connect(to, "/ws", None).await?;
    let since = match since {
        "" => String::new(),
        since => format!(r#","since":"{since}""#),
    };
    let login = format!(r#"{{"event":"login","roomid":"{room}","uid":"{uid}"{since}}}"#);
    light.send(&login).await?;
    Ok(light)
}

/// Comes, waits until all that was missed is there, and goes. Whether that went well.
async fn looks_in(to: SocketAddr, room: &str, uid: &str) -> bool {
    let looks = async {
        let mut light = enter(to, room, uid, "").await?;
        while !light.next().await?.starts_with(br#"{"event":"synced""#) {}
        light.send(r#"{"event":"logout"}"#).await
    };
    matches!(timeout(PATIENCE, looks).await, Ok(Ok(())))
}

async fn newcomers(to: SocketAddr, room: &str, over: Instant, shared: &Shared) {
    let mut number = 0;
    while Instant::now() < over {
        number += 1;
        let uid = format!("newcomer-{}", number % 10);
        let came = looks_in(to, room, &uid).await;
        shared.lock().expect("figures").noticed.looked_in(came);
        sleep(NEWCOMERS).await;
    }
}

fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a clock after 1970").as_micros() as u64
}
