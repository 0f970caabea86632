//! One outstation on a channel: what can be asked of it ([`Field`]) and what it tells ([`News`]).
//!
//! It reads and operates; what the values mean, when to ask and what to do about it is the device task's matter.

mod health;
mod keeper;
mod requests;

pub use health::{Failure, Health};
pub use requests::words;

use super::channel::{Channel, DAMAGED, Handle, Inner};
use super::field::{
    Field, Identity, LinkState, News, OperateError, Operation, Part, ReadError, Refusal, Seen, UnderWay,
};
use super::handler::{Answer, Clock, Shut, Tasks, Values, Watch, is_plausible};
use crate::device_map::dnp3::{ReadPlan, SessionOptions, TimeSync, Unsolicited};
use crate::southbound::Dnp3Addresses;
use dnp3::app::attr::{AttrSet, StringAttr};
use dnp3::app::{RetryStrategy, Timeout};
use dnp3::link::EndpointAddress;
use dnp3::master::{
    AssociationConfig, Classes, EventClasses, MasterChannel, ReadRequest, TaskError, TimeSyncProcedure,
};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Pieces of news on their way to the device task, beside those that wait in the outbox.
const UNDER_WAY: usize = 16;

/// Longest that a command waits for an association that is being made anew.
const REMADE: Duration = Duration::from_secs(1);

/// So often is something read once more because the association was made anew meanwhile.
const REMAKES: usize = 3;

/// Why an association cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// 65520 and above are for broadcasts and the like.
    #[error("{0} cannot be the link address of an outstation; 0 to 65519 can")]
    Address(u16),
}

/// One outstation. Cheap to clone; the association ends with the last clone.
#[derive(Clone)]
pub struct Outstation {
    seat: Arc<Seat>,
    channel: Arc<Inner>,
    /// One request at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Commands to it that are under way.
    commands: Arc<AtomicUsize>,
    _leaves: Arc<DropGuard>,
}

/// What the association of an outstation is made of, again and again.
pub struct Seat {
    pub address: EndpointAddress,
    session: SessionOptions,
    /// Nothing happens by itself: a person asks.
    by_hand: bool,
    response_timeout: Duration,
    pub watch: Arc<Watch>,
    handle: Mutex<Option<Handle>>,
    /// The stack has not heard yet how the association is to be.
    behind: AtomicBool,
}

impl Channel {
    /// Makes the association with an outstation. An earlier one with the same address ends.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub async fn join(
        &self,
        addresses: Dnp3Addresses,
        session: &SessionOptions,
        response_timeout: Duration,
    ) -> Result<(Outstation, mpsc::Receiver<News>), JoinError> {
        self.sit(addresses, session, response_timeout, false).await
    }

    /// The same for what a person does by hand: nothing is asked, told or set that was not asked for, and no event is taken from
    /// another master. Only a restart bit is cleared, which the stack does by itself.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub async fn join_by_hand(
        &self,
        addresses: Dnp3Addresses,
        response_timeout: Duration,
    ) -> Result<(Outstation, mpsc::Receiver<News>), JoinError> {
        let session = SessionOptions {
            keep_alive: None,
            lost_after_answers: u32::MAX,
            time_sync: TimeSync::Off,
            unsolicited: Unsolicited::Off,
            read: ReadPlan::Ranges,
            ..SessionOptions::default()
        };
        self.sit(addresses, &session, response_timeout, true).await
    }

    async fn sit(
        &self,
        addresses: Dnp3Addresses,
        session: &SessionOptions,
        response_timeout: Duration,
        by_hand: bool,
    ) -> Result<(Outstation, mpsc::Receiver<News>), JoinError> {
        let channel = self.0.clone();
        let address = EndpointAddress::try_new(addresses.outstation)
            .map_err(|_| JoinError::Address(addresses.outstation))?;
        let health = Health::new(session, response_timeout, channel.pace);
        let watch = Arc::new(Watch::new(health, channel.heard.clone()));
        let seat = Arc::new(Seat {
            address,
            session: session.clone(),
            by_hand,
            response_timeout,
            watch: watch.clone(),
            handle: Mutex::default(),
            behind: AtomicBool::new(false),
        });
        let (to, news) = mpsc::channel(UNDER_WAY);
        let end = CancellationToken::new();
        tokio::spawn(keeper::keep(channel.clone(), seat.clone(), to, end.clone()));
        channel.seat(&seat).await;
        watch.link(self.state());
        let (turn, commands) = (Arc::default(), Arc::default());
        let outstation = Outstation { seat, channel, turn, commands, _leaves: Arc::new(end.drop_guard()) };
        Ok((outstation, news))
    }
}

