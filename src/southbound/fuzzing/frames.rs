//! What a device may send instead of an answer, over TCP (ids checked, or not) and over a serial line.
//!
//! An honest device is late, silent, noisy and broken, but never says anything wrong in a sound frame: then each read
//! that succeeds must give the right registers. Any other device may say anything: then a read must still give as many
//! registers as were asked for. After either, right answers must be accepted again.

use super::{Input, PEER, run};
use crate::device_map::{Parity, SerialOptions};
use crate::southbound::modbus::{Bus, BusError, Line, Peer, SharedBus, Stream, crc};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{Instant, sleep, sleep_until};

/// Most requests before the device is right again.
const REQUESTS: usize = 60;

/// An answer that has not come in this time does not come any more.
const LATEST: Duration = Duration::from_secs(150);

const SERIAL: SerialOptions = SerialOptions { baud: 19200, data_bits: 8, parity: Parity::Even, stop_bits: 1 };

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Strict,
    Lenient,
    Rtu,
}

/// How the device behaves: what is left of the input, shared by all connections to it.
struct Script {
    data: Vec<u8>,
    at: usize,
    wire: Wire,
    honest: bool,
}

type Shared = Arc<Mutex<Script>>;

/// What is sent after a request: pauses and bytes.
#[derive(Default)]
struct Reply {
    parts: Vec<(Duration, Vec<u8>)>,
    close: bool,
}

/// See the module.
pub fn frames(data: &[u8]) {
    let mut input = super::cut(data);
    let kind = input.byte();
    let wire = match kind % 3 {
        0 => Wire::Strict,
        1 => Wire::Lenient,
        _ => Wire::Rtu,
    };
    let honest = kind & 0x80 != 0;
    let script = Arc::new(Mutex::new(Script { data: input.bytes(usize::MAX).to_vec(), at: 0, wire, honest }));
    run(async move {
        let bus = SharedBus::over(bus(wire, &script));
        for turn in 0..REQUESTS {
            if over(&script) {
                break;
            }
            let peer = Peer { lenient: wire == Wire::Lenient, unit: 1 + u8::from(turn % 7 == 6), ..PEER };
            let line = bus.line(peer);
            if let Some(at) = line.retry_at().await {
                sleep_until(at).await;
            }
            ask(&line, turn, honest).await;
        }
        finish(&script);
        for unit in [1, 2] {
            recover(&bus.line(Peer { lenient: wire == Wire::Lenient, unit, ..PEER })).await;
        }
    });
}

fn bus(wire: Wire, script: &Shared) -> Bus {
    let script = script.clone();
    let connect = move || {
        let (ours, theirs) = tokio::io::duplex(4096);
        tokio::spawn(misbehave(theirs, script.clone()));
        Box::new(ours) as Box<dyn Stream>
    };
    if wire == Wire::Rtu { Bus::over(connect(), SERIAL) } else { Bus::dialling(Box::new(connect)) }
}

/// What a register holds: neighbours differ, and so do units and tables.
fn held(unit: u8, function: u8, address: u16) -> u16 {
    address.wrapping_mul(257) ^ (u16::from(unit) << 12) ^ (u16::from(function) << 8)
}

fn right(unit: u8, function: u8, address: u16, quantity: u16) -> Vec<u16> {
    (0..quantity).map(|k| held(unit, function, address.wrapping_add(k))).collect()
}

/// One request of a kind. Many have the same shape, so that answers could be mistaken for each other.
async fn ask(line: &Line<'_>, turn: usize, honest: bool) {
    let address = u16::try_from(turn).unwrap_or_default() * 3;
    let unit = line.peer.unit;
    let judge = |function: u8, quantity: u16, read: Result<Vec<u16>, BusError>| {
        if let Ok(words) = read {
            assert_eq!(words.len(), usize::from(quantity), "another number of registers than asked for");
            assert!(!honest || words == right(unit, function, address, quantity), "data of another request");
        }
    };
    match turn % 6 {
        0..=2 => judge(3, 2, line.read(address, 2).await),
        3 => judge(3, 125, line.read_first(address, 125).await),
        4 => judge(4, 2, line.read_input(address, 2).await),
        _ if turn % 2 == 1 => drop(line.write(address, &[1, 2]).await),
        _ => drop(line.write_single(address, 3).await),
    }
}

/// Right answers are accepted, soon.
async fn recover(line: &Line<'_>) {
    let mut last = None;
    for _ in 0..4 {
        sleep(LATEST).await;
        if let Some(at) = line.retry_at().await {
            sleep_until(at).await;
        }
        let read = line.read(7, 2).await;
        if read.as_deref() == Ok(right(line.peer.unit, 3, 7, 2).as_slice()) {
            return;
        }
        last = Some(read);
    }
    unreachable!("right answers are not accepted any more: {last:?}");
}

fn over(script: &Shared) -> bool {
    let script = script.lock().unwrap_or_else(PoisonError::into_inner);
    script.at >= script.data.len()
}

fn finish(script: &Shared) {
    let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
    script.at = script.data.len();
}

async fn misbehave(mut stream: DuplexStream, script: Shared) {
    while let Some((frame, pdu_at)) = request(&mut stream, &script).await {
        let reply = {
            let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
            script.reply(&frame, pdu_at)
        };
        for (pause, bytes) in reply.parts {
            if !pause.is_zero() {
                sleep_until(Instant::now() + pause).await;
            }
            if stream.write_all(&bytes).await.is_err() {
                return;
            }
        }
        if reply.close {
            return;
        }
    }
}

