//! `dergate demo`: a simulated feeder on real loopback sockets and the gateway, in one process.
//!
//! The gateway is configured by a file like anybody's; the demo writes it and says where. Nothing is simulated inside the
//! gateway: it reads and writes the devices over Modbus TCP and DNP3.

use super::End;
use super::status::words::{amount, count_by, cut};
use super::table::{Align, Table, printable};
use crate::app::Gateway;
use crate::config;
use crate::core::service::{DispatchView, GroupView, Snapshot};
use crate::der::{DeviceState, DispatchState, Parameter};
use crate::simulator::{self, Plant};
use crate::southbound::SPEAKS_DNP3;
use crate::southbound::tools::NO_DNP3;
use anyhow::Context;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EXAMPLE: &str = "\
Example:  dergate demo
          then, in another terminal, the dispatch command that it prints; and `dergate status`";

/// First line of the configuration that the demo writes.
const WRITTEN_BY: &str = "# Written by `dergate demo`.";

/// Devices in trouble that the live table names, and how long their lines are.
const TROUBLES: usize = 5;
const WIDTH: usize = 74;

/// First port of the simulated devices, so that their links are the same each time; others are taken if they are busy.
const FIRST_PORT: u16 = 15_020;
/// Where the simulated plant is controlled.
const PLANT_CONTROL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8063);

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// Simulated SunSpec devices
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u16).range(4..=2000))]
    sunspec: u16,
    /// Simulated DNP3 outstations, 0 to 200; 6 if this program speaks DNP3
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=200))]
    dnp3: Option<u16>,
    /// Where the northbound listens
    #[arg(long, default_value = "127.0.0.1:8061", value_name = "ADDR")]
    northbound: SocketAddr,
    /// Where the admin pages are
    #[arg(long, default_value = "127.0.0.1:8062", value_name = "ADDR")]
    admin: SocketAddr,
    /// Where groups and dispatches are kept; without it, in a folder that is removed at the end
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Stop by itself after this long, such as 90s or 5m
    #[arg(long = "for", value_name = "DURATION", value_parser = crate::toml_file::parse_duration)]
    run_for: Option<Duration>,
}

pub(super) async fn run(args: Args, out: &mut dyn Write, stop: CancellationToken) -> anyhow::Result<End> {
    if let Some(words) = off_loopback(&args).or_else(|| not_spoken(&args, SPEAKS_DNP3)) {
        return Ok(End::Usage(words));
    }
    let folder = Folder::new(args.data_dir.as_deref())?;
    let plant = start_plant(usize::from(args.sunspec), outstations(&args, SPEAKS_DNP3)).await?;
    let file = folder.path.join("gateway.toml");
    if belongs_to_somebody(&file) {
        let why = "not by the demo; give --data-dir a folder of its own";
        return Ok(End::Failed(format!("{} is there already, written {why}", file.display())));
    }
    std::fs::write(&file, gateway_toml(&args, &folder.path, &plant))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    let config = match config::load(&file) {
        Ok(config) => config,
        Err(faults) => {
            return Ok(End::Failed(faults.to_string()));
        }
    };
    let gateway = match Gateway::start(config).await {
        Ok(gateway) => gateway,
        Err(why) => return Err(in_our_words(why, &args)),
    };
    super::say_licence();
    writeln!(out, "{}", greeting(&gateway, &plant, &file))?;
    if let Some(after) = args.run_for {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            stop.cancel();
        });
    }
    let service = gateway.service().clone();
    let mut running = tokio::spawn(gateway.run(stop.clone()));
    // A gateway that ended by itself has nothing to show any more.
    let (shown, ended) = tokio::select! {
        shown = show(out, &service, &stop) => (shown, None),
        ended = &mut running => (Ok(()), Some(ended)),
    };
    stop.cancel();
    let ended = match ended {
        Some(ended) => ended,
        None => running.await,
    };
    ended.context("the gateway panicked")??;
    plant.stop().await;
    shown?;
    super::say("demo ended");
    Ok(End::Done)
}

/// A demo is for the person before it: its devices obey whoever reaches the listeners.
fn off_loopback(args: &Args) -> Option<String> {
    [("northbound", args.northbound), ("admin", args.admin)]
        .into_iter()
        .find(|(_, address)| !address.ip().is_loopback())
        .map(|(room, address)| {
            let port = address.port();
            format!("the demo listens on loopback only; --{room} 127.0.0.1:{port} would be right")
        })
}

/// Of an address that cannot be had, the gateway names the line of its configuration; here it is an option.
fn in_our_words(why: anyhow::Error, args: &Args) -> anyhow::Error {
    let words = why.to_string();
    let taken = [("northbound", args.northbound), ("admin", args.admin)]
        .into_iter()
        .find(|(room, _)| words.starts_with(&format!("the {room} listener cannot use ")));
    match taken {
        Some((room, address)) => anyhow::anyhow!(
            "the {room} listener cannot use {address} ({}); use --{room} ADDR with a free one, such as 127.0.0.1:0",
            why.root_cause()
        ),
        None => why,
    }
}

