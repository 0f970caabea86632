//! What a command would send, for a person who is asked first. Nothing is sent, and nothing is read.

use super::super::curve;
use super::super::plan::{Act, Arguments, Ground, Known, line};
use super::{Commands, Kept, interlock};
use crate::der::{Curve, CurveShape, Outcome, Setpoint, Watts};
use crate::southbound::lanes::{Wish, wish};
use std::time::Duration;

/// What would be sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// What is asked, as the outstation's resolution makes it.
    pub summary: String,
    /// One line for each operation, in order.
    pub lines: Vec<String>,
    /// The same operations, to be compared with what shows them afterwards.
    pub acts: Vec<Act>,
    /// The active power asked for, if the command is about it.
    pub active_power: Option<Watts>,
}

impl Commands {
    /// Works a command out as [`Commands::carry_out`] would carry it out now.
    ///
    /// # Errors
    /// The outcome that it would have without anything being sent.
    pub fn preview(
        &self,
        setpoint: &Setpoint,
        hold: Duration,
        known: &dyn Known,
    ) -> Result<Preview, Outcome> {
        interlock(known)?;
        let map = &self.map;
        let ground = Ground { map, known };
        match setpoint {
            Setpoint::SetCurve(curve) => return self.preview_curve(curve, hold, known),
            Setpoint::ReleaseCurve(kind) => {
                let route = self.route(map, *kind)?;
                let steps = ground.steps(&route.release, &Arguments::default(), false);
                let acts = steps.map_err(Outcome::Refused)?.acts;
                return Ok(Preview::of(format!("release of {}", kind.name()), &acts, None));
            }
            _ => {}
        }
        let undone = |name| map.command(name).is_some_and(|command| !command.release.is_empty());
        let names = match wish(setpoint, |name| map.command(name).is_some(), undone) {
            None => {
                let words = format!("cannot {setpoint}: the map {} has no command for it", self.id);
                return Err(Outcome::Refused(words));
            }
            Some(Wish::Do(name, _)) => {
                let command = map.command(name).ok_or(Outcome::Unreachable)?;
                let asked = Arguments::of(setpoint, hold);
                let draft = ground.command(command, &asked).map_err(Outcome::Refused)?;
                let power = draft.active_power(setpoint);
                return Ok(Preview::of(draft.words, &draft.acts, power));
            }
            Some(Wish::Undo(name)) => vec![name],
            Some(Wish::Release(names)) => {
                names.iter().copied().filter(|name| self.holding.has(Kept::Command(*name))).collect()
            }
        };
        let mut all = Preview::default();
        for command in names.into_iter().filter_map(|name| map.command(name)) {
            let draft = ground.release(command, &[]).map_err(Outcome::Refused)?;
            all.add(&draft.words, &draft.acts);
        }
        Ok(all)
    }

    fn preview_curve(&self, curve: &Curve, hold: Duration, known: &dyn Known) -> Result<Preview, Outcome> {
        let map = &self.map;
        let route = self.route(map, curve.kind)?;
        let ground = Ground { map, known };
        ground.supports(route.supports, curve.kind.name()).map_err(Outcome::Refused)?;
        let mut preview = Preview { summary: format!("curve {}", curve.kind.name()), ..Preview::default() };
        let mut number = None;
        if let (Some(points), Some(window), CurveShape::Points(_)) =
            (&route.points, &map.window, &curve.shape)
        {
            number = points.numbers.first().copied();
            let content = curve::content(&ground, window, points, curve).map_err(Outcome::Refused)?;
            let first = f64::from(number.unwrap_or(1));
            let select = curve::window_act(map, window.select, first, 1.0);
            let numbers: Vec<String> = points.numbers.iter().map(ToString::to_string).collect();
            preview.summary = format!(
                "curve {} under the first number of {} that is not followed",
                curve.kind.name(),
                numbers.join(", ")
            );
            preview.lines.push(line(&select));
            preview.lines.extend(content.body.iter().chain([&content.count]).map(line));
        }
        let nominal = super::curves::nominal(map, known);
        let asked = Arguments::of_curve(curve, number, hold, nominal);
        asked.all_taken(&route.steps).map_err(Outcome::Refused)?;
        let draft = ground.steps(&route.steps, &asked, false).map_err(Outcome::Refused)?;
        preview.lines.extend(draft.acts.iter().map(line));
        preview.acts = draft.acts;
        Ok(preview)
    }
}

impl Preview {
    fn of(summary: String, acts: &[Act], active_power: Option<Watts>) -> Self {
        Self { summary, lines: acts.iter().map(line).collect(), acts: acts.to_vec(), active_power }
    }

    fn add(&mut self, words: &str, acts: &[Act]) {
        if !self.summary.is_empty() {
            self.summary.push_str(", ");
        }
        self.summary.push_str(words);
        self.lines.extend(acts.iter().map(line));
        self.acts.extend_from_slice(acts);
    }
}
