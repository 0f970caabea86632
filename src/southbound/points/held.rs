//! What the device holds on our behalf: what must be undone, what must be repeated, and when something was last written.
//!
//! Pure: time comes in as `now`.

use super::draft::Write;
use crate::der::ReadBack;
use crate::device_map::registers::CommandName;
use std::time::Duration;
use tokio::time::Instant;

/// One command that the device holds, or may hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Which.
    pub name: CommandName,
    /// What was written; empty if it was written before this run, or perhaps not all of it arrived.
    pub writes: Vec<Write>,
    /// What was known when it had been applied.
    pub read_back: ReadBack,
    /// It is written again after this time, or the device forgets it.
    pub refresh: Option<Duration>,
    /// When that is next.
    next: Instant,
    /// Nobody has asked for it since so long that it is repeated no more.
    until: Instant,
}

/// A command that was just applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// Which.
    pub name: CommandName,
    /// What was written.
    pub writes: Vec<Write>,
    /// What is known of it.
    pub read_back: ReadBack,
    /// It is written again after this time, or the device forgets it.
    pub refresh: Option<Duration>,
    /// How long it is held without being asked for again.
    pub hold: Duration,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Holding {
    list: Vec<Held>,
    written: Vec<(CommandName, Instant)>,
}

impl Holding {
    /// What is held of a command.
    pub fn get(&self, name: CommandName) -> Option<&Held> {
        self.list.iter().find(|held| held.name == name)
    }

    /// True if a command is held, or may be.
    pub fn has(&self, name: CommandName) -> bool {
        self.get(name).is_some()
    }

    /// A command was applied.
    pub fn applied(&mut self, new: Applied, now: Instant) {
        let Applied { name, writes, read_back, refresh, hold } = new;
        self.drop(name);
        let next = refresh.map_or(now, |every| now + every);
        self.list.push(Held { name, writes, read_back, refresh, next, until: now + hold });
    }

    /// A command was asked for again and stands already: it is held on.
    pub fn go_on(&mut self, name: CommandName, hold: Duration, now: Instant) {
        for held in self.list.iter_mut().filter(|held| held.name == name) {
            held.until = now + hold;
        }
    }

    /// A command failed, and the device may hold a part of it: it is undone later, and not repeated.
    pub fn touched(&mut self, name: CommandName, now: Instant) {
        let (writes, read_back) = (Vec::new(), ReadBack::default());
        self.applied(Applied { name, writes, read_back, refresh: None, hold: Duration::ZERO }, now);
    }

    /// A command is held no more.
    pub fn drop(&mut self, name: CommandName) {
        self.list.retain(|held| held.name != name);
    }

    /// Notes that registers of a command were written.
    pub fn wrote(&mut self, name: CommandName, now: Instant) {
        self.written.retain(|(other, _)| *other != name);
        self.written.push((name, now));
    }

    /// How long until registers of a command may be written again.
    pub fn wait(&self, name: CommandName, least: Duration, now: Instant) -> Option<Duration> {
        let (_, at) = self.written.iter().find(|(other, _)| *other == name)?;
        let wait = least.saturating_sub(now.saturating_duration_since(*at));
        (!wait.is_zero()).then_some(wait)
    }

    /// When something must be written again; `None` if nothing is to be repeated.
    pub fn next_refresh(&self) -> Option<Instant> {
        self.list.iter().filter(|h| h.refresh.is_some() && h.next <= h.until).map(|h| h.next).min()
    }

    /// What must be written again now; each is due again after its time.
    pub fn take_refreshes(&mut self, now: Instant) -> Vec<Write> {
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
        for name in notes.split(',').filter_map(CommandName::from_name) {
            self.touched(name, now);
        }
    }
}

#[cfg(test)]
mod tests;
