//! A whole device against a scripted outstation, seen from the core's side; time stands still until all wait.

use super::*;
use crate::core::port::{Command, CommandEnd, DeviceHandle, Inbox, open};
use crate::der::{
    Clock, Control, DeviceIndex, Mrid, Quality, Quantity, Reading, SequenceEvent, Setpoint, Watts,
};
use crate::device_map::dnp3::{
    Argument, Mark, OutstationCommand, OutstationPoint, OutstationStep, PointKind, ReadPlan, StepSource,
    TimeSync,
};
use crate::device_map::registers::{CommandName, PollClass, Rating, RegisterQuantity};
use crate::device_map::{LinkOptions, MapKind};
use crate::southbound::Link;
use crate::southbound::dnp3::image::tests::point;
use crate::southbound::dnp3::testing::{Answer, Outstation, Request, at};
use crate::southbound::dnp3::{Indications, Part, Seen, Source, Stamp};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

mod commands;
mod doubts;
mod keep;
mod links;
mod news;

pub const AI: PointKind = PointKind::AnalogInput;

pub fn outstation_map() -> OutstationMap {
    let of = |name: &str, address: &str, quantity: RegisterQuantity| OutstationPoint {
        quantity: Some((quantity, 1.0)),
        ..point(name, address)
    };
    let mut alarm = point("overvoltage", "BI54");
    (alarm.alarm, alarm.poll) = (Some("overvoltage trip".to_owned()), PollClass::Once);
    let mut local = point("local", "BI10");
    (local.blocks, local.poll) = (Some("the device is in local mode".to_owned()), PollClass::Once);
    let mut maximum = of("w_max", "AI32", RegisterQuantity::Rating(Rating::ActivePowerMax));
    maximum.poll = PollClass::Once;
    OutstationMap {
        identify: Some(Mark { at: at("AI0"), any_of: vec![100] }),
        points: vec![
            of("w", "AI537", RegisterQuantity::Reading(Quantity::ActivePower)),
            of("soc", "AI47", RegisterQuantity::Reading(Quantity::StateOfCharge)),
            maximum,
            alarm,
            local,
        ],
        commands: vec![limit()],
        ..OutstationMap::default()
    }
}

fn limit() -> OutstationCommand {
    let step = |write: &str, read: &str, value: StepSource, scale: f64| OutstationStep {
        write: at(write),
        reads: vec![at(read)],
        value,
        scale,
        range: None,
        operate: None,
        switch: None,
        shows: None,
        within: None,
        optional: false,
    };
    let percent =
        StepSource::PercentOf { argument: Argument::Input, positive: "w_max".to_owned(), negative: None };
    OutstationCommand {
        name: CommandName::LimitActivePower,
        supports: None,
        steps: vec![
            step("AO88", "AI149", percent, 0.1),
            step("BO17", "BI69", StepSource::Constant(1.0), 1.0),
        ],
        release: vec![step("BO17", "BI69", StepSource::Constant(0.0), 1.0)],
        effect: None,
    }
}

pub fn device_map(outstation: OutstationMap) -> DeviceMap {
    DeviceMap {
        id: "by-hand".to_owned(),
        title: "test outstation".to_owned(),
        kind: MapKind::Dnp3,
        outstation: Some(Arc::new(outstation)),
        link: LinkOptions {
            response_timeout: Duration::from_secs(10),
            lost_after: Duration::from_secs(30),
            ..LinkOptions::default()
        },
        ..crate::southbound::testing::map()
    }
}

/// A device of 8000 W that injects 5000 W.
pub fn good() -> Outstation {
    let points = [
        ("AI0", 100.0),
        ("AI537", 5000.0),
        ("AI47", 80.0),
        ("AI32", 8000.0),
        ("BI54", 0.0),
        ("BI10", 0.0),
        ("AI149", 0.0),
        ("BI69", 0.0),
    ];
    let outstation = Outstation::new(&points);
    outstation.mirror("AO88", &["AI149"]);
    outstation.mirror("BO17", &["BI69"]);
    outstation.state().identity = Identity {
        manufacturer: Some("Acme".to_owned()),
        serial: Some("S-1".to_owned()),
        ..Identity::default()
    };
    outstation
}

