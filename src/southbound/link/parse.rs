//! A link out of its text, with the fault in words if it is none.

use super::{Dnp3Addresses, Dnp3Serial, Dnp3Tcp, Link, LinkError, ModbusRtu, ModbusTcp, parity_word};
use crate::device_map::{LinkOptions, Parity, SerialOptions};
use std::net::IpAddr;

/// Schemes of the product.
const SCHEMES: [&str; 6] = ["dnp3+serial", "dnp3+tls", "dnp3+tcp", "modbus+tls", "modbus+rtu", "modbus+tcp"];

/// How alike (0 to 1) a word must be to a scheme to be taken for a slip of it.
const ALIKE: f64 = 0.8;

const EXAMPLE: &str = "write it like modbus+tcp://192.0.2.21:502?unit=1";
const DNP3_EXAMPLE: &str = "write it like dnp3+tcp://192.0.2.31:20000?outstation=1024&master=1";
const EXAMPLES: &str = "write it like modbus+tcp://192.0.2.21:502?unit=1 or dnp3+tcp://192.0.2.31:20000?outstation=1024&master=1";
const SERIAL_EXAMPLE: &str = "write it like modbus+rtu:///dev/ttyUSB0?baud=9600&parity=none&unit=1";
const DNP3_SERIAL_EXAMPLE: &str = "write it like dnp3+serial:///dev/ttyS0?baud=9600&outstation=1024&master=1";

const NO_CHANNEL: &str =
    "units of Modbus share the connection or line to them (channel is for dnp3+tcp and dnp3+tls links)";

/// Longest path of a serial port.
const MAX_PATH: usize = 200;

/// Port of DNP3.
const DNP3_PORT: u16 = 20_000;

/// Largest link address of an outstation or master; those above are for broadcasts and for later use.
const MAX_ADDRESS: u32 = 65_519;

fn fault<T>(text: impl Into<String>) -> Result<T, LinkError> {
    Err(LinkError(text.into()))
}

/// Reads a link.
pub(super) fn link(text: &str, options: &LinkOptions) -> Result<Link, LinkError> {
    let Some((given, rest)) = text.split_once("://") else {
        return fault(format!("link \"{text}\" has no scheme; {EXAMPLES}"));
    };
    let scheme = scheme(given)?;
    if scheme.starts_with("dnp3") && !cfg!(feature = "dnp3") {
        return fault(format!(
            "{scheme} links are not built into this dergate (it was built without the feature dnp3); \
             build it from source with `cargo build --release`, whose default has it"
        ));
    }
    match scheme {
        "modbus+rtu" => serial(rest, options).map(Link::ModbusRtu),
        "modbus+tls" => tcp(text, scheme, options.port.unwrap_or(802)).map(Link::ModbusTls),
        "dnp3+tcp" => dnp3_tcp(text, scheme, options).map(Link::Dnp3Tcp),
        "dnp3+tls" => dnp3_tcp(text, scheme, options).map(Link::Dnp3Tls),
        "dnp3+serial" => dnp3_serial(rest, options).map(Link::Dnp3Serial),
        _ => tcp(text, scheme, options.port.unwrap_or(502)).map(Link::ModbusTcp),
    }
}

fn scheme(given: &str) -> Result<&'static str, LinkError> {
    if let Some(known) = SCHEMES.into_iter().find(|known| *known == given) {
        return Ok(known);
    }
    let lower = given.to_ascii_lowercase();
    let likeness = |known: &str| strsim::jaro(known, &lower);
    // The most usual ones come last, and of equals the last is taken.
    let near = SCHEMES
        .into_iter()
        .filter(|known| likeness(known) >= ALIKE)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match near {
        Some(near) => fault(format!("\"{given}\" is not a link scheme; did you mean \"{near}\"?")),
        None => fault(format!("\"{given}\" is not a link scheme; {EXAMPLES}")),
    }
}

/// A URL with a host: host, port, and the parameters as they are written.
struct Networked {
    host: String,
    port: u16,
    query: String,
}

fn networked(text: &str, scheme: &str, usual_port: u16, example: &str) -> Result<Networked, LinkError> {
    let uri: http::Uri = match text.parse() {
        Ok(uri) => uri,
        Err(why) => return fault(no_url(text, scheme, &why, example)),
    };
    if !matches!(uri.path(), "" | "/") {
        return fault(format!("a {scheme} link has no path, but this one has \"{}\"; {example}", uri.path()));
    }
    let Some(authority) = uri.authority() else {
        return fault(format!("link \"{text}\" names no host; {example}"));
    };
    if authority.as_str().contains('@') {
        return fault(format!(
            "a {scheme} link knows no user or password; leave out what stands before the @"
        ));
    }
    let (host, port) = host_port(authority, usual_port)?;
    if host.is_empty() {
        return fault(format!("link \"{text}\" names no host; {example}"));
    }
    Ok(Networked { host, port, query: uri.query().unwrap_or_default().to_owned() })
}

