//! Any registers under any models and maps: layouts, points, quantities, commands.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dergate::southbound::fuzzing::points(data));
