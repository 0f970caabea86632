//! Names of points and of their values, as maps of registers and of outstations write them alike.
//!
//! It reads names; what a point is beside its name, `points` of either kind reads.

use super::words::{instead, quoted};
use crate::device_map::registers::PollClass;
use crate::toml_file::{Placed, Table};
use std::cell::Cell;
use std::collections::BTreeSet;

/// Most points of a map.
pub(super) const MAX_POINTS: usize = 2000;

/// How often a point is read.
pub(super) const POLLS: [(&str, PollClass); 4] = [
    ("fast", PollClass::Fast),
    ("normal", PollClass::Normal),
    ("slow", PollClass::Slow),
    ("once", PollClass::Once),
];

/// Longest name of a point.
const MAX_NAME: usize = 64;

/// Most names of values of one point.
const MAX_SYMBOLS: usize = 500;

/// Longest unit and name of a value.
const MAX_WORD: usize = 64;

/// References without a point for which the nearest one is sought: the nearest of thousands of names for each of thousands of
/// references would take minutes.
const MAX_SOUGHT: usize = 50;

/// References to points that are not there.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Names of points that are there but have a fault: whoever names them is not wrong.
    wrong: BTreeSet<String>,
    /// References without a point so far.
    count: Cell<usize>,
}

impl Missing {
    /// A point of this name is there, and has a fault.
    pub(super) fn but_wrong(&mut self, name: String) {
        self.wrong.insert(name);
    }

    /// There is no point of this name: a fault that names the one probably meant.
    pub(super) fn fault<'a>(
        &self,
        name: &Placed<String>,
        label: &str,
        known: impl ExactSizeIterator<Item = &'a str>,
    ) {
        if self.wrong.contains(&name.value) {
            return;
        }
        self.count.set(self.count.get() + 1);
        let right = if self.count.get() > MAX_SOUGHT && known.len() > 0 {
            "see the names of the points".to_owned()
        } else {
            instead(&name.value, &known.collect::<Vec<_>>())
        };
        name.place.fault(format!("{label}: there is no point {}; {right}", quoted(&name.value)));
    }
}

/// The name of a point.
pub(super) fn point_name(name: Placed<String>) -> Option<Placed<String>> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !name.value.is_empty() && name.value.len() <= MAX_NAME && name.value.chars().all(good) {
        return Some(name);
    }
    name.place
        .fault(format!("a point name is 1 to {MAX_NAME} letters, digits and . _ -; write name = \"p\""));
    None
}

/// A unit, or the name of a value.
pub(super) fn short_word(text: Placed<String>) -> Option<Placed<String>> {
    let length = text.value.chars().count();
    if (1..=MAX_WORD).contains(&length) {
        return Some(text);
    }
    text.place.fault(format!("a unit or name has 1 to {MAX_WORD} characters"));
    None
}

/// `enum = { 0xAA = "enable", 0x55 = "disable" }`, with raw values of this `kind`; `raw` reads one.
pub(super) fn symbols<T: Copy + Ord + std::fmt::Display>(
    mut table: Table,
    raw: impl Fn(&str) -> Option<T>,
    (kind, example, label): (&str, &str, &str),
) -> Vec<(T, String)> {
    let mut symbols: Vec<(T, String)> = Vec::new();
    for (key, name) in table.rest() {
        let raw = raw(&key.value);
        if raw.is_none() {
            let shown = quoted(&key.value);
            key.place.fault(format!("{label}: enum {shown} is no raw value{kind}; write such as {example}"));
        }
        let name = name.text("\"enable\"").and_then(short_word);
        let (Some(raw), Some(name)) = (raw, name) else { continue };
        if symbols.iter().any(|(known, word)| *known == raw || *word == name.value) {
            key.place.fault(format!(
                "{label}: enum has the value {raw} or the name {} twice",
                quoted(&name.value)
            ));
        } else if symbols.len() >= MAX_SYMBOLS {
            key.place.fault(format!("{label}: enum has more than {MAX_SYMBOLS} names"));
            break;
        } else {
            symbols.push((raw, name.value));
        }
    }
    symbols.sort();
    symbols
}
