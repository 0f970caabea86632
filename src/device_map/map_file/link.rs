//! `[link]`: limits and pacing of the connection.

use super::words::one_of;
use crate::device_map::map::{LinkOptions, Parity, SerialOptions, Transport};
use crate::toml_file::{Place, Placed, Table};
use std::ops::RangeInclusive;
use std::time::Duration;

/// A timeout beyond this would make one silent device look like a hung gateway.
pub(super) const TIMEOUT_MS: RangeInclusive<i64> = 100..=120_000;

/// The port that IANA gives to Modbus/TCP Security.
const SECURE_PORT: u16 = 802;

/// Largest unit id on a serial line.
const MAX_SERIAL_UNIT: u8 = 247;

const TRANSPORTS: [(&str, Transport); 3] =
    [("tcp", Transport::Tcp), ("tls", Transport::Tls), ("rtu", Transport::Rtu)];

const BAUDS: [u32; 12] = [300, 600, 1200, 2400, 4800, 9600, 14_400, 19_200, 38_400, 57_600, 115_200, 230_400];

/// The limits as they are written, to be compared with the points.
#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) max_read: Option<Placed<u16>>,
    pub(super) max_write: Option<Placed<u16>>,
}

pub(super) fn read(mut table: Table) -> (LinkOptions, Limits) {
    let default = LinkOptions::default();
    let transports = read_transports(table.texts("transports", "[\"tcp\"]"), &TRANSPORTS);
    let port = table.integer("port", 1..=65535, "502").and_then(number);
    let units = read_units(&mut table);
    let connections = table.integer("connections", 1..=100, "1").and_then(number).map(|n| n.value);
    let mut millis = |key, range: RangeInclusive<i64>, else_use: Duration| {
        let given = table.integer(key, range, "3000").and_then(|ms| u64::try_from(ms.value).ok());
        given.map_or(else_use, Duration::from_millis)
    };
    let connect_timeout = millis("connect_timeout_ms", TIMEOUT_MS, default.connect_timeout);
    let response_timeout = millis("response_timeout_ms", TIMEOUT_MS, default.response_timeout);
    let inter_request = millis("inter_request_ms", 0..=10_000, default.inter_request);
    let idle_limit = seconds(&mut table, "idle_limit_s", 1..=86_400, "120");
    let lost_after = seconds(&mut table, "lost_after_s", 1..=3_600, "10").unwrap_or(default.lost_after);
    let max_read = table.integer("max_read", 2..=125, "125").and_then(number);
    let max_write = table.integer("max_write", 1..=123, "123").and_then(number);
    let serial = table.table("serial", "serial = { baud = 9600 }").map(read_serial);
    table.finish();
    check_port(port.as_ref(), &transports);
    check_units(&units, &transports);
    let options = LinkOptions {
        transports,
        port: port.map(|port| port.value),
        units: units.into_iter().map(|unit| unit.value).collect(),
        connections,
        connect_timeout,
        response_timeout,
        inter_request,
        idle_limit,
        lost_after,
        max_read: max_read.as_ref().map_or(default.max_read, |n| n.value),
        max_write: max_write.as_ref().map_or(default.max_write, |n| n.value),
        serial,
    };
    (options, Limits { max_read, max_write })
}

pub(super) fn number<T: TryFrom<i64>>(n: Placed<i64>) -> Option<Placed<T>> {
    Some(Placed { value: T::try_from(n.value).ok()?, place: n.place })
}

pub(super) fn seconds(
    table: &mut Table,
    key: &'static str,
    range: RangeInclusive<i64>,
    example: &str,
) -> Option<Duration> {
    let given = table.integer(key, range, example)?;
    u64::try_from(given.value).ok().map(Duration::from_secs)
}

/// The transports that a device has, of those there are.
pub(super) fn read_transports(
    list: Option<Placed<Vec<Placed<String>>>>,
    known: &[(&str, Transport)],
) -> Vec<Transport> {
    let Some(list) = list else { return Vec::new() };
    if list.value.is_empty() {
        list.place.fault("transports is empty; write transports = [\"tcp\"], or leave it out");
    }
    let mut found = Vec::new();
    for word in list.value {
        let Some(transport) = one_of(&word, "transport", known) else { continue };
        if found.contains(&transport) {
            word.place.fault(format!("transports names \"{}\" twice; once is enough", word.value));
        } else {
            found.push(transport);
        }
    }
    found
}

fn read_units(table: &mut Table) -> Vec<Placed<u8>> {
    let Some(list) = table.integers("units", 0..=255, "[1]") else { return Vec::new() };
    let mut found: Vec<Placed<u8>> = Vec::new();
    for unit in list.value.into_iter().filter_map(number::<u8>) {
        if found.iter().any(|known| known.value == unit.value) {
            unit.place.fault(format!("units names {} twice; once is enough", unit.value));
        } else {
            found.push(unit);
        }
    }
    found
}

fn check_port(port: Option<&Placed<u16>>, transports: &[Transport]) {
    if let Some(port) = port.filter(|port| port.value == SECURE_PORT)
        && !transports.contains(&Transport::Tls)
    {
        port.place.fault(format!(
            "port {SECURE_PORT} is that of Modbus/TCP Security, but transports has no \"tls\"; add it, or write another port"
        ));
    }
}

fn check_units(units: &[Placed<u8>], transports: &[Transport]) {
    if !transports.contains(&Transport::Rtu) {
        return;
    }
    for unit in units.iter().filter(|unit| unit.value == 0 || unit.value > MAX_SERIAL_UNIT) {
        unit.place.fault(format!(
            "unit {} is outside 1 to {MAX_SERIAL_UNIT} of a serial line; it is allowed only if transports has no \"rtu\"",
            unit.value
        ));
    }
}

pub(super) fn read_serial(mut table: Table) -> SerialOptions {
    let default = SerialOptions::default();
    let baud = table.integer("baud", 300..=230_400, "9600").and_then(number::<u32>).and_then(known_baud);
    let data = table.integer("data", 7..=8, "8").and_then(number::<u8>);
    let parity =
        table.word("parity", &[("none", Parity::None), ("even", Parity::Even), ("odd", Parity::Odd)]);
    let stop = table.integer("stop", 1..=2, "1").and_then(number::<u8>);
    table.finish();
    if let Some(data) = data.as_ref().filter(|data| data.value == 7) {
        seven_bits(&data.place);
    }
    SerialOptions {
        baud: baud.unwrap_or(default.baud),
        data_bits: data.map_or(default.data_bits, |n| n.value),
        parity: parity.map_or(default.parity, |word| word.value),
        stop_bits: stop.map_or(default.stop_bits, |n| n.value),
    }
}

/// Binary frames do not fit in 7 bits.
fn seven_bits(place: &Place) {
    place.fault("data = 7 is for Modbus ASCII; RTU, which the gateway speaks, needs data = 8");
}

fn known_baud(baud: Placed<u32>) -> Option<u32> {
    if BAUDS.contains(&baud.value) {
        return Some(baud.value);
    }
    let known: Vec<String> = BAUDS.iter().map(u32::to_string).collect();
    baud.place.fault(format!("baud {} is not usual; write one of {}", baud.value, known.join(", ")));
    None
}
