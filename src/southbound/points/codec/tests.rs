use super::*;
use crate::southbound::points::testing::{holding, input};
use proptest::prelude::*;

fn of(kind: RegisterType) -> RegisterPoint {
    holding("x", 0, kind)
}

fn value(point: &RegisterPoint, words: &[u16]) -> Value {
    decode(point, words, Some(0))
}

#[test]
fn every_type_is_read_in_the_order_of_the_standard() {
    let read = |kind, words: &[u16]| value(&of(kind), words);
    assert_eq!(read(RegisterType::U16, &[0xFFFF]), Value::Number(65535.0));
    assert_eq!(read(RegisterType::I16, &[0xFFFF]), Value::Number(-1.0));
    assert_eq!(read(RegisterType::U32, &[0x0001, 0x0002]), Value::Number(65538.0));
    assert_eq!(read(RegisterType::I32, &[0xFFFF, 0xFFFE]), Value::Number(-2.0));
    assert_eq!(read(RegisterType::U64, &[0, 1, 0, 0]), Value::Number(4_294_967_296.0));
    assert_eq!(read(RegisterType::I64, &[0xFFFF, 0xFFFF, 0xFFFF, 0xFFFD]), Value::Number(-3.0));
    assert_eq!(read(RegisterType::F32, &[0x4148, 0]), Value::Number(12.5));
    assert_eq!(read(RegisterType::F64, &[0x4029, 0, 0, 0]), Value::Number(12.5));
    assert_eq!(read(RegisterType::Bits32, &[0x8000, 1]), Value::Number(2_147_483_649.0));
    assert_eq!(read(RegisterType::Bool, &[0]), Value::Number(0.0));
    assert_eq!(read(RegisterType::Bool, &[7]), Value::Number(1.0));
    let text = read(RegisterType::Text(4), &[0x2053, 0x4E31, 0x2000, 0x5858]);
    assert_eq!(text, Value::Text("SN1".to_owned()));
    assert_eq!(read(RegisterType::Text(2), &[0, 0]), Value::Absent);
    assert!(matches!(read(RegisterType::U32, &[1]), Value::Bad(_)), "half of it is nothing of it");
}

#[test]
fn words_and_bytes_may_stand_the_other_way_round() {
    let low = RegisterPoint { word_order: WordOrder::LowFirst, ..of(RegisterType::U32) };
    assert_eq!(value(&low, &[0x0002, 0x0001]), Value::Number(65538.0));
    let swapped = RegisterPoint { byte_swap: true, ..of(RegisterType::U16) };
    assert_eq!(value(&swapped, &[0x0100]), Value::Number(1.0));
    let both = RegisterPoint { byte_swap: true, ..low };
    assert_eq!(value(&both, &[0x0200, 0x0100]), Value::Number(65538.0));
    let text = RegisterPoint { word_order: WordOrder::LowFirst, ..of(RegisterType::Text(2)) };
    assert_eq!(value(&text, &[0x4142, 0x4344]), Value::Text("ABCD".to_owned()), "a text runs forward");
}

#[test]
fn scale_offset_and_a_power_of_ten_are_applied() {
    let tenth = RegisterPoint { scale: 0.1, ..of(RegisterType::U16) };
    assert_eq!(value(&tenth, &[601]), Value::Number(60.1), "as it is written, not 60.1000000000000014");
    assert_eq!(decode(&tenth, &[601], Some(-1)), Value::Number(6.01));
    let kelvin = RegisterPoint { offset: -273.15, ..of(RegisterType::U16) };
    assert_eq!(value(&kelvin, &[300]), Value::Number(300.0 - 273.15));
    assert!(matches!(decode(&tenth, &[601], None), Value::Bad(_)), "without its scale it says nothing");
    assert_eq!(exponent(&Value::Number(-2.0)), Some(-2));
    assert_eq!(exponent(&Value::Number(0.5)), None);
    assert_eq!(exponent(&Value::Number(-32768.0)), None, "not implemented");
}

