//! One outstation as a device: waits until it was read, finds out whether it is what its map says, introduces it, polls it,
//! carries out its commands, says how it stands.
//!
//! It asks through a [`Field`] and hears [`News`]; of channels, associations and the stack below it knows nothing, and how a
//! command is carried out is the matter of [`Commands`]. A connection may be shared: other outstations on it are not its
//! matter either.

use super::hearing::Hearing;
use super::image::Image;
use super::poll::plan::Plan;
use super::readings::nameplate;
use super::sequence::{Recorder, remark};
use super::slow::Slow;
use super::watch::Standing;
use super::{Commands, Field, Identity, LinkState, News, ReadError};
use crate::backoff::Backoff;
use crate::core::port::{DeviceRecord, DriverPort, PendingCommand, Poll, Report};
use crate::der::{DeviceState, Outcome};
use crate::device_map::dnp3::OutstationMap;
use crate::device_map::{DeviceMap, MARK, Maps};
use crate::southbound::DeviceSettings;
use crate::southbound::aggregate::Reported;
use crate::southbound::life::{Life, refuse_all};
use crate::southbound::pace::phase;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// News that is put aside while a command is under way; beyond it, news waits where it comes from.
const MOST_HEARD: usize = 256;

/// However slowly an outstation answers, its polls wait no longer for one order.
const LONGEST_ORDER: Duration = Duration::from_secs(45);

/// One device as its driver knows it.
pub struct Device<'a, F> {
    pub(super) settings: &'a DeviceSettings,
    pub(super) port: &'a DriverPort,
    pub(super) field: Hearing<'a, F>,
    pub(super) news: mpsc::Receiver<News>,
    pub(super) stop: &'a CancellationToken,
    pub(super) maps: &'a Maps,
    pub(super) map: Arc<DeviceMap>,
    pub(super) outstation: Arc<OutstationMap>,
    pub(super) image: Image,
    pub(super) plan: Plan,
    pub(super) hands: Commands,
    pub(super) recorder: Recorder,
    pub(super) reported: Reported,
    pub(super) standing: Standing,
    pub(super) slow: Slow,
    /// The time that commands took since the last poll began.
    pub(super) commanding: Duration,
    pub(super) life: Life<'a>,
    /// The core was told who it is, and its commands are carried out.
    pub(super) introduced: bool,
    /// It was introduced before in this run, whatever became of it since.
    pub(super) reached: bool,
}

/// Why something could not be read.
#[derive(Debug)]
pub enum Trouble {
    /// It does not answer, or not so that it can be used.
    Read(ReadError),
    /// It answers, and waiting will not change what.
    Other(String),
}

/// Why finding out went no further.
#[derive(Debug)]
pub(super) enum Halt {
    Stop,
    Trouble(Trouble),
    /// It is one of this map, which wants to be asked otherwise than the association was made for.
    Rejoin(Arc<DeviceMap>),
}

/// What goes on with a device whose association must be made anew.
#[derive(Debug)]
pub struct Rejoin {
    /// The map that is meant for it.
    pub map: Arc<DeviceMap>,
    /// What is known of it.
    pub record: DeviceRecord,
}

/// How polling ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Stop,
    Lost,
    /// It was connected anew, or has restarted.
    Again,
}

impl From<ReadError> for Halt {
    fn from(error: ReadError) -> Self {
        Self::Trouble(Trouble::Read(error))
    }
}

