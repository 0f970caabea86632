use super::*;

#[test]
fn addresses_are_letters_and_an_index() {
    for text in ["AI537", "BO17", "CTR0", "DBI3", "AO65535"] {
        assert_eq!(At::parse(text).unwrap().to_string(), text);
    }
    assert_eq!(At::parse("ai7").unwrap().to_string(), "AI7");
    for text in ["", "AI", "537", "XX1", "AI65536", "AI-1", "AI+1", "AI1x", "A I1"] {
        assert_eq!(At::parse(text), None, "{text}");
    }
}
