//! Values that cannot be used: the state says so while it is so. And another device behind the same address.

use super::*;

#[tokio::test]
async fn a_value_without_a_scale_factor_degrades_the_device_while_it_lasts() {
    let mut odd = legacy();
    odd.set(103, "W_SF", 0x8000);
    let (server, mut rig) = Rig::one(&odd).await;
    let reason = rig.state(0, DeviceState::Degraded).await;
    for words in
        ["model 103 W = 5000", "W_SF is not implemented", "value not used", "sf_override \"103.W_SF\""]
    {
        assert!(reason.contains(words), "{reason}");
    }
    server.state().units.insert(1, legacy().registers);
    assert_eq!(rig.state(0, DeviceState::Online).await, "");
    let mut bad = legacy();
    bad.set(103, "V_SF", 11);
    server.state().units.insert(1, bad.registers);
    let reason = rig.state(0, DeviceState::Degraded).await;
    assert!(reason.contains("V_SF is 11, outside -10 to 10: value not used"), "{reason}");
    assert!(!reason.contains("W_SF"), "{reason}");
}

#[tokio::test]
async fn the_words_of_a_value_that_cannot_be_used_do_not_change_with_it() {
    let mut odd = legacy();
    odd.set(103, "W_SF", 0x8000);
    let power = odd.address(103, "W");
    let (server, mut rig) = Rig::one(&odd).await;
    rig.state(0, DeviceState::Degraded).await;
    server.script(move |_, registers| {
        *registers.entry(power).or_default() += 1;
        Answer::Good
    });
    let mut polls = 0;
    rig.report("ten polls", |_, report| match report {
        Report::State { reason, .. } => panic!("said again: {reason}"),
        Report::Poll(_) => {
            polls += 1;
            (polls == 10).then_some(())
        }
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn a_scale_factor_behind_the_end_of_a_short_model_is_told_as_such() {
    let book = Book::at(40000).identity("S").longer(103, 13, &[("A", 1), ("A_SF", 0), ("W", 5000)]);
    let (_server, mut rig) = Rig::one(&book).await;
    let reason = rig.state(0, DeviceState::Degraded).await;
    assert!(
        reason.contains("model 103 W = 5000, but the model ends before W_SF: value not used"),
        "{reason}"
    );
    assert!(!reason.contains("sf_override"), "no remedy that is none: {reason}");
}

#[tokio::test]
async fn another_device_behind_a_connection_that_was_made_anew_is_noticed_at_once() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.state(0, DeviceState::Online).await;
    rig.power(0, Some(5000.0)).await;
    let mut other = legacy();
    let serial = other.address(1, "SN");
    other.put(serial, &[0x4F54, 0x4845, 0x5200]);
    server.state().units.insert(1, other.registers);
    // Until now nothing shows: model 1 is not read again and again.
    let mut polls = 0;
    rig.report("polls", |_, report| match report {
        Report::State { state, reason } => panic!("{state:?} {reason}"),
        Report::Poll(_) => {
            polls += 1;
            (polls == 5).then_some(())
        }
        _ => None,
    })
    .await;
    let mut closed = false;
    server
        .script(move |_, _| if std::mem::replace(&mut closed, true) { Answer::Good } else { Answer::Close });
    assert!(rig.state(0, DeviceState::IdentityChanged).await.contains("SN-1 to OTHER"));
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Refused(_)));
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn a_command_over_a_connection_that_was_made_anew_does_not_reach_another_device() {
    let server = Server::start(&[(1, &legacy())]).await;
    let mut device = server.device(0, 1);
    // Nothing but the command looks at it.
    device.poll = Duration::from_secs(30);
    let mut rig = Rig::new(vec![device], known());
    rig.power(0, Some(5000.0)).await;
    let mut other = legacy();
    let serial = other.address(1, "SN");
    other.put(serial, &[0x4F54, 0x4845, 0x5200]);
    server.state().units.insert(1, other.registers);
    let mut closed = false;
    server
        .script(move |_, _| if std::mem::replace(&mut closed, true) { Answer::Good } else { Answer::Close });
    let Outcome::Refused(words) = rig.command(0, LIMIT).await else { panic!("not refused") };
    assert!(words.contains("SN-1 to OTHER"), "{words}");
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn a_power_far_beyond_the_rating_is_not_believed() {
    let mut odd = legacy();
    odd.set(103, "W_SF", 2);
    let (_server, mut rig) = Rig::one(&odd).await;
    let reason = rig.state(0, DeviceState::Degraded).await;
    assert!(reason.contains("its active power is not believed: 500.0 kW was read"), "{reason}");
    rig.power(0, None).await;
}
