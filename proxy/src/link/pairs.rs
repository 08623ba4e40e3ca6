//! The pairs of connections that are there: where workers' questions go, by the generation that they are for.

use hub_core::Asks;
use hub_core::ask::Generation;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Questions of a worker for one pair.
pub(crate) struct Questions {
    pub(crate) worker: usize,
    pub(crate) generation: Generation,
    pub(crate) asks: Asks,
}

/// See the top of the file. There are as few as there are servers.
#[derive(Default)]
pub(crate) struct Pairs {
    last: AtomicU64,
    all: RwLock<Vec<(Generation, mpsc::UnboundedSender<Questions>)>>,
}

/// What a pair is asked, as long as it is there.
pub(super) struct Desk {
    pub(super) generation: Generation,
    pub(super) questions: mpsc::UnboundedReceiver<Questions>,
    of: Arc<Pairs>,
}

impl Pairs {
    /// Hands questions over. Those for a pair that is gone failed with it: the worker is told, or was.
    pub(crate) fn ask(&self, questions: Questions) {
        let all = self.all.read();
        let to = all.iter().find(|pair| pair.0 == questions.generation);
        if let Some((_, to)) = to {
            let _ = to.send(questions);
        }
    }

    /// For a new pair, of a generation that no other one has or had.
    pub(super) fn open(self: &Arc<Self>) -> Desk {
        let generation = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, questions) = mpsc::unbounded_channel();
        self.all.write().push((generation, sender));
        Desk {
            generation,
            questions,
            of: self.clone(),
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.of.all.write().retain(|pair| pair.0 != self.generation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_reach_the_pair_they_are_for() {
        let pairs = Arc::new(Pairs::default());
        let (mut one, mut two) = (pairs.open(), pairs.open());
        let ask = |generation| {
            pairs.ask(Questions {
                worker: 0,
                generation,
                asks: Vec::new(),
            });
        };
        ask(two.generation);
        assert!(one.questions.try_recv().is_err() && two.questions.try_recv().is_ok());
        let gone = one.generation;
        drop(one);
        ask(gone);
        assert!(two.questions.try_recv().is_err());
        assert!(pairs.open().generation > two.generation);
    }
}
