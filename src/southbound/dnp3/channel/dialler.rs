//! Which end point is connected to next, and after what wait: longer after each failure, never in step with other channels.

use super::{Heard, Inner, Pace};
use crate::backoff::Backoff;
use dnp3::tcp::{ClientConnectionHandler, ConnectionInfo, Endpoint};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Goes round the end points. The first is preferred, but one that accepts a connection and says nothing is passed over.
pub struct Dialler {
    ends: Vec<String>,
    next: usize,
    /// Where it was connected to last, or is to be.
    at: usize,
    limit: Duration,
    backoff: Backoff,
    settled: Duration,
    made: Option<Instant>,
    heard: Arc<Heard>,
}

impl Dialler {
    pub(super) fn new(ends: &[(String, u16)], limit: Duration, pace: &Pace, inner: &Inner) -> Self {
        let ends = ends.iter().map(|(host, port)| {
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
        });
        Self {
            ends: ends.collect(),
            next: 0,
            at: 0,
            limit,
            backoff: Backoff::new(pace.first, pace.most),
            settled: pace.settled,
            made: None,
            heard: inner.heard.clone(),
        }
    }
}

impl ClientConnectionHandler for Dialler {
    fn endpoint_span_name(&self) -> String {
        self.ends.first().cloned().unwrap_or_default()
    }

    fn connected(&mut self, _: SocketAddr, _: Option<&str>) {
        self.made = Some(Instant::now());
        let at = self.next.saturating_sub(1);
        let before = std::mem::replace(&mut self.at, at);
        if let (true, Some(end), Some(first)) = (at != before, self.ends.get(at), self.ends.first()) {
            self.heard.moved(match at {
                0 => format!("connected to {end}, the first end point, again"),
                _ => format!(
                    "connected to {end}, the second end point: the first, {first}, took no connection or did not answer; it is tried again when this connection ends"
                ),
            });
        }
    }

    fn disconnected(&mut self, _: SocketAddr, _: Option<&str>) -> Duration {
        // One that ends soon will end soon again: two masters that push each other away must not do so every second.
        let lasted = self.made.is_some_and(|made| made.elapsed() >= self.settled);
        if lasted && self.heard.answered() {
            self.backoff.reset();
        }
        self.backoff.next_delay()
    }

    fn next(&mut self) -> Result<ConnectionInfo, Duration> {
        if self.heard.take_answered() {
            self.next = 0;
        }
        let Some(end) = self.ends.get(self.next) else {
            self.next = 0;
            return Err(self.backoff.next_delay());
        };
        self.next += 1;
        let mut info = ConnectionInfo::new(Endpoint::from(end.clone()));
        info.set_timeout(self.limit);
        Ok(info)
    }
}