#[test]
fn what_is_not_there_is_no_number() {
    let point = RegisterPoint { invalid: vec![0x8000], ..of(RegisterType::I16) };
    assert_eq!(value(&point, &[0x8000]), Value::Absent, "as its bits");
    let point = RegisterPoint { invalid: vec![-32768], ..point };
    assert_eq!(value(&point, &[0x8000]), Value::Absent, "with its sign");
    assert_eq!(value(&point, &[0x8001]), Value::Number(-32767.0));
    assert_eq!(value(&of(RegisterType::F32), &[0x7FC0, 0]), Value::Absent, "not a number");
    for words in [[0x7F80, 0], [0xFF80, 0]] {
        assert!(matches!(value(&of(RegisterType::F32), &words), Value::Bad(_)), "{words:04X?}");
    }
    let point = RegisterPoint { invalid: vec![0x7F80_0000], ..of(RegisterType::F32) };
    assert_eq!(value(&point, &[0x7F80, 0]), Value::Absent, "of a float, as its bits");
    let low = RegisterPoint {
        word_order: WordOrder::LowFirst,
        invalid: vec![0x7FFF_FFFF],
        ..of(RegisterType::U32)
    };
    assert_eq!(value(&low, &[0xFFFF, 0x7FFF]), Value::Absent, "in the order of the point");
}

#[test]
fn a_value_is_written_in_whole_steps_and_halves_go_away_from_zero() {
    let tenth = RegisterPoint { scale: 0.1, ..of(RegisterType::I16) };
    let written = |value| encode(&tenth, value, Some(0), Rounding::Nearest).unwrap();
    assert_eq!(written(60.0), Encoded { words: vec![600], value: 60.0 });
    assert_eq!(written(0.15), Encoded { words: vec![2], value: 0.2 });
    assert_eq!(written(-0.15), Encoded { words: vec![0xFFFE], value: -0.2 });
    assert_eq!(written(33.333_33).value, 33.3);
    let low = RegisterPoint { word_order: WordOrder::LowFirst, ..of(RegisterType::F32) };
    assert_eq!(encode(&low, 12.5, Some(0), Rounding::Nearest).unwrap().words, [0, 0x4148]);
    assert_eq!(encode(&of(RegisterType::U16), 5000.0, Some(2), Rounding::Nearest).unwrap().words, [50]);
}

#[test]
fn what_cannot_be_written_is_refused_in_words() {
    let refused =
        |point: &RegisterPoint, value| encode(point, value, Some(0), Rounding::Nearest).unwrap_err();
    let percent = RegisterPoint { range: Some((0.0, 110.0)), ..of(RegisterType::U16) };
    assert_eq!(refused(&percent, 111.0), "x: 111 is outside 0 to 110");
    assert!(refused(&of(RegisterType::U16), -1.0).contains("0 to 65535"));
    assert!(refused(&of(RegisterType::I16), 32768.0).contains("-32768 to 32767"));
    assert!(refused(&of(RegisterType::Bool), 2.0).contains("does not fit"));
    assert!(refused(&of(RegisterType::F32), 1e39).contains("does not fit"));
    assert!(refused(&of(RegisterType::Text(2)), 1.0).contains("does not fit"));
    assert!(refused(&of(RegisterType::U16), f64::NAN).contains("not a number"));
    let hole = RegisterPoint { invalid: vec![0xFFFF], ..of(RegisterType::U16) };
    assert!(refused(&hole, 65535.0).contains("not there"));
    assert!(encode(&percent, 50.0, None, Rounding::Nearest).unwrap_err().contains("scale"));
}

#[test]
fn values_are_said_by_their_names() {
    let point = RegisterPoint {
        symbols: vec![(0xCE, "stop".to_owned())],
        unit: Some("W".to_owned()),
        ..of(RegisterType::U16)
    };
    assert_eq!(say(&point, 206.0), "stop");
    assert_eq!(say(&point, 5.0), "5 W");
    let bits = vec![(0, "over-voltage".to_owned()), (2, "islanding".to_owned())];
    let point = RegisterPoint { bits, ..of(RegisterType::Bits16) };
    assert_eq!(say(&point, 5.0), "over-voltage | islanding");
    assert_eq!(say(&point, 2.0), "2", "a bit without a name");
}

