//! What a device is rated for and can be asked to do, from the answers of its models.
//!
//! Pure. Only what the device implements counts.

mod nameplate;

pub use nameplate::nameplate;

use super::block::Blocks;
use crate::der::{Capability, Control, Controls, Watts};
use nameplate::rating;

/// Which model carries out which control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// 704 or 123.
    pub limit: Option<u16>,
    /// 704 or 124.
    pub set: Option<u16>,
    /// 703 or 123.
    pub connect: Option<u16>,
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
    Routes {
        limit: pick(&[(704, &["WMaxLimPct", "WMaxLimPctEna"]), (123, &["WMaxLimPct", "WMaxLim_Ena"])]),
        set: pick(&[(704, &["WSet", "WSetEna"]), (124, &["StorCtl_Mod", "OutWRte", "InWRte", "WChaMax"])]),
        connect: pick(&[(703, &["ES"]), (123, &["Conn"])]),
    }
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
    let offered = [
        (routes.limit, Control::LimitActivePower),
        (routes.set, Control::SetActivePower),
        (routes.connect, Control::Connect),
    ];
    let controls = offered
        .into_iter()
        .filter(|(route, _)| route.is_some())
        .fold(Controls::NONE, |all, (_, control)| all.with(control));
    Capability {
        injection_max: Watts::new(injection.max(0.0)),
        absorption_max: Watts::new(absorption.max(0.0)),
        controls,
    }
}

#[cfg(test)]
mod tests;
