use super::*;

#[test]
fn amounts_read_well_and_never_invent() {
    for (value, unit, wanted) in [
        (0.0, "W", "0 W"),
        (-0.4, "W", "0 W"),
        (999.4, "W", "999 W"),
        (999.6, "W", "1.00 kW"),
        (-12_345.0, "W", "-12.35 kW"),
        (999_960.0, "VAr", "1.000 MVAr"),
        (2_500_000.0, "W", "2.500 MW"),
        (231.456, "V", "231.46 V"),
        (850.0, "Wh", "850 Wh"),
        (21_000_197.0, "Wh", "21.000 MWh"),
        (0.25, "W/s", "0.25 W/s"),
    ] {
        assert_eq!(amount(Some(value), unit), wanted);
    }
    assert_eq!(amount(None, "W"), "?");
}

#[test]
fn times_read_well() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let at = |seconds: i64| Some(now + jiff::SignedDuration::from_secs(seconds));
    assert_eq!(age(at(-119), now), "119 s");
    assert_eq!(age(at(-120), now), "2 min");
    assert_eq!(age(at(-7200), now), "2 h");
    assert_eq!(age(at(-172_800), now), "2 d");
    assert_eq!(age(at(5), now), "0 s", "a device's clock may be ahead");
    assert_eq!(age(None, now), "?");
    assert_eq!(left(at(60), at(600), now), "begins in 60 s");
    assert_eq!(left(at(-60), at(600), now), "10 min left");
    assert_eq!(left(at(-60), at(0), now), "time is over");
    assert_eq!(left(None, None, now), "time left ?");
}

#[test]
fn a_share_of_nothing_says_nothing() {
    assert_eq!(share_of(Some(1500.0), Some(2000.0)).as_deref(), Some("75 %"));
    assert_eq!(share_of(Some(-500.0), Some(-1000.0)).as_deref(), Some("50 %"));
    assert_eq!(share_of(Some(0.0), Some(0.0)), None);
    assert_eq!(share_of(Some(5.0), Some(0.0)), None);
    assert_eq!(share_of(None, Some(5.0)), None);
}

#[test]
fn states_are_counted_in_the_order_they_come() {
    assert_eq!(count_by(["b", "a", "b"].into_iter()), "3 (2 b, 1 a)");
    assert_eq!(count_by(std::iter::empty()), "none");
}

#[test]
fn what_is_too_long_is_cut_between_words_and_shows_that_it_was() {
    assert_eq!(cut("no answer", 9), "no answer");
    assert_eq!(cut("no answer; and more", 12), "no answer …");
    assert_eq!(cut("süßes", 3), "süß …");
    assert_eq!(moment("2026-03-01T12:00:00.987654321Z".parse().unwrap()), "2026-03-01T12:00:00Z");
}
