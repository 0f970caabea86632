//! Cutting a model into reads: never within a point, and where it can be helped never within a group.
//!
//! (SunSpec reference section 5.)

use super::layouts::CLEARS_ON_READ;
use crate::device_map::Layout;

/// A read of a part of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Registers from the model's ID register.
    pub offset: u16,
    /// How many.
    pub quantity: u16,
}

impl Part {
    const fn end(self) -> u16 {
        self.offset.saturating_add(self.quantity)
    }
}

/// Where the part of a model ends that is read in each poll. Behind it stand texts (701) or events (21x) that take
/// a read of their own.
#[must_use]
pub fn usual_end(model: u16) -> u16 {
    match model {
        701 => 123,
        211..=214 => 124,
        _ => u16::MAX,
    }
}

/// Cuts points (offset and size, in order) into reads of at most `max_read` registers; a longer point stands alone.
#[must_use]
pub fn cut(points: impl Iterator<Item = (u16, u16)>, max_read: u16) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for (offset, size) in points {
        let end = offset.saturating_add(size);
        match parts.last_mut() {
            Some(part) if end - part.offset <= max_read => part.quantity = end - part.offset,
            _ => parts.push(Part { offset, quantity: size }),
        }
    }
    // A point longer than a read cannot be read at all without splitting it.
    parts.retain(|part| part.quantity <= max_read.max(2));
    parts
}

/// Plans the reads of a layout up to a register: whole groups together as far as they fit in a read.
#[must_use]
pub fn plan(layout: &Layout, end: u16, max_read: u16) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let wanted: Vec<_> = layout.points.iter().filter(|p| p.offset < end).collect();
    // A gap is a border: what is not to be read is not read along.
    let skipped = |path: &str| CLEARS_ON_READ.contains(&(layout.id, path));
    let mut open = false;
    for unit in wanted.chunk_by(|a, b| group_of(&a.path) == group_of(&b.path) && !skipped(&b.path)) {
        let unit = if unit.first().is_some_and(|p| skipped(&p.path)) {
            open = false;
            unit.get(1..).unwrap_or_default()
        } else {
            unit
        };
        let (Some(first), Some(last)) = (unit.first(), unit.last()) else { continue };
        let stretch = last.offset.saturating_add(last.point.size).saturating_sub(first.offset);
        let whole = Part { offset: first.offset, quantity: stretch };
        match parts.last_mut() {
            Some(part) if open && whole.end() - part.offset <= max_read => {
                part.quantity = whole.end() - part.offset;
            }
            _ if stretch <= max_read => parts.push(whole),
            _ => parts.extend(cut(unit.iter().map(|p| (p.offset, p.point.size)), max_read)),
        }
        open = true;
    }
    parts
}

/// The top-level group instance of a path; all points outside groups are one.
fn group_of(path: &str) -> &str {
    path.split_once('.').map_or("", |(group, _)| group)
}
