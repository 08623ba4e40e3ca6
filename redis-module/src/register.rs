//! Tells Redis of the commands and the settings.

use crate::command::Command;
use crate::commands as c;
use crate::config::{self, SETTINGS};
use crate::hooks::command::handler;
use crate::hooks::settings;
use crate::redis::ctx::{Args, Ctx};
use crate::redis::describe::{add_category, create_command};
use room_core::error::Shown;
use std::ffi::c_int;

/// major * 10000 + minor * 100 + patch, as `MODULE LIST` shows it.
pub(crate) const MODULE_VERSION: c_int = 100;

/// All commands and settings; `args` are those behind `loadmodule`.
pub(crate) fn all(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), String> {
    add_category(ctx);
    commands(ctx)?;
    set_up(ctx, &defaults(args)?)
}

fn commands(ctx: Ctx<'_>) -> Result<(), String> {
    command::<c::ack::Ack>(ctx)?;
    command::<c::apply::Apply>(ctx)?;
    command::<c::attach::Attach>(ctx)?;
    command::<c::away::Away>(ctx)?;
    command::<c::detach::Detach>(ctx)?;
    command::<c::heads::Heads>(ctx)?;
    command::<c::hello::Hello>(ctx)?;
    command::<c::info::Info>(ctx)?;
    command::<c::invite::Invite>(ctx)?;
    command::<c::join::Join>(ctx)?;
    command::<c::kick::Kick>(ctx)?;
    command::<c::lag::Lag>(ctx)?;
    command::<c::leave::Leave>(ctx)?;
    command::<c::limits::SetLimits>(ctx)?;
    command::<c::members::Members>(ctx)?;
    command::<c::pending::Pending>(ctx)?;
    command::<c::publish::Publish>(ctx)?;
    command::<c::queue::Queue>(ctx)?;
    command::<c::range::Range>(ctx)?;
    command::<c::told::Told>(ctx)?;
    command::<c::trim::Trim>(ctx)?;
    command::<c::waiting::Waiting>(ctx)?;
    command::<c::why::Why>(ctx)
}

fn command<C: Command>(ctx: Ctx<'_>) -> Result<(), String> {
    create_command(ctx, &C::SPEC, handler::<C>())
}

/// The settings' defaults: our own, or what stands behind `loadmodule` as `name value` pairs.
fn defaults(args: Args<'_>) -> Result<Vec<u64>, String> {
    let mut defaults: Vec<u64> = SETTINGS.iter().map(|setting| setting.default).collect();
    let mut at = 0;
    while let Some(name) = args.get(at) {
        let name = name.bytes();
        let bare = name.strip_prefix(b"room.").unwrap_or(name);
        let known = SETTINGS
            .iter()
            .position(|setting| setting.name.to_bytes().eq_ignore_ascii_case(bare));
        let (Some(index), Some(value)) = (known, args.get(at + 1)) else {
            return Err(format!("'{}' is no setting with a value", Shown(name)));
        };
        let value = config::parse(index, value.bytes())?;
        if let Some(default) = defaults.get_mut(index) {
            *default = value;
        }
        at += 2;
    }
    Ok(defaults)
}

fn set_up(ctx: Ctx<'_>, defaults: &[u64]) -> Result<(), String> {
    for (at, (setting, default)) in SETTINGS.iter().zip(defaults).enumerate() {
        if !settings::register(ctx, at, setting, *default) {
            return Err(format!(
                "the setting room.{} could not be registered",
                setting.name.to_string_lossy()
            ));
        }
    }
    if settings::load(ctx) {
        Ok(())
    } else {
        Err("a setting room.* has a value that it cannot take, see the line above".to_owned())
    }
}
