//! `[link]` of an outstation: the connection and the association.

use super::super::link::{TIMEOUT_MS, number, read_serial, read_transports};
use super::layers::Layers;
use super::usual_link;
use crate::device_map::dnp3::{ReadPlan, SessionOptions, TimeSync, Unsolicited};
use crate::device_map::map::{LinkOptions, Transport};
use std::time::Duration;

const TRANSPORTS: [(&str, Transport); 3] =
    [("tcp", Transport::Tcp), ("tls", Transport::Tls), ("serial", Transport::Serial)];

const TIME_SYNC: [(&str, TimeSync); 5] = [
    ("auto", TimeSync::Auto),
    ("lan", TimeSync::Lan),
    ("nonlan", TimeSync::NonLan),
    ("write", TimeSync::Write),
    ("off", TimeSync::Off),
];

pub(super) fn read(layers: Option<Layers>) -> (LinkOptions, SessionOptions) {
    let (usual, session) = (usual_link(), SessionOptions::default());
    let Some(mut layers) = layers else { return (usual, session) };
    let transports = read_transports(layers.texts("transports", "\"tcp\""), &TRANSPORTS);
    let port = layers.integer("port", 1..=65_535, "20000").and_then(number::<u16>).map(|port| port.value);
    let millis = |given: Option<crate::toml_file::Placed<i64>>, usual: Duration| {
        given.and_then(|ms| u64::try_from(ms.value).ok()).map_or(usual, Duration::from_millis)
    };
    let connect_timeout =
        millis(layers.integer("connect_timeout_ms", TIMEOUT_MS, "3000"), usual.connect_timeout);
    let response_timeout =
        millis(layers.integer("response_timeout_ms", TIMEOUT_MS, "10000"), usual.response_timeout);
    let serial = layers.take("serial").and_then(|given| given.item.table("serial = { baud = 9600 }"));
    let keep_alive = seconds(&mut layers, "keep_alive_s", 0, 3600, "30");
    let lost_after_answers = layers.integer("lost_after_answers", 1..=20, "3");
    let time_sync = layers.word("time_sync", &TIME_SYNC);
    let unsolicited = layers.word("unsolicited", &[("auto", Unsolicited::Auto), ("off", Unsolicited::Off)]);
    let read = layers.word("read", &[("classes", ReadPlan::Classes), ("ranges", ReadPlan::Ranges)]);
    let integrity = seconds(&mut layers, "integrity_s", 10, 86_400, "3600");
    layers.finish();
    let link = LinkOptions {
        transports,
        port,
        connect_timeout,
        response_timeout,
        serial: serial.map(read_serial),
        ..usual
    };
    let session = SessionOptions {
        keep_alive: keep_alive.map_or(session.keep_alive, |time| Some(time).filter(|time| !time.is_zero())),
        lost_after_answers: lost_after_answers
            .and_then(number)
            .map_or(session.lost_after_answers, |count| count.value),
        time_sync: time_sync.unwrap_or_default(),
        unsolicited: unsolicited.unwrap_or_default(),
        read: read.unwrap_or_default(),
        integrity: integrity.unwrap_or(session.integrity),
    };
    (link, session)
}

fn seconds(layers: &mut Layers, key: &'static str, least: i64, most: i64, example: &str) -> Option<Duration> {
    let given = layers.integer(key, least..=most, example)?;
    u64::try_from(given.value).ok().map(Duration::from_secs)
}
