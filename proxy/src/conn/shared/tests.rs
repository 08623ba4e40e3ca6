//! The shared half over real sockets.

use super::*;
use hub_core::handle::{Handle, Push, Pushed};
use std::io::Read;

async fn pair(limit: usize) -> (ConnHandle, std::net::TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let stream = listener.accept().await.unwrap().0;
    (
        ConnHandle(Arc::new(Conn::new(
            1,
            Wire::plain(stream),
            IpAddr::from([127, 0, 0, 1]),
            limit,
            10_000,
        ))),
        client,
    )
}

#[tokio::test]
async fn a_full_connection_takes_answers_only_and_tells_when_it_is_low() {
    let (conn, mut client) = pair(100_000).await;
    let frames = Bytes::from(vec![b'x'; 50_000]);
    let mut taken = 0;
    while conn.push(10_000, &frames, Push::Live { asks: false }) != Pushed::Full {
        taken += 1;
    }
    assert_eq!(
        conn.push(10_000, &frames, Push::Page { asks: true }),
        Pushed::Full
    );
    assert_eq!(
        conn.push(10_000, &frames, Push::Answer),
        Pushed::Taken(1),
        "an answer is taken in any case"
    );
    let shared = conn.0.clone();
    tokio::spawn(async move { shared.drain().await });
    let reading = std::thread::spawn(move || {
        let mut all = vec![0; 50_000 * (taken + 1)];
        client.read_exact(&mut all).unwrap();
        client
    });
    tokio::time::timeout(std::time::Duration::from_secs(10), conn.0.news.notified())
        .await
        .unwrap();
    assert!(conn.0.take_news().low);
    drop(reading.join().unwrap());
}

#[tokio::test]
async fn a_pause_of_this_process_is_not_the_clients_silence() {
    let (conn, _client) = pair(1000).await;
    let patience = Patience::in_seconds(1, 2, 60, 60);
    assert_eq!(conn.0.tick(16_000, 6_000, &patience), None);
    let given_up = conn.0.tick(18_500, 0, &patience);
    assert_eq!(given_up, Some(GivenUp::Silent));
    assert_eq!(conn.0.tick(19_000, 0, &patience), None, "dead once");
}

#[tokio::test]
async fn nothing_follows_a_goodbye() {
    let (conn, mut client) = pair(100_000).await;
    let frame = |text: &'static str| Bytes::from_static(text.as_bytes());
    conn.0.say(&frame("before "));
    conn.0.say_last(&frame("goodbye"));
    conn.0.say(&frame("after"));
    let live = Push::Live { asks: true };
    assert_eq!(conn.push(20_000, &frame("after"), live), Pushed::Gone);
    let patience = Patience::in_seconds(1, 60, 60, 60);
    assert_eq!(conn.0.tick(15_000, 0, &patience), None, "and no ping");
    conn.0.end();
    drop(conn);
    let mut all = String::new();
    client.read_to_string(&mut all).unwrap();
    assert_eq!(all, "before goodbye");
}
