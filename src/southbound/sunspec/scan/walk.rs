//! Walking a chain header by header, and seeing whether a chain known from before is still there.

use super::{Chain, MARKER, MAX_MODELS, ModelAt, ScanError, patient, stubborn};
use crate::southbound::modbus::{BusError, Exception, Line};

/// What stands at a place where a header is expected.
enum Header {
    Model(u16, u16),
    /// The end model.
    End,
    /// No end model; in words.
    Broken(String),
}

/// Walks the chain behind a marker.
pub async fn walk(line: &Line<'_>, base: u16, end_required: bool) -> Result<Chain, ScanError> {
    let mut chain =
        Chain { base, models: Vec::new(), others: Vec::new(), warnings: Vec::new(), complete: false };
    let (mut at, mut count) = (u32::from(base) + 2, 0);
    loop {
        let header = match u16::try_from(at) {
            Ok(address) => header(line, address, chain.models.is_empty()).await,
            Err(_) => {
                Ok(Header::Broken("the chain ends at the last register without an end model".to_owned()))
            }
        };
        let (id, length) = match header {
            Ok(Header::Model(id, length)) => (id, length),
            Ok(Header::End) => {
                chain.complete = true;
                break;
            }
            Ok(Header::Broken(words)) if chain.models.is_empty() => {
                return Err(ScanError::NoModels(base, words.trim_start_matches("no end model: ").to_owned()));
            }
            Ok(Header::Broken(words)) => {
                if end_required {
                    chain.warnings.push(words);
                }
                break;
            }
            // What stands behind the device itself is only told of.
            Err(error) if !chain.others.is_empty() => {
                chain.warnings.push(format!("the chain behind it was not read to its end: {error}"));
                break;
            }
            Err(error) => return Err(error.into()),
        };
        let address = u16::try_from(at).unwrap_or(u16::MAX);
        at += 2 + u32::from(length);
        count += 1;
        if at > 0x1_0000 || count > MAX_MODELS {
            if chain.others.is_empty() {
                return Err(ScanError::RunsAway { address, id, length });
            }
            chain.warnings.push(format!("the chain behind it runs away at {address} (id {id}, L {length})"));
            break;
        }
        tracing::debug!(address, id, length, "model found");
        add(&mut chain, id, address, length);
    }
    if chain.models.is_empty() {
        return Err(ScanError::NoModels(base, "the chain ends at once".to_owned()));
    }
    tell_others(&mut chain);
    Ok(chain)
}

/// Adds a model. A second model 1 begins another logical device.
fn add(chain: &mut Chain, id: u16, address: u16, length: u16) {
    if id == 1 && chain.models.iter().any(|m| m.id == 1) {
        chain.complete = true;
        chain.others.push(Vec::new());
    }
    let models = chain.others.last_mut().unwrap_or(&mut chain.models);
    let before = models.iter().filter(|m| m.id == id).count();
    let instance = u16::try_from(before).unwrap_or(u16::MAX);
    models.push(ModelAt { id, instance, address, length });
}

fn tell_others(chain: &mut Chain) {
    for models in &chain.others {
        let ids: Vec<String> = models.iter().map(|m| m.id.to_string()).collect();
        chain.warnings.push(format!(
            "another logical device begins at {} ({}, models {}): it is not read",
            models.first().map_or(0, |m| m.address),
            kind(models),
            ids.join(", ")
        ));
    }
}

/// What a logical device is, by its models.
#[must_use]
pub fn kind(models: &[ModelAt]) -> &'static str {
    let has = |ids: &[u16]| models.iter().any(|m| ids.contains(&m.id));
    if has(&[701, 101, 102, 103, 111, 112, 113]) {
        "an inverter"
    } else if has(&[201, 202, 203, 204, 211, 212, 213, 214]) {
        "a meter"
    } else if has(&[713, 802, 803, 804, 805]) {
        "a storage"
    } else {
        "of unknown kind"
    }
}

async fn header(line: &Line<'_>, address: u16, first: bool) -> Result<Header, BusError> {
    match stubborn(line, address, 2).await.as_deref() {
        Ok([0xFFFF, _]) => Ok(Header::End),
        Ok([0, _]) => Ok(Header::Broken(format!("no end model: zeros at {address}"))),
        Ok([id, length]) => Ok(Header::Model(*id, *length)),
        Ok(_) => Ok(Header::Broken(format!("no end model: no header at {address}"))),
        Err(BusError::Refused(e @ (Exception::ILLEGAL_ADDRESS | Exception::ILLEGAL_VALUE))) => {
            // Some devices have an end model of one register.
            if !first && matches!(line.read(address, 1).await.as_deref(), Ok([0xFFFF])) {
                return Ok(Header::End);
            }
            Ok(Header::Broken(format!("no end model: reading {address} gave {e}")))
        }
        Err(BusError::NotSent(_)) => {
            Ok(Header::Broken("the chain ends at the last register without an end model".to_owned()))
        }
        Err(error) => Err(error.clone()),
    }
}

/// True if a chain that is known from before still stands there: its marker, its last model and what follows it. Model 1
/// has to be looked at too, which a read of the model does.
///
/// # Errors
/// The device does not answer.
pub async fn still_there(line: &Line<'_>, chain: &Chain) -> Result<bool, BusError> {
    let Some(last) = chain.models.last() else { return Ok(false) };
    let mut wanted = vec![(chain.base, MARKER.to_vec()), (last.address, vec![last.id, last.length])];
    match chain.others.first().and_then(|models| models.first()) {
        Some(next) => wanted.push((next.address, vec![next.id, next.length])),
        None => wanted.push((chain.end(), vec![0xFFFF])),
    }
    for (address, words) in wanted {
        let quantity = u16::try_from(words.len()).unwrap_or(2);
        match patient(line, address, quantity).await {
            Ok(found) if found == words => {}
            Ok(_) => return Ok(false),
            Err(BusError::Refused(exception)) if !exception.unit_missing() => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}
