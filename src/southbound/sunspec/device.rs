//! One device: finds out what it is, polls it by deadline, carries out its commands, says how it stands.
//!
//! It shares its connection with other devices through its [`Line`] and knows nothing of them.

mod command;
mod discover;
mod poll;

pub use discover::blocks_of;

use super::abilities::Routes;
use super::block::{Blocks, Layouts, Lookup};
use super::control::Ours;
use super::execute::Habits;
use super::readings::{Reported, Sources};
use super::scan::{Chain, ScanError};
use crate::backoff::Backoff;
use crate::core::port::{DriverPort, Report};
use crate::der::{Capability, DeviceState, Outcome};
use crate::southbound::DeviceSettings;
use crate::southbound::modbus::{BusError, Line, Peer};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Failed polls after which a device counts as lost.
const LOST_AFTER_POLLS: u32 = 3;
/// Time without an answer after which a device counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(10);
/// A map that moves again within this time is not scanned at once.
const CALM: Duration = Duration::from_secs(60);
/// A chain without an end is scanned again after this time.
const DOUBT: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 60 });
/// First discoveries are spread over the poll period, but over no more than this.
const MAX_SPREAD: Duration = Duration::from_secs(5);

/// What all devices share.
#[derive(Clone, Copy)]
pub struct Common<'a> {
    /// Model tables.
    pub lookup: &'a Lookup,
    /// Layouts made so far.
    pub layouts: &'a Layouts,
    /// The gateway is stopping.
    pub stop: &'a CancellationToken,
}

/// One device as its driver knows it.
pub struct Device<'a> {
    settings: &'a DeviceSettings,
    port: &'a DriverPort,
    line: Line<'a>,
    common: Common<'a>,
    state: DeviceState,
    reason: String,
    chain: Option<Chain>,
    scans: discover::Scans,
    blocks: Blocks,
    sources: Sources,
    routes: Routes,
    capability: Option<Capability>,
    /// Serial number of the device that was first found here.
    serial: Option<String>,
    identity_changed: Option<String>,
    ours: Ours,
    habits: Habits,
    reported: Reported,
    max_read: u16,
    failures: u32,
    answered_at: Instant,
    /// The model map is not where it was: to be scanned again.
    moved: bool,
    /// Unusable points that the log already has.
    said: HashSet<(u16, &'static str)>,
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
    }
}

/// The device's place within a period, from its place in the registry: neighbours are far apart, however many there are.
#[must_use]
pub fn phase(place: usize, period: Duration) -> Duration {
    // Multiples of the golden ratio spread evenly over the unit interval.
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    period.mul_f64((f64::from(place) * 0.618_033_988_749_895).fract())
}

/// The first deadline after `now` on the grid of a period.
fn next_due(anchor: Instant, period: Duration, now: Instant) -> Instant {
    let period = period.max(Duration::from_millis(1));
    let since = now.saturating_duration_since(anchor);
    let done = u32::try_from(since.as_nanos() / period.as_nanos()).unwrap_or(u32::MAX - 1);
    anchor + period.saturating_mul(done + 1)
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
        Self {
            settings,
            port,
            line,
            common,
            state: DeviceState::Unknown,
            reason: String::new(),
            chain: None,
            scans: discover::Scans::default(),
            blocks: Blocks::default(),
            sources: Sources::default(),
            routes: Routes::default(),
            capability: None,
            serial: None,
            identity_changed: None,
            ours: Ours::default(),
            habits: Habits::default(),
            reported: Reported::default(),
            max_read: settings.map.link.max_read,
            failures: 0,
            answered_at: Instant::now(),
            moved: false,
            said: HashSet::new(),
        }
    }

    /// Runs until the gateway stops.
    pub async fn run(mut self) {
        let begun = Instant::now();
        let place = self.settings.index.get();
        self.set_state(DeviceState::Discovering, String::new()).await;
        if self.wait_until(begun + phase(place, self.settings.poll.min(MAX_SPREAD))).await {
            return;
        }
        let anchor = begun + phase(place, self.settings.poll);
        let (mut backoff, mut moves) = (Backoff::field(), Backoff::field());
        let mut moved_at: Option<Instant> = None;
        self.answered_at = Instant::now();
        loop {
            match self.find_out_refusing().await {
                Ok(()) => {
                    backoff.reset();
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
                            if self.wait_out(&mut backoff).await {
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
                    if self.wait_out(&mut backoff).await {
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

    /// Waits; commands to a lost device end at once, others wait with it. True if the gateway is stopping.
    async fn wait_until(&mut self, at: Instant) -> bool {
        let lost = self.state == DeviceState::CommLost;
        tokio::select! {
            () = self.common.stop.cancelled() => true,
            () = sleep_until(at) => false,
            () = refuse_all(self.port), if lost => false,
        }
    }

    /// Finds out what the device is; while it counts as lost, its commands end meanwhile.
    async fn find_out_refusing(&mut self) -> Result<(), Trouble> {
        let (port, lost) = (self.port, self.state == DeviceState::CommLost);
        tokio::select! {
            result = self.find_out() => result,
            () = refuse_all(port), if lost => Ok(()),
        }
    }

    /// Counts a failure and says so when the device counts as lost.
    async fn failed(&mut self, trouble: &Trouble) {
        self.failures += 1;
        if self.is_lost() || trouble.definite() {
            self.set_state(DeviceState::CommLost, trouble.words()).await;
            self.port.commands.finish_all(&Outcome::Unreachable);
        }
    }

    fn is_lost(&self) -> bool {
        self.failures >= LOST_AFTER_POLLS || self.answered_at.elapsed() >= LOST_AFTER
    }

    fn answered(&mut self) {
        self.failures = 0;
        self.answered_at = Instant::now();
    }

    /// Forgets where its models are.
    fn forget(&mut self) {
        self.chain = None;
        self.scans.last = None;
        self.blocks = Blocks::default();
        self.moved = false;
    }

    async fn set_state(&mut self, state: DeviceState, reason: String) {
        if (self.state, &self.reason) == (state, &reason) {
            return;
        }
        let lost = matches!(state, DeviceState::CommLost | DeviceState::IdentityChanged);
        if self.state != state {
            let (device, before, state) = (&self.settings.name, self.state.name(), state.name());
            // What takes a device from its groups is a warning; coming and going otherwise is not.
            if matches!(self.state, DeviceState::CommLost | DeviceState::IdentityChanged) || !lost {
                tracing::info!(device, state, before, reason, "device state");
            } else {
                tracing::warn!(device, state, before, reason, "device state");
            }
        }
        self.state = state;
        self.reason.clone_from(&reason);
        self.port.reports.send(Report::State { state, reason }).await;
    }
}

/// Ends every command as it comes; never returns.
async fn refuse_all(port: &DriverPort) {
    loop {
        port.commands.next().await.finish(Outcome::Unreachable);
    }
}

#[cfg(test)]
mod tests;
