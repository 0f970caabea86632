//! The body of a simulated device: sun or battery, what clients hold of it, and where its power goes. The same for every
//! protocol: a device with registers and an outstation with points differ in how they are told, not in what they do.
//!
//! It reads no clock and knows no register and no point: what is set in those comes in as [`Terms`].

use super::orders::{Control, Orders, SetPoint};
use super::physics::{self, Battery, Conditions, Connection, Ratings, Reactive, State};
use super::settings::DeviceSettings;
use std::f64::consts::TAU;
use tokio::time::Instant;

/// Most steps in which a stretch of time is worked through.
const MAX_STEPS: f64 = 2000.0;
/// Period of the slow swing of the sun, s.
const SWING_S: f64 = 600.0;
/// Part of the energy that survives one direction through the battery.
const EFFICIENCY: f64 = 0.96;
/// Nominal voltage from line to neutral, V.
pub const VOLTS: f64 = 230.0;
/// Charge kept if nobody says how much, percent.
pub const DEFAULT_RESERVE: f64 = 5.0;

/// What is set in the device at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// The configured maximum, base of percentages, W.
    pub max_power_w: f64,
    /// The configured maximum of charging, W, positive.
    pub max_charge_w: f64,
    /// Charge that is kept, percent.
    pub reserve: f64,
    /// Wait between permission and return, s.
    pub return_delay_s: f64,
    /// Length of the first ramp after a return, s.
    pub return_ramp_s: Option<f64>,
    /// A battery may take power from the grid.
    pub may_charge: bool,
    /// Tells the power factor while absorbing from that while injecting.
    pub two_factors: bool,
    /// Time in which a set point is to be reached, s; 0 leaves the device its own ramp.
    pub set_point_ramp_s: f64,
}

/// The body of one device.
#[derive(Clone, Debug)]
pub struct Body {
    /// What it is built for.
    pub ratings: Ratings,
    /// Where it is.
    pub state: State,
    /// What clients hold.
    pub orders: Orders,
    /// Ramps upward and downward, percent of the configured maximum per second.
    pub ramps: (f64, f64),
    /// Nothing shines on it, whatever the irradiance.
    pub dark: bool,
    /// Keeps what is asked of its active power and does nothing.
    pub heedless: bool,
    irradiance: f64,
    variation: f64,
    /// What a battery does when nobody asks anything of it, W.
    automatic_w: f64,
    /// Its own place between 0 and 1: in the slow swing of the sun, and in windows of time.
    phase: f64,
    at: Instant,
    age_s: f64,
}

/// A stretch of time that is worked through in steps.
#[derive(Debug)]
pub struct Stretch {
    left_s: f64,
    least_s: f64,
}

impl Stretch {
    /// The length of the next step: to the first of these changes, or to the end.
    pub fn step(&mut self, changes: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
        if self.left_s <= 0.0 {
            return None;
        }
        let seconds =
            changes.into_iter().flatten().fold(self.left_s, f64::min).max(self.least_s).min(self.left_s);
        self.left_s -= seconds;
        Some(seconds)
    }
}

