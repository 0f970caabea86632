//! Everything that an outstation has, once: by class 0, or by ranges of the points that map and profile know.
//!
//! One object that cannot be read spoils a whole answer. Ranges are halved then until what can be read has been read.

use super::{Catalogue, Tell};
use crate::device_map::dnp3::{At, OutstationMap, PointKind, ReadPlan};
use crate::southbound::dnp3::{Field, Part, ReadError, Seen};
use std::collections::BTreeMap;

/// Most points asked for in one range.
const LONGEST: u16 = 250;

/// Most requests of one sweep.
const MOST_REQUESTS: u32 = 400;

/// What an outstation has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sweep {
    /// The last value of each point.
    pub seen: BTreeMap<At, Seen>,
    /// What could not be read, in words.
    pub gaps: Vec<String>,
    /// What is worth knowing of how it was read.
    pub notes: Vec<String>,
    requests: u32,
}

/// Reads everything. A request that is refused leaves a gap; silence ends it.
///
/// # Errors
/// No answer at all.
pub async fn sweep<F: Field>(field: &F, map: &OutstationMap, tell: Tell<'_>) -> Result<Sweep, ReadError> {
    let mut sweep = Sweep::default();
    let mut by_class = map.session.read == ReadPlan::Classes;
    if by_class {
        tell("class 0");
        sweep.requests = 1;
        match field.read(&[Part::Static]).await {
            Ok(values) => sweep.take(values),
            Err(error @ (ReadError::Refused(_) | ReadError::Broken(_))) => {
                sweep.notes.push(format!(
                    "class 0 cannot be read ({error}); the points of the map were read by ranges instead"
                ));
                by_class = false;
            }
            Err(error) => return Err(error),
        }
    }
    for kind in PointKind::ALL {
        // Outputs need not be in class 0.
        let wanted = !by_class || (kind.is_output() && !sweep.seen.keys().any(|at| at.kind == kind));
        if wanted {
            sweep.ranges_of(field, map, kind, tell).await?;
        }
    }
    Ok(sweep)
}

impl Sweep {
    fn take(&mut self, values: Vec<Seen>) {
        self.seen.extend(values.into_iter().map(|seen| (seen.at, seen)));
    }

    async fn ranges_of<F: Field>(
        &mut self,
        field: &F,
        map: &OutstationMap,
        kind: PointKind,
        tell: Tell<'_>,
    ) -> Result<(), ReadError> {
        for (from, to) in runs(map, kind) {
            tell(&format!("{}{from} to {to}", kind.letters()));
            let begun = self.requests;
            let refused = self.range(field, kind, from, to).await?;
            if self.requests >= MOST_REQUESTS {
                self.gaps.push(format!("{}{from} and what follows: too many refusals", kind.letters()));
                return Ok(());
            }
            if let Some(words) = refused.filter(|_| self.requests > begun) {
                self.gaps.push(words);
            }
        }
        Ok(())
    }

    /// Reads a range, and halves it while it is refused. Gives words for what stays unread.
    pub async fn range<F: Field>(
        &mut self,
        field: &F,
        kind: PointKind,
        from: u16,
        to: u16,
    ) -> Result<Option<String>, ReadError> {
        let mut open = vec![(from, to)];
        let mut unread: Vec<(u16, u16, String)> = Vec::new();
        while let Some((from, to)) = open.pop() {
            if self.requests >= MOST_REQUESTS {
                unread.push((from, to, "too many refusals".to_owned()));
                break;
            }
            match self.ask(field, kind, from, to).await? {
                None => {}
                Some(words) if from == to => unread.push((from, to, words)),
                // A block that is not there at all is not worth halving.
                Some(words) if to - from > 8 && self.ends_refused(field, kind, from, to).await? => {
                    unread.push((from, to, words));
                }
                Some(_) => {
                    let middle = from + (to - from) / 2;
                    open.push((middle + 1, to));
                    open.push((from, middle));
                }
            }
        }
        Ok(in_words(kind, &unread))
    }

    async fn ends_refused<F: Field>(
        &mut self,
        field: &F,
        kind: PointKind,
        from: u16,
        to: u16,
    ) -> Result<bool, ReadError> {
        let middle = from + (to - from) / 2;
        for at in [from, to, middle] {
            if self.ask(field, kind, at, at).await?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One request. Gives why it was refused.
    async fn ask<F: Field>(
        &mut self,
        field: &F,
        kind: PointKind,
        from: u16,
        to: u16,
    ) -> Result<Option<String>, ReadError> {
        self.requests += 1;
        match field.read(&[Part::Range(kind, from, to)]).await {
            Ok(values) => {
                self.take(values);
                Ok(None)
            }
            Err(error @ (ReadError::Refused(_) | ReadError::Broken(_))) => Ok(Some(error.to_string())),
            Err(error) => Err(error),
        }
    }
}

fn in_words(kind: PointKind, unread: &[(u16, u16, String)]) -> Option<String> {
    let first = unread.first()?;
    let letters = kind.letters();
    let places = unread.iter().map(|(from, to, _)| {
        if from == to { format!("{letters}{from}") } else { format!("{letters}{from}..{letters}{to}") }
    });
    let mut places: Vec<String> = places.collect();
    places.sort();
    Some(format!("{}: {}", places.join(", "), first.2))
}

/// Runs of points without gaps, none too long.
fn runs(map: &OutstationMap, kind: PointKind) -> Vec<(u16, u16)> {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for at in Catalogue::new(map).known().into_iter().filter(|at| at.kind == kind) {
        match runs.last_mut() {
            Some((from, to)) if to.checked_add(1) == Some(at.index) && at.index - *from < LONGEST => {
                *to = at.index;
            }
            _ => runs.push((at.index, at.index)),
        }
    }
    runs
}

#[cfg(test)]
mod tests;
