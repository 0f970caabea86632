//! The status document as far as the tables need it. What is not there is not known; what is more is passed over, so
//! that this command also reads the document of a newer gateway.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use std::collections::HashMap;

#[derive(Deserialize)]
pub(super) struct Document {
    #[serde(deserialize_with = "time")]
    pub at: Timestamp,
    #[serde(default)]
    pub version: String,
    pub devices: Vec<Device>,
    pub groups: Vec<Group>,
    pub dispatches: Vec<Dispatch>,
}

#[derive(Deserialize)]
pub(super) struct Device {
    pub name: String,
    pub state: String,
    #[serde(default)]
    pub reason: String,
    #[serde(default, deserialize_with = "time_if_known")]
    pub since: Option<Timestamp>,
    #[serde(default)]
    pub values: HashMap<String, Value>,
    #[serde(default)]
    pub effect: Option<Effect>,
    #[serde(default)]
    pub mrid: String,
    #[serde(default)]
    pub nameplate: Option<Nameplate>,
    #[serde(default)]
    pub capability: Option<Capability>,
    #[serde(default)]
    pub link: String,
    #[serde(default)]
    pub map: Option<String>,
    #[serde(default)]
    pub events: Vec<Event>,
    #[serde(default)]
    pub events_left_out: u64,
}

#[derive(Deserialize)]
pub(super) struct Nameplate {
    pub manufacturer: Option<String>,
    pub model: Option<String>,
    pub serial: Option<String>,
    pub version: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Capability {
    pub injection_max: Option<f64>,
    pub absorption_max: Option<f64>,
    #[serde(default)]
    pub controls: Vec<String>,
}

/// What a device recorded by itself.
#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(deserialize_with = "time")]
    pub at: Timestamp,
    #[serde(default)]
    pub clock: String,
    #[serde(default, deserialize_with = "time_if_known")]
    pub received: Option<Timestamp>,
    pub point: String,
    pub value: String,
    #[serde(default)]
    pub quality: String,
    #[serde(default)]
    pub repeats: u64,
    #[serde(default, deserialize_with = "time_if_known")]
    pub first: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct Effect {
    #[serde(default)]
    pub asked: String,
    #[serde(default)]
    pub effect: String,
    #[serde(default)]
    pub reason: String,
    #[serde(default, deserialize_with = "time_if_known")]
    pub at: Option<Timestamp>,
}

#[derive(Deserialize)]
pub(super) struct Group {
    pub name: String,
    pub state: String,
    pub online: usize,
    pub members: Vec<String>,
    #[serde(default)]
    pub missing: Vec<String>,
    #[serde(default)]
    pub values: HashMap<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Value {
    pub value: Option<f64>,
    #[serde(default)]
    pub unit: String,
    pub quality: String,
    #[serde(default, deserialize_with = "time_if_known")]
    pub at: Option<Timestamp>,
    pub rests_on: Option<usize>,
    #[serde(default)]
    pub installed_on: Option<usize>,
    pub installed_max: Option<f64>,
    pub installed_min: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct Dispatch {
    pub name: String,
    pub state: String,
    pub group_name: String,
    pub parameter: String,
    pub unit: String,
    #[serde(default, deserialize_with = "time_if_known")]
    pub starts: Option<Timestamp>,
    #[serde(default, deserialize_with = "time_if_known")]
    pub ends: Option<Timestamp>,
    pub asked: Option<f64>,
    pub delivered: Option<f64>,
    #[serde(default)]
    pub rests_on: Option<usize>,
    #[serde(default)]
    pub members: Option<usize>,
    #[serde(default)]
    pub replaced: bool,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub shares: Vec<Share>,
}

#[derive(Deserialize)]
pub(super) struct Share {
    pub name: String,
    pub asked: Option<f64>,
    #[serde(default)]
    pub release: bool,
    pub delivered: Option<f64>,
    #[serde(default)]
    pub outcome: String,
    #[serde(default)]
    pub bounded: Option<bool>,
    #[serde(default)]
    pub reason: String,
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    text.parse().map_err(|_| serde::de::Error::custom(format!("\"{text}\" is not a time")))
}

fn time_if_known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    struct Known(#[serde(deserialize_with = "time")] Timestamp);
    Ok(Option::<Known>::deserialize(from)?.map(|known| known.0))
}
