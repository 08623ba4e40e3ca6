//! TLS: to browsers, and to Redis.

mod link;
mod listener;
mod mistakes;
mod sentinel;
