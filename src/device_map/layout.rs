//! Where the points of one model instance stand: a model table laid over a length and its count points.
//!
//! L wins (SunSpec reference section 4): a point that does not fit completely is not there, and a repeating group has
//! no more instances than fit.

mod correction;

pub use correction::Correction;

use super::model::{Group, Model, Point, Repeat, Scale};
use std::collections::HashMap;
use std::sync::Arc;

/// Most points one layout may have: a bound for devices that lie about their counts. The largest real model (64411)
/// has under 2,000 registers.
const MAX_POINTS: usize = 8192;

/// One point of one model instance.
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedPoint {
    /// Its path within the model: `W`, or `Crv[0].Pt[3].V`; the index counts from 0.
    pub path: String,
    /// Registers from the model's ID register to its first one.
    pub offset: u16,
    /// What it is.
    pub point: Arc<Point>,
    /// Its power of ten: fixed, or the place in [`Layout::points`] of the sunssf point that holds it.
    pub scale: Option<PlacedScale>,
    /// What the device map corrects of it.
    pub correction: Correction,
}

/// Where the power of ten of a placed point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacedScale {
    /// The point at this place in [`Layout::points`].
    Point(usize),
    /// Stated by the model.
    Power(i8),
    /// The model names a scale factor that does not fit in this instance: the value cannot be known.
    Missing,
}

/// A model table laid over one instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Model id.
    pub id: u16,
    /// L as the device states it.
    pub length: u16,
    /// Every point that fits, in register order; ID and L are the first two.
    pub points: Vec<PlacedPoint>,
    /// True if L is smaller than the fixed part of the model.
    pub short: bool,
    /// Places in `points` by path.
    places: HashMap<String, usize>,
}

impl Layout {
    /// Lays a model over an instance with `length` registers after L. `count` is asked for the value of a top-level
    /// count point, by name; `None` means unknown, and then as many groups as fit are assumed.
    #[must_use]
    pub fn new(model: &Model, length: u16, count: &dyn Fn(&str) -> Option<u16>) -> Self {
        let end = usize::from(length) + 2;
        let mut walk = Walk { end, at: 0, points: Vec::new(), count, full: false };
        walk.group(&model.group, "", &[]);
        let paths = walk.points.iter().enumerate();
        let places = paths.map(|(place, point)| (point.path.clone(), place)).collect();
        Self {
            places,
            id: model.id,
            length,
            points: walk.points,
            short: usize::from(length) < model.fixed_length(),
        }
    }

    /// The point at a path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&PlacedPoint> {
        self.points.get(*self.places.get(path)?)
    }
}

struct Walk<'a> {
    end: usize,
    at: usize,
    points: Vec<PlacedPoint>,
    count: &'a dyn Fn(&str) -> Option<u16>,
    full: bool,
}

/// Scale factor points in reach: name and place, innermost group last.
type Scales = Vec<(String, usize)>;

impl Walk<'_> {
    fn group(&mut self, group: &Group, prefix: &str, outer: &[(String, usize)]) {
        let mut scales: Scales = outer.to_vec();
        let first = self.points.len();
        for point in &group.points {
            let next = self.at + usize::from(point.size);
            if next > self.end || self.points.len() >= MAX_POINTS {
                self.full = true;
                break;
            }
            let Ok(offset) = u16::try_from(self.at) else {
                self.full = true;
                break;
            };
            if point.kind == super::model::PointType::Sunssf {
                scales.push((point.name.clone(), self.points.len()));
            }
            self.points.push(PlacedPoint {
                path: format!("{prefix}{}", point.name),
                offset,
                point: Arc::new(point.clone()),
                scale: None,
                correction: Correction::default(),
            });
            self.at = next;
        }
        self.resolve_scales(first, &scales);
        for inner in &group.groups {
            self.instances(inner, prefix, &scales);
        }
    }

    /// A scale factor may stand after the points that use it, so it is looked up when the group is complete.
    fn resolve_scales(&mut self, first: usize, scales: &[(String, usize)]) {
        for placed in self.points.iter_mut().skip(first) {
            placed.scale = placed.point.scale.as_ref().map(|scale| match scale {
                Scale::Power(power) => PlacedScale::Power(*power),
                Scale::Point(name) => scales
                    .iter()
                    .rev()
                    .find(|(n, _)| n == name)
                    .map_or(PlacedScale::Missing, |(_, place)| PlacedScale::Point(*place)),
            });
        }
    }

    fn instances(&mut self, group: &Group, prefix: &str, scales: &[(String, usize)]) {
        let (times, once) = match &group.repeat {
            Repeat::Times(n) => (usize::from(*n), *n == 1),
            Repeat::Point(name) => ((self.count)(name).map_or(usize::MAX, usize::from), false),
            Repeat::FillLength => (usize::MAX, false),
        };
        for k in 0..times {
            let (at, have) = (self.at, self.points.len());
            if self.full || at >= self.end {
                // Fewer than the count says: the instance around this group is not whole.
                self.full |= times != usize::MAX;
                return;
            }
            let name = if once {
                format!("{prefix}{}.", group.name)
            } else {
                format!("{prefix}{}[{k}].", group.name)
            };
            self.group(group, &name, scales);
            if self.full && !once {
                // Whole instances only: half a curve is no curve.
                self.points.truncate(have);
                self.at = at;
                return;
            }
            if self.at == at {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
