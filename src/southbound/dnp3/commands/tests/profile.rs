//! A map of the AN2018 kind for tests, small enough to see what a test rests on; and an outstation that fits it.

use super::super::Known;
use crate::der::{CurveKind, Quantity};
use crate::device_map::dnp3::{
    Argument, At, CurvePoints, CurveRoute, CurveWindow, OutstationCommand, OutstationMap, OutstationPoint,
    OutstationStep, StepSource, WindowPoint,
};
use crate::device_map::registers::{
    CommandName, EffectBound, EffectRule, PollClass, Rating, RegisterQuantity,
};
use crate::southbound::dnp3::testing::Outstation;
use std::collections::BTreeMap;
use std::time::Duration;

pub fn at(text: &str) -> At {
    At::parse(text).unwrap()
}

/// What a test lets the outstation have said.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub named: BTreeMap<String, f64>,
    pub shown: BTreeMap<At, f64>,
    pub on: BTreeMap<At, bool>,
    pub blocked: Option<String>,
}

impl Told {
    /// A storage of 10 kW that charges with 8 kW, and does all it can.
    pub fn storage() -> Self {
        let named = [
            ("w_max", 10_000.0),
            ("w_max_charge", -8000.0),
            ("var_max_injected", 6000.0),
            ("var_max_absorbed", -4000.0),
            ("frequency", 50.01),
        ];
        let named = named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { named, ..Self::default() }
    }
}

impl Known for Told {
    fn named(&self, name: &str) -> Option<f64> {
        self.named.get(name).copied()
    }

    fn is_on(&self, at: At) -> Option<bool> {
        self.on.get(&at).copied()
    }

    fn blocked(&self) -> Option<String> {
        self.blocked.clone()
    }

    fn shown(&self, at: At) -> Option<f64> {
        self.shown.get(&at).copied()
    }
}

pub fn step(write: &str, reads: &str, value: StepSource, scale: f64) -> OutstationStep {
    OutstationStep {
        write: at(write),
        reads: reads.split_whitespace().map(at).collect(),
        value,
        scale,
        range: None,
        operate: None,
        switch: None,
        shows: None,
        within: None,
        optional: false,
    }
}

pub fn constant(write: &str, reads: &str, value: f64) -> OutstationStep {
    step(write, reads, StepSource::Constant(value), 1.0)
}

fn argument(write: &str, reads: &str, argument: Argument, scale: f64) -> OutstationStep {
    step(write, reads, StepSource::Argument(argument), scale)
}

fn percent(write: &str, reads: &str, positive: &str, negative: Option<&str>) -> OutstationStep {
    let value = StepSource::PercentOf {
        argument: Argument::Input,
        positive: positive.to_owned(),
        negative: negative.map(str::to_owned),
    };
    let range = Some((if negative.is_some() { -100.0 } else { 0.0 }, 100.0));
    OutstationStep { range, ..step(write, reads, value, 0.1) }
}

/// Window, ramp and reversion, as each mode has them.
fn timing(window: u16, shown: u16) -> Vec<OutstationStep> {
    let place = |n: u16| (format!("AO{}", window + n), format!("AI{}", shown + n));
    let ((w, ws), (r, rs), (t, ts)) = (place(0), place(1), place(2));
    vec![
        OutstationStep { optional: true, ..constant(&w, &ws, 0.0) },
        OutstationStep { optional: true, ..constant(&r, &rs, 0.0) },
        argument(&t, &ts, Argument::Reversion, 1.0),
    ]
}

fn command(
    name: CommandName,
    supports: Option<&str>,
    steps: Vec<OutstationStep>,
    release: &[(&str, &str)],
    effect: Option<(Quantity, EffectBound)>,
) -> OutstationCommand {
    let release = release.iter().map(|(write, reads)| constant(write, reads, 0.0)).collect();
    let effect = effect.map(|(quantity, bound)| EffectRule {
        quantity,
        bound,
        tolerance_percent: 5.0,
        within: Duration::from_secs(30),
    });
    OutstationCommand { name, supports: supports.map(at), steps, release, effect }
}

fn active_power() -> [OutstationCommand; 2] {
    let mut limit = timing(83, 143);
    limit.push(OutstationStep { scale: 0.1, ..constant("AO87", "AI148", 100.0) });
    limit.push(percent("AO88", "AI149", "w_max", None));
    limit.push(constant("BO17", "BI69", 1.0));
    let mut set = timing(90, 151);
    set.push(percent("AO93", "AI154", "w_max", Some("w_max_charge")));
    set.push(constant("BO18", "BI70", 1.0));
    let effect = |bound| Some((Quantity::ActivePower, bound));
    [
        command(
            CommandName::LimitActivePower,
            Some("BI36"),
            limit,
            &[("BO17", "BI69")],
            effect(EffectBound::AtMost),
        ),
        command(
            CommandName::SetActivePower,
            Some("BI37"),
            set,
            &[("BO18", "BI70")],
            effect(EffectBound::Equals),
        ),
    ]
}

fn reactive_power() -> [OutstationCommand; 2] {
    let mut var = vec![constant("AO5", "AI42", 2.0)];
    var.extend(timing(200, 278));
    var.push(percent("AO203", "AI281", "var_max_injected", Some("var_max_absorbed")));
    var.push(constant("BO27", "BI79", 1.0));
    let mut factor = timing(207, 285);
    factor.push(argument("BO10", "BI29", Argument::Absorbing, 1.0));
    factor.push(argument("AO210", "AI288", Argument::PowerFactor, 0.01));
    factor.push(constant("BO28", "BI80", 1.0));
    [
        command(CommandName::SetReactivePower, Some("BI46"), var, &[("BO27", "BI79")], None),
        command(CommandName::SetPowerFactor, Some("BI47"), factor, &[("BO28", "BI80")], None),
    ]
}

