//! A small outstation for the tests of this room, of the stack's own outstation side, and a pipe before it that can fail.

mod multidrop;

pub use multidrop::Multidrop;

use super::channel::{Carrier, Channel, Pace, Place};
use super::field::{Field, LinkState, News, Seen, Source};
use super::{Outstation, Part};
use crate::device_map::LinkOptions;
use crate::device_map::dnp3::SessionOptions;
use crate::southbound::Dnp3Addresses;
use crate::testing::{own_address, unhurried};
use dnp3::app::control::{
    CommandStatus, Group12Var1, Group41Var1, Group41Var2, Group41Var3, Group41Var4, OpType, TripCloseCode,
};
use dnp3::app::measurement::{AnalogInput, BinaryInput, Flags, Time};
use dnp3::app::{NullListener, Timestamp};
use dnp3::link::{EndpointAddress, LinkErrorMode};
use dnp3::outstation::database::{
    Add, AnalogInputConfig, AnalogOutputStatusConfig, BinaryInputConfig, Database, DatabaseHandle,
    EventBinaryInputVariation, EventBufferConfig, EventClass, StaticBinaryInputVariation, Update,
    UpdateOptions,
};
use dnp3::outstation::{
    ApplicationIin, ControlHandler, ControlSupport, OperateType, OutstationApplication, OutstationConfig,
    OutstationHandle, OutstationInformation, RequestError,
};
use dnp3::tcp::{AddressFilter, Server, ServerHandle};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// Link addresses of all tests.
pub const ADDRESSES: Dnp3Addresses = Dnp3Addresses { outstation: 10, master: 1 };

/// What an outstation was commanded, and how it answers.
#[derive(Default)]
pub struct Desk {
    /// Commands: selected or operated, and in words.
    pub commands: Mutex<Vec<String>>,
    /// Statuses to answer selects with; SUCCESS when there are none.
    pub select: Mutex<Vec<CommandStatus>>,
    /// Statuses to answer operates with; SUCCESS when there are none.
    pub operate: Mutex<Vec<CommandStatus>>,
    pub need_time: AtomicBool,
    pub refuse_time: AtomicBool,
    pub local: AtomicBool,
    pub times: AtomicUsize,
    /// Delay measurements.
    pub delays: AtomicUsize,
}

#[derive(Clone)]
struct Side(Arc<Desk>);

impl OutstationApplication for Side {
    fn write_absolute_time(&mut self, _: Timestamp) -> Result<(), RequestError> {
        self.0.times.fetch_add(1, Ordering::Relaxed);
        if self.0.refuse_time.load(Ordering::Relaxed) {
            return Err(RequestError::NotSupported);
        }
        self.0.need_time.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn get_processing_delay_ms(&self) -> u16 {
        self.0.delays.fetch_add(1, Ordering::Relaxed);
        0
    }

    fn get_application_iin(&self) -> ApplicationIin {
        ApplicationIin {
            need_time: self.0.need_time.load(Ordering::Relaxed),
            local_control: self.0.local.load(Ordering::Relaxed),
            ..ApplicationIin::default()
        }
    }
}

impl OutstationInformation for Side {}

impl Side {
    fn answer(&self, what: String, statuses: &Mutex<Vec<CommandStatus>>) -> CommandStatus {
        self.0.commands.lock().unwrap().push(what);
        statuses.lock().unwrap().pop().unwrap_or(CommandStatus::Success)
    }
}

macro_rules! controls {
    ($($kind:ty => |$value:ident| $words:expr;)+) => {$(
        impl ControlSupport<$kind> for Side {
            fn select(&mut self, $value: $kind, index: u16, _: &mut DatabaseHandle) -> CommandStatus {
                self.answer(format!("select {index} {}", $words), &self.0.select)
            }
            fn operate(&mut self, $value: $kind, index: u16, how: OperateType, _: &mut DatabaseHandle) -> CommandStatus {
                let how = if how == OperateType::SelectBeforeOperate { "operate" } else { "direct" };
                self.answer(format!("{how} {index} {}", $words), &self.0.operate)
            }
        }
    )+};
}
controls! {
    Group12Var1 => |it| format!("{} x{}", word(&it), it.count);
    Group41Var1 => |it| format!("i32 {}", it.value);
    Group41Var2 => |it| format!("i16 {}", it.value);
    Group41Var3 => |it| format!("f32 {}", it.value);
    Group41Var4 => |it| format!("f64 {}", it.value);
}
impl ControlHandler for Side {}

/// A control in a word.
fn word(control: &Group12Var1) -> String {
    match (control.code.op_type, control.code.tcc) {
        (OpType::LatchOn, TripCloseCode::Nul) => "on".to_owned(),
        (OpType::LatchOff, TripCloseCode::Nul) => "off".to_owned(),
        (how, side) => format!("{how:?} {side:?} {} ms", control.on_time),
    }
}

/// An outstation that listens.
pub struct Station {
    pub desk: Arc<Desk>,
    pub handle: OutstationHandle,
    pub at: SocketAddr,
    server: ServerHandle,
}

impl Station {
    pub async fn new() -> Self {
        Self::at(own_address(), Arc::default()).await
    }

