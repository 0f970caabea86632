//! Plant, drivers, and somebody who compares what is reported with what is true.

use super::ended_as;
use super::table::{Limit, Row, Wire};
use super::truth::{Truth, was_held};
use crate::dnp3::proxy::Proxy;
use dergate::core::port::{self, Command, DeviceHandle, Inbox, Report};
use dergate::der::{
    Clock, DeviceIndex, DeviceState, Effect, Outcome, Quality, Quantity, Reading, SequenceEvent, Setpoint,
    Watts,
};
use dergate::device_map::Maps;
use dergate::simulator::{Device, DeviceSettings, Fault, Plant, PlantSettings};
use dergate::southbound::{self, Link};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How often the truth is noted.
const STEP: Duration = Duration::from_millis(50);
/// The sun, changing all the time: a value from before shows. Always over the limit, so that it shows too.
const SUN: [f64; 6] = [0.85, 0.6, 0.75, 0.45, 0.9, 0.5];
/// What is sent as a limit.
const LIMIT: f64 = 4_000.0;
/// The same where nobody obeys: under the least sun by more than a measurement may be off and still count as obeying.
const LOW_LIMIT: f64 = 2_000.0;
/// Less than this is no production, W.
const DARK: f64 = 50.0;
/// A step of a scale factor, a step of the truth, and what a measurement may be off, W.
const OFF: f64 = 130.0;

/// What is known of a device.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub state: DeviceState,
    pub reason: String,
    /// The last active power of good quality.
    pub good: Option<(Instant, f64)>,
    /// The quality of the last active power.
    pub last: Option<(Instant, Quality)>,
    /// Good readings that are not true.
    pub lies: Vec<String>,
    /// What it has recorded by itself, in words.
    pub events: Vec<String>,
    recorded: Vec<SequenceEvent>,
    /// The longest times between two good active powers, and when each ended.
    gaps: Vec<(Instant, Duration)>,
    /// What was measured before the latest of each quantity must not come any more.
    latest: BTreeMap<usize, jiff::Timestamp>,
    ends: Vec<(u64, Outcome)>,
    effect: Option<Effect>,
    /// A value may be as old as this.
    age: Duration,
    truth: VecDeque<Truth>,
}

impl Seen {
    /// True if an event says this.
    pub fn told(&self, words: &str) -> bool {
        self.events.iter().any(|event| event.contains(words))
    }

    /// The longest time without a good active power since then.
    fn gap_since(&self, since: Instant) -> Duration {
        let now = Instant::now();
        let running = now - self.good.map_or(since, |(at, _)| at).max(since);
        let ended = self.gaps.iter().filter(|(at, _)| *at > since).map(|(at, gap)| (*gap).min(*at - since));
        ended.max().unwrap_or_default().max(running)
    }

    /// True if a good active power has come since.
    pub fn good_after(&self, since: Option<Instant>) -> bool {
        self.good.is_some_and(|(at, _)| since.is_none_or(|since| at > since))
    }

    fn note(&mut self, report: Report) {
        let now = Instant::now();
        match report {
            Report::State { state, reason } => (self.state, self.reason) = (state, reason),
            Report::Effect { effect, .. } => self.effect = Some(effect),
            Report::Poll(poll) => self.read(&poll.readings, now),
            Report::Readings(readings) => self.read(&readings, now),
            Report::Sequence(events) => events.into_iter().for_each(|event| self.record(event)),
            _ => {}
        }
    }

    fn read(&mut self, readings: &[Reading], now: Instant) {
        for reading in readings {
            if reading.quantity == Quantity::ActivePower {
                self.last = Some((now, reading.quality));
            }
            if reading.quality == Quality::Good {
                self.judge(reading, now);
            }
        }
    }

    /// What a device recorded is told once.
    fn record(&mut self, event: SequenceEvent) {
        if event.clock != Clock::Gateway && self.recorded.contains(&event) {
            self.lies.push(format!("{} {} at {} is told twice", event.point, event.value, event.at));
        }
        self.events.push(format!("{} {}", event.point, event.value));
        self.recorded.push(event);
    }

