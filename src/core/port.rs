//! The drivers' side and the store's side of the core: channels of plain values.
//!
//! A driver holds a [`DriverPort`]; the core holds the [`DeviceHandle`] and the [`Inbox`]. A test of either holds the
//! other end. Setpoints are latest-wins per lane, every command carries an expiry, and every command returns exactly
//! one outcome, even when the driver panics.

use crate::der::{
    Capability, DeviceIndex, DeviceState, Effect, EndDeviceGroup, GroupDispatch, Lane, Mrid, Nameplate,
    Outcome, Reading, SequenceEvent, Setpoint,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

/// Reports waiting for the core; a driver that finds it full waits, which slows that device's polling and no other.
const REPORT_QUEUE: usize = 4096;

/// Names a command within this run.
pub type CommandId = u64;

/// What a driver tells the core about one device.
#[derive(Clone, Debug)]
pub enum Report {
    /// How device and gateway stand to each other; sent on each change.
    State {
        /// The new state.
        state: DeviceState,
        /// Why, in words for an operator; empty if the state says it all.
        reason: String,
    },
    /// Who the device is and what it is rated for; sent after discovery.
    Nameplate(Box<Nameplate>),
    /// The device map in use, by its id; sent with the nameplate, for it may have been chosen by what the device is.
    Map(Arc<str>),
    /// What it can be asked to do; sent after discovery and when it changes.
    Capability(Capability),
    /// One poll's values.
    Poll(Poll),
    /// Values that the device told by itself, between polls.
    Readings(Vec<Reading>),
    /// The device is not silent, though there are no values to tell: it answered something else, as within a command, or it
    /// could not be asked because it waits for its turn on a line that others have. At most one a second.
    Heard {
        /// How long its answers took; zero of one that waits.
        took: Duration,
    },
    /// Changes that the device recorded by itself, oldest first.
    Sequence(Vec<SequenceEvent>),
    /// What the measurements showed after a command was applied.
    Effect {
        /// What was asked.
        setpoint: Setpoint,
        /// Whether the device followed.
        effect: Effect,
    },
    /// What the driver wants to be told when the gateway starts again; replaces what it wanted before.
    Remember(DeviceRecord),
}

/// What is known of a device beyond this run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Serial number of the device that was commissioned here.
    pub serial: Option<String>,
    /// The driver's own notes, at most [`DeviceRecord::MAX_NOTES`] bytes; only the driver reads them.
    pub notes: String,
}

impl DeviceRecord {
    /// Longest notes.
    pub const MAX_NOTES: usize = 16 * 1024;
}

/// One poll of one device.
#[derive(Clone, Debug)]
pub struct Poll {
    /// What was read. Quantities that the device does not have are absent.
    pub readings: Vec<Reading>,
    /// How long after its due time the poll began.
    pub lateness: Duration,
    /// How long it took.
    pub took: Duration,
}

/// One command to one device.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Its name in this run.
    pub id: CommandId,
    /// What is asked.
    pub setpoint: Setpoint,
    /// How long the device shall hold it without hearing from us again; the driver writes it as the device's
    /// reversion time where there is one. Not used for a release.
    pub hold: Duration,
    /// Not to be sent after this.
    pub expires_at: Instant,
}

/// The end of a command, on its way to the core.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandEnd {
    /// Which device.
    pub device: DeviceIndex,
    /// Which command.
    pub id: CommandId,
    /// What was asked.
    pub setpoint: Setpoint,
    /// How it ended.
    pub outcome: Outcome,
}

/// What the core listens to.
#[derive(Debug)]
pub struct Inbox {
    /// Reports of all devices.
    pub reports: mpsc::Receiver<(DeviceIndex, Report)>,
    /// Ends of commands. Unbounded in type, bounded in fact: one per command sent.
    pub ends: mpsc::UnboundedReceiver<CommandEnd>,
}

/// The core's handle on one device.
#[derive(Clone, Debug)]
pub struct DeviceHandle {
    mailbox: Arc<Mailbox>,
}

/// A driver's end for one device. Clones share the same commands, so that a restarted driver goes on with it.
#[derive(Clone, Debug)]
pub struct DriverPort {
    /// Where it reports.
    pub reports: ReportSender,
    /// What it is asked.
    pub commands: Commands,
}

