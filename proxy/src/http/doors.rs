//! The ports, each on a thread of its own where what is done for it may not hold up the link or rooms. They are served for ever.

use super::listen::{apart, listen, listen_admin, listen_api};
use crate::admin::Admin;
use crate::server::Server;
use rustls::ServerConfig;
use std::future::pending;
use std::io;
use std::sync::Arc;
use tokio::net::TcpListener;

type Tls = Option<Arc<ServerConfig>>;

/// Lets browsers in.
///
/// # Errors
/// If a thread cannot be started; as of the others.
pub(crate) async fn public(listener: TcpListener, server: Arc<Server>, tls: Tls) -> io::Result<()> {
    let Some(tls) = tls else {
        listen(listener, server, None).await;
        return Ok(());
    };
    // A handshake takes up to a millisecond, for which neither the link nor rooms wait.
    apart(listener, "door", |listener| {
        listen(listener, server, Some(tls))
    })
    .await
}

/// Lets backends in.
pub(crate) async fn api(
    listener: Option<TcpListener>,
    server: Arc<Server>,
    tls: Tls,
) -> io::Result<()> {
    let Some(listener) = listener else {
        return pending().await;
    };
    apart(listener, "api", |listener| {
        listen_api(listener, server, tls)
    })
    .await
}

/// Lets those in who look after this program.
pub(crate) async fn admin(
    listener: Option<TcpListener>,
    server: Arc<Server>,
    admin: Option<Arc<Admin>>,
) -> io::Result<()> {
    let (Some(listener), Some(admin)) = (listener, admin) else {
        return pending().await;
    };
    let serve = |listener| async move {
        let listened = listen_admin(listener, server, admin.clone());
        tokio::join!(listened, admin.work());
    };
    apart(listener, "admin", serve).await
}
