//! Whatever events come, late, twice or in part: none is invented, none of a clock is lost, their order and their times are kept.

use super::*;
use proptest::prelude::*;

fn any_event() -> impl Strategy<Value = Seen> {
    let stamp = prop::option::of((0_i64..1000, any::<bool>()));
    let point = prop::sample::select(vec!["BI54", "BI10", "AI537", "BI1"]);
    let flags = prop_oneof![3 => Just(1_u8), 1 => any::<u8>()];
    let shape = (prop::bool::weighted(0.8), 0_i64..1000);
    // 0 and 1: all else is "on" too, and could not be told from it.
    (point, 0_i32..2, flags, stamp, shape).prop_map(|(point, raw, flags, stamp, (event, heard))| {
        let stamp = stamp.filter(|_| event);
        Seen { flags, event, ..super::event(point, f64::from(raw), stamp, heard) }
    })
}

/// What an event is told as, if it is.
fn as_told(map: &OutstationMap, seen: &Seen) -> (Timestamp, Clock, String, Quality) {
    let point = map.at(seen.at).unwrap();
    let (at, clock) = match seen.stamp {
        Some(Stamp { at, synchronised: true }) => (at, Clock::Device),
        Some(Stamp { at, .. }) => (at, Clock::DeviceUnsynchronised),
        None => (seen.heard, Clock::Gateway),
    };
    let good = usable(map, point, seen).is_ok();
    (at, clock, point.name.clone(), if good { Quality::Good } else { Quality::Invalid })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn events_keep_their_order_and_their_times(seen in prop::collection::vec(any_event(), 0..60), size in 1_usize..9) {
        let (map, mut recorder) = (map(), Recorder::default());
        let told: Vec<SequenceEvent> = seen.chunks(size).flat_map(|part| recorder.take(&map, part)).collect();
        // What a clock has stamped is told in the order in which it came, all else is something that came.
        let mut stamped = seen.iter().filter(|seen| seen.stamp.is_some() && map.at(seen.at).is_some());
        for event in &told {
            let this = |seen: &Seen| {
                let (at, clock, point, quality) = as_told(&map, seen);
                (at, clock, &point, quality) == (event.at, event.clock, &event.point, event.quality)
                    && event.value.starts_with(&say(map.at(seen.at).unwrap(), seen.raw))
            };
            let known = |seen: &&Seen| seen.stamp.is_none() && map.at(seen.at).is_some();
            let found = match event.clock {
                Clock::Gateway => seen.iter().filter(known).any(this),
                _ => stamped.by_ref().any(this),
            };
            prop_assert!(found, "{:?} never came, or not in this place", event);
        }
        // What a clock has stamped is told once, and only once.
        for seen in seen.iter().filter(|seen| seen.event && seen.stamp.is_some()) {
            let Some(point) = map.at(seen.at).filter(|point| recorded(point)) else { continue };
            let (at, _, name, quality) = as_told(&map, seen);
            let value = say(point, seen.raw);
            let same = |e: &&SequenceEvent| {
                (e.at, &e.point, e.quality) == (at, &name, quality)
                    && e.clock != Clock::Gateway
                    && e.value.trim_end_matches(" (forced)") == value
            };
            prop_assert_eq!(told.iter().filter(same).count(), 1, "{:?}", seen);
        }
    }

    /// Times and order are those of the outstation, however late the gateway hears of them and in how many pieces.
    #[test]
    fn what_comes_twice_or_late_is_told_once(raws in prop::collection::vec(0_i32..2, 1..30), size in 1_usize..7, late in 1_i64..100_000) {
        let events: Vec<Seen> = (0..).zip(&raws)
            .map(|(k, raw)| event("BI54", f64::from(*raw), Some((k, true)), 50)).collect();
        let again: Vec<Seen> = events.iter().map(|seen| Seen { heard: time(50 + late), ..*seen }).collect();
        let mut recorder = Recorder::default();
        let told: Vec<SequenceEvent> =
            events.chunks(size).chain(again.chunks(size)).flat_map(|part| recorder.take(&map(), part)).collect();
        let times: Vec<Timestamp> = told.iter().map(|event| event.at).collect();
        let wanted: Vec<Timestamp> = (0..).zip(&raws).map(|(k, _)| time(k)).collect();
        prop_assert_eq!(times, wanted);
        prop_assert!(told.iter().all(|event| event.clock == Clock::Device));
    }
}

#[test]
fn what_was_put_there_by_hand_is_told_so() {
    let forced = Seen { flags: 0x11, ..event("AI537", 420.0, Some((5, true)), 9) };
    assert_eq!(
        told(&mut Recorder::default(), &[forced]),
        [(5, Clock::Device, "power 420 W (forced)".to_owned())]
    );
}
