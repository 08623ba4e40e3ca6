//! What the page shows of this proxy: its nodes, numbers and limits.

use super::Admin;
use super::views::json_answer;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

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
    let time = |time: Duration| humantime::format_duration(time).to_string();
    let number = |number: u64| number.to_string();
    let per_address = config
        .limits
        .max_per_address
        .map_or_else(|| "half of what there may be".to_owned(), |n| n.to_string());
    let all = [
        (
            "max-connections",
            number(config.limits.max_connections as u64),
        ),
        ("max-per-address", per_address),
        ("max-rooms", number(config.limits.max_rooms as u64)),
        ("max-event", number(config.limits.max_event as u64)),
        ("max-rate", number(config.limits.max_rate.into())),
        (
            "work-per-address",
            number(config.limits.work_per_address.into()),
        ),
        ("work-per-uid", number(config.limits.work_per_uid.into())),
        (
            "memberships-per-uid",
            number(config.limits.memberships_per_uid.into()),
        ),
        (
            "memberships-per-address",
            number(config.limits.memberships_per_address.into()),
        ),
        (
            "publish-bytes-per-connection",
            number(config.limits.publish_bytes_per_connection.into()),
        ),
        (
            "publish-bytes-per-uid",
            number(config.limits.publish_bytes_per_uid.into()),
        ),
        (
            "publish-bytes-per-room",
            number(config.limits.publish_bytes_per_room.into()),
        ),
        ("outbox", number(config.service.outbox as u64)),
        ("page", number(config.service.page as u64)),
        ("catch-ups", number(config.service.catch_ups as u64)),
        ("member-lists", number(config.service.member_lists as u64)),
        ("histories", number(config.service.histories as u64)),
        (
            "acks-per-second",
            number(config.service.acks_per_second.into()),
        ),
        ("max-bans", number(config.limits.max_bans as u64)),
        ("api-requests", number(config.api.api_requests.into())),
        ("heartbeat", time(config.patience.heartbeat)),
        ("dead-after", time(config.patience.dead_after)),
        ("login-timeout", time(config.patience.login_timeout)),
        ("write-timeout", time(config.patience.write_timeout)),
        ("busy-timeout", time(config.limits.busy_timeout)),
        ("lease", time(config.redis.lease)),
        ("redis-timeout", time(config.redis.redis_timeout)),
    ];
    let row = |(name, value): (&str, String)| json!({"name": name, "value": value});
    all.into_iter().map(row).collect()
}
