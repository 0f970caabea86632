//! The whole driver against a scripted server, seen from the core's side; commands as traces of the protocol.

use crate::core::port::{Command, DeviceHandle, DeviceRecord, Inbox, Poll, Report, open};
use crate::der::{
    Control, DeviceState, Effect, Outcome, Quality, Quantity, ReadBack, Reading, Setpoint, Watts,
};
use crate::device_map::registers::RegisterMap;
use crate::southbound::connection::spawn;
use crate::southbound::points::testing::{device_map, sungrow};
use crate::southbound::testing::{Answer, Book, Seen, Server};
use crate::southbound::{DeviceSettings, known};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

mod commands;
mod images;
mod keeping;

/// Registers of a string inverter that injects 5120 W of 8000 W.
const INPUTS: [(u16, &[u16]); 5] = [
    (4989, &[0x534E, 0x2D31, 0, 0, 0, 0, 0, 0, 0, 0]),
    (4999, &[0x26, 80]),
    (5018, &[2301]),
    (5030, &[5120, 0]),
    (5035, &[500]),
];
const HOLDINGS: [(u16, &[u16]); 1] = [(5005, &[0xCF, 0x55, 1000])];

fn put(registers: &mut std::collections::HashMap<u16, u16>, all: &[(u16, &[u16])]) {
    for (address, words) in all {
        registers.extend((*address..).zip(words.iter().copied()));
    }
}

struct Rig {
    server: Server,
    inbox: Inbox,
    handles: Vec<DeviceHandle>,
    _tasks: JoinSet<()>,
    stop: CancellationToken,
    commands: u64,
    hold: Duration,
    /// What came while an outcome was waited for.
    passed: Vec<Report>,
}

