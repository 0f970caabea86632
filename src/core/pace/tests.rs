//! What follows from how quickly a device answers.

use super::*;

const USUAL: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);

fn polled(each: Duration) -> Pace {
    let mut pace = Pace::new(SECOND);
    (0..10).for_each(|_| pace.polled(each));
    pace
}

#[test]
fn values_count_for_as_long_as_three_polls_really_take_and_no_longer_than_a_minute() {
    assert_eq!(polled(SECOND / 100).fresh_for(USUAL), USUAL);
    assert_eq!(polled(SECOND * 4).fresh_for(USUAL), SECOND * 12);
    assert_eq!(polled(SECOND * 40).fresh_for(USUAL), SECOND * 60);
    let seldom = Pace::new(SECOND * 300);
    assert_eq!(seldom.fresh_for(USUAL), SECOND * 900, "that is how it is meant");
}

#[test]
fn one_slow_poll_is_forgotten_by_and_by() {
    let mut pace = polled(SECOND / 100);
    pace.polled(SECOND * 10);
    assert_eq!(pace.fresh_for(USUAL), SECOND * 30, "at once");
    (0..60).for_each(|_| pace.polled(SECOND / 100));
    assert_eq!(pace.fresh_for(USUAL), USUAL);
}

#[tokio::test(start_paused = true)]
async fn silence_is_measured_by_answers_and_not_by_polls() {
    let now = Instant::now();
    let mut slow = polled(SECOND * 15);
    slow.heard(now);
    assert!(!slow.is_overdue(USUAL, now + USUAL));
    assert!(slow.is_overdue(USUAL, now + USUAL * 2), "each answer of it is quick");
    slow.answered(SECOND * 4);
    assert!(!slow.is_overdue(USUAL, now + SECOND * 12));
    slow.answered(SECOND * 30);
    assert!(slow.is_overdue(USUAL, now + SECOND * 21), "nobody counts on it for ever");
    assert!(!Pace::new(SECOND).is_overdue(USUAL, now + SECOND * 3600), "never heard of");
}

#[test]
fn an_order_has_the_time_it_needs_and_arrives_before_the_one_before_runs_out() {
    let hold = SECOND * 60;
    assert_eq!(polled(SECOND / 100).order_within(USUAL, SECOND / 10, hold), USUAL);
    assert_eq!(polled(SECOND * 4).order_within(USUAL, SECOND * 9, hold), SECOND * 22);
    assert_eq!(polled(SECOND * 4).order_within(USUAL, SECOND * 60, hold), SECOND * 30);
    assert_eq!(polled(SECOND * 4).order_within(USUAL, SECOND * 9, SECOND * 16), SECOND * 8);
    assert_eq!(polled(SECOND * 4).order_within(USUAL, SECOND * 9, SECOND * 4), USUAL);
    assert_eq!(polled(SECOND * 4).order_within(USUAL, SECOND * 9, Duration::ZERO), SECOND * 22, "a release");
}