    fn judge(&mut self, reading: &Reading, now: Instant) {
        let value = reading.value;
        if reading.quantity == Quantity::ActivePower
            && let Some((at, _)) = self.good.replace((now, value))
        {
            self.gaps.push((now, now - at));
        }
        let latest = self.latest.entry(reading.quantity.index()).or_insert(reading.at);
        if reading.at < *latest {
            let (name, at) = (reading.quantity.name(), reading.at);
            self.lies.push(format!("{name} {value} of {at} good after that of {latest}"));
        }
        *latest = reading.at;
        let held = |of: &dyn Fn(&Truth) -> f64, off: f64| was_held(&self.truth, of, value, off);
        let right = match reading.quantity {
            Quantity::ActivePower => held(&|t| t.watts, OFF),
            Quantity::ReactivePower => held(&|t| t.vars, OFF),
            Quantity::ApparentPower => held(&|t| t.watts.hypot(t.vars), OFF),
            Quantity::DcPower => held(&|t| t.watts, OFF + 0.035 * value.abs()),
            Quantity::EnergyInjected => held(&|t| t.injected, 50.0),
            Quantity::Current => held(&|t| t.watts.hypot(t.vars) / 230.0, 2.0),
            Quantity::Voltage => (225.0..=236.0).contains(&value),
            Quantity::Frequency => (49.9..=50.1).contains(&value),
            Quantity::Temperature => (20.0..=50.0).contains(&value),
            Quantity::StateOfCharge => (45.0..=55.0).contains(&value),
            Quantity::AvailableActivePower => (0.0..=10_000.0).contains(&value),
            _ => true,
        };
        if !right {
            let true_now = self.truth.back().map_or(f64::NAN, |t| t.watts);
            self.lies.push(format!("{} {value} good, but {true_now:.0} W are true", reading.quantity.name()));
        }
    }
}

/// Everything that runs.
#[derive(Clone)]
pub struct Rig {
    plant: Arc<Plant>,
    handles: Arc<Vec<DeviceHandle>>,
    seen: Arc<Vec<Mutex<Seen>>>,
    next: Arc<AtomicU64>,
    /// Devices that are well.
    well: Arc<Vec<usize>>,
    /// Devices whose sun has gone down.
    dark: Arc<Vec<AtomicBool>>,
    stop: CancellationToken,
    tasks: Arc<Mutex<JoinSet<()>>>,
    /// Wires to outstations: the one that goes wrong, and one more if there are two.
    wires: Arc<Vec<Vec<Proxy>>>,
    /// Other clients, which hold what they have got.
    _others: Arc<Vec<TcpStream>>,
}

impl Rig {
    pub async fn start(rows: Vec<Row>) -> Self {
        crate::testing::unhurried();
        let devices = rows.iter().enumerate().map(|(place, row)| {
            let make = if row.wire.is_some() { DeviceSettings::dnp3 } else { DeviceSettings::new };
            let mut device = make(format!("F-{place}"), row.kind);
            // Whoever refuses connections gives its port up for a while.
            device.listen = crate::testing::own_address();
            device.models.clone_from(&row.models);
            device.faults.clone_from(&row.start);
            // No faster than what is noted of the truth can follow.
            device.ramp_percent_per_s = 10.0;
            device
        });
        let plant = Plant::start(PlantSettings { control: None, devices: devices.collect() }).await.unwrap();
        let mut others = Vec::new();
        for (row, device) in rows.iter().zip(plant.devices()) {
            if row.taken {
                others.push(TcpStream::connect(device.address()).await.unwrap());
            }
        }
        let mut wires = Vec::new();
        for (row, device) in rows.iter().zip(plant.devices()) {
            wires.push(match &row.wire {
                Some(wire) => lay(wire, device).await,
                None => Vec::new(),
            });
        }
        let (inbox, handles, ports) = port::open(rows.len());
        let maps = Arc::new(Maps::builtin());
        let fresh = |row: &Row| Mutex::new(Seen { age: row.age, ..Seen::default() });
        let seen: Arc<Vec<Mutex<Seen>>> = Arc::new(rows.iter().map(fresh).collect());
        // Before the first reading can come.
        for (device, seen) in plant.devices().iter().zip(seen.iter()) {
            note_truth(device, &mut seen.lock().unwrap());
        }
        let settings = rows.iter().zip(plant.devices()).zip(&wires).enumerate();
        let settings =
            settings.map(|(place, ((row, device), wires))| told(place, row, device, wires, &maps)).collect();
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        southbound::spawn(settings, ports, maps, &mut tasks, stop.clone());
        let well = rows.iter().enumerate().filter(|(_, row)| row.well).map(|(place, _)| place);
        let plant = Arc::new(plant);
        let dark: Arc<Vec<AtomicBool>> = Arc::new(rows.iter().map(|_| AtomicBool::default()).collect());
        tasks.spawn(truth(plant.clone(), seen.clone(), dark.clone(), stop.clone()));
        tasks.spawn(listen(inbox, seen.clone(), stop.clone()));
        Self {
            plant,
            handles: Arc::new(handles),
            seen,
            next: Arc::default(),
            well: Arc::new(well.collect()),
            dark,
            stop,
            tasks: Arc::new(Mutex::new(tasks)),
            wires: Arc::new(wires),
            _others: Arc::new(others),
        }
    }

