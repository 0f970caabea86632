//! What becomes of refusals, lies and lost answers.

use super::*;
use crate::southbound::dnp3::field::Refusal;

fn on(output: &'static str, answers: Vec<Answer>) -> impl FnMut(&Request) -> Answer + Send + 'static {
    let mut answers = answers.into_iter();
    move |request| match request {
        Request::Operate(outputs) if outputs[0].at == at(output) => answers.next().unwrap_or(Answer::Good),
        _ => Answer::Good,
    }
}

fn operated(outstation: &Outstation, output: &str) -> usize {
    trace(outstation).iter().filter(|line| line.starts_with(&format!("{output}="))).count()
}

#[tokio::test(start_paused = true)]
async fn each_status_is_retried_once_never_or_looked_up() {
    for status in (1..=18).chain([126, 127, 99]) {
        let outstation = outstation();
        outstation.script(on("BO2", vec![Answer::Status(status); 3]));
        let (end, touched) = run(&outstation, &usual(), Goal::Set).await;
        let End::Refused(words) = end else { panic!("{status}: {end:?}") };
        assert!(words.starts_with("operating BO2: ") && words.contains(&format!("({status}): ")), "{words}");
        assert!(touched, "{status}: the setting before it stands");
        let tries = if [1, 2, 8, 11].contains(&status) { 2 } else { 1 };
        assert_eq!(operated(&outstation, "BO2"), tries, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_passes_at_the_second_try_is_done() {
    for status in [1, 2, 8, 11] {
        let outstation = outstation();
        outstation.script(on("BO2", vec![Answer::Status(status)]));
        assert_eq!(run(&outstation, &usual(), Goal::Set).await, (done(true), true), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn already_is_done_if_it_shows() {
    for status in [5, 14] {
        let outstation = outstation();
        outstation.put("BI2", 1.0);
        outstation.script(on("BO2", vec![Answer::Status(status)]));
        assert_eq!(run(&outstation, &usual(), Goal::Set).await, (done(true), true), "{status}");
        assert_eq!(operated(&outstation, "BO2"), 1);
        let nowhere = acts(&[constant("BO2", "", 1.0)]);
        outstation.script(on("BO2", vec![Answer::Status(status)]));
        assert_eq!(run(&outstation, &nowhere, Goal::Set).await, (done(false), true), "{status}: believed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_was_a_lie_is_told_and_is_held() {
    let outstation = outstation();
    outstation.put("BI2", 1.0);
    outstation.script(on("BO2", vec![Answer::Status(4)]));
    let (end, touched) = run(&outstation, &usual()[1..], Goal::Set).await;
    let words = "operating BO2: NOT_SUPPORTED (4): the outstation does not support this; check that the device map fits it; \
                 BI2 shows it nonetheless";
    assert_eq!((end, touched), (End::Refused(words.to_owned()), true));
    let outstation = super::outstation();
    outstation.put("AI1", 600.0);
    outstation.script(on("AO1", vec![Answer::Status(12)]));
    let (end, touched) = run(&outstation, &usual(), Goal::Set).await;
    assert!(matches!(&end, End::Refused(words) if words.ends_with("AI1 shows it nonetheless")), "{end:?}");
    assert!(touched);
    assert_eq!(operated(&outstation, "BO2"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_what_was_so_before_is_no_lie() {
    let outstation = outstation();
    outstation.script(on("AO1", vec![Answer::Status(7)]));
    let zero = acts(&[step("AO1", "AI1", StepSource::Constant(0.0), 0.1)]);
    let (end, touched) = run(&outstation, &zero, Goal::Set).await;
    let words =
        "writing AO1: LOCAL (7): the outstation is in local control; switch it to remote at the device";
    assert_eq!((end, touched), (End::Refused(words.to_owned()), false), "0 before, and 0 now");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_as_a_whole_says_what_it_mostly_means() {
    let outstation = outstation();
    let refusal = Refusal { parameter_error: true, ..Refusal::default() };
    outstation.script(on("AO1", vec![Answer::Refused(refusal)]));
    let (end, _) = run(&outstation, &usual(), Goal::Set).await;
    let words = "writing AO1: the outstation refuses the request: it does not take a value or index (IIN2.2): usually it does \
                 not support this mode or value; check that the device map fits it";
    assert_eq!(end, End::Refused(words.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn already_is_believed_where_what_shows_it_cannot_be_read_and_passed_over_where_it_need_not_be() {
    for status in [5, 14] {
        let outstation = outstation();
        outstation.script(on("BO2", vec![Answer::Status(status)]));
        outstation.state().unknown.insert(at("BI2"));
        assert_eq!(run(&outstation, &usual(), Goal::Set).await, (done(false), true), "{status}");
        let outstation = super::outstation();
        outstation.script(on("AO1", vec![Answer::Status(status)]));
        let optional = OutstationStep { optional: true, ..constant("AO1", "AI1", 5.0) };
        let steps = acts(&[optional, constant("BO2", "BI2", 1.0)]);
        assert_eq!(run(&outstation, &steps, Goal::Set).await, (done(true), true), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mode_that_is_off_already_is_released() {
    let outstation = outstation();
    outstation.script(on("BO2", vec![Answer::Status(4)]));
    let off = acts(&[constant("BO2", "BI2", 0.0)]);
    assert_eq!(run(&outstation, &off, Goal::Release).await, (done(true), true));
}

#[tokio::test(start_paused = true)]
async fn what_need_not_be_there_is_passed_over() {
    let optional = |write, reads| OutstationStep { optional: true, ..constant(write, reads, 5.0) };
    let steps = [optional("AO1", "AI1"), constant("BO2", "BI2", 1.0)];
    let refusals =
        [Answer::Status(4), Answer::Status(12), Answer::Refused(crate::southbound::dnp3::testing::UNKNOWN)];
    for answer in refusals {
        let outstation = outstation();
        outstation.script(on("AO1", vec![answer.clone()]));
        assert_eq!(run(&outstation, &acts(&steps), Goal::Set).await, (done(true), true), "{answer:?}");
        assert_eq!(trace(&outstation), ["AO1=5", "BO2=on", "read BI2"]);
    }
    let outstation = outstation();
    outstation.script(on("AO1", vec![Answer::Status(7)]));
    assert!(
        matches!(run(&outstation, &acts(&steps), Goal::Set).await, (End::Refused(_), false)),
        "local is a no"
    );
    // It says yes and does not keep it, as one that knows no ramp.
    outstation.mirror("AO1", &[]);
    outstation.script(|_| Answer::Good);
    assert_eq!(run(&outstation, &acts(&steps), Goal::Set).await, (done(true), true));
}

#[tokio::test(start_paused = true)]
async fn an_operation_without_an_answer_is_looked_up_before_it_is_repeated() {
    let outstation = outstation();
    outstation.script(on("AO1", vec![Answer::DoneInSilence]));
    assert_eq!(run(&outstation, &usual(), Goal::Set).await, (done(true), true));
    assert_eq!(trace(&outstation), ["AO1=600", "read AI1", "read AI1", "BO2=on", "read BI2"], "not repeated");
    let outstation = super::outstation();
    outstation.script(on("BO2", vec![Answer::Silent]));
    assert_eq!(run(&outstation, &usual(), Goal::Set).await, (done(true), true));
    assert_eq!(operated(&outstation, "BO2"), 2, "it shows that it was lost");
    let outstation = super::outstation();
    outstation.script(on("BO2", vec![Answer::Silent, Answer::Broken("half an answer")]));
    assert_eq!(run(&outstation, &usual(), Goal::Set).await, (End::TimedOut, true));
    assert_eq!(operated(&outstation, "BO2"), 2);
    let outstation = super::outstation();
    outstation.script(on("BO2", vec![Answer::Silent]));
    let unseen = acts(&[constant("BO2", "", 1.0)]);
    assert_eq!(run(&outstation, &unseen, Goal::Set).await, (End::TimedOut, true));
    assert_eq!(operated(&outstation, "BO2"), 1, "what cannot be seen is not repeated");
}

#[tokio::test(start_paused = true)]
async fn what_was_never_sent_is_not_held() {
    let outstation = outstation();
    outstation.script(|_| Answer::NoConnection("no connection"));
    assert_eq!(run(&outstation, &usual(), Goal::Set).await, (End::Unreachable, false));
    outstation.script(on("BO2", vec![Answer::NoConnection("gone")]));
    assert_eq!(run(&outstation, &usual(), Goal::Set).await, (End::TimedOut, true), "in the middle it is");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_enabled_after_its_time() {
    let outstation = outstation();
    let map = map();
    let expires_at = Instant::now() + Duration::from_secs(1);
    outstation.script(|request| match request {
        Request::Read(_) => Answer::After(Duration::from_secs(2)),
        _ => Answer::Good,
    });
    let bench = Bench { field: &outstation, map: &map, known: &before(), expires_at };
    assert_eq!(bench.carry_out(&usual(), Goal::Set).await, (End::Expired, true));
    assert_eq!(operated(&outstation, "BO2"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_read_back_proves_nothing_and_stops_nothing() {
    let outstation = outstation();
    outstation.state().unknown.insert(at("AI1"));
    let (end, _) = run(&outstation, &usual(), Goal::Set).await;
    assert_eq!(end, done(false));
    assert_eq!(trace(&outstation), ["AO1=600", "read AI1", "read AI1", "BO2=on", "read BI2"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_read_back_leaves_it_unknown() {
    let outstation = outstation();
    outstation.script(|request| match request {
        Request::Read(_) => Answer::Silent,
        Request::Operate(_) | Request::Identity => Answer::Good,
    });
    assert_eq!(run(&outstation, &usual(), Goal::Set).await, (End::TimedOut, true));
    assert_eq!(operated(&outstation, "BO2"), 0);
}
