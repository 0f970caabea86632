//! `dergate demo`: a simulated feeder on real loopback sockets and the gateway, in one process.
//!
//! The gateway is configured by a file like anybody's; the demo writes it and says where. Nothing is simulated inside the
//! gateway: it reads and writes the devices over Modbus TCP.

use super::End;
use super::table::{Align, Table};
use crate::app::Gateway;
use crate::config;
use crate::core::service::{DispatchView, GroupView, Snapshot};
use crate::der::{DispatchState, Parameter};
use crate::simulator::{self, Plant};
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
    if let Some(words) = off_loopback(&args) {
        return Ok(End::Usage(words));
    }
    let folder = Folder::new(args.data_dir.as_deref())?;
    let plant = start_plant(usize::from(args.sunspec)).await?;
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

async fn start_plant(devices: usize) -> anyhow::Result<Plant> {
    let mut settings = simulator::demo_plant(devices, 0, Some(FIRST_PORT));
    settings.control = Some(PLANT_CONTROL);
    if let Ok(plant) = Plant::start(settings).await {
        return Ok(plant);
    }
    // Somebody has one of the usual ports, such as another demo: any free ones will do.
    let mut settings = simulator::demo_plant(devices, 0, None);
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
    let control = plant.control().map(|a| format!("http://{a}")).unwrap_or_default();
    format!(
        "dergate demo: {count} simulated SunSpec devices and the gateway. Ctrl-C stops.\n\n\
         northbound  http://{north}/61968-5/  (WSDL: http://{north}/61968-5/create/executeDERGroupDispatches?wsdl)\n\
         admin       http://{admin}/status.json  /metrics  /livez  /readyz\n\
         plant       {control}/devices\n\
         config      {file}\n\n\
         Ask feeder 12 for 120 kW, as a DMS would (paste into another terminal):\n\n    \
         {program} dispatch --url http://{north} --group FDR12 --active-power 120kW --for 15m\n\n\
         Then look, take a device's sun away, and look at one device:\n\n    \
         {program} status --url http://{admin}\n    \
         curl -X PUT -d 0 {control}/devices/{shade}/irradiance\n    \
         {program} probe '{link}'\n",
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
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn row(group: &GroupView, snapshot: &Snapshot) -> [String; 6] {
    let power = group.parameters.iter().find(|p| p.parameter == Parameter::ActivePower);
    let value = power.and_then(|p| p.value);
    let active =
        |d: &&std::sync::Arc<DispatchView>| d.state == DispatchState::Active && d.group == group.group.mrid;
    let asked = snapshot.dispatches.iter().rev().find(active).and_then(|d| d.asked);
    let off = asked.zip(value).map(|(asked, is)| (is - asked) / asked.abs().max(1.0) * 100.0);
    let kw = |watts: Option<f64>| watts.map_or_else(|| "-".to_owned(), |w| format!("{:.1} kW", w / 1e3));
    [
        group.group.label().to_owned(),
        format!("{}/{}", group.online, group.group.members.len()),
        kw(value),
        kw(asked),
        off.map_or_else(|| "-".to_owned(), |o| format!("{o:+.1} %")),
        kw(power.and_then(|p| p.installed_max)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(northbound: SocketAddr, admin: SocketAddr, data_dir: &Path) -> Args {
        Args { sunspec: 4, northbound, admin, data_dir: Some(data_dir.to_owned()), run_for: None }
    }

    #[tokio::test]
    async fn a_busy_port_is_told_with_its_option() {
        let (busy, folder) =
            (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), tempfile::tempdir().unwrap());
        let (busy, any) = (busy.local_addr().map(|a| (a, busy)).unwrap(), "127.0.0.1:0".parse().unwrap());
        for (option, args) in [
            ("use --northbound ADDR", args(busy.0, any, folder.path())),
            ("use --admin ADDR", args(any, busy.0, folder.path())),
        ] {
            let said = run(args, &mut Vec::new(), CancellationToken::new()).await.unwrap_err();
            let said = format!("{said:#}");
            assert!(said.contains(option) && !said.contains("[northbound]"), "{said}");
        }
    }

    #[tokio::test]
    async fn it_listens_on_loopback_only() {
        let folder = tempfile::tempdir().unwrap();
        let (any, wide) = ("127.0.0.1:0".parse().unwrap(), "0.0.0.0:8061".parse().unwrap());
        for (northbound, admin) in [(wide, any), (any, wide)] {
            let end =
                run(args(northbound, admin, folder.path()), &mut Vec::new(), CancellationToken::new()).await;
            let told = "the demo listens on loopback only";
            assert!(matches!(end.unwrap(), End::Usage(words) if words.starts_with(told)));
        }
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was begun");
    }

    #[test]
    fn somebody_elses_gateway_toml_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        assert!(!belongs_to_somebody(&file), "none yet");
        std::fs::write(&file, "[gateway]\nname = \"substation-12\"\n").unwrap();
        assert!(belongs_to_somebody(&file));
        std::fs::write(&file, format!("{WRITTEN_BY}\n[gateway]\n")).unwrap();
        assert!(!belongs_to_somebody(&file), "its own from the last time");
    }
}
