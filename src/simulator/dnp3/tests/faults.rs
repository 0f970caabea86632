//! Each way to misbehave, as a master sees it.

use super::{Rig, until};
use crate::simulator::{Fault, Kind};
use std::time::Duration;
use tokio::time::Instant;

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
    let now = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        u64::try_from(now).unwrap()
    };
    let before = now();
    rig.fault(Fault::Trouble);
    let master = &rig.master;
    until("the alarm is told", || master.seen().event(false, 1).is_some_and(|e| e.raw == 1)).await;
    let told = rig.master.seen().event(false, 1).unwrap().time.unwrap();
    let after = now();
    assert!((before..=after).contains(&told), "{told} is not between {before} and {after}");
}

#[tokio::test]
async fn on_the_wire_nothing_good_arrives() {
    for fault in [Fault::Silent, Fault::Garbage, Fault::WrongUnit, Fault::ResetMidResponse, Fault::Refused] {
        let mut rig = Rig::with(Kind::Pv, std::slice::from_ref(&fault)).await;
        assert!(rig.master.integrity().await.is_err(), "{fault}");
        assert_eq!(rig.master.seen().analog(537), None, "{fault}");
        rig.plant.devices()[0].set_faults(&[]);
        let mut healed = false;
        for _ in 0..3 {
            healed = healed || rig.master.integrity().await.is_ok();
        }
        assert!(healed, "{fault}: healed, it answers again");
    }
}

#[tokio::test]
async fn slow_and_split_answers_are_right_answers() {
    let mut rig = Rig::with(Kind::Pv, &[Fault::Split]).await;
    rig.master.integrity().await.unwrap();
    rig.fault(Fault::Slow(Duration::from_millis(30)));
    let begun = Instant::now();
    rig.master.integrity().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(30));
    assert_eq!(rig.master.seen().analog(4), Some(10_000));
}

#[tokio::test]
async fn a_restart_is_told_and_loses_what_was_asked() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    rig.master.write(88, 300).await;
    rig.master.latch(17, true).await;
    until("the limit is obeyed", || rig.power() < 3_001.0).await;
    rig.fault(Fault::Restart);
    until("nothing is asked of it", || !rig.plant.devices()[0].held()).await;
    while rig.master.integrity().await.is_err() {}
    let master = &rig.master;
    until("it is told", || master.seen().restarts == 2).await;
    let seen = rig.master.seen();
    assert_eq!((seen.status(69), seen.analog(149)), (Some(false), Some(0)));
}

#[tokio::test]
async fn it_wants_the_time_until_it_is_told() {
    let mut rig = Rig::with(Kind::Pv, &[Fault::NeedTime]).await;
    rig.master.integrity().await.unwrap();
    assert!(rig.master.seen().indicated(|iin| iin.iin1.get_need_time()));
    assert!(rig.master.tell_time().await);
    rig.master.integrity().await.unwrap();
    assert!(!rig.master.seen().indicated(|iin| iin.iin1.get_need_time()));
    rig.fault(Fault::NeedTimeRefused);
    assert!(!rig.master.tell_time().await);
    rig.master.integrity().await.unwrap();
    assert!(rig.master.seen().indicated(|iin| iin.iin1.get_need_time()));
}

#[tokio::test]
async fn events_overflow_once_or_always() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    let overflow = |rig: &Rig| rig.master.seen().indicated(|iin| iin.iin2.get_event_buffer_overflow());
    assert!(!overflow(&rig));
    rig.fault(Fault::Overflow);
    let mut seen = false;
    for _ in 0..50 {
        rig.master.integrity().await.unwrap();
        seen = seen || overflow(&rig);
        if seen && !overflow(&rig) {
            break;
        }
    }
    assert!(seen, "it was told");
    assert!(!overflow(&rig), "and is over");
    rig.fault(Fault::OverflowStuck);
    for _ in 0..2 {
        let mut again = false;
        for _ in 0..200 {
            rig.master.integrity().await.unwrap();
            again = again || overflow(&rig);
            if again {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(again, "it comes back");
    }
}

#[tokio::test]
async fn flags_and_values_tell_what_is_not_to_be_trusted() {
    let mut rig = Rig::new(Kind::Storage).await;
    rig.fault(Fault::CommLost);
    rig.master.integrity().await.unwrap();
    let seen = rig.master.seen();
    assert_eq!(
        (seen.flags(true, 537), seen.flags(true, 47), seen.flags(true, 4)),
        (Some(5), Some(5), Some(1))
    );
    assert_eq!((seen.status(0), seen.status(106)), (Some(true), Some(true)));
    rig.fault(Fault::Offline);
    rig.master.integrity().await.unwrap();
    assert!(rig.master.seen().flags_are(0));
    rig.fault(Fault::NullValues);
    rig.master.integrity().await.unwrap();
    let seen = rig.master.seen();
    assert_eq!(
        (seen.analog(537), seen.analog(47), seen.analog(4)),
        (Some(i32::MIN), Some(i32::MIN), Some(10_000))
    );
}

#[tokio::test]
async fn states_are_told_by_indications_points_and_statuses() {
    let mut rig = Rig::with(Kind::Pv, &[Fault::Local]).await;
    rig.master.integrity().await.unwrap();
    let seen = rig.master.seen();
    assert!(seen.indicated(|iin| iin.iin1.get_local_control()) && seen.status(10) == Some(true));
    assert_eq!(rig.master.latch(17, true).await, Some(7));
    rig.fault(Fault::Lockout);
    assert_eq!(rig.master.write(88, 500).await, Some(15));
    rig.master.integrity().await.unwrap();
    assert_eq!((rig.master.seen().status(10), rig.master.seen().status(11)), (Some(false), Some(true)));
    rig.fault(Fault::Trouble);
    rig.master.integrity().await.unwrap();
    assert!(rig.master.seen().indicated(|iin| iin.iin1.get_device_trouble()));
    rig.fault(Fault::ConfigCorrupt);
    rig.master.integrity().await.unwrap();
    assert!(rig.master.seen().indicated(|iin| iin.iin2.get_config_corrupt()));
    rig.fault(Fault::Night);
    rig.master.integrity().await.unwrap();
    assert_eq!((rig.master.seen().analog(537), rig.master.seen().analog(43)), (Some(0), Some(0)));
    rig.fault(Fault::ProfileVersion(110));
    rig.master.integrity().await.unwrap();
    assert_eq!(rig.master.seen().analog(0), Some(110));
}

#[tokio::test]
async fn every_status_can_be_answered() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    for code in (1..=18).chain([126]) {
        rig.fault(Fault::Status(code));
        let expected = if code == 4 { Some(4) } else { Some(code) };
        assert_eq!(rig.master.write(88, 500).await, expected, "write, status {code}");
        assert_eq!(rig.master.latch(17, true).await, expected, "latch, status {code}");
    }
    assert!(!rig.plant.devices()[0].held());
}

