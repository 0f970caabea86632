//! What each point shows: ratings, measurements, counters and states, from the true state.

use super::Unit;
use crate::simulator::body::VOLTS;
use crate::simulator::faults::Fault;
use crate::simulator::orders::Control;
use crate::simulator::physics::{Connection, reactive_room};
use crate::simulator::registers::{Electric, Energy, Identity, Rating, Status, What, scale_for};

/// A number in SI units or a text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// Steps of the point's resolution.
    Steps(f64),
    /// Registers as they are.
    Raw(&'static [u16]),
    /// A text.
    Text(String),
}

/// Part of the DC power that arrives at the AC side.
const CONVERSION: f64 = 0.97;
/// DC voltage of a PV string under the sun, V.
const STRING_VOLTS: f64 = 620.0;
/// DC voltage of an empty battery, V, and what a full one has more.
const BATTERY_VOLTS: (f64, f64) = (380.0, 60.0);

impl Unit {
    /// The value behind a point; `None` if there is none at present.
    pub(super) fn value(&self, what: What) -> Option<Value> {
        Some(Value::Number(match what {
            What::Text(text) => return Some(Value::Text(text.to_owned())),
            What::Identity(identity) => return Some(Value::Text(self.identity(identity))),
            What::Steps(steps) => return Some(Value::Steps(steps)),
            What::Raw(registers) => return Some(Value::Raw(registers)),
            What::Number(number) => number,
            What::Rated(rating) => self.rating(rating),
            What::ScaleOf(rating) => f64::from(self.scale_of(rating)),
            What::Electric(electric) => self.electric(electric)?,
            What::Energy(energy) => self.energy(energy),
            What::Status(status) => self.status(status),
            // A second that has begun is still to come.
            What::Remaining(control) => self.body.orders.remaining_s(control).ceil(),
        }))
    }

    fn identity(&self, identity: Identity) -> String {
        match identity {
            Identity::Model => format!("simulated {}", self.settings.kind),
            Identity::Serial => self.settings.name.clone(),
            Identity::MeterModel => "simulated meter".to_owned(),
            Identity::MeterSerial => format!("{}-M", self.settings.name),
        }
    }

    fn phases(&self) -> f64 {
        if self.settings.kind.three_phase() { 3.0 } else { 1.0 }
    }

    fn rating(&self, rating: Rating) -> f64 {
        let battery = self.body.ratings.battery.map_or(0.0, |b| b.energy_wh);
        match rating {
            Rating::Power => self.body.ratings.power_w,
            Rating::Apparent => self.body.ratings.apparent_va,
            Rating::Reactive => self.body.ratings.reactive_var,
            Rating::MinusReactive => -self.body.ratings.reactive_var,
            Rating::Current => self.body.ratings.apparent_va / VOLTS,
            Rating::Voltage if self.settings.kind.three_phase() => VOLTS * 3_f64.sqrt(),
            Rating::Voltage => VOLTS,
            Rating::Energy => battery,
            Rating::AmpereHours => battery / BATTERY_VOLTS.0,
            Rating::Ramp => self.settings.ramp_percent_per_s,
            Rating::ReturnDelay => self.settings.return_delay.as_secs_f64(),
            Rating::Ports => f64::from(super::super::plant::ports_of(&self.settings)),
            Rating::DerType if self.settings.kind.stores() => 82.0,
            Rating::DerType => 4.0,
            Rating::AcType if self.settings.kind.three_phase() => 2.0,
            Rating::AcType => 0.0,
        }
    }

    /// Room above the rating, because measurements may exceed it and are signed; energies are neither.
    fn scale_of(&self, rating: Rating) -> i8 {
        match rating {
            Rating::Energy | Rating::AmpereHours => scale_for(self.rating(rating), 65534.0),
            _ => scale_for(self.rating(rating) * 1.25, 32767.0),
        }
    }

    fn dc_voltage(&self) -> f64 {
        if self.body.ratings.battery.is_some() {
            BATTERY_VOLTS.0 + BATTERY_VOLTS.1 * self.body.state.soc / 100.0
        } else if self.body.asleep() {
            0.0
        } else {
            STRING_VOLTS
        }
    }

    fn dc_power(&self) -> f64 {
        let power = self.body.state.power_w;
        if power > 0.0 { power / CONVERSION } else { power * CONVERSION }
    }

