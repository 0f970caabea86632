//! Modes: what is written, enabled, read back, done and undone.

use super::{Rig, until};
use crate::simulator::{Action, Fault, Kind};
use dnp3::app::control::OpType;

#[tokio::test]
async fn a_limit_is_obeyed_shown_and_ends_by_itself() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    for (output, raw) in [(83, 0), (84, 0), (85, 1), (87, 1_000), (88, 400)] {
        assert_eq!(rig.master.write(output, raw).await, Some(0), "AO{output}");
    }
    rig.master.integrity().await.unwrap();
    let seen = rig.master.seen();
    assert_eq!((seen.analog(145), seen.analog(148), seen.analog(149)), (Some(1), Some(1_000), Some(400)));
    assert_eq!(seen.status(69), Some(false), "a setting is no order");
    assert!(rig.power() > 8_000.0);

    assert_eq!(rig.master.latch(17, true).await, Some(0));
    until("the limit is reached", || (rig.power() - 4_000.0).abs() < 1.0).await;
    assert!(rig.plant.devices()[0].limit_active());
    rig.master.events().await.unwrap();
    assert_eq!(rig.master.seen().status(69), Some(true));
    assert_eq!(rig.master.seen().analog(147), Some(4_000));

    until("its time is over", || !rig.plant.devices()[0].limit_active()).await;
    until("the sun is back", || rig.power() > 8_000.0).await;
    rig.master.forget_events();
    rig.master.events().await.unwrap();
    let over = rig.master.seen().event(false, 69).unwrap();
    assert_eq!(over.raw, 0);
    assert!(over.time.unwrap() > 1_600_000_000_000, "with the time it happened");
}

#[tokio::test]
async fn a_set_point_charges_and_discharges() {
    let mut rig = Rig::new(Kind::Storage).await;
    rig.master.integrity().await.unwrap();
    assert_eq!(rig.master.write(93, -500).await, Some(0));
    assert_eq!(rig.master.latch(18, true).await, Some(0));
    until("it charges", || (rig.power() + 5_000.0).abs() < 1.0).await;
    // Changed while it is on, it counts at once.
    assert_eq!(rig.master.write(93, 250).await, Some(0));
    until("it discharges", || (rig.power() - 2_500.0).abs() < 1.0).await;
    rig.master.events().await.unwrap();
    let seen = rig.master.seen();
    assert_eq!((seen.status(70), seen.status(19), seen.status(20)), (Some(true), Some(true), Some(false)));
    assert_eq!(seen.analog(154), Some(250));
    assert_eq!(rig.master.latch(18, false).await, Some(0));
    until("it rests", || rig.power().abs() < 1.0).await;
}

#[tokio::test]
async fn a_limit_with_no_word_on_charging_forbids_it() {
    let mut rig = Rig::new(Kind::Storage).await;
    rig.master.integrity().await.unwrap();
    rig.master.write(93, -500).await;
    rig.master.latch(18, true).await;
    until("it charges", || (rig.power() + 5_000.0).abs() < 1.0).await;
    rig.master.write(88, 1_000).await;
    rig.master.latch(17, true).await;
    until("it may not charge", || rig.power().abs() < 1.0).await;
    rig.master.write(87, 300).await;
    until("it may a little", || (rig.power() + 3_000.0).abs() < 1.0).await;
}

#[tokio::test]
async fn reactive_power_and_power_factor_exclude_each_other() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    rig.master.write(5, 2).await;
    rig.master.write(203, -500).await;
    assert_eq!(rig.master.latch(27, true).await, Some(0));
    rig.master.integrity().await.unwrap();
    assert_eq!((rig.master.seen().analog(541), rig.master.seen().status(79)), (Some(-2_400), Some(true)));
    rig.master.write(210, 95).await;
    assert_eq!(rig.master.latch(10, true).await, Some(0));
    assert_eq!(rig.master.latch(28, true).await, Some(0));
    rig.master.integrity().await.unwrap();
    let seen = rig.master.seen();
    assert_eq!((seen.status(79), seen.status(80), seen.status(29)), (Some(false), Some(true), Some(true)));
    let (watts, vars) = (f64::from(seen.analog(537).unwrap()), f64::from(seen.analog(541).unwrap()));
    assert!((vars / watts + 0.3287).abs() < 0.001, "0.95 absorbing is tan φ −0.3287, not {}", vars / watts);
}

