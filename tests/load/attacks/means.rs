//! What attackers do: one function each, for one connection.

use super::attackers::Way;
use harness::light::{Light, PING, PONG, TEXT};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

type Attack = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// How many connections do what.
pub(super) struct Means {
    pub(super) sockets: usize,
    pub(super) how: fn(Way, usize) -> Attack,
}

/// All attacks.
pub(super) const NAMES: [&str; 12] = [
    "pings",
    "pongs",
    "empty",
    "handshakes",
    "no-login",
    "unread",
    "bursts",
    "large",
    "rooms",
    "fields",
    "queues",
    "hello",
];

pub(super) fn means(name: &str) -> Option<Means> {
    let (sockets, how): (_, fn(Way, usize) -> Attack) = match name {
        "pings" => (20, |way, _| Box::pin(frames(way, PING, vec![0; 125]))),
        "pongs" => (20, |way, _| Box::pin(frames(way, PONG, Vec::new()))),
        "empty" => (20, |way, _| Box::pin(frames(way, TEXT, Vec::new()))),
        "handshakes" => (1000, |way, _| Box::pin(handshake(way))),
        "no-login" => (1140, |way, _| Box::pin(no_login(way))),
        "unread" => (1140, |way, number| Box::pin(unread(way, number))),
        "bursts" => (20, |way, number| Box::pin(burst(way, number))),
        "large" => (20, |way, number| Box::pin(large(way, number))),
        "rooms" => (20, |way, number| Box::pin(rooms(way, number))),
        "fields" => (20, |way, number| Box::pin(fields(way, number))),
        "queues" => (300, |way, number| Box::pin(queue(way, number))),
        "hello" => (20, |way, number| Box::pin(hello(way, number))),
        _ => return None,
    };
    Some(Means { sockets, how })
}

async fn connect(way: Way) -> io::Result<Light> {
    Light::over(way.connect().await?, way.to, "/ws", None).await
}

async fn login(way: Way, room: &str, number: usize) -> io::Result<Light> {
    let mut light = connect(way).await?;
    let login = format!(r#"{{"event":"login","roomid":"{room}","uid":"mallory-{number}"}}"#);
    light.send(&login).await?;
    Ok(light)
}

/// Writes the same again and again as fast as it is taken, and reads whatever comes. Returns at the end of the connection.
async fn flood(light: Light, bytes: Vec<u8>) -> io::Result<()> {
    let (mut reads, mut writes) = light.into_stream().into_split();
    let read = async {
        let mut some = vec![0; 64 * 1024];
        while reads.read(&mut some).await? > 0 {}
        io::Result::Ok(())
    };
    let write = async {
        loop {
            writes.write_all(&bytes).await?;
        }
    };
    tokio::select! {
        ended = read => ended,
        ended = write => ended,
    }
}

/// Reads and says nothing.
async fn listen(mut light: Light) -> io::Result<()> {
    loop {
        light.next().await?;
    }
}

async fn frames(way: Way, opcode: u8, payload: Vec<u8>) -> io::Result<()> {
    let light = login(way, "den", 0).await?;
    flood(light, Light::frame(opcode, &payload).repeat(100)).await
}

/// A request that comes byte by byte.
async fn handshake(way: Way) -> io::Result<()> {
    let mut stream = way.connect().await?;
    for byte in b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
        .iter()
        .chain(std::iter::repeat_n(&b'x', 1000))
    {
        stream.write_all(&[*byte]).await?;
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

async fn no_login(way: Way) -> io::Result<()> {
    let mut light = connect(way).await?;
    while light.next().await.is_ok() {}
    Ok(())
}

/// Asks for the whole log and reads nothing.
async fn unread(way: Way, number: usize) -> io::Result<()> {
    let mut light = login(way, "den", number).await?;
    let text = format!(r#"{{"event":"message","message":"{}"}}"#, "x".repeat(2000));
    loop {
        light.send(&text).await?;
        light.send(r#"{"event":"members"}"#).await?;
        sleep(Duration::from_millis(500)).await;
    }
}

/// As much as a new connection may say, and then a new connection.
async fn burst(way: Way, number: usize) -> io::Result<()> {
    let mut light = login(way, "den", number).await?;
    let text = format!(r#"{{"event":"message","message":"{}"}}"#, "x".repeat(500));
    for _ in 0..1900 {
        light.send(&text).await?;
    }
    let ends = async { while light.next().await.is_ok() {} };
    let _ = timeout(Duration::from_millis(200), ends).await;
    Ok(())
}

/// Large events that are not stored, to everybody in a room of a hundred of them.
async fn large(way: Way, number: usize) -> io::Result<()> {
    let mut seats = Vec::new();
    for seat in 0..5 {
        let light = login(way, "large", 100 * number + seat).await?;
        seats.push(tokio::spawn(listen(light)));
    }
    let light = login(way, "large", 100 * number + 99).await?;
    let text = format!(r#"{{"event":"shout","text":"{}"}}"#, "x".repeat(60_000));
    let ended = flood(light, Light::frame(TEXT, text.as_bytes())).await;
    for seat in seats {
        seat.abort();
    }
    ended
}

/// Ever new rooms.
async fn rooms(way: Way, number: usize) -> io::Result<()> {
    let mut light = connect(way).await?;
    let salt = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), number);
    for room in 0_u64.. {
        let room = format!("{salt:x}-{room}");
        light
            .send(&format!(
                r#"{{"event":"login","roomid":"{room}","uid":"mallory-{number}"}}"#
            ))
            .await?;
        light
            .send(&format!(
                r#"{{"event":"message","roomid":"{room}","message":"x"}}"#
            ))
            .await?;
        light
            .send(&format!(r#"{{"event":"logout","roomid":"{room}"}}"#))
            .await?;
        while light.has_more() {
            light.next().await?;
        }
        if room.ends_with("00") {
            sleep(Duration::from_millis(1)).await;
        }
        tokio::select! {
            read = light.read_some(64 * 1024) => read?,
            () = std::future::ready(()) => {}
        }
    }
    Ok(())
}

/// Events with seven thousand fields.
async fn fields(way: Way, number: usize) -> io::Result<()> {
    let light = login(way, "den", number).await?;
    let fields: String = (0..7000).map(|field| format!(r#","{field}":1"#)).collect();
    let text = format!(r#"{{"event":"message","message":"x"{fields}}}"#);
    flood(light, Light::frame(TEXT, text.as_bytes())).await
}

/// Does not read what it is sent in a room that others fill.
async fn queue(way: Way, number: usize) -> io::Result<()> {
    let mut light = login(way, "full", number).await?;
    let text = format!(
        r#"{{"event":"message","message":"{}"}}"#,
        "x".repeat(50_000)
    );
    loop {
        if number < 5 {
            light.send(&text).await?;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Strangers who ask the honest people's pages who is there.
async fn hello(way: Way, number: usize) -> io::Result<()> {
    let light = login(way, "honest", number).await?;
    flood(
        light,
        Light::frame(TEXT, br#"{"event":"hello","ask":true}"#),
    )
    .await
}