impl<'a, F: Field> Device<'a, F> {
    /// A device of which nothing is known yet.
    #[must_use]
    pub fn new(
        settings: &'a DeviceSettings,
        port: &'a DriverPort,
        (field, news): (&'a F, mpsc::Receiver<News>),
        maps: &'a Maps,
        stop: &'a CancellationToken,
    ) -> Self {
        let notes = settings.record.as_ref().map(|record| record.notes.as_str()).unwrap_or_default();
        let map = settings.map.clone();
        let outstation = map.outstation.clone().unwrap_or_default();
        Self {
            settings,
            port,
            field: Hearing::new(field, &port.reports, map.link.response_timeout),
            news,
            stop,
            maps,
            image: Image::new(outstation.clone()),
            plan: Plan::new(&outstation),
            hands: Commands::new(&map.id, outstation.clone(), notes),
            standing: Standing::new(&outstation, Instant::now()),
            slow: Slow::default(),
            commanding: Duration::ZERO,
            map,
            outstation,
            recorder: Recorder::default(),
            reported: Reported::default(),
            life: Life::new(settings, port),
            introduced: false,
            reached: false,
        }
    }

    /// Runs until the gateway stops, or the association must be made anew for another map.
    pub async fn run(mut self) -> Option<Rejoin> {
        let anchor = Instant::now() + phase(self.settings.index.get(), self.settings.poll);
        let mut backoff = Backoff::field();
        self.life.say(DeviceState::Discovering, String::new()).await;
        loop {
            match self.find_out(&mut backoff).await {
                Ok(()) => {
                    backoff.reset();
                    match self.poll_on(anchor).await {
                        End::Stop => return None,
                        End::Lost => self.standing.try_at = Some(Instant::now() + backoff.next_delay()),
                        End::Again => {}
                    }
                }
                Err(Halt::Stop) => return None,
                Err(Halt::Rejoin(map)) => return Some(Rejoin { map, record: self.life.into_record() }),
                Err(Halt::Trouble(trouble)) => {
                    self.failed(&trouble).await;
                    if self.pause(backoff.next_delay()).await {
                        return None;
                    }
                }
            }
        }
    }

    /// Waits after a failure; commands to a lost device end at once, others wait with it. True if the gateway is stopping.
    async fn pause(&mut self, time: Duration) -> bool {
        let at = Instant::now() + time;
        let whole = self.standing.whole;
        loop {
            // Read anew: there may be something else to be found out.
            if self.standing.whole && !whole {
                return false;
            }
            let lost = self.life.is_lost();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return true,
                news = self.news.recv() => match news {
                    Some(news) => self.hear(news).await,
                    None => return true,
                },
                never = refuse_all(self.port), if lost => match never {},
                () = sleep_until(at) => return false,
            }
        }
    }

    /// Waits until everything was read, recognises the device and introduces it.
    async fn find_out(&mut self, backoff: &mut Backoff) -> Result<(), Halt> {
        self.introduced = false;
        self.await_start(backoff).await?;
        self.standing.again = false;
        let identity = self.identity().await?;
        self.recognise().await?;
        self.answered();
        self.introduce(&identity).await;
        if std::mem::take(&mut self.standing.restarted) && self.life.stranger().is_none() {
            self.send_again().await;
        }
        Ok(())
    }

