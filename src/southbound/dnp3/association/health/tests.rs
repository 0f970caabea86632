//! What is done about an association, by what happened to it.

use super::{Duty, Failure, Health};
use crate::device_map::dnp3::{ReadPlan, SessionOptions};
use crate::southbound::dnp3::channel::{Pace, Record};
use crate::southbound::dnp3::field::Indications;
use std::time::Duration;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn health(read: ReadPlan) -> (Health, Instant) {
    let session = SessionOptions { read, keep_alive: Some(SECOND * 30), ..SessionOptions::default() };
    let mut health = Health::new(&session, SECOND * 10, Pace::default());
    let now = Instant::now();
    health.connected(now);
    (health, now)
}

fn alone(health: &mut Health, now: Instant) -> Option<Duty> {
    health.duty(now, false, true)
}

fn overflow(health: &mut Health, overflow: bool) {
    health.indicated(&Indications { overflow, ..Indications::default() });
}

#[test]
fn all_is_well_while_answers_come() {
    let (mut health, now) = health(ReadPlan::Classes);
    for second in 0..100 {
        health.missed(now + SECOND * second);
        health.heard(now + SECOND * second);
        assert_eq!(alone(&mut health, now + SECOND * second), None);
    }
}

#[test]
fn three_answers_missed_in_a_row_make_the_connection_anew() {
    let (mut health, now) = health(ReadPlan::Classes);
    for n in 0..3 {
        assert_eq!(alone(&mut health, now), None, "{n}");
        health.missed(now);
    }
    assert_eq!(alone(&mut health, now), Some(Duty::Reconnect));
    assert_eq!(alone(&mut health, now), None, "once");
}

#[test]
fn a_long_silence_is_looked_into_and_two_keep_alives_without_an_answer_are_enough() {
    let (mut health, now) = health(ReadPlan::Classes);
    assert_eq!(alone(&mut health, now + SECOND * 29), None);
    assert_eq!(alone(&mut health, now + SECOND * 30), Some(Duty::CheckLink));
    assert_eq!(alone(&mut health, now + SECOND * 31), None, "that was asked just now");
    health.missed(now + SECOND * 40);
    assert_eq!(alone(&mut health, now + SECOND * 59), None);
    assert_eq!(alone(&mut health, now + SECOND * 60), Some(Duty::Reconnect));
}

/// One that others share the channel with, found and asked.
fn neighbour() -> (Health, Instant) {
    let (mut health, now) = health(ReadPlan::Classes);
    health.heard(now);
    assert_eq!(among(&mut health, now), None);
    (health, now)
}

fn among(health: &mut Health, now: Instant) -> Option<Duty> {
    health.duty(now, true, true)
}

/// A request that was waited for in vain.
fn silent(health: &mut Health, asked: Instant, cost: Duration) -> Instant {
    health.asked(asked);
    health.missed(asked + cost);
    asked + cost
}

/// The look that comes next, and how long after `now`.
fn next_look(health: &mut Health, now: Instant) -> Instant {
    (0..100_000)
        .map(|tick| now + SECOND * tick / 4)
        .find(|at| among(health, *at) == Some(Duty::CheckLink))
        .unwrap()
}

fn looked_in_vain(health: &mut Health, at: Instant) -> Instant {
    let end = at + health.look();
    health.asked(at);
    health.not_found(end);
    end
}

#[test]
fn with_others_on_the_channel_nothing_is_asked_before_it_was_looked_for() {
    let (mut health, now) = health(ReadPlan::Classes);
    assert!(health.begin_anew(now));
    assert!(!health.begin_anew(now), "that is known");
    health.connected(now);
    assert_eq!(among(&mut health, now), Some(Duty::CheckLink), "at once");
    assert_eq!(health.look(), SECOND * 2, "and not for the whole time-out");
    health.found(now, SECOND / 10);
    assert_eq!(among(&mut health, now), Some(Duty::Rejoin));
    assert!(!health.is_left_alone());
    assert_eq!(among(&mut health, now), None);
}

