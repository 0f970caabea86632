//! A scripted outstation for tests of everything behind [`Field`]: points with flags, a buffer of events, inputs that mirror
//! outputs, and a script that says how each request is answered.

use super::{
    Field, Identity, OperateError, Operation, Output, Part, ReadError, Refusal, Seen, Stamp, field::Status,
};
use crate::device_map::dnp3::At;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// A request as it came.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Read(Vec<Part>),
    Identity,
    Operate(Vec<Operation>),
}

/// How a request is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// As a good outstation.
    Good,
    /// As a good outstation, after a while.
    After(Duration),
    /// Not at all: the time-out passes, then there is no answer. An operation is not done.
    Silent,
    /// Done, but no answer comes.
    DoneInSilence,
    /// Says it is done, and does not do it.
    Ignored,
    /// There is no connection.
    NoConnection(&'static str),
    Refused(Refusal),
    Broken(&'static str),
    /// To an operation: this status.
    Status(u8),
}

/// IIN2.1.
pub const UNKNOWN: Refusal = Refusal { no_function: false, object_unknown: true, parameter_error: false };

pub type Script = Box<dyn FnMut(&Request) -> Answer + Send>;

pub struct State {
    /// Raw value and flags of each point.
    pub points: BTreeMap<At, (f64, u8)>,
    /// Not yet read.
    pub events: Vec<Seen>,
    /// Indices that make a read of a range refused with IIN2.1.
    pub unknown: BTreeSet<At>,
    /// The inputs that show an output.
    pub mirrors: BTreeMap<At, Vec<At>>,
    pub identity: Identity,
    pub seen: Vec<Request>,
    /// It is left alone for its neighbours' sake.
    pub left_alone: bool,
    /// How long a silent request takes.
    pub timeout: Duration,
    pub script: Script,
}

/// One outstation; clones are the same one.
#[derive(Clone)]
pub struct Outstation(Arc<Mutex<State>>);

/// The address `text`.
pub fn at(text: &str) -> At {
    At::parse(text).unwrap()
}

impl Outstation {
    /// One with these points, all of them online.
    pub fn new(points: &[(&str, f64)]) -> Self {
        let points = points.iter().map(|(text, raw)| (at(text), (*raw, 1))).collect();
        Self(Arc::new(Mutex::new(State {
            points,
            events: Vec::new(),
            unknown: BTreeSet::new(),
            mirrors: BTreeMap::new(),
            identity: Identity::default(),
            seen: Vec::new(),
            left_alone: false,
            timeout: Duration::from_secs(10),
            script: Box::new(|_| Answer::Good),
        })))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Answers by this from now on.
    pub fn script(&self, script: impl FnMut(&Request) -> Answer + Send + 'static) {
        self.state().script = Box::new(script);
    }

    /// Puts a value in place, without an event.
    pub fn put(&self, text: &str, raw: f64) {
        let mut state = self.state();
        state.points.entry(at(text)).or_insert((raw, 1)).0 = raw;
    }

    /// Puts a value in place and an event into the buffer.
    pub fn change(&self, text: &str, raw: f64, stamp: Option<Stamp>) {
        self.put(text, raw);
        let event = Seen { event: true, stamp, ..self.now(at(text)).unwrap() };
        self.state().events.push(event);
    }

    /// An output shows in these inputs.
    pub fn mirror(&self, output: &str, inputs: &[&str]) {
        self.state().mirrors.insert(at(output), inputs.iter().map(|text| at(text)).collect());
    }

    /// The present value of a point.
    pub fn now(&self, at: At) -> Option<Seen> {
        let (raw, flags) = *self.state().points.get(&at)?;
        Some(Seen { at, raw, flags, stamp: None, event: false, heard: Timestamp::now() })
    }

    /// All present values, as an integrity poll has them.
    pub fn everything(&self) -> Vec<Seen> {
        let all: Vec<At> = self.state().points.keys().copied().collect();
        all.into_iter().filter_map(|at| self.now(at)).collect()
    }

    /// The reads so far.
    pub fn reads(&self) -> Vec<Vec<Part>> {
        let read = |request: &Request| match request {
            Request::Read(parts) => Some(parts.clone()),
            _ => None,
        };
        self.state().seen.iter().filter_map(read).collect()
    }

    /// The operations so far, request by request, as `AO88=500`, `BO17=on`.
    pub fn operations(&self) -> Vec<Vec<String>> {
        let operation = |request: &Request| match request {
            Request::Operate(outputs) => Some(outputs.iter().map(words).collect()),
            _ => None,
        };
        self.state().seen.iter().filter_map(operation).collect()
    }

    async fn answer(&self, request: Request) -> Answer {
        let (answer, timeout) = {
            let mut state = self.state();
            let answer = (state.script)(&request);
            state.seen.push(request);
            (answer, state.timeout)
        };
        match answer {
            Answer::After(while_) => tokio::time::sleep(while_).await,
            Answer::Silent | Answer::DoneInSilence => tokio::time::sleep(timeout).await,
            _ => {}
        }
        answer
    }

    fn part(&self, part: Part) -> Result<Vec<Seen>, ReadError> {
        match part {
            Part::Events => {
                let heard = Timestamp::now();
                let events = std::mem::take(&mut self.state().events);
                Ok(events.into_iter().map(|event| Seen { heard, ..event }).collect())
            }
            Part::Static => Ok(self.everything()),
            Part::Range(kind, from, to) => {
                let wanted: Vec<At> = (from..=to).map(|index| At { kind, index }).collect();
                if wanted.iter().any(|at| self.state().unknown.contains(at)) {
                    return Err(ReadError::Refused(UNKNOWN));
                }
                Ok(wanted.into_iter().filter_map(|at| self.now(at)).collect())
            }
        }
    }

    fn carry_out(&self, output: &Operation) {
        let mut state = self.state();
        let raw = match output.value {
            Output::Latch(on) | Output::Pulse { on, .. } => f64::from(u8::from(on)),
            Output::Number(raw, _) => raw,
        };
        let shown = state.mirrors.get(&output.at).cloned().unwrap_or_default();
        for at in shown.into_iter().chain([output.at]) {
            state.points.entry(at).or_insert((raw, 1)).0 = raw;
        }
    }
}

fn words(output: &Operation) -> String {
    match output.value {
        Output::Latch(on) | Output::Pulse { on, .. } => {
            format!("{}={}", output.at, if on { "on" } else { "off" })
        }
        Output::Number(raw, _) => format!("{}={raw}", output.at),
    }
}

impl Field for Outstation {
    async fn ready(&self) -> Result<(), ReadError> {
        while self.state().left_alone {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    async fn read(&self, parts: &[Part]) -> Result<Vec<Seen>, ReadError> {
        if self.state().left_alone {
            return Err(ReadError::Silent);
        }
        match self.answer(Request::Read(parts.to_vec())).await {
            Answer::Silent | Answer::DoneInSilence => Err(ReadError::Silent),
            Answer::NoConnection(why) => Err(ReadError::NoConnection(why.to_owned())),
            Answer::Refused(refusal) => Err(ReadError::Refused(refusal)),
            Answer::Broken(why) => Err(ReadError::Broken(why.to_owned())),
            Answer::Good | Answer::After(_) | Answer::Ignored | Answer::Status(_) => {
                // A refused request has no effect: events stay in the buffer.
                let ranges = parts.iter().filter(|part| matches!(part, Part::Range(..)));
                ranges.copied().try_for_each(|part| self.part(part).map(|_| ()))?;
                let all: Result<Vec<_>, _> = parts.iter().map(|part| self.part(*part)).collect();
                Ok(all?.concat())
            }
        }
    }

    async fn identity(&self) -> Result<Identity, ReadError> {
        match self.answer(Request::Identity).await {
            Answer::Silent | Answer::DoneInSilence => Err(ReadError::Silent),
            Answer::NoConnection(why) => Err(ReadError::NoConnection(why.to_owned())),
            Answer::Broken(why) => Err(ReadError::Broken(why.to_owned())),
            _ => Ok(self.state().identity.clone()),
        }
    }

    async fn operate(&self, outputs: &[Operation]) -> Result<(), OperateError> {
        let answer = self.answer(Request::Operate(outputs.to_vec())).await;
        if matches!(answer, Answer::Good | Answer::After(_) | Answer::DoneInSilence) {
            outputs.iter().for_each(|output| self.carry_out(output));
        }
        match answer {
            Answer::Good | Answer::After(_) | Answer::Ignored => Ok(()),
            Answer::Silent | Answer::DoneInSilence => Err(OperateError::NoAnswer),
            Answer::NoConnection(why) => Err(OperateError::NotSent(why.to_owned())),
            Answer::Refused(refusal) => Err(OperateError::Refused(refusal)),
            Answer::Broken(why) => Err(OperateError::Broken(why.to_owned())),
            Answer::Status(status) => Err(OperateError::Status(Status(status))),
        }
    }
}
