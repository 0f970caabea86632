use super::*;
use crate::device_map::dnp3::QualityRules;
use crate::device_map::registers::PollClass;

#[test]
fn what_came_unasked_without_a_time_is_a_doubt_unless_it_is_bad_news() {
    let mut image = image(vec![point("watts", "AI1")]);
    let undated = |raw, flags, heard| Seen { stamp: None, flags, ..event("AI1", raw, 0, heard) };
    image.take(&[read("AI1", 5.0, 10)]);
    assert!(image.hear(&[undated(9.0, 1, 11)]).is_empty());
    assert_eq!(value(&image), Value::Number { value: 5.0, forced: false });
    assert_eq!(image.doubts().count(), 1);
    // Read again: that is how it is.
    image.take(&[read("AI1", 6.0, 12)]);
    assert_eq!((value(&image), image.doubts().count()), (Value::Number { value: 6.0, forced: false }, 0));
    // Asked for, it is of now; the same again need not be: it may have been something else in between.
    image.take(&[undated(7.0, 1, 13)]);
    assert_eq!((value(&image), image.doubts().count()), (Value::Number { value: 7.0, forced: false }, 0));
    image.hear(&[undated(7.0, 1, 14)]);
    assert_eq!(image.doubts().count(), 1);
    // That it cannot be used is believed at once, that it can again is not.
    image.hear(&[undated(7.0, 0x05, 15)]);
    assert!(matches!(value(&image), Value::Bad(_)));
    image.hear(&[undated(7.0, 1, 16)]);
    assert!(matches!(value(&image), Value::Bad(_)));
    // If it cannot be read, what came last is believed.
    settle(&mut image);
    assert_eq!(value(&image), Value::Number { value: 7.0, forced: false });
    // With a time that can be believed it counts at once.
    image.hear(&[event("AI1", 8.0, 17, 18)]);
    assert_eq!(value(&image), Value::Number { value: 8.0, forced: false });
}

mod properties;

pub fn point(name: &str, at: &str) -> OutstationPoint {
    OutstationPoint {
        name: name.to_owned(),
        at: At::parse(at).unwrap(),
        scale: 1.0,
        offset: 0.0,
        unit: None,
        quantity: None,
        poll: PollClass::Normal,
        without_online: false,
        invalid: Vec::new(),
        symbols: Vec::new(),
        only_while: None,
        alarm: None,
        blocks: None,
        sequence: false,
    }
}

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn at(text: &str) -> At {
    At::parse(text).unwrap()
}

fn read(text: &str, raw: f64, heard: i64) -> Seen {
    Seen { at: at(text), raw, flags: 1, stamp: None, event: false, heard: time(heard) }
}

fn event(text: &str, raw: f64, stamped: i64, heard: i64) -> Seen {
    let stamp = Some(Stamp { at: time(stamped), synchronised: true });
    Seen { stamp, event: true, ..read(text, raw, heard) }
}

fn image(points: Vec<OutstationPoint>) -> Image {
    Image::new(Arc::new(OutstationMap { points, ..OutstationMap::default() }))
}

fn settle(image: &mut Image) {
    let doubts: Vec<Doubt> = image.doubts().collect();
    doubts.into_iter().for_each(|doubt| image.settle(doubt));
}

fn value(image: &Image) -> Value {
    image.value(&image.map().points[0])
}

const fn number(value: f64) -> Value {
    Value::Number { value, forced: false }
}

#[test]
fn each_row_of_the_table_of_flags() {
    // Flags, then whether an analog input and a binary input can be used: as they are; with assume_online.
    let rows: [(u8, [bool; 2], [bool; 2]); 10] = [
        (0x01, [true, true], [true, true]),
        (0x00, [false, false], [true, true]),
        (0x03, [false, false], [false, false]),
        (0x05, [false, false], [false, false]),
        (0x04, [false, false], [false, false]),
        (0x09, [true, true], [true, true]),
        (0x11, [true, true], [true, true]),
        (0x21, [false, true], [false, true]),
        (0x41, [false, true], [false, true]),
        (0x81, [true, true], [true, true]),
    ];
    for (flags, strict, lenient) in rows {
        for (text, place) in [("AI1", 0), ("BI1", 1)] {
            for (assume_online, wanted) in [(false, strict), (true, lenient)] {
                for by_point in [false, true] {
                    let mut map =
                        OutstationMap { points: vec![point("p", text)], ..OutstationMap::default() };
                    map.quality.assume_online = assume_online && !by_point;
                    map.points[0].without_online = assume_online && by_point;
                    let mut image = Image::new(Arc::new(map));
                    image.take(&[Seen { flags, ..read(text, 1.0, 0) }]);
                    let usable = value(&image).number().is_some();
                    assert_eq!(
                        usable, wanted[place],
                        "{text} with flags {flags:#04x}, online {assume_online}"
                    );
                    assert_eq!(image.is_on(at(text)).is_some(), wanted[place]);
                }
            }
        }
    }
}

