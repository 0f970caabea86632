//! What a technician's tools say and hear of a DNP3 outstation, as plain values.
//!
//! They are there whether or not this program speaks DNP3, so that the command line is the same; what carries them out is
//! the driver's room, and only behind [`Outstation`].

mod pick;
mod session;

pub use pick::{MAX_PICKED, OutputOrder, Pick, PickError};
pub use session::{NO_DNP3, Outstation, OutstationByHand, map_suits, replay_outstation};

use crate::device_map::dnp3::{At, Operate, PointKind};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// One point of an outstation as it answered.
#[derive(Clone, Debug, PartialEq)]
pub struct PointReport {
    /// Its address.
    pub at: At,
    /// Its name in the device map.
    pub name: Option<String>,
    /// Its name in the profile that the map follows.
    pub profile: Option<String>,
    /// What came; `None` if nothing did.
    pub seen: Option<PointValue>,
    /// Unit after scaling.
    pub unit: Option<String>,
    /// The value is raw * this + offset.
    pub scale: f64,
    /// See `scale`.
    pub offset: f64,
    /// Event class that the profile gives it; 0 makes no events.
    pub class: Option<u8>,
}

/// A value of a point.
#[derive(Clone, Debug, PartialEq)]
pub struct PointValue {
    /// As it came.
    pub raw: f64,
    /// After scaling, in the sense of the gateway; meaningful only without a fault.
    pub value: f64,
    /// Names of the value.
    pub symbols: Vec<String>,
    /// The flags octet.
    pub flags: u8,
    /// The outstation's time of it, and whether it held its clock for right.
    pub time: Option<(Timestamp, bool)>,
    /// When it was received.
    pub heard: Timestamp,
    /// Why it is not used.
    pub fault: Option<String>,
}

impl PointReport {
    /// The value that can be used.
    #[must_use]
    pub fn usable(&self) -> Option<f64> {
        self.seen.as_ref().filter(|seen| seen.fault.is_none()).map(|seen| seen.value)
    }

    /// The word for how far it can be trusted.
    #[must_use]
    pub fn quality(&self) -> &'static str {
        match &self.seen {
            Some(seen) if seen.fault.is_none() => "good",
            Some(_) => "invalid",
            None => "not there",
        }
    }

    /// The name a person knows it by: that of the map, else that of the profile.
    #[must_use]
    pub fn known_as(&self) -> Option<&str> {
        self.name.as_deref().or(self.profile.as_deref())
    }
}

/// The flags of a point, by name.
#[must_use]
pub fn flag_words(kind: PointKind, flags: u8) -> Vec<&'static str> {
    let fifth = if kind == PointKind::AnalogInput || kind == PointKind::AnalogOutput {
        "OVER_RANGE"
    } else if kind == PointKind::Counter {
        "ROLLOVER"
    } else {
        "CHATTER_FILTER"
    };
    let sixth = match kind {
        PointKind::AnalogInput | PointKind::AnalogOutput => Some("REFERENCE_ERR"),
        PointKind::Counter => Some("DISCONTINUITY"),
        // The value itself is in the upper bits.
        PointKind::BinaryInput | PointKind::DoubleBitInput | PointKind::BinaryOutput => None,
    };
    let low = ["ONLINE", "RESTART", "COMM_LOST", "REMOTE_FORCED", "LOCAL_FORCED"];
    let names = low.into_iter().map(Some).chain([Some(fifth), sixth]);
    names.enumerate().filter_map(|(bit, name)| name.filter(|_| flags & (1 << bit) != 0)).collect()
}

/// What an outstation shows beside what all devices do.
#[derive(Clone, Debug, PartialEq)]
pub struct OutstationReport {
    /// Id of the map by which it was read.
    pub map: String,
    /// What a person calls its devices.
    pub title: String,
    /// What the map knows its devices by.
    pub mark: MarkReport,
    /// Points of the map that say in what state it is and are on, in words.
    pub states: Vec<String>,
    /// Alarms that are on, in words.
    pub alarms: Vec<String>,
    /// What it says it supports: command or curve, the point that says so, and its answer if it gave one.
    pub modes: Vec<(String, At, Option<bool>)>,
    /// Its points, by address.
    pub points: Vec<PointReport>,
}

