//! How an association fares, and what has to be done about it: plain decisions by what happened and the time. It asks nothing and
//! sends nothing.

mod failure;
mod reading;
mod search;

pub use failure::Failure;

use self::search::{LOOK, Search};
use crate::device_map::dnp3::{ReadPlan, SessionOptions};
use crate::southbound::dnp3::channel::{Pace, Record};
use crate::southbound::dnp3::field::Indications;
use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row after which something is not tried again.
const ENOUGH: u32 = 3;

/// Why everything is read again after values were dropped.
pub const FLOOD: &str = "values came faster than they could be taken";

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// No answers: make the connection anew.
    Reconnect,
    /// Others on the channel are to lose no time with it: the stack is to ask it nothing until it was looked for and found.
    LeaveAlone,
    /// No answers, but others on the channel may: count it as lost, and look for it ever less often.
    Lose,
    /// A lost one answers again: it counts as there.
    Revive,
    /// It was left alone and is there, or nobody else is: start over with it.
    Rejoin,
    /// Its clock cannot be set: stop trying, or nothing else ever happens.
    LeaveTime,
    /// Class 0 cannot be read: read by ranges from now on.
    LeaveClasses,
    /// By ranges, and it was just connected.
    ReadRanges,
    /// By ranges, and it has restarted.
    Restarted,
    /// Read everything again, because of this.
    ReadAll(&'static str),
    /// Its restart bit cannot be cleared, so the stack reads nothing by itself: read everything.
    Stubborn,
    /// It says again and again that it has lost events: that is not heard any more.
    IgnoreOverflow,
    /// See whether it is there.
    CheckLink,
    /// Offer it the time once more.
    OfferTime,
}

/// The restart of an outstation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restart {
    None,
    /// It has restarted; everything is to be read again before anybody is told.
    Seen,
    /// It was told, though the bit is only now being cleared.
    Told,
}

/// How an association fares.
#[derive(Debug)]
pub struct Health {
    lost_after: u32,
    keep_alive: Option<Duration>,
    pace: Pace,
    heard: Instant,
    checked: Instant,
    response_timeout: Duration,
    /// When what is under way was asked.
    asked: Option<Instant>,
    misses: u32,
    /// Misses since the gateway was started.
    silences: u64,
    lost: bool,
    /// The stack is to leave it alone, and it is only looked for.
    left_alone: bool,
    /// It has answered since it was left alone, be it only a look.
    there: bool,
    /// It has answered since the gateway was started.
    known: bool,
    /// It sends without end.
    babbles: bool,
    search: Search,
    restart: Restart,
    /// Times in a row that the restart bit was to be cleared, with nothing read in between.
    clearings: u32,
    time_refusals: u32,
    /// From when on the time is offered again; set if it is not set by the stack.
    offer_time: Option<Instant>,
    integrity_refusals: u32,
    by_ranges: bool,
    just_connected: bool,
    values_lost: bool,
    /// Not before this is everything read again, after that failed.
    read_again: Option<Instant>,
    /// Its restart bit cannot be cleared; until it is connected anew that is known.
    stubborn: bool,
    indications: Indications,
    overflows: u32,
    next_overflow: Option<Instant>,
    command_sent: bool,
}

impl Health {
    pub fn new(session: &SessionOptions, response_timeout: Duration, pace: Pace) -> Self {
        let now = Instant::now();
        Self {
            lost_after: session.lost_after_answers.max(1),
            keep_alive: session.keep_alive.filter(|time| !time.is_zero()),
            pace,
            heard: now,
            checked: now,
            response_timeout,
            asked: None,
            misses: 0,
            silences: 0,
            lost: false,
            left_alone: false,
            there: false,
            known: false,
            babbles: false,
            search: Search::new(response_timeout, now),
            restart: Restart::None,
            clearings: 0,
            time_refusals: 0,
            offer_time: None,
            integrity_refusals: 0,
            by_ranges: session.read == ReadPlan::Ranges,
            just_connected: false,
            values_lost: false,
            read_again: None,
            stubborn: false,
            indications: Indications::default(),
            overflows: 0,
            next_overflow: None,
            command_sent: false,
        }
    }

