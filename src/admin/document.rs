//! `/status.json`: the snapshot as one JSON object. What is not known is `null`, never 0.

use crate::core::service::{
    Ask, Counters, DeviceView, DispatchView, EffectView, EventView, GroupView, ParameterView, ReadingView,
    ShareView, Snapshot,
};
use crate::der::{Capability, Control, DerFunction, Effect, Mrid, Nameplate, Parameter, Quality};
use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// Events in one document, about: each device shows its latest, fewer if there are many devices, but always some.
const EVENTS: usize = 10_000;
const EVENTS_OF_DEVICE: usize = 3;

/// The document at this moment.
pub(super) fn render(snapshot: &Snapshot, now: Timestamp) -> Result<Vec<u8>, serde_json::Error> {
    let telling = snapshot.devices.iter().filter(|d| !d.sequence.is_empty()).count();
    let most = (EVENTS / telling.max(1)).max(EVENTS_OF_DEVICE);
    serde_json::to_vec(&Document {
        at: Text(now),
        version: env!("CARGO_PKG_VERSION"),
        devices: snapshot.devices.iter().map(|d| device(d, most)).collect(),
        groups: snapshot.groups.iter().map(|g| Group::from(&**g)).collect(),
        dispatches: snapshot.dispatches.iter().map(|d| Dispatch::from(&**d)).collect(),
        counters: Counts::from(&snapshot.counters),
    })
}

/// A time as RFC 3339 text.
struct Text(Timestamp);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// Values by the name of what they are of.
struct Values<'a, T>(&'a [T]);

#[derive(Serialize)]
struct Document<'a> {
    at: Text,
    version: &'static str,
    devices: Vec<Device<'a>>,
    groups: Vec<Group<'a>>,
    dispatches: Vec<Dispatch<'a>>,
    counters: Counts<'a>,
}

#[derive(Serialize)]
struct Device<'a> {
    mrid: &'a str,
    name: &'a str,
    link: &'a str,
    /// `None` while it is still to be found which map suits the device.
    map: Option<&'a str>,
    state: &'static str,
    reason: &'a str,
    since: Option<Text>,
    nameplate: Option<Plate<'a>>,
    capability: Option<Able>,
    values: Values<'a, ReadingView>,
    effect: Option<Seen<'a>>,
    /// What it recorded by itself, latest received first.
    events: Vec<Event<'a>>,
    /// How many older ones stand neither in `events` nor in the `repeats` of one that does.
    events_left_out: u64,
}

#[derive(Serialize)]
struct Event<'a> {
    at: Text,
    /// Whose time `at` is.
    clock: &'static str,
    received: Text,
    point: &'a str,
    value: &'a str,
    quality: &'static str,
    /// How often the same was told before, beside the events that are listed.
    repeats: u64,
    /// When the first of these was.
    first: Option<Text>,
}

/// What the measurements showed after the last command that was watched.
#[derive(Serialize)]
struct Seen<'a> {
    asked: String,
    effect: &'static str,
    reason: &'a str,
    at: Text,
}

/// Nameplate, in SI units.
#[derive(Serialize)]
struct Plate<'a> {
    manufacturer: Option<&'a str>,
    model: Option<&'a str>,
    serial: Option<&'a str>,
    version: Option<&'a str>,
    active_power_max: Option<f64>,
    charge_max: Option<f64>,
    apparent_power_max: Option<f64>,
    reactive_injected_max: Option<f64>,
    reactive_absorbed_max: Option<f64>,
    energy_rating: Option<f64>,
}

#[derive(Serialize)]
struct Able {
    injection_max: f64,
    absorption_max: f64,
    controls: Vec<&'static str>,
}

#[derive(Serialize)]
struct DeviceValue {
    value: Option<f64>,
    unit: &'static str,
    quality: &'static str,
    at: Option<Text>,
}

#[derive(Serialize)]
struct Group<'a> {
    mrid: &'a str,
    name: &'a str,
    state: &'static str,
    description: Option<&'a str>,
    functions: Vec<&'static str>,
    online: usize,
    members: Vec<&'a str>,
    /// Members that are no device of this gateway.
    missing: Vec<&'a str>,
    values: Values<'a, ParameterView>,
}

