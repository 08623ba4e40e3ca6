//! A connection's task, from the handshake to the goodbye.

use super::goodbye::say_goodbye;
use super::read::{Reader, Reading};
use super::shared::Conn;
use super::socket::Socket;
use hub_core::budget::purse::Purse;
use hub_core::budget::work;
use hub_core::client::Look;
use hub_core::pass::Token;
use std::sync::Arc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tracing::debug;

/// A client's usual event fits; a larger one takes some reads more. Each connection holds it all the time.
const READ_BUFFER: usize = 256;

/// What came with the handshake already.
#[derive(Debug, Default)]
pub(crate) struct Early {
    /// What came behind it.
    pub(crate) bytes: Vec<u8>,
    /// A token.
    pub(crate) token: Option<Token>,
}

/// What a connection begins with.
pub(crate) struct Start {
    pub(crate) early: Early,
    pub(crate) purse: Purse,
}

/// The way to its WebSocket, and a token that came with it.
fn open(
    reading: &Reading,
    conn: &Arc<Conn>,
    start: Start,
) -> (
    impl Future<Output = WebSocketStream<Socket>> + use<>,
    Option<Box<Look>>,
) {
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(64 * 1024)
        .max_message_size(Some(reading.max_event))
        .max_frame_size(Some(reading.max_event));
    let Start { early, mut purse } = start;
    purse.spend(work::UPGRADE);
    if early.token.is_some() {
        purse.spend(work::TOKEN);
    }
    let socket = Socket::new(conn.clone(), purse, &early.bytes);
    let opening =
        WebSocketStream::from_partially_read(socket, early.bytes, Role::Server, Some(limits));
    let look = early.token.map(Look::of_connection);
    (opening, look.map(Box::new))
}

/// Serves a connection until it ends; `held` is dropped then. What is needed at its begin only is boxed, and no future holds
/// another one that only waits for it: each connection would have place for it.
pub(crate) fn serve(
    reading: Arc<Reading>,
    conn: Arc<Conn>,
    start: Start,
    held: impl Send + 'static,
) -> impl Future<Output = ()> + Send + 'static {
    if let Ok(address) = conn.stream().peer_addr() {
        debug!(conn = conn.id(), %address, client = %conn.client, "connected");
    }
    let (opening, look) = open(&reading, &conn, start);
    let opening = Box::pin(opening);
    let mut reader = Reader::new(reading, conn.clone(), look);
    async move {
        let mut ws = opening.await;
        let why = tokio::select! {
            why = reader.read(&mut ws) => why,
            // It ends `read` by closing the connection.
            never = async { conn.drain().await; std::future::pending().await } => never,
        };
        match why {
            Some(why) => {
                let (code, reason) = (why.code(), why.reason());
                debug!(conn = conn.id(), code, reason, "closed");
            }
            None => debug!(conn = conn.id(), reason = "the client is gone", "closed"),
        }
        if let Some(why) = why {
            Box::pin(say_goodbye(&mut ws, &conn, why)).await;
        }
        reader.settle(&mut ws.get_mut().purse);
        // The rooms are told before the connection counts no more.
        drop(reader);
        drop(held);
    }
}
