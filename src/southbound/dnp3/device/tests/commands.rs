//! Commands on their way: before the device is found, between requests, to a device that is gone.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_command_is_carried_out_and_remembered() {
    let mut rig = Rig::online().await;
    let outcome = rig.command(limit_to(4000.0)).await;
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    assert_eq!(rig.outstation.operations().concat(), ["AO88=500", "BO17=on"]);
    let notes = |report: &Report| match report {
        Report::Remember(record) if !record.notes.is_empty() => Some(record.notes.clone()),
        _ => None,
    };
    assert_eq!(rig.report("notes", notes).await, "limit_active_power");
}

#[tokio::test(start_paused = true)]
async fn a_slow_outstation_has_the_time_for_all_steps_of_an_order_that_was_begun_in_time() {
    let mut rig = Rig::online().await;
    rig.outstation.script(|_| Answer::After(Duration::from_millis(2500)));
    rig.forget();
    rig.handles[0].send(Command {
        id: 7,
        setpoint: limit_to(4000.0),
        hold: Duration::from_secs(60),
        expires_at: Instant::now() + Duration::from_secs(5),
    });
    let began = Instant::now();
    assert!(matches!(rig.end().await, Outcome::Applied(_)));
    let took = began.elapsed();
    assert!(took > Duration::from_secs(5), "{took:?}");
    // Between answers that long the core hears each of them.
    let mut heard = 0;
    while let Ok((_, report)) = rig.inbox.reports.try_recv() {
        heard += u64::from(matches!(report, Report::Heard { took } if took == Duration::from_millis(2500)));
    }
    assert!(heard >= took.as_secs() / 3, "{heard} times in {took:?}");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_comes_to_its_turn_too_late_is_not_begun() {
    let mut rig = Rig::online().await;
    rig.outstation.script(|_| Answer::After(Duration::from_secs(8)));
    let reads = rig.outstation.reads().len();
    while rig.outstation.reads().len() == reads {
        sleep(Duration::from_millis(10)).await;
    }
    rig.handles[0].send(Command {
        id: 7,
        setpoint: limit_to(4000.0),
        hold: Duration::from_secs(60),
        expires_at: Instant::now() + Duration::from_secs(5),
    });
    assert_eq!(rig.end().await, Outcome::Expired);
    assert_eq!(rig.outstation.operations(), Vec::<Vec<String>>::new());
}

#[tokio::test(start_paused = true)]
async fn that_an_outstation_is_too_slow_for_its_polls_is_said_once() {
    let mut rig = Rig::online().await;
    rig.outstation.script(|_| Answer::After(Duration::from_secs(3)));
    rig.forget();
    let reason = rig.state(DeviceState::Online).await;
    let words = "its answers to a poll take up to 3.0 s, too slow for a poll each 2 s: values are as old as their time says";
    assert_eq!(reason, words);
    rig.forget();
    for _ in 0..50 {
        rig.poll().await;
    }
    assert_eq!(rig.states(), []);
    rig.outstation.script(|_| Answer::Good);
    assert_eq!(rig.state(DeviceState::Online).await, "");
}

#[tokio::test(start_paused = true)]
async fn what_a_command_rests_on_is_read_right_before_it() {
    let mut rig = Rig::online().await;
    rig.outstation.put("AI32", 10_000.0);
    let outcome = rig.command(limit_to(4000.0)).await;
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    assert_eq!(rig.outstation.operations()[0], ["AO88=400"], "of the maximum as it is now");
    rig.outstation.put("BI10", 1.0);
    let outcome = rig.command(limit_to(3000.0)).await;
    assert_eq!(outcome, Outcome::Refused("the device is in local mode".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_command_waits_until_the_device_is_found() {
    let mut rig = Rig::new(good(), outstation_map());
    rig.send(limit_to(4000.0));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(rig.outstation.operations(), Vec::<Vec<String>>::new());
    rig.connect().await;
    assert!(matches!(rig.end().await, Outcome::Applied(_)));
}

#[tokio::test(start_paused = true)]
async fn a_command_goes_before_the_rest_of_a_poll() {
    let mut map = outstation_map();
    map.points.extend((0..200).map(|index| {
        let mut point = point(&format!("p{index}"), &format!("AI{}", 1000 + index * 2));
        point.poll = PollClass::Fast;
        point
    }));
    let outstation = good();
    let mut rig = Rig::new(outstation.clone(), map);
    rig.connect().await;
    rig.state(DeviceState::Online).await;
    rig.poll().await;
    rig.poll().await;
    outstation.script(|_| Answer::After(Duration::from_millis(100)));
    let begun = outstation.state().seen.len();
    while outstation.state().seen.len() <= begun {
        sleep(Duration::from_millis(10)).await;
    }
    rig.send(limit_to(4000.0));
    assert!(matches!(rig.end().await, Outcome::Applied(_)));
    let requests: Vec<Request> = outstation.state().seen[begun..].to_vec();
    let polled = requests.iter().take_while(|r| !matches!(r, Request::Operate(_))).count();
    assert!(polled <= 3, "one request under way, then what the command rests on: {polled}");
}

#[tokio::test(start_paused = true)]
async fn commands_to_a_lost_device_end_at_once() {
    let mut rig = Rig::online().await;
    rig.down("connection refused").await;
    // Heard before the command is sent.
    sleep(Duration::from_millis(1)).await;
    let begun = Instant::now();
    rig.send(limit_to(4000.0));
    assert_eq!(rig.end().await, Outcome::Unreachable);
    assert!(begun.elapsed().as_secs() >= 29, "it waited as long as the device was not given up");
    let begun = Instant::now();
    assert_eq!(rig.command(limit_to(3000.0)).await, Outcome::Unreachable);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(rig.outstation.operations(), Vec::<Vec<String>>::new());
}

/// A poll waits until one that was silent was looked for, so that its neighbours lose no time; a command must not.
#[tokio::test(start_paused = true)]
async fn a_command_to_one_that_is_left_alone_ends_at_once_and_the_next_is_sent_when_it_is_found() {
    let mut rig = Rig::online().await;
    rig.outstation.state().left_alone = true;
    // A poll is due meanwhile, and waits.
    sleep(Duration::from_secs(20)).await;
    for _ in 0..2 {
        let begun = Instant::now();
        assert_eq!(rig.command(limit_to(4000.0)).await, Outcome::Unreachable);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
    assert_eq!(rig.outstation.operations(), Vec::<Vec<String>>::new());
    rig.outstation.state().left_alone = false;
    let outcome = rig.command(limit_to(4000.0)).await;
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
}
