//! A panic must not reach Redis.

use super::api::rm;
use super::ctx::cstring;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

/// Runs `body`; a panic becomes `otherwise` and a line in the log instead of a dead server.
pub(crate) fn guard<T>(what: &str, otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        let text = format!("room: a defect in '{what}' was caught; please report it");
        rm!(RedisModule_Log(
            null_mut(),
            c"warning".as_ptr(),
            c"%s".as_ptr(),
            cstring(&text).as_ptr()
        ));
        otherwise
    })
}