/// True for a file that the demo did not write: somebody's own configuration is not overwritten.
fn belongs_to_somebody(file: &Path) -> bool {
    match std::fs::read(file) {
        Ok(text) => !text.starts_with(WRITTEN_BY.as_bytes()),
        Err(why) => why.kind() != std::io::ErrorKind::NotFound,
    }
}

/// The folder of the demo, removed at the end if nobody named it.
struct Folder {
    path: PathBuf,
    remove: bool,
}

impl Folder {
    fn new(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => std::env::temp_dir().join(format!("dergate-demo-{}", std::process::id())),
        };
        std::fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(Self { path, remove: named.is_none() })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.remove {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Outstations of the demo, if nobody says.
const OUTSTATIONS: u16 = 6;

fn outstations(args: &Args, speaks: bool) -> usize {
    usize::from(args.dnp3.unwrap_or(if speaks { OUTSTATIONS } else { 0 }))
}

/// Outstations that nobody here could talk to are not simulated.
fn not_spoken(args: &Args, speaks: bool) -> Option<String> {
    let wanted = args.dnp3.filter(|count| *count > 0 && !speaks)?;
    Some(format!("--dnp3 {wanted}: {NO_DNP3}; leave the option out, or give 0"))
}

async fn start_plant(devices: usize, outstations: usize) -> anyhow::Result<Plant> {
    let mut settings = simulator::demo_plant(devices, outstations, Some(FIRST_PORT));
    settings.control = Some(PLANT_CONTROL);
    if let Ok(plant) = Plant::start(settings).await {
        return Ok(plant);
    }
    // Somebody has one of the usual ports, such as another demo: any free ones will do.
    let mut settings = simulator::demo_plant(devices, outstations, None);
    settings.control = Some(SocketAddr::new(PLANT_CONTROL.ip(), 0));
    Plant::start(settings).await.context("the simulated devices cannot be started")
}

/// The gateway's configuration for this plant: two feeders, all PV, all storage.
fn gateway_toml(args: &Args, folder: &Path, plant: &Plant) -> String {
    let mut text = format!(
        "{WRITTEN_BY}\n[gateway]\nname = \"demo\"\ndata_dir = {:?}\n\n[northbound]\nlisten = \"{}\"\n\n[admin]\nlisten = \"{}\"\n",
        folder.display().to_string(),
        args.northbound,
        args.admin
    );
    let devices = plant.devices();
    for device in devices {
        let (mrid, name, link) = (device.mrid(), device.name(), device.link());
        let _ = write!(text, "\n[[device]]\nmrid = \"{mrid}\"\nname = \"{name}\"\nlink = \"{link}\"\n");
    }
    let storage = |name: &str| name.starts_with("BESS");
    let belongs = |group: &str, place: usize, name: &str| match group {
        "FDR12" => place / 3 % 3 != 2,
        "FDR14" => place / 3 % 3 == 2,
        "PV" => !storage(name),
        _ => storage(name),
    };
    for name in ["FDR12", "FDR14", "PV", "BESS"] {
        let members: Vec<String> = devices
            .iter()
            .enumerate()
            .filter(|(place, device)| belongs(name, *place, device.name()))
            .map(|(_, device)| format!("{:?}", device.name()))
            .collect();
        let mrid = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("dergate:demo:{name}").as_bytes());
        let _ = write!(
            text,
            "\n[[group]]\nmrid = \"{mrid}\"\nname = \"{name}\"\nfunctions = [\"connectDisconnect\", \"realPowerDispatch\", \"maxRealPowerLimiting\"]\nmembers = [{}]\n",
            members.join(", ")
        );
    }
    text
}

fn greeting(gateway: &Gateway, plant: &Plant, file: &Path) -> String {
    let program = std::env::current_exe().map_or_else(|_| "dergate".into(), |p| p.display().to_string());
    let (north, admin) = (gateway.northbound(), gateway.admin());
    let devices = plant.devices();
    let shade = devices.iter().map(|d| d.name()).find(|n| n.starts_with("PV")).unwrap_or("PV-001");
    let link = devices.first().map(|d| d.link()).unwrap_or_default();
    let outstation = devices.iter().find(|d| d.is_outstation()).map(|d| d.link());
    let another = outstation.map(|link| format!("    {program} probe '{link}'\n")).unwrap_or_default();
    let of_them = match devices.iter().filter(|d| d.is_outstation()).count() {
        0 => String::new(),
        1 => ", one of them a DNP3 outstation,".to_owned(),
        count => format!(", {count} of them DNP3 outstations,"),
    };
    let control = plant.control().map(|a| format!("http://{a}")).unwrap_or_default();
    format!(
        "dergate demo: {count} simulated devices{of_them} and the gateway. Ctrl-C stops.\n\n\
         northbound  http://{north}/61968-5/  (WSDL: http://{north}/61968-5/create/executeDERGroupDispatches?wsdl)\n\
         admin       http://{admin}/status.json  /metrics  /livez  /readyz\n\
         plant       {control}/devices\n\
         config      {file}\n\n\
         Ask feeder 12 for 120 kW, as a DMS would (paste into another terminal):\n\n    \
         {program} dispatch --url http://{north} --group FDR12 --active-power 120kW --for 15m\n\n\
         Then look, take a device's sun away, and look at one device:\n\n    \
         {program} status --url http://{admin}\n    \
         curl -X PUT -d 0 {control}/devices/{shade}/irradiance\n    \
         {program} probe '{link}'\n{another}",
        count = devices.len(),
        file = file.display(),
    )
}

/// The live table: drawn over itself on a terminal, now and then as lines elsewhere.
async fn show(
    out: &mut dyn Write,
    service: &crate::core::service::Service,
    stop: &CancellationToken,
) -> std::io::Result<()> {
    let terminal = std::io::stdout().is_terminal();
    let period = Duration::from_secs(if terminal { 1 } else { 5 });
    let mut tick = tokio::time::interval(period);
    let mut drawn = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = tick.tick() => {}
        }
        let text = live_table(&service.snapshot())?;
        if terminal && drawn > 0 {
            write!(out, "\x1b[{drawn}A\x1b[J")?;
        }
        drawn = text.lines().count();
        write!(out, "{text}")?;
        out.flush()?;
    }
}