/// A host in the one way in which it is compared: names in small letters, addresses in their shortest form.
fn spelled(host: &str) -> String {
    host.parse::<IpAddr>().map_or_else(|_| host.to_ascii_lowercase(), |address| address.to_string())
}

/// What is wrong with a text that is no URL.
fn no_url(text: &str, scheme: &str, why: &http::uri::InvalidUri, example: &str) -> String {
    let place = text.split_once("://").map_or(text, |(_, rest)| rest);
    let place = place.split(['?', '/']).next().unwrap_or_default();
    if !place.contains('[') && place.matches(':').count() > 1 {
        return format!(
            "link \"{text}\": an IPv6 address stands in brackets, and the port behind them, as in {scheme}://[2001:db8::21]:PORT"
        );
    }
    format!("link \"{text}\" is not a URL ({why}); {example}")
}

fn host_port(authority: &http::uri::Authority, usual_port: u16) -> Result<(String, u16), LinkError> {
    let host = spelled(authority.host().trim_start_matches('[').trim_end_matches(']'));
    let named =
        authority.as_str().rsplit_once(':').filter(|(_, port)| !port.contains(']')).map(|(_, port)| port);
    match named {
        None => Ok((host, usual_port)),
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => Ok((host, port)),
            _ => fault(format!("port \"{port}\" is not a number from 1 to 65535")),
        },
    }
}

fn tcp(text: &str, scheme: &str, usual_port: u16) -> Result<ModbusTcp, LinkError> {
    let Networked { host, port, query } = networked(text, scheme, usual_port, EXAMPLE)?;
    let mut unit = None;
    for (key, value) in pairs(&query) {
        match key {
            "unit" => once(&mut unit, key, number(key, value, 0, 255)?)?,
            "channel" => return fault(format!("{NO_CHANNEL}; leave channel out of this {scheme} link")),
            _ => return fault(format!("a {scheme} link has no parameter \"{key}\"; it knows unit")),
        }
    }
    Ok(ModbusTcp { host, port, unit: byte(unit, 1) })
}

fn dnp3_tcp(text: &str, scheme: &str, options: &LinkOptions) -> Result<Dnp3Tcp, LinkError> {
    let usual_port = options.port.unwrap_or(DNP3_PORT);
    let Networked { host, port, query } = networked(text, scheme, usual_port, DNP3_EXAMPLE)?;
    let (mut addresses, mut second, mut own) = (Addresses::default(), None, None);
    for (key, value) in pairs(&query) {
        if key == "second" {
            let Ok(authority) = value.parse::<http::uri::Authority>() else {
                return fault(format!("second \"{value}\" is not a host; write second=192.0.2.32:20000"));
            };
            let place = host_port(&authority, usual_port)?;
            if place == (host.clone(), port) {
                return fault("second is the same end point as the first; leave it out");
            }
            once(&mut second, key, place)?;
        } else if key == "channel" {
            once(&mut own, key, is_own(value)?)?;
        } else if !addresses.take(key, value)? {
            return fault(format!(
                "a {scheme} link has no parameter \"{key}\"; it knows outstation, master, second and channel"
            ));
        }
    }
    Ok(Dnp3Tcp { host, port, second, own: own.unwrap_or(false), addresses: addresses.checked()? })
}

/// Whether an outstation has a connection of its own.
fn is_own(value: &str) -> Result<bool, LinkError> {
    match value {
        "own" => Ok(true),
        "shared" => Ok(false),
        _ => fault(format!(
            "channel \"{value}\" is neither shared (one connection for all outstations of the end point, as if it were left out) nor own (a connection for this one alone)"
        )),
    }
}

/// Link addresses as far as they are given.
#[derive(Default)]
struct Addresses {
    outstation: Option<u32>,
    master: Option<u32>,
}

impl Addresses {
    /// True if the parameter is one of these.
    fn take(&mut self, key: &str, value: &str) -> Result<bool, LinkError> {
        let place = match key {
            "outstation" => &mut self.outstation,
            "master" => &mut self.master,
            _ => return Ok(false),
        };
        once(place, key, number(key, value, 0, MAX_ADDRESS)?)?;
        Ok(true)
    }

