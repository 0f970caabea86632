use super::*;

#[test]
fn flags_have_the_names_of_their_kind() {
    use PointKind::{AnalogInput, BinaryInput, Counter};
    assert_eq!(flag_words(AnalogInput, 0x01), ["ONLINE"]);
    assert_eq!(flag_words(AnalogInput, 0x64), ["COMM_LOST", "OVER_RANGE", "REFERENCE_ERR"]);
    assert_eq!(flag_words(BinaryInput, 0xA3), ["ONLINE", "RESTART", "CHATTER_FILTER"], "bit 7 is the value");
    assert_eq!(flag_words(Counter, 0x60), ["ROLLOVER", "DISCONTINUITY"]);
    assert!(flag_words(AnalogInput, 0).is_empty());
}
