mod devices;

use super::*;
use crate::core::port::{self, Aim, Commit, DispatchPhase, DispatchRecord, DriverPort, Poll, Report};
use crate::core::service::{Ask, NewDispatch, NewGroup, Reference};
use crate::der::{
    Capability, Control, Controls, CurveStyle, DerFunction, DerFunctions, DeviceState, DispatchSchedule,
    DispatchState, GroupDispatch, Mrid, Name, Outcome, Parameter, Quality, Quantity, ReadBack, Reading,
    Setpoint, TimeIntervalKind, Watts,
};
use std::sync::Mutex;
use tokio::task::JoinSet;

/// What the test sees of, and does to, one fake device.
#[derive(Clone, Debug)]
struct Fake {
    rating: f64,
    absorb: f64,
    available: f64,
    power: f64,
    setpoint: Option<Setpoint>,
    answers: bool,
    refuses: bool,
    writes: usize,
}

impl Fake {
    fn pv(rating: f64, available: f64) -> Self {
        Self {
            rating,
            absorb: 0.0,
            available,
            power: available,
            setpoint: None,
            answers: true,
            refuses: false,
            writes: 0,
        }
    }
    fn storage(rating: f64) -> Self {
        Self { absorb: rating, power: 0.0, ..Self::pv(rating, rating) }
    }
    fn settle(&mut self) {
        let free = if self.absorb > 0.0 { 0.0 } else { self.available };
        let wanted = match self.setpoint {
            Some(Setpoint::LimitActivePower(w)) => w.get().min(self.available),
            Some(Setpoint::SetActivePower(w)) => w.get().clamp(-self.absorb, self.available),
            _ => free,
        };
        // Half the rating a second.
        self.power += (wanted - self.power).clamp(-self.rating / 2.0, self.rating / 2.0);
    }
    fn capability(&self) -> Capability {
        let control = if self.absorb > 0.0 { Control::SetActivePower } else { Control::LimitActivePower };
        Capability {
            injection_max: Watts::new(self.rating),
            absorption_max: Watts::new(self.absorb),
            controls: Controls::NONE.with(control),
        }
    }
}

type Shared = Arc<Mutex<Vec<Fake>>>;

/// A driver that polls each second and obeys.
async fn drive(place: usize, port: DriverPort, plant: Shared) {
    let state = |state, reason: &str| Report::State { state, reason: reason.into() };
    port.reports.send(state(DeviceState::Online, "")).await;
    let capability = plant.lock().unwrap()[place].capability();
    port.reports.send(Report::Capability(capability)).await;
    let mut poll = tokio::time::interval(Duration::from_secs(1));
    let mut answered = true;
    loop {
        tokio::select! {
            pending = port.commands.next() => {
                let setpoint = pending.command().setpoint.clone();
                let outcome = {
                    let mut plant = plant.lock().unwrap();
                    let fake = &mut plant[place];
                    if !fake.answers {
                        Outcome::Unreachable
                    } else if fake.refuses {
                        Outcome::Refused("local mode".into())
                    } else {
                        fake.writes += 1;
                        fake.setpoint = (setpoint != Setpoint::ReleaseActivePower).then_some(setpoint.clone());
                        let active_power = match setpoint {
                            Setpoint::LimitActivePower(w) | Setpoint::SetActivePower(w) => Some(w),
                            _ => None,
                        };
                        Outcome::Applied(ReadBack { active_power, bounded: true, verified: true, doubt: None })
                    }
                };
                pending.finish(outcome);
            }
            _ = poll.tick() => {
                let power = {
                    let mut plant = plant.lock().unwrap();
                    plant[place].settle();
                    plant[place].answers.then_some(plant[place].power)
                };
                if let Some(value) = power {
                    if !std::mem::replace(&mut answered, true) {
                        port.reports.send(state(DeviceState::Online, "")).await;
                    }
                    let reading = Reading {
                        quantity: Quantity::ActivePower,
                        value,
                        quality: Quality::Good,
                        at: jiff::Timestamp::now(),
                    };
                    let poll = Poll { readings: vec![reading], lateness: Duration::ZERO, took: Duration::ZERO };
                    port.reports.send(Report::Poll(poll)).await;
                } else if std::mem::replace(&mut answered, false) {
                    port.reports.send(state(DeviceState::CommLost, "no answer")).await;
                }
            }
        }
    }
}

