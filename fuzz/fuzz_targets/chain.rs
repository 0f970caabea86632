//! A device with any registers: found, read and commanded by the driver and by the tools.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dergate::southbound::fuzzing::chain(data));
