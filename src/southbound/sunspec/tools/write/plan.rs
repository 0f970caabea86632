//! Orders as frames: which points they are, whether they may be written, and what goes together.

use super::value::registers_of;
use super::{Frame, Meaning, Planned, WriteFault, WritePlan};
use crate::device_map::registers::Access;
use crate::device_map::{Model, PlacedPoint, PointType, WriteFunction};
use crate::southbound::points::Points;
use crate::southbound::sunspec::block::Sample;
use crate::southbound::sunspec::probe::{WholeChain, label, power_of};
use crate::southbound::sunspec::tools::named::{Given, given};
use crate::southbound::sunspec::tools::read::{Found, Trouble, matching};
use crate::southbound::sunspec::tools::target::{Order, Target};
use crate::southbound::sunspec::tools::{Session, Source};
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Models that had another layout in drafts of the standard (SunSpec reference 3).
const HAD_DRAFTS: [u16; 6] = [701, 702, 703, 704, 713, 715];

/// Model, sync group and request of points that may be joined by the next one.
type Open = (Option<(u16, u16)>, Option<String>, Frame);

/// One order, with what it will write. Raw orders have no model.
struct Step {
    model: Option<(u16, u16)>,
    /// Path of the sync group that the point is in.
    sync: Option<String>,
    planned: Planned,
}

impl Session {
    /// Works out what would be sent. Reads the device, writes nothing.
    ///
    /// # Errors
    /// See [`WriteFault`]; every order that cannot be carried out is told.
    pub async fn plan_write(&self, orders: &[Order]) -> Result<WritePlan, WriteFault> {
        let source = Source::Line(self.line());
        let chain = self.chain_for(orders.iter().map(|order| &order.target)).await?;
        let mut models = BTreeMap::new();
        let mut faults = Vec::new();
        for order in orders {
            if let Target::Model { id, instance, .. } = &order.target {
                let key = (*id, *instance);
                let Err(trouble) = self.gather(&source, &chain, key, orders, &mut models).await else {
                    continue;
                };
                match trouble {
                    Trouble::Words(words) if !faults.contains(&words) => faults.push(words),
                    Trouble::Words(_) => {}
                    Trouble::Bus(error) => return Err(WriteFault::Device(self.broken(error))),
                }
            }
        }
        let named = self.named(orders.iter().map(|order| &order.target)).await;
        let named = named.map_err(|error| self.broken(error))?;
        let (mut steps, mut notes) = (Vec::with_capacity(orders.len()), Vec::new());
        for order in orders {
            let step = match &order.target {
                Target::Named(name) => self.named_step(name, order, named.as_ref(), &mut notes).map(Some),
                Target::Model { .. } | Target::Raw(_) => self.step(order, &models, &mut notes),
            };
            match step {
                Ok(step) => steps.extend(step),
                Err(words) => faults.push(format!("{}: {words}", order.target)),
            }
        }
        faults.extend(doubles(&steps));
        faults.extend(torn_groups(&steps, &models));
        if !faults.is_empty() {
            return Err(WriteFault::Refused(faults));
        }
        let frames = self.frames(together(steps))?;
        let stored = self.stored(orders);
        notes.extend(
            stored.iter().map(|name| format!("{name} is kept in flash, which wears out: write it seldom")),
        );
        let beyond = self.beyond(&source, &chain, orders, &frames).await;
        Ok(WritePlan { frames, notes, beyond, stored, made: Instant::now() })
    }

    /// Points of the map that the device keeps in flash.
    fn stored(&self, orders: &[Order]) -> Vec<String> {
        let Some(map) = self.register_map() else { return Vec::new() };
        let kept = |order: &&Order| match &order.target {
            Target::Named(name) => map.registers.point(name).is_some_and(|point| point.stored),
            Target::Raw(raw) => map.registers.points.iter().any(|point| {
                let (from, to) =
                    (u32::from(raw.address), u32::from(raw.address) + u32::from(raw.registers()));
                let first = u32::from(point.address);
                point.stored
                    && point.table == raw.table
                    && first < to
                    && first + u32::from(point.kind.registers()) > from
            }),
            Target::Model { .. } => false,
        };
        orders.iter().filter(kept).map(|order| order.target.to_string()).collect()
    }

