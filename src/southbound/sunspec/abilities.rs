//! What a device is rated for and can be asked to do, from the answers of its models.
//!
//! Pure. Only what the device implements counts.

mod nameplate;

pub use nameplate::nameplate;

use super::block::Blocks;
use super::control::{editable, offers_enter_service, offers_ramps};
use crate::der::{Capability, Control, Controls, Watts};
use crate::device_map::SunspecOptions;
use crate::device_map::registers::CommandName;
use nameplate::rating;

/// Which model carries out which control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// 704 or 123, or 124 of a storage without a source of its own.
    pub limit: Option<u16>,
    /// 704 or 124.
    pub set: Option<u16>,
    /// 703 or 123.
    pub connect: Option<u16>,
    /// 704 or 123.
    pub var: Option<u16>,
    /// 704 or 123.
    pub pf: Option<u16>,
}

/// Types of DER in model 120 that have a PV source: their injection does not end with the battery.
const WITH_PV: [i128; 2] = [4, 82];

fn first(blocks: &Blocks, points: &[(u16, &str)]) -> Option<f64> {
    points.iter().find_map(|(id, path)| blocks.good(*id, path))
}

/// The configured maximum that percentages of a model refer to.
#[must_use]
pub fn base_power(blocks: &Blocks, control: u16) -> Option<(f64, &'static str)> {
    const NEWER: [(u16, &str, &str); 2] = [(702, "WMax", "WMax"), (702, "WMaxRtg", "WMaxRtg")];
    const LEGACY: [(u16, &str, &str); 2] = [(121, "WMax", "WMax"), (120, "WRtg", "WRtg")];
    let order: [_; 4] = if control < 700 {
        let ([a, b], [c, d]) = (LEGACY, NEWER);
        [a, b, c, d]
    } else {
        let ([a, b], [c, d]) = (NEWER, LEGACY);
        [a, b, c, d]
    };
    order
        .into_iter()
        .find_map(|(id, path, name)| blocks.good(id, path).filter(|w| *w > 0.0).map(|watts| (watts, name)))
}

/// Which control goes to which model.
#[must_use]
pub fn routes(blocks: &Blocks) -> Routes {
    let has = |id: u16, paths: &[&str]| {
        blocks.get(id).is_some_and(|block| {
            !block.draft
                && block.sample().is_some_and(|s| paths.iter().all(|path| s.implemented(path).is_some()))
        })
    };
    let pick =
        |options: &[(u16, &[&str])]| options.iter().find(|(id, paths)| has(*id, paths)).map(|(id, _)| *id);
    let set = pick(&[
        (704, &["WSet", "WSetEna"]),
        (704, &["WSetPct", "WSetMod", "WSetEna"]),
        (124, &["StorCtl_Mod", "OutWRte", "InWRte", "WChaMax"]),
    ]);
    // All that a storage without a source injects is what it discharges.
    let der_type = blocks.sample(120).and_then(|s| s.integer("DERTyp"));
    let discharge = set.filter(|id| *id == 124 && der_type.is_some_and(|t| !WITH_PV.contains(&t)));
    Routes {
        limit: pick(&[(704, &["WMaxLimPct", "WMaxLimPctEna"]), (123, &["WMaxLimPct", "WMaxLim_Ena"])])
            .or(discharge),
        set,
        connect: pick(&[(703, &["ES"]), (123, &["Conn"])]),
        var: pick(&[
            (704, &["VarSet", "VarSetMod", "VarSetEna"]),
            (704, &["VarSetPct", "VarSetMod", "VarSetEna"]),
            (123, &["VArMaxPct", "VArPct_Ena"]),
            (123, &["VArWMaxPct", "VArPct_Ena"]),
        ]),
        pf: pick(&[(704, &["PFWInj.PF", "PFWInj.Ext", "PFWInjEna"]), (123, &["OutPFSet", "OutPFSet_Ena"])]),
    }
}

