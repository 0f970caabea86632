//! What the driver asks of an outstation and what it hears from it, as plain values: the seam between the association, which
//! talks, and everything that decides. A test plays the outstation behind [`Field`].

use crate::device_map::dnp3::{AnalogNumber, At, ControlOptions, Operate, PointKind, Switch};
use jiff::Timestamp;

/// One outstation that can be asked. One request at a time; each has exactly one answer.
pub trait Field: Sync {
    /// Reads. Values come in the order in which the outstation sent them, events before what they led to.
    ///
    /// # Errors
    /// See [`ReadError`]; of a refused or broken answer, nothing is used but the events of its whole fragments, which the
    /// outstation will not send again: they come as [`News::Values`].
    fn read(&self, parts: &[Part]) -> impl Future<Output = Result<Vec<Seen>, ReadError>> + Send;

    /// Who the outstation says it is: its device attributes (g0). One that has none tells nothing, which is no error.
    ///
    /// # Errors
    /// See [`ReadError`]; a refusal is not one.
    fn identity(&self) -> impl Future<Output = Result<Identity, ReadError>> + Send;

    /// Operates outputs in one request, in this order.
    ///
    /// # Errors
    /// See [`OperateError`]; with several outputs, those before the refused one may have been operated.
    fn operate(&self, outputs: &[Operation]) -> impl Future<Output = Result<(), OperateError>> + Send;

    /// What it may mean that it does not answer while the connection stands, in words for an operator.
    fn silence(&self) -> String {
        ReadError::Silent.to_string()
    }

    /// Waits until it can be asked: not while it is left alone for its neighbours' sake and not looked for yet. A read would wait
    /// itself; whoever has something else to do meanwhile waits here.
    ///
    /// # Errors
    /// It was looked for and not found, or there is no connection.
    fn ready(&self) -> impl Future<Output = Result<(), ReadError>> + Send {
        std::future::ready(Ok(()))
    }

    /// A command to it begins, and is under way until what this gives is dropped: looks for neighbours that are silent wait, all
    /// else on its connection goes on; and what is read of it meanwhile is not kept waiting as a poll is.
    fn under_way(&self) -> UnderWay {
        UnderWay::default()
    }

    /// True if a request to it that is under way has not been sent yet, because others are asked on its connection.
    fn waits(&self) -> bool {
        false
    }
}

/// A command is under way while this lives.
#[derive(Default)]
pub struct UnderWay(Option<Box<dyn FnOnce() + Send>>);

impl UnderWay {
    /// Does this at its end.
    pub fn until(end: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(end)))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(end) = self.0.take() {
            end();
        }
    }
}

/// Who an outstation says it is (device attributes, g0, set 0).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Manufacturer's name, variation 252.
    pub manufacturer: Option<String>,
    /// Product name and model, variation 250.
    pub model: Option<String>,
    /// Serial number, variation 248.
    pub serial: Option<String>,
    /// Software version, variation 242.
    pub version: Option<String>,
}

/// A part of a read request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Events of class 1, 2 and 3.
    Events,
    /// All values: class 0.
    Static,
    /// Values of one kind, from an index to an index, both included.
    Range(PointKind, u16, u16),
}

/// One value as the outstation sent it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Of which point.
    pub at: At,
    /// The raw value; of a binary point 0 or 1.
    pub raw: f64,
    /// The flags octet; bit 0 ONLINE, 1 RESTART, 2 COMM_LOST, 3 REMOTE_FORCED, 4 LOCAL_FORCED, 5 OVER_RANGE or CHATTER_FILTER,
    /// 6 REFERENCE_ERR. An object without flags counts as ONLINE.
    pub flags: u8,
    /// The outstation's time of it, if it sent one that is of this century.
    pub stamp: Option<Stamp>,
    /// It came as an event.
    pub event: bool,
    /// When it was received.
    pub heard: Timestamp,
}

/// A time of the outstation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When.
    pub at: Timestamp,
    /// It holds its clock for synchronised.
    pub synchronised: bool,
}

/// One output to be operated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operation {
    /// Which.
    pub at: At,
    /// What.
    pub value: Output,
    /// How.
    pub how: Operate,
}

/// What an output is operated with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Output {
    /// LATCH_ON or LATCH_OFF.
    Latch(bool),
    /// A switch that goes back by itself.
    Pulse {
        /// On or off.
        on: bool,
        /// CLOSE or TRIP, not PULSE_ON or PULSE_OFF.
        trip_close: bool,
        /// How long, ms.
        ms: u32,
    },
    /// A raw number, in the object that the map names.
    Number(f64, AnalogNumber),
}

