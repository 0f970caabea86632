use super::*;
use crate::device_map::registers::{RegisterType, Verify};
use crate::southbound::points::testing::{command, holding, scaled, sungrow, verify, write, write_input};

fn ground(map: &RegisterMap, base: Option<f64>) -> Ground<'_> {
    Ground { map, exponents: vec![Some(0); map.points.len()], base }
}

fn frames(draft: &Draft) -> Vec<(u16, Vec<u16>)> {
    draft.writes.iter().map(|w| (w.address, w.registers.clone())).collect()
}

#[test]
fn a_limit_is_written_settings_first_and_said_in_words() {
    let map = sungrow();
    let limit = map.command(CommandName::LimitActivePower).unwrap();
    let draft = ground(&map, Some(8000.0)).command(limit, Some(4800.0)).unwrap();
    assert_eq!(frames(&draft), [(5007, vec![600]), (5006, vec![0xAA])]);
    assert_eq!(draft.words, "limit 60 % of rated 8000 W = 4800 W");
    assert_eq!(draft.checks.len(), 2);
    assert_eq!((draft.checks[0].expected, draft.checks[0].within), (60.0, Duration::from_millis(400)));
    let draft = ground(&map, Some(8000.0)).command(limit, Some(1001.0)).unwrap();
    assert_eq!((frames(&draft)[0].1.clone(), draft.value), (vec![125], Some(1000.0)), "as it was rounded");
    let draft = ground(&map, Some(8000.0)).command(limit, Some(1007.0)).unwrap();
    assert_eq!((frames(&draft)[0].1.clone(), draft.value), (vec![125], Some(1000.0)), "never above 1007 W");
    let draft = ground(&map, Some(8000.0)).release(limit, &[]).unwrap();
    assert_eq!(frames(&draft), [(5006, vec![0x55])]);
    assert_eq!(draft.checks.len(), 1, "what can be read is read back");
}

#[test]
fn without_a_verify_the_last_write_of_each_readable_point_is_read_back() {
    let write_only = RegisterPoint { access: Access::Write, ..holding("go", 9, RegisterType::U16) };
    let map = RegisterMap {
        points: vec![holding("a", 1, RegisterType::I32), write_only],
        ..RegisterMap::default()
    };
    let command = RegisterCommand {
        input: scaled(-10.0, 10.0, 0.001),
        steps: vec![write("a", 0.0), write_input("a"), write("go", 1.0)],
        ..command(CommandName::SetActivePower)
    };
    let draft = ground(&map, None).command(&command, Some(-2000.0)).unwrap();
    assert_eq!(frames(&draft), [(1, vec![0, 0]), (1, vec![0xFFFF, 0xFFFE]), (9, vec![1])]);
    assert_eq!(draft.checks.iter().map(|c| (c.place, c.expected)).collect::<Vec<_>>(), [(0, -2.0)]);
    assert_eq!(draft.words, "set point -2000 W");
    let checked = RegisterCommand {
        verify: vec![Verify { within: Duration::from_secs(2), ..verify("a", StepValue::Input) }],
        ..command
    };
    let draft = ground(&map, None).command(&checked, Some(-2000.0)).unwrap();
    assert_eq!((draft.checks.len(), draft.checks[0].within), (1, Duration::from_secs(2)));
}

#[test]
fn a_map_that_contradicts_itself_writes_nothing() {
    let map = RegisterMap { points: vec![holding("a", 1, RegisterType::U16)], ..RegisterMap::default() };
    let refused = |steps: Vec<Step>, value: Option<f64>| {
        let command = RegisterCommand { steps, ..command(CommandName::Disconnect) };
        ground(&map, None).command(&command, value).unwrap_err()
    };
    assert_eq!(refused(vec![write("b", 1.0)], None), "the map has no point b");
    assert_eq!(refused(vec![write_input("a")], None), "a: there is no value to write");
    assert!(refused(vec![Step::Wait(Duration::ZERO)], None).contains("only a procedure"));
    assert!(refused(vec![write("a", 1.0), write("a", 70000.0)], None).contains("does not fit"));
    let mut unscaled = ground(&map, None);
    unscaled.exponents = vec![None];
    let command = RegisterCommand { steps: vec![write("a", 1.0)], ..command(CommandName::Disconnect) };
    assert!(unscaled.command(&command, None).unwrap_err().contains("scale"));
}

#[test]
fn undoing_leaves_alone_what_is_written_anyway() {
    let map = RegisterMap {
        points: vec![holding("mode", 1, RegisterType::U16), holding("b", 2, RegisterType::U16)],
        ..RegisterMap::default()
    };
    let set = RegisterCommand {
        release: vec![write("mode", 0.0), write("b", 0.0)],
        ..command(CommandName::SetActivePower)
    };
    let limit = RegisterCommand { steps: vec![write("mode", 2.0)], ..command(CommandName::LimitActivePower) };
    let ground = ground(&map, None);
    let kept = ground.command(&limit, None).unwrap().writes;
    assert_eq!(frames(&ground.release(&set, &kept).unwrap()), [(2, vec![0])]);
}
