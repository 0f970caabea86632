//! Eight units on one serial line at 19200 Bd, over pseudo terminals: the budget of a bus, a dead unit, commands first.
//!
//! What the gateway asks is read off the line between two pseudo terminals, as a line tester would.

use dergate::app::Gateway;
use dergate::config;
use dergate::core::service::{NewDispatch, NewGroup, Reference, Service};
use dergate::der::{
    CurveStyle, DerFunction, DerFunctions, DeviceState, DispatchSchedule, Mrid, Name, Parameter,
    TimeIntervalKind,
};
use dergate::device_map::SerialOptions;
use dergate::northbound::client::Client;
use dergate::simulator::{DeviceSettings, Fault, Kind, Plant, PlantSettings, SerialPlace};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;
use tokio_serial::{SerialPort, SerialStream};
use tokio_util::sync::CancellationToken;

const UNITS: u8 = 8;
const DEAD: u8 = 8;
const BAUD: u32 = 19200;

/// A request as it went over the line.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Instant,
    unit: u8,
    function: u8,
    address: u16,
    quantity: u16,
}

impl Asked {
    /// The read of a model with measurements, of which each poll has one.
    fn is_poll(&self) -> bool {
        self.function == 3 && self.quantity == 52
    }
}

/// Two pseudo terminals and the line between them.
pub struct Cable {
    pub near: String,
    pub far: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _ends: [SerialStream; 2],
}

