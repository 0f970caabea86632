//! What is said, and what else is looked at, when no marker is found: each message names the remedy.

use super::MARKER;
use crate::southbound::modbus::{BusError, Exception, Line};

/// Words as data.
pub fn data(words: &[u16]) -> String {
    words.iter().fold("data".to_owned(), |text, word| format!("{text} 0x{word:04X}"))
}

/// A marker in the wrong order.
pub fn turned(words: &[u16]) -> Option<&'static str> {
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

/// What to do about a device that does not answer as it should.
pub fn advice(error: &BusError) -> &'static str {
    match error {
        BusError::Refused(exception) if exception.unit_missing() => {
            "; try another unit: 1, 2, 126 and 247 are usual"
        }
        BusError::BadAnswer(words) if other_header(words) => "; its map may need lenient_header = true",
        BusError::BadAnswer(_) => ODD,
        BusError::TimedOut(_) => "; is it on, is the unit id right, is it busy with another client?",
        _ => "",
    }
}

/// What comes is not Modbus as it should be.
const ODD: &str = "; something answers, but not as Modbus should: does another protocol run at this port, or does a converter in between do it wrong?";

/// True if an answer bears other ids than its request.
fn other_header(words: &str) -> bool {
    words.contains("the answer is for transaction")
}

/// Looks for a map that is shifted by one, and says what to do.
pub async fn diagnose(line: &Line<'_>, bases: &[u16], tried: &str, fault: Option<&BusError>) -> String {
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
    for &base in bases {
        if line.read_input(base, 2).await.is_ok_and(|words| words == MARKER) {
            return format!(
                "the SunSpec map at {base} is in input registers (FC 4); SunSpec wants holding registers: look for a setting of the device or converter"
            );
        }
    }
    if tried.contains(&Exception::ILLEGAL_FUNCTION.to_string()) {
        return format!(
            "no SunSpec marker at {tried}. The device does not let holding registers be read (FC 3); over TLS the role of our certificate may not allow it"
        );
    }
    if let Some(fault @ BusError::BadAnswer(_)) = fault {
        return format!("no SunSpec marker at {tried}{}", advice(fault));
    }
    format!(
        "no SunSpec marker at {tried}. The device answers Modbus; is SunSpec enabled, or is the unit id different (SMA uses 126)?"
    )
}