    /// The connection has just been made.
    pub fn connected(&mut self, now: Instant) {
        self.heard = now;
        self.checked = now;
        self.misses = 0;
        self.lost = false;
        self.babbles = false;
        self.clearings = 0;
        self.stubborn = false;
        self.just_connected = true;
        self.search.at_once(now);
    }

    /// Something came. True if that has to be seen to.
    pub const fn heard(&mut self, now: Instant) -> bool {
        self.known = true;
        self.heard = now;
        self.misses = 0;
        self.search.answered();
        self.there = true;
        self.left_alone
    }

    /// A request goes out.
    pub const fn asked(&mut self, now: Instant) {
        self.asked = Some(now);
    }

    /// A request was not answered, and nobody else was asked meanwhile.
    pub fn missed(&mut self, now: Instant) {
        let asked = self.asked.take();
        let cost = asked.map_or(self.response_timeout, |asked| now.saturating_duration_since(asked));
        self.misses = self.misses.saturating_add(1);
        self.silences = self.silences.saturating_add(1);
        self.checked = now;
        self.there = false;
        self.search.silent(now, cost, self.lost);
    }

    /// Its answer does not end.
    pub const fn babbling(&mut self) {
        self.babbles = true;
    }

    /// True if it has ever answered.
    pub const fn is_known(&self) -> bool {
        self.known
    }

    /// True if it is asked only now and then.
    pub const fn is_lost(&self) -> bool {
        self.lost
    }

    /// True if nothing is to be asked of it for now.
    pub const fn is_left_alone(&self) -> bool {
        self.left_alone
    }

    /// How often it was silent.
    pub const fn silences(&self) -> u64 {
        self.silences
    }

    /// How long the next look may take.
    pub const fn look(&self) -> Duration {
        self.search.look()
    }

    /// True if the next look may take longer than a command to a neighbour can wait.
    pub fn looks_long(&self) -> bool {
        self.look() > LOOK
    }

    /// True if it was silent when it was asked last.
    pub const fn is_silent_now(&self) -> bool {
        self.misses > 0
    }

    /// What it owes to its neighbours.
    pub const fn record(&self) -> Record {
        match (self.lost, self.misses) {
            (true, _) => Record::Lost,
            (false, 0 | 1) => Record::Good,
            (false, _) => Record::Silent,
        }
    }

    /// Until then the line belongs to those who answer.
    pub const fn owes_until(&self) -> Instant {
        self.search.owes_until()
    }

    /// There is no connection, and others will be on the next one, too: nothing is asked of it before it was looked for. True if
    /// the stack does not know that yet.
    pub fn begin_anew(&mut self, now: Instant) -> bool {
        self.there = false;
        self.search.answered();
        self.search.at_once(now);
        !std::mem::replace(&mut self.left_alone, true)
    }

    /// It answered a look: it is there. Whether it does more than that is not known, so what it owes is not forgotten.
    pub fn found(&mut self, now: Instant, took: Duration) {
        (self.known, self.there, self.heard) = (true, true, now);
        self.search.found(took);
    }

    /// It did not answer a look. What the look waited behind others is none of its cost.
    pub fn not_found(&mut self, now: Instant) {
        let begun = now.checked_sub(self.look());
        self.asked = self.asked.max(begun);
        self.missed(now);
        self.search.not_found(self.lost);
    }

    /// A look ended after this time because somebody said something: it counts when there was time enough for an answer.
    pub fn interrupted(&mut self, now: Instant, took: Duration) {
        // It may have been itself.
        if !self.there && self.search.interrupted(now, took, self.pace.tick) {
            self.not_found(now);
        }
    }

    /// True if it is to be read by ranges.
    pub const fn reads_by_ranges(&self) -> bool {
        self.by_ranges
    }

    /// True if the stack shall not set its clock.
    pub const fn keeps_its_time(&self) -> bool {
        self.offer_time.is_some()
    }

    /// Our clock is not set: the stack, which would wait for it, is not to set the outstation's.
    pub fn time_not_known(&mut self, now: Instant) {
        self.offer_time = Some(now + self.pace.overflow);
    }

    /// The time was offered and taken: the next time that it asks, it need not wait for long.
    pub fn time_was_offered(&mut self, now: Instant) {
        self.offer_time = Some(now + self.pace.overflow);
    }

    /// Its clock was set.
    pub const fn time_taken(&mut self) {
        self.time_refusals = 0;
    }

