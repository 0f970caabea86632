//! Whether the gateway lives and whether it is ready, as the parts that know it have said. It asks nobody itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// A core that has not answered for this long is taken for dead; app asks it every second.
const SILENCE: Duration = Duration::from_secs(10);

/// Shared between those who know (app, the store) and those who ask (the admin pages, the systemd watchdog).
#[derive(Clone, Debug)]
pub struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    since: Instant,
    /// Milliseconds from `since` to the last answer of the core.
    heard_ms: AtomicU64,
    ready: AtomicBool,
    store_writable: Arc<AtomicBool>,
}

impl Health {
    /// Not ready yet, and alive for as long as a core may take to answer. The flag is the store's own.
    #[must_use]
    pub fn new(store_writable: Arc<AtomicBool>) -> Self {
        let (heard_ms, ready) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { inner: Arc::new(Inner { since: Instant::now(), heard_ms, ready, store_writable }) }
    }

    /// The core has answered just now.
    pub fn core_answered(&self) {
        let ms = u64::try_from(self.inner.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.inner.heard_ms.fetch_max(ms, Ordering::Relaxed);
    }

    /// True from when every room is up and the listeners are open, false from when the gateway goes down.
    pub fn set_ready(&self, ready: bool) {
        self.inner.ready.store(ready, Ordering::Relaxed);
    }

    /// True if changes can be stored.
    #[must_use]
    pub fn store_writable(&self) -> bool {
        self.inner.store_writable.load(Ordering::Relaxed)
    }

    /// Whether the process is worth keeping. A store that cannot write does not count: a restart does not mend a
    /// full disk, and would let go of devices that are under control.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn live(&self) -> Result<(), String> {
        let heard = Duration::from_millis(self.inner.heard_ms.load(Ordering::Relaxed));
        let silent = self.inner.since.elapsed().saturating_sub(heard);
        if silent > SILENCE {
            return Err(format!("the core has not answered for {} s", silent.as_secs()));
        }
        Ok(())
    }

    /// Whether requests can be served.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn ready(&self) -> Result<(), String> {
        self.live()?;
        if !self.inner.ready.load(Ordering::Relaxed) {
            return Err("the gateway is starting or stopping".to_owned());
        }
        if !self.store_writable() {
            return Err("the store cannot write; the log says why".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
