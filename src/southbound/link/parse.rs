//! A link out of its text, with the fault in words if it is none.

use super::{Link, LinkError, ModbusRtu, ModbusTcp, parity_word};
use crate::device_map::{LinkOptions, Parity, SerialOptions};

/// Schemes that this build speaks.
const SCHEMES: [&str; 3] = ["modbus+tls", "modbus+rtu", "modbus+tcp"];

/// Schemes of the product that this build does not speak.
const LATER: [&str; 3] = ["dnp3+tcp", "dnp3+tls", "dnp3+serial"];

/// How alike (0 to 1) a word must be to a scheme to be taken for a slip of it.
const ALIKE: f64 = 0.8;

const EXAMPLE: &str = "write it like modbus+tcp://192.0.2.21:502?unit=1";
const SERIAL_EXAMPLE: &str = "write it like modbus+rtu:///dev/ttyUSB0?baud=9600&parity=none&unit=1";

/// Longest path of a serial port.
const MAX_PATH: usize = 200;

fn fault<T>(text: impl Into<String>) -> Result<T, LinkError> {
    Err(LinkError(text.into()))
}

/// Reads a link.
pub(super) fn link(text: &str, options: &LinkOptions) -> Result<Link, LinkError> {
    let Some((given, rest)) = text.split_once("://") else {
        return fault(format!("link \"{text}\" has no scheme; {EXAMPLE}"));
    };
    match scheme(given)? {
        "modbus+rtu" => serial(rest, options).map(Link::ModbusRtu),
        "modbus+tls" => tcp(text, "modbus+tls", options.port.unwrap_or(802)).map(Link::ModbusTls),
        _ => tcp(text, "modbus+tcp", options.port.unwrap_or(502)).map(Link::ModbusTcp),
    }
}

/// A near miss of a scheme that is not built in is told as that: to mend the word would only lead to the next fault.
fn scheme(given: &str) -> Result<&'static str, LinkError> {
    if let Some(known) = SCHEMES.into_iter().find(|known| *known == given) {
        return Ok(known);
    }
    let lower = given.to_ascii_lowercase();
    let likeness = |known: &str| strsim::jaro(known, &lower);
    // The schemes that are built in come last, and of equals the last is taken.
    let near = LATER
        .iter()
        .chain(&SCHEMES)
        .copied()
        .filter(|known| likeness(known) >= ALIKE)
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match near {
        Some(later) if LATER.contains(&later) => fault(format!(
            "{later} links are not built into this version; it speaks modbus+tcp, modbus+tls and modbus+rtu"
        )),
        Some(near) => fault(format!("\"{given}\" is not a link scheme; did you mean \"{near}\"?")),
        None => fault(format!("\"{given}\" is not a link scheme; {EXAMPLE}")),
    }
}

fn tcp(text: &str, scheme: &str, usual_port: u16) -> Result<ModbusTcp, LinkError> {
    let uri: http::Uri = match text.parse() {
        Ok(uri) => uri,
        Err(why) => return fault(format!("link \"{text}\" is not a URL ({why}); {EXAMPLE}")),
    };
    if !matches!(uri.path(), "" | "/") {
        return fault(format!("a {scheme} link has no path, but this one has \"{}\"; {EXAMPLE}", uri.path()));
    }
    let Some(authority) = uri.authority() else {
        return fault(format!("link \"{text}\" names no host; {EXAMPLE}"));
    };
    if authority.as_str().contains('@') {
        return fault("Modbus/TCP knows no user or password; leave out what stands before the @");
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    if host.is_empty() {
        return fault(format!("link \"{text}\" names no host; {EXAMPLE}"));
    }
    let named =
        authority.as_str().rsplit_once(':').filter(|(_, port)| !port.contains(']')).map(|(_, port)| port);
    let port = match named {
        None => usual_port,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port > 0 => port,
            _ => return fault(format!("port \"{port}\" is not a number from 1 to 65535")),
        },
    };
    let mut unit = None;
    for (key, value) in pairs(uri.query().unwrap_or_default()) {
        match key {
            "unit" => once(&mut unit, key, number(key, value, 0, 255)?)?,
            _ => return fault(format!("a {scheme} link has no parameter \"{key}\"; it knows unit")),
        }
    }
    Ok(ModbusTcp { host, port, unit: byte(unit, 1) })
}

fn serial(rest: &str, options: &LinkOptions) -> Result<ModbusRtu, LinkError> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if !path.starts_with('/') || path.len() < 2 {
        return fault(format!(
            "a modbus+rtu link names a serial port by its whole path, with three slashes; {SERIAL_EXAMPLE}"
        ));
    }
    if path.len() > MAX_PATH || path.chars().any(char::is_control) {
        return fault(format!("the path of a serial port has at most {MAX_PATH} printable characters"));
    }
    let usual = options.serial.unwrap_or_default();
    let (mut baud, mut data, mut parity, mut stop, mut unit) = (None, None, None, None, None);
    for (key, value) in pairs(query) {
        match key {
            "baud" => once(&mut baud, key, number(key, value, 300, 1_000_000)?)?,
            "data" => once(&mut data, key, number(key, value, 7, 8)?)?,
            "parity" => once(&mut parity, key, parity_of(value)?)?,
            "stop" => once(&mut stop, key, number(key, value, 1, 2)?)?,
            "unit" => once(&mut unit, key, number(key, value, 1, 247)?)?,
            _ => {
                return fault(format!(
                    "a modbus+rtu link has no parameter \"{key}\"; it knows baud, data, parity, stop and unit"
                ));
            }
        }
    }
    let serial = SerialOptions {
        baud: baud.unwrap_or(usual.baud),
        data_bits: byte(data, usual.data_bits),
        parity: parity.unwrap_or(usual.parity),
        stop_bits: byte(stop, usual.stop_bits),
    };
    Ok(ModbusRtu { path: path.to_owned(), serial, unit: byte(unit, 1) })
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
