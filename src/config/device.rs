//! One `[[device]]`.

use super::registry::{mrid, name};
use super::tls;
use crate::der::Mrid;
use crate::device_map::{DEFAULT_OUTSTATION, DeviceMap, LinkOptions, MapKind, Maps};
use crate::southbound::Link;
use crate::toml_file::{Place, Placed, Table};
use std::sync::Arc;
use std::time::Duration;

const POLL: Duration = Duration::from_secs(1);
/// Of an outstation on a serial line: it tells its changes in between, and the line is slow.
const POLL_DNP3_SERIAL: Duration = Duration::from_secs(5);
const POLL_FASTEST: Duration = Duration::from_millis(100);
const POLL_SLOWEST: Duration = Duration::from_secs(3600);

/// What is assumed of a device whose table names no map.
const SUNSPEC_MAP: &str = "sunspec";

/// Longest serial number: 16 registers of model 1.
const MAX_SERIAL: usize = 32;

/// A device as far as its table is right.
#[derive(Debug)]
pub(super) struct Read {
    pub mrid: Option<Placed<Mrid>>,
    pub name: Option<Placed<String>>,
    pub link: Option<Placed<Link>>,
    pub map: Option<Arc<DeviceMap>>,
    pub map_named: bool,
    pub serial: Option<String>,
    pub tls: tls::Keys,
    pub poll: Duration,
}

/// `maps`: `None` if it is not known which maps there are. `incomplete`: some map files could not be read, so a map
/// that is not there may be one of them.
pub(super) fn read(mut table: Table, maps: Option<&Maps>, incomplete: bool) -> Read {
    let mrid = table.required_text("mrid", "\"1b6f3c90-84aa-4f2d-b7c5-90e1a2d3f401\"").and_then(mrid);
    let name = table.text("name", "\"PV-001\"").and_then(name);
    let map_id = table.text("map", "\"sunspec\"");
    let map_named = map_id.is_some();
    let named = maps.zip(map_id.as_ref()).and_then(|(maps, id)| find_map(id, maps, incomplete));
    let example = match &named {
        Some(map) if map.kind == MapKind::Dnp3 => "\"dnp3+tcp://192.0.2.31:20000?outstation=1024\"",
        _ => "\"modbus+tcp://192.0.2.21:502?unit=1\"",
    };
    let link_text = table.required_text("link", example);
    let outstation = link_text.as_ref().is_some_and(|text| text.value.starts_with("dnp3"));
    let usual_map = if outstation { DEFAULT_OUTSTATION } else { SUNSPEC_MAP };
    let map = match &map_id {
        None => maps.and_then(|maps| maps.get(usual_map).cloned()),
        Some(_) => named,
    };
    let usual = LinkOptions::default();
    let link = link_text.and_then(|text| {
        match Link::parse_for(&text.value, map.as_ref().map_or(&usual, |map| &map.link)) {
            Ok(link) => Some(Placed { value: link, place: text.place }),
            Err(why) => {
                text.place.fault(why.to_string());
                None
            }
        }
    });
    let serial = table.text("serial", "\"1130012345\"").and_then(serial);
    let tls = tls::keys(&mut table);
    let usual_poll = match &link {
        Some(Placed { value: Link::Dnp3Serial(_), .. }) => POLL_DNP3_SERIAL,
        _ => POLL,
    };
    let poll = table.duration("poll", POLL_FASTEST..=POLL_SLOWEST, "\"1s\"");
    let poll = poll.map_or(usual_poll, |poll| poll.value);
    table.finish();
    if let Some(link) = &link {
        match &map {
            Some(map) => {
                let place = map_id.as_ref().map_or(&link.place, |id| &id.place);
                fits(link, map, place);
                if let Some(words) = map.lacks() {
                    place.remark(format!("warning: {words}"));
                }
            }
            None if map_id.is_none() && maps.is_some() && !incomplete => link.place.fault(format!(
                "there is no device map \"{usual_map}\", which this device would have; name another one with map"
            )),
            None => {}
        }
    }
    Read { mrid, name, link, map, map_named, serial, tls, poll }
}

/// A fault if the map describes devices of the other protocol.
fn fits(link: &Placed<Link>, map: &DeviceMap, place: &Place) {
    let link = link.value.to_string();
    let scheme = link.split("://").next().unwrap_or_default();
    let id = &map.id;
    match (scheme.starts_with("dnp3"), map.kind == MapKind::Dnp3) {
        (true, false) => place.fault(format!(
            "the map \"{id}\" is for Modbus devices, but the link of this one is {scheme}; name a map of kind \"dnp3\", or leave map out for \"{DEFAULT_OUTSTATION}\""
        )),
        (false, true) => place.fault(format!(
            "the map \"{id}\" is for DNP3 outstations, but the link of this one is {scheme}; write a dnp3+tcp, dnp3+tls or dnp3+serial link, or name another map"
        )),
        (true, true) | (false, false) => {}
    }
}

/// The serial number of the device that shall stand here.
fn serial(text: Placed<String>) -> Option<String> {
    let trimmed = text.value.trim();
    if trimmed.is_empty() || trimmed.chars().count() > MAX_SERIAL {
        text.place.fault(format!("serial is 1 to {MAX_SERIAL} characters, as the device itself tells it"));
        return None;
    }
    Some(trimmed.to_owned())
}

fn find_map(id: &Placed<String>, maps: &Maps, incomplete: bool) -> Option<Arc<DeviceMap>> {
    let found = maps.get(&id.value).cloned();
    if found.is_none() && !incomplete {
        let right = match maps.nearest(&id.value) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!(
                "the maps are {}; add a folder to device_maps in [gateway] for more",
                maps.ids().take(20).collect::<Vec<_>>().join(", ")
            ),
        };
        let shown: String = id.value.chars().take(80).collect();
        id.place.fault(format!("there is no device map \"{}\"; {right}", shown.escape_debug()));
    }
    found
}
