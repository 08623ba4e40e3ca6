//! Where the pair is to go: to the one address that was given, or to the primary that sentinels agree on.

use super::address::{Address, Servers};
use super::means::Means;
use super::refusal::Refusal;
use super::sentinel::{Sentinel, Views};
use super::views::{Named, Says, View, is_left, primary};
use super::way::{Endpoint, Way};
use redis::ConnectionAddr;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// As long as nothing is heard, it is looked again so often whether what was heard has become old.
const AGAIN: Duration = Duration::from_millis(500);

/// See the top of the file.
pub(super) enum Primary {
    Fixed(Endpoint),
    Sentinels(Agreed),
}

/// What the sentinels agree on.
pub(super) struct Agreed {
    /// Of the primary.
    name: Arc<str>,
    way: Arc<Way>,
    views: watch::Receiver<Vec<View>>,
    /// The last one that was found.
    last: Option<Named>,
}

impl Primary {
    /// And what follows the sentinels, for as long as it is kept: it ends only by a panic.
    ///
    /// # Errors
    /// If rooms there are on several primaries.
    pub(super) fn of(address: &Address, means: &Means) -> Result<(Self, JoinSet<()>), Refusal> {
        let mut followers = JoinSet::new();
        let (name, sentinels) = match &address.servers {
            Servers::One(at) => return Ok((Self::Fixed(at.clone()), followers)),
            Servers::Cluster(_) => return Err(Refusal::Cluster),
            Servers::Sentinels { name, sentinels } => (name, sentinels),
        };
        let name: Arc<str> = Arc::from(&**name);
        let views = Arc::new(Views::of(sentinels, means.metrics.clone()));
        let agreed = Agreed {
            name: name.clone(),
            way: address.way.clone(),
            views: views.all.subscribe(),
            last: None,
        };
        for (number, at) in sentinels.iter().enumerate() {
            let sentinel = Sentinel {
                at: at.clone(),
                number,
                name: name.clone(),
                views: views.clone(),
                within: means.timeout,
            };
            followers.spawn(sentinel.follow());
        }
        Ok((Self::Sentinels(agreed), followers))
    }

    /// Where it is now; who was not heard yet has so long for that.
    pub(super) async fn find(&mut self, within: Duration) -> Result<Endpoint, Refusal> {
        match self {
            Self::Fixed(at) => Ok(at.clone()),
            Self::Sentinels(agreed) => agreed.find(within).await,
        }
    }

    /// Returns when the one that was found last is the primary no more.
    pub(super) async fn left(&mut self) {
        match self {
            Self::Fixed(_) => pending().await,
            Self::Sentinels(agreed) => agreed.left().await,
        }
    }

    /// Returns when there is another one than was found last.
    pub(super) async fn moved(&mut self) {
        match self {
            Self::Fixed(_) => pending().await,
            Self::Sentinels(agreed) => agreed.moved().await,
        }
    }
}

impl Agreed {
    fn now(&mut self) -> Result<Named, Refusal> {
        primary(&self.views.borrow_and_update(), &self.name, Instant::now())
    }

    async fn find(&mut self, within: Duration) -> Result<Endpoint, Refusal> {
        let heard = async {
            while self.now().is_err() && self.some_were_not_heard() {
                self.changed().await;
            }
        };
        let _ = timeout(within, heard).await;
        let at = self.now()?;
        let to = ConnectionAddr::Tcp(at.host.clone(), at.port);
        self.last = Some(at);
        Ok(self.way.to(to))
    }

    fn some_were_not_heard(&self) -> bool {
        let views = self.views.borrow();
        views.iter().any(|view| *view.says() == Says::NotYet)
    }

    async fn left(&mut self) {
        let Some(at) = self.last.clone() else {
            return pending().await;
        };
        while !is_left(&self.views.borrow_and_update(), &at, Instant::now()) {
            self.changed().await;
        }
    }

    async fn moved(&mut self) {
        loop {
            if let Ok(at) = self.now()
                && self.last.as_ref() != Some(&at)
            {
                return;
            }
            self.changed().await;
        }
    }

    async fn changed(&mut self) {
        tokio::select! {
            changed = self.views.changed() => if changed.is_err() {
                // The followers have ended, and the program with them.
                pending().await
            },
            () = sleep(AGAIN) => {}
        }
    }
}
