//! The program `roomcast-proxy`.
fn main() {}
