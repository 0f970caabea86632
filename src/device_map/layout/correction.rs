//! What a device map corrects of single points, put on a layout: type, sign, unit, scale factor, or not to be used.
//!
//! It does not say how a correction is applied to a value: that is the driver's matter.

use super::Layout;
use crate::device_map::{PointOverride, PointRef};
use std::sync::Arc;

/// What is corrected of one point, beside its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Correction {
    /// Its sign is reversed.
    pub negate: bool,
    /// It is in percent where the model means a ratio: a hundredth of it is meant.
    pub percent: bool,
    /// It is never used.
    pub ignore: bool,
    /// Power of ten to use if its scale factor is not implemented.
    pub scale: Option<i8>,
}

impl PointRef {
    /// True if a path is the one meant; `[*]` stands for every index.
    #[must_use]
    pub fn is_path(&self, path: &str) -> bool {
        let (mut wanted, mut path) = (self.path.as_str(), path);
        while let Some((before, after)) = wanted.split_once("[*]") {
            let Some(rest) = path.strip_prefix(before).and_then(|rest| rest.strip_prefix('[')) else {
                return false;
            };
            let Some((index, rest)) = rest.split_once(']') else { return false };
            if index.is_empty() || !index.bytes().all(|b| b.is_ascii_digit()) {
                return false;
            }
            (wanted, path) = (after, rest);
        }
        wanted == path
    }
}

impl Layout {
    /// Puts a device map's corrections on the points they name. A type of another size is not taken over: it would move
    /// the points behind it.
    #[must_use]
    pub fn corrected(mut self, points: &[PointOverride], scales: &[(PointRef, i8)]) -> Self {
        for correction in points.iter().filter(|c| c.point.model == self.id) {
            for placed in self.points.iter_mut().filter(|p| correction.point.is_path(&p.path)) {
                if let Some(kind) = correction.kind
                    && kind.registers() == Some(placed.point.size)
                {
                    let mut point = (*placed.point).clone();
                    point.kind = kind;
                    placed.point = Arc::new(point);
                }
                placed.correction.negate = correction.negate;
                placed.correction.ignore = correction.ignore;
                placed.correction.percent = correction.unit.as_deref() == Some("percent");
            }
        }
        self.scale_by(scales);
        self
    }

    fn scale_by(&mut self, scales: &[(PointRef, i8)]) {
        for (wanted, power) in scales.iter().filter(|(r, _)| r.model == self.id) {
            let given: Vec<usize> = (0..)
                .zip(&self.points)
                .filter(|(_, p)| wanted.is_path(&p.path))
                .map(|(place, _)| place)
                .collect();
            for placed in &mut self.points {
                if let Some(super::PlacedScale::Point(place)) = placed.scale
                    && given.contains(&place)
                {
                    placed.correction.scale = Some(*power);
                }
            }
        }
    }
}