    fn dc_current(&self) -> f64 {
        let voltage = self.dc_voltage();
        if voltage > 0.0 { self.dc_power() / voltage } else { 0.0 }
    }

    /// A power as the meter counts it.
    fn toward_meter(&self, injected: f64) -> f64 {
        if self.behaviour.has(&Fault::MeterExport) { injected } else { -injected }
    }

    fn electric(&self, electric: Electric) -> Option<f64> {
        let (power, reactive, apparent) =
            (self.body.state.power_w, self.body.state.reactive_var, self.body.apparent());
        let ports = self.rating(Rating::Ports).max(1.0);
        // Nothing flows: a power factor does not exist.
        let factor = (apparent > 1.0).then(|| power / apparent);
        Some(match electric {
            Electric::Power => power,
            Electric::PhasePower => power / self.phases(),
            Electric::Apparent => apparent,
            Electric::PhaseApparent => apparent / self.phases(),
            Electric::Reactive => reactive,
            Electric::PhaseReactive => reactive / self.phases(),
            Electric::Factor => factor?,
            Electric::FactorEei if power * reactive > 0.0 => -factor?.abs(),
            Electric::FactorEei => factor?.abs(),
            Electric::Current => apparent / self.body.voltage(),
            Electric::PhaseCurrent => apparent / self.body.voltage() / self.phases(),
            Electric::Voltage => self.body.voltage(),
            Electric::LineVoltage => self.body.voltage() * 3_f64.sqrt(),
            Electric::Frequency => self.body.frequency(),
            Electric::MeterPower => self.toward_meter(power),
            Electric::MeterPhasePower => self.toward_meter(power) / self.phases(),
            Electric::MeterReactive => self.toward_meter(reactive),
            Electric::DcPower => self.dc_power(),
            Electric::PortPower => self.dc_power() / ports,
            Electric::DcCurrent => self.dc_current(),
            Electric::DcCurrentSize => self.dc_current().abs(),
            Electric::PortCurrent => self.dc_current() / ports,
            Electric::DcVoltage => self.dc_voltage(),
            Electric::Temperature => 22.0 + 25.0 * power.abs() / self.body.ratings.power_w,
        })
    }

    fn energy(&self, energy: Energy) -> f64 {
        let ports = self.rating(Rating::Ports).max(1.0);
        let stored = self.rating(Rating::Energy) * self.body.state.soc / 100.0;
        match energy {
            Energy::Injected => self.body.state.injected_wh,
            Energy::Absorbed => self.body.state.absorbed_wh,
            Energy::ReactiveInjected => self.body.state.injected_varh,
            Energy::ReactiveAbsorbed => self.body.state.absorbed_varh,
            Energy::DcInjected => self.body.state.injected_wh / CONVERSION,
            Energy::DcAbsorbed => self.body.state.absorbed_wh * CONVERSION,
            Energy::PortInjected => self.body.state.injected_wh / CONVERSION / ports,
            Energy::PortAbsorbed => self.body.state.absorbed_wh * CONVERSION / ports,
            Energy::Charge => self.body.state.soc,
            Energy::Discharge => 100.0 - self.body.state.soc,
            Energy::Stored => stored,
            Energy::StoredAmpereHours => stored / BATTERY_VOLTS.0,
        }
    }

    /// Held under what the sun gives.
    fn throttled(&self) -> bool {
        let held = self.body.orders.limit.active().is_some() || self.body.orders.set_point.active().is_some();
        let missing = self.body.available_w().min(self.max_power()) - self.body.state.power_w;
        self.body.ratings.battery.is_none() && held && missing > 0.005 * self.body.ratings.power_w
    }

