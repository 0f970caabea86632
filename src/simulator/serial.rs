//! A serial port with simulated units on it: all share one line, as behind an RS-485 adapter.
//!
//! A pseudo terminal hands over bytes at once; a line does not. So answers over one are held back for as long as the
//! request and the answer would take at the line's baud rate, and budgets of a bus can be tried without wires.

use super::faults::Behaviour;
use super::modbus::Frame;
use super::rtu::{self, MAX_FRAME};
use super::server::{Shared, answer};
use super::wire;
use crate::device_map::SerialOptions;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_serial::SerialStream;
use tokio_util::sync::CancellationToken;

/// Pause after which what came is a whole request or none.
const PAUSE: Duration = Duration::from_millis(20);
/// Most answers under way; a client that asks more at a time is not heard.
const MAX_ANSWERS: usize = 64;
/// A line that failed is listened to again after this time.
const RETRY: Duration = Duration::from_millis(200);

/// Where a device is on a serial port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SerialPlace {
    /// The port.
    pub path: String,
    /// How the line is set.
    pub line: SerialOptions,
}

/// Opens a port for us alone.
///
/// # Errors
/// It is not there, not ours, or no serial port.
pub fn open(place: &SerialPlace) -> std::io::Result<SerialStream> {
    use crate::device_map::Parity;
    use tokio_serial::{DataBits, StopBits};
    let parity = match place.line.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    let data = if place.line.data_bits == 7 { DataBits::Seven } else { DataBits::Eight };
    let stop = if place.line.stop_bits == 2 { StopBits::Two } else { StopBits::One };
    let builder = tokio_serial::new(&place.path, place.line.baud).parity(parity);
    let builder = builder.data_bits(data).stop_bits(stop).exclusive(true);
    Ok(SerialStream::open(&builder)?)
}

/// Serves the units of a line until told to stop. `paced` says that the port does not take its time by itself.
pub async fn serve<P>(
    port: P,
    line: SerialOptions,
    paced: bool,
    units: Vec<Arc<Shared>>,
    stop: CancellationToken,
) where
    P: AsyncRead + AsyncWrite,
{
    let (mut input, mut output) = tokio::io::split(port);
    let (answers, mut waiting) = mpsc::channel::<Vec<u8>>(MAX_ANSWERS);
    let listening = async {
        let mut under_way = JoinSet::new();
        let mut bytes = Vec::with_capacity(MAX_FRAME);
        let mut turn = 0;
        loop {
            let Some(request) = next(&mut input, &mut bytes).await else { continue };
            while under_way.try_join_next().is_some() {}
            turn = u32::wrapping_add(turn, 1);
            for unit in units.iter().filter(|unit| [0, unit.unit_id].contains(&request.unit)) {
                if under_way.len() < MAX_ANSWERS {
                    let (unit, request, answers) = (unit.clone(), request.clone(), answers.clone());
                    let before =
                        if paced { rtu::time_of(request.pdu.len() + 7, &line) } else { Duration::ZERO };
                    under_way.spawn(respond(unit, request, before, turn, answers));
                }
            }
        }
    };
    let speaking = async {
        while let Some(bytes) = waiting.recv().await {
            if paced {
                sleep(rtu::time_of(bytes.len(), &line)).await;
            }
            let _ = output.write_all(&bytes).await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = listening => {}
        () = speaking => {}
    }
}

/// The next request, if one comes before the line falls silent.
async fn next<P: AsyncRead>(input: &mut ReadHalf<P>, bytes: &mut Vec<u8>) -> Option<Frame> {
    if let Some(request) = rtu::take_request(bytes) {
        return Some(request);
    }
    let mut chunk = [0; MAX_FRAME];
    let reading = input.read(&mut chunk);
    let read = if bytes.is_empty() { Ok(reading.await) } else { timeout(PAUSE, reading).await };
    match read {
        Ok(Ok(count)) if count > 0 => {
            bytes.extend(chunk.iter().take(count));
            // Longer than any request: not one.
            if bytes.len() > 2 * MAX_FRAME {
                bytes.clear();
            }
            rtu::take_request(bytes)
        }
        // The other end of a pseudo terminal may come back.
        Ok(_) => {
            sleep(RETRY).await;
            None
        }
        Err(_) => {
            let request = rtu::whole(bytes);
            bytes.clear();
            request
        }
    }
}

/// What one unit does with a request; a broadcast is obeyed and not answered.
async fn respond(
    unit: Arc<Shared>,
    request: Frame,
    before: Duration,
    turn: u32,
    answers: mpsc::Sender<Vec<u8>>,
) {
    let behaviour: Behaviour = unit.behaviour.borrow().clone();
    if behaviour.refused() || wire::leaves_unanswered(&behaviour, &request) {
        return;
    }
    sleep(before + behaviour.slow()).await;
    let broadcast = request.unit == 0;
    let request = Frame { unit: unit.unit_id, ..request };
    let bytes = if behaviour.garbage() {
        Some(rtu::garbage(&request, turn, &mut fastrand::Rng::with_seed(u64::from(turn))))
    } else {
        let pdu = answer(&request, &behaviour, &unit);
        // Late and behind are the same here: nothing in a frame tells which request it answers.
        let turned = unit.held.lock().unwrap_or_else(PoisonError::into_inner).turn(&behaviour, request, pdu);
        turned.map(|(request, pdu)| wire::dress_serial(&behaviour, &request, pdu))
    };
    if let Some(bytes) = bytes.filter(|_| !broadcast) {
        let _ = answers.send(bytes).await;
    }
}

#[cfg(test)]
mod tests;