    /// Waits until the link stands and everything was read. The association does that by itself; if nothing comes of it in
    /// time, or it cannot, it is read from here.
    async fn await_start(&mut self, backoff: &mut Backoff) -> Result<(), Halt> {
        loop {
            let up = self.standing.link == LinkState::Up;
            if up && self.standing.whole {
                return Ok(());
            }
            let lost = self.life.is_lost();
            let at = if up { Some(self.read_by_itself_at()) } else { self.lost_at().filter(|_| !lost) };
            let silent_at = self.silent_at();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Halt::Stop),
                news = self.news.recv() => match news {
                    Some(news) => self.hear(news).await,
                    None => return Err(Halt::Stop),
                },
                never = refuse_all(self.port), if lost => match never {},
                () = sleep_until(at.unwrap_or_else(Instant::now)), if at.is_some() => {
                    if !up {
                        let words = self.link_words();
                        self.lost(words).await;
                    } else if let Err(error) = self.read_anew().await {
                        self.standing.try_at = Some(Instant::now() + backoff.next_delay());
                        self.lost(self.words_of(&error)).await;
                    } else {
                        self.standing.whole = true;
                    }
                }
                () = sleep_until(silent_at.unwrap_or_else(Instant::now)), if silent_at.is_some() => {
                    self.life.say_silence("connected, but reading everything has not come to its end").await;
                }
            }
        }
    }

    /// Reads everything, and holds nothing of before for known.
    async fn read_anew(&mut self) -> Result<(), ReadError> {
        self.image.begin();
        self.read_everything().await
    }

    /// Who the outstation says it is.
    async fn identity(&mut self) -> Result<Identity, Halt> {
        let (identity, heard) = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Halt::Stop),
            done = meanwhile(&mut self.news, self.field.identity()) => done,
        };
        for news in heard {
            self.hear(news).await;
        }
        Ok(identity?)
    }

    /// Tells the core who the device is, what it can do, and all that is known of it.
    async fn introduce(&mut self, identity: &Identity) {
        let began = Instant::now();
        self.image.keep_only(self.plan.named().into_iter().chain([MARK]).collect());
        let plate = nameplate(&self.image, identity);
        if self.life.check_serial(plate.serial.as_deref()) {
            self.hands.stop();
        }
        self.life.say_found(plate, &self.map.id, None).await;
        self.refresh_capability().await;
        self.remember().await;
        (self.introduced, self.reached) = (true, true);
        let readings = self.readings_of_turn();
        self.say_state().await;
        let poll = Poll { readings, lateness: Duration::ZERO, took: began.elapsed() };
        self.port.reports.send(Report::Poll(poll)).await;
    }

    /// Works out what the device can be asked for, and tells the core if that changed.
    pub(super) async fn refresh_capability(&mut self) {
        // Nothing is known of what is there now; that is not to be able to do nothing.
        if self.standing.again {
            return;
        }
        self.life.say_capability(self.hands.capability(&self.image)).await;
    }

    /// Lets the core keep what a later run must know: whose device this is, and what it may hold of ours.
    pub(super) async fn remember(&mut self) {
        self.life.remember(self.hands.notes()).await;
    }

    /// Carries out a command and tells the core how it ended.
    pub(super) async fn command(&mut self, pending: PendingCommand) {
        let began = Instant::now();
        let mut command = pending.command().clone();
        let (outcome, heard) = match self.life.refusal() {
            Some(refusal) => (refusal, Vec::new()),
            None => {
                let _under_way = self.field.under_way();
                let work = async {
                    if began < command.expires_at {
                        command.expires_at = command.expires_at.max(began + time_for(command.hold));
                        look(&self.field, &self.plan, &mut self.image).await?;
                    }
                    Ok(self.hands.carry_out(&self.field, &command, &self.image).await)
                };
                let (result, heard) = meanwhile(&mut self.news, work).await;
                (result.unwrap_or_else(|outcome| outcome), heard)
            }
        };
        self.life.log_outcome(&command.setpoint, &outcome);
        // Before anybody relies on it.
        self.remember().await;
        pending.finish(outcome);
        self.commanding += began.elapsed();
        for news in heard {
            self.hear(news).await;
        }
    }

    /// Sends again what the outstation should hold and does not show: lost by its restart, or while it was switched to local.
    pub(super) async fn send_again(&mut self) {
        let _under_way = self.field.under_way();
        let work = self.hands.restarted(&self.field, &self.image);
        let (sent, heard) = meanwhile(&mut self.news, work).await;
        let mut remarks = Vec::new();
        for (asked, outcome) in sent {
            let device = &self.settings.name;
            let ended = outcome.words();
            tracing::warn!(device, %asked, outcome = ended, "lost by the outstation, and sent again");
            let words = match &outcome {
                Outcome::Applied(_) => format!("it had lost what was asked ({asked}); it was sent again"),
                Outcome::Refused(why) | Outcome::NotKept(why) => {
                    format!("it had lost what was asked ({asked}); sent again in vain: {why}")
                }
                other => format!("it had lost what was asked ({asked}); sent again: {}", other.name()),
            };
            remarks.push(remark(&words, jiff::Timestamp::now()));
        }
        self.tell(remarks).await;
        self.remember().await;
        for news in heard {
            self.hear(news).await;
        }
    }
}

/// How long an order that was begun in time may take, if it is to be held for `hold` (zero: it is no order that ends): an
/// outstation that answers slowly is given the time for all its steps, and one that does not answer ends it anyway.
fn time_for(hold: Duration) -> Duration {
    if hold.is_zero() { LONGEST_ORDER } else { LONGEST_ORDER.min(hold / 2) }
}

/// Reads what a command rests on as it is now. What the outstation refuses to tell stays as it was; the error is the outcome
/// of the command.
pub(super) async fn look<F: Field>(field: &F, plan: &Plan, image: &mut Image) -> Result<(), Outcome> {
    for parts in plan.before_command() {
        match field.read(&parts).await {
            Ok(seen) => drop(image.take(&seen)),
            Err(ReadError::Refused(_) | ReadError::Broken(_)) => {}
            Err(ReadError::NoConnection(_) | ReadError::Silent) => return Err(Outcome::Unreachable),
        }
    }
    Ok(())
}

/// Does something to its end; what is heard meanwhile comes with it.
pub(super) async fn meanwhile<T>(
    news: &mut mpsc::Receiver<News>,
    work: impl Future<Output = T>,
) -> (T, Vec<News>) {
    tokio::pin!(work);
    let mut heard = Vec::new();
    loop {
        tokio::select! {
            biased;
            result = &mut work => return (result, heard),
            Some(news) = news.recv(), if heard.len() < MOST_HEARD => heard.push(news),
        }
    }
}

#[cfg(test)]
mod tests;