#[test]
fn who_was_silent_is_left_alone_for_as_long_as_it_cost_and_longer_each_time() {
    let (mut health, start) = neighbour();
    let now = silent(&mut health, start, SECOND * 10);
    assert_eq!(among(&mut health, now), Some(Duty::LeaveAlone));
    assert_eq!(health.owes_until(), now + SECOND * 10);
    let first = next_look(&mut health, now);
    assert_eq!(first - now, SECOND * 10);
    let now = looked_in_vain(&mut health, first);
    let second = next_look(&mut health, now);
    assert_eq!(second - now, SECOND * 12, "all of its silence");
    let now = looked_in_vain(&mut health, second);
    assert_eq!(among(&mut health, now), Some(Duty::Lose), "after as many as ever");
}

#[test]
fn one_that_answers_after_a_miss_starts_over_and_owes_nothing() {
    let (mut health, start) = neighbour();
    let now = silent(&mut health, start, SECOND * 10);
    assert_eq!(among(&mut health, now), Some(Duty::LeaveAlone));
    // It reports something by itself.
    assert!(health.heard(now + SECOND), "that is to be seen to");
    assert_eq!(among(&mut health, now + SECOND), Some(Duty::Rejoin));
    assert_eq!(among(&mut health, now + SECOND), None);
    let now = silent(&mut health, now + SECOND * 2, SECOND * 10);
    assert_eq!(among(&mut health, now), Some(Duty::LeaveAlone));
    assert_eq!(next_look(&mut health, now) - now, SECOND * 10, "it begins anew");
}

#[test]
fn a_lost_one_on_a_shared_channel_is_looked_for_ever_less_often() {
    let (mut health, start) = neighbour();
    let mut now = silent(&mut health, start, SECOND * 10);
    let (mut looks, mut spent, mut lost) = (0, Duration::ZERO, false);
    while now < start + SECOND * 7200 {
        match among(&mut health, now) {
            Some(Duty::CheckLink) => {
                let end = looked_in_vain(&mut health, now);
                (looks, spent, now) = (looks + 1, spent + (end - now), end);
                if lost {
                    assert!(
                        next_look(&mut health, now) - now >= spent.min(SECOND * 100),
                        "ten times what it cost"
                    );
                }
            }
            duty => {
                lost |= duty == Some(Duty::Lose);
                now += SECOND;
            }
        }
    }
    assert!(lost && health.is_lost());
    assert!((15..40).contains(&looks), "{looks} times in two hours");
    assert!(spent < SECOND * 300, "{spent:?} of two hours");
    health.heard(now);
    assert_eq!(among(&mut health, now), Some(Duty::Revive));
    assert!(!health.is_lost());
    health.connected(now);
    assert_eq!(among(&mut health, now), Some(Duty::Rejoin));
    assert_eq!(among(&mut health, now), None);
}

#[test]
fn one_that_answers_looks_and_nothing_else_takes_no_more_than_one_that_is_dead() {
    let (mut health, start) = neighbour();
    let (mut now, mut spent, mut times_lost) = (start, Duration::ZERO, 0);
    while now < start + SECOND * 7200 {
        match among(&mut health, now) {
            Some(Duty::CheckLink) => health.found(now, SECOND / 100),
            Some(Duty::Lose) => times_lost += 1,
            Some(Duty::Revive) => health.connected(now),
            Some(Duty::LeaveAlone | Duty::Rejoin) => {}
            None if health.is_left_alone() => now += SECOND,
            duty => {
                assert_eq!(duty, None);
                now = silent(&mut health, now, SECOND * 10);
                spent += SECOND * 10;
            }
        }
    }
    assert!(times_lost > 2, "it counts as lost again and again");
    assert!(spent < SECOND * 400, "{spent:?} of two hours");
}

