//! PLANT.toml: a plant as written, checked whole. Every fault is reported at once, with its place.

mod outstation;
mod serial;

use super::faults::Fault;
use super::image::Image;
use super::settings::{DeviceSettings, Kind, PlantSettings, mrid_of};
use super::tls::{TlsSettings, TlsVersion};
use crate::der::{Mrid, Percent, WattHours, Watts};
use crate::toml_file::{Faults, Place, Placed, Table, TomlFile};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Largest file read.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most devices of one plant: a bound for a slip of the finger in `count`.
const MAX_DEVICES: usize = 20_000;

/// Reads and checks a plant file.
///
/// # Errors
/// Every fault of the file.
pub fn load_plant(path: &Path) -> Result<PlantSettings, Faults> {
    let (file, root) = TomlFile::read(path, MAX_BYTES)?;
    plant_of_table(&file, root)
}

/// Most models of one device.
const MAX_MODELS: usize = 200;

/// The tables that a device can stand in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `[[sunspec]]`
    Sunspec,
    /// `[[registers]]`
    Registers,
    /// `[[dnp3]]`
    Outstation,
}

impl Form {
    const fn word(self) -> &'static str {
        match self {
            Self::Sunspec => "sunspec",
            Self::Registers => "registers",
            Self::Outstation => "dnp3",
        }
    }
}

/// Names and addresses given so far, and where.
#[derive(Default)]
struct Taken {
    names: HashMap<String, Place>,
    /// Where devices listen; outstations may share a place, told apart by their link addresses.
    addresses: HashMap<SocketAddr, (Option<u16>, Place)>,
    outstations: HashMap<(SocketAddr, u16), Place>,
    tls: HashMap<SocketAddr, Option<TlsSettings>>,
    mrids: HashMap<Mrid, Place>,
    ports: serial::Ports,
}

/// Checks a plant file that is already parsed.
///
/// # Errors
/// Every fault of the file.
pub fn plant_of_table(file: &TomlFile, mut root: Table) -> Result<PlantSettings, Faults> {
    let insecure = root.boolean("insecure").is_some_and(|b| b.value);
    let mut taken = Taken::default();
    let mut settings = PlantSettings::default();
    if let Some(mut control) = root.table("control", "[control]") {
        let listen = control.required_text("listen", "\"127.0.0.1:8063\"");
        settings.control = listen.and_then(|text| address(&text, false));
        control.finish();
    }
    let mut entries = Vec::new();
    for form in [Form::Sunspec, Form::Registers, Form::Outstation] {
        entries.extend(root.tables(form.word()).into_iter().map(|table| (table, form)));
    }
    for (table, form) in entries {
        let place = table.place().clone();
        if form == Form::Outstation && !outstation::POSSIBLE {
            place.fault("this program was built without DNP3 and has no outstations; leave [[dnp3]] out");
        }
        let entry = entry(table, form, insecure, &mut taken);
        if settings.devices.len() + entry.len() > MAX_DEVICES {
            place.fault(format!("more than {MAX_DEVICES} devices so far; lower a count"));
            break;
        }
        settings.devices.extend(entry);
    }
    if settings.devices.is_empty() && !file.is_faulty() {
        root.fault("a plant needs a device; add [[sunspec]] with name = \"PV-1\" and kind = \"pv\"");
    }
    root.finish();
    if file.is_faulty() { Err(file.faults()) } else { Ok(settings) }
}

/// An address, on loopback unless that was waived.
fn address(text: &Placed<String>, insecure: bool) -> Option<SocketAddr> {
    let Ok(address) = text.value.parse::<SocketAddr>() else {
        text.place.fault(format!("\"{}\" is not an address with port; write \"127.0.0.1:5021\"", text.value));
        return None;
    };
    if !address.ip().is_loopback() && !insecure {
        text.place.fault(format!(
            "{address} is not loopback, and nothing here asks who is calling; write 127.0.0.1 (devices may \
             listen elsewhere with insecure = true at the top of the file; the control listener may not)"
        ));
        return None;
    }
    Some(address)
}

