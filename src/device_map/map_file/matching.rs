//! `[match]`: which devices a map is meant for.

use crate::device_map::map::Match;
use crate::toml_file::{Placed, Table};
use glob::Pattern;

/// Longest glob.
const MAX_GLOB: usize = 100;

/// Most versions.
const MAX_VERSIONS: usize = 50;

pub(super) fn read(mut table: Table) -> Option<Match> {
    let place = table.place().clone();
    let manufacturer = table.text("manufacturer", "\"Acme*\"").map(good_glob);
    let model = table.text("model", "\"AC-*\"").map(good_glob);
    let version = table.texts("version", "[\"4.*\"]");
    let priority = table.integer("priority", -1000..=1000, "10").and_then(|n| i32::try_from(n.value).ok());
    table.finish();
    let given = manufacturer.is_some() || model.is_some() || version.is_some();
    if !given {
        place.fault("[match] names nothing, so every device would match; add manufacturer = \"Acme*\"");
    }
    if let Some(list) = &version
        && (list.value.is_empty() || list.value.len() > MAX_VERSIONS)
    {
        list.place.fault(format!(
            "version must have 1 to {MAX_VERSIONS} globs; leave the key out if any version is right"
        ));
    }
    let version =
        version.map(|list| list.value).unwrap_or_default().into_iter().filter_map(good_glob).collect();
    Some(Match {
        manufacturer: manufacturer.flatten(),
        model: model.flatten(),
        version,
        priority: priority.unwrap_or_default(),
    })
}

fn good_glob(text: Placed<String>) -> Option<String> {
    let glob = text.value.trim();
    if glob.is_empty() || glob.chars().count() > MAX_GLOB {
        text.place.fault(format!("a glob has 1 to {MAX_GLOB} characters; write \"*\" if anything is right"));
        return None;
    }
    if let Err(why) = Pattern::new(glob) {
        text.place.fault(format!("this is not a glob: {}; write one such as \"Acme*\"", why.msg));
        return None;
    }
    Some(glob.to_owned())
}
