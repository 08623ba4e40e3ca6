//! Follows one sentinel for ever: asks it where the primary is, again and again, and at once when it says that there is
//! another one (`+switch-master`). It also says when it begins to make a replica the primary, a moment before it does: what
//! the old primary confirms after that is lost.

use super::backoff::Backoff;
use super::dial::dial;
use super::itself::mode;
use super::refusal::Refusal;
use super::value::text;
use super::views::{Named, Says, View};
use super::way::Endpoint;
use crate::metrics::Metrics;
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, Value, cmd};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

/// How often it is asked: whatever it told while nobody listened is known after that.
const EVERY: Duration = Duration::from_secs(1);
/// How long its answer may take at most. One that stands still says nothing of where the primary is.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

const SWITCHED: &str = "+switch-master";
const REPLACES: &str = "+failover-state-send-slaveof-noone";

/// What all sentinels say.
pub(super) struct Views {
    /// One for each of them.
    pub(super) all: watch::Sender<Vec<View>>,
    /// Changes whenever one names another primary: then the others are asked at once as well.
    switched: watch::Sender<()>,
    metrics: Arc<Metrics>,
}

impl Views {
    pub(super) fn of(sentinels: &[Endpoint], metrics: Arc<Metrics>) -> Self {
        let name = |sentinel: &Endpoint| View::new(sentinel.place());
        metrics.sentinels.set(sentinels.len() as i64);
        Self {
            all: watch::Sender::new(sentinels.iter().map(name).collect()),
            switched: watch::Sender::new(()),
            metrics,
        }
    }

    /// One of them says something.
    fn tell(&self, number: usize, says: Says) {
        let mut switched = false;
        self.all.send_if_modified(|views| {
            let Some(view) = views.get_mut(number).filter(|view| *view.says() != says) else {
                return false;
            };
            tell_log(view, &says);
            switched = view.hears(says, Instant::now().into_std());
            let reachable = views.iter().filter(|view| view.is_reachable()).count();
            self.metrics.sentinels_reachable.set(reachable as i64);
            true
        });
        if switched {
            self.metrics.sentinel_switches.inc();
            self.switched.send_replace(());
        }
    }

    /// One of them begins to give the place of this primary to another.
    fn replaces(&self, number: usize, old: Named) {
        self.all.send_if_modified(|views| {
            let view = views.get_mut(number);
            view.map(|view| {
                info!(sentinel = view.sentinel, primary = %old, "a sentinel gives the primary's place to another");
                view.replaces(old, Instant::now().into_std());
            })
            .is_some()
        });
    }
}

fn tell_log(view: &View, says: &Says) {
    let sentinel = &view.sentinel;
    match says {
        Says::NotYet => {}
        Says::Primary(at) => info!(sentinel, primary = %at, "a sentinel names the primary"),
        Says::Unknown => warn!(sentinel, "a sentinel knows no primary of this name"),
        // Why may differ from one attempt to the next.
        Says::Failed(_) if matches!(view.says(), Says::Failed(_)) => {}
        Says::Failed(refusal) => warn!(sentinel, %refusal, "a sentinel cannot be asked"),
    }
}

/// See the top of the file.
pub(super) struct Sentinel {
    pub(super) at: Endpoint,
    pub(super) number: usize,
    /// Of the primary.
    pub(super) name: Arc<str>,
    pub(super) views: Arc<Views>,
    /// How long a connection may take.
    pub(super) within: Duration,
}

