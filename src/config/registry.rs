//! All devices and groups of a configuration, and what must hold between them.

use super::tls::Section;
use super::{device, group, links, tls};
use crate::der::{DeviceIndex, EndDeviceGroup, Mrid, Name};
use crate::device_map::Maps;
use crate::nearest::nearest;
use crate::southbound::DeviceSettings;
use crate::toml_file::{Place, Placed, Table};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

/// Most devices of one gateway.
const MAX_DEVICES: usize = 100_000;

/// Most groups of one gateway.
const MAX_GROUPS: usize = 100_000;

/// Longest name.
const MAX_NAME: usize = 128;

/// Near words are sought for so many unknown members; each search reads every device.
const MAX_SEARCHES: usize = 20;

/// Devices and groups as they are read.
#[derive(Debug)]
pub(super) struct Registry {
    maps: Option<Arc<Maps>>,
    maps_incomplete: bool,
    partial: bool,
    tls: Section,
    devices: Vec<device::Read>,
    groups: Vec<group::Read>,
}

impl Registry {
    pub(super) fn new(maps: Option<Arc<Maps>>, maps_incomplete: bool) -> Self {
        Self {
            maps,
            maps_incomplete,
            partial: false,
            tls: Section::Unknown,
            devices: Vec::new(),
            groups: Vec::new(),
        }
    }

    /// Some devices could not be read, so a name that is not there is no fault.
    pub(super) fn mark_partial(&mut self) {
        self.partial = true;
    }

    /// What is known of `[southbound.tls]`.
    pub(super) fn set_tls(&mut self, section: Section) {
        self.tls = section;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.devices.is_empty() && !self.partial
    }

    /// Takes `[[device]]` and `[[group]]` of a file.
    pub(super) fn take_tables(&mut self, root: &mut Table) {
        for table in root.tables("device") {
            if self.devices.len() >= MAX_DEVICES {
                table.fault(format!("more than {MAX_DEVICES} devices; one gateway serves at most so many"));
                break;
            }
            self.devices.push(device::read(table, self.maps.as_deref(), self.maps_incomplete));
        }
        for table in root.tables("group") {
            if self.groups.len() >= MAX_GROUPS {
                table.fault(format!("more than {MAX_GROUPS} groups; one gateway serves at most so many"));
                break;
            }
            self.groups.push(group::read(table));
        }
    }

    /// Checks what must hold between them. Without a fault so far, nothing is missing from the result.
    pub(super) fn finish(self) -> (Vec<DeviceSettings>, Vec<EndDeviceGroup>) {
        let members = self.check_devices();
        self.check_groups(&members);
        let groups = self.groups.iter().filter_map(|group| members.group(group)).collect();
        let clients = tls::clients(&self.tls, &self.devices);
        let devices = self.devices.into_iter().zip(clients).enumerate();
        let devices = devices.filter_map(|(k, (d, tls))| settings(k, d, tls)).collect();
        (devices, groups)
    }

    fn check_devices(&self) -> Members {
        let mut members = Members { partial: self.partial, ..Members::default() };
        let mut links = links::Links::default();
        for device in &self.devices {
            let words = device.name.iter().map(|name| name.value.as_str());
            let words = words.chain(device.mrid.iter().map(|mrid| mrid.value.as_str()));
            members.words.extend(words.map(str::to_owned));
            if let Some(mrid) = &device.mrid {
                let what = "this mRID is already that of the device";
                once(&mut members.by_mrid, mrid.value.clone(), &mrid.place, what);
            }
            if let Some(name) = &device.name {
                let what = "this name is already that of the device";
                if once(&mut members.by_name, name.value.clone(), &name.place, what) {
                    let mrid = device.mrid.as_ref().map(|mrid| mrid.value.clone());
                    members.mrid_of.insert(name.value.clone(), mrid);
                }
            }
            if let Some(link) = &device.link {
                links.take(link);
            }
        }
        members
    }

    fn check_groups(&self, devices: &Members) {
        let (mut mrids, mut names) = (HashMap::new(), HashMap::new());
        for group in &self.groups {
            if let Some(mrid) = &group.mrid {
                if let Some(device) = devices.by_mrid.get(&mrid.value) {
                    let there = device.seen_from(&mrid.place);
                    mrid.place.fault(format!(
                        "this mRID is already that of the device at {there}; give each its own"
                    ));
                }
                once(&mut mrids, mrid.value.clone(), &mrid.place, "this mRID is already that of the group");
            }
            if let Some(name) = &group.name {
                once(&mut names, name.value.clone(), &name.place, "this name is already that of the group");
            }
        }
    }
}

