//! Whether the measurements follow a command that was applied: a device may store a limit, show it, and ignore it
//! (SunSpec reference 8, step 7, and 11).
//!
//! The watching itself is pure: readings and the time come in, findings come out, each command at most once.

use super::Device;
use crate::core::port::{Command, Report};
use crate::der::{
    Effect, Excitation, Lane, Outcome, PowerFactor, Quality, Quantity, ReadBack, Reading, Setpoint, Watts,
};
use crate::southbound::sunspec::abilities::{base_power, base_reactive};
use crate::southbound::sunspec::control::Script;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// How long a device has to follow (IEEE 1547-2018: limits and settings within 30 s).
const TIME: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 30 });
/// On top of a ramp.
const AFTER_RAMP: Duration = Duration::from_secs(5);
/// A slower ramp is not waited for.
const LONGEST: Duration = Duration::from_secs(300);
/// Accuracy of a measurement, as a share of the rating (IEEE 1547-2018: P and Q).
const ACCURACY: f64 = 0.05;
/// A device that ceased to energise measures less than this share of its rating.
const OFF: f64 = 0.02;
/// States of charge, %, at which a storage charges no more, and discharges no more.
const FULL: f64 = 97.0;
const EMPTY: f64 = 5.0;
/// What tells whether a device is connected: model, point, and the values that say no and yes. Others say nothing.
const LINKS: [(u16, &str, &[i128], &[i128]); 9] = [
    (701, "ConnSt", &[0], &[1]),
    (701, "St", &[0], &[1]),
    (122, "ECPConn", &[0], &[1]),
    (101, "St", &OFF_STATES, &ON_STATES),
    (102, "St", &OFF_STATES, &ON_STATES),
    (103, "St", &OFF_STATES, &ON_STATES),
    (111, "St", &OFF_STATES, &ON_STATES),
    (112, "St", &OFF_STATES, &ON_STATES),
    (113, "St", &OFF_STATES, &ON_STATES),
];
/// OFF, SLEEPING, STANDBY.
const OFF_STATES: [i128; 3] = [1, 2, 8];
/// MPPT, THROTTLED.
const ON_STATES: [i128; 2] = [4, 5];
/// Readings in a row that must show reactive power moving the wrong way.
const SURE: u32 = 2;

/// What the measurements must show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expect {
    /// Active power of at most this.
    AtMost(f64),
    /// Active power of this; a generator may have less to give.
    Near {
        /// W.
        target: f64,
        /// It cannot be expected to reach a higher power than its source gives.
        generator: bool,
    },
    /// No active power.
    Off,
    /// Reactive power of this.
    Vars(f64),
    /// Reactive power of this share of the active power's size.
    Share(f64),
}

/// What a point says of whether the device is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub point: String,
    /// What it says.
    pub connected: bool,
    /// When it was read.
    pub at: Instant,
}

/// What a poll shows.
struct Shown<'a> {
    active: Option<f64>,
    reactive: Option<f64>,
    charge: Option<f64>,
    links: &'a [Link],
}

/// A command whose effect is waited for.
#[derive(Clone, Debug)]
pub struct Watch {
    /// What was asked.
    pub setpoint: Setpoint,
    /// The same in the device's terms, and what was done.
    pub summary: String,
    /// What the measurements must show.
    pub expect: Expect,
    /// How exactly; W or VAr.
    pub tolerance: f64,
    /// Older readings say nothing.
    pub since: Timestamp,
    /// When it was applied.
    pub begun: Instant,
    /// How long the device has.
    pub time: Duration,
    /// Reactive power before.
    before: Option<f64>,
    wrong: u32,
    told: bool,
}

/// What the measurements showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Of which command.
    pub setpoint: Setpoint,
    /// Whether they follow.
    pub effect: Effect,
    /// Reactive power went the wrong way: the command is to be undone.
    pub undo: bool,
}

/// The watches of one device, at most one a lane.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    watches: Vec<Watch>,
    /// The last known reactive power.
    reactive: Option<f64>,
    /// The last known state of charge, %.
    charge: Option<f64>,
    /// Why reactive power or a power factor is not set again: it went the wrong way.
    distrust: Option<(Setpoint, String)>,
}

impl Effects {
    /// A newer command of a lane ends the watch silently; the same once more lets it go on.
    pub fn make_way(&mut self, setpoint: &Setpoint) {
        self.watches.retain(|w| w.setpoint.lane() != setpoint.lane() || w.setpoint == *setpoint);
        if *setpoint == Setpoint::ReleaseReactivePower {
            self.distrust = None;
        }
    }