    pub async fn at(at: SocketAddr, desk: Arc<Desk>) -> Self {
        Self::in_server(Server::new_tcp_server(LinkErrorMode::Close, at), desk, &[ADDRESSES]).await
    }

    /// Several link addresses behind one end point; one database each, the handle is of the first.
    pub async fn in_server(mut server: Server, desk: Arc<Desk>, addresses: &[Dnp3Addresses]) -> Self {
        unhurried();
        let mut handles = Vec::new();
        for addresses in addresses {
            let mut config = OutstationConfig::new(
                EndpointAddress::try_new(addresses.outstation).unwrap(),
                EndpointAddress::try_new(addresses.master).unwrap(),
                EventBufferConfig::all_types(4),
            );
            config.unsolicited_retry_delay = Duration::from_millis(100);
            let side = Side(desk.clone());
            let handle = server
                .add_outstation(
                    config,
                    Box::new(side.clone()),
                    Box::new(side.clone()),
                    Box::new(side),
                    NullListener::create(),
                    AddressFilter::Any,
                )
                .unwrap();
            handle.transaction(fill);
            handles.push(handle);
        }
        let server = server.bind().await.unwrap();
        Self { desk, handle: handles.remove(0), at: server.local_addr().unwrap(), server }
    }

    /// The address it listened at, free again; it is as good as unplugged.
    pub async fn unplug(self) -> SocketAddr {
        let at = self.at;
        drop(self.server);
        drop(self.handle);
        // The port is free when it can be taken.
        loop {
            match TcpListener::bind(at).await {
                Ok(_) => return at,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    /// Changes AI0.
    pub fn change(&self, value: f64) {
        self.handle.transaction(|db| set(db, value));
    }

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
    /// Puts something that is no frame before all that passes.
    Noise,
    /// Damages the next that passes, and passes all after it.
    Damage,
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
        Self::at(own_address(), there).await
    }

    /// At this very address.
    pub async fn at(here: SocketAddr, there: SocketAddr) -> Self {
        let listener = TcpListener::bind(here).await.unwrap();
        let at = listener.local_addr().unwrap();
        let (flow, _) = watch::channel(Flow::Pass);
        let made = Arc::new(AtomicUsize::new(0));
        let (count, seen) = (made.clone(), flow.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(pipe(near, there, seen.clone()));
            }
        });
        Self { at, flow, made }
    }
}

async fn pipe(near: TcpStream, there: SocketAddr, flow: watch::Sender<Flow>) -> Option<()> {
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
                Flow::Noise => {
                    near_out.write_all(b"\x00\x05noise\xff").await.ok()?;
                    near_out.write_all(&buffer[..got]).await.ok()?;
                }
                Flow::Damage => {
                    buffer[got - 1] ^= 0x55;
                    flow.send_replace(Flow::Pass);
                    near_out.write_all(&buffer[..got]).await.ok()?;
                }
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

/// Times for tests: what takes seconds in the field takes milliseconds.
pub fn pace() -> Pace {
    Pace {
        first: Duration::from_millis(40),
        most: Duration::from_millis(200),
        diagnose: Duration::from_millis(300),
        overflow: Duration::from_millis(150),
        time: Duration::from_hours(1),
        hang: Duration::from_millis(100),
        settled: Duration::from_millis(200),
        tick: Duration::from_millis(20),
        clock: std::time::SystemTime::now,
    }
}

pub fn place(ends: &[SocketAddr]) -> Place {
    let ends = ends.iter().map(|at| (at.ip().to_string(), at.port())).collect();
    Place { master: ADDRESSES.master, carrier: Carrier::Tcp { ends }, own: None }
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
    }

    pub async fn with(place: Place, session: &SessionOptions, addresses: Dnp3Addresses) -> Self {
        Self::paced(place, session, addresses, pace()).await
    }

    pub async fn paced(place: Place, session: &SessionOptions, addresses: Dnp3Addresses, pace: Pace) -> Self {
        unhurried();
        let options = LinkOptions { connect_timeout: Duration::from_secs(1), ..LinkOptions::default() };
        let channel = Channel::open_at(place, &options, None, false, pace).await;
        Self::on(channel, session, addresses).await
    }

    pub async fn on(channel: Channel, session: &SessionOptions, addresses: Dnp3Addresses) -> Self {
        let desk = Self::seated(channel, session, addresses, PATIENCE).await;
        desk.channel.enable().await;
        desk
    }

    /// Joined, before anything is connected.
    pub async fn seated(
        channel: Channel,
        session: &SessionOptions,
        addresses: Dnp3Addresses,
        patience: Duration,
    ) -> Self {
        unhurried();
        let (outstation, news) = channel.join(addresses, session, patience).await.unwrap();
        Self { channel, outstation, news }
    }

    /// The next news that this takes out; what comes before is passed over.
    pub async fn until<T>(&mut self, mut pick: impl FnMut(&News) -> Option<T>) -> T {
        let mut passed = Vec::new();
        let all = async {
            loop {
                let news = self.news.recv().await.expect("news");
                if let Some(found) = pick(&news) {
                    return found;
                }
                passed.push(brief(&news));
            }
        };
        match tokio::time::timeout(Duration::from_mins(1), all).await {
            Ok(found) => found,
            Err(_) => panic!("it never came; this did: {passed:#?}"),
        }
    }

    pub async fn is(&mut self, wanted: News) {
        self.until(|news| (*news == wanted).then_some(())).await;
    }

    pub async fn down(&mut self) -> String {
        self.until(|news| match news {
            News::Link(LinkState::Down(words)) => Some(words.clone()),
            _ => None,
        })
        .await
    }

    pub async fn values(&mut self, source: Source) -> Vec<Seen> {
        self.until(|news| match news {
            News::Values(from, seen) if *from == source => Some(seen.clone()),
            _ => None,
        })
        .await
    }

    /// The first values after all is read, and what `read` says of AI0.
    pub async fn ai0(&self) -> f64 {
        let kind = crate::device_map::dnp3::PointKind::AnalogInput;
        self.outstation.read(&[Part::Range(kind, 0, 0)]).await.unwrap()[0].raw
    }
}

/// How long an answer may take.
pub const PATIENCE: Duration = Duration::from_millis(250);

fn brief(news: &News) -> String {
    match news {
        News::Values(source, seen) => format!("{} values, {source:?}", seen.len()),
        other => format!("{other:?}"),
    }
}
