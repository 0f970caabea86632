//! What a device may send instead of an answer, over TCP and over a serial line.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dergate::southbound::fuzzing::frames(data));