fn live_table(snapshot: &Snapshot) -> std::io::Result<String> {
    let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
    let mut table = Table::new([
        ("group", Align::Left),
        ("online", Align::Right),
        ("active power", Align::Right),
        ("asked", Align::Right),
        ("off by", Align::Right),
        ("installed", Align::Right),
    ]);
    for group in &snapshot.groups {
        table.push(row(group, snapshot));
    }
    let mut text = Vec::new();
    writeln!(text, "{time}")?;
    table.write(&mut text, "")?;
    devices(snapshot, &mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn row(group: &GroupView, snapshot: &Snapshot) -> [String; 6] {
    let power = group.parameters.iter().find(|p| p.parameter == Parameter::ActivePower);
    let active = |d: &&std::sync::Arc<DispatchView>| {
        d.state == DispatchState::Active
            && d.parameter == Parameter::ActivePower
            && d.group == group.group.mrid
    };
    let dispatch = snapshot.dispatches.iter().rev().find(active);
    // Nothing that is asked is a dash; what is asked or delivered and not known is not.
    let (asked, off) = match dispatch {
        Some(dispatch) => (amount(dispatch.asked, "W"), off_by(dispatch.delivered, dispatch.asked)),
        None => ("-".to_owned(), "-".to_owned()),
    };
    let most = amount(power.and_then(|p| p.installed_max), "W");
    let installed = match power.and_then(|p| p.installed_min) {
        Some(least) if least < 0.0 => format!("{} .. {most}", amount(Some(least), "W")),
        _ => most,
    };
    [
        group.group.label().to_owned(),
        format!("{}/{}", group.online, group.group.members.len()),
        amount(power.and_then(|p| p.value), "W"),
        asked,
        off,
        installed,
    ]
}

/// How far what is delivered is off what is asked: in hundredths of it, or in watts if nothing is asked to be delivered.
fn off_by(delivered: Option<f64>, asked: Option<f64>) -> String {
    let Some((is, asked)) = delivered.zip(asked) else { return "?".to_owned() };
    if asked.abs() < 1.0 {
        return amount(Some(is - asked), "W");
    }
    let off = (is - asked) / asked.abs() * 100.0;
    // Rounded to nothing, it has no sign.
    if off.abs() < 0.05 { "0.0 %".to_owned() } else { format!("{off:+.1} %") }
}

/// How many devices are in which state, and the first that need a look.
fn devices(snapshot: &Snapshot, text: &mut Vec<u8>) -> std::io::Result<()> {
    let devices = &snapshot.devices;
    writeln!(text, "devices: {}", count_by(devices.iter().map(|d| d.state.name())))?;
    let well = |state| matches!(state, DeviceState::Online | DeviceState::Asleep | DeviceState::Discovering);
    let mut wrong = devices.iter().filter(|d| !well(d.state) && !d.reason.is_empty());
    for device in wrong.by_ref().take(TROUBLES) {
        let line = format!("{} {}: {}", device.name, device.state.name(), device.reason);
        // A line that wraps would spoil the drawing of the next table over this one.
        writeln!(text, "  {}", printable(&cut(&line, WIDTH)))?;
    }
    match wrong.count() {
        0 => Ok(()),
        more => writeln!(text, "  {more} more; `dergate status` lists them"),
    }
}

#[cfg(test)]
mod tests;
