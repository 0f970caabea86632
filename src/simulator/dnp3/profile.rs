//! What the simulator knows of the AN2018-001 profile: which outputs belong to which mode, where an output is read back, what it
//! may hold, and in which class an input reports. (DNP3 reference 1.1 to 1.4.)
//!
//! Written down once more, and on purpose: the gateway has its own copy of these facts in its device maps. It knows no value.

use std::ops::RangeInclusive;

/// Raw value of AI0 of this edition.
pub const VERSION: i32 = 100;
/// Analog inputs end before this index.
pub const INPUTS: u16 = 557;
/// Analog outputs end before this index.
pub const OUTPUTS: u16 = 449;
/// Binary outputs end before this index.
pub const SWITCHES: u16 = 42;
/// From the output that turns a mode on to the input that says so.
pub const MODE_STATUS: u16 = 52;
/// From the output that turns a mode on to the input that says whether there is such a mode.
pub const MODE_SUPPORT: u16 = 19;
/// The window through which curves are edited: outputs, and their inputs.
pub const WINDOW: RangeInclusive<u16> = 244..=448;

/// A mode of the profile.
#[derive(Debug)]
pub struct Mode {
    /// The binary output that turns it on.
    pub enable: u16,
    /// Its settings.
    pub outputs: RangeInclusive<u16>,
    /// Where its window and reversion are, if it has them; seconds.
    pub timing: Option<Timing>,
    /// Settings that name a curve, and the type that the curve must have.
    pub curves: &'static [(u16, i32)],
    /// Only a battery can do it.
    pub needs_battery: bool,
}

/// Where the times of a mode are.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Random delay before it begins.
    pub window: u16,
    /// Time after which it turns itself off.
    pub reversion: u16,
}

/// The usual order: priority, window, ramp, reversion. What ramps, and how, differs from mode to mode.
const fn timing(priority: u16) -> Option<Timing> {
    Some(Timing { window: priority + 1, reversion: priority + 3 })
}

/// Voltage ride-through.
pub const VOLTAGE_RIDE: u16 = 12;
/// Frequency ride-through.
pub const FREQUENCY_RIDE: u16 = 13;
/// Frequency-watt with droop.
pub const DROOP: u16 = 16;
/// Limit of active power.
pub const LIMIT: u16 = 17;
/// Charge and discharge.
pub const CHARGE: u16 = 18;
/// Volt-watt.
pub const VOLT_WATT: u16 = 25;
/// Constant reactive power.
pub const VARS: u16 = 27;
/// Constant power factor.
pub const FACTOR: u16 = 28;
/// Volt-var.
pub const VOLT_VAR: u16 = 29;
/// Watt-var.
pub const WATT_VAR: u16 = 30;

/// The modes that the simulated outstations have.
pub const MODES: [Mode; 10] = [
    Mode {
        enable: VOLTAGE_RIDE,
        outputs: 22..=26,
        timing: None,
        curves: &[(23, 9), (24, 11), (25, 10), (26, 12)],
        needs_battery: false,
    },
    Mode {
        enable: FREQUENCY_RIDE,
        outputs: 27..=31,
        timing: None,
        curves: &[(28, 13), (29, 15), (30, 14), (31, 16)],
        needs_battery: false,
    },
    Mode { enable: DROOP, outputs: 57..=81, timing: timing(57), curves: &[], needs_battery: false },
    Mode { enable: LIMIT, outputs: 82..=88, timing: timing(82), curves: &[], needs_battery: false },
    Mode { enable: CHARGE, outputs: 89..=101, timing: timing(89), curves: &[], needs_battery: true },
    Mode {
        enable: VOLT_WATT,
        outputs: 168..=180,
        timing: timing(168),
        curves: &[(173, 5)],
        needs_battery: false,
    },
    Mode { enable: VARS, outputs: 199..=205, timing: timing(199), curves: &[], needs_battery: false },
    Mode { enable: FACTOR, outputs: 206..=211, timing: timing(206), curves: &[], needs_battery: false },
    Mode {
        enable: VOLT_VAR,
        outputs: 212..=220,
        timing: timing(212),
        curves: &[(217, 2)],
        needs_battery: false,
    },
    Mode {
        enable: WATT_VAR,
        outputs: 221..=228,
        timing: timing(221),
        curves: &[(226, 4)],
        needs_battery: false,
    },
];

/// The mode that a binary output turns on.
#[must_use]
pub fn mode(enable: u16) -> Option<&'static Mode> {
    MODES.iter().find(|mode| mode.enable == enable)
}

/// Switches that belong to a mode beside its enable.
const SWITCHES_OF_MODES: [(u16, u16); 5] =
    [(34, DROOP), (35, DROOP), (38, CHARGE), (40, VOLT_WATT), (41, VOLT_VAR)];