/// One table: a device, or as many as its count says.
fn entry(mut table: Table, form: Form, insecure: bool, taken: &mut Taken) -> Vec<DeviceSettings> {
    let place = table.place().clone();
    let name = table.required_text("name", "\"PV-001\"").filter(is_name);
    let kind = match form {
        Form::Sunspec => kind(&mut table, form, &Kind::ALL),
        Form::Registers => Some(Placed { value: Kind::Registers, place: place.clone() }),
        Form::Outstation => kind(&mut table, form, &Kind::OUTSTATIONS),
    };
    let count = table.integer("count", 1..=10_000, "8");
    let mrid = mrid(&mut table, count.as_ref());
    let listen_text = table.text("listen", "\"127.0.0.1:5021\"");
    let listen_at = listen_text.as_ref().map_or_else(|| place.clone(), |l| l.place.clone());
    let listen = listen_text.map(|text| address(&text, insecure));
    let on_line = serial::read(&mut table);
    if on_line.is_some() && listen.is_some() {
        listen_at.fault("a device on a serial port does not listen on a socket; leave listen or serial out");
    }
    let listen_at = on_line.as_ref().map_or(listen_at, |(_, place)| place.clone());
    let mut device = DeviceSettings::new("", kind.as_ref().map_or(Kind::Pv, |k| k.value));
    own(&mut table, form, kind.as_ref(), &mut device);
    manners(&mut table, &mut device);
    device.tls = tls(&mut table);
    table.finish();
    let (Some(name), Some(_), Some(listen)) = (name, kind, listen.unwrap_or(Some(device.listen))) else {
        return Vec::new();
    };
    device.listen = listen;
    device.serial = on_line.map(|(place, _)| place);
    let many = count.map(|c| usize::try_from(c.value).unwrap_or(1));
    let mut devices = Vec::new();
    for number in 0..many.unwrap_or(1) {
        let called = match many {
            Some(_) => format!("{}-{:03}", name.value, number + 1),
            None => name.value.clone(),
        };
        let mrid = mrid.clone().unwrap_or_else(|| mrid_of(&called));
        match nth(DeviceSettings { name: called, mrid, ..device.clone() }, number) {
            Ok(one) if taken.check(&one, &name.place, &listen_at) => devices.push(one),
            Ok(_) => {}
            Err(why) => {
                listen_at.fault(why);
                break;
            }
        }
    }
    devices
}

/// A device of a table that makes several, by its place among them, from 0: each has an address of its own. The error is
/// why it has none, in words.
fn nth(mut one: DeviceSettings, number: usize) -> Result<DeviceSettings, String> {
    let port = match one.listen.port() {
        0 => Some(0),
        first => u16::try_from(number).ok().and_then(|n| first.checked_add(n)),
    };
    let beyond = || "with this count the ports run past 65535; start lower, or use port 0".to_owned();
    one.listen.set_port(port.ok_or_else(beyond)?);
    if one.serial.is_some() {
        one.unit = u8::try_from(number).ok().and_then(|n| one.unit.checked_add(n)).unwrap_or(u8::MAX);
        one.outstation = one.outstation.map(|first| outstation::on_line(first, number)).transpose()?;
    }
    Ok(one)
}

/// The keys that only one form of table has.
fn own(table: &mut Table, form: Form, kind: Option<&Placed<Kind>>, device: &mut DeviceSettings) {
    match form {
        Form::Sunspec => {
            image(table, device);
            models(table, kind, device);
            source(table, kind, device);
            base(table, device);
            unit(table, device);
        }
        Form::Registers => {
            if !table.has("image") {
                table.fault("[[registers]] has no image; add image = \"register-images/sungrow-sg.toml\"");
            }
            image(table, device);
            unit(table, device);
        }
        Form::Outstation => {
            source(table, kind, device);
            device.outstation = Some(outstation::addresses(table));
        }
    }
}

fn is_name(name: &Placed<String>) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fine = (1..=32).contains(&name.value.len()) && name.value.chars().all(good);
    if !fine {
        // The name is the serial number of model 1, which has room for 32 characters, and part of URLs.
        name.place.fault("a name is 1 to 32 letters, digits, dots, - and _; write name = \"PV-001\"");
    }
    fine
}

fn kind(table: &mut Table, form: Form, kinds: &[Kind]) -> Option<Placed<Kind>> {
    if !table.has("kind") {
        table.fault(format!("[[{}]] has no kind; add kind = \"pv\"", form.word()));
    }
    table.word("kind", &kinds.iter().map(|kind| (kind.name(), *kind)).collect::<Vec<_>>())
}

