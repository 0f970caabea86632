//! The devices of this gateway: who they are, what they report, and which groups they add to.

use super::aggregate::{Part, REPORTED, Times};
use super::dispatch::Now;
use super::pace::Pace;
use super::port::{Change, DeviceRecord, Poll, Report};
use super::readings::Readings;
use super::sequence::{Lines, Sequence};
use super::service::{DeviceView, EffectView, Reference};
use crate::der::{
    Capability, DeviceIndex, DeviceState, Effect, Mrid, Nameplate, Quantity, Reading, SequenceEvent, Setpoint,
};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// One device as the configuration names it.
#[derive(Clone, Debug)]
pub struct DeviceEntry {
    /// Its identity.
    pub mrid: Mrid,
    /// What a person calls it.
    pub name: String,
    /// How it is reached, as it is shown; it holds no secret.
    pub link: Arc<str>,
    /// Its device map, if the configuration names one.
    pub map: Option<Arc<str>>,
    /// How often it is read.
    pub poll: Duration,
}

/// One device as the core knows it.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) mrid: Mrid,
    pub(super) name: String,
    link: Arc<str>,
    /// The device map in use, as soon as it is known.
    map: Option<Arc<str>>,
    pub(super) pace: Pace,
    pub(super) state: DeviceState,
    pub(super) reason: String,
    since: Option<Timestamp>,
    nameplate: Option<Arc<Nameplate>>,
    pub(super) capability: Option<Capability>,
    readings: Readings,
    /// Nothing was heard of it for too long.
    quiet: bool,
    /// What its last command has shown.
    effect: Option<EffectView>,
    /// What it recorded by itself.
    sequence: Sequence,
    /// What is known of it beyond this run, and whether that is still to be stored.
    record: (DeviceRecord, bool),
    /// What it adds to its groups now.
    pub(super) part: Part,
    /// Places of its groups.
    pub(super) groups: Vec<usize>,
    dirty: bool,
}

impl Device {
    /// A value that can be trusted now. Of another device in its place nothing is.
    pub(super) fn trusted(&self, quantity: Quantity) -> Option<f64> {
        self.measured(quantity).map(|(value, _)| value)
    }

    fn measured(&self, quantity: Quantity) -> Option<(f64, Timestamp)> {
        self.readings.trusted(quantity).filter(|_| self.state != DeviceState::IdentityChanged)
    }

    /// Its active power and when that was measured, if it can be trusted now.
    pub(super) fn active_power(&self) -> Option<(f64, Timestamp)> {
        self.measured(Quantity::ActivePower)
    }

    /// The last active power that it reported, whatever its age.
    pub(super) fn last_active_power(&self) -> Option<f64> {
        self.readings.last(Quantity::ActivePower)
    }

    /// True if it has told its active power before, and tells nothing any more: whatever its driver hopes for, it cannot be
    /// counted on. One that answers and only does not know its power is not silent.
    pub(super) fn is_silent(&self) -> bool {
        self.quiet && self.last_active_power().is_some() && self.active_power().is_none()
    }

    /// It told something, be it that a value cannot be used.
    fn told(&mut self, readings: &[Reading], now: Now) {
        if !readings.is_empty() {
            self.heard(now.mono);
        }
        for reading in readings {
            self.readings.take(reading, now.wall, now.mono);
        }
    }

    fn heard(&mut self, now: Instant) {
        self.pace.heard(now);
        if std::mem::take(&mut self.quiet) && self.state != DeviceState::CommLost {
            self.readings.heard_again(self.pace.fresh_for(Duration::ZERO), now);
        }
    }

    /// When what it adds to its groups was measured.
    pub(super) fn times(&self) -> Times {
        REPORTED.map(|(quantity, _)| self.measured(quantity).map(|(_, at)| at))
    }