    fn status(&self, status: Status) -> f64 {
        let yes = |on: bool| if on { 1.0 } else { 0.0 };
        match status {
            Status::LegacyState => self.operating_state(),
            // The same states in the same order, counted from 0.
            Status::InverterState => self.operating_state() - 1.0,
            Status::OnOff => yes(self.body.connected() && !self.body.asleep()),
            Status::Connected => yes(self.body.connected()),
            Status::PvConn => self.source_bits(self.body.ratings.battery.is_none()),
            Status::StorConn => self.source_bits(self.body.ratings.battery.is_some()),
            Status::AvailablePower if self.body.ratings.battery.is_some() => {
                yes(self.body.state.soc > self.reserve()) * self.max_power()
            }
            Status::AvailablePower => self.body.available_w().min(self.max_power()),
            Status::AvailableVars => reactive_room(&self.body.ratings, self.body.state.power_w),
            Status::ActiveControls => self.active_controls(),
            Status::ThrotPct if self.throttled() => {
                let missing = self.body.available_w().min(self.max_power()) - self.body.state.power_w;
                (100.0 * missing / self.max_power()).round()
            }
            Status::ThrotPct => 0.0,
            Status::ThrotSrc => self.throttle_source(),
            Status::Seconds2000 => (self.built_s + self.body.age_s()).floor(),
            Status::ReturnRemaining => self.body.state.next_change_s().unwrap_or(0.0).ceil(),
            Status::Charging => self.charge_status(),
            Status::BatteryState if !self.body.connected() => 1.0,
            Status::BatteryState if self.body.state.power_w == 0.0 => 4.0,
            Status::BatteryState => 3.0,
            Status::Heartbeat => self.body.age_s().floor() % 65534.0,
        }
    }

    /// SunSpec 10x St.
    fn operating_state(&self) -> f64 {
        match self.body.state.connection {
            Connection::Off => 1.0,
            Connection::Returning(_) => 3.0,
            Connection::Leaving => 6.0,
            Connection::On if self.body.asleep() => 2.0,
            Connection::On if self.throttled() => 5.0,
            Connection::On => 4.0,
        }
    }

    /// CONNECTED, AVAILABLE and OPERATING of SunSpec 122.
    fn source_bits(&self, has_source: bool) -> f64 {
        let operating = self.body.state.power_w.abs() > self.body.ratings.power_w / 100.0;
        match (has_source && self.body.connected(), self.body.asleep(), operating) {
            (false, ..) => 0.0,
            (true, true, _) => 1.0,
            (true, false, false) => 3.0,
            (true, false, true) => 7.0,
        }
    }

    fn holds_power(&self) -> bool {
        [Control::Limit, Control::SetPoint, Control::Window].iter().any(|c| self.in_force(*c))
    }

    fn in_force(&self, control: Control) -> bool {
        match control {
            Control::Connect => self.body.orders.connect.active() == Some(false),
            Control::Cease => self.body.orders.cease.held(),
            Control::Limit => self.body.orders.limit.active().is_some(),
            Control::SetPoint => self.body.orders.set_point.active().is_some(),
            Control::Vars => self.body.orders.vars.active().is_some(),
            Control::Factor => self.body.orders.factor.active().is_some(),
            Control::FactorAbsorbing => self.body.orders.factor_absorbing.active().is_some(),
            Control::Window => self.body.orders.window.active().is_some(),
        }
    }

    /// SunSpec 122 StActCtl: fixed W, fixed var, fixed PF.
    fn active_controls(&self) -> f64 {
        let bit = |on: bool, value: f64| if on { value } else { 0.0 };
        bit(self.holds_power(), 1.0)
            + bit(self.in_force(Control::Vars), 2.0)
            + bit(self.in_force(Control::Factor), 4.0)
    }

    /// SunSpec 701 ThrotSrc: maximum W, fixed W, fixed var, fixed PF.
    fn throttle_source(&self) -> f64 {
        let bit = |on: bool, value: f64| if on { value } else { 0.0 };
        let factor = self.in_force(Control::Factor) || self.in_force(Control::FactorAbsorbing);
        bit(self.in_force(Control::Limit) && self.throttled(), 1.0)
            + bit(self.in_force(Control::SetPoint), 2.0)
            + bit(self.in_force(Control::Vars), 4.0)
            + bit(factor, 8.0)
    }

    /// SunSpec 124 ChaSt.
    fn charge_status(&self) -> f64 {
        match self.body.state.power_w {
            _ if !self.body.connected() => 1.0,
            power if power > 0.0 => 3.0,
            power if power < 0.0 => 4.0,
            _ if self.body.state.soc <= self.reserve() => 2.0,
            _ if self.body.state.soc >= 100.0 => 5.0,
            _ => 6.0,
        }
    }
}
