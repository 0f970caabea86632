//! `dergate status`: what a running gateway knows, as tables with the trouble on top; or all it knows of one device.
//!
//! It reads `/status.json` of the admin listener and nothing else; `--json` prints that document as it is.

mod device;
mod dispatches;
mod document;
mod events;
pub(super) mod words;

use super::End;
use super::http::{self, GetError};
use super::table::{Align, Table, printable};
use document::{Device, Document, Group};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::io::{self, ErrorKind, Write};
use words::{age, amount, count_by, cut, moment};

/// Longest reason in the list of devices; all of it stands with the device.
const REASON: usize = 150;

/// Largest document accepted: some sixty thousand devices.
const LARGEST: usize = 64 * 1024 * 1024;

/// Shows devices, groups and dispatches of a running gateway.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  dergate status\n  dergate status --device PV-001\n  dergate status --json | jq '.devices[] | select(.state != \"online\")'"
)]
pub struct Args {
    /// The admin listener of the gateway ([admin] listen in gateway.toml).
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8062")]
    pub url: String,
    /// Prints the status document as it is, for scripts.
    #[arg(long)]
    pub json: bool,
    /// Shows one device with all its values and the events that it recorded.
    #[arg(long, value_name = "NAME", conflicts_with = "json")]
    pub device: Option<String>,
}

/// Carries out the command; data goes to `out`.
pub async fn run(args: &Args, out: &mut dyn Write) -> End {
    let answer = match http::get(&args.url, "/status.json", LARGEST).await {
        Ok(answer) => answer,
        Err(error @ GetError::NoAnswer { .. }) => {
            return End::NoAnswer(format!("{error}; is dergate running, and is this its [admin] listen?"));
        }
        Err(error @ GetError::Url { .. }) => return End::Usage(error.to_string()),
        Err(error) => return End::Failed(error.to_string()),
    };
    if !answer.status.is_success() {
        let text = String::from_utf8_lossy(&answer.body);
        // Its 404 lists what it offers.
        if text.contains("/61968-5/") {
            return End::Failed(format!(
                "{} is the northbound listener of a dergate; --url is its [admin] listen, usually http://127.0.0.1:8062",
                args.url
            ));
        }
        let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said: String = said.chars().take(200).collect();
        return End::Failed(format!("{} answers {}: {}", args.url, answer.status, printable(&said)));
    }
    let written = if args.json {
        out.write_all(&answer.body).and_then(|()| writeln!(out)).and_then(|()| out.flush())
    } else {
        match serde_json::from_slice(&answer.body) {
            Ok(document) => match &args.device {
                None => show(&document, out).and_then(|()| out.flush()),
                Some(name) => match device::find(&document, name) {
                    Ok(found) => device::show(found, document.at, out).and_then(|()| out.flush()),
                    Err(words) => return End::Failed(words),
                },
            },
            Err(error) => {
                return End::Failed(format!("{} is not the admin listener of a dergate: {error}", args.url));
            }
        }
    };
    match written {
        // Who reads only the first lines has what he wants.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => End::Failed(format!("cannot write: {error}")),
        _ => End::Done,
    }
}

fn show(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "dergate {} at {}", printable(&document.version), moment(document.at))?;
    devices(&document.devices, document.at, out)?;
    groups(&document.groups, out)?;
    dispatches::show(&document.dispatches, document.at, out)?;
    events::latest(&document.devices, document.at, out)
}

/// What needs a look first; a state that this program does not know is one.
fn device_trouble(state: &str) -> u8 {
    match state {
        "online" => 0,
        "asleep" => 1,
        "discovering" => 2,
        "unknown" => 3,
        "degraded" => 4,
        "comm_lost" => 5,
        _ => 6,
    }
}

