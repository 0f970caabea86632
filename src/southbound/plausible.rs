//! Whether a power can be true of a device with these ratings. A map with a wrong scale, unit or sign gives numbers that are
//! as smooth as right ones: only the ratings show that they are not.
//!
//! Pure. Meant to miss a small error rather than to doubt an honest device: ratings may be missing, of one phase, of the
//! inverter without its storage, or wrong themselves. It judges neither meters nor devices that tell no rating.

use crate::der::{Capability, Nameplate, Quality, Quantity, Reading};

/// A power of so many times what the device is rated for is not believed. Three phases with the rating of one, and that
/// exceeded for a moment, are still under it; a scale that is wrong by ten shows itself before half of the power.
const FAR_BEYOND: f64 = 4.0;
/// A generator that absorbs more than this part of its rating does not stand by: its sign is wrong.
const STANDBY: f64 = 0.1;
/// Less is not the rating of a device, W: it is left in another unit, or not filled in.
const LEAST_RATING: f64 = 100.0;
/// So many powers in a row that cannot be are no disturbance: the doubt stands while map and ratings do. At dusk a wrong scale
/// gives powers that could be.
const FIRM: u8 = 5;
/// After a disturbance, so many powers in a row that can be end the doubt.
const CALM: u8 = 5;

/// The powers that are judged, and what they are called.
const JUDGED: [(Quantity, &str); 3] = [
    (Quantity::ActivePower, "active power"),
    (Quantity::ReactivePower, "reactive power"),
    (Quantity::ApparentPower, "apparent power"),
];

/// What the powers of a device are compared with.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rated {
    plate: Nameplate,
    able: Option<Capability>,
    map: String,
}

impl Rated {
    /// The largest power it can have by all that it tells, W, VAr or VA, and by which ratings.
    fn most(&self) -> Option<(f64, String)> {
        let plate = &self.plate;
        let able = |pick: fn(&Capability) -> f64| self.able.as_ref().map(pick);
        // Of several that are equal, the last one.
        let largest = |of: &[(Option<f64>, &'static str)]| {
            let told = of.iter().filter_map(|(watts, name)| Some(((*watts)?, *name)));
            told.filter(|(watts, _)| watts.is_finite() && *watts >= LEAST_RATING)
                .max_by(|a, b| a.0.total_cmp(&b.0))
        };
        let injected = largest(&[
            (able(|c| c.injection_max.get()), "most that it can be asked to inject"),
            (plate.reactive_absorbed_max.map(|var| var.get()), "maximum reactive power"),
            (plate.reactive_injected_max.map(|var| var.get()), "maximum reactive power"),
            (plate.apparent_power_max.map(|va| va.get()), "maximum apparent power"),
            (plate.active_power_max.map(|w| w.get()), "maximum active power"),
        ]);
        let absorbed = largest(&[
            (able(|c| c.absorption_max.get()), "most that it can be asked to absorb"),
            (plate.charge_max.map(|w| w.get()), "charge rate"),
        ]);
        // Of an inverter and its storage the ratings may be told one by one.
        let all = [injected, absorbed];
        let words: Vec<String> =
            all.iter().flatten().map(|(watts, name)| format!("{name} {:.1} k", watts / 1e3)).collect();
        let most = all.iter().flatten().map(|(watts, _)| watts).sum::<f64>();
        (!words.is_empty()).then(|| (most, words.join(" + ")))
    }

    /// Why a power cannot be true, if it cannot.
    fn against(&self, reading: &Reading, only_generates: bool) -> Option<String> {
        let (_, name) = JUDGED.into_iter().find(|(quantity, _)| *quantity == reading.quantity)?;
        if reading.quality != Quality::Good || !reading.value.is_finite() {
            return None;
        }
        let (most, ratings) = self.most()?;
        let (value, unit, map) = (reading.value, reading.quantity.unit(), &self.map);
        let ratings = ratings.split(" + ").map(|one| format!("{one}{unit}")).collect::<Vec<_>>().join(" + ");
        let shown = format!("{:.1} k{unit}", value / 1e3);
        if value.abs() > FAR_BEYOND * most {
            let times = value.abs() / most;
            return Some(format!(
                "its {name} is not believed: {shown} was read, {times:.0} times what it is rated for ({ratings}); look at its scale, unit and sign (map {map}), or at that rating"
            ));
        }
        let absorbs = only_generates && reading.quantity == Quantity::ActivePower && !self.absorbs();
        (absorbs && value < -STANDBY * most).then(|| {
            format!(
                "its {name} is not believed: {shown} was read, which is absorbed, and it can only generate ({ratings}); look at its sign (map {map})"
            )
        })
    }

    fn absorbs(&self) -> bool {
        let charges = self.plate.charge_max.is_some_and(|watts| watts.get() > 0.0);
        let asked = self.able.is_some_and(|able| able.absorption_max.get() > 0.0);
        charges || asked || self.plate.energy_rating.is_some_and(|energy| energy.get() > 0.0)
    }
}

/// What is doubted of one power.
#[derive(Clone, Debug)]
struct Doubt {
    quantity: Quantity,
    /// As of when it began, so that it is told once.
    words: String,
    beyond: u8,
    calm: u8,
}

/// Judges the powers of one device as they come.
#[derive(Clone, Debug, Default)]
pub struct Plausible {
    rated: Rated,
    doubts: Vec<Doubt>,
}

impl Plausible {
    /// Who it is and by which map it is read: with others than before, what was doubted is judged anew.
    pub fn found(&mut self, plate: &Nameplate, map: &str) {
        if self.rated.plate != *plate || self.rated.map != map {
            self.rated = Rated { plate: plate.clone(), able: self.rated.able, map: map.to_owned() };
            self.doubts.clear();
        }
    }

