//! One run: people talk while things go wrong; then all heals, comes to rest, and is judged.

use crate::browser::Browsers;
use crate::checker::judge;
use crate::faults::{Fault, OTHER_HISTORY, STEADY};
use crate::history::{Allowed, History};
use crate::stage::Stage;
use crate::world::{Defect, World};
use harness::random::Random;
use std::thread::sleep;
use std::time::Duration;

/// What is to go wrong.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) faults: Vec<Fault>,
    /// Some of the people are browsers with the npm package.
    pub(crate) package: bool,
    pub(crate) defect: Option<Defect>,
}

impl Plan {
    /// One that the seed decides.
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut faults: Vec<Fault> = (0..2 + random.below(3))
            .map(|_| STEADY[random.below(STEADY.len())])
            .collect();
        let special = match random.below(3) {
            0 => None,
            1 => Some(OTHER_HISTORY[random.below(OTHER_HISTORY.len())]),
            _ => Some(Fault::LimitDrops),
        };
        if let Some(special) = special {
            faults.insert(random.below(faults.len() + 1), special);
        }
        Self {
            seed,
            faults,
            package: false,
            defect: None,
        }
    }

    /// The same with the package.
    pub(crate) fn with_package(self) -> Self {
        Self {
            package: true,
            ..self
        }
    }

    fn allowed(&self) -> Allowed {
        let any = |of: fn(Allowed) -> bool| self.faults.iter().any(|fault| of(fault.allows()));
        Allowed {
            other_history: any(|allowed| allowed.other_history),
            drops: any(|allowed| allowed.drops),
        }
    }

    /// What was broken, in words.
    pub(crate) fn run(&self) -> Vec<String> {
        let history = Run::begin(self).play();
        let broken = judge(&history);
        if !broken.is_empty() && self.defect.is_none() {
            history.keep(&self.seed.to_string());
        }
        broken
    }

    /// Runs it.
    ///
    /// # Panics
    /// If a promise was broken, with the seed.
    pub(crate) fn must_hold(&self) {
        let broken = self.run();
        assert!(
            broken.is_empty(),
            "{self:?}\nbroken promises: {}",
            harness::shown::first(&broken)
        );
    }
}

struct Run {
    plan: Plan,
    world: World,
    stage: Stage,
    random: Random,
}

impl Run {
    fn begin(plan: &Plan) -> Self {
        let mut random = Random::new(plan.seed ^ 0x5eed);
        let with_replica = plan.faults.iter().any(|fault| fault.wants_replica());
        let world = World::start(with_replica, plan.defect);
        let browsers = plan.package.then(|| Browsers {
            forget: plan.defect.and_then(Defect::forgets),
        });
        let stage = Stage::begin(world.ports(), browsers, &mut random);
        Self {
            plan: plan.clone(),
            world,
            stage,
            random,
        }
    }

    fn play(mut self) -> History {
        self.stage.come_to_rest(&self.world.redis);
        self.stage.talk(true);
        sleep(Duration::from_millis(400));
        for fault in self.plan.faults.clone() {
            if fault.wants_replica() && !self.world.has_replica() {
                continue;
            }
            fault.play(&mut self.world, &self.stage.people, &mut self.random);
            self.stage.look_at_cursors(&self.world.redis);
            sleep(Duration::from_millis(200 + self.random.below(600) as u64));
        }
        self.world.heal();
        sleep(Duration::from_millis(300));
        self.stage.look_at_cursors(&self.world.redis);
        self.stage.talk(false);
        self.stage.come_to_rest(&self.world.redis);
        self.stage.end(&self.world.redis, self.plan.allowed())
    }
}
