//! A proxy's ends of its links: what it hears, what it asks, and when it gives one up.

use super::end::{Sent, State};
use super::{Around, Proxy, TIMEOUT};
use crate::link::{Command, News};
use crate::planted::{Fate, Planted};
use crate::server::{LEASE, pointed};
use hub_core::ask::{Answer, Ask, Fault, Question, Request};
use hub_core::routes::ALL;
use room_core::sessions::Greeting;

impl Proxy {
    pub(super) fn hello(&mut self, now: u64, node: usize, around: &mut Around<'_>) {
        let end = &mut self.ends[node];
        if let Some(link) = end.link.and_then(|at| around.links.get_mut(at)) {
            link.send(now, Command::Hello);
            end.hello_asked = Some(now);
            end.hello_due = now + LEASE / 3;
        }
    }

    /// What comes over a link.
    pub(super) fn hear(&mut self, now: u64, node: usize, around: &mut Around<'_>) {
        let Some(at) = self.ends[node].link else {
            return;
        };
        while let Some(link) = around.links.get_mut(at).filter(|link| link.proxy_end) {
            let Some(news) = link.next_news(now) else {
                break;
            };
            self.news(now, node, news, around);
            self.send_asks(now, around);
        }
        let learns = around.links.get(at).and_then(|link| link.proxy_learns);
        if learns.is_some_and(|at| at <= now) {
            self.link_down(now, node, around);
        }
    }

    fn news(&mut self, now: u64, node: usize, news: News, around: &mut Around<'_>) {
        let generation = self.ends[node].generation;
        match news {
            News::Greeting(greeting) => {
                let again = matches!(greeting, Ok(Greeting::Announce));
                let again = again && self.ends[node].is_up();
                around.stats.add("announced again", u64::from(again));
                // The role is asked with each lease.
                if matches!(&greeting, Err(fault) if self.is_no_primary(fault)) {
                    return self.link_down(now, node, around);
                }
                self.greeted(now, node, greeting);
            }
            News::Answer(request, answer) => self.answered(now, node, request, answer, around),
            News::Announced(_, frame) if !self.defect.hears(&frame) => {}
            News::Announced(channel, frame) => {
                if around.trace {
                    println!(
                        "{now:>6} p{} hears {channel} {:?}",
                        self.index,
                        String::from_utf8_lossy(&frame)
                    );
                }
                self.defect.heard(&channel, &frame);
                self.hub
                    .announced(now, generation, &channel, &frame, &mut self.asks);
            }
            News::Unsubscribed(_) if self.defect.is(Planted::UnsubscribedIgnored) => {}
            News::Unsubscribed(channel) => {
                if around.trace {
                    println!("{now:>6} p{} is unsubscribed from {channel}", self.index);
                }
                around.stats.add("unsubscribed", 1);
                self.hub.unsubscribed(generation, &channel);
            }
            News::Map(owners) => self.mapped(owners),
        }
    }

    fn answered(
        &mut self,
        now: u64,
        node: usize,
        request: Request,
        mut answer: Result<Answer, Fault>,
        around: &mut Around<'_>,
    ) {
        let end = &mut self.ends[node];
        let (sent, generation) = (end.open.remove(&request), end.generation);
        if !self.defect.answered(request, &mut answer) {
            return;
        }
        if let Some(sent) = &sent {
            self.defect.keeps(&sent.key, &mut answer);
        }
        if around.trace {
            println!("{now:>6} p{} <- {request} {answer:?}", self.index);
        }
        if let Err(fault) = &answer {
            if let (Some(sent), Some(there)) = (sent, pointed(fault)) {
                let question = (request, &sent.key, sent.ask);
                return self.pointed(now, generation, question, there, around);
            }
            let passes = u64::from(fault.passes());
            around.stats.add("refused answers", passes);
        }
        let demoted = matches!(&answer, Err(fault) if self.is_no_primary(fault));
        self.hub
            .answer(now, generation, request, answer, &mut self.asks);
        if demoted {
            around.stats.add("no primary any more", 1);
            self.link_down(now, node, around);
        }
    }

    /// Where sentinels are, a server that takes no writes is left: it is a replica, or about to be one.
    fn is_no_primary(&self, fault: &Fault) -> bool {
        let codes = ["READONLY", "LOADING"];
        self.belief.is_some() && codes.iter().any(|code| fault.is(code))
    }

