//! What leaves for others: effects, announcements, keyspace events, WATCH.

use super::api::{has, rm};
use super::ctx::{Args, Ctx, Flags, RStr};
use redis_module::raw;
use room_core::commands::effect::{Effect, Piece};
use smallvec::SmallVec;
use std::ffi::{CStr, c_char};

impl Ctx<'_> {
    /// Replicates an effect instead of the running command, whose arguments are `args`.
    pub(crate) fn replicate(
        self,
        command: &CStr,
        key: RStr<'_>,
        args: Args<'_>,
        effect: &Effect<'_>,
    ) {
        let mut made: SmallVec<[_; 4]> = SmallVec::new();
        let mut argv: SmallVec<[_; 8]> = SmallVec::new();
        for piece in &effect.rest {
            let string = match piece {
                Piece::Given(given) => match args.get(given.at) {
                    // Handed on without a copy.
                    Some(string) => {
                        argv.push(string.raw);
                        continue;
                    }
                    None => self.create_string(given.bytes),
                },
                Piece::Bytes(bytes) => self.create_string(bytes),
                Piece::Number(n) => rm!(RedisModule_CreateStringFromULongLong(self.raw, *n)),
            };
            argv.push(string);
            made.push(string);
        }
        let head = effect.head();
        rm!(RedisModule_Replicate(
            self.raw,
            command.as_ptr(),
            c"sbv".as_ptr(),
            key.raw,
            head.as_bytes().as_ptr().cast::<c_char>(),
            head.as_bytes().len(),
            argv.as_mut_ptr(),
            argv.len()
        ));
        made.into_iter().for_each(|string| self.free_string(string));
    }

    pub(crate) fn replicate_verbatim(self) {
        rm!(RedisModule_ReplicateVerbatim(self.raw));
    }

    /// Replicates that a key was removed.
    pub(crate) fn replicate_unlink(self, key: RStr<'_>) {
        rm!(RedisModule_Replicate(
            self.raw,
            c"UNLINK".as_ptr(),
            c"s".as_ptr(),
            key.raw
        ));
    }

    /// Publishes on the channel named `key`, once per subscriber and node: on a replica of a cluster the primary's
    /// message comes over the bus, and while loading everything was published in an earlier life.
    /// `flags` are the call's.
    pub(crate) fn publish(self, flags: Flags, key: RStr<'_>, frame: &[u8]) {
        if flags.loading() || (flags.cluster() && flags.replica()) {
            return;
        }
        let message = self.create_string(frame);
        if flags.cluster() && has!(RedisModule_PublishMessageShard) {
            rm!(RedisModule_PublishMessageShard(self.raw, key.raw, message));
        } else {
            rm!(RedisModule_PublishMessage(self.raw, key.raw, message));
        }
        self.free_string(message);
    }

    /// Tells whoever watches keyspace events (`K`/`E` with `d`).
    pub(crate) fn notify(self, event: &CStr, key: RStr<'_>) {
        rm!(RedisModule_NotifyKeyspaceEvent(
            self.raw,
            raw::REDISMODULE_NOTIFY_MODULE,
            event.as_ptr(),
            key.raw
        ));
    }

    /// Tells WATCH and client-side caches that a key changed.
    pub(crate) fn signal_changed(self, key: RStr<'_>) {
        rm!(RedisModule_SignalModifiedKey(self.raw, key.raw));
    }
}
