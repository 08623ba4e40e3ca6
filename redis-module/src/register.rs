//! Tells Redis of the commands and the settings.

use crate::command::{ArgKind, ArgSpec, Command, Keys, Spec};
use crate::commands as c;
use crate::config::{self, SETTINGS};
use crate::effects::Apply;
use crate::ffi::{Args, Ctx, config_access, handler, has, rm};
use redis_module::raw;
use room_core::error::Shown;
use std::ffi::{CString, c_int, c_uint, c_void};
use std::ptr::{null, null_mut};

/// major * 10000 + minor * 100 + patch, as `MODULE LIST` shows it.
pub(crate) const MODULE_VERSION: c_int = 100;
const SINCE: &std::ffi::CStr = c"0.1.0";

pub(crate) fn all(ctx: Ctx<'_>, args: Args<'_>) -> Result<(), String> {
    commands(ctx)?;
    settings(ctx)?;
    arguments(args)
}

fn commands(ctx: Ctx<'_>) -> Result<(), String> {
    command::<c::ack::Ack>(ctx)?;
    command::<c::attach::Attach>(ctx)?;
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
    command::<c::trim::Trim>(ctx)?;
    command::<c::why::Why>(ctx)?;
    command::<Apply>(ctx)
}

fn command<C: Command>(ctx: Ctx<'_>) -> Result<(), String> {
    let spec = &C::SPEC;
    let name = CString::new(spec.name).unwrap_or_default();
    let (first, last) = match spec.keys {
        Keys::None => (0, 0),
        Keys::ReadAll => (1, -1),
        _ => (1, 1),
    };
    let step = c_int::from(first > 0);
    let made = rm!(RedisModule_CreateCommand(
        ctx.raw,
        name.as_ptr(),
        handler::<C>(),
        spec.flags.as_ptr(),
        first,
        last,
        step
    ));
    if made != raw::REDISMODULE_OK as c_int {
        return Err(format!("the command {} could not be registered", spec.name));
    }
    if has!(RedisModule_GetCommand) && has!(RedisModule_SetCommandInfo) {
        let known = rm!(RedisModule_GetCommand(ctx.raw, name.as_ptr()));
        describe(known, spec)?;
    }
    Ok(())
}

/// RM_SetCommandInfo: copies everything it is given.
fn describe(command: *mut raw::RedisModuleCommand, spec: &Spec) -> Result<(), String> {
    let version = raw::RedisModuleCommandInfoVersion {
        version: 1,
        sizeof_historyentry: size_of::<raw::RedisModuleCommandHistoryEntry>(),
        sizeof_keyspec: size_of::<raw::RedisModuleCommandKeySpec>(),
        sizeof_arg: size_of::<raw::RedisModuleCommandArg>(),
    };
    let mut keep = Vec::new();
    let args = docs_of(spec.args, &mut keep);
    let mut keys = key_specs(spec.keys);
    let info = raw::RedisModuleCommandInfo {
        version: &version,
        summary: spec.summary.as_ptr(),
        complexity: spec.complexity.as_ptr(),
        since: SINCE.as_ptr(),
        history: null_mut(),
        tips: null(),
        arity: spec.arity,
        key_specs: if spec.keys == Keys::None {
            null_mut()
        } else {
            keys.as_mut_ptr()
        },
        args,
    };
    let done = rm!(RedisModule_SetCommandInfo(command, &info));
    if done == raw::REDISMODULE_OK as c_int {
        Ok(())
    } else {
        Err(format!("the documentation of {} was refused", spec.name))
    }
}

/// A list that an empty one ends; `keep` owns the lists while Redis copies them.
fn docs_of(
    args: &[ArgSpec],
    keep: &mut Vec<Box<[raw::RedisModuleCommandArg]>>,
) -> *mut raw::RedisModuleCommandArg {
    if args.is_empty() {
        return null_mut();
    }
    let mut list: Vec<_> = args.iter().map(|arg| doc_of(arg, keep)).collect();
    list.push(empty_doc());
    keep.push(list.into_boxed_slice());
    keep.last_mut().map_or(null_mut(), |list| list.as_mut_ptr())
}

const fn empty_doc() -> raw::RedisModuleCommandArg {
    raw::RedisModuleCommandArg {
        name: null(),
        type_: raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING,
        key_spec_index: -1,
        token: null(),
        summary: null(),
        since: null(),
        flags: 0,
        deprecated_since: null(),
        subargs: null_mut(),
        display_text: null(),
    }
}

