//! Power on the DC side: 714, the strings of 160, or what the inverter model says of it.
//!
//! A string that is not used, and says nothing, does not void the sum: what is valid is summed (SunSpec reference 7,
//! note c).

use crate::southbound::sunspec::block::{Block, Blocks, Number};
use jiff::Timestamp;

/// Models that stand for the DC side by themselves.
pub const SIDES: [u16; 2] = [714, 160];

/// The DC power that a model tells, all its instances together. `since`: answers that are older do not count.
pub fn power(blocks: &Blocks, id: u16, since: Option<Timestamp>) -> (&'static str, Number) {
    let mut sum = Sum::default();
    for block in blocks.all(id) {
        if since.is_some_and(|since| block.asked_at.is_some_and(|at| at < since)) || block.fault.is_some() {
            continue;
        }
        let Some(sample) = block.sample() else { continue };
        match sample.number("DCW") {
            whole @ Number::Good(_) if id == 714 => sum.add(whole),
            _ => strings(block, &mut sum),
        }
    }
    (if id == 714 { "DCW" } else { "module[0].DCW" }, sum.number())
}

/// Adds the ports or strings of one block.
fn strings(block: &Block, sum: &mut Sum) {
    let Some(sample) = block.sample() else { return };
    // Behind the strings that it says it has, a device may show anything.
    let most = sample.integer("N").and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let powers = block.layout.points.iter().filter(|p| p.path.ends_with("].DCW"));
    for placed in powers.take(most.unwrap_or(usize::MAX)) {
        sum.add(sample.number_of(placed));
    }
}

#[derive(Default)]
struct Sum {
    good: Option<f64>,
    bad: Option<Number>,
}

impl Sum {
    fn add(&mut self, number: Number) {
        match number {
            Number::Good(watts) => self.good = Some(self.good.unwrap_or(0.0) + watts),
            Number::Bad(_) => self.bad = Some(number),
            Number::Absent => {}
        }
    }

    fn number(self) -> Number {
        self.good.map_or(self.bad.unwrap_or(Number::Absent), Number::Good)
    }
}
