//! 2,000 clients of a proxy that is replaced go on at another one: each has each message of its room once, in order.

use harness::light::Light;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};
use std::io::{ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

const CLIENTS: usize = 2000;
const ROOMS: usize = 40;
/// Connections that are made side by side: a server's queue of new ones is short.
const AT_ONCE: usize = 100;
/// Each client confirms what it has after so many messages.
const CONFIRMED: u64 = 10;
/// How long all of it may take.
const DEADLINE: Duration = Duration::from_secs(120);

/// How far it is: everybody is there; the old proxy is gone.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Stage {
    Coming,
    Talking,
    Moved,
}

struct Shared {
    ports: [u16; 2],
    turns: Semaphore,
    here: AtomicUsize,
    /// Who was told that the connection ends.
    told: AtomicUsize,
    stage: watch::Sender<Stage>,
}

/// One of them, over all its connections.
struct Person {
    number: usize,
    /// The last message that it has: its number, and its position.
    seq: u64,
    position: Option<String>,
    sent: bool,
    was_told: bool,
    done: bool,
}

impl Person {
    fn uid(&self) -> String {
        format!("u{}", self.number)
    }

    async fn connect(&self, shared: &Shared) -> Result<Light> {
        let mut failed = None;
        for port in shared.ports {
            let _turn = shared.turns.acquire().await;
            let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            match Light::connect(to, "/ws", None).await {
                Ok(light) => return Ok(light),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| ErrorKind::NotConnected.into()))
    }

    /// Until the connection ends, or all has come.
    async fn talk(&mut self, light: &mut Light, shared: &Shared) -> Result<()> {
        let room = self.number % ROOMS;
        let mut login = json!({"event": "login", "roomid": room.to_string(), "uid": self.uid(), "ack": "client"});
        if let Some(position) = &self.position {
            login["since"] = position.as_str().into();
        }
        light.send(&login.to_string()).await?;
        let mut stage = shared.stage.subscribe();
        loop {
            let talks = *stage.borrow_and_update() >= Stage::Talking;
            if talks && !self.sent && self.position.is_some() {
                // Each at its own time, before, in and after the goodbyes.
                sleep(Duration::from_millis(self.number as u64 * 3 / 2)).await;
                let id = self.uid();
                let said = json!({"event": "message", "message": self.number, "id": id});
                light.send(&said.to_string()).await?;
                self.read_until(light, |person| person.sent, shared).await?;
            }
            tokio::select! {
                event = light.next() => self.take(&event?, light, shared).await?,
                _ = stage.changed() => {}
            }
            if self.done && self.sent {
                return Ok(());
            }
        }
    }

    async fn read_until(
        &mut self,
        light: &mut Light,
        done: impl Fn(&Self) -> bool,
        shared: &Shared,
    ) -> Result<()> {
        while !done(self) {
            let event = light.next().await?;
            self.take(&event, light, shared).await?;
        }
        Ok(())
    }

