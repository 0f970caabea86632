use super::*;
use crate::southbound::dnp3::commands::tests::profile::{constant, map, step};
use crate::southbound::dnp3::plan::{Arguments, Ground};
use crate::southbound::dnp3::testing::{Answer, Outstation, Request, at};

mod late;
mod properties;
mod refusals;

use crate::device_map::dnp3::{OutstationStep, StepSource};
use crate::southbound::dnp3::commands::tests::profile::Told;

/// AO1 with AI1, then BO2 with BI2.
pub fn acts(steps: &[OutstationStep]) -> Vec<Act> {
    let map = map();
    let asked = Arguments::default();
    Ground { map: &map, known: &Told::default() }.steps(steps, &asked, false).unwrap().acts
}

pub fn usual() -> Vec<Act> {
    acts(&[step("AO1", "AI1", StepSource::Constant(60.0), 0.1), constant("BO2", "BI2", 1.0)])
}

pub fn outstation() -> Outstation {
    let outstation = Outstation::new(&[("AI1", 0.0), ("BI2", 0.0)]);
    outstation.mirror("AO1", &["AI1"]);
    outstation.mirror("BO2", &["BI2"]);
    outstation
}

/// What the outstation said last: all off.
pub fn before() -> Told {
    Told { shown: ["AI1", "BI2"].map(|point| (at(point), 0.0)).into(), ..Told::default() }
}

pub async fn run(outstation: &Outstation, acts: &[Act], goal: Goal) -> (End, bool) {
    let map = map();
    let expires_at = Instant::now() + Duration::from_secs(600);
    Bench { field: outstation, map: &map, known: &before(), expires_at }.carry_out(acts, goal).await
}

pub fn trace(outstation: &Outstation) -> Vec<String> {
    let say = |request: &Request| match request {
        Request::Read(parts) => {
            let part = |part: &Part| match part {
                Part::Range(kind, from, to) if from == to => format!("{}{from}", kind.letters()),
                Part::Range(kind, from, to) => format!("{}{from}-{to}", kind.letters()),
                other => format!("{other:?}"),
            };
            let parts: Vec<String> = parts.iter().map(part).collect();
            format!("read {}", parts.join(" "))
        }
        Request::Identity => "identity".to_owned(),
        Request::Operate(outputs) => {
            let output = |output: &Operation| match output.value {
                crate::southbound::dnp3::Output::Latch(on)
                | crate::southbound::dnp3::Output::Pulse { on, .. } => {
                    format!("{}={}", output.at, if on { "on" } else { "off" })
                }
                crate::southbound::dnp3::Output::Number(raw, _) => format!("{}={raw}", output.at),
            };
            outputs.iter().map(output).collect::<Vec<_>>().join(" ")
        }
    };
    outstation.state().seen.iter().map(say).collect()
}

fn done(verified: bool) -> End {
    End::Done(Proof { verified, ..Proof::WHOLE })
}

