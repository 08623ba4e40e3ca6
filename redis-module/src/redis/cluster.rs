//! Which slots are this node's, as `CLUSTER NODES` says: the module API does not tell.

use super::api::{has, rm};
use super::ctx::Ctx;
use room_core::slots::Slots;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A context of the module's own, for what happens where Redis gives none.
static OWN: AtomicPtr<redis_module::raw::RedisModuleCtx> = AtomicPtr::new(null_mut());

/// Makes the module's own context, at load.
pub(crate) fn make_own_context(ctx: Ctx<'_>) {
    let own = if has!(RedisModule_GetDetachedThreadSafeContext) {
        rm!(RedisModule_GetDetachedThreadSafeContext(ctx.raw))
    } else {
        null_mut()
    };
    OWN.store(own, Ordering::Relaxed);
}

/// The slots of this node; `None` if it cannot be told. Only on Redis' own thread: it runs a command.
pub(crate) fn slots() -> Option<Slots> {
    let own = OWN.load(Ordering::Relaxed);
    if own.is_null() {
        return None;
    }
    let nodes = Ctx::new(own).ask(c"CLUSTER", c"NODES")?;
    Slots::of_myself(&nodes)
}
