//! Settings that stay until they are set again, and the reset of alarms (SunSpec reference 8.6). What stands there
//! already is not written again: many devices keep settings in flash.

use super::draft::{Draft, Round};
use super::plans::{UNKNOWN_BASE, empty};
use super::{Ask, Plan, Weight};
use crate::der::{EnterService, RampRates};
use crate::southbound::sunspec::abilities::base_power;
use crate::southbound::sunspec::block::Blocks;
use std::fmt::Write as _;

/// Models that hold ramp rates.
pub(super) const RAMP_MODELS: [u16; 4] = [704, 145, 121, 124];
/// Their points.
const RAMP_POINTS: [(u16, &str); 7] = [
    (704, "WRmp"),
    (704, "VarRmp"),
    (145, "NomRmpUpRte"),
    (145, "NomRmpDnRte"),
    (121, "WGra"),
    (124, "WChaGra"),
    (124, "WDisChaGra"),
];

fn implements(blocks: &Blocks, model: u16, path: &str) -> bool {
    blocks.get(model).is_some_and(|b| !b.draft && b.sample().is_some_and(|s| s.implemented(path).is_some()))
}

/// True if the device has a ramp rate that can be set.
#[must_use]
pub fn offers_ramps(blocks: &Blocks) -> bool {
    RAMP_POINTS.iter().any(|(model, path)| implements(blocks, *model, path))
}

/// True if the device has an enter-service setting.
#[must_use]
pub fn offers_enter_service(blocks: &Blocks) -> bool {
    ["ESVHi", "ESVLo", "ESHzHi", "ESHzLo", "ESDlyTms", "ESRndTms", "ESRmpTms"]
        .iter()
        .any(|path| implements(blocks, 703, path))
}

pub(super) fn ramps(ask: &Ask<'_>, rates: &RampRates) -> Result<Plan, String> {
    let given = |rate: Option<crate::der::Percent>, what: &str| match rate.map(crate::der::Percent::get) {
        Some(rate) if !(rate.is_finite() && rate > 0.0) => {
            Err(format!("a ramp rate of {rate} %/s ({what}) cannot be set; it must be over 0"))
        }
        rate => Ok(rate),
    };
    let up = given(rates.active_up, "active power upwards")?;
    let down = given(rates.active_down, "active power downwards")?;
    let reactive = given(rates.reactive, "reactive power")?;
    if up.or(down).or(reactive).is_none() {
        return Err("no ramp rate is given".to_owned());
    }
    let mut plan = empty(ask, "ramp rates".to_owned());
    // What the device has one point for is set to the slower one: no direction is faster than asked.
    let both = up.into_iter().chain(down).min_by(f64::total_cmp);
    let has = |model, path| implements(ask.blocks, model, path);
    let mut active_done = both.is_none();
    let mut reactive_done = reactive.is_none();
    if (both.is_some() && has(704, "WRmp")) || (reactive.is_some() && has(704, "VarRmp")) {
        let mut draft = Draft::of(ask, 704)?;
        if let Some(rate) = both.filter(|_| has(704, "WRmp")) {
            rate_in(&mut draft, &mut plan, "WRmp", rate)?;
            draft.may("WRmpRef", 1.0, Some(Weight::Essential))?;
            active_done = true;
        }
        if let Some(rate) = reactive.filter(|_| has(704, "VarRmp")) {
            rate_in(&mut draft, &mut plan, "VarRmp", rate)?;
            reactive_done = true;
        }
        draft.drop_unchanged();
        plan.add(draft);
    }
    if !active_done {
        active_done = legacy_ramps(ask, &mut plan, up, down, both)?;
    }
    match (active_done, reactive_done) {
        (true, true) => Ok(plan),
        (false, _) => {
            Err("the device has no ramp rate of active power (704.WRmp, 145, 121.WGra, 124)".to_owned())
        }
        (true, false) => Err("the device has no ramp rate of reactive power (704.VarRmp)".to_owned()),
    }
}