async fn server() -> Server {
    let server = Server::start(&[(1, &Book::at(40000))]).await;
    {
        let mut state = server.state();
        put(state.units.get_mut(&1).unwrap(), &HOLDINGS);
        put(state.inputs.entry(1).or_default(), &INPUTS);
    }
    server
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Rig {
    async fn new(map: RegisterMap) -> Self {
        Self::with(map, |_| {}).await
    }

    async fn with(map: RegisterMap, change: impl Fn(&mut DeviceSettings)) -> Self {
        let server = server().await;
        let mut device = server.device(0, 1);
        device.map = Arc::new(device_map(map));
        change(&mut device);
        Self::of(server, vec![device])
    }

    fn of(server: Server, devices: Vec<DeviceSettings>) -> Self {
        let (inbox, handles, ports) = open(devices.len());
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let choice: crate::southbound::sunspec::MapChoice = Arc::new(|_, _, _| None);
        spawn(devices, &ports, &mut tasks, &stop, &known(), &choice);
        let (hold, passed) = (Duration::from_secs(90), Vec::new());
        Self { server, inbox, handles, _tasks: tasks, stop, commands: 0, hold, passed }
    }

    async fn online(map: RegisterMap) -> Self {
        let mut rig = Self::new(map).await;
        rig.state(DeviceState::Online).await;
        rig
    }

    async fn report<T>(&mut self, what: &str, mut pick: impl FnMut(&Report) -> Option<T>) -> T {
        if let Some((place, found)) =
            self.passed.iter().enumerate().find_map(|(place, r)| Some((place, pick(r)?)))
        {
            self.passed.drain(..=place);
            return found;
        }
        let wanted = async {
            loop {
                let (_, report) = self.inbox.reports.recv().await.unwrap();
                if let Some(found) = pick(&report) {
                    return found;
                }
            }
        };
        timeout(Duration::from_secs(20), wanted).await.unwrap_or_else(|_| panic!("no {what}"))
    }

    async fn state(&mut self, wanted: DeviceState) -> String {
        self.report(wanted.name(), |report| match report {
            Report::State { state, reason } if *state == wanted => Some(reason.clone()),
            _ => None,
        })
        .await
    }

    async fn reading(&mut self, quantity: Quantity, wanted: impl Fn(&Reading) -> bool) -> Reading {
        self.report(quantity.name(), |report| match report {
            Report::Poll(Poll { readings, .. }) => {
                readings.iter().find(|r| r.quantity == quantity && wanted(r)).copied()
            }
            _ => None,
        })
        .await
    }

    async fn effect(&mut self) -> Effect {
        self.report("effect", |report| match report {
            Report::Effect { effect, .. } => Some(effect.clone()),
            _ => None,
        })
        .await
    }

    async fn command(&mut self, setpoint: Setpoint) -> Outcome {
        self.commands += 1;
        self.handles[0].send(Command {
            id: self.commands,
            setpoint,
            hold: self.hold,
            expires_at: Instant::now() + Duration::from_secs(15),
        });
        loop {
            tokio::select! {
                biased;
                end = self.inbox.ends.recv() => return end.unwrap().outcome,
                report = self.inbox.reports.recv() => self.passed.push(report.unwrap().1),
                () = tokio::time::sleep(Duration::from_secs(20)) => panic!("no outcome"),
            }
        }
    }

    /// Function, address and registers of each write so far.
    fn writes(&self) -> Vec<(u8, u16, Vec<u16>)> {
        self.server.writes()
    }
}

fn is_write(seen: &Seen) -> bool {
    matches!(seen.function, 6 | 16)
}

const LIMIT: Setpoint = Setpoint::LimitActivePower(Watts::new(4800.0));

fn applied(watts: Option<f64>, bounded: bool, verified: bool) -> Outcome {
    Outcome::Applied(ReadBack { active_power: watts.map(Watts::new), bounded, verified, doubt: None })
}

#[tokio::test]
async fn a_device_is_recognised_introduced_and_polled() {
    let mut rig = Rig::new(sungrow()).await;
    let plate = rig
        .report("nameplate", |report| match report {
            Report::Nameplate(plate) => Some(plate.clone()),
            _ => None,
        })
        .await;
    assert_eq!(plate.serial.as_deref(), Some("SN-1"));
    assert_eq!(plate.active_power_max, Some(Watts::new(8000.0)));
    let capability = rig
        .report("capability", |report| match report {
            Report::Capability(capability) => Some(*capability),
            _ => None,
        })
        .await;
    assert_eq!(capability.injection_max, Watts::new(8000.0));
    let offered: Vec<Control> = capability.controls.iter().collect();
    assert_eq!(offered, [Control::LimitActivePower, Control::Connect]);
    assert_eq!(rig.state(DeviceState::Online).await, "");
    let voltage = rig.reading(Quantity::Voltage, |_| true).await;
    assert_eq!((voltage.value, voltage.quality), (230.1, Quality::Good));
    assert_eq!(rig.reading(Quantity::ActivePower, |_| true).await.value, 5120.0);
    assert_eq!(rig.reading(Quantity::Frequency, |_| true).await.value, 50.0);
    assert_eq!(rig.writes(), [], "nothing is written that nobody asked for");
}

#[tokio::test]
async fn a_power_far_beyond_the_rating_is_not_believed() {
    let server = server().await;
    put(server.state().inputs.get_mut(&1).unwrap(), &[(5030, &[0x4240, 0x000F])]);
    let mut device = server.device(0, 1);
    device.map = Arc::new(device_map(sungrow()));
    let mut rig = Rig::of(server, vec![device]);
    let reason = rig.state(DeviceState::Degraded).await;
    assert!(reason.contains("its active power is not believed: 1000.0 kW was read, 125 times"), "{reason}");
    let power = rig.reading(Quantity::ActivePower, |_| true).await;
    assert_eq!(power.quality, Quality::Invalid);
}

#[tokio::test]
async fn reads_are_the_ones_of_the_plan() {
    let mut rig = Rig::online(sungrow()).await;
    for _ in 0..3 {
        rig.reading(Quantity::ActivePower, |_| true).await;
    }
    let seen: Vec<(u8, u16, u16)> =
        rig.server.state().seen.iter().map(|s| (s.function, s.address, s.quantity)).collect();
    let begin = [
        // Recognised.
        (4, 4999, 1),
        // Measurements; what the device does not have between them is cut out.
        (4, 4999, 1),
        (4, 5018, 18),
        (4, 5018, 1),
        (4, 5030, 6),
        (4, 5030, 2),
        (4, 5035, 1),
        // What is read once.
        (3, 5005, 3),
        (4, 4989, 12),
    ];
    assert_eq!(seen[..9], begin);
    let poll = [(4, 4999, 1), (4, 5018, 1), (4, 5030, 2), (4, 5035, 1)];
    assert!(seen.len() >= 9 + 8, "{seen:?}");
    assert!(seen[9..].iter().zip(poll.iter().cycle()).all(|(a, b)| a == b), "{seen:?}");
}

#[tokio::test]
async fn another_device_than_the_map_is_for_is_neither_read_nor_written() {
    let server = server().await;
    server.state().inputs.get_mut(&1).unwrap().insert(4999, 0x123);
    let mut device = server.device(0, 1);
    device.map = Arc::new(device_map(sungrow()));
    let mut rig = Rig::of(server, vec![device]);
    assert_eq!(
        rig.state(DeviceState::CommLost).await,
        "register input 4999 is 0x0123, which is none of 0x26, 0x27: this is not a string inverter; choose another map"
    );
    assert_eq!(rig.command(LIMIT).await, Outcome::Unreachable);
    assert_eq!(rig.writes(), []);
    rig.server.state().inputs.get_mut(&1).unwrap().insert(4999, 0x27);
    rig.state(DeviceState::Online).await;
}

#[tokio::test]
async fn a_device_that_refuses_to_be_recognised_is_told_of_in_words() {
    let server = server().await;
    server.script(|seen, _| if seen.function == 4 { Answer::Exception(1) } else { Answer::Good });
    let mut device = server.device(0, 1);
    device.map = Arc::new(device_map(sungrow()));
    let mut rig = Rig::of(server, vec![device]);
    assert_eq!(
        rig.state(DeviceState::CommLost).await,
        "register input 4999 cannot be read: exception 1 (illegal function): this is not a string inverter; choose another map"
    );
}

#[tokio::test]
async fn a_raw_value_that_means_not_there_ends_a_reading() {
    let mut rig = Rig::online(sungrow()).await;
    rig.reading(Quantity::ActivePower, |r| r.value == 5120.0).await;
    put(rig.server.state().inputs.get_mut(&1).unwrap(), &[(5030, &[0xFFFF, 0x7FFF])]);
    let reading = rig.reading(Quantity::ActivePower, |r| r.value.is_nan()).await;
    assert_eq!(reading.quality, Quality::Invalid);
}

#[tokio::test]
async fn a_silent_device_is_lost_its_commands_end_at_once_and_it_comes_back() {
    let mut rig = Rig::online(sungrow()).await;
    rig.server.script(|_, _| Answer::Silence);
    let reason = rig.state(DeviceState::Online).await;
    assert!(reason.starts_with("no usable answer since 2"), "told before it counts as lost: {reason}");
    let reason = rig.state(DeviceState::CommLost).await;
    assert!(reason.contains("answer"), "{reason}");
    let asked = Instant::now();
    assert_eq!(rig.command(LIMIT).await, Outcome::Unreachable);
    assert!(asked.elapsed() < Duration::from_millis(200), "at once");
    rig.server.script(|_, _| Answer::Good);
    rig.state(DeviceState::Online).await;
}

#[tokio::test]
async fn registers_that_fail_degrade_the_device_and_no_more() {
    let mut rig = Rig::online(sungrow()).await;
    rig.server.script(|seen, _| if seen.address == 5018 { Answer::Exception(4) } else { Answer::Good });
    let reason = rig.state(DeviceState::Degraded).await;
    assert_eq!(reason, "va cannot be read: exception 4 (device failure)");
    assert_eq!(rig.reading(Quantity::Voltage, |r| r.value.is_nan()).await.quality, Quality::Invalid);
    rig.reading(Quantity::ActivePower, |r| r.value == 5120.0).await;
    rig.server.script(|_, _| Answer::Good);
    rig.state(DeviceState::Online).await;
}

#[tokio::test]
async fn another_serial_number_is_read_and_not_written() {
    let record = DeviceRecord { serial: Some("SN-0".to_owned()), notes: String::new() };
    let mut rig = Rig::with(sungrow(), |device| device.record = Some(record.clone())).await;
    let reason = rig.state(DeviceState::IdentityChanged).await;
    assert_eq!(
        reason,
        "serial number changed from SN-0 to SN-1: it is read but not written; to accept it, write serial = \"SN-1\" into the device's table of the configuration and restart the gateway"
    );
    rig.reading(Quantity::ActivePower, |r| r.value == 5120.0).await;
    assert_eq!(rig.command(LIMIT).await, Outcome::Refused(reason));
    assert_eq!(rig.writes(), []);
}

#[tokio::test]
async fn devices_of_both_kinds_share_one_connection() {
    let server = Server::start(&[(1, &Book::at(40000)), (2, &crate::southbound::testing::legacy())]).await;
    {
        let mut state = server.state();
        put(state.units.get_mut(&1).unwrap(), &HOLDINGS);
        put(state.inputs.entry(1).or_default(), &INPUTS);
    }
    let mut first = server.device(0, 1);
    first.map = Arc::new(device_map(sungrow()));
    let second = server.device(1, 2);
    let mut rig = Rig::of(server, vec![first, second]);
    rig.reading(Quantity::ActivePower, |r| r.value == 5120.0).await;
    rig.reading(Quantity::ActivePower, |r| r.value == 5000.0).await;
    assert_eq!(rig.server.state().connections, 1);
}
