//! What a simulated device does wrong on the wire, as pure functions: which requests it refuses or leaves unanswered, and
//! how the answer that it sends differs from the right one.
//!
//! Sockets, pauses and registers are `server`'s and `unit`'s matter.

use super::faults::{Behaviour, Fault};
use super::modbus::{self, Bank, Exception, Frame};
use super::rtu;

/// True if a request gets no answer.
#[must_use]
pub fn leaves_unanswered(behaviour: &Behaviour, request: &Frame) -> bool {
    let single = request.pdu.first() == Some(&6);
    behaviour.silent() || (single && behaviour.has(&Fault::NeverFc6))
}

/// The answer of the right unit, before anything happens to it on its way.
pub fn answer(behaviour: &Behaviour, pdu: &[u8], bank: &mut impl Bank) -> Vec<u8> {
    let function = pdu.first().copied().unwrap_or(0);
    let whole = behaviour.find(|fault| match fault {
        Fault::Exception(code) => Some(Exception(*code)),
        Fault::Fc6Only if function == 16 => Some(Exception::FUNCTION),
        Fault::Fc6ForSingle if function == 16 && pdu.get(3..5) == Some(&[0, 1]) => Some(Exception::ADDRESS),
        Fault::Fc16Only if function == 6 => Some(Exception::FUNCTION),
        Fault::InputRegistersOnly if function == 3 => Some(Exception::FUNCTION),
        _ => None,
    });
    if let Some(exception) = whole {
        return modbus::refusal(function, exception);
    }
    let most = behaviour.find(|f| if let Fault::MaxRead(most) = f { Some(*most) } else { None });
    let most = most.unwrap_or(modbus::MAX_READ);
    if function != 4 || !behaviour.has(&Fault::InputRegistersOnly) {
        return modbus::answer(pdu, bank, most);
    }
    // The same registers in the other table.
    let renamed = |pdu: &[u8], from: u8, to: u8| {
        let rest = pdu.iter().skip(1);
        pdu.iter()
            .take(1)
            .map(|f| (f & 0x80) | if f & 0x7F == from { to } else { f & 0x7F })
            .chain(rest.copied())
            .collect::<Vec<u8>>()
    };
    renamed(&modbus::answer(&renamed(pdu, 4, 3), bank, most), 3, 4)
}

/// The bytes of an answer, with all that goes wrong about them.
#[must_use]
pub fn dress(behaviour: &Behaviour, request: &Frame, mut pdu: Vec<u8>) -> Vec<u8> {
    if behaviour.has(&Fault::ShortAnswer) {
        shorten(&mut pdu);
    }
    let transaction = match behaviour.has(&Fault::WrongTransaction) {
        true => request.transaction.wrapping_add(0x1000),
        false => request.transaction,
    };
    let mut bytes = modbus::frame(transaction, unit_of(behaviour, request), &pdu);
    if behaviour.has(&Fault::Merged) {
        bytes.extend_from_within(..);
    }
    bytes
}

/// The same on a serial line, where a frame has no transaction id.
#[must_use]
pub fn dress_serial(behaviour: &Behaviour, request: &Frame, mut pdu: Vec<u8>) -> Vec<u8> {
    if behaviour.has(&Fault::ShortAnswer) {
        shorten(&mut pdu);
    }
    let mut bytes = rtu::frame(unit_of(behaviour, request), &pdu);
    if behaviour.has(&Fault::Merged) {
        bytes.extend_from_within(..);
    }
    bytes
}

/// The unit that an answer says it is from.
fn unit_of(behaviour: &Behaviour, request: &Frame) -> u8 {
    if behaviour.has(&Fault::WrongUnit) { request.unit.wrapping_add(1) } else { request.unit }
}

/// Takes the last register out of the answer to a read.
fn shorten(pdu: &mut Vec<u8>) {
    if let [3 | 4, count, ..] = pdu.as_mut_slice()
        && let Some(fewer) = count.checked_sub(2)
    {
        *count = fewer;
        pdu.truncate(usize::from(fewer) + 2);
    }
}

/// Where the pause comes in an answer that is sent in two segments.
#[must_use]
pub fn cut(behaviour: &Behaviour, bytes: &[u8]) -> Option<usize> {
    behaviour.has(&Fault::Split).then_some(bytes.len() / 2)
}

/// An answer that waits until the next request has come.
#[derive(Debug, Default)]
pub struct Held(Option<(Frame, Vec<u8>)>);

impl Held {
    /// The answer that goes out now, with the request whose header it has; none if there was no request before.
    pub fn turn(&mut self, behaviour: &Behaviour, request: Frame, pdu: Vec<u8>) -> Option<(Frame, Vec<u8>)> {
        let (late, behind) = (behaviour.has(&Fault::Late), behaviour.has(&Fault::Behind));
        if !late && !behind {
            self.0 = None;
            return Some((request, pdu));
        }
        let (asked, before) = self.0.replace((request.clone(), pdu))?;
        Some((if behind { request } else { asked }, before))
    }
}

#[cfg(test)]
mod tests;
