//! What is done about an association, by what happened to it.

use super::{Duty, Failure, Health};
use crate::device_map::dnp3::{ReadPlan, SessionOptions};
use crate::southbound::dnp3::channel::Pace;
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

#[test]
fn a_lost_one_on_a_shared_channel_is_asked_ever_less_often() {
    let (mut health, start) = health(ReadPlan::Classes);
    for _ in 0..3 {
        health.missed(start);
    }
    assert_eq!(health.duty(start, true, true), Some(Duty::Lose));
    assert!(health.is_lost());
    let (mut now, mut asked) = (start, Vec::new());
    while now < start + SECOND * 3600 {
        if health.duty(now, true, true) == Some(Duty::CheckLink) {
            asked.push(now);
            health.missed(now);
        }
        now += SECOND;
    }
    assert!((10..40).contains(&asked.len()), "{} times in an hour", asked.len());
    health.heard(now);
    assert_eq!(health.duty(now, true, true), Some(Duty::Revive));
    assert!(!health.is_lost());
    assert_eq!(health.duty(now, true, true), None);
}

#[test]
fn one_that_was_lost_starts_over_when_the_connection_was_made_anew() {
    let (mut health, now) = health(ReadPlan::Classes);
    for _ in 0..3 {
        health.missed(now);
    }
    assert_eq!(health.duty(now, true, true), Some(Duty::Lose));
    health.connected(now);
    assert_eq!(health.duty(now, true, true), Some(Duty::Rejoin));
    assert_eq!(health.duty(now, true, true), None);
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
