//! A scripted outstation for tests of everything behind [`Field`]: points with flags, a buffer of events, inputs that mirror
//! outputs, and a script that says how each request is answered.

use super::{
    Field, Identity, OperateError, Operation, Output, Part, ReadError, Refusal, Seen, Stamp, Status,
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
    /// How long a silent request takes.
    pub timeout: Duration,
    pub script: Script,
}

/// One outstation; clones are the same one.
#[derive(Clone)]
pub struct Outstation(Arc<Mutex<State>>);

<<<<<<<< HEAD:src/southbound/dnp3/testing.rs
/// The address `text`.
pub fn at(text: &str) -> At {
    At::parse(text).unwrap()
========
impl OutstationApplication for Side {
    fn write_absolute_time(&mut self, _: Timestamp) -> Result<(), RequestError> {
        self.0.times.fetch_add(1, Ordering::Relaxed);
        if self.0.refuse_time.load(Ordering::Relaxed) {
            return Err(RequestError::NotSupported);
        }
        self.0.need_time.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn get_application_iin(&self) -> ApplicationIin {
        ApplicationIin {
            need_time: self.0.need_time.load(Ordering::Relaxed),
            local_control: self.0.local.load(Ordering::Relaxed),
            ..ApplicationIin::default()
        }
    }
>>>>>>>> dlink:src/southbound/dnp3/peer.rs
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

<<<<<<<< HEAD:src/southbound/dnp3/testing.rs
    /// An output shows in these inputs.
    pub fn mirror(&self, output: &str, inputs: &[&str]) {
        self.state().mirrors.insert(at(output), inputs.iter().map(|text| at(text)).collect());
========
    /// Changes BI0.
    pub fn switch(&self, on: bool, time: Time) {
        self.handle.transaction(|db| {
            db.update(0, &BinaryInput::new(on, Flags::ONLINE, time), UpdateOptions::detect_event());
        });
    }
}

/// Changes AI0 within a transaction.
pub fn set(db: &mut Database, value: f64) {
    let time = Time::synchronized(1_700_000_000_123);
    db.update(0, &AnalogInput::new(value, Flags::ONLINE, time), UpdateOptions::detect_event());
}

fn fill(db: &mut Database) {
    for index in 0..300 {
        db.add(index, Some(EventClass::Class2), AnalogInputConfig::default());
        let value = AnalogInput::new(f64::from(index), Flags::ONLINE, Time::synchronized(0));
        db.update(index, &value, UpdateOptions::no_event());
    }
    let binary =
        BinaryInputConfig::new(StaticBinaryInputVariation::Group1Var1, EventBinaryInputVariation::Group2Var2);
    db.add(0, Some(EventClass::Class1), binary);
    let off = BinaryInput::new(false, Flags::ONLINE, Time::synchronized(0));
    db.update(0, &off, UpdateOptions::no_event());
    db.add(0, Some(EventClass::Class2), AnalogOutputStatusConfig::default());
}

/// What a pipe does with what the outstation sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Pass,
    /// Passes so many bytes, and then cuts the connection off.
    CutAfter(usize),
    /// Passes nothing.
    Swallow,
}

/// A pipe before an outstation.
pub struct Pipe {
    pub at: SocketAddr,
    pub flow: watch::Sender<Flow>,
    /// Connections made.
    pub made: Arc<AtomicUsize>,
}

impl Pipe {
    pub async fn to(there: SocketAddr) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), there).await
    }

    /// At this very address.
    pub async fn at(here: SocketAddr, there: SocketAddr) -> Self {
        let listener = TcpListener::bind(here).await.unwrap();
        let at = listener.local_addr().unwrap();
        let (flow, seen) = watch::channel(Flow::Pass);
        let made = Arc::new(AtomicUsize::new(0));
        let count = made.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(pipe(near, there, seen.clone()));
            }
        });
        Self { at, flow, made }
    }
}

async fn pipe(near: TcpStream, there: SocketAddr, flow: watch::Receiver<Flow>) -> Option<()> {
    let far = TcpStream::connect(there).await.ok()?;
    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) = (near.into_split(), far.into_split());
    let asks = async move {
        tokio::io::copy(&mut near_in, &mut far_out).await.ok()?;
        Some(())
    };
    let answers = async move {
        let mut buffer = vec![0; 4096];
        loop {
            let got = far_in.read(&mut buffer).await.ok().filter(|got| *got > 0)?;
            let now = *flow.borrow();
            match now {
                Flow::Pass => near_out.write_all(&buffer[..got]).await.ok()?,
                Flow::Swallow => {}
                Flow::CutAfter(bytes) => {
                    near_out.write_all(&buffer[..got.min(bytes)]).await.ok()?;
                    near_out.flush().await.ok()?;
                    return None;
                }
            }
        }
    };
    tokio::select! {
        done = asks => done,
        done = answers => done,
    }
}

