//! Who has the time of a shared connection.

use super::{Line, MOST_HELD, Record, Slot, State};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn one_that_was_silent_waits_until_the_others_have_had_what_it_cost() {
    let now = Instant::now();
    let (owed, owed_by_lost) = (Some(now + SECOND), Some(now + 10 * SECOND));
    let state = State { owed, owed_by_lost, ..State::default() };
    assert_eq!(state.slot(now, 11, Record::Silent), Slot::NotBefore(now + SECOND));
    assert_eq!(state.slot(now, 12, Record::Good), Slot::Now, "one miss is made up for by itself");
    assert_eq!(state.slot(now + SECOND, 11, Record::Silent), Slot::Now, "the lost ones owe for themselves");
    assert_eq!(state.slot(now + SECOND, 13, Record::Lost), Slot::NotBefore(now + 10 * SECOND));
    assert_eq!(state.slot(now + 10 * SECOND, 13, Record::Lost), Slot::Now);
}

#[tokio::test(start_paused = true)]
async fn a_command_to_a_neighbour_is_told_to_who_is_looking() {
    let line = Arc::new(Line::default());
    let own = line.begin(11);
    let told = tokio::spawn({
        let line = line.clone();
        async move { line.commanded(11).await }
    });
    tokio::time::sleep(SECOND).await;
    assert!(!told.is_finished(), "its own is none");
    line.end(own);
    line.begin(10);
    tokio::time::timeout(SECOND, told).await.unwrap().unwrap();
}

#[test]
fn nobody_is_looked_for_while_a_neighbour_is_commanded_or_another_one_looked_for() {
    let (now, mut state) = (Instant::now(), State::default());
    let (first, second) = (state.begin(now, 10), state.begin(now + SECOND, 10));
    assert_eq!(state.slot(now, 11, Record::Good), Slot::NotBefore(now + MOST_HELD));
    assert_eq!(state.slot(now, 10, Record::Good), Slot::Now, "its own command is none of a neighbour");
    state.end(|(number, _)| *number == first);
    assert_eq!(state.slot(now, 11, Record::Good), Slot::NotBefore(now + MOST_HELD));
    assert_eq!(
        state.slot(now + MOST_HELD, 11, Record::Good),
        Slot::Now,
        "commands without end do not hide one that is back"
    );
    state.end(|(number, _)| *number == second);
    assert_eq!(state.slot(now, 11, Record::Good), Slot::Now);
    state.begin(now, 12);
    state.end(|(_, address)| *address == 12);
    assert_eq!(state.slot(now, 11, Record::Good), Slot::Now, "12 fell silent");
    state.looking = true;
    assert_eq!(state.slot(now, 11, Record::Good), Slot::Taken);
}

#[tokio::test(start_paused = true)]
async fn a_look_goes_when_its_turn_comes() {
    let line = Arc::new(Line::default());
    let start = Instant::now();
    let first = line.turn(11, Record::Good).await;
    let command = line.begin(10);
    let other = line.clone();
    let second = tokio::spawn(async move {
        drop(other.turn(12, Record::Silent).await);
        start.elapsed()
    });
    tokio::time::sleep(SECOND).await;
    line.owe(Record::Silent, Instant::now() + 5 * SECOND);
    drop(first);
    tokio::time::sleep(SECOND).await;
    line.end(command);
    assert_eq!(second.await.unwrap().as_secs(), 6);
}
