//! The keys of `[[dnp3]]` alone: link addresses.

use crate::simulator::settings::LinkAddresses;
use crate::toml_file::Table;

/// This program can simulate outstations.
pub const POSSIBLE: bool = cfg!(feature = "dnp3");
/// Largest link address that an end can have.
const LARGEST: i64 = 65_519;

/// The link addresses of an entry.
pub fn addresses(table: &mut Table) -> LinkAddresses {
    let usual = LinkAddresses::default();
    let mut address = |key, usual: u16| {
        let asked = table.integer(key, 0..=LARGEST, &usual.to_string());
        asked.and_then(|asked| u16::try_from(asked.value).ok().map(|raw| (raw, asked.place)))
    };
    let outstation = address("outstation", usual.outstation);
    let master = address("master", usual.master);
    let raw = |given: &Option<(u16, _)>, usual| given.as_ref().map_or(usual, |(raw, _)| *raw);
    let addresses =
        LinkAddresses { outstation: raw(&outstation, usual.outstation), master: raw(&master, usual.master) };
    if let Some((_, place)) = outstation.or(master).filter(|_| addresses.outstation == addresses.master) {
        place.fault("outstation and master have the same link address; give each its own");
    }
    addresses
}
