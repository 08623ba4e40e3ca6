//! The hub against a server that answers when the test says so.

mod admissions;
mod again;
mod astray;
mod bans;
mod deaf;
mod desk;
mod found;
mod guests;
mod losses;
mod moves;
mod reading_back;
mod reports;
mod rights;
mod story;
mod tails;
mod times;
mod turns;
mod voices;