impl Sentinel {
    pub(super) async fn follow(self) {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            let Err(refusal) = self.listen().await;
            self.views.tell(self.number, Says::Failed(refusal));
            backoff.lived(began.elapsed());
            sleep(backoff.next()).await;
        }
    }

    /// On one connection, until that fails.
    async fn listen(&self) -> Result<Infallible, Refusal> {
        let woken = Arc::new(Notify::new());
        let (wake, views) = (woken.clone(), self.views.clone());
        let (number, name) = (self.number, self.name.clone());
        let heard = move |push: PushInfo| {
            match push.kind {
                PushKind::Message => match replaced(&push.data, &name) {
                    Some(old) => views.replaces(number, old),
                    None => wake.notify_one(),
                },
                PushKind::Disconnection => wake.notify_one(),
                _ => {}
            }
            Ok(())
        };
        let late = |_| Refusal::Unreachable("it does not answer in time".into());
        let (mut connection, _driving) = timeout(self.within, self.connect(heard))
            .await
            .map_err(late)??;
        let mut others = self.views.switched.subscribe();
        let within = ANSWERS_WITHIN.min(self.within);
        loop {
            let says = timeout(within, self.ask(&mut connection)).await;
            self.views.tell(self.number, says.map_err(late)??);
            tokio::select! {
                () = sleep(EVERY) => {}
                () = woken.notified() => {}
                _ = others.changed() => {}
            }
        }
    }

    async fn connect(
        &self,
        heard: impl Fn(PushInfo) -> Result<(), ()> + Send + Sync + 'static,
    ) -> Result<(MultiplexedConnection, impl Sized), Refusal> {
        let files = self.at.clone();
        let opened = spawn_blocking(move || files.open()).await;
        let opened = opened.map_err(|error| Refusal::Files(error.to_string()))?;
        let opened = opened.map_err(Refusal::Files)?;
        let dialled = dial(&self.at, &opened, self.within, heard).await?;
        let mut connection = dialled.connection;
        if mode(&mut connection).await.as_deref() != Some("sentinel") {
            return Err(Refusal::NoSentinel);
        }
        let mut subscribe = cmd("SUBSCRIBE");
        subscribe.arg(SWITCHED).arg(REPLACES);
        let subscribed = subscribe.query_async::<Value>(&mut connection).await;
        subscribed.map_err(|error| Refusal::from(&error))?;
        Ok((connection, dialled.driving))
    }

    async fn ask(&self, connection: &mut MultiplexedConnection) -> Result<Says, Refusal> {
        let mut ask = cmd("SENTINEL");
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(&*self.name);
        let reply = ask.query_async::<Value>(connection).await;
        said(&reply.map_err(|error| Refusal::from(&error))?)
    }
}

/// The primary of this name, if this is about the place that it is to lose: `slave … @ NAME HOST PORT`.
fn replaced(message: &[Value], name: &str) -> Option<Named> {
    let [channel, payload] = message else {
        return None;
    };
    let payload = text(payload).filter(|_| text(channel).as_deref() == Some(REPLACES))?;
    let (_, of) = payload.rsplit_once(" @ ")?;
    let mut words = of.split(' ');
    let (named, host, port) = (words.next()?, words.next()?, words.next()?);
    let port = port.parse().ok()?;
    (named == name).then(|| Named {
        host: host.to_owned(),
        port,
    })
}

fn said(reply: &Value) -> Result<Says, Refusal> {
    let named = |host, port| {
        let port = text(port)?.parse().ok()?;
        Some(Named {
            host: text(host)?,
            port,
        })
    };
    let named = match reply {
        Value::Nil => return Ok(Says::Unknown),
        Value::Array(both) => match &both[..] {
            [host, port] => named(host, port),
            _ => None,
        },
        _ => None,
    };
    let strange =
        || Refusal::Unreachable("it answers in a way that this proxy does not know".into());
    named.map(Says::Primary).ok_or_else(strange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_is_about_to_do_is_read() {
        let bulk = |text: &str| Value::BulkString(text.into());
        let heard = |channel, payload| replaced(&[bulk(channel), bulk(payload)], "main");
        let payload = "slave 10.0.0.2:2 10.0.0.2 2 @ main 10.0.0.1 1";
        let old = Named {
            host: "10.0.0.1".into(),
            port: 1,
        };
        assert_eq!(heard(REPLACES, payload), Some(old));
        assert_eq!(heard(SWITCHED, "main 10.0.0.1 1 10.0.0.2 2"), None);
        let another = "slave 10.0.0.2:2 10.0.0.2 2 @ other 10.0.0.1 1";
        for (channel, payload) in [
            (SWITCHED, payload),
            (REPLACES, another),
            (REPLACES, "slave"),
        ] {
            assert_eq!(heard(channel, payload), None, "{channel} {payload}");
        }
    }

    #[test]
    fn its_answers_are_read() {
        let bulk = |text: &str| Value::BulkString(text.into());
        let at = |host: &str, port| {
            Says::Primary(Named {
                host: host.into(),
                port,
            })
        };
        for (reply, says) in [
            (
                Value::Array(vec![bulk("h"), bulk("6379")]),
                Some(at("h", 6379)),
            ),
            (Value::Nil, Some(Says::Unknown)),
            (Value::Array(vec![bulk("h"), bulk("port")]), None),
            (Value::Array(vec![bulk("h")]), None),
            (bulk("h"), None),
        ] {
            assert_eq!(said(&reply).ok(), says, "{reply:?}");
        }
    }
}
