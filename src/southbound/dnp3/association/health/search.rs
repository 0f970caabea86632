//! When an outstation that shares its channel and was silent may be looked for, and how long that may take. What it costs its
//! neighbours, they have first.

use std::time::Duration;
use tokio::time::Instant;

/// How long the answer to a look may take at first; longer when it does not come, up to the response time-out.
pub const LOOK: Duration = Duration::from_secs(2);
/// One look of so many at a lost one may take as long as any answer; all others, which hold its neighbours up just as much and
/// find hardly ever anybody, take no longer than at first.
const LONG: u32 = 4;
/// After an answer to a look the next one may take this many times as long.
const SLACK: u32 = 4;
/// Between two looks at a lost one lies so many times what the last one cost.
const LOST_COSTS: u32 = 10;
/// And never more than this, unless that is less.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// When it may be looked for.
#[derive(Debug)]
pub struct Search {
    response_timeout: Duration,
    /// Not before this,
    after: Instant,
    /// which was so long after the last silence.
    wait: Duration,
    /// What its silence has cost since it answered last.
    cost: Duration,
    owes_until: Instant,
    look: Duration,
    /// How long a look takes at first.
    usual: Duration,
    /// Looks at it in vain since it is lost.
    vain: u32,
    /// How much of it was used up by looks that somebody else interrupted.
    used: Duration,
}

impl Search {
    pub fn new(response_timeout: Duration, now: Instant) -> Self {
        let (none, look) = (Duration::ZERO, LOOK.min(response_timeout));
        Self {
            response_timeout,
            after: now,
            wait: none,
            cost: none,
            owes_until: now,
            look,
            usual: look,
            vain: 0,
            used: none,
        }
    }

    /// True if it is time for a look.
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.after
    }

    /// How long the next look may take.
    pub const fn look(&self) -> Duration {
        self.look
    }

    /// Until then the line belongs to those who answer.
    pub const fn owes_until(&self) -> Instant {
        self.owes_until
    }

    /// It owes nothing any more.
    pub const fn answered(&mut self) {
        (self.wait, self.cost, self.used) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    }

    /// It may be looked for now.
    pub const fn at_once(&mut self, now: Instant) {
        self.after = now;
    }

    /// It was waited for in vain, for so long. The wait is what all its silence has cost since it answered last, and many times
    /// what this one did if it is lost.
    pub fn silent(&mut self, now: Instant, cost: Duration, lost: bool) {
        self.cost = self.cost.saturating_add(cost);
        let (least, wait) = if lost {
            (cost.saturating_mul(LOST_COSTS), self.wait.saturating_mul(2))
        } else {
            (cost, self.cost.max(self.wait))
        };
        self.wait = wait.max(least).min(LONGEST_WAIT.max(least));
        (self.after, self.owes_until) = (now + self.wait, now + least);
    }

    /// A look was answered after this time. That it does more than that is not known, so the next wait is no shorter.
    pub fn found(&mut self, took: Duration) {
        self.used = Duration::ZERO;
        let limit = self.response_timeout;
        self.usual = took.saturating_mul(SLACK).clamp(LOOK.min(limit), limit);
        self.look = self.usual;
    }

    /// A look was not answered: it may be one that takes its time.
    pub fn not_found(&mut self, lost: bool) {
        self.used = Duration::ZERO;
        self.vain = if lost { self.vain.saturating_add(1) } else { 0 };
        self.look = match lost {
            false => self.look.saturating_mul(2).min(self.response_timeout),
            true if self.vain % LONG == LONG - 1 => self.response_timeout,
            true => self.usual,
        };
    }

    /// A look was interrupted after this time. True if all of them together were long enough for an answer.
    pub fn interrupted(&mut self, now: Instant, took: Duration, least: Duration) -> bool {
        self.used = self.used.saturating_add(took);
        self.after = now + took.max(least);
        self.used >= self.look
    }
}
