//! One device: finds out what it is, polls it by deadline, carries out its commands, says how it stands.
//!
//! It shares its connection with other devices through its [`Line`] and knows nothing of them.

mod command;
mod discover;
mod effect;
mod extra;
mod heart;
mod identity;
mod keep;
mod meanwhile;
mod notes;
mod poll;
mod read;
mod states;

use super::abilities::Routes;
use super::block::{Blocks, Layouts, Lookup};
use super::control::Ours;
use super::execute::Habits;
use super::readings::{Counters, PointFault, Reported, Sources};
use super::scan::{Chain, ScanError};
use crate::backoff::Backoff;
use crate::core::port::DriverPort;
use crate::der::DeviceState;
use crate::device_map::DeviceMap;
use crate::southbound::DeviceSettings;
use crate::southbound::life::{Life, refusing, wait_until};
use crate::southbound::modbus::{BusError, Line, Peer};
use crate::southbound::pace::phase;
use crate::southbound::points::Points;
use notes::Notes;
use states::Rest;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A map that moves again within this time is not scanned at once.
const CALM: Duration = Duration::from_secs(60);
/// A chain without an end is scanned again after this time.
const DOUBT: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 60 });
/// First discoveries are spread over the poll period, but over no more than this.
const MAX_SPREAD: Duration = Duration::from_secs(5);

/// How long a sleeping device is left alone.
const NAP: (Duration, Duration) = if cfg!(test) {
    (Duration::from_millis(200), Duration::from_millis(400))
} else {
    (Duration::from_secs(60), Duration::from_secs(300))
};

/// Which map suits a device, by its 1.Mn, 1.Md and 1.Vr; `None` if none claims it.
pub type MapChoice = Arc<dyn Fn(&str, &str, &str) -> Option<Arc<DeviceMap>> + Send + Sync>;

/// What all devices share.
#[derive(Clone, Copy)]
pub struct Common<'a> {
    /// Model tables.
    pub lookup: &'a Lookup,
    /// Layouts made so far.
    pub layouts: &'a Layouts,
    /// Which map suits a device that names none.
    pub choice: &'a MapChoice,
    /// The gateway is stopping.
    pub stop: &'a CancellationToken,
}

