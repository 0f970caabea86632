//! `/metrics`: the snapshot and the health in OpenMetrics text. It counts nothing itself and holds no series, so that
//! one of a group that is gone is gone too.

use super::Health;
use crate::core::service::{DispatchView, GroupView, Lateness, Snapshot};
use crate::der::{DeviceState, DispatchState, Parameter};
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::collections::{HashMap, HashSet};
use std::fmt::Error;
use std::sync::Arc;

/// Most groups, and most devices, that get series of their own. What is beyond is counted in
/// `dergate_series_left_out`: a monitoring system that drowns in series shows nothing at all.
const LABELLED: usize = 500;

const DEVICE_STATES: [DeviceState; 7] = [
    DeviceState::Unknown,
    DeviceState::Discovering,
    DeviceState::Online,
    DeviceState::Degraded,
    DeviceState::Asleep,
    DeviceState::CommLost,
    DeviceState::IdentityChanged,
];

const DISPATCH_STATES: [DispatchState; 4] =
    [DispatchState::Scheduled, DispatchState::Active, DispatchState::Releasing, DispatchState::Ended];

/// The metrics at this moment; `started` is when the process did.
pub(super) fn render(snapshot: Arc<Snapshot>, health: Health, started: Timestamp) -> Result<String, Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Moment { snapshot, health, started }));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

#[derive(Debug)]
struct Moment {
    snapshot: Arc<Snapshot>,
    health: Health,
    started: Timestamp,
}

type Label<'a> = (&'static str, &'a str);

impl Collector for Moment {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut to = Writer { encoder: &mut encoder };
        self.process(&mut to)?;
        self.counters(&mut to)?;
        self.devices(&mut to)?;
        self.dispatches(&mut to)?;
        self.groups(&mut to)
    }
}

impl Moment {
    fn process(&self, to: &mut Writer<'_, '_>) -> Result<(), Error> {
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        to.gauges("dergate_build_info", "The program, always 1", [(version, 1_u64)])?;
        let started = self.started.as_duration().as_secs_f64();
        to.gauge("process_start_time_seconds", "Start of the process in seconds of Unix time", started)?;
        let flag = |good: bool| u64::from(good);
        to.gauge("dergate_live", "1 if the core answers", flag(self.health.live().is_ok()))?;
        to.gauge("dergate_ready", "1 if requests can be served", flag(self.health.ready().is_ok()))?;
        to.gauge("dergate_store_writable", "1 if changes can be stored", flag(self.health.store_writable()))
    }

    fn counters(&self, to: &mut Writer<'_, '_>) -> Result<(), Error> {
        let counters = &self.snapshot.counters;
        to.counter("dergate_polls", "Polls that came up from devices", counters.polls)?;
        to.counter("dergate_readings", "Readings that came up from devices", counters.readings)?;
        to.counter("dergate_commands", "Commands sent down to devices", counters.commands)?;
        let outcomes = counters.outcomes.iter().map(|(name, count)| ([("outcome", *name)], *count));
        to.counters("dergate_command_outcomes", "Ends of commands by outcome", outcomes)?;
        let effects = counters.effects.iter().map(|(name, count)| ([("effect", *name)], *count));
        to.counters("dergate_command_effects", "What accepted commands were seen to do, by effect", effects)?;
        to.counter("dergate_device_events", "Events that devices recorded by themselves", counters.events)?;
        let lateness = &counters.lateness;
        let bounds = Lateness::BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(lateness.counts).collect();
        let (count, sum) = (lateness.counts.iter().sum(), lateness.sum.as_secs_f64());
        histogram(to, "dergate_poll_lateness_seconds", (sum, count), &buckets)?;
        to.counter("dergate_dispatches_accepted", "Dispatches accepted", counters.dispatches)
    }

    fn devices(&self, to: &mut Writer<'_, '_>) -> Result<(), Error> {
        let devices = &self.snapshot.devices;
        let by_state = DEVICE_STATES.map(|state| {
            let count = devices.iter().filter(|d| d.state == state).count();
            ([("state", state.name())], count)
        });
        to.gauges("dergate_devices", "Devices by state", by_state)?;
        let up = devices.iter().take(LABELLED).map(|d| {
            ([("mrid", d.mrid.as_str()), ("name", d.name.as_str())], u64::from(d.state.takes_commands()))
        });
        to.gauges("dergate_device_up", "1 if the device answers", up)
    }

