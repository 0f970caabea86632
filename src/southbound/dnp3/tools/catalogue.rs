//! What a device map and its profile say of points: names, units, scaling, pairs; and a point's value in these terms.
//!
//! Pure. It reads nothing.

use crate::device_map::dnp3::{
    At, Operate, OutstationMap, OutstationPoint, OutstationStep, PointKind, ProfilePoint, scaled,
};
use crate::nearest::nearest;
use crate::southbound::dnp3::Seen;
use crate::southbound::dnp3::image::{fault, is};
use crate::southbound::tools::{PointReport, PointValue};
use std::collections::BTreeSet;

/// What is known of the points of an outstation.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue<'m> {
    map: &'m OutstationMap,
}

impl<'m> Catalogue<'m> {
    /// Of a map.
    #[must_use]
    pub const fn new(map: &'m OutstationMap) -> Self {
        Self { map }
    }

    fn profile(&self, at: At) -> Option<&'m ProfilePoint> {
        self.map.profile.as_deref()?.at(at)
    }

    /// Every point that map or profile know.
    pub fn known(&self) -> BTreeSet<At> {
        let steps = self.steps().flat_map(|step| step.reads.iter().copied().chain([step.write]));
        let profile = self.map.profile.iter().flat_map(|profile| profile.points.iter().map(|point| point.at));
        self.map.points.iter().map(|point| point.at).chain(steps).chain(profile).collect()
    }

    fn steps(&self) -> impl Iterator<Item = &'m OutstationStep> {
        let commands = self.map.commands.iter().flat_map(|c| c.steps.iter().chain(&c.release));
        commands.chain(self.map.curves.iter().flat_map(|c| c.steps.iter().chain(&c.release)))
    }

    /// The points of a name: those of the map, else those of the profile, whatever their case.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<At> {
        let of_map = |same: &dyn Fn(&str) -> bool| -> Vec<At> {
            self.map.points.iter().filter(|point| same(&point.name)).map(|point| point.at).collect()
        };
        let of_profile = |same: &dyn Fn(&str) -> bool| -> Vec<At> {
            let points = self.map.profile.iter().flat_map(|profile| &profile.points);
            points.filter(|point| same(&point.name)).map(|point| point.at).collect()
        };
        let exact = |known: &str| known == name;
        let loose = |known: &str| known.eq_ignore_ascii_case(name);
        [of_map(&exact), of_profile(&exact), of_map(&loose), of_profile(&loose)]
            .into_iter()
            .find(|found| !found.is_empty())
            .unwrap_or_default()
    }

    /// What to say of a name that no point has.
    #[must_use]
    pub fn no_such(&self, name: &str) -> String {
        let names = self.map.points.iter().map(|point| point.name.as_str());
        let profile = self.map.profile.iter().flat_map(|profile| &profile.points);
        let names = names.chain(profile.map(|point| point.name.as_str()));
        match nearest(name, names) {
            Some(near) => format!("no point is named \"{name}\"; did you mean {near}?"),
            None => format!(
                "no point is named \"{name}\"; dergate probe LINK --all --filter TEXT looks for names, and an address such as AI537 does without"
            ),
        }
    }

    /// The inputs that show an output.
    #[must_use]
    pub fn shows(&self, output: At) -> Vec<At> {
        let of_steps = self.steps().find(|step| step.write == output && !step.reads.is_empty());
        match of_steps {
            Some(step) => step.reads.clone(),
            None => self.profile(output).and_then(|point| point.pair).into_iter().collect(),
        }
    }

    /// How an output is operated, if nobody says.
    #[must_use]
    pub fn operated(&self, output: At) -> Operate {
        let said = self.steps().find(|step| step.write == output).and_then(|step| step.operate);
        said.unwrap_or(match output.kind {
            PointKind::AnalogOutput => self.map.control.analog,
            _ => self.map.control.binary,
        })
    }

    /// Scale and offset of a point.
    #[must_use]
    pub fn scaling(&self, at: At) -> (f64, f64) {
        if let Some(point) = self.map.at(at) {
            return (point.scale, point.offset);
        }
        // A map that says how an output is scaled knows better than the profile.
        let step = self.steps().find(|step| step.write == at).map(|step| step.scale);
        let scale = step.or_else(|| self.profile(at).map(|point| point.scale));
        (scale.filter(|scale| scale.is_finite() && *scale != 0.0).unwrap_or(1.0), 0.0)
    }

    /// Smallest and largest value that the commands of the map give to an output, each with what a raw number is multiplied
    /// by to be compared.
    #[must_use]
    pub fn ranges(&self, output: At) -> Vec<(f64, f64, f64)> {
        let of = self.steps().filter(|step| step.write == output);
        of.filter_map(|step| step.range.map(|(low, high)| (low, high, step.scale))).collect()
    }

    /// True if the profile knows the point.
    #[must_use]
    pub fn is_of_profile(&self, at: At) -> bool {
        self.profile(at).is_some()
    }

    /// A point that is not read yet.
    #[must_use]
    pub fn blank(&self, at: At) -> PointReport {
        let (point, profile) = (self.map.at(at), self.profile(at));
        let (scale, offset) = self.scaling(at);
        let unit = point.and_then(|point| point.unit.clone());
        PointReport {
            at,
            name: point.map(|point| point.name.clone()),
            profile: profile.map(|point| point.name.clone()),
            seen: None,
            unit: unit.or_else(|| profile.map(|point| point.unit.clone())).filter(|unit| !unit.is_empty()),
            scale,
            offset,
            class: profile.map(|point| point.class),
        }
    }

    /// A point as it came, or did not.
    #[must_use]
    pub fn report(&self, at: At, seen: Option<&Seen>) -> PointReport {
        let blank = self.blank(at);
        let (scale, offset) = (blank.scale, blank.offset);
        let seen = seen.map(|seen| PointValue {
            raw: seen.raw,
            value: tidy(scaled(seen.raw, scale) + offset),
            symbols: self.symbols(at, seen.raw),
            flags: seen.flags,
            time: seen.stamp.map(|stamp| (stamp.at, stamp.synchronised)),
            heard: seen.heard,
            fault: self.fault(seen).map(str::to_owned),
        });
        PointReport { seen, ..blank }
    }

    /// A value that counts only while a switch is on does not count otherwise.
    pub fn only_while(&self, report: &mut PointReport, is_on: &dyn Fn(At) -> Option<bool>) {
        let switch = self.map.at(report.at).and_then(|point| point.only_while);
        if let (Some(switch), Some(seen)) = (switch, &mut report.seen)
            && is_on(switch) != Some(true)
        {
            seen.fault.get_or_insert_with(|| format!("it counts only while {switch} is on"));
        }
    }

    /// The point on which it depends whether a value counts.
    #[must_use]
    pub fn switch_of(&self, at: At) -> Option<At> {
        self.map.at(at)?.only_while
    }

    fn symbols(&self, at: At, raw: f64) -> Vec<String> {
        let of_map = self.map.at(at).and_then(|point| {
            let same = |(value, _): &&(i64, String)| is(raw, *value);
            point.symbols.iter().find(same).map(|(_, name)| name.clone())
        });
        let usual = match at.kind {
            kind if kind.is_binary() => Some(if raw == 0.0 { "off" } else { "on" }),
            PointKind::DoubleBitInput => {
                [(0.0, "intermediate"), (1.0, "off"), (2.0, "on"), (3.0, "indeterminate")]
                    .into_iter()
                    .find_map(|(value, name)| (value == raw).then_some(name))
            }
            _ => None,
        };
        of_map.or_else(|| usual.map(str::to_owned)).into_iter().collect()
    }

    /// Why a value is not used.
    #[must_use]
    pub fn fault(&self, seen: &Seen) -> Option<&'static str> {
        let point = self.map.at(seen.at);
        let analog = matches!(seen.at.kind, PointKind::AnalogInput | PointKind::AnalogOutput);
        let offline_is_fine =
            self.map.quality.assume_online || point.is_some_and(|point| point.without_online);
        fault(seen.at.kind, seen.flags, offline_is_fine).or_else(|| {
            if !seen.raw.is_finite() {
                Some("its value is not a number")
            } else if analog && self.is_null(point, seen.raw) {
                Some("it says that it has no value")
            } else {
                None
            }
        })
    }

    fn is_null(&self, point: Option<&OutstationPoint>, raw: f64) -> bool {
        let own = point.into_iter().flat_map(|point| &point.invalid);
        own.chain(&self.map.quality.null_raw).any(|value| is(raw, *value))
    }
}

/// Without the digits that binary arithmetic adds.
pub fn tidy(value: f64) -> f64 {
    let rounded = (value * 1e9).round() / 1e9;
    if rounded == 0.0 {
        0.0
    } else if rounded.is_finite() {
        rounded
    } else {
        value
    }
}
