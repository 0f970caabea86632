//! A scripted Modbus TCP server for tests, with framing of its own, and SunSpec maps to serve.

pub mod trace;
mod whole;

pub use whole::whole;

use super::modbus::Peer;
use crate::der::{DeviceIndex, Mrid};
use crate::device_map::registers::RegisterMap;
use crate::device_map::{DeviceMap, Layout, LinkOptions, MapKind, SunspecOptions, models};
use crate::southbound::{DeviceSettings, Link, ModbusTcp};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub unit: u8,
    pub function: u8,
    pub address: u16,
    /// Quantity of a read.
    pub quantity: u16,
    /// Registers of a write.
    pub words: Vec<u16>,
}

/// How a scripted server answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// As a good device.
    Good,
    Exception(u8),
    /// Nothing.
    Silence,
    /// The right answer, but only when the client sends something more.
    Late,
    /// One register less than asked, or a wrong echo.
    Wrong,
    /// From another unit.
    OtherUnit,
    /// The connection ends.
    Close,
    /// Does as asked, but does not say so.
    DoneInSilence,
    /// Says so, but does not do it.
    Ignored,
}

pub type Script = Box<dyn FnMut(&Seen, &mut HashMap<u16, u16>) -> Answer + Send>;

pub struct State {
    pub units: HashMap<u8, HashMap<u16, u16>>,
    /// Input registers; a unit without an entry has none.
    pub inputs: HashMap<u8, HashMap<u16, u16>>,
    pub seen: Vec<Seen>,
    pub connections: usize,
    pub script: Script,
}

/// A server on a port of its own.
#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub async fn start(units: &[(u8, &Book)]) -> Self {
        crate::testing::unhurried();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let units = units.iter().map(|(unit, book)| (*unit, book.registers.clone())).collect();
        let script: Script = Box::new(|_, _| Answer::Good);
        let state = Arc::new(Mutex::new(State {
            units,
            inputs: HashMap::new(),
            seen: vec![],
            connections: 0,
            script,
        }));
        let server = Self { address: listener.local_addr().unwrap(), state: state.clone() };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                state.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, state.clone()));
            }
        });
        server
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Answers by this from now on.
    pub fn script(&self, script: impl FnMut(&Seen, &mut HashMap<u16, u16>) -> Answer + Send + 'static) {
        self.state().script = Box::new(script);
    }

    pub fn writes(&self) -> Vec<(u8, u16, Vec<u16>)> {
        let state = self.state();
        let writes = state.seen.iter().filter(|s| !matches!(s.function, 3 | 4));
        writes.map(|s| (s.function, s.address, s.words.clone())).collect()
    }

    pub fn link(&self, unit: u8) -> Link {
        Link::ModbusTcp(ModbusTcp { host: self.address.ip().to_string(), port: self.address.port(), unit })
    }

    pub fn device(&self, index: usize, unit: u8) -> DeviceSettings {
        DeviceSettings {
            index: DeviceIndex::new(index),
            mrid: Mrid::parse(&format!("device-{index}")).unwrap(),
            name: format!("device-{index}"),
            link: self.link(unit),
            tls: None,
            map: Arc::new(map()),
            map_named: true,
            serial: None,
            record: None,
            poll: Duration::from_millis(40),
        }
    }
}

/// A map with short limits.
pub fn map() -> DeviceMap {
    DeviceMap {
        id: "sunspec".into(),
        title: "SunSpec".into(),
        kind: MapKind::Sunspec,
        matches: None,
        registers: RegisterMap::default(),
        outstation: None,
        link: LinkOptions { response_timeout: Duration::from_millis(250), ..LinkOptions::default() },
        sunspec: SunspecOptions::default(),
    }
}

