use super::*;

#[test]
fn readbacks_are_where_the_profile_has_them() {
    // Reference 1.3 and 1.4, taken from its tables by hand.
    let known = [
        (0, 29),
        (5, 42),
        (13, 57),
        (17, 61),
        (22, 71),
        (26, 76),
        (28, 79),
        (57, 115),
        (64, 123),
        (82, 142),
        (85, 145),
        (87, 148),
        (88, 149),
        (93, 154),
        (100, 161),
        (173, 248),
        (203, 281),
        (210, 288),
        (217, 297),
        (226, 308),
        (244, 328),
        (448, 532),
    ];
    for (output, input) in known {
        assert_eq!(readback(output), Some(input), "AO{output}");
        assert_eq!(shown_by(input), Some(output), "AI{input}");
    }
    for measured in [0, 4, 32, 43, 47, 62, 147, 301, 537, 556] {
        assert_eq!(shown_by(measured), None, "AI{measured}");
    }
}

#[test]
fn every_output_of_a_mode_is_read_back_and_no_two_in_one_place() {
    let mut seen = std::collections::HashSet::new();
    for mode in &MODES {
        for output in mode.outputs.clone() {
            let input = readback(output).unwrap();
            assert!(seen.insert(input), "AI{input}");
            assert!(has_output(output, true));
            assert_eq!(has_output(output, false), !mode.needs_battery);
        }
    }
}

#[test]
fn a_switch_is_shown_where_its_mode_is() {
    assert_eq!(switch_shown_by(16), Some(3));
    assert_eq!(switch_shown_by(17), Some(4));
    assert_eq!(switch_shown_by(29), Some(10));
    assert_eq!(switch_shown_by(90), Some(38));
    assert_eq!(switch_shown_by(69), None, "the status of a mode is not the state of its output");
    assert!(has_switch(38, true) && !has_switch(38, false) && !has_switch(23, true));
}
