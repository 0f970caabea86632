//! Each way to misbehave, as a master sees it.

use super::{Master, Rig, until};
use crate::simulator::{Fault, Kind};
use std::time::Duration;

#[tokio::test]
async fn events_come_unasked_with_the_time_they_happened() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    assert!(rig.master.enable_unsolicited().await);
    rig.plant.devices()[0].set_irradiance(0.2);
    let master = &rig.master;
    until("the power is told", || {
        master.seen().event(true, 537).is_some_and(|e| e.unsolicited && e.raw == 2_000)
    })
    .await;
    rig.fault(Fault::Trouble);
    let master = &rig.master;
    until("the alarm is told", || master.seen().event(false, 1).is_some_and(|e| e.raw == 1)).await;
    assert!(rig.master.seen().event(false, 1).unwrap().time.unwrap() > 1_600_000_000_000);
}
