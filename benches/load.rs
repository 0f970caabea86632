//! The load command: what the gateway costs beside a bare loop that does the same on the same simulated devices.
//!
//!     cargo bench --bench load                  all of it, a few minutes
//!     cargo bench --bench load -- reads         one part: reads, queries, dispatch, memory, lateness, steady
//!
//! `driver` is the driver's side of `reads` alone, for a profiler. It prints ratios. Absolute numbers are this machine's and this hour's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measuring tool stops at the first thing that goes wrong, and prints"
)]

mod support;

use dergate::core::port::{self, Report};
use dergate::simulator::{DeviceSettings, Fault, Kind, Plant, PlantSettings};
use dergate::southbound;
use std::time::Duration;
use support::{Bare, Child, Cpu, cpu_seconds, percentile, resident_mib, settings, soap};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    if let [part, file] = asked.as_slice()
        && part == "bare-loop"
    {
        // A process of its own for `steady`, as the gateway is.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(support::steady::bare_loop(std::path::Path::new(file)));
    }
    let wants = |part: &str| asked.is_empty() || asked.iter().any(|a| a == part);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if wants("reads") {
            reads().await;
        }
        if asked.iter().any(|a| a == "driver") {
            let plant = plant(64, |_| None).await;
            let (polls, cpu) = driver_polls(&plant, Duration::from_secs(10)).await;
            println!(
                "driver: {polls} polls in 10 s, {:.1} us of CPU each, devices included",
                cpu * 1e6 / polls as f64
            );
        }
        if wants("lateness") {
            lateness().await;
        }
        if wants("queries") || wants("memory") {
            queries().await;
        }
        if wants("dispatch") {
            dispatch().await;
        }
        if wants("steady") {
            support::steady::run(2000).await;
        }
    });
}

async fn plant(count: usize, fault: impl Fn(usize) -> Option<Fault>) -> Plant {
    let devices = (0..count)
        .map(|i| {
            let mut device = DeviceSettings::new(format!("PV-{i:04}"), Kind::Pv);
            device.faults.extend(fault(i));
            device
        })
        .collect();
    Plant::start(PlantSettings { control: None, devices }).await.unwrap()
}