#[test]
fn forced_values_are_marked_and_settings_need_no_online() {
    let mut image = image(vec![point("p", "AI1")]);
    image.take(&[Seen { flags: 0x11, ..read("AI1", 7.0, 0) }, Seen { flags: 0, ..read("AI149", 500.0, 0) }]);
    assert_eq!(value(&image), Value::Number { value: 7.0, forced: true });
    assert_eq!(image.setting(at("AI149")), Some(500.0));
    for lost in [0x02, 0x04] {
        image.take(&[Seen { flags: lost, ..read("AI149", 500.0, 1) }]);
        assert_eq!(image.setting(at("AI149")), None);
    }
}

#[test]
fn no_value_is_no_number() {
    let mut special = point("p", "AI1");
    special.invalid = vec![-1];
    let mut image = image(vec![special]);
    assert_eq!(value(&image), Value::Absent, "nothing has come");
    for raw in [f64::from(i32::MIN), -1.0, f64::NAN, f64::INFINITY] {
        image.take(&[read("AI1", raw, 0)]);
        assert!(matches!(value(&image), Value::Bad(_)), "{raw}");
    }
    assert_eq!(QualityRules::default().null_raw, [i64::from(i32::MIN)]);
    image.take(&[read("AI1", -2.0, 0)]);
    assert_eq!(value(&image), number(-2.0));
}

#[test]
fn scale_offset_and_the_switch_that_gives_it_meaning() {
    let mut energy = point("energy", "AI18");
    (energy.scale, energy.offset, energy.only_while) = (0.1, 5.0, Some(at("BI27")));
    // A circle in a map is its author's fault, and no reason to hang.
    let mut unit = point("unit", "BI27");
    unit.only_while = Some(at("BI27"));
    let mut image = image(vec![energy, unit]);
    image.take(&[read("AI18", 100.0, 0)]);
    assert_eq!(value(&image), Value::Absent, "whether it counts is not known");
    image.take(&[read("BI27", 0.0, 0)]);
    assert_eq!(value(&image), Value::Absent);
    image.take(&[read("BI27", 1.0, 0)]);
    assert_eq!(value(&image), number(15.0));
}

#[test]
fn double_bits_are_on_off_or_not_known() {
    let mut image = image(vec![point("switch", "DBI0")]);
    for (raw, wanted) in [(0.0, None), (1.0, Some(false)), (2.0, Some(true)), (3.0, None)] {
        image.take(&[read("DBI0", raw, 0)]);
        assert_eq!(image.is_on(at("DBI0")), wanted, "{raw}");
    }
}

#[test]
fn an_older_event_does_not_replace_what_was_read_later() {
    let mut image = image(vec![point("p", "AI1")]);
    image.take(&[read("AI1", 5.0, 10)]);
    // Late: it happened before the read and was received after it.
    image.take(&[event("AI1", 4.0, 8, 11)]);
    assert_eq!(value(&image), number(5.0));
    assert_eq!(
        image.doubts().map(|doubt| doubt.at).collect::<Vec<_>>(),
        [at("AI1")],
        "clocks may be wrong: it is read again"
    );
    image.take(&[read("AI1", 4.0, 12)]);
    assert_eq!((value(&image), image.doubts().count()), (number(4.0), 0));
    image.take(&[event("AI1", 6.0, 13, 14)]);
    assert_eq!(value(&image), number(6.0));
    // A read answer that was taken in after it, but received before.
    image.take(&[read("AI1", 4.0, 13)]);
    assert_eq!(value(&image), number(6.0));
    // Of two events the one that happened later, in whatever order they come.
    image.take(&[event("AI1", 5.5, 12, 15)]);
    assert_eq!(value(&image), number(6.0));
    settle(&mut image);
    assert_eq!(
        (value(&image), image.doubts().count()),
        (number(5.5), 0),
        "it cannot be read: the last word counts"
    );
}

