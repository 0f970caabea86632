//! `extends`, `[[shift]]` and what is removed: several maps as one.

use super::{HEAD, at, outstation, shipped, wrong};
use crate::device_map::dnp3::{OutstationMap, StepSource};
use crate::device_map::registers::CommandName;
use crate::device_map::{DeviceMap, Maps, read_map};
use std::path::Path;

fn write(folder: &Path, id: &str, extends: &str, rest: &str) {
    let extends = if extends.is_empty() { String::new() } else { format!("extends = \"{extends}\"\n") };
    let text = HEAD.replace("\"rtu\"", &format!("\"{id}\"")) + &extends + rest;
    std::fs::write(folder.join(format!("{id}.toml")), text).unwrap();
}

fn station(map: &DeviceMap) -> &OutstationMap {
    map.outstation.as_ref().unwrap()
}

#[test]
fn a_map_says_only_what_is_different() {
    let base = shipped("dnp3-an2018");
    let over = outstation(
        "extends = \"dnp3-an2018\"\nremove_points = [\"voltage_c\"]\nremove_curves = [\"volt-watt\"]\n\
         [link]\nkeep_alive_s = 5\n[control]\nbatch = 20\n[quality]\nassume_online = true\n\
         [[point]]\nname = \"active_power\"\nscale = 10\nnegate = true\n\
         [[point]]\nname = \"own\"\nat = \"AI2000\"\n\
         [[command]]\nname = \"set_reactive_power\"\nsupports = \"BI200\"\n",
    );
    assert_eq!(over.session.keep_alive.map(|t| t.as_secs()), Some(5));
    assert_eq!(over.session.lost_after_answers, base.session.lost_after_answers);
    assert_eq!((over.control.batch, over.control.binary), (20, base.control.binary));
    assert!(over.quality.assume_online && over.quality.null_raw == base.quality.null_raw);
    let (power, before) = (over.point("active_power").unwrap(), base.point("active_power").unwrap());
    assert_eq!((power.scale, power.at, power.poll), (10.0, before.at, before.poll));
    assert_eq!(power.quantity.unwrap().1, -before.quantity.unwrap().1);
    assert_eq!(over.points.len(), base.points.len(), "one gone, one new");
    assert!(over.point("voltage_c").is_none() && over.point("own").is_some());
    let (vars, before) =
        (CommandName::SetReactivePower, base.command(CommandName::SetReactivePower).unwrap());
    assert_eq!(over.command(vars).unwrap().supports, Some(at("BI200")));
    assert_eq!(over.command(vars).unwrap().steps, before.steps);
    assert_eq!(over.curves.len(), base.curves.len() - 1);
    assert_eq!(over.profile, base.profile);
}

#[test]
fn a_point_that_was_removed_may_be_there_anew() {
    let over = outstation(
        "extends = \"dnp3-an2018\"\nremove_points = [\"active_power\"]\n[[point]]\nname = \"active_power\"\nat = \"AI1\"\n",
    );
    let power = over.point("active_power").unwrap();
    assert_eq!((power.at, power.quantity), (at("AI1"), None));
}

#[test]
fn a_shift_moves_every_address_of_its_map_and_of_those_below() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "moved",
        "dnp3-an2018",
        "[[shift]]\npoints = \"AI533..AI568\"\nby = 248\n[[shift]]\npoints = \"BO17\"\nby = 1000\n[[shift]]\npoints = \"BI69\"\nby = -60\n\
         [[shift]]\npoints = \"AO244..AO448\"\nby = 1\n[[shift]]\npoints = \"AI0\"\nby = 7\n[identify]\nany_of = [9]\n",
    );
    write(
        folder.path(),
        "above",
        "moved",
        "[[point]]\nname = \"own\"\nat = \"AI540\"\n[[point]]\nname = \"apparent_power\"\nat = \"AI546\"\n",
    );
    let faults = read_map(&folder.path().join("moved.toml")).unwrap_err().to_string();
    assert!(faults.contains("is at BI9, as is"), "two points that meet are told: {faults}");
    let text = std::fs::read_to_string(folder.path().join("moved.toml")).unwrap();
    let text = text.replace("extends", "remove_points = [\"alarm_ambient_temperature\"]\nextends");
    std::fs::write(folder.path().join("moved.toml"), text).unwrap();

    let map = read_map(&folder.path().join("moved.toml")).unwrap_or_else(|faults| panic!("{faults}"));
    let moved = station(&map);
    assert_eq!(moved.point("active_power").unwrap().at, at("AI785"));
    assert_eq!(moved.point("available_active_power").unwrap().at, at("AI43"));
    let enable = moved.command(CommandName::LimitActivePower).unwrap().steps.last().unwrap();
    assert_eq!((enable.write, enable.reads.as_slice()), (at("BO1017"), [at("BI9")].as_slice()));
    assert_eq!(moved.window.as_ref().unwrap().first.write, 250);
    assert_eq!(moved.identify.as_ref().unwrap().at, at("AI7"));
    let names = moved.profile.as_ref().unwrap();
    assert_eq!(names.at(at("AI785")).unwrap().name, "sysmtr_active_power");
    assert_eq!(names.at(at("AO250")).unwrap().pair, Some(at("AI333")));

    let map = read_map(&folder.path().join("above.toml")).unwrap_or_else(|faults| panic!("{faults}"));
    let above = station(&map);
    assert_eq!(above.point("reactive_power").unwrap().at, at("AI789"), "through the shift below");
    assert_eq!(above.point("own").unwrap().at, at("AI540"), "written above the shift: as it is");
    assert_eq!(above.point("apparent_power").unwrap().at, at("AI546"), "so is one that replaces a moved one");
}

