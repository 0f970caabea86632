//! A recording as a JSON file: written whole or not at all, and read with every size bounded.

use super::outstation;
use crate::device_map::registers::RegisterTable;
use crate::southbound::tools::{OutstationRecording, RecordedModel, Recording, Refusal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Largest file read; all registers of a device take 400 KiB.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
pub(super) const FORMAT: &str = "dergate-recording";
pub(super) const VERSION: u32 = 1;

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) enum Recorded {
    /// A Modbus device.
    Device(Recording),
    /// A DNP3 outstation.
    Outstation(OutstationRecording),
}

/// What tells the kinds of recordings apart.
#[derive(Debug, Deserialize)]
struct Head {
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    version: Option<u32>,
    #[serde(default)]
    kind: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    /// The program that recorded.
    #[serde(default)]
    program: String,
    link: String,
    unit: u8,
    at: String,
    /// The device map whose points were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    map: Option<String>,
    base: u16,
    models: Vec<Model>,
    /// Runs of registers by the address of the first, as text so that it is a key.
    registers: BTreeMap<String, String>,
    /// The same of input registers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    input_registers: BTreeMap<String, String>,
    #[serde(default)]
    refused: Vec<Refused>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    id: u16,
    address: u16,
    length: u16,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    /// True for input registers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    input: bool,
    address: u16,
    quantity: u16,
    reason: String,
}

/// Writes a recording. Half a file is never seen: it gets its name when it is whole and on disk.
pub(super) fn save(path: &Path, recording: &Recording, force: bool) -> io::Result<()> {
    save_text(path, &serde_json::to_string_pretty(&document(recording)).map_err(io::Error::other)?, force)
}

/// As [`save`], of a document that is a text already.
pub(super) fn save_text(path: &Path, text: &str, force: bool) -> io::Result<()> {
    let beside = beside(path);
    let written = write_whole(&beside, text)
        .and_then(|()| if force { std::fs::rename(&beside, path) } else { name_anew(&beside, path) });
    if written.is_err() {
        // Nothing depends on it; what matters is told by the first error.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Gives a file its name. A file that came there while the device was read is kept.
fn name_anew(beside: &Path, path: &Path) -> io::Result<()> {
    let there = || io::Error::new(io::ErrorKind::AlreadyExists, "it is there already; --force replaces it");
    match std::fs::hard_link(beside, path) {
        // The file is there by its name; a second name that stays does no harm.
        Ok(()) => {
            let _ = std::fs::remove_file(beside);
            Ok(())
        }
        Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Err(there()),
        // Memory sticks know no second names.
        Err(_) if path.symlink_metadata().is_ok() => Err(there()),
        Err(_) => std::fs::rename(beside, path),
    }
}

fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

fn document(recording: &Recording) -> Document {
    Document {
        format: FORMAT.to_owned(),
        version: VERSION,
        program: format!("dergate {}", env!("CARGO_PKG_VERSION")),
        link: recording.link.clone(),
        unit: recording.unit,
        at: recording.at.to_string(),
        map: recording.map.clone(),
        base: recording.base,
        models: recording
            .models
            .iter()
            .map(|m| Model { id: m.id, address: m.address, length: m.length })
            .collect(),
        registers: runs(&recording.registers, &|at| recording.models.iter().any(|m| m.address == at)),
        input_registers: runs(&recording.inputs, &|_| false),
        refused: recording
            .refused
            .iter()
            .map(|r| Refused {
                input: r.table == RegisterTable::Input,
                address: r.address,
                quantity: r.quantity,
                reason: r.reason.clone(),
            })
            .collect(),
        warnings: recording.warnings.clone(),
    }
}

/// Neighbouring registers of one model in one run: a model begins a run of its own.
fn runs(registers: &BTreeMap<u16, u16>, begins: &dyn Fn(u16) -> bool) -> BTreeMap<String, String> {
    let mut runs: Vec<(u16, String)> = Vec::new();
    let mut next = None;
    for (&at, word) in registers {
        match runs.last_mut() {
            Some((_, text)) if next == Some(at) && !begins(at) => {
                let _ = write!(text, " {word:04X}");
            }
            _ => runs.push((at, format!("{word:04X}"))),
        }
        next = at.checked_add(1);
    }
    runs.into_iter().map(|(at, text)| (format!("{at:05}"), text)).collect()
}

/// Reads a recording.
///
/// # Errors
/// The file cannot be read, or is no recording; in words.
pub(in crate::cli) fn load(path: &Path) -> Result<Recorded, String> {
    let name = path.display();
    let mut text = String::new();
    let file = File::open(path).map_err(|why| format!("{name} cannot be read: {why}"))?;
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|why| format!("{name} cannot be read: {why}"))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(format!("{name} is larger than {MAX_BYTES} bytes; no recording of a device is"));
    }
    let no_recording = |why: serde_json::Error| format!("{name} is no recording of dergate record: {why}");
    let head: Head = serde_json::from_str(&text).map_err(no_recording)?;
    // Before the rest is looked at: a later version may have other fields.
    if let (Some(format), Some(version)) = (&head.format, head.version) {
        ours(format, version).map_err(|why| format!("{name}: {why}"))?;
    }
    let recorded = match head.kind.as_deref() {
        Some(outstation::KIND) => outstation::recording(serde_json::from_str(&text).map_err(no_recording)?)
            .map(Recorded::Outstation),
        None => recording(serde_json::from_str(&text).map_err(no_recording)?).map(Recorded::Device),
        Some(kind) => Err(format!(
            "\"kind\" is \"{}\", and this version knows \"{}\", or none for a Modbus device",
            kind.escape_debug(),
            outstation::KIND
        )),
    };
    recorded.map_err(|why| format!("{name}: {why}"))
}

