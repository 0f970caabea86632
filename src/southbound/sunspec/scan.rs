//! Finding the SunSpec chain of a device and walking it: marker, then model headers, never bodies.
//!
//! It decodes nothing. (SunSpec reference section 4.)

use super::block::ModelAt;
use crate::southbound::modbus::{BusError, Exception, Line};
use std::fmt::Write as _;
use std::time::Duration;

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
    #[error("{0}{hint}", hint = other_units(.0))]
    Bus(#[from] BusError),
}

/// What to do about a unit that is not there.
fn other_units(error: &BusError) -> &'static str {
    match error.exception() {
        Some(exception) if exception.unit_missing() => "; try another unit: 1, 2, 126 and 247 are usual",
        _ => "",
    }
}

/// Finds and walks the chain.
///
/// # Errors
/// See [`ScanError`].
pub async fn scan(line: &Line<'_>, bases: &[u16]) -> Result<Chain, ScanError> {
    let mut tried = String::new();
    let mut answered = false;
    let mut silence = None;
    for &base in bases {
        match patient(line, base, 2).await {
            Ok(words) if words == MARKER => return walk(line, base).await,
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
                reconnectable(line).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    match silence {
        Some(error) if !answered => Err(error.into()),
        _ => Err(ScanError::NoMarker(diagnose(line, bases, &tried).await)),
    }
}

fn note(tried: &mut String, base: u16, what: &str) {
    let comma = if tried.is_empty() { "" } else { ", " };
    let _ = write!(tried, "{comma}{base} ({what})");
}

fn data(words: &[u16]) -> String {
    words.iter().fold("data".to_owned(), |text, word| format!("{text} 0x{word:04X}"))
}

/// A marker in the wrong order.
fn turned(words: &[u16]) -> Option<&'static str> {
    match words {
        [0x6E53, 0x5375] => Some(
            "with its two registers swapped; SunSpec does not allow that, ask the maker for a firmware update",
        ),
        [0x7553, 0x536E] => Some(
            "with its bytes swapped; SunSpec does not allow that, look for a byte-order setting of the device or converter",
        ),
        _ => None,
    }
}

/// Looks for a map that is shifted by one, and says what to do.
async fn diagnose(line: &Line<'_>, bases: &[u16], tried: &str) -> String {
    for &base in bases {
        for near in [base.checked_add(1), base.checked_sub(1)].into_iter().flatten() {
            match line.read(near, 2).await {
                Ok(words) if words == MARKER => {
                    return format!(
                        "marker found at {near}: this device's map is shifted by one; set base = [{near}] in its device map"
                    );
                }
                Ok(_) | Err(BusError::Refused(_)) => {}
                Err(_) => break,
            }
        }
    }
    format!(
        "no SunSpec marker at {tried}. The device answers Modbus; is SunSpec enabled, or is the unit id different (SMA uses 126)?"
    )
}

/// Waits until the connection may be made again.
async fn reconnectable(line: &Line<'_>) {
    if let Some(at) = line.retry_at().await {
        tokio::time::sleep_until(at).await;
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

async fn walk(line: &Line<'_>, base: u16) -> Result<Chain, ScanError> {
    let mut chain = Chain { base, models: Vec::new(), warnings: Vec::new(), complete: false };
    let mut at = u32::from(base) + 2;
    loop {
        let Ok(address) = u16::try_from(at) else {
            chain.warnings.push("the chain ends at the last register without an end model".to_owned());
            return Ok(chain);
        };
        let header = match stubborn(line, address, 2).await {
            Ok(words) => words,
            Err(BusError::Refused(exception @ (Exception::ILLEGAL_ADDRESS | Exception::ILLEGAL_VALUE))) => {
                if end_without_length(line, address).await {
                    chain.complete = true;
                    return end(chain);
                }
                if chain.models.is_empty() {
                    return Err(ScanError::NoModels(base, exception.to_string()));
                }
                chain.warnings.push(format!("no end model: reading {address} gave {exception}"));
                return end(chain);
            }
            Err(BusError::NotSent(_)) => return end(chain),
            Err(error) => return Err(error.into()),
        };
        let &[id, length] = header.as_slice() else { return end(chain) };
        match id {
            0xFFFF => {
                chain.complete = true;
                return end(chain);
            }
            0 => {
                chain.warnings.push(format!("no end model: zeros at {address}"));
                return end(chain);
            }
            1 if chain.models.iter().any(|m| m.id == 1) => {
                chain.complete = true;
                chain.warnings.push(format!(
                    "another logical device begins at {address} (a second model 1); it and what follows are not read"
                ));
                return end(chain);
            }
            _ => {}
        }
        let next = at + 2 + u32::from(length);
        if next > 0x1_0000 || chain.models.len() >= MAX_MODELS {
            return Err(ScanError::RunsAway { address, id, length });
        }
        let before = chain.models.iter().filter(|m| m.id == id).count();
        let instance = u16::try_from(before).unwrap_or(u16::MAX);
        chain.models.push(ModelAt { id, instance, address, length });
        at = next;
    }
}

/// Some devices have an end model of one register.
async fn end_without_length(line: &Line<'_>, address: u16) -> bool {
    matches!(line.read(address, 1).await.as_deref(), Ok([0xFFFF]))
}

fn end(chain: Chain) -> Result<Chain, ScanError> {
    if chain.models.is_empty() {
        return Err(ScanError::NoModels(chain.base, "the chain ends at once".to_owned()));
    }
    Ok(chain)
}

#[cfg(test)]
mod tests;
