use super::*;

const HOUR: i64 = 3600;

struct Meter {
    counters: Counters,
    bounds: Bounds,
}

impl Meter {
    /// A counter of 32 bits in Wh at a device of 10 kW.
    fn new() -> Self {
        let span = Span { range: 2.0_f64.powi(32), step: 1.0 };
        Self { counters: Counters::default(), bounds: Bounds { span: Some(span), rating: Some(10_000.0) } }
    }

    /// True if a value is believed.
    fn shows(&mut self, value: f64, second: i64) -> bool {
        let at = Timestamp::from_second(second).unwrap();
        let mut readings =
            [Reading { quantity: Quantity::EnergyInjected, value, quality: Quality::Good, at }];
        let bounds = self.bounds;
        let doubts = self.counters.judge(&mut readings, &|_| bounds);
        let good = readings[0].quality == Quality::Good;
        assert_eq!(good, doubts.is_empty(), "a doubt is told");
        assert_eq!(good, readings[0].value.is_finite(), "never shown as a number");
        good
    }
}

#[test]
fn a_counter_that_goes_up_as_it_can_is_believed() {
    let mut meter = Meter::new();
    for (value, second) in [(1000.0, 0), (1000.0, 1), (1003.0, 2), (11_003.0, HOUR), (11_003.0, 2 * HOUR)] {
        assert!(meter.shows(value, second), "{value}");
    }
    assert!(meter.shows(41_003.0, 4 * HOUR), "renewed seldom: the time counts from its last step");
}

#[test]
fn a_fall_is_held_back_for_one_poll_and_a_slip_is_never_shown() {
    let mut meter = Meter::new();
    assert!(meter.shows(5e6, 0));
    assert!(!meter.shows(0.0, 1), "a slip");
    assert!(meter.shows(5e6, 2));
    assert!(!meter.shows(0.0, 3));
    assert!(meter.shows(1.0, 4), "it goes on from there: a new counter");
    assert!(meter.shows(2.0, 5));
    assert!(!meter.shows(5e6, 6), "and the old value is a leap now");
}

#[test]
fn a_leap_is_held_back_for_one_poll() {
    let mut meter = Meter::new();
    assert!(meter.shows(1000.0, 0));
    assert!(!meter.shows(4.29e9, 1), "10 kW cannot do that in a second");
    assert!(meter.shows(1001.0, 2));
    assert!(!meter.shows(90_000.0, 3));
    assert!(!meter.shows(9e8, 4), "another leap does not confirm the first");
    assert!(meter.shows(9e8, 5));
    let mut unrated = Meter::new();
    unrated.bounds.rating = None;
    assert!(unrated.shows(1.0, 0) && unrated.shows(1e9, 1), "nothing to judge by");
}

#[test]
fn a_counter_wraps_only_near_its_end() {
    let range = 2.0_f64.powi(32);
    let mut meter = Meter::new();
    assert!(meter.shows(range - 2.0, 0));
    assert!(meter.shows(1.0, 10));
    let mut early = Meter::new();
    assert!(early.shows(range * 0.8, 0));
    assert!(!early.shows(1.0, 10));
    let mut floating = Meter::new();
    floating.bounds.span = None;
    assert!(floating.shows(range - 2.0, 0) && !floating.shows(1.0, 10));
}
