use super::*;

#[test]
fn all_tables_load() {
    let ids = models().ids();
    assert_eq!(ids.len(), 112);
    for id in ids {
        let text = shipped::text(&format!("{FOLDER}{id}.toml")).unwrap();
        let model = parse_model(&format!("{id}.toml"), &text).unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(model.id, id);
        let head: Vec<&str> = model.group.points.iter().take(2).map(|p| p.name.as_str()).collect();
        assert_eq!(head, ["ID", "L"], "model {id}");
        assert_eq!(*models().get(id).unwrap(), model);
    }
    assert!(models().get(0).is_none());
    assert!(models().get(65535).is_none());
}

/// L without repeats, and the registers of one instance of the first repeating group (SunSpec reference section 3).
#[test]
fn lengths_agree_with_the_standard() {
    let fixed: &[(&[u16], usize)] = &[
        (&[1], 66),
        (&[101, 102, 103], 50),
        (&[111, 112, 113], 60),
        (&[120], 26),
        (&[121], 30),
        (&[122], 44),
        (&[123, 124], 24),
        (&[126, 127, 129, 130, 131, 132, 134, 135, 139, 144], 10),
        (&[128], 14),
        (&[145, 160], 8),
        (&[201, 202, 203, 204], 105),
        (&[211, 212, 213, 214], 124),
        (&[701], 153),
        (&[702], 50),
        (&[703], 17),
        (&[704], 65),
        (&[705, 706], 13),
        (&[707, 708, 709, 710], 7),
        (&[711, 712], 12),
        (&[713, 715], 7),
        (&[714], 18),
        (&[802], 62),
        (&[803], 26),
        (&[804], 46),
    ];
    for (ids, length) in fixed {
        for id in *ids {
            assert_eq!(models().get(*id).unwrap().fixed_length(), *length, "model {id}");
        }
    }
    let repeats = [
        (126, 54),
        (129, 50),
        (131, 54),
        (134, 58),
        (160, 20),
        (705, 10),
        (706, 5),
        (711, 10),
        (712, 4),
        (714, 25),
        (803, 32),
        (804, 16),
    ];
    for (id, registers) in repeats {
        let model = models().get(id).unwrap();
        let group = model.group.groups.first().unwrap();
        assert_eq!(group.own_registers(), registers, "model {id} group {}", group.name);
    }
}

#[test]
fn scales_symbols_and_counts_arrive() {
    let m123 = models().get(123).unwrap();
    let limit = m123.group.points.iter().find(|p| p.name == "WMaxLimPct").unwrap();
    assert_eq!(limit.scale, Some(Scale::Point("WMaxLimPct_SF".into())));
    assert!(limit.writable && limit.mandatory && !limit.fixed);
    let ena = m123.group.points.iter().find(|p| p.name == "WMaxLim_Ena").unwrap();
    assert_eq!(ena.symbols[1], Symbol { name: "ENABLED".into(), value: 1 });
    let m704 = models().get(704).unwrap();
    assert_eq!(m704.group.groups.iter().filter(|g| g.sync).count(), 4);
    let m707 = models().get(707).unwrap();
    assert_eq!(m707.group.groups[0].repeat, Repeat::Point("NCrvSet".into()));
    assert_eq!(m707.group.groups[0].groups[0].groups[0].repeat, Repeat::Point("NPt".into()));
    assert_eq!(models().get(160).unwrap().group.groups[0].repeat, Repeat::FillLength);
    assert!(
        models().get(303).unwrap().group.groups[0].points.iter().any(|p| p.scale == Some(Scale::Power(-1)))
    );
}

/// Scale factors and counts that a model names must exist where the layout looks for them.
#[test]
fn names_in_tables_lead_somewhere() {
    fn walk(id: u16, group: &Group, top: &Group, outer: &[&str]) {
        let mut reach: Vec<&str> = outer.to_vec();
        reach.extend(group.points.iter().filter(|p| p.kind == PointType::Sunssf).map(|p| p.name.as_str()));
        for point in &group.points {
            if let Some(Scale::Point(name)) = &point.scale {
                assert!(reach.contains(&name.as_str()), "model {id}: {} uses {name}", point.name);
            }
        }
        if let Repeat::Point(name) = &group.repeat {
            assert!(top.points.iter().any(|p| p.name == *name), "model {id}: {} counts {name}", group.name);
        }
        for inner in &group.groups {
            walk(id, inner, top, &reach);
        }
    }
    for id in models().ids() {
        let model = models().get(id).unwrap();
        walk(id, &model.group, &model.group, &[]);
    }
}

#[test]
fn a_wrong_table_says_where() {
    let text = "id = 0\nname = 5\npoints = [\n { n = \"A\", t = \"int15\" },\n { n = \"B\", t = \"string\" },\n { n = \"C\", t = \"int16\", size = 2, W = true },\n]\n";
    assert_eq!(
        parse_model("0.toml", text).unwrap_err().to_string(),
        "0.toml:1:6: id must be 1 to 65534, but this is 0\n\
         0.toml:2:8: name must be a text in quotes, but this is a whole number; write name = \"inverter\"\n\
         0.toml:4:17: \"int15\" is no SunSpec type\n\
         0.toml:5:2: a text point needs its size in registers, such as size = 16\n\
         0.toml:6:2: a point of type int16 has 1 registers, not 2\n\
         0.toml:6:36: [[points]] has no key \"W\"; did you mean \"w\"?"
    );
}
