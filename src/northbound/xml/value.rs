//! The simple types of XML Schema, read from the text of an element: string, boolean, integer, float, dateTime.

use super::element::{Element, Invalid, quoted};
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// Most characters of a name. A real one is a line on a screen.
const MAX_LABEL: usize = 256;
/// Most characters of a description.
const MAX_PROSE: usize = 4096;

impl<'d> Element<'d> {
    /// Its text without surrounding white space; elements inside are an error.
    pub(in crate::northbound) fn text(self) -> Result<&'d str, Invalid> {
        match self.children().next() {
            None => Ok(self.raw_text().trim()),
            Some(child) => {
                Err(self.invalid(format!("holds the element {} where only text may stand", child.local())))
            }
        }
    }

    /// Its text, which must not be empty.
    pub(in crate::northbound) fn some_text(self) -> Result<&'d str, Invalid> {
        match self.text()? {
            "" => Err(self.invalid("must not be empty")),
            text => Ok(text),
        }
    }

    /// Its text as people name things by it: not empty, of one line, and of bounded length.
    pub(in crate::northbound) fn label(self) -> Result<&'d str, Invalid> {
        let text = self.some_text()?;
        if text.chars().any(char::is_control) {
            return Err(self.invalid("has control characters; one line of text is right here"));
        }
        self.at_most(text, MAX_LABEL)
    }

    /// Its text as people explain things with it: any, but of bounded length.
    pub(in crate::northbound) fn prose(self) -> Result<&'d str, Invalid> {
        self.at_most(self.text()?, MAX_PROSE)
    }

    fn at_most(self, text: &'d str, most: usize) -> Result<&'d str, Invalid> {
        match text.chars().count() {
            long if long > most => {
                Err(self.invalid(format!("has {long} characters; at most {most} are accepted")))
            }
            _ => Ok(text),
        }
    }

    /// xs:boolean.
    pub(in crate::northbound) fn boolean(self) -> Result<bool, Invalid> {
        match self.text()? {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            other => {
                Err(self.invalid(format!("value {} is not a boolean; true, false, 1 or 0 is", quoted(other))))
            }
        }
    }

    /// xs:integer, as far as 64 bits reach.
    pub(in crate::northbound) fn integer(self) -> Result<i64, Invalid> {
        let text = self.text()?;
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.invalid(format!("value {} is not an integer", quoted(text))));
        }
        text.parse().map_err(|_| self.invalid(format!("integer {} does not fit in 64 bits", quoted(text))))
    }

    /// xs:float, read as a double so that a decimal keeps its digits. May be infinite or NaN.
    pub(in crate::northbound) fn float(self) -> Result<f64, Invalid> {
        let text = self.text()?;
        match text {
            "INF" => return Ok(f64::INFINITY),
            "-INF" => return Ok(f64::NEG_INFINITY),
            "NaN" => return Ok(f64::NAN),
            _ => {}
        }
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
        match text.parse() {
            Ok(value) if plain => Ok(value),
            _ => Err(self.invalid(format!("value {} is not a number", quoted(text)))),
        }
    }

    /// xs:dateTime; one without an offset is read with the given one, in seconds east of UTC.
    pub(in crate::northbound) fn date_time(self, naive_offset_s: i32) -> Result<Timestamp, Invalid> {
        let text = self.text()?;
        date_time(text, naive_offset_s).ok_or_else(|| {
            self.invalid(format!("value {} is not a dateTime such as 2026-04-09T08:15:00Z", quoted(text)))
        })
    }

    /// One of a list of literals.
    pub(in crate::northbound) fn literal<T>(
        self,
        read: impl FnOnce(&str) -> Option<T>,
        permitted: &str,
    ) -> Result<T, Invalid> {
        let text = self.text()?;
        read(text).ok_or_else(|| self.invalid(format!("value {} is not one of {permitted}", quoted(text))))
    }
}

/// `YYYY-MM-DDThh:mm:ss`, a fraction, `Z` or `+hh:mm`. 24:00:00 is the next day's midnight; second 60 is the next minute.
fn date_time(text: &str, naive_offset_s: i32) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, offset) = match time.strip_suffix('Z') {
        Some(clock) => (clock, 0),
        None => match time.rfind(['+', '-']) {
            Some(at) => (time.get(..at)?, offset(time.get(at..)?)?),
            None => (time, naive_offset_s),
        },
    };
    let (whole, fraction) = clock.split_once('.').map_or((clock, None), |(whole, rest)| (whole, Some(rest)));
    let [hour, minute, second] = numbers(whole, ':', [2, 2, 2])?;
    let nanosecond = fraction.map_or(Some(0), nanoseconds)?;
    let day_over = hour == 24 && minute == 0 && second == 0 && nanosecond == 0;
    let leap = second == 60;
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let at = DateTime::from_parts(
        date,
        jiff::civil::Time::new(
            i8::try_from(if day_over { 0 } else { hour }).ok()?,
            i8::try_from(minute).ok()?,
            i8::try_from(if leap { 59 } else { second }).ok()?,
            nanosecond,
        )
        .ok()?,
    );
    let extra = SignedDuration::from_secs(if day_over { 86_400 } else { i64::from(leap) });
    let at = at.checked_add(extra).ok()?;
    Offset::from_seconds(offset).ok()?.to_timestamp(at).ok()
}

/// Three numbers of fixed width with a separator between them.
fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[i16; 3]> {
    let mut parts = text.split(separator);
    let mut found = [0; 3];
    for (slot, width) in found.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != width || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *slot = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

fn nanoseconds(fraction: &str) -> Option<i32> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nine: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    nine.parse().ok()
}

fn offset(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let two = |part: &str| -> Option<i32> {
        (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours <= 14 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}
