//! See the file of this name above.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::client::run(data));
