//! `ROOM.WAITING`: for whom mail waits, in all rooms of this database that the caller may read.

use crate::command::{Command, Failure, Options};
use crate::config;
use crate::info::{self, Held};
use crate::redis::clock::mono_us;
use crate::redis::ctx::{Args, Ctx, Flags};
use crate::redis::key::{Access, Key};
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use crate::state::{agenda, env_of, read_clock, sessions};
use room_core::commands::Env;
use room_core::commands::outcome::Counter;
use room_core::commands::reply::Answer;
use room_core::commands::waiting::{Found, Look, MOST_WAITING, Step, Waiting as Reply};
use room_core::limits::Limit;
use room_core::room::check_uid;
use room_core::sessions::RoomKey;

/// Bounds of a lease, in milliseconds.
const LEASES: (u64, u64) = (100, 3_600_000);
/// Members that are looked at between two looks at the clock.
const STEPS: usize = 32;

pub(crate) struct Waiting;

impl Command for Waiting {
    const SPEC: Spec = Spec {
        name: "ROOM.WAITING",
        summary: c"Members for whom mail waits, leased to a worker who tells them",
        complexity: c"O(N) for N members looked at, for some milliseconds at most",
        arity: -4,
        flags: c"write",
        keys: Keys::None,
        args: &[
            ArgSpec::one(c"worker", ArgKind::String),
            ArgSpec::one(c"ms", ArgKind::Integer).after(c"LEASE"),
            ArgSpec::COUNT,
            ArgSpec::option(c"prefix", c"PREFIX", ArgKind::String),
        ],
    };

    fn run(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), Failure> {
        let worker = args.bytes(1)?;
        check_uid(worker)?;
        let mut options = Options::new(args, 2);
        if options.next_word().as_deref() != Some(b"LEASE") {
            return Err(options.unknown());
        }
        let lease = options.number(LEASES.0, LEASES.1)?;
        let (mut count, mut prefix) = (None, None);
        while let Some(word) = options.next_word() {
            match &word[..] {
                b"COUNT" if count.is_none() => count = Some(options.number(1, MOST_WAITING)?),
                b"PREFIX" if prefix.is_none() => prefix = Some(options.bytes()?),
                _ => return Err(options.unknown()),
            }
        }
        let (clock, settings) = (read_clock(), config::settings());
        let flags = ctx.flags();
        let env = env_of(ctx, flags, &clock, &settings);
        let began = mono_us();
        let mut walk = Walk {
            ctx,
            flags,
            env: &env,
            lease_until: env.times.mono.saturating_add(lease),
            until: began.saturating_add(config::waiting_time() * 1_000),
            began: false,
            cut: false,
            count: count.unwrap_or(100) as usize,
            prefix: prefix.unwrap_or_default(),
            found: Vec::new(),
        };
        let (now, delay) = (env.times.mono, settings.limits.get(Limit::WaitingDelay));
        let mut after = agenda(|agenda| {
            agenda.settings(delay, settings.waiting_again);
            agenda.lapse(now);
            agenda.resume(worker, ctx.db(), now)
        });
        while let Some(at) = walk.next_room(after.as_ref()) {
            after = Some(at);
        }
        if let Some(at) = after.filter(|_| walk.cut) {
            agenda(|agenda| agenda.stops(worker, at));
        }
        info::held(Held::Waiting, mono_us() - began);
        info::count(Counter::Leased, walk.found.len() as u64);
        let more = walk.cut || walk.found.len() >= walk.count;
        let found = walk.found;
        Reply { found, more }.write(&mut ctx.reply());
        Ok(())
    }
}

/// One call's way through the rooms that are due.
struct Walk<'a> {
    ctx: Ctx<'a>,
    flags: Flags,
    env: &'a Env<'a>,
    lease_until: u64,
    /// When its time is up, in microseconds.
    until: u64,
    /// A room was looked at: however little time there is, each call gets a little further.
    began: bool,
    /// The time was up while a room was due, or not looked through.
    cut: bool,
    count: usize,
    /// Other rooms are not the worker's.
    prefix: &'a [u8],
    found: Vec<Found>,
}

impl Walk<'_> {
    fn wanted(&self) -> usize {
        let free = agenda(|agenda| agenda.free());
        self.count.saturating_sub(self.found.len()).min(free)
    }

    /// Looks through the next room behind this one: which it was. `None`: there is none, or enough was found, or the time is up.
    fn next_room(&mut self, after: Option<&(u64, RoomKey)>) -> Option<(u64, RoomKey)> {
        let (db, now) = (self.ctx.db(), self.env.times.mono);
        if self.wanted() == 0 {
            return None;
        }
        let at = agenda(|agenda| agenda.next(db, now, after))?;
        if self.began && mono_us() >= self.until {
            self.cut = true;
            return None;
        }
        self.began = true;
        let key = &at.1;
        self.ctx.with_name(&key.name, |name| {
            // What is not for this worker waits for others as it is.
            if key.name.starts_with(self.prefix) && self.ctx.may_read(self.flags, name) {
                let open = self.ctx.open(name, Access::Read);
                self.look_through(key, &open);
            }
        });
        Some(at)
    }

    fn look_through(&mut self, key: &RoomKey, open: &Key<'_>) {
        let Some(room) = open.room() else {
            return agenda(|agenda| agenda.forget(key.as_name()));
        };
        let (wanted, until) = (self.wanted(), self.until);
        let (mut found, mut cut) = (Vec::new(), false);
        let now = self.env.times.mono;
        agenda(|agenda| {
            let Some((mut scan, leases)) = agenda.scan(key) else {
                return;
            };
            let over = sessions(|sessions| {
                let look = Look {
                    key: key.as_name(),
                    room,
                    sessions,
                    leases,
                    env: self.env,
                };
                for at in 1.. {
                    match scan.step(&look) {
                        Step::Next => {}
                        Step::Found(row) => found.push(row),
                        Step::Over => return true,
                    }
                    cut = at % STEPS == 0 && mono_us() >= until;
                    if cut || found.len() >= wanted {
                        break;
                    }
                }
                false
            });
            agenda.looked(key, (scan, over), &found, (now, self.lease_until));
        });
        self.cut |= cut;
        let of_it = |row| Found {
            key: key.name.clone(),
            birth: room.birth(),
            row,
        };
        self.found.extend(found.into_iter().map(of_it));
    }
}