/// How an outstation compares with the mark of its map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkReport {
    /// The map does not say how to tell.
    NotSaid,
    /// It is one that the map is for.
    Fits(String),
    /// It is not; what it shows instead.
    Stranger(String),
}

impl OutstationReport {
    /// How many points of each kind came, and how many of them neither map nor profile know.
    #[must_use]
    pub fn counts(&self) -> Vec<(PointKind, usize, usize)> {
        let of = |kind| {
            let came = || self.points.iter().filter(move |p| p.at.kind == kind && p.seen.is_some());
            (kind, came().count(), came().filter(|p| p.known_as().is_none()).count())
        };
        PointKind::ALL.into_iter().map(of).filter(|(_, came, _)| *came > 0).collect()
    }
}

/// Every point of an outstation as it answered once, to be read again without it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutstationRecording {
    /// How it was reached.
    pub link: String,
    /// When recording ended.
    pub at: Timestamp,
    /// Id of the map by which it was read.
    pub map: String,
    /// Who it says it is.
    pub identity: RecordedIdentity,
    /// Its points.
    pub points: BTreeMap<At, RecordedPoint>,
    /// What could not be read: words.
    pub refused: Vec<String>,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

/// Who an outstation said it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedIdentity {
    /// Maker.
    pub manufacturer: Option<String>,
    /// Model name.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Software version.
    pub version: Option<String>,
}

/// One recorded point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordedPoint {
    /// As it came.
    pub raw: f64,
    /// The flags octet.
    pub flags: u8,
    /// The outstation's time of it, and whether it held its clock for right.
    pub time: Option<(Timestamp, bool)>,
}

/// What came of one thing to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct PointAnswer {
    /// As it was asked for.
    pub target: String,
    /// The points, or why there are none.
    pub result: Result<Vec<PointReport>, String>,
}

/// One output that is to be operated.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedOutput {
    /// Which.
    pub at: At,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The value as it was given, with its unit; on or off.
    pub value: String,
    /// The raw number; 1 or 0 of a binary output.
    pub raw: f64,
    /// The object in words: `g41v1`, `LATCH_ON`.
    pub object: &'static str,
    /// How it is operated.
    pub how: Operate,
    /// The input that shows it.
    pub pair: Option<At>,
    /// The value lies beyond what map or profile know of the point; why.
    pub beyond: Option<String>,
}

/// What came of one output.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatedOutput {
    /// What was asked.
    pub plan: PlannedOutput,
    /// What the outstation said.
    pub fate: OutputFate,
    /// The output's own status afterwards, if it could be read.
    pub status: Option<PointReport>,
    /// The input that shows it, if there is one and it could be read.
    pub read_back: Option<PointReport>,
}

/// What an outstation said to an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputFate {
    /// It accepted, and an input shows the value.
    Shown,
    /// It accepted, and nothing shows the value.
    Accepted(String),
    /// It accepted, and an input shows something else.
    NotShown(String),
    /// It refused; why.
    Refused(String),
    /// It may or may not have acted; why.
    Unknown(String),
    /// It was not sent; why.
    NotSent(String),
}

impl OutputFate {
    /// True if the outstation accepted it and nothing speaks against it.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Shown | Self::Accepted(_))
    }

    /// One or two words, for columns and documents.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Shown => "written",
            Self::Accepted(_) => "accepted, not verified",
            Self::NotShown(_) => "not kept",
            Self::Refused(_) => "refused",
            Self::Unknown(_) => "unknown",
            Self::NotSent(_) => "not sent",
        }
    }

    /// More of it.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Shown => "",
            Self::Accepted(words)
            | Self::NotShown(words)
            | Self::Refused(words)
            | Self::Unknown(words)
            | Self::NotSent(words) => words,
        }
    }
}

#[cfg(test)]
mod tests;
