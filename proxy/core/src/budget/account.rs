//! What somebody owes: a leaky bucket. What was done is charged in any case; whether more is done is asked.
//!
//! An account may be shared by many connections: a uid's devices, or all who come from one address. Where it is overdrawn,
//! that is not the fault of whoever comes next. So there is a *ceiling*: a connection is refused only if it has spent more
//! than that of late. It comes down while the account is overdrawn and still more is spent than it may be, and at once the
//! deeper the account is in debt; so those are refused first who spend most. It never comes down to what a newcomer needs. And
//! a connection has a low ceiling of its own at first, so who is refused gains nothing by coming back.
//!
//! Those who are refused take turns, one after the other as fast as work may be done: if all went on at the same moment, others
//! would wait behind all that they do then.

use super::bucket::Bucket;

/// Seconds' worth of work that may be done at once.
const BURST_SECONDS: u64 = 5;
/// How often the ceiling moves.
const STEP: u64 = 100;
/// Steps down that follow from one look: more is not known.
const MOST_DOWN: u64 = 3;
const MOST_UP: u64 = 200;
/// What a newcomer needs, and slow talk after that: who wants more takes turns.
pub(super) const FLOOR: u64 = 2000;
/// What a newcomer costs until it is in a room.
const NEWCOMER: u64 = 600;
/// A connection's own ceiling rises by as much in this time.
const AGE: u64 = 1000;
/// What a connection may do in one turn.
pub(super) const TURN: u64 = 1000;
/// How long a connection waits for its turn: what is shorter is hardly worth its timer.
const LEAST_WAIT: u64 = 5;
const MOST_WAIT: u64 = 5000;
/// How long newcomers wait at most.
const MOST_QUEUE: u64 = 5000;

/// What accounts of a kind may be charged.
#[derive(Clone, Copy, Debug)]
pub struct Rate(
    /// Work a second.
    pub u64,
);

impl Rate {
    const fn burst(self) -> u64 {
        self.0.saturating_mul(BURST_SECONDS)
    }

    /// More than this is owed by who spends all that may be spent, or nearly.
    const fn strained(self) -> u64 {
        self.burst() / 4 * 3
    }
}

/// See the top of the file.
#[derive(Clone, Debug)]
pub struct Account {
    work: Bucket,
    ceiling: u64,
    stepped: u64,
    /// What was charged since then.
    charged: u64,
    /// When the last of those who wait has its turn (microseconds), and the last newcomer.
    last_turn: u64,
    last_newcomer: u64,
}

impl Account {
    /// One that owes nothing.
    pub const fn new(rate: Rate, now: u64) -> Self {
        Self {
            work: Bucket::new(now),
            ceiling: rate.burst(),
            stepped: now,
            charged: 0,
            last_turn: 0,
            last_newcomer: 0,
        }
    }

    const fn is_overdrawn(&self, rate: Rate) -> bool {
        self.work.is_over(rate.burst())
    }

    /// The ceiling, as deep as the account is in debt.
    fn lowered(&self, rate: Rate) -> u64 {
        let burst = rate.burst().max(1);
        let left = burst
            .saturating_mul(2)
            .saturating_sub(self.work.owed())
            .min(burst);
        let above =
            u128::from(self.ceiling.saturating_sub(FLOOR)) * u128::from(left) / u128::from(burst);
        FLOOR + u64::try_from(above).unwrap_or(0)
    }

    /// Whether it owes nothing.
    pub fn is_settled(&mut self, rate: Rate, now: u64) -> bool {
        self.reckon(rate, now);
        self.work.is_empty()
    }

    fn reckon(&mut self, rate: Rate, now: u64) {
        self.work.reckon(rate.0, now);
        let steps = now.saturating_sub(self.stepped) / STEP;
        if steps == 0 {
            return;
        }
        self.stepped += steps * STEP;
        let charged = std::mem::take(&mut self.charged);
        let may = rate.0.saturating_mul(steps * STEP) / 1000;
        if !self.is_overdrawn(rate) {
            for _ in 0..steps.min(MOST_UP) {
                self.ceiling = (self.ceiling + self.ceiling / 16 + 1).min(rate.burst());
            }
        } else if charged > may {
            for _ in 0..steps.min(MOST_DOWN) {
                self.ceiling -= self.ceiling / 4;
            }
        }
        self.ceiling = self.ceiling.max(FLOOR);
    }

    /// Work was done. What is owed has an end, or one attack would be paid for for hours.
    pub fn charge(&mut self, rate: Rate, now: u64, work: u64) {
        self.reckon(rate, now);
        self.charged = self.charged.saturating_add(work);
        self.work.charge(work);
        self.work.forgive(rate.burst().saturating_mul(2));
    }

    /// Work was somebody else's.
    pub const fn give_back(&mut self, work: u64) {
        self.work.give(work);
        self.charged = self.charged.saturating_sub(work);
    }

    /// How long a connection is to wait for its turn that is there for `age` ms and spent so much of late (ms); 0 if it may
    /// go on.
    pub fn wait(&mut self, rate: Rate, now: u64, age: u64, recent: u64) -> u64 {
        self.reckon(rate, now);
        let own = FLOOR.saturating_add(FLOOR.saturating_mul(age) / AGE);
        // While others wait nobody who did as much goes first.
        let others_wait = self.last_turn / 1000 > now;
        let refuses = self.is_overdrawn(rate) || others_wait;
        if !refuses || recent <= self.lowered(rate).min(own) {
            return 0;
        }
        let paid_off = now.saturating_add(self.work.due(rate.0, rate.burst()));
        let turn = TURN * 1_000_000 / rate.0.max(1);
        let latest = now.saturating_add(MOST_WAIT).saturating_mul(1000);
        let last = self.last_turn.max(paid_off.saturating_mul(1000));
        self.last_turn = last.saturating_add(turn).min(latest);
        (self.last_turn / 1000)
            .saturating_sub(now)
            .clamp(LEAST_WAIT, MOST_WAIT)
    }

    /// How long newcomers are to wait before they are heard (ms), where the account is strained: they come in one after the
    /// other, half as fast where it is deep in debt. So who comes again and again is slowed by it, and all get in.
    pub fn queue(&mut self, rate: Rate, now: u64) -> u64 {
        self.reckon(rate, now);
        if self.work.due(rate.0, rate.strained()) == 0 {
            return 0;
        }
        let burst = rate.burst().max(1);
        let debt = self.work.owed().saturating_sub(burst).min(burst);
        let cost = NEWCOMER.saturating_add(NEWCOMER.saturating_mul(debt) / burst);
        let turn = cost * 1_000_000 / rate.0.max(1);
        let now = now.saturating_mul(1000);
        let latest = now.saturating_add(MOST_QUEUE * 1000);
        self.last_newcomer = self.last_newcomer.max(now).saturating_add(turn).min(latest);
        (self.last_newcomer - now) / 1000
    }
}
