//! The time of a connection that several outstations share, and when one of them that was silent may take of it again.
//!
//! The stack asks one after another, so one that does not answer holds up all others for as long as it is waited for. It
//! decides nothing about a single outstation (`health` does), and it asks nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Commands that follow one another without a gap hold a look at a silent one up for no longer than this: it may be back.
const MOST_HELD: Duration = Duration::from_mins(1);

/// The time of one connection.
#[derive(Default)]
pub struct Line {
    state: Mutex<State>,
    changed: Notify,
}

/// Who has it, and what it owes to those who answer.
#[derive(Debug, Default)]
struct State {
    /// A silent one is being looked for.
    looking: bool,
    /// Commands under way: number and link address.
    commands: Vec<(u64, u16)>,
    next: u64,
    /// Since when there has been one without a gap.
    busy: Option<Instant>,
    /// Until then it belongs to those who answer.
    owed: Option<Instant>,
}

/// Whether there is time for a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Now,
    /// Somebody else has it.
    Taken,
    NotBefore(Instant),
}

impl State {
    /// For a look at this outstation; `again`: it was asked before and did not answer.
    fn slot(&self, now: Instant, outstation: u16, again: bool) -> Slot {
        if self.looking {
            return Slot::Taken;
        }
        let others = self.commands.iter().any(|(_, address)| *address != outstation);
        let held = self.busy.filter(|_| others).map(|since| since + MOST_HELD);
        let owed = self.owed.filter(|_| again);
        match held.into_iter().chain(owed).max() {
            Some(at) if now < at => Slot::NotBefore(at),
            _ => Slot::Now,
        }
    }

    fn begin(&mut self, now: Instant, outstation: u16) -> u64 {
        self.busy.get_or_insert(now);
        self.next = self.next.wrapping_add(1);
        self.commands.push((self.next, outstation));
        self.next
    }

    fn end(&mut self, which: impl Fn(&(u64, u16)) -> bool) {
        self.commands.retain(|command| !which(command));
        if self.commands.is_empty() {
            self.busy = None;
        }
    }
}

impl Line {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until an outstation may be looked for: never while another one is, or while a command to a neighbour is under way;
    /// and if it was silent before, not before the others have had what that cost them.
    pub async fn turn(&self, outstation: u16, again: bool) -> Turn<'_> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let slot = {
                let mut state = self.state();
                let slot = state.slot(Instant::now(), outstation, again);
                state.looking |= slot == Slot::Now;
                slot
            };
            match slot {
                Slot::Now => return Turn(self),
                Slot::Taken => changed.await,
                Slot::NotBefore(at) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(at) => {}
                },
            }
        }
    }

    /// True while a silent one is being looked for.
    #[cfg(test)]
    pub fn is_looking(&self) -> bool {
        self.state().looking
    }

    /// Somebody was waited for in vain: until then the line belongs to those who answer.
    pub fn owe(&self, until: Instant) {
        let mut state = self.state();
        state.owed = state.owed.max(Some(until));
    }

    /// A command to this outstation begins; gives its number.
    pub fn begin(&self, outstation: u16) -> u64 {
        self.state().begin(Instant::now(), outstation)
    }

    /// It is over.
    pub fn end(&self, command: u64) {
        self.state().end(|(number, _)| *number == command);
        self.changed.notify_waiters();
    }

    /// Commands to one that is silent hold up nobody.
    pub fn silent(&self, outstation: u16) {
        self.state().end(|(_, address)| *address == outstation);
        self.changed.notify_waiters();
    }
}

/// Somebody is being looked for, until this is dropped.
pub struct Turn<'a>(&'a Line);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state().looking = false;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
