use super::*;
use crate::der::Quantity;
use crate::device_map::registers::{Rating, RegisterQuantity, RegisterType};
use crate::southbound::points::testing::{holding, input, reading};
use proptest::prelude::*;

fn map(points: Vec<RegisterPoint>) -> RegisterMap {
    RegisterMap { points, ..RegisterMap::default() }
}

fn parts(map: &RegisterMap, max_read: u16) -> Vec<(RegisterTable, u16, u16)> {
    Plan::new(map, max_read).parts.iter().map(|p| (p.table, p.address, p.quantity)).collect()
}

use RegisterTable::{Holding, Input};

#[test]
fn near_points_are_read_together_and_far_ones_apart() {
    let kind = RegisterType::U16;
    let near = map(vec![input("b", 117, kind), input("a", 100, kind)]);
    assert_eq!(parts(&near, 125), [(Input, 100, 18)], "a gap of 16");
    let far = map(vec![input("a", 100, kind), input("b", 118, kind)]);
    assert_eq!(parts(&far, 125), [(Input, 100, 1), (Input, 118, 1)], "a gap of 17");
    let tables =
        map(vec![input("a", 100, kind), RegisterPoint { poll: PollClass::Fast, ..holding("b", 101, kind) }]);
    assert_eq!(parts(&tables, 125), [(Holding, 101, 1), (Input, 100, 1)]);
}

#[test]
fn no_read_is_too_long_and_no_point_is_split() {
    let words: Vec<_> = (0..6).map(|k| input(&format!("p{k}"), k * 2, RegisterType::U32)).collect();
    assert_eq!(parts(&map(words), 5), [(Input, 0, 4), (Input, 4, 4), (Input, 8, 4)]);
    let long = map(vec![input("text", 0, RegisterType::Text(16)), input("a", 16, RegisterType::U16)]);
    assert_eq!(parts(&long, 10), [(Input, 16, 1)], "what does not go in one read is not read");
    let past = map(vec![input("a", 65535, RegisterType::U32), input("b", 65535, RegisterType::U16)]);
    assert_eq!(parts(&past, 125), [(Input, 65535, 1)]);
}

#[test]
fn points_that_share_registers_are_read_once() {
    let map = map(vec![
        input("whole", 10, RegisterType::U32),
        RegisterPoint { alias: true, ..input("low", 11, RegisterType::U16) },
    ]);
    assert_eq!(parts(&map, 125), [(Input, 10, 2)]);
}

#[test]
fn what_may_only_be_written_is_not_read() {
    let map = map(vec![RegisterPoint { access: Access::Write, ..holding("go", 1, RegisterType::U16) }]);
    assert_eq!(parts(&map, 125), []);
}

#[test]
fn classes_are_read_as_often_as_they_say() {
    let at = |address: u16, poll| RegisterPoint {
        poll,
        ..input(&address.to_string(), address, RegisterType::U16)
    };
    let map = map(vec![
        at(0, PollClass::Fast),
        at(1, PollClass::Normal),
        at(2, PollClass::Slow),
        at(3, PollClass::Once),
    ]);
    let mut plan = Plan::new(&map, 125);
    let mut count = [0; 4];
    for _ in 0..601 {
        plan.begin();
        while let Some(place) = plan.next_due() {
            count[place] += 1;
            plan.answered(place);
        }
    }
    assert_eq!(count, [601, 61, 3, 1]);
    plan.restart();
    plan.begin();
    assert!(plan.parts.iter().all(|part| part.due), "everything once more after a reconnection");
}

#[test]
fn what_the_core_expects_with_each_poll_is_read_with_each_poll() {
    let normal = |point| RegisterPoint { poll: PollClass::Normal, ..point };
    let power = normal(reading(input("p", 0, RegisterType::U16), Quantity::ActivePower));
    assert_eq!(class_of(&power), PollClass::Fast);
    let energy = reading(input("e", 0, RegisterType::U16), Quantity::EnergyInjected);
    assert_eq!(class_of(&RegisterPoint { poll: PollClass::Slow, ..energy }), PollClass::Normal);
    let rating = Some((RegisterQuantity::Rating(Rating::ActivePowerMax), 1.0));
    let rated = RegisterPoint { quantity: rating, poll: PollClass::Once, ..power.clone() };
    assert_eq!(class_of(&rated), PollClass::Once);
}