/// Several outstations on one line: each hears everything that the master sends.
pub struct Multidrop {
    pub at: SocketAddr,
    /// Connections made.
    pub made: Arc<AtomicUsize>,
    flows: Vec<(u16, watch::Sender<Flow>)>,
    _stations: Vec<Station>,
}

impl Multidrop {
    pub async fn of(outstations: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, made) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (mut flows, mut stations, mut branches) = (Vec::new(), Vec::new(), Vec::new());
        for &outstation in outstations {
            let server = Server::new_tcp_server(LinkErrorMode::Close, "127.0.0.1:0".parse().unwrap());
            let addresses = Dnp3Addresses { outstation, ..ADDRESSES };
            let station = Station::in_server(server, Arc::default(), &[addresses]).await;
            let (flow, seen) = watch::channel(Flow::Pass);
            branches.push((station.at, seen));
            flows.push((outstation, flow));
            stations.push(station);
        }
        let count = made.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(multidrop(near, branches.clone()));
            }
        });
        Self { at, made, flows, _stations: stations }
    }

    pub fn kill(&self, outstation: u16) {
        self.let_flow(outstation, Flow::Swallow);
    }

    pub fn revive(&self, outstation: u16) {
        self.let_flow(outstation, Flow::Pass);
    }

    fn let_flow(&self, outstation: u16, flow: Flow) {
        let (_, line) = self.flows.iter().find(|(address, _)| *address == outstation).unwrap();
        line.send(flow).unwrap();
    }
}

async fn multidrop(near: TcpStream, branches: Vec<(SocketAddr, watch::Receiver<Flow>)>) -> Option<()> {
    let (mut near_in, near_out) = near.into_split();
    let near_out = Arc::new(tokio::sync::Mutex::new(near_out));
    let mut outs = Vec::new();
    let mut answers = tokio::task::JoinSet::new();
    for (there, flow) in branches {
        let (mut far_in, far_out) = TcpStream::connect(there).await.ok()?.into_split();
        outs.push(far_out);
        let near_out = near_out.clone();
        answers.spawn(async move {
            let mut buffer = vec![0; 4096];
            while let Ok(got) = far_in.read(&mut buffer).await
                && got > 0
            {
                if *flow.borrow() == Flow::Pass {
                    near_out.lock().await.write_all(&buffer[..got]).await.unwrap();
                }
            }
        });
    }
    let mut buffer = vec![0; 4096];
    loop {
        let got = near_in.read(&mut buffer).await.ok().filter(|got| *got > 0)?;
        for out in &mut outs {
            out.write_all(&buffer[..got]).await.ok()?;
        }
    }
}

/// Times for tests: what takes seconds in the field takes milliseconds.
pub fn pace() -> Pace {
    Pace {
        first: Duration::from_millis(40),
        most: Duration::from_millis(200),
        diagnose: Duration::from_millis(300),
        overflow: Duration::from_millis(150),
        time: Duration::from_hours(1),
        hang: Duration::from_millis(100),
        tick: Duration::from_millis(20),
    }
}

pub fn place(ends: &[SocketAddr]) -> Place {
    let ends = ends.iter().map(|at| (at.ip().to_string(), at.port())).collect();
    Place { master: ADDRESSES.master, carrier: Carrier::Tcp { ends } }
}

pub fn session() -> SessionOptions {
    SessionOptions {
        keep_alive: Some(Duration::from_millis(300)),
        lost_after_answers: 2,
        ..SessionOptions::default()
    }
}

/// The gateway's side of a test.
pub struct Desktop {
    pub channel: Channel,
    pub outstation: Outstation,
    pub news: mpsc::Receiver<News>,
}

impl Desktop {
    pub async fn to(ends: &[SocketAddr]) -> Self {
        Self::with(place(ends), &session(), ADDRESSES).await
>>>>>>>> dlink:src/southbound/dnp3/peer.rs
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
            Output::Latch(on) => f64::from(u8::from(on)),
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
        Output::Latch(on) => format!("{}={}", output.at, if on { "on" } else { "off" }),
        Output::Number(raw, _) => format!("{}={raw}", output.at),
    }
}

impl Field for Outstation {
    async fn read(&self, parts: &[Part]) -> Result<Vec<Seen>, ReadError> {
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