impl Output {
    /// On or off as the map has binary outputs operated, if a step does not say otherwise.
    #[must_use]
    pub fn switch(on: bool, of_step: Option<Switch>, control: &ControlOptions) -> Self {
        let ms = u32::try_from(control.pulse.as_millis()).unwrap_or(u32::MAX);
        match of_step.unwrap_or(control.switch) {
            Switch::Latch => Self::Latch(on),
            Switch::Pulse => Self::Pulse { on, trip_close: false, ms },
            Switch::TripClose => Self::Pulse { on, trip_close: true, ms },
        }
    }

    /// On or off of a switch; `None` of a number.
    #[must_use]
    pub const fn is_on(self) -> Option<bool> {
        match self {
            Self::Latch(on) | Self::Pulse { on, .. } => Some(on),
            Self::Number(..) => None,
        }
    }
}

/// Why nothing was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is no connection; why, in words.
    #[error("{0}")]
    NoConnection(String),
    /// No answer in time; what that may mean, says [`Field::silence`].
    #[error("connected, but the outstation does not answer")]
    Silent,
    /// The outstation said no: IIN2 bits, in words.
    #[error("the outstation refuses the request: {0}")]
    Refused(Refusal),
    /// An answer that cannot be used; why, in words.
    #[error("the answer cannot be used: {0}")]
    Broken(String),
}

/// Why an output was not operated, or is not known to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperateError {
    /// It was never sent; why, in words.
    #[error("{0}")]
    NotSent(String),
    /// It was sent, or may have been, and no answer came: what the outstation holds is not known.
    #[error("no answer in time")]
    NoAnswer,
    /// The outstation said no to an output.
    #[error("{0}")]
    Status(Status),
    /// The outstation said no to the request; it does not say to which output.
    #[error("the outstation refuses the request: {0}")]
    Refused(Refusal),
    /// An answer that cannot be used: what the outstation holds is not known.
    #[error("the answer cannot be used: {0}")]
    Broken(String),
}

/// A command status, as the standard numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8);

/// Bits of IIN2 that refuse a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// IIN2.0: the function code is not known.
    pub no_function: bool,
    /// IIN2.1: an object is not known.
    pub object_unknown: bool,
    /// IIN2.2: a parameter is wrong.
    pub parameter_error: bool,
}

/// What an association tells unasked.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// How the link stands; on each change.
    Link(LinkState),
    /// The connection is made to another end point than before; to which and why, in words.
    EndPoint(String),
    /// Values that came without a request of ours: at start, after a restart, unsolicited. Those of an integrity read come
    /// whole, in one piece.
    Values(Source, Vec<Seen>),
    /// Bits of IIN that concern the whole outstation; on each change.
    Indications(Indications),
    /// A task that the association does by itself has failed; which, and why, in words.
    TaskFailed(&'static str, String),
    /// The outstation had restarted; what it held may be lost. Comes after everything was read again, or after
    /// [`News::ReadRanges`].
    Restarted,
    /// Everything has to be read anew, by the ranges of points that the map names: the outstation has just been connected, has
    /// restarted or has lost events, and its class 0 cannot be read (or the map says so). From here on it is so.
    ReadRanges,
}

/// Where values came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Everything was read, at start, after a restart or after lost events.
    Integrity,
    /// The outstation sent them by itself.
    Unsolicited,
}

/// How the link stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Being made.
    Connecting,
    /// Stands; that says nothing about the outstation behind it.
    Up,
    /// Does not stand; why, in words for an operator.
    Down(String),
}

/// Bits of IIN that concern the whole outstation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indications {
    /// IIN1.4: it wants to be told the time.
    pub need_time: bool,
    /// IIN1.5: some of its outputs are in local control.
    pub local: bool,
    /// IIN1.7: it has restarted, and the bit was not cleared since.
    pub restart: bool,
    /// IIN1.6: it has a trouble of its own.
    pub trouble: bool,
    /// IIN2.3: it has lost events.
    pub overflow: bool,
    /// IIN2.5: its configuration is corrupt.
    pub config_corrupt: bool,
}

impl std::fmt::Display for Status {
    /// The name and the number, as `LOCAL (7)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", super::status::name(*self), self.0)
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Events => f.write_str("the events (class 1, 2 and 3)"),
            Self::Static => f.write_str("all values (class 0)"),
            Self::Range(kind, from, to) if from == to => write!(f, "{}", At { kind, index: from }),
            Self::Range(kind, from, to) => write!(f, "{}-{to}", At { kind, index: from }),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bits = [
            (self.no_function, "it does not know the function (IIN2.0)"),
            (self.object_unknown, "it does not know an object or index (IIN2.1)"),
            (self.parameter_error, "it does not take a value or index (IIN2.2)"),
        ];
        let mut words = bits.into_iter().filter_map(|(set, words)| set.then_some(words));
        f.write_str(words.next().unwrap_or("it gives no reason"))?;
        words.try_for_each(|more| write!(f, "; {more}"))
    }
}