#[test]
fn times_that_cannot_be_trusted_decide_nothing() {
    let mut image = image(vec![point("p", "AI1")]);
    image.take(&[read("AI1", 5.0, 10)]);
    let unsynchronised = Some(Stamp { at: time(-9000), synchronised: false });
    image.take(&[Seen { stamp: unsynchronised, ..event("AI1", 6.0, 0, 11) }]);
    assert_eq!((value(&image), image.doubts().count()), (number(6.0), 0));
    image.take(&[read("AI1", 5.0, 12)]);
    // Ahead of ours by an hour.
    image.take(&[event("AI1", 7.0, 3600, 13)]);
    assert_eq!(value(&image), number(7.0));
    image.take(&[read("AI1", 8.0, 14)]);
    assert_eq!(value(&image), number(8.0), "a read is as new as its receipt");
    image.take(&[Seen { stamp: None, ..event("AI1", 9.0, 0, 14) }]);
    assert_eq!(value(&image), number(9.0), "without times the order counts");
}

#[test]
fn duplicates_are_harmless_and_only_reporting_points_are_confirmed() {
    let mut image = image(vec![point("p", "AI1"), point("q", "AI2")]);
    image.take(&[read("AI1", 1.0, 0), read("AI2", 2.0, 0)]);
    let twice = event("AI1", 3.0, 5, 5);
    image.take(&[twice]);
    image.take(&[Seen { heard: time(9), ..twice }]);
    assert_eq!((value(&image), image.doubts().count()), (number(3.0), 0));
    let fresh = |image: &Image| ["AI1", "AI2"].map(|text| image.within(at(text), 0));
    assert_eq!(fresh(&image), [true, true]);
    image.begin();
    assert_eq!(fresh(&image), [false, false]);
    image.confirm();
    assert_eq!(fresh(&image), [true, false], "the other never reported an event: silence proves nothing");
    assert!(image.within(at("AI2"), 1), "it was heard one turn ago");
    image.renew();
    image.begin();
    image.confirm();
    assert_eq!(fresh(&image), [false, false], "after a reconnection that is to be shown anew");
}

#[test]
fn a_clock_of_ours_that_is_set_back_freezes_nothing() {
    let mut image = image(vec![point("p", "AI1")]);
    image.take(&[read("AI1", 1.0, 5000)]);
    image.take(&[read("AI1", 2.0, 0)]);
    assert_eq!(value(&image), number(2.0));
}

#[test]
fn what_blocks_is_said_in_words() {
    let mut local = point("local", "BI10");
    local.blocks = Some("the device is in local mode".to_owned());
    let mut image = image(vec![local]);
    assert_eq!(image.blocked(), None, "not known is no reason");
    image.take(&[read("BI10", 1.0, 0)]);
    assert_eq!(image.blocked().as_deref(), Some("the device is in local mode"));
    image.take(&[read("BI10", 0.0, 1)]);
    assert_eq!(image.blocked(), None);
}

#[test]
fn an_outstation_cannot_fill_our_memory() {
    let mut image = image(vec![point("p", "AO65535")]);
    for kind in PointKind::ALL {
        let all: Vec<Seen> =
            (0..=u16::MAX).map(|index| Seen { at: At { kind, index }, ..read("AI0", 1.0, 0) }).collect();
        image.take(&all);
    }
    assert!(image.entries.len() <= MOST + 1);
    assert_eq!(value(&image), number(1.0), "what the map names is always kept");
    image.keep_only([at("AO65535")].into());
    assert_eq!((image.entries.len(), value(&image)), (1, number(1.0)));
    assert_eq!(image.take(&[read("AI7", 1.0, 1), read("AO65535", 2.0, 1)]), [at("AO65535")].into());
    assert_eq!(image.entries.len(), 1);
}

#[test]
fn the_time_of_the_outstation_counts_if_it_vouches_for_it() {
    let stamped = |second, synchronised| Seen {
        stamp: Some(Stamp { at: time(second), synchronised }),
        ..read("AI1", 1.0, 100)
    };
    assert_eq!(measured(&stamped(40, true)), time(40));
    assert_eq!(measured(&stamped(40, false)), time(100));
    assert_eq!(measured(&stamped(104, true)), time(100), "nothing was measured after it was received");
    assert_eq!(measured(&stamped(4000, true)), time(100), "nothing was measured in the future");
    assert_eq!(measured(&read("AI1", 1.0, 100)), time(100));
}