/// (a) Registers per second through the driver, asked for more polls than it can do, beside a bare tokio-modbus loop that
/// reads the same blocks as fast as it can.
async fn reads() {
    const DEVICES: usize = 64;
    // What a poll of this kind of device reads: models 103 and 122 with their headers. Slow blocks are not counted.
    const BLOCKS: [(u16, u16); 2] = [(40070, 52), (40182, 46)];
    let each: u64 = BLOCKS.iter().map(|(_, count)| u64::from(*count)).sum();
    let plant = plant(DEVICES, |_| None).await;
    let mut ratios = Vec::new();
    for round in 1..=3 {
        let (clients, cpu) = (Bare::connect(&plant).await, Cpu::start());
        let bare = clients.read_for(Duration::from_secs(4), &BLOCKS).await;
        let bare_cpu = cpu.spent();
        let (polls, driver_cpu) = driver_polls(&plant, Duration::from_secs(4)).await;
        let driver = polls * each;
        let ratio = driver as f64 / bare as f64;
        let per_cpu = ratio * bare_cpu / driver_cpu;
        println!(
            "reads {round}: driver {driver} registers in 4 s ({driver_cpu:.1} s of CPU, devices included), bare loop {bare} ({bare_cpu:.1} s): ratio {ratio:.2}, {per_cpu:.2} for each second of CPU"
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("reads: ratio {:.2} (median of 3; aim 0.80 or better)\n", ratios[1]);
    plant.stop().await;
}

/// Polls that the driver makes in a time when each device is due again at once. They are taken in as the core does: by a
/// task, many at a time.
async fn driver_polls(plant: &Plant, time: Duration) -> (u64, f64) {
    let devices = plant.devices().len();
    let (mut inbox, _handles, ports) = port::open(devices);
    let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
    southbound::spawn(
        settings(plant, Duration::from_micros(10)),
        ports,
        std::sync::Arc::new(dergate::device_map::Maps::builtin()),
        &mut tasks,
        stop.clone(),
    );
    let counting = tokio::spawn(async move {
        let (mut count, mut began, mut polled) = (0, None, std::collections::HashSet::new());
        let mut reports = Vec::with_capacity(512);
        while inbox.reports.recv_many(&mut reports, 512).await > 0 {
            for (index, _) in reports.drain(..).filter(|(_, report)| matches!(report, Report::Poll(_))) {
                count += 1;
                if began.is_none() {
                    polled.insert(index);
                }
            }
            match began {
                // The clock starts when all have been discovered.
                None if polled.len() == devices => {
                    began = Some((Instant::now(), Cpu::start()));
                    count = 0;
                }
                Some((start, cpu)) if Instant::now() - start >= time => return (count, cpu.spent()),
                _ => {}
            }
        }
        (count, f64::NAN)
    });
    let count = counting.await.unwrap();
    stop.cancel();
    while tasks.join_next().await.is_some() {}
    count
}

/// Poll lateness of 450 healthy devices of 500 polled each second, with the other 50 healthy and with them dead.
async fn lateness() {
    let kinds = [Fault::Refused, Fault::Silent, Fault::Garbage];
    for (title, dead) in [("50 healthy too", false), ("50 dead (refused, silent, garbage)", true)] {
        let plant = plant(500, |i| (dead && i % 10 == 0).then(|| kinds[i / 10 % 3].clone())).await;
        let (mut inbox, _handles, ports) = port::open(500);
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        southbound::spawn(
            settings(&plant, Duration::from_secs(1)),
            ports,
            std::sync::Arc::new(dergate::device_map::Maps::builtin()),
            &mut tasks,
            stop.clone(),
        );
        let (begin, mut late) = (Instant::now(), Vec::new());
        while begin.elapsed() < Duration::from_secs(35) {
            let Ok(Some((index, report))) =
                tokio::time::timeout(Duration::from_secs(2), inbox.reports.recv()).await
            else {
                break;
            };
            // The first seconds belong to discovery.
            if let (Report::Poll(poll), true, true) =
                (report, index.get() % 10 != 0, begin.elapsed() > Duration::from_secs(10))
            {
                late.push(poll.lateness.as_secs_f64() * 1e3);
            }
        }
        stop.cancel();
        drop(inbox);
        while tasks.join_next().await.is_some() {}
        plant.stop().await;
        let (p50, p99) = (percentile(&mut late, 0.5), percentile(&mut late, 0.99));
        println!(
            "lateness, {title}: {} polls of 450 devices in 25 s, p50 {p50:.2} ms, p99 {p99:.2} ms",
            late.len()
        );
    }
    println!();
}

/// (b) CPU for a QueryDERGroupStatuses of a group of 1,000, and (d) resident memory with 1,000 devices polled each second.
async fn queries() {
    let child = Child::start(1000).await;
    println!("memory: {:.1} MiB resident with 1,000 devices polled each second", resident_mib(child.id()));
    const COUNT: u32 = 20_000;
    let (idle_from, idle_began) = (cpu_seconds(child.id()), Instant::now());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let idle_rate = (cpu_seconds(child.id()) - idle_from) / idle_began.elapsed().as_secs_f64();
    let (from, began) = (cpu_seconds(child.id()), Instant::now());
    soap::query_statuses(child.northbound, 8, COUNT).await;
    let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds(child.id()) - from);
    let each = (cpu - idle_rate * wall) / f64::from(COUNT) * 1e6;
    println!(
        "queries: {COUNT} QueryDERGroupStatuses of a group of 1,000 over 8 HTTP connections in {wall:.1} s: {:.0} a second, {each:.1} us of CPU each beyond the polling ({:.0} % of a core; aim under 50 us)",
        f64::from(COUNT) / wall,
        idle_rate * 100.0
    );
    println!("memory: {:.1} MiB resident after that\n", resident_mib(child.id()));
}

/// (c) From the request to the last write acknowledged by 1,000 devices, beside a bare loop that makes the same writes on
/// open connections.
async fn dispatch() {
    let mut ratios = Vec::new();
    for round in 1..=3 {
        let plant = plant(1000, |_| None).await;
        let mut gateway = support::gateway(&plant).await;
        let start = Instant::now();
        gateway.dispatch(4.0e6).await;
        let ours = support::last_write(&plant, start).await;
        let writes: Vec<Vec<(u16, Vec<u16>)>> = plant
            .devices()
            .iter()
            .map(|d| d.writes().into_iter().map(|w| (w.address, w.registers)).collect())
            .collect();
        gateway.stop().await;
        let bare = Bare::connect(&plant).await.write_all(writes).await;
        let ratio = ours.as_secs_f64() / bare.as_secs_f64();
        println!(
            "dispatch {round}: gateway {:.0} ms from request to last write, bare loop {:.0} ms: ratio {ratio:.2}",
            ours.as_secs_f64() * 1e3,
            bare.as_secs_f64() * 1e3
        );
        ratios.push(ratio);
        plant.stop().await;
    }
    ratios.sort_by(f64::total_cmp);
    println!("dispatch: ratio {:.2} (median of 3; aim within 1.5)\n", ratios[1]);
}