    /// What an order for a point of the register map writes.
    fn named_step(
        &self,
        name: &str,
        order: &Order,
        points: Option<&Points>,
        notes: &mut Vec<String>,
    ) -> Result<Step, String> {
        let look = points.and_then(|points| points.look(name)).ok_or_else(|| self.no_name(name))?;
        let Given { registers, meaning, note } = given(&look, &order.value)?;
        notes.extend(note.map(|note| format!("{name}: {note}")));
        let verified = look.point.access == Access::ReadWrite;
        let planned =
            Planned { name: name.to_owned(), address: look.point.address, registers, verified, meaning };
        Ok(Step { model: None, sync: None, planned })
    }

    /// Finds a model, and reads the points that the orders name in it, once.
    async fn gather(
        &self,
        source: &Source<'_>,
        chain: &WholeChain,
        key: (u16, u16),
        orders: &[Order],
        models: &mut BTreeMap<(u16, u16), Found>,
    ) -> Result<(), Trouble> {
        if models.contains_key(&key) {
            return Ok(());
        }
        let mut found = self.find(source, chain, key).await?;
        let mut places = Vec::new();
        for order in orders {
            let Target::Model { id, instance, path: Some(path) } = &order.target else { continue };
            if (*id, *instance) != key {
                continue;
            }
            places.extend(matching(&found.layout, Some(path)).unwrap_or_default());
            // A sync group is judged whole.
            let sync = sync_group(&found.model, path);
            places.extend(sync.and_then(|sync| matching(&found.layout, Some(sync)).ok()).unwrap_or_default());
        }
        found.read(source, &places, self.options.link.max_read).await?;
        models.insert(key, found);
        Ok(())
    }

    /// What an order writes. `None` if its model is missing, which is told already.
    fn step(
        &self,
        order: &Order,
        models: &BTreeMap<(u16, u16), Found>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Step>, String> {
        let (id, instance, path) = match &order.target {
            Target::Raw(raw) => {
                let registers = raw.encode(&order.value)?;
                let planned = Planned {
                    name: order.target.to_string(),
                    address: raw.address,
                    registers,
                    verified: true,
                    meaning: Meaning::Raw(*raw),
                };
                return Ok(Some(Step { model: None, sync: None, planned }));
            }
            Target::Model { id, instance, path } => (*id, *instance, path.as_deref()),
            Target::Named(_) => return Ok(None),
        };
        let Some(found) = models.get(&(id, instance)) else { return Ok(None) };
        let path = path.ok_or("a whole model cannot be written; name one point")?;
        let placed = match matching(&found.layout, Some(path)) {
            Ok(places) => match places.as_slice() {
                [place] => found.layout.points.get(*place).filter(|placed| placed.path == path),
                _ => None,
            },
            Err(near) => {
                let Trouble::Words(words) = found.no_point(Some(path), &near) else { return Ok(None) };
                return Err(words);
            }
        };
        let placed = placed.ok_or("this is a group; name one point of it")?;
        self.may_be_written(found, placed)?;
        let registers = found.body.filled();
        let sample = Sample { layout: &found.layout, registers: &registers };
        // An empty text reads like one that is not there.
        if sample.value_of(placed).is_none() && placed.point.kind != PointType::String {
            let raw = sample.registers_of(placed).unwrap_or_default();
            return Err(format!("the device does not implement the point (it reads {})", hex(raw)));
        }
        let power = power_of(&found.body, &sample, placed).map_err(|fault| fault.to_string())?;
        let (registers, note) = registers_of(id, placed, power, &order.value)?;
        notes.extend(note.map(|note| format!("{}: {note}", order.target)));
        let shadow = self.options.sunspec.shadow_models.contains(&id);
        let planned = Planned {
            name: order.target.to_string(),
            address: found.at.address.saturating_add(placed.offset),
            registers,
            verified: !shadow,
            meaning: Meaning::of(placed, power),
        };
        let sync = sync_group(&found.model, path).map(str::to_owned);
        Ok(Some(Step { model: Some((id, instance)), sync, planned }))
    }

    /// Refuses what the standard or the device does not let be written.
    fn may_be_written(&self, found: &Found, placed: &PlacedPoint) -> Result<(), String> {
        let id = found.at.id;
        let lengths = self.options.sunspec.model_lengths.get(&id);
        let right = usize::from(found.at.length) == found.model.fixed_length()
            || lengths.is_some_and(|all| all.contains(&found.at.length));
        if HAD_DRAFTS.contains(&id) && !right {
            return Err(format!(
                "model {id} has L = {}, not the published {} (a draft of the 70x models?): its points may stand elsewhere, so it is not written",
                found.at.length,
                found.model.fixed_length()
            ));
        }
        if !placed.point.writable {
            return Err("the point is read-only".to_owned());
        }
        if !found.body.has(placed.offset, placed.point.size) {
            return Err("the device does not let the point be read, so it is not written".to_owned());
        }
        Ok(())
    }

    fn frames(&self, steps: Vec<Step>) -> Result<Vec<Frame>, WriteFault> {
        let most = usize::from(self.options.link.max_write.clamp(1, 123));
        let single = self.options.sunspec.write_function == WriteFunction::Single;
        let mut frames: Vec<Open> = Vec::new();
        for Step { model, sync, planned } in steps {
            let size = planned.registers.len();
            if size > most {
                let words = format!(
                    "{} has {size} registers, but this device takes {most} in one write",
                    planned.name
                );
                return Err(WriteFault::Refused(vec![words]));
            }
            if let Some((before, group, frame)) = frames.last_mut() {
                let have = frame.registers().len();
                let end = usize::from(frame.address) + have;
                let joined = model.is_some() && *before == model && end == usize::from(planned.address);
                if joined && have + size <= most && (!single || sync.is_some()) {
                    frame.function = 16;
                    frame.points.push(planned);
                    continue;
                }
                if sync.is_some() && *group == sync && *before == model {
                    let words =
                        format!("{}: its sync group does not fit in one write of this device", planned.name);
                    return Err(WriteFault::Refused(vec![words]));
                }
            }
            let function = if single && size == 1 { 6 } else { 16 };
            frames.push((model, sync, Frame { function, address: planned.address, points: vec![planned] }));
        }
        Ok(frames.into_iter().map(|(.., frame)| frame).collect())
    }
}

/// `0x0001 0x0002`.
fn hex(registers: &[u16]) -> String {
    registers.iter().map(|word| format!("0x{word:04X}")).collect::<Vec<_>>().join(" ")
}

/// The path of the sync group that a path leads into.
fn sync_group<'p>(model: &Model, path: &'p str) -> Option<&'p str> {
    let mut group = &model.group;
    let mut end = 0;
    for segment in path.split_inclusive('.') {
        let name = segment.trim_end_matches('.').split('[').next().unwrap_or_default();
        group = group.groups.iter().find(|inner| inner.name == name)?;
        end += segment.len();
        if group.sync {
            return path.get(..end).map(|path| path.trim_end_matches('.'));
        }
    }
    None
}

