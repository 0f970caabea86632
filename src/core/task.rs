//! The core task: sole owner of the state. It waits for events, lets the state decide, and carries the decisions out.
//!
//! One durable change is under way at a time: a request is answered when its changes are on disk, and the next request is
//! taken up after that. Reports, outcomes and decisions go on meanwhile.

use super::dispatch::Now;
use super::port::{Change, DeviceHandle, Inbox, PersistError, Persistence, Stored};
use super::registry::DeviceEntry;
use super::requests::Plan;
use super::service::{Answer, Refusal, Request, Service, Snapshot};
use super::settings::Settings;
use super::state::{STEP, State};
use crate::der::EndDeviceGroup;
use arc_swap::ArcSwap;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Requests that may wait for the core.
const REQUEST_QUEUE: usize = 64;
/// Reports taken at a time.
const BATCH: usize = 512;
/// Pause before a failed write of the core's own is tried again.
const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// What the core is made of.
#[derive(Debug)]
pub struct Parts {
    /// Times and bounds.
    pub settings: Settings,
    /// The devices, in registry order.
    pub devices: Vec<DeviceEntry>,
    /// The handle of each device, in the same order.
    pub handles: Vec<DeviceHandle>,
    /// What the drivers send.
    pub inbox: Inbox,
    /// Where durable changes go.
    pub persistence: Persistence,
    /// What was durable at the start.
    pub stored: Stored,
    /// Groups of the configuration.
    pub seeds: Vec<EndDeviceGroup>,
}

/// The core, ready to run.
#[derive(Debug)]
pub struct Core {
    state: State,
    handles: Vec<DeviceHandle>,
    inbox: Inbox,
    requests: mpsc::Receiver<Request>,
    snapshot: Arc<ArcSwap<Snapshot>>,
    persistence: Persistence,
    outbox: VecDeque<Vec<Change>>,
    write_again_at: Option<Instant>,
    dirty: bool,
}

/// What follows a durable change.
type Then = Box<dyn FnOnce(&mut Core, Result<(), PersistError>) + Send>;
type Writing = Pin<Box<dyn Future<Output = Result<(), PersistError>> + Send>>;

fn now() -> Now {
    Now { wall: jiff::Timestamp::now(), mono: Instant::now() }
}

impl Core {
    /// Builds the core and the service that others reach it by.
    #[must_use]
    pub fn new(parts: Parts) -> (Self, Service) {
        let (service, requests, snapshot) = Service::new(REQUEST_QUEUE);
        let (state, changes) =
            State::new(parts.settings, parts.devices, parts.stored, parts.seeds, now().wall);
        let mut core = Self {
            state,
            handles: parts.handles,
            inbox: parts.inbox,
            requests,
            snapshot,
            persistence: parts.persistence,
            outbox: VecDeque::new(),
            write_again_at: None,
            dirty: true,
        };
        if !changes.is_empty() {
            core.outbox.push_back(changes);
        }
        core.publish();
        (core, service)
    }

