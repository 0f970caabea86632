use super::*;

#[tokio::test(start_paused = true)]
async fn a_silent_core_is_dead_until_it_answers() {
    let health = Health::new(Arc::new(AtomicBool::new(true)));
    health.set_ready(true);
    tokio::time::advance(Duration::from_secs(9)).await;
    assert_eq!((health.live(), health.ready()), (Ok(()), Ok(())));
    tokio::time::advance(Duration::from_secs(3)).await;
    let why = Err("the core has not answered for 12 s".to_owned());
    assert_eq!((health.live(), health.ready()), (why.clone(), why));
    health.core_answered();
    assert_eq!((health.live(), health.ready()), (Ok(()), Ok(())));
}

#[tokio::test(start_paused = true)]
async fn not_ready_is_not_dead() {
    let writable = Arc::new(AtomicBool::new(true));
    let health = Health::new(writable.clone());
    assert!(health.live().is_ok() && health.ready().unwrap_err().contains("starting"));
    health.set_ready(true);
    assert_eq!(health.ready(), Ok(()));
    writable.store(false, Ordering::Relaxed);
    assert!(health.live().is_ok() && health.ready().unwrap_err().contains("store cannot write"));
}
