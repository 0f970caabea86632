//! Reads single points and ranges that a person names.

use super::{Catalogue, Sweep};
use crate::device_map::dnp3::{At, OutstationMap, PointKind};
use crate::southbound::dnp3::{Field, ReadError};
use crate::southbound::tools::{Pick, PointAnswer, PointReport};

/// Reads what was named, in this order. What one of them lacks is told in its place.
///
/// # Errors
/// The outstation does not answer.
pub async fn read<F: Field>(
    field: &F,
    map: &OutstationMap,
    picks: &[Pick],
) -> Result<Vec<PointAnswer>, ReadError> {
    let catalogue = Catalogue::new(map);
    let mut answers = Vec::with_capacity(picks.len());
    for pick in picks {
        let result = match pick {
            Pick::Range(kind, from, to) => range(field, catalogue, *kind, *from, *to).await?,
            Pick::Named(name) => named(field, catalogue, name).await?,
        };
        answers.push(PointAnswer { target: pick.to_string(), result });
    }
    Ok(answers)
}

async fn named<F: Field>(
    field: &F,
    catalogue: Catalogue<'_>,
    name: &str,
) -> Result<Result<Vec<PointReport>, String>, ReadError> {
    let found = catalogue.named(name);
    if found.is_empty() {
        return Ok(Err(catalogue.no_such(name)));
    }
    let mut points = Vec::new();
    for at in found {
        match range(field, catalogue, at.kind, at.index, at.index).await? {
            Ok(read) => points.extend(read),
            Err(words) => return Ok(Err(words)),
        }
    }
    Ok(Ok(points))
}

/// The points of a range that came; why none did.
async fn range<F: Field>(
    field: &F,
    catalogue: Catalogue<'_>,
    kind: PointKind,
    from: u16,
    to: u16,
) -> Result<Result<Vec<PointReport>, String>, ReadError> {
    let mut sweep = Sweep::default();
    let refused = sweep.range(field, kind, from, to).await?;
    let mine = |at: &At| at.kind == kind && (from..=to).contains(&at.index);
    let mut points: Vec<PointReport> = sweep
        .seen
        .iter()
        .filter(|(at, _)| mine(at))
        .map(|(at, seen)| catalogue.report(*at, Some(seen)))
        .collect();
    if points.is_empty() {
        return Ok(Err(refused.unwrap_or_else(|| "the outstation does not have it".to_owned())));
    }
    for point in &mut points {
        if let Some(At { kind, index }) = catalogue.switch_of(point.at) {
            sweep.range(field, kind, index, index).await?;
            let online = |switch: At| sweep.seen.get(&switch).filter(|seen| catalogue.fault(seen).is_none());
            catalogue.only_while(point, &|switch| online(switch).map(|seen| seen.raw != 0.0));
        }
    }
    Ok(Ok(points))
}

/// One point as it stands now; `None` if it cannot be read.
pub async fn one<F: Field>(field: &F, map: &OutstationMap, at: At) -> Option<PointReport> {
    let read = range(field, Catalogue::new(map), at.kind, at.index, at.index).await;
    read.ok()?.ok()?.pop()
}

#[cfg(test)]
mod tests;