/// The chain of a device that may choose it.
fn models(table: &mut Table, kind: Option<&Placed<Kind>>, device: &mut DeviceSettings) {
    let Some(list) = table.integers("models", 1..=65_534, "[1, 103, 160]") else { return };
    if let Some(kind) = kind.filter(|k| !matches!(k.value, Kind::Models | Kind::Meter)) {
        list.place.fault(format!(
            "a {} has the models of its kind; write kind = \"models\" to choose them",
            kind.value
        ));
        return;
    }
    device.models = list.value.iter().filter_map(|id| u16::try_from(id.value).ok()).collect();
    if device.models.first() != Some(&1) || device.models.len() > MAX_MODELS {
        list.place.fault(format!("a chain is model 1 and up to {} others", MAX_MODELS - 1));
    }
}

fn mrid(table: &mut Table, count: Option<&Placed<i64>>) -> Option<Mrid> {
    let text = table.text("mrid", "\"1b6f3c90-84aa-4f2d-b7c5-90e1a2d3f401\"")?;
    if count.is_some() {
        text.place.fault("with count, each device gets an mRID of its own; leave mrid out");
        return None;
    }
    match Mrid::parse(&text.value) {
        Ok(mrid) => Some(mrid),
        Err(why) => {
            text.place.fault(format!("{why}; a UUID is right, or no mrid at all"));
            None
        }
    }
}

/// Ratings, what feeds the device, and how it moves.
fn source(table: &mut Table, kind: Option<&Placed<Kind>>, device: &mut DeviceSettings) {
    if let Some(rated) = table.number("rated_w", 100.0..=10_000_000.0, "10000") {
        device.rated = Watts::new(rated.value);
    }
    // A wrong kind is a fault of its own; what goes with it cannot be told then.
    let kind = kind.map(|k| k.value);
    let fits = |place: &Place, key: &str, for_storage: bool| {
        let Some(kind) = kind.filter(|k| k.stores() != for_storage) else {
            return;
        };
        let other = if for_storage { "storage" } else { "PV" };
        place.fault(format!("{key} is for {other}, but this device is a {kind}; leave it out"));
    };
    if let Some(energy) = table.number("energy_wh", 100.0..=100_000_000.0, "20000") {
        fits(&energy.place, "energy_wh", true);
        device.energy = WattHours::new(energy.value);
    }
    if let Some(soc) = table.number("soc", 0.0..=100.0, "50") {
        fits(&soc.place, "soc", true);
        device.soc = Percent::new(soc.value);
    }
    if let Some(power) = table.number("automatic_w", -10_000_000.0..=10_000_000.0, "0") {
        fits(&power.place, "automatic_w", true);
        device.automatic = Watts::new(power.value);
    }
    if let Some(sun) = table.number("irradiance", 0.0..=1.0, "0.85") {
        fits(&sun.place, "irradiance", false);
        device.irradiance = sun.value;
    }
    if let Some(variation) = table.number("variation", 0.0..=1.0, "0.02") {
        fits(&variation.place, "variation", false);
        device.variation = variation.value;
    }
    if let Some(ramp) = table.number("ramp_percent_per_s", 0.1..=1000.0, "20") {
        device.ramp_percent_per_s = ramp.value;
    }
    let longest = Duration::from_secs(3600);
    if let Some(delay) = table.duration("return_delay", Duration::ZERO..=longest, "\"5s\"") {
        device.return_delay = delay.value;
    }
}

/// Registers from a file, beside the plant file or wherever its path says.
fn image(table: &mut Table, device: &mut DeviceSettings) {
    let Some(path) = table.text("image", "\"register-images/sungrow-sg.toml\"") else { return };
    let beside = Path::new(path.place.file()).parent().unwrap_or(Path::new("")).join(&path.value);
    match Image::read(&beside) {
        Ok(image) => device.image = Some(image),
        Err(faults) => path.place.fault(format!("the image cannot be used: {faults}")),
    }
}

/// Where its chain stands.
fn base(table: &mut Table, device: &mut DeviceSettings) {
    if let Some(base) = table.integer("base", 0..=65_535, "40000") {
        match base.value {
            0 | 40000 | 50000 => device.base = u16::try_from(base.value).unwrap_or(40000),
            other => base.place.fault(format!(
                "SunSpec knows the bases 40000, 0 and 50000, not {other}; write faults = [\"base:{other}\"] for a device \
                 that breaks the rule"
            )),
        }
    }
}

/// How it is addressed.
fn unit(table: &mut Table, device: &mut DeviceSettings) {
    if let Some(unit) = table.integer("unit", 0..=255, "1") {
        device.unit = u8::try_from(unit.value).unwrap_or(1);
    }
}

