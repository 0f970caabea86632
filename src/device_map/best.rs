//! Choosing a map for a device that names none: the best of those whose `[match]` fits model 1.

use super::map::{DeviceMap, Match};
use super::maps::Maps;
use glob::{MatchOptions, Pattern};
use std::sync::Arc;

impl Maps {
    /// The map that fits a device best, by what its model 1 says; `None` if no map claims it.
    #[must_use]
    pub fn best(&self, manufacturer: &str, model: &str, version: &str) -> Option<&Arc<DeviceMap>> {
        let fitting = self
            .ids()
            .filter_map(|id| self.get(id))
            .filter(|map| map.matches.as_ref().is_some_and(|m| fits(m, manufacturer, model, version)));
        let priority = |map: &Arc<DeviceMap>| map.matches.as_ref().map(|m| m.priority);
        fitting.reduce(|best, map| if priority(map) > priority(best) { map } else { best })
    }
}

fn fits(wanted: &Match, manufacturer: &str, model: &str, version: &str) -> bool {
    let one = |glob: &str, text: &str| {
        let options = MatchOptions { case_sensitive: false, ..MatchOptions::new() };
        Pattern::new(glob).is_ok_and(|pattern| pattern.matches_with(text.trim(), options))
    };
    let given = wanted.manufacturer.is_some() || wanted.model.is_some() || !wanted.version.is_empty();
    given
        && wanted.manufacturer.as_ref().is_none_or(|glob| one(glob, manufacturer))
        && wanted.model.as_ref().is_none_or(|glob| one(glob, model))
        && (wanted.version.is_empty() || wanted.version.iter().any(|glob| one(glob, version)))
}
