use super::*;
use crate::southbound::dnp3::image::tests::point;

mod properties;

fn time(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn map() -> OutstationMap {
    let mut alarm = point("overvoltage", "BI54");
    alarm.alarm = Some("overvoltage trip".to_owned());
    let mut local = point("local", "BI10");
    local.blocks = Some("in local mode".to_owned());
    let mut power = point("power", "AI537");
    (power.sequence, power.unit) = (true, Some("W".to_owned()));
    OutstationMap { points: vec![alarm, local, power, point("plain", "BI1")], ..OutstationMap::default() }
}

fn event(text: &str, raw: f64, stamped: Option<(i64, bool)>, heard: i64) -> Seen {
    let stamp = stamped.map(|(second, synchronised)| Stamp { at: time(second), synchronised });
    Seen { at: At::parse(text).unwrap(), raw, flags: 1, stamp, event: true, heard: time(heard) }
}

fn told(recorder: &mut Recorder, seen: &[Seen]) -> Vec<(i64, Clock, String)> {
    let events = recorder.take(&map(), seen);
    let second = |at: Timestamp| at.as_second() - 1_780_000_000;
    events.into_iter().map(|e| (second(e.at), e.clock, format!("{} {}", e.point, e.value))).collect()
}

#[test]
fn marked_points_are_told_in_order_with_the_time_of_the_outstation() {
    let seen = [
        event("BI54", 1.0, Some((5, true)), 9),
        event("BI10", 1.0, Some((4, false)), 9),
        event("BI1", 1.0, Some((6, true)), 9),
        event("AI537", 420.0, None, 9),
        event("BI54", 0.0, Some((7, true)), 9),
    ];
    let wanted = [
        (5, Clock::Device, "overvoltage on"),
        (4, Clock::DeviceUnsynchronised, "local on"),
        (9, Clock::Gateway, "power 420 W"),
        (7, Clock::Device, "overvoltage off"),
    ];
    let got = told(&mut Recorder::default(), &seen);
    assert_eq!(got, wanted.map(|(at, clock, words)| (at, clock, words.to_owned())));
}

#[test]
fn nothing_is_told_twice() {
    let mut recorder = Recorder::default();
    let on = event("BI54", 1.0, Some((5, true)), 9);
    let off = event("BI54", 0.0, Some((6, true)), 9);
    assert_eq!(told(&mut recorder, &[on, off]).len(), 2);
    let late = |seen: Seen| Seen { heard: time(60), ..seen };
    assert_eq!(
        told(&mut recorder, &[late(on), late(off)]),
        [],
        "sent once more since we were not sure to be there"
    );
    assert_eq!(
        told(&mut recorder, &[event("BI54", 1.0, Some((8, true)), 60)]).len(),
        1,
        "but again is again"
    );
    let untimed = event("AI537", 1.0, None, 10);
    assert_eq!(told(&mut recorder, &[untimed, late(untimed)]).len(), 1);
    assert_eq!(told(&mut recorder, &[event("AI537", 2.0, None, 11), late(untimed)]).len(), 2);
}

#[test]
fn what_was_read_is_no_change_and_bad_values_say_so() {
    let mut recorder = Recorder::default();
    let read = Seen { event: false, ..event("BI54", 1.0, None, 9) };
    assert_eq!(told(&mut recorder, &[read]), []);
    let lost = Seen { flags: 0x05, ..event("BI54", 1.0, Some((5, true)), 9) };
    assert_eq!(recorder.take(&map(), &[lost])[0].quality, Quality::Invalid);
    let back = event("BI54", 1.0, Some((5, true)), 9);
    assert_eq!(recorder.take(&map(), &[back])[0].quality, Quality::Good, "that it is live again is a change");
}

#[test]
fn a_chattering_point_cannot_fill_our_memory() {
    let mut recorder = Recorder::default();
    let seen: Vec<Seen> = (0..10_000).map(|i| event("BI54", (i % 2) as f64, Some((i, true)), i)).collect();
    assert_eq!(told(&mut recorder, &seen).len(), 10_000);
    assert!(recorder.told.values().all(|told| told.len() <= REMEMBERED));
}

#[test]
fn a_change_that_was_only_read_is_told_when_no_event_of_it_came() {
    let read = |raw: f64, heard| Seen { event: false, ..event("BI54", raw, None, heard) };
    let confirm = |recorder: &mut Recorder| -> Vec<(String, Clock, i64)> {
        let told = recorder.confirm(&map());
        told.into_iter().map(|e| (e.value, e.clock, e.at.as_second() - 1_780_000_000)).collect()
    };
    let mut recorder = Recorder::default();
    assert_eq!(told(&mut recorder, &[read(1.0, 1)]), []);
    assert_eq!(
        (confirm(&mut recorder), confirm(&mut recorder)),
        (vec![], vec![]),
        "how it was found is no change"
    );
    assert_eq!(told(&mut recorder, &[read(0.0, 2)]), []);
    assert_eq!(confirm(&mut recorder), [], "its event may be on its way");
    assert_eq!(told(&mut recorder, &[read(0.0, 4)]), []);
    assert_eq!(confirm(&mut recorder), [("off".to_owned(), Clock::Gateway, 2)]);
    assert_eq!(confirm(&mut recorder), [], "once");
    // The event comes after the read that was quicker.
    told(&mut recorder, &[read(1.0, 6)]);
    confirm(&mut recorder);
    assert_eq!(
        told(&mut recorder, &[event("BI54", 1.0, Some((5, true)), 8)]),
        [(5, Clock::Device, "overvoltage on".to_owned())]
    );
    assert_eq!((confirm(&mut recorder), confirm(&mut recorder)), (vec![], vec![]));
    // Two changes before the next poll.
    told(&mut recorder, &[read(0.0, 10)]);
    let at_once = told(&mut recorder, &[read(1.0, 11)]);
    assert_eq!(at_once, [(10, Clock::Gateway, "overvoltage off".to_owned())]);
    confirm(&mut recorder);
    assert_eq!(confirm(&mut recorder), [("on".to_owned(), Clock::Gateway, 11)]);
    // What nobody asks for is not looked at.
    told(&mut recorder, &[Seen { at: At::parse("BI1").unwrap(), ..read(0.0, 12) }]);
    assert!(recorder.known.len() == 1);
}

/// A map of eight switches, and what they say.
fn switches(raw: impl Fn(u16) -> f64, flags: u8, second: i64) -> (OutstationMap, Vec<Seen>) {
    let points = (0..8u16).map(|index| {
        let mut switch = point(&format!("switch_{index}"), &format!("BI{index}"));
        switch.sequence = true;
        switch
    });
    let map = OutstationMap { points: points.collect(), ..OutstationMap::default() };
    let said =
        |index: u16| Seen { flags, ..event(&format!("BI{index}"), raw(index), Some((second, true)), second) };
    let said = (0..8).map(said).collect();
    (map, said)
}

fn words(events: &[SequenceEvent]) -> Vec<String> {
    events.iter().map(|event| format!("{} {}", event.point, event.value)).collect()
}

const GONE: &str = "outstation 8 points (switch_0, switch_1, switch_2 and 5 more) cannot be used any more: it is not live (ONLINE is not set)";
const HERE: &str = "outstation 8 points (switch_0, switch_1, switch_2 and 5 more) can be used again and say what they said before";

#[test]
fn an_outstation_that_is_offline_for_a_moment_is_two_remarks() {
    let mut recorder = Recorder::default();
    let (map, online) = switches(|_| 0.0, 1, 1);
    let read: Vec<Seen> = online.iter().map(|seen| Seen { event: false, stamp: None, ..*seen }).collect();
    assert_eq!(recorder.take(&map, &read), []);
    let gone = recorder.take(&map, &switches(|_| 0.0, 0, 5).1);
    assert_eq!(words(&gone), [GONE]);
    assert_eq!((gone[0].at, gone[0].clock, gone[0].quality), (time(5), Clock::Device, Quality::Invalid));
    assert_eq!(words(&recorder.take(&map, &switches(|_| 0.0, 1, 10).1)), [HERE]);
    // What has changed meanwhile is told for itself.
    recorder.take(&map, &switches(|_| 0.0, 0, 15).1);
    let here = recorder.take(&map, &switches(|index| f64::from(u8::from(index == 3)), 1, 20).1);
    assert_eq!(
        words(&here),
        [
            "outstation 7 points (switch_0, switch_1, switch_2 and 4 more) can be used again and say what they said before",
            "switch_3 on"
        ]
    );
}

#[test]
fn the_same_of_one_that_is_only_read() {
    let mut recorder = Recorder::default();
    let read = |flags, second| -> Vec<Seen> {
        let (_, seen) = switches(|_| 1.0, flags, second);
        seen.iter().map(|seen| Seen { event: false, stamp: None, ..*seen }).collect()
    };
    let (map, _) = switches(|_| 1.0, 1, 0);
    let mut told = Vec::new();
    for (flags, second) in [(1, 1), (0, 3), (0, 5), (0, 7), (1, 9), (1, 11), (1, 13)] {
        told.extend(recorder.take(&map, &read(flags, second)));
        told.extend(recorder.confirm(&map));
    }
    assert_eq!(words(&told), [GONE, HERE]);
}
