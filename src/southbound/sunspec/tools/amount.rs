//! What a person asks of a device by hand, and what it comes to on this device.
//!
//! Pure; whether the device can do it is the plan's matter.

use crate::der::{
    Capability, Curve, CurveKind, Nameplate, Percent, PowerFactor, RampRates, Setpoint, Vars, Watts,
};
use crate::device_map::registers::CommandName;
use std::sync::Arc;

/// A command as a person gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manual {
    /// One that device maps know.
    Command(CommandName),
    /// Active power back to the device's own control.
    ReleaseActivePower,
    /// Reactive power back to the device's own control.
    ReleaseReactivePower,
    /// A curve is followed no more.
    ReleaseCurve,
}

/// A value as a person gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Amount {
    /// W; positive is injected.
    Watts(f64),
    /// var; positive is injected.
    Vars(f64),
    /// % of what the device can do.
    Percent(f64),
    /// A power factor.
    Factor(PowerFactor),
    /// A curve.
    Curve(Curve),
    /// The function whose curve is released.
    Function(CurveKind),
}

/// What percentages of a device refer to.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// What it can be asked for.
    pub capability: Capability,
    /// What it is rated for.
    pub nameplate: Nameplate,
    /// What limits are percentages of, W; 0 if it is not known.
    pub limit_base: f64,
}

impl Sizes {
    /// Of a device whose limits are percentages of the most that it can be asked to inject.
    #[must_use]
    pub const fn of(capability: Capability, nameplate: Nameplate) -> Self {
        let limit_base = capability.injection_max.get();
        Self { capability, nameplate, limit_base }
    }
}

/// What a command and its value ask of a device.
///
/// # Errors
/// The value is missing, of the wrong kind, or a percentage of something that the device does not tell.
pub fn setpoint_of(command: Manual, amount: Option<Amount>, sizes: &Sizes) -> Result<Setpoint, String> {
    use CommandName as C;
    let plain = |setpoint| match &amount {
        None => Ok(setpoint),
        Some(_) => Err("this command takes no value".to_owned()),
    };
    let name = match command {
        Manual::Command(name) => name,
        Manual::ReleaseActivePower => return plain(Setpoint::ReleaseActivePower),
        Manual::ReleaseReactivePower => return plain(Setpoint::ReleaseReactivePower),
        Manual::ReleaseCurve => {
            return match amount {
                Some(Amount::Function(kind)) => Ok(Setpoint::ReleaseCurve(kind)),
                _ => Err(format!("release_curve takes the function: {}", functions())),
            };
        }
    };
    match (name, amount) {
        (C::Connect, None) => Ok(Setpoint::Connect),
        (C::Disconnect, None) => Ok(Setpoint::Disconnect),
        (C::ResetAlarms, None) => Ok(Setpoint::ResetAlarms),
        (C::SetPowerFactor, Some(Amount::Factor(factor))) => Ok(Setpoint::SetPowerFactor(factor)),
        (C::SetRampRates, Some(Amount::Percent(percent))) if percent > 0.0 => {
            let rate = Some(Percent::new(percent));
            Ok(Setpoint::SetRampRates(RampRates { active_up: rate, active_down: rate, reactive: None }))
        }
        (C::SetCurve, Some(Amount::Curve(curve))) => Ok(Setpoint::SetCurve(Arc::new(curve))),
        (C::LimitActivePower | C::SetActivePower | C::SetReactivePower, Some(amount)) => {
            power(name, &amount, sizes)
        }
        _ => Err(wanted(name)),
    }
}

/// A power given as such or in percent.
fn power(name: CommandName, amount: &Amount, sizes: &Sizes) -> Result<Setpoint, String> {
    use CommandName as C;
    match (name, amount) {
        (C::LimitActivePower, Amount::Watts(watts)) => Ok(Setpoint::LimitActivePower(Watts::new(*watts))),
        (C::LimitActivePower, Amount::Percent(percent)) => {
            known(sizes.limit_base, "maximum power")?;
            Ok(Setpoint::LimitActivePower(Watts::new(sizes.limit_base * percent / 100.0)))
        }
        (C::SetActivePower, Amount::Watts(watts)) => Ok(Setpoint::SetActivePower(Watts::new(*watts))),
        (C::SetActivePower, Amount::Percent(percent)) => {
            let can = &sizes.capability;
            let most = if *percent < 0.0 { can.absorption_max } else { can.injection_max };
            known(most.get(), "maximum power")?;
            Ok(Setpoint::SetActivePower(Watts::new(most.get() * percent / 100.0)))
        }
        (C::SetReactivePower, Amount::Vars(vars)) => Ok(Setpoint::SetReactivePower(Vars::new(*vars))),
        (C::SetReactivePower, Amount::Percent(percent)) => {
            let plate = &sizes.nameplate;
            let most = if *percent < 0.0 { plate.reactive_absorbed_max } else { plate.reactive_injected_max };
            let most = most.map_or(0.0, Vars::get);
            known(most, "maximum reactive power")?;
            Ok(Setpoint::SetReactivePower(Vars::new(most * percent / 100.0)))
        }
        _ => Err(wanted(name)),
    }
}

fn known(most: f64, what: &str) -> Result<(), String> {
    if most > 0.0 {
        return Ok(());
    }
    Err(format!("a percentage needs the {what} of the device, which it does not tell; give W or var"))
}

fn wanted(name: CommandName) -> String {
    use CommandName as C;
    let right = match name {
        C::Connect | C::Disconnect | C::ResetAlarms => return format!("{} takes no value", name.name()),
        C::LimitActivePower | C::SetActivePower => "4800W, 4.8kW or 60%",
        C::SetReactivePower => "1200var, -1.2kvar or 20%",
        C::SetPowerFactor => "0.95over or 0.95under",
        C::SetRampRates => "10% (of the maximum active power, per second)",
        C::SetCurve => "volt-var, with --points 92:44,98:0,102:0,108:-44",
        C::SetEnterService => {
            return "set_enter_service takes several values and is not given by hand; write the points of model 703"
                .to_owned();
        }
    };
    format!("{} takes a value such as {right}", name.name())
}

/// The functions that follow curves.
fn functions() -> String {
    CurveKind::ALL.map(CurveKind::name).join(", ")
}
