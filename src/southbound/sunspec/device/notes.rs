//! What a driver wants to be told when the gateway starts again, as a text of its own: the chain, so that it need not be
//! scanned; the firmware version it was found with; what was learned about reading; what it holds on our behalf; whether
//! it sleeps.
//!
//! Pure. A text that is not quite as this file writes it is no note: then the device is scanned as if it were new.

use crate::core::port::DeviceRecord;
use crate::southbound::sunspec::block::ModelAt;
use crate::southbound::sunspec::control::Ours;
use crate::southbound::sunspec::scan::Chain;
use jiff::Timestamp;
use std::fmt::Write as _;

/// The first line; another number is another form.
const HEAD: &str = "sunspec 1";
/// Longest chain noted.
const MAX_MODELS: usize = 200;

/// A device's notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notes {
    /// Its chain; without warnings.
    pub chain: Chain,
    /// 1.Vr.
    pub version: Option<String>,
    /// Longest read that it takes.
    pub max_read: u16,
    /// The model that counts its energy.
    pub energy: Option<u16>,
    /// What it holds on our behalf.
    pub ours: Ours,
    /// The same of the registers beside its chain, in their own words; may be empty.
    pub beside: String,
    /// Since when it sleeps, if it does.
    pub asleep: Option<Timestamp>,
}

impl Notes {
    /// The notes as a text; `None` if they do not fit.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let mut text = format!("{HEAD}\nbase {}\nmax_read {}\n", self.chain.base, self.max_read);
        if let Some(version) = &self.version {
            let _ = writeln!(text, "version {}", version.replace(['\n', '\r'], " "));
        }
        if let Some(energy) = self.energy {
            let _ = writeln!(text, "energy {energy}");
        }
        let ours = words_of(self.ours);
        if !ours.is_empty() {
            let _ = writeln!(text, "ours {ours}");
        }
        if !self.beside.is_empty() {
            let _ = writeln!(text, "beside {}", self.beside);
        }
        if let Some(asleep) = self.asleep {
            let _ = writeln!(text, "asleep {asleep}");
        }
        for models in std::iter::once(&self.chain.models).chain(&self.chain.others) {
            text.push_str("chain");
            for model in models {
                let _ = write!(text, " {}:{}", model.id, model.length);
            }
            text.push('\n');
        }
        (text.len() <= DeviceRecord::MAX_NOTES).then_some(text)
    }

    /// Reads notes; `None` if there are none, or they are not in this form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(HEAD) {
            return None;
        }
        let (mut base, mut max_read, mut version, mut energy, mut asleep) = (None, None, None, None, None);
        let mut devices: Vec<&str> = Vec::new();
        let (mut ours, mut beside) = (Ours::default(), String::new());
        for line in lines {
            let (key, value) = line.split_once(' ')?;
            match key {
                "base" => base = Some(value.parse().ok()?),
                "max_read" => max_read = Some(value.parse().ok().filter(|n| (2..=125).contains(n))?),
                "version" => version = Some(value.to_owned()),
                "energy" => energy = Some(value.parse().ok()?),
                "ours" => ours = ours_of(value),
                "beside" => value.clone_into(&mut beside),
                "asleep" => asleep = Some(value.parse().ok()?),
                "chain" => devices.push(value),
                _ => return None,
            }
        }
        let base: u16 = base?;
        let mut at = u32::from(base) + 2;
        let mut all = devices.into_iter().map(|words| models(words, &mut at));
        let models = all.next()??;
        let others = all.collect::<Option<Vec<_>>>()?;
        let count = models.len() + others.iter().map(Vec::len).sum::<usize>();
        if models.is_empty() || count > MAX_MODELS {
            return None;
        }
        let chain = Chain { base, models, others, warnings: Vec::new(), complete: true };
        Some(Self { chain, version, max_read: max_read?, energy, ours, beside, asleep })
    }
}

/// What is ours, as words.
fn words_of(ours: Ours) -> String {
    let Ours { limit, set, grid_charge, var, pf } = ours;
    let words = [(limit, "limit"), (set, "set"), (grid_charge, "grid_charge"), (var, "var"), (pf, "pf")];
    let words: Vec<&str> = words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
    words.join(" ")
}

/// What is ours, from words; one that is not known here is left out.
fn ours_of(words: &str) -> Ours {
    let has = |word: &str| words.split(' ').any(|w| w == word);
    Ours {
        limit: has("limit"),
        set: has("set"),
        grid_charge: has("grid_charge"),
        var: has("var"),
        pf: has("pf"),
    }
}

/// The models of one logical device, which stand one behind the other.
fn models(words: &str, at: &mut u32) -> Option<Vec<ModelAt>> {
    let mut models: Vec<ModelAt> = Vec::new();
    for word in words.split(' ') {
        let (id, length) = word.split_once(':')?;
        let (id, length): (u16, u16) = (id.parse().ok()?, length.parse().ok()?);
        let before = models.iter().filter(|m| m.id == id).count();
        let instance = u16::try_from(before).unwrap_or(u16::MAX);
        models.push(ModelAt { id, instance, address: u16::try_from(*at).ok()?, length });
        *at += 2 + u32::from(length);
        if *at > 0x1_0000 || models.len() > MAX_MODELS {
            return None;
        }
    }
    Some(models)
}

#[cfg(test)]
mod tests;
