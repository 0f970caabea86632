//! `dergate record LINK -o FILE`: every register of a device's chain or map, or every point of an outstation, in one file, for
//! support, and to be decoded later.

mod file;
mod outstation;

use super::device::{How, Target, progress, table_name};
use super::{End, say};
use std::io::Write;
use std::path::PathBuf;

pub(super) use file::{Recorded, load};

const EXAMPLES: &str = "\
Examples:  dergate record 'modbus+tcp://192.0.2.21:502?unit=1' -o inverter.json
           dergate record 'modbus+tcp://192.0.2.31' --map sungrow-sg -o sungrow.json
           dergate record 'dnp3+tcp://192.0.2.41?outstation=10' -o battery.json
           dergate probe --from inverter.json

The file is one JSON object: format \"dergate-recording\", version 1, link, unit, at, map, base, models (id, \
address, length), registers (first address of a run: its registers as hexadecimal words), input_registers, \
refused (input, address, quantity, reason), warnings. Of a DNP3 outstation: format, version, kind \"dnp3\", link, at, map, \
identity, points (address: raw value, flags as two hexadecimal digits, the outstation's time if it sent one, with ? behind \
it if its clock was not set), refused, warnings; not the object variations in which values came. Many outstations serve one \
connection at a time: while a tool is connected, the gateway that drives the outstation may be cut off. \
A failure with nothing to show prints error, kind and exit_status instead.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// How the device is reached
    #[arg(value_name = "LINK")]
    link: String,
    /// Where it is written; a file that is there already is kept
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replaces a file that is there already
    #[arg(long)]
    force: bool,
    /// Prints what was recorded as one object, for scripts
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) how: How,
}

/// Carries out the command.
pub(super) async fn run(args: &Args, out: &mut dyn Write) -> std::io::Result<End> {
    let shown = args.output.display().to_string();
    if !args.force && args.output.symlink_metadata().is_ok() {
        return Ok(End::Failed(format!(
            "{shown} is there already; --force replaces it, or name another file"
        )));
    }
    // A slow line is not read for nothing.
    let folder = args.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Ok(End::Failed(format!(
            "{shown} cannot be written: there is no folder {}",
            folder.display()
        )));
    }
    let target = match args.how.target(&args.link) {
        Ok(target) => target,
        Err(end) => return Ok(end),
    };
    if let Some(device) = target.outstation() {
        return outstation::run(args, &target, &device, out).await;
    }
    let recording = match target.session().record_all(&progress()).await {
        Ok(recording) => recording,
        Err(error) => return Ok(target.ended(&error).await),
    };
    if let Err(why) = file::save(&args.output, &recording, args.force) {
        return Ok(End::Failed(format!("{shown} cannot be written: {why}")));
    }
    for refusal in &recording.refused {
        let last = refusal.address.saturating_add(refusal.quantity.saturating_sub(1));
        let table = table_name(refusal.table);
        say(&format!("{table} registers {} to {last} are missing: {}", refusal.address, refusal.reason));
    }
    let (models, registers) = (recording.models.len(), recording.registers.len() + recording.inputs.len());
    if args.json {
        let document = serde_json::json!({
            "file": shown, "models": models, "registers": registers, "refused": recording.refused.len(),
        });
        writeln!(out, "{document:#}")?;
    } else {
        writeln!(out, "{shown}: {models} models, {registers} registers, from {}", recording.link)?;
    }
    out.flush()?;
    Ok(End::Done)
}

#[cfg(test)]
mod tests;
