//! When an outstation is said to be slow.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_slow_one_is_said_to_be_so_once_and_not_with_every_poll() {
    let mut slow = Slow::default();
    let mut told: Vec<String> = Vec::new();
    for poll in 0..200 {
        let took = if poll % 10 == 9 { SECOND * 3 } else { SECOND * 3 / 2 };
        told.extend(slow.polled(took, SECOND).map(str::to_owned));
    }
    let words = "its answers to a poll take up to 1.5 s, too slow for a poll each 1 s: values are as old as their time says";
    assert_eq!(told, [words]);
    (0..200).for_each(|_| told.extend(slow.polled(SECOND / 10, SECOND).map(str::to_owned)));
    assert_eq!(told, [words, ""]);
}

#[test]
fn single_slow_polls_are_nothing() {
    let mut slow = Slow::default();
    for poll in 0..200 {
        let took = if poll % 5 == 0 { SECOND / 2 } else { SECOND * 2 };
        assert_eq!(slow.polled(took, SECOND), None);
    }
}
