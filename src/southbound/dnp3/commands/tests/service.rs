//! A stop ends all modes: what is in force after a return to service, and what is believed.

use super::*;

/// An outstation that stops and starts, and ends its modes when it does either.
fn stopped_at(output: &'static str) -> Outstation {
    let outstation = good();
    let modes = outstation.clone();
    outstation.script(move |request| {
        if matches!(request, Request::Operate(outputs) if outputs[0].at == at(output)) {
            let modes = modes.clone();
            // Before the next request: nothing is asked within the same turn.
            tokio::spawn(async move {
                ["BI69", "BI70", "BI79", "BI80", "BI81"].into_iter().for_each(|mode| modes.put(mode, 0.0));
            });
        }
        Answer::After(Duration::from_millis(1))
    });
    outstation
}

fn position(sent: &[String], line: &str) -> usize {
    sent.iter().position(|sent| sent == line).unwrap_or_else(|| panic!("{line} in {sent:?}"))
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_in_force_again_before_the_start() {
    let (outstation, mut commands) = (good(), commands());
    outstation.put("BI23", 1.0);
    run(&mut commands, &outstation, limit(6000.0)).await;
    run(&mut commands, &outstation, Setpoint::Disconnect).await;
    outstation.put("BI69", 0.0);
    tokio::time::advance(Duration::from_secs(100)).await;
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::Connect).await;
    assert_eq!(outcome, applied(None, false));
    assert!(position(&sent, "BO17=on") < position(&sent, "BO5=on"), "{sent:?}");
    assert!(sent.contains(&"AO85=200".to_owned()), "for the time that is left: {sent:?}");
    assert_eq!(commands.notes(), "connect,limit_active_power");
    // What stands is left alone.
    let (_, sent) = run(&mut commands, &outstation, Setpoint::Connect).await;
    assert!(!sent.contains(&"BO17=on".to_owned()), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_limited_by_an_order_that_is_over() {
    let (outstation, mut commands) = (good(), commands());
    run(&mut commands, &outstation, limit(6000.0)).await;
    run(&mut commands, &outstation, Setpoint::Disconnect).await;
    outstation.put("BI69", 0.0);
    tokio::time::advance(HOLD).await;
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::Connect).await;
    assert_eq!((outcome, sent), (applied(None, false), vec!["BO5=on".to_owned(), "read BI23".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn an_outstation_that_takes_no_modes_while_it_is_stopped_gets_them_right_after_the_start() {
    let (outstation, mut commands) = (good(), commands());
    run(&mut commands, &outstation, limit(6000.0)).await;
    run(&mut commands, &outstation, Setpoint::Disconnect).await;
    outstation.put("BI69", 0.0);
    let mut started = false;
    outstation.script(move |request| match request {
        Request::Operate(outputs) if outputs[0].at == at("BO5") => {
            started = true;
            Answer::Good
        }
        Request::Operate(outputs) if outputs[0].at == at("BO17") && !started => Answer::Status(15),
        _ => Answer::Good,
    });
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::Connect).await;
    assert_eq!(outcome, applied(None, false));
    assert_eq!(sent.iter().filter(|line| *line == "BO17=on").count(), 2);
    assert_eq!(sent[sent.len() - 2..], ["BO17=on", "read BI69"]);
    assert_eq!(commands.effects(&[]), []);
}

#[tokio::test(start_paused = true)]
async fn modes_that_the_start_ends_are_given_again() {
    let (outstation, mut commands) = (stopped_at("BO5"), commands());
    run(&mut commands, &outstation, limit(6000.0)).await;
    let factor = PowerFactor { size: 0.95, excitation: Excitation::Over };
    run(&mut commands, &outstation, Setpoint::SetPowerFactor(factor)).await;
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::Connect).await;
    assert_eq!(outcome, applied(None, false));
    let start = position(&sent, "BO5=on");
    for mode in ["BO17=on", "BO28=on"] {
        assert!(position(&sent, mode) > start, "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_force_any_more_is_told_and_not_believed() {
    let (outstation, mut commands) = (good(), commands());
    run(&mut commands, &outstation, limit(6000.0)).await;
    run(&mut commands, &outstation, Setpoint::Disconnect).await;
    outstation.put("BI69", 0.0);
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs[0].at == at("BO17") => Answer::Status(10),
        _ => Answer::Good,
    });
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::Connect).await;
    assert!(sent.contains(&"BO5=on".to_owned()));
    let missing = "limit active power to 6000 W was in force before and is not now: operating BO17: AUTOMATION_INHIBIT (10): \
                   an automatic function of the outstation forbids it, or what is to be changed is in use";
    assert_eq!(outcome, Outcome::NotKept(format!("connect stands, but {missing}")));
    assert_eq!(commands.effects(&[]), [(limit(6000.0), Effect::NoEffect(missing.to_owned()))]);
    assert_eq!(commands.effects(&[]), [], "once");
    assert_eq!(commands.notes(), "connect,limit_active_power", "it is undone later");
    outstation.state().seen.clear();
    assert_eq!(commands.restarted(&outstation, &Told::storage()).await, []);
    assert_eq!(trace(&outstation), ["read BI23"], "and not sent again");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_started_while_the_limit_is_not_known_to_be_back() {
    let (outstation, mut commands) = (good(), commands());
    run(&mut commands, &outstation, limit(6000.0)).await;
    run(&mut commands, &outstation, Setpoint::Disconnect).await;
    outstation.put("BI69", 0.0);
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs[0].at == at("BO17") => Answer::Silent,
        _ => Answer::Good,
    });
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::Connect).await;
    assert_eq!(outcome, Outcome::TimedOut);
    assert!(!sent.contains(&"BO5=on".to_owned()), "{sent:?}");
    assert!(commands.notes().contains("disconnect"), "it is disconnected still");
}