pub fn peer(unit: u8) -> Peer {
    crate::southbound::sunspec::peer_of(unit, &map().link)
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut late: Option<Vec<u8>> = None;
    loop {
        let mut head = [0; 7];
        if stream.read_exact(&mut head).await.is_err() {
            return;
        }
        if let Some(frame) = late.take() {
            let _ = stream.write_all(&frame).await;
        }
        let mut pdu = vec![0; usize::from(u16::from_be_bytes([head[4], head[5]])) - 1];
        if stream.read_exact(&mut pdu).await.is_err() {
            return;
        }
        let (answer, body) = respond(&state, head[6], &pdu);
        let unit = if matches!(answer, Answer::OtherUnit) { head[6] ^ 1 } else { head[6] };
        let length = u16::try_from(body.len() + 1).unwrap().to_be_bytes();
        let mut frame = vec![head[0], head[1], 0, 0, length[0], length[1], unit];
        frame.extend(body);
        match answer {
            Answer::Close => return,
            Answer::Silence | Answer::DoneInSilence => {}
            Answer::Late => late = Some(frame),
            _ => {
                let _ = stream.write_all(&frame).await;
            }
        }
    }
}

fn respond(state: &Mutex<State>, unit: u8, pdu: &[u8]) -> (Answer, Vec<u8>) {
    let word = |at: usize| u16::from_be_bytes([pdu[at], pdu[at + 1]]);
    let (function, address) = (pdu[0], word(1));
    let words: Vec<u16> = match function {
        6 => vec![word(3)],
        16 => pdu[6..].chunks(2).map(|w| u16::from_be_bytes([w[0], w[1]])).collect(),
        _ => vec![],
    };
    let seen = Seen { unit, function, address, quantity: word(3), words };
    let mut state = state.lock().unwrap();
    let State { units, inputs, script, .. } = &mut *state;
    let Some(registers) = units.get_mut(&unit) else {
        state.seen.push(seen);
        return (Answer::Good, vec![function | 0x80, 0x0B]);
    };
    let answer = script(&seen, registers);
    let wrong = matches!(answer, Answer::Wrong);
    let body = match answer {
        Answer::Exception(code) => vec![function | 0x80, code],
        Answer::Ignored if !matches!(function, 3 | 4) => pdu[..5].to_vec(),
        _ if matches!(function, 3 | 4) => {
            let none = HashMap::new();
            let registers = if function == 3 { &*registers } else { inputs.get(&unit).unwrap_or(&none) };
            let quantity = seen.quantity - u16::from(wrong);
            let values: Option<Vec<u16>> =
                (0..quantity).map(|k| registers.get(&(address.wrapping_add(k))).copied()).collect();
            match values {
                None => vec![function | 0x80, 2],
                Some(values) => {
                    let mut body = vec![function, u8::try_from(quantity * 2).unwrap()];
                    body.extend(values.iter().flat_map(|v| v.to_be_bytes()));
                    body
                }
            }
        }
        Answer::Silence => vec![],
        _ => {
            for (k, word) in (0..).zip(&seen.words) {
                registers.insert(address + k, *word);
            }
            let mut echo = pdu[..5].to_vec();
            echo[2] ^= u8::from(wrong);
            echo
        }
    };
    state.seen.push(seen);
    (answer, body)
}

/// A SunSpec map in the making; every point begins as not implemented.
#[derive(Clone)]
pub struct Book {
    pub registers: HashMap<u16, u16>,
    pub places: Vec<(u16, u16, Arc<Layout>)>,
    /// What its device map says, for [`Book::blocks`].
    pub options: SunspecOptions,
    next: u16,
}

impl Book {
    pub fn at(base: u16) -> Self {
        let mut book = Self {
            registers: HashMap::new(),
            places: vec![],
            options: SunspecOptions::default(),
            next: base + 2,
        };
        book.put(base, &[0x5375, 0x6E53]);
        book.put(book.next, &[0xFFFF, 0]);
        book
    }

    pub fn put(&mut self, address: u16, words: &[u16]) {
        for (k, word) in (0..).zip(words) {
            self.registers.insert(address + k, *word);
        }
    }

