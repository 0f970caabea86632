//! `[northbound]` and `[admin]`: the two listeners. None listens off loopback unless the file says so in so many words.

use crate::admin::Settings as AdminSettings;
use crate::northbound::{FlowDirection, PartialResult, Settings as NorthboundSettings};
use crate::toml_file::{Placed, Table};
use std::net::SocketAddr;
use std::time::Duration;

const MIB: i64 = 1024 * 1024;

pub(super) fn read(root: &mut Table) -> (NorthboundSettings, AdminSettings) {
    let mut northbound = NorthboundSettings::default();
    let mut admin = AdminSettings::default();
    let mut listens = (None, None);
    if let Some(table) = root.table("northbound", "[northbound]") {
        listens.0 = read_northbound(table, &mut northbound);
    }
    if let Some(mut table) = root.table("admin", "[admin]") {
        listens.1 = listen(&mut table, "[admin]", &mut admin.listen);
        table.finish();
    }
    if meet(northbound.listen, admin.listen)
        && let Some(place) = listens.1.or(listens.0)
    {
        place.place.fault(format!(
            "northbound ({}) and admin ({}) listen on the same port; give one of them another port",
            northbound.listen, admin.listen
        ));
    }
    (northbound, admin)
}

/// True if the second of the two could not be opened.
fn meet(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() != 0
        && a.port() == b.port()
        && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

fn read_northbound(mut table: Table, settings: &mut NorthboundSettings) -> Option<Placed<()>> {
    let place = listen(&mut table, "[northbound]", &mut settings.listen);
    let directions = [("reverse", FlowDirection::Reverse), ("forward", FlowDirection::Forward)];
    if let Some(direction) = table.word("absent_flow_direction", &directions) {
        settings.absent_flow_direction = direction.value;
    }
    let results = [("failed", PartialResult::Failed), ("partial", PartialResult::Partial)];
    if let Some(result) = table.word("partial_result", &results) {
        settings.partial_result = result.value;
    }
    if let Some(text) = table.text("time_zone_offset", "\"+01:00\"") {
        match offset(&text.value) {
            Some(seconds) => settings.naive_time_offset_s = seconds,
            None => text.place.fault(format!(
                "time_zone_offset = \"{}\" is not an offset from UTC; write it like \"+01:00\", at most 14 hours",
                text.value.escape_debug()
            )),
        }
    }
    let body = table.integer("max_body_bytes", 1024..=64 * MIB, "4194304");
    if let Some(bytes) = body.and_then(|n| usize::try_from(n.value).ok()) {
        settings.max_body = bytes;
    }
    let connections = table.integer("max_connections", 1..=10_000, "256");
    if let Some(most) = connections.and_then(|n| usize::try_from(n.value).ok()) {
        settings.max_connections = most;
    }
    let range = Duration::from_millis(100)..=Duration::from_secs(600);
    if let Some(limit) = table.duration("request_timeout", range, "\"30s\"") {
        settings.request_timeout = limit.value;
    }
    table.finish();
    place
}

/// Reads `listen` and `insecure`; returns where `listen` is written.
fn listen(table: &mut Table, label: &str, to: &mut SocketAddr) -> Option<Placed<()>> {
    let example = format!("\"{to}\"");
    let insecure = table.boolean("insecure").is_some_and(|b| b.value);
    let text = table.text("listen", &example)?;
    match text.value.parse::<SocketAddr>() {
        Ok(address) => {
            if !address.ip().to_canonical().is_loopback() && !insecure {
                text.place.fault(format!(
                    "{address} can be reached from other machines, and there is no TLS; write listen = \"127.0.0.1:{}\", \
                     or add insecure = true to {label} if you trust everyone on that network",
                    address.port()
                ));
            }
            *to = address;
        }
        Err(_) => text.place.fault(format!(
            "listen = \"{}\" is not an IP address and a port; write listen = {example}",
            text.value.escape_debug()
        )),
    }
    Some(Placed { value: (), place: text.place })
}

/// `+01:00`, `-05:30` or `Z`, as seconds east of UTC.
fn offset(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |digits: &str| {
        let good = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        good.then(|| digits.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let seconds = hours * 3600 + minutes * 60;
    (minutes < 60 && seconds <= 14 * 3600).then_some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets() {
        for (text, seconds) in [("+01:00", 3600), ("-05:30", -19800), ("Z", 0), ("+14:00", 50400)] {
            assert_eq!(offset(text), Some(seconds), "{text}");
        }
        for bad in ["", "01:00", "+1:00", "+14:01", "+01:60", "+0a:00", "CET", "+é:00", "+01:00:00", "++1:00"]
        {
            assert_eq!(offset(bad), None, "{bad}");
        }
    }

    #[test]
    fn listeners_that_meet() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert!(meet(at("127.0.0.1:80"), at("127.0.0.1:80")));
        assert!(meet(at("0.0.0.0:80"), at("127.0.0.1:80")));
        assert!(!meet(at("127.0.0.1:80"), at("127.0.0.2:80")));
        assert!(!meet(at("127.0.0.1:0"), at("127.0.0.1:0")));
    }
}
