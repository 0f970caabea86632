//! Whether polls take longer than they are meant to be apart, in words for an operator: told once, and taken back once.
//!
//! Pure. One slow poll is nothing; values of a slow outstation are good, and as old as their time says.

use std::time::Duration;

/// So many slow polls in a row make a slow outstation.
const SLOW: u32 = 5;
/// So many that are in time end it.
const QUICK: u32 = 30;

/// How polls of one outstation fare.
#[derive(Clone, Debug, Default)]
pub struct Slow {
    /// Polls in a row that speak against `words` as it is.
    against: u32,
    /// The slowest of them.
    took: Duration,
    words: String,
}

impl Slow {
    /// A poll took this long. What is to be said of it, if that is new; empty if it is not slow any more.
    pub fn polled(&mut self, took: Duration, period: Duration) -> Option<&str> {
        let slow = took > period;
        if slow != self.words.is_empty() {
            (self.against, self.took) = (0, Duration::ZERO);
            return None;
        }
        self.against += 1;
        self.took = self.took.max(took);
        if self.against < if slow { SLOW } else { QUICK } {
            return None;
        }
        self.words = if slow { words(self.took, period) } else { String::new() };
        (self.against, self.took) = (0, Duration::ZERO);
        Some(&self.words)
    }
}

fn words(took: Duration, period: Duration) -> String {
    let (took, period) = (took.as_secs_f64(), period.as_secs_f64());
    format!(
        "its answers to a poll take up to {took:.1} s, too slow for a poll each {period} s: values are as old as their time says"
    )
}

#[cfg(test)]
mod tests;
