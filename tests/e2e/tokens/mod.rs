//! Who may enter: whatever somebody shows, and whatever they try with it.

mod banned;
mod keys;
mod rights;
mod shown;
mod signed;
