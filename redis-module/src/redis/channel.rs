//! Whether the caller of a command may publish on the room's channel, or read a room that the command does not name.
//!
//! The channel is asked here, not by the command flags `pubsub` or `getchannels-api`: with one of these Redis from 7.4 and Valkey
//! from 8.0 on take a command with a key for sharded pub/sub, and answer it in a slot whose key has already moved away.
//!
//! Source: RM_GetClientUserNameById, RM_GetCurrentUserName, RM_ACLCheckChannelPermissions, RM_ACLCheckKeyPermissions,
//! RM_ACLAddLogEntry.

use super::api::rm;
use super::ctx::{Ctx, Flags, RStr};
use redis_module::raw;
use std::cell::Cell;
use std::ffi::c_int;
use std::io::{Error, ErrorKind};
use std::ptr::null_mut;

thread_local! {
    /// The last client that turned out to be a connection with a user. It stays one, whoever its user is by now, and no
    /// other client gets its id; so its user's name can be had without looking the client up, which costs twice as much.
    static CONNECTION: Cell<u64> = const { Cell::new(0) };
}

/// On whose behalf a command runs.
enum Caller {
    /// A client, by its user's name.
    User(*mut raw::RedisModuleString),
    /// Another module, the primary, or the AOF: nobody whose rights could be asked.
    Nobody,
}

impl Ctx<'_> {
    /// Whether the caller may publish on this channel; `flags` are the call's. A refusal is written to `ACL LOG`.
    pub(crate) fn may_publish(self, flags: Flags, channel: RStr<'_>) -> bool {
        let publish = raw::REDISMODULE_CMD_CHANNEL_PUBLISH as c_int;
        self.may(flags, |user| {
            let allowed = rm!(RedisModule_ACLCheckChannelPermissions(
                user,
                channel.raw,
                publish
            )) == raw::REDISMODULE_OK as c_int;
            if !allowed {
                rm!(RedisModule_ACLAddLogEntry(
                    self.raw,
                    user,
                    channel.raw,
                    raw::RedisModuleACLLogEntryReason_REDISMODULE_ACL_LOG_CHANNEL
                ));
            }
            allowed
        })
    }

    /// Whether the caller may read this key, which is none of its command's: no refusal is logged, as it did not ask for it.
    pub(crate) fn may_read(self, flags: Flags, key: RStr<'_>) -> bool {
        let read = raw::REDISMODULE_CMD_KEY_ACCESS as c_int;
        self.may(flags, |user| {
            rm!(RedisModule_ACLCheckKeyPermissions(user, key.raw, read))
                == raw::REDISMODULE_OK as c_int
        })
    }

    /// What is answered about the caller's user, who is freed behind it; whoever has none may do everything.
    fn may(self, flags: Flags, ask: impl FnOnce(*mut raw::RedisModuleUser) -> bool) -> bool {
        let Caller::User(name) = self.caller(flags) else {
            return true;
        };
        let user = rm!(RedisModule_GetModuleUserFromUserName(name));
        self.free_string(name);
        if user.is_null() {
            // Its user was deleted: Redis is about to close such a connection.
            return false;
        }
        let allowed = ask(user);
        rm!(RedisModule_FreeModuleUser(user));
        allowed
    }

    /// The name of the ACL user who calls; empty if nobody does.
    pub(crate) fn user_name(self) -> Vec<u8> {
        match self.caller(self.flags()) {
            Caller::Nobody => Vec::new(),
            Caller::User(name) => {
                let bytes = RStr::new(name).bytes().to_vec();
                self.free_string(name);
                bytes
            }
        }
    }

    fn caller(self, flags: Flags) -> Caller {
        let id = self.client_id();
        if CONNECTION.get() == id && !flags.replicated() {
            return Caller::User(rm!(RedisModule_GetCurrentUserName(self.raw)));
        }
        let name = rm!(RedisModule_GetClientUserNameById(self.raw, id));
        if !name.is_null() {
            CONNECTION.set(id);
            return Caller::User(name);
        }
        // No connection has this id: a script's own client, or one that RM_Call made for another module.
        if !flags.script() || self.has_no_user() {
            return Caller::Nobody;
        }
        Caller::User(rm!(RedisModule_GetCurrentUserName(self.raw)))
    }

    /// Whether no user stands behind the running command. RM_GetCurrentUserName must not be called then: Redis follows a
    /// null pointer. RM_Call on behalf of the current user (`C`) tells it apart, before it looks for the command.
    fn has_no_user(self) -> bool {
        rm!(RedisModule_Call(
            self.raw,
            c"room._no_such_command".as_ptr(),
            c"C".as_ptr(),
            null_mut::<u8>()
        ))
        .is_null()
            && Error::last_os_error().kind() == ErrorKind::Unsupported
    }
}
