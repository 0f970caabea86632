use super::nearest;

#[test]
fn a_near_word_is_offered_and_a_far_one_is_not() {
    assert_eq!(nearest("Mapp", ["mrid", "map", "link"]), Some("map"));
    assert_eq!(nearest("altitude", ["mrid", "map", "link"]), None);
    assert_eq!(nearest("", ["map"]), None);
    // One letter is not near another one, whatever else there is.
    assert_eq!(nearest("Z", ["A", "AB"]), None);
    assert_eq!(nearest("P1", ["P2", "Q1"]), None);
    assert_eq!(nearest("z", ["A", "Z"]), Some("Z"));
    assert_eq!(nearest("PV-11", ["PV-1", "BESS-1"]), Some("PV-1"));
}
