//! The driver and the tools against a device in memory, for some seconds of virtual time.

use super::{judge, lookup};
use crate::core::port::{Command, DeviceRecord, Report, open};
use crate::der::{DeviceIndex, Mrid, Outcome, Setpoint};
use crate::device_map::registers::{CommandName, RegisterMap};
use crate::device_map::{DeviceMap, MapKind, SunspecOptions};
use crate::southbound::fuzzing::{Image, PEER, Running, options};
use crate::southbound::sunspec::block::Layouts;
use crate::southbound::sunspec::probe::probe_recording;
use crate::southbound::sunspec::tools::{Amount, Manual, Session};
use crate::southbound::sunspec::{Common, Device, MapChoice};
use crate::southbound::{DeviceSettings, Link, ModbusTcp, ProbeOptions};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// Most requests of a run; a device that is asked more often does not answer any more.
pub const REQUESTS: usize = 40_000;

/// How long the driver runs.
const RUN: Duration = Duration::from_secs(30);

fn settings() -> Option<DeviceSettings> {
    Some(DeviceSettings {
        index: DeviceIndex::new(0),
        mrid: Mrid::parse("fuzz").ok()?,
        name: "fuzz".to_owned(),
        link: link(),
        tls: None,
        map: Arc::new(DeviceMap {
            id: "fuzz".to_owned(),
            title: "fuzz".to_owned(),
            kind: MapKind::Sunspec,
            matches: None,
            registers: RegisterMap::default(),
            outstation: None,
            link: options(),
            sunspec: SunspecOptions::default(),
        }),
        map_named: true,
        serial: None,
        record: None,
        poll: Duration::from_secs(1),
    })
}

fn link() -> Link {
    Link::ModbusTcp(ModbusTcp { host: "memory".to_owned(), port: 502, unit: PEER.unit })
}

fn session(image: Image) -> (Session, Running) {
    let (bus, device) = image.start();
    let how = ProbeOptions { link: options(), ..ProbeOptions::default() };
    (Session::over(bus, &link(), &how, lookup()), device)
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Seen {
    /// Polls that said something.
    pub polls: usize,
    /// How the commands ended.
    pub outcomes: Vec<Outcome>,
}

/// The whole driver, with commands at times.
pub async fn driver(image: Image, wishes: Vec<(Duration, Setpoint)>) -> Seen {
    let mut seen = Seen::default();
    let Some(settings) = settings() else { return seen };
    let (bus, device) = image.start();
    let (mut inbox, handles, ports) = open(1);
    let (Some(port), Some(handle)) = (ports.first(), handles.first()) else { return seen };
    let (lookup, layouts, stop) = (lookup(), Layouts::default(), CancellationToken::new());
    let choice: MapChoice = Arc::new(|_, _, _| None);
    let common = Common { lookup: &lookup, layouts: &layouts, choice: &choice, stop: &stop };
    let run = Device::new(&settings, port, bus.line(PEER), common).run();
    let end = Instant::now() + RUN;
    let sent = wishes.len();
    let play = async {
        for (id, (pause, setpoint)) in (1..).zip(wishes) {
            sleep(pause).await;
            let expires_at = Instant::now() + Duration::from_secs(15);
            handle.send(Command { id, setpoint, hold: Duration::from_secs(30), expires_at });
        }
        sleep_until(end).await;
    };
    tokio::select! {
        () = run => unreachable!("the driver ended by itself"),
        () = play => {}
    }
    assert!(device.requests() < REQUESTS, "{} requests in {RUN:?}", device.requests());
    drop((handles, ports));
    while let Ok((_, report)) = inbox.reports.try_recv() {
        judge_report(&report);
        seen.polls += usize::from(matches!(&report, Report::Poll(poll) if !poll.readings.is_empty()));
    }
    seen.outcomes = std::iter::from_fn(|| inbox.ends.try_recv().ok()).map(|end| end.outcome).collect();
    assert_eq!(seen.outcomes.len(), sent, "each command ends once");
    seen
}

fn judge_report(report: &Report) {
    match report {
        Report::Poll(poll) => judge::readings(&poll.readings),
        Report::Readings(readings) => judge::readings(readings),
        Report::Capability(capability) => judge::capability(capability),
        Report::Remember(record) => {
            assert!(record.notes.len() <= DeviceRecord::MAX_NOTES, "{} bytes of notes", record.notes.len());
        }
        Report::State { .. }
        | Report::Nameplate(_)
        | Report::Map(_)
        | Report::Heard { .. }
        | Report::Effect { .. }
        | Report::Sequence(_) => {}
    }
}

/// What `probe` and `record` do.
pub async fn probe(image: Image) {
    let (session, device) = session(image);
    if let Ok(report) = session.probe(&|_| {}).await {
        judge::readings(&report.readings);
        judge::capability(&report.capability);
    }
    if let Ok(recording) = session.record(&|_| {}).await {
        assert_eq!(recording.check().map_err(|error| error.to_string()), Ok(()));
        let how = ProbeOptions { link: options(), ..ProbeOptions::default() };
        let again = probe_recording(&recording, &how, &lookup()).await;
        assert!(again.is_ok(), "its own recording cannot be read: {again:?}");
    }
    assert!(device.requests() < REQUESTS, "{} requests", device.requests());
}

/// What `control` does.
pub async fn control(image: Image, wishes: Vec<(Duration, Setpoint)>) {
    let (session, device) = session(image);
    let Ok(mut controlled) = session.control(&|_| {}).await else { return };
    judge::capability(&controlled.capability());
    for (hold, setpoint) in wishes {
        let command = match setpoint {
            Setpoint::LimitActivePower(_) => CommandName::LimitActivePower,
            Setpoint::SetActivePower(_) => CommandName::SetActivePower,
            Setpoint::SetReactivePower(_) => CommandName::SetReactivePower,
            Setpoint::Connect => CommandName::Connect,
            Setpoint::Disconnect => CommandName::Disconnect,
            _ => CommandName::SetPowerFactor,
        };
        let _ = controlled.setpoint(Manual::Command(command), Some(Amount::Percent(hold.as_secs_f64())));
        if let Ok(plan) = controlled.plan(Manual::Command(command), &setpoint, hold) {
            let _ = controlled.carry_out(&plan, Duration::from_secs(5)).await;
        }
        let _ = controlled.active_power().await;
    }
    assert!(device.requests() < REQUESTS, "{} requests", device.requests());
}