    async fn take(&mut self, event: &[u8], light: &mut Light, shared: &Shared) -> Result<()> {
        let event: Value = serde_json::from_slice(event)?;
        match event["event"].as_str().unwrap_or_default() {
            "message" => {
                let seq = event["seq"].as_u64().unwrap_or_default();
                assert_eq!(
                    seq,
                    self.seq + 1,
                    "{}: once, in order: {event}",
                    self.number
                );
                self.seq = seq;
                self.position = event["position"].as_str().map(str::to_owned);
                self.done |= event["message"] == "end";
                if seq.is_multiple_of(CONFIRMED) {
                    let ack = json!({"event": "ack", "position": self.position});
                    light.send(&ack.to_string()).await?;
                }
            }
            "synced" if self.position.is_none() => {
                self.position = event["position"].as_str().map(str::to_owned);
                shared.here.fetch_add(1, Ordering::Relaxed);
            }
            "sent" => self.sent = true,
            "closing" => {
                assert!(!std::mem::replace(&mut self.was_told, true), "once");
                shared.told.fetch_add(1, Ordering::Relaxed);
            }
            "heartbeat" => {
                light
                    .send(r#"{"event":"heartbeat","message":"pong"}"#)
                    .await?
            }
            "lost" | "reset" | "error" | "kicked" => panic!("{}: {event}", self.number),
            _ => {}
        }
        Ok(())
    }
}

async fn live(number: usize, shared: Arc<Shared>) -> usize {
    let mut person = Person {
        number,
        seq: 0,
        position: None,
        sent: false,
        was_told: false,
        done: false,
    };
    let mut connections = 0;
    loop {
        if let Ok(mut light) = person.connect(&shared).await {
            connections += 1;
            match person.talk(&mut light, &shared).await {
                Ok(()) => return connections,
                Err(error) => {
                    // What came before it ended is read, where the end was seen by writing.
                    while let Ok(event) = light.next().await {
                        let _ = person.take(&event, &mut light, &shared).await;
                    }
                    assert!(person.was_told, "{number}: without a word: {error}");
                }
            }
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Says something in each room, again and again, and a last word when all have moved.
async fn announce(redis: redis::Client, mut stage: watch::Receiver<Stage>) -> u64 {
    let mut connection = redis
        .get_multiplexed_async_connection()
        .await
        .expect("Redis");
    let _ = stage.wait_for(|stage| *stage >= Stage::Talking).await;
    let mut said = 0;
    loop {
        let is_last = *stage.borrow() == Stage::Moved;
        let text = if is_last { json!("end") } else { json!(said) };
        let mut pipe = redis::pipe();
        for room in 0..ROOMS {
            let payload = json!({"event": "message", "message": text});
            pipe.cmd("ROOM.PUBLISH")
                .arg(format!("room:{room}"))
                .arg("bot")
                .arg(payload.to_string())
                .ignore();
        }
        pipe.query_async::<()>(&mut connection)
            .await
            .expect("messages");
        said += 1;
        if is_last {
            return said;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn two_thousand_clients_lose_nothing_when_their_proxy_is_replaced() {
    let redis = Redis::start();
    let mut old = Proxy::with(&redis, &["--drain", "2s"]);
    let new = Proxy::start(&redis);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let shared = Arc::new(Shared {
            ports: [old.port, new.port],
            turns: Semaphore::new(AT_ONCE),
            here: AtomicUsize::new(0),
            told: AtomicUsize::new(0),
            stage: watch::Sender::new(Stage::Coming),
        });
        let client = redis::Client::open(redis.url()).expect("an address");
        let announcing = tokio::spawn(announce(client, shared.stage.subscribe()));
        let living: Vec<_> = (0..CLIENTS)
            .map(|number| tokio::spawn(live(number, shared.clone())))
            .collect();
        let all = async {
            while shared.here.load(Ordering::Relaxed) < CLIENTS {
                sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(old.metric("roomcast_connections"), CLIENTS as u64);
            shared.stage.send_replace(Stage::Talking);
            sleep(Duration::from_millis(500)).await;
            old.process().signal("TERM");
            while old.ended().is_none() {
                sleep(Duration::from_millis(20)).await;
            }
            shared.stage.send_replace(Stage::Moved);
            let said = announcing.await.expect("messages");
            for one in living {
                assert_eq!(one.await.expect("a client"), 2, "it moved once");
            }
            said
        };
        let said = timeout(DEADLINE, all).await.expect("all in time");
        assert_eq!(shared.told.load(Ordering::Relaxed), CLIENTS);
        assert_eq!(old.ended(), Some(0));
        for room in 0..ROOMS {
            let log = harness::value::ok(&mut redis.connect(), &format!("ROOM.INFO room:{room}"));
            let head = harness::value::text(&harness::value::field(&log, "head"));
            let seq = head.split('-').next().and_then(|seq| seq.parse().ok());
            assert_eq!(
                seq,
                Some(said + (CLIENTS / ROOMS) as u64),
                "each was stored once"
            );
        }
    });
}