#[test]
fn a_scale_is_read_with_its_value_and_after_it() {
    let scale = RegisterPoint { poll: PollClass::Once, ..input("sf", 0, RegisterType::I16) };
    let value = RegisterPoint { scale_from: Some("sf".to_owned()), ..input("v", 500, RegisterType::U16) };
    let plan = Plan::new(&map(vec![scale, value]), 125);
    let order: Vec<_> = plan.parts.iter().map(|p| (p.address, p.class)).collect();
    assert_eq!(order, [(500, PollClass::Fast), (0, PollClass::Fast)]);
}

#[test]
fn a_refused_read_is_cut_at_its_largest_gap_until_one_point_is_absent() {
    let kind = RegisterType::U16;
    let map = map(vec![input("a", 0, kind), input("b", 1, kind), input("c", 9, kind), input("d", 10, kind)]);
    let mut plan = Plan::new(&map, 125);
    plan.begin();
    plan.refused(0, &map);
    let places = |plan: &Plan| plan.parts.iter().map(|p| (p.address, p.quantity)).collect::<Vec<_>>();
    assert_eq!(places(&plan), [(0, 2), (9, 2)]);
    plan.answered(0);
    assert_eq!(plan.next_due(), Some(1), "the rest of a cut part is read in the same poll");
    plan.refused(1, &map);
    assert_eq!(places(&plan), [(0, 2), (9, 1), (10, 1)], "in the middle without a gap");
    plan.refused(1, &map);
    plan.answered(2);
    assert!(plan.parts[1].absent && !plan.parts[2].absent);
    plan.begin();
    assert_eq!(plan.next_due(), Some(0));
    plan.answered(0);
    plan.answered(2);
    assert_eq!(plan.next_due(), None, "what is absent is not asked for");
    plan.restart();
    plan.begin();
    assert!(plan.parts[1].due, "until the next reconnection");
    assert_eq!(places(&plan).len(), 3, "and the cuts are kept");
}

#[test]
fn a_silent_part_is_asked_for_less_and_less_often() {
    let map = map(vec![input("a", 0, RegisterType::U16)]);
    let mut plan = Plan::new(&map, 125);
    let asked: Vec<u32> = (0..20)
        .filter(|_| {
            plan.begin();
            let due = plan.next_due().is_some();
            if due {
                plan.silent(0, "no answer".to_owned());
            }
            due
        })
        .collect();
    assert_eq!(asked, [0, 4, 11]);
}

proptest! {
    #[test]
    fn every_point_is_in_one_read_that_holds_it_whole(
        shapes in prop::collection::vec((0_u16..400, 0_usize..4, any::<bool>()), 1..40),
        max_read in 4_u16..126,
    ) {
        let kinds = [RegisterType::U16, RegisterType::U32, RegisterType::U64, RegisterType::Text(3)];
        let points = shapes.iter().enumerate().map(|(k, (address, kind, high))| {
            let poll = if *high { PollClass::Fast } else { PollClass::Normal };
            RegisterPoint { poll, ..input(&k.to_string(), *address, kinds[*kind]) }
        });
        let map = map(points.collect());
        let mut plan = Plan::new(&map, max_read);
        plan.begin();
        // Cut everything once, so that the cuts hold too.
        plan.refused(0, &map);
        for (place, point) in map.points.iter().enumerate() {
            let holders: Vec<&Part> = plan.parts.iter().filter(|p| p.points.contains(&place)).collect();
            prop_assert_eq!(holders.len(), 1);
            prop_assert!(holders[0].address <= point.address);
            prop_assert!(end(point) <= u32::from(holders[0].address) + u32::from(holders[0].quantity));
            prop_assert!(holders[0].quantity <= max_read);
        }
    }
}
