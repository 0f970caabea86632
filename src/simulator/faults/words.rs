//! How the faults of a simulated device are written: `silent`, `slow:800`, `no_sf:103.W_SF`.
//!
//! It knows nothing of what they do.

use super::Fault;
use crate::nearest::nearest;
use std::fmt;
use std::time::Duration;

/// Faults that are one word.
const PLAIN: &[(&str, Fault)] = &[
    ("refused", Fault::Refused),
    ("silent", Fault::Silent),
    ("garbage", Fault::Garbage),
    ("late", Fault::Late),
    ("behind", Fault::Behind),
    ("wrong_unit", Fault::WrongUnit),
    ("wrong_transaction", Fault::WrongTransaction),
    ("split", Fault::Split),
    ("merged", Fault::Merged),
    ("short_answer", Fault::ShortAnswer),
    ("one_connection", Fault::OneConnection),
    ("reset_after_accept", Fault::ResetAfterAccept),
    ("fc6_only", Fault::Fc6Only),
    ("fc6_for_single", Fault::Fc6ForSingle),
    ("enable_edge", Fault::EnableEdge),
    ("fc16_only", Fault::Fc16Only),
    ("never_fc6", Fault::NeverFc6),
    ("input_registers_only", Fault::InputRegistersOnly),
    ("marker_swapped", Fault::MarkerSwapped),
    ("no_end_model", Fault::NoEndModel),
    ("end_without_length", Fault::EndWithoutLength),
    ("model1_l65", Fault::Model1L65),
    ("changing_sf", Fault::ChangingSf),
    ("night", Fault::Night),
    ("shadow", Fault::Shadow),
    ("enable_stuck", Fault::EnableStuck),
    ("local", Fault::Local),
    ("ignores_limit", Fault::IgnoresLimit),
    ("not_kept", Fault::NotKept),
    ("silent_ignore", Fault::SilentIgnore),
    ("curves_zero_based", Fault::CurvesZeroBased),
    ("reset_mid_response", Fault::ResetMidResponse),
    ("restart", Fault::Restart),
    ("need_time", Fault::NeedTime),
    ("need_time_refused", Fault::NeedTimeRefused),
    ("overflow", Fault::Overflow),
    ("overflow_stuck", Fault::OverflowStuck),
    ("comm_lost", Fault::CommLost),
    ("offline", Fault::Offline),
    ("null_values", Fault::NullValues),
    ("lockout", Fault::Lockout),
    ("no_feedback", Fault::NoFeedback),
    ("wrong_readback", Fault::WrongReadback),
    ("no_unsolicited", Fault::NoUnsolicited),
    ("events_without_time", Fault::EventsWithoutTime),
    ("trouble", Fault::Trouble),
    ("config_corrupt", Fault::ConfigCorrupt),
];

/// A fault that takes a number: its word, the ends of the number, and what it makes.
struct Numbered {
    word: &'static str,
    lowest: u64,
    highest: u64,
    make: fn(u64) -> Fault,
}

const fn numbered(word: &'static str, lowest: u64, highest: u64, make: fn(u64) -> Fault) -> Numbered {
    Numbered { word, lowest, highest, make }
}

/// Ten minutes in milliseconds.
const LONG_MS: u64 = 600_000;
/// An hour in seconds.
const LONG_S: u64 = 3_600;

const NUMBERED: &[Numbered] = &[
    numbered("slow", 1, LONG_MS, |n| Fault::Slow(Duration::from_millis(n))),
    numbered("max_read", 1, 125, |n| Fault::MaxRead(small(n))),
    numbered("exception", 1, 127, |n| Fault::Exception(tiny(n))),
    numbered("idle_close", 1, LONG_S, |n| Fault::IdleClose(Duration::from_secs(n))),
    numbered("busy", 1, 1_000_000, |n| Fault::Busy(u32::try_from(n).unwrap_or(u32::MAX))),
    numbered("base", 0, 65_000, |n| Fault::Base(small(n))),
    numbered("short_model", 1, 65_534, |n| Fault::ShortModel(small(n))),
    numbered("long_model", 1, 65_534, |n| Fault::LongModel(small(n))),
    numbered("moving_layout", 1, LONG_S, |n| Fault::MovingLayout(Duration::from_secs(n))),
    numbered("status", 1, 127, |n| Fault::Status(tiny(n))),
    numbered("profile_version", 0, 1_000, |n| Fault::ProfileVersion(small(n))),
    numbered("default_reversion", 1, LONG_S, |n| Fault::DefaultReversion(Duration::from_secs(n))),
];

fn small(n: u64) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

fn tiny(n: u64) -> u8 {
    u8::try_from(n).unwrap_or(u8::MAX)
}

/// Longest point or serial number of a fault.
const MAX_TEXT: usize = 32;

impl Fault {
    /// How each is written.
    pub const WORDS: &'static str = "\
refused, silent, garbage, slow:MS, late, behind, wrong_unit, wrong_transaction, split, merged, short_answer, \
one_connection, reset_after_accept, idle_close:S, max_read:N, exception:CODE, exception_on:MODEL:CODE, busy:N, \
fc6_only, fc6_for_single, fc16_only, never_fc6, input_registers_only, base:ADDRESS, marker_swapped, no_end_model, \
end_without_length, model1_l65, short_model:MODEL, long_model:MODEL, moving_layout:S, changing_sf, no_sf:POINT, \
serial_change:SERIAL, night, shadow, enable_stuck, enable_edge, local, ignores_limit, not_kept, silent_ignore, \
default_reversion:S, curves_zero_based, pf_sign:overexcited, meter_sign:export, reset_mid_response, restart, \
need_time, need_time_refused, overflow, overflow_stuck, comm_lost, offline, null_values, lockout, status:CODE, no_feedback, \
wrong_readback, no_unsolicited, events_without_time, trouble, config_corrupt, profile_version:RAW";

