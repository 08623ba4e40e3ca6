//! A proxy's end of its link: what it hears, what it asks, and when it gives the link up.

use super::{Around, Proxy, State, TIMEOUT};
use crate::link::{Command, News};
use crate::planted::{Fate, Planted};
use crate::server::LEASE;
use hub_core::ask::{Ask, Question};
use hub_core::routes::ALL;
use room_core::sessions::Greeting;

impl Proxy {
    pub(super) fn hello(&mut self, now: u64, around: &mut Around<'_>) {
        if let Some(link) = self.link.and_then(|at| around.links.get_mut(at)) {
            link.send(now, Command::Hello);
            self.hello_asked = Some(now);
            self.hello_due = now + LEASE / 3;
        }
    }

    /// What comes over the link.
    pub(super) fn hear(&mut self, now: u64, around: &mut Around<'_>) {
        let Some(at) = self.link else { return };
        while let Some(link) = around.links.get_mut(at).filter(|link| link.proxy_end) {
            let generation = link.generation;
            match link.next_news(now) {
                Some(News::Greeting(greeting)) => {
                    let again = matches!(greeting, Ok(Greeting::Announce));
                    let again = again && self.state == State::Up;
                    around.stats.add("announced again", u64::from(again));
                    self.greeted(now, generation, greeting);
                }
                Some(News::Answer(request, mut answer)) => {
                    if !self.defect.answered(request, &mut answer) {
                        self.open.remove(&request);
                        continue;
                    }
                    self.open.remove(&request);
                    if around.trace {
                        println!("{now:>6} p{} <- {request} {answer:?}", self.index);
                    }
                    if let Err(fault) = &answer {
                        around
                            .stats
                            .add("refused answers", u64::from(fault.passes()));
                    }
                    self.hub
                        .answer(now, generation, request, answer, &mut self.asks);
                }
                Some(News::Announced(_, frame)) if !self.defect.hears(&frame) => {}
                Some(News::Announced(channel, frame)) => {
                    if around.trace {
                        println!(
                            "{now:>6} p{} hears {channel} {:?}",
                            self.index,
                            String::from_utf8_lossy(&frame)
                        );
                    }
                    self.hub
                        .announced(now, generation, &channel, &frame, &mut self.asks);
                }
                None => break,
            }
            self.send_asks(now, around);
        }
        let learns = around.links.get(at).and_then(|link| link.proxy_learns);
        if learns.is_some_and(|at| at <= now) {
            self.link_down(now, around);
        }
    }

    pub(super) fn greeted(
        &mut self,
        now: u64,
        generation: u64,
        greeting: Result<Greeting, hub_core::ask::Fault>,
    ) {
        self.hello_asked = None;
        match (greeting, self.state) {
            (Ok(_), State::Greeting) => {
                self.state = State::Up;
                self.backoff = 50;
                self.hub
                    .routed(now, &[ALL], Some(generation), &mut self.asks);
            }
            (Ok(Greeting::Announce), State::Up) if !self.defect.is(Planted::AnnounceIgnored) => {
                self.hub.announce(now, generation, &mut self.asks)
            }
            (Ok(_), _) => {}
            (Err(_), _) => self.hello_due = now + 100,
        }
    }

    /// Asks for what is due on the link, or gives it up.
    pub(super) fn watch_link(&mut self, now: u64, around: &mut Around<'_>) {
        if self.link.is_none() {
            return;
        }
        let oldest = self.open.values().min().copied().or(self.hello_asked);
        let oldest = oldest.min(self.hello_asked.or(oldest));
        if oldest.is_some_and(|sent| now >= sent + TIMEOUT) {
            around.stats.add("time-out", 1);
            self.link_down(now, around);
        } else if now >= self.hello_due && self.hello_asked.is_none() {
            self.hello(now, around);
        } else if now >= self.hello_due {
            self.hello_due = now + 500;
        }
    }

    /// The link breaks, as this side sees it.
    pub(crate) fn link_down(&mut self, now: u64, around: &mut Around<'_>) {
        let Some(link) = self.link.take().and_then(|at| around.links.get_mut(at)) else {
            return;
        };
        around.stats.add("relink", 1);
        if around.trace {
            println!("{now:>6} p{} link {} down", self.index, link.generation);
        }
        link.proxy_end = false;
        link.answers.clear();
        link.announcements.clear();
        if link.server_end {
            link.server_learns
                .get_or_insert(now + 1 + self.random.to(200));
        }
        let generation = link.generation;
        if self.state == State::Up {
            self.hub.down(now, generation, &mut self.asks);
        }
        self.asks.clear();
        self.open.clear();
        self.defect.link_down();
        self.hello_asked = None;
        self.state = State::Down {
            retry_at: now + self.random.to(50),
        };
    }

    pub(super) fn send_asks(&mut self, now: u64, around: &mut Around<'_>) {
        let up = self.state == State::Up;
        let link = self
            .link
            .and_then(|at| around.links.get_mut(at))
            .filter(|_| up);
        let Some(link) = link else {
            self.asks.clear();
            return;
        };
        while !self.asks.is_empty() {
            let mut answers = Vec::new();
            for question in self.asks.drain(..) {
                let Question {
                    request,
                    key,
                    mut ask,
                    ..
                } = question;
                if around.trace {
                    println!("{now:>6} p{} -> {request} {key} {ask:?}", self.index);
                }
                if matches!(ask, Ask::Range { .. }) {
                    self.ranges.push(now);
                }
                around.stats.ask(&ask);
                match self.defect.asked(request, &mut ask, self.links == 1) {
                    Fate::Sent => drop(self.open.insert(request, now)),
                    Fate::SentAndAnswered(answer) => answers.push((request, answer)),
                    Fate::Answered(answer) => {
                        answers.push((request, answer));
                        continue;
                    }
                }
                link.send(now, Command::Ask(request, key, ask));
            }
            for (request, answer) in answers {
                let generation = link.generation;
                self.hub
                    .answer(now, generation, request, Ok(answer), &mut self.asks);
            }
        }
    }
}
