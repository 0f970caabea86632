//! The watching itself: readings and the time come in, findings come out when they change. Pure.
//!
//! A power factor is judged only until it has been seen to work, or not.

use crate::der::{Effect, Excitation, Lane, PowerFactor, Quality, Quantity, Reading, Setpoint};
use crate::device_map::registers::EffectBound;
use crate::southbound::effect::course::Course;
use crate::southbound::effect::{exhausted, strayed};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

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
    /// What is compared with what was asked of late: it counts since the first of the commands in a row.
    of_late: Option<f64>,
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
    /// When its hold time is over, if it is not repeated.
    pub until: Instant,
    /// When the first of the commands in a row that differ only in their values was applied.
    first: Timestamp,
    course: Course,
    /// What was told last, of this command or of those before it in the row: whether the measurements follow.
    said: Option<bool>,
    /// Of this one something was told.
    told: bool,
    /// Its time is not over yet.
    open: bool,
    /// A newer command of the lane is on its way.
    replaced: bool,
    /// Reactive power before.
    before: Option<f64>,
    wrong: u32,
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
    /// A newer command of a lane ends the watch silently; the same once more lets it go on, and one of the same kind takes
    /// over what is known of the values before it.
    pub fn make_way(&mut self, setpoint: &Setpoint) {
        for watch in self.watches.iter_mut().filter(|w| w.setpoint.lane() == setpoint.lane()) {
            watch.replaced = watch.setpoint != *setpoint;
        }
        if *setpoint == Setpoint::ReleaseReactivePower {
            self.distrust = None;
        }
    }

    /// Nothing is expected in a lane any more.
    pub fn end(&mut self, lane: Lane) {
        self.watches.retain(|w| w.setpoint.lane() != lane);
    }

    /// What was told in a lane counts no more: that the measurements follow is told again when it is seen.
    pub fn anew(&mut self, lane: Lane) {
        for watch in self.watches.iter_mut().filter(|w| w.setpoint.lane() == lane) {
            (watch.told, watch.said, watch.open) = (false, None, false);
        }
    }

    /// Why a command is not carried out again.
    pub fn distrusts(&self, setpoint: &Setpoint) -> Option<String> {
        let (wrong, why) = self.distrust.as_ref()?;
        (std::mem::discriminant(wrong) == std::mem::discriminant(setpoint))
            .then(|| format!("{why}; release reactive power before it is tried again"))
    }

    /// A command is not carried out again, because of this.
    pub fn distrust(&mut self, setpoint: &Setpoint, words: &str) {
        self.distrust = Some((setpoint.clone(), words.to_owned()));
    }

    /// Begins a watch, unless one for the same command goes on. What a command comes to may change while it does not: a share
    /// of a rating that is read anew.
    pub fn begin(&mut self, watch: Watch) {
        let same = |w: &&mut Watch| w.setpoint == watch.setpoint && w.expect == watch.expect;
        if let Some(same) = self.watches.iter_mut().find(same) {
            (same.until, same.replaced) = (watch.until, false);
            return;
        }
        let kind = |setpoint: &Setpoint| std::mem::discriminant(setpoint);
        let before = self.watches.iter().find(|w| kind(&w.setpoint) == kind(&watch.setpoint));
        let (first, mut course, said) = before
            .map_or_else(|| (watch.since, Course::default(), None), |w| (w.first, w.course.clone(), w.said));
        if let Some((_, value)) = watch.asked() {
            course.ask(value, watch.time, watch.begun);
        }
        self.end(watch.setpoint.lane());
        self.watches.push(Watch { before: self.reactive, first, course, said, ..watch });
    }

    /// True while it is to be disconnected.
    pub fn awaits_off(&self) -> bool {
        self.watches.iter().any(|w| w.expect == Expect::Off && !w.replaced)
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
        // A device that nobody has asked for so long may have fallen back by itself.
        self.watches.retain(|watch| now < watch.until);
        self.charge = good(Quantity::StateOfCharge, None).or(self.charge);
        let charge = self.charge;
        let findings = self
            .watches
            .iter_mut()
            .filter(|watch| !watch.replaced)
            .filter_map(|watch| {
                let active = good(Quantity::ActivePower, Some(watch.since));
                let reactive = good(Quantity::ReactivePower, Some(watch.since));
                let of = if watch.reactive() { Quantity::ReactivePower } else { Quantity::ActivePower };
                let of_late = good(of, Some(watch.first));
                watch.judge(&Shown { active, reactive, of_late, charge, links }, now)
            })
            .collect();
        self.reactive = good(Quantity::ReactivePower, None).or(self.reactive);
        findings
    }
}