#[derive(Serialize)]
struct GroupValue {
    value: Option<f64>,
    unit: &'static str,
    quality: &'static str,
    at: Option<Text>,
    rests_on: usize,
    /// How many members `installed_max` and `installed_min` rest on.
    installed_on: usize,
    installed_max: Option<f64>,
    installed_min: Option<f64>,
}

#[derive(Serialize)]
struct Dispatch<'a> {
    mrid: &'a str,
    name: &'a str,
    state: &'static str,
    group: &'a str,
    group_name: &'a str,
    parameter: &'static str,
    unit: &'static str,
    starts: Option<Text>,
    ends: Option<Text>,
    asked: Option<f64>,
    delivered: Option<f64>,
    rests_on: usize,
    members: usize,
    /// Later dispatches have all its members.
    replaced: bool,
    reason: &'a str,
    shares: Vec<Share<'a>>,
}

#[derive(Serialize)]
struct Share<'a> {
    device: &'a str,
    name: &'a str,
    asked: Option<f64>,
    release: bool,
    delivered: Option<f64>,
    outcome: &'static str,
    /// False: what it holds stays until it is released, also if the gateway dies.
    bounded: Option<bool>,
    reason: &'a str,
}

#[derive(Serialize)]
struct Counts<'a> {
    polls: u64,
    readings: u64,
    commands: u64,
    outcomes: Outcomes<'a>,
    effects: Outcomes<'a>,
    events: u64,
    dispatches: u64,
}

struct Outcomes<'a>(&'a [(&'static str, u64)]);

impl Serialize for Outcomes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().copied())
    }
}

impl Serialize for Values<'_, ReadingView> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for reading in self.0 {
            // A value that cannot be used is not shown as if it could.
            let usable = matches!(reading.quality, Quality::Good | Quality::Stale);
            map.serialize_entry(
                reading.quantity.name(),
                &DeviceValue {
                    value: reading.value.filter(|_| usable),
                    unit: reading.quantity.unit(),
                    quality: reading.quality.name(),
                    at: reading.at.map(Text),
                },
            )?;
        }
        map.end()
    }
}

impl Serialize for Values<'_, ParameterView> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for view in self.0 {
            map.serialize_entry(
                view.parameter.literal(),
                &GroupValue {
                    value: view.value,
                    unit: unit(view.parameter),
                    quality: quality(view).name(),
                    at: view.at.map(Text),
                    rests_on: view.rests_on,
                    installed_on: view.installed_on,
                    installed_max: view.installed_max,
                    installed_min: view.installed_min,
                },
            )?;
        }
        map.end()
    }
}

/// An aggregate leaves out what cannot be trusted: it is good, or there is nothing good (any more).
fn quality(view: &ParameterView) -> Quality {
    match (view.value, view.at) {
        (Some(_), _) => Quality::Good,
        (None, Some(_)) => Quality::Stale,
        (None, None) => Quality::NeverRead,
    }
}

/// The SI unit of a parameter, spelt as the units of readings are.
pub(super) const fn unit(parameter: Parameter) -> &'static str {
    match parameter {
        Parameter::ApparentPower => "VA",
        Parameter::ReactivePower => "VAr",
        Parameter::Voltage => "V",
        Parameter::IncreasingRampRate | Parameter::DecreasingRampRate => "W/s",
        Parameter::ActivePower
        | Parameter::HighFilterUpRegulation
        | Parameter::HighFilterDownRegulation
        | Parameter::HighFilterBiDirectionalRegulation
        | Parameter::LowFilterUpRegulation
        | Parameter::LowFilterDownRegulation
        | Parameter::LowFilterBiDirectionalRegulation => "W",
    }
}

/// A device with at most so many events.
fn device(view: &DeviceView, events: usize) -> Device<'_> {
    let not_shown = view.sequence.iter().skip(events).map(|event| event.repeats + 1);
    Device {
        mrid: view.mrid.as_str(),
        name: &view.name,
        link: &view.link,
        map: view.map.as_deref(),
        state: view.state.name(),
        reason: &view.reason,
        since: view.since.map(Text),
        nameplate: view.nameplate.as_deref().map(Plate::from),
        capability: view.capability.as_ref().map(Able::from),
        values: Values(&view.readings),
        effect: view.effect.as_ref().map(Seen::from),
        events: view.sequence.iter().take(events).map(Event::from).collect(),
        events_left_out: view.events_left_out + not_shown.sum::<u64>(),
    }
}