    /// Runs until told to stop, or until every driver is gone.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(STEP);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reports = Vec::with_capacity(BATCH);
        let mut writing: Option<(Writing, Then)> = None;
        self.decide();
        loop {
            if writing.is_none() {
                writing = self.next_write();
            }
            tokio::select! {
                biased;
                () = stop.cancelled(), if writing.is_none() => return,
                result = written(&mut writing) => {
                    if let Some((_, then)) = writing.take() {
                        then(&mut self, result);
                    }
                }
                Some(request) = self.requests.recv(), if writing.is_none() => {
                    writing = self.request(request);
                }
                _ = tick.tick() => self.tick(),
                Some(end) = self.inbox.ends.recv() => {
                    self.state.ended(&end, now());
                    while let Ok(end) = self.inbox.ends.try_recv() {
                        self.state.ended(&end, now());
                    }
                    self.dirty = true;
                }
                count = self.inbox.reports.recv_many(&mut reports, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    let now = now();
                    for (index, report) in reports.drain(..) {
                        self.state.report(index, report, now);
                    }
                    self.dirty = true;
                }
            }
        }
    }

    fn tick(&mut self) {
        self.state.watch(now());
        // While nothing can be written, the latest of each device waits in the state and nothing piles up.
        if self.outbox.is_empty() {
            let changes = self.state.take_changes();
            if !changes.is_empty() {
                self.outbox.push_back(changes);
            }
        }
        if !self.state.idle() {
            self.decide();
            self.dirty = true;
        }
        // Published even if nothing changed: its age is the sign of life of the core.
        self.publish();
    }

    /// Lets the state decide and sends the commands; durable changes wait their turn.
    fn decide(&mut self) {
        let actions = self.state.step(now());
        for (index, command) in actions.commands {
            if let Some(handle) = self.handles.get(index.get()) {
                handle.send(command);
            }
        }
        if !actions.changes.is_empty() {
            self.outbox.push_back(actions.changes);
        }
    }

    fn publish(&mut self) {
        let mut snapshot = if std::mem::take(&mut self.dirty) {
            self.state.snapshot()
        } else {
            Snapshot::clone(&self.snapshot.load())
        };
        snapshot.taken = Some(Instant::now());
        snapshot.store_failing = self.write_again_at.is_some();
        self.snapshot.store(Arc::new(snapshot));
    }

    /// The next change of the core's own, if one waits.
    fn next_write(&mut self) -> Option<(Writing, Then)> {
        if self.write_again_at.is_some_and(|at| Instant::now() < at) {
            return None;
        }
        let changes = self.outbox.pop_front()?;
        let again = changes.clone();
        let then: Then = Box::new(|core, result| match result {
            Ok(()) => core.write_again_at = None,
            Err(why) => {
                if core.write_again_at.is_none() {
                    tracing::error!(%why, "a change of state is not durable; trying again until it is");
                }
                core.outbox.push_front(again);
                core.write_again_at = Some(Instant::now() + WRITE_AGAIN);
            }
        });
        Some((self.write(changes), then))
    }

    fn write(&self, changes: Vec<Change>) -> Writing {
        let persistence = self.persistence.clone();
        Box::pin(async move { persistence.commit(changes).await })
    }

    fn request(&mut self, request: Request) -> Option<(Writing, Then)> {
        let at = now().wall;
        match request {
            Request::CreateGroups(wanted, answer) => {
                let plan = self.state.create_groups(wanted, at);
                self.carry_out(plan, answer)
            }
            Request::ChangeGroups(wanted, answer) => {
                let plan = self.state.change_groups(wanted, at);
                self.carry_out(plan, answer)
            }
            Request::DeleteGroups(wanted, answer) => {
                let plan = self.state.delete_groups(&wanted, at);
                self.carry_out(plan, answer)
            }
            Request::CreateDispatches(wanted, answer) => {
                let plan = self.state.create_dispatches(wanted, at);
                self.carry_out(plan, answer)
            }
        }
    }

    /// Makes a plan durable, then true, then answered: in this order.
    fn carry_out<T: Send + 'static>(&mut self, plan: Plan<T>, answer: Answer<T>) -> Option<(Writing, Then)> {
        let Plan { changes, results } = plan;
        if changes.is_empty() {
            let _ = answer.send(results);
            return None;
        }
        // Changes of the core's own that wait to be written go first, in the same commit: one that failed before must not
        // be written again over a later one.
        let before: Vec<Change> = self.outbox.drain(..).flatten().collect();
        let writing = self.write(before.iter().chain(&changes).cloned().collect());
        let then: Then = Box::new(move |core, written| {
            if written.is_ok() {
                core.write_again_at = None;
            } else if !before.is_empty() {
                core.outbox.push_front(before);
                core.write_again_at = Some(Instant::now() + WRITE_AGAIN);
            }
            let results = match written {
                Ok(()) => {
                    core.state.apply(changes);
                    core.dirty = true;
                    core.decide();
                    core.publish();
                    results
                }
                Err(why) => {
                    tracing::error!(%why, "a request was refused because it could not be stored");
                    let refuse = |r: Result<T, Refusal>| r.and(Err(Refusal::NotStored(why.0.clone())));
                    results.into_iter().map(refuse).collect()
                }
            };
            let _ = answer.send(results);
        });
        Some((writing, then))
    }
}

/// Waits for the change under way; for ever if there is none.
async fn written(writing: &mut Option<(Writing, Then)>) -> Result<(), PersistError> {
    match writing {
        Some((future, _)) => future.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