pub struct Rig {
    pub outstation: Outstation,
    pub news: mpsc::Sender<News>,
    inbox: Inbox,
    handles: Vec<DeviceHandle>,
    stop: CancellationToken,
    /// The map that the device wants to be asked by, if it is not that one.
    tasks: JoinSet<Option<String>>,
    commands: u64,
    /// What came while something else was waited for.
    pub passed: Vec<Report>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Rig {
    pub fn new(outstation: Outstation, map: OutstationMap) -> Self {
        Self::with(outstation, map, |_| {})
    }

    pub fn with(outstation: Outstation, map: OutstationMap, change: impl Fn(&mut DeviceSettings)) -> Self {
        let mut settings = DeviceSettings {
            index: DeviceIndex::new(0),
            mrid: Mrid::parse("device-0").unwrap(),
            name: "device-0".to_owned(),
            link: Link::parse("dnp3+tcp://127.0.0.1:20000?outstation=10&master=1").unwrap(),
            tls: None,
            map: Arc::new(device_map(map)),
            map_named: true,
            serial: None,
            record: None,
            poll: Duration::from_secs(2),
        };
        change(&mut settings);
        let (inbox, handles, mut ports) = open(1);
        let (news, heard) = mpsc::channel(16);
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let (field, port, token) = (outstation.clone(), ports.remove(0), stop.clone());
        tasks.spawn(async move {
            let maps = Maps::builtin();
            let device = Device::new(&settings, &port, (&field, heard), &maps, &token);
            device.run().await.map(|rejoin| rejoin.map.id.clone())
        });
        Self { outstation, news, inbox, handles, stop, tasks, commands: 0, passed: Vec::new() }
    }

    pub async fn online() -> Self {
        let mut rig = Self::new(good(), outstation_map());
        rig.connect().await;
        rig.state(DeviceState::Online).await;
        rig
    }

    /// The link is made and everything read, as the association does it.
    pub async fn connect(&self) {
        self.tell(News::Link(LinkState::Up)).await;
        self.tell(News::Values(Source::Integrity, self.outstation.everything())).await;
    }

    pub async fn tell(&self, news: News) {
        self.news.send(news).await.unwrap();
    }

    pub async fn down(&self, words: &str) {
        self.tell(News::Link(LinkState::Down(words.to_owned()))).await;
    }

    pub async fn report<T>(&mut self, what: &str, mut pick: impl FnMut(&Report) -> Option<T>) -> T {
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
                self.passed.push(report);
            }
        };
        let found = timeout(Duration::from_secs(3600), wanted).await;
        found.unwrap_or_else(|_| panic!("no {what}; there was {:?}", self.passed))
    }

    /// Forgets what was told so far.
    pub fn forget(&mut self) {
        self.passed.clear();
        while self.inbox.reports.try_recv().is_ok() {}
    }

    pub async fn state(&mut self, wanted: DeviceState) -> String {
        self.report(wanted.name(), |report| match report {
            Report::State { state, reason } if *state == wanted => Some(reason.clone()),
            _ => None,
        })
        .await
    }

    /// The states that came while something else was waited for.
    pub fn states(&self) -> Vec<(DeviceState, String)> {
        let state = |report: &Report| match report {
            Report::State { state, reason } => Some((*state, reason.clone())),
            _ => None,
        };
        self.passed.iter().filter_map(state).collect()
    }

    /// The readings of the next poll.
    pub async fn poll(&mut self) -> Vec<Reading> {
        self.report("poll", |report| match report {
            Report::Poll(poll) => Some(poll.readings.clone()),
            _ => None,
        })
        .await
    }

    /// The readings told next between polls.
    pub async fn told(&mut self) -> Vec<Reading> {
        self.report("readings", |report| match report {
            Report::Readings(readings) => Some(readings.clone()),
            _ => None,
        })
        .await
    }

    pub async fn sequence(&mut self) -> Vec<SequenceEvent> {
        self.report("sequence", |report| match report {
            Report::Sequence(events) => Some(events.clone()),
            _ => None,
        })
        .await
    }

    pub fn send(&mut self, setpoint: Setpoint) {
        self.commands += 1;
        self.handles[0].send(Command {
            id: self.commands,
            setpoint,
            hold: Duration::from_secs(90),
            expires_at: Instant::now() + Duration::from_secs(300),
        });
    }

    pub async fn end(&mut self) -> Outcome {
        let CommandEnd { outcome, .. } =
            timeout(Duration::from_secs(600), self.inbox.ends.recv()).await.expect("no end").unwrap();
        outcome
    }

    pub async fn command(&mut self, setpoint: Setpoint) -> Outcome {
        self.send(setpoint);
        self.end().await
    }
}

