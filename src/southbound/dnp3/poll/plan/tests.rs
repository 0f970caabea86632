use super::*;
use crate::der::Quantity;
use crate::device_map::dnp3::PointKind::{AnalogInput as AI, BinaryInput as BI};
use crate::device_map::registers::RegisterQuantity;
use crate::southbound::dnp3::Part::{Events, Range};
use crate::southbound::dnp3::image::tests::point;

fn map(points: &[(&str, PollClass)]) -> OutstationMap {
    let named = points.iter().map(|(at, poll)| {
        let mut point = point(at, at);
        point.poll = *poll;
        point
    });
    OutstationMap { points: named.collect(), ..OutstationMap::default() }
}

use PollClass::{Fast, Normal, Once, Slow};

#[test]
fn neighbours_are_one_range_and_no_range_spans_a_gap() {
    let map =
        map(&[("AI3", Fast), ("AI1", Fast), ("AI2", Fast), ("AI5", Fast), ("BI6", Fast), ("AI65535", Fast)]);
    let wanted = vec![Events, Range(BI, 6, 6), Range(AI, 1, 3), Range(AI, 5, 5), Range(AI, 65535, 65535)];
    assert_eq!(Plan::new(&map).next(&[]), [wanted]);
}

#[test]
fn classes_have_their_periods_and_once_means_never_by_itself() {
    let mut plan = Plan::new(&map(&[("AI1", Fast), ("AI3", Normal), ("AI5", Slow), ("AI7", Once)]));
    let has = |parts: &[Vec<Part>], index: u16| parts.concat().contains(&Range(AI, index, index));
    let polls: Vec<Vec<Vec<Part>>> = (0..600).map(|_| plan.next(&[])).collect();
    let count = |index| polls.iter().filter(|parts| has(parts, index)).count();
    assert_eq!([1, 3, 5, 7].map(count), [600, 60, 2, 0]);
    assert!(has(&plan.everything(), 7));
    let mut plan = Plan::new(&map(&[("AI3", Normal)]));
    plan.everything_was_read();
    assert!(!has(&plan.next(&[]), 3), "it was read just now");
}

#[test]
fn measurements_are_read_often_enough_whatever_the_map_says() {
    let mut map = map(&[("AI537", Slow), ("AI47", Once)]);
    map.points[0].quantity = Some((RegisterQuantity::Reading(Quantity::ActivePower), 1.0));
    map.points[1].quantity = Some((RegisterQuantity::Reading(Quantity::StateOfCharge), 1.0));
    let mut plan = Plan::new(&map);
    plan.everything_was_read();
    let polls: Vec<Vec<Part>> = (0..20).map(|_| plan.next(&[]).concat()).collect();
    let count = |index| polls.iter().filter(|parts| parts.contains(&Range(AI, index, index))).count();
    assert_eq!([count(537), count(47)], [20, 2]);
}

#[test]
fn doubts_are_read_and_what_is_absent_is_not() {
    let mut plan = Plan::new(&map(&[("AI1", Fast), ("AI2", Fast), ("AI9", Once)]));
    assert_eq!(plan.next(&[At { kind: AI, index: 9 }]), [[Events, Range(AI, 1, 2), Range(AI, 9, 9)]]);
    plan.leave_out(Range(AI, 2, 2), Why::Refused);
    plan.leave_out(Events, Why::Refused);
    assert_eq!(plan.next(&[]), [[Range(AI, 1, 1)]]);
    assert!(plan.lacks_events());
    plan.restart();
    assert_eq!(plan.next(&[]), [[Events, Range(AI, 1, 2)]]);
}

#[test]
fn long_requests_are_cut() {
    let names: Vec<String> = (0..100).map(|i| format!("AI{}", i * 2)).collect();
    let points: Vec<(&str, PollClass)> = names.iter().map(|name| (name.as_str(), Fast)).collect();
    let requests = Plan::new(&map(&points)).next(&[]);
    assert!(requests.iter().all(|parts| parts.len() <= MOST_PARTS));
    assert_eq!(requests.concat().len(), 101);
    assert_eq!(requests[0][0], Events);
}

#[test]
fn halves_come_down_to_single_points() {
    assert_eq!(halves(&[]), None);
    assert_eq!(halves(&[Range(AI, 7, 7)]), None);
    assert_eq!(
        halves(&[Range(AI, 0, 65535)]),
        Some((vec![Range(AI, 0, 32767)], vec![Range(AI, 32768, 65535)]))
    );
    assert_eq!(halves(&[Events, Range(AI, 1, 2)]), Some((vec![Events], vec![Range(AI, 1, 2)])));
}
