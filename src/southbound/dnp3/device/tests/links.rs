//! Links that fall, devices that fall silent, restart, or cannot be read at once.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_link_that_does_not_stand_loses_the_device_with_its_words() {
    let mut rig = Rig::new(good(), outstation_map());
    rig.down("connection refused by 192.0.2.1:20000").await;
    assert_eq!(rig.state(DeviceState::CommLost).await, "connection refused by 192.0.2.1:20000");
    rig.down("no route to host").await;
    assert_eq!(rig.state(DeviceState::CommLost).await, "no route to host", "the words follow");
    rig.connect().await;
    rig.state(DeviceState::Online).await;
}

#[tokio::test(start_paused = true)]
async fn a_short_interruption_is_none_and_all_is_read_anew() {
    let mut rig = Rig::online().await;
    rig.down("reset").await;
    sleep(Duration::from_secs(20)).await;
    rig.forget();
    let before = rig.outstation.reads().len();
    rig.tell(News::Link(LinkState::Up)).await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(rig.outstation.reads().len(), before, "nothing is polled before everything was read");
    rig.outstation.put("AI537", 1.0);
    rig.connect().await;
    assert_eq!(value(&rig.poll().await, Quantity::ActivePower), Some(1.0));
    let lost = rig.passed.iter().any(|r| matches!(r, Report::State { state: DeviceState::CommLost, .. }));
    assert!(!lost, "{:?}", rig.passed);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_comes_and_goes_without_an_answer_is_lost() {
    let mut rig = Rig::online().await;
    rig.forget();
    for _ in 0..8 {
        rig.down("closed by the device").await;
        sleep(Duration::from_secs(4)).await;
        rig.tell(News::Link(LinkState::Up)).await;
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(rig.state(DeviceState::CommLost).await, "closed by the device");
}

#[tokio::test(start_paused = true)]
async fn a_silent_device_is_lost_after_as_many_answers_as_its_map_says() {
    let mut rig = Rig::online().await;
    let asked = rig.outstation.reads().len();
    rig.outstation.script(|_| Answer::Silent);
    assert_eq!(rig.state(DeviceState::CommLost).await, "connected, but the outstation does not answer");
    assert_eq!(rig.outstation.reads().len() - asked, 3);
    rig.outstation.script(|_| Answer::Good);
    rig.outstation.put("AI537", 2.0);
    rig.forget();
    rig.state(DeviceState::Online).await;
    assert_eq!(value(&rig.poll().await, Quantity::ActivePower), Some(2.0), "read anew, not remembered");
}

#[tokio::test(start_paused = true)]
async fn one_missing_answer_is_not_a_lost_device() {
    let mut rig = Rig::online().await;
    let mut silent = 2;
    rig.outstation.script(move |_| {
        silent -= 1;
        if silent >= 0 { Answer::Silent } else { Answer::Good }
    });
    rig.forget();
    sleep(Duration::from_secs(60)).await;
    rig.poll().await;
    rig.poll().await;
    let told = rig.states();
    let [(DeviceState::Online, silent), (DeviceState::Online, again)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert!(silent.starts_with("no usable answer since 2"), "{silent}");
    assert!(silent.ends_with("Z: connected, but the outstation does not answer"), "{silent}");
    assert_eq!(again, "");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_falls_is_told_before_the_device_counts_as_lost() {
    let mut rig = Rig::online().await;
    let begun = Instant::now();
    rig.down("connection refused by 192.0.2.1:20000").await;
    let reason = rig.state(DeviceState::Online).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(reason.ends_with("Z: connection refused by 192.0.2.1:20000"), "{reason}");
    assert_eq!(rig.state(DeviceState::CommLost).await, "connection refused by 192.0.2.1:20000");
    assert_eq!(begun.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn an_outstation_that_never_answers_is_told_after_its_first_request() {
    let mut rig = Rig::new(good(), outstation_map());
    rig.outstation.script(|_| Answer::Silent);
    assert_eq!(rig.state(DeviceState::Discovering).await, "its first answer is waited for");
    let begun = Instant::now();
    rig.tell(News::Link(LinkState::Up)).await;
    let reason = rig.state(DeviceState::Discovering).await;
    assert_eq!(reason, "no usable answer yet: connected, but reading everything has not come to its end");
    assert_eq!(begun.elapsed().as_secs(), 10, "the time for an answer");
    rig.state(DeviceState::CommLost).await;
    assert_eq!(rig.states(), [], "it was told once");
}

#[tokio::test(start_paused = true)]
async fn what_the_association_does_not_read_is_read_from_here() {
    let mut rig = Rig::new(good(), outstation_map());
    rig.tell(News::Link(LinkState::Up)).await;
    rig.state(DeviceState::Online).await;
    assert_eq!(rig.outstation.reads()[0], [Part::Events, Part::Static]);
}

#[tokio::test(start_paused = true)]
async fn a_class_0_that_cannot_be_read_is_read_by_ranges() {
    let outstation = good();
    outstation.script(|request| match request {
        Request::Read(parts) if parts.contains(&Part::Static) => {
            Answer::Broken("an object that nobody knows")
        }
        _ => Answer::Good,
    });
    let mut rig = Rig::new(outstation.clone(), outstation_map());
    rig.tell(News::Link(LinkState::Up)).await;
    let words = rig.state(DeviceState::Degraded).await;
    assert!(words.contains("the answer cannot be used: an object that nobody knows"), "{words}");
    assert_eq!(value(&rig.poll().await, Quantity::ActivePower), Some(5000.0));
    let reads = outstation.reads();
    assert!(reads[1].contains(&Part::Static), "once more: it may have been noise on the line");
    assert!(reads[2].contains(&Part::Range(AI, 0, 0)));
    // Whoever stands there after the next connection may be better.
    outstation.script(|_| Answer::Good);
    rig.connect().await;
    rig.state(DeviceState::Online).await;
}

/// Answers with an object that nobody knows whenever it is asked for `AI<index>`.
fn spoilt(outstation: &Outstation, index: u16) {
    outstation.script(move |request| match request {
        Request::Read(parts)
            if parts.iter().any(
                |part| matches!(part, Part::Range(kind, from, to) if *kind == AI && (*from..=*to).contains(&index)),
            ) =>
        {
            Answer::Broken("an object that nobody knows")
        }
        _ => Answer::Good,
    });
}

#[tokio::test(start_paused = true)]
async fn a_point_that_spoils_the_answer_is_found_and_left_out() {
    let mut map = outstation_map();
    map.points.extend((600..616).map(|index| {
        let mut point = point(&format!("p{index}"), &format!("AI{index}"));
        point.poll = PollClass::Fast;
        point
    }));
    let outstation = good();
    spoilt(&outstation, 605);
    let mut rig = Rig::new(outstation.clone(), map);
    rig.connect().await;
    let words = rig.state(DeviceState::Degraded).await;
    assert_eq!(words, "its answer cannot be used when asked for AI605");
    rig.forget();
    outstation.put("AI537", 4000.0);
    assert_eq!(value(&rig.poll().await, Quantity::ActivePower), Some(4000.0));
    let asked = outstation.reads().len();
    rig.poll().await;
    assert_eq!(outstation.reads().len(), asked + 1, "it is not looked for again");
    let lost = rig.passed.iter().any(|r| matches!(r, Report::State { state: DeviceState::CommLost, .. }));
    assert!(!lost, "{:?}", rig.passed);
}

#[tokio::test(start_paused = true)]
async fn noise_leaves_nothing_out() {
    let mut rig = Rig::online().await;
    let mut noise = 1;
    rig.outstation.script(move |_| {
        noise -= 1;
        if noise >= 0 { Answer::Broken("noise") } else { Answer::Good }
    });
    rig.forget();
    rig.poll().await;
    rig.poll().await;
    assert!(!rig.passed.iter().any(|r| matches!(r, Report::State { .. })), "{:?}", rig.passed);
}

#[tokio::test(start_paused = true)]
async fn an_outstation_of_which_no_answer_can_be_used_is_lost() {
    let mut rig = Rig::online().await;
    rig.outstation.script(|_| Answer::Broken("noise"));
    assert_eq!(rig.state(DeviceState::CommLost).await, "the answer cannot be used: noise");
    rig.outstation.script(|_| Answer::Good);
    rig.state(DeviceState::Online).await;
    rig.poll().await;
    assert_eq!(value(&rig.poll().await, Quantity::ActivePower), Some(5000.0), "nothing was left out");
}

#[tokio::test(start_paused = true)]
async fn ranges_are_read_when_the_association_says_so_and_no_class_0() {
    let mut map = outstation_map();
    map.session.read = ReadPlan::Ranges;
    map.session.integrity = Duration::from_secs(60);
    let mut rig = Rig::new(good(), map);
    let begun = Instant::now();
    rig.tell(News::Link(LinkState::Up)).await;
    rig.tell(News::ReadRanges).await;
    rig.state(DeviceState::Online).await;
    assert!(begun.elapsed() < Duration::from_millis(10));
    sleep(Duration::from_secs(200)).await;
    let reads = rig.outstation.reads();
    assert!(!reads.concat().contains(&Part::Static));
    let whole = reads.iter().filter(|parts| parts.contains(&Part::Range(AI, 0, 0))).count();
    assert_eq!(whole, 4, "at once, and every minute");
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_what_does_not_stand_is_sent_again() {
    let mut rig = Rig::online().await;
    assert!(matches!(rig.command(limit_to(4000.0)).await, Outcome::Applied(_)));
    rig.outstation.put("AI149", 0.0);
    rig.outstation.put("BI69", 0.0);
    rig.tell(News::Values(Source::Integrity, rig.outstation.everything())).await;
    rig.tell(News::Restarted).await;
    assert_eq!(rig.sequence().await[0].value, "it has restarted");
    let again = rig.sequence().await;
    assert!(again[0].value.ends_with("; it was sent again"), "{again:?}");
    rig.poll().await;
    rig.poll().await;
    assert_eq!(rig.outstation.operations().concat(), ["AO88=500", "BO17=on", "AO88=500", "BO17=on"]);
    // One that kept it is left alone.
    rig.tell(News::Values(Source::Integrity, rig.outstation.everything())).await;
    rig.tell(News::Restarted).await;
    rig.poll().await;
    rig.poll().await;
    assert_eq!(rig.outstation.operations().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_restart_before_it_was_reached_is_no_event_nor_is_a_connection() {
    let outstation = good();
    // It takes a while to say who it is, and the restart is told meanwhile.
    outstation.script(|_| Answer::After(Duration::from_millis(1)));
    let mut rig = Rig::new(outstation, outstation_map());
    rig.connect().await;
    rig.tell(News::Restarted).await;
    rig.state(DeviceState::Online).await;
    // Whatever it did before it was reached is no news.
    for _ in 0..3 {
        rig.down("reset").await;
        rig.connect().await;
        rig.poll().await;
    }
    assert!(!rig.passed.iter().any(|report| matches!(report, Report::Sequence(_))), "{:?}", rig.passed);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_took_the_connection_with_it_is_an_event() {
    let mut rig = Rig::online().await;
    rig.down("connection refused").await;
    rig.state(DeviceState::CommLost).await;
    rig.outstation.script(|_| Answer::After(Duration::from_millis(1)));
    rig.connect().await;
    rig.tell(News::Restarted).await;
    assert_eq!(rig.sequence().await[0].value, "it has restarted");
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_in_local_control_is_sent_again_while_it_is_wanted() {
    let mut rig = Rig::online().await;
    for (minutes, again) in [(1, true), (3, false)] {
        assert!(matches!(rig.command(limit_to(4000.0)).await, Outcome::Applied(_)));
        rig.outstation.state().seen.clear();
        // Somebody switches it to local, and ends the limit there.
        for (text, raw) in [("BI10", 1.0), ("AI149", 0.0), ("BI69", 0.0)] {
            rig.outstation.put(text, raw);
        }
        rig.tell(News::Values(Source::Integrity, rig.outstation.everything())).await;
        rig.state(DeviceState::Degraded).await;
        sleep(Duration::from_secs(minutes * 60)).await;
        assert_eq!(rig.outstation.operations(), Vec::<Vec<String>>::new());
        rig.outstation.put("BI10", 0.0);
        rig.tell(News::Values(Source::Integrity, rig.outstation.everything())).await;
        rig.state(DeviceState::Online).await;
        rig.forget();
        rig.poll().await;
        rig.poll().await;
        let sent = rig.outstation.operations().concat();
        let wanted: &[&str] = if again { &["AO88=500", "BO17=on"] } else { &[] };
        assert_eq!(sent, wanted, "after {minutes} minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn another_device_gets_nothing_of_what_was_asked_of_the_old_one() {
    let mut rig = Rig::online().await;
    assert!(matches!(rig.command(limit_to(4000.0)).await, Outcome::Applied(_)));
    rig.outstation.state().seen.clear();
    rig.outstation.state().identity.serial = Some("S-2".to_owned());
    for text in ["AI149", "BI69"] {
        rig.outstation.put(text, 0.0);
    }
    rig.down("reset").await;
    rig.connect().await;
    rig.tell(News::Restarted).await;
    rig.state(DeviceState::IdentityChanged).await;
    for _ in 0..5 {
        rig.poll().await;
    }
    assert_eq!(rig.outstation.operations(), Vec::<Vec<String>>::new());
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_the_gateway_stops() {
    for connected in [false, true] {
        let mut rig = Rig::new(good(), outstation_map());
        if connected {
            rig.connect().await;
            rig.state(DeviceState::Online).await;
        }
        rig.outstation.script(|_| Answer::Silent);
        sleep(Duration::from_secs(3)).await;
        rig.stop.cancel();
        let ended = timeout(Duration::from_secs(1), rig.tasks.join_next()).await;
        assert!(matches!(ended, Ok(Some(Ok(None)))));
    }
}

/// Another device may answer at the same address: what the one before it told is not true of it.
#[tokio::test(start_paused = true)]
async fn what_was_told_before_a_reconnection_is_no_ground_for_a_command() {
    let mut rig = Rig::online().await;
    rig.down("reset").await;
    rig.outstation.state().points.remove(&at("AI32"));
    rig.connect().await;
    rig.forget();
    rig.poll().await;
    let outcome = rig.command(limit_to(4000.0)).await;
    let words = "w_max is not known, so there is nothing to take percent of";
    assert_eq!(outcome, Outcome::Refused(words.to_owned()));
    assert_eq!(rig.outstation.operations(), Vec::<Vec<String>>::new());
}

#[tokio::test(start_paused = true)]
async fn a_command_waits_until_whoever_answers_after_a_reconnection_is_recognised() {
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
    // In the middle of a poll.
    rig.down("reset").await;
    rig.tell(News::Link(LinkState::Up)).await;
    rig.send(limit_to(4000.0));
    sleep(Duration::from_secs(10)).await;
    assert_eq!(outstation.operations(), Vec::<Vec<String>>::new());
    rig.tell(News::Values(Source::Integrity, outstation.everything())).await;
    assert!(matches!(rig.end().await, Outcome::Applied(_)));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_refused_is_a_definite_word() {
    const REFUSED: &str =
        "connection refused: nothing listens on this port, or the device allows no more sessions";
    let mut rig = Rig::online().await;
    // One that only breaks is waited for.
    rig.down("the connection has ended").await;
    sleep(Duration::from_secs(20)).await;
    rig.forget();
    rig.connect().await;
    rig.poll().await;
    let begun = Instant::now();
    rig.down("the connection has ended").await;
    sleep(Duration::from_millis(500)).await;
    rig.down(REFUSED).await;
    assert_eq!(rig.state(DeviceState::CommLost).await, REFUSED);
    assert_eq!(begun.elapsed().as_secs(), 2);
}
