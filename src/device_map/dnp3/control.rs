//! `[control]`: how the outputs of an outstation are operated.

use std::time::Duration;

/// How commands are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlOptions {
    /// How analog outputs are operated, unless a step says otherwise.
    pub analog: Operate,
    /// How binary outputs are operated, unless a step says otherwise.
    pub binary: Operate,
    /// The object in which analog outputs are commanded.
    pub number: AnalogNumber,
    /// With what binary outputs are operated, unless a step says otherwise.
    pub switch: Switch,
    /// How long a pulse is, or the closing or tripping of a breaker.
    pub pulse: Duration,
    /// Most points in one request; 1 lets a refusal be told for each point.
    pub batch: u16,
    /// Longest wait for a read-back, unless a step says otherwise.
    pub verify: Duration,
}

/// How an output is operated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operate {
    /// Select, then operate.
    Select,
    /// Direct operate.
    Direct,
}

/// With what a binary output is operated (g12v1). Always once, never queued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Switch {
    /// LATCH_ON and LATCH_OFF: it stays so.
    #[default]
    Latch,
    /// PULSE_ON and PULSE_OFF: it goes back by itself.
    Pulse,
    /// On is CLOSE, off is TRIP, each as a pulse: one output for both coils of a breaker.
    TripClose,
}

/// The object in which an analog output is commanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnalogNumber {
    /// g41v1.
    #[default]
    Int32,
    /// g41v2.
    Int16,
    /// g41v3; the raw value, not the engineering value.
    Float32,
}

impl Default for ControlOptions {
    /// As the profile has it: settings directly, what moves power by select and operate, one point a request.
    fn default() -> Self {
        Self {
            analog: Operate::Direct,
            binary: Operate::Select,
            number: AnalogNumber::default(),
            switch: Switch::default(),
            pulse: Duration::from_secs(1),
            batch: 1,
            verify: Duration::from_secs(5),
        }
    }
}
