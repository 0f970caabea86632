//! What an outstation tells by itself.

use super::*;
use jiff::Timestamp;

fn event(text: &str, raw: f64, stamp: Option<Stamp>) -> Seen {
    Seen { at: at(text), raw, flags: 1, stamp, event: true, heard: Timestamp::now() }
}

fn ago(seconds: i64) -> Option<Stamp> {
    let at = Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
    Some(Stamp { at, synchronised: true })
}

async fn unsolicited(rig: &Rig, seen: Vec<Seen>) {
    rig.tell(News::Values(Source::Unsolicited, seen)).await;
}

#[tokio::test(start_paused = true)]
async fn unsolicited_values_are_told_at_once() {
    let mut rig = Rig::online().await;
    unsolicited(&rig, vec![event("AI537", 4200.0, ago(0))]).await;
    assert_eq!(value(&rig.told().await, Quantity::ActivePower), Some(4200.0));
    // Of nothing that is measured, no readings.
    rig.forget();
    unsolicited(&rig, vec![event("AI149", 1.0, ago(0)), event("AI47", 81.0, ago(0))]).await;
    let told = rig.told().await;
    assert_eq!((told.len(), value(&told, Quantity::StateOfCharge)), (1, Some(81.0)));
}

#[tokio::test(start_paused = true)]
async fn an_unsolicited_value_without_a_time_is_read_before_it_is_told() {
    let mut rig = Rig::online().await;
    rig.outstation.put("AI537", 4100.0);
    unsolicited(&rig, vec![event("AI537", 4200.0, None)]).await;
    assert_eq!(value(&rig.told().await, Quantity::ActivePower), Some(4100.0), "the message was late");
}