    fn dispatches(&self, to: &mut Writer<'_, '_>) -> Result<(), Error> {
        let by_state = DISPATCH_STATES.map(|state| {
            let count = self.snapshot.dispatches.iter().filter(|d| d.state == state).count();
            ([("state", state.name())], count)
        });
        to.gauges("dergate_dispatches", "Dispatches by state, ended ones for a while", by_state)?;
        // A device may have a part in several dispatches, and holds one order all the same.
        let shares = self.snapshot.dispatches.iter().flat_map(|d| &d.shares);
        let unbounded: HashSet<&str> =
            shares.filter(|share| share.bounded == Some(false)).map(|share| share.device.key()).collect();
        to.gauge(
            "dergate_devices_without_time_limit",
            "Devices that hold what a dispatch asked until they are released, also if the gateway dies",
            unbounded.len(),
        )
    }

    /// A value that is not known has no series, and is not 0.
    fn groups(&self, to: &mut Writer<'_, '_>) -> Result<(), Error> {
        let groups = &self.snapshot.groups;
        to.gauge("dergate_groups", "Groups", groups.len())?;
        let beyond = |count: usize| count.saturating_sub(LABELLED);
        let left_out = [
            ([("of", "devices")], beyond(self.snapshot.devices.len())),
            ([("of", "groups")], beyond(groups.len())),
        ];
        to.gauges(
            "dergate_series_left_out",
            "Devices and groups that have no series of their own",
            left_out,
        )?;
        let labelled = || groups.iter().take(LABELLED);
        let online = labelled().map(|g| (labels(g), g.online));
        to.gauges("dergate_group_online", "Members whose device answers", online)?;
        let members = labelled().map(|g| (labels(g), g.group.members.len()));
        to.gauges("dergate_group_members", "Members of the group", members)?;
        let power = labelled().filter_map(|g| Some((labels(g), active_power(g)?)));
        to.gauges("dergate_group_active_power_watts", "Active power, positive = injected", power)?;
        // The later of two active dispatches takes precedence; it stands later in the list.
        let active: HashMap<&str, &DispatchView> = self
            .snapshot
            .dispatches
            .iter()
            .filter(|d| d.state == DispatchState::Active && d.parameter == Parameter::ActivePower)
            // One that is wholly replaced asks for nothing.
            .filter(|d| !d.replaced)
            .map(|d| (d.group.key(), &**d))
            .collect();
        let now = |g: &GroupView| active.get(g.group.mrid.key()).copied();
        let asked = labelled().filter_map(|g| Some((labels(g), now(g)?.asked?)));
        to.gauges("dergate_group_asked_watts", "Active power that a dispatch asks for now", asked)?;
        let delivered = labelled().filter_map(|g| Some((labels(g), now(g)?.delivered?)));
        to.gauges("dergate_group_delivered_watts", "Active power delivered to that dispatch", delivered)
    }
}

/// How late polls began.
fn histogram(
    to: &mut Writer<'_, '_>,
    name: &str,
    (sum, count): (f64, u64),
    buckets: &[(f64, u64)],
) -> Result<(), Error> {
    to.encoder
        .encode_descriptor(name, "How long after their due time polls began", None, MetricType::Histogram)?
        .encode_histogram::<NoLabelSet>(sum, count, buckets, None)
}

fn labels(view: &GroupView) -> [Label<'_>; 2] {
    [("mrid", view.group.mrid.as_str()), ("name", view.group.label())]
}

fn active_power(view: &GroupView) -> Option<f64> {
    view.parameters.iter().find(|p| p.parameter == Parameter::ActivePower)?.value
}

/// The encoder's wordy calls, once.
struct Writer<'w, 'e> {
    encoder: &'w mut DescriptorEncoder<'e>,
}

impl Writer<'_, '_> {
    fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> Result<(), Error> {
        self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn gauges<'l, const N: usize, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = ([Label<'l>; N], V)>,
    ) -> Result<(), Error> {
        let mut to = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in series {
            to.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> Result<(), Error> {
        self.encoder
            .encode_descriptor(name, help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn counters<'l, const N: usize, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = ([Label<'l>; N], V)>,
    ) -> Result<(), Error> {
        let mut to = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in series {
            to.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