/// Sends one device's reports to the core.
#[derive(Clone, Debug)]
pub struct ReportSender {
    device: DeviceIndex,
    sender: mpsc::Sender<(DeviceIndex, Report)>,
}

/// Takes one device's commands.
#[derive(Clone, Debug)]
pub struct Commands {
    mailbox: Arc<Mailbox>,
}

#[derive(Debug)]
struct Mailbox {
    device: DeviceIndex,
    ends: mpsc::UnboundedSender<CommandEnd>,
    slots: Mutex<Slots>,
}

#[derive(Debug)]
struct Slots {
    /// At most one a lane, lowest lane first.
    waiting: Vec<(Lane, PendingCommand)>,
    wake: Arc<Notify>,
}

/// Opens the ports of `devices` devices: the core's inbox and handles, and the drivers' ports, in registry order.
#[must_use]
pub fn open(devices: usize) -> (Inbox, Vec<DeviceHandle>, Vec<DriverPort>) {
    let (sender, reports) = mpsc::channel(REPORT_QUEUE);
    let (ends_sender, ends) = mpsc::unbounded_channel();
    let (handles, ports) = (0..devices)
        .map(|place| {
            let device = DeviceIndex::new(place);
            let mailbox = Arc::new(Mailbox {
                device,
                ends: ends_sender.clone(),
                slots: Mutex::new(Slots { waiting: Vec::new(), wake: Arc::default() }),
            });
            let port = DriverPort {
                reports: ReportSender { device, sender: sender.clone() },
                commands: Commands { mailbox: mailbox.clone() },
            };
            (DeviceHandle { mailbox }, port)
        })
        .unzip();
    (Inbox { reports, ends }, handles, ports)
}

impl Mailbox {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        // Only moves happen under this lock: a poisoned one still holds a sound value.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeviceHandle {
    /// Puts a command before the driver; one of the same lane that still waits there ends as superseded.
    pub fn send(&self, command: Command) {
        let lane = command.setpoint.lane();
        let pending =
            PendingCommand { device: self.mailbox.device, command, ends: Some(self.mailbox.ends.clone()) };
        let (replaced, wake) = {
            let mut slots = self.mailbox.slots();
            let place = slots.waiting.partition_point(|(waiting, _)| *waiting < lane);
            let replaced = match slots.waiting.get_mut(place) {
                Some((same, waiting)) if *same == lane => Some(std::mem::replace(waiting, pending)),
                _ => {
                    slots.waiting.insert(place, (lane, pending));
                    None
                }
            };
            (replaced, slots.wake.clone())
        };
        if let Some(old) = replaced {
            old.finish(Outcome::Superseded);
        }
        wake.notify_one();
    }
}

impl ReportSender {
    /// Which device this is about.
    #[must_use]
    pub const fn device(&self) -> DeviceIndex {
        self.device
    }

    /// Tells the core; waits while its queue is full. Says nothing when the core is gone: the gateway is stopping.
    pub async fn send(&self, report: Report) {
        let _ = self.sender.send((self.device, report)).await;
    }
}

impl Commands {
    /// Makes this device's commands wake `wake` from now on, so that one task can wait for several devices.
    pub fn wake_on(&self, wake: &Arc<Notify>) {
        self.mailbox.slots().wake = wake.clone();
        wake.notify_one();
    }

    /// The next command, connection first; one whose time ran out ends here as expired.
    #[must_use]
    pub fn take(&self) -> Option<PendingCommand> {
        let now = Instant::now();
        loop {
            let pending = {
                let waiting = &mut self.mailbox.slots().waiting;
                if waiting.is_empty() {
                    return None;
                }
                waiting.remove(0).1
            };
            if pending.command.expires_at > now {
                return Some(pending);
            }
            pending.finish(Outcome::Expired);
        }
    }

    /// True if a command waits (it may have expired).
    #[must_use]
    pub fn waiting(&self) -> bool {
        !self.mailbox.slots().waiting.is_empty()
    }

    /// Waits for a command. For a task with one device; a task with several uses [`Commands::wake_on`].
    pub async fn next(&self) -> PendingCommand {
        loop {
            if let Some(pending) = self.take() {
                return pending;
            }
            let wake = self.mailbox.slots().wake.clone();
            wake.notified().await;
        }
    }

