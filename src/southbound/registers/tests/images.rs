//! Recorded or documented registers of real devices (`tests/register-images/*.toml`), read with the map they name: every
//! point and every reading must come out as the file says.

use super::*;
use crate::device_map::registers::CommandName;
use crate::device_map::{DeviceMap, MapKind, Maps};
use crate::southbound::modbus::{Endpoint, Line, SharedBus};
use crate::southbound::points::{Ask, Points, Value};
use crate::southbound::sunspec::peer_of;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

type Registers = HashMap<u16, u16>;

/// The registers of one table of an image.
fn registers(image: &toml::Table, table: &str) -> Registers {
    let mut all = Registers::new();
    let Some(blocks) = image.get(table) else { return all };
    for (address, words) in blocks.as_table().unwrap_or_else(|| panic!("[{table}] is no table")) {
        let address: u16 = address.parse().unwrap_or_else(|_| panic!("[{table}] {address} is no address"));
        let words = words.as_array().unwrap_or_else(|| panic!("[{table}] {address} is no list"));
        for (address, word) in (address..).zip(words) {
            let word = word.as_integer().and_then(|w| u16::try_from(w).ok());
            let word = word.unwrap_or_else(|| panic!("[{table}] {address} holds no register"));
            assert!(all.insert(address, word).is_none(), "[{table}] {address} is there twice");
        }
    }
    all
}

fn number(value: &toml::Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|i| i as f64))
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs().max(1.0)
}

/// A server that holds an image.
async fn serve(image: &toml::Table) -> Server {
    let server = Server::start(&[(1, &Book::at(40000))]).await;
    let mut state = server.state();
    state.units.insert(1, registers(image, "holding"));
    state.inputs.insert(1, registers(image, "input"));
    drop(state);
    server
}

/// What of an image does not come out as it says.
async fn faults(image: &toml::Table, map: Arc<DeviceMap>) -> Vec<String> {
    let server = serve(image).await;
    let mut faults = Vec::new();
    let bus = SharedBus::new(Endpoint::of(&server.link(1)).unwrap());
    let line = bus.line(peer_of(1, &map.link));
    let mut points = Points::new(map.clone());
    let read = points.poll(&line).await.unwrap();
    let empty = toml::Table::new();
    let of = |table: &str| image.get(table).and_then(toml::Value::as_table).unwrap_or(&empty).clone();
    for (name, wanted) in of("points") {
        let got = points.value(&name);
        let right = match (&got, number(&wanted), wanted.as_str()) {
            (Some(Value::Number(got)), Some(wanted), _) => near(*got, wanted),
            (Some(Value::Text(got)), _, Some(wanted)) => got == wanted,
            _ => false,
        };
        if !right {
            faults.push(format!("point {name} is {got:?} instead of {wanted}"));
        }
    }
    let readings = if map.kind == MapKind::Registers { driven(&server, map.clone()).await } else { read };
    let got: BTreeMap<String, f64> =
        readings.iter().map(|r| (r.quantity.name().to_owned(), r.value)).collect();
    let wanted: BTreeMap<String, f64> =
        of("readings").iter().map(|(name, value)| (name.clone(), number(value).unwrap())).collect();
    for name in got.keys().chain(wanted.keys()).collect::<std::collections::BTreeSet<_>>() {
        match (got.get(name), wanted.get(name)) {
            (Some(got), Some(wanted)) if near(*got, *wanted) => {}
            (got, wanted) => faults.push(format!("reading {name} is {got:?} instead of {wanted:?}")),
        }
    }
    let wanted = of("commands");
    faults.extend(commanded(&server, &mut points, &line, &map.registers, &wanted).await);
    faults
}

