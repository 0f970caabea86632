//! Which point of which model is which quantity, and what a poll's answers come to.
//!
//! Pure. Power factor is not taken from the device (SunSpec reference 7, note a). The newer models are preferred and
//! no quantity is read twice.

mod counters;
mod direct;
mod points;
mod rest;

pub use counters::{Bounds, Counters};
pub use points::{MEASURING, energy_point, is_meter};
pub use rest::{quiet, speechless, stores, stores_nothing};

use super::block::{Block, Blocks, Class, Number};
use crate::der::{Quality, Quantity, Reading};
use jiff::Timestamp;
use points::{points, turned, voltage};
use rest::just_woken;
use std::time::Duration;

/// Models that know a state of charge, in order of preference, and their point for it.
const CHARGE: [(u16, &str); 3] = [(713, "SoC"), (802, "SoC"), (124, "ChaState")];

/// An answer of another model that is older than this does not show what that model says now.
const RECENT: Duration = Duration::from_secs(60);

/// Where the quantities of a device come from. Chosen after discovery; what was chosen once is kept as long as the
/// device has it: two counters of one device need not agree (SunSpec reference 7, note b).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The model of the measurements.
    pub measuring: Option<u16>,
    /// The model of the state of charge.
    pub charge: Option<(u16, &'static str)>,
    /// The model that counts injected energy; `None` while none has counted anything.
    pub energy: Option<u16>,
    /// The model of the DC side.
    pub direct: Option<u16>,
    /// 122.WAval tells the available power.
    pub available_122: bool,
}

/// What a first reading must take in before sources and controls can be chosen: everything but models of neither.
pub fn first_look(blocks: &mut Blocks) {
    for block in &mut blocks.list {
        block.class = match block.at.id {
            _ if block.at.instance > 0 && !matches!(block.at.id, 160 | 714) => Class::OnDemand,
            // Of curves must be known which of them can be changed.
            1 | 126..=145 | 705..=712 => Class::Once,
            id if MEASURING.contains(&id) => Class::Slow,
            120..=124 | 160 | 702 | 703 | 704 | 713 | 714 | 715 | 802 => Class::Slow,
            _ => Class::OnDemand,
        };
    }
}

/// Chooses the sources from a first reading of everything, and sets the class of each block.
pub fn choose(blocks: &mut Blocks) -> Sources {
    let mut sources = Sources::default();
    sources.choose_again(blocks);
    sources
}

impl Sources {
    /// Chooses from a new reading of everything; what was chosen before stays if the device still has it.
    pub fn choose_again(&mut self, blocks: &mut Blocks) {
        let has = |id: &u16| blocks.get(*id).is_some();
        let speaks = |id: &u16| blocks.good(*id, "W").is_some();
        let before = self.measuring.filter(has);
        self.measuring = able(blocks).find(speaks).or(before).or_else(|| able(blocks).find(has));
        self.charge = self.charge.filter(|(id, _)| has(id));
        self.energy = self.energy.filter(has);
        self.direct = self.direct.filter(has);
        self.available_122 &= has(&122);
        self.add(blocks);
        self.classify(blocks);
    }

    /// Adds what showed itself later: a device that was found at night does not implement everything then. What was
    /// chosen stays, but for a measuring model that says nothing while another one does.
    pub fn add_found(&mut self, blocks: &mut Blocks) {
        self.fall_back(blocks);
        self.add(blocks);
        self.classify(blocks);
    }

    /// True if the measuring model tells no power.
    #[must_use]
    pub fn mute(&self, blocks: &Blocks) -> bool {
        let sample = self.measuring.and_then(|id| blocks.sample(id));
        sample.is_none_or(|sample| sample.number("W") == Number::Absent)
    }

    /// True if the measuring model shows what devices show in the first seconds after they have woken up.
    #[must_use]
    pub fn just_woken(&self, blocks: &Blocks) -> bool {
        self.measuring.is_some_and(|id| blocks.sample(id).is_some_and(|sample| just_woken(id, &sample)))
    }