    /// The longest time since then that another device, one that is well, was not read.
    pub fn gap_of_others(&self, place: usize, since: Instant) -> Duration {
        let others = self.well.iter().filter(|well| **well != place);
        others.map(|well| self.seen[*well].lock().unwrap().gap_since(since)).max().unwrap_or_default()
    }

    /// Waits until what the wire was to repeat or to hold back has come twice or late; false if it does not in time.
    pub async fn until_wire_did(&self, place: usize, row: &Row, most: Duration) -> bool {
        let meant = row.wire.is_some_and(|wire| wire.later.adds_messages());
        let did = || !meant || self.wires[place].iter().any(|wire| wire.more() > 0);
        self.until(place, most, |_| did()).await
    }

    pub fn seen(&self, place: usize) -> Seen {
        self.seen[place].lock().unwrap().clone()
    }

    /// Waits for something to hold; false if it does not in time.
    pub async fn until(&self, place: usize, most: Duration, holds: impl Fn(&Seen) -> bool) -> bool {
        let begun = Instant::now();
        while !holds(&self.seen[place].lock().unwrap()) {
            if begun.elapsed() > most {
                return false;
            }
            sleep(STEP).await;
        }
        true
    }

    /// Lets a device fail as its row says.
    pub async fn fail(&self, place: usize, row: &Row) {
        let device = &self.plant.devices()[place];
        if row.dusk {
            self.dark[place].store(true, Ordering::Relaxed);
            let at_rest = |seen: &Seen| seen.good.is_some_and(|(_, watts)| watts < DARK);
            assert!(self.until(place, Duration::from_secs(30), at_rest).await, "it does not get dark");
            // Seen at rest, and nothing of before is under way.
            sleep(Duration::from_secs(1)).await;
        }
        if row.cut {
            device.set_fault(Fault::Refused);
            sleep(Duration::from_millis(1200)).await;
        }
        if let (Some(proxy), Some(wire)) = (self.wires[place].first(), row.wire) {
            proxy.set(wire.later);
        }
        device.set_faults(&row.later);
    }

