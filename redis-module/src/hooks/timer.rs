//! The tick. Redis' timers go by the wall clock, so that one that was set before the clock went back would not fire for as
//! long; Redis' own cron goes by the monotonic clock, and starts a late tick again.

use crate::info::{Held, held};
use crate::redis::api::rm;
use crate::redis::clock::mono_us;
use crate::redis::ctx::Ctx;
use crate::redis::guard::guard;
use crate::tick::{self, TICK_MS};
use redis_module::raw;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};

/// The timer that is running.
static TIMER: AtomicU64 = AtomicU64::new(0);

/// Begins the ticks, at load.
pub(super) fn begin(ctx: Ctx<'_>) {
    tick::begin();
    start(ctx);
}

fn start(ctx: Ctx<'_>) {
    let timer = rm!(RedisModule_CreateTimer(
        ctx.raw,
        TICK_MS as i64,
        Some(on_timer),
        null_mut()
    ));
    TIMER.store(timer, Ordering::Relaxed);
}

/// SAFETY: registered with RM_CreateTimer.
unsafe extern "C" fn on_timer(ctx: *mut raw::RedisModuleCtx, _: *mut c_void) {
    run(Ctx::new(ctx));
}

fn run(ctx: Ctx<'_>) {
    let began = mono_us();
    guard("timer", (), || tick::tick(ctx));
    held(Held::Tick, mono_us().saturating_sub(began));
    start(ctx);
}

/// SAFETY: registered with RM_SubscribeToServerEvent.
pub(super) unsafe extern "C" fn on_cron(
    ctx: *mut raw::RedisModuleCtx,
    _: raw::RedisModuleEvent,
    _: u64,
    _: *mut c_void,
) {
    if !tick::is_late() {
        return;
    }
    let ctx = Ctx::new(ctx);
    let timer = TIMER.swap(0, Ordering::Relaxed);
    rm!(RedisModule_StopTimer(ctx.raw, timer, null_mut()));
    run(ctx);
}
