//! How a connection is closed: whoever may come back is told when, then the handshake of RFC 6455.

use super::shared::Conn;
use super::socket::Socket;
use futures_util::StreamExt;
use hub_core::close::Close;
use hub_core::events;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// How long a closing handshake may take.
const CLOSING: Duration = Duration::from_secs(2);
/// What is read of a connection that is being closed: work, and frames. The client's goodbye should be in it.
const FAREWELL: (u64, u32) = (20_000, 1000);

/// See the top of the file.
pub(super) async fn say_goodbye(ws: &mut WebSocketStream<Socket>, conn: &Conn, why: Close) {
    let frame = CloseFrame {
        code: CloseCode::from(why.code()),
        reason: why.reason().into(),
    };
    ws.get_mut().purse.lend(FAREWELL.0, FAREWELL.1);
    if why.reconnect() {
        conn.say(&events::closing(why.after()));
    }
    let handshake = async {
        let _ = ws.close(Some(frame)).await;
        let mut heard = false;
        while let Some(Ok(message)) = ws.next().await {
            heard |= message.is_close();
        }
        if !heard {
            pass_over(ws.get_mut()).await;
        }
    };
    tokio::select! {
        _ = timeout(CLOSING, handshake) => {}
        () = conn.drain() => {}
    }
}

/// Reads what follows something that cannot be understood, until the client has gone. Left unread it would make the end a
/// reset, by which the client may lose our reason, and come back with the same again.
async fn pass_over(socket: &mut Socket) {
    let mut some = [0; 1024];
    while matches!(socket.read(&mut some).await, Ok(1..)) {}
}
