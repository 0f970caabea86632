//! The fuzz targets as property tests, so that each change meets them.

use super::{chain, frames, maps, outstations, points};
use proptest::collection::vec;
use proptest::prelude::*;

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![any::<u8>(), Just(0), 0..8_u8], 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_device_sends_is_no_answer_to_another_request(data in bytes(200)) {
        frames(&data);
    }

    #[test]
    fn an_honest_device_is_never_misunderstood(wire in 0x80..0x83_u8, data in bytes(200)) {
        frames(&[[wire].as_slice(), &data].concat());
    }

    #[test]
    fn any_registers_under_any_model_are_decoded_and_planned_upon(data in bytes(600)) {
        points(&[[0].as_slice(), &data].concat());
    }

    #[test]
    fn any_registers_under_any_map_are_decoded_and_commanded(data in bytes(400)) {
        points(&[[1].as_slice(), &data].concat());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chain_is_driven_without_a_panic_and_without_end(data in bytes(600)) {
        chain(&data);
    }

    #[test]
    fn any_values_of_any_outstation_are_judged_and_planned_upon(kind in any::<u8>(), data in bytes(600)) {
        outstations(&[&[kind | 1], data.as_slice()].concat());
    }

    #[test]
    fn any_text_is_a_map_or_has_faults(data in bytes(400)) {
        maps(&data);
    }
}

/// The seeds of the fuzz target: each map that ships, behind values and set points.
#[test]
fn maps_of_outstations_are_read_from_an_input() {
    let head = [0, 1, 0, 0, 0, 0, 0, 0, 100, 1, 0, 1, 0, 0, 100, 0, 60];
    for name in ["dnp3-an2018", "dnp3-ieee1815-2"] {
        let path = format!("{}/device-maps/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read(path).unwrap();
        outstations(&[&head, text.as_slice()].concat());
    }
}
