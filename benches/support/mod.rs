//! What the load command needs: the bare loops to compare with, a gateway in this process or in another, and rulers.

pub mod soap;
pub mod steady;

use dergate::app::Gateway;
use dergate::config;
use dergate::core::service::{NewDispatch, Reference};
use dergate::der::{
    CurveStyle, DeviceIndex, DeviceState, DispatchSchedule, Parameter, Quantity, TimeIntervalKind,
};
use dergate::device_map::Maps;
use dergate::simulator::Plant;
use dergate::southbound::{self, Link};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_modbus::client::{Context, Reader, Writer, tcp};
use tokio_util::sync::CancellationToken;

/// The devices of a plant as the southbound is told of them.
pub fn settings(plant: &Plant, poll: Duration) -> Vec<southbound::DeviceSettings> {
    let map = Maps::builtin().get("sunspec").unwrap().clone();
    let devices = plant.devices().iter().enumerate();
    devices
        .map(|(i, d)| southbound::DeviceSettings {
            index: DeviceIndex::new(i),
            mrid: d.mrid().clone(),
            name: d.name().to_owned(),
            link: Link::parse(&d.link()).unwrap(),
            tls: None,
            map: map.clone(),
            map_named: true,
            serial: None,
            record: None,
            poll,
        })
        .collect()
}

/// A bare tokio-modbus client a device, and nothing else.
pub struct Bare {
    clients: Vec<Context>,
}

impl Bare {
    pub async fn connect(plant: &Plant) -> Self {
        let mut clients = Vec::new();
        for device in plant.devices() {
            let stream = tokio::net::TcpStream::connect(device.address()).await.unwrap();
            stream.set_nodelay(true).unwrap();
            clients.push(tcp::attach_slave(stream, tokio_modbus::Slave(device.unit_id())));
        }
        Self { clients }
    }

    /// Registers read in a time by all clients at once, each reading the blocks in turn as fast as it can.
    pub async fn read_for(self, time: Duration, blocks: &'static [(u16, u16)]) -> u64 {
        let mut tasks = JoinSet::new();
        let end = Instant::now() + time;
        for mut client in self.clients {
            tasks.spawn(async move {
                let mut registers = 0;
                while Instant::now() < end {
                    for (address, count) in blocks {
                        let read = client.read_holding_registers(*address, *count).await.unwrap().unwrap();
                        registers += read.len() as u64;
                    }
                }
                registers
            });
        }
        tasks.join_all().await.into_iter().sum()
    }

    /// Time until every device has acknowledged its writes, all devices at once.
    pub async fn write_all(self, writes: Vec<Vec<(u16, Vec<u16>)>>) -> Duration {
        let mut tasks = JoinSet::new();
        let start = Instant::now();
        for (mut client, writes) in self.clients.into_iter().zip(writes) {
            tasks.spawn(async move {
                for (address, registers) in writes {
                    client.write_multiple_registers(address, &registers).await.unwrap().unwrap();
                }
            });
        }
        tasks.join_all().await;
        start.elapsed()
    }
}

