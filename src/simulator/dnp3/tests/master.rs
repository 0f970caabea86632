//! A master for tests: reads, operates, and keeps what it was told.

use crate::simulator::Device;
use dnp3::app::attr::AnyAttribute;
use dnp3::app::control::{CommandStatus, Group12Var1, Group41Var1, Group41Var3, OpType};
use dnp3::app::measurement::{AnalogInput, BinaryInput, Time};
use dnp3::app::{ConnectStrategy, Listener, MaybeAsync, ResponseHeader, Timestamp};
use dnp3::link::{EndpointAddress, LinkErrorMode};
use dnp3::master::*;
use dnp3::tcp::{ClientState, EndpointList, spawn_master_tcp_client};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// An event: analog, index, raw value, time in ms since 1970, unasked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    pub analog: bool,
    pub index: u16,
    pub raw: i32,
    pub time: Option<u64>,
    pub unsolicited: bool,
}

/// What a master knows.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    points: BTreeMap<(bool, u16), (i32, u8)>,
    pub events: Vec<Event>,
    /// The indications of the last answer, fragment by fragment.
    iins: Vec<dnp3::app::Iin>,
    /// How often the crate cleared the indication of a restart, as every master does by itself.
    pub restarts: usize,
    words: Vec<String>,
    unsolicited: bool,
}

/// Counts connections.
#[derive(Clone, Default)]
struct Counter(Arc<std::sync::atomic::AtomicUsize>);

impl Listener<ClientState> for Counter {
    fn update(&mut self, state: ClientState) -> MaybeAsync<()> {
        if state == ClientState::Connected {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        MaybeAsync::ready(())
    }
}

impl Seen {
    pub fn analog(&self, index: u16) -> Option<i32> {
        self.points.get(&(true, index)).map(|(raw, _)| *raw)
    }

    pub fn status(&self, index: u16) -> Option<bool> {
        self.points.get(&(false, index)).map(|(raw, _)| *raw == 1)
    }

    pub fn flags(&self, analog: bool, index: u16) -> Option<u8> {
        self.points.get(&(analog, index)).map(|(_, flags)| *flags)
    }

    pub fn flags_are(&self, flags: u8) -> bool {
        !self.points.is_empty() && self.points.values().all(|(_, f)| *f == flags)
    }

    /// True if any fragment of the last answer indicated it.
    pub fn indicated(&self, which: impl Fn(&dnp3::app::Iin) -> bool) -> bool {
        self.iins.iter().any(which)
    }

    pub fn event(&self, analog: bool, index: u16) -> Option<Event> {
        self.events.iter().rev().find(|e| e.analog == analog && e.index == index).copied()
    }
}

#[derive(Clone)]
struct Ear(Arc<Mutex<Seen>>);

impl Ear {
    fn note(&self, info: HeaderInfo, (analog, index): (bool, u16), raw: i32, flags: u8, time: Option<Time>) {
        let mut seen = self.0.lock().unwrap();
        seen.points.insert((analog, index), (raw, flags));
        if info.is_event {
            let time = time.map(|t| t.timestamp().raw_value());
            let unsolicited = seen.unsolicited;
            seen.events.push(Event { analog, index, raw, time, unsolicited });
        }
    }
}

impl ReadHandler for Ear {
    fn begin_fragment(&mut self, read_type: ReadType, header: ResponseHeader) -> MaybeAsync<()> {
        let mut seen = self.0.lock().unwrap();
        if header.control.fir {
            seen.iins.clear();
        }
        seen.iins.push(header.iin);
        seen.unsolicited = read_type == ReadType::Unsolicited;
        MaybeAsync::ready(())
    }

    fn handle_binary_input(&mut self, info: HeaderInfo, iter: &mut dyn Iterator<Item = (BinaryInput, u16)>) {
        // The state is a bit of the flags on the wire.
        iter.for_each(|(v, index)| {
            self.note(info, (false, index), i32::from(v.value), v.flags.value & 0x7F, v.time)
        });
    }

    fn handle_analog_input(&mut self, info: HeaderInfo, iter: &mut dyn Iterator<Item = (AnalogInput, u16)>) {
        #[expect(clippy::cast_possible_truncation, reason = "a test reads 32-bit points")]
        iter.for_each(|(v, index)| self.note(info, (true, index), v.value as i32, v.flags.value, v.time));
    }

    fn handle_device_attribute(&mut self, _info: HeaderInfo, attr: AnyAttribute) {
        if let AnyAttribute::Known(dnp3::app::attr::KnownAttribute::String(_, text)) = attr {
            self.0.lock().unwrap().words.push(text.to_owned());
        }
    }
}

struct Clock;

impl AssociationHandler for Clock {
    fn get_current_time(&self) -> Option<Timestamp> {
        Timestamp::try_from_system_time(SystemTime::now())
    }
}

impl AssociationInformation for Ear {
    fn task_success(
        &mut self,
        task: TaskType,
        _function: dnp3::app::FunctionCode,
        _seq: dnp3::app::Sequence,
    ) {
        if task == TaskType::ClearRestartBit {
            self.0.lock().unwrap().restarts += 1;
        }
    }
}

pub struct Master {
    channel: MasterChannel,
    association: AssociationHandle,
    seen: Arc<Mutex<Seen>>,
    counter: Counter,
}

fn address(raw: u16) -> EndpointAddress {
    EndpointAddress::try_new(raw).unwrap()
}

impl Master {
    pub async fn of(device: &Device) -> Self {
        Self::at(device.address(), 1024).await
    }