    /// What would be right instead of a word that is no fault: the one that was probably meant, else all there are.
    fn instead(text: &str) -> String {
        let word = text.split(':').next().unwrap_or_default();
        let all = || Self::WORDS.split(", ");
        let head = |known: &'static str| known.split(':').next().unwrap_or_default();
        let near = nearest(word, all().map(head));
        match near.and_then(|near| all().find(|known| head(known) == near)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("one of {}", Self::WORDS),
        }
    }

    /// Reads a fault; `none` is an empty list of faults and not among them.
    ///
    /// # Errors
    /// An unknown word, a number that is missing or out of range: in words.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let (word, rest) = match text.split_once(':') {
            Some((word, rest)) => (word, Some(rest)),
            None => (text, None),
        };
        if let Some((_, fault)) = PLAIN.iter().find(|(known, _)| *known == word) {
            return if rest.is_none() {
                Ok(fault.clone())
            } else {
                Err(FaultError::NoNumber(word.to_owned()))
            };
        }
        if let Some(known) = NUMBERED.iter().find(|known| known.word == word) {
            let number = rest.and_then(|n| n.parse().ok());
            let fits = number.filter(|n| (known.lowest..=known.highest).contains(n));
            let (lowest, highest) = (known.lowest, known.highest);
            return fits.map(known.make).ok_or_else(|| FaultError::Number {
                word: word.to_owned(),
                lowest,
                highest,
            });
        }
        let text_of = |example| {
            rest.filter(|t| (1..=MAX_TEXT).contains(&t.len()) && t.chars().all(is_plain))
                .map(ToOwned::to_owned)
                .ok_or_else(|| FaultError::Text { word: word.to_owned(), example })
        };
        match word {
            "no_sf" => Ok(Self::NoSf(text_of("no_sf:103.W_SF")?)),
            "serial_change" => Ok(Self::SerialChange(text_of("serial_change:SN-2")?)),
            "exception_on" => {
                let wrong = || FaultError::Text { word: word.to_owned(), example: "exception_on:123:4" };
                let (model, code) = rest.and_then(|r| r.split_once(':')).ok_or_else(wrong)?;
                let (model, code) = (model.parse::<u16>().ok(), code.parse::<u8>().ok());
                model
                    .zip(code.filter(|c| (1..=127).contains(c)))
                    .map(|(model, code)| Self::ExceptionOn(model, code))
                    .ok_or_else(wrong)
            }
            "pf_sign" if rest == Some("overexcited") => Ok(Self::PfOverexcited),
            "meter_sign" if rest == Some("export") => Ok(Self::MeterExport),
            "meter_sign" => Err(FaultError::Text { word: word.to_owned(), example: "meter_sign:export" }),
            "pf_sign" => Err(FaultError::Text { word: word.to_owned(), example: "pf_sign:overexcited" }),
            _ => Err(FaultError::Word(text.to_owned())),
        }
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.[]".contains(c)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slow(time) => write!(f, "slow:{}", time.as_millis()),
            Self::MaxRead(most) => write!(f, "max_read:{most}"),
            Self::Exception(code) => write!(f, "exception:{code}"),
            Self::ExceptionOn(model, code) => write!(f, "exception_on:{model}:{code}"),
            Self::IdleClose(time) => write!(f, "idle_close:{}", time.as_secs()),
            Self::Busy(times) => write!(f, "busy:{times}"),
            Self::Base(base) => write!(f, "base:{base}"),
            Self::ShortModel(model) => write!(f, "short_model:{model}"),
            Self::LongModel(model) => write!(f, "long_model:{model}"),
            Self::MovingLayout(time) => write!(f, "moving_layout:{}", time.as_secs()),
            Self::Status(code) => write!(f, "status:{code}"),
            Self::ProfileVersion(raw) => write!(f, "profile_version:{raw}"),
            Self::DefaultReversion(time) => write!(f, "default_reversion:{}", time.as_secs()),
            Self::NoSf(point) => write!(f, "no_sf:{point}"),
            Self::SerialChange(serial) => write!(f, "serial_change:{serial}"),
            Self::MeterExport => f.write_str("meter_sign:export"),
            Self::PfOverexcited => f.write_str("pf_sign:overexcited"),
            plain => {
                let word = PLAIN.iter().find(|(_, fault)| fault == plain).map_or("", |(word, _)| *word);
                f.write_str(word)
            }
        }
    }
}

/// Why a text is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// Unknown.
    #[error("\"{}\" is not a fault; {}", .0.escape_debug(), Fault::instead(.0))]
    Word(String),
    /// A number that is missing or wrong.
    #[error("fault {word} needs a number from {lowest} to {highest}, like {word}:{highest}")]
    Number {
        /// The fault.
        word: String,
        /// Smallest number.
        lowest: u64,
        /// Largest number.
        highest: u64,
    },
    /// A number where none belongs.
    #[error("fault {0} takes no number")]
    NoNumber(String),
    /// What stands behind the colon is missing or wrong.
    #[error("fault {word} needs more behind its colon, like {example}")]
    Text {
        /// The fault.
        word: String,
        /// What would be right.
        example: &'static str,
    },
}

#[cfg(test)]
mod tests;