/// The next whole request, and where its PDU begins.
async fn request(stream: &mut DuplexStream, script: &Shared) -> Option<(Vec<u8>, usize)> {
    let rtu = script.lock().unwrap_or_else(PoisonError::into_inner).wire == Wire::Rtu;
    let mut head = vec![0; 7];
    stream.read_exact(&mut head).await.ok()?;
    let left = match (rtu, head.as_slice()) {
        (true, [_, 16, _, _, _, _, bytes]) => usize::from(*bytes) + 2,
        (true, _) => 1,
        (false, [_, _, _, _, high, low, _]) => {
            usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(1)
        }
        (false, _) => return None,
    };
    let mut rest = vec![0; left];
    stream.read_exact(&mut rest).await.ok()?;
    head.extend(rest);
    if rtu {
        head.truncate(head.len() - 2);
    }
    Some((head, if rtu { 1 } else { 7 }))
}

impl Script {
    fn reply(&mut self, request: &[u8], pdu_at: usize) -> Reply {
        let (head, pdu) = request.split_at(pdu_at);
        let good = self.frame(head, &answer(head.last().copied().unwrap_or(1), pdu));
        let at = self.at;
        let mut input = Input::new(self.data.get(at..).unwrap_or_default());
        if input.is_empty() {
            return Reply { parts: vec![(Duration::ZERO, good)], close: false };
        }
        let reply = if self.honest {
            self.honest_reply(&mut input, head, pdu, good)
        } else {
            self.any_reply(&mut input, head, pdu, good)
        };
        self.at = self.data.len() - input.left();
        reply
    }

    /// Whatever the input says.
    fn any_reply(&self, input: &mut Input<'_>, head: &[u8], pdu: &[u8], good: Vec<u8>) -> Reply {
        let kind = input.byte();
        let count = usize::from(input.byte());
        let function = pdu.first().copied().unwrap_or(3);
        let bytes = match kind % 8 {
            0 => good,
            1 => input.bytes(count).to_vec(),
            2 => self.frame(head, input.bytes(count)),
            3 => {
                let body = input.bytes(count);
                let count = u8::try_from(body.len()).unwrap_or(u8::MAX);
                self.frame(head, &[&[function, count], body].concat())
            }
            4 => self.frame(head, &[function | 0x80, input.byte()]),
            5 => vec![],
            6 => [good.as_slice(), input.bytes(count)].concat(),
            _ => [input.bytes(count), good.as_slice()].concat(),
        };
        let pause = Duration::from_millis(if kind & 0x40 == 0 { 0 } else { u64::from(input.byte()) * 50 });
        let close = self.wire != Wire::Rtu && kind & 0x80 != 0 && count & 1 == 1;
        Reply { parts: vec![(pause, bytes)], close }
    }

    /// Nothing wrong in a sound frame.
    fn honest_reply(&self, input: &mut Input<'_>, head: &[u8], pdu: &[u8], good: Vec<u8>) -> Reply {
        let now = Duration::ZERO;
        let kind = input.byte();
        let function = pdu.first().copied().unwrap_or(3);
        let rtu = self.wire == Wire::Rtu;
        let mut close = false;
        let parts = match kind % 9 {
            0 => vec![(now, good)],
            1 => vec![],
            2 => vec![(now, self.frame(head, &[function | 0x80, input.byte()]))],
            // Late; the next answers wait behind it.
            3 => vec![(Duration::from_millis(u64::from(input.byte()) * 100), good)],
            // Cut off.
            4 => vec![(now, good.get(..usize::from(input.byte()) % good.len()).unwrap_or_default().to_vec())],
            // In two pieces.
            5 => {
                let (first, second) = good.split_at(usize::from(input.byte()) % good.len());
                let pause = Duration::from_millis(u64::from(input.byte()) * 10);
                vec![(now, first.to_vec()), (pause, second.to_vec())]
            }
            // One bit of it turned over: the checksum of a serial line shows it, and so do the ids of TCP.
            6 => {
                let mut bytes = good;
                let bit = usize::from(input.byte());
                let end = if rtu { bytes.len() } else { 4 };
                if let Some(byte) = bytes.get_mut((bit / 8) % end) {
                    *byte ^= 1 << (bit % 8);
                }
                vec![(now, bytes)]
            }
            // Twice.
            7 => vec![(now, good.repeat(2))],
            _ if rtu => vec![(now, [vec![0xFF; usize::from(input.byte() % 40)], good].concat())],
            _ => {
                close = true;
                vec![]
            }
        };
        Reply { parts, close }
    }

    /// A PDU in the frame of the answer to a request.
    fn frame(&self, head: &[u8], pdu: &[u8]) -> Vec<u8> {
        if self.wire == Wire::Rtu {
            let body = [head, pdu].concat();
            return [body.as_slice(), &crc(&body).to_le_bytes()].concat();
        }
        let length = u16::try_from(pdu.len() + 1).unwrap_or(u16::MAX).to_be_bytes();
        let mut frame = head.to_vec();
        for (to, from) in frame.iter_mut().skip(4).zip(length) {
            *to = from;
        }
        frame.extend(pdu);
        frame
    }
}

/// The right answer to a request.
fn answer(unit: u8, pdu: &[u8]) -> Vec<u8> {
    let &[function, a1, a0, n1, n0, ..] = pdu else { return vec![0x83, 1] };
    let (address, quantity) = (u16::from_be_bytes([a1, a0]), u16::from_be_bytes([n1, n0]));
    match function {
        3 | 4 => {
            let words = right(unit, function, address, quantity);
            let bytes = u8::try_from(words.len() * 2).unwrap_or(u8::MAX);
            [function, bytes].into_iter().chain(words.iter().flat_map(|word| word.to_be_bytes())).collect()
        }
        _ => vec![function, a1, a0, n1, n0],
    }
}
