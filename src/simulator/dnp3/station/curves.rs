//! The curves of an outstation: many of them, seen and edited through one window.
//!
//! They are kept and shown. Nothing here follows them: what a curve does to the power is not simulated.

use crate::simulator::dnp3::profile::WINDOW;

/// Curves that there are.
const CURVES: i32 = 20;
/// Values of one curve in the window, the selection apart: type, points, units, coordinates.
const FIELDS: usize = 204;
/// Where the type is.
const TYPE: u16 = 245;

/// All curves, and which of them the window shows.
#[derive(Clone, Debug)]
pub struct Curves {
    selected: i32,
    list: Vec<[i32; FIELDS]>,
}

impl Default for Curves {
    fn default() -> Self {
        Self { selected: 1, list: (0..CURVES).map(|_| [0; FIELDS]).collect() }
    }
}

/// Where a curve of a number is, counted from 1.
fn place(number: i32) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1).filter(|place| *place < usize::try_from(CURVES).unwrap_or(0))
}

/// Where a value of the window is in its curve; `None` for the selection itself.
fn field(index: u16) -> Option<usize> {
    index.checked_sub(WINDOW.start() + 1).map(usize::from).filter(|field| *field < FIELDS)
}

impl Curves {
    /// What an output of the window holds.
    #[must_use]
    pub fn shown(&self, index: u16) -> i32 {
        let Some(field) = field(index) else { return self.selected };
        place(self.selected).and_then(|at| self.list.get(at)?.get(field).copied()).unwrap_or_default()
    }

    /// Writes an output of the window; false if there is no such curve.
    pub fn write(&mut self, index: u16, raw: i32) -> bool {
        let Some(field) = field(index) else {
            let there = place(raw).is_some();
            if there {
                self.selected = raw;
            }
            return there;
        };
        let curve = place(self.selected).and_then(|at| self.list.get_mut(at)?.get_mut(field));
        curve.map(|value| *value = raw).is_some()
    }

    /// The type of a curve; `None` if there is no such curve.
    #[must_use]
    pub fn kind(&self, number: i32) -> Option<i32> {
        self.list.get(place(number)?)?.get(field(TYPE)?).copied()
    }
}