#[tokio::test]
async fn feedback_can_lie_in_each_place() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    rig.fault(Fault::NoFeedback);
    rig.master.write(88, 500).await;
    assert_eq!(rig.master.latch(17, true).await, Some(0));
    until("it obeys all the same", || (rig.power() - 5_000.0).abs() < 1.0).await;
    rig.master.integrity().await.unwrap();
    assert_eq!(rig.master.seen().status(69), Some(false));
    rig.fault(Fault::WrongReadback);
    rig.master.integrity().await.unwrap();
    assert_eq!((rig.master.seen().analog(149), rig.master.seen().status(69)), (Some(450), Some(true)));
    rig.fault(Fault::IgnoresLimit);
    until("it does not care", || rig.power() > 8_000.0).await;
    rig.master.integrity().await.unwrap();
    assert_eq!((rig.master.seen().analog(149), rig.master.seen().status(69)), (Some(500), Some(true)));
    rig.fault(Fault::NotKept);
    assert_eq!(rig.master.write(88, 100).await, Some(0));
    rig.master.integrity().await.unwrap();
    assert_eq!(rig.master.seen().analog(149), Some(500));
}

#[tokio::test]
async fn unsolicited_reports_can_be_refused_and_events_without_time() {
    let mut rig = Rig::with(Kind::Pv, &[Fault::NoUnsolicited, Fault::EventsWithoutTime]).await;
    rig.master.integrity().await.unwrap();
    assert!(!rig.master.enable_unsolicited().await);
    rig.master.latch(17, true).await;
    rig.master.events().await.unwrap();
    assert_eq!(rig.master.seen().event(false, 69).unwrap().time, Some(0));
}

#[tokio::test]
async fn another_serial_number_is_another_device() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    rig.fault(Fault::SerialChange("SN-2".to_owned()));
    let mut words = Vec::new();
    for _ in 0..3 {
        if let Ok(found) = rig.master.attributes().await {
            words = found;
        }
        if words.contains(&"SN-2".to_owned()) {
            break;
        }
    }
    assert!(words.contains(&"SN-2".to_owned()), "{words:?}");
}

#[tokio::test]
async fn a_mode_may_have_a_time_limit_that_nobody_asked_for() {
    let mut rig = Rig::with(Kind::Pv, &[Fault::DefaultReversion(Duration::from_secs(1))]).await;
    rig.master.integrity().await.unwrap();
    rig.master.write(88, 500).await;
    rig.master.latch(17, true).await;
    assert!(rig.plant.devices()[0].held());
    until("it ends by itself", || !rig.plant.devices()[0].held()).await;
}

#[tokio::test]
async fn a_fault_is_there_from_the_start_and_again_each_time_it_is_told() {
    let mut rig = Rig::with(Kind::Pv, &[Fault::Overflow]).await;
    let overflow = |rig: &Rig| rig.master.seen().indicated(|iin| iin.iin2.get_event_buffer_overflow());
    let mut seen = false;
    for _ in 0..3 {
        rig.master.integrity().await.unwrap();
        seen = seen || overflow(&rig);
    }
    assert!(seen, "it has it from its settings");
    for restarts in [2, 3] {
        rig.fault(Fault::Restart);
        for _ in 0..200 {
            let _ = rig.master.integrity().await;
            if rig.master.seen().restarts == restarts {
                break;
            }
        }
        assert_eq!(rig.master.seen().restarts, restarts);
    }
}