    /// What it can be asked for. That may be set lower at any time, and ends no doubt.
    pub const fn able(&mut self, able: Capability) {
        self.rated.able = Some(able);
    }

    /// Makes powers invalid that cannot be true, and those that follow until the doubt is over. `only_generates`: the device
    /// itself says that it stores nothing.
    pub fn judge(&mut self, readings: &mut [Reading], only_generates: bool) {
        for reading in readings.iter_mut().filter(|reading| reading.quality == Quality::Good) {
            let against = self.rated.against(reading, only_generates);
            let place = self.doubts.iter().position(|doubt| doubt.quantity == reading.quantity);
            match (place.and_then(|place| self.doubts.get_mut(place)), against) {
                (None, None) => continue,
                (None, Some(words)) => {
                    self.doubts.push(Doubt { quantity: reading.quantity, words, beyond: 1, calm: 0 });
                }
                (Some(doubt), Some(_)) => {
                    (doubt.beyond, doubt.calm) = (doubt.beyond.saturating_add(1).min(FIRM), 0);
                }
                (Some(doubt), None) if doubt.beyond >= FIRM => {}
                (Some(doubt), None) => {
                    (doubt.beyond, doubt.calm) = (0, doubt.calm.saturating_add(1));
                    if doubt.calm >= CALM {
                        self.doubts.retain(|doubt| doubt.quantity != reading.quantity);
                        continue;
                    }
                }
            }
            (reading.quality, reading.value) = (Quality::Invalid, f64::NAN);
        }
    }

    /// What is doubted, in words.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.doubts.iter().map(|doubt| doubt.words.as_str())
    }
}

/// What cannot be true of what was read once, in words.
#[must_use]
pub fn doubts(
    plate: &Nameplate,
    able: &Capability,
    (readings, map): (&[Reading], &str),
    only_generates: bool,
) -> Vec<String> {
    let rated = Rated { plate: plate.clone(), able: Some(*able), map: map.to_owned() };
    readings.iter().filter_map(|reading| rated.against(reading, only_generates)).collect()
}

#[cfg(test)]
mod tests;