#[test]
fn a_later_word_never_has_an_earlier_time() {
    let mut image = image(vec![point("p", "AI1")]);
    let when = |image: &Image| image.measured(at("AI1"));
    let untimed = |raw, heard| Seen { event: true, ..read("AI1", raw, heard) };
    image.take(&[untimed(1.0, 100)]);
    // Sent after it, with a time of before: events of one point come in the order in which they happened.
    image.take(&[event("AI1", 2.0, 60, 101)]);
    assert_eq!((value(&image), when(&image)), (number(2.0), Some(time(100))));
    image.take(&[event("AI1", 3.0, 106, 103)]);
    assert_eq!((value(&image), when(&image)), (number(3.0), Some(time(103))), "its clock is a little ahead");
    image.take(&[read("AI1", 4.0, 104)]);
    assert_eq!((value(&image), when(&image)), (number(4.0), Some(time(104))));
    // Our own clock is set back by an hour.
    image.take(&[read("AI1", 5.0, -3500)]);
    assert_eq!((value(&image), when(&image)), (number(5.0), Some(time(-3500))));
}

#[test]
fn when_a_value_was_good_last_is_remembered() {
    let mut image = image(vec![point("p", "AI1")]);
    image.take(&[Seen { flags: 0x05, ..read("AI1", 1.0, 1) }]);
    assert_eq!(image.last_good(at("AI1")), None);
    image.take(&[read("AI1", 1.0, 2), Seen { flags: 0x05, ..read("AI1", 1.0, 3) }]);
    assert_eq!((image.last_good(at("AI1")), image.measured(at("AI1"))), (Some(time(2)), Some(time(3))));
}

#[test]
fn a_number_that_is_not_0_is_a_switch_too() {
    let (mut charge, mut capacity) = (point("soc", "AI47"), point("charge_max", "AI33"));
    (charge.only_while, charge.scale, capacity.scale) = (Some(at("AI33")), 0.1, -1.0);
    let mut image = image(vec![charge, capacity]);
    image.take(&[read("AI47", 369.0, 0)]);
    for (raw, flags, wanted) in [
        (0.0, 1, Value::Absent),
        (-5000.0, 0, Value::Absent),
        (f64::from(i32::MIN), 1, Value::Absent),
        (-5000.0, 1, number(36.9)),
    ] {
        image.take(&[Seen { flags, ..read("AI33", raw, 1) }]);
        assert_eq!(value(&image), wanted, "{raw}");
    }
}

#[test]
fn a_lost_connection_leaves_nothing_that_can_be_used() {
    let mut image = image(vec![point("p", "AI1"), point("q", "AI2")]);
    image.take(&[read("AI1", 5.0, 1), read("AI2", 6.0, 1), read("AI149", 7.0, 1), read("BI36", 1.0, 1)]);
    image.lose();
    assert_eq!((value(&image), image.named("p")), (Value::Bad(OLD), None));
    assert_eq!(
        (image.setting(at("AI149")), image.is_on(at("BI36")), image.within(at("AI1"), 9)),
        (None, None, false)
    );
    assert_eq!(image.last_good(at("AI1")), Some(time(1)), "when it was good is known all the same");
    // What happened before says nothing of what is now; but it is a reason to ask.
    image.take(&[event("AI1", 4.0, 0, 2)]);
    assert_eq!((value(&image), image.doubts().count()), (Value::Bad(OLD), 1));
    image.confirm();
    assert!(!image.within(at("AI1"), 0));
    image.take(&[read("AI1", 4.0, 3)]);
    assert_eq!((value(&image), image.doubts().count()), (number(4.0), 0));
    assert_eq!(image.named("q"), None, "each point by itself");
}

/// What was in doubt is read again; meanwhile another late event comes, and is no reason to believe it.
#[test]
fn a_doubt_that_came_up_after_the_point_was_read_is_not_settled_with_the_first() {
    let mut image = image(vec![point("p", "AI1")]);
    image.take(&[read("AI1", 4.0, 20), event("AI1", 6.0, 4, 20)]);
    let first: Vec<Doubt> = image.doubts().collect();
    image.take(&[read("AI1", 4.0, 21), event("AI1", 6.5, 5, 21)]);
    first.into_iter().for_each(|doubt| image.settle(doubt));
    assert_eq!((value(&image), image.doubts().count()), (number(4.0), 1), "it is read once more");
}

/// The last word is the last word, though one before it was in doubt.
#[test]
fn a_doubt_ends_when_the_outstation_says_again_what_is_known() {
    let mut image = image(vec![point("p", "AI1")]);
    image.take(&[event("AI1", 5.0, 10, 10), event("AI1", 4.0, 8, 11), event("AI1", 5.0, 9, 12)]);
    assert_eq!(image.doubts().count(), 0);
    settle(&mut image);
    assert_eq!(value(&image), number(5.0));
}