impl<'a> From<&'a EventView> for Event<'a> {
    fn from(view: &'a EventView) -> Self {
        Self {
            at: Text(view.at),
            clock: view.clock.name(),
            received: Text(view.received),
            point: &view.point,
            value: &view.value,
            quality: view.quality.name(),
            repeats: view.repeats,
            first: view.first.map(Text),
        }
    }
}

impl<'a> From<&'a EffectView> for Seen<'a> {
    fn from(view: &'a EffectView) -> Self {
        let reason = match &view.effect {
            Effect::Effective => "",
            Effect::NoEffect(words) => words,
        };
        Self { asked: view.asked.to_string(), effect: view.effect.name(), reason, at: Text(view.at) }
    }
}

impl<'a> From<&'a Nameplate> for Plate<'a> {
    fn from(plate: &'a Nameplate) -> Self {
        Self {
            manufacturer: plate.manufacturer.as_deref(),
            model: plate.model.as_deref(),
            serial: plate.serial.as_deref(),
            version: plate.version.as_deref(),
            active_power_max: plate.active_power_max.map(|v| v.get()),
            charge_max: plate.charge_max.map(|v| v.get()),
            apparent_power_max: plate.apparent_power_max.map(|v| v.get()),
            reactive_injected_max: plate.reactive_injected_max.map(|v| v.get()),
            reactive_absorbed_max: plate.reactive_absorbed_max.map(|v| v.get()),
            energy_rating: plate.energy_rating.map(|v| v.get()),
        }
    }
}

impl From<&Capability> for Able {
    fn from(capability: &Capability) -> Self {
        Self {
            injection_max: capability.injection_max.get(),
            absorption_max: capability.absorption_max.get(),
            controls: capability.controls.iter().map(Control::name).collect(),
        }
    }
}

impl<'a> From<&'a GroupView> for Group<'a> {
    fn from(view: &'a GroupView) -> Self {
        Self {
            mrid: view.group.mrid.as_str(),
            name: view.group.label(),
            state: view.state(),
            description: view.group.description.as_deref(),
            functions: view.group.functions.iter().map(DerFunction::name).collect(),
            online: view.online,
            members: view.group.members.iter().map(Mrid::as_str).collect(),
            missing: view.missing.iter().map(Mrid::as_str).collect(),
            values: Values(&view.parameters),
        }
    }
}

impl<'a> From<&'a DispatchView> for Dispatch<'a> {
    fn from(view: &'a DispatchView) -> Self {
        Self {
            mrid: view.mrid.as_str(),
            name: view.names.first().map_or(view.mrid.as_str(), |n| &n.name),
            state: view.state.name(),
            group: view.group.as_str(),
            group_name: &view.group_name,
            parameter: view.parameter.literal(),
            unit: unit(view.parameter),
            starts: view.starts.map(Text),
            ends: view.ends.map(Text),
            asked: view.asked,
            delivered: view.delivered,
            rests_on: view.rests_on,
            members: view.members,
            replaced: view.replaced,
            reason: &view.reason,
            shares: view.shares.iter().map(Share::from).collect(),
        }
    }
}

impl<'a> From<&'a ShareView> for Share<'a> {
    fn from(view: &'a ShareView) -> Self {
        let (asked, release) = match view.asked {
            Ask::Nothing => (None, false),
            Ask::Share(value) => (Some(value), false),
            Ask::Release => (None, true),
        };
        Self {
            device: view.device.as_str(),
            name: &view.name,
            asked,
            release,
            delivered: view.delivered,
            outcome: view.outcome,
            bounded: view.bounded,
            reason: &view.reason,
        }
    }
}

impl<'a> From<&'a Counters> for Counts<'a> {
    fn from(counters: &'a Counters) -> Self {
        Self {
            polls: counters.polls,
            readings: counters.readings,
            commands: counters.commands,
            outcomes: Outcomes(&counters.outcomes),
            effects: Outcomes(&counters.effects),
            events: counters.events,
            dispatches: counters.dispatches,
        }
    }
}

#[cfg(test)]
mod tests;
