//! Telling Redis of a command: RM_CreateCommand, RM_SetCommandInfo, RM_SetCommandACLCategories.

use super::api::{has, rm};
use super::ctx::Ctx;
use crate::spec::{ArgKind, ArgSpec, Keys, Spec};
use redis_module::raw;
use std::ffi::{CString, c_int};
use std::ptr::{null, null_mut};

const SINCE: &std::ffi::CStr = c"0.1.0";

/// Adds the ACL category `room`, where the server can (Redis 7.4, Valkey 8).
pub(crate) fn add_category(ctx: Ctx<'_>) {
    if has!(RedisModule_AddACLCategory) {
        // It may be there already, from before the module was loaded again.
        let _ = rm!(RedisModule_AddACLCategory(ctx.raw, c"room".as_ptr()));
    }
}

/// Makes the command known; what went wrong otherwise.
pub(crate) fn create_command(
    ctx: Ctx<'_>,
    spec: &Spec,
    handler: raw::RedisModuleCmdFunc,
) -> Result<(), String> {
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
        handler,
        spec.flags.as_ptr(),
        first,
        last,
        step
    ));
    if made != raw::REDISMODULE_OK as c_int {
        return Err(format!("the command {} could not be registered", spec.name));
    }
    let known = rm!(RedisModule_GetCommand(ctx.raw, name.as_ptr()));
    describe(known, spec)?;
    categorize(known, spec);
    Ok(())
}

/// Puts the command into Redis' ACL categories, from 7.2 on. Where `room` could not be added, the others have to do.
fn categorize(command: *mut raw::RedisModuleCommand, spec: &Spec) {
    if !has!(RedisModule_SetCommandACLCategories) {
        return;
    }
    let kind = match spec.keys {
        // Looks through the rooms of all keys, and names none.
        Keys::None if spec.flags.to_bytes().starts_with(b"write") => "write",
        Keys::None => "fast",
        Keys::Read | Keys::ReadAll => "read",
        Keys::Insert | Keys::Update | Keys::Delete | Keys::Sessions => "write",
    };
    let with_room = CString::new(format!("{kind} room")).unwrap_or_default();
    if rm!(RedisModule_SetCommandACLCategories(
        command,
        with_room.as_ptr()
    )) != raw::REDISMODULE_OK as c_int
    {
        let alone = CString::new(kind).unwrap_or_default();
        let _ = rm!(RedisModule_SetCommandACLCategories(command, alone.as_ptr()));
    }
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
        Keys::Update | Keys::Sessions => {
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