    /// Adds a model at its table's length, with raw values of some points.
    pub fn model(self, id: u16, points: &[(&str, i64)]) -> Self {
        let length = u16::try_from(models().get(id).unwrap().fixed_length()).unwrap();
        self.longer(id, length, points)
    }

    /// Adds a model at a length; its count points are among the raw values.
    pub fn longer(mut self, id: u16, length: u16, points: &[(&str, i64)]) -> Self {
        let model = models().get(id).unwrap();
        let count = |name: &str| {
            points.iter().find(|(path, _)| *path == name).map(|(_, n)| u16::try_from(*n).unwrap())
        };
        let layout = Arc::new(Layout::new(&model, length, &count));
        self.put(self.next, &vec![0; usize::from(length) + 2]);
        let address = self.next;
        for placed in &layout.points {
            let size = usize::from(placed.point.size);
            let mut words = placed.point.kind.not_implemented().unwrap_or_default().to_vec();
            words.resize(size, 0);
            self.put(address + placed.offset, &words);
        }
        self.put(address, &[id, length]);
        self.places.push((id, address, layout));
        self.next = address + 2 + length;
        self.put(self.next, &[0xFFFF, 0]);
        for (path, raw) in points {
            self.set(id, path, *raw);
        }
        self
    }

    /// Adds a model of which nothing is known.
    pub fn stranger(mut self, id: u16, length: u16) -> Self {
        self.put(self.next, &[id, length]);
        self.put(self.next + 2, &vec![7; usize::from(length)]);
        self.next += 2 + length;
        self.put(self.next, &[0xFFFF, 0]);
        self
    }

    pub fn identity(self, serial: &str) -> Self {
        let mut book = self.model(1, &[]);
        for (path, text) in [("Mn", "Acme"), ("Md", "X1"), ("Vr", "1.0"), ("SN", serial)] {
            let address = book.address(1, path);
            let bytes: Vec<u8> = text.bytes().chain([0]).collect();
            let words: Vec<u16> =
                bytes.chunks(2).map(|b| u16::from_be_bytes([b[0], *b.get(1).unwrap_or(&0)])).collect();
            book.put(address, &words);
        }
        book
    }

    pub fn address(&self, id: u16, path: &str) -> u16 {
        // Of several of the same id the last: it is the one that was just added.
        let (_, address, layout) = self.places.iter().rev().find(|(m, ..)| *m == id).unwrap();
        address + layout.find(path).unwrap_or_else(|| panic!("{id}.{path}")).offset
    }

