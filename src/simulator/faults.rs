//! The ways in which a simulated device can misbehave, and the list of them that a device has at a time.
//!
//! What each does stands where it takes effect: on the wire in `wire`, in the register image in `unit::disguise`, in what
//! a write changes in `unit::obey` and `unit::allow`; an outstation's in `dnp3`. How each is written stands in `words`.

mod words;

pub use words::FaultError;

use std::sync::Arc;
use std::time::Duration;

/// A way to misbehave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing listens.
    Refused,
    /// Connects, never answers.
    Silent,
    /// Answers, but never a right answer.
    Garbage,
    /// Answers after this time.
    Slow(Duration),
    /// Answers a request only when the next one has come, under the header of the one it answers.
    Late,
    /// The same under the header of the request that has just come, as serial converters do.
    Behind,
    /// Answers as another unit.
    WrongUnit,
    /// Answers with another transaction id.
    WrongTransaction,
    /// Answers in two segments with a pause between them.
    Split,
    /// Sends every answer twice in one segment.
    Merged,
    /// Answers a read with one register less than asked for.
    ShortAnswer,
    /// Resets every connection after the first.
    OneConnection,
    /// Resets every connection as soon as it is accepted.
    ResetAfterAccept,
    /// Closes a connection that was idle for so long.
    IdleClose(Duration),
    /// Refuses longer reads with exception 3.
    MaxRead(u16),
    /// Answers everything with this exception.
    Exception(u8),
    /// Refuses reads of the body of a model with an exception.
    ExceptionOn(u16, u8),
    /// Refuses so many requests with exception 6 first.
    Busy(u32),
    /// Refuses FC 16 with exception 1.
    Fc6Only,
    /// Refuses FC 16 of a single register with exception 2.
    Fc6ForSingle,
    /// Refuses FC 6 with exception 1.
    Fc16Only,
    /// Does not answer FC 6.
    NeverFc6,
    /// Has its registers in the input table (FC 4) and refuses FC 3.
    InputRegistersOnly,
    /// The marker stands at this address, and the chain behind it.
    Base(u16),
    /// The marker's two registers are swapped.
    MarkerSwapped,
    /// Nothing stands behind the last model.
    NoEndModel,
    /// The end model is one register.
    EndWithoutLength,
    /// Model 1 has no pad: L is 65.
    Model1L65,
    /// A model ends before its table does, and says so.
    ShortModel(u16),
    /// A model has registers behind its table, and says so.
    LongModel(u16),
    /// The L of a model (714, else the one behind model 1) changes each time this has passed.
    MovingLayout(Duration),
    /// The power of ten of the active power changes from read to read.
    ChangingSf,
    /// A point (`103.W_SF`, or `W_SF` in every model) reads "not implemented".
    NoSf(String),
    /// Another serial number.
    SerialChange(String),
    /// Nothing but the energy counter is implemented in the measuring model, and there is no sun.
    Night,
    /// Model 123 reads 0, 0 and 1 whatever is in force.
    Shadow,
    /// The enable of a power limit reads 1 and stays in force; 100 % is off.
    EnableStuck,
    /// A changed limit is taken over only when its enable goes from 0 to 1.
    EnableEdge,
    /// In local mode: says so in LocRemCtl, refuses writes with exception 4.
    Local,
    /// Takes what is asked of its active power, keeps it and does nothing.
    IgnoresLimit,
    /// Answers writes and keeps nothing.
    NotKept,
    /// Ignores writes to what cannot be written, as devices of the old specification do.
    SilentIgnore,
    /// Controls revert after this time unless told otherwise.
    DefaultReversion(Duration),
    /// Counts the sets of a curve from 0 in an adoption request.
    CurvesZeroBased,
    /// A positive power factor of model 123 injects reactive power.
    PfOverexcited,
    /// A meter counts power to the grid as positive.
    MeterExport,
    /// An outstation resets the connection in the middle of what it answers.
    ResetMidResponse,
    /// An outstation restarts when it gets this fault: its connection is gone, and all that was asked of it (IIN1.7).
    Restart,
    /// Wants the time until it is told (IIN1.4).
    NeedTime,
    /// Wants the time and refuses to be told.
    NeedTimeRefused,
    /// Has more events than its buffer holds when it gets this fault (IIN2.3).
    Overflow,
    /// The same again and again.
    OverflowStuck,
    /// What it measures is flagged COMM_LOST, and it says that its meter is away.
    CommLost,
    /// No input is flagged ONLINE.
    Offline,
    /// What it measures is −2147483648, which stands for no value.
    NullValues,
    /// Locked out by another operator: refuses commands as BLOCKED.
    Lockout,
    /// Answers every command with this status.
    Status(u8),
    /// Commands work, and no status shows it.
    NoFeedback,
    /// Readbacks of settings show another value.
    WrongReadback,
    /// Refuses to report unsolicited.
    NoUnsolicited,
    /// Events carry the time 0.
    EventsWithoutTime,
    /// In trouble (IIN1.6), with a priority 1 alarm.
    Trouble,
    /// Says that its configuration is corrupt (IIN2.5).
    ConfigCorrupt,
    /// Another version of the profile, raw.
    ProfileVersion(u16),
}

impl Fault {
    /// True if a device of this protocol can have it.
    #[must_use]
    pub fn fits(&self, outstation: bool) -> bool {
        match self {
            // The sockets, and what a device does whatever it speaks.
            Self::Refused
            | Self::Silent
            | Self::Garbage
            | Self::Slow(_)
            | Self::WrongUnit
            | Self::Split
            | Self::OneConnection
            | Self::ResetAfterAccept
            | Self::IdleClose(_)
            | Self::SerialChange(_)
            | Self::Night
            | Self::Local
            | Self::IgnoresLimit
            | Self::NotKept
            | Self::DefaultReversion(_) => true,
            Self::ResetMidResponse
            | Self::Restart
            | Self::NeedTime
            | Self::NeedTimeRefused
            | Self::Overflow
            | Self::OverflowStuck
            | Self::CommLost
            | Self::Offline
            | Self::NullValues
            | Self::Lockout
            | Self::Status(_)
            | Self::NoFeedback
            | Self::WrongReadback
            | Self::NoUnsolicited
            | Self::EventsWithoutTime
            | Self::Trouble
            | Self::ConfigCorrupt
            | Self::ProfileVersion(_) => outstation,
            _ => !outstation,
        }
    }
}

/// All faults of a device taken together. Mostly none, then a few: looking through them costs nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    faults: Arc<[Fault]>,
}

impl Behaviour {
    /// What a list of faults amounts to.
    #[must_use]
    pub fn of(faults: &[Fault]) -> Self {
        Self { faults: faults.into() }
    }

    /// The faults.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// True if this is among the faults.
    #[must_use]
    pub fn has(&self, fault: &Fault) -> bool {
        self.faults.contains(fault)
    }

    /// Nothing listens.
    #[must_use]
    pub fn refused(&self) -> bool {
        self.has(&Fault::Refused)
    }

    /// Takes requests and answers none.
    #[must_use]
    pub fn silent(&self) -> bool {
        self.has(&Fault::Silent)
    }

    /// Never answers right.
    #[must_use]
    pub fn garbage(&self) -> bool {
        self.has(&Fault::Garbage)
    }

    /// How long it takes to answer.
    #[must_use]
    pub fn slow(&self) -> Duration {
        self.find(|f| if let Fault::Slow(time) = f { Some(*time) } else { None }).unwrap_or_default()
    }

    /// The first fault that `pick` knows.
    pub fn find<T>(&self, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.faults.iter().find_map(pick)
    }
}