#[tokio::test(start_paused = true)]
async fn a_point_that_reports_events_is_confirmed_by_each_poll() {
    let mut rig = Rig::online().await;
    unsolicited(&rig, vec![event("AI47", 81.0, None)]).await;
    rig.outstation.put("AI47", 81.0);
    rig.told().await;
    rig.forget();
    for _ in 0..5 {
        assert_eq!(value(&rig.poll().await, Quantity::StateOfCharge), Some(81.0));
    }
    rig.tell(News::Indications(Indications { overflow: true, ..Indications::default() })).await;
    rig.state(DeviceState::Degraded).await;
    rig.forget();
    assert_eq!(
        value(&rig.poll().await, Quantity::StateOfCharge),
        None,
        "after lost events silence proves nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn late_and_repeated_events_do_no_harm() {
    let mut rig = Rig::online().await;
    rig.forget();
    let late = event("BI54", 1.0, ago(600));
    unsolicited(&rig, vec![late]).await;
    unsolicited(&rig, vec![late]).await;
    let told = rig.sequence().await;
    assert_eq!(
        (told[0].point.as_str(), told[0].value.as_str(), told[0].clock),
        ("overvoltage", "on", Clock::Device)
    );
    assert_eq!(told[0].at, late.stamp.unwrap().at);
    rig.poll().await;
    rig.poll().await;
    let again = rig.passed.iter().any(|r| matches!(r, Report::Sequence(_)));
    assert!(!again, "told once");
    let alarmed = rig.passed.iter().any(|r| matches!(r, Report::State { state: DeviceState::Degraded, .. }));
    assert!(!alarmed, "it was over before everything was read");
    let kind = PointKind::BinaryInput;
    assert!(rig.outstation.reads().concat().contains(&Part::Range(kind, 54, 54)), "but it was made sure");
}

#[tokio::test(start_paused = true)]
async fn alarms_and_local_mode_are_told_in_words_while_they_last() {
    let mut rig = Rig::online().await;
    for address in ["BI54", "BI10"] {
        rig.outstation.put(address, 1.0);
    }
    unsolicited(&rig, vec![event("BI54", 1.0, ago(0)), event("BI10", 1.0, ago(0))]).await;
    assert_eq!(rig.state(DeviceState::Degraded).await, "the device is in local mode; overvoltage trip");
    let outcome = rig.command(limit_to(4000.0)).await;
    assert_eq!(outcome, Outcome::Refused("the device is in local mode".to_owned()));
    for address in ["BI54", "BI10"] {
        rig.outstation.put(address, 0.0);
    }
    unsolicited(&rig, vec![event("BI54", 0.0, ago(0)), event("BI10", 0.0, ago(0))]).await;
    rig.state(DeviceState::Online).await;
}

#[tokio::test(start_paused = true)]
async fn what_an_outstation_says_of_itself_is_told_in_words() {
    let mut rig = Rig::online().await;
    let none = Indications::default();
    let bits = [
        (Indications { local: true, ..none }, "some of its outputs are in local control (IIN1.5)"),
        (Indications { trouble: true, ..none }, "it has a trouble of its own (IIN1.6)"),
        (Indications { config_corrupt: true, ..none }, "its configuration is corrupt (IIN2.5)"),
    ];
    for (now, words) in bits {
        rig.tell(News::Indications(now)).await;
        assert_eq!(rig.state(DeviceState::Degraded).await, words);
    }
    rig.tell(News::Indications(none)).await;
    rig.state(DeviceState::Online).await;
}

#[tokio::test(start_paused = true)]
async fn lost_events_are_told_and_heal_with_everything_read() {
    let mut rig = Rig::online().await;
    rig.forget();
    rig.tell(News::Indications(Indications { overflow: true, ..Indications::default() })).await;
    let remark = rig.sequence().await;
    assert_eq!((remark[0].point.as_str(), remark[0].clock), ("outstation", Clock::Gateway));
    assert!(remark[0].value.contains("events were lost"));
    assert_eq!(rig.state(DeviceState::Degraded).await, "it has lost events (IIN2.3)");
    rig.tell(News::Values(Source::Integrity, rig.outstation.everything())).await;
    rig.tell(News::Indications(Indications::default())).await;
    rig.state(DeviceState::Online).await;
}

#[tokio::test(start_paused = true)]
async fn what_the_association_cannot_do_is_told() {
    let mut rig = Rig::online().await;
    rig.tell(News::Indications(Indications { need_time: true, ..Indications::default() })).await;
    rig.tell(News::TaskFailed("setting its clock", "it refuses".to_owned())).await;
    assert_eq!(rig.state(DeviceState::Degraded).await, "setting its clock: it refuses");
    rig.tell(News::Indications(Indications::default())).await;
    rig.state(DeviceState::Online).await;
}

#[tokio::test(start_paused = true)]
async fn late_values_are_not_told_as_new_ones() {
    let mut rig = Rig::online().await;
    rig.outstation.script(|_| Answer::Good);
    rig.forget();
    unsolicited(&rig, vec![event("AI537", 1.0, ago(600)), event("AI47", 79.0, ago(0))]).await;
    let told = rig.told().await;
    assert_eq!(told.iter().map(|r| r.quantity).collect::<Vec<_>>(), [Quantity::StateOfCharge]);
    let mut times: Vec<Timestamp> = Vec::new();
    for seconds in [0, 90, 0, 300, -3] {
        unsolicited(&rig, vec![event("AI537", 4000.0, ago(seconds))]).await;
        let polled = rig.poll().await;
        let power = polled.iter().find(|r| r.quantity == Quantity::ActivePower);
        times.extend(power.map(|r| r.at));
    }
    assert!(times.is_sorted() && times.len() == 5, "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_measurement_that_is_lost_degrades_the_device_with_words() {
    let mut rig = Rig::online().await;
    rig.outstation.state().points.insert(at("AI537"), (5000.0, 0x05));
    let words = rig.state(DeviceState::Degraded).await;
    let start =
        "w (AI537) is not usable: the outstation has lost what it comes from (COMM_LOST), last good 20";
    assert!(words.starts_with(start), "{words}");
    rig.outstation.state().points.insert(at("AI537"), (5000.0, 0x01));
    rig.state(DeviceState::Online).await;
}

#[tokio::test(start_paused = true)]
async fn a_change_without_an_event_belongs_into_the_sequence_too() {
    let mut rig = Rig::online().await;
    rig.forget();
    rig.outstation.put("BI54", 1.0);
    rig.tell(News::Values(Source::Integrity, rig.outstation.everything())).await;
    let told = rig.sequence().await;
    assert_eq!(
        (told[0].point.as_str(), told[0].value.as_str(), told[0].clock),
        ("overvoltage", "on", Clock::Gateway)
    );
}
