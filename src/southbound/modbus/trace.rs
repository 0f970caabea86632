//! What goes over the wire, as lines of hexadecimal bytes for a technician: target `dergate::wire` at level TRACE.
//!
//! Unit and PDU, without the framing of the transport. Nothing is formatted unless somebody listens.

use super::BusError;
use super::wire::Broken;
use tokio_modbus::{ExceptionCode, Request, Response};

const TARGET: &str = "dergate::wire";

fn listened() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::TRACE)
}

/// A request is about to be sent. Gives its function code.
pub fn asked(unit: u8, request: &Request<'_>) -> u8 {
    if listened() {
        tracing::trace!(target: TARGET, "> {}", hex(unit, &request_pdu(request)));
    }
    request.function_code().value()
}

/// What became of it: an answer, an exception, a fault of the transport, or `None` for silence.
pub fn answered(unit: u8, function: u8, result: Option<&Result<Result<Response, ExceptionCode>, Broken>>) {
    if !listened() {
        return;
    }
    match result {
        Some(Ok(Ok(answer))) => {
            tracing::trace!(target: TARGET, "< {}", hex(unit, &response_pdu(answer)));
        }
        Some(Ok(Err(code))) => {
            tracing::trace!(target: TARGET, "< {}", hex(unit, &[function | 0x80, u8::from(*code)]));
        }
        Some(Err(error)) => tracing::trace!(target: TARGET, "< {error}"),
        None => tracing::trace!(target: TARGET, "< (no answer in time)"),
    }
}

/// As [`asked`], of a request that we framed.
pub fn asked_pdu(unit: u8, pdu: &[u8]) {
    if listened() {
        tracing::trace!(target: TARGET, "> {}", hex(unit, pdu));
    }
}

/// As [`answered`], of an answer that we framed.
pub fn answered_pdu(unit: u8, result: &Result<Vec<u8>, BusError>) {
    if !listened() {
        return;
    }
    match result {
        Ok(pdu) => tracing::trace!(target: TARGET, "< {}", hex(unit, pdu)),
        Err(error) => tracing::trace!(target: TARGET, "< {error}"),
    }
}

fn hex(unit: u8, pdu: &[u8]) -> String {
    pdu.iter().fold(format!("{unit:02X}"), |line, byte| format!("{line} {byte:02X}"))
}

fn request_pdu(request: &Request<'_>) -> Vec<u8> {
    match request {
        Request::ReadHoldingRegisters(address, quantity) => numbers(3, &[*address, *quantity]),
        Request::ReadInputRegisters(address, quantity) => numbers(4, &[*address, *quantity]),
        Request::WriteSingleRegister(address, word) => numbers(6, &[*address, *word]),
        Request::WriteMultipleRegisters(address, words) => {
            let quantity = u16::try_from(words.len()).unwrap_or(u16::MAX);
            let mut pdu = numbers(16, &[*address, quantity]);
            pdu.push(bytes_of(words));
            pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
            pdu
        }
        // Nothing else is sent.
        other => vec![other.function_code().value()],
    }
}

fn response_pdu(response: &Response) -> Vec<u8> {
    let read = |function: u8, words: &[u16]| {
        let mut pdu = vec![function, bytes_of(words)];
        pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        pdu
    };
    match response {
        Response::ReadHoldingRegisters(words) => read(3, words),
        Response::ReadInputRegisters(words) => read(4, words),
        Response::WriteSingleRegister(address, word) => numbers(6, &[*address, *word]),
        Response::WriteMultipleRegisters(address, quantity) => numbers(16, &[*address, *quantity]),
        other => vec![other.function_code().value()],
    }
}

fn numbers(function: u8, words: &[u16]) -> Vec<u8> {
    std::iter::once(function).chain(words.iter().flat_map(|word| word.to_be_bytes())).collect()
}

fn bytes_of(words: &[u16]) -> u8 {
    u8::try_from(words.len().saturating_mul(2)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests;
