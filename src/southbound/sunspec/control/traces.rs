//! The frames of every control and generation of models, as traces of the whole driver against a scripted device.
//!
//! The model of a case stands at 40070, right behind model 1, so that an address less 40070 is the offset that the
//! SunSpec tables give.

use crate::der::{Setpoint, Vars, Watts};
use crate::device_map::{DeviceMap, PointRef, WriteFunction};
use crate::southbound::testing::trace::{Bench, check};
use crate::southbound::testing::{Answer, Book, Script, Seen};
use std::collections::HashMap;

mod active;
mod curves;
mod effects;
mod older_curves;
mod reactive;
mod settings;
mod wire;

fn as_is(_: &mut DeviceMap) {}

fn limit(watts: f64) -> Setpoint {
    Setpoint::LimitActivePower(Watts::new(watts))
}

fn set(watts: f64) -> Setpoint {
    Setpoint::SetActivePower(Watts::new(watts))
}

fn vars(vars: f64) -> Setpoint {
    Setpoint::SetReactivePower(Vars::new(vars))
}

/// A script that answers writes by this, and reads as a good device.
fn on_write(
    mut answer: impl FnMut(&Seen, &mut HashMap<u16, u16>) -> Answer + Send + 'static,
) -> Option<Script> {
    Some(Box::new(
        move |seen, registers| if seen.function == 3 { Answer::Good } else { answer(seen, registers) },
    ))
}

fn toggling(model: u16, path: &str) -> PointRef {
    PointRef { model, path: path.to_owned() }
}

/// A device with 704 at 40070, and its ratings: 8000 W, 5000 VAr injected, 4000 VAr absorbed.
fn der(points: &[(&str, i64)]) -> Book {
    Book::at(40000).identity("S").model(704, points).model(
        702,
        &[
            ("WMaxRtg", 1000),
            ("WMax", 800),
            ("WChaRteMax", 500),
            ("W_SF", 1),
            ("VAMax", 900),
            ("VA_SF", 1),
            ("VarMaxInj", 500),
            ("VarMaxAbs", 400),
            ("Var_SF", 1),
        ],
    )
}

/// A legacy device with 123 at 40070, and its ratings: 8000 W, 5000 VAr injected, 4000 VAr absorbed.
fn inverter(points: &[(&str, i64)]) -> Book {
    Book::at(40000)
        .identity("S")
        .model(123, points)
        .model(121, &[("WMax", 800), ("WMax_SF", 1), ("VArMaxQ1", 500), ("VArMaxQ4", -400), ("VArMax_SF", 1)])
        .model(120, &[("DERTyp", 4), ("WRtg", 1000), ("WRtg_SF", 1)])
}

const LIMIT_704: [(&str, i64); 6] = [
    ("WMaxLimPctEna", 0),
    ("WMaxLimPct", 1000),
    ("WMaxLimPctRvrt", 1000),
    ("WMaxLimPctEnaRvrt", 0),
    ("WMaxLimPctRvrtTms", 0),
    ("WMaxLimPct_SF", -1),
];
const LIMIT_123: [(&str, i64); 6] = [
    ("WMaxLimPct", 1000),
    ("WMaxLimPct_WinTms", 0),
    ("WMaxLimPct_RvrtTms", 60),
    ("WMaxLimPct_RmpTms", 0),
    ("WMaxLim_Ena", 0),
    ("WMaxLimPct_SF", -1),
];
