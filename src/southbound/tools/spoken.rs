//! What a port speaks that does not answer as the link says: the technician is told what to type instead.
//!
//! Only the tools do this, after a failure, on connections of their own. What is sent asks and changes nothing: a read of one
//! register, a request for the state of the link, a request for a page, the first message of TLS. Whoever takes one of them
//! for his own protocol reads a function that there is not: where Modbus has its function code, the others have 0 or 0x54.
//! It names no driver and decodes nothing; it knows the first octets of each protocol.

use crate::southbound::{Link, SPEAKS_DNP3};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// Longest wait for a greeting that nobody asked for.
const GREETING: Duration = Duration::from_millis(250);

/// Longest wait for an answer.
const ANSWER: Duration = Duration::from_millis(700);

/// Longest time for all of it.
const LIMIT: Duration = Duration::from_secs(3);

/// Link addresses that outstations have when they are new; the last is for whoever does not know the address.
const OUTSTATIONS: [u16; 6] = [1024, 1, 10, 4, 2, 0xFFFC];

/// Units that devices over TCP mostly are.
const UNITS: [u8; 3] = [1, 126, 255];

/// The number of our Modbus requests, to be found again in the answer.
const MARK: [u8; 2] = [0xDE, 0x47];

/// Most of a greeting that is shown.
const SHOWN: usize = 40;

/// Who was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Spoken {
    Modbus(u8),
    Dnp3(Option<u16>),
    Tls,
    Http,
    Text(String),
}

/// What else is spoken at the port of a link that did not answer, in words; `None` if that cannot be found out.
pub async fn spoken_instead(link: &Link) -> Option<String> {
    let (host, port) = match link {
        Link::ModbusTcp(tcp) | Link::ModbusTls(tcp) => (tcp.host.as_str(), tcp.port),
        Link::Dnp3Tcp(tcp) | Link::Dnp3Tls(tcp) => (tcp.host.as_str(), tcp.port),
        Link::ModbusRtu(_) | Link::Dnp3Serial(_) => return None,
    };
    let heard = timeout(LIMIT, listen(host, port, &questions(link))).await.ok().flatten();
    let heard = heard.filter(|heard| !is_asked_for(heard, link));
    heard.map(|heard| words_of(&heard, link, host, port))
}

/// What is tried, in this order: what the link is of has been tried.
fn questions(link: &Link) -> Vec<Vec<u8>> {
    let modbus = UNITS.map(|unit| vec![MARK[0], MARK[1], 0, 0, 0, 6, unit, 3, 0, 0, 0, 1]);
    let dnp3 = vec![OUTSTATIONS.into_iter().flat_map(link_state).collect()];
    let (http, tls) = (b"GET / HTTP/1.0\r\n\r\n".to_vec(), client_hello());
    let mut all = Vec::new();
    match link {
        Link::ModbusTcp(_) => all.extend(dnp3),
        Link::Dnp3Tcp(_) => all.extend(modbus),
        _ => {
            all.extend(modbus);
            all.extend(dnp3);
        }
    }
    all.extend([http, tls]);
    all
}

fn is_asked_for(heard: &Spoken, link: &Link) -> bool {
    match heard {
        Spoken::Modbus(_) => matches!(link, Link::ModbusTcp(_)),
        Spoken::Dnp3(_) => matches!(link, Link::Dnp3Tcp(_)),
        Spoken::Tls => matches!(link, Link::ModbusTls(_) | Link::Dnp3Tls(_)),
        Spoken::Http | Spoken::Text(_) => false,
    }
}

/// One connection a question: many close after what they do not understand.
async fn listen(host: &str, port: u16, questions: &[Vec<u8>]) -> Option<Spoken> {
    for (at, question) in questions.iter().enumerate() {
        let mut stream = timeout(CONNECT, TcpStream::connect((host, port))).await.ok()?.ok()?;
        if at == 0
            && let Some(heard) = hear(&mut stream, GREETING).await
        {
            return Some(heard);
        }
        if timeout(ANSWER, stream.write_all(question)).await.is_ok_and(|sent| sent.is_ok())
            && let Some(heard) = hear(&mut stream, ANSWER).await
        {
            return Some(heard);
        }
    }
    None
}

async fn hear(stream: &mut TcpStream, patience: Duration) -> Option<Spoken> {
    let mut bytes = [0; 64];
    let count = timeout(patience, stream.read(&mut bytes)).await.ok()?.ok()?;
    recognise(bytes.get(..count)?)
}

