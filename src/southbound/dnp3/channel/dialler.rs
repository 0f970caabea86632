//! Which end point is connected to next, and after what wait: longer after each failure, never in step with other channels.

use super::{Inner, Pace};
use crate::backoff::Backoff;
use dnp3::tcp::{ClientConnectionHandler, ConnectionInfo, Endpoint};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Goes round the end points. The first is preferred, but one that accepts a connection and says nothing is passed over.
pub struct Dialler {
    ends: Vec<String>,
    next: usize,
    limit: Duration,
    backoff: Backoff,
    answered: Arc<AtomicBool>,
}

impl Dialler {
    pub(super) fn new(ends: &[(String, u16)], limit: Duration, pace: &Pace, inner: &Inner) -> Self {
        let ends = ends.iter().map(|(host, port)| {
            if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
        });
        Self {
            ends: ends.collect(),
            next: 0,
            limit,
            backoff: Backoff::new(pace.first, pace.most),
            answered: inner.answered.clone(),
        }
    }
}

impl ClientConnectionHandler for Dialler {
    fn endpoint_span_name(&self) -> String {
        self.ends.first().cloned().unwrap_or_default()
    }

    fn disconnected(&mut self, _: SocketAddr, _: Option<&str>) -> Duration {
        if self.answered.load(Ordering::Relaxed) {
            self.backoff.reset();
        }
        self.backoff.next_delay()
    }

    fn next(&mut self) -> Result<ConnectionInfo, Duration> {
        if self.answered.swap(false, Ordering::Relaxed) {
            self.next = 0;
            self.backoff.reset();
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
