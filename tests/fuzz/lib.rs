//! What strangers' bytes go through, each as a function over any bytes that panics where something is wrong. libFuzzer calls
//! them with bytes of its own (`scripts/test fuzz`), the test `replay` with those in `corpus`: what showed new paths, and
//! what was wrong once.
//!
//! | file | what it holds |
//! |---|---|
//! | [`announce`] | an announcement's frame, on its way through a proxy |
//! | [`client`] | the events of one connection |
//! | [`commands`] | the module's commands with any arguments, and effects |
//! | [`snapshot`] | a saved room, forged or damaged |
//! | [`hub`] | a hub: clients, announcements, answers, the link and time, in any order |
//! | `forge` | saved rooms whose chain holds, whatever they say |
//! | `desk`, `judge` | the server that the hub asks, and what must hold of its questions |
//! | `steps` | what may happen to a hub |
//! | `calls` | commands and their arguments |
//! | `frames` | what is sent to clients: whole frames with an event each |
//! | `server`, `ticks`, `value`, `allocator` | of the cores' own tests |

use std::sync::LazyLock;

pub mod announce;
mod calls;
pub mod client;
pub mod commands;
mod desk;
mod forge;
mod frames;
pub mod hub;
mod judge;
pub mod snapshot;
mod steps;

#[path = "../../proxy/core/tests/cost/allocator.rs"]
mod allocator;
#[path = "../../redis-module/core/tests/commands/server.rs"]
#[expect(dead_code, reason = "the tables of the core's tests use more of it")]
mod server;
#[path = "../../redis-module/core/tests/commands/ticks.rs"]
mod ticks;
#[path = "../../redis-module/core/tests/commands/value.rs"]
#[expect(dead_code, reason = "the tables of the core's tests use more of it")]
mod value;

/// A target's name, and the target.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 5] = [
    ("announce", announce::run),
    ("client", client::run),
    ("commands", commands::run),
    ("hub", hub::run),
    ("snapshot", snapshot::run),
];

/// Shows what a target does next, where `ROOMCAST_FUZZ_SHOW` is set: for whoever looks at what was found.
fn show(step: &dyn std::fmt::Debug) {
    static WANTED: LazyLock<bool> =
        LazyLock::new(|| std::env::var_os("ROOMCAST_FUZZ_SHOW").is_some());
    if *WANTED {
        println!("{step:?}");
    }
}
