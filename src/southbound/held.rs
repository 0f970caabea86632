//! What a device holds on our behalf, for all drivers whose maps have commands: what must be undone, what must be repeated,
//! and when something was last written.
//!
//! Pure: time comes in as `now`.

use crate::der::ReadBack;
use crate::device_map::registers::CommandName;
use std::time::Duration;
use tokio::time::Instant;

/// What can be held: it has a name in the notes.
pub trait Key: Copy + PartialEq {
    /// The word in the notes; without a comma.
    fn name(self) -> &'static str;
    /// What has this word.
    fn from_name(name: &str) -> Option<Self>;
}

impl Key for CommandName {
    fn name(self) -> &'static str {
        Self::name(self)
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

/// One command that the device holds, or may hold; `W` is what is written to repeat it.
#[derive(Clone, Debug, PartialEq)]
pub struct Held<K, W> {
    /// Which.
    pub name: K,
    /// What was written; empty if it was written before this run, or perhaps not all of it arrived.
    pub writes: Vec<W>,
    /// What was known when it had been applied.
    pub read_back: ReadBack,
    /// It is written again after this time, or the device forgets it.
    pub refresh: Option<Duration>,
    /// When that is next.
    next: Instant,
    /// Nobody has asked for it since so long that it is repeated no more.
    pub until: Instant,
}

/// A command that was just applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied<K, W> {
    /// Which.
    pub name: K,
    /// What was written.
    pub writes: Vec<W>,
    /// What is known of it.
    pub read_back: ReadBack,
    /// It is written again after this time, or the device forgets it.
    pub refresh: Option<Duration>,
    /// How long it is held without being asked for again.
    pub hold: Duration,
}

/// All of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Holding<K, W> {
    list: Vec<Held<K, W>>,
    written: Vec<(K, Instant)>,
}

impl<K, W> Default for Holding<K, W> {
    fn default() -> Self {
        Self { list: Vec::new(), written: Vec::new() }
    }
}

impl<K: Key, W: Clone> Holding<K, W> {
    /// What is held of a command.
    pub fn get(&self, name: K) -> Option<&Held<K, W>> {
        self.list.iter().find(|held| held.name == name)
    }

    /// All that is held.
    #[cfg(feature = "dnp3")]
    pub fn iter(&self) -> impl Iterator<Item = &Held<K, W>> {
        self.list.iter()
    }

    /// True if a command is held, or may be.
    pub fn has(&self, name: K) -> bool {
        self.get(name).is_some()
    }

    /// A command was applied.
    pub fn applied(&mut self, new: Applied<K, W>, now: Instant) {
        let Applied { name, writes, read_back, refresh, hold } = new;
        self.drop(name);
        let next = refresh.map_or(now, |every| now + every);
        self.list.push(Held { name, writes, read_back, refresh, next, until: now + hold });
    }

    /// A command was asked for again and stands already: it is held on.
    pub fn go_on(&mut self, name: K, hold: Duration, now: Instant) {
        for held in self.list.iter_mut().filter(|held| held.name == name) {
            held.until = now + hold;
        }
    }

    /// A command failed, and the device may hold a part of it: it is undone later, and not repeated.
    pub fn touched(&mut self, name: K, now: Instant) {
        let (writes, read_back) = (Vec::new(), ReadBack::default());
        self.applied(Applied { name, writes, read_back, refresh: None, hold: Duration::ZERO }, now);
    }

    /// A command is held no more.
    pub fn drop(&mut self, name: K) {
        self.list.retain(|held| held.name != name);
    }

    /// Notes that registers of a command were written.
    pub fn wrote(&mut self, name: K, now: Instant) {
        self.written.retain(|(other, _)| *other != name);
        self.written.push((name, now));
    }

    /// How long until registers of a command may be written again.
    pub fn wait(&self, name: K, least: Duration, now: Instant) -> Option<Duration> {
        let (_, at) = self.written.iter().find(|(other, _)| *other == name)?;
        let wait = least.saturating_sub(now.saturating_duration_since(*at));
        (!wait.is_zero()).then_some(wait)
    }

    /// When something must be written again; `None` if nothing is to be repeated.
    pub fn next_refresh(&self) -> Option<Instant> {
        self.list.iter().filter(|h| h.refresh.is_some() && h.next <= h.until).map(|h| h.next).min()
    }

    /// What must be written again now; each is due again after its time.
    pub fn take_refreshes(&mut self, now: Instant) -> Vec<W> {
        let mut writes = Vec::new();
        for held in &mut self.list {
            let Some(every) = held.refresh.filter(|_| held.next <= held.until && held.next <= now) else {
                continue;
            };
            if now <= held.until {
                writes.extend(held.writes.iter().cloned());
            }
            held.next = now + every;
        }
        writes
    }

    /// Nothing is written again any more.
    pub fn stop_refreshing(&mut self) {
        for held in &mut self.list {
            held.refresh = None;
        }
    }

    /// The names of what is held, for the notes that outlive a run.
    pub fn notes(&self) -> String {
        let mut names: Vec<&str> = self.list.iter().map(|held| held.name.name()).collect();
        names.sort_unstable();
        names.join(",")
    }

    /// What was held when the notes were made may be held still.
    pub fn recall(&mut self, notes: &str, now: Instant) {
        for name in notes.split(',').filter_map(K::from_name) {
            self.touched(name, now);
        }
    }
}

#[cfg(test)]
mod tests;
