//! Running a command of the model on a key: the key is opened once, the command checks and changes, and what came of it
//! is done with Redis in one place.

use crate::announce;
use crate::command::Failure;
use crate::config;
use crate::effects;
use crate::info;
use crate::redis::clock::random_tag;
use crate::redis::ctx::{Args, Ctx, Flags, RStr};
use crate::redis::key::{Access, Key, Kind};
use crate::redis::reply::Reply;
use crate::state::{env_of, read_clock, sessions};
use room_core::commands::outcome::{KeyFate, Outcome, Replicate};
use room_core::commands::reply::Answer;
use room_core::commands::{Env, Place};
use room_core::error::RoomError;
use room_core::position::Tag;
use room_core::room::Room;
use room_core::sessions::{RoomName, Sessions};

/// Runs a command that changes the room of the first argument, or sessions in it.
pub(crate) fn change<'o, R: Answer>(
    ctx: Ctx<'_>,
    args: Args<'_>,
    run: impl FnOnce(Place<'_>, &Env<'_>) -> Result<Outcome<'o, R>, RoomError>,
) -> Result<(), Failure> {
    let name = args.string(1)?;
    let mut key = open(ctx, name, Access::Write)?;
    let flags = ctx.flags();
    let birth = match key.kind() {
        Kind::Empty => random_tag(),
        _ => Tag(0),
    };
    let (clock, settings) = (read_clock(), config::settings());
    let env = Env {
        birth,
        ..env_of(ctx, flags, &clock, &settings)
    };
    let outcome = sessions(|sessions| {
        let key_name = room_name(ctx, name);
        let place = Place {
            key: key_name,
            room: key.room_mut(),
            sessions,
        };
        run(place, &env)
    });
    if let Err(RoomError::TooMany(..)) = &outcome {
        info::too_many();
    }
    finish(ctx, flags, (name, args), &mut key, outcome?);
    Ok(())
}

/// Runs a command that only looks at the room of the first argument, and at the sessions; it writes its reply itself.
pub(crate) fn look(
    ctx: Ctx<'_>,
    args: Args<'_>,
    run: impl FnOnce(&Seen<'_>, &mut Reply<'_>) -> Result<(), RoomError>,
) -> Result<(), Failure> {
    let name = args.string(1)?;
    let key = open(ctx, name, Access::Read)?;
    sessions(|sessions| {
        let seen = Seen {
            key: room_name(ctx, name),
            room: key.room(),
            sessions,
        };
        run(&seen, &mut ctx.reply())
    })?;
    Ok(())
}

/// What a command that only looks sees.
pub(crate) struct Seen<'a> {
    pub(crate) key: RoomName<'a>,
    pub(crate) room: Option<&'a Room>,
    pub(crate) sessions: &'a Sessions,
}

/// An error unless the caller may publish on the channel of this room.
pub(crate) fn check_channel(ctx: Ctx<'_>, key: RStr<'_>) -> Result<(), Failure> {
    if ctx.may_publish(key) {
        Ok(())
    } else {
        Err(Failure::NoChannel(key.bytes().into()))
    }
}

/// Opens a key that holds a room or nothing.
pub(crate) fn open<'a>(ctx: Ctx<'a>, name: RStr<'a>, access: Access) -> Result<Key<'a>, Failure> {
    let key = ctx.open(name, access);
    match key.kind() {
        Kind::Other => Err(Failure::WrongType),
        Kind::Room | Kind::Empty => Ok(key),
    }
}

fn room_name<'a>(ctx: Ctx<'_>, name: RStr<'a>) -> RoomName<'a> {
    RoomName {
        db: ctx.db(),
        name: name.bytes(),
    }
}

/// Does what came of a command, or of a part of a tick: the order is that of [`Outcome`]. `args` are the running
/// command's (none in a tick).
pub(crate) fn finish<R: Answer>(
    ctx: Ctx<'_>,
    flags: Flags,
    (name, args): (RStr<'_>, Args<'_>),
    key: &mut Key<'_>,
    outcome: Outcome<'_, R>,
) {
    let gone = matches!(outcome.key, KeyFate::Gone);
    let changed = !matches!(outcome.key, KeyFate::Same);
    if let KeyFate::Born(room) = outcome.key {
        key.set(room);
    }
    for told in &outcome.tell {
        announce::tell(ctx, flags, name, told);
    }
    match outcome.replicate {
        Replicate::Effects => {
            for effect in &outcome.effects {
                effects::send(ctx, name, args, effect);
            }
        }
        Replicate::Verbatim => ctx.replicate_verbatim(),
        Replicate::Unlink => ctx.replicate_unlink(name),
    }
    if gone {
        key.unlink();
    }
    if changed {
        ctx.signal_changed(name);
    }
    if let Some(event) = outcome.event {
        ctx.notify(event, name);
    }
    for (counter, more) in outcome.counts {
        info::count(counter, more);
    }
    outcome.reply.write(&mut ctx.reply());
}