/// Each command of the map is given to a device that does as it is told, and undone: what is written, and what it then
/// holds in watts, must be what the image says.
async fn commanded(
    server: &Server,
    points: &mut Points,
    line: &Line<'_>,
    map: &RegisterMap,
    wanted: &toml::Table,
) -> Vec<String> {
    let mut faults = Vec::new();
    for command in &map.commands {
        let name = command.name.name();
        let Some(said) = wanted.get(name) else {
            faults.push(format!("[commands.{name}] is missing"));
            continue;
        };
        let watts = Watts::new(said.get("value").and_then(number).unwrap_or_default());
        let (setpoint, undo) = match command.name {
            CommandName::LimitActivePower => {
                (Setpoint::LimitActivePower(watts), Setpoint::ReleaseActivePower)
            }
            CommandName::SetActivePower => (Setpoint::SetActivePower(watts), Setpoint::ReleaseActivePower),
            CommandName::Disconnect => (Setpoint::Disconnect, Setpoint::Connect),
            other => panic!("{other:?}: say here how it is asked for and undone"),
        };
        for (setpoint, key) in [(&setpoint, "writes"), (&undo, "undone")] {
            let before = server.writes().len();
            let ask = Ask {
                setpoint,
                hold: Duration::from_secs(60),
                expires_at: Instant::now() + Duration::from_secs(60),
                sunspec: &|_| Some(10_000.0),
            };
            let outcome = points.command(line, &ask).await;
            let Some(Outcome::Applied(read_back)) = outcome else {
                faults.push(format!("{setpoint}: {outcome:?}"));
                continue;
            };
            let got: Vec<Vec<i64>> = server.writes()[before..]
                .iter()
                .map(|(_, address, words)| {
                    std::iter::once(*address).chain(words.iter().copied()).map(i64::from).collect()
                })
                .collect();
            let right: Vec<Vec<i64>> =
                said.get(key).and_then(|v| v.clone().try_into().ok()).unwrap_or_default();
            if got != right || !read_back.verified {
                faults.push(format!("{setpoint} wrote {got:?} instead of {right:?}, {read_back:?}"));
            }
            let power = read_back.active_power.map(Watts::get);
            if key == "writes" && power != said.get("applied").and_then(number) {
                faults.push(format!("{setpoint} came to {power:?}"));
            }
        }
    }
    faults
}

/// The first poll of the whole driver.
async fn driven(server: &Server, map: Arc<DeviceMap>) -> Vec<Reading> {
    let mut device = server.device(0, 1);
    device.map = map;
    let mut rig = Rig::of(server.clone(), vec![device]);
    rig.report("poll", |report| match report {
        Report::State { state: DeviceState::CommLost, reason } => panic!("not found: {reason}"),
        Report::Poll(Poll { readings, .. }) => Some(readings.clone()),
        _ => None,
    })
    .await
}

const BY_HAND: &str = r#"
    map = "by-hand"
    source = "SunSpec reference 13, example 2"
    [input]
    4989 = [0x534E, 0x2D31, 0, 0, 0, 0, 0, 0, 0, 0]
    4999 = [0x26, 80]
    5018 = [2301]
    5030 = [5120, 0]
    5035 = [500]
    [holding]
    5005 = [0xCF, 0xAA, 600]
    [points]
    serial = "SN-1"
    rated = 8000
    p = 5120.0
    limit_pct = 60.0
    [readings]
    activePower = 5120.0
    voltage = 230.1
    frequency = 50.0
    [commands.limit_active_power]
    value = 4807
    applied = 4800.0
    writes = [[5007, 600], [5006, 0xAA]]
    undone = [[5006, 0x55]]
    [commands.disconnect]
    writes = [[5005, 0xCE]]
    undone = [[5005, 0xCF]]
"#;

#[tokio::test]
async fn the_harness_sees_what_is_right_and_what_is_wrong() {
    let map = Arc::new(device_map(sungrow()));
    let image: toml::Table = BY_HAND.parse().unwrap();
    assert_eq!(faults(&image, map.clone()).await, Vec::<String>::new());
    let wrong = BY_HAND
        .replace("limit_pct = 60.0", "limit_pct = 61.0")
        .replace("frequency = 50.0", "")
        .replace("undone = [[5006, 0x55]]", "undone = []");
    let image: toml::Table = wrong.parse().unwrap();
    assert_eq!(
        faults(&image, map).await,
        [
            "point limit_pct is Some(Number(60.0)) instead of 61.0",
            "reading frequency is Some(50.0) instead of None",
            "release active power wrote [[5006, 85]] instead of [], ReadBack { active_power: None, bounded: false, verified: true, doubt: None }",
        ]
    );
}

#[tokio::test]
async fn every_image_comes_out_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/register-images");
    let maps = Maps::builtin();
    let mut checks = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    // Maps of plain registers ship with images; as long as there is neither, there is nothing to compare.
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let image: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let id = image.get("map").and_then(toml::Value::as_str).unwrap_or_else(|| panic!("{name}: no map"));
        let map = maps.get(id).unwrap_or_else(|| panic!("{name}: there is no map {id}"));
        // What is compared is values; some devices want pauses of a second between two requests.
        let mut map = DeviceMap::clone(map);
        map.link.inter_request = Duration::ZERO;
        let map = Arc::new(map);
        seen.insert(id.to_owned());
        checks.push(async move {
            let faults = faults(&image, map).await;
            faults.into_iter().map(|fault| format!("{name}: {fault}")).collect::<Vec<_>>()
        });
    }
    for id in maps
        .ids()
        .filter(|id| maps.get(id).is_some_and(|map| !matches!(map.kind, MapKind::Sunspec | MapKind::Dnp3)))
    {
        assert!(seen.contains(id), "the map {id} has no image in tests/register-images");
    }
    let wrong = futures_util::future::join_all(checks).await.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
