//! Devices that do not answer, or do not answer any more: lost in time, whatever else is tried meanwhile.

use super::*;

fn with_lost_after(server: &Server, lost_after: Duration) -> DeviceSettings {
    let mut device = server.device(0, 1);
    let mut map = (*device.map).clone();
    map.link.lost_after = lost_after;
    device.map = Arc::new(map);
    device
}

#[tokio::test]
async fn a_device_that_never_answers_is_lost_in_time() {
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|_, _| Answer::Silence);
    let begun = Instant::now();
    let mut rig = Rig::new(vec![with_lost_after(&server, Duration::from_millis(700))], known());
    rig.send(0, LIMIT);
    let reason = rig.state(0, DeviceState::CommLost).await;
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert!(reason.contains("no answer"), "{reason}");
    assert_eq!(rig.outcome().await, Outcome::Unreachable);
}

#[tokio::test]
async fn a_device_that_falls_silent_is_told_of_before_it_counts_as_lost() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.state(0, DeviceState::Online).await;
    server.script(|_, _| Answer::Silence);
    let reason = rig.state(0, DeviceState::Online).await;
    assert!(reason.starts_with("no usable answer since 2"), "{reason}");
    let reason = rig.state(0, DeviceState::CommLost).await;
    assert!(!reason.is_empty() && !reason.contains("no usable answer"), "not told twice: {reason}");
    server.script(|_, _| Answer::Good);
    assert_eq!(rig.state(0, DeviceState::Online).await, "");
}

#[tokio::test]
async fn a_device_that_is_silent_at_all_bases_but_its_last_is_found_all_the_same() {
    let server =
        Server::start(&[(1, &Book::at(50000).identity("S").model(103, &[("W", 5), ("W_SF", 0)]))]).await;
    server.script(|seen, _| if seen.address < 50000 { Answer::Silence } else { Answer::Good });
    let mut rig = Rig::new(vec![with_lost_after(&server, Duration::from_millis(300))], known());
    rig.power(0, Some(5.0)).await;
}

#[tokio::test]
async fn a_device_of_which_one_block_was_silent_is_lost_when_all_of_it_is() {
    let server = Server::start(&[(1, &legacy())]).await;
    let measuring = legacy().address(103, "ID");
    server.script(move |seen, _| {
        if (seen.address, seen.quantity > 2) == (measuring, true) { Answer::Silence } else { Answer::Good }
    });
    let mut rig = Rig::new(vec![with_lost_after(&server, Duration::from_secs(1))], known());
    rig.state(0, DeviceState::Degraded).await;
    // Its other blocks are not asked in every poll: a poll that asks for nothing proves nothing.
    server.script(|_, _| Answer::Silence);
    rig.state(0, DeviceState::CommLost).await;
}
