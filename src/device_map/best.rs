//! Choosing a map for a device that names none: the best of those whose `[match]` fits SunSpec model 1.

use super::map::{DeviceMap, Match};
use super::maps::Maps;
use glob::{MatchOptions, Pattern};
use std::sync::Arc;

impl Maps {
    /// The map that is meant for a device, by what its SunSpec model 1 says: of those whose every glob matches, the
    /// one with the highest priority. What the device does not tell is empty, and matches `*` only.
    #[must_use]
    pub fn best(&self, manufacturer: &str, model: &str, version: &str) -> Option<&Arc<DeviceMap>> {
        let fits = |map: &&Arc<DeviceMap>| {
            map.matches.as_ref().is_some_and(|wanted| is_meant(wanted, manufacturer, model, version))
        };
        let priority = |map: &&Arc<DeviceMap>| map.matches.as_ref().map(|wanted| wanted.priority);
        // The last of equals is found: backwards, so that it is the first by id.
        self.by_id.values().rev().filter(fits).max_by_key(priority)
    }
}

fn is_meant(wanted: &Match, manufacturer: &str, model: &str, version: &str) -> bool {
    let matches = |glob: &String, text: &str| {
        let options = MatchOptions { case_sensitive: false, ..MatchOptions::new() };
        Pattern::new(glob).is_ok_and(|pattern| pattern.matches_with(text.trim(), options))
    };
    wanted.manufacturer.iter().all(|glob| matches(glob, manufacturer))
        && wanted.model.iter().all(|glob| matches(glob, model))
        && (wanted.version.is_empty() || wanted.version.iter().any(|glob| matches(glob, version)))
}
