//! Identity and ratings of a device, from the answers of its models.
//!
//! Pure. A rating that the device does not tell stays unknown.

use crate::der::{Nameplate, Vars, VoltAmperes, WattHours, Watts};
use crate::southbound::sunspec::block::Blocks;

/// The first of some points that is good. 0 is no answer: a rating of 0 is one that the maker did not fill in.
pub(super) fn rating(blocks: &Blocks, points: &[(u16, &str)]) -> Option<f64> {
    points.iter().find_map(|(id, path)| blocks.good(*id, path).map(f64::abs).filter(|v| *v > 0.0))
}

/// Identity and ratings.
#[must_use]
pub fn nameplate(blocks: &Blocks) -> Nameplate {
    let text = |path: &str| blocks.sample(1).and_then(|s| s.text(path));
    Nameplate {
        manufacturer: text("Mn"),
        model: text("Md"),
        serial: text("SN"),
        version: text("Vr"),
        active_power_max: rating(blocks, &[(702, "WMaxRtg"), (120, "WRtg")]).map(Watts::new),
        charge_max: rating(
            blocks,
            &[(702, "WChaRteMaxRtg"), (120, "MaxChaRte"), (124, "WChaMax"), (802, "WChaRteMax")],
        )
        .map(Watts::new),
        apparent_power_max: rating(blocks, &[(702, "VAMaxRtg"), (120, "VARtg")]).map(VoltAmperes::new),
        reactive_injected_max: rating(blocks, &[(702, "VarMaxInjRtg"), (120, "VArRtgQ1")]).map(Vars::new),
        reactive_absorbed_max: rating(blocks, &[(702, "VarMaxAbsRtg"), (120, "VArRtgQ4")]).map(Vars::new),
        energy_rating: rating(blocks, &[(713, "WHRtg"), (120, "WHRtg"), (802, "WHRtg")]).map(WattHours::new),
    }
}

#[cfg(test)]
mod tests;
