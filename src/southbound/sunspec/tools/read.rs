//! Single points and registers, read once: only what is asked for, and what it takes to understand it.

use super::named::probed;
use super::target::{RawTarget, Target};
use super::{Session, Source};
use crate::device_map::{Layout, Model, PlacedPoint, PlacedScale, PointType};
use crate::nearest::nearest;
use crate::southbound::modbus::BusError;
use crate::southbound::sunspec::block::ModelAt;
use crate::southbound::sunspec::probe::{
    Body, ProbeError, ProbedPoint, WholeChain, label, lay_out, point_of,
};
use std::sync::Arc;

/// What became of one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What was asked for.
    pub target: Target,
    /// What the device says, or why it cannot be told, in words.
    pub result: Result<Vec<Shown>, String>,
}

/// One thing read.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// A point of a model.
    Point(ReadPoint),
    /// Registers by address.
    Raw(RawRead),
    /// A point of a register map.
    Named(ProbedPoint),
}

/// A point of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadPoint {
    /// Model and instance: `103`, `160[1]`.
    pub model: String,
    /// The point.
    pub point: ProbedPoint,
}

/// Registers by address.
#[derive(Clone, Debug, PartialEq)]
pub struct RawRead {
    /// Where, and how they are read.
    pub target: RawTarget,
    /// As they stand.
    pub words: Vec<u16>,
}

/// A model of the device, found and laid out, with what was read of it.
pub(super) struct Found {
    pub(super) at: ModelAt,
    pub(super) model: Arc<Model>,
    pub(super) layout: Layout,
    pub(super) body: Body,
}

/// Why a target cannot be served.
pub(super) enum Trouble {
    /// In words; the other targets may be served all the same.
    Words(String),
    /// The device does not answer.
    Bus(BusError),
}

impl From<BusError> for Trouble {
    fn from(error: BusError) -> Self {
        Self::Bus(error)
    }
}

impl Session {
    /// Reads targets, in the order given.
    ///
    /// # Errors
    /// The device does not answer, or has no chain although a point of a model is asked for. What is wrong with one
    /// target stands in its answer.
    pub async fn read(&self, targets: &[Target]) -> Result<Vec<Answer>, ProbeError> {
        let source = Source::Line(self.line());
        let chain = self.chain_for(targets.iter()).await?;
        let named = self.named(targets.iter()).await.map_err(|error| self.broken(error))?;
        let mut answers = Vec::with_capacity(targets.len());
        for target in targets {
            let result = match target {
                Target::Raw(raw) => read_raw(&source, *raw).await,
                Target::Named(name) => match named.as_ref().and_then(|points| points.look(name)) {
                    Some(look) => Ok(vec![Shown::Named(probed(&look))]),
                    None => Err(Trouble::Words(self.no_name(name))),
                },
                Target::Model { id, instance, path } => {
                    self.read_points(&source, &chain, (*id, *instance), path.as_deref()).await
                }
            };
            let result = match result {
                Ok(shown) => Ok(shown),
                Err(Trouble::Words(words)) => Err(words),
                Err(Trouble::Bus(error)) => return Err(self.broken(error)),
            };
            answers.push(Answer { target: target.clone(), result });
        }
        Ok(answers)
    }

    /// The chain, if one of the targets needs it.
    pub(super) async fn chain_for(
        &self,
        mut targets: impl Iterator<Item = &Target>,
    ) -> Result<WholeChain, ProbeError> {
        if targets.any(|target| matches!(target, Target::Model { .. })) {
            self.chain().await
        } else {
            Ok(WholeChain::default())
        }
    }

    pub(super) async fn read_points(
        &self,
        source: &Source<'_>,
        chain: &WholeChain,
        model: (u16, u16),
        path: Option<&str>,
    ) -> Result<Vec<Shown>, Trouble> {
        let mut found = self.find(source, chain, model).await?;
        let wanted = matching(&found.layout, path).map_err(|near| found.no_point(path, &near))?;
        found.read(source, &wanted, self.options.link.max_read).await?;
        let registers = found.body.filled();
        let name = label(found.at.id, found.at.instance);
        let show = |placed: &PlacedPoint| ReadPoint {
            model: name.clone(),
            point: point_of(&found.body, &found.layout, &registers, placed),
        };
        let placed = wanted.iter().filter_map(|place| found.layout.points.get(*place));
        Ok(placed.map(show).map(Shown::Point).collect())
    }