/// True if a device with or without a battery has this analog output.
#[must_use]
pub fn has_output(index: u16, battery: bool) -> bool {
    index <= 21
        || WINDOW.contains(&index)
        || MODES.iter().any(|m| m.outputs.contains(&index) && (battery || !m.needs_battery))
}

/// True if a device with or without a battery has this binary output.
#[must_use]
pub fn has_switch(index: u16, battery: bool) -> bool {
    let owner = SWITCHES_OF_MODES.iter().find(|(at, _)| *at == index).map_or(index, |(_, mode)| *mode);
    index <= 11 || mode(owner).is_some_and(|m| battery || !m.needs_battery)
}

/// First and last output of a run, and how far behind each its input is.
const BACK: &[(u16, u16, u16)] = &[
    (0, 2, 29),
    (3, 5, 37),
    (6, 17, 44),
    (18, 19, 48),
    (20, 22, 49),
    (23, 27, 50),
    (28, 36, 51),
    (37, 46, 54),
    (48, 52, 54),
    (53, 56, 57),
    (57, 61, 58),
    (62, 79, 59),
    (80, 86, 60),
    (87, 119, 61),
    (120, 123, 62),
    (124, 128, 63),
    (129, 132, 64),
    (133, 137, 65),
    (138, 141, 66),
    (142, 154, 67),
    (155, 159, 72),
    (160, 167, 73),
    (168, 172, 74),
    (173, 173, 75),
    (174, 185, 76),
    (186, 196, 77),
    (197, 216, 78),
    (217, 220, 80),
    (221, 225, 81),
    (226, 228, 82),
    (229, 233, 83),
    (234, 448, 84),
];

/// The analog input that shows an analog output.
#[cfg(test)]
#[must_use]
pub fn readback(output: u16) -> Option<u16> {
    BACK.iter().find(|(from, to, _)| (from..=to).contains(&&output)).map(|(_, _, by)| output + by)
}

/// The analog output that an analog input shows.
#[must_use]
pub fn shown_by(input: u16) -> Option<u16> {
    BACK.iter().find_map(|(from, to, by)| input.checked_sub(*by).filter(|at| (from..=to).contains(&at)))
}

/// The binary inputs that show a binary output; modes apart.
const SWITCH_STATUS: &[(u16, u16)] =
    &[(3, 16), (4, 17), (6, 25), (7, 26), (8, 27), (9, 28), (10, 29), (11, 30)];

/// The binary output that a binary input shows as it stands.
#[must_use]
pub fn switch_shown_by(input: u16) -> Option<u16> {
    let plain = SWITCH_STATUS.iter().find(|(_, status)| *status == input).map(|(switch, _)| *switch);
    plain.or_else(|| input.checked_sub(MODE_STATUS).filter(|at| (33..SWITCHES).contains(at)))
}

/// True for analog inputs about storing: what takes no power has none of them, rather than zeros.
#[must_use]
pub fn is_about_storing(input: u16) -> bool {
    matches!(input, 5 | 7 | 10 | 15..=18 | 20 | 33 | 37 | 44 | 47..=48 | 64..=65)
}

/// The same for binary inputs.
#[must_use]
pub fn is_status_of_storing(input: u16) -> bool {
    matches!(input, 4..=7 | 27)
}

/// The class in which an analog input reports, 1 to 3.
#[must_use]
pub fn class_of_input(index: u16) -> u8 {
    match index {
        0..=28 | 533..=534 | 536..=537 | 541 | 545..=552 => 3,
        538..=540 | 542..=544 | 553..=556 => 1,
        _ => 2,
    }
}

/// The class in which a binary input reports; `None` for those that never do.
#[must_use]
pub fn class_of_status(index: u16) -> Option<u8> {
    match index {
        0..=9 | 52..=63 | 94..=107 => Some(1),
        25..=28 => Some(3),
        31..=51 => None,
        _ => Some(2),
    }
}

/// Smallest and largest raw value of an analog output.
#[must_use]
pub fn range(output: u16) -> (i32, i32) {
    match output {
        1 | 53 | 64..=65 | 68..=69 | 78..=79 | 249..=448 => (i32::MIN, i32::MAX),
        2 | 8..=9 | 62..=63 => (0, 70_000),
        3 | 55..=56 | 80..=81 | 87..=88 => (0, 1_000),
        4 => (1, 2),
        5 => (0, 3),
        6 => (0, 20_000),
        7 => (0, 10_000),
        18..=19 | 247..=248 => (0, 255),
        21 => (0, 9),
        66..=67 => (-70_000, 0),
        74..=77 | 96..=99 | 177..=180 => (0, 500_000),
        93 | 100..=101 | 203 => (-1_000, 1_000),
        210..=211 | 246 => (0, 100),
        244 => (1, i32::MAX),
        245 => (0, 20),
        _ => (0, i32::MAX),
    }
}

#[cfg(test)]
mod tests;