#[test]
fn what_cannot_be_extended_is_told_at_its_place() {
    for (text, why) in [
        (
            "extends = \"dnp3-an2081\"\n",
            "5:11: there is no device map \"dnp3-an2081\" to extend; did you mean \"dnp3-an2018\"?",
        ),
        (
            "extends = \"sma\"\n",
            "the map \"sma\" is of kind \"sunspec\"; only a map of kind \"dnp3\" can be extended",
        ),
        ("extends = \"rtu\"\n", "extends goes round in a circle: \"rtu\" extends \"rtu\""),
        ("extends = 1\n", "extends"),
        (
            "extends = \"dnp3-an2018\"\nremove_points = [\"activ_power\"]\n",
            "remove_points: no map below has a point \"activ_power\"; did you mean \"active_power\"?",
        ),
        (
            "extends = \"dnp3-an2018\"\nremove_commands = [\"connnect\"]\n",
            "no map below has a command \"connnect\"",
        ),
        ("extends = \"dnp3-an2018\"\n[[point]]\nname = \"activ\"\nscale = 2\n", "point \"activ\" has no at"),
        // Without its point, a command of the map below is wrong: told where it stands.
        ("extends = \"dnp3-an2018\"\nremove_points = [\"active_power_max\"]\n", "dnp3-an2018.toml:"),
        ("extends = \"dnp3-an2018\"\n[quality]\ncolour = 1\n", "[quality] has no key \"colour\""),
    ] {
        let faults = wrong(text);
        assert!(faults.contains(why), "{text}\nwanted: {why}\ngot: {faults}");
    }
}

#[test]
fn circles_and_long_ways_end() {
    let folder = tempfile::tempdir().unwrap();
    let read = |id: &str| read_map(&folder.path().join(format!("{id}.toml")));
    write(folder.path(), "a", "b", "");
    write(folder.path(), "b", "c", "");
    write(folder.path(), "c", "a", "");
    let faults = read("a").unwrap_err().to_string();
    assert!(
        faults.contains("extends goes round in a circle: \"a\" extends \"b\" extends \"c\" extends \"a\""),
        "{faults}"
    );
    for k in 1..=5 {
        let below = if k == 1 { "dnp3-an2018".to_owned() } else { format!("m{}", k - 1) };
        write(folder.path(), &format!("m{k}"), &below, "");
    }
    assert!(read("m4").is_ok(), "four below one another");
    let faults = read("m5").unwrap_err().to_string();
    assert!(faults.contains("more than 4 maps below one another"), "{faults}");
}

#[test]
fn a_map_that_replaces_a_shipped_one_may_extend_it() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "dnp3-an2018", "dnp3-an2018", "[link]\nkeep_alive_s = 5\n");
    write(folder.path(), "site", "dnp3-an2018", "[control]\nbatch = 2\n[identify]\nany_of = [110, 120]\n");
    write(folder.path(), "plant-7", "dnp3-an2018", "");
    let (maps, faults) = Maps::load(&[folder.path().to_owned()]);
    assert_eq!(faults, []);
    let own = station(maps.get("dnp3-an2018").unwrap());
    assert_eq!((own.session.keep_alive.map(|t| t.as_secs()), own.points.is_empty()), (Some(5), false));
    let site = station(maps.get("site").unwrap());
    assert_eq!(
        (site.session.keep_alive.map(|t| t.as_secs()), site.control.batch),
        (Some(5), 2),
        "over the one of the site"
    );
    // One outstation that deviates is not all that follow the profile.
    assert_eq!(station(maps.get("plant-7").unwrap()).identify, None);
    // A map of the site knows its outstations better than one that ships.
    assert_eq!(maps.outstation_for(Some(110)).unwrap().id, "site");
    assert_eq!(maps.outstation_for(Some(100)).unwrap().id, "dnp3-an2018");
    assert_eq!(maps.outstation_for(Some(1)).unwrap().id, "dnp3-an2018");
}

#[test]
fn a_fault_below_is_told_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "low", "", "[[point]]\nname = \"p\"\nat = \"XX\"\n");
    write(folder.path(), "high", "low", "");
    let faults = read_map(&folder.path().join("high.toml")).unwrap_err().to_string();
    assert!(faults.contains("low.toml:7:") && faults.contains("\"XX\" is no address"), "{faults}");
    std::fs::write(folder.path().join("low.toml"), HEAD.replace("rtu", "low") + "a = [\n").unwrap();
    let faults = read_map(&folder.path().join("high.toml")).unwrap_err().to_string();
    assert!(faults.contains("there is no device map \"low\" to extend"), "{faults}");
}

#[test]
fn one_key_of_a_command_may_be_replaced() {
    let over = outstation(
        "extends = \"dnp3-an2018\"\n[[command]]\nname = \"connect\"\nsteps = [{ write = \"BO5\", reads = \"BI23\", value = \"on\" }]\n",
    );
    let connect = over.command(CommandName::Connect).unwrap();
    assert_eq!((connect.steps.len(), &connect.steps[0].value), (1, &StepSource::Constant(1.0)));
}
