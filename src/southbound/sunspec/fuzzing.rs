//! Any registers as a SunSpec device: laid out, decoded, planned upon; found, read and commanded by the whole driver and by
//! a technician's tools. See [`crate::southbound::fuzzing`].

mod drive;
mod judge;

use super::abilities::{allowed, capability, nameplate, routes};
use super::block::{Blocks, Layouts, ModelAt, blocks_of};
use super::control::{Ask, Ours, script};
use super::readings::{Reported, choose, readings};
use crate::der::Setpoint;
use crate::device_map::{CurveRequest, Layout, Model, PointType, SunspecOptions, models};
use crate::southbound::fuzzing::{BASE, Image, Input, run, setpoint};
use crate::southbound::known;
use jiff::Timestamp;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

/// Most models of an input.
const MODELS: u8 = 12;
/// Most registers of a model whose length the input tells.
const LENGTH: u16 = 1500;

fn ids() -> &'static [u16] {
    static IDS: OnceLock<Vec<u16>> = OnceLock::new();
    IDS.get_or_init(|| models().ids())
}

/// What a device holds that implements everything, and little of it.
fn plain(model: &Model, length: u16, words: &mut [u16]) {
    for placed in Layout::new(model, length, &|_| None).points {
        let last = usize::from(placed.offset) + usize::from(placed.point.size) - 1;
        let value = match placed.point.kind {
            PointType::Sunssf => 0,
            PointType::Pad => 0x8000,
            PointType::Int32 | PointType::Int64 | PointType::Uint32 | PointType::Uint64 => 5000,
            PointType::Uint16 | PointType::Int16 => 100,
            _ => 1,
        };
        if let Some(word) = words.get_mut(last) {
            *word = value;
        }
    }
}

/// A model instance with its registers from ID on: mostly one that is known, with a length that is mostly right.
fn model(input: &mut Input<'_>) -> Vec<u16> {
    let pick = input.byte();
    let known = ids().get(usize::from(pick)).and_then(|id| models().get(*id));
    let id = known.as_ref().map_or_else(|| input.word(), |model| model.id);
    let fixed = known.as_ref().map_or(4, |model| u16::try_from(model.fixed_length()).unwrap_or(LENGTH));
    let length = match input.byte() {
        0..=127 => fixed,
        by @ 128..=199 => fixed + u16::from(by - 127),
        by @ 200..=229 => fixed.saturating_sub(u16::from(by - 199)),
        by @ 230..=249 => fixed + u16::from(by - 229) * 40,
        _ => input.word() % LENGTH,
    };
    let kind = input.byte();
    let fill = if kind % 4 == 1 { 0x8000 } else { 0 };
    let mut words = vec![fill; usize::from(length) + 2];
    if kind % 4 >= 2
        && let Some(model) = &known
    {
        plain(model, length, &mut words);
    }
    let first = usize::from(input.byte());
    let run = usize::from(input.byte() % 64);
    let run = input.words(run);
    for (to, from) in words.iter_mut().skip(2 + first).zip(run) {
        *to = from;
    }
    for _ in 0..input.byte() % 16 {
        let at = usize::from(input.word()).checked_rem(usize::from(length)).unwrap_or_default();
        let word = input.word();
        if let Some(to) = words.get_mut(2 + at) {
            *to = word;
        }
    }
    for (to, from) in words.iter_mut().zip([id, length]) {
        *to = from;
    }
    words
}

/// Models one behind another, until the input ends.
fn all_models(input: &mut Input<'_>) -> Vec<Vec<u16>> {
    let count = input.byte() % MODELS;
    let mut models = vec![model(input)];
    for _ in 0..count {
        if !input.is_empty() {
            models.push(model(input));
        }
    }
    models
}

