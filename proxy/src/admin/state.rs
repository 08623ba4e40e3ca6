//! What the page shows of this proxy: its nodes, numbers and limits.

use super::Admin;
use super::views::json_answer;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /data/state`.
pub(super) async fn state(State(admin): State<Arc<Admin>>) -> Response {
    let (metrics, link) = (&admin.metrics, &admin.link);
    let of_rooms = metrics.rooms();
    let nodes: Vec<Value> = link
        .nodes()
        .iter()
        .map(|node| json!({"node": node.node, "linked": node.linked, "slots": node.slots}))
        .collect();
    let sentinels = (metrics.sentinels.get(), metrics.sentinels_reachable.get());
    json_answer(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "name": admin.config.name,
        "redis_up": link.is_up(),
        "nodes": nodes,
        "slots_nowhere": metrics.slots_nowhere.get(),
        "sentinels": sentinels.0,
        "sentinels_reachable": sentinels.1,
        "connections": metrics.connections.get(),
        "rooms": of_rooms.rooms,
        "seats": of_rooms.seats,
        "limits": limits(&admin),
    }))
}

/// The options that bound something, with their values.
fn limits(admin: &Admin) -> Vec<Value> {
    let config = &*admin.config;
    let (limits, service, patience) = (&config.limits, &config.service, &config.patience);
    let numbers = [
        ("max-connections", limits.max_connections),
        ("max-rooms", limits.max_rooms),
        ("max-event", limits.max_event),
        ("max-rate", limits.max_rate as usize),
        ("work-per-address", limits.work_per_address as usize),
        ("work-per-uid", limits.work_per_uid as usize),
        ("memberships-per-uid", limits.memberships_per_uid as usize),
        (
            "memberships-per-address",
            limits.memberships_per_address as usize,
        ),
        (
            "publish-bytes-per-connection",
            limits.publish_bytes_per_connection as usize,
        ),
        (
            "publish-bytes-per-uid",
            limits.publish_bytes_per_uid as usize,
        ),
        (
            "publish-bytes-per-room",
            limits.publish_bytes_per_room as usize,
        ),
        ("max-bans", limits.max_bans),
        ("outbox", service.outbox),
        ("page", service.page),
        ("catch-ups", service.catch_ups),
        ("member-lists", service.member_lists),
        ("histories", service.histories),
        ("acks-per-second", service.acks_per_second as usize),
        ("api-requests", config.api.api_requests as usize),
    ];
    let times = [
        ("heartbeat", patience.heartbeat),
        ("dead-after", patience.dead_after),
        ("login-timeout", patience.login_timeout),
        ("write-timeout", patience.write_timeout),
        ("busy-timeout", limits.busy_timeout),
        ("lease", config.redis.lease),
        ("redis-timeout", config.redis.redis_timeout),
    ];
    let of_one = limits.max_per_address.map(|most| most.to_string());
    let of_one = of_one.unwrap_or_else(|| "half of what there may be".to_owned());
    let numbers = numbers.map(|(name, value)| (name, value.to_string()));
    let times = times.map(|(name, value)| (name, humantime::format_duration(value).to_string()));
    let all = numbers.into_iter().chain(times);
    let all = all.chain([("max-per-address", of_one)]);
    all.map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}