/// One device as its driver knows it.
pub struct Device<'a> {
    settings: &'a DeviceSettings,
    port: &'a DriverPort,
    line: Line<'a>,
    common: Common<'a>,
    /// The map of the configuration, or the one that suits the device best.
    map: Arc<DeviceMap>,
    map_chosen: bool,
    life: Life<'a>,
    chain: Option<Chain>,
    scans: discover::Scans,
    blocks: Blocks,
    sources: Sources,
    routes: Routes,
    /// 1.Vr.
    version: Option<String>,
    /// What an earlier run noted, until it was looked at.
    notes: Option<Notes>,
    /// The chain in use is the one of the notes, and long reads are as they were then.
    recalled: bool,
    rest: Rest,
    counters: Counters,
    ours: Ours,
    /// Registers beside the chain.
    extra: Option<Points>,
    habits: Habits,
    effects: effect::Effects,
    /// What is put back if somebody else takes it away.
    guards: Vec<keep::Guard>,
    heart: heart::Heart,
    reported: Reported,
    max_read: u16,
    /// Reads may run over the border of two models.
    crossing: bool,
    /// The model map is not where it was: to be scanned again.
    moved: bool,
    /// The log has what is odd about the lengths of its models.
    lengths_said: bool,
    /// Unusable points that the log already has.
    said: HashSet<(u16, &'static str)>,
    /// Points that cannot be used, as their models were last read, and why.
    unusable: Vec<(PointFault, String)>,
    /// The connection was made anew: perhaps to another device.
    reconnected: AtomicBool,
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trouble {
    /// The device does not answer.
    Bus(BusError),
    /// It answers, but another model stands there.
    Moved(String),
    /// It has no usable chain.
    Scan(ScanError),
    /// Nothing in its chain is known.
    Unknown(String),
}

impl Trouble {
    fn words(&self) -> String {
        match self {
            Self::Bus(error) => error.to_string(),
            Self::Scan(error) => error.to_string(),
            Self::Moved(words) | Self::Unknown(words) => words.clone(),
        }
    }
    /// True if the connection was refused.
    const fn refused(&self) -> bool {
        match self {
            Self::Bus(error) | Self::Scan(ScanError::Bus(error)) => {
                matches!(error, BusError::Connect(fault) if fault.is_refusal())
            }
            Self::Scan(_) | Self::Moved(_) | Self::Unknown(_) => false,
        }
    }
    /// True if waiting longer will not change it: the device did answer, or a certificate is wrong.
    const fn definite(&self) -> bool {
        match self {
            Self::Bus(error) | Self::Scan(ScanError::Bus(error)) => error.lasts(),
            Self::Moved(_) => false,
            Self::Scan(_) | Self::Unknown(_) => true,
        }
    }
}

/// How polling ended.
enum End {
    Stop,
    Moved,
    /// Its chain had no end, and it is time to look again.
    Doubt,
    Lost,
}

/// How a device wants to be treated on the wire.
#[must_use]
pub fn peer_of(unit: u8, link: &crate::device_map::LinkOptions) -> Peer {
    Peer {
        unit,
        connect_timeout: link.connect_timeout,
        response_timeout: link.response_timeout,
        inter_request: link.inter_request,
        idle_limit: link.idle_limit,
        lenient: false,
    }
}

impl<'a> Device<'a> {
    /// A device of which nothing is known yet.
    #[must_use]
    pub fn new(
        settings: &'a DeviceSettings,
        port: &'a DriverPort,
        line: Line<'a>,
        common: Common<'a>,
    ) -> Self {
        let notes = settings.record.as_ref().and_then(|r| Notes::parse(&r.notes));
        let ours = identity::notes_of_it(settings).map(|notes| notes.ours).unwrap_or_default();
        let rest = Rest::of(notes.as_ref());
        Self {
            settings,
            port,
            line,
            common,
            map: settings.map.clone(),
            map_chosen: false,
            life: Life::new(settings, port),
            chain: None,
            scans: discover::Scans::default(),
            blocks: Blocks::default(),
            sources: Sources::default(),
            routes: Routes::default(),
            version: None,
            notes,
            recalled: false,
            rest,
            counters: Counters::default(),
            ours,
            extra: extra::of(&settings.map, settings),
            habits: Habits::default(),
            effects: effect::Effects::default(),
            guards: Vec::new(),
            heart: heart::Heart::new(),
            reported: Reported::default(),
            max_read: settings.map.link.max_read,
            crossing: false,
            moved: false,
            lengths_said: false,
            said: HashSet::new(),
            unusable: Vec::new(),
            reconnected: AtomicBool::new(false),
        }
    }

    /// Runs until the gateway stops.
    pub async fn run(mut self) {
        let begun = Instant::now();
        let place = self.settings.index.get();
        self.life.say(DeviceState::Discovering, String::new()).await;
        if self.wait_until(begun + phase(place, self.settings.poll.min(MAX_SPREAD))).await {
            return;
        }
        let anchor = begun + phase(place, self.settings.poll);
        let (mut backoff, mut moves) = (Backoff::field(), Backoff::field());
        let mut nap = Backoff::new(NAP.0, NAP.1);
        let mut moved_at: Option<Instant> = None;
        self.life.begin();
        loop {
            let (port, away) = (self.port, self.away());
            match refusing(port, away, self.find_out()).await {
                Ok(()) => {
                    backoff.reset();
                    nap.reset();
                    match self.poll_on(anchor).await {
                        End::Stop => return,
                        End::Doubt => {}
                        End::Moved => {
                            let before = moved_at.replace(Instant::now());
                            if before.is_none_or(|at| at.elapsed() >= CALM) {
                                moves.reset();
                            } else if self.wait_out(&mut moves).await {
                                return;
                            }
                        }
                        End::Lost => {
                            let sleeps = self.life.state() == DeviceState::Asleep;
                            if self.wait_out(if sleeps { &mut nap } else { &mut backoff }).await {
                                return;
                            }
                        }
                    }
                }
                Err(trouble) => {
                    if matches!(trouble, Trouble::Moved(_)) {
                        self.forget();
                    }
                    self.failed(&trouble).await;
                    if self.wait_until_lost(&trouble).await {
                        return;
                    }
                    let sleeps = self.life.state() == DeviceState::Asleep;
                    if self.wait_out(if sleeps { &mut nap } else { &mut backoff }).await {
                        return;
                    }
                }
            }
        }
    }

    /// Waits after a failure. True if the gateway is stopping.
    async fn wait_out(&mut self, backoff: &mut Backoff) -> bool {
        let own = Instant::now() + backoff.next_delay();
        let at = self.line.retry_at().await.map_or(own, |bus| bus.max(own));
        self.wait_until(at).await
    }

    /// If the connection rests until after the moment at which the device counts as lost: waits for that moment and says
    /// so then. True if the gateway is stopping.
    async fn wait_until_lost(&mut self, trouble: &Trouble) -> bool {
        let lost_at = self.life.answered_at() + self.map.link.lost_after;
        let rests = self.line.retry_at().await.is_some_and(|at| at > lost_at);
        if !rests || self.is_lost() || trouble.definite() {
            return false;
        }
        if self.wait_until(lost_at).await {
            return true;
        }
        self.failed(trouble).await;
        false
    }

    async fn wait_until(&self, at: Instant) -> bool {
        wait_until(at, self.port, self.away(), self.common.stop).await
    }

    /// Forgets where its models are.
    fn forget(&mut self) {
        self.chain = None;
        self.scans.last = None;
        self.blocks = Blocks::default();
        self.unusable.clear();
        self.map_chosen = false;
        self.moved = false;
    }
}