    /// Finds a model in the chain and lays it out.
    pub(super) async fn find(
        &self,
        source: &Source<'_>,
        chain: &WholeChain,
        (id, instance): (u16, u16),
    ) -> Result<Found, Trouble> {
        let Some(at) = chain.models.iter().find(|m| (m.id, m.instance) == (id, instance)) else {
            return Err(Trouble::Words(missing(chain, id, instance)));
        };
        let Some(model) = (self.lookup)(id) else {
            return Err(Trouble::Words(format!(
                "model {id} is not known to this version, so its points have no names; its registers are holding:{}+{}",
                at.address,
                at.length.saturating_add(2).min(125)
            )));
        };
        let mut body = Body::of(*at);
        let layout = lay_out(source, &model, self.options.link.max_read, &mut body).await?;
        Ok(Found { at: *at, model, layout, body })
    }
}

fn missing(chain: &WholeChain, id: u16, instance: u16) -> String {
    let same = chain.models.iter().filter(|m| m.id == id).count();
    if same > 0 {
        let last = label(id, u16::try_from(same - 1).unwrap_or(u16::MAX));
        return format!("the device has no model {}; its last of that id is {last}", label(id, instance));
    }
    let has: Vec<String> = chain.models.iter().map(|m| label(m.id, m.instance)).collect();
    format!("the device has no model {id}; it has {}", has.join(", "))
}

/// Places of the points at a path: the point itself, or all points of the group; without a path all of the model.
/// Otherwise the path that was probably meant.
pub(super) fn matching(layout: &Layout, path: Option<&str>) -> Result<Vec<usize>, Option<String>> {
    let points = layout.points.iter().enumerate();
    let Some(path) = path else {
        return Ok(points.skip(2).filter(|(_, p)| p.point.kind != PointType::Pad).map(|(k, _)| k).collect());
    };
    let exact: Vec<usize> =
        points.clone().filter(|(_, placed)| placed.path == path).map(|(place, _)| place).collect();
    if !exact.is_empty() {
        return Ok(exact);
    }
    let within = |placed: &PlacedPoint| {
        placed.path.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']))
            && placed.point.kind != PointType::Pad
    };
    let group: Vec<usize> = points.filter(|(_, p)| within(p)).map(|(place, _)| place).collect();
    if !group.is_empty() {
        return Ok(group);
    }
    let all = || layout.points.iter().map(|placed| placed.path.as_str());
    // Who names a point and not its group has the end of its path.
    let ends = |near: &&str| near.rsplit('.').next().is_some_and(|name| name.eq_ignore_ascii_case(path));
    Err(nearest(path, all()).or_else(|| all().find(ends)).map(str::to_owned))
}

impl Found {
    /// Why there is no point at a path.
    pub(super) fn no_point(&self, path: Option<&str>, near: &Option<String>) -> Trouble {
        let name = label(self.at.id, self.at.instance);
        let near = match near {
            Some(near) => format!("; did you mean {name}.{near}?"),
            None => format!("; reading {name} alone shows all that it has"),
        };
        let (group, path) = (&self.model.group.name, path.unwrap_or_default().escape_debug());
        Trouble::Words(format!("model {name} ({group}) has no point \"{path}\" on this device{near}"))
    }

    /// Reads points at these places, and the scale factors that belong to them, in one read where they fit.
    pub(super) async fn read(
        &mut self,
        source: &Source<'_>,
        places: &[usize],
        longest: u16,
    ) -> Result<(), BusError> {
        let mut all: Vec<usize> = places.to_vec();
        all.extend(places.iter().filter_map(|place| match self.layout.points.get(*place)?.scale? {
            PlacedScale::Point(scale) => Some(scale),
            PlacedScale::Power(_) | PlacedScale::Missing => None,
        }));
        all.sort_unstable();
        all.dedup();
        let points: Vec<(u16, u16)> = all
            .iter()
            .filter_map(|place| self.layout.points.get(*place))
            .map(|placed| (placed.offset, placed.point.size))
            .collect();
        match points.as_slice() {
            // Who names one point alone wants it read, even if that changes it.
            [_] if places.len() == 1 => self.body.read(source, &points, longest).await,
            _ => self.body.read_gently(source, &self.layout, &points, longest).await,
        }
    }
}

pub(super) async fn read_raw(source: &Source<'_>, target: RawTarget) -> Result<Vec<Shown>, Trouble> {
    match source.read_table(target.table, target.address, target.registers()).await {
        Ok(words) => Ok(vec![Shown::Raw(RawRead { target, words })]),
        Err(BusError::Refused(exception)) if !exception.unit_missing() => {
            Err(Trouble::Words(format!("the device answers with {exception}")))
        }
        Err(error) => Err(Trouble::Bus(error)),
    }
}