#[tokio::test(start_paused = true)]
async fn a_disconnection_is_judged_by_the_power_and_nothing_else_is_expected_meanwhile() {
    let (outstation, mut commands) = (good(), commands());
    let power = |value| {
        let at = Timestamp::now() + Duration::from_millis(1);
        vec![Reading { quantity: Quantity::ActivePower, value, quality: Quality::Good, at }]
    };
    outstation.put("BI23", 1.0);
    run(&mut commands, &outstation, set(5000.0)).await;
    run(&mut commands, &outstation, Setpoint::Disconnect).await;
    run(&mut commands, &outstation, set(5000.0)).await;
    assert_eq!(commands.effects(&power(4000.0)), []);
    tokio::time::advance(Duration::from_secs(61)).await;
    let words = "disconnect: sent and read back; power still 4000 W after 60 s. Device may ignore remote control (check its \
                 DNP3 menu, and whether it is in local control)";
    let wanted = [(Setpoint::Disconnect, Effect::NoEffect(words.to_owned()))];
    assert_eq!(commands.effects(&power(4000.0)), wanted);
    run(&mut commands, &outstation, Setpoint::Disconnect).await;
    assert_eq!(commands.effects(&power(4000.0)), [], "told once");
    run(&mut commands, &outstation, Setpoint::Connect).await;
    run(&mut commands, &outstation, Setpoint::Disconnect).await;
    assert_eq!(commands.effects(&power(0.0)), [(Setpoint::Disconnect, Effect::Effective)]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_ramp_is_given_its_time() {
    let (outstation, mut commands) = (good(), commands());
    let rates = crate::der::RampRates {
        active_up: Some(crate::der::Percent::new(2.0)),
        active_down: Some(crate::der::Percent::new(1.0)),
        reactive: None,
    };
    run(&mut commands, &outstation, Setpoint::SetRampRates(rates)).await;
    run(&mut commands, &outstation, limit(6000.0)).await;
    let power = |value| {
        let at = Timestamp::now() + Duration::from_millis(1);
        vec![Reading { quantity: Quantity::ActivePower, value, quality: Quality::Good, at }]
    };
    tokio::time::advance(Duration::from_secs(229)).await;
    assert_eq!(commands.effects(&power(9000.0)), [], "from charging to generating at 1 % each second");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(commands.effects(&power(9000.0)).len(), 1);
}