impl Seat {
    /// Makes the association in the stack, in place of the one that may be there.
    pub async fn join(&self, master: &mut MasterChannel, channel: &Inner) {
        self.watch.open(false);
        let (config, open) = self.config(channel);
        let values = Values::new(self.watch.clone());
        let tasks = Tasks(self.watch.clone());
        let clock = Clock(channel.pace.clock);
        // Neither fails but for a master that has ended, which leaves no connection either.
        let made = channel
            .soon(async {
                let _ = master.remove_association(self.address).await;
                master
                    .add_association(self.address, config, Box::new(values), Box::new(clock), Box::new(tasks))
                    .await
            })
            .await;
        self.behind.store(made.is_none(), Ordering::Relaxed);
        let handle = made.and_then(Result::ok);
        let open = open && handle.is_some();
        *self.handle.lock().unwrap_or_else(PoisonError::into_inner) = handle;
        self.watch.open(open);
    }

    /// True if the stack has not heard yet how the association is to be.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    pub fn handle(&self) -> Option<Handle> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How the stack shall treat the outstation, by what is known of its health; and whether it may be asked.
    fn config(&self, channel: &Inner) -> (AssociationConfig, bool) {
        let mut state = self.watch.state();
        let health = &mut state.health;
        if !is_plausible((channel.pace.clock)()) {
            health.time_not_known(Instant::now());
        }
        let mut config = AssociationConfig::quiet();
        config.response_timeout = Timeout::saturating(self.response_timeout);
        // The first wait of a second at most; shorter where everything is quicker. Where others share the channel, one that is
        // silent is left alone by then.
        let first = self.response_timeout.min(Duration::from_secs(1));
        config.auto_tasks_retry_strategy = RetryStrategy::new(first, channel.pace.most);
        if self.by_hand {
            return (config, true);
        }
        if health.is_left_alone() {
            config.response_timeout = Timeout::saturating(health.look());
            return (config, false);
        }
        config.disable_unsol_classes = EventClasses::all();
        config.event_scan_on_events_available = EventClasses::all();
        if self.session.unsolicited == Unsolicited::Auto {
            config.enable_unsol_classes = EventClasses::all();
        }
        if !health.reads_by_ranges() {
            config.startup_integrity_classes = Classes::all();
        }
        if !health.keeps_its_time() {
            config.auto_time_sync = self.procedure(channel);
        }
        (config, true)
    }

    /// What its silence may mean while the connection stands.
    pub fn silence(&self, channel: &Inner) -> String {
        let (outstation, master) = (self.address.raw_value(), channel.place.master);
        if channel.heard.damaged() {
            DAMAGED.to_owned()
        } else if self.watch.state().health.is_known() {
            format!(
                "connected, but outstation {outstation} does not answer any more: does it run, is its link address still the same, and is no other master connected to it?"
            )
        } else {
            format!(
                "connected, but outstation {outstation} does not answer master {master}: are both link addresses as they are set in the device, and is no other master connected to it?"
            )
        }
    }

    /// How its clock is set.
    fn procedure(&self, channel: &Inner) -> Option<TimeSyncProcedure> {
        match self.session.time_sync {
            TimeSync::Auto if channel.place.is_serial() => Some(TimeSyncProcedure::NonLan),
            TimeSync::Auto | TimeSync::Lan => Some(TimeSyncProcedure::Lan),
            TimeSync::NonLan => Some(TimeSyncProcedure::NonLan),
            TimeSync::Write => Some(TimeSyncProcedure::DirectWriteAbsTime),
            TimeSync::Off => None,
        }
    }
}

impl Outstation {
    /// What to ask with, if it makes sense to ask now; waits while it is not known whether the outstation is there.
    async fn asking(&self) -> Result<Handle, ReadError> {
        match self.seat.watch.may_be_asked().await {
            Ok(()) => {}
            Err(Shut::Silent) => return Err(ReadError::Silent),
            Err(Shut::Link(LinkState::Down(why))) if self.channel.state() != LinkState::Up => {
                return Err(ReadError::NoConnection(why));
            }
            // Of several outstations on a line one is dead: that must not cost the others a time-out each time.
            Err(Shut::Link(LinkState::Down(_))) => return Err(ReadError::Silent),
            Err(Shut::Link(_)) => {
                return Err(ReadError::NoConnection("the connection is being made".to_owned()));
            }
        }
        self.seat.handle().ok_or_else(|| ReadError::NoConnection("no connection".to_owned()))
    }

    /// The same for a command and all that is read for it, which are not kept waiting: they would be sent when nobody wants
    /// them any more.
    async fn commanding(&self) -> Result<Handle, ReadError> {
        if self.seat.watch.state().health.is_left_alone() && self.seat.watch.standing() == LinkState::Up {
            return Err(ReadError::Silent);
        }
        // At most the association is just being made anew.
        tokio::time::timeout(REMADE, self.asking()).await.unwrap_or(Err(ReadError::Silent))
    }

