//! What stands on our behalf and is taken away by somebody else: another master, the local panel, the outstation itself.
//!
//! What the outstation tells is only a suspicion, for it may be late: before anything is put back, the points are read. Not
//! guarded are connecting (what somebody has stopped is not started again by itself), settings, what no point was seen to
//! show, and what ends by its own reversion time.

use super::super::execute::{Bench, Verdict};
use super::super::field::Field;
use super::super::image::Image;
use super::super::plan::Act;
use super::{Ask, Commands, Kept};
use crate::core::port::Command;
use crate::der::{Effect, Outcome, Setpoint};
use crate::device_map::dnp3::{Argument, At};
use crate::device_map::registers::CommandName;
use crate::southbound::feud::{self, Feud};
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// One command that stands on our behalf.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub key: Kept,
    pub setpoint: Setpoint,
    /// What must show, and whether it was seen to.
    acts: Vec<(Act, bool)>,
    /// It ends by itself then.
    until: Instant,
    /// Nothing that was heard before this says anything of it.
    since: Timestamp,
    pub feud: Feud,
}

/// Something that was asked and does not stand any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Astray {
    key: Kept,
    /// What was asked.
    pub asked: Setpoint,
    /// What stands there, in words.
    pub shown: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Remedy {
    /// It was put back; how that ended.
    PutBack(Outcome),
    /// It was put back too often of late; in words, if that is news.
    Left(Option<String>),
}

impl Guard {
    /// True if the outstation has told of something else since it was looked at last. Notes what it tells to stand.
    fn is_suspect<F: Field>(&mut self, bench: &Bench<'_, F>, image: &Image) -> bool {
        let mut suspect = false;
        for (act, seen) in &mut self.acts {
            let heard = |at: &At| image.seen(*at).is_some_and(|seen| seen.heard > self.since);
            if act.reads.iter().any(heard) {
                let stood = bench.stood(act);
                *seen |= stood == Some(true);
                suspect |= *seen && stood == Some(false);
            }
        }
        suspect
    }
}

impl Commands {
    /// Guards what was applied.
    pub(super) fn guard<F>(&mut self, ask: &Ask<'_, F>, key: Kept, acts: &[Act], verified: bool) {
        let feud = self.unguard(key).unwrap_or_default();
        // The later order of an output is the one that counts.
        self.leave(acts);
        if key == Kept::Command(CommandName::Connect) {
            return;
        }
        let reverts = acts.iter().find(|act| act.part == Some(Argument::Reversion));
        let reverts = reverts.and_then(|act| Duration::try_from_secs_f64(act.value).ok());
        let counts = |act: &&Act| !act.need_not_stand() && !act.reads.is_empty();
        self.guards.push(Guard {
            key,
            setpoint: ask.setpoint.clone(),
            acts: acts.iter().filter(counts).map(|act| (act.clone(), verified)).collect(),
            until: ask.begun.0 + reverts.map_or(ask.hold, |time| time.min(ask.hold)),
            since: ask.begun.1,
            feud,
        });
    }

    /// It is guarded no more.
    pub(super) fn unguard(&mut self, key: Kept) -> Option<Feud> {
        let place = self.guards.iter().position(|guard| guard.key == key)?;
        Some(self.guards.remove(place).feud)
    }

    /// These outputs were operated for something else: what they show says nothing of what was asked before.
    pub(super) fn leave(&mut self, acts: &[Act]) {
        for guard in &mut self.guards {
            guard.acts.retain(|(own, _)| acts.iter().all(|act| act.at() != own.at()));
        }
    }

    /// Whether the outstation has told that something does not stand any more. Notes what is seen to stand.
    pub fn suspects(&mut self, field: &impl Field, image: &Image) -> bool {
        let now = Instant::now();
        self.guards.retain(|guard| guard.until > now);
        let map = self.map.clone();
        let bench = Bench { field, map: &map, known: image, expires_at: now };
        let mut guards = std::mem::take(&mut self.guards);
        let mut suspects = false;
        for guard in &mut guards {
            if guard.is_suspect(&bench, image) {
                // What was put back too often, and is known to be, is not even looked at.
                suspects |= guard.feud.may_put_back(now) || guard.feud.amiss().is_none();
            } else if guard.feud.stands(now) {
                self.relied_on_again(guard.key, &guard.setpoint);
            }
        }
        self.guards = guards;
        // What is disconnected holds nothing else.
        suspects && (!self.is_off() || self.guards.iter().any(|guard| is_off(guard.key)))
    }

