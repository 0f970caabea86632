//! Units that do not answer: each costs a time-out when it is asked, so it is asked less and less often.
//!
//! It is about units behind a connection that stands; it knows nothing of connections, and reads no clock.

use super::ConnectFault;
use crate::backoff::Backoff;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Units without an answer of late.
#[derive(Debug)]
pub struct Patience {
    first: Duration,
    units: HashMap<u8, Silent>,
}

#[derive(Debug)]
struct Silent {
    misses: u32,
    backoff: Backoff,
    until: Option<Instant>,
    /// What came of it last.
    why: ConnectFault,
}

/// Longest pause.
const MOST: Duration = Duration::from_secs(60);

impl Patience {
    /// No unit is silent yet. The first pause of one that is, is about `first` long.
    #[must_use]
    pub fn new(first: Duration) -> Self {
        Self { first, units: HashMap::new() }
    }

    /// Until when a unit is not asked.
    #[must_use]
    pub fn until(&self, unit: u8) -> Option<Instant> {
        self.units.get(&unit)?.until
    }

    /// Why a unit is not asked now, if it is not.
    #[must_use]
    pub fn stands_against(&self, unit: u8, now: Instant) -> Option<ConnectFault> {
        let silent = self.units.get(&unit)?;
        silent.until.filter(|until| now < *until).map(|_| silent.why.clone())
    }

    /// It answered.
    pub fn answered(&mut self, unit: u8) {
        if !self.units.is_empty() {
            self.units.remove(&unit);
        }
    }

    /// It did not answer; so many times in a row are borne without a pause.
    pub fn missed(&mut self, unit: u8, why: ConnectFault, now: Instant, borne: u32) {
        let first = self.first;
        let silent = self.units.entry(unit).or_insert_with(|| Silent {
            misses: 0,
            backoff: Backoff::new(first, MOST),
            until: None,
            why: ConnectFault::Mute,
        });
        silent.why = why;
        silent.misses += 1;
        if silent.misses > borne {
            silent.until = Some(now + silent.backoff.next_delay());
        }
    }
}

#[cfg(test)]
mod tests;