impl Watch {
    /// A watch that begins now, of a command that the device holds for `hold`.
    pub fn new(
        setpoint: Setpoint,
        summary: String,
        expect: Expect,
        tolerance: f64,
        time: Duration,
        hold: Duration,
    ) -> Self {
        let (since, begun) = (Timestamp::now(), Instant::now());
        Self {
            setpoint,
            summary,
            expect,
            tolerance,
            time,
            since,
            begun,
            until: begun + hold,
            first: since,
            course: Course::default(),
            said: None,
            told: false,
            open: true,
            replaced: false,
            before: None,
            wrong: 0,
        }
    }

    /// What the measurements are compared with when they are compared with what was asked of late.
    const fn asked(&self) -> Option<(EffectBound, f64)> {
        match self.expect {
            Expect::AtMost(most) => Some((EffectBound::AtMost, most)),
            Expect::Near { target, .. } => Some((EffectBound::Equals, target)),
            Expect::Vars(target) => Some((EffectBound::Equals, target)),
            Expect::Off | Expect::Share(_) => None,
        }
    }

    fn judge(&mut self, shown: &Shown<'_>, now: Instant) -> Option<Finding> {
        let stray = match (self.asked(), shown.of_late) {
            (Some((bound, _)), Some(value))
                if self.course.strays(value, bound, self.tolerance, self.time, now) =>
            {
                Some(value)
            }
            _ => None,
        };
        self.compare(shown, now).or_else(|| {
            let unit = if self.reactive() { "VAr" } else { "W" };
            self.tell_strayed(&format!("{} {:.0} {unit}", self.what(), stray?))
        })
    }

    fn compare(&mut self, shown: &Shown<'_>, now: Instant) -> Option<Finding> {
        let Shown { active, reactive, charge, links, .. } = *shown;
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
            Expect::Off => return self.judge_off(active?, links, now),
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
        let what = self.what();
        let unit = if self.reactive() { "VAr" } else { "W" };
        let measured = value.map(|value| format!("{what} still {value:.0} {unit}")).unwrap_or_default();
        if follows {
            return self.tell_followed();
        }
        if self.wrong >= SURE && self.open {
            let words = format!(
                "{}; but reactive power moved the wrong way, to {:.0} VAr (does the device sign it otherwise? see pf_sign in its map)",
                self.summary,
                reactive.unwrap_or_default()
            );
            return self.tell(Effect::NoEffect(words), true);
        }
        if !late || !self.open {
            return None;
        }
        self.open = false;
        if excused {
            return None;
        }
        let stores = matches!(self.expect, Expect::Near { generator: false, .. });
        self.tell_ignored(&measured, charge.filter(|_| stores))
    }

    /// By its power, and where it says so, by its word: at night nothing else would tell.
    fn judge_off(&mut self, power: f64, links: &[Link], now: Instant) -> Option<Finding> {
        let late = now.saturating_duration_since(self.begun) >= self.time;
        let (delivers, link) = (power.abs() >= self.tolerance, self.link(links));
        let strays = self.course.note(delivers || link.is_some(), self.time, now);
        if !delivers && link.is_none() {
            // It may still let go, or has not said yet.
            return if late || self.has_let_go(links) { self.tell_followed() } else { None };
        }
        match link.filter(|_| !delivers) {
            Some(points) if late && self.open => {
                let words = format!(
                    "{}; no power is measured, but the device still says after {} s that it is connected ({points}): it may deliver again at any time",
                    self.summary,
                    self.time.as_secs()
                );
                self.tell(Effect::NoEffect(words), false)
            }
            None if late && self.open => self.tell_ignored(&format!("power still {power:.0} W"), None),
            Some(points) if strays => self
                .tell_strayed(&format!("no power is measured, but it says that it is connected ({points})")),
            None if strays => self.tell_strayed(&format!("power {power:.0} W")),
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

    const fn what(&self) -> &'static str {
        if self.reactive() { "reactive power" } else { "power" }
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

    /// It does not stay with what was asked, which is told once until it follows again.
    fn tell_strayed(&mut self, measured: &str) -> Option<Finding> {
        if self.said == Some(false) {
            return None;
        }
        let time = format!("{} s", self.time.as_secs());
        let words = strayed(&self.summary, self.said == Some(true), measured, &time);
        self.tell(Effect::NoEffect(words), false)
    }

    fn tell_followed(&mut self) -> Option<Finding> {
        let news = !self.told || self.said != Some(true);
        if news { self.tell(Effect::Effective, false) } else { None }
    }

    fn tell(&mut self, effect: Effect, undo: bool) -> Option<Finding> {
        (self.told, self.open, self.said) = (true, false, Some(effect == Effect::Effective));
        Some(Finding { setpoint: self.setpoint.clone(), effect, undo })
    }
}

/// Reactive power over active power's size, injected positive.
pub(super) fn share_of(factor: PowerFactor) -> f64 {
    let size = factor.size.clamp(0.01, 1.0).acos().tan();
    if factor.excitation == Excitation::Over { size } else { -size }
}

#[cfg(test)]
mod tests;
