//! Several masters at one outstation: a gateway that drives it, and a technician who looks.

use super::{Master, Rig, until};
use crate::simulator::{Fault, Kind};

#[tokio::test]
async fn a_second_master_takes_nothing_from_the_first() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    assert!(rig.master.enable_unsolicited().await);
    rig.master.forget_events();
    let mut guest = Master::of(&rig.plant.devices()[0]).await;
    guest.integrity().await.unwrap();
    // Told by one, seen by both; each has its own events.
    guest.write(88, 300).await;
    assert_eq!(guest.latch(17, true).await, Some(0));
    let master = &rig.master;
    until("the first is told unasked", || {
        master.seen().event(false, 69).is_some_and(|e| e.raw == 1 && e.unsolicited)
    })
    .await;
    guest.events().await.unwrap();
    assert_eq!(guest.seen().event(false, 69).map(|e| e.raw), Some(1));
    assert_eq!(rig.master.connections(), 1, "nobody was sent away");
    assert_eq!((rig.master.seen().restarts, guest.seen().restarts), (1, 0), "one is told of the start");
}

#[tokio::test]
async fn who_comes_back_finds_the_events_of_before() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    rig.master.latch(3, false).await;
    for _ in 0..5 {
        rig.master.leave().await;
        rig.master.latch(6, true).await;
        rig.master.leave().await;
        rig.master.forget_events();
        rig.master.events().await.unwrap();
        assert_eq!(rig.master.seen().event(false, 25).map(|e| e.raw), Some(1));
        rig.master.latch(6, false).await;
        rig.master.events().await.unwrap();
    }
    assert_eq!(rig.master.seen().restarts, 1, "it is the same session");
}

#[tokio::test]
async fn of_too_many_the_oldest_goes_and_a_restart_ends_all() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    let mut others = Vec::new();
    for _ in 1..super::super::front::MASTERS {
        let mut other = Master::of(&rig.plant.devices()[0]).await;
        other.integrity().await.unwrap();
        others.push(other);
    }
    rig.fault(Fault::Restart);
    for other in std::iter::once(&mut rig.master).chain(&mut others) {
        let mut again = false;
        for _ in 0..5 {
            again = again || other.integrity().await.is_ok();
        }
        assert!(again, "it is there again for everybody");
        assert!(other.connections() >= 2);
    }
    let before = rig.master.connections() + others.iter().map(Master::connections).sum::<usize>();
    let mut last = Master::of(&rig.plant.devices()[0]).await;
    last.integrity().await.unwrap();
    let all = || rig.master.connections() + others.iter().map(Master::connections).sum::<usize>();
    until("one had to go, and has come again", || all() > before).await;
}
