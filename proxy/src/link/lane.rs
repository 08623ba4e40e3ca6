//! Requests on one connection. They are written in the order in which they are given, and answered in the same: so only the
//! oldest one is waited for.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisResult, Value, pipe};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::Instant;

/// Requests without an answer on one connection at most; the library's queue has place for all of them (see [`super::pair`]).
pub(super) const MOST_OPEN: usize = 2048;

type Reply = RedisResult<Value>;

enum State {
    Waits(Pin<Box<dyn Future<Output = Reply> + Send>>),
    Has(Reply),
}

struct Open<T> {
    about: T,
    /// When it was handed over.
    since: Instant,
    state: State,
}

/// Runs a command behind an `ASKING`, without anything between the two.
pub(super) async fn behind_asking(connection: &mut MultiplexedConnection, command: &Cmd) -> Reply {
    let mut both = pipe();
    both.cmd("ASKING");
    both.add_command(command.clone());
    let replies = connection.send_packed_commands(&both, 1, 1).await?;
    Ok(replies.into_iter().next().unwrap_or(Value::Nil))
}

/// See the top of the file. `T` is what a request is for.
pub(super) struct Lane<T> {
    connection: MultiplexedConnection,
    open: VecDeque<Open<T>>,
}

impl<T> Lane<T> {
    pub(super) const fn new(connection: MultiplexedConnection) -> Self {
        Self {
            connection,
            open: VecDeque::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.open.len() >= MOST_OPEN
    }

    /// Hands a request over; `asking` behind an `ASKING`.
    pub(super) fn send(&mut self, command: Cmd, asking: bool, about: T, now: Instant) {
        let mut connection = self.connection.clone();
        let mut reply: Pin<Box<dyn Future<Output = Reply> + Send>> = if asking {
            Box::pin(async move { behind_asking(&mut connection, &command).await })
        } else {
            Box::pin(async move { connection.send_packed_command(&command).await })
        };
        // The first poll puts it into the library's queue: in this order, then, whoever is polled first later.
        let state = match reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(reply) => State::Has(reply),
            Poll::Pending => State::Waits(reply),
        };
        self.open.push_back(Open {
            about,
            since: now,
            state,
        });
    }

    /// When the oldest request has waited for so long.
    pub(super) fn deadline(&self, most: Duration) -> Option<Instant> {
        Some(self.open.front()?.since + most)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<(T, Reply)> {
        let Some(oldest) = self.open.front_mut() else {
            // Whoever sends something asks again.
            return Poll::Pending;
        };
        if let State::Waits(reply) = &mut oldest.state {
            let Poll::Ready(reply) = reply.as_mut().poll(cx) else {
                return Poll::Pending;
            };
            oldest.state = State::Has(reply);
        }
        match self.open.pop_front() {
            Some(Open {
                about,
                state: State::Has(reply),
                ..
            }) => Poll::Ready((about, reply)),
            _ => Poll::Pending,
        }
    }

    /// The next answer.
    pub(super) async fn next(&mut self) -> (T, Reply) {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next answer if it is there.
    pub(super) fn try_next(&mut self) -> Option<(T, Reply)> {
        match self.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}