    fn relied_on_again(&mut self, key: Kept, setpoint: &Setpoint) {
        let watched = matches!(key, Kept::Command(name) if self.watches.anew(name));
        if !watched {
            self.known.push((setpoint.clone(), Effect::Effective));
        }
    }

    /// Looks at what is suspected: what does not stand any more.
    pub async fn astray(&mut self, field: &impl Field, image: &Image) -> Vec<Astray> {
        let map = self.map.clone();
        let off = self.is_off();
        let bench = Bench { field, map: &map, known: image, expires_at: Instant::now() };
        let mut found = Vec::new();
        for guard in &mut self.guards {
            if (off && !is_off(guard.key)) || !guard.is_suspect(&bench, image) {
                continue;
            }
            let looked_at = Timestamp::now();
            let acts: Vec<&Act> = guard.acts.iter().filter(|(_, seen)| *seen).map(|(act, _)| act).collect();
            let verdicts = bench.look_once(&acts).await;
            let differs = acts.iter().zip(verdicts).find_map(|(act, verdict)| match verdict {
                Verdict::Differs(words) => Some((*act, words)),
                _ => None,
            });
            let Some((act, words)) = differs else {
                // It stands, or cannot be seen: the next word of it counts.
                guard.since = looked_at;
                continue;
            };
            let name = act.reads.iter().find_map(|at| map.at(*at)).map(|point| format!("{}: ", point.name));
            let shown = name.unwrap_or_default() + &words;
            found.push(Astray { key: guard.key, asked: guard.setpoint.clone(), shown });
        }
        found
    }

    /// Puts it back for the time that is left, unless that was done too often of late.
    pub async fn put_back(&mut self, field: &impl Field, image: &Image, lost: &Astray) -> Remedy {
        let now = Instant::now();
        let Some(place) = self.guards.iter().position(|guard| guard.key == lost.key && guard.until > now)
        else {
            return Remedy::Left(None);
        };
        let mut guard = self.guards.remove(place);
        if !guard.feud.may_put_back(now) {
            let words = feud::again_and_again(&lost.asked.to_string(), &lost.shown);
            let news = guard.feud.fails(words.clone());
            self.guards.push(guard);
            return Remedy::Left(news.then(|| self.is_amiss(lost, words)));
        }
        guard.feud.put_back(now);
        self.guards.push(guard.clone());
        let hold = guard.until.saturating_duration_since(now);
        let command = Command { id: 0, setpoint: lost.asked.clone(), hold, expires_at: guard.until };
        let outcome = self.carry_out(field, &command, image).await;
        if !matches!(outcome, Outcome::Applied(_)) {
            let words = feud::in_vain(&lost.asked.to_string(), &lost.shown, &outcome.words());
            let news = guard.feud.fails(words.clone());
            self.unguard(guard.key);
            self.guards.push(guard);
            if news {
                self.is_amiss(lost, words);
            }
        }
        Remedy::PutBack(outcome)
    }

    /// What was asked is not kept, which the core is told as an effect.
    fn is_amiss(&mut self, lost: &Astray, words: String) -> String {
        if let Kept::Command(name) = lost.key {
            self.watches.anew(name);
        }
        self.known.push((lost.asked.clone(), Effect::NoEffect(words.clone())));
        words
    }

    /// Why what was asked cannot be relied on, in words.
    pub fn amiss(&self) -> impl Iterator<Item = &str> {
        let now = Instant::now();
        self.guards.iter().filter(move |guard| guard.until > now).filter_map(|guard| guard.feud.amiss())
    }

    /// True while what the measurements show of a set point says nothing: it is taken away again and again.
    pub(super) fn is_disputed(&self, setpoint: &Setpoint) -> bool {
        self.guards.iter().any(|guard| guard.feud.amiss().is_some() && guard.setpoint == *setpoint)
    }
}

fn is_off(key: Kept) -> bool {
    key == Kept::Command(CommandName::Disconnect)
}