impl Cable {
    pub fn lay() -> Self {
        let (near_master, near) = SerialStream::pair().unwrap();
        let (far_master, far) = SerialStream::pair().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (from_near, to_near) = tokio::io::split(near_master);
        let (from_far, to_far) = tokio::io::split(far_master);
        tokio::spawn(carry(from_near, to_far, Some(asked.clone())));
        tokio::spawn(carry(from_far, to_near, None));
        Self { near: near.name().unwrap(), far: far.name().unwrap(), asked, _ends: [near, far] }
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    fn polls(&self, unit: u8, since: usize) -> usize {
        self.asked.lock().unwrap().iter().skip(since).filter(|a| a.unit == unit && a.is_poll()).count()
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    log: Option<Arc<Mutex<Vec<Asked>>>>,
) {
    let mut chunk = [0; 512];
    let mut bytes = Vec::new();
    while let Ok(count) = from.read(&mut chunk).await {
        to.write_all(&chunk[..count]).await.unwrap();
        let Some(log) = &log else { continue };
        bytes.extend_from_slice(&chunk[..count]);
        while bytes.len() >= 8 {
            let length = if bytes[1] == 16 { 9 + usize::from(bytes[6]) } else { 8 };
            if bytes.len() < length {
                break;
            }
            let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            log.lock().unwrap().push(Asked {
                at: Instant::now(),
                unit: bytes[0],
                function: bytes[1],
                address: word(2),
                quantity: word(4),
            });
            bytes.drain(..length);
        }
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(3), "not within 3 min: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn plant(cable: &Cable) -> Plant {
    crate::testing::unhurried();
    let device = |unit: u8| DeviceSettings {
        unit,
        irradiance: 0.9,
        serial: Some(SerialPlace {
            path: cable.far.clone(),
            line: SerialOptions { baud: BAUD, ..SerialOptions::default() },
        }),
        ..DeviceSettings::new(format!("U-{unit}"), Kind::Pv)
    };
    Plant::start(PlantSettings { control: None, devices: (1..=UNITS).map(device).collect() }).await.unwrap()
}

async fn gateway(cable: &Cable, plant: &Plant, folder: &tempfile::TempDir) -> Gateway {
    let data = folder.path().join("data");
    let mut text = format!(
        "[gateway]\nname = \"serial\"\ndata_dir = {:?}\n[northbound]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.2:0\"\n",
        data.display().to_string()
    );
    for device in plant.devices() {
        let (mrid, name) = (device.mrid(), device.name());
        let link = device.link().replace(&cable.far, &cable.near);
        let _ = write!(
            text,
            "[[device]]\nmrid = \"{mrid}\"\nname = \"{name}\"\nlink = \"{link}\"\npoll = \"1s\"\n"
        );
    }
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, text).unwrap();
    Gateway::start(config::load(&file).unwrap()).await.unwrap()
}

fn state(service: &Service, unit: u8) -> DeviceState {
    service.snapshot().devices[usize::from(unit) - 1].state
}

/// Limits the power of all units by one dispatch.
async fn curtail(client: &Client, plant: &Plant) {
    let members = plant.devices().iter().map(|d| Reference::by_mrid(d.mrid().clone())).collect();
    let group = NewGroup {
        mrid: Mrid::parse("7d0e5a52-6f0b-4c1e-9a57-2f4b8a3c1d01").ok(),
        description: None,
        functions: DerFunctions::NONE.with(DerFunction::RealPowerDispatch),
        members,
        names: vec![Name::plain("ALL")],
        version: None,
    };
    let reply = client.create_groups(&[group]).await.unwrap().reply;
    assert!(reply.errors.iter().all(|e| e.code == "0.0"), "{reply:?}");
    let schedule = DispatchSchedule::new(
        CurveStyle::ConstantYValue,
        jiff::Timestamp::now(),
        600,
        TimeIntervalKind::Second,
        vec![20e3],
    );
    let dispatch = NewDispatch {
        mrid: None,
        names: vec![],
        group: Reference::by_name("ALL"),
        parameter: Parameter::ActivePower,
        schedules: vec![schedule.unwrap()],
    };
    client.create_dispatches(&[dispatch]).await.unwrap();
}

#[tokio::test]
async fn eight_units_share_a_line_a_dead_one_costs_its_time_outs_and_commands_go_first() {
    let (cable, folder) = (Cable::lay(), tempfile::tempdir().unwrap());
    let plant = plant(&cable).await;
    let gateway = gateway(&cable, &plant, &folder).await;
    let client = Client::new(&format!("http://{}", gateway.northbound())).unwrap();
    let (service, stop) = (gateway.service().clone(), CancellationToken::new());
    let begun = Instant::now();
    let running = tokio::spawn(gateway.run(stop.clone()));
    let all = 1..=UNITS;
    until("all online", || all.clone().all(|unit| state(&service, unit) == DeviceState::Online)).await;
    println!("{UNITS} units at {BAUD} Bd: all found after {:?}", begun.elapsed());

    in_budget(&cable).await;
    commands_first(&cable, &plant, &client).await;
    dead_unit(&cable, &plant, &service).await;

    stop.cancel();
    running.await.unwrap().unwrap();
    plant.stop().await;
}

/// Every unit is polled, as often as every other.
async fn in_budget(cable: &Cable) {
    let (from, begun) = (cable.asked().len(), Instant::now());
    until("six polls of each", || (1..=UNITS).all(|unit| cable.polls(unit, from) >= 6)).await;
    let counts: Vec<usize> = (1..=UNITS).map(|unit| cable.polls(unit, from)).collect();
    let requests = cable.asked().len() - from;
    let took = begun.elapsed();
    println!("polls of each in {took:?}: {counts:?}; {:.1} requests/s", requests as f64 / took.as_secs_f64());
    assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 2, "fair: {counts:?}");
}

/// While commands are under way, they have at least every other turn of the line.
async fn commands_first(cable: &Cable, plant: &Plant, client: &Client) {
    let (from, begun) = (cable.asked().len(), Instant::now());
    curtail(client, plant).await;
    until("every unit holds its share", || plant.devices().iter().all(dergate::simulator::Device::held))
        .await;
    let took = begun.elapsed();
    let asked: Vec<Asked> = cable.asked().into_iter().skip(from).collect();
    let writes: Vec<usize> =
        asked.iter().enumerate().filter(|(_, a)| a.function != 3).map(|(place, _)| place).collect();
    let (first, last) = (writes[0], *writes.last().unwrap());
    let burst = &asked[first..=last];
    let polls = burst.iter().filter(|a| a.is_poll()).count();
    println!(
        "a dispatch to {UNITS} units: held by all after {took:?}; {} requests of commands with {} writes, {polls} polls among them",
        burst.len() - polls,
        writes.len(),
    );
    assert!(writes.iter().map(|w| asked[*w].unit).collect::<std::collections::BTreeSet<_>>().len() == 8);
    assert!(polls <= burst.len() - polls, "commands have every other turn at least: {burst:?}");
}

/// A unit that falls silent is asked less and less often, and the others are read as before.
async fn dead_unit(cable: &Cable, plant: &Plant, service: &Service) {
    plant.devices()[usize::from(DEAD) - 1].set_fault(Fault::Silent);
    let (from, begun) = (cable.asked().len(), Instant::now());
    until("the dead unit is lost", || state(service, DEAD) == DeviceState::CommLost).await;
    println!("a dead unit is lost after {:?}", begun.elapsed());
    let lost = cable.asked().len();
    until("six polls of the others", || (1..DEAD).all(|unit| cable.polls(unit, lost) >= 6)).await;
    let counts: Vec<usize> = (1..DEAD).map(|unit| cable.polls(unit, lost)).collect();
    let asked: Vec<Asked> = cable.asked().into_iter().skip(from).collect();
    let stalls: Vec<Duration> =
        asked.windows(2).filter(|pair| pair[0].unit == DEAD).map(|pair| pair[1].at - pair[0].at).collect();
    println!(
        "the others since it was lost: {counts:?} polls; it was asked {} times and kept the line for {stalls:?}",
        stalls.len()
    );
    let kept = asked.iter().skip(lost - from).filter(|a| a.unit == DEAD).count();
    assert!(kept <= 4, "less and less often");
    // Each time that it keeps the line, who waits with a poll misses one less than who has just been read.
    let spread = counts.iter().max().unwrap() - counts.iter().min().unwrap();
    assert!(spread <= 2 + kept, "fair: {counts:?}, and the line was kept {kept} times");
    // After each question to the dead unit another unit has its turn.
    let again = asked.windows(3).filter(|w| w.iter().all(|a| a.unit == DEAD)).count();
    assert_eq!(again, 0, "never three in a row");
    assert!((1..DEAD).all(|unit| state(service, unit) == DeviceState::Online), "the others stay");

    plant.devices()[usize::from(DEAD) - 1].set_faults(&[]);
    until("it is back", || state(service, DEAD) == DeviceState::Online).await;
    println!("it is back, {:?} after it fell silent", begun.elapsed());
    let addresses = asked.iter().filter(|a| a.is_poll()).map(|a| a.address);
    assert_eq!(addresses.collect::<std::collections::BTreeSet<_>>().len(), 1, "all of one kind");
}