fn settings() -> Vec<OutstationCommand> {
    let switch = |on: f64| vec![argument("AO17", "", Argument::Reversion, 1.0), constant("BO5", "BI23", on)];
    let enter = vec![
        OutstationStep {
            range: Some((100.0, 120.0)),
            ..argument("AO6", "AI51", Argument::VoltageHigh, 0.01)
        },
        argument("AO10", "AI55", Argument::Delay, 1.0),
    ];
    let mut disconnect = switch(0.0);
    disconnect.retain(|step| step.write == at("BO5"));
    vec![
        command(CommandName::Disconnect, None, disconnect, &[], None),
        command(CommandName::Connect, None, vec![constant("BO5", "BI23", 1.0)], &[], None),
        command(CommandName::SetEnterService, None, enter, &[], None),
        command(
            CommandName::SetRampRates,
            None,
            vec![
                argument("AO96", "AI157", Argument::RampUp, 0.1),
                argument("AO97", "AI158", Argument::RampDown, 0.1),
            ],
            &[],
            None,
        ),
    ]
}

fn point(name: &str, text: &str, scale: f64, quantity: RegisterQuantity, factor: f64) -> OutstationPoint {
    OutstationPoint {
        name: name.to_owned(),
        at: at(text),
        scale,
        offset: 0.0,
        unit: None,
        quantity: Some((quantity, factor)),
        poll: PollClass::Normal,
        without_online: false,
        invalid: Vec::new(),
        symbols: Vec::new(),
        only_while: None,
        alarm: None,
        blocks: None,
        sequence: false,
    }
}

fn window() -> CurveWindow {
    let pair = |write: u16| WindowPoint { write, read: write + 84 };
    CurveWindow {
        select: pair(244),
        kind: pair(245),
        count: pair(246),
        x_unit: pair(247),
        y_unit: pair(248),
        first: pair(249),
        max_points: 100,
        referenced: Some(at("BI107")),
        locked_while_followed: false,
    }
}

fn curves() -> Vec<CurveRoute> {
    let follow = |window: u16, shown: u16, select: (&str, &str), enable: (&str, &str)| {
        let mut steps = timing(window, shown);
        steps.push(argument(select.0, select.1, Argument::CurveNumber, 1.0));
        steps.push(constant(enable.0, enable.1, 1.0));
        (steps, vec![constant(enable.0, enable.1, 0.0)])
    };
    let (steps, release) = follow(213, 291, ("AO217", "AI297"), ("BO29", "BI81"));
    let points = CurvePoints {
        kind: 2,
        x_unit: 129,
        y_unit: 2,
        x_scale: 0.1,
        y_scale: 0.1,
        swapped: false,
        y_percent_of: None,
        exact: false,
        numbers: vec![1, 11],
    };
    let volt_var = CurveRoute {
        kind: CurveKind::VoltVar,
        supports: Some(at("BI48")),
        points: Some(points),
        steps,
        release,
    };
    let droop = vec![
        argument("AO62", "AI121", Argument::DroopOverBand, 0.001),
        argument("AO64", "AI123", Argument::DroopOverSlope, 0.001),
        argument("AO66", "AI125", Argument::DroopUnderBand, -0.001),
        argument("AO68", "AI127", Argument::DroopUnderSlope, 0.001),
        constant("BO16", "BI68", 1.0),
    ];
    let trip = CurvePoints {
        kind: 9,
        x_unit: 4,
        y_unit: 129,
        x_scale: 1.0,
        y_scale: 0.1,
        swapped: true,
        y_percent_of: None,
        exact: true,
        numbers: vec![4],
    };
    let trip = CurveRoute {
        kind: CurveKind::HighVoltageTrip,
        supports: None,
        points: Some(trip),
        steps: vec![argument("AO23", "AI73", Argument::CurveNumber, 1.0), constant("BO12", "BI64", 1.0)],
        release: Vec::new(),
    };
    let release = vec![constant("BO16", "BI68", 0.0)];
    let droop =
        CurveRoute { kind: CurveKind::FrequencyWatt, supports: None, points: None, steps: droop, release };
    vec![volt_var, trip, droop]
}

pub fn map() -> OutstationMap {
    let mut commands = Vec::from(active_power());
    commands.extend(reactive_power());
    commands.extend(settings());
    OutstationMap {
        points: vec![
            point("w_max", "AI32", 1.0, RegisterQuantity::Rating(Rating::ActivePowerMax), 1.0),
            point("w_max_charge", "AI33", 1.0, RegisterQuantity::Rating(Rating::ChargeMax), 1.0),
            point("frequency", "AI536", 0.001, RegisterQuantity::Reading(Quantity::Frequency), 1.0),
        ],
        commands,
        window: Some(window()),
        curves: curves(),
        ..OutstationMap::default()
    }
}

/// An outstation that takes all the map has, and shows it.
pub fn good() -> Outstation {
    good_for(&map())
}

/// An outstation that takes all that a map has, and shows it.
pub fn good_for(map: &OutstationMap) -> Outstation {
    let outstation = Outstation::new(&[]);
    let routes = map.curves.iter().flat_map(|route| route.steps.iter().chain(&route.release));
    let steps = map.commands.iter().flat_map(|command| command.steps.iter().chain(&command.release));
    for step in steps.chain(routes) {
        let reads: Vec<String> = step.reads.iter().map(ToString::to_string).collect();
        let reads: Vec<&str> = reads.iter().map(String::as_str).collect();
        outstation.mirror(&step.write.to_string(), &reads);
        reads.iter().for_each(|read| outstation.put(read, 0.0));
    }
    outstation
}
