//! Whether the measurements follow a command that was applied, for as long as it is held: a device may store a limit, show
//! it, and ignore it, at once or later (SunSpec reference 8, step 7, and 11). What is expected of which command, and what
//! becomes of it; the judging is in `watch`.

mod watch;

pub use self::watch::Effects;

use self::watch::{Expect, Finding, Link, Watch, share_of};
use super::Device;
use crate::core::port::Command;
use crate::der::{Effect, Outcome, ReadBack, Reading, Setpoint, Watts};
use crate::southbound::sunspec::abilities::{base_power, base_reactive};
use crate::southbound::sunspec::control::Script;
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
        let watch = Watch::new(command.setpoint.clone(), summary, expect, tolerance, time, command.hold);
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
        let mut effects = Vec::new();
        for Finding { setpoint, effect, undo } in self.effects.see(readings, &links, Instant::now()) {
            if self.is_disputed(&setpoint) {
                continue;
            }
            let effect = match effect {
                Effect::NoEffect(words) if undo => Effect::NoEffect(self.undo(&setpoint, words).await),
                effect => effect,
            };
            effects.push((setpoint, effect));
        }
        self.life.say_effects(effects).await;
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
        self.effects.distrust(setpoint, &words);
        match outcome {
            Outcome::Applied(_) => format!("{words}; it was undone"),
            Outcome::Refused(why) | Outcome::NotKept(why) => {
                format!("{words}; it could not be undone: {why}")
            }
            other => format!("{words}; it could not be undone: {}", other.name()),
        }
    }
}
