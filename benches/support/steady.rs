//! Many devices polled each second: CPU and memory of the gateway beside a bare loop of the same reads, each in a process
//! of its own.

use super::{Child, cpu_seconds, resident_mib};
use dergate::simulator::Plant;
use std::path::Path;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_modbus::client::{Reader, tcp};

/// What the gateway reads of a device of this kind: seconds between two reads, address, registers. Model 103; 122 in two
/// parts, around what a read would clear, and 123; 120 and 121.
const READS: [(u64, u16, u16); 6] =
    [(1, 40070, 52), (10, 40182, 33), (10, 40217, 11), (10, 40228, 26), (300, 40122, 28), (300, 40150, 32)];

/// Settling, and measuring.
const TIMES: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(40));

/// Measures both and prints the ratio.
pub async fn run(devices: usize) {
    let gateway = Child::start(devices).await;
    let (ours, memory) = measure(gateway.id()).await;
    println!(
        "steady: gateway, {devices} devices each second: {:.1} % of a core, {memory:.1} MiB",
        ours * 100.0
    );
    drop(gateway);
    let plant = crate::plant(devices, |_| None).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("devices");
    std::fs::write(&file, addresses(&plant)).unwrap();
    let mut bare = std::process::Command::new(std::env::current_exe().unwrap())
        .arg("bare-loop")
        .arg(&file)
        .spawn()
        .unwrap();
    let (theirs, bare_memory) = measure(bare.id()).await;
    bare.kill().unwrap();
    bare.wait().unwrap();
    println!("steady: bare loop of the same reads: {:.1} % of a core, {bare_memory:.1} MiB", theirs * 100.0);
    println!("steady: CPU ratio {:.2}, memory ratio {:.2}\n", ours / theirs, memory / bare_memory);
    plant.stop().await;
}

fn addresses(plant: &Plant) -> String {
    plant.devices().iter().map(|d| format!("{} {}\n", d.address(), d.unit_id())).collect()
}

/// The part of a core that a process uses once it has settled, and its memory.
async fn measure(process: u32) -> (f64, f64) {
    sleep(TIMES.0).await;
    let (from, began) = (cpu_seconds(process), Instant::now());
    sleep(TIMES.1).await;
    ((cpu_seconds(process) - from) / began.elapsed().as_secs_f64(), resident_mib(process))
}

/// One task a device that reads by the clock, and nothing else. It runs until it is killed.
pub async fn bare_loop(file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let mut tasks = JoinSet::new();
    let devices: Vec<&str> = text.lines().collect();
    let spacing = Duration::from_secs(1) / u32::try_from(devices.len()).unwrap();
    for (place, line) in (0_u32..).zip(devices) {
        let (address, unit) = line.split_once(' ').unwrap();
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut client = tcp::attach_slave(stream, tokio_modbus::Slave(unit.parse().unwrap()));
        tasks.spawn(async move {
            let mut tick = interval_at(Instant::now() + spacing * place, Duration::from_secs(1));
            tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
            for second in 0_u64.. {
                tick.tick().await;
                for (period, address, count) in READS {
                    if (second + u64::from(place)).is_multiple_of(period) {
                        client.read_holding_registers(address, count).await.unwrap().unwrap();
                    }
                }
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}
