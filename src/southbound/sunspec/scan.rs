//! Finding the SunSpec chain of a device and walking it: marker, then model headers, never bodies.
//!
//! It decodes nothing. What is said when there is no chain is in `diagnose`, the walk in `walk`. (SunSpec reference
//! section 4.)

mod diagnose;
mod walk;

pub use walk::{kind, still_there};

use super::block::ModelAt;
use crate::device_map::SunspecOptions;
use crate::southbound::modbus::{BusError, Exception, Line};
use diagnose::{data, diagnose, turned};
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use walk::walk;

/// "SunS".
const MARKER: [u16; 2] = [0x5375, 0x6E53];
/// Most models of a chain; the longest seen have about forty.
const MAX_MODELS: usize = 200;
/// Waits before a busy device is asked again.
const BUSY: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// A chain as the device shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Address of the marker.
    pub base: u16,
    /// The models of the first logical device.
    pub models: Vec<ModelAt>,
    /// The logical devices behind it, each from its model 1 on.
    pub others: Vec<Vec<ModelAt>>,
    /// What is odd about it, in words.
    pub warnings: Vec<String>,
    /// Its end was seen: an end model, or another logical device. Otherwise there may be more (a booting device).
    pub complete: bool,
}

impl Chain {
    /// True if `other` is this chain, broken off early.
    #[must_use]
    pub fn goes_beyond(&self, other: &Self) -> bool {
        self.base == other.base
            && self.models.len() > other.models.len()
            && self.models.starts_with(&other.models)
    }

    /// Where its last model ends.
    #[must_use]
    pub fn end(&self) -> u16 {
        self.models.last().map_or(self.base, |m| m.address.saturating_add(2).saturating_add(m.length))
    }
}

/// Why there is no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// It answers, but no marker is at any base.
    #[error("{0}")]
    NoMarker(String),
    /// The headers make no sense.
    #[error("the model chain runs away at {address} (id {id}, L {length}): the map is damaged")]
    RunsAway {
        /// Where.
        address: u16,
        /// What stands there as an id.
        id: u16,
        /// What stands there as L.
        length: u16,
    },
    /// There is a marker and nothing behind it.
    #[error("the marker is at {0}, but no model follows it: {1}")]
    NoModels(u16, String),
    /// The device does not answer.
    #[error("{0}{hint}", hint = diagnose::advice(.0))]
    Bus(#[from] BusError),
}

/// Finds and walks the chain, however long that takes.
///
/// # Errors
/// See [`ScanError`].
pub async fn scan(line: &Line<'_>, options: &SunspecOptions) -> Result<Chain, ScanError> {
    scan_until(line, options, &mut 0, None).await
}

/// As [`scan`], but a device that is silent is given up when the time is over. `first` is the place in the list of bases
/// where it begins, and is moved on to the first base that was not tried: so a device that is silent at all bases but its
/// own is found in the end.
///
/// # Errors
/// See [`ScanError`].
pub async fn scan_until(
    line: &Line<'_>,
    options: &SunspecOptions,
    first: &mut usize,
    limit: Option<Instant>,
) -> Result<Chain, ScanError> {
    let mut tried = String::new();
    let mut answered = false;
    let mut silence = None;
    let count = options.base.len();
    let begun = std::mem::take(first);
    for (done, &base) in (1..).zip(options.base.iter().cycle().skip(begun).take(count)) {
        match patient(line, base, 2).await {
            Ok(words) if words == MARKER => return walk(line, base, options.end_model_required).await,
            Ok(words) => {
                answered = true;
                if let Some(hint) = turned(&words) {
                    return Err(ScanError::NoMarker(format!("at {base} stands the marker {hint}")));
                }
                note(&mut tried, base, &data(&words));
            }
            Err(BusError::Refused(exception)) if !exception.unit_missing() => {
                answered = true;
                note(&mut tried, base, &exception.to_string());
                if exception == Exception::ILLEGAL_FUNCTION {
                    break;
                }
            }
            Err(error @ (BusError::TimedOut(_) | BusError::Closed | BusError::BadAnswer(_))) => {
                note(&mut tried, base, &error.to_string());
                silence = Some(error);
                // Until the device may be asked again.
                let again = line.retry_at().await.unwrap_or_else(Instant::now);
                if done == count {
                    break;
                }
                if limit.is_some_and(|limit| again > limit) {
                    *first = (begun + done) % count;
                    break;
                }
                sleep_until(again).await;
            }
            Err(error) => {
                *first = begun;
                return Err(error.into());
            }
        }
    }
    match silence {
        Some(error) if !answered => Err(error.into()),
        silence => Err(ScanError::NoMarker(diagnose(line, &options.base, &tried, silence.as_ref()).await)),
    }
}

fn note(tried: &mut String, base: u16, what: &str) {
    let comma = if tried.is_empty() { "" } else { ", " };
    let _ = write!(tried, "{comma}{base} ({what})");
}

/// Waits until the connection may be made again.
async fn reconnectable(line: &Line<'_>) {
    if let Some(at) = line.retry_at().await {
        sleep_until(at).await;
    }
}

/// A read that waits for a busy device.
async fn patient(line: &Line<'_>, address: u16, quantity: u16) -> Result<Vec<u16>, BusError> {
    for wait in BUSY {
        match line.read(address, quantity).await {
            Err(BusError::Refused(Exception::DEVICE_FAILURE | Exception::ACKNOWLEDGE | Exception::BUSY)) => {
                tokio::time::sleep(wait).await;
            }
            result => return result,
        }
    }
    line.read(address, quantity).await
}

/// A patient read that tries again after silence.
async fn stubborn(line: &Line<'_>, address: u16, quantity: u16) -> Result<Vec<u16>, BusError> {
    for _ in 0..2 {
        match patient(line, address, quantity).await {
            Err(BusError::TimedOut(_) | BusError::Closed | BusError::BadAnswer(_)) => {
                reconnectable(line).await;
            }
            result => return result,
        }
    }
    patient(line, address, quantity).await
}

#[cfg(test)]
mod tests;
