use super::*;
use crate::der::{Clock, Quality};

fn event(point: &str, value: usize) -> SequenceEvent {
    SequenceEvent {
        at: "2026-03-01T12:00:00Z".parse().unwrap(),
        clock: Clock::Device,
        point: point.to_owned(),
        value: value.to_string(),
        quality: Quality::Good,
    }
}

/// A device and the gateway's log.
struct Rig {
    sequence: Sequence,
    lines: Lines,
    now: Instant,
    log: Vec<String>,
}

impl Rig {
    fn new() -> Self {
        let (sequence, lines) = (Sequence::default(), Lines::default());
        Self { sequence, lines, now: Instant::now(), log: Vec::new() }
    }

    fn take(&mut self, events: impl IntoIterator<Item = SequenceEvent>) {
        let when = ("2026-03-01T12:00:05Z".parse().unwrap(), self.now);
        let log = |event: &SequenceEvent| self.log.push(format!("{}={}", event.point, event.value));
        self.sequence.take(events.into_iter().collect(), when, &mut self.lines, log);
    }

    fn kept(&self) -> Vec<String> {
        self.sequence.latest().iter().map(|kept| format!("{}={}", kept.point, kept.value)).collect()
    }
}

#[test]
fn the_latest_come_first_and_each_is_logged_once() {
    let mut rig = Rig::new();
    rig.take([event("local", 0), event("closed", 1)]);
    rig.take([event("closed", 0)]);
    assert_eq!(rig.kept(), ["closed=0", "closed=1", "local=0"]);
    assert_eq!(rig.log, ["local=0", "closed=1", "closed=0"]);
    assert_eq!(rig.sequence.latest()[0].received, "2026-03-01T12:00:05Z".parse().unwrap());
}

/// Events that one of the list stands for, and those that are left out: together all that were told.
fn accounted(rig: &Rig) -> u64 {
    rig.sequence.latest().iter().map(|kept| kept.repeats + 1).sum::<u64>() + rig.sequence.left_out()
}

#[test]
fn a_chattering_point_takes_the_list_from_no_other() {
    let mut rig = Rig::new();
    let chatter = (0..10_000).map(|n| event("door", n));
    rig.take([event("trip", 1)].into_iter().chain(chatter));
    let kept = rig.kept();
    assert_eq!((kept.len(), kept[0].as_str(), kept[20].as_str()), (21, "door=9999", "trip=1"));
    assert_eq!((rig.sequence.left_out(), accounted(&rig)), (9980, 10_001));
    rig.take((0..30).map(|n| event(&format!("point {n}"), n)));
    assert_eq!(rig.kept().last().unwrap(), "trip=1", "the chatter makes room, and not the others");
    assert_eq!(rig.kept().iter().filter(|kept| kept.starts_with("door")).count(), 19);
    rig.take((0..200).map(|n| event(&format!("point {n}"), n)));
    let kept = rig.kept();
    assert_eq!((kept.len(), kept[0].as_str()), (50, "point 199=199"), "bounded all the same");
    assert_eq!(accounted(&rig), 10_231);
}

#[test]
fn what_is_told_again_and_again_is_a_count_that_pushes_nothing_out() {
    let mut rig = Rig::new();
    let at = |second: usize| format!("2026-03-01T12:00:{second:02}Z").parse::<Timestamp>().unwrap();
    let restart = |second| SequenceEvent { at: at(second), ..event("outstation", 1) };
    rig.take([event("trip", 1)]);
    // Others in between: they keep their place among the restarts.
    rig.take((0..30).map(restart).chain([event("outstation", 2)]).chain((30..40).map(restart)));
    assert_eq!(rig.kept(), ["outstation=1", "outstation=1", "outstation=1", "outstation=2", "trip=1"]);
    let latest = rig.sequence.latest();
    let times: Vec<Timestamp> = latest.iter().take(3).map(|kept| kept.at).collect();
    assert_eq!(times, [at(39), at(38), at(37)], "the latest have their own times");
    assert_eq!((latest[0].repeats, latest[0].first), (0, None));
    assert_eq!((latest[2].repeats, latest[2].first), (37, Some(at(0))), "the oldest of them says the rest");
    assert_eq!((rig.sequence.left_out(), accounted(&rig)), (0, 42));
    let doubtful = SequenceEvent { quality: Quality::Invalid, ..restart(41) };
    let by_us = SequenceEvent { clock: Clock::Gateway, ..restart(42) };
    rig.take([doubtful, by_us]);
    assert_eq!(rig.kept().len(), 7, "another quality or another clock is not the same");
}

#[test]
fn a_chattering_point_takes_the_log_from_no_other_and_what_is_left_out_is_said() {
    let mut rig = Rig::new();
    rig.take((0..1000).map(|n| event("door", n)));
    rig.take([event("trip", 1)]);
    assert_eq!((rig.log.len(), rig.log[6].as_str()), (7, "trip=1"), "{:?}", rig.log);
    assert_eq!(rig.sequence.close_log(rig.now), None, "its time is not over");
    rig.now += WINDOW;
    assert_eq!(rig.sequence.close_log(rig.now), Some(994));
    assert_eq!(rig.sequence.close_log(rig.now), None, "said once");
    rig.take([event("door", 7)]);
    assert_eq!(rig.log.last().unwrap(), "door=7", "a new time has new lines");
    rig.now += WINDOW;
    assert_eq!(rig.sequence.close_log(rig.now), None, "nothing was left out");
}

#[test]
fn the_log_of_a_device_and_of_all_devices_is_bounded() {
    let mut rig = Rig::new();
    let flood = || (0..10_000).map(|n| event(&format!("point {}", n % 500), n));
    rig.take(flood());
    assert_eq!(rig.log.len(), LINES_OF_DEVICE);
    for _ in 0..100 {
        rig.sequence = Sequence::default();
        rig.take(flood());
    }
    assert_eq!(rig.log.len(), LINES);
    rig.now += WINDOW;
    rig.sequence = Sequence::default();
    rig.take([event("trip", 1)]);
    assert_eq!(rig.log.len(), LINES + 1);
}