fn devices(devices: &[Device], now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let mut sorted: Vec<&Device> = devices.iter().collect();
    sorted.sort_by_key(|device| Reverse((device_trouble(&device.state), needs_a_look(device))));
    writeln!(out, "\nDEVICES: {}", count_by(sorted.iter().map(|d| d.state.as_str())))?;
    if sorted.is_empty() {
        return Ok(());
    }
    let mut table = Table::new([
        ("NAME", Align::Left),
        ("STATE", Align::Left),
        ("SINCE", Align::Right),
        ("POWER", Align::Right),
        ("QUALITY", Align::Left),
        ("AGE", Align::Right),
        ("CHARGE", Align::Right),
        ("WHY", Align::Left),
    ])
    .optional("CHARGE");
    let mut shortened = None;
    for device in sorted {
        let power = device.values.get("activePower");
        let whole = why(device);
        let reason = cut(&whole, REASON);
        if reason != whole {
            shortened = shortened.or(Some(&device.name));
        }
        table.push([
            device.name.clone(),
            device.state.clone(),
            age(device.since, now),
            amount(power.and_then(|p| p.value), "W"),
            power.map_or_else(|| "not reported".to_owned(), |p| p.quality.clone()),
            age(power.and_then(|p| p.at), now),
            charge(device),
            reason,
        ]);
    }
    table.write(out, "  ")?;
    match shortened {
        Some(name) => writeln!(out, "  …: `dergate status --device {}` says all of it", printable(name)),
        None => Ok(()),
    }
}

/// True if something is to be said of it, whatever its state: of a device that was only just lost, that its values are old.
fn needs_a_look(device: &Device) -> bool {
    let power = device.values.get("activePower");
    !why(device).is_empty() || power.is_some_and(|power| power.quality != "good")
}

/// State of charge; nothing for a device that has none to tell.
fn charge(device: &Device) -> String {
    let Some(charge) = device.values.get("stateOfCharge") else { return String::new() };
    match (charge.value, charge.quality.as_str()) {
        (Some(percent), "good") => format!("{percent:.0} %"),
        (Some(percent), quality) => format!("{percent:.0} % ({quality})"),
        (None, _) => "?".to_owned(),
    }
}

/// Why a device is as it is; a command without effect counts only while nothing worse does.
fn why(device: &Device) -> String {
    let effect = device.effect.as_ref().map_or("", |effect| effect.reason.as_str());
    if device.reason.is_empty() { effect.to_owned() } else { device.reason.clone() }
}

fn groups(groups: &[Group], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nGROUPS: {}", count_by(groups.iter().map(|g| g.state.as_str())))?;
    if groups.is_empty() {
        return Ok(());
    }
    let mut table = Table::new([
        ("NAME", Align::Left),
        ("STATE", Align::Left),
        ("ONLINE", Align::Right),
        ("POWER", Align::Right),
        ("RESTS ON", Align::Right),
        ("INSTALLED", Align::Right),
    ]);
    for group in groups {
        let all = group.members.len();
        let power = group.values.get("activePower");
        let rests_on = power.and_then(|p| p.rests_on);
        let most = amount(power.and_then(|p| p.installed_max), "W");
        let installed = match power.and_then(|p| p.installed_min) {
            Some(least) if least < 0.0 => format!("{} .. {most}", amount(Some(least), "W")),
            _ => most,
        };
        // What the others could do is not known, and is not in it.
        let installed = match power.and_then(|p| p.installed_on.filter(|_| p.installed_max.is_some())) {
            Some(known) if known < all => format!("{installed} by {known} of {all}"),
            _ => installed,
        };
        table.push([
            group.name.clone(),
            group.state.clone(),
            format!("{} of {all}", group.online),
            amount(power.and_then(|p| p.value), "W"),
            rests_on.map_or_else(|| "?".to_owned(), |count| format!("{count} of {all}")),
            installed,
        ]);
    }
    table.write(out, "  ")?;
    for group in groups.iter().filter(|g| !g.missing.is_empty()) {
        let missing = group.missing.iter().map(|m| printable(m)).collect::<Vec<_>>().join(", ");
        writeln!(out, "  {}: no device of this gateway: {missing}", printable(&group.name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
