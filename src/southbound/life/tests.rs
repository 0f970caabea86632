use super::*;
use crate::core::port::{Command, Inbox, open};
use crate::der::{DeviceIndex, Mrid};
use crate::southbound::{Link, ModbusTcp};
use std::sync::Arc;

fn settings(serial: Option<&str>) -> DeviceSettings {
    DeviceSettings {
        index: DeviceIndex::new(0),
        mrid: Mrid::parse("device-0").unwrap(),
        name: "device-0".to_owned(),
        link: Link::ModbusTcp(ModbusTcp { host: "nowhere".to_owned(), port: 502, unit: 1 }),
        tls: None,
        map: Arc::new(crate::southbound::testing::map()),
        map_named: true,
        serial: serial.map(str::to_owned),
        record: None,
        poll: Duration::from_secs(1),
    }
}

/// The states told so far.
fn told(inbox: &mut Inbox) -> Vec<(DeviceState, String)> {
    let reports = std::iter::from_fn(|| inbox.reports.try_recv().ok());
    let state = |(_, report)| match report {
        Report::State { state, reason } => Some((state, reason)),
        _ => None,
    };
    reports.filter_map(state).collect()
}

#[tokio::test]
async fn a_silence_is_told_once_beside_how_the_device_stands_and_ends_with_its_answer() {
    let settings = settings(None);
    let (mut inbox, _handles, ports) = open(1);
    let mut life = Life::new(&settings, &ports[0]);
    life.say(DeviceState::Discovering, String::new()).await;
    life.failed();
    life.say_silence("connection refused").await;
    life.answered();
    life.say_wrong(&["it has an alarm".to_owned()]).await;
    assert_eq!(
        told(&mut inbox),
        [
            (DeviceState::Discovering, FIRST.to_owned()),
            (DeviceState::Discovering, "no usable answer yet: connection refused".to_owned()),
            (DeviceState::Degraded, "it has an alarm".to_owned()),
        ]
    );
    for _ in 0..5 {
        life.failed();
        life.say_silence("no answer in time").await;
        life.say_wrong(&["it has an alarm".to_owned()]).await;
    }
    let silent = told(&mut inbox);
    let [(DeviceState::Degraded, reason)] = silent.as_slice() else { panic!("{silent:?}") };
    assert!(reason.starts_with("no usable answer since 2"), "{reason}");
    assert!(reason.ends_with("Z: no answer in time; it has an alarm"), "{reason}");
    life.answered();
    life.say_wrong(&[]).await;
    assert_eq!(told(&mut inbox), [(DeviceState::Online, String::new())]);
}

#[tokio::test]
async fn a_lost_device_has_why_it_is_lost_as_its_reason_and_no_more() {
    let settings = settings(None);
    let (mut inbox, handles, ports) = open(1);
    let mut life = Life::new(&settings, &ports[0]);
    life.answered();
    life.say_wrong(&[]).await;
    life.say_silence("no answer in time").await;
    assert_eq!(life.refusal(), None, "a device that may still answer is still asked");
    handles[0].send(Command {
        id: 1,
        setpoint: Setpoint::Connect,
        hold: Duration::ZERO,
        expires_at: Instant::now() + Duration::from_secs(3600),
    });
    told(&mut inbox);
    life.gone(DeviceState::CommLost, "no answer in time".to_owned()).await;
    assert_eq!(told(&mut inbox), [(DeviceState::CommLost, "no answer in time".to_owned())]);
    assert_eq!(inbox.ends.try_recv().unwrap().outcome, Outcome::Unreachable);
    assert_eq!(life.refusal(), Some(Outcome::Unreachable));
}

#[tokio::test]
async fn another_device_is_refused_in_words_that_do_not_follow_its_silence() {
    let settings = settings(Some("S-1"));
    let (mut inbox, _handles, ports) = open(1);
    let mut life = Life::new(&settings, &ports[0]);
    life.answered();
    assert!(life.check_serial(Some("S-2")));
    life.say_wrong(&["it has an alarm".to_owned()]).await;
    life.say_silence("no answer in time").await;
    let states = told(&mut inbox);
    assert!(states.iter().all(|(state, _)| *state == DeviceState::IdentityChanged), "{states:?}");
    assert_eq!(life.refusal(), Some(Outcome::Refused(states[0].1.clone())));
    life.remember("of another".to_owned()).await;
    assert!(!life.check_serial(Some("S-1")));
    life.say_wrong(&[]).await;
    life.remember("of it".to_owned()).await;
    let mut kept = Vec::new();
    while let Ok((_, report)) = inbox.reports.try_recv() {
        kept.extend(if let Report::Remember(record) = report { Some(record.notes) } else { None });
    }
    assert_eq!(kept, ["of it"], "a device in another's place is not remembered");
}

#[tokio::test]
async fn a_device_is_found_once_until_it_is_lost_or_is_another() {
    let settings = settings(None);
    let (_inbox, _handles, ports) = open(1);
    let mut life = Life::new(&settings, &ports[0]);
    let plate = |serial: &str| Nameplate { serial: Some(serial.to_owned()), ..Nameplate::default() };
    assert!(life.is_new_find(&plate("S-1"), "map", None));
    life.say_wrong(&[]).await;
    assert!(!life.is_new_find(&plate("S-1"), "map", None), "it was only asked again");
    assert!(life.is_new_find(&plate("S-1"), "other map", None));
    assert!(life.is_new_find(&plate("S-2"), "other map", None));
    life.gone(DeviceState::CommLost, "no answer in time".to_owned()).await;
    life.gone(DeviceState::CommLost, "connection refused".to_owned()).await;
    assert!(life.is_new_find(&plate("S-2"), "other map", None));
    assert!(!life.is_new_find(&plate("S-2"), "other map", None));
}