struct House {
    service: Service,
    plant: Shared,
    commits: Arc<Mutex<Vec<Vec<Change>>>>,
    fail: Arc<std::sync::atomic::AtomicBool>,
    _tasks: JoinSet<()>,
}

fn entry(i: usize) -> DeviceEntry {
    let (mrid, name, poll) = (mrid(i), format!("PV-{i}"), Duration::from_secs(1));
    DeviceEntry { mrid, name, link: "".into(), map: None, poll }
}

fn mrid(place: usize) -> Mrid {
    Mrid::parse(&format!("dev-{place}")).unwrap()
}

fn house(fakes: Vec<Fake>, stored: Stored) -> House {
    let (inbox, handles, ports) = port::open(fakes.len());
    let (persistence, mut commits_in) = port::persistence(8);
    let devices = (0..fakes.len()).map(entry).collect();
    let settings = Settings::default();
    let parts = Parts { settings, devices, handles, inbox, persistence, stored, seeds: vec![] };
    let (core, service) = Core::new(parts);
    let mut tasks = JoinSet::new();
    let plant = Arc::new(Mutex::new(fakes));
    for (place, port) in ports.into_iter().enumerate() {
        tasks.spawn(drive(place, port, plant.clone()));
    }
    let commits: Arc<Mutex<Vec<Vec<Change>>>> = Arc::default();
    let fail: Arc<std::sync::atomic::AtomicBool> = Arc::default();
    tasks.spawn({
        let (commits, fail) = (commits.clone(), fail.clone());
        async move {
            while let Some(Commit { changes, done }) = commits_in.recv().await {
                let result = if fail.load(std::sync::atomic::Ordering::SeqCst) {
                    Err(PersistError("disk full".into()))
                } else {
                    commits.lock().unwrap().push(changes);
                    Ok(())
                };
                let _ = done.send(result);
            }
        }
    });
    tasks.spawn(core.run(CancellationToken::new()));
    House { service, plant, commits, fail, _tasks: tasks }
}