impl Body {
    /// A body that has been running for a while, at rest.
    #[must_use]
    pub fn new(settings: &DeviceSettings, now: Instant) -> Self {
        let ratings = ratings(settings);
        let soc = settings.soc.get().clamp(0.0, 100.0);
        let hash = settings.name.bytes().fold(7_u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b)));
        Self {
            // A year of good days lies behind it.
            state: State::at_rest(soc, (ratings.power_w * 1200.0).round()),
            ratings,
            orders: Orders::default(),
            ramps: (settings.ramp_percent_per_s, settings.ramp_percent_per_s),
            dark: false,
            heedless: false,
            irradiance: settings.irradiance,
            variation: settings.variation,
            automatic_w: settings.automatic.get(),
            phase: f64::from(hash % 1000) / 1000.0,
            at: now,
            age_s: 0.0,
        }
    }

    /// Puts it where it would be after a long time under these terms.
    pub fn settle(&mut self, terms: &Terms) {
        self.state.power_w = physics::settled(&self.ratings, &self.conditions(terms), &self.state);
    }

    /// Takes the time up to `now`, to be worked through step by step.
    pub fn stretch(&mut self, now: Instant) -> Stretch {
        let left_s = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        Stretch { left_s, least_s: left_s / MAX_STEPS }
    }

    /// Seconds to the next change that time alone brings.
    #[must_use]
    pub fn next_change_s(&self) -> Option<f64> {
        let swing = (self.variation > 0.0).then_some(1.0);
        [self.lasts_s(), swing].into_iter().flatten().min_by(f64::total_cmp)
    }

    /// Seconds to the next change of what is in force.
    #[must_use]
    pub fn lasts_s(&self) -> Option<f64> {
        let changes = [self.orders.next_change_s(), self.state.next_change_s()];
        changes.into_iter().flatten().min_by(f64::total_cmp)
    }

    /// Lets a step pass; the controls whose time limit ran out.
    #[must_use]
    pub fn step(&mut self, terms: &Terms, seconds: f64) -> Vec<Control> {
        self.state = physics::step(&self.ratings, &self.conditions(terms), self.state, seconds);
        self.age_s += seconds;
        self.orders.pass(seconds)
    }

    /// When it was last brought up to date.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Seconds since it was built.
    #[must_use]
    pub fn age_s(&self) -> f64 {
        self.age_s
    }

    /// The sun as set, 0 to 1.
    #[must_use]
    pub fn irradiance(&self) -> f64 {
        self.irradiance
    }

    /// Lets the sun shine with this part of what gives the rated power.
    pub fn set_irradiance(&mut self, irradiance: f64) {
        self.irradiance = if irradiance.is_finite() { irradiance.clamp(0.0, 1.0) } else { 0.0 };
    }

    /// Sets the state of charge, percent.
    pub fn set_soc(&mut self, percent: f64) {
        if percent.is_finite() {
            self.state.soc = percent.clamp(0.0, 100.0);
        }
    }

    /// The random delay of a window: the device's own place in it, the same each time.
    #[must_use]
    pub fn wait_s(&self, window_s: f64) -> f64 {
        window_s * self.phase
    }

    /// Power that the source gives now.
    #[must_use]
    pub fn available_w(&self) -> f64 {
        if self.ratings.battery.is_some() {
            return self.ratings.power_w;
        }
        if self.dark {
            return 0.0;
        }
        let swing = (TAU * (self.age_s / SWING_S + self.phase)).sin();
        let sun = (self.irradiance * (1.0 + self.variation * swing)).clamp(0.0, 1.0);
        self.ratings.power_w * sun
    }

    /// On the grid, or on the way out of it.
    #[must_use]
    pub fn connected(&self) -> bool {
        matches!(self.state.connection, Connection::On | Connection::Leaving)
    }

    /// No sun, and nothing else to live on.
    #[must_use]
    pub fn asleep(&self) -> bool {
        self.ratings.battery.is_none() && self.available_w() <= 0.0
    }

    /// Apparent power.
    #[must_use]
    pub fn apparent(&self) -> f64 {
        self.state.power_w.hypot(self.state.reactive_var)
    }

    /// Voltage from line to neutral; injection lifts it a little.
    #[must_use]
    pub fn voltage(&self) -> f64 {
        VOLTS * (1.0 + 0.02 * self.state.power_w / self.ratings.power_w)
    }

    /// One grid for all: its frequency depends on the time alone.
    #[must_use]
    pub fn frequency(&self) -> f64 {
        50.0 + 0.02 * (self.age_s / 37.0).sin()
    }

    fn conditions(&self, terms: &Terms) -> Conditions {
        let max = terms.max_power_w;
        let available = self.available_w();
        let target = self.target(terms, available);
        let percent = if target < self.state.power_w { self.ramps.1 } else { self.ramps.0 };
        let limit_ramp = self.orders.limit.active().filter(|l| l.ramp_s > 0.0).map(|l| max / l.ramp_s);
        let point_ramp = (terms.set_point_ramp_s > 0.0 && self.orders.set_point.active().is_some())
            .then(|| max / terms.set_point_ramp_s);
        Conditions {
            available_w: available,
            target_w: target,
            ramp_w_per_s: limit_ramp.or(point_ramp).unwrap_or(max * percent / 100.0),
            permitted: self.orders.connect.active().unwrap_or(true)
                && self.orders.cease.active() != Some(true),
            return_delay_s: terms.return_delay_s,
            return_ramp_w_per_s: terms.return_ramp_s.filter(|s| *s > 0.0).map(|s| max / s),
            soc_floor: terms.reserve,
            reactive: self.reactive(terms),
        }
    }

    /// Where the active power goes: what is asked, or what the device does alone, within the limit.
    fn target(&self, terms: &Terms, available: f64) -> f64 {
        let nothing = Orders::default();
        let orders = if self.heedless { &nothing } else { &self.orders };
        let max = terms.max_power_w;
        let limit = orders.limit.active().map_or(max, |l| (max * l.percent / 100.0).min(max));
        let charge = orders.limit.active().map_or(100.0, |l| l.charge_percent).clamp(0.0, 100.0);
        let battery = self.ratings.battery.is_some();
        let wish = match (orders.set_point.active(), orders.window.active()) {
            (Some(SetPoint::Watts(watts)), _) => watts,
            (Some(SetPoint::Percent(percent)), _) => max * percent / 100.0,
            (None, Some(window)) => {
                let base = terms.max_charge_w / 100.0;
                let lowest = window.charge.map_or(-terms.max_charge_w, |p| -p * base);
                let highest = window.discharge.map_or(max, |p| p * base);
                // Bounds that contradict each other: the charging bound wins.
                self.automatic_w.clamp(lowest, highest.max(lowest))
            }
            (None, None) if battery => self.automatic_w,
            (None, None) => available,
        };
        let lowest = if battery && terms.may_charge { -terms.max_charge_w * charge / 100.0 } else { 0.0 };
        wish.min(limit).max(lowest)
    }

    fn reactive(&self, terms: &Terms) -> Reactive {
        let absorbing = self.orders.factor_absorbing.active().filter(|_| self.state.power_w < 0.0);
        let factor = self.orders.factor.active().filter(|_| self.state.power_w >= 0.0 || !terms.two_factors);
        absorbing.or(factor).or(self.orders.vars.active()).unwrap_or(Reactive::Vars(0.0))
    }
}

fn ratings(settings: &DeviceSettings) -> Ratings {
    let power = settings.rated.get().max(1.0);
    Ratings {
        power_w: power,
        apparent_va: power * 1.1,
        reactive_var: (power * 0.48).round(),
        battery: settings
            .kind
            .stores()
            .then(|| Battery { energy_wh: settings.energy.get().max(1.0), efficiency: EFFICIENCY }),
    }
}