/// A gateway in this process, with one group of every device of the plant.
pub struct Running {
    gateway: tokio::task::JoinHandle<anyhow::Result<()>>,
    service: dergate::core::service::Service,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

pub async fn gateway(plant: &Plant) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    let any = "127.0.0.1:0".parse().unwrap();
    std::fs::write(&file, gateway_toml(folder.path(), any, "127.0.0.2:0".parse().unwrap(), plant)).unwrap();
    let gateway = Gateway::start(config::load(&file).unwrap()).await.unwrap();
    let (service, stop) = (gateway.service().clone(), CancellationToken::new());
    let gateway = tokio::spawn(gateway.run(stop.clone()));
    let ready = || {
        let snapshot = service.snapshot();
        snapshot.devices.iter().all(|d| {
            d.state == DeviceState::Online && d.readings.iter().any(|r| r.quantity == Quantity::ActivePower)
        })
    };
    let start = Instant::now();
    while !ready() {
        assert!(start.elapsed() < Duration::from_secs(60), "the devices did not come online");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Running { gateway, service, stop, _folder: folder }
}

impl Running {
    /// Asks the group for so many watts for 10 minutes from now, in-process; returns when it is acknowledged.
    pub async fn dispatch(&mut self, watts: f64) {
        let schedule = DispatchSchedule::new(
            CurveStyle::ConstantYValue,
            jiff::Timestamp::now(),
            10,
            TimeIntervalKind::Minute,
            vec![watts],
        );
        let dispatch = NewDispatch {
            mrid: None,
            names: vec![],
            group: Reference::by_name("ALL"),
            parameter: Parameter::ActivePower,
            schedules: vec![schedule.unwrap()],
        };
        self.service.create_dispatches(vec![dispatch]).await.unwrap().remove(0).unwrap();
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.gateway.await.unwrap().unwrap();
    }
}

/// When the last device that has to be written has been, measured on the devices' side.
pub async fn last_write(plant: &Plant, start: Instant) -> Duration {
    let deadline = start + Duration::from_secs(30);
    while plant.devices().iter().any(|d| !d.held()) {
        assert!(Instant::now() < deadline, "not every device was written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Enable goes last: a device that holds has had all its writes.
    plant.devices().iter().flat_map(|d| d.writes()).map(|w| w.at).max().unwrap() - start
}

fn gateway_toml(folder: &Path, northbound: SocketAddr, admin: SocketAddr, plant: &Plant) -> String {
    let mut text = format!(
        "[gateway]\nname = \"load\"\ndata_dir = {:?}\n[northbound]\nlisten = \"{northbound}\"\n[admin]\nlisten = \"{admin}\"\n",
        folder.display().to_string()
    );
    for d in plant.devices() {
        let _ = write!(
            text,
            "[[device]]\nmrid = \"{}\"\nname = \"{}\"\nlink = \"{}\"\n",
            d.mrid(),
            d.name(),
            d.link()
        );
    }
    let members: Vec<String> = plant.devices().iter().map(|d| format!("\"{}\"", d.mrid())).collect();
    let _ = write!(
        text,
        "[[group]]\nmrid = \"7d0e5a52-6f0b-4c1e-9a57-2f4b8a3c1d01\"\nname = \"ALL\"\nfunctions = [\"realPowerDispatch\"]\nmembers = [{}]\n",
        members.join(", ")
    );
    text
}

/// A gateway in a process of its own, so that its CPU and memory are its alone; the plant stays here.
pub struct Child {
    process: std::process::Child,
    pub northbound: SocketAddr,
    _plant: Plant,
    _folder: tempfile::TempDir,
}

impl Child {
    pub async fn start(devices: usize) -> Self {
        let plant = super::plant(devices, |_| None).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (northbound, admin) = (free(), free());
        std::fs::write(&file, gateway_toml(folder.path(), northbound, admin, &plant)).unwrap();
        let process = std::process::Command::new(env!("CARGO_BIN_EXE_dergate"))
            .args(["run", "--config"])
            .arg(&file)
            .env("DERGATE_LOG", "warn")
            .spawn()
            .unwrap();
        let start = Instant::now();
        while soap::active_power_rests_on(northbound).await < devices {
            assert!(start.elapsed() < Duration::from_secs(60), "the devices did not come online");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Self { process, northbound, _plant: plant, _folder: folder }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// CPU seconds that a process has used (Linux).
pub fn cpu_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // utime and stime are fields 14 and 15; the first after the name is field 3. In ticks of 1/100 s.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// CPU time of this process from a moment on.
#[derive(Clone, Copy)]
pub struct Cpu(f64);

impl Cpu {
    pub fn start() -> Self {
        Self(cpu_seconds(std::process::id()))
    }

    pub fn spent(self) -> f64 {
        cpu_seconds(std::process::id()) - self.0
    }
}

/// Resident memory of a process (Linux).
pub fn resident_mib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

pub fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
    let place = ((values.len().saturating_sub(1)) as f64 * part) as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}
