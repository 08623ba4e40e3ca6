//! Carries what backends ask to Redis, over the same links as everything else, and the answers back.
//!
//! Each question goes out once. Where its answer does not come, it is said whether it may have been done.

use crate::calls::{Called, Miss, Reply};
use crate::inbox::{Inbox, Input, Inputs};
use crate::link::{Pairs, Questions};
use futures_util::future::join_all;
use hub_core::Asks;
use hub_core::ask::{Answer, Ask, Fault, Generation, Question, Request};
use hub_core::desk::Desk;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// Asks; see the top of the file.
#[derive(Clone)]
pub(crate) struct Calls(Arc<Inbox>);

impl Calls {
    pub(crate) const fn new(inbox: Arc<Inbox>) -> Self {
        Self(inbox)
    }

    /// Asks about a key; an answer that comes later than this is not waited for.
    pub(crate) async fn ask(&self, key: &str, ask: Ask, until: Instant) -> Result<Answer, Miss> {
        self.call((key, None), ask, until).await
    }

    /// Asks each server about itself; `first` stands where a key would.
    pub(crate) async fn ask_all(
        &self,
        first: &str,
        ask: Ask,
        until: Instant,
    ) -> Vec<Result<Answer, Miss>> {
        let pairs = self.pairs(until).await.into_iter();
        let asked = pairs.map(|pair| self.call((first, Some(pair)), ask.clone(), until));
        join_all(asked).await
    }

    /// The pairs that there are: one to each server.
    pub(crate) async fn pairs(&self, until: Instant) -> Vec<Generation> {
        let (reply, pairs) = oneshot::channel();
        self.0.push(Input::Pairs(reply));
        let pairs = timeout_at(until, pairs).await;
        pairs.into_iter().flatten().flatten().collect()
    }

    /// Asks one server about itself: a command without a key.
    pub(crate) async fn ask_one(
        &self,
        pair: Generation,
        ask: Ask,
        until: Instant,
    ) -> Result<Answer, Miss> {
        self.call(("", Some(pair)), ask, until).await
    }

    async fn call(
        &self,
        (key, at): (&str, Option<Generation>),
        ask: Ask,
        until: Instant,
    ) -> Result<Answer, Miss> {
        let (reply, answer) = oneshot::channel();
        let key = key.into();
        self.0.push(Input::Call(Called {
            key,
            at,
            ask,
            reply,
        }));
        match timeout_at(until, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(Miss::Unknown),
        }
    }
}

/// What carries questions out and answers back.
pub(crate) struct Clerk {
    number: usize,
    inbox: Arc<Inbox>,
    pairs: Arc<Pairs>,
    desk: Desk,
    asks: Asks,
    waiting: HashMap<Request, Reply>,
}

impl Clerk {
    /// `number` is that of the inbox.
    pub(crate) fn new(number: usize, inbox: Arc<Inbox>, pairs: Arc<Pairs>) -> Self {
        Self {
            number,
            inbox,
            pairs,
            desk: Desk::default(),
            asks: Asks::new(),
            waiting: HashMap::new(),
        }
    }

    /// Works for ever.
    pub(crate) async fn run(mut self) {
        let mut inputs = Inputs::default();
        loop {
            self.inbox.take(&mut inputs);
            for input in std::mem::take(&mut inputs.list) {
                self.take(input);
            }
            inputs.clear();
            self.send();
            self.inbox.some().await;
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Pairs(reply) => drop(reply.send(self.desk.pairs())),
            Input::Call(Called {
                key,
                at,
                ask,
                reply,
            }) => {
                let asks = &mut self.asks;
                let asked = match at {
                    None => self.desk.ask(key, ask, asks),
                    Some(at) => self.desk.ask_at(at, key, ask, asks),
                };
                match asked {
                    Some(request) => {
                        self.waiting.insert(request, reply);
                    }
                    None => drop(reply.send(Err(Miss::Away))),
                }
            }
            Input::Answer {
                generation,
                request,
                answer,
            } => self.answered(generation, request, answer),
            Input::Elsewhere {
                generation,
                request,
                ask,
                asking,
            } => {
                let asks = &mut self.asks;
                if !self.desk.elsewhere(generation, request, ask, asking, asks) {
                    self.reply(request, Err(Miss::Refused(Fault::try_again())));
                }
            }
            Input::Routed(slots, to) => self.desk.routed(&slots, to),
            Input::Down(generation) => {
                self.asks.retain(|question| question.to != generation);
                for request in self.desk.down(generation) {
                    self.reply(request, Err(Miss::Unknown));
                }
            }
            // Of rooms, which it has none of.
            _ => {}
        }
    }

    fn answered(
        &mut self,
        generation: Generation,
        request: Request,
        answer: Result<Answer, Fault>,
    ) {
        if self.desk.answered(generation, request) {
            let answer = answer.map_err(|fault| match fault {
                Fault::Down => Miss::Unknown,
                refused => Miss::Refused(refused),
            });
            self.reply(request, answer);
        }
    }

    fn reply(&mut self, request: Request, answer: Result<Answer, Miss>) {
        if let Some(reply) = self.waiting.remove(&request) {
            // Whoever asked may be gone.
            let _ = reply.send(answer);
        }
    }

    /// Those for one pair go out together, in their order.
    fn send(&mut self) {
        while let Some(first) = self.asks.first() {
            let generation = first.to;
            let of_it = |ask: &mut Question| ask.to == generation;
            let asks = self.asks.extract_if(.., of_it).collect();
            self.pairs.ask(Questions {
                worker: self.number,
                generation,
                asks,
            });
        }
    }
}
