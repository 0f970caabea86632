//! References to points of SunSpec models: `123.WMaxLimPct`, `160.module[*].Tmp`.

use super::words::{instead, near, quoted};
use crate::device_map::library::Library;
use crate::device_map::map::PointRef;
use crate::device_map::model::{Group, Model, Point, Repeat};
use crate::toml_file::Placed;

/// Longest reference.
const MAX_REF: usize = 200;

/// The point that a reference names, and what the model says of it; else a fault. `what` is how faults call it: `ref`.
pub(super) fn resolve(text: &Placed<String>, what: &str, library: &Library) -> Option<(PointRef, Point)> {
    match find(&text.value, library) {
        Ok(found) => Some(found),
        Err(why) => {
            text.place.fault(format!("{what} {}: {why}", quoted(&text.value)));
            None
        }
    }
}

fn find(text: &str, library: &Library) -> Result<(PointRef, Point), String> {
    if text.len() > MAX_REF {
        return Err(format!("a reference has at most {MAX_REF} characters"));
    }
    let (id, path) =
        text.split_once('.').ok_or("write the model and the point, such as \"123.WMaxLimPct\"")?;
    let id: u16 = id.parse().map_err(|_| "it must begin with a model id, such as \"123.WMaxLimPct\"")?;
    let model = library.get(id).ok_or_else(|| no_model(id, library))?;
    let point = walk(&model, path)?;
    Ok((PointRef { model: id, path: path.to_owned() }, point))
}

fn no_model(id: u16, library: &Library) -> String {
    let mut ids = library.ids();
    ids.sort_by_key(|known| known.abs_diff(id));
    let near: Vec<String> = ids.iter().take(3).map(u16::to_string).collect();
    format!("model {id} is not known; nearest: {}", near.join(", "))
}

fn walk(model: &Model, path: &str) -> Result<Point, String> {
    let named = |group: &Group| {
        if std::ptr::eq(group, &model.group) {
            format!("model {} ({})", model.id, group.name)
        } else {
            format!("group {} of model {}", group.name, model.id)
        }
    };
    let mut group = &model.group;
    let mut rest = path;
    while let Some((step, below)) = rest.split_once('.') {
        let (name, index) = match step.split_once('[') {
            Some((name, index)) => (name, Some(index)),
            None => (step, None),
        };
        let names: Vec<&str> = group.groups.iter().map(|g| g.name.as_str()).collect();
        let inner = group.groups.iter().find(|g| g.name == name).ok_or_else(|| {
            format!("{} has no such group {}; {}", named(group), quoted(name), instead(name, &names))
        })?;
        check_index(inner, index)?;
        (group, rest) = (inner, below);
    }
    if let Some(point) = group.points.iter().find(|point| point.name == rest) {
        return Ok(point.clone());
    }
    let names: Vec<&str> = group.points.iter().map(|point| point.name.as_str()).collect();
    let near = near(rest, &names);
    let right = if near.is_empty() { instead(rest, &names) } else { format!("nearest: {}", near.join(", ")) };
    Err(format!("{} has no such point; {right}", named(group)))
}

/// A group that repeats is named with all its instances; one that stands once, without an index.
fn check_index(group: &Group, index: Option<&str>) -> Result<(), String> {
    let once = group.repeat == Repeat::Times(1);
    match index {
        None if once => Ok(()),
        Some("*]") if !once => Ok(()),
        None | Some(_) if !once => {
            Err(format!("group {} repeats; write {}[*]. for all of them", group.name, group.name))
        }
        _ => Err(format!("group {} stands once; write {}. without an index", group.name, group.name)),
    }
}
