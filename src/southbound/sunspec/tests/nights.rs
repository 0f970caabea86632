//! Inverters at night: asleep, not lost; and what is not a night.

use super::*;

fn evening() -> Book {
    let mut book = legacy();
    book.set(103, "W", 20);
    book.set(103, "St", 2);
    book
}

/// As an SMA shows itself at night: nothing of 103 is implemented but the counter, not even the scale factors.
fn night() -> Book {
    let mut book = legacy();
    let (.., layout) = book.places.iter().find(|(id, ..)| *id == 103).unwrap().clone();
    for placed in layout.points.iter().skip(2).filter(|p| p.path != "WH") {
        let words = placed.point.kind.not_implemented().unwrap_or_default();
        let at = book.address(103, &placed.path);
        book.put(at, words);
    }
    book
}

impl Rig {
    /// The next state that is not this one.
    async fn state_after(&mut self, now: DeviceState) -> (DeviceState, String) {
        self.report("another state", |_, report| match report {
            Report::State { state, reason } if *state != now => Some((*state, reason.clone())),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn an_inverter_that_goes_silent_at_rest_sleeps_and_wakes() {
    let (server, mut rig) = Rig::one(&evening()).await;
    rig.power(0, Some(20.0)).await;
    server.script(|_, _| Answer::Silence);
    let (state, reason) = rig.state_after(DeviceState::Online).await;
    assert_eq!(state, DeviceState::Asleep);
    assert!(reason.contains("at rest when it was last heard"), "{reason}");
    assert_eq!(rig.command(0, LIMIT).await, Outcome::Unreachable, "at once, as of a lost device");
    server.script(|_, _| Answer::Good);
    server.state().units.insert(1, legacy().registers);
    rig.state(0, DeviceState::Online).await;
    rig.power(0, Some(5000.0)).await;
}

#[tokio::test]
async fn an_inverter_that_goes_silent_while_it_produces_is_lost() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.power(0, Some(5000.0)).await;
    server.script(|_, _| Answer::Silence);
    assert_eq!(rig.state_after(DeviceState::Online).await.0, DeviceState::CommLost);
}

#[tokio::test]
async fn an_inverter_that_holds_a_limit_of_ours_is_lost() {
    let (server, mut rig) = Rig::one(&evening()).await;
    rig.state(0, DeviceState::Online).await;
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
    rig.power(0, Some(20.0)).await;
    server.script(|_, _| Answer::Silence);
    assert_eq!(rig.state_after(DeviceState::Online).await.0, DeviceState::CommLost);
}

#[tokio::test]
async fn a_storage_never_sleeps() {
    let (server, mut rig) = Rig::one(&storage()).await;
    rig.power(0, Some(0.0)).await;
    server.script(|_, _| Answer::Silence);
    assert_eq!(rig.state_after(DeviceState::Online).await.0, DeviceState::CommLost);
}

#[tokio::test]
async fn an_inverter_that_answers_without_measurements_sleeps_and_its_values_are_not_good() {
    let (server, mut rig) = Rig::one(&evening()).await;
    rig.power(0, Some(20.0)).await;
    server.state().units.insert(1, night().registers);
    let (state, reason) = rig.state_after(DeviceState::Online).await;
    assert_eq!(state, DeviceState::Asleep, "{reason}");
    let poll = rig.poll(0).await;
    assert!(!poll.readings.is_empty());
    assert!(poll.readings.iter().all(|r| r.quality == Quality::Invalid && r.value.is_nan()), "{poll:?}");
    server.state().units.insert(1, legacy().registers);
    rig.state(0, DeviceState::Online).await;
}

#[tokio::test]
async fn an_inverter_that_is_found_at_night_sleeps_until_it_shows_itself() {
    let (server, mut rig) = Rig::one(&night()).await;
    assert_eq!(rig.state_after(DeviceState::Discovering).await.0, DeviceState::Asleep);
    server.state().units.insert(1, legacy().registers);
    rig.state(0, DeviceState::Online).await;
    rig.power(0, Some(5000.0)).await;
}

#[tokio::test]
async fn measurements_that_vanish_at_noon_are_no_sleep() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.power(0, Some(5000.0)).await;
    server.state().units.insert(1, night().registers);
    let (state, reason) = rig.state_after(DeviceState::Online).await;
    assert_eq!(state, DeviceState::Degraded);
    assert!(reason.contains("shows no measurements"), "{reason}");
}

#[tokio::test]
async fn a_night_that_does_not_end_is_no_night() {
    let (server, mut rig) = Rig::one(&evening()).await;
    rig.power(0, Some(20.0)).await;
    server.state().units.insert(1, night().registers);
    rig.state(0, DeviceState::Asleep).await;
    rig.state(0, DeviceState::Degraded).await;
    let mut polls = 0;
    rig.report("polls", |_, report| match report {
        Report::State { state, reason } => panic!("{state:?} {reason}"),
        Report::Poll(_) => {
            polls += 1;
            (polls == 10).then_some(())
        }
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn the_zeros_of_the_first_seconds_are_neither_good_nor_online() {
    let mut woken = legacy();
    for path in
        ["A_SF", "PhVphA", "PhVphB", "PhVphC", "V_SF", "W", "W_SF", "Hz", "Hz_SF", "WH", "WH_SF", "VA", "VAr"]
    {
        woken.set(103, path, 0);
    }
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.power(0, Some(5000.0)).await;
    server.state().units.insert(1, woken.registers);
    rig.state(0, DeviceState::Degraded).await;
    for _ in 0..3 {
        let poll = rig.poll(0).await;
        assert!(poll.readings.iter().all(|r| r.quality == Quality::Invalid), "{poll:?}");
    }
    server.state().units.insert(1, legacy().registers);
    rig.state(0, DeviceState::Online).await;
    rig.power(0, Some(5000.0)).await;
}

#[tokio::test]
async fn an_inverter_that_slept_when_the_gateway_stopped_sleeps_when_it_starts() {
    let (server, mut rig) = Rig::one(&evening()).await;
    rig.power(0, Some(20.0)).await;
    server.script(|_, _| Answer::Silence);
    let record = rig
        .report("record of its sleep", |_, report| match report {
            Report::Remember(record) if record.notes.contains("asleep ") => Some(record.clone()),
            _ => None,
        })
        .await;
    let (silent, mut device) = (Server::start(&[(1, &legacy())]).await, server.device(0, 1));
    silent.script(|_, _| Answer::Silence);
    device.link = silent.link(1);
    device.record = Some(record);
    let mut rig = Rig::new(vec![device], known());
    assert_eq!(rig.state_after(DeviceState::Discovering).await.0, DeviceState::Asleep);
    silent.script(|_, _| Answer::Good);
    rig.report("record that it woke", |_, report| match report {
        Report::Remember(record) if !record.notes.contains("asleep ") => Some(()),
        _ => None,
    })
    .await;
}