#[test]
fn looks_that_others_interrupt_count_when_there_was_time_for_an_answer() {
    let (mut health, start) = neighbour();
    let now = silent(&mut health, start, SECOND * 10);
    assert_eq!(among(&mut health, now), Some(Duty::LeaveAlone));
    let (mut now, before) = (next_look(&mut health, now), health.silences());
    for _ in 0..3 {
        health.asked(now);
        health.interrupted(now + SECOND / 2, SECOND / 2);
        assert_eq!(health.silences(), before);
        now = next_look(&mut health, now + SECOND / 2);
    }
    health.asked(now);
    health.interrupted(now + SECOND / 2, SECOND / 2);
    assert_eq!(health.silences(), before + 1, "two seconds in all");
    // It was itself that said something.
    let now = next_look(&mut health, now + SECOND);
    health.heard(now + SECOND * 3);
    health.interrupted(now + SECOND * 3, SECOND * 3);
    assert_eq!((health.silences(), health.record()), (before + 1, Record::Good));
}

#[test]
fn what_a_look_waited_behind_others_costs_it_nothing() {
    let (mut health, start) = neighbour();
    let now = silent(&mut health, start, SECOND * 10);
    assert_eq!(among(&mut health, now), Some(Duty::LeaveAlone));
    let now = next_look(&mut health, now);
    health.asked(now);
    health.not_found(now + SECOND * 32);
    assert_eq!(health.owes_until(), now + SECOND * 34, "two seconds were its own");
}

#[test]
fn a_lost_one_is_mostly_looked_for_shortly() {
    let (mut health, start) = neighbour();
    let mut now = silent(&mut health, start, SECOND * 10);
    let mut looks = Vec::new();
    while looks.len() < 8 {
        match among(&mut health, now) {
            Some(Duty::CheckLink) => {
                looks.extend(health.is_lost().then(|| health.look().as_secs()));
                now = looked_in_vain(&mut health, now);
            }
            _ => now += SECOND,
        }
    }
    assert_eq!(looks, [8, 2, 2, 10, 2, 2, 2, 10]);
}

#[test]
fn a_slow_one_is_given_time_when_it_is_looked_for_again() {
    let (mut health, start) = neighbour();
    let now = silent(&mut health, start, SECOND * 10);
    assert_eq!(among(&mut health, now), Some(Duty::LeaveAlone));
    let now = next_look(&mut health, now);
    let now = looked_in_vain(&mut health, now);
    assert_eq!(health.look(), SECOND * 4);
    health.found(now, SECOND * 3);
    assert_eq!(health.look(), SECOND * 10, "no longer than any answer may take");
}

#[test]
fn one_that_is_alone_again_is_asked_as_if_it_had_always_been() {
    let (mut health, start) = neighbour();
    let now = silent(&mut health, start, SECOND * 10);
    assert_eq!(among(&mut health, now), Some(Duty::LeaveAlone));
    assert_eq!(alone(&mut health, now), Some(Duty::Rejoin));
    assert_eq!(alone(&mut health, now), None);
}

#[test]
fn one_that_was_lost_starts_over_when_the_connection_was_made_anew() {
    let (mut health, now) = neighbour();
    for _ in 0..3 {
        health.missed(now);
    }
    assert_eq!(among(&mut health, now), Some(Duty::Lose));
    health.begin_anew(now);
    health.connected(now);
    assert_eq!(among(&mut health, now), Some(Duty::CheckLink), "at once");
    health.found(now, SECOND);
    assert_eq!(among(&mut health, now), Some(Duty::Rejoin));
    assert_eq!(among(&mut health, now), None);
}

#[test]
fn an_outstation_that_refuses_the_time_three_times_keeps_its_own_for_an_hour() {
    let (mut health, now) = health(ReadPlan::Classes);
    health.time_refused();
    health.time_refused();
    health.time_taken();
    health.time_refused();
    health.time_refused();
    assert_eq!(alone(&mut health, now), None);
    health.time_refused();
    assert_eq!(alone(&mut health, now), Some(Duty::LeaveTime));
    assert!(health.keeps_its_time());
    health.indicated(&Indications { need_time: true, ..Indications::default() });
    health.heard(now + SECOND * 3599);
    assert_eq!(alone(&mut health, now + SECOND * 3599), None);
    health.heard(now + SECOND * 3600);
    assert_eq!(alone(&mut health, now + SECOND * 3600), Some(Duty::OfferTime));
    assert_eq!(alone(&mut health, now + SECOND * 3600), None);
}

