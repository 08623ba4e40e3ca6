//! The whole, as clients see it: a real Redis, real proxies, plain WebSocket clients.

mod badinput;
mod crash;
mod devices;
mod http;
mod redis_away;
mod redis_cli;
mod slow;
mod story;