    async fn send(&self, place: usize, setpoint: Setpoint) -> Option<Outcome> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let expires_at = Instant::now() + Duration::from_secs(15);
        self.handles[place].send(Command { id, setpoint, hold: Duration::from_secs(90), expires_at });
        let of = |seen: &Seen| seen.ends.iter().find(|(n, _)| *n == id).map(|(_, outcome)| outcome.clone());
        self.until(place, Duration::from_secs(25), |seen| of(seen).is_some()).await;
        of(&self.seen(place))
    }

    /// Sends a limit: how it ended, and what is wrong with that.
    pub async fn try_limit(&self, place: usize, expected: &Limit) -> (String, Option<String>) {
        let device = &self.plant.devices()[place];
        if matches!(expected, Limit::Changed) {
            self.send(place, Setpoint::LimitActivePower(Watts::new(2.0 * LIMIT))).await;
        }
        let most = if matches!(expected, Limit::AppliedWithoutEffect) { LOW_LIMIT } else { LIMIT };
        let Some(outcome) = self.send(place, Setpoint::LimitActivePower(Watts::new(most))).await else {
            return ("no outcome".to_owned(), Some("the limit has no outcome".to_owned()));
        };
        let mut told = match &outcome {
            Outcome::Refused(words) | Outcome::NotKept(words) => format!("{}: {words}", outcome.name()),
            Outcome::Applied(back) if !back.verified => "applied, not verified".to_owned(),
            other => other.name().to_owned(),
        };
        if !ended_as(expected, &outcome) {
            return (told.clone(), Some(format!("limit ended as {told}, not as {expected:?}")));
        }
        let obeyed = || device.power().get() <= LIMIT + OFF && device.limit_active();
        let mut fault = None;
        match expected {
            Limit::Applied | Limit::Changed | Limit::Unverified | Limit::Released => {
                self.until(place, Duration::from_secs(15), |_| obeyed()).await;
                // Long enough for a default reversion to strike, if nothing stood against it.
                sleep(Duration::from_secs(6)).await;
                fault = (!obeyed()).then(|| "applied, but not obeyed".to_owned());
            }
            Limit::AppliedWithoutEffect => {
                let shown = |seen: &Seen| matches!(seen.effect, Some(Effect::NoEffect(_)));
                if !self.until(place, Duration::from_secs(60), shown).await {
                    fault = Some("nobody noticed that it has no effect".to_owned());
                }
                told.push_str(" (2000 W), no effect");
            }
            Limit::SeemsNotKept => {}
            #[cfg(feature = "dnp3")]
            Limit::HeldBack(_) => {
                let sent = device.commands();
                fault = (!sent.is_empty()).then(|| format!("held back, but it was sent {sent:?}"));
            }
            Limit::Refused(_) | Limit::NotKept | Limit::Unreachable => {
                fault = device.limit_active().then(|| "refused, but in force".to_owned());
                if told.contains("nonetheless") {
                    fault = Some("nothing has changed, and it says that something has".to_owned());
                }
            }
        }
        if matches!(expected, Limit::Released) && fault.is_none() {
            let released = self.send(place, Setpoint::ReleaseActivePower).await;
            if !matches!(released, Some(Outcome::Applied(_))) || device.limit_active() {
                fault = Some(format!("release ended as {released:?}, in force: {}", device.limit_active()));
            }
            told.push_str(", released");
        }
        (told, fault)
    }

    pub async fn stop(self) {
        self.stop.cancel();
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        while tasks.join_next().await.is_some() {}
    }
}

/// The wires to an outstation.
async fn lay(wire: &Wire, device: &Device) -> Vec<Proxy> {
    let first = Proxy::lay(device.address()).await;
    first.set(wire.start);
    let mut wires = vec![first];
    if wire.second {
        wires.push(Proxy::lay(device.address()).await);
    }
    wires
}

/// How a device is reached, over its wires if it has any.
fn link(row: &Row, device: &Device, wires: &[Proxy]) -> String {
    let mut link = device.link();
    let here = device.address().to_string();
    if let Some(first) = wires.first() {
        assert!(link.contains(&here), "{link} does not name {here}");
        link = link.replace(&here, &first.address().to_string());
    }
    if let Some(address) = row.wire.and_then(|wire| wire.address) {
        link = link.replace("outstation=1024", &format!("outstation={address}"));
    }
    wires.get(1).map_or(link.clone(), |second| format!("{link}&second={}", second.address()))
}

/// What the driver is told of a device.
fn told(
    place: usize,
    row: &Row,
    device: &Device,
    wires: &[Proxy],
    maps: &Maps,
) -> southbound::DeviceSettings {
    let id = if row.wire.is_some() { "dnp3-an2018" } else { "sunspec" };
    let mut map = maps.get(id).unwrap().as_ref().clone();
    map.link.response_timeout = Duration::from_millis(400);
    map.link.connect_timeout = Duration::from_millis(800);
    map.link.lost_after = Duration::from_secs(2);
    if let Some(outstation) = &mut map.outstation {
        // An answer has a thousand points, and all of them are made on the same machine at once.
        map.link.response_timeout = Duration::from_secs(1);
        Arc::make_mut(outstation).session.keep_alive = Some(Duration::from_secs(2));
    }
    (row.shape)(&mut map);
    southbound::DeviceSettings {
        index: DeviceIndex::new(place),
        mrid: device.mrid().clone(),
        name: row.name.clone(),
        link: Link::parse(&link(row, device, wires)).unwrap(),
        map: Arc::new(map),
        map_named: true,
        serial: None,
        record: None,
        poll: row.poll,
        tls: None,
    }
}