/// Devices as groups name them.
#[derive(Debug, Default)]
struct Members {
    partial: bool,
    by_mrid: HashMap<Mrid, Place>,
    by_name: HashMap<String, Place>,
    mrid_of: HashMap<String, Option<Mrid>>,
    /// Names and mRIDs in the order of the file.
    words: Vec<String>,
    searches: std::cell::Cell<usize>,
}

impl Members {
    fn group(&self, group: &group::Read) -> Option<EndDeviceGroup> {
        let mut seen = HashSet::new();
        for member in &group.members {
            if let Some(mrid) = self.resolve(member)
                && !seen.insert(mrid)
            {
                member.place.fault("this device is already a member of the group; name each device once");
            }
        }
        let mut members = Vec::with_capacity(seen.len());
        members.extend(group.members.iter().filter_map(|member| self.known(&member.value)).flatten());
        Some(EndDeviceGroup {
            mrid: group.mrid.as_ref()?.value.clone(),
            description: None,
            functions: group.functions,
            members,
            names: group.name.iter().map(|name| Name::plain(name.value.clone())).collect(),
            version: None,
        })
    }

    /// The mRID of a device by mRID or name: `Some(None)` if the device is there, but its mRID is wrong.
    fn known(&self, text: &str) -> Option<Option<Mrid>> {
        let mrid = Mrid::parse(text).ok().filter(|mrid| self.by_mrid.contains_key(mrid));
        mrid.map(Some).or_else(|| self.mrid_of.get(text.trim()).cloned())
    }

    fn resolve(&self, member: &Placed<String>) -> Option<Mrid> {
        if let Some(known) = self.known(&member.value) {
            return known;
        }
        if self.partial {
            return None;
        }
        let shown: String = member.value.chars().take(80).collect();
        let searches = self.searches.get();
        self.searches.set(searches + 1);
        let most = if searches < MAX_SEARCHES { usize::MAX } else { 0 };
        let words = self.words.iter().map(String::as_str).take(most);
        let right = match nearest(&member.value, words) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "members are mRIDs or names of [[device]] tables".to_owned(),
        };
        member.place.fault(format!("there is no device \"{}\"; {right}", shown.escape_debug()));
        None
    }
}

fn settings(place: usize, device: device::Read, tls: Option<tls::Client>) -> Option<DeviceSettings> {
    let mrid = device.mrid?.value;
    let name = device.name.map_or_else(|| mrid.as_str().to_owned(), |name| name.value);
    let index = DeviceIndex::new(place);
    Some(DeviceSettings {
        index,
        mrid,
        name,
        link: device.link?.value,
        tls,
        map: device.map?,
        map_named: device.map_named,
        serial: device.serial,
        record: None,
        poll: device.poll,
    })
}

/// Remembers a key; a fault if it was there before. True if it is new.
pub(super) fn once<K: Eq + Hash>(seen: &mut HashMap<K, Place>, key: K, place: &Place, what: &str) -> bool {
    if let Some(first) = seen.get(&key) {
        place.fault(format!("{what} at {}; give each its own", first.seen_from(place)));
        return false;
    }
    seen.insert(key, place.clone());
    true
}

/// A name of a gateway, device or group: something to read on one line.
pub(super) fn name(text: Placed<String>) -> Option<Placed<String>> {
    let trimmed = text.value.trim();
    let right = if trimmed.is_empty() {
        "the name is empty; write a name, or leave the line out where a name is not required".to_owned()
    } else if trimmed.chars().count() > MAX_NAME {
        format!("the name is longer than {MAX_NAME} characters; shorten it")
    } else if trimmed.chars().any(char::is_control) {
        "the name has control characters; write it on one line".to_owned()
    } else {
        return Some(Placed { value: trimmed.to_owned(), place: text.place });
    };
    text.place.fault(right);
    None
}

/// An mRID of a device or group.
pub(super) fn mrid(text: Placed<String>) -> Option<Placed<Mrid>> {
    match Mrid::parse(&text.value) {
        Ok(mrid) => Some(Placed { value: mrid, place: text.place }),
        Err(why) => {
            text.place.fault(format!("{why}; write a UUID, such as one that uuidgen prints"));
            None
        }
    }
}