fn doc_of(
    arg: &ArgSpec,
    keep: &mut Vec<Box<[raw::RedisModuleCommandArg]>>,
) -> raw::RedisModuleCommandArg {
    let (type_, subargs) = match arg.kind {
        ArgKind::Key => (
            raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_KEY,
            null_mut(),
        ),
        ArgKind::String => (
            raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_STRING,
            null_mut(),
        ),
        ArgKind::Integer => (
            raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_INTEGER,
            null_mut(),
        ),
        ArgKind::Token => (
            raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_PURE_TOKEN,
            null_mut(),
        ),
        ArgKind::OneOf(list) => (
            raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_ONEOF,
            docs_of(list, keep),
        ),
        ArgKind::Block(list) => (
            raw::RedisModuleCommandArgType_REDISMODULE_ARG_TYPE_BLOCK,
            docs_of(list, keep),
        ),
    };
    let optional = if arg.optional {
        raw::REDISMODULE_CMD_ARG_OPTIONAL
    } else {
        0
    };
    let multiple = if arg.multiple {
        raw::REDISMODULE_CMD_ARG_MULTIPLE
    } else {
        0
    };
    raw::RedisModuleCommandArg {
        name: arg.name.as_ptr(),
        type_,
        key_spec_index: if matches!(arg.kind, ArgKind::Key) {
            0
        } else {
            -1
        },
        token: arg.token.map_or(null(), std::ffi::CStr::as_ptr),
        flags: (optional | multiple) as c_int,
        subargs,
        ..empty_doc()
    }
}

/// The keys' places, then an empty one as the end.
fn key_specs(keys: Keys) -> [raw::RedisModuleCommandKeySpec; 2] {
    let flags = match keys {
        Keys::None => 0,
        Keys::Read | Keys::ReadAll => raw::REDISMODULE_CMD_KEY_RO | raw::REDISMODULE_CMD_KEY_ACCESS,
        Keys::Insert => {
            raw::REDISMODULE_CMD_KEY_RW
                | raw::REDISMODULE_CMD_KEY_ACCESS
                | raw::REDISMODULE_CMD_KEY_INSERT
        }
        Keys::Update => {
            raw::REDISMODULE_CMD_KEY_RW
                | raw::REDISMODULE_CMD_KEY_ACCESS
                | raw::REDISMODULE_CMD_KEY_UPDATE
        }
        Keys::Delete => {
            raw::REDISMODULE_CMD_KEY_RW
                | raw::REDISMODULE_CMD_KEY_ACCESS
                | raw::REDISMODULE_CMD_KEY_DELETE
        }
    };
    let lastkey = if keys == Keys::ReadAll { -1 } else { 0 };
    let place = raw::RedisModuleCommandKeySpec {
        notes: null(),
        flags: u64::from(flags),
        begin_search_type: raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INDEX,
        bs: raw::RedisModuleCommandKeySpec__bindgen_ty_1 {
            index: raw::RedisModuleCommandKeySpec__bindgen_ty_1__bindgen_ty_1 { pos: 1 },
        },
        find_keys_type: raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_RANGE,
        fk: raw::RedisModuleCommandKeySpec__bindgen_ty_2 {
            range: raw::RedisModuleCommandKeySpec__bindgen_ty_2__bindgen_ty_1 {
                lastkey,
                keystep: 1,
                limit: 0,
            },
        },
    };
    let end = raw::RedisModuleCommandKeySpec {
        flags: 0,
        begin_search_type: raw::RedisModuleKeySpecBeginSearchType_REDISMODULE_KSPEC_BS_INVALID,
        find_keys_type: raw::RedisModuleKeySpecFindKeysType_REDISMODULE_KSPEC_FK_OMITTED,
        ..place
    };
    [place, end]
}

fn settings(ctx: Ctx<'_>) -> Result<(), String> {
    let (get, set) = config_access();
    for (at, setting) in SETTINGS.iter().enumerate() {
        config::set(at, setting.default);
        if !has!(RedisModule_RegisterNumericConfig) {
            continue;
        }
        let flags = if setting.memory {
            raw::REDISMODULE_CONFIG_MEMORY
        } else {
            raw::REDISMODULE_CONFIG_DEFAULT
        };
        let done = rm!(RedisModule_RegisterNumericConfig(
            ctx.raw,
            setting.name.as_ptr(),
            setting.default,
            flags as c_uint,
            setting.min,
            setting.max,
            get,
            set,
            None,
            at as *mut c_void,
        ));
        if done != raw::REDISMODULE_OK as c_int {
            return Err(format!(
                "the setting room.{} could not be registered",
                setting.name.to_string_lossy()
            ));
        }
    }
    if has!(RedisModule_LoadConfigs)
        && rm!(RedisModule_LoadConfigs(ctx.raw)) != raw::REDISMODULE_OK as c_int
    {
        return Err(
            "a setting room.* has a value that it cannot take, see the line above".to_owned(),
        );
    }
    Ok(())
}

/// `name value` pairs behind `loadmodule`.
fn arguments(args: Args<'_>) -> Result<(), String> {
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
        let bounds = SETTINGS
            .get(index)
            .map_or((0, 0), |setting| (setting.min, setting.max));
        let value = value.bytes();
        let number = std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse::<i64>().ok());
        match number.filter(|n| (bounds.0..=bounds.1).contains(n)) {
            Some(number) => config::set(index, number),
            None => {
                return Err(format!(
                    "'{}' of {} is not a number from {} to {}",
                    Shown(value),
                    Shown(name),
                    bounds.0,
                    bounds.1
                ));
            }
        }
        at += 2;
    }
    Ok(())
}
