//! What the stack calls while it talks to one outstation: values are gathered a fragment at a time and handed over without ever
//! waiting; how the outstation fares is noted for the one who looks after it. Nothing is judged or asked here.

mod gather;
mod outbox;

pub use gather::Gather;
pub use outbox::Outbox;

use super::association::{Failure, Health};
use super::channel::Heard;
use super::field::{Indications, LinkState, News, Seen, Source};
use dnp3::app::measurement::{
    AnalogInput, AnalogOutputStatus, BinaryInput, BinaryOutputStatus, Counter, DoubleBitBinaryInput,
};
use dnp3::app::{FunctionCode, Iin, MaybeAsync, ResponseHeader, Sequence};
use dnp3::master::{
    AssociationHandler, AssociationInformation, HeaderInfo, ReadHandler, ReadType, TaskError, TaskType,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;
use tokio::time::Instant;

/// A clock that says an earlier time is not set: 2025-01-01, in seconds.
const PLAUSIBLE: u64 = 1_735_689_600;

/// What is known of an association while it runs; shared by the stack's callbacks, the requests and the keeper.
pub struct Watch {
    state: Mutex<State>,
    pub outbox: Outbox,
    /// Something happened that the keeper should look at.
    pub stirred: Notify,
    /// Whether it may be asked may have changed, for those who wait to ask.
    turned: Notify,
    /// What was heard on this channel.
    connection: Arc<Heard>,
}

pub struct State {
    pub health: Health,
    link: LinkState,
    /// The stack is ready to ask it.
    open: bool,
    /// It is being asked something.
    asking: bool,
    indications: Option<Indications>,
    /// An integrity read that is under way: all that came since it began, in its order.
    whole: Option<Vec<Seen>>,
    told: Option<(&'static str, String)>,
}

/// Why an outstation is not asked.
pub enum Shut {
    Link(LinkState),
    /// It was looked for, and not found.
    Silent,
}

impl Watch {
    pub fn new(health: Health, connection: Arc<Heard>) -> Self {
        let link = LinkState::Connecting;
        let state =
            State { health, link, open: false, asking: false, indications: None, whole: None, told: None };
        let (outbox, stirred, turned) = (Outbox::default(), Notify::new(), Notify::new());
        Self { state: Mutex::new(state), outbox, stirred, turned, connection }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the link of this outstation stands.
    pub fn standing(&self) -> LinkState {
        self.state().link.clone()
    }

    /// The link stands otherwise now.
    pub fn link(&self, link: LinkState) {
        let mut state = self.state();
        if state.link == link {
            return;
        }
        if link == LinkState::Up {
            state.health.connected(Instant::now());
            state.told = None;
        }
        state.whole = None;
        state.link = link.clone();
        self.outbox.tell(News::Link(link));
        self.stirred.notify_one();
        self.turned.notify_waiters();
    }

    /// The stack is ready to ask it, or is not any more.
    pub fn open(&self, open: bool) {
        self.state().open = open;
        self.turned.notify_waiters();
    }

    /// True if it may be asked, and nothing is being asked of it: what waits to be waits for others.
    pub fn is_next(&self) -> bool {
        let state = self.state();
        state.open && !state.asking && state.link == LinkState::Up && !state.health.is_left_alone()
    }

    /// Waits until it may be asked. One that is left alone may not, until it was looked for; if it was not found, that is the
    /// answer to what was to be asked.
    pub async fn may_be_asked(&self) -> Result<(), Shut> {
        let silences = self.state().health.silences();
        loop {
            let turned = self.turned.notified();
            tokio::pin!(turned);
            turned.as_mut().enable();
            {
                let state = self.state();
                if state.link != LinkState::Up {
                    return Err(Shut::Link(state.link.clone()));
                }
                if state.health.silences() != silences {
                    return Err(Shut::Silent);
                }
                if state.open {
                    return Ok(());
                }
            }
            turned.await;
        }
    }

    /// A request was not answered.
    pub fn missed(&self) {
        self.state().health.missed(Instant::now());
        self.turned.notify_waiters();
        self.stirred.notify_one();
    }

    /// A look was answered after this time.
    pub fn found(&self, took: Duration) {
        self.connection.answer();
        self.state().health.found(Instant::now(), took);
    }

    /// A look was not answered, or somebody else interrupted it after this time.
    pub fn not_found(&self, interrupted: Option<Duration>) {
        let (mut state, now) = (self.state(), Instant::now());
        match interrupted {
            Some(took) => state.health.interrupted(now, took),
            None => state.health.not_found(now),
        }
        drop(state);
        self.turned.notify_waiters();
    }

    /// The connection is made to another end point than before.
    pub fn end_point(&self, words: String) {
        self.outbox.tell(News::EndPoint(words));
    }

    /// Something came from the outstation.
    pub fn heard(&self) {
        self.connection.answer();
        if self.state().health.heard(Instant::now()) {
            self.stirred.notify_one();
        }
    }

    /// A request that the stack makes by itself has failed, or one of the keeper's; the same is told only once.
    pub fn failed(&self, task: &'static str, why: String) {
        let mut state = self.state();
        let news = (task, why);
        if state.told.as_ref() != Some(&news) {
            self.outbox.tell(News::TaskFailed(task, news.1.clone()));
            state.told = Some(news);
        }
    }

    /// Values that nobody waits for.
    pub fn values(&self, source: Source, seen: Vec<Seen>) {
        if seen.is_empty() {
            return;
        }
        if !self.outbox.tell(News::Values(source, seen)) {
            self.state().health.values_lost();
            self.stirred.notify_one();
        }
    }

    /// Events of an answer that was not whole: the outstation will not send them again.
    pub fn rescue(&self, mut seen: Vec<Seen>) {
        seen.retain(|seen| seen.event);
        self.values(Source::Unsolicited, seen);
    }

    /// Looks at the bits that every fragment with values brings.
    fn indicated(&self, iin: Iin) {
        let now = Indications {
            need_time: iin.iin1.get_need_time(),
            local: iin.iin1.get_local_control(),
            restart: iin.iin1.get_device_restart(),
            trouble: iin.iin1.get_device_trouble(),
            overflow: iin.iin2.get_event_buffer_overflow(),
            config_corrupt: iin.iin2.get_config_corrupt(),
        };
        let mut state = self.state();
        state.health.indicated(&now);
        if state.indications.unwrap_or_default() != now {
            self.outbox.tell(News::Indications(now));
        }
        state.indications = Some(now);
        drop(state);
        self.stirred.notify_one();
    }

    /// A fragment is over.
    pub fn fragment(&self, iin: Iin) {
        self.heard();
        self.indicated(iin);
    }

    /// An integrity read begins; `whole` once more from the start if one was under way.
    pub fn integrity_begins(&self) {
        let before = self.state().whole.replace(Vec::new());
        self.rescue(before.unwrap_or_default());
    }

    /// The integrity read is over: all of it is told in one piece, or its events if it failed.
    pub fn integrity_ends(&self, good: bool) {
        let mut state = self.state();
        let Some(seen) = state.whole.take() else { return };
        let restarted = good && state.health.read_whole();
        drop(state);
        if good {
            if !self.outbox.tell(News::Values(Source::Integrity, seen)) {
                self.state().health.values_lost();
            }
            if restarted {
                self.outbox.tell(News::Restarted);
            }
        } else {
            self.rescue(seen);
        }
        self.stirred.notify_one();
    }

    /// Values of an integrity read, or unsolicited ones, in the order in which they came.
    fn came(&self, read: ReadType, seen: Vec<Seen>) {
        let mut state = self.state();
        if let Some(whole) = &mut state.whole {
            if whole.len() <= gather::MOST {
                whole.extend(seen);
            } else {
                state.health.babbling();
            }
            return;
        }
        drop(state);
        let source = match read {
            ReadType::StartupIntegrity | ReadType::SinglePoll => Source::Integrity,
            ReadType::Unsolicited | ReadType::PeriodicPoll => Source::Unsolicited,
        };
        self.values(source, seen);
    }
}

/// The values that come without a request of the device task.
pub struct Values {
    watch: Arc<Watch>,
    gather: Gather,
}

impl Values {
    pub fn new(watch: Arc<Watch>) -> Self {
        Self { watch, gather: Gather::default() }
    }
}

impl ReadHandler for Values {
    fn begin_fragment(&mut self, _: ReadType, _: ResponseHeader) -> MaybeAsync<()> {
        self.gather.begin();
        MaybeAsync::ready(())
    }

    fn end_fragment(&mut self, read: ReadType, header: ResponseHeader) -> MaybeAsync<()> {
        if read == ReadType::StartupIntegrity && header.iin.iin1.get_device_restart() {
            self.watch.state().health.restart_within_integrity();
        }
        self.watch.came(read, self.gather.take());
        self.watch.fragment(header.iin);
        MaybeAsync::ready(())
    }

    gather::handlers!(gather);
}

/// The values of one request.
pub struct Answer {
    watch: Arc<Watch>,
    gather: Gather,
    into: Arc<Mutex<Vec<Seen>>>,
}

impl Answer {
    /// Gathers into `into`, of which only whole fragments are.
    pub fn new(watch: Arc<Watch>, into: Arc<Mutex<Vec<Seen>>>) -> Self {
        Self { watch, gather: Gather::default(), into }
    }
}

impl ReadHandler for Answer {
    fn begin_fragment(&mut self, _: ReadType, _: ResponseHeader) -> MaybeAsync<()> {
        self.gather.begin();
        MaybeAsync::ready(())
    }

    fn end_fragment(&mut self, _: ReadType, header: ResponseHeader) -> MaybeAsync<()> {
        let mut into = self.into.lock().unwrap_or_else(PoisonError::into_inner);
        if into.len() <= gather::MOST {
            into.extend(self.gather.take());
        } else {
            self.watch.state().health.babbling();
        }
        drop(into);
        self.watch.fragment(header.iin);
        MaybeAsync::ready(())
    }

    gather::handlers!(gather);
}

/// What becomes of the stack's own tasks.
pub struct Tasks(pub Arc<Watch>);

impl AssociationInformation for Tasks {
    fn task_start(&mut self, task: TaskType, _: FunctionCode, _: Sequence) {
        {
            let mut state = self.0.state();
            state.asking = true;
            state.health.asked(Instant::now());
        }
        match task {
            TaskType::Command => self.0.state().health.command_sent(),
            TaskType::ClearRestartBit => {
                self.0.state().health.clearing_restart();
                self.0.stirred.notify_one();
            }
            TaskType::StartupIntegrity => self.0.integrity_begins(),
            _ => {}
        }
    }

    fn task_success(&mut self, task: TaskType, _: FunctionCode, _: Sequence) {
        self.0.state().asking = false;
        self.0.connection.ended(Instant::now());
        self.0.heard();
        match task {
            TaskType::StartupIntegrity => self.0.integrity_ends(true),
            TaskType::TimeSync => self.0.state().health.time_taken(),
            _ => {}
        }
    }

    fn task_fail(&mut self, task: TaskType, error: TaskError) {
        let failure = Failure::of(error);
        self.0.state().asking = false;
        self.0.connection.ended(Instant::now());
        match failure {
            Failure::Silence => self.0.missed(),
            Failure::Answered => self.0.heard(),
            Failure::NotAsked if is_damage(error) => self.0.connection.damage(),
            Failure::NotAsked => {}
        }
        let words = |words: &'static str| (words, super::association::words(error));
        let told = match task {
            TaskType::StartupIntegrity => {
                self.0.integrity_ends(false);
                if failure == Failure::Answered {
                    self.0.state().health.integrity_refused();
                }
                Some(words("reading everything (class 1, 2, 3 and 0)"))
            }
            TaskType::TimeSync => {
                // A clock of ours that is not set is no fault of the outstation's, and ends the same way.
                if failure != Failure::Silence && failure != Failure::NotAsked {
                    self.0.state().health.time_refused();
                }
                Some(words("setting its clock"))
            }
            TaskType::AutoEventScan => Some(words("reading events")),
            _ => None,
        };
        if let Some((task, why)) = told
            && failure == Failure::Answered
        {
            self.0.failed(task, why);
        }
        self.0.stirred.notify_one();
    }

    fn unsolicited_response(&mut self, _: bool, _: Sequence) {
        self.0.heard();
    }
}

/// True if the connection broke because what came is no frame. The stack tells it in words only.
fn is_damage(error: TaskError) -> bool {
    matches!(error, TaskError::Link(why) if why.to_string().starts_with("bad "))
}

/// Our clock.
pub struct Clock(pub fn() -> SystemTime);

/// True if the gateway's clock can be right.
pub fn is_plausible(now: SystemTime) -> bool {
    now.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since| since.as_secs() >= PLAUSIBLE)
}

impl AssociationHandler for Clock {
    fn get_current_time(&self) -> Option<dnp3::app::Timestamp> {
        let now = (self.0)();
        is_plausible(now).then(|| dnp3::app::Timestamp::try_from_system_time(now)).flatten()
    }
}

#[cfg(test)]
mod tests;
