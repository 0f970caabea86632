//! Whatever a technician drops into a map folder: device maps, model tables, the Alliance's JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dergate::southbound::fuzzing::maps(data));
