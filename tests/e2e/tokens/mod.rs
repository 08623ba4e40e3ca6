//! Who may enter: whatever somebody shows, and whatever they try with it.

mod banned;
mod guests;
mod keys;
mod newcomers;
mod rights;
mod shown;
pub(crate) mod signed;
