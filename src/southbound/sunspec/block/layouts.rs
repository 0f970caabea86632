//! Layouts by model, length, counts and corrections, shared by all devices: a thousand equal inverters need each
//! table once.

use crate::device_map::{Group, Layout, Model, PointOverride, Repeat, SunspecOptions};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most layouts kept: devices that invent lengths do not fill the memory.
const MAX_LAYOUTS: usize = 512;

/// Points that change when they are read, so that a read of ours would take them from whoever they are meant for. Never
/// read (SunSpec reference 1).
pub const CLEARS_ON_READ: [(u16, &str); 1] = [(122, "StSetLimMsk")];

/// What the count points of a model say, in the order of [`count_points`]; `None` is unknown.
pub type Counts = Vec<Option<u16>>;

/// Model, length, counts, and the corrections in words.
type Key = (u16, u16, Counts, String);

/// The layouts made so far.
#[derive(Debug, Default)]
pub struct Layouts(Mutex<HashMap<Key, Arc<Layout>>>);

/// What a device map corrects, as far as it concerns one model.
#[derive(Clone, Debug, Default)]
pub struct Corrections {
    points: Vec<PointOverride>,
    scales: Vec<(crate::device_map::PointRef, i8)>,
}

impl Corrections {
    /// Those of a model.
    #[must_use]
    pub fn of(options: &SunspecOptions, model: u16) -> Self {
        let mut points: Vec<_> = options.points.iter().filter(|p| p.point.model == model).cloned().collect();
        for (_, path) in CLEARS_ON_READ.iter().filter(|(id, _)| *id == model) {
            points.push(PointOverride {
                point: crate::device_map::PointRef { model, path: (*path).to_owned() },
                kind: None,
                unit: None,
                negate: false,
                ignore: true,
            });
        }
        let scales = options.scale_override.iter().filter(|(r, _)| r.model == model).cloned().collect();
        Self { points, scales }
    }

    fn key(&self) -> String {
        if self.points.is_empty() && self.scales.is_empty() { String::new() } else { format!("{self:?}") }
    }
}

impl Layouts {
    /// The layout of a model at a length.
    pub fn get(&self, model: &Model, length: u16, counts: &Counts, fix: &Corrections) -> Arc<Layout> {
        let key = (model.id, length, counts.clone(), fix.key());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layout) = kept.get(&key) {
            return layout.clone();
        }
        let layout = Arc::new(lay(model, length, counts).corrected(&fix.points, &fix.scales));
        if kept.len() < MAX_LAYOUTS {
            kept.insert(key, layout.clone());
        }
        layout
    }
}

fn lay(model: &Model, length: u16, counts: &Counts) -> Layout {
    let names = count_points(model);
    let nested = has_nested_counts(&model.group);
    // Of a group within a group nothing can be said unless all counts are known: no instance is better than a wrong one.
    let unsure = nested && counts.iter().any(Option::is_none);
    Layout::new(model, length, &|name| {
        if unsure {
            return Some(0);
        }
        let place = names.iter().position(|n| *n == name)?;
        counts.get(place).copied().flatten()
    })
}

/// The top-level points that say how often groups of a model repeat.
#[must_use]
pub fn count_points(model: &Model) -> Vec<&str> {
    fn walk<'m>(groups: &'m [Group], names: &mut Vec<&'m str>) {
        for group in groups {
            if let Repeat::Point(name) = &group.repeat
                && !names.contains(&name.as_str())
            {
                names.push(name);
            }
            walk(&group.groups, names);
        }
    }
    let mut names = Vec::new();
    walk(&model.group.groups, &mut names);
    names
}

fn has_nested_counts(top: &Group) -> bool {
    fn counted(group: &Group) -> bool {
        matches!(group.repeat, Repeat::Point(_)) || group.groups.iter().any(counted)
    }
    top.groups.iter().any(|group| group.groups.iter().any(counted))
}
