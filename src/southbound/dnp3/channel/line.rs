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
    /// Until then it belongs to those who answer: what those have cost who were silent more than once, and what the lost ones
    /// have. A lost one owes many times what it cost; that binds nobody who may only have missed an answer.
    owed: Option<Instant>,
    owed_by_lost: Option<Instant>,
}

/// How an outstation has answered of late; each owes more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Record {
    /// It owes nothing, or has missed a single answer, which it makes up for by itself.
    Good,
    /// It was silent more than once.
    Silent,
    /// It is asked only now and then.
    Lost,
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
    /// For a look at this outstation.
    fn slot(&self, now: Instant, outstation: u16, record: Record) -> Slot {
        if self.looking {
            return Slot::Taken;
        }
        let held = self.busy.filter(|_| self.commands_others(outstation)).map(|since| since + MOST_HELD);
        let owed = self.owed.filter(|_| record >= Record::Silent);
        let by_lost = self.owed_by_lost.filter(|_| record == Record::Lost);
        match held.into_iter().chain(owed).chain(by_lost).max() {
            Some(at) if now < at => Slot::NotBefore(at),
            _ => Slot::Now,
        }
    }

    /// True if a neighbour of this outstation is commanded.
    fn commands_others(&self, outstation: u16) -> bool {
        self.commands.iter().any(|(_, address)| *address != outstation)
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
    pub async fn turn(&self, outstation: u16, record: Record) -> Turn<'_> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let slot = {
                let mut state = self.state();
                let slot = state.slot(Instant::now(), outstation, record);
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

    /// True if no neighbour of this outstation is commanded.
    pub fn is_free(&self, outstation: u16) -> bool {
        !self.state().commands_others(outstation)
    }

    /// Waits until a neighbour of this outstation is commanded.
    pub async fn commanded(&self, outstation: u16) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.state().commands_others(outstation) {
                return;
            }
            changed.await;
        }
    }

    /// One with this record was waited for in vain: until then the line belongs to those who answer.
    pub fn owe(&self, record: Record, until: Instant) {
        let mut state = self.state();
        let owed = match record {
            Record::Good => return,
            Record::Silent => &mut state.owed,
            Record::Lost => &mut state.owed_by_lost,
        };
        *owed = (*owed).max(Some(until));
    }

    /// A command to this outstation begins; gives its number.
    pub fn begin(&self, outstation: u16) -> u64 {
        let number = self.state().begin(Instant::now(), outstation);
        self.changed.notify_waiters();
        number
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