    /// Nothing is expected in a lane any more.
    pub fn end(&mut self, lane: Lane) {
        self.watches.retain(|w| w.setpoint.lane() != lane);
    }

    /// Why a command is not carried out again.
    pub fn distrusts(&self, setpoint: &Setpoint) -> Option<String> {
        let (wrong, why) = self.distrust.as_ref()?;
        (std::mem::discriminant(wrong) == std::mem::discriminant(setpoint))
            .then(|| format!("{why}; release reactive power before it is tried again"))
    }

    /// Begins a watch, unless one for the same command goes on.
    pub fn begin(&mut self, watch: Watch) {
        if !self.watches.iter().any(|w| w.setpoint == watch.setpoint) {
            self.end(watch.setpoint.lane());
            self.watches.push(Watch { before: self.reactive, ..watch });
        }
    }

    /// True while a disconnection is waited for.
    pub fn awaits_off(&self) -> bool {
        self.watches.iter().any(|w| w.expect == Expect::Off && !w.told)
    }

    /// Takes the readings of a poll, and what the device says of its connection.
    pub fn see(&mut self, readings: &[Reading], links: &[Link], now: Instant) -> Vec<Finding> {
        let good = |quantity: Quantity, since: Option<Timestamp>| {
            readings
                .iter()
                .find(|r| r.quantity == quantity && r.quality == Quality::Good)
                .filter(|r| since.is_none_or(|since| r.at >= since))
                .map(|r| r.value)
        };
        self.charge = good(Quantity::StateOfCharge, None).or(self.charge);
        let charge = self.charge;
        let findings = self
            .watches
            .iter_mut()
            .filter(|watch| !watch.told)
            .filter_map(|watch| {
                let active = good(Quantity::ActivePower, Some(watch.since));
                let reactive = good(Quantity::ReactivePower, Some(watch.since));
                watch.judge(&Shown { active, reactive, charge, links }, now)
            })
            .collect();
        self.reactive = good(Quantity::ReactivePower, None).or(self.reactive);
        findings
    }
}

impl Watch {
    /// A watch that begins now.
    pub fn new(setpoint: Setpoint, summary: String, expect: Expect, tolerance: f64, time: Duration) -> Self {
        Self {
            setpoint,
            summary,
            expect,
            tolerance,
            time,
            since: Timestamp::now(),
            begun: Instant::now(),
            before: None,
            wrong: 0,
            told: false,
        }
    }

    fn judge(&mut self, shown: &Shown<'_>, now: Instant) -> Option<Finding> {
        let Shown { active, reactive, charge, links } = *shown;
        let tolerance = self.tolerance;
        let late = now.saturating_duration_since(self.begun) >= self.time;
        let (value, follows, excused) = match self.expect {
            Expect::AtMost(most) => (active, active? <= most + tolerance, false),
            Expect::Near { target, generator } => {
                let power = active?;
                let way = target.signum();
                let less = power * way < target.abs() && power * way >= -tolerance;
                let nothing_to_give = generator && target > 0.0 || exhausted(target, charge);
                (active, (power - target).abs() <= tolerance, nothing_to_give && less)
            }
            Expect::Off => return self.judge_off(active?, links, late),
            Expect::Vars(target) => {
                self.note_way(target, reactive?);
                (reactive, (reactive? - target).abs() <= tolerance, false)
            }
            Expect::Share(share) => {
                let target = share * active?.abs();
                self.note_way(target, reactive?);
                // At little power the right reactive power is not told from none.
                let small = share != 0.0 && target.abs() <= tolerance;
                (reactive, !small && (reactive? - target).abs() <= tolerance, small)
            }
        };
        let what = if self.reactive() { "reactive power" } else { "power" };
        let unit = if self.reactive() { "VAr" } else { "W" };
        let measured = value.map(|value| format!("{what} still {value:.0} {unit}")).unwrap_or_default();
        if follows {
            return self.tell(Effect::Effective, false);
        }
        if self.wrong >= SURE {
            let words = format!(
                "{}; but reactive power moved the wrong way, to {:.0} VAr (does the device sign it otherwise? see pf_sign in its map)",
                self.summary,
                reactive.unwrap_or_default()
            );
            return self.tell(Effect::NoEffect(words), true);
        }
        if !late {
            return None;
        }
        if excused {
            self.told = true;
            return None;
        }
        let stores = matches!(self.expect, Expect::Near { generator: false, .. });
        self.tell_ignored(&measured, charge.filter(|_| stores))
    }

