use super::*;
use crate::der::Quantity;
use crate::device_map::registers::*;
use crate::device_map::{
    CurveRequest, MeterSign, Parity, PfSign, PointRef, PointType, Transport, WriteFunction,
};
use proptest::prelude::*;
use std::time::Duration;

const HEAD: &str = "format = 1\nid = \"acme\"\ntitle = \"Acme\"\n";

fn shipped() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("device-maps");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let maps = files.filter(|path| path.extension().is_some_and(|e| e == "toml"));
    maps.map(|path| (path.display().to_string(), std::fs::read_to_string(&path).unwrap())).collect()
}

fn good(text: &str) -> DeviceMap {
    parse_map("a.toml", &format!("{HEAD}{text}")).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The faults of a text, without the file's name.
fn wrong(text: &str) -> String {
    let faults = parse_map("a.toml", &format!("{HEAD}{text}")).unwrap_err();
    faults.to_string().replace("a.toml:", "")
}

const POINTS: &str = "kind = \"registers\"\n[[point]]\nname = \"rated\"\naddress = 1\ntype = \"u16\"\nunit = \"kW\"\n\
    quantity = \"rated_power\"\n[[point]]\nname = \"limit\"\naddress = 2\ntype = \"u16\"\naccess = \"rw\"\n\
    unit = \"%\"\nscale = 0.1\n[[point]]\nname = \"on\"\naddress = 3\ntype = \"u16\"\naccess = \"rw\"\n\
    enum = { 0xAA = \"yes\", 0x55 = \"no\" }\n";

#[test]
fn every_key_of_sunspec_arrives() {
    let map = good(
        "kind = \"sunspec\"\n[match]\nmanufacturer = \" Acme* \"\nmodel = \"A?\"\nversion = [\"4.*\", \"5\"]\npriority = -3\n\
         [link]\ntransports = [\"rtu\", \"tls\"]\nport = 802\nunits = [3, 1]\nconnections = 2\nidle_limit_s = 120\n\
         lost_after_s = 30\nserial = { baud = 19200, data = 8, parity = \"even\", stop = 2 }\n\
         [sunspec]\nend_model = \"optional\"\ncross_model = true\nstatic_sf = true\nlenient_header = true\n\
         model_lengths = { 1 = [65, 66] }\nwrite_fc = \"multiple\"\npf_sign = \"none\"\nmeter_sign = \"export_positive\"\n\
         ena_toggle = [\"123.WMaxLim_Ena\"]\ncurve_request = \"zero_based\"\nheartbeat = true\n\
         [[sunspec.point]]\nref = \"101.PF\"\nunit = \"percent\"\n\
         [[sunspec.point]]\nref = \"203.TotWhExp\"\ntype = \"int32\"\nnegate = true\n\
         [[sunspec.point]]\nref = \"160.module[*].Tmp\"\nignore = true\n\
         [sunspec.sf_override]\n\"103.W_SF\" = -1\n\
         [[sunspec.disable]]\ncommand = \"set_curve\"\nreason = \"not there\"\n",
    );
    let matches = map.matches.unwrap();
    assert_eq!(matches.manufacturer.as_deref(), Some("Acme*"));
    assert_eq!(matches.model.as_deref(), Some("A?"));
    assert_eq!((matches.version, matches.priority), (vec!["4.*".to_owned(), "5".to_owned()], -3));
    assert_eq!(map.link.transports, [Transport::Rtu, Transport::Tls]);
    assert_eq!((map.link.port, map.link.units, map.link.connections), (Some(802), vec![3, 1], Some(2)));
    assert_eq!(map.link.idle_limit, Some(Duration::from_secs(120)));
    assert_eq!(map.link.lost_after, Duration::from_secs(30));
    let serial = map.link.serial.unwrap();
    assert_eq!((serial.baud, serial.data_bits, serial.parity, serial.stop_bits), (19200, 8, Parity::Even, 2));
    let sunspec = map.sunspec;
    assert!(!sunspec.end_model_required && sunspec.cross_model && sunspec.static_sf && sunspec.heartbeat);
    assert!(sunspec.lenient_header);
    assert_eq!(sunspec.model_lengths.get(&1), Some(&vec![65, 66]));
    assert_eq!((sunspec.write_function, sunspec.pf_sign), (WriteFunction::Multiple, PfSign::None));
    assert_eq!(
        (sunspec.meter_sign, sunspec.curve_request),
        (MeterSign::ExportPositive, CurveRequest::ZeroBased)
    );
    let point = |model, path: &str| PointRef { model, path: path.into() };
    assert_eq!(sunspec.enable_toggle, [point(123, "WMaxLim_Ena")]);
    assert_eq!(sunspec.scale_override, [(point(103, "W_SF"), -1)]);
    assert_eq!(sunspec.disabled, [(CommandName::SetCurve, "not there".to_owned())]);
    let [pf, energy, tmp] = sunspec.points.as_slice() else { panic!("{:?}", sunspec.points) };
    assert_eq!((&pf.point, pf.unit.as_deref(), pf.kind), (&point(101, "PF"), Some("percent"), None));
    assert_eq!((energy.kind, energy.negate, energy.ignore), (Some(PointType::Int32), true, false));
    assert_eq!((&tmp.point, tmp.ignore), (&point(160, "module[*].Tmp"), true));
}

#[test]
fn every_key_of_a_point_arrives() {
    let map = good(
        "kind = \"registers\"\n[defaults]\ntable = \"input\"\naddressing = \"one_based\"\nword_order = \"low_first\"\n\
         byte_swap = true\n[identify]\nread = { address = 5000, type = \"i16\" }\nany_of = [0x8000, 7]\n\
         [[point]]\nname = \"p\"\ntable = \"holding\"\naddress = 1\ntype = \"i32\"\nword_order = \"high_first\"\n\
         byte_swap = false\nscale = 0.1\noffset = 5\nscale_from = \"e\"\nunit = \"kW\"\nquantity = \"active_power\"\n\
         negate = true\naccess = \"rw\"\nrange = [-10, 10]\ninvalid = [0x80000000, -1]\npoll = \"fast\"\nstored = true\n\
         [[point]]\nname = \"e\"\naddress = 65536\ntype = \"i16\"\nalias = true\nenum = { 0xFFFF = \"tenth\", 0 = \"one\" }\n\
         [[point]]\nname = \"u\"\naddress = 10\ntype = \"u64\"\nquantity = \"voltage\"\nphase = \"l2\"\nunit = \"V\"\n\
         invalid = [\"0xFFFFFFFFFFFFFFFF\"]\n[[point]]\nname = \"b\"\naddress = 20\ntype = \"bits32\"\nbits = { 31 = \"x\" }\n\
         [[point]]\nname = \"t\"\naddress = 30\ntype = \"string(8)\"\nquantity = \"serial\"\n",
    );
    let registers = map.registers;
    let identify = registers.identify.as_ref().unwrap();
    assert_eq!(
        (identify.table, identify.address, identify.kind),
        (RegisterTable::Input, 4999, RegisterType::I16)
    );
    assert_eq!(identify.any_of, [-32768, 7]);
    let p = registers.point("p").unwrap();
    assert_eq!(
        *p,
        RegisterPoint {
            name: "p".into(),
            table: RegisterTable::Holding,
            address: 0,
            kind: RegisterType::I32,
            word_order: WordOrder::HighFirst,
            byte_swap: false,
            scale: 0.1,
            offset: 5.0,
            scale_from: Some("e".into()),
            unit: Some("kW".into()),
            quantity: Some((RegisterQuantity::Reading(Quantity::ActivePower), -1000.0)),
            access: Access::ReadWrite,
            range: Some((-10.0, 10.0)),
            symbols: vec![],
            bits: vec![],
            invalid: vec![-(1 << 31), -1],
            poll: PollClass::Fast,
            stored: true,
            alias: false,
        }
    );
    let e = registers.point("e").unwrap();
    assert_eq!((e.address, e.word_order, e.byte_swap, e.alias), (65535, WordOrder::LowFirst, true, true));
    assert_eq!(e.symbols, [(-1, "tenth".to_owned()), (0, "one".to_owned())]);
    let u = registers.point("u").unwrap();
    assert_eq!(u.quantity, Some((RegisterQuantity::PhaseVoltage(1), 1.0)));
    assert_eq!(u.invalid, [i128::from(u64::MAX)]);
    assert_eq!(registers.point("b").unwrap().bits, [(31, "x".to_owned())]);
    let t = registers.point("t").unwrap();
    assert_eq!(t.quantity, Some((RegisterQuantity::Identity(Identity::Serial), 1.0)));
}

#[test]
fn numbers_of_registers_as_modicon_wrote_them() {
    let point = |address: u32| {
        let text = format!(
            "kind = \"registers\"\n[defaults]\naddressing = \"modicon\"\n[[point]]\nname = \"p\"\naddress = {address}\ntype = \"u16\"\n"
        );
        let map = good(&text);
        let point = map.registers.points.first().unwrap();
        (point.table, point.address)
    };
    assert_eq!(point(40001), (RegisterTable::Holding, 0));
    assert_eq!(point(39999), (RegisterTable::Input, 9998));
    assert_eq!(point(465_536), (RegisterTable::Holding, 65535));
    assert_eq!(point(300_001), (RegisterTable::Input, 0));
}

#[test]
fn every_key_of_a_command_arrives() {
    let map = good(&format!(
        "{POINTS}[[command]]\nname = \"limit_active_power\"\ninput = {{ unit = \"%\", min = 0, max = 100, base = \"rated\", negate = true }}\n\
         require = [ {{ point = \"on\", equals = \"no\", hint = \"switch it on\" }} ]\n\
         steps = [ {{ write = \"limit\", from = \"input\" }}, {{ write = \"on\", value = \"yes\" }} ]\n\
         verify = [ {{ point = \"limit\", equals = \"input\", within_s = 2.5 }}, {{ point = \"on\", equals = 0xAA, within_s = 1 }} ]\n\
         effect = {{ quantity = \"active_power\", equals = \"input\", tolerance_pct = 3, within_s = 30 }}\n\
         release = [ {{ write = \"on\", value = 0x55 }} ]\nrefresh_s = 30\nreverts_after_s = 60\nmin_interval_s = 60\n\
         [[procedure]]\nname = \"commission\"\nsteps = [ {{ write = \"on\", value = 0xAA }}, {{ wait_s = 10 }}, {{ expect = \"on\", equals = \"no\" }} ]\n"
    ));
    let write = |point: &str, value| Step::Write { point: point.into(), value };
    let yes = StepValue::Constant(170.0);
    assert_eq!(
        map.registers.command(CommandName::LimitActivePower).unwrap(),
        &RegisterCommand {
            name: CommandName::LimitActivePower,
            input: Some(Input {
                min: 0.0,
                max: 100.0,
                unit: InputUnit::PercentOf(Base::Point("rated".into())),
                negate: true
            }),
            require: vec![Require { point: "on".into(), equals: 85.0, hint: "switch it on".into() }],
            steps: vec![write("limit", StepValue::Input), write("on", yes)],
            verify: vec![
                Verify {
                    point: "limit".into(),
                    equals: StepValue::Input,
                    within: Duration::from_millis(2500)
                },
                Verify { point: "on".into(), equals: yes, within: Duration::from_secs(1) },
            ],
            effect: Some(EffectRule {
                quantity: Quantity::ActivePower,
                bound: EffectBound::Equals,
                tolerance_percent: 3.0,
                within: Duration::from_secs(30)
            }),
            release: vec![write("on", StepValue::Constant(85.0))],
            refresh: Some(Duration::from_secs(30)),
            reverts_after: Some(Duration::from_secs(60)),
            min_interval: Some(Duration::from_secs(60)),
        }
    );
    let steps = &map.registers.procedures.first().unwrap().steps;
    let expect = Step::Expect { point: "on".into(), equals: 85.0 };
    assert_eq!(steps, &[write("on", yes), Step::Wait(Duration::from_secs(10)), expect]);
}

#[test]
fn units_of_inputs_become_factors() {
    let unit = |input: &str| {
        let text = format!(
            "{POINTS}[[point]]\nname = \"w\"\naddress = 9\ntype = \"f32\"\naccess = \"rw\"\n[[command]]\nname = \"{input} }}\n\
             steps = [ {{ write = \"w\", from = \"input\" }} ]\nrelease = [ {{ write = \"w\", value = 0 }} ]\n"
        );
        good(&text).registers.commands.first().unwrap().input.clone().unwrap().unit
    };
    assert_eq!(
        unit("set_active_power\"\ninput = { unit = \"kW\", min = -5, max = 5"),
        InputUnit::Scaled(0.001)
    );
    assert_eq!(
        unit("set_reactive_power\"\ninput = { unit = \"kvar\", min = -5, max = 5"),
        InputUnit::Scaled(0.001)
    );
    assert_eq!(
        unit("set_power_factor\"\ninput = { unit = \"%\", min = -100, max = 100"),
        InputUnit::Scaled(100.0)
    );
}

#[test]
fn a_disconnection_may_be_undone_by_connecting() {
    let connect = "[[command]]\nname = \"connect\"\nsteps = [ { write = \"on\", value = \"yes\" } ]\n";
    let disconnect = "[[command]]\nname = \"disconnect\"\nsteps = [ { write = \"on\", value = \"no\" } ]\n";
    good(&format!("{POINTS}{disconnect}{connect}"));
    assert_eq!(
        wrong(&format!("{POINTS}{disconnect}")),
        "24:1: command \"disconnect\" has no release steps: the gateway could never undo it; add release, or a command \"connect\""
    );
}

#[test]
fn bounds_hold() {
    let many = |what: &str, n: usize| what.repeat(n);
    let points = many("[[point]]\nname = \"p\"\naddress = 1\ntype = \"u16\"\n", 2001);
    assert!(wrong(&format!("kind = \"registers\"\n{points}")).contains("more than 2000 points"));
    let steps = many("{ write = \"on\", value = 0xAA }, ", 21);
    let command = format!("[[command]]\nname = \"connect\"\nsteps = [ {steps} ]\n");
    assert!(wrong(&format!("{POINTS}{command}")).contains("more than 20 steps"));
    let commands =
        many("[[command]]\nname = \"connect\"\nsteps = [ { write = \"on\", value = 0xAA } ]\n", 51);
    assert!(wrong(&format!("{POINTS}{commands}")).contains("more than 50 commands"));
    assert!(
        parse_map("a.toml", &" ".repeat(MAX_BYTES + 1))
            .unwrap_err()
            .to_string()
            .contains("larger than 256 KiB")
    );
}

#[test]
fn points_in_the_same_registers_are_told_once_and_alias_allows_them() {
    let text = |alias: &str| {
        format!(
            "kind = \"registers\"\n[[point]]\nname = \"all\"\naddress = 10\ntype = \"u64\"\n[[point]]\nname = \"a\"\n\
             address = 11\ntype = \"u16\"\n{alias}[[point]]\nname = \"b\"\naddress = 13\ntype = \"u32\"\n{alias}\
             [[point]]\nname = \"c\"\ntable = \"input\"\naddress = 13\ntype = \"u16\"\n"
        )
    };
    assert_eq!(
        wrong(&text("")),
        "11:11: point \"a\" (holding 11, 1 register) overlaps point \"all\" (holding 10, 4 registers); set alias = true if this is intended\n\
         15:11: point \"b\" (holding 13, 2 registers) overlaps point \"all\" (holding 10, 4 registers); set alias = true if this is intended"
    );
    good(&text("alias = true\n"));
}

#[test]
fn a_point_with_a_fault_is_not_also_missing() {
    let text = "[[point]]\nname = \"x\"\naddress = 9\ntype = \"u17\"\n[[command]]\nname = \"connect\"\nsteps = [ { write = \"x\", value = 1 } ]\n";
    assert_eq!(
        wrong(&format!("{POINTS}{text}")),
        "27:8: point \"x\": type \"u17\" is not known; did you mean \"u16\"?"
    );
}

/// What a hurried hand does to a file.
fn mutated(text: &str, cuts: &[(prop::sample::Index, prop::sample::Index, String)]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for (at, with, word) in cuts {
        let line = at.index(lines.len());
        let other = lines[with.index(lines.len())].clone();
        match word.len() % 4 {
            0 => lines[line] = other,
            1 => lines.insert(line, other),
            2 => drop(lines.remove(line)),
            _ => {
                let mut chars: Vec<char> = lines[line].chars().collect();
                let place = with.index(chars.len() + 1);
                chars.splice(place..place, word.chars());
                lines[line] = chars.into_iter().collect();
            }
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn no_mutation_of_a_shipped_map_makes_it_panic(
        map in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[-0-9a-z.\"={}\\[\\] ]{0,6}"), 1..8),
    ) {
        let maps = shipped();
        let _ = parse_map("x.toml", &mutated(&maps[map.index(maps.len())].1, &cuts));
    }

    #[test]
    fn no_text_of_known_words_makes_it_panic(
        lines in prop::collection::vec(
            "(\\[match\\]|\\[link\\]|\\[sunspec\\]|\\[defaults\\]|\\[identify\\]|\\[\\[point\\]\\]|\\[\\[command\\]\\]|\\[\\[procedure\\]\\]|(name|address|type|unit|scale|offset|range|enum|bits|invalid|input|steps|verify|read|any_of|ref|access|quantity|phase) = (\"(p|u16|i64|f32|string\\(3\\)|rw|kW|frequency|disconnect|input)\"|-?[0-9]{1,20}|\\[-?[0-9]{1,9}, [0-9]{1,9}\\]|\\[ \\{ write = \"p\", value = [0-9]{1,9} \\} \\]|\\{ 0 = \"p\" \\}))",
            0..20,
        ),
        kind in "(sunspec|registers|hybrid)",
    ) {
        let _ = parse_map("x.toml", &format!("{HEAD}kind = \"{kind}\"\n{}", lines.join("\n")));
    }
}
