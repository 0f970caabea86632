//! Lengths of time as people write them in files: "500ms", "1s", "5m", "2h".

use std::time::Duration;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a length of time: a whole or decimal number directly followed by `ms`, `s`, `m`, `h` or `d`; exact to the
/// millisecond.
///
/// # Errors
/// What is wrong with it, in words that complete a sentence about it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.trim_start();
    if number.is_empty() {
        return Err("it does not begin with a number".to_owned());
    }
    let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(if unit.is_empty() {
            "it has no unit (ms, s, m, h or d)".to_owned()
        } else {
            format!("its unit \"{}\" is not one of ms, s, m, h and d", unit.escape_debug())
        });
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let millis = match (whole.parse::<u64>(), thousandths(part)) {
        (Ok(whole), Some(part)) => {
            whole.checked_mul(*factor).and_then(|ms| ms.checked_add(part * factor / 1000))
        }
        _ => None,
    };
    millis
        .map(Duration::from_millis)
        .ok_or_else(|| format!("\"{}\" is not a number in range", number.escape_debug()))
}

/// Decimal places as thousandths; at most three of them.
fn thousandths(places: &str) -> Option<u64> {
    let length = u32::try_from(places.len()).ok().filter(|n| (1..=3).contains(n))?;
    places.parse::<u64>().ok().map(|n| n * 10u64.pow(3 - length))
}

/// Writes a length of time as it is written in files, in the largest unit that needs no decimals.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    let (name, factor) = UNITS
        .iter()
        .rev()
        .filter(|(name, _)| *name != "d")
        .find(|(_, factor)| millis > 0 && millis.is_multiple_of(u128::from(*factor)))
        .unwrap_or(&("ms", 1));
    format!("{}{name}", millis / u128::from(*factor))
}
