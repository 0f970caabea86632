//! `[identify]`: a register whose raw value tells the device.

use super::points::{Defaults, raw_list, read_place, read_type};
use crate::device_map::registers::{Identify, RegisterType};
use crate::toml_file::Table;

const LABEL: &str = "[identify]";

pub(super) fn read(mut table: Table, defaults: &Defaults) -> Option<Identify> {
    let read = table.require("read", "{ table = \"input\", address = 5000, type = \"u16\" }");
    let any_of = table.require("any_of", "[0x26, 0x27]");
    table.finish();
    let mut read = read?.table("read = { address = 5000, type = \"u16\" }")?;
    let kind = match read.text("type", "\"u16\"") {
        Some(word) => read_type(&word, LABEL),
        None => Some(RegisterType::U16),
    };
    let place = read_place(&mut read, kind, LABEL, defaults);
    read.finish();
    let (kind, (table, address, at), any_of) = (kind?, place?, any_of?);
    if !kind.is_whole() {
        at.fault(format!("{LABEL}: it compares whole numbers, which type {} has not", kind.word()));
        return None;
    }
    let list_place = any_of.place().clone();
    let any_of = raw_list(any_of, kind, LABEL, "any_of");
    if any_of.is_empty() {
        list_place.fault(format!("{LABEL}: any_of needs at least one value that the register has"));
    }
    Some(Identify { table, address, kind, any_of })
}
