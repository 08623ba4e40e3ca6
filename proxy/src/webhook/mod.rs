//! Tells a backend that mail waits for somebody who is away, by posts as Standard Webhooks has them: at least once, normally once.
//!
//! Redis is the queue: it says who waits and leases them to whoever asks first (`ROOM.WAITING`), and forgets that when it is told so
//! (`ROOM.TOLD`). What is not told when its lease ends is leased once more, under the same id.
//!
//! | file | what it holds |
//! |---|---|
//! | `rows` | who waits, as Redis says it, and the id of a telling |
//! | `secrets` | the secrets, and signing |
//! | `post` | a post, and what its answer means |
//! | `tries` | since when something is tried in vain, and how long to wait |
//! | `ledger` | what Redis is asked and told |
//! | `worker` | leasing, posting, saying that it is told |
//! | `figures` | what is counted |

pub(crate) mod figures;
mod ledger;
pub(crate) mod post;
mod rows;
pub(crate) mod secrets;
mod tries;
pub(crate) mod worker;

use crate::config::webhook::WebhookOptions;
use crate::watched::Watched;
use post::Receiver;
use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use worker::Worker;

/// Who is told, if anybody is.
///
/// # Errors
/// With a sentence about an option or its file.
pub(crate) fn receiver(options: &WebhookOptions) -> Result<Option<Receiver>, String> {
    let (url, file) = (&options.webhook, &options.webhook_secret_file);
    let Some((url, file)) = url.as_ref().zip(file.as_ref()) else {
        return Ok(None);
    };
    let what = "secrets of the webhook";
    let secrets = Watched::open("--webhook-secret-file", file, what, secrets::parse)?;
    Ok(Some(Receiver {
        uri: post::uri(url)?,
        secrets: Arc::new(secrets),
        timeout: options.webhook_timeout,
    }))
}

/// Lets it work on a thread of its own: a handshake of TLS holds up neither the link nor rooms. What ends when that does.
///
/// # Errors
/// If the thread cannot be started.
pub(crate) fn start(
    worker: Option<Worker>,
) -> io::Result<Pin<Box<dyn Future<Output = ()> + Send>>> {
    let Some(worker) = worker else {
        return Ok(Box::pin(pending()));
    };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (lives, ended) = oneshot::channel::<()>();
    thread::Builder::new()
        .name("webhook".to_owned())
        .spawn(move || {
            let _lives = lives;
            runtime.block_on(worker.run());
        })?;
    Ok(Box::pin(async {
        let _ = ended.await;
    }))
}
