//! Thousands come back at once: Redis is asked for each page once, not once for each client.

use harness::light::Light;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{field, int, ok};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

const CLIENTS: usize = 5000;
const ROOMS: usize = 10;
const MISSED: usize = 50;
/// Pages that hold what was missed, and one more for what may be cut by where pages begin.
const PAGES: u64 = 2;
/// Connections that are made side by side: a server's queue of new ones is short.
const AT_ONCE: usize = 200;
/// How long all of it may take.
const DEADLINE: Duration = Duration::from_secs(120);

fn room(client: usize) -> usize {
    client % ROOMS
}

/// Logs in and reads until the missed messages have come; how many did, if they came in order.
async fn come(port: u16, client: usize) -> std::io::Result<(Light, usize)> {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut light = Light::connect(to, "/ws", None).await?;
    let login = format!(
        r#"{{"event":"login","roomid":"{}","uid":"u{client}","ack":"client"}}"#,
        room(client)
    );
    light.send(&login).await?;
    let mut messages = 0;
    loop {
        let event: serde_json::Value = serde_json::from_slice(&light.next().await?)?;
        match event["event"].as_str() {
            Some("message") => {
                assert_eq!(event["message"], messages.to_string(), "in order");
                messages += 1;
            }
            Some("synced") => return Ok((light, messages)),
            Some("error") => panic!("{event}"),
            _ => {}
        }
    }
}

async fn all_come(port: u16) -> Vec<(Light, usize)> {
    let limit = std::sync::Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let coming: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let limit = limit.clone();
            tokio::spawn(async move {
                let _turn = limit.acquire().await;
                come(port, client).await.expect("a connection")
            })
        })
        .collect();
    let mut all = Vec::new();
    for one in coming {
        all.push(one.await.expect("a client"));
    }
    all
}

#[test]
fn five_thousand_come_back_through_another_proxy() {
    let redis = Redis::start();
    let (mut first, second) = (Proxy::start(&redis), Proxy::start(&redis));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let come = |port| tokio::time::timeout(DEADLINE, all_come(port));
        let online = come(first.port).await.expect("logins in time");
        assert!(online.iter().all(|(_, messages)| *messages == 0));
        first.kill();
        for room in 0..ROOMS {
            let mut pipe = redis::pipe();
            for i in 0..MISSED {
                let text = format!(r#"{{"event":"message","message":"{i}"}}"#);
                pipe.cmd("ROOM.PUBLISH")
                    .arg(format!("room:{room}"))
                    .arg("bot")
                    .arg(text)
                    .ignore();
            }
            pipe.query::<()>(&mut redis.connect()).expect("messages");
        }
        let back = come(second.port).await.expect("all back in time");
        assert!(back.iter().all(|(_, messages)| *messages == MISSED));
        drop(online);
    });
    let reads = second.metric("roomcast_redis_ranges_total");
    assert!(
        reads <= PAGES * ROOMS as u64,
        "{reads} reads of the log for {CLIENTS} clients in {ROOMS} rooms"
    );
    let info = ok(&mut redis.connect(), "ROOM.INFO room:0");
    assert_eq!(int(&field(&info, "members")), (CLIENTS / ROOMS) as i64);
}
