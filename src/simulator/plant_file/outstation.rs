//! The keys of `[[dnp3]]` alone: link addresses.

use crate::simulator::settings::LinkAddresses;
use crate::toml_file::Table;

/// This program can simulate outstations.
pub const POSSIBLE: bool = cfg!(feature = "dnp3");
/// Largest link address that an end can have.
const LARGEST: i64 = 65_519;

/// The link addresses of one of several on a line, counted from the first.
///
/// # Errors
/// No outstation can have that address there: in words.
pub fn on_line(first: LinkAddresses, number: usize) -> Result<LinkAddresses, String> {
    let next = u16::try_from(number).ok().and_then(|number| first.outstation.checked_add(number));
    match next.filter(|address| i64::from(*address) <= LARGEST) {
        Some(address) if address == first.master => Err(format!(
            "with this count an outstation has the link address of its master, {address}; choose another master or outstation"
        )),
        Some(outstation) => Ok(LinkAddresses { outstation, ..first }),
        None => Err(format!("with this count the link addresses run past {LARGEST}; start lower")),
    }
}

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