    fn fall_back(&mut self, blocks: &Blocks) {
        let Some(now) = self.measuring.and_then(|id| blocks.get(id)).filter(|_| self.mute(blocks)) else {
            return;
        };
        let recent = |block: &&Block| {
            block.fault.is_none()
                && block.read_at.zip(now.read_at).is_some_and(|(its, ours)| its + RECENT >= ours)
        };
        let speaks = |id: &u16| {
            blocks.get(*id).filter(recent).and_then(Block::sample).is_some_and(|s| s.good("W").is_some())
        };
        if let Some(other) = able(blocks).find(speaks) {
            self.measuring = Some(other);
        }
    }

    fn add(&mut self, blocks: &Blocks) {
        self.charge = self.charge.or_else(|| charge(blocks));
        self.available_122 |= blocks.good(122, "WAval").is_some();
        let counts = |id: &u16| blocks.good(*id, energy_point(*id)).is_some_and(|wh| wh > 0.0);
        let counting = self.measuring.filter(counts).or_else(|| Some(122).filter(counts));
        self.energy = self.energy.or(counting);
        let tells = |id: &u16| matches!(direct::power(blocks, *id, None).1, Number::Good(_));
        let own = self.measuring.filter(|id| blocks.good(*id, "DCW").is_some());
        let [newer, strings] = direct::SIDES;
        let found = Some(newer).filter(tells).or(own).or_else(|| Some(strings).filter(tells));
        self.direct = self.direct.or(found);
    }

    fn classify(self, blocks: &mut Blocks) {
        let speaks = self.measuring.is_some_and(|id| blocks.good(id, "W").is_some());
        let has_charge = self.charge.map(|(id, _)| id);
        for block in &mut blocks.list {
            let (id, first) = (block.at.id, block.at.instance == 0);
            block.class = match id {
                160 | 714 if self.direct == Some(id) => Class::Fast,
                _ if !first => Class::OnDemand,
                1 | 126..=145 | 705..=712 => Class::Once,
                _ if self.measuring == Some(id) => Class::Fast,
                713 | 802 if has_charge == Some(id) => Class::Fast,
                // What was chosen before another model measured is kept.
                _ if self.energy == Some(id) || self.direct == Some(id) => Class::Normal,
                // Another measuring model is of use only while the chosen one says nothing.
                _ if MEASURING.contains(&id) && !speaks => Class::Normal,
                122 | 123 | 124 | 704 | 715 => Class::Normal,
                // No source yet, but they may show a value later.
                713 | 802 if has_charge.is_none() => Class::Normal,
                160 | 714 if self.direct.is_none() => Class::Normal,
                120 | 121 | 702 | 703 => Class::Slow,
                _ => Class::OnDemand,
            };
        }
        // Something must be read to see that the device is there.
        if blocks.list.iter().all(|b| b.class != Class::Fast)
            && let Some(first) = blocks.list.first_mut()
        {
            first.class = Class::Fast;
        }
    }
}

/// The models that may measure a device. Where an inverter stands beside a meter, the meter measures something else: it
/// never speaks for an inverter that says nothing.
fn able(blocks: &Blocks) -> impl Iterator<Item = u16> + Clone {
    let inverter = MEASURING.iter().any(|id| !is_meter(*id) && blocks.get(*id).is_some());
    MEASURING.into_iter().filter(move |id| !(inverter && is_meter(*id)))
}

fn charge(blocks: &Blocks) -> Option<(u16, &'static str)> {
    // 0 % of a storage without a rating is no storage.
    let none = |id: u16, path: &str| {
        let rating = blocks.good(id, "WHRtg");
        rating == Some(0.0) || (id == 713 && rating.is_none() && blocks.good(id, path) == Some(0.0))
    };
    CHARGE.into_iter().find(|(id, path)| blocks.good(*id, path).is_some() && !none(*id, path))
}

