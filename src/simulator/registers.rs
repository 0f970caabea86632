//! The register image of a device: SunSpec models laid out with a binding for each point the device implements.
//!
//! A [`Form`] is made once per kind and shared by all devices of it; a device only owns its registers. What the
//! values are is `unit`'s matter.

mod bindings;
mod encode;

pub use bindings::{Bind, Electric, Energy, Identity, Rating, Role, Setting, Status, What};
pub use encode::{decode, encode, encode_text, scale_for};

use super::orders::Control;
use super::settings::Kind;
use crate::device_map::{Group, Layout, Model, PlacedScale, Point, PointType, Repeat};
use std::collections::HashMap;
use std::sync::Arc;

/// One implemented or unimplemented point, by its place from the base address.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its path within its model, as `W` or `Prt[0].DCW`.
    pub path: String,
    /// First register, counted from the base.
    pub offset: usize,
    /// Registers.
    pub size: usize,
    /// Type.
    pub kind: PointType,
    /// Where its power of ten stands.
    pub scale: Option<CellScale>,
    /// What it shows, and whether it can be written; `None` is not implemented.
    pub bind: Option<Bind>,
    /// Values that an enumeration may take; bit numbers of a bit field.
    pub symbols: Vec<u32>,
    /// Number of the group whose points must be written together.
    pub sync: Option<usize>,
}

impl Cell {
    /// The setting it is, if a client may write it.
    #[must_use]
    pub fn setting(&self) -> Option<Setting> {
        match self.bind {
            Some(Bind::Setting(setting, _)) => Some(setting),
            _ => None,
        }
    }
}

/// Where a power of ten stands.
#[derive(Clone, Copy, Debug)]
pub enum CellScale {
    /// In this register, counted from the base.
    Register(usize),
    /// Here.
    Power(i8),
}

/// The chain of one kind of device.
#[derive(Debug)]
pub struct Form {
    /// Every point, in register order; the marker and the end are not among them.
    pub cells: Vec<Cell>,
    /// Its models, in chain order.
    pub spans: Vec<Span>,
    /// All registers, with headers, sentinels and end model.
    pub blank: Vec<u16>,
    settings: HashMap<Setting, usize>,
}

/// Where one model of a chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Model id.
    pub id: u16,
    /// Its ID register, counted from the base.
    pub offset: usize,
    /// L.
    pub length: u16,
}

impl Span {
    /// The first register behind it.
    #[must_use]
    pub fn end(&self) -> usize {
        self.offset + 2 + usize::from(self.length)
    }
}

/// The model tables of this build lack a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the built-in SunSpec model tables have no usable model {0}")]
pub struct NoModel(pub u16);

/// The marker "SunS".
const MARKER: [u16; 2] = [0x5375, 0x6E53];
/// L of a model that nobody knows.
const UNKNOWN_LENGTH: u16 = 5;

impl Form {
    /// Lays out the chain of a device. `ports` is the number of DC ports of model 714. A device of many models may have
    /// one that nobody knows.
    ///
    /// # Errors
    /// A model that the tables lack.
    pub fn new(
        kind: Kind,
        chain: &[u16],
        ports: u16,
        model: &dyn Fn(u16) -> Option<Arc<Model>>,
    ) -> Result<Self, NoModel> {
        let mut form =
            Self { cells: Vec::new(), spans: Vec::new(), blank: MARKER.to_vec(), settings: HashMap::new() };
        for &id in chain {
            match model(id) {
                Some(model) => form.add(kind, ports, &model).ok_or(NoModel(id))?,
                None if kind == Kind::Models => form.add_unknown(id),
                None => return Err(NoModel(id)),
            }
        }
        form.blank.extend([0xFFFF, 0]);
        for (place, cell) in form.cells.iter().enumerate() {
            if let Some(setting) = cell.setting() {
                form.settings.entry(setting).or_insert(place);
            }
        }
        Ok(form)
    }

    /// The cell of a setting, if the device has it.
    #[must_use]
    pub fn cell_of(&self, setting: Setting) -> Option<&Cell> {
        self.cells.get(*self.settings.get(&setting)?)
    }

    /// The cell of one role of a control.
    #[must_use]
    pub fn role(&self, control: Control, role: Role) -> Option<&Cell> {
        self.cell_of(Setting::Control(control, role))
    }