/// By its first octets.
fn recognise(bytes: &[u8]) -> Option<Spoken> {
    match bytes {
        [0x05, 0x64, rest @ ..] => {
            // Length, control and where it goes stand before where it comes from.
            let from = rest.get(4..6).and_then(|from| from.try_into().ok()).map(u16::from_le_bytes);
            Some(Spoken::Dnp3(from))
        }
        [first, second, 0, 0, 0, 3..=5, unit, 3 | 0x83, ..] if [*first, *second] == MARK => {
            Some(Spoken::Modbus(*unit))
        }
        // A handshake or an alert of any version.
        [0x15 | 0x16, 0x03, 0..=4, ..] => Some(Spoken::Tls),
        [b'H', b'T', b'T', b'P', b'/', ..] => Some(Spoken::Http),
        _ => {
            let line: Vec<u8> = bytes.iter().copied().take_while(|b| !matches!(b, b'\r' | b'\n')).collect();
            let plain = line.len() >= 4 && line.iter().all(|b| (b' '..=b'~').contains(b));
            let shown = || line.iter().take(SHOWN).copied().map(char::from).collect();
            plain.then(|| Spoken::Text(shown()))
        }
    }
}

fn words_of(heard: &Spoken, link: &Link, host: &str, port: u16) -> String {
    let modbus = matches!(link, Link::ModbusTcp(_) | Link::ModbusTls(_));
    match heard {
        Spoken::Modbus(unit) => {
            format!(
                "this port speaks Modbus in the clear: unit {unit} answers; try modbus+tcp://{}?unit={unit}",
                at(host, port)
            )
        }
        Spoken::Dnp3(from) => dnp3(*from, host, port),
        Spoken::Tls if modbus => {
            format!("this port speaks TLS; try modbus+tls://{}, with --tls-certificate", at(host, port))
        }
        Spoken::Tls => {
            format!("this port speaks TLS; try dnp3+tls://{}, with --tls-certificate", at(host, port))
        }
        Spoken::Http => {
            let usual = if modbus { "Modbus is mostly at port 502" } else { "DNP3 is mostly at port 20000" };
            format!("this port speaks HTTP: it is a web page; {usual}")
        }
        Spoken::Text(greeting) => {
            let wanted = if modbus { "Modbus" } else { "DNP3" };
            format!("this port does not speak {wanted}: it says \"{}\"", greeting.escape_debug())
        }
    }
}

fn dnp3(from: Option<u16>, host: &str, port: u16) -> String {
    let from = from.filter(|from| *from < 0xFFF0);
    let who = from.map(|from| format!(": outstation {from} answers")).unwrap_or_default();
    let query = from.map(|from| format!("?outstation={from}")).unwrap_or_default();
    let without =
        if SPEAKS_DNP3 { "" } else { ", with a program that was built with DNP3 (this one was not)" };
    format!("this port speaks DNP3{who}; try dnp3+tcp://{}{query}{without}", at(host, port))
}

/// Where nothing is heard, the number of the port may say it.
pub fn usually_spoken(link: &Link) -> Option<String> {
    match link {
        Link::ModbusTcp(tcp) if matches!(tcp.port, 19_999 | 20_000) => {
            Some(format!("port {} is mostly DNP3: dnp3+tcp://{}", tcp.port, at(&tcp.host, tcp.port)))
        }
        Link::Dnp3Tcp(tcp) if tcp.port == 502 => {
            Some(format!("port {} is mostly Modbus: modbus+tcp://{}", tcp.port, at(&tcp.host, tcp.port)))
        }
        _ => None,
    }
}

fn at(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A frame that asks for the state of the link (IEEE 1815, 9.2.4): start, length 5, control, destination, source 1, checksum.
fn link_state(outstation: u16) -> Vec<u8> {
    let mut frame = vec![0x05, 0x64, 5, 0xC9];
    frame.extend(outstation.to_le_bytes());
    frame.extend([1, 0]);
    let checksum = checksum(&frame);
    frame.extend(checksum.to_le_bytes());
    frame
}

/// CRC-16/DNP.
fn checksum(bytes: &[u8]) -> u16 {
    let shifted = |crc: u16| if crc & 1 == 1 { (crc >> 1) ^ 0xA6BC } else { crc >> 1 };
    let of = |crc: u16, byte: &u8| (0..8).fold(crc ^ u16::from(*byte), |crc, _| shifted(crc));
    !bytes.iter().fold(0, of)
}

/// The first message of TLS 1.2 with four common ciphers and nothing else: whoever speaks TLS answers, be it with an alert.
fn client_hello() -> Vec<u8> {
    let mut body = vec![0x03, 0x03];
    body.extend([0x5A; 32]);
    body.extend([0, 0, 8, 0xC0, 0x2B, 0xC0, 0x2F, 0xC0, 0x2C, 0xC0, 0x30, 1, 0]);
    let short = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
    let mut message = vec![0x16, 0x03, 0x01, 0, short(body.len() + 4), 1, 0, 0, short(body.len())];
    message.extend(body);
    message
}

#[cfg(test)]
mod tests;
