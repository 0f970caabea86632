//! Protocol traces: one real driver against the scripted server, and what it wrote as text.
//!
//! ```text
//! > limit active power to 4800 W
//! 16 40085 x5: 0258 03E8 0000 0000 005A
//! = applied, bounded
//! ```
//!
//! `>` is what was asked, `=` how it ended; between them stand function, address, count and registers of each write.

use super::{Book, Server};
use crate::core::port::{Command, DeviceHandle, Inbox, Report, open};
use crate::der::{Capability, DeviceState, Outcome, ReadBack, Setpoint};
use crate::device_map::{DeviceMap, Layout};
use crate::southbound::{connection, known, sunspec};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// How long a setpoint is held in traces: 0x5A seconds.
pub const HOLD: Duration = Duration::from_secs(90);

/// A driver of one device, and the core's end of it.
pub struct Bench {
    pub server: Server,
    inbox: Inbox,
    handle: DeviceHandle,
    /// What the device can be asked for, as last reported.
    pub capability: Option<Capability>,
    _tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Bench {
    /// Starts a driver and waits until it knows the device.
    pub async fn start(book: &Book, tune: impl FnOnce(&mut DeviceMap)) -> Self {
        let mut bench = Self::of(Server::start(&[(1, book)]).await, tune);
        bench
            .report(|report| match report {
                Report::State { state: DeviceState::Online | DeviceState::Degraded, .. } => Some(()),
                _ => None,
            })
            .await;
        bench
    }

    /// Starts a driver of the device at unit 1.
    pub fn of(server: Server, tune: impl FnOnce(&mut DeviceMap)) -> Self {
        let mut device = server.device(0, 1);
        tune(Arc::make_mut(&mut device.map));
        let (inbox, mut handles, ports) = open(1);
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let choice: sunspec::MapChoice = Arc::new(|_, _, _| None);
        connection::spawn(vec![device], &ports, &mut tasks, &stop, &known(), &choice);
        let handle = handles.remove(0);
        Self { server, inbox, handle, capability: None, _tasks: tasks, stop }
    }

    /// Waits for a report.
    pub async fn report<T>(&mut self, mut pick: impl FnMut(&Report) -> Option<T>) -> T {
        let wanted = async {
            loop {
                let (_, report) = self.inbox.reports.recv().await.unwrap();
                if let Report::Capability(capability) = &report {
                    self.capability = Some(*capability);
                }
                if let Some(found) = pick(&report) {
                    return found;
                }
            }
        };
        timeout(Duration::from_secs(20), wanted).await.expect("no such report")
    }

    /// Asks for something and waits for its end.
    pub async fn ask(&mut self, setpoint: Setpoint) -> Outcome {
        let expires_at = Instant::now() + Duration::from_secs(60);
        self.handle.send(Command { id: 1, setpoint, hold: HOLD, expires_at });
        loop {
            tokio::select! {
                biased;
                end = self.inbox.ends.recv() => return end.unwrap().outcome,
                report = self.inbox.reports.recv() => {
                    if let Some((_, Report::Capability(capability))) = report {
                        self.capability = Some(capability);
                    }
                }
                () = tokio::time::sleep(Duration::from_secs(40)) => panic!("no outcome"),
            }
        }
    }

    /// What is written for each of these, as text.
    pub async fn trace(&mut self, asked: Vec<Setpoint>) -> String {
        let mut text = String::new();
        for setpoint in asked {
            let from = self.server.writes().len();
            writeln!(text, "> {setpoint}").unwrap();
            let outcome = self.ask(setpoint).await;
            for (function, address, words) in self.server.writes().into_iter().skip(from) {
                writeln!(text, "{}", frame(function, address, &words)).unwrap();
            }
            writeln!(text, "= {}", ending(&outcome)).unwrap();
        }
        text
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A write as text.
pub fn frame(function: u8, address: u16, words: &[u16]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:04X}")).collect();
    match function {
        6 => format!("6 {address}: {}", words.join(" ")),
        _ => format!("{function} {address} x{}: {}", words.len(), words.join(" ")),
    }
}

fn ending(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Applied(ReadBack { bounded, verified, .. }) => {
            let bounded = if *bounded { ", bounded" } else { "" };
            let verified = if *verified { "" } else { ", not verified" };
            format!("applied{bounded}{verified}")
        }
        Outcome::Refused(words) | Outcome::NotKept(words) => format!("{}: {words}", outcome.name()),
        other => other.name().to_owned(),
    }
}

/// A trace without the indentation of the test.
pub fn flush_left(text: &str) -> String {
    text.lines().map(str::trim).filter(|l| !l.is_empty()).fold(String::new(), |all, line| all + line + "\n")
}

/// Runs a case: the trace must be exactly this.
pub async fn check(
    name: &str,
    book: &Book,
    tune: impl FnOnce(&mut DeviceMap),
    script: Option<super::Script>,
    asked: Vec<Setpoint>,
    expected: &str,
) {
    let mut bench = Bench::start(book, tune).await;
    if let Some(script) = script {
        bench.server.script(script);
    }
    let trace = bench.trace(asked).await;
    let expected = flush_left(expected);
    assert_eq!(trace, expected, "\n--- {name}: is\n{trace}--- should be\n{expected}");
}

impl Book {
    /// Adds a model with groups that repeat: its length, what its count points say, and raw values of some points.
    pub fn sized(mut self, id: u16, length: u16, counts: &[(&str, u16)], points: &[(&str, i64)]) -> Self {
        let model = known()(id).unwrap();
        let count = |name: &str| counts.iter().find(|(n, _)| *n == name).map(|(_, count)| *count);
        let layout = Arc::new(Layout::new(&model, length, &count));
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
        for (name, count) in counts {
            self.set(id, name, i64::from(*count));
        }
        self
    }
}