#[test]
fn one_of_several_raw_values_is_recognised() {
    let point = input("x", 0, RegisterType::U16);
    assert!(one_of(&point, &[0x26], &[0x25, 0x26]));
    assert!(!one_of(&point, &[0x123], &[0x25, 0x26]));
    assert!(!one_of(&point, &[], &[0]), "nothing is not 0");
}

fn kinds() -> impl Strategy<Value = RegisterType> {
    prop::sample::select(vec![
        RegisterType::U16,
        RegisterType::I16,
        RegisterType::U32,
        RegisterType::I32,
        RegisterType::U64,
        RegisterType::I64,
        RegisterType::F32,
        RegisterType::F64,
    ])
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        kind in kinds(),
        low in any::<bool>(),
        byte_swap in any::<bool>(),
        scale in prop::sample::select(vec![1.0, 0.1, 0.01, 0.001, 10.0, 100.0, 0.5, -1.0, -0.1]),
        offset in prop::sample::select(vec![0.0, -40.0, 273.15]),
        by in -3..4,
        value in -200.0..200.0_f64,
    ) {
        let word_order = if low { WordOrder::LowFirst } else { WordOrder::HighFirst };
        let point = RegisterPoint { word_order, byte_swap, scale, offset, ..of(kind) };
        if let Ok(written) = encode(&point, value, Some(by), Rounding::Nearest) {
            prop_assert_eq!(written.words.len(), usize::from(kind.registers()));
            prop_assert_eq!(decode(&point, &written.words, Some(by)), Value::Number(written.value));
            let near = tolerance(&point, value, Some(by)).max(1e-9);
            prop_assert!((written.value - value).abs() <= near * 1.001, "{} became {}", value, written.value);
        } else {
            // Only a value that does not fit is refused.
            let steps = (value - offset) / scale / 10_f64.powi(by);
            prop_assert!(!(0.0..=32767.0).contains(&steps), "{} steps were refused", steps);
        }
    }

    #[test]
    fn any_registers_are_read_without_panic(kind in kinds(), words in prop::collection::vec(any::<u16>(), 0..6)) {
        match value(&of(kind), &words) {
            Value::Number(number) => prop_assert!(number.is_finite()),
            Value::Bad(_) | Value::Absent => {}
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn a_limit_is_never_written_above_what_was_asked() {
    let percent = |scale: f64| RegisterPoint { scale, ..of(RegisterType::I16) };
    let written = |scale, value, rounding| encode(&percent(scale), value, Some(0), rounding).unwrap().value;
    for (value, down, up) in [(59.9, 59.0, 60.0), (60.0, 60.0, 60.0), (-59.9, -60.0, -59.0), (0.0, 0.0, 0.0)]
    {
        assert_eq!(written(1.0, value, Rounding::Down), down, "{value}");
        assert_eq!(written(1.0, value, Rounding::Up), up, "{value}");
        assert_eq!(written(-1.0, value, Rounding::Down), down, "{value}, counted backwards");
        assert_eq!(written(-1.0, value, Rounding::Up), up, "{value}, counted backwards");
    }
    assert_eq!(written(0.1, 0.1 + 0.2, Rounding::Down), 0.3, "30000000000000004 is no reason");
    assert_eq!(written(0.1, 60.0 / 100.0 * 100.0, Rounding::Up), 60.0);
}

#[test]
fn registers_without_a_text_are_not_there() {
    let text = of(RegisterType::Text(3));
    for words in [[0xFFFF; 3], [0; 3], [0x2020; 3], [0xFFFF, 0, 0x4141]] {
        assert_eq!(decode(&text, &words, Some(0)), Value::Absent, "{words:?}");
    }
    assert_eq!(decode(&text, &[0x4142, 0x00FF, 0xFFFF], Some(0)), Value::Text("AB".to_owned()));
}