/// The ramp rates of 145, or 121.WGra; beside them those of a storage. True if there was one.
fn legacy_ramps(
    ask: &Ask<'_>,
    plan: &mut Plan,
    up: Option<f64>,
    down: Option<f64>,
    both: Option<f64>,
) -> Result<bool, String> {
    let has = |model, path| implements(ask.blocks, model, path);
    let mut done = false;
    if has(145, "NomRmpUpRte") || has(145, "NomRmpDnRte") {
        let mut draft = Draft::of(ask, 145)?;
        for (path, rate) in [("NomRmpUpRte", up), ("NomRmpDnRte", down)] {
            if let Some(rate) = rate {
                rate_in(&mut draft, plan, path, rate)?;
            }
        }
        draft.drop_unchanged();
        plan.add(draft);
        done = true;
    } else if let Some(rate) = both.filter(|_| has(121, "WGra")) {
        let mut draft = Draft::of(ask, 121)?;
        rate_in(&mut draft, plan, "WGra", rate)?;
        draft.drop_unchanged();
        plan.add(draft);
        done = true;
    }
    let gradients = ["WChaGra", "WDisChaGra"].into_iter().any(|path| has(124, path));
    if gradients && (up.is_some() || down.is_some()) {
        let (base, _) = base_power(ask.blocks, 124).ok_or(UNKNOWN_BASE)?;
        let charge = ask.blocks.good(124, "WChaMax").filter(|w| *w > 0.0).ok_or(UNKNOWN_BASE)?;
        let mut draft = Draft::of(ask, 124)?;
        // Less charging and more discharging is upwards.
        for (path, rate) in [("WChaGra", down), ("WDisChaGra", up)] {
            if let Some(rate) = rate.filter(|_| has(124, path)) {
                rate_in(&mut draft, plan, path, rate * base / charge)?;
                done = true;
            }
        }
        draft.drop_unchanged();
        plan.add(draft);
    }
    Ok(done)
}

/// Puts a rate, rounded down to the point's resolution but never to 0, which would mean no ramp at all or none ever.
fn rate_in(draft: &mut Draft<'_>, plan: &mut Plan, path: &str, rate: f64) -> Result<(), String> {
    let sf = draft.sample().implemented(path).and_then(|p| draft.sample().scale_of(p).ok()).unwrap_or(0);
    let step = 10_f64.powi(i32::from(sf));
    let rate = rate.max(step).min(65_534.0 * step);
    let kept = draft.must_round(path, rate, "%/s", Round::Down)?;
    let _ = write!(plan.summary, ", {}.{path} {kept} %/s", draft.block().at.id);
    Ok(())
}

pub(super) fn enter_service(ask: &Ask<'_>, wanted: &EnterService) -> Result<Plan, String> {
    if !ask.blocks.list.iter().any(|b| b.at.id == 703) {
        return Err("the device has no settings for entering service (no model 703)".to_owned());
    }
    let seconds = |time: Option<std::time::Duration>| time.map(|t| t.as_secs_f64().ceil());
    let values: [(&str, Option<f64>, &'static str); 7] = [
        ("ESVHi", wanted.voltage_high.map(crate::der::Percent::get), "%"),
        ("ESVLo", wanted.voltage_low.map(crate::der::Percent::get), "%"),
        ("ESHzHi", wanted.frequency_high.map(crate::der::Hertz::get), "Hz"),
        ("ESHzLo", wanted.frequency_low.map(crate::der::Hertz::get), "Hz"),
        ("ESDlyTms", seconds(wanted.delay), "s"),
        ("ESRndTms", seconds(wanted.random_delay), "s"),
        ("ESRmpTms", seconds(wanted.ramp), "s"),
    ];
    if values.iter().all(|(_, value, _)| value.is_none()) {
        return Err("no setting for entering service is given".to_owned());
    }
    let mut draft = Draft::of(ask, 703)?;
    let after = |path: &str, wanted: Option<f64>| wanted.or_else(|| draft.sample().good(path));
    for [low, high] in [["ESVLo", "ESVHi"], ["ESHzLo", "ESHzHi"]] {
        let of = |name: &str| values.iter().find(|(path, ..)| *path == name).and_then(|(_, value, _)| *value);
        if of(low).or(of(high)).is_some()
            && let (Some(least), Some(most)) = (after(low, of(low)), after(high, of(high)))
            && least >= most
        {
            return Err(format!("703.{low} {least} would not be under 703.{high} {most}"));
        }
    }
    let mut plan = empty(ask, "enter service".to_owned());
    for (path, value, unit) in values {
        if let Some(value) = value {
            let kept = draft.must(path, value, unit)?;
            let _ = write!(plan.summary, ", {path} {kept} {unit}");
        }
    }
    draft.drop_unchanged();
    plan.add(draft);
    Ok(plan)
}

pub(super) fn reset_alarms(ask: &Ask<'_>) -> Result<Plan, String> {
    let mut plan = empty(ask, "reset alarms".to_owned());
    plan.once = true;
    for (model, path) in [(715, "AlarmReset"), (802, "AlmRst")] {
        if implements(ask.blocks, model, path) {
            let mut draft = Draft::of(ask, model)?;
            // No read-back: the device clears it when it has done it.
            draft.may(path, 1.0, None)?;
            plan.add(draft);
        }
    }
    if plan.writes.is_empty() {
        return Err("the device has no reset of alarms (715.AlarmReset, 802.AlmRst)".to_owned());
    }
    Ok(plan)
}
