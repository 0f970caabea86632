//! Recording: every point of an outstation as it answered once; and the recording played as if it were the outstation.

use super::{Tell, sweep};
use crate::device_map::DeviceMap;
use crate::device_map::dnp3::{At, OutstationMap};
use crate::southbound::dnp3::{Field, Identity, OperateError, Operation, Part, ReadError, Seen, Stamp};
use crate::southbound::tools::{OutstationRecording, RecordedIdentity, RecordedPoint};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Reads everything of an outstation, once.
///
/// # Errors
/// It does not answer.
pub async fn record<F: Field>(
    field: &F,
    link: &str,
    map: &DeviceMap,
    outstation: &OutstationMap,
    tell: Tell<'_>,
) -> Result<OutstationRecording, ReadError> {
    let sweep = sweep(field, outstation, tell).await?;
    tell("device attributes");
    // They are extra: who is silent about them has been read all the same.
    let identity = field.identity().await.unwrap_or_default();
    let point = |seen: &Seen| RecordedPoint {
        raw: seen.raw,
        flags: seen.flags,
        time: seen.stamp.map(|stamp| (stamp.at, stamp.synchronised)),
    };
    Ok(OutstationRecording {
        link: link.to_owned(),
        at: Timestamp::now(),
        map: map.id.clone(),
        identity: RecordedIdentity {
            manufacturer: identity.manufacturer,
            model: identity.model,
            serial: identity.serial,
            version: identity.version,
        },
        points: sweep.seen.iter().map(|(at, seen)| (*at, point(seen))).collect(),
        refused: sweep.gaps,
        warnings: sweep.notes,
    })
}

/// A recording that answers as the outstation did.
#[derive(Clone, Debug)]
pub struct Tape {
    points: BTreeMap<At, Seen>,
    identity: Identity,
}

impl Tape {
    /// Of a recording.
    #[must_use]
    pub fn new(recording: &OutstationRecording) -> Self {
        let seen = |(at, point): (&At, &RecordedPoint)| {
            let stamp = point.time.map(|(at, synchronised)| Stamp { at, synchronised });
            let RecordedPoint { raw, flags, .. } = *point;
            (*at, Seen { at: *at, raw, flags, stamp, event: false, heard: recording.at })
        };
        let identity = recording.identity.clone();
        Self {
            points: recording.points.iter().map(seen).collect(),
            identity: Identity {
                manufacturer: identity.manufacturer,
                model: identity.model,
                serial: identity.serial,
                version: identity.version,
            },
        }
    }
}

impl Field for Tape {
    async fn read(&self, parts: &[Part]) -> Result<Vec<Seen>, ReadError> {
        let wanted = |at: &At| {
            parts.iter().any(|part| match part {
                Part::Events => false,
                Part::Static => true,
                Part::Range(kind, from, to) => at.kind == *kind && (*from..=*to).contains(&at.index),
            })
        };
        Ok(self.points.iter().filter(|(at, _)| wanted(at)).map(|(_, seen)| *seen).collect())
    }

    async fn identity(&self) -> Result<Identity, ReadError> {
        Ok(self.identity.clone())
    }

    async fn operate(&self, _: &[Operation]) -> Result<(), OperateError> {
        Err(OperateError::NotSent("a recording cannot be operated".to_owned()))
    }
}

#[cfg(test)]
mod tests;
