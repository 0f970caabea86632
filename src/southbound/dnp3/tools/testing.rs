//! A map with a profile for the tests of the tools.

use crate::device_map::dnp3::{At, OutstationMap, OutstationPoint, PointKind, Profile, ProfilePoint};
use crate::device_map::registers::PollClass;
use std::sync::Arc;

pub fn at(text: &str) -> At {
    At::parse(text).unwrap()
}

pub fn point(name: &str, address: &str, scale: f64, unit: &str) -> OutstationPoint {
    OutstationPoint {
        name: name.to_owned(),
        at: at(address),
        scale,
        offset: 0.0,
        unit: Some(unit.to_owned()),
        quantity: None,
        poll: PollClass::Fast,
        without_online: false,
        invalid: vec![-1],
        symbols: Vec::new(),
        only_while: None,
        alarm: None,
        blocks: None,
        sequence: false,
    }
}

pub fn known(name: &str, address: &str, scale: f64, unit: &str, pair: Option<&str>) -> ProfilePoint {
    let (name, unit) = (name.to_owned(), unit.to_owned());
    ProfilePoint { at: at(address), name, unit, scale, class: 2, pair: pair.map(at) }
}

/// A few points in three blocks, as the profile has them.
pub fn map() -> OutstationMap {
    let mut points = vec![
        known("DER.Limit", "AI149", 0.1, "%", None),
        known("DER.Limit", "AO88", 0.1, "%", Some("AI149")),
        known("DER.LimitOn", "BO17", 1.0, "", Some("BI69")),
        known("DER.LimitIsOn", "BI69", 1.0, "", None),
        known("DER.W", "AI537", 1.0, "W", None),
        known("DER.Var", "AI541", 1.0, "var", None),
        known("DER.Free", "AO5", 1.0, "", None),
    ];
    points.extend((0..20).map(|index| known("X", &format!("AI{index}"), 1.0, "", None)));
    points.sort_by_key(|point| point.at);
    assert!(points.iter().any(|point| point.at.kind == PointKind::BinaryOutput));
    OutstationMap {
        points: vec![point("w", "AI537", 2.0, "W"), point("limit", "AI149", 0.1, "%")],
        profile: Some(Arc::new(Profile { id: "test".to_owned(), points })),
        ..OutstationMap::default()
    }
}