impl House {
    async fn group(&self, members: usize, functions: DerFunctions) {
        let group = NewGroup {
            mrid: Some(Mrid::parse("group").unwrap()),
            description: None,
            functions,
            members: (0..members).map(|i| Reference::by_mrid(mrid(i))).collect(),
            names: vec![Name::plain("FDR")],
            version: None,
        };
        self.service.create_groups(vec![group]).await.unwrap().remove(0).unwrap();
    }
    async fn dispatch(
        &self,
        name: &str,
        kw: &[f64],
        seconds: i64,
        wait: i64,
    ) -> Result<GroupDispatch, Refusal> {
        let start = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(wait);
        let values = kw.iter().map(|v| v * 1e3).collect();
        let style = CurveStyle::ConstantYValue;
        let schedule =
            DispatchSchedule::new(style, start, seconds, TimeIntervalKind::Second, values).unwrap();
        let dispatch = NewDispatch {
            mrid: Some(Mrid::parse(name).unwrap()),
            names: vec![],
            group: Reference::by_name("FDR"),
            parameter: Parameter::ActivePower,
            schedules: vec![schedule],
        };
        self.service.create_dispatches(vec![dispatch]).await.unwrap().remove(0)
    }
    fn power(&self) -> f64 {
        self.plant.lock().unwrap().iter().map(|f| f.power).sum()
    }
    fn edit(&self, place: usize, edit: impl FnOnce(&mut Fake)) {
        edit(&mut self.plant.lock().unwrap()[place]);
    }
    /// Waits, in test time, until it holds.
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !holds(self) {
            assert!(start.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    async fn near(&self, kw: f64) {
        self.until(&format!("{kw} kW within 2 %"), |h| {
            (h.power() / 1e3 - kw).abs() <= kw.abs() * 0.02 + 0.001
        })
        .await;
    }
    fn state(&self, name: &str) -> Option<DispatchState> {
        let mrid = Mrid::parse(name).unwrap();
        self.service.snapshot().dispatches.iter().find(|d| d.mrid == mrid).map(|d| d.state)
    }
    fn released(&self) -> bool {
        self.plant.lock().unwrap().iter().all(|f| f.setpoint.is_none())
    }
    async fn ready(&self) {
        self.until("all devices known", |h| {
            h.service.snapshot().devices.iter().all(|d| !d.readings.is_empty())
        })
        .await;
    }
}

const FOLLOW: DerFunctions = DerFunctions::NONE.with(DerFunction::RealPowerDispatch);

// Wall time does not stop with tokio's: schedules in these tests are long, and ends are brought about by other means.

#[tokio::test(start_paused = true)]
async fn a_dispatch_moves_the_group_and_hands_on_what_a_member_loses() {
    let house = house((0..6).map(|_| Fake::pv(30e3, 25e3)).collect(), Stored::default());
    house.ready().await;
    house.group(6, FOLLOW).await;
    house.dispatch("d", &[90.0], 3600, 0).await.unwrap();
    let start = Instant::now();
    house.near(90.0).await;
    assert!(start.elapsed() < Duration::from_secs(5));
    let view = house.service.snapshot().dispatches[0].clone();
    assert_eq!(view.asked, Some(90e3));
    assert!(view.shares.iter().all(|s| s.asked == Ask::Share(15e3)), "{:?}", view.shares);

    house.edit(2, |f| f.available = 0.0);
    tokio::time::sleep(Duration::from_secs(3)).await;
    house.near(90.0).await;
    assert!(house.plant.lock().unwrap()[2].power < 1.0);

    // The sun comes back: the member takes up its part again, and the group does not overshoot meanwhile.
    house.edit(2, |f| f.available = 25e3);
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!((house.power() - 90e3).abs() < 90e3 * 0.02 + 1.0, "{}", house.power());
    }
    assert!(house.plant.lock().unwrap()[2].power > 13e3);
}

#[tokio::test(start_paused = true)]
async fn a_refusing_and_a_lost_member_are_replaced_by_the_others() {
    let house = house((0..5).map(|_| Fake::pv(30e3, 28e3)).collect(), Stored::default());
    house.ready().await;
    house.group(5, FOLLOW).await;
    house.edit(0, |f| f.refuses = true);
    house.dispatch("d", &[100.0], 3600, 0).await.unwrap();
    house.near(100.0).await;
    house
        .until("the refusal is shown", |h| h.service.snapshot().dispatches[0].shares[0].outcome == "refused")
        .await;
    house.edit(1, |f| {
        f.answers = false;
        f.available = 0.0;
    });
    tokio::time::sleep(Duration::from_secs(4)).await;
    house.near(100.0).await;
}

#[tokio::test(start_paused = true)]
async fn a_storage_absorbs_when_asked_for_less_than_nothing() {
    let fakes = vec![Fake::pv(20e3, 10e3), Fake::storage(10e3), Fake::storage(20e3)];
    let house = house(fakes, Stored::default());
    house.ready().await;
    house.group(3, FOLLOW).await;
    house.dispatch("d", &[-15.0], 3600, 0).await.unwrap();
    house.near(-15.0).await;
}

#[tokio::test(start_paused = true)]
async fn the_later_dispatch_has_the_devices_and_a_deleted_group_releases_them() {
    let house = house((0..3).map(|_| Fake::pv(10e3, 9e3)).collect(), Stored::default());
    house.ready().await;
    house.group(3, FOLLOW).await;
    house.dispatch("first", &[12.0], 3600, 0).await.unwrap();
    house.near(12.0).await;
    house.dispatch("second", &[6.0], 3600, 0).await.unwrap();
    house.near(6.0).await;
    assert_eq!(house.state("first"), Some(DispatchState::Active));

    let deleted = house.service.delete_groups(vec![Reference::by_name("FDR")]).await.unwrap();
    assert!(deleted[0].is_ok());
    house.until("every device released", House::released).await;
    house.until("ended", |h| h.state("second") == Some(DispatchState::Ended)).await;
    assert_eq!(house.state("first"), Some(DispatchState::Ended));
    assert!(house.service.snapshot().find_group(&Reference::by_name("FDR")).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_future_dispatch_of_a_deleted_group_writes_nothing() {
    let house = house(vec![Fake::pv(10e3, 9e3)], Stored::default());
    house.ready().await;
    house.group(1, FOLLOW).await;
    house.dispatch("d", &[1.0], 3600, 7200).await.unwrap();
    assert_eq!(house.state("d"), Some(DispatchState::Scheduled));
    house.service.delete_groups(vec![Reference::by_name("FDR")]).await.unwrap();
    house.until("ended", |h| h.state("d") == Some(DispatchState::Ended)).await;
    assert_eq!(house.plant.lock().unwrap()[0].writes, 0);
}

fn record(name: &str, start: &str, phase: DispatchPhase) -> DispatchRecord {
    let schedule = DispatchSchedule::new(
        CurveStyle::ConstantYValue,
        start.parse().unwrap(),
        1,
        TimeIntervalKind::Hour,
        vec![5e3],
    )
    .unwrap();
    let dispatch = GroupDispatch {
        mrid: Mrid::parse(name).unwrap(),
        names: vec![],
        group: Mrid::parse("group").unwrap(),
        parameter: Parameter::ActivePower,
        schedules: vec![schedule],
    };
    DispatchRecord { dispatch, order: 7, aim: Aim::Value, members: vec![mrid(0), mrid(1)], phase }
}

fn group_of_two() -> EndDeviceGroup {
    EndDeviceGroup {
        mrid: Mrid::parse("group").unwrap(),
        description: None,
        functions: FOLLOW,
        members: vec![mrid(0), mrid(1)],
        names: vec![Name::plain("FDR")],
        version: None,
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_a_dispatch_that_ended_meanwhile_releases_its_devices_once_they_answer() {
    let stored = Stored {
        groups: vec![group_of_two()],
        dispatches: vec![record("old", "2020-01-01T00:00:00Z", DispatchPhase::Accepted)],
        seeded: vec![],
        devices: vec![],
    };
    let limited = Some(Setpoint::LimitActivePower(Watts::new(2e3)));
    let mut fakes = vec![Fake::pv(10e3, 9e3), Fake::pv(10e3, 9e3)];
    fakes[0].setpoint = limited.clone();
    fakes[1].setpoint = limited;
    fakes[1].answers = false;
    let house = house(fakes, stored);
    house.until("the first is released", |h| h.plant.lock().unwrap()[0].setpoint.is_none()).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(house.state("old"), Some(DispatchState::Releasing));
    house.edit(1, |f| f.answers = true);
    house.until("the second is released", House::released).await;
    house.until("ended", |h| h.state("old") == Some(DispatchState::Ended)).await;
    let commits = house.commits.lock().unwrap();
    let last = commits.iter().flatten().last();
    assert!(matches!(last, Some(Change::PutDispatch(r)) if r.phase == DispatchPhase::Ended), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_an_active_dispatch_goes_on() {
    let now = jiff::Timestamp::now().to_string();
    let stored = Stored {
        groups: vec![group_of_two()],
        dispatches: vec![record("live", &now, DispatchPhase::Accepted)],
        seeded: vec![],
        devices: vec![],
    };
    let house = house(vec![Fake::pv(10e3, 9e3), Fake::pv(10e3, 9e3)], stored);
    house.near(5.0).await;
    let refused = house.dispatch("live", &[1.0], 60, 0).await;
    assert!(matches!(refused, Err(Refusal::DuplicateMrid { what: "dispatch", .. })));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_durable_is_refused_and_not_done() {
    let house = house(vec![Fake::pv(10e3, 9e3)], Stored::default());
    house.ready().await;
    house.group(1, FOLLOW).await;
    house.fail.store(true, std::sync::atomic::Ordering::SeqCst);
    let refused = house.dispatch("d", &[1.0], 60, 0).await;
    assert_eq!(refused, Err(Refusal::NotStored("disk full".into())));
    assert_eq!(house.state("d"), None);
    assert_eq!(house.plant.lock().unwrap()[0].writes, 0);
}

#[tokio::test(start_paused = true)]
async fn requests_that_cannot_be_followed_are_refused_for_their_reason() {
    let house = house(vec![Fake::pv(10e3, 9e3)], Stored::default());
    house.ready().await;
    house.group(1, DerFunctions::NONE.with(DerFunction::RampRateControl)).await;
    let refused = house.dispatch("d", &[1.0], 60, 0).await;
    assert!(matches!(refused, Err(Refusal::FunctionNotEnabled { .. })), "{refused:?}");
    let ended = house.dispatch("d", &[1.0], 60, -120).await;
    assert!(matches!(ended, Err(Refusal::FunctionNotEnabled { .. } | Refusal::InThePast { .. })));
    let again = NewGroup {
        mrid: Some(Mrid::parse("_GROUP").unwrap()),
        description: None,
        functions: FOLLOW,
        members: vec![],
        names: vec![],
        version: None,
    };
    let unknown = NewGroup {
        mrid: None,
        members: vec![Reference::by_mrid(Mrid::parse("dev-9").unwrap())],
        names: vec![Name::plain("other")],
        ..again.clone()
    };
    let named = NewGroup { mrid: None, names: vec![Name::plain("FDR")], ..again.clone() };
    let good = NewGroup { mrid: None, names: vec![Name::plain("good")], ..again.clone() };
    let results = house.service.create_groups(vec![again, unknown, named, good]).await.unwrap();
    assert!(matches!(results[0], Err(Refusal::DuplicateMrid { .. })));
    assert!(matches!(results[1], Err(Refusal::UnknownMember { .. })));
    assert!(matches!(results[2], Err(Refusal::DuplicateName { .. })));
    assert!(results[3].is_ok(), "one bad group does not undo the others");
    assert!(house.service.snapshot().find_group(&Reference::by_name("good")).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_silent_device_is_stale_and_leaves_the_aggregate() {
    let house = house((0..2).map(|_| Fake::pv(10e3, 9e3)).collect(), Stored::default());
    house.ready().await;
    house.group(2, FOLLOW).await;
    house.until("both count", |h| h.service.snapshot().groups[0].parameters[0].value == Some(18e3)).await;
    house.edit(1, |f| f.answers = false);
    house.until("one counts", |h| h.service.snapshot().groups[0].parameters[0].rests_on == 1).await;
    let snapshot = house.service.snapshot();
    assert_eq!(snapshot.groups[0].parameters[0].value, Some(9e3));
    let kept = snapshot.devices[1].readings[0];
    assert_eq!((kept.value, kept.quality), (Some(9e3), Quality::Stale), "the last value stays, marked stale");
    assert_eq!(snapshot.groups[0].state(), "Degraded");
}

#[tokio::test(start_paused = true)]
async fn an_older_write_that_failed_never_overwrites_a_later_one() {
    let (inbox, handles, _ports) = port::open(2);
    let (persistence, mut commits) = port::persistence(8);
    let devices = (0..2).map(entry).collect();
    let (core, service) = Core::new(Parts {
        settings: Settings::default(),
        devices,
        handles,
        inbox,
        persistence,
        stored: Stored::default(),
        seeds: vec![group_of_two()],
    });
    let _core = tokio::spawn(core.run(CancellationToken::new()));
    let seed = commits.recv().await.unwrap();
    seed.done.send(Err(PersistError("busy".into()))).unwrap();
    let asking = tokio::spawn(async move { service.delete_groups(vec![Reference::by_name("FDR")]).await });
    let mut disk = vec![];
    while !asking.is_finished() {
        tokio::select! {
            commit = commits.recv() => {
                let commit = commit.unwrap();
                disk.extend(commit.changes);
                commit.done.send(Ok(())).unwrap();
            }
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
    }
    assert!(asking.await.unwrap().unwrap()[0].is_ok());
    // Long enough for a retry of the seed, if one were left.
    tokio::time::sleep(Duration::from_secs(5)).await;
    while let Ok(commit) = commits.try_recv() {
        disk.extend(commit.changes);
    }
    assert!(matches!(disk.last(), Some(Change::DeleteGroup(_))), "on disk, in order: {disk:?}");
    assert!(disk.iter().any(|c| matches!(c, Change::PutGroup(_))), "the seed was written too");
}
