//! The point tables of the DNP3 profiles that ship with the program (`device-maps/dnp3/*.csv`), for the tools.
//!
//! Names, units and classes only: what a driver does with a point stands in a device map.

use super::dnp3::{At, Profile, ProfilePoint};
use super::shipped;
use std::sync::{Arc, LazyLock};

/// Largest table, and most points in it.
const MAX_BYTES: usize = 512 * 1024;
const MAX_POINTS: usize = 10_000;

/// Longest name and unit.
const MAX_WORD: usize = 100;

/// The columns, as the first line that is no comment names them.
const COLUMNS: &str = "address,name,unit,scale,class,pair";

static SHIPPED: LazyLock<Vec<Arc<Profile>>> = LazyLock::new(|| {
    let read = |id: &String| parse(id, &shipped::text(&format!("dnp3/{id}.csv"))?).ok().map(Arc::new);
    ids().iter().filter_map(read).collect()
});

/// The profile of an id, as the name of its file.
#[must_use]
pub fn shipped(id: &str) -> Option<Arc<Profile>> {
    SHIPPED.iter().find(|profile| profile.id == id).cloned()
}

/// The ids of all profiles, sorted.
#[must_use]
pub fn ids() -> Vec<String> {
    let id =
        |path: &std::borrow::Cow<'_, str>| Some(path.strip_prefix("dnp3/")?.strip_suffix(".csv")?.to_owned());
    shipped::paths().iter().filter_map(id).collect()
}

/// Reads a table: one point a line, lines with `#` in front are comments.
///
/// # Errors
/// The first line that is wrong, and why.
pub fn parse(id: &str, text: &str) -> Result<Profile, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("the table is larger than {MAX_BYTES} bytes"));
    }
    let lines = text.lines().enumerate().map(|(k, line)| (k + 1, line.trim_end()));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    if lines.next().is_none_or(|(_, line)| line != COLUMNS) {
        return Err(format!("the first line must be {COLUMNS}"));
    }
    let mut points = Vec::new();
    for (number, line) in lines {
        if points.len() >= MAX_POINTS {
            return Err(format!("line {number}: more than {MAX_POINTS} points"));
        }
        points.push(point(line).map_err(|why| format!("line {number}: {why}"))?);
    }
    points.sort_by_key(|point: &ProfilePoint| point.at);
    let same = |two: &[ProfilePoint]| match two {
        [one, other] if one.at == other.at => Some(one.at),
        _ => None,
    };
    match points.windows(2).find_map(same) {
        Some(at) => Err(format!("{at} is there twice")),
        None => Ok(Profile { id: id.to_owned(), points }),
    }
}

fn point(line: &str) -> Result<ProfilePoint, String> {
    let fields: Vec<&str> = line.split(',').collect();
    let &[at, name, unit, scale, class, pair] = fields.as_slice() else {
        return Err(format!("{} fields where {COLUMNS} are needed", fields.len()));
    };
    if name.is_empty() || name.chars().count() > MAX_WORD || unit.chars().count() > MAX_WORD {
        return Err(format!("a name has 1 to {MAX_WORD} characters, a unit at most so many"));
    }
    let address = |text: &str| At::parse(text).ok_or_else(|| format!("{text:?} is no address"));
    let scale: f64 = scale.parse().map_err(|_| format!("{scale:?} is no number"))?;
    if !scale.is_finite() || scale == 0.0 {
        return Err(format!("{scale} cannot be a scale"));
    }
    let class: u8 = class.parse().ok().filter(|class| *class <= 3).ok_or("a class is 0 to 3")?;
    let pair = if pair.is_empty() { None } else { Some(address(pair)?) };
    Ok(ProfilePoint { at: address(at)?, name: name.to_owned(), unit: unit.to_owned(), scale, class, pair })
}

#[cfg(test)]
mod tests;