/// A device with any registers: see [`crate::southbound::fuzzing::chain`].
pub fn chain(mut input: Input<'_>) {
    let kind = input.byte();
    let mut image = Image {
        forgetful: input.byte() & 7 == 7,
        moody: input.byte().saturating_sub(200),
        mood: input.byte() % 12,
        longest: u16::from(input.byte().saturating_sub(200)),
        most: drive::REQUESTS,
        ..Image::default()
    };
    let wishes: Vec<_> = (0..input.byte() % 5)
        .map(|_| (Duration::from_millis(u64::from(input.byte()) * 50), setpoint(&mut input)))
        .collect();
    image.words = vec![0x5375, 0x6E53];
    if kind & 1 == 0 {
        image.words.extend(all_models(&mut input).concat());
        image.words.extend(if kind & 2 == 0 { vec![0xFFFF, 0] } else { input.words(4) });
    } else {
        image.words.extend(input.words(usize::MAX / 4));
    }
    run(async move {
        match (kind >> 2) % 4 {
            0 => drive::probe(image).await,
            1 => drive::control(image, wishes).await,
            _ => drop(drive::driver(image, wishes).await),
        }
    });
}

/// Any registers under any models, without a device.
pub fn points(mut input: Input<'_>) {
    let options = SunspecOptions { shadow_models: vec![123], ..SunspecOptions::default() };
    let max_read = 125 - u16::from(input.byte() % 124);
    let wishes: Vec<_> = (0..input.byte() % 12)
        .map(|_| (setpoint(&mut input), u64::from(input.word()), input.byte()))
        .collect();
    let bodies = all_models(&mut input);
    let (chain, mut address) = (&mut Vec::<ModelAt>::new(), BASE + 2);
    for body in &bodies {
        let id = body.first().copied().unwrap_or_default();
        let instance = u16::try_from(chain.iter().filter(|at| at.id == id).count()).unwrap_or(u16::MAX);
        let length = u16::try_from(body.len() - 2).unwrap_or_default();
        chain.push(ModelAt { id, instance, address, length });
        address = address.saturating_add(length + 2);
    }
    let layouts = Layouts::default();
    let mut blocks = blocks_of(chain, &options, &known(), &layouts, max_read);
    for block in &mut blocks.list {
        let place = chain.iter().position(|at| *at == block.at);
        let body = place.and_then(|place| bodies.get(place)).cloned().unwrap_or_default();
        assert!(block.take(body.clone(), Instant::now()), "its own header is not its header");
        let _ = block.open(&layouts);
        assert!(!block.open(&layouts), "the same answer opens it twice");
        judge::block(block, max_read);
    }
    decide(&mut blocks, &options, &wishes);
}

/// All that the driver decides from a reading of everything.
fn decide(blocks: &mut Blocks, options: &SunspecOptions, wishes: &[(Setpoint, u64, u8)]) {
    let sources = choose(blocks);
    let at = Timestamp::UNIX_EPOCH;
    let (mut values, faults) = readings(blocks, sources, &|_| Some(at));
    Reported::default().complete(&mut values, at, &|_| false);
    judge::readings(&values);
    for (_, _, fault) in faults {
        let _ = fault.to_string();
    }
    let _ = nameplate(blocks);
    let routes = routes(blocks);
    judge::capability(&allowed(capability(blocks, routes), options));
    let mut ours = Ours::default();
    for (setpoint, hold, how) in wishes {
        let counting = if how & 1 == 0 { CurveRequest::OneBased } else { CurveRequest::ZeroBased };
        let ask = Ask {
            setpoint,
            hold: Duration::from_secs(*hold),
            routes,
            ours,
            blocks,
            max_write: 123 - u16::from(how >> 1 & 0x3F),
            options,
            counting,
            single_only: how >> 7 & 1 == 1,
        };
        if let Ok(script) = script(&ask) {
            judge::script(&script, blocks);
            ours = script.ours().unwrap_or(ours);
        }
    }
}

/// Shared by runs in a process: tables are parsed once.
fn lookup() -> super::Lookup {
    Arc::new(|id| models().get(id))
}

#[cfg(test)]
mod tests;