    fn greeted(&mut self, now: u64, node: usize, greeting: Result<Greeting, Fault>) {
        let end = &mut self.ends[node];
        let generation = end.generation;
        end.hello_asked = None;
        match (greeting, end.state) {
            (Ok(_), State::Greeting) => {
                end.state = State::Up;
                end.backoff = 50;
                match &mut self.map {
                    None => self.hub.routed(&[ALL], Some(generation)),
                    Some(map) => {
                        map.doubt(now);
                        self.route_all(node);
                    }
                }
            }
            (Ok(Greeting::Announce), State::Up) if !self.defect.is(Planted::AnnounceIgnored) => {
                self.hub.announce(now, generation, &mut self.asks)
            }
            (Ok(_), _) => {}
            (Err(_), _) => end.hello_due = now + 100,
        }
    }

    /// Asks for what is due on a link, or gives it up.
    pub(super) fn watch_link(&mut self, now: u64, node: usize, around: &mut Around<'_>) {
        let end = &mut self.ends[node];
        if end.link.is_none() {
            return;
        }
        if end.oldest().is_some_and(|sent| now >= sent + TIMEOUT) {
            around.stats.add("time-out", 1);
            self.link_down(now, node, around);
        } else if now >= end.hello_due && end.hello_asked.is_none() {
            self.hello(now, node, around);
        } else if now >= end.hello_due {
            end.hello_due = now + 500;
        }
    }

    /// A link breaks, as this side sees it.
    pub(crate) fn link_down(&mut self, now: u64, node: usize, around: &mut Around<'_>) {
        let end = &mut self.ends[node];
        let Some(link) = end.link.take().and_then(|at| around.links.get_mut(at)) else {
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
        let was_up = end.is_up();
        let open = std::mem::take(&mut end.open);
        self.defect.link_down(open.keys());
        end.hello_asked = None;
        end.state = State::Down {
            retry_at: now + self.random.to(50),
        };
        let generation = link.generation;
        if was_up {
            self.hub.down(now, generation, &mut self.asks);
        }
        if let Some(map) = &mut self.map {
            map.doubt(now);
        }
        self.send_asks(now, around);
    }

    /// What is for a link that is gone is not asked.
    pub(super) fn send_asks(&mut self, now: u64, around: &mut Around<'_>) {
        while !self.asks.is_empty() {
            let asks = std::mem::take(&mut self.asks);
            let mut answers = Vec::new();
            for question in asks {
                let to = question.to;
                let is_it = |end: &&super::End| end.is_up() && end.generation == to;
                let Some(node) = self.ends.iter().position(|end| is_it(&end)) else {
                    continue;
                };
                let request = question.request;
                if let Some(answer) = self.send(now, node, question, around) {
                    answers.push((to, request, answer));
                }
            }
            for (generation, request, answer) in answers {
                self.hub
                    .answer(now, generation, request, Ok(answer), &mut self.asks);
            }
        }
    }

    /// Sends a question. An answer that is none comes from a planted defect.
    fn send(
        &mut self,
        now: u64,
        node: usize,
        question: Question,
        around: &mut Around<'_>,
    ) -> Option<Answer> {
        let Question {
            request,
            key,
            mut ask,
            mut asking,
            ..
        } = question;
        let end = &mut self.ends[node];
        let link = end.link.and_then(|at| around.links.get_mut(at))?;
        if around.trace {
            let asking = if asking { "asking " } else { "" };
            println!(
                "{now:>6} p{} -> {request} {asking}{key} {ask:?}",
                self.index
            );
        }
        if matches!(ask, Ask::Range { .. }) {
            self.ranges.push(now);
        }
        around.stats.ask(&ask);
        around.stats.add("asking", u64::from(asking));
        asking &= !self.defect.is(Planted::AskingForgotten);
        let mut answered = None;
        match self.defect.asked(request, &mut ask, end.links == 1) {
            Fate::Sent => {
                let (at, ask, key) = (now, ask.clone(), key.clone());
                end.open.insert(request, Sent { at, ask, key });
            }
            Fate::SentAndAnswered(answer) => answered = Some(answer),
            Fate::Answered(answer) => return Some(answer),
        }
        link.send(now, Command::Ask(request, key, ask, asking));
        answered
    }
}
