//! Any outstation map, or one that ships, with any values of its points: read, judged, planned upon.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| dergate::southbound::fuzzing::outstations(data));