    pub async fn at(at: SocketAddr, outstation: u16) -> Self {
        let fast = Duration::from_millis(50);
        let counter = Counter::default();
        let mut channel = spawn_master_tcp_client(
            LinkErrorMode::Close,
            MasterChannelConfig::new(address(1)),
            EndpointList::single(at.to_string()),
            ConnectStrategy::new(fast, fast, fast),
            Box::new(counter.clone()),
        );
        channel.enable().await.unwrap();
        Self { counter, ..Self::on(channel, outstation).await }
    }

    /// A master of a channel that is there.
    pub async fn on(mut channel: MasterChannel, outstation: u16) -> Self {
        crate::testing::unhurried();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut config = AssociationConfig::quiet();
        config.response_timeout = dnp3::app::Timeout::from_secs(2).unwrap();
        let association = channel
            .add_association(
                address(outstation),
                config,
                Box::new(Ear(seen.clone())),
                Box::new(Clock),
                Box::new(Ear(seen.clone())),
            )
            .await
            .unwrap();
        Self { channel, association, seen, counter: Counter::default() }
    }

    /// Another one on the same channel.
    pub async fn beside(&self, outstation: u16) -> Self {
        Self::on(self.channel.clone(), outstation).await
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// How often it was connected.
    pub fn connections(&self) -> usize {
        self.counter.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Hangs up, and comes back at once.
    pub async fn leave(&mut self) {
        self.channel.disable().await.unwrap();
        self.channel.enable().await.unwrap();
    }

    pub fn forget_events(&self) {
        self.seen.lock().unwrap().events.clear();
    }

    async fn read(&mut self, request: ReadRequest) -> Result<(), TaskError> {
        // A channel that is just connecting says so at once: it is asked again for a while.
        for _ in 0..100 {
            match self.association.read(request.clone()).await {
                Err(TaskError::NoConnection) => tokio::time::sleep(Duration::from_millis(20)).await,
                other => return other,
            }
        }
        Err(TaskError::NoConnection)
    }

    pub async fn integrity(&mut self) -> Result<(), TaskError> {
        self.read(ReadRequest::class_scan(Classes::all())).await
    }

    pub async fn events(&mut self) -> Result<(), TaskError> {
        self.read(ReadRequest::class_scan(Classes::class123())).await
    }

    pub async fn attributes(&mut self) -> Result<Vec<String>, TaskError> {
        use dnp3::app::attr::{AllAttributes, AttrSet};
        self.read(ReadRequest::device_attribute(AllAttributes, AttrSet::Default)).await?;
        Ok(self.seen().words)
    }

    /// Asks for unsolicited reports of all classes; true if that is done.
    pub async fn enable_unsolicited(&mut self) -> bool {
        use dnp3::app::{FunctionCode, Variation};
        let headers = [Variation::Group60Var2, Variation::Group60Var3, Variation::Group60Var4]
            .into_iter()
            .fold(Headers::new(), Headers::add_all_objects);
        self.association
            .send_and_expect_empty_response(FunctionCode::EnableUnsolicited, headers)
            .await
            .is_ok()
    }

    pub async fn tell_time(&mut self) -> bool {
        self.association.synchronize_time(TimeSyncProcedure::Lan).await.is_ok()
    }

    async fn operate(&mut self, mode: CommandMode, headers: CommandHeaders) -> Option<u8> {
        match self.association.operate(mode, headers).await {
            Ok(()) => Some(0),
            Err(CommandError::Response(CommandResponseError::BadStatus(status))) => Some(status.as_u8()),
            // With indications of a refusal the crate keeps the status to itself.
            Err(CommandError::Task(TaskError::RejectedByIin2(_))) => {
                Some(CommandStatus::NotSupported.as_u8())
            }
            Err(_) => None,
        }
    }

    /// Writes an analog output directly; the status.
    pub async fn write(&mut self, index: u16, raw: i32) -> Option<u8> {
        let headers = CommandBuilder::single_header_u16(Group41Var1::new(raw), index);
        self.operate(CommandMode::DirectOperate, headers).await
    }

    /// The same with a floating number.
    pub async fn write_float(&mut self, index: u16, value: f32) -> Option<u8> {
        let headers = CommandBuilder::single_header_u16(Group41Var3::new(value), index);
        self.operate(CommandMode::DirectOperate, headers).await
    }

    /// Selects and operates a binary output; the status.
    pub async fn latch(&mut self, index: u16, on: bool) -> Option<u8> {
        self.control(index, if on { OpType::LatchOn } else { OpType::LatchOff }).await
    }

    pub async fn control(&mut self, index: u16, how: OpType) -> Option<u8> {
        let headers = CommandBuilder::single_header_u16(Group12Var1::from_op_type(how), index);
        self.operate(CommandMode::SelectBeforeOperate, headers).await
    }
}
