//! A task that panics is started again, and ends when it is told to.

use super::supervise;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_util::sync::CancellationToken;

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_started_again_until_it_ends_by_itself() {
    let runs = Arc::new(AtomicU32::new(0));
    let count = runs.clone();
    let run = move |_| {
        let run = count.fetch_add(1, Ordering::Relaxed);
        async move { assert!(run >= 2, "injected") }
    };
    supervise("here".to_owned(), CancellationToken::new(), run).await;
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_to_be_started_again_is_not_waited_for_at_the_end() {
    let stop = CancellationToken::new();
    let run = |stop: CancellationToken| async move {
        stop.cancel();
        assert!(!stop.is_cancelled(), "injected");
    };
    supervise("here".to_owned(), stop, run).await;
}
