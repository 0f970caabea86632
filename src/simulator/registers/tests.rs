use super::*;
use crate::device_map::models;
use crate::simulator::DeviceSettings;
use proptest::prelude::*;

fn form(kind: Kind, ports: u16) -> Form {
    Form::new(kind, &DeviceSettings::new("T", kind).chain(), ports, &|id| models().get(id)).unwrap()
}

#[test]
fn every_bound_name_is_a_point_of_its_model() {
    for kind in Kind::ALL {
        let form = form(kind, 2);
        for id in kind.models() {
            let layout = Layout::new(&models().get(*id).unwrap(), u16::MAX, &|_| Some(2));
            for (name, _) in bindings::names(kind, *id) {
                let path = bindings::repeated_point(name).unwrap_or_else(|| (*name).to_owned());
                assert!(layout.find(&path).is_some(), "{kind}: model {id} has no point {path}");
            }
        }
        let settings = form.cells.iter().filter(|c| c.setting().is_some()).count();
        assert!(settings > 5 || !Kind::DER.contains(&kind), "{kind} can be controlled");
    }
}

#[test]
fn every_mandatory_point_is_implemented() {
    for kind in Kind::ALL {
        for id in kind.models() {
            let model = models().get(*id).unwrap();
            for point in model.group.points.iter().skip(2).filter(|p| p.mandatory) {
                assert!(
                    bindings::bind(kind, 2, (*id, 0), &point.name, point).is_some(),
                    "{kind}: {id}.{}",
                    point.name
                );
            }
        }
    }
}

#[test]
fn a_scaled_point_that_is_implemented_has_its_scale_factor() {
    for kind in Kind::ALL {
        let form = form(kind, 1);
        for cell in form.cells.iter().filter(|c| c.bind.is_some()) {
            if let Some(CellScale::Register(place)) = cell.scale {
                let scale = form.cells.iter().find(|c| c.offset == place).unwrap();
                assert!(matches!(scale.bind, Some(Bind::Once(_))), "{kind}: register {}", cell.offset);
            }
        }
    }
}

#[test]
fn points_without_binding_say_not_implemented() {
    let form = form(Kind::Pv, 1);
    for cell in form.cells.iter().filter(|c| c.bind.is_none() && c.kind == PointType::Sunssf) {
        assert_eq!(form.blank[cell.offset], 0x8000);
    }
    assert_eq!(form.blank.last_chunk::<2>(), Some(&[0xFFFF, 0]));
}

#[test]
fn model_714_has_a_group_for_each_port() {
    let lengths = |ports| form(Kind::Storage700, ports).blank.len();
    assert_eq!(lengths(2) - lengths(1), 25);
}

#[test]
fn numbers_are_rounded_half_away_and_saturated_short_of_the_sentinel() {
    let mut out = [0];
    assert!(encode(PointType::Int16, -1, -0.25, &mut out));
    assert_eq!(out[0].cast_signed(), -3);
    encode(PointType::Uint16, 0, 1e9, &mut out);
    assert_eq!(out, [65534]);
    encode(PointType::Int16, 0, -1e9, &mut out);
    assert_eq!(out[0].cast_signed(), -32767);
    let mut wide = [0; 2];
    encode(PointType::Float32, 0, 230.5, &mut wide);
    assert_eq!(wide, [0x4366, 0x8000]);
    encode(PointType::Int32, 0, -2.0, &mut wide);
    assert_eq!(wide, [0xFFFF, 0xFFFE]);
}

#[test]
fn texts_are_cut_and_padded() {
    let mut out = [1; 2];
    encode_text("ab", &mut out);
    assert_eq!(out, [0x6162, 0]);
    encode_text("abcdé", &mut out);
    assert_eq!(out, [0x6162, 0x6364]);
    encode_text("abcé", &mut out);
    assert_eq!(out, [0x6162, 0x6300], "no half characters");
}

#[test]
fn scales_are_as_fine_as_the_rating_allows() {
    assert_eq!(scale_for(6_250.0, 32767.0), 0);
    assert_eq!(scale_for(3_000.0, 32767.0), -1);
    assert_eq!(scale_for(37_500.0, 32767.0), 1);
    assert_eq!(scale_for(1e12, 32767.0), 8);
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(raw in -32767_i16..=32767, power in -3_i8..=3) {
        let value = f64::from(raw) * 10_f64.powi(i32::from(power));
        let mut out = [0];
        encode(PointType::Int16, power, value, &mut out);
        prop_assert_eq!(out[0].cast_signed(), raw);
        let back = decode(PointType::Int16, power, &out).unwrap();
        prop_assert!((back - value).abs() <= value.abs() * 1e-12);
    }
}
