//! A device in memory: any registers, and any way to refuse some of them. Its framing is always right.

use crate::device_map::LinkOptions;
use crate::southbound::modbus::{Bus, Peer, SharedBus, Stream};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

/// Where its registers begin.
pub const BASE: u16 = 40000;

/// How it is treated.
pub const PEER: Peer = Peer {
    unit: 1,
    connect_timeout: Duration::from_secs(1),
    response_timeout: Duration::from_secs(1),
    inter_request: Duration::ZERO,
    idle_limit: None,
    lenient: false,
};

/// The same as options of a map.
#[must_use]
pub fn options() -> LinkOptions {
    LinkOptions { response_timeout: PEER.response_timeout, ..LinkOptions::default() }
}

/// What it holds and how it behaves.
#[derive(Debug, Default)]
pub struct Image {
    /// Holding registers from [`BASE`] on.
    pub words: Vec<u16>,
    /// Holding registers (false) and input registers (true) anywhere else; one that is not here is made of `fresh`.
    pub other: HashMap<(bool, u16), u16>,
    /// What registers that nobody has asked for yet hold, in the order in which they are asked for. If it is empty,
    /// there are no others.
    pub fresh: Vec<u16>,
    /// Takes writes, but keeps nothing.
    pub forgetful: bool,
    /// Every so many requests it fails; never if 0.
    pub moody: u8,
    /// How: an exception, or 0 for silence.
    pub mood: u8,
    /// Longest read that it answers; any if 0.
    pub longest: u16,
    /// After so many requests it does not answer any more; 0 for ever.
    pub most: usize,
    /// Requests so far.
    pub requests: usize,
    /// Registers so far that nobody had asked for before.
    pub asked: usize,
}

/// A device that is switched on.
#[derive(Clone, Debug)]
pub struct Running(Arc<Mutex<Image>>);

impl Image {
    /// A connection to a device with these registers.
    #[must_use]
    pub fn start(self) -> (SharedBus, Running) {
        let running = Running(Arc::new(Mutex::new(self)));
        let device = running.clone();
        let bus = Bus::dialling(Box::new(move || {
            let (ours, theirs) = tokio::io::duplex(4096);
            tokio::spawn(serve(theirs, device.clone()));
            Box::new(ours) as Box<dyn Stream>
        }));
        (SharedBus::over(bus), running)
    }

    fn word(&mut self, input: bool, address: u16) -> Option<u16> {
        if !input && let Some(at) = address.checked_sub(BASE) {
            let held = self.words.get(usize::from(at)).copied();
            if held.is_some() || !self.words.is_empty() {
                return held;
            }
        }
        if let Some(known) = self.other.get(&(input, address)) {
            return Some(*known);
        }
        let made = self.asked.checked_rem(self.fresh.len()).and_then(|at| self.fresh.get(at)).copied()?;
        self.asked += 1;
        self.other.insert((input, address), made);
        Some(made)
    }

    fn put(&mut self, address: u16, word: u16) {
        let from_base = address.checked_sub(BASE).map(usize::from);
        match from_base.and_then(|at| self.words.get_mut(at)) {
            _ if self.forgetful => {}
            Some(held) => *held = word,
            None => {
                self.other.insert((false, address), word);
            }
        }
    }

    /// The PDU of an answer; `None` is silence.
    fn answer(&mut self, pdu: &[u8]) -> Option<Vec<u8>> {
        self.requests += 1;
        if self.most > 0 && self.requests > self.most {
            return None;
        }
        let &[function, a1, a0, n1, n0, ref rest @ ..] = pdu else { return None };
        let (address, quantity) = (u16::from_be_bytes([a1, a0]), u16::from_be_bytes([n1, n0]));
        let refused = |code| Some(vec![function | 0x80, code]);
        if self.moody > 0 && self.requests.is_multiple_of(usize::from(self.moody)) {
            return if self.mood == 0 { None } else { refused(self.mood) };
        }
        match function {
            3 | 4 => {
                if self.longest > 0 && quantity > self.longest {
                    return refused(3);
                }
                let end = address.checked_add(quantity - 1)?;
                let words: Option<Vec<u16>> =
                    (address..=end).map(|at| self.word(function == 4, at)).collect();
                let Some(words) = words else { return refused(2) };
                let head = [function, u8::try_from(quantity * 2).ok()?];
                Some(head.into_iter().chain(words.iter().flat_map(|word| word.to_be_bytes())).collect())
            }
            6 => {
                self.put(address, quantity);
                Some(pdu.to_vec())
            }
            16 => {
                let words = rest.get(1..).unwrap_or_default().as_chunks::<2>().0;
                for (at, word) in (address..=u16::MAX).zip(words) {
                    self.put(at, u16::from_be_bytes(*word));
                }
                Some(vec![function, a1, a0, n1, n0])
            }
            _ => refused(1),
        }
    }
}

impl Running {
    /// Requests so far.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).requests
    }

    fn answer(&self, pdu: &[u8]) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answer(pdu)
    }
}

async fn serve(mut stream: DuplexStream, device: Running) {
    let (mut head, mut pdu) = ([0; 7], [0; 256]);
    while stream.read_exact(&mut head).await.is_ok() {
        let [t1, t0, _, _, _, length, unit] = head;
        let Some(room) = pdu.get_mut(..usize::from(length).saturating_sub(1)) else { return };
        if stream.read_exact(room).await.is_err() {
            return;
        }
        let Some(answer) = device.answer(room) else { continue };
        let length = u16::try_from(answer.len() + 1).unwrap_or(u16::MAX).to_be_bytes();
        let head = [t1, t0, 0, 0, length[0], length[1], unit];
        if stream.write_all(&[head.as_slice(), &answer].concat()).await.is_err() {
            return;
        }
    }
}
