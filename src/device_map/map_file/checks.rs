//! What must hold between the points of a map.

use super::link::Limits;
use super::points::{Points, ReadPoint};
use crate::device_map::registers::{Access, RegisterPoint, RegisterTable};

/// Two points in the same registers are a slip more often than a wish.
pub(super) fn overlaps(points: &[ReadPoint]) {
    let mut sorted: Vec<&ReadPoint> = points.iter().collect();
    sorted.sort_by_key(|read| (read.point.table, read.point.address));
    // The point that reaches furthest so far, which need not be the last one.
    let mut far: Option<&ReadPoint> = None;
    for next in sorted {
        if let Some(before) = far.filter(|before| before.point.table == next.point.table) {
            if next.point.address <= last(&before.point) && !next.point.alias && !before.point.alias {
                next.address.fault(format!(
                    "point {} overlaps point {}; set alias = true if this is intended",
                    place(&next.point),
                    place(&before.point)
                ));
            }
            if last(&next.point) <= last(&before.point) {
                continue;
            }
        }
        far = Some(next);
    }
}

/// Its last register. Points end at 65535: that was checked when they were read.
const fn last(point: &RegisterPoint) -> u16 {
    point.address.saturating_add(point.kind.registers().saturating_sub(1))
}

/// `"hz" (input 5035, 1 register)`, with the PDU address.
fn place(point: &RegisterPoint) -> String {
    let table = match point.table {
        RegisterTable::Holding => "holding",
        RegisterTable::Input => "input",
    };
    let registers = point.kind.registers();
    let s = if registers == 1 { "" } else { "s" };
    format!("\"{}\" ({table} {}, {registers} register{s})", point.name, point.address)
}

/// One request must be able to carry each point: half a value is a wrong one.
pub(super) fn sizes(points: &[ReadPoint], limits: &Limits) {
    let largest = |of: fn(&RegisterPoint) -> bool| {
        points
            .iter()
            .map(|read| &read.point)
            .filter(|point| of(point))
            .max_by_key(|point| point.kind.registers())
    };
    let check = |limit: &Option<crate::toml_file::Placed<u16>>, key: &str, point: Option<&RegisterPoint>| {
        if let (Some(limit), Some(point)) = (limit, point)
            && point.kind.registers() > limit.value
        {
            limit.place.fault(format!(
                "{key} is {}, but point \"{}\" has {} registers and must be carried whole; write at least {}",
                limit.value,
                point.name,
                point.kind.registers(),
                point.kind.registers()
            ));
        }
    };
    check(&limits.max_read, "max_read", largest(|point| point.access != Access::Write));
    check(&limits.max_write, "max_write", largest(|point| point.access != Access::Read));
}

/// A power of ten comes from a whole number that can be read.
pub(super) fn scale_sources(points: &Points) {
    for read in &points.list {
        let (Some(name), Some(at)) = (&read.point.scale_from, &read.scale_from) else { continue };
        let label = format!("point \"{}\": scale_from", read.point.name);
        let name = crate::toml_file::Placed { value: name.clone(), place: at.clone() };
        let Some(source) = points.find(&name, &label) else { continue };
        if !source.kind.is_whole() || source.access == Access::Write || source.scale_from.is_some() {
            at.fault(format!(
                "{label}: point \"{}\" must be a whole number that can be read, without a scale_from of its own",
                source.name
            ));
        }
    }
}
