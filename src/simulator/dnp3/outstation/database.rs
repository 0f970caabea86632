//! The crate's database of one outstation: which points it has, in which classes and dead-bands, and what changed.

use crate::simulator::dnp3::profile::{self, INPUTS, OUTPUTS, SWITCHES};
use crate::simulator::dnp3::station::{Station, is_measured};
use crate::simulator::faults::Fault;
use dnp3::app::attr::{AttrProp, StringAttr};
use dnp3::app::measurement::{AnalogInput, AnalogOutputStatus, BinaryInput, BinaryOutputStatus, Flags, Time};
use dnp3::outstation::database::{
    Add, AnalogInputConfig, AnalogOutputStatusConfig, BinaryInputConfig, BinaryOutputStatusConfig, Database,
    DatabaseHandle, EventAnalogInputVariation, EventAnalogOutputStatusVariation, EventBinaryInputVariation,
    EventBinaryOutputStatusVariation, EventClass, EventMode, StaticAnalogInputVariation,
    StaticAnalogOutputStatusVariation, StaticBinaryInputVariation, StaticBinaryOutputStatusVariation, Update,
    UpdateOptions,
};

/// Binary inputs end before this index.
const STATUSES: u16 = 108;
/// ONLINE.
const ONLINE: u8 = 0x01;
/// COMM_LOST.
const COMM_LOST: u8 = 0x04;
/// The input that a flood of events is about: the frequency.
const FREQUENCY: u16 = 536;

/// A point as the database has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    analog: bool,
    output: bool,
    index: u16,
    raw: i32,
    flags: u8,
}

/// All points of an outstation as the database has them, in order.
#[derive(Debug, Default)]
pub struct Shown(Vec<Point>);

impl Shown {
    /// Takes over what a station shows now; what of it is new.
    pub fn changes(&mut self, station: &Station) -> Vec<Point> {
        let now = points(station);
        let new: Vec<Point> = now.iter().zip(&self.0).filter(|(a, b)| a != b).map(|(a, _)| *a).collect();
        self.0 = now;
        new
    }
}

/// Every point that a station has, always in the same order.
fn points(station: &Station) -> Vec<Point> {
    let behaviour = station.behaviour();
    let flags = |measured: bool| match () {
        () if behaviour.has(&Fault::Offline) => 0,
        () if measured && behaviour.has(&Fault::CommLost) => ONLINE | COMM_LOST,
        () => ONLINE,
    };
    let input = |index, analog, raw, flags| Point { analog, output: false, index, raw, flags };
    let output = |index, analog, raw| Point { analog, output: true, index, raw, flags: ONLINE };
    let battery = station.stores();
    let mut points = Vec::with_capacity(1024);
    points
        .extend((0..INPUTS).filter_map(|i| Some(input(i, true, station.analog(i)?, flags(is_measured(i))))));
    points.extend(
        (0..STATUSES).filter_map(|i| Some(input(i, false, i32::from(station.status(i)?), flags(false)))),
    );
    points.extend(
        (0..OUTPUTS).filter(|i| profile::has_output(*i, battery)).map(|i| output(i, true, station.output(i))),
    );
    points.extend(
        (0..SWITCHES)
            .filter(|i| profile::has_switch(*i, battery))
            .map(|i| output(i, false, i32::from(station.switch(i)))),
    );
    points
}

/// Fills an empty database.
pub fn build(station: &Station, handle: &DatabaseHandle, time: Time) -> Shown {
    let points = points(station);
    let rated = station.body.ratings.power_w;
    handle.transaction(|database| {
        for point in &points {
            add(database, point, rated);
            put(database, point, time, UpdateOptions::no_event());
        }
        let words = [
            (StringAttr::DeviceManufacturersName, "dergate".to_owned()),
            (StringAttr::ProductNameAndModel, station.model()),
            (StringAttr::DeviceSerialNumber, station.serial()),
            (StringAttr::DeviceManufacturerSoftwareVersion, env!("CARGO_PKG_VERSION").to_owned()),
        ];
        for (attribute, text) in words {
            // Each is defined once in a new database.
            let _ = database.define_attr(AttrProp::default(), attribute.with_value(text));
        }
    });
    Shown(points)
}

fn add(database: &mut Database, point: &Point, rated: f64) {
    let index = point.index;
    match (point.output, point.analog) {
        (false, true) => {
            let config = AnalogInputConfig {
                s_var: StaticAnalogInputVariation::Group30Var1,
                e_var: EventAnalogInputVariation::Group32Var1,
                deadband: dead_band(index, rated),
            };
            database.add(index, class(Some(profile::class_of_input(index))), config);
        }
        (false, false) => {
            let config = BinaryInputConfig {
                s_var: StaticBinaryInputVariation::Group1Var2,
                e_var: EventBinaryInputVariation::Group2Var2,
            };
            database.add(index, class(profile::class_of_status(index)), config);
        }
        (true, true) => {
            let config = AnalogOutputStatusConfig {
                s_var: StaticAnalogOutputStatusVariation::Group40Var1,
                e_var: EventAnalogOutputStatusVariation::Group42Var1,
                deadband: 0.0,
            };
            database.add(index, None, config);
        }
        (true, false) => {
            let config = BinaryOutputStatusConfig {
                s_var: StaticBinaryOutputStatusVariation::Group10Var2,
                e_var: EventBinaryOutputStatusVariation::Group11Var2,
            };
            database.add(index, None, config);
        }
    }
}

fn class(number: Option<u8>) -> Option<EventClass> {
    match number? {
        1 => Some(EventClass::Class1),
        2 => Some(EventClass::Class2),
        _ => Some(EventClass::Class3),
    }
}

/// How far an input moves before that is an event, in steps of the point.
fn dead_band(index: u16, rated: f64) -> f64 {
    match index {
        // One part in a hundred of what it is built for.
        43..=46 | 139 | 147 | 249 | 301 | 307 | 311 | 537..=544 | 546 => rated / 100.0,
        47 | 48 | 72 | 247 | 295 | 547..=553 => 5.0,
        78 | 120 | FREQUENCY => 10.0,
        545 => 1.0,
        554..=556 => (rated / 23_000.0).max(5.0),
        _ => 0.0,
    }
}

/// Writes what changed; an event where a class asks for it.
pub fn apply(handle: &DatabaseHandle, changes: &[Point], time: Time) {
    if changes.is_empty() {
        return;
    }
    handle.transaction(|database| {
        for point in changes {
            put(database, point, time, UpdateOptions::detect_event());
        }
    });
}

/// So many events that the oldest are lost.
pub fn flood(handle: &DatabaseHandle, events: usize, time: Time) {
    handle.transaction(|database| {
        for turn in 0..events {
            let hertz = if turn % 2 == 0 { 50_000.0 } else { 50_001.0 };
            let value = AnalogInput::new(hertz, Flags::new(ONLINE), time);
            database.update(FREQUENCY, &value, UpdateOptions::new(true, EventMode::Force));
        }
    });
}

fn put(database: &mut Database, point: &Point, time: Time, options: UpdateOptions) {
    let (index, flags) = (point.index, Flags::new(point.flags));
    let (number, on) = (f64::from(point.raw), point.raw != 0);
    match (point.output, point.analog) {
        (false, true) => database.update(index, &AnalogInput::new(number, flags, time), options),
        (false, false) => database.update(index, &BinaryInput::new(on, flags, time), options),
        (true, true) => database.update(index, &AnalogOutputStatus::new(number, flags, time), options),
        (true, false) => database.update(index, &BinaryOutputStatus::new(on, flags, time), options),
    };
}
