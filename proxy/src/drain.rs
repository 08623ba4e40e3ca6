//! The end of the proxy, in its order: it says that it is not ready, takes nobody in, says goodbye to one client after the
//! other, and reports what they confirmed. Each step has its time, after which the next one comes.

use crate::inbox::Input;
use crate::notify;
use crate::server::Server;
use hub_core::close::Close;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{info, warn};

/// How long clients may take to go after the last goodbye, and the last reports after that.
const GO_WITHIN: Duration = Duration::from_secs(2);
const REPORT_WITHIN: Duration = Duration::from_secs(3);

/// See the top of the file.
pub(crate) async fn drain(server: &Server) {
    // From here on nobody is added.
    server.close_door();
    notify::stopping();
    let within = server.config.drain;
    info!(connections = server.connections(), ?within, "stopping");
    let gone = async {
        say_goodbye(server, within).await;
        while server.connections() > 0 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let answered = async {
        if let Some(api) = &server.api {
            api.finish().await;
        }
    };
    let both = async { tokio::join!(gone, answered) };
    if timeout(within + GO_WITHIN, both).await.is_err() {
        let connections = server.connections();
        info!(connections, "the last ones are not waited for");
    }
    if timeout(REPORT_WITHIN, report(server)).await.is_err() {
        warn!("not everything that clients confirmed could be reported");
    }
}

/// Says goodbye to all, spread evenly over this time: they do not all come to the next proxy at the same moment. What each of
/// them confirmed is reported when it goes.
async fn say_goodbye(server: &Server, within: Duration) {
    let conns = server.weak_conns();
    let (began, many) = (Instant::now(), conns.len().max(1) as f64);
    for (number, conn) in conns.into_iter().enumerate() {
        let due = began + within.mul_f64(number as f64 / many);
        if due > Instant::now() {
            sleep_until(due).await;
        }
        if let Some(conn) = conn.upgrade() {
            conn.close(Close::GoingAway);
        }
    }
}

/// Where each device was, what was confirmed, and the ends of sessions: to Redis, and answered by it.
async fn report(server: &Server) {
    let all: Vec<oneshot::Receiver<()>> = server
        .inboxes()
        .all()
        .iter()
        .map(|inbox| {
            let (answer, answered) = oneshot::channel();
            inbox.push(Input::Stop(answer));
            answered
        })
        .collect();
    for reported in all {
        // A worker that is gone has nothing to report.
        let _ = reported.await;
    }
}