    /// Its clock was not set.
    pub const fn time_refused(&mut self) {
        self.time_refusals = self.time_refusals.saturating_add(1);
    }

    /// Everything was to be read, and the answer was of no use.
    pub const fn integrity_refused(&mut self) {
        self.integrity_refusals = self.integrity_refusals.saturating_add(1);
    }

    /// Its restart bit is about to be cleared.
    pub const fn clearing_restart(&mut self) {
        if self.stubborn {
            return;
        }
        self.clearings = self.clearings.saturating_add(1);
        self.restart = match self.restart {
            Restart::Told => Restart::None,
            Restart::None | Restart::Seen => Restart::Seen,
        };
    }

    /// The answer to an integrity read has the restart bit set.
    pub const fn restart_within_integrity(&mut self) {
        if matches!(self.restart, Restart::None) {
            self.restart = Restart::Told;
        }
    }

    /// Everything was read. True if that came after a restart.
    pub fn read_whole(&mut self) -> bool {
        self.integrity_refusals = 0;
        self.clearings = 0;
        match self.restart {
            Restart::None => false,
            Restart::Seen => {
                self.restart = Restart::None;
                true
            }
            // The bit came with this very read and is cleared after it.
            Restart::Told => true,
        }
    }

    /// Everything was to be read again, and was not.
    pub fn read_failed(&mut self, now: Instant) {
        self.values_lost = true;
        self.read_again = Some(now + self.pace.overflow);
    }

    /// Values were dropped.
    pub const fn values_lost(&mut self) {
        self.values_lost = true;
    }

    /// Bits that came.
    pub const fn indicated(&mut self, now: &Indications) {
        if !now.overflow {
            self.overflows = 0;
        }
        self.indications = *now;
    }

    /// A command is about to be asked for.
    pub const fn command_begins(&mut self) {
        self.command_sent = false;
    }

    /// A command is being sent.
    pub const fn command_sent(&mut self) {
        self.command_sent = true;
    }

    /// True if the command was sent, or may have been.
    pub const fn command_was_sent(&self) -> bool {
        self.command_sent
    }

    /// What has to be done next. `shared`: others are on the channel. `room`: the device task keeps up. The link stands.
    pub fn duty(&mut self, now: Instant, shared: bool, room: bool) -> Option<Duty> {
        if std::mem::take(&mut self.babbles) {
            return Some(Duty::Reconnect);
        }
        let first = if shared || self.lost { self.among_others(now) } else { self.alone(now) };
        if first.is_some() || self.left_alone {
            return first;
        }
        self.refusals(now).or_else(|| self.reading(now, room)).or_else(|| self.quiet(now))
    }

    /// One whose silence costs nobody else anything.
    fn alone(&mut self, now: Instant) -> Option<Duty> {
        if self.left_alone {
            return Some(self.rejoin());
        }
        if !self.is_silent(now) {
            return None;
        }
        self.misses = 0;
        self.heard = now;
        Some(Duty::Reconnect)
    }

    /// One whose silence costs its neighbours time: it is left alone until it was looked for and found, and looked for ever less
    /// often.
    fn among_others(&mut self, now: Instant) -> Option<Duty> {
        if self.lost && self.there {
            self.lost = false;
            return Some(Duty::Revive);
        }
        if !self.lost && self.is_silent(now) {
            (self.lost, self.left_alone, self.there) = (true, true, false);
            return Some(Duty::Lose);
        }
        match (self.left_alone, self.there) {
            (false, true) => None,
            (false, false) => {
                self.left_alone = true;
                Some(Duty::LeaveAlone)
            }
            (true, true) => Some(self.rejoin()),
            (true, false) => self.search.is_due(now).then_some(Duty::CheckLink),
        }
    }

    const fn rejoin(&mut self) -> Duty {
        self.left_alone = false;
        self.just_connected = true;
        Duty::Rejoin
    }

    /// True if so many requests were not answered that there is nobody to be asked.
    fn is_silent(&self, now: Instant) -> bool {
        let silent = now.saturating_duration_since(self.heard);
        let too_long = self.keep_alive.is_some_and(|alive| self.misses > 0 && silent >= alive * 2);
        self.misses >= self.lost_after || too_long
    }
}

#[cfg(test)]
mod tests;