#[tokio::test(start_paused = true)]
async fn settings_are_seen_before_what_enables_them() {
    let outstation = outstation();
    assert_eq!(run(&outstation, &usual(), Goal::Set).await, (done(true), true));
    assert_eq!(trace(&outstation), ["AO1=600", "read AI1", "BO2=on", "read BI2"]);
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_is_not_kept_is_never_enabled() {
    let outstation = outstation();
    outstation.mirror("AO1", &[]);
    let (end, touched) = run(&outstation, &usual(), Goal::Set).await;
    let words = "AO1 was written, but the device kept 0 instead of 60 in AI1";
    assert_eq!((end, touched), (End::NotKept(words.to_owned()), true));
    assert!(!trace(&outstation).contains(&"BO2=on".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_nothing_shows_is_accepted_and_not_verified() {
    let outstation = outstation();
    outstation.mirror("BO2", &[]);
    // The output itself shows that it is on, or is not there.
    let (end, touched) = run(&outstation, &usual(), Goal::Set).await;
    assert_eq!(
        (end, touched),
        (End::Done(Proof { verified: false, bounded: false, doubt: Some(UNMOVED) }), true)
    );
    assert_eq!(trace(&outstation).last().unwrap(), "read BO2");
    outstation.state().unknown.insert(at("BO2"));
    let (end, _) = run(&outstation, &usual(), Goal::Set).await;
    assert_eq!(end, End::Done(Proof { verified: false, bounded: false, doubt: Some(UNMOVED) }));
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_says_itself_that_it_is_off_is_not_kept() {
    let outstation = outstation();
    outstation.put("BO2", 0.0);
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs[0].at == at("BO2") => Answer::Ignored,
        _ => Answer::Good,
    });
    let (end, touched) = run(&outstation, &usual(), Goal::Set).await;
    let words = "BO2 was switched on, but BI2 shows that it is not";
    assert_eq!((end, touched), (End::NotKept(words.to_owned()), true));
}

#[tokio::test(start_paused = true)]
async fn a_setting_may_be_shown_in_a_scale_of_its_own() {
    let outstation = outstation();
    outstation.mirror("AO1", &[]);
    let mut own = map();
    let mut point = own.points[0].clone();
    (point.at, point.scale) = (at("AI1"), 1.0);
    own.points.push(point);
    let far = Instant::now() + Duration::from_secs(60);
    let bench = Bench { field: &outstation, map: &own, known: &before(), expires_at: far };
    outstation.put("AI1", 60.0);
    assert_eq!(bench.carry_out(&usual(), Goal::Set).await.0, done(true));
    outstation.put("AI1", 61.0);
    let kept = "AO1 was written, but the device kept 61 instead of 60 in AI1";
    assert_eq!(bench.carry_out(&usual(), Goal::Set).await.0, End::NotKept(kept.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn any_of_the_points_that_show_it_is_enough_and_one_that_is_lost_is_none() {
    let outstation = Outstation::new(&[("AI1", 0.0), ("AI7", 600.0)]);
    let both = acts(&[step("AO1", "AI1 AI7", StepSource::Constant(60.0), 0.1)]);
    assert_eq!(run(&outstation, &both, Goal::Set).await.0, done(true));
    let lost = |flags| outstation.state().points.insert(at("AI7"), (600.0, flags));
    lost(0);
    assert_eq!(run(&outstation, &both, Goal::Set).await.0, done(true), "without ONLINE it counts");
    outstation.state().points.remove(&at("AI1"));
    for flags in [2, 4] {
        lost(flags);
        let (end, _) = run(&outstation, &both, Goal::Set).await;
        assert_eq!(end, End::Done(Proof { verified: false, bounded: false, doubt: Some(UNSEEN) }), "{flags}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_shows_late_is_waited_for_and_no_longer_than_the_map_says() {
    let outstation = outstation();
    outstation.mirror("AO1", &[]);
    let late = |seconds, read| OutstationStep {
        within: Some(Duration::from_secs(seconds)),
        ..step("AO1", read, StepSource::Constant(60.0), 0.1)
    };
    let begun = Instant::now();
    let (end, _) = run(&outstation, &acts(&[late(20, "AI1")]), Goal::Set).await;
    assert!(matches!(end, End::NotKept(_)), "{end:?}");
    assert_eq!(begun.elapsed().as_secs(), 20);
    let (moving, begun) = (outstation.clone(), Instant::now());
    tokio::spawn(async move {
        sleep(Duration::from_secs(12)).await;
        moving.put("AI1", 600.0);
    });
    assert_eq!(run(&outstation, &acts(&[late(20, "AI1")]), Goal::Set).await.0, done(true));
    assert_eq!(begun.elapsed().as_secs(), 13, "a look a second");
    outstation.put("AI3", 0.0);
    let begun = Instant::now();
    run(&outstation, &acts(&[late(600, "AI3")]), Goal::Set).await;
    assert_eq!(begun.elapsed().as_secs(), 30, "a map cannot keep it from being polled");
}

/// A permission and a stop, as the profile has them.
fn stop() -> Vec<Act> {
    let slow = OutstationStep { within: Some(Duration::from_secs(30)), ..constant("BO2", "BI15 BI13", 1.0) };
    acts(&[constant("BO4", "BI17", 1.0), slow])
}

#[tokio::test(start_paused = true)]
async fn switches_that_nothing_shows_do_not_keep_polls_waiting() {
    let outstation = Outstation::new(&[("BI13", 0.0), ("BI15", 0.0), ("BI17", 0.0)]);
    let begun = Instant::now();
    let (end, touched) = run(&outstation, &stop(), Goal::Set).await;
    let unmoved = End::Done(Proof { verified: false, bounded: false, doubt: Some(UNMOVED) });
    assert_eq!((end, touched), (unmoved.clone(), true));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    // What the map gives time to follow is not judged by what it says of itself at once.
    outstation.put("BO2", 0.0);
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs[0].at == at("BO2") => Answer::Ignored,
        _ => Answer::Good,
    });
    assert_eq!(run(&outstation, &stop(), Goal::Set).await.0, unmoved);
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_shows_after_the_next_one_was_operated_is_seen_all_the_same() {
    let outstation = Outstation::new(&[("BI13", 0.0), ("BI15", 0.0), ("BI17", 0.0)]);
    outstation.mirror("BO2", &["BI13"]);
    let late = outstation.clone();
    outstation.script(move |request| {
        let stops = matches!(request, Request::Operate(outputs) if outputs[0].at == at("BO2"));
        if stops {
            let late = late.clone();
            tokio::spawn(async move { late.put("BI17", 1.0) });
        }
        Answer::Good
    });
    assert_eq!(run(&outstation, &stop(), Goal::Set).await, (done(true), true));
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_not_given_ends_before_what_it_permits() {
    let outstation = Outstation::new(&[("BI17", 0.0), ("BO4", 0.0)]);
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs[0].at == at("BO4") => Answer::Ignored,
        _ => Answer::Good,
    });
    let (end, _) = run(&outstation, &stop(), Goal::Set).await;
    assert_eq!(end, End::NotKept("BO4 was switched on, but BI17 shows that it is not".to_owned()));
    assert!(!trace(&outstation).contains(&"BO2=on".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn several_go_in_one_request_where_the_map_says_so() {
    let outstation = Outstation::new(&[]);
    let four: Vec<OutstationStep> =
        ["AO1", "AO2", "AO3", "AO4"].iter().map(|write| constant(write, "", 7.0)).collect();
    let mut map = map();
    map.control.batch = 3;
    let far = Instant::now() + Duration::from_secs(60);
    let bench = Bench { field: &outstation, map: &map, known: &before(), expires_at: far };
    let (end, _) = bench.carry_out(&acts(&four), Goal::Set).await;
    assert_eq!(end, done(false));
    assert_eq!(trace(&outstation), ["AO1=7 AO2=7 AO3=7", "AO4=7"]);
    // A refusal of several is asked for one by one, so that it is told of the one that it is about.
    outstation.state().seen.clear();
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs.iter().any(|o| o.at == at("AO2")) => Answer::Status(12),
        _ => Answer::Good,
    });
    let (end, touched) = bench.carry_out(&acts(&four), Goal::Set).await;
    let words = "writing AO2: OUT_OF_RANGE (12): the outstation does not take this value";
    assert_eq!((end, touched), (End::Refused(words.to_owned()), true));
    assert_eq!(trace(&outstation), ["AO1=7 AO2=7 AO3=7", "AO1=7", "AO2=7"]);
}
