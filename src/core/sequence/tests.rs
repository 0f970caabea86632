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

#[test]
fn a_chattering_point_takes_the_list_from_no_other() {
    let mut rig = Rig::new();
    let chatter = (0..10_000).map(|n| event("door", n));
    rig.take([event("trip", 1)].into_iter().chain(chatter));
    let kept = rig.kept();
    assert_eq!((kept.len(), kept[0].as_str(), kept[20].as_str()), (21, "door=9999", "trip=1"));
    rig.take((0..200).map(|n| event(&format!("point {n}"), n)));
    let kept = rig.kept();
    assert_eq!((kept.len(), kept[0].as_str()), (50, "point 199=199"), "bounded all the same");
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