    /// The cells of one model.
    #[must_use]
    pub fn cells_of(&self, span: &Span) -> &[Cell] {
        self.overlapping(span.offset, span.end() - span.offset)
    }

    /// A point in every instance of its model.
    pub fn points<'a>(&'a self, id: u16, path: &'a str) -> impl Iterator<Item = &'a Cell> {
        let spans = self.spans.iter().filter(move |s| s.id == id);
        spans.flat_map(|s| self.cells_of(s)).filter(move |c| c.path == path)
    }

    /// Places of the cells that overlap a stretch of registers.
    #[must_use]
    pub fn overlapping(&self, first: usize, count: usize) -> &[Cell] {
        let from = self.cells.partition_point(|c| c.offset + c.size <= first);
        let to = self.cells.partition_point(|c| c.offset < first + count);
        self.cells.get(from..to).unwrap_or_default()
    }

    /// A model that no table names, with registers that mean nothing to anybody.
    fn add_unknown(&mut self, id: u16) {
        self.spans.push(Span { id, offset: self.blank.len(), length: UNKNOWN_LENGTH });
        self.blank.extend([id, UNKNOWN_LENGTH]);
        self.blank.extend((1..=UNKNOWN_LENGTH).map(|n| n * 0x1111));
    }

    fn add(&mut self, kind: Kind, ports: u16, model: &Model) -> Option<()> {
        let start = self.blank.len();
        let every = kind == Kind::Models;
        let times = |name: Option<&str>| bindings::instances(every, ports, model.id, name);
        let length = u16::try_from(registers(&model.group, &times).checked_sub(2)?).ok()?;
        let layout = Layout::new(model, length, &|name| Some(times(Some(name))));
        let instance = self.spans.iter().filter(|s| s.id == model.id).count();
        let sync = sync_groups(&model.group);
        for (place, placed) in layout.points.iter().enumerate() {
            let offset = start + usize::from(placed.offset);
            let bind = match place {
                0 | 1 => None,
                _ => bindings::bind(kind, ports, (model.id, instance), &placed.path, &placed.point),
            };
            self.blank.extend(blank(&placed.point));
            self.cells.push(Cell {
                path: placed.path.clone(),
                offset,
                size: usize::from(placed.point.size),
                kind: placed.point.kind,
                scale: placed.scale.and_then(|s| match s {
                    PlacedScale::Point(p) => {
                        layout.points.get(p).map(|p| CellScale::Register(start + usize::from(p.offset)))
                    }
                    PlacedScale::Power(power) => Some(CellScale::Power(power)),
                    PlacedScale::Missing => None,
                }),
                // What the model does not let anybody write is no setting, whatever the binding says.
                bind: bind.filter(|b| placed.point.writable || !matches!(b, Bind::Setting(..))),
                symbols: placed.point.symbols.iter().map(|s| s.value).collect(),
                sync: sync.iter().position(|name| placed.path.starts_with(name)).map(|n| start * 16 + n),
            });
        }
        for (place, value) in [model.id, length].into_iter().enumerate() {
            *self.blank.get_mut(start + place)? = value;
        }
        let span = Span { id: model.id, offset: start, length };
        self.spans.push(span);
        (self.blank.len() == span.end()).then_some(())
    }
}

/// Registers of a group with its subgroups; `times` says how often those stand there that do not say it themselves.
fn registers(group: &Group, times: &dyn Fn(Option<&str>) -> u16) -> usize {
    let inner = group.groups.iter().map(|inner| {
        let count = match &inner.repeat {
            Repeat::Times(count) => *count,
            Repeat::Point(name) => times(Some(name)),
            Repeat::FillLength => times(None),
        };
        usize::from(count) * registers(inner, times)
    });
    group.own_registers() + inner.sum::<usize>()
}

/// Path prefixes of the groups that must be written whole.
fn sync_groups(top: &Group) -> Vec<String> {
    let once = |g: &&Group| g.sync && g.repeat == Repeat::Times(1);
    top.groups.iter().filter(once).map(|g| format!("{}.", g.name)).collect()
}

/// What a point reads that the device does not implement.
fn blank(point: &Point) -> Vec<u16> {
    let size = usize::from(point.size);
    let sentinel = point.kind.not_implemented().unwrap_or_default();
    if point.kind == PointType::Pad {
        return vec![0x8000; size];
    }
    (0..size).map(|n| sentinel.get(n).copied().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests;
