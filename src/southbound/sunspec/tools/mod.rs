//! What a technician does with one device by hand: reads single points, writes them, records everything, tries a control.
//!
//! Each on a connection of its own, once, and at somebody's command. It polls nothing and tells the core nothing.

mod amount;
mod control;
mod named;
mod read;
mod recording;
mod source;
mod target;
mod units;
mod write;

pub use amount::{Amount, Manual, Sizes, setpoint_of};
pub use control::{ControlPlan, Controlled};
pub use named::probed;
pub use read::{Answer, RawRead, ReadPoint, Shown};
pub use recording::{RecordedModel, Recording, RecordingFault, Refusal};
pub use source::Source;
pub use target::{Order, RawKind, RawTarget, Target, TargetError};
pub use units::{UnitFound, UnitReport};
pub use write::{Fate, Frame, Planned, WriteFault, WritePlan, WrittenPoint};

use super::block::{Layouts, Lookup};
use super::device::peer_of;
use super::probe::{ProbeError, WholeChain, whole_chain};
use super::scan::ScanError;
use crate::southbound::modbus::{BusError, Endpoint, Line, SharedBus};
use crate::southbound::{Link, ProbeOptions};

/// Told what is going on while something takes long.
pub type Tell<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// A connection to one unit, for as long as a command of the command line takes.
pub struct Session {
    pub(in crate::southbound) link: Link,
    pub(in crate::southbound) options: ProbeOptions,
    pub(super) lookup: Lookup,
    pub(super) layouts: Layouts,
    bus: SharedBus,
}

impl Session {
    /// A session that connects at the first request.
    #[must_use]
    pub fn new(link: &Link, options: &ProbeOptions, lookup: Lookup) -> Self {
        let endpoint = Endpoint::of(link).unwrap_or(Endpoint::NOWHERE);
        let bus = SharedBus::new(endpoint.secured(options.tls.as_ref()));
        Self { link: link.clone(), options: options.clone(), lookup, layouts: Layouts::default(), bus }
    }

    /// A session over a connection that is made already.
    #[cfg(any(test, fuzzing))]
    #[must_use]
    pub fn over(bus: SharedBus, link: &Link, options: &ProbeOptions, lookup: Lookup) -> Self {
        Self { bus, ..Self::new(link, options, lookup) }
    }

    pub(in crate::southbound) fn line(&self) -> Line<'_> {
        self.line_to(self.link.unit())
    }

    /// Another unit behind the same connection.
    fn line_to(&self, unit: u8) -> Line<'_> {
        let mut peer = peer_of(unit, &self.options.link);
        peer.lenient = self.options.sunspec.lenient_header;
        self.bus.line(peer)
    }

    pub(super) async fn chain(&self) -> Result<WholeChain, ProbeError> {
        whole_chain(&self.line(), &self.options.sunspec).await.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &ScanError) -> ProbeError {
        ProbeError::of(&self.link, error)
    }

    pub(in crate::southbound) fn broken(&self, error: BusError) -> ProbeError {
        self.failed(&ScanError::Bus(error))
    }
}
