//! TLS: to browsers, and to Redis.

mod cluster;
mod link;
mod listener;
mod mistakes;
mod sentinel;
