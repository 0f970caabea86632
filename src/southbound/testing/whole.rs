//! A device with every model that is known, for tests: two of each repeating group, every point implemented.

use super::Book;
use crate::device_map::{Group, Layout, Model, Point, PointType, Repeat, models};
use std::sync::Arc;

/// Registers of a group with two of each repeating group in it.
fn registers(group: &Group) -> u16 {
    let inner = group.groups.iter().map(|inner| match inner.repeat {
        Repeat::Times(n) => n * registers(inner),
        Repeat::Point(_) | Repeat::FillLength => 2 * registers(inner),
    });
    u16::try_from(group.own_registers()).unwrap() + inner.sum::<u16>()
}

fn counts(group: &Group, name: &str) -> bool {
    matches!(&group.repeat, Repeat::Point(point) if point == name)
        || group.groups.iter().any(|inner| counts(inner, name))
}

/// Registers of a plain value: a number 1, the first of the named values or bits, a text.
fn plain(model: &Model, point: &Point) -> Vec<u16> {
    use PointType as T;
    let first = point.symbols.first().map_or(1, |symbol| symbol.value);
    let bit = point.symbols.first().map_or(1, |symbol| 1 << symbol.value);
    let value: u32 = match point.kind {
        T::Pad => 0x8000,
        T::Sunssf => 0,
        T::Enum16 | T::Enum32 => first,
        _ if (model.id, point.name.as_str()) == (122, "ECPConn") => first,
        T::Bitfield16 | T::Bitfield32 | T::Bitfield64 => bit,
        T::String => return std::iter::once(0x4100).chain(vec![0; usize::from(point.size) - 1]).collect(),
        T::Float32 => 1.5_f32.to_bits(),
        T::Float64 => return vec![0x3FF8, 0, 0, 0],
        _ if counts(&model.group, &point.name) => 2,
        _ => 1,
    };
    let mut words = vec![0; usize::from(point.size)];
    let [.., before, last] = words.as_mut_slice() else {
        return vec![u16::try_from(value).unwrap(); usize::from(point.size)];
    };
    *before = u16::try_from(value >> 16).unwrap();
    *last = u16::try_from(value & 0xFFFF).unwrap();
    words
}

/// A device with every model.
pub fn whole() -> Book {
    let mut book = Book::at(0);
    for id in models().ids() {
        let model = models().get(id).unwrap();
        let length = registers(&model.group) - 2;
        let layout = Arc::new(Layout::new(&model, length, &|_| Some(2)));
        let address = book.next;
        for placed in &layout.points {
            book.put(address + placed.offset, &plain(&model, &placed.point));
        }
        book.put(address, &[id, length]);
        book.places.push((id, address, layout));
        book.next = address + 2 + length;
        book.put(book.next, &[0xFFFF, 0]);
    }
    book
}
