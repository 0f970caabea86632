//! What is sent again after the outstation restarted, and what is known after the gateway did.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_does_not_stand_any_more_is_sent_again_for_the_time_that_is_left() {
    let (outstation, mut commands) = (good(), commands());
    run(&mut commands, &outstation, limit(6000.0)).await;
    outstation.state().seen.clear();
    assert_eq!(commands.restarted(&outstation, &Told::storage()).await, []);
    assert_eq!(trace(&outstation), ["read BI69 AI148-149"], "it stands: nothing is sent");
    outstation.put("BI69", 0.0);
    tokio::time::advance(Duration::from_secs(100)).await;
    let sent = commands.restarted(&outstation, &Told::storage()).await;
    assert_eq!(sent, [(limit(6000.0), applied(Some(6000.0), true))]);
    assert!(trace(&outstation).contains(&"AO85=200".to_owned()), "{:?}", trace(&outstation));
    outstation.put("BI69", 0.0);
    tokio::time::advance(Duration::from_secs(201)).await;
    assert_eq!(commands.restarted(&outstation, &Told::storage()).await, [], "nobody wants it any more");
    assert_eq!(commands.notes(), "limit_active_power", "but it is undone later");
}

#[tokio::test(start_paused = true)]
async fn another_device_in_its_place_is_sent_nothing() {
    let (outstation, mut commands) = (good(), commands());
    run(&mut commands, &outstation, limit(6000.0)).await;
    commands.stop();
    outstation.put("BI69", 0.0);
    outstation.state().seen.clear();
    assert_eq!(commands.restarted(&outstation, &Told::storage()).await, []);
    assert_eq!(trace(&outstation), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_held_is_undone_by_a_release() {
    let (outstation, mut before) = (good(), commands());
    run(&mut before, &outstation, limit(6000.0)).await;
    let mut after = Commands::new("an2018", Arc::new(map()), &before.notes());
    let (outcome, sent) = run(&mut after, &outstation, Setpoint::ReleaseActivePower).await;
    assert_eq!((outcome, sent[0].as_str()), (applied(None, false), "BO17=off"));
    let mut odd = Commands::new("an2018", Arc::new(map()), "volt-var,,nonsense,reset_alarms");
    assert_eq!(odd.notes(), "reset_alarms,volt-var");
    odd.recall("limit_active_power");
    assert_eq!(odd.notes(), "limit_active_power,reset_alarms,volt-var");
}