    /// One line for each change of what its commands are seen to do; that they work at once is nothing to log.
    fn log_effect(&self, setpoint: &Setpoint, effect: &Effect) {
        let (device, seen) = (&self.name, self.effect.as_ref().filter(|e| e.asked.lane() == setpoint.lane()));
        match (effect, seen.map(|seen| &seen.effect)) {
            (Effect::NoEffect(reason), _) => {
                tracing::warn!(device, %setpoint, reason, "a command has no effect");
            }
            (Effect::Effective, Some(Effect::NoEffect(_))) => {
                tracing::info!(device, %setpoint, "a command has its effect again");
            }
            (Effect::Effective, _) => {}
        }
    }

    fn view(&self) -> DeviceView {
        DeviceView {
            mrid: self.mrid.clone(),
            name: self.name.clone(),
            link: self.link.clone(),
            map: self.map.clone(),
            state: self.state,
            reason: self.reason.clone(),
            since: self.since,
            nameplate: self.nameplate.clone(),
            capability: self.capability,
            readings: self.readings.views(),
            effect: self.effect.clone(),
            sequence: self.sequence.latest(),
            events_left_out: self.sequence.left_out(),
        }
    }
}

/// All devices, in the order of the configuration.
#[derive(Debug)]
pub(super) struct Registry {
    devices: Vec<Device>,
    by_mrid: HashMap<String, DeviceIndex>,
    by_name: HashMap<String, DeviceIndex>,
    /// What of all their events is logged.
    lines: Lines,
    views: Vec<Arc<DeviceView>>,
}

impl Registry {
    pub(super) fn new(entries: Vec<DeviceEntry>) -> Self {
        let by_mrid =
            entries.iter().enumerate().map(|(i, e)| (e.mrid.key().to_owned(), DeviceIndex::new(i))).collect();
        let by_name =
            entries.iter().enumerate().map(|(i, e)| (e.name.clone(), DeviceIndex::new(i))).collect();
        let devices: Vec<Device> = entries
            .into_iter()
            .map(|entry| Device {
                mrid: entry.mrid,
                name: entry.name,
                link: entry.link,
                map: entry.map,
                pace: Pace::new(entry.poll),
                state: DeviceState::default(),
                reason: String::new(),
                since: None,
                nameplate: None,
                capability: None,
                readings: Readings::default(),
                quiet: false,
                effect: None,
                sequence: Sequence::default(),
                record: (DeviceRecord::default(), false),
                part: Part::default(),
                groups: Vec::new(),
                dirty: false,
            })
            .collect();
        let views = devices.iter().map(|d| Arc::new(d.view())).collect();
        Self { devices, by_mrid, by_name, lines: Lines::default(), views }
    }

    pub(super) fn len(&self) -> usize {
        self.devices.len()
    }

    pub(super) fn get(&self, index: DeviceIndex) -> Option<&Device> {
        self.devices.get(index.get())
    }

    pub(super) fn get_mut(&mut self, index: DeviceIndex) -> Option<&mut Device> {
        self.devices.get_mut(index.get())
    }

    pub(super) fn by_mrid(&self, mrid: &Mrid) -> Option<DeviceIndex> {
        self.by_mrid.get(mrid.key()).copied()
    }

    /// The device that a request names: by mRID if given, else by the first name that is a device's.
    pub(super) fn find(&self, asked: &Reference) -> Option<DeviceIndex> {
        match &asked.mrid {
            Some(mrid) => self.by_mrid(mrid),
            None => asked.names.iter().find_map(|n| self.by_name.get(&n.name)).copied(),
        }
    }

