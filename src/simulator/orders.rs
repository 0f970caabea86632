//! What clients have asked of a device and what of it is in force: values with a delay before and a time limit after.
//!
//! Pure: time passes by [`Slot::pass`]. Which registers say so, and what follows a reversion, is `unit`'s matter.

use super::physics::Reactive;

/// One control: at most one value in force and one that waits for its turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot<T> {
    active: Option<T>,
    waiting: Option<(T, f64)>,
    reverts_in_s: Option<f64>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { active: None, waiting: None, reverts_in_s: None }
    }
}

impl<T: Copy + PartialEq> Slot<T> {
    /// Asks for a value: in force after `wait_s`, for `revert_s` from now (0 means without end).
    pub fn give(&mut self, value: T, wait_s: f64, revert_s: f64) {
        self.reverts_in_s = (revert_s > 0.0).then_some(revert_s);
        if wait_s <= 0.0 || self.active == Some(value) {
            self.active = Some(value);
            self.waiting = None;
        } else if self.waiting.is_none_or(|(same, _)| same != value) {
            // A repeated request does not start the wait again, or it would never end.
            self.waiting = Some((value, wait_s));
        }
    }

    /// Ends the control.
    pub fn release(&mut self) {
        *self = Self::default();
    }

    /// The value in force.
    #[must_use]
    pub fn active(&self) -> Option<T> {
        self.active
    }

    /// True if a value is in force or waits.
    #[must_use]
    pub fn held(&self) -> bool {
        self.active.is_some() || self.waiting.is_some()
    }

    /// Seconds until it reverts; 0 if it does not.
    #[must_use]
    pub fn remaining_s(&self) -> f64 {
        self.reverts_in_s.unwrap_or(0.0)
    }

    /// Seconds to its next change.
    #[must_use]
    pub fn next_change_s(&self) -> Option<f64> {
        let waiting = self.waiting.map(|(_, left)| left);
        match (waiting, self.reverts_in_s) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Lets time pass. True if the time limit ran out: the control has ended.
    #[must_use]
    pub fn pass(&mut self, seconds: f64) -> bool {
        if let Some((value, left)) = self.waiting {
            self.waiting = (left > seconds).then_some((value, left - seconds));
            if self.waiting.is_none() {
                self.active = Some(value);
            }
        }
        match self.reverts_in_s {
            Some(left) if left <= seconds => {
                self.release();
                true
            }
            Some(left) => {
                self.reverts_in_s = Some(left - seconds);
                false
            }
            None => false,
        }
    }
}

/// A limit of the active power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Percent of the configured maximum.
    pub percent: f64,
    /// The same for charging, of the configured maximum of that; 100 leaves it free.
    pub charge_percent: f64,
    /// Seconds in which the device is to reach it; 0 leaves its own ramp.
    pub ramp_s: f64,
}

/// A set point of the active power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SetPoint {
    /// Watts.
    Watts(f64),
    /// Percent of the configured maximum.
    Percent(f64),
}

/// A window for the power of a battery (SunSpec 124), percent of the charging rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Upper bound of charging, if it is in force; negative forces discharge.
    pub charge: Option<f64>,
    /// Upper bound of discharging, if it is in force; negative forces charge.
    pub discharge: Option<f64>,
}

/// Everything clients can hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Orders {
    /// Permission to be on the grid; absent means permitted.
    pub connect: Slot<bool>,
    /// Told to stop: off the grid without opening its switch.
    pub cease: Slot<bool>,
    /// Limit of active power.
    pub limit: Slot<Limit>,
    /// Set point of active power.
    pub set_point: Slot<SetPoint>,
    /// Reactive power.
    pub vars: Slot<Reactive>,
    /// Power factor while injecting.
    pub factor: Slot<Reactive>,
    /// Power factor while absorbing.
    pub factor_absorbing: Slot<Reactive>,
    /// Battery window.
    pub window: Slot<Window>,
}

/// A control by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// Connect and disconnect.
    Connect,
    /// Stop and start.
    Cease,
    /// Limit of active power.
    Limit,
    /// Set point of active power.
    SetPoint,
    /// Reactive power.
    Vars,
    /// Power factor, while injecting if the device tells the two apart.
    Factor,
    /// Power factor while absorbing.
    FactorAbsorbing,
    /// Battery window.
    Window,
}

impl Control {
    /// All controls.
    pub const ALL: [Self; 8] = [
        Self::Connect,
        Self::Cease,
        Self::Limit,
        Self::SetPoint,
        Self::Vars,
        Self::Factor,
        Self::FactorAbsorbing,
        Self::Window,
    ];
}

impl Orders {
    /// Seconds to the next change that time alone brings.
    #[must_use]
    pub fn next_change_s(&self) -> Option<f64> {
        [
            self.connect.next_change_s(),
            self.cease.next_change_s(),
            self.limit.next_change_s(),
            self.set_point.next_change_s(),
            self.vars.next_change_s(),
            self.factor.next_change_s(),
            self.factor_absorbing.next_change_s(),
            self.window.next_change_s(),
        ]
        .into_iter()
        .flatten()
        .min_by(f64::total_cmp)
    }

    /// Lets time pass; the controls whose time limit ran out.
    #[must_use]
    pub fn pass(&mut self, seconds: f64) -> Vec<Control> {
        let ended = [
            self.connect.pass(seconds),
            self.cease.pass(seconds),
            self.limit.pass(seconds),
            self.set_point.pass(seconds),
            self.vars.pass(seconds),
            self.factor.pass(seconds),
            self.factor_absorbing.pass(seconds),
            self.window.pass(seconds),
        ];
        Control::ALL.into_iter().zip(ended).filter_map(|(control, ended)| ended.then_some(control)).collect()
    }

    /// Seconds until a control reverts; 0 if it does not.
    #[must_use]
    pub fn remaining_s(&self, control: Control) -> f64 {
        match control {
            Control::Connect => self.connect.remaining_s(),
            Control::Cease => self.cease.remaining_s(),
            Control::Limit => self.limit.remaining_s(),
            Control::SetPoint => self.set_point.remaining_s(),
            Control::Vars => self.vars.remaining_s(),
            Control::Factor => self.factor.remaining_s(),
            Control::FactorAbsorbing => self.factor_absorbing.remaining_s(),
            Control::Window => self.window.remaining_s(),
        }
    }

    /// Ends a control.
    pub fn release(&mut self, control: Control) {
        match control {
            Control::Connect => self.connect.release(),
            Control::Cease => self.cease.release(),
            Control::Limit => self.limit.release(),
            Control::SetPoint => self.set_point.release(),
            Control::Vars => self.vars.release(),
            Control::Factor => self.factor.release(),
            Control::FactorAbsorbing => self.factor_absorbing.release(),
            Control::Window => self.window.release(),
        }
    }

    /// True if a client holds anything: the device does not do what it would do left alone.
    #[must_use]
    pub fn held(&self) -> bool {
        self.connect.active() == Some(false)
            || self.cease.held()
            || self.limit.held()
            || self.set_point.held()
            || self.vars.held()
            || self.factor.held()
            || self.factor_absorbing.held()
            || self.window.held()
    }
}
