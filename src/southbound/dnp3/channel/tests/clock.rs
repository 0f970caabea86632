//! The gateway's clock, which may not be set, and a task of the stack's that fails.

use super::*;
use crate::southbound::dnp3::channel::Pace;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

#[tokio::test]
async fn a_gateway_whose_clock_is_not_set_sets_nobody_s_and_says_so_until_it_is() {
    static SET: AtomicBool = AtomicBool::new(false);
    fn clock() -> SystemTime {
        if SET.load(Ordering::Relaxed) { SystemTime::now() } else { SystemTime::UNIX_EPOCH }
    }
    let station = Station::new().await;
    station.desk.need_time.store(true, Ordering::Relaxed);
    let pace = Pace { clock, ..pace() };
    let mut desk = Desktop::paced(place(&[station.at]), &session(), ADDRESSES, pace).await;
    desk.until(|news| match news {
        News::TaskFailed("setting its clock", words) => words.contains("own clock is not set").then_some(()),
        _ => None,
    })
    .await;
    assert_eq!(station.desk.times.load(Ordering::Relaxed), 0);
    assert_eq!(desk.ai0().await, 0.0, "all else goes on");
    SET.store(true, Ordering::Relaxed);
    while station.desk.need_time.load(Ordering::Relaxed) {
        desk.ai0().await;
    }
    assert_eq!(station.desk.times.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_task_of_the_stack_that_panics_is_made_anew() {
    static BROKEN: AtomicBool = AtomicBool::new(false);
    fn clock() -> SystemTime {
        if BROKEN.swap(false, Ordering::Relaxed) {
            panic!("injected");
        }
        SystemTime::now()
    }
    let station = Station::new().await;
    let pace = Pace { clock, ..pace() };
    let mut desk = Desktop::paced(place(&[station.at]), &session(), ADDRESSES, pace).await;
    desk.values(Source::Integrity).await;
    desk.is(News::Restarted).await;
    BROKEN.store(true, Ordering::Relaxed);
    station.desk.need_time.store(true, Ordering::Relaxed);
    while BROKEN.load(Ordering::Relaxed) {
        let _ = desk.outstation.read(&[Part::Events]).await;
    }
    while desk.outstation.read(&[Part::Events]).await.is_ok() {}
    let words = desk.down().await;
    assert!(words.contains("started again"), "{words}");
    desk.is(News::Link(LinkState::Up)).await;
    desk.values(Source::Integrity).await;
    assert_eq!(desk.ai0().await, 0.0);
}