    pub fn words(&self, id: u16, path: &str, raw: i64) -> Vec<u16> {
        let (.., layout) = self.places.iter().rev().find(|(m, ..)| *m == id).unwrap();
        let size = usize::from(layout.find(path).unwrap().point.size);
        let all = raw.to_be_bytes();
        let words: Vec<u16> = all.chunks(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect();
        words[4 - size.min(4)..].to_vec()
    }

    pub fn set(&mut self, id: u16, path: &str, raw: i64) {
        let words = self.words(id, path, raw);
        self.put(self.address(id, path), &words);
    }

    /// The registers of the model that stands there, from its ID on.
    pub fn body_at(&self, address: u16) -> Vec<u16> {
        let (.., layout) = self.places.iter().find(|(_, at, _)| *at == address).unwrap();
        (address..address + 2 + layout.length).map(|at| self.registers[&at]).collect()
    }

    /// The blocks of a driver that has read everything.
    pub fn blocks(&self) -> super::sunspec::Blocks {
        super::sunspec::blocks_for_test(self)
    }
}

/// A legacy PV inverter: 5000 W now of 8000 W configured; all timers of 123.
pub fn legacy() -> Book {
    Book::at(40000)
        .identity("SN-1")
        .model(
            103,
            &[
                ("A", 217),
                ("A_SF", -1),
                ("PhVphA", 2301),
                ("PhVphB", 2302),
                ("PhVphC", 2303),
                ("V_SF", -1),
                ("W", 5000),
                ("W_SF", 0),
                ("Hz", 5001),
                ("Hz_SF", -2),
                ("VA", 501),
                ("VA_SF", 1),
                ("VAr", -30),
                ("VAr_SF", 1),
                ("WH", 123_456),
                ("WH_SF", 0),
                ("TmpCab", 415),
                ("Tmp_SF", -1),
                ("St", 4),
            ],
        )
        .model(120, &[("DERTyp", 4), ("WRtg", 1000), ("WRtg_SF", 1), ("VARtg", 1000), ("VARtg_SF", 1)])
        .model(121, &[("WMax", 800), ("WMax_SF", 1)])
        .model(
            123,
            &[
                ("Conn_WinTms", 0),
                ("Conn_RvrtTms", 0),
                ("Conn", 1),
                ("WMaxLimPct", 1000),
                ("WMaxLimPct_WinTms", 0),
                ("WMaxLimPct_RvrtTms", 60),
                ("WMaxLimPct_RmpTms", 0),
                ("WMaxLim_Ena", 0),
                ("WMaxLimPct_SF", -1),
            ],
        )
}

/// A storage with the newer models.
pub fn newer() -> Book {
    Book::at(40000)
        .identity("SN-7")
        .model(
            701,
            &[
                ("ACType", 2),
                ("W", -250),
                ("W_SF", 1),
                ("Var", 12),
                ("Var_SF", 1),
                ("VA", 251),
                ("VA_SF", 1),
                ("LNV", 2310),
                ("V_SF", -1),
                ("Hz", 49_985),
                ("Hz_SF", -3),
                ("A", 108),
                ("A_SF", -1),
                ("TotWhInj", 5_000_000_000),
                ("TotWhAbs", 77),
                ("TotWh_SF", 0),
                ("TmpCab", 300),
                ("Tmp_SF", -1),
            ],
        )
        .model(
            702,
            &[
                ("WMaxRtg", 1000),
                ("WMax", 900),
                ("WChaRteMaxRtg", 1000),
                ("WChaRteMax", 800),
                ("W_SF", 1),
                ("VAMaxRtg", 1100),
                ("VA_SF", 1),
            ],
        )
        .model(703, &[("ES", 1)])
        .model(
            704,
            &[
                ("WMaxLimPctEna", 0),
                ("WMaxLimPct", 1000),
                ("WMaxLimPctRvrt", 1000),
                ("WMaxLimPctEnaRvrt", 0),
                ("WMaxLimPctRvrtTms", 0),
                ("WMaxLimPct_SF", -1),
                ("WSetEna", 0),
                ("WSetMod", 1),
                ("WSet", 0),
                ("WSetRvrt", 0),
                ("WSetEnaRvrt", 0),
                ("WSetRvrtTms", 0),
                ("WSet_SF", 0),
            ],
        )
        .model(713, &[("WHRtg", 2000), ("WH_SF", 1), ("SoC", 555), ("Pct_SF", -1)])
        .model(715, &[("LocRemCtl", 0), ("DERHb", 5)])
}

/// A storage with model 124.
pub fn storage() -> Book {
    Book::at(40000)
        .identity("SN-9")
        .model(103, &[("W", 0), ("W_SF", 0), ("PhVphA", 230), ("V_SF", 0), ("WH", 9), ("WH_SF", 0)])
        .model(120, &[("DERTyp", 80), ("WRtg", 6000), ("WRtg_SF", 0)])
        .model(
            124,
            &[
                ("WChaMax", 5000),
                ("WChaMax_SF", 0),
                ("StorCtl_Mod", 0),
                ("ChaState", 42),
                ("ChaState_SF", 0),
                ("OutWRte", 10_000),
                ("InWRte", 10_000),
                ("InOutWRte_WinTms", 0),
                ("InOutWRte_RvrtTms", 3600),
                ("InOutWRte_RmpTms", 0),
                ("InOutWRte_SF", -2),
                ("ChaGriSet", 0),
            ],
        )
}
