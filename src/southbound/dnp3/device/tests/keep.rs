//! What was asked and is taken away by another master or the local panel.

use super::*;
use crate::der::Effect;

const PUT_BACK: [&str; 1] = ["BO17=on"];

/// The mode is off, and the outstation tells it unasked.
async fn taken_away(rig: &Rig) {
    rig.outstation.put("BI69", 0.0);
    tell(rig, "BI69").await;
}

async fn tell(rig: &Rig, point: &str) {
    // Its receipt is after all that went before.
    let seen = Seen { event: true, ..rig.outstation.now(at(point)).unwrap() };
    rig.tell(News::Values(Source::Unsolicited, vec![seen])).await;
}

/// What was operated until nothing happens any more, less than a poll later.
async fn operated(rig: &Rig) -> Vec<String> {
    rig.outstation.state().seen.clear();
    sleep(Duration::from_millis(1500)).await;
    rig.outstation.operations().concat()
}

async fn limited() -> Rig {
    let mut rig = Rig::online().await;
    rig.poll().await;
    assert!(matches!(rig.command(limit_to(4000.0)).await, Outcome::Applied(_)));
    rig.forget();
    rig
}

#[tokio::test(start_paused = true)]
async fn a_mode_that_somebody_switches_off_is_put_back_at_once() {
    let mut rig = limited().await;
    taken_away(&rig).await;
    assert_eq!(operated(&rig).await, PUT_BACK);
    let told = rig.sequence().await;
    assert_eq!(
        told[0].value,
        "what it was asked (limit active power to 4000 W) was ended or changed, not by the gateway (BO17 was switched on, but BI69 shows that it is not); it was put back"
    );
    rig.poll().await;
    assert_eq!(operated(&rig).await, [""; 0]);
    assert_eq!(rig.states(), [], "nothing is wrong with it");
}

#[tokio::test(start_paused = true)]
async fn a_value_that_somebody_changes_is_put_back() {
    let rig = limited().await;
    rig.outstation.put("AI149", 900.0);
    tell(&rig, "AI149").await;
    assert_eq!(operated(&rig).await, ["AO88=500", "BO17=on"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_poll_shows_is_put_back_too() {
    let mut map = outstation_map();
    map.points.push(OutstationPoint { poll: PollClass::Fast, ..point("mode", "BI69") });
    let mut rig = Rig::new(good(), map);
    rig.connect().await;
    rig.state(DeviceState::Online).await;
    rig.command(limit_to(4000.0)).await;
    rig.outstation.state().seen.clear();
    rig.outstation.put("BI69", 0.0);
    rig.poll().await;
    rig.poll().await;
    assert_eq!(rig.outstation.operations().concat(), PUT_BACK);
}

#[tokio::test(start_paused = true)]
async fn a_word_that_came_late_is_no_reason() {
    let rig = limited().await;
    let late = Seen { raw: 0.0, event: true, ..rig.outstation.now(at("BI69")).unwrap() };
    rig.tell(News::Values(Source::Unsolicited, vec![late])).await;
    assert_eq!(operated(&rig).await, [""; 0], "it was read, and stands");
    assert!(rig.outstation.reads().iter().flatten().any(|part| part.to_string() == "BI69"));
}

#[tokio::test(start_paused = true)]
async fn what_we_release_is_not_put_back() {
    let mut rig = limited().await;
    assert!(matches!(rig.command(Setpoint::ReleaseActivePower).await, Outcome::Applied(_)));
    tell(&rig, "BI69").await;
    assert_eq!(operated(&rig).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn in_local_control_nothing_is_put_back_before_it_is_over() {
    let mut rig = limited().await;
    rig.outstation.put("BI10", 1.0);
    taken_away(&rig).await;
    assert_eq!(operated(&rig).await, [""; 0], "nobody has told that it is local: it is read first");
    rig.outstation.put("BI10", 0.0);
    tell(&rig, "BI10").await;
    rig.outstation.state().seen.clear();
    rig.poll().await;
    rig.poll().await;
    assert_eq!(rig.outstation.operations().concat(), PUT_BACK);
}

#[tokio::test(start_paused = true)]
async fn what_ends_with_its_hold_time_is_not_put_back() {
    let mut rig = limited().await;
    sleep(Duration::from_secs(90)).await;
    rig.poll().await;
    taken_away(&rig).await;
    assert_eq!(operated(&rig).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_away_again_and_again_is_not_relied_on() {
    let mut rig = limited().await;
    for _ in 0..3 {
        taken_away(&rig).await;
        assert_eq!(operated(&rig).await, PUT_BACK);
    }
    rig.forget();
    taken_away(&rig).await;
    assert_eq!(operated(&rig).await, [""; 0], "enough for this minute");
    let effect = |report: &Report| match report {
        Report::Effect { effect, .. } => Some(effect.clone()),
        _ => None,
    };
    let Effect::NoEffect(words) = rig.report("effect", effect).await else { panic!("it counts on it") };
    assert!(words.starts_with("another master or the local panel, or the device itself, ends"), "{words}");
    assert_eq!(rig.state(DeviceState::Degraded).await, words);
    rig.outstation.state().seen.clear();
    sleep(Duration::from_secs(53)).await;
    assert_eq!(rig.outstation.operations().concat(), [""; 0]);
    rig.command(limit_to(4000.0)).await;
    rig.forget();
    rig.state(DeviceState::Online).await;
    assert_eq!(rig.report("effect", effect).await, Effect::Effective, "it has stood for a minute");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_put_back_is_told_as_not_kept() {
    let mut rig = limited().await;
    rig.outstation.script(|request| match request {
        Request::Operate(_) => Answer::Status(4),
        _ => Answer::Good,
    });
    taken_away(&rig).await;
    let effect = |report: &Report| match report {
        Report::Effect { effect: Effect::NoEffect(words), .. } => Some(words.clone()),
        _ => None,
    };
    let words = rig.report("effect", effect).await;
    assert!(words.contains("could not be put back: refused: operating BO17"), "{words}");
    assert_eq!(rig.state(DeviceState::Degraded).await, words);
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_nobody_elses_doing() {
    let mut rig = limited().await;
    rig.outstation.put("BI69", 0.0);
    let seen = rig.outstation.now(at("BI69")).unwrap();
    rig.tell(News::Indications(Indications { restart: true, ..Indications::default() })).await;
    rig.tell(News::Values(Source::Unsolicited, vec![seen])).await;
    assert_eq!(operated(&rig).await, [""; 0], "what it has lost is not known yet");
    rig.tell(News::Indications(Indications::default())).await;
    assert_eq!(operated(&rig).await, [""; 0]);
    rig.tell(News::Values(Source::Integrity, rig.outstation.everything())).await;
    rig.tell(News::Restarted).await;
    let mut words = Vec::new();
    for _ in 0..2 {
        words.extend(rig.sequence().await.into_iter().map(|event| event.value));
    }
    assert_eq!(words[0], "it has restarted");
    assert!(words[1].starts_with("it had lost what was asked"), "{words:?}");
}