/// Sees that a document is one that this version reads.
pub(super) fn ours(format: &str, version: u32) -> Result<(), String> {
    if format == FORMAT && version == VERSION {
        return Ok(());
    }
    let format = format.escape_debug();
    Err(format!(
        "format \"{format}\" version {version} is not one that this version reads ({FORMAT} {VERSION})"
    ))
}

fn recording(document: Document) -> Result<Recording, String> {
    ours(&document.format, document.version)?;
    let at = document.at.parse().map_err(|why| format!("\"at\" is no time: {why}"))?;
    let mut registers = BTreeMap::new();
    for (first, words) in &document.registers {
        run(first, words, &mut registers)?;
    }
    let mut inputs = BTreeMap::new();
    for (first, words) in &document.input_registers {
        run(first, words, &mut inputs)?;
    }
    let recording = Recording {
        link: document.link,
        unit: document.unit,
        at,
        map: document.map,
        base: document.base,
        models: document
            .models
            .into_iter()
            .map(|m| RecordedModel { id: m.id, address: m.address, length: m.length })
            .collect(),
        registers,
        inputs,
        refused: document
            .refused
            .into_iter()
            .map(|r| Refusal {
                table: if r.input { RegisterTable::Input } else { RegisterTable::Holding },
                address: r.address,
                quantity: r.quantity,
                reason: r.reason,
            })
            .collect(),
        warnings: document.warnings,
    };
    recording.check().map_err(|why| why.to_string())?;
    Ok(recording)
}

fn run(first: &str, words: &str, registers: &mut BTreeMap<u16, u16>) -> Result<(), String> {
    let start: u16 = first
        .parse()
        .map_err(|_| format!("\"{}\" under registers is no address from 0 to 65535", first.escape_debug()))?;
    for (place, word) in words.split_ascii_whitespace().enumerate() {
        let at = u16::try_from(place).ok().and_then(|place| start.checked_add(place));
        let at = at.ok_or_else(|| format!("the registers from {start} on run past 65535"))?;
        let value = u16::from_str_radix(word, 16)
            .map_err(|_| format!("\"{}\" at register {at} is no hexadecimal word", word.escape_debug()))?;
        registers.insert(at, value);
    }
    Ok(())
}
