//! Redis' functions as safe ones.
//!
//! | file | what it holds |
//! |---|---|
//! | `memory` | the allocator |
//! | `channel` | whether a caller may publish on a channel |

pub(crate) mod channel;
mod memory;