/// Moves the sun and notes what is true.
async fn truth(
    plant: Arc<Plant>,
    seen: Arc<Vec<Mutex<Seen>>>,
    dark: Arc<Vec<AtomicBool>>,
    stop: CancellationToken,
) {
    let begun = Instant::now();
    let mut place = usize::MAX;
    while !stop.is_cancelled() {
        let sun = usize::try_from(begun.elapsed().as_millis() / 1500).unwrap() % SUN.len();
        for ((device, seen), dark) in plant.devices().iter().zip(seen.iter()).zip(dark.iter()) {
            if dark.load(Ordering::Relaxed) {
                device.set_irradiance(0.0);
            } else if sun != place {
                device.set_irradiance(SUN[sun]);
            }
            note_truth(device, &mut seen.lock().unwrap());
        }
        place = sun;
        sleep(STEP).await;
    }
}

/// What is true of a device now; what is too old to be told as good is forgotten.
fn note_truth(device: &Device, seen: &mut Seen) {
    let (at, watts) = (Instant::now(), device.power().get());
    let (vars, injected) = (device.reactive_power().get(), device.energies().0.get());
    seen.truth.push_back(Truth { at, watts, vars, injected });
    while seen.truth.front().is_some_and(|old| at - old.at > seen.age) {
        seen.truth.pop_front();
    }
}

async fn listen(mut inbox: Inbox, seen: Arc<Vec<Mutex<Seen>>>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some((device, report)) = inbox.reports.recv() => seen[device.get()].lock().unwrap().note(report),
            Some(end) = inbox.ends.recv() => {
                seen[end.device.get()].lock().unwrap().ends.push((end.id, end.outcome));
            }
        }
    }
}

/// What judges must be able to condemn.
#[test]
fn a_lie_is_seen() {
    let mut seen = Seen::default();
    let at = Instant::now();
    seen.truth.push_back(Truth { at, watts: 8_500.0, vars: 0.0, injected: 1e6 });
    let mut tell = |quantity, value, quality| {
        let readings = vec![Reading { quantity, value, quality, at: jiff::Timestamp::UNIX_EPOCH }];
        let (lateness, took) = (Duration::ZERO, Duration::ZERO);
        seen.note(Report::Poll(port::Poll { readings, lateness, took }));
        std::mem::take(&mut seen.lies).len()
    };
    assert_eq!(tell(Quantity::ActivePower, 8_490.0, Quality::Good), 0);
    assert_eq!(tell(Quantity::ActivePower, 850.0, Quality::Good), 1, "a scale factor that was kept");
    assert_eq!(tell(Quantity::ActivePower, 850.0, Quality::Invalid), 0, "it does not pass as good");
    assert_eq!(tell(Quantity::ActivePower, -8_500.0, Quality::Good), 1, "the other sign");
    assert_eq!(tell(Quantity::EnergyInjected, 1e5, Quality::Good), 1);
    assert_eq!(tell(Quantity::Voltage, 23.0, Quality::Good), 1);
    let late = Reading {
        quantity: Quantity::ActivePower,
        value: 8_490.0,
        quality: Quality::Good,
        at: jiff::Timestamp::UNIX_EPOCH - Duration::from_secs(1),
    };
    seen.note(Report::Readings(vec![late]));
    assert_eq!(std::mem::take(&mut seen.lies).len(), 1, "older than what was read");
    let event = SequenceEvent {
        at: jiff::Timestamp::UNIX_EPOCH,
        clock: Clock::Device,
        point: "local".to_owned(),
        value: "on".to_owned(),
        quality: Quality::Good,
    };
    seen.note(Report::Sequence(vec![event.clone(), event]));
    assert_eq!(seen.lies.len(), 1, "told twice");
}
