//! One model instance: its name, what is odd about its length, its points.

use super::points::point_of;
use super::{Body, ProbedPoint, lay_out};
use crate::device_map::{Layout, Model, PointType};
use crate::southbound::ProbeOptions;
use crate::southbound::modbus::BusError;
use crate::southbound::sunspec::block::{Lookup, ModelAt};
use crate::southbound::sunspec::tools::Source;

/// One model of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbedModel {
    /// Model id.
    pub id: u16,
    /// How many of the same id stand before it in the chain.
    pub instance: u16,
    /// The logical device that it belongs to, counted from 0: a second model 1 begins another one.
    pub device: usize,
    /// Its name in the SunSpec tables; `None` if this build does not know the model.
    pub name: Option<String>,
    /// Address of its ID register.
    pub address: u16,
    /// L.
    pub length: u16,
    /// What is odd about it.
    pub warnings: Vec<String>,
    /// Its points, in register order, without ID, L and pads; also those that the device does not implement.
    pub points: Vec<ProbedPoint>,
}

impl ProbedModel {
    /// A model of which only the header is known.
    pub(super) fn blank(device: usize, at: ModelAt, lookup: &Lookup) -> Self {
        Self {
            id: at.id,
            instance: at.instance,
            device,
            name: lookup(at.id).map(|model| model.group.name.clone()),
            address: at.address,
            length: at.length,
            warnings: Vec::new(),
            points: Vec::new(),
        }
    }

    /// `103`, or `160[1]` for the second of its id.
    #[must_use]
    pub fn label(&self) -> String {
        label(self.id, self.instance)
    }
}

/// `103`, or `160[1]` for the second of its id.
#[must_use]
pub fn label(id: u16, instance: u16) -> String {
    if instance == 0 { id.to_string() } else { format!("{id}[{instance}]") }
}

/// Reads a model whole; what the device refuses is left out and said. Its registers are empty if nothing is known of it.
pub async fn read_model(
    source: &Source<'_>,
    mut probed: ProbedModel,
    at: ModelAt,
    lookup: &Lookup,
    options: &ProbeOptions,
) -> Result<(ProbedModel, Vec<u16>), BusError> {
    let Some(model) = lookup(at.id) else { return Ok((probed, Vec::new())) };
    if options.sunspec.ignore_models.contains(&at.id) {
        probed.warnings.push("not read: the device map ignores it".to_owned());
        return Ok((probed, Vec::new()));
    }
    let longest = options.link.max_read;
    let mut body = Body::of(at);
    let layout = lay_out(source, &model, longest, &mut body).await?;
    let points: Vec<(u16, u16)> = layout.points.iter().map(|p| (p.offset, p.point.size)).collect();
    body.read_gently(source, &layout, &points, longest).await?;
    for hole in body.holes() {
        let last = hole.offset.saturating_add(hole.quantity).saturating_sub(1);
        let words = format!("registers {} to {last} of the model: {}", hole.offset, hole.reason);
        probed.warnings.push(words);
    }
    let right = options.sunspec.model_lengths.get(&at.id).is_some_and(|all| all.contains(&at.length));
    if !right {
        probed.warnings.extend(odd_length(at, &model, &layout));
    }
    let registers = body.filled();
    let shown = layout.points.iter().skip(2).filter(|p| p.point.kind != PointType::Pad);
    probed.points = shown.map(|placed| point_of(&body, &layout, &registers, placed)).collect();
    Ok((probed, body.leading()))
}

fn odd_length(at: ModelAt, model: &Model, layout: &Layout) -> Option<String> {
    // Model 1 without its pad is in the field as often as with it.
    if (at.id, at.length) == (1, 65) {
        return None;
    }
    let fixed = model.fixed_length();
    if layout.short {
        return Some(format!(
            "short: L is {}, the model has {fixed}; points beyond are not there",
            at.length
        ));
    }
    let used = layout.points.last().map_or(0, |p| usize::from(p.offset) + usize::from(p.point.size));
    let beyond = (usize::from(at.length) + 2).saturating_sub(used);
    (beyond > 0).then(|| format!("{beyond} registers behind the known points are not read"))
}
