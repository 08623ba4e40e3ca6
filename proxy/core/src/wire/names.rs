//! Names that only the server uses.

/// Events that only the server sends; from a client they are `BADEVENT`.
pub const SERVER_EVENTS: [&str; 11] = [
    "synced",
    "sent",
    "lost",
    "reset",
    "kicked",
    "error",
    "presence",
    "position",
    "heartbeat-timeout",
    "closing",
    "pong",
];

/// Whether only the server sets this field.
pub fn is_server_field(name: &[u8]) -> bool {
    matches!(
        name,
        b"seq"
            | b"position"
            | b"ts"
            | b"uid"
            | b"roomid"
            | b"total"
            | b"num"
            | b"event"
            | b"duplicate"
    )
}

/// Whether an event that is passed on may not have this name: a client could take it for the server's, or for a stored
/// message.
pub fn is_reserved(event: &str) -> bool {
    SERVER_EVENTS.contains(&event)
        || matches!(
            event,
            "message"
                | "login"
                | "logout"
                | "leave"
                | "heartbeat"
                | "ack"
                | "members"
                | "history"
                | "refresh"
                | ""
        )
}
