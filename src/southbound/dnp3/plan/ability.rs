//! What an outstation can be asked for, from its map and what it said.
//!
//! Pure.

use super::{Known, size};
use crate::der::{Capability, Control, Controls, Watts};
use crate::device_map::dnp3::{Argument, At, OutstationMap, OutstationPoint, OutstationStep, StepSource};
use crate::device_map::registers::{CommandName, Rating, RegisterQuantity};
use crate::southbound::lanes;

/// What the commands of the map let the outstation be asked for, but for what it says that it does not support.
#[must_use]
pub fn controls(map: &OutstationMap, known: &dyn Known) -> Controls {
    let can = |at: Option<At>| at.is_none_or(|at| known.is_on(at) != Some(false));
    let has = |name| map.command(name).is_some_and(|command| can(command.supports));
    let undone = map.command(CommandName::Disconnect).is_some_and(|command| !command.release.is_empty());
    let all = lanes::controls(has, undone);
    if map.curves.iter().any(|curve| can(curve.supports)) { all.with(Control::SetCurve) } else { all }
}

/// What the outstation can be asked for: the maxima to which its percentages refer, else its ratings. A storage that is
/// known to charge, but cannot be told to, is still told of.
#[must_use]
pub fn capability(map: &OutstationMap, known: &dyn Known) -> Capability {
    let controls = controls(map, known);
    let (set_up, set_down) = bounds(map, CommandName::SetActivePower, known);
    let (limit_up, _) = bounds(map, CommandName::LimitActivePower, known);
    let injection = limit_up.or(set_up).or_else(|| rating(map, Rating::ActivePowerMax, known));
    let charge = || rating(map, Rating::ChargeMax, known);
    let absorption = if controls.has(Control::SetActivePower) { set_down.or_else(charge) } else { charge() };
    Capability {
        injection_max: Watts::new(injection.unwrap_or(0.0)),
        absorption_max: Watts::new(absorption.unwrap_or(0.0)),
        controls,
    }
}

/// The largest and, as a size, the lowest value that a command takes, in SI, as far as that can be known.
fn bounds(map: &OutstationMap, name: CommandName, known: &dyn Known) -> (Option<f64>, Option<f64>) {
    let of = |step: &OutstationStep| match &step.value {
        StepSource::PercentOf { argument: Argument::Input, positive, negative } => {
            let size = |name: &str| size(known, name);
            let (least, most) = step.range.unwrap_or((-100.0, 100.0));
            let down = negative.as_deref().unwrap_or(positive);
            let most = size(positive).map(|size| size * most.max(0.0) / 100.0);
            let least = (least < 0.0).then(|| size(down).map(|size| -size * least / 100.0)).flatten();
            Some((most, least))
        }
        StepSource::Argument(Argument::Input) => {
            let (least, most) = step.range?;
            Some((Some(most.max(0.0)), (least < 0.0).then_some(-least)))
        }
        _ => None,
    };
    map.command(name).and_then(|command| command.steps.iter().find_map(of)).unwrap_or_default()
}

/// A rating or limit, in SI, as a size.
#[must_use]
pub fn rating(map: &OutstationMap, rating: Rating, known: &dyn Known) -> Option<f64> {
    map.points.iter().filter(|point| is_rating(point, rating)).find_map(|point| size(known, &point.name))
}

fn is_rating(point: &OutstationPoint, rating: Rating) -> bool {
    matches!(point.quantity, Some((RegisterQuantity::Rating(this), _)) if this == rating)
}
