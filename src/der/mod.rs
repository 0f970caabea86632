//! The vocabulary that every room speaks: identities, quantities, readings, capability, groups and dispatches.
//!
//! Values only: no I/O, no clock, no async, no serialisation. Each border (northbound, store, admin) converts.
//! One sign rule: positive is injected into the grid. One unit system: SI base units in IEEE doubles.

mod capability;
mod command;
mod device;
mod dispatch;
mod function;
mod group;
mod mrid;
mod parameter;
mod quantity;
mod reading;
mod schedule;
mod sequence;
mod settings;

pub use capability::{Capability, Control, Controls, Nameplate};
pub use command::{Effect, Lane, Outcome, ReadBack, Setpoint};
pub use device::{DeviceIndex, DeviceState};
pub use dispatch::{DispatchState, GroupDispatch};
pub use function::{DerFunction, DerFunctions};
pub use group::{EndDeviceGroup, Name, NameType, NameTypeAuthority, Version};
pub use mrid::{Mrid, MridError};
pub use parameter::Parameter;
pub use quantity::{Amperes, Celsius, Hertz, Percent, Vars, VoltAmperes, Volts, WattHours, Watts};
pub use reading::{Quality, Quantity, Reading};
pub use schedule::{CurveStyle, DispatchSchedule, MOST_VALUE, ScheduleError, TimeIntervalKind};
pub use sequence::{Clock, SequenceEvent};
pub use settings::{Curve, CurveKind, CurveShape, EnterService, Excitation, PowerFactor, RampRates};

#[cfg(test)]
mod tests;
