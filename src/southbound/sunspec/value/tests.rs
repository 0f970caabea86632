use super::*;
use crate::device_map::PointType as T;
use proptest::prelude::*;

#[test]
fn every_not_implemented_value_decodes_to_nothing_before_scaling() {
    for kind in T::ALL {
        let sentinel = kind.not_implemented();
        match kind {
            T::Raw16 => assert_eq!(sentinel, None),
            T::Acc16 | T::Acc32 | T::Acc64 => {
                assert_eq!(decode(kind, sentinel.unwrap()), Some(Value::Integer(0)), "0 is a count");
            }
            T::String => assert_eq!(decode(kind, &[0, 0]), None),
            _ => assert_eq!(decode(kind, sentinel.unwrap()), None, "{}", kind.name()),
        }
    }
}

#[test]
fn numbers_keep_their_sign_and_size() {
    assert_eq!(decode(T::Int16, &[0xFFFF]), Some(Value::Integer(-1)));
    assert_eq!(decode(T::Int16, &[0x8001]), Some(Value::Integer(-32767)));
    assert_eq!(decode(T::Uint16, &[0xFFFE]), Some(Value::Integer(65534)));
    assert_eq!(decode(T::Int32, &[0xFFFF, 0xFFFE]), Some(Value::Integer(-2)));
    assert_eq!(decode(T::Acc32, &[0xFFFF, 0xFFFF]), Some(Value::Integer(0xFFFF_FFFF)));
    assert_eq!(decode(T::Uint64, &[0, 1, 0, 0]), Some(Value::Integer(1 << 32)));
    assert_eq!(decode(T::Int64, &[0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF]), Some(Value::Integer(-1)));
    assert_eq!(decode(T::Float32, &[0x43_66, 0x19_9A]), Some(Value::Float(f64::from(230.1_f32))));
    assert_eq!(decode(T::Float64, &[0x7FF8, 0, 0, 1]), None, "every NaN");
    assert_eq!(decode(T::Float32, &[0xFFC0, 0x0001]), None, "every NaN");
    assert_eq!(decode(T::Int32, &[0]), None, "half a point is no point");
}

#[test]
fn a_bit_field_with_its_top_bit_set_is_not_thirty_two_alarms() {
    assert_eq!(decode(T::Bitfield32, &[0xFFFF, 0xFFFE]), None);
    assert_eq!(decode(T::Bitfield16, &[0x8000]), None);
    assert_eq!(decode(T::Bitfield32, &[0, 5]), Some(Value::Integer(5)));
}

#[test]
fn texts_lose_padding_blanks_and_control_characters() {
    let words =
        |text: &[u8]| -> Vec<u16> { text.chunks(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect() };
    assert_eq!(decode(T::String, &words(b"SolarEdge \0\0")), Some(Value::Text("SolarEdge".into())));
    assert_eq!(decode(T::String, &words(b"A\x1b[31\0xx")), Some(Value::Text("A[31".into())));
    assert_eq!(decode(T::String, &words(b"    ")), None);
    assert_eq!(decode(T::String, &[0x0080, 0]), None, "the recommended empty string");
}

#[test]
fn addresses_read_as_people_write_them() {
    assert_eq!(decode(T::Ipaddr, &[0xC000, 0x0215]).unwrap().to_string(), "192.0.2.21");
    assert_eq!(decode(T::Eui48, &[0, 0x0011, 0x2233, 0x4455]).unwrap().to_string(), "00:11:22:33:44:55");
    assert_eq!(decode(T::Eui48, &[0; 4]), None);
}

#[test]
fn negative_powers_divide_exactly() {
    assert_eq!(scaled(2301.0, -1), Some(230.1));
    assert_eq!(scaled(7.0, 10), Some(7e10));
    assert_eq!(scaled(7.0, 11), None);
    assert_eq!(scaled(7.0, i8::MIN), None);
}

#[test]
fn a_value_that_would_read_as_not_implemented_is_refused() {
    assert!(matches!(encode(T::Uint16, 65535.0, 0), Err(EncodeError::OutOfRange { .. })));
    assert!(matches!(encode(T::Int16, -32768.0, 0), Err(EncodeError::OutOfRange { .. })));
    assert!(matches!(encode(T::Int32, -2_147_483_648.0, 0), Err(EncodeError::OutOfRange { .. })));
    assert!(matches!(encode(T::Uint16, -0.6, 0), Err(EncodeError::OutOfRange { .. })));
    assert!(matches!(encode(T::Int16, f64::NAN, 0), Err(EncodeError::NotFinite(_))));
    assert!(encode(T::String, 1.0, 0).is_err());
    assert_eq!(encode(T::Int32, -5000.0, 0).unwrap().registers, [0xFFFF, 0xEC78]);
    assert_eq!(encode(T::Uint16, 60.05, -1).unwrap().registers, [601], "half away from zero");
    assert_eq!(encode(T::Uint16, 33.333, -1).unwrap().quantised, 33.3);
}

fn any_type() -> impl Strategy<Value = T> {
    prop::sample::select(T::ALL.to_vec())
}

proptest! {
    #[test]
    fn decoding_never_panics(kind in any_type(), words in prop::collection::vec(any::<u16>(), 0..40)) {
        let _ = decode(kind, &words).map(|v| v.to_string());
    }

    #[test]
    fn what_was_encoded_decodes_within_half_a_step(
        kind in prop::sample::select(vec![T::Int16, T::Uint16, T::Int32, T::Uint32]),
        value in -3e9..3e9_f64,
        sf in -10_i8..=10,
    ) {
        if let Ok(encoded) = encode(kind, value, sf) {
            let Some(Value::Integer(raw)) = decode(kind, &encoded.registers) else {
                return Err(TestCaseError::fail("the sentinel was written"));
            };
            let back = scaled(raw as f64, sf).unwrap();
            prop_assert_eq!(back, encoded.quantised);
            let step = scaled(1.0, sf).unwrap();
            prop_assert!((back - value).abs() <= step * 0.5 + value.abs() * 1e-12, "{} {} {}", value, back, sf);
        }
    }
}
