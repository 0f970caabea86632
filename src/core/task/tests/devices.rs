//! What a driver tells beside its readings: what it wants remembered, and what its commands were seen to do.

use super::*;
use crate::core::port::DeviceRecord;
use crate::der::{Clock, Effect, SequenceEvent};

struct Bench {
    service: Service,
    port: DriverPort,
    commits: mpsc::Receiver<Commit>,
    _tasks: JoinSet<()>,
}

fn bench(stored: Stored) -> Bench {
    let (inbox, handles, mut ports) = port::open(1);
    let (persistence, commits) = port::persistence(8);
    let devices = vec![DeviceEntry {
        mrid: mrid(0),
        name: "PV-0".into(),
        link: "modbus+tcp://192.0.2.21:502?unit=1".into(),
        map: None,
        poll: Duration::from_secs(1),
    }];
    let settings = Settings::default();
    let parts = Parts { settings, devices, handles, inbox, persistence, stored, seeds: vec![] };
    let (core, service) = Core::new(parts);
    let mut tasks = JoinSet::new();
    tasks.spawn(core.run(CancellationToken::new()));
    Bench { service, port: ports.remove(0), commits, _tasks: tasks }
}

fn record(serial: &str) -> DeviceRecord {
    DeviceRecord { serial: Some(serial.into()), notes: "base 40000".into() }
}

#[tokio::test(start_paused = true)]
async fn what_a_driver_wants_remembered_is_stored_once_and_the_latest_wins_while_the_store_fails() {
    let stored = Stored { devices: vec![(mrid(0), record("1"))], ..Stored::default() };
    let mut bench = bench(stored);
    bench.port.reports.send(Report::Remember(record("1"))).await;
    bench.port.reports.send(Report::Remember(record("2"))).await;
    let first = bench.commits.recv().await.unwrap();
    assert_eq!(
        first.changes,
        [Change::PutDevice(mrid(0), record("2"))],
        "what is stored is not stored again"
    );
    bench.port.reports.send(Report::Remember(record("3"))).await;
    bench.port.reports.send(Report::Remember(record("4"))).await;
    first.done.send(Err(PersistError("disk full".into()))).unwrap();
    let again = bench.commits.recv().await.unwrap();
    assert_eq!(again.changes, [Change::PutDevice(mrid(0), record("2"))]);
    again.done.send(Ok(())).unwrap();
    let last = bench.commits.recv().await.unwrap();
    assert_eq!(last.changes, [Change::PutDevice(mrid(0), record("4"))]);
}

#[tokio::test(start_paused = true)]
async fn notes_beyond_their_bound_are_not_kept() {
    let mut bench = bench(Stored::default());
    let long = DeviceRecord { serial: None, notes: "x".repeat(DeviceRecord::MAX_NOTES + 1) };
    bench.port.reports.send(Report::Remember(long)).await;
    bench.port.reports.send(Report::Remember(record("1"))).await;
    assert_eq!(bench.commits.recv().await.unwrap().changes, [Change::PutDevice(mrid(0), record("1"))]);
}

#[tokio::test(start_paused = true)]
async fn an_effect_is_shown_with_what_was_asked_and_counted() {
    let bench = bench(Stored::default());
    let setpoint = Setpoint::LimitActivePower(Watts::new(4800.0));
    let effect = Effect::NoEffect("power still 7950 W after 30 s".into());
    bench.port.reports.send(Report::Effect { setpoint: setpoint.clone(), effect: effect.clone() }).await;
    let seen = loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let snapshot = bench.service.snapshot();
        if let Some(seen) = snapshot.devices[0].effect.clone() {
            assert_eq!(snapshot.counters.effects, [("no effect", 1)]);
            break seen;
        }
    };
    assert_eq!((seen.asked, seen.effect), (setpoint, effect));
}

#[tokio::test(start_paused = true)]
async fn the_map_is_shown_as_soon_as_the_driver_has_found_it() {
    let bench = bench(Stored::default());
    let device = bench.service.snapshot().devices[0].clone();
    assert_eq!((&*device.link, &device.map), ("modbus+tcp://192.0.2.21:502?unit=1", &None));
    bench.port.reports.send(Report::Map("fronius".into())).await;
    let found = loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if let Some(map) = bench.service.snapshot().devices[0].map.clone() {
            break map;
        }
    };
    assert_eq!(&*found, "fronius");
}

#[tokio::test(start_paused = true)]
async fn events_are_shown_latest_first_with_the_time_of_the_device_and_of_receipt() {
    let bench = bench(Stored::default());
    let event = |point: &str, at: &str| SequenceEvent {
        at: at.parse().unwrap(),
        clock: Clock::Device,
        point: point.into(),
        value: "on".into(),
        quality: Quality::Good,
    };
    let events = [event("local", "2026-03-01T12:00:00.25Z"), event("trip", "2026-03-01T12:00:00.5Z")];
    let before = jiff::Timestamp::now();
    bench.port.reports.send(Report::Sequence(events.to_vec())).await;
    let seen = loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let snapshot = bench.service.snapshot();
        if !snapshot.devices[0].sequence.is_empty() {
            assert_eq!(snapshot.counters.events, 2);
            break snapshot.devices[0].sequence.clone();
        }
    };
    assert_eq!(seen.iter().map(|kept| &*kept.event).collect::<Vec<_>>(), [&events[1], &events[0]]);
    assert!(seen.iter().all(|kept| kept.received >= before), "{seen:?}");
}