    /// By its power, and where it says so, by its word: at night nothing else would tell.
    fn judge_off(&mut self, power: f64, links: &[Link], late: bool) -> Option<Finding> {
        if power.abs() >= self.tolerance {
            return if late { self.tell_ignored(&format!("power still {power:.0} W"), None) } else { None };
        }
        match self.link(links) {
            Some(points) if late => {
                let words = format!(
                    "{}; no power is measured, but the device still says after {} s that it is connected ({points}): it may deliver again at any time",
                    self.summary,
                    self.time.as_secs()
                );
                self.tell(Effect::NoEffect(words), false)
            }
            None if late || self.has_let_go(links) => self.tell(Effect::Effective, false),
            // It may still let go, or has not said yet.
            _ => None,
        }
    }

    fn tell_ignored(&mut self, measured: &str, charge: Option<f64>) -> Option<Finding> {
        let charge = charge.map(|charge| format!(", state of charge {charge:.0} %")).unwrap_or_default();
        let words = format!(
            "{}; {measured} after {} s{charge}. Device may ignore remote control (check its Modbus/EMS menu)",
            self.summary,
            self.time.as_secs()
        );
        self.tell(Effect::NoEffect(words), false)
    }

    /// The points that say "connected" since the command, if none says "disconnected". One of them may lie; all of them
    /// hardly do (SunSpec reference 7, note d).
    fn link(&self, links: &[Link]) -> Option<String> {
        let fresh = || links.iter().filter(|link| link.at >= self.begun);
        if !fresh().all(|link| link.connected) {
            return None;
        }
        let points: Vec<&str> = fresh().map(|link| link.point.as_str()).collect();
        (!points.is_empty()).then(|| points.join(", "))
    }

    /// True if a point says "disconnected" since the command, or there is none to wait for.
    fn has_let_go(&self, links: &[Link]) -> bool {
        links.is_empty() || links.iter().any(|link| link.at >= self.begun && !link.connected)
    }

    const fn reactive(&self) -> bool {
        matches!(self.expect, Expect::Vars(_) | Expect::Share(_))
    }

    /// Counts readings that lie beyond 0 on the other side, and moved there since the command.
    fn note_way(&mut self, target: f64, reactive: f64) {
        let way = target.signum();
        let beyond = target.abs() > self.tolerance && reactive * way < -self.tolerance;
        let moved = self.before.is_some_and(|before| (reactive - before) * way < -self.tolerance);
        self.wrong = if beyond && moved { self.wrong + 1 } else { 0 };
    }

    fn tell(&mut self, effect: Effect, undo: bool) -> Option<Finding> {
        self.told = true;
        Some(Finding { setpoint: self.setpoint.clone(), effect, undo })
    }
}

/// True for a storage that is too full to absorb, or too empty to inject.
fn exhausted(target: f64, charge: Option<f64>) -> bool {
    charge.is_some_and(|charge| if target < 0.0 { charge >= FULL } else { target > 0.0 && charge <= EMPTY })
}

/// Reactive power over active power's size, injected positive.
fn share_of(factor: PowerFactor) -> f64 {
    let size = factor.size.clamp(0.01, 1.0).acos().tan();
    if factor.excitation == Excitation::Over { size } else { -size }
}

