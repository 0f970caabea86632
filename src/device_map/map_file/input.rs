//! `input` of a command: what its value means to the device.

use super::commands::Context;
use super::refs::resolve;
use super::units::{self, Dimension};
use super::values::NUMBERS;
use super::words::quoted;
use crate::device_map::map::MapKind;
use crate::device_map::registers::{Access, Base, CommandName, Input, InputUnit};
use crate::toml_file::{Placed, Table};

/// An input, and the unit that it is written in.
#[derive(Debug)]
pub(super) struct ReadInput {
    pub(super) input: Input,
    pub(super) unit: String,
}

/// What the value of a command is; `None` for a command without one.
const fn dimension_of(name: CommandName) -> Option<Option<Dimension>> {
    match name {
        CommandName::LimitActivePower | CommandName::SetActivePower => Some(Some(Dimension::ActivePower)),
        CommandName::SetReactivePower => Some(Some(Dimension::ReactivePower)),
        CommandName::SetPowerFactor => Some(None),
        _ => None,
    }
}

/// True if the command has a value.
pub(super) const fn has_value(name: CommandName) -> bool {
    dimension_of(name).is_some()
}

pub(super) fn read(
    mut table: Table,
    name: CommandName,
    label: &str,
    context: &Context<'_>,
) -> Option<ReadInput> {
    let place = table.place().clone();
    let unit = table.required_text("unit", "\"%\"");
    let min = table.required_number("min", NUMBERS, "0");
    let max = table.required_number("max", NUMBERS, "100");
    let base = table.text("base", "\"rated\"");
    let negate = table.boolean("negate").is_some_and(|given| given.value);
    table.finish();
    let Some(dimension) = dimension_of(name) else {
        place.fault(format!("{label} has no value, so it has no input; leave the key out"));
        return None;
    };
    let unit = unit?;
    let kind = match dimension {
        Some(dimension) => power_unit(&unit, dimension, base, label, context),
        None => factor_unit(&unit, base, label),
    };
    let (min, max) = (min?, max?);
    if min.value > max.value {
        max.place
            .fault(format!("{label}: input has min {} over max {}; exchange them", min.value, max.value));
        return None;
    }
    Some(ReadInput { input: Input { min: min.value, max: max.value, unit: kind?, negate }, unit: unit.value })
}

/// The unit of an active or reactive power.
fn power_unit(
    unit: &Placed<String>,
    dimension: Dimension,
    base: Option<Placed<String>>,
    label: &str,
    context: &Context<'_>,
) -> Option<InputUnit> {
    match (units::unit(&unit.value), base) {
        (Some((Dimension::Percent, _)), Some(base)) => {
            read_base(&base, label, context).map(InputUnit::PercentOf)
        }
        (Some((Dimension::Percent, _)), None) => {
            unit.place
                .fault(format!("{label}: input in % needs a base; add base = \"rated\", a point of the map"));
            None
        }
        (Some((of, factor)), base) if of == dimension => {
            if let Some(base) = base {
                base.place.fault(format!("{label}: input in {} has no base; leave the key out", unit.value));
            }
            // The command comes in the SI unit; one of the device's is `factor` of them.
            Some(InputUnit::Scaled(factor.recip()))
        }
        _ => {
            unit.place.fault(format!(
                "{label}: input in {} cannot be made of its value; use \"%\", {} (case matters)",
                quoted(&unit.value),
                units::units_of(dimension)
            ));
            None
        }
    }
}

/// The unit of a power factor.
fn factor_unit(unit: &Placed<String>, base: Option<Placed<String>>, label: &str) -> Option<InputUnit> {
    if let Some(base) = base {
        base.place.fault(format!("{label}: a power factor has no base; leave the key out"));
    }
    match unit.value.as_str() {
        "1" => Some(InputUnit::Scaled(1.0)),
        "%" => Some(InputUnit::Scaled(100.0)),
        _ => {
            unit.place.fault(format!(
                "{label}: input in {} is no power factor; use \"1\" or \"%\"",
                quoted(&unit.value)
            ));
            None
        }
    }
}

/// Units of power in SunSpec models, which write them in more than one way.
fn is_power(unit: &str) -> bool {
    ["w", "va", "var", "vars"].contains(&unit.trim().to_lowercase().as_str())
}

fn read_base(base: &Placed<String>, label: &str, context: &Context<'_>) -> Option<Base> {
    let begins_with_model = base.value.split_once('.').is_some_and(|(id, _)| id.parse::<u16>().is_ok());
    if context.points.get(&base.value).is_none() && begins_with_model {
        if context.kind != MapKind::Hybrid {
            base.place.fault(format!(
                "{label}: base {} is a SunSpec point, which only kind \"hybrid\" can read; name a point of this map",
                quoted(&base.value)
            ));
            return None;
        }
        let (point, model) = resolve(base, &format!("{label}: base"), context.library)?;
        if !model.unit.as_deref().is_some_and(is_power) {
            base.place.fault(format!(
                "{label}: base {} must be a power, such as \"120.WRtg\"",
                quoted(&base.value)
            ));
            return None;
        }
        return Some(Base::Sunspec(point));
    }
    let point = context.points.find(base, &format!("{label}: base"))?;
    let dimension = point.quantity.and_then(|(quantity, _)| units::dimension(quantity));
    let is_power = matches!(
        dimension,
        Some(Dimension::ActivePower | Dimension::ReactivePower | Dimension::ApparentPower)
    );
    if point.access == Access::Write || !is_power {
        base.place.fault(format!(
            "{label}: base \"{}\" must be a power that can be read, with quantity and unit, such as quantity = \"rated_power\"",
            point.name
        ));
        return None;
    }
    Some(Base::Point(point.name.clone()))
}