/// How it behaves.
fn manners(table: &mut Table, device: &mut DeviceSettings) {
    let outstation = device.outstation.is_some();
    for fault in table.texts("faults", "[\"slow:200\"]").map(|list| list.value).unwrap_or_default() {
        match Fault::parse(&fault.value) {
            Ok(known) if known.fits(outstation) => device.faults.push(known),
            Ok(_) => {
                let (other, it) =
                    if outstation { ("Modbus", "a DNP3 outstation") } else { ("DNP3", "a Modbus device") };
                fault
                    .place
                    .fault(format!("{} is a fault of {other}, but this is {it}; leave it out", fault.value));
            }
            Err(why) => fault.place.fault(why.to_string()),
        }
    }
}

/// The certificates of a device over TLS; paths begin at the folder of the file.
fn tls(table: &mut Table) -> Option<TlsSettings> {
    let keys = ["tls_certificate", "tls_private_key", "tls_authorities"];
    let version = table.word("tls_version", &[("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)]);
    if !keys.iter().any(|key| table.has(key)) {
        if let Some(version) = version {
            version.place.fault("tls_version is for a device over TLS; add tls_certificate = \"device.pem\"");
        }
        return None;
    }
    let [certificate, private_key, authorities] = [
        table.required_text("tls_certificate", "\"device.pem\""),
        table.required_text("tls_private_key", "\"device.key\""),
        table.required_text("tls_authorities", "\"gateway-ca.pem\""),
    ];
    let (certificate, private_key, authorities) = (certificate?, private_key?, authorities?);
    let path = |text: &Placed<String>| {
        Path::new(text.place.file()).parent().unwrap_or(Path::new("")).join(&text.value)
    };
    let settings = TlsSettings {
        certificate: path(&certificate),
        private_key: path(&private_key),
        authorities: path(&authorities),
        only: version.map(|v| v.value),
    };
    if let Err(why) = settings.load() {
        let places = [&certificate.place, &private_key.place, &authorities.place];
        let place = keys.iter().position(|key| *key == why.key).and_then(|at| places.get(at));
        place.unwrap_or(&&certificate.place).fault(why.words);
        return None;
    }
    Some(settings)
}

impl Taken {
    /// True if nobody has its name, its mRID or its address; else a fault.
    fn check(&mut self, device: &DeviceSettings, name_at: &Place, listen_at: &Place) -> bool {
        if let Some(first) = self.names.insert(device.name.clone(), name_at.clone()) {
            let at = first.seen_from(name_at);
            name_at
                .fault(format!("\"{}\" is already the name of a device ({at}); choose another", device.name));
            return false;
        }
        if let Some(first) = self.mrids.insert(device.mrid.clone(), name_at.clone()) {
            let at = first.seen_from(name_at);
            name_at.fault(format!("mRID {} already belongs to a device ({at}); choose another", device.mrid));
            return false;
        }
        if !self.ports.check(device, listen_at) {
            return false;
        }
        if device.listen.port() == 0 {
            return true;
        }
        let own = device.outstation.map(|addresses| addresses.outstation);
        let taken = self.addresses.get(&device.listen);
        let alike = own.zip(taken.and_then(|(other, _)| *other));
        let same = alike.and_then(|(own, _)| self.outstations.get(&(device.listen, own)));
        if let Some((own, first)) = own.zip(same) {
            let at = first.seen_from(listen_at);
            listen_at.fault(format!(
                "outstation {own} at {} is already a device ({at}); choose another outstation or port",
                device.listen
            ));
            return false;
        }
        if let (Some(first), true) =
            (self.tls.get(&device.listen).filter(|tls| **tls != device.tls), alike.is_some())
        {
            let why = if first.is_some() { "has certificates" } else { "speaks without TLS" };
            listen_at.fault(format!(
                "the first outstation at {} {why}; all at one address have the same, or another port",
                device.listen
            ));
            return false;
        }
        if let (Some((_, first)), None) = (taken, alike) {
            let at = first.seen_from(listen_at);
            listen_at
                .fault(format!("{} is already taken by a device ({at}); choose another port", device.listen));
            return false;
        }
        self.tls.entry(device.listen).or_insert_with(|| device.tls.clone());
        self.addresses.entry(device.listen).or_insert_with(|| (own, listen_at.clone()));
        if let Some(own) = own {
            self.outstations.insert((device.listen, own), listen_at.clone());
        }
        true
    }
}

#[cfg(test)]
mod tests;