impl Device<'_> {
    /// Begins to watch for the effect of a command that was applied.
    pub(super) fn watch(&mut self, command: &Command, script: &Script, read_back: &ReadBack) {
        let rating = [(702, "VAMax"), (702, "VAMaxRtg"), (121, "VAMax"), (120, "VARtg")]
            .into_iter()
            .find_map(|(id, path)| self.blocks.good(id, path).filter(|va| *va > 0.0))
            .or_else(|| base_power(&self.blocks, 704).map(|(watts, _)| watts))
            .or_else(|| base_reactive(&self.blocks, 704, true).map(|(vars, _)| vars));
        // Without a rating there is no measure for "near".
        let Some(rating) = rating else { return };
        let power = |asked: Watts| read_back.active_power.unwrap_or(asked).get();
        let (expect, point) = match &command.setpoint {
            Setpoint::LimitActivePower(watts) => (Expect::AtMost(power(*watts)), "W"),
            Setpoint::SetActivePower(watts) => {
                let generator = self.life.capability().is_none_or(|c| c.absorption_max == Watts::ZERO);
                (Expect::Near { target: power(*watts), generator }, "W")
            }
            Setpoint::Disconnect => (Expect::Off, "W"),
            Setpoint::SetReactivePower(vars) => (Expect::Vars(vars.get()), "Var"),
            Setpoint::SetPowerFactor(factor) => (Expect::Share(share_of(*factor)), "Var"),
            _ => return self.effects.end(command.setpoint.lane()),
        };
        let share = if expect == Expect::Off { OFF } else { ACCURACY };
        let tolerance = (rating * share).max(self.step_of(point));
        let time = self.time_to_follow();
        let done = if read_back.verified { "written and read back" } else { "written" };
        let summary = format!("{}: {done}", script.summary);
        let watch = Watch::new(command.setpoint.clone(), summary, expect, tolerance, time);
        self.effects.begin(watch);
    }

    /// The resolution of a measurement.
    fn step_of(&self, point: &str) -> f64 {
        let measured = self.sources.measuring.and_then(|id| self.blocks.sample(id));
        let path = if point == "Var" && self.sources.measuring != Some(701) { "VAr" } else { point };
        measured
            .and_then(|sample| sample.scale_of(sample.layout.find(path)?).ok())
            .map_or(0.0, |sf| 10_f64.powi(i32::from(sf)))
    }

    fn time_to_follow(&self) -> Duration {
        let rate = [(704, "WRmp"), (121, "WGra")]
            .into_iter()
            .find_map(|(id, path)| self.blocks.good(id, path).filter(|rate| *rate > 0.0));
        let ramp = rate.and_then(|rate| Duration::try_from_secs_f64(100.0 / rate).ok());
        ramp.map_or(TIME, |ramp| ramp.saturating_add(AFTER_RAMP).min(LONGEST).max(TIME))
    }

    /// Tells the core what a poll's readings show of the commands before it.
    pub(super) async fn watch_effects(&mut self, readings: &[Reading]) {
        let links = if self.effects.awaits_off() { self.links() } else { Vec::new() };
        for Finding { setpoint, effect, undo } in self.effects.see(readings, &links, Instant::now()) {
            let effect = match effect {
                Effect::NoEffect(words) if undo => Effect::NoEffect(self.undo(&setpoint, words).await),
                effect => effect,
            };
            let (device, asked) = (&self.settings.name, &setpoint);
            match &effect {
                Effect::Effective => tracing::debug!(device, %asked, "the measurements follow"),
                Effect::NoEffect(reason) => {
                    tracing::warn!(device, %asked, reason, "the measurements do not follow");
                }
            }
            self.port.reports.send(Report::Effect { setpoint, effect }).await;
        }
    }

    /// What the device says of its connection, where its registers can be believed.
    fn links(&self) -> Vec<Link> {
        let said = |(model, path, off, on): &(u16, &str, &[i128], &[i128])| {
            // A measuring model that is not polled tells of long ago.
            let polled = *model == 122 || self.sources.measuring == Some(*model);
            let block = self.blocks.get(*model).filter(|b| polled && b.fault.is_none())?;
            let value = block.sample()?.integer(path)?;
            let connected = on.contains(&value);
            let tells =
                !self.map.sunspec.shadow_models.contains(model) && (connected || off.contains(&value));
            tells.then(|| Some(Link { point: format!("{model}.{path}"), connected, at: block.read_at? }))?
        };
        LINKS.iter().filter_map(said).collect()
    }

    /// Gives reactive power back to the device, and does not ask for the same again.
    async fn undo(&mut self, setpoint: &Setpoint, words: String) -> String {
        let release = Command {
            id: 0,
            setpoint: Setpoint::ReleaseReactivePower,
            hold: Duration::ZERO,
            expires_at: Instant::now() + Duration::from_secs(10),
        };
        let outcome = match self.prepare(&release).await {
            Ok(()) => self.perform(&release).await,
            Err(outcome) => outcome,
        };
        self.effects.distrust = Some((setpoint.clone(), words.clone()));
        match outcome {
            Outcome::Applied(_) => format!("{words}; it was undone"),
            Outcome::Refused(why) | Outcome::NotKept(why) => {
                format!("{words}; it could not be undone: {why}")
            }
            other => format!("{words}; it could not be undone: {}", other.name()),
        }
    }
}

#[cfg(test)]
mod tests;