fn doubles(steps: &[Step]) -> Vec<String> {
    let again = steps.iter().enumerate().filter(|(k, step)| {
        steps
            .iter()
            .take(*k)
            .any(|before| before.planned.address == step.planned.address && step.model.is_some())
    });
    again.map(|(_, step)| format!("{} is given twice", step.planned.name)).collect()
}

/// Sync groups of which a point is given, but not all.
fn torn_groups(steps: &[Step], models: &BTreeMap<(u16, u16), Found>) -> Vec<String> {
    let mut faults = Vec::new();
    for step in steps {
        let (Some(key), Some(sync)) = (step.model, &step.sync) else { continue };
        let Some(found) = models.get(&key) else { continue };
        let registers = found.body.filled();
        let sample = Sample { layout: &found.layout, registers: &registers };
        let within = format!("{sync}.");
        let name = |path: &str| format!("{}.{path}", label(key.0, key.1));
        let missing: Vec<String> = found
            .layout
            .points
            .iter()
            .filter(|p| p.path.starts_with(&within) && p.point.writable && sample.value_of(p).is_some())
            .map(|p| name(&p.path))
            .filter(|name| !steps.iter().any(|step| step.planned.name == *name))
            .collect();
        if !missing.is_empty() {
            let words = format!(
                "{} is in a group that must be written in one request: give {} too",
                step.planned.name,
                missing.join(" and ")
            );
            faults.push(words);
        }
    }
    faults
}

/// The points of a sync group side by side and in register order, where the first of them was given.
fn together(steps: Vec<Step>) -> Vec<Step> {
    let mut left: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(left.len());
    for place in 0..left.len() {
        let Some(step) = left.get_mut(place).and_then(Option::take) else { continue };
        let mut group = vec![step];
        if let Some(first) = group.first().filter(|step| step.sync.is_some()) {
            let (model, sync) = (first.model, first.sync.clone());
            let same = |other: &Option<Step>| {
                other.as_ref().is_some_and(|step| step.model == model && step.sync == sync)
            };
            let rest: Vec<Step> =
                left.iter_mut().filter(|other| same(other)).filter_map(Option::take).collect();
            group.extend(rest);
            group.sort_by_key(|step| step.planned.address);
        }
        ordered.extend(group);
    }
    ordered
}
