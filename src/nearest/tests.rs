use super::nearest;

#[test]
fn a_near_word_is_offered_and_a_far_one_is_not() {
    assert_eq!(nearest("Mapp", ["mrid", "map", "link"]), Some("map"));
    assert_eq!(nearest("altitude", ["mrid", "map", "link"]), None);
    assert_eq!(nearest("", ["map"]), None);
}