    /// Ends every waiting command with the same outcome, as when the device is found to be gone.
    pub fn finish_all(&self, outcome: &Outcome) {
        while let Some(pending) = self.take() {
            pending.finish(outcome.clone());
        }
    }
}

/// A command that a driver has taken. Dropped without an outcome, as in a panic, it ends as unreachable.
#[derive(Debug)]
pub struct PendingCommand {
    device: DeviceIndex,
    command: Command,
    ends: Option<mpsc::UnboundedSender<CommandEnd>>,
}

impl PendingCommand {
    /// What is asked.
    #[must_use]
    pub const fn command(&self) -> &Command {
        &self.command
    }

    /// Tells the core how it ended.
    pub fn finish(mut self, outcome: Outcome) {
        self.end(outcome);
    }

    fn end(&mut self, outcome: Outcome) {
        if let Some(ends) = self.ends.take() {
            let _ = ends.send(CommandEnd {
                device: self.device,
                id: self.command.id,
                setpoint: self.command.setpoint.clone(),
                outcome,
            });
        }
    }
}

impl Drop for PendingCommand {
    fn drop(&mut self) {
        self.end(Outcome::Unreachable);
    }
}

// ---- the store's side ----

/// A dispatch as it must survive: with the members it was given to, so that they can be released whatever happened
/// to the group.
#[derive(Clone, Debug, PartialEq)]
pub struct DispatchRecord {
    /// What was asked.
    pub dispatch: GroupDispatch,
    /// The number of its acceptance; a later one takes precedence over an earlier one.
    pub order: u64,
    /// Whether the target is to be reached or only not to be exceeded; fixed when it is accepted.
    pub aim: Aim,
    /// Who has been or may have been commanded by it.
    pub members: Vec<Mrid>,
    /// How far it is, as far as a restart must know.
    pub phase: DispatchPhase,
}

/// What a target means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// To be reached: the group may be dispatched (realPowerDispatch).
    Value,
    /// Not to be exceeded: the group may only be limited (maxRealPowerLimiting).
    Cap,
}

/// How far a stored dispatch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DispatchPhase {
    /// To be followed while its time lasts.
    Accepted,
    /// Its members are to be released.
    Releasing,
    /// Done.
    Ended,
}

/// One durable change.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Writes a group, new or changed.
    PutGroup(EndDeviceGroup),
    /// Removes a group.
    DeleteGroup(Mrid),
    /// Writes a dispatch, new or changed.
    PutDispatch(DispatchRecord),
    /// Forgets an ended dispatch.
    DeleteDispatch(Mrid),
    /// Remembers that a group of the configuration was created once.
    MarkSeeded(Mrid),
    /// Writes what is known of a device beyond this run.
    PutDevice(Mrid, DeviceRecord),
}

/// What the store held when it was opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// Every group, in order of creation.
    pub groups: Vec<EndDeviceGroup>,
    /// Every dispatch, in order of acceptance.
    pub dispatches: Vec<DispatchRecord>,
    /// Groups of the configuration that were created once.
    pub seeded: Vec<Mrid>,
    /// What is known of devices beyond this run.
    pub devices: Vec<(Mrid, DeviceRecord)>,
}

/// Changes that become durable together or not at all.
#[derive(Debug)]
pub struct Commit {
    /// In this order.
    pub changes: Vec<Change>,
    /// Answered when they are on disk, or with the reason why they are not.
    pub done: oneshot::Sender<Result<(), PersistError>>,
}

/// The store could not write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store could not write: {0}")]
pub struct PersistError(pub String);

/// Where the core sends what must survive. Commits are carried out one after another, in order.
#[derive(Clone, Debug)]
pub struct Persistence {
    sender: mpsc::Sender<Commit>,
}

/// A pair of the core's end and the store's end.
#[must_use]
pub fn persistence(queue: usize) -> (Persistence, mpsc::Receiver<Commit>) {
    let (sender, receiver) = mpsc::channel(queue.max(1));
    (Persistence { sender }, receiver)
}

impl Persistence {
    /// Makes changes durable, together. The future resolves when they are on disk.
    ///
    /// # Errors
    /// The store could not write, or is gone.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), PersistError> {
        let (done, answer) = oneshot::channel();
        let gone = || PersistError("it has stopped".to_owned());
        self.sender.send(Commit { changes, done }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

#[cfg(test)]
mod tests;