    fn checked(&self) -> Result<Dnp3Addresses, LinkError> {
        let address = |given: Option<u32>, usual| given.and_then(|n| u16::try_from(n).ok()).unwrap_or(usual);
        let (outstation, master) = (address(self.outstation, 1024), address(self.master, 1));
        if outstation == master {
            return fault(format!(
                "outstation and master both have link address {master}; each end has its own"
            ));
        }
        Ok(Dnp3Addresses { outstation, master })
    }
}

fn serial(rest: &str, options: &LinkOptions) -> Result<ModbusRtu, LinkError> {
    let (path, query) = serial_path(rest, "modbus+rtu", SERIAL_EXAMPLE)?;
    let (mut line, mut unit) = (Line::default(), None);
    for (key, value) in pairs(query) {
        if key == "unit" {
            once(&mut unit, key, number(key, value, 1, 247)?)?;
        } else if key == "channel" {
            return fault(format!("{NO_CHANNEL}; leave channel out of this modbus+rtu link"));
        } else if !line.take(key, value)? {
            return fault(format!(
                "a modbus+rtu link has no parameter \"{key}\"; it knows baud, data, parity, stop and unit"
            ));
        }
    }
    Ok(ModbusRtu { path, serial: line.or(options.serial.unwrap_or_default()), unit: byte(unit, 1) })
}

fn dnp3_serial(rest: &str, options: &LinkOptions) -> Result<Dnp3Serial, LinkError> {
    let (path, query) = serial_path(rest, "dnp3+serial", DNP3_SERIAL_EXAMPLE)?;
    let (mut line, mut addresses) = (Line::default(), Addresses::default());
    for (key, value) in pairs(query) {
        if key == "channel" {
            return fault(
                "outstations on a serial line always share it; leave channel out (it is for dnp3+tcp and dnp3+tls links)",
            );
        }
        if !addresses.take(key, value)? && !line.take(key, value)? {
            return fault(format!(
                "a dnp3+serial link has no parameter \"{key}\"; it knows baud, data, parity, stop, outstation and master"
            ));
        }
    }
    let serial = line.or(options.serial.unwrap_or_default());
    Ok(Dnp3Serial { path, serial, addresses: addresses.checked()? })
}

fn serial_path<'a>(rest: &'a str, scheme: &str, example: &str) -> Result<(String, &'a str), LinkError> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !path.starts_with('/') || path.len() < 2 {
        return fault(format!(
            "a {scheme} link names a serial port by its whole path, with three slashes; {example}"
        ));
    }
    if path.len() > MAX_PATH || path.chars().any(char::is_control) {
        return fault(format!("the path of a serial port has at most {MAX_PATH} printable characters"));
    }
    Ok((path.to_owned(), query))
}

/// How a serial line is set, as far as it is given.
#[derive(Default)]
struct Line {
    baud: Option<u32>,
    data: Option<u32>,
    parity: Option<Parity>,
    stop: Option<u32>,
}

impl Line {
    /// True if the parameter is one of these.
    fn take(&mut self, key: &str, value: &str) -> Result<bool, LinkError> {
        match key {
            "baud" => once(&mut self.baud, key, number(key, value, 300, 1_000_000)?)?,
            "data" => once(&mut self.data, key, number(key, value, 7, 8)?)?,
            "parity" => once(&mut self.parity, key, parity_of(value)?)?,
            "stop" => once(&mut self.stop, key, number(key, value, 1, 2)?)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn or(self, usual: SerialOptions) -> SerialOptions {
        SerialOptions {
            baud: self.baud.unwrap_or(usual.baud),
            data_bits: byte(self.data, usual.data_bits),
            parity: self.parity.unwrap_or(usual.parity),
            stop_bits: byte(self.stop, usual.stop_bits),
        }
    }
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|p| !p.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn once<T>(place: &mut Option<T>, key: &str, value: T) -> Result<(), LinkError> {
    if place.replace(value).is_some() {
        return fault(format!("{key} is given twice"));
    }
    Ok(())
}

fn number(key: &str, value: &str, lowest: u32, highest: u32) -> Result<u32, LinkError> {
    match value.parse::<u32>() {
        Ok(number) if (lowest..=highest).contains(&number) => Ok(number),
        _ => fault(format!("{key} \"{value}\" is not a number from {lowest} to {highest}")),
    }
}

fn byte(given: Option<u32>, usual: u8) -> u8 {
    given.and_then(|number| u8::try_from(number).ok()).unwrap_or(usual)
}

fn parity_of(value: &str) -> Result<Parity, LinkError> {
    let all = [Parity::None, Parity::Even, Parity::Odd];
    match all.into_iter().find(|parity| parity_word(*parity) == value) {
        Some(parity) => Ok(parity),
        None => fault(format!("parity \"{value}\" is not one of none, even and odd")),
    }
}
