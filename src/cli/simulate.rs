//! `dergate simulate PLANT.toml`: simulated devices on real sockets, for somebody else's tests or for a demonstration.
//!
//! It runs no gateway.

use crate::simulator::{Device, Plant, load_plant};
use anyhow::Context as _;
use serde_json::json;
use std::io::Write;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Starts the plant of a file, shows where its devices are, and runs until `stop`. With `json` it prints one object
/// instead of a table. What it prints is flushed once every device listens: whoever waits for it can connect.
///
/// # Errors
/// Faults of the file, one a line; a socket that cannot be had; `out` that cannot be written.
pub async fn run(
    path: &Path,
    json: bool,
    out: &mut dyn Write,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let settings = load_plant(path)?;
    let plant = Plant::start(settings).await?;
    super::say_licence();
    let shown = if json { as_json(&plant, out) } else { as_table(&plant, out) };
    shown.and_then(|()| out.flush()).context("cannot write the list of devices")?;
    stop.cancelled().await;
    plant.stop().await;
    Ok(())
}

fn as_json(plant: &Plant, out: &mut dyn Write) -> std::io::Result<()> {
    let device = |device: &Device| {
        json!({
            "name": device.name(),
            "mrid": device.mrid().as_str(),
            "kind": device.kind().name(),
            "rating_w": device.rated().get(),
            "energy_wh": device.energy().map(|e| e.get()),
            "link": device.link(),
        })
    };
    let devices: Vec<_> = plant.devices().iter().map(device).collect();
    let control = plant.control().map(|address| format!("http://{address}/devices"));
    writeln!(out, "{}", json!({ "devices": devices, "control": control }))
}

fn as_table(plant: &Plant, out: &mut dyn Write) -> std::io::Result<()> {
    let widest = plant.devices().iter().map(|d| d.name().len()).max().unwrap_or(0).max(4);
    writeln!(out, "{:<widest$}  {:<11}  {:>18}  LINK", "NAME", "KIND", "RATING")?;
    for device in plant.devices() {
        let rating = rating(device);
        // In quotes: a shell has meanings of its own for ? and &.
        writeln!(
            out,
            "{:<widest$}  {:<11}  {rating:>18}  '{}'",
            device.name(),
            device.kind(),
            device.link()
        )?;
    }
    if let Some(address) = plant.control() {
        let name = plant.devices().first().map_or("NAME", Device::name);
        writeln!(out, "\ncontrol: http://{address}/devices")?;
        writeln!(out, "         curl -X PUT -d silent http://{address}/devices/{name}/fault")?;
    }
    Ok(())
}

/// `10 kW`, or `10 kW / 20 kWh` with a battery.
fn rating(device: &Device) -> String {
    let kilo = |value: f64| value / 1000.0;
    match device.energy() {
        Some(energy) => format!("{} kW / {} kWh", kilo(device.rated().get()), kilo(energy.get())),
        None => format!("{} kW", kilo(device.rated().get())),
    }
}

#[cfg(test)]
mod tests;
