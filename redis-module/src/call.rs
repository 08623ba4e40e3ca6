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
use crate::state::{agenda, env_of, sessions, with_clock};
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
    change_with(ctx, ctx.flags(), args, run)
}

/// The same for a command that announces what its caller wants: an error unless the caller may publish on the room's channel.
pub(crate) fn change_and_tell<'o, R: Answer>(
    ctx: Ctx<'_>,
    args: Args<'_>,
    run: impl FnOnce(Place<'_>, &Env<'_>) -> Result<Outcome<'o, R>, RoomError>,
) -> Result<(), Failure> {
    let (flags, channel) = (ctx.flags(), args.string(1)?);
    if !ctx.may_publish(flags, channel) {
        return Err(Failure::NoChannel(channel.bytes().into()));
    }
    change_with(ctx, flags, args, run)
}

fn change_with<'o, R: Answer>(
    ctx: Ctx<'_>,
    flags: Flags,
    args: Args<'_>,
    run: impl FnOnce(Place<'_>, &Env<'_>) -> Result<Outcome<'o, R>, RoomError>,
) -> Result<(), Failure> {
    let name = args.string(1)?;
    let mut key = open(ctx, name, Access::Write)?;
    let birth = match key.kind() {
        Kind::Empty => random_tag(),
        _ => Tag(0),
    };
    let settings = config::settings();
    // Filled in there and finished from here: it is some hundred bytes, which each move would copy.
    let mut outcome = None;
    with_clock(|clock| {
        let mut env = env_of(ctx, flags, clock, &settings);
        env.birth = birth;
        sessions(|sessions| {
            let place = Place {
                key: room_name(ctx, name),
                room: key.room_mut(),
                sessions,
            };
            outcome = Some(run(place, &env));
        });
    });
    match outcome {
        Some(Ok(ref mut outcome)) => finish(ctx, flags, (name, args), &mut key, outcome),
        Some(Err(error)) => {
            match &error {
                RoomError::TooMany(..) => info::too_many(),
                RoomError::IdsFull(_) => info::room_ids_full(),
                _ => {}
            }
            return Err(error.into());
        }
        None => return Err(Failure::Internal),
    }
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
    outcome: &mut Outcome<'_, R>,
) {
    let gone = matches!(outcome.key, KeyFate::Gone);
    let changed = !matches!(outcome.key, KeyFate::Same);
    if let KeyFate::Born(room) = std::mem::replace(&mut outcome.key, KeyFate::Same) {
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
    if let Some(at) = outcome.wake {
        let key = room_name(ctx, name);
        agenda(|agenda| agenda.put(key, at));
    }
    for (counter, more) in &outcome.counts {
        info::count(*counter, *more);
    }
    outcome.reply.write(&mut ctx.reply());
}
