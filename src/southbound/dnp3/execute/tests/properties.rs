//! However an outstation answers: nothing is enabled before its settings are seen, nothing is sent after its time, nothing is
//! operated over and over, and there is an end.

use super::*;
use crate::der::{Setpoint, Watts};
use crate::device_map::registers::CommandName;
use crate::southbound::dnp3::commands::tests::profile::good;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

/// What was asked, how it was answered, and when.
type Log = Arc<Mutex<Vec<(Request, Answer, Instant)>>>;

fn to_a_read() -> impl Strategy<Value = Answer> {
    prop_oneof![
        12 => Just(Answer::Good),
        2 => (0_u64..9).prop_map(|s| Answer::After(Duration::from_secs(s))),
        1 => Just(Answer::Silent),
        1 => Just(Answer::Broken("noise")),
        1 => Just(Answer::NoConnection("reset")),
    ]
}

fn to_an_operation() -> impl Strategy<Value = Answer> {
    prop_oneof![
        12 => Just(Answer::Good),
        2 => (0_u64..9).prop_map(|s| Answer::After(Duration::from_secs(s))),
        1 => Just(Answer::Silent),
        1 => Just(Answer::DoneInSilence),
        2 => Just(Answer::Ignored),
        1 => Just(Answer::Broken("noise")),
        1 => Just(Answer::NoConnection("reset")),
        1 => Just(Answer::Refused(crate::southbound::dnp3::testing::UNKNOWN)),
        2 => (1_u8..20).prop_map(Answer::Status),
    ]
}

async fn carry_out(answers: Vec<(Answer, Answer)>, batch: u16, seconds: u64) -> (End, Log, Instant) {
    let (outstation, log) = (good(), Log::default());
    let (kept, mut place) = (log.clone(), 0);
    outstation.script(move |request| {
        let (read, operate) = answers.get(place).cloned().unwrap_or((Answer::Good, Answer::Good));
        place += 1;
        let answer = if matches!(request, Request::Operate(_)) { operate } else { read };
        kept.lock().unwrap().push((request.clone(), answer.clone(), Instant::now()));
        answer
    });
    let mut map = map();
    map.control.batch = batch;
    let known = Told::storage();
    let command = map.command(CommandName::LimitActivePower).unwrap();
    let limit = Setpoint::LimitActivePower(Watts::new(6000.0));
    let asked = Arguments::of(&limit, Duration::from_secs(300));
    let acts = Ground { map: &map, known: &known }.command(command, &asked).unwrap().acts;
    let expires_at = Instant::now() + Duration::from_secs(seconds);
    let bench = Bench { field: &outstation, map: &map, known: &known, expires_at };
    let (end, _) = bench.carry_out(&acts, Goal::Set).await;
    (end, log, expires_at)
}

/// Replays what the outstation did, as [`Outstation`] does it.
fn replay(end: &End, log: &Log, expires_at: Instant) -> Result<(), TestCaseError> {
    let mut stands = std::collections::BTreeMap::new();
    let mut tries = std::collections::BTreeMap::new();
    for (request, answer, when) in log.lock().unwrap().iter() {
        let Request::Operate(outputs) = request else { continue };
        prop_assert!(*when < expires_at, "{outputs:?} after its time");
        for output in outputs {
            *tries.entry(output.at).or_insert(0) += 1;
            if output.value.is_on() == Some(true) {
                let settings = ["AO87", "AO88"].map(|text| stands.get(&at(text)).copied());
                prop_assert_eq!(settings, [Some(1000.0), Some(600.0)], "enabled before it stood");
            }
            let raw = match output.value {
                crate::southbound::dnp3::Output::Number(raw, _) => raw,
                other => f64::from(u8::from(other.is_on() == Some(true))),
            };
            if matches!(answer, Answer::Good | Answer::After(_) | Answer::DoneInSilence) {
                stands.insert(output.at, raw);
            }
        }
    }
    // Once with others, once by itself, and once more after what may pass or a lost answer.
    prop_assert!(tries.values().all(|tries| *tries <= 4), "{tries:?}");
    if let End::Done(Proof { verified: true, bounded, .. }) = end {
        let held = ["AO87", "AO88", "BO17"].map(|text| stands.get(&at(text)).copied());
        prop_assert_eq!(held, [Some(1000.0), Some(600.0), Some(1.0)], "told as seen");
        prop_assert!(!bounded || stands.get(&at("AO85")) == Some(&300.0), "told as bounded in time");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_enabled_before_its_settings_are_seen(
        answers in prop::collection::vec((to_a_read(), to_an_operation()), 0..24),
        batch in 1_u16..7,
        seconds in 1_u64..90,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (end, log, expires_at) = runtime.block_on(carry_out(answers, batch, seconds));
        replay(&end, &log, expires_at)?;
    }
}
