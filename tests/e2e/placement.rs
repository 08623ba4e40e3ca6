//! All people of a room are sent to the same proxy, by the load balancers' configurations that the documentation gives.

use harness::balancer::{Balancer, Kind};
use harness::client::Client;
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::json;
use std::collections::BTreeSet;
use tungstenite::client::IntoClientRequest;

const ROOMS: usize = 24;
/// People of each room.
const EACH: usize = 3;
/// Loopback is where the balancer is; what it adds to requests says that it is no open door.
const OPTIONS: [&str; 3] = ["--open", "--trusted-proxies", "127.0.0.1"];

fn enter(balancer: &Balancer, room: &str, uid: &str) -> Client {
    let url = format!("ws://127.0.0.1:{}/ws?room={room}", balancer.port);
    let request = url.into_client_request().expect("a request");
    let (mut client, _) = Client::with_request(balancer.port, request);
    client.enter(room, uid);
    client
}

/// How many of the rooms each proxy has.
fn rooms(proxies: &[Proxy]) -> Vec<u64> {
    let rooms = proxies.iter().map(|proxy| proxy.metric("roomcast_rooms"));
    rooms.collect()
}

/// Somebody for each place in each room: those whose connection is over come again.
fn come(balancer: &Balancer, people: &mut [(String, String, Option<Client>)]) -> usize {
    let mut came = 0;
    for (room, uid, client) in people {
        if client.is_none() {
            *client = Some(enter(balancer, room, uid));
            came += 1;
        }
    }
    came
}

fn places_rooms(kind: Kind) {
    let redis = Redis::start();
    let mut proxies: Vec<Proxy> = (0..3).map(|_| Proxy::with(&redis, &OPTIONS)).collect();
    let ports: Vec<u16> = proxies.iter().map(|proxy| proxy.port).collect();
    let balancer = Balancer::start(kind, &ports);
    let mut people = Vec::new();
    for of_room in 0..EACH {
        for room in 0..ROOMS {
            people.push((format!("room{room}"), format!("u{of_room}"), None));
        }
    }
    assert_eq!(come(&balancer, &mut people), ROOMS * EACH);
    let before = rooms(&proxies);
    // A room whose people were at two proxies would be counted at both.
    assert_eq!(before.iter().sum::<u64>(), ROOMS as u64, "{before:?}");
    let shares: BTreeSet<bool> = before.iter().map(|of| *of > 0).collect();
    assert!(!shares.contains(&false), "all have some: {before:?}");

    // One dies: its rooms come together again elsewhere, and the others stay where they are.
    let dead = proxies.remove(0);
    let its_own = before[0];
    drop(dead);
    let mut ended = 0;
    for (_, uid, client) in &mut people {
        let text = format!("{uid} is still here");
        let of = client.as_mut().expect("somebody");
        of.send_if_open(&json!({"event": "message", "message": text}));
        if of.try_messages_until(&text).is_none() {
            *client = None;
            ended += 1;
        }
    }
    assert_eq!(
        ended as u64,
        its_own * EACH as u64,
        "only its people had to go"
    );
    come(&balancer, &mut people);
    eventually("each room is whole", || {
        let now = rooms(&proxies);
        let grown = now
            .iter()
            .zip(&before[1..])
            .all(|(now, before)| now >= before);
        (grown && now.iter().sum::<u64>() == ROOMS as u64).then_some(())
    });
}

#[test]
fn haproxy_sends_a_room_to_one_proxy() {
    places_rooms(Kind::Haproxy);
}

#[test]
fn nginx_sends_a_room_to_one_proxy() {
    places_rooms(Kind::Nginx);
}
