use super::*;
use jiff::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn mrid_compares_without_case_and_leading_underscore_but_keeps_the_text() {
    let a = Mrid::parse(" _7D0E5A52-6F0B ").unwrap();
    let b = Mrid::parse("7d0e5a52-6f0b").unwrap();
    assert_eq!(a, b);
    assert_eq!(a.as_str(), "_7D0E5A52-6F0B");
    assert_eq!(Mrid::parse("  "), Err(MridError::Empty));
    assert_eq!(Mrid::parse("_"), Err(MridError::Empty));
    assert_eq!(Mrid::parse("a\u{7}b"), Err(MridError::Control));
    assert_eq!(Mrid::parse(&"x".repeat(129)), Err(MridError::TooLong(129)));
}

#[test]
fn functions_hold_nine_independent_flags() {
    for f in DerFunction::ALL {
        let only = DerFunctions::NONE.with(f);
        assert_eq!(only.iter().collect::<Vec<_>>(), [f]);
        assert_eq!(DerFunction::from_name(f.name()), Some(f));
    }
    assert_eq!(DerFunction::from_name("ConnectDisconnect"), None);
}

#[test]
fn a_constant_schedule_holds_each_value_for_its_interval() {
    let s = DispatchSchedule::new(
        CurveStyle::ConstantYValue,
        at("2026-04-09T12:00:00Z"),
        15,
        TimeIntervalKind::Minute,
        vec![120e3, 95.5e3],
    )
    .unwrap();
    assert_eq!(s.end(), at("2026-04-09T12:30:00Z"));
    assert_eq!(s.target_at(at("2026-04-09T11:59:59Z")), None);
    assert_eq!(s.target_at(at("2026-04-09T12:00:00Z")), Some(120e3));
    assert_eq!(s.target_at(at("2026-04-09T12:14:59.999Z")), Some(120e3));
    assert_eq!(s.target_at(at("2026-04-09T12:15:00Z")), Some(95.5e3));
    assert_eq!(s.target_at(at("2026-04-09T12:30:00Z")), None);
}

#[test]
fn a_straight_line_has_one_interval_less_than_points() {
    let s = DispatchSchedule::new(
        CurveStyle::StraightLineYValues,
        at("2026-04-09T12:00:00Z"),
        10,
        TimeIntervalKind::Second,
        vec![0.0, 100.0, 50.0],
    )
    .unwrap();
    assert_eq!(s.end(), at("2026-04-09T12:00:20Z"));
    assert_eq!(s.target_at(at("2026-04-09T12:00:05Z")), Some(50.0));
    assert_eq!(s.target_at(at("2026-04-09T12:00:15Z")), Some(75.0));
}

#[test]
fn months_are_months_and_minutes_are_minutes() {
    let month = DispatchSchedule::new(
        CurveStyle::ConstantYValue,
        at("2026-01-31T00:00:00Z"),
        1,
        TimeIntervalKind::from_literal("M").unwrap(),
        vec![1.0, 2.0],
    )
    .unwrap();
    assert_eq!(month.end(), at("2026-03-31T00:00:00Z"));
    assert_eq!(month.target_at(at("2026-02-28T00:00:00Z")), Some(2.0));
    assert_eq!(TimeIntervalKind::from_literal("m"), Some(TimeIntervalKind::Minute));
    assert_eq!(TimeIntervalKind::from_literal("S"), None);
}

#[test]
fn a_schedule_that_cannot_be_followed_says_why() {
    let start = at("2026-04-09T12:00:00Z");
    let make = |style, step, values| {
        DispatchSchedule::new(style, start, step, TimeIntervalKind::Year, values).unwrap_err()
    };
    assert_eq!(make(CurveStyle::ConstantYValue, 1, vec![]), ScheduleError::Empty);
    assert_eq!(make(CurveStyle::StraightLineYValues, 1, vec![1.0]), ScheduleError::OnePointLine);
    assert_eq!(make(CurveStyle::ConstantYValue, 0, vec![1.0]), ScheduleError::Step(0));
    assert_eq!(make(CurveStyle::ConstantYValue, 1, vec![1.0, f64::NAN]), ScheduleError::NotFinite(2));
    assert_eq!(make(CurveStyle::ConstantYValue, 9000, vec![1.0]), ScheduleError::BeyondCalendar);
    assert_eq!(make(CurveStyle::ConstantYValue, i64::MAX, vec![1.0, 1.0]), ScheduleError::BeyondCalendar);
    assert_eq!(make(CurveStyle::ConstantYValue, 1, vec![1.0; 10_081]), ScheduleError::TooLong(10_081));
}

#[test]
fn a_request_name_without_kind_means_any_kind() {
    let kind = |name: &str, authority: &str| {
        Some(NameType {
            description: None,
            name: name.into(),
            authority: Some(NameTypeAuthority { description: None, name: authority.into() }),
        })
    };
    let own = Name { name: "FDR12-PV".into(), name_type: kind("groupName", "DMS-East") };
    assert!(own.answers_to(&Name::plain("FDR12-PV")));
    assert!(!own.answers_to(&Name::plain("fdr12-pv")));
    assert!(own.answers_to(&own.clone()));
    let other = Name { name: "FDR12-PV".into(), name_type: kind("groupName", "DMS-West") };
    assert!(!own.answers_to(&other));
}

#[test]
fn a_line_between_absurd_values_has_no_nameless_point() {
    let start = at("2026-04-09T12:00:00Z");
    let values = vec![f64::MAX, f64::MIN];
    let s =
        DispatchSchedule::new(CurveStyle::StraightLineYValues, start, 1, TimeIntervalKind::Second, values)
            .unwrap();
    assert_eq!(s.target_at(start), Some(f64::MAX));
}
