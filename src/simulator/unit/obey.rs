//! What a write changes: settings act at once, controls only when their enable is written, and then with everything
//! that their registers say at that moment. And what a device does when a control's time runs out.

use super::{Unit, Value};
use crate::simulator::faults::Fault;
use crate::simulator::orders::{Control, Limit, SetPoint, Window};
use crate::simulator::physics::{Reactive, reactive_room};
use crate::simulator::registers::{Role, Setting};

/// What stands for a value after reversion, and where it goes (SunSpec 704).
const REVERSIONS: [(Role, Role); 3] = [
    (Role::RevertValue, Role::Value),
    (Role::RevertPercent, Role::Percent),
    (Role::RevertExcitation, Role::Excitation),
];

impl Unit {
    /// Puts into force what a write asked for.
    pub(super) fn obey(&mut self, written: &[Setting]) {
        for setting in written {
            let value = self.setting(*setting).unwrap_or_default();
            match setting {
                Setting::Ramp => self.body.ramps = (value, value),
                Setting::ChargeRamp => self.body.ramps.1 = value,
                Setting::DischargeRamp => self.body.ramps.0 = value,
                Setting::Adopt(model) => self.ask_for(*model, value),
                Setting::Control(control, Role::Enable) => self.enable(*control, value),
                _ => {}
            }
        }
        self.stick(written);
        if !written.is_empty() {
            // A change of the reactive power or the connection shows at once, not at the next tick.
            self.step(0.0);
        }
    }

    fn enable(&mut self, control: Control, value: f64) {
        let revert_s = self.role(control, Role::RevertAfter);
        if control == Control::Connect {
            // Permission itself does not run out, only its withdrawal.
            let on = value != 0.0;
            self.body.orders.connect.give(on, self.wait_s(control), if on { 0.0 } else { revert_s });
        } else if value == 0.0 {
            self.body.orders.release(control);
        } else {
            self.engage(control);
        }
    }

    /// Puts into force what the registers of a control say.
    pub(super) fn engage(&mut self, control: Control) {
        let edge = control == Control::Limit && self.behaviour.has(&Fault::EnableEdge);
        if edge && self.body.orders.limit.held() {
            return;
        }
        self.exclude(control);
        self.latch(control, self.role(control, Role::RevertAfter));
    }

    /// Power factor and reactive power exclude each other: the later one wins.
    fn exclude(&mut self, control: Control) {
        let others: &[Control] = match control {
            Control::Vars => &[Control::Factor, Control::FactorAbsorbing],
            Control::Factor | Control::FactorAbsorbing => &[Control::Vars],
            _ => &[],
        };
        for other in others {
            self.body.orders.release(*other);
            self.put_role(*other, Role::Enable, 0.0);
        }
    }

    fn latch(&mut self, control: Control, revert_s: f64) {
        let wait_s = self.wait_s(control);
        match control {
            // No register tells it to stop.
            Control::Connect | Control::Cease => {}
            Control::Limit => {
                let limit = Limit {
                    percent: self.role(control, Role::Percent),
                    charge_percent: 100.0,
                    ramp_s: self.role(control, Role::Ramp),
                };
                self.body.orders.limit.give(limit, wait_s, revert_s);
            }
            Control::SetPoint => {
                let point = if self.role(control, Role::Mode) == 0.0 {
                    SetPoint::Percent(self.role(control, Role::Percent))
                } else {
                    SetPoint::Watts(self.role(control, Role::Value))
                };
                self.body.orders.set_point.give(point, wait_s, revert_s);
            }
            Control::Vars => {
                let vars = Reactive::Vars(self.vars());
                self.body.orders.vars.give(vars, wait_s, revert_s);
            }
            Control::Factor => {
                let factor = self.factor(control);
                self.body.orders.factor.give(factor, wait_s, revert_s);
            }
            Control::FactorAbsorbing => {
                let factor = self.factor(control);
                self.body.orders.factor_absorbing.give(factor, wait_s, revert_s);
            }
            Control::Window => {
                let mode = self.role(control, Role::Enable);
                let bit = |n: f64| (mode / n).floor() % 2.0 == 1.0;
                let window = Window {
                    charge: bit(1.0).then(|| self.role(control, Role::Charge)),
                    discharge: bit(2.0).then(|| self.role(control, Role::Discharge)),
                };
                self.body.orders.window.give(window, wait_s, revert_s);
            }
        }
    }

    /// Reactive power that the registers ask for, var.
    fn vars(&self) -> f64 {
        let role = |role| self.role(Control::Vars, role);
        let room = reactive_room(&self.body.ratings, self.body.state.power_w);
        if self.form.role(Control::Vars, Role::Value).is_some() {
            let percent = role(Role::Percent) / 100.0;
            return match role(Role::Mode) {
                0.0 => percent * self.max_power(),
                1.0 => percent * self.body.ratings.reactive_var,
                2.0 => percent * room,
                3.0 => percent * self.body.ratings.apparent_va,
                _ => role(Role::Value),
            };
        }
        match role(Role::Mode) {
            1.0 => role(Role::Percent) / 100.0 * self.max_power(),
            2.0 => role(Role::PercentOfMax) / 100.0 * self.body.ratings.reactive_var,
            3.0 => role(Role::PercentOfAvailable) / 100.0 * room,
            _ => 0.0,
        }
    }

    /// Model 704 names the excitation; model 123 has it in the sign, negative for injected vars (EEI).
    fn factor(&self, control: Control) -> Reactive {
        let value = self.role(control, Role::Value);
        let injected = match self.form.role(control, Role::Excitation) {
            Some(_) => self.role(control, Role::Excitation) == 0.0,
            None => (value < 0.0) != self.behaviour.has(&Fault::PfOverexcited),
        };
        Reactive::PowerFactor { cosine: value.abs(), injected }
    }

    /// The time of a control has run out: back to what its registers say of that, or to nothing.
    pub(super) fn revert(&mut self, control: Control) {
        if control == Control::Connect {
            self.put_role(control, Role::Enable, 1.0);
            return;
        }
        if self.role(control, Role::RevertEnable) == 0.0 {
            self.put_role(control, Role::Enable, 0.0);
            return;
        }
        for (from, to) in REVERSIONS {
            if self.form.role(control, from).is_some() {
                let value = self.role(control, from);
                self.put_role(control, to, value);
            }
        }
        self.put_role(control, Role::Enable, 1.0);
        self.latch(control, 0.0);
    }

    /// The random delay of a window: the device's own place in it, the same each time.
    fn wait_s(&self, control: Control) -> f64 {
        self.body.wait_s(self.role(control, Role::Delay))
    }

    /// The number in a control's register; 0 if the device has no such register.
    fn role(&self, control: Control, role: Role) -> f64 {
        self.form.role(control, role).and_then(|cell| self.number(cell)).unwrap_or_default()
    }

    pub(super) fn put_role(&mut self, control: Control, role: Role, value: f64) {
        let form = self.form.clone();
        if let Some(cell) = form.role(control, role) {
            self.put(cell, Some(&Value::Number(value)));
        }
    }
}
