//! What time ends, and what a map calls optional.

use super::*;
use crate::southbound::dnp3::image::tests::point;

fn four() -> Vec<Act> {
    let steps: Vec<OutstationStep> =
        ["AO1", "AO2", "AO3", "AO4"].iter().map(|write| constant(write, "", 7.0)).collect();
    acts(&steps)
}

/// One command that ends after so many milliseconds.
async fn within(outstation: &Outstation, acts: &[Act], batch: u16, ms: u64) -> (End, bool) {
    let mut map = map();
    map.control.batch = batch;
    let expires_at = Instant::now() + Duration::from_millis(ms);
    Bench { field: outstation, map: &map, known: &before(), expires_at }.carry_out(acts, Goal::Set).await
}

/// On a slow line a stage of many settings can outlast the order that it is for: a mode that is on already would follow them.
#[tokio::test(start_paused = true)]
async fn no_setting_is_sent_after_the_time_of_the_order() {
    for (batch, wanted) in [(1, vec!["AO1=7", "AO2=7"]), (3, vec!["AO1=7 AO2=7 AO3=7", "AO4=7"])] {
        let outstation = Outstation::new(&[]);
        outstation.script(|_| Answer::After(Duration::from_secs(4)));
        let (end, touched) = within(&outstation, &four(), batch, 7000).await;
        assert_eq!(trace(&outstation), wanted);
        let whole = batch == 3;
        assert_eq!((matches!(end, End::Done(_)), end == End::Expired, touched), (whole, !whole, true));
    }
    let outstation = Outstation::new(&[]);
    outstation.script(|_| Answer::After(Duration::from_secs(4)));
    assert_eq!(within(&outstation, &four(), 3, 3000).await, (End::Expired, true));
    assert_eq!(trace(&outstation), ["AO1=7 AO2=7 AO3=7"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_once_more_after_the_time_of_the_order() {
    let outstation = outstation();
    outstation.script(|request| match request {
        Request::Operate(_) => Answer::Status(8),
        _ => Answer::Good,
    });
    assert_eq!(within(&outstation, &usual(), 1, 200).await, (End::Expired, false));
    assert_eq!(trace(&outstation), ["AO1=600"]);
}

/// Three numbers in one request, of which none is known to have arrived when the time of the order is over: they may stand.
#[tokio::test(start_paused = true)]
async fn a_batch_without_an_answer_may_have_arrived_though_its_time_is_over() {
    let outstation = Outstation::new(&[]);
    outstation.state().timeout = Duration::from_secs(5);
    outstation.script(|_| Answer::DoneInSilence);
    assert_eq!(within(&outstation, &four(), 3, 4000).await, (End::TimedOut, true));
    assert_eq!(trace(&outstation), ["AO1=7 AO2=7 AO3=7"]);
    // The way to it is gone afterwards, or it refuses the first of them: the others may stand.
    for (then, wanted) in [
        (Answer::NoConnection("gone"), End::TimedOut),
        (Answer::Status(4), End::Refused("writing AO1: ".to_owned())),
    ] {
        let outstation = Outstation::new(&[]);
        outstation.script(move |request| match request {
            Request::Operate(outputs) if outputs.len() > 1 => Answer::DoneInSilence,
            Request::Operate(_) => then.clone(),
            Request::Read(_) | Request::Identity => Answer::Good,
        });
        let (end, touched) = within(&outstation, &four(), 3, 60_000).await;
        match (&end, &wanted) {
            (End::Refused(why), End::Refused(begins)) => assert!(why.starts_with(begins), "{why}"),
            _ => assert_eq!(end, wanted),
        }
        assert!(touched);
    }
}

/// 0 means without end, however coarse what shows it is.
#[tokio::test(start_paused = true)]
async fn a_time_that_shows_as_0_bounds_nothing() {
    let outstation = outstation();
    outstation.mirror("AO1", &[]);
    let mut minutes = point("minutes", "AI1");
    minutes.scale = 60.0;
    let mut own = map();
    own.points.push(minutes);
    let asked = Arguments::of(
        &crate::der::Setpoint::LimitActivePower(crate::der::Watts::new(1.0)),
        Duration::from_secs(20),
    );
    let steps = [step("AO1", "AI1", StepSource::Argument(Argument::Reversion), 1.0)];
    let draft = Ground { map: &own, known: &Told::default() }.steps(&steps, &asked, false).unwrap();
    let far = Instant::now() + Duration::from_secs(600);
    let bench = Bench { field: &outstation, map: &own, known: &before(), expires_at: far };
    for (shown, bounded) in [(0.0, false), (1.0, false), (20.0, true)] {
        outstation.put("AI1", shown);
        let (end, _) = bench.carry_out(&draft.acts, Goal::Set).await;
        assert_eq!(end, End::Done(Proof { bounded, ..Proof::WHOLE }), "{shown}");
    }
}

/// A selector that a device may lack: percent or watts. If it has one, it must stand as it is wanted.
fn selector() -> Vec<Act> {
    let selector = OutstationStep { optional: true, ..constant("BO45", "BI113", 0.0) };
    acts(&[selector, constant("BO2", "BI2", 1.0)])
}

#[tokio::test(start_paused = true)]
async fn an_optional_switch_that_is_there_must_stand() {
    // Not there at all.
    let outstation = outstation();
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs[0].at == at("BO45") => Answer::Status(4),
        _ => Answer::Good,
    });
    assert_eq!(run(&outstation, &selector(), Goal::Set).await, (done(true), true));
    // It says no, and stands as it must not.
    outstation.put("BI113", 1.0);
    let (end, _) = run(&outstation, &selector(), Goal::Set).await;
    assert!(
        matches!(&end, End::Refused(words) if words.starts_with("operating BO45: NOT_SUPPORTED")),
        "{end:?}"
    );
    outstation.put("BI113", 0.0);
    assert_eq!(run(&outstation, &selector(), Goal::Set).await, (done(true), true));
    // It says yes, and does not do it.
    outstation.put("BI113", 1.0);
    outstation.put("BO45", 1.0);
    outstation.state().seen.clear();
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs[0].at == at("BO45") => Answer::Ignored,
        _ => Answer::Good,
    });
    let (end, _) = run(&outstation, &selector(), Goal::Set).await;
    let words = "BO45 was switched off, but BI113 shows that it is not";
    assert_eq!(end, End::NotKept(words.to_owned()));
    assert!(!trace(&outstation).contains(&"BO2=on".to_owned()), "and nothing is enabled");
}