#[test]
fn a_class_0_that_cannot_be_read_three_times_is_read_by_ranges() {
    let (mut health, now) = health(ReadPlan::Classes);
    for _ in 0..3 {
        assert_eq!(alone(&mut health, now), None);
        health.integrity_refused();
    }
    assert_eq!(alone(&mut health, now), Some(Duty::LeaveClasses));
    assert!(health.reads_by_ranges());
    assert_eq!(alone(&mut health, now), Some(Duty::ReadRanges));
    assert_eq!(alone(&mut health, now), None);
    health.clearing_restart();
    assert_eq!(alone(&mut health, now), Some(Duty::Restarted));
    health.connected(now);
    assert_eq!(alone(&mut health, now), Some(Duty::ReadRanges), "after each connection");
}

#[test]
fn lost_events_are_read_for_once_a_minute_and_after_three_times_no_more() {
    let (mut health, now) = health(ReadPlan::Classes);
    let minute = |n: u32| now + SECOND * 60 * n;
    let at = |health: &mut Health, when: Instant| {
        health.heard(when);
        alone(health, when)
    };
    let read = Some(Duty::ReadAll("the outstation has lost events"));
    overflow(&mut health, true);
    assert_eq!(at(&mut health, now), read);
    assert_eq!(at(&mut health, now + SECOND * 59), None);
    assert_eq!(at(&mut health, minute(1)), read);
    assert_eq!(at(&mut health, minute(2)), read);
    assert_eq!(at(&mut health, minute(3)), Some(Duty::IgnoreOverflow));
    assert_eq!(at(&mut health, minute(9)), None);
    overflow(&mut health, false);
    overflow(&mut health, true);
    assert_eq!(at(&mut health, minute(10)), read, "it had stopped in between");
}

#[test]
fn a_restart_is_told_once_after_everything_was_read() {
    let (mut health, _) = health(ReadPlan::Classes);
    assert!(!health.read_whole());
    health.clearing_restart();
    assert!(health.read_whole());
    assert!(!health.read_whole());
    // The bit comes with the very answer, and is cleared after it.
    health.restart_within_integrity();
    assert!(health.read_whole());
    health.clearing_restart();
    assert!(!health.read_whole());
}

#[test]
fn a_restart_bit_that_does_not_go_away_stops_nothing() {
    let (mut health, now) = health(ReadPlan::Classes);
    for _ in 0..3 {
        assert_eq!(alone(&mut health, now), None);
        health.clearing_restart();
    }
    assert_eq!(alone(&mut health, now), Some(Duty::Stubborn));
    assert!(health.read_whole(), "it may have restarted");
    for _ in 0..9 {
        health.clearing_restart();
    }
    assert_eq!(alone(&mut health, now), None);
    assert!(!health.read_whole(), "but not again and again");
}

#[test]
fn dropped_values_are_read_again_when_there_is_room_and_not_without_end() {
    let (mut health, now) = health(ReadPlan::Classes);
    health.values_lost();
    assert_eq!(health.duty(now, false, false), None);
    assert_eq!(alone(&mut health, now), Some(Duty::ReadAll("values came faster than they could be taken")));
    health.read_failed(now);
    health.heard(now + SECOND * 59);
    assert_eq!(alone(&mut health, now + SECOND * 59), None);
    assert!(matches!(alone(&mut health, now + SECOND * 60), Some(Duty::ReadAll(_))));
}

#[test]
fn only_silence_counts_as_silence() {
    use dnp3::master::TaskError as E;
    assert_eq!(Failure::of(E::ResponseTimeout), Failure::Silence);
    assert_eq!(Failure::of(E::UnexpectedResponseHeaders), Failure::Answered);
    assert_eq!(Failure::of(E::NoConnection), Failure::NotAsked);
    assert_eq!(Failure::of(E::Disabled), Failure::NotAsked);
}