    /// Reads. What was asked for when the association is made anew has not been answered and never will be: it is asked for
    /// once more, and waits then like anything else until the outstation was looked for.
    async fn ask(&self, parts: &[Part]) -> Result<Vec<Seen>, ReadError> {
        for _ in 0..REMAKES {
            let answer = self.ask_once(requests::read(parts)).await;
            let remade = matches!(answer, Err(ReadError::NoConnection(_)))
                && self.seat.watch.standing() == LinkState::Up
                && self.channel.state() == LinkState::Up;
            if !remade {
                return answer;
            }
        }
        self.ask_once(requests::read(parts)).await
    }

    async fn ask_once(&self, request: ReadRequest) -> Result<Vec<Seen>, ReadError> {
        let commanded = self.commands.load(Ordering::Relaxed) > 0;
        let mut handle = if commanded { self.commanding().await? } else { self.asking().await? };
        let generation = self.channel.generation();
        let into = Arc::new(Mutex::new(Vec::new()));
        let answer = Answer::new(self.seat.watch.clone(), into.clone());
        let result = handle.read_with_handler(request, Box::new(answer)).await;
        let seen = std::mem::take(&mut *into.lock().unwrap_or_else(PoisonError::into_inner));
        match result {
            Ok(()) if seen.len() > requests::MOST_VALUES => {
                Err(ReadError::Broken("it has more values than an outstation can have".to_owned()))
            }
            Ok(()) => Ok(seen),
            Err(error) => {
                self.seat.watch.rescue(seen);
                if error == TaskError::Shutdown {
                    self.channel.broken(generation);
                }
                Err(match (requests::read_error(error), self.seat.watch.standing()) {
                    // Why it broke may be known by now.
                    (ReadError::NoConnection(_), LinkState::Down(why)) => ReadError::NoConnection(why),
                    (error, _) => error,
                })
            }
        }
    }

    async fn attribute(&self, attribute: StringAttr) -> Result<Option<String>, ReadError> {
        let mut handle = self.asking().await?;
        let request = ReadRequest::device_attribute(attribute, AttrSet::Default);
        let found = Arc::new(Mutex::new(None));
        let reader =
            requests::Text { watch: self.seat.watch.clone(), wanted: attribute, found: found.clone() };
        match handle.read_with_handler(request, Box::new(reader)).await.map_err(requests::read_error) {
            Ok(()) => Ok(found.lock().unwrap_or_else(PoisonError::into_inner).take()),
            Err(ReadError::Refused(Refusal { no_function: true, .. }) | ReadError::Broken(_)) => Ok(None),
            Err(ReadError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Field for Outstation {
    async fn read(&self, parts: &[Part]) -> Result<Vec<Seen>, ReadError> {
        let _turn = self.turn.lock().await;
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        self.ask(parts).await
    }

    async fn identity(&self) -> Result<Identity, ReadError> {
        let _turn = self.turn.lock().await;
        Ok(Identity {
            manufacturer: self.attribute(StringAttr::DeviceManufacturersName).await?,
            model: self.attribute(StringAttr::ProductNameAndModel).await?,
            serial: self.attribute(StringAttr::DeviceSerialNumber).await?,
            version: self.attribute(StringAttr::DeviceManufacturerSoftwareVersion).await?,
        })
    }

    async fn operate(&self, outputs: &[Operation]) -> Result<(), OperateError> {
        let _turn = self.turn.lock().await;
        let Some((mode, headers)) = requests::operate(outputs)? else { return Ok(()) };
        let mut handle = self.commanding().await.map_err(|error| match error {
            ReadError::Silent => {
                OperateError::NotSent("the outstation does not answer; nothing was sent".to_owned())
            }
            other => OperateError::NotSent(other.to_string()),
        })?;
        self.seat.watch.state().health.command_begins();
        let result = handle.operate(mode, headers).await;
        let sent = self.seat.watch.state().health.command_was_sent();
        result.map_err(|error| requests::operate_error(error, sent))
    }

    fn silence(&self) -> String {
        self.seat.silence(&self.channel)
    }

    fn waits(&self) -> bool {
        self.channel.shared() && self.seat.watch.is_next()
    }

    fn under_way(&self) -> UnderWay {
        let (channel, address) = (self.channel.clone(), self.seat.address.raw_value());
        // A command to one that is silent holds up nobody.
        let silent = self.seat.watch.state().health.is_left_alone();
        let number = (!silent).then(|| channel.line.begin(address));
        let commands = self.commands.clone();
        commands.fetch_add(1, Ordering::Relaxed);
        UnderWay::until(move || {
            commands.fetch_sub(1, Ordering::Relaxed);
            number.inspect(|number| channel.line.end(*number));
        })
    }

    async fn ready(&self) -> Result<(), ReadError> {
        self.asking().await.map(drop)
    }
}

#[cfg(test)]
mod tests;
