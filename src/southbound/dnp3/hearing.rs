//! An outstation whose answers are noticed: whatever it answers, also within a command of many steps, the core hears that it is
//! not silent. One that waits for its turn on a line that others have is vouched for, no longer than an answer may take.
//!
//! It is a [`Field`] in front of another one, and changes nothing of what is asked and answered.

use super::field::UnderWay;
use super::{Field, Identity, OperateError, Operation, Part, ReadError, Seen};
use crate::core::port::{Report, ReportSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The core is told no more often.
const EACH: Duration = Duration::from_secs(1);

/// An outstation whose answers are noticed. Clones are the same one.
pub struct Hearing<'a, F> {
    field: &'a F,
    reports: &'a ReportSender,
    /// How long an answer may take.
    patience: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// When it answered last.
    answered: Option<Instant>,
    /// When the core was told last.
    told: Option<Instant>,
    /// The slowest answer since.
    took: Duration,
}

impl<F> Clone for Hearing<'_, F> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), ..*self }
    }
}

impl<'a, F: Field> Hearing<'a, F> {
    /// In front of this outstation, which has this long for an answer.
    pub fn new(field: &'a F, reports: &'a ReportSender, patience: Duration) -> Self {
        Self { field, reports, patience, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks something; `is_answer` tells an answer from none.
    async fn ask<T>(&self, work: impl Future<Output = T> + Send, is_answer: fn(&T) -> bool) -> T {
        let began = Instant::now();
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    if is_answer(&done) {
                        self.answered(began.elapsed()).await;
                    }
                    return done;
                }
                () = sleep(EACH) => self.vouch().await,
            }
        }
    }

    async fn answered(&self, took: Duration) {
        let tell = {
            let (mut state, now) = (self.state(), Instant::now());
            state.answered = Some(now);
            state.took = state.took.max(took);
            state.is_due(now).then(|| std::mem::take(&mut state.took))
        };
        if let Some(took) = tell {
            self.reports.send(Report::Heard { took }).await;
        }
    }

    /// It has not answered, and could not: it was not asked yet.
    async fn vouch(&self) {
        let tell = self.field.waits() && {
            let (mut state, now) = (self.state(), Instant::now());
            let lately = state.answered.is_some_and(|at| now.duration_since(at) <= self.patience);
            lately && state.is_due(now)
        };
        if tell {
            self.reports.send(Report::Heard { took: Duration::ZERO }).await;
        }
    }
}

impl State {
    /// True if the core is to be told, which it is with that.
    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.told.is_none_or(|told| now.duration_since(told) >= EACH);
        if due {
            self.told = Some(now);
        }
        due
    }
}

impl<F: Field> Field for Hearing<'_, F> {
    async fn read(&self, parts: &[Part]) -> Result<Vec<Seen>, ReadError> {
        self.ask(self.field.read(parts), is_read).await
    }

    async fn identity(&self) -> Result<Identity, ReadError> {
        self.ask(self.field.identity(), is_read).await
    }

    async fn operate(&self, outputs: &[Operation]) -> Result<(), OperateError> {
        let is_answer = |done: &Result<(), OperateError>| {
            matches!(done, Ok(()) | Err(OperateError::Status(_) | OperateError::Refused(_)))
        };
        self.ask(self.field.operate(outputs), is_answer).await
    }

    fn silence(&self) -> String {
        self.field.silence()
    }

    async fn ready(&self) -> Result<(), ReadError> {
        self.field.ready().await
    }

    fn under_way(&self) -> UnderWay {
        self.field.under_way()
    }

    fn waits(&self) -> bool {
        self.field.waits()
    }
}

/// A refusal is an answer; what cannot be used may be noise.
fn is_read<T>(done: &Result<T, ReadError>) -> bool {
    matches!(done, Ok(_) | Err(ReadError::Refused(_)))
}

#[cfg(test)]
mod tests;
