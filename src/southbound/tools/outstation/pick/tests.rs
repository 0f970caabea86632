use super::*;
use PointKind::{AnalogInput, AnalogOutput, BinaryInput, BinaryOutput};

#[test]
fn addresses_ranges_and_names_are_told_apart() {
    for (text, pick) in [
        ("AI537", Pick::Range(AnalogInput, 537, 537)),
        ("bi10..BI24", Pick::Range(BinaryInput, 10, 24)),
        ("AI536..556", Pick::Range(AnalogInput, 536, 556)),
        ("w", Pick::Named("w".to_owned())),
        ("DGEN.WMaxRtg", Pick::Named("DGEN.WMaxRtg".to_owned())),
        ("limit_pct2", Pick::Named("limit_pct2".to_owned())),
    ] {
        assert_eq!(Pick::parse(text), Ok(pick), "{text}");
    }
    assert_eq!(Pick::parse("ai536..556").unwrap().to_string(), "AI536..AI556");
    assert_eq!(Pick::parse("bo7").unwrap().to_string(), "BO7");
}

#[test]
fn what_names_nothing_is_told_what_would_be_right() {
    for (text, part) in [
        ("AI65536", "0 to 65535"),
        ("BI24..BI10", "BI10..BI24 would be right"),
        ("BI1..AI5", "same kind"),
        ("AI0..AI65535", "more than 2000"),
        ("holding:40000", "registers are Modbus"),
        ("..AI5", "begins with no point"),
        ("a b", "is no point"),
        ("", "is no point"),
        ("\u{1b}[2J", "\\u{1b}"),
    ] {
        let said = Pick::parse(text).unwrap_err().to_string();
        assert!(said.contains(part), "{text}: {said}");
    }
    assert!(Pick::parse(&"a".repeat(201)).unwrap_err().to_string().contains("longer than 200"));
}

#[test]
fn only_single_outputs_are_written() {
    let order = OutputOrder::parse("AO88 = 500").unwrap();
    assert_eq!((order.pick, order.value.as_str()), (Pick::Range(AnalogOutput, 88, 88), "500"));
    assert_eq!(OutputOrder::parse("BO17=on").unwrap().pick, Pick::Range(BinaryOutput, 17, 17));
    for (text, part) in [
        ("AO88", "says no value"),
        ("AI88=1", "is an input"),
        ("AO1..AO3=1", "several points"),
        ("AO1=", "1 to 200 characters"),
    ] {
        let said = OutputOrder::parse(text).unwrap_err().to_string();
        assert!(said.contains(part), "{text}: {said}");
    }
}