/// The maximum reactive power that percentages of a control model refer to, injected or absorbed, without sign.
#[must_use]
pub fn base_reactive(blocks: &Blocks, control: u16, injected: bool) -> Option<(f64, &'static str)> {
    const INJECTED: [(u16, &str); 4] =
        [(702, "VarMaxInj"), (702, "VarMaxInjRtg"), (121, "VArMaxQ1"), (120, "VArRtgQ1")];
    const ABSORBED: [(u16, &str); 4] =
        [(702, "VarMaxAbs"), (702, "VarMaxAbsRtg"), (121, "VArMaxQ4"), (120, "VArRtgQ4")];
    let mut order = if injected { INJECTED } else { ABSORBED };
    if control < 700 {
        order.rotate_left(2);
    }
    // Some makers state what is absorbed with a sign.
    order.into_iter().find_map(|(id, path)| {
        blocks.good(id, path).map(f64::abs).filter(|vars| *vars > 0.0).map(|vars| (vars, path))
    })
}

/// What the device can be asked for now.
#[must_use]
pub fn capability(blocks: &Blocks, routes: Routes) -> Capability {
    let mut injection =
        first(blocks, &[(702, "WMax"), (702, "WMaxRtg"), (121, "WMax"), (120, "WRtg")]).unwrap_or(0.0);
    let newer = first(blocks, &[(702, "WChaRteMax"), (702, "WChaRteMaxRtg")]);
    let absorption = newer.or_else(|| blocks.good(124, "WChaMax")).unwrap_or(0.0);
    let der_type = blocks.sample(120).and_then(|s| s.integer("DERTyp"));
    if routes.set == Some(124) && !der_type.is_some_and(|t| WITH_PV.contains(&t)) {
        let discharge = rating(blocks, &[(120, "MaxDisChaRte"), (124, "WChaMax")]);
        injection = match discharge {
            Some(most) if injection > 0.0 => injection.min(most),
            Some(most) => most,
            None => injection,
        };
    }
    let has = |id: u16, path: &str| {
        blocks.get(id).is_some_and(|b| !b.draft && b.sample().is_some_and(|s| s.implemented(path).is_some()))
    };
    let offered = [
        (routes.limit.is_some(), Control::LimitActivePower),
        (routes.set.is_some(), Control::SetActivePower),
        (routes.connect.is_some(), Control::Connect),
        (routes.var.is_some(), Control::SetReactivePower),
        (routes.pf.is_some(), Control::SetPowerFactor),
        (offers_ramps(blocks), Control::SetRampRates),
        (editable(blocks), Control::SetCurve),
        (offers_enter_service(blocks), Control::SetEnterService),
        (has(715, "AlarmReset") || has(802, "AlmRst"), Control::ResetAlarms),
    ];
    let controls = offered
        .into_iter()
        .filter(|(offered, _)| *offered)
        .fold(Controls::NONE, |all, (_, control)| all.with(control));
    Capability {
        injection_max: Watts::new(injection.max(0.0)),
        absorption_max: Watts::new(absorption.max(0.0)),
        controls,
    }
}

/// The controls that the device map leaves of those the device has.
#[must_use]
pub fn allowed(mut capability: Capability, options: &SunspecOptions) -> Capability {
    let taken = |control: Control| {
        let names: &[CommandName] = match control {
            Control::LimitActivePower => &[CommandName::LimitActivePower],
            Control::SetActivePower => &[CommandName::SetActivePower],
            // One without the other would leave a device off, or never let it go off.
            Control::Connect => &[CommandName::Connect, CommandName::Disconnect],
            Control::SetReactivePower => &[CommandName::SetReactivePower],
            Control::SetPowerFactor => &[CommandName::SetPowerFactor],
            Control::SetRampRates => &[CommandName::SetRampRates],
            Control::SetCurve => &[CommandName::SetCurve],
            Control::SetEnterService => &[CommandName::SetEnterService],
            Control::ResetAlarms => &[CommandName::ResetAlarms],
        };
        options.disabled.iter().any(|(name, _)| names.contains(name))
    };
    let left = capability.controls.iter().filter(|control| !taken(*control));
    capability.controls = left.fold(Controls::NONE, Controls::with);
    capability
}

#[cfg(test)]
mod tests;
