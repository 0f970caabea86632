use super::*;

#[test]
fn delays_double_up_to_the_bound_and_begin_anew_after_a_success() {
    let mut backoff = Backoff::field();
    let seconds: Vec<u64> = (0..8).map(|_| backoff.delay(1.0).as_secs()).collect();
    assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    backoff.reset();
    assert_eq!(backoff.delay(0.0), Duration::from_millis(500));
    assert_eq!(backoff.delay(0.0), Duration::from_secs(1));
}

#[test]
fn jitter_stays_within_the_upper_half() {
    let mut backoff = Backoff::new(Duration::from_secs(8), Duration::from_secs(8));
    for _ in 0..200 {
        let delay = backoff.next_delay();
        assert!(delay >= Duration::from_secs(4) && delay <= Duration::from_secs(8), "{delay:?}");
    }
}
