use super::*;
use crate::device_map::registers::CommandName;
use crate::southbound::ProbeOptions;
use crate::southbound::points::testing::{device_map, sungrow};
use crate::southbound::testing::{Book, Server};
use std::sync::Arc;

const LIMIT: Manual = Manual::Command(CommandName::LimitActivePower);
const HOLD: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10);

/// A string inverter of 8000 W that injects 5120 W.
async fn server(kind: u16) -> Server {
    let server = Server::start(&[(1, &Book::at(40000))]).await;
    {
        let mut state = server.state();
        let inputs = state.inputs.entry(1).or_default();
        inputs.extend([(4999, kind), (5000, 80), (5018, 2301), (5030, 5120), (5031, 0), (5035, 500)]);
        inputs.extend((4989..4999).map(|at| (at, 0x4141)));
        state.units.get_mut(&1).unwrap().extend([(5005, 0xCF), (5006, 0x55), (5007, 1000)]);
    }
    server
}

fn session(server: &Server) -> Session {
    let map = device_map(sungrow());
    let options =
        ProbeOptions { link: map.link.clone(), map: Some(Arc::new(map)), ..ProbeOptions::default() };
    Session::new(&server.link(1), &options, crate::southbound::known())
}

#[tokio::test]
async fn a_plan_writes_nothing_and_carrying_it_out_writes_what_it_says() {
    let server = server(0x26).await;
    let session = session(&server);
    let mut device = session.by_hand(&|_| {}).await.unwrap();
    let setpoint = device.setpoint(LIMIT, Some(Amount::Percent(60.0))).unwrap();
    let plan = device.plan(LIMIT, &setpoint, HOLD).await.unwrap();
    let shown = [(5007, vec![600], "limit_pct".to_owned()), (5006, vec![0xAA], "limit_switch".to_owned())];
    assert_eq!(
        (plan.writes.as_slice(), plan.summary.as_str()),
        (&shown[..], "limit 60 % of rated 8000 W = 4800 W")
    );
    assert_eq!(server.writes(), []);
    let outcome = device.carry_out(&plan, PATIENCE).await;
    assert!(matches!(outcome, Outcome::Applied(read_back) if read_back.verified), "{outcome:?}");
    let written: Vec<(u16, Vec<u16>)> =
        server.writes().into_iter().map(|(_, at, words)| (at, words)).collect();
    assert_eq!(written, [(5007, vec![600]), (5006, vec![0xAA])]);
    assert_eq!(device.active_power().await.unwrap(), Some(Watts::new(5120.0)));
}

#[tokio::test]
async fn what_changed_since_it_was_agreed_to_is_not_written() {
    let server = server(0x26).await;
    let session = session(&server);
    let mut device = session.by_hand(&|_| {}).await.unwrap();
    let setpoint = Setpoint::LimitActivePower(Watts::new(4000.0));
    let plan = device.plan(LIMIT, &setpoint, HOLD).await.unwrap();
    // Another rating: what is read again for the command would be other percent.
    tokio::time::advance(FRESH + Duration::from_secs(1)).await;
    assert!(matches!(device.carry_out(&plan, PATIENCE).await, Outcome::Refused(_)));
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn a_release_by_hand_undoes_what_another_left() {
    let server = server(0x27).await;
    let session = session(&server);
    let mut device = session.by_hand(&|_| {}).await.unwrap();
    let release = Setpoint::ReleaseActivePower;
    let plan = device.plan(Manual::ReleaseActivePower, &release, HOLD).await.unwrap();
    assert_eq!(plan.writes, [(5006, vec![0x55], "limit_switch".to_owned())]);
    assert!(matches!(device.carry_out(&plan, PATIENCE).await, Outcome::Applied(_)));
    let words = device.plan(Manual::Command(CommandName::ResetAlarms), &Setpoint::ResetAlarms, HOLD).await;
    assert!(words.unwrap_err().contains("it has limit_active_power, disconnect"));
}

#[tokio::test]
async fn another_device_is_not_controlled() {
    let server = server(0x0123).await;
    let error = session(&server).by_hand(&|_| {}).await.err().unwrap();
    assert!(matches!(&error, ProbeError::NotSunspec { reason, .. } if reason.contains("choose another map")));
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn what_another_master_wrote_since_is_seen() {
    let server = server(0x26).await;
    let session = session(&server);
    let mut device = session.by_hand(&|_| {}).await.unwrap();
    let setpoint = Setpoint::LimitActivePower(Watts::new(4800.0));
    let plan = device.plan(LIMIT, &setpoint, HOLD).await.unwrap();
    assert!(matches!(device.carry_out(&plan, PATIENCE).await, Outcome::Applied(_)));
    let kept: Vec<bool> = device.stands(&plan).await.unwrap().iter().map(|stand| stand.kept).collect();
    assert_eq!(kept, [true, true]);
    server.state().units.get_mut(&1).unwrap().extend([(5006, 0x55), (5007, 120)]);
    let stands = device.stands(&plan).await.unwrap();
    let words: Vec<String> = stands.iter().map(|stand| format!("{} {}", stand.name, stand.now)).collect();
    assert!(stands.iter().all(|stand| !stand.kept), "{stands:?}");
    assert!(words.contains(&"limit_pct 12 %".to_owned()), "{words:?}");
}
