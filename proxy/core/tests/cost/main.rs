//! What the core costs, counted at the allocator: time is no measure on a busy machine.

mod allocator;
mod memory;
mod work;