pub fn value(readings: &[Reading], quantity: Quantity) -> Option<f64> {
    readings.iter().find(|r| r.quantity == quantity && r.quality == Quality::Good).map(|r| r.value)
}

pub fn limit_to(watts: f64) -> Setpoint {
    Setpoint::LimitActivePower(Watts::new(watts))
}

#[tokio::test(start_paused = true)]
async fn a_device_is_found_introduced_and_polled() {
    let mut rig = Rig::new(good(), outstation_map());
    rig.state(DeviceState::Discovering).await;
    rig.connect().await;
    let plate = rig
        .report("nameplate", |r| if let Report::Nameplate(plate) = r { Some(plate.clone()) } else { None })
        .await;
    assert_eq!((plate.manufacturer.as_deref(), plate.serial.as_deref()), (Some("Acme"), Some("S-1")));
    assert_eq!(plate.active_power_max, Some(Watts::new(8000.0)));
    let capability =
        rig.report("capability", |r| if let Report::Capability(c) = r { Some(*c) } else { None }).await;
    assert_eq!(capability.injection_max, Watts::new(8000.0));
    assert!(capability.controls.has(Control::LimitActivePower));
    let record =
        rig.report("record", |r| if let Report::Remember(r) = r { Some(r.clone()) } else { None }).await;
    assert_eq!(record.serial.as_deref(), Some("S-1"));
    rig.state(DeviceState::Online).await;
    let first = rig.poll().await;
    assert_eq!(
        (value(&first, Quantity::ActivePower), value(&first, Quantity::StateOfCharge)),
        (Some(5000.0), Some(80.0))
    );
    assert_eq!(rig.outstation.reads(), Vec::<Vec<Part>>::new(), "the association has read everything");
    let begun = Instant::now();
    rig.outstation.put("AI537", 4000.0);
    rig.poll().await;
    let next = rig.poll().await;
    assert_eq!(value(&next, Quantity::ActivePower), Some(4000.0));
    assert_eq!(
        value(&next, Quantity::StateOfCharge),
        None,
        "not read in this poll, and no event of it ever came"
    );
    assert!(begun.elapsed() <= Duration::from_secs(4));
    assert_eq!(rig.outstation.reads()[0], [Part::Events, Part::Range(AI, 537, 537)]);
    for _ in 0..20 {
        rig.poll().await;
    }
    let slow = |parts: &&Vec<Part>| parts.contains(&Part::Range(AI, 47, 47));
    assert_eq!(rig.outstation.reads().iter().filter(slow).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn everything_is_read_now_and_then() {
    let mut map = outstation_map();
    map.session.integrity = Duration::from_secs(60);
    let mut rig = Rig::new(good(), map);
    rig.connect().await;
    rig.state(DeviceState::Online).await;
    sleep(Duration::from_secs(125)).await;
    let whole = |parts: &&Vec<Part>| **parts == [Part::Events, Part::Static];
    assert_eq!(rig.outstation.reads().iter().filter(whole).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_something_else_is_not_driven() {
    let outstation = good();
    outstation.put("AI0", 110.0);
    let mut rig = Rig::new(outstation.clone(), outstation_map());
    rig.send(limit_to(4000.0));
    rig.connect().await;
    let words = rig.state(DeviceState::CommLost).await;
    assert_eq!(words, "AI0 is 110, which is none of 100: this is not a test outstation; choose another map");
    assert_eq!(rig.end().await, Outcome::Unreachable);
    assert_eq!(rig.outstation.operations(), Vec::<Vec<String>>::new());
    // Its firmware is replaced.
    outstation.put("AI0", 100.0);
    rig.state(DeviceState::Online).await;
}

#[tokio::test(start_paused = true)]
async fn a_device_without_the_mark_is_told_in_words() {
    let outstation = good();
    outstation.state().points.remove(&at("AI0"));
    let mut rig = Rig::new(outstation.clone(), outstation_map());
    rig.connect().await;
    let words = rig.state(DeviceState::CommLost).await;
    assert!(words.starts_with("AI0 is not there, which is none of 100"), "{words}");
    let outstation = good();
    outstation.state().points.remove(&at("AI0"));
    outstation.state().unknown.insert(at("AI0"));
    let mut rig = Rig::new(outstation, outstation_map());
    rig.connect().await;
    let words = rig.state(DeviceState::CommLost).await;
    assert!(words.starts_with("AI0 cannot be read: the outstation refuses the request"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn without_a_named_map_the_one_that_fits_is_taken() {
    let unnamed = |settings: &mut DeviceSettings| {
        settings.map_named = false;
        settings.map = Maps::builtin().get("dnp3-an2018").unwrap().clone();
    };
    let outstation = good();
    let mut rig = Rig::with(outstation, outstation_map(), unnamed);
    rig.connect().await;
    assert_eq!(value(&rig.poll().await, Quantity::ActivePower), Some(5000.0));
    let outstation = good();
    outstation.put("AI0", 777.0);
    let mut rig = Rig::with(outstation, outstation_map(), unnamed);
    rig.connect().await;
    let words = rig.state(DeviceState::CommLost).await;
    assert!(words.starts_with("AI0 is 777, and no map is meant for that; name one"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn a_map_that_wants_another_association_gets_one() {
    let record =
        Some(DeviceRecord { serial: Some("S-1".to_owned()), notes: "limit_active_power".to_owned() });
    let mut rig = Rig::with(good(), outstation_map(), |settings| {
        let mut map = (*settings.map).clone();
        let outstation = Arc::make_mut(map.outstation.as_mut().unwrap());
        outstation.session.time_sync = TimeSync::Off;
        (settings.map, settings.map_named, settings.record) = (Arc::new(map), false, record.clone());
    });
    rig.connect().await;
    let ended = timeout(Duration::from_secs(60), rig.tasks.join_next()).await;
    assert_eq!(ended.unwrap().unwrap().unwrap().as_deref(), Some("dnp3-an2018"));
    assert_eq!(rig.outstation.operations(), Vec::<Vec<String>>::new());
}

#[tokio::test(start_paused = true)]
async fn another_serial_number_is_read_but_not_commanded() {
    let record = Some(DeviceRecord { serial: Some("S-0".to_owned()), notes: String::new() });
    let mut rig = Rig::with(good(), outstation_map(), |settings| settings.record = record.clone());
    rig.connect().await;
    let words = rig.state(DeviceState::IdentityChanged).await;
    assert!(
        words.starts_with("serial number changed from S-0 to S-1: it is read but not written"),
        "{words}"
    );
    assert_eq!(value(&rig.poll().await, Quantity::ActivePower), Some(5000.0));
    assert_eq!(rig.command(limit_to(4000.0)).await, Outcome::Refused(words));
    assert_eq!(rig.outstation.operations(), Vec::<Vec<String>>::new());
    let mut rig = Rig::with(good(), outstation_map(), |settings| settings.serial = Some("S-9".to_owned()));
    rig.connect().await;
    let words = rig.state(DeviceState::IdentityChanged).await;
    assert!(words.starts_with("its serial number is S-1, the configuration names S-9"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn refused_ranges_are_cut_once_and_left_out() {
    let mut map = outstation_map();
    map.points.extend((600..616).map(|index| {
        let mut point = point(&format!("p{index}"), &format!("AI{index}"));
        point.poll = PollClass::Fast;
        point
    }));
    let outstation = good();
    outstation.state().unknown.extend([at("AI605")]);
    let mut rig = Rig::new(outstation.clone(), map);
    rig.connect().await;
    rig.state(DeviceState::Online).await;
    let words = rig.state(DeviceState::Degraded).await;
    assert_eq!(words, "it refuses to tell AI605, which its map names");
    let cut = outstation.reads().len();
    assert!(cut <= 16, "{cut} requests");
    outstation.change("BI54", 1.0, None);
    rig.forget();
    sleep(Duration::from_secs(8)).await;
    let later = outstation.reads();
    assert!(later.len() <= cut + 5, "one request a poll from then on");
    let wanted =
        [Part::Events, Part::Range(AI, 537, 537), Part::Range(AI, 600, 604), Part::Range(AI, 606, 615)];
    assert_eq!(later[cut + 1], wanted);
    // Nothing of the events was lost.
    assert_eq!(rig.sequence().await[0].point, "overvoltage");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_usable_is_invalid_in_each_poll() {
    let mut rig = Rig::online().await;
    for (flags, good) in [
        (0x01, true),
        (0x00, false),
        (0x03, false),
        (0x05, false),
        (0x21, false),
        (0x41, false),
        (0x11, true),
    ] {
        rig.outstation.state().points.insert(at("AI537"), (3000.0, flags));
        rig.forget();
        rig.poll().await;
        let readings = rig.poll().await;
        let power = readings.iter().find(|r| r.quantity == Quantity::ActivePower).unwrap();
        assert_eq!(power.quality == Quality::Good, good, "flags {flags:#04x}");
    }
}
