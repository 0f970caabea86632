use super::*;
use crate::device_map::Maps;
use std::collections::BTreeSet;

fn profile() -> Profile {
    let text = shipped::text("dnp3/an2018-001.csv").unwrap();
    parse("an2018-001", &text).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn the_shipped_table_is_whole() {
    let profile = profile();
    assert_eq!(ids(), ["an2018-001", "ieee1815-2"]);
    assert_eq!(shipped("an2018-001").as_deref(), Some(&profile));
    let count =
        |letters: &str| profile.points.iter().filter(|point| point.at.kind.letters() == letters).count();
    assert_eq!(["AI", "AO", "BI", "BO"].map(count), [1009, 670, 329, 50]);
    let w = profile.at(At::parse("AI537").unwrap()).unwrap();
    assert_eq!((w.name.as_str(), w.unit.as_str(), w.scale, w.class), ("sysmtr_active_power", "W", 1.0, 3));
    let limit = profile.at(At::parse("AO88").unwrap()).unwrap();
    assert_eq!((limit.scale, limit.pair), (0.1, At::parse("AI149")));
    // A pair is one from both ends, so that either can be named by the other.
    for point in &profile.points {
        let Some(pair) = point.pair else { continue };
        let other = profile.at(pair).unwrap_or_else(|| panic!("{}: there is no {pair}", point.at));
        assert_eq!(other.pair, Some(point.at), "{} and {pair}", point.at);
        assert_ne!(point.at.kind.is_output(), pair.kind.is_output(), "{}", point.at);
        // What is written is shown in the same unit and steps, but for two gradients.
        let finer = ["AO78", "AO79", "AI137", "AI138"].contains(&point.at.to_string().as_str());
        assert_eq!(point.scale == other.scale, !finer, "{} and {pair}", point.at);
        assert_eq!(point.unit, other.unit, "{} and {pair}", point.at);
    }
}

/// Every address that a shipped map names is in the table, in the unit that it is in there, and shown by its pair.
#[test]
fn shipped_maps_agree_with_the_table() {
    let maps = Maps::builtin();
    for (id, profile) in [("dnp3-an2018", "an2018-001"), ("dnp3-ieee1815-2", "ieee1815-2")] {
        let map = maps.get(id).unwrap().outstation.as_ref().unwrap();
        let profile = shipped(profile).unwrap();
        assert_eq!(map.profile, Some(profile.clone()));
        for point in &map.points {
            let known = profile.at(point.at).unwrap_or_else(|| panic!("{id}: {} is no point", point.at));
            assert_eq!(point.scale.abs(), known.scale, "{id}: {} {}", point.at, point.name);
            if !known.unit.is_empty() {
                let unit = point.unit.as_deref().unwrap_or_default();
                assert!(known.unit.split('|').any(|known| known == unit), "{id}: {} {unit}", point.at);
            }
        }
        let steps = map.commands.iter().flat_map(|command| command.steps.iter().chain(&command.release));
        let curves = map.curves.iter().flat_map(|curve| curve.steps.iter().chain(&curve.release));
        for step in steps.chain(curves) {
            let known = profile.at(step.write).unwrap_or_else(|| panic!("{id}: there is no {}", step.write));
            let shown = known.pair.unwrap_or_else(|| panic!("{id}: {} has no pair", step.write));
            // Start and stop show in two points, first the one that says that it is done.
            let start = ["BO1", "BO2"].contains(&step.write.to_string().as_str());
            assert!(step.reads == [shown] || start && step.reads.contains(&shown), "{id}: {}", step.write);
            if step.write.kind.is_output() && !step.write.kind.is_binary() {
                assert_eq!(step.scale.abs(), known.scale, "{id}: {} {}", step.write, known.name);
            }
        }
        let supports =
            map.commands.iter().filter_map(|command| Some((command.supports?, command.steps.last()?.write)));
        for (supports, enable) in supports.filter(|(_, enable)| enable.index >= 12 && enable.index <= 32) {
            assert_eq!(supports.index, enable.index + 19, "{id}: what says whether {enable} is there");
        }
    }
}

/// The same index means something else in the newer profile from the schedules on: no tool may name it, scale it, or show it by
/// what it was.
#[test]
fn the_newer_profile_names_only_what_has_kept_its_meaning() {
    let (old, new) = (profile(), shipped("ieee1815-2").unwrap());
    let base = |at: At| match at.kind.letters() {
        "AI" => at.index <= 568,
        "AO" => at.index <= 460,
        "BI" => at.index <= 107,
        _ => at.index <= 41,
    };
    let kept = old.points.iter().filter(|point| base(point.at));
    assert!(kept.eq(new.points.iter().filter(|point| base(point.at))), "the base is the same point by point");
    let more: Vec<String> =
        new.points.iter().filter(|p| !base(p.at)).map(|p| format!("{} {:?}", p.at, p.pair)).collect();
    assert_eq!(more.len(), 8, "{more:?}");
    for (output, input) in (44..48).zip(112..) {
        let [output, input] = [format!("BO{output}"), format!("BI{input}")].map(|at| At::parse(&at).unwrap());
        assert_eq!(new.at(output).and_then(|point| point.pair), Some(input));
        assert_eq!(new.at(input).and_then(|point| point.pair), Some(output));
    }
    assert_eq!(new.at(At::parse("AO508").unwrap()), None, "there it edits a schedule, here it dispatches");
}

#[test]
fn names_are_unique_within_a_kind() {
    let profile = profile();
    let names: BTreeSet<_> = profile.points.iter().map(|point| (point.at.kind, &point.name)).collect();
    assert_eq!(names.len(), profile.points.len());
}

#[test]
fn a_wrong_table_is_told_by_its_line() {
    for (text, why) in [
        ("", "the first line must be address,name,unit,scale,class,pair"),
        ("a,b\n", "the first line must be"),
        ("address,name,unit,scale,class,pair\nAI0,a,,1,0\n", "line 2: 5 fields"),
        ("address,name,unit,scale,class,pair\n# x\n\nAX0,a,,1,0,\n", "line 4: \"AX0\" is no address"),
        ("address,name,unit,scale,class,pair\nAI0,,,1,0,\n", "line 2: a name has 1 to 100"),
        ("address,name,unit,scale,class,pair\nAI0,a,,0,0,\n", "0 cannot be a scale"),
        ("address,name,unit,scale,class,pair\nAI0,a,,nan,0,\n", "NaN cannot be a scale"),
        ("address,name,unit,scale,class,pair\nAI0,a,,1,4,\n", "a class is 0 to 3"),
        ("address,name,unit,scale,class,pair\nAI0,a,,1,0,AO70000\n", "\"AO70000\" is no address"),
        ("address,name,unit,scale,class,pair\nAI0,a,,1,0,\nAI0,b,,1,0,\n", "AI0 is there twice"),
    ] {
        let fault = parse("p", text).unwrap_err();
        assert!(fault.contains(why), "{text:?}: {fault}");
    }
    let many = format!("{COLUMNS}\n{}", "AI0,a,,1,0,\n".repeat(MAX_POINTS + 1));
    assert!(parse("p", &many).unwrap_err().contains("more than 10000 points"));
    assert!(parse("p", &"#".repeat(MAX_BYTES + 1)).unwrap_err().contains("larger"));
}
