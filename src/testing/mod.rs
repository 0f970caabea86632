//! What the tests of all rooms share: a clock that stands still while the machine is busy elsewhere, and addresses that nobody
//! else has. Only tests name it (the gateway's too, by its path); it knows nothing of the gateway.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How far the clock goes at once: shorter than any wait in a test.
const STEP: Duration = Duration::from_millis(5);

thread_local! {
    /// Alive as long as the clock of this thread's runtime is an unhurried one.
    static RUNS: RefCell<Weak<()>> = const { RefCell::new(Weak::new()) };
}

/// Makes tokio's clock in this test an unhurried one, if it is not yet.
///
/// Both ends of a test live in one process on one thread, so when the machine stalls, both stall; but the clock goes on, and the
/// time-outs with it. Here it does not: a step is taken at most every few milliseconds, and after each one whatever is ready
/// is done. A stall of two seconds is one step. So a time-out means that nothing came, never that the machine was slow.
///
/// To be called before the first wait of a test with real sockets, by what sets such a test up; not where time is paused or
/// the runtime has several threads. What reads the clock of the standard library does not see it.
pub fn unhurried() {
    if RUNS.with_borrow(|runs| runs.strong_count() > 0) {
        return;
    }
    let alive = Arc::new(());
    RUNS.set(Arc::downgrade(&alive));
    tokio::time::pause();
    let (tick, mut ticks) = tokio::sync::mpsc::channel(1);
    let (runs, ended) = std::sync::mpsc::channel::<()>();
    // While a blocking task runs, tokio does not let a paused clock jump to the next timer by itself. This one ends with the
    // runtime, which drops the other end.
    tokio::task::spawn_blocking(move || {
        while tick.blocking_send(()).is_ok() {
            let _ = ended.recv_timeout(STEP);
        }
    });
    tokio::spawn(async move {
        let _alive = (alive, runs);
        while ticks.recv().await.is_some() {
            tokio::time::advance(STEP).await;
        }
    });
}

/// An end point of its own to listen at, port 0, so that a test may give the port up and take it again.
///
/// Of 127.0.0.1 another test or the end of any connection might take the port meanwhile. Each call gives another address
/// below 127.0.0.0/8, another in each process; only Linux has all of these without being told.
pub fn own_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    // 4096 processes with 2032 addresses each, from 127.128.0.0 on; .0 and .255 are left out.
    let [_, high, middle, _] = ((std::process::id() % 0x1000) << 11).to_be_bytes();
    let block = u8::try_from(number / 254 % 8).unwrap_or(0);
    let last = u8::try_from(number % 254 + 1).unwrap_or(1);
    SocketAddr::from((Ipv4Addr::new(127, 128 | high, middle | block, last), 0))
}

#[cfg(test)]
mod tests;