#[tokio::test]
async fn stop_and_start_need_their_permissions() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    assert_eq!(rig.master.latch(2, true).await, Some(15), "no permission to stop");
    rig.master.write(88, 500).await;
    rig.master.latch(17, true).await;
    assert_eq!(rig.master.latch(4, true).await, Some(0));
    assert_eq!(rig.master.latch(2, true).await, Some(0));
    until("it is off", || !rig.plant.devices()[0].connected()).await;
    rig.master.integrity().await.unwrap();
    let seen = rig.master.seen();
    for (index, on) in [(14, false), (15, true), (17, true), (19, false), (21, true), (23, true), (69, false)]
    {
        assert_eq!(seen.status(index), Some(on), "BI{index}");
    }
    assert_eq!(rig.master.latch(3, false).await, Some(0));
    assert_eq!(rig.master.latch(1, true).await, Some(15), "no permission to start");
    assert_eq!(rig.master.latch(3, true).await, Some(0));
    assert_eq!(rig.master.latch(1, true).await, Some(0));
    until("it is back", || rig.power() > 8_000.0).await;
}

#[tokio::test]
async fn the_switch_opens_and_closes_by_itself() {
    let mut rig = Rig::new(Kind::Storage).await;
    rig.master.integrity().await.unwrap();
    rig.master.write(17, 2).await;
    assert_eq!(rig.master.latch(5, false).await, Some(0));
    until("it is off", || !rig.plant.devices()[0].connected()).await;
    rig.master.integrity().await.unwrap();
    assert_eq!((rig.master.seen().status(23), rig.master.seen().status(15)), (Some(false), Some(false)));
    until("it is back", || rig.plant.devices()[0].connected()).await;
    rig.master.integrity().await.unwrap();
    assert_eq!(rig.master.seen().status(23), Some(true));
}

#[tokio::test]
async fn commands_that_mean_nothing_here_are_refused_each_in_its_way() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    assert_eq!(rig.master.write(88, 1_500).await, Some(12), "out of range");
    assert_eq!(rig.master.write(93, 100).await, Some(4), "no battery");
    assert_eq!(rig.master.write(146, 100).await, Some(4), "no such mode");
    assert_eq!(rig.master.write_float(88, 50.0).await, Some(4));
    assert_eq!(rig.master.latch(18, true).await, Some(4));
    assert_eq!(rig.master.latch(23, true).await, Some(4));
    assert_eq!(rig.master.control(17, OpType::PulseOn).await, Some(4));
    rig.master.integrity().await.unwrap();
    assert_eq!((rig.master.seen().analog(149), rig.master.seen().status(69)), (Some(0), Some(false)));
}

#[tokio::test]
async fn curves_are_kept_by_number_and_named_by_modes() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    assert_eq!(rig.master.write(244, 21).await, Some(12), "there are 20");
    let curve = [
        (244, 3),
        (245, 2),
        (247, 129),
        (248, 2),
        (249, 920),
        (250, 1_000),
        (251, 1_080),
        (252, -1_000),
        (246, 2),
    ];
    for (output, raw) in curve {
        assert_eq!(rig.master.write(output, raw).await, Some(0), "AO{output}");
    }
    assert_eq!(rig.master.write(173, 3).await, Some(4), "a volt-var curve is no volt-watt curve");
    assert_eq!(rig.master.write(217, 3).await, Some(0));
    assert_eq!(rig.master.latch(29, true).await, Some(0));
    rig.master.integrity().await.unwrap();
    let seen = rig.master.seen();
    for (output, raw) in curve {
        assert_eq!(seen.analog(output + 84), Some(raw), "AI{}", output + 84);
    }
    assert_eq!((seen.analog(297), seen.status(81), seen.status(107)), (Some(3), Some(true), Some(true)));
    rig.master.write(244, 4).await;
    rig.master.integrity().await.unwrap();
    let seen = rig.master.seen();
    assert_eq!(
        (seen.analog(328), seen.analog(330), seen.analog(333), seen.status(107)),
        (Some(4), Some(0), Some(0), Some(false))
    );
}

#[tokio::test]
async fn commands_are_remembered_as_they_came() {
    let mut rig = Rig::with(Kind::Pv, &[Fault::Local]).await;
    rig.master.integrity().await.unwrap();
    rig.master.write(88, 400).await;
    rig.fault(Fault::Night);
    rig.master.latch(17, true).await;
    let commands = rig.plant.devices()[0].commands();
    let told: Vec<(String, u8, bool)> =
        commands.iter().map(|c| (c.to_string(), c.status, c.selected)).collect();
    assert_eq!(told, [("AO88=400".to_owned(), 7, false), ("BO17=on".to_owned(), 0, true)]);
    assert_eq!(commands[1].action, Action::Latch(true));
}
