//! Curves that are adopted (SunSpec 705 to 712): a client fills a set that it may write, asks for it, and after a moment
//! the first set shows it, or the adoption has failed. Points are judged then and not before.

use super::{Unit, Value};
use crate::simulator::faults::Fault;
use crate::simulator::registers::{Cell, Span};

/// How long an adoption takes, s.
const ADOPTION_S: f64 = 0.4;
/// Words of AdptCrvRslt.
const IN_PROGRESS: f64 = 0.0;
const COMPLETED: f64 = 1.0;
const FAILED: f64 = 2.0;
/// Groups of sets.
const SETS: [&str; 2] = ["Crv", "Ctl"];

/// An adoption under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Adoption {
    model: u16,
    /// The number that was asked for, as it was written.
    asked: f64,
    pub left_s: f64,
}

impl Unit {
    /// A client asks for a set.
    pub(super) fn ask_for(&mut self, model: u16, asked: f64) {
        self.adoptions.retain(|a| a.model != model);
        self.adoptions.push(Adoption { model, asked, left_s: ADOPTION_S });
        self.show_result(model, IN_PROGRESS);
    }

    /// Lets time pass for the adoptions under way.
    pub(super) fn adopt(&mut self, seconds: f64) {
        for adoption in &mut self.adoptions {
            adoption.left_s -= seconds;
        }
        let (done, left) = self.adoptions.drain(..).partition(|a| a.left_s <= 0.0);
        self.adoptions = left;
        let done: Vec<Adoption> = done;
        for Adoption { model, asked, .. } in done {
            let result = if self.take_over(model, asked).is_some() { COMPLETED } else { FAILED };
            self.show_result(model, result);
        }
    }

    fn show_result(&mut self, model: u16, result: f64) {
        let form = self.form.clone();
        for path in ["AdptCrvRslt", "AdptCtlRslt"] {
            if let Some(cell) = form.points(model, path).next() {
                self.put(cell, Some(&Value::Number(result)));
            }
        }
    }

    /// Copies a set into the first one, if there is such a set and its points are right.
    fn take_over(&mut self, model: u16, asked: f64) -> Option<()> {
        let form = self.form.clone();
        let span = *form.spans.iter().find(|s| s.id == model)?;
        let zero_based = self.behaviour.has(&Fault::CurvesZeroBased);
        let index = if zero_based { asked } else { asked - 1.0 };
        let prefix = SETS.map(|group| format!("{group}[{index}]."));
        let cells = form.cells_of(&span);
        let asked: Vec<&Cell> =
            cells.iter().filter(|c| prefix.iter().any(|p| c.path.starts_with(p))).collect();
        // The first set is what is in force already: there is nothing to take over.
        if index < 1.0 || asked.is_empty() || !self.is_sound(&span, &asked) {
            return None;
        }
        let first: Vec<&Cell> =
            cells.iter().filter(|c| SETS.iter().any(|g| c.path.starts_with(&format!("{g}[0].")))).collect();
        for (from, to) in asked.into_iter().zip(first).filter(|(from, _)| !from.path.ends_with(".ReadOnly")) {
            let taken = self.registers.get(from.offset..from.offset + from.size)?.to_vec();
            self.registers.get_mut(to.offset..to.offset + to.size)?.copy_from_slice(&taken);
        }
        Some(())
    }

    /// True if the points that a set says are active are there, and the first coordinate of each curve runs one way.
    fn is_sound(&self, span: &Span, set: &[&Cell]) -> bool {
        let most = self.form.points(span.id, "NPt").next().and_then(|c| self.number(c));
        set.iter().filter(|c| c.path.ends_with(".ActPt")).all(|active| {
            let Some(count) = self.number(active) else { return false };
            let prefix = active.path.trim_end_matches("ActPt");
            let along: Vec<f64> = set
                .iter()
                .filter(|c| c.path.starts_with(&format!("{prefix}Pt[")))
                .filter(|c| c.path.rsplit('.').next().is_some_and(|name| is_first(span.id, name)))
                .map_while(|c| self.number(c))
                .zip(0_u16..)
                .take_while(|(_, n)| f64::from(*n) < count)
                .map(|(value, _)| value)
                .collect();
            let trips = (707..=710).contains(&span.id);
            let rises = along.is_sorted();
            let falls = along.iter().rev().is_sorted();
            // No curve is a trip that is switched off; elsewhere a curve has two points at least.
            let least = if trips { 0.0 } else { 2.0 };
            (least..=most.unwrap_or(count)).contains(&count)
                && f64::from(u16::try_from(along.len()).unwrap_or(u16::MAX)) == count
                && (rises || (trips && falls))
        })
    }
}

/// True if a point of a curve is its first coordinate.
fn is_first(model: u16, name: &str) -> bool {
    name == if model == 712 { "W" } else { "V" } || (matches!(model, 709 | 710) && name == "Hz")
}