/// A point that is implemented but cannot be used: model, path and why.
pub type PointFault = (u16, &'static str, super::block::Fault);

/// What the blocks just read say. `asked` tells when a block of this poll was asked for, and `None` for any other.
pub fn readings(
    blocks: &Blocks,
    sources: Sources,
    asked: &dyn Fn(u16) -> Option<Timestamp>,
) -> (Vec<Reading>, Vec<PointFault>) {
    let mut out = Gather {
        readings: Vec::with_capacity(Quantity::ALL.len()),
        faults: Vec::new(),
        at: Timestamp::UNIX_EPOCH,
    };
    if let Some(id) = sources.measuring
        && let Some(at) = asked(id)
    {
        out.at = at;
        out.measurements(blocks, sources, id);
    }
    let single = [
        sources.charge.map(|(id, path)| (id, Quantity::StateOfCharge, path)),
        sources
            .energy
            .filter(|id| sources.measuring != Some(*id))
            .map(|id| (id, Quantity::EnergyInjected, energy_point(id))),
        sources.available_122.then_some((122, Quantity::AvailableActivePower, "WAval")),
    ];
    for (id, quantity, path) in single.into_iter().flatten() {
        if let Some(at) = asked(id)
            && let Some(sample) = blocks.sample(id)
        {
            // A counter at 0 counts nothing while the device measures nothing.
            if quantity == Quantity::EnergyInjected
                && sample.integer(path) == Some(0)
                && (sources.mute(blocks) || sources.just_woken(blocks))
            {
                continue;
            }
            out.at = at;
            out.put(id, quantity, path, sample.number(path));
        }
    }
    if let Some(id) = sources.direct.filter(|id| sources.measuring != Some(*id))
        && let Some(at) = asked(id)
    {
        out.at = at;
        let (path, number) = direct::power(blocks, id, Some(at));
        out.put(id, Quantity::DcPower, path, number);
    }
    (out.readings, out.faults)
}

/// Which quantities a device has reported. One that it reported and then does not (asleep, a block that fails) is
/// not known any more, and says so instead of standing at its last value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported([bool; Quantity::ALL.len()]);

impl Reported {
    /// Notes what a poll's readings tell, and adds what is missing from them as invalid; not what is `waiting` for its
    /// turn to be read.
    pub fn complete(
        &mut self,
        readings: &mut Vec<Reading>,
        at: Timestamp,
        waiting: &dyn Fn(Quantity) -> bool,
    ) {
        for (quantity, reported) in Quantity::ALL.into_iter().zip(&mut self.0) {
            if readings.iter().any(|r| r.quantity == quantity) {
                *reported = true;
            } else if *reported && !waiting(quantity) {
                readings.push(Reading { quantity, value: f64::NAN, quality: Quality::Invalid, at });
            }
        }
    }
}

struct Gather {
    readings: Vec<Reading>,
    faults: Vec<PointFault>,
    at: Timestamp,
}

impl Gather {
    /// What the measuring model says.
    fn measurements(&mut self, blocks: &Blocks, sources: Sources, id: u16) {
        let Some(sample) = blocks.sample(id).filter(|sample| !just_woken(id, sample)) else { return };
        let silent = sample.number("W") == Number::Absent;
        for (quantity, path) in points(id) {
            let elsewhere = match quantity {
                Quantity::EnergyInjected => sources.energy,
                Quantity::DcPower => sources.direct,
                _ => None,
            };
            if elsewhere.is_some_and(|source| source != id) {
                continue;
            }
            let number = turned(blocks, id, *quantity, sample.number(path));
            // Beside measurements that are not there (SMA at night) a counter at 0 counts nothing either, and one
            // without its scale factor is no fault.
            if silent && (sample.integer(path) == Some(0) || matches!(number, Number::Bad(_))) {
                continue;
            }
            self.put(id, *quantity, path, number);
        }
        let (path, voltage) = voltage(id, &sample);
        self.put(id, Quantity::Voltage, path, voltage);
    }

    fn put(&mut self, model: u16, quantity: Quantity, path: &'static str, number: Number) {
        let (value, quality) = match number {
            Number::Absent => return,
            Number::Good(value) => (value, Quality::Good),
            Number::Bad(fault) => {
                self.faults.push((model, path, fault));
                // Never 0: a value that is not known must not look like one.
                (f64::NAN, Quality::Invalid)
            }
        };
        self.readings.push(Reading { quantity, value, quality, at: self.at });
    }
}

#[cfg(test)]
mod tests;