    /// Takes what a driver reports.
    pub(super) fn take(&mut self, index: DeviceIndex, report: Report, now: Now) {
        let Some(device) = self.devices.get_mut(index.get()) else { return };
        device.dirty = true;
        match report {
            Report::State { state, reason } => {
                if device.state != state {
                    device.since = Some(now.wall);
                }
                if state == DeviceState::CommLost {
                    device.readings.mark_stale(Duration::ZERO, now.mono, true);
                    device.quiet = true;
                }
                device.state = state;
                device.reason = reason;
            }
            Report::Nameplate(nameplate) => device.nameplate = Some(Arc::new(*nameplate)),
            Report::Map(map) => device.map = Some(map),
            Report::Capability(capability) => {
                let finite = capability.injection_max.is_finite() && capability.absorption_max.is_finite();
                if finite {
                    device.capability = Some(capability);
                } else {
                    tracing::warn!(device = device.name, "ratings that are not numbers are not used");
                }
            }
            Report::Poll(Poll { readings, lateness, took }) => {
                device.pace.polled(lateness.saturating_add(took));
                device.told(&readings, now);
            }
            Report::Readings(readings) => device.told(&readings, now),
            Report::Heard { took } => {
                device.pace.answered(took);
                device.heard(now.mono);
            }
            Report::Sequence(events) => {
                let name = &device.name;
                let log = |event: &SequenceEvent| log_event(name, event);
                device.sequence.take(events, (now.wall, now.mono), &mut self.lines, log);
            }
            Report::Effect { setpoint, effect } => {
                device.log_effect(&setpoint, &effect);
                device.effect = Some(EffectView { asked: setpoint, effect, at: now.wall });
            }
            Report::Remember(record) => {
                if record.notes.len() > DeviceRecord::MAX_NOTES {
                    tracing::warn!(
                        device = device.name,
                        bytes = record.notes.len(),
                        "notes too long to be kept"
                    );
                } else if device.record.0 != record {
                    device.record = (record, true);
                }
            }
        }
    }

    /// Takes what was stored of a device.
    pub(super) fn restore(&mut self, mrid: &Mrid, record: DeviceRecord) {
        if let Some(device) = self.by_mrid(mrid).and_then(|index| self.devices.get_mut(index.get())) {
            device.record = (record, false);
        }
    }

    /// What is to be stored of devices; each once.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        let fresh = self.devices.iter_mut().filter(|device| device.record.1);
        fresh
            .map(|device| {
                device.record.1 = false;
                Change::PutDevice(device.mrid.clone(), device.record.0.clone())
            })
            .collect()
    }

    /// What a device adds to its groups now; the old part is replaced and returned.
    pub(super) fn refresh_part(&mut self, index: DeviceIndex) -> Option<(Part, Part)> {
        let device = self.devices.get_mut(index.get())?;
        let new = Part::new(|q| device.trusted(q), device.capability.as_ref(), device.state.takes_commands());
        Some((std::mem::replace(&mut device.part, new), new))
    }

    /// Says how many events of late were left out of the log.
    pub(super) fn close_logs(&mut self, now: Instant) {
        for device in &mut self.devices {
            if let Some(left_out) = device.sequence.close_log(now) {
                tracing::warn!(
                    device = device.name,
                    left_out,
                    "device events not logged: too many in a minute"
                );
            }
        }
    }

    /// Marks values stale that were not heard of for too long, and names their devices.
    pub(super) fn mark_stale(&mut self, after: Duration, now: Instant) -> Vec<DeviceIndex> {
        let mut marked = Vec::new();
        for (place, device) in self.devices.iter_mut().enumerate() {
            device.quiet |= device.pace.is_overdue(after, now);
            // Nothing of a device that is silent is more recent than the rest.
            if device.readings.mark_stale(device.pace.fresh_for(after), now, device.quiet) {
                device.dirty = true;
                marked.push(DeviceIndex::new(place));
            }
        }
        marked
    }

    /// What can be shown; only devices that changed are made anew.
    pub(super) fn views(&mut self) -> Vec<Arc<DeviceView>> {
        for (device, view) in self.devices.iter_mut().zip(&mut self.views) {
            if std::mem::take(&mut device.dirty) {
                *view = Arc::new(device.view());
            }
        }
        self.views.clone()
    }
}

/// One line for each event; its message is always the same, so that it can be searched for.
fn log_event(device: &str, event: &SequenceEvent) {
    let SequenceEvent { at, clock, point, value, quality } = event;
    let (clock, quality) = (clock.name(), quality.name());
    tracing::info!(device, point, value, %at, clock, quality, "device event");
}
