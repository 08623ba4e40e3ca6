//! Connections of one person each that are in many rooms, and confirm every message at once.

use harness::light::Light;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::Result;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// How long all may take to come.
const PATIENCE: Duration = Duration::from_secs(120);

/// Logs in to these rooms; returns when all have let it in.
pub(crate) async fn enter(port: u16, uid: &str, rooms: impl Iterator<Item = usize>) -> Light {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut light = Light::connect(to, "/ws", None).await.expect("a connection");
    let mut left = HashSet::new();
    for room in rooms {
        let login =
            json!({"event": "login", "roomid": room.to_string(), "uid": uid, "ack": "client"});
        light.send(&login.to_string()).await.expect("a login");
        left.insert(room.to_string());
    }
    let began = Instant::now();
    while !left.is_empty() {
        assert!(began.elapsed() < PATIENCE, "all rooms are entered");
        let bytes = light.next().await.expect("an event");
        let event: Value = serde_json::from_slice(&bytes).expect("JSON");
        if event["event"] == "synced" {
            left.remove(event["roomid"].as_str().unwrap_or_default());
        }
    }
    light
}

/// Confirms what comes, until the connection ends.
pub(crate) async fn confirm_all(mut light: Light) {
    while confirm(&mut light).await.is_ok() {}
}

async fn confirm(light: &mut Light) -> Result<()> {
    let event: Value = serde_json::from_slice(&light.next().await?).expect("JSON");
    if event["event"] != "message" {
        return Ok(());
    }
    let ack = json!({"event": "ack", "roomid": event["roomid"], "position": event["position"]});
    light.send(&ack.to_string()).await
}
