mod damaged;
mod faults;
mod layered;

use crate::der::{CurveKind, Quantity};
use crate::device_map::dnp3::*;
use crate::device_map::registers::{CommandName, EffectBound, PollClass, Rating, RegisterQuantity};
use crate::device_map::{DeviceMap, Maps, Parity, Transport, parse_map};
use std::sync::Arc;
use std::time::Duration;

const HEAD: &str = "format = 1\nid = \"rtu\"\ntitle = \"RTU\"\nkind = \"dnp3\"\n";

/// A point, so that the map has one.
const POINT: &str = "[[point]]\nname = \"rated\"\nat = \"AI9\"\nunit = \"W\"\n";

fn at(text: &str) -> At {
    At::parse(text).unwrap()
}

fn good(text: &str) -> DeviceMap {
    parse_map("a.toml", &format!("{HEAD}{text}")).unwrap_or_else(|faults| panic!("{faults}"))
}

fn outstation(text: &str) -> Arc<OutstationMap> {
    good(text).outstation.unwrap()
}

/// The faults of a text, without the file's name.
fn wrong(text: &str) -> String {
    parse_map("a.toml", &format!("{HEAD}{text}")).unwrap_err().to_string().replace("a.toml:", "")
}

fn shipped(id: &str) -> Arc<OutstationMap> {
    Maps::builtin().get(id).unwrap().outstation.clone().unwrap()
}

#[test]
fn what_is_not_written_is_usual() {
    let map = good(POINT);
    let station = map.outstation.unwrap();
    assert_eq!(map.link.response_timeout, Duration::from_secs(10));
    assert_eq!(
        (&station.session, &station.control),
        (&SessionOptions::default(), &ControlOptions::default())
    );
    assert_eq!((&station.quality, &station.identify), (&QualityRules::default(), &None));
    assert_eq!((station.window.is_none(), station.profile.is_none()), (true, true));
    let point = station.point("rated").unwrap();
    assert_eq!((point.at, point.scale, point.offset, point.poll), (at("AI9"), 1.0, 0.0, PollClass::Normal));
}

#[test]
fn every_key_of_link_control_and_quality_arrives() {
    let map = good(&format!(
        "[link]\ntransports = [\"serial\", \"tls\"]\nport = 19999\nconnect_timeout_ms = 2000\nresponse_timeout_ms = 7000\n\
         serial = {{ baud = 19200, parity = \"even\" }}\nkeep_alive_s = 0\nlost_after_answers = 5\ntime_sync = \"write\"\n\
         unsolicited = \"off\"\nread = \"ranges\"\nintegrity_s = 60\n\
         [control]\nanalog = \"select\"\nbinary = \"direct\"\nnumber = \"float32\"\nswitch = \"trip-close\"\npulse_ms = 250\nbatch = 20\nverify_ms = 900\n\
         [quality]\nassume_online = true\nnull_raw = [-1, 65535]\n[identify]\nat = \"AI0\"\nany_of = [100, 7]\n{POINT}"
    ));
    let station = map.outstation.unwrap();
    assert_eq!(map.link.transports, [Transport::Serial, Transport::Tls]);
    assert_eq!(map.link.port, Some(19999));
    assert_eq!(map.link.connect_timeout, Duration::from_secs(2));
    assert_eq!(map.link.response_timeout, Duration::from_secs(7));
    let serial = map.link.serial.unwrap();
    assert_eq!((serial.baud, serial.data_bits, serial.parity), (19200, 8, Parity::Even));
    assert_eq!(
        station.session,
        SessionOptions {
            keep_alive: None,
            lost_after_answers: 5,
            time_sync: TimeSync::Write,
            unsolicited: Unsolicited::Off,
            read: ReadPlan::Ranges,
            integrity: Duration::from_secs(60),
        }
    );
    assert_eq!(
        station.control,
        ControlOptions {
            analog: Operate::Select,
            binary: Operate::Direct,
            number: AnalogNumber::Float32,
            switch: Switch::TripClose,
            pulse: Duration::from_millis(250),
            batch: 20,
            verify: Duration::from_millis(900),
        }
    );
    assert_eq!(station.quality, QualityRules { assume_online: true, null_raw: vec![-1, 65535] });
    assert_eq!(station.identify, Some(Mark { at: at("AI0"), any_of: vec![100, 7] }));
}

#[test]
fn every_key_of_a_point_arrives() {
    let station = outstation(
        "[[point]]\nname = \"p\"\nat = \"ai537\"\nscale = 0.1\noffset = -5\nunit = \"kW\"\nquantity = \"active_power\"\n\
         negate = true\npoll = \"once\"\nwithout_online = true\ninvalid = [-32768]\nenum = { -1 = \"none\", 2 = \"two\" }\n\
         only_while = \"BI27\"\nalarm = \"too much\"\nblocks = \"too much of it\"\nsequence = true\n\
         [[point]]\nname = \"v\"\nat = \"CTR3\"\nunit = \"V\"\nquantity = \"voltage\"\nphase = \"l2\"\n",
    );
    assert_eq!(
        station.points[0],
        OutstationPoint {
            name: "p".into(),
            at: at("AI537"),
            scale: 0.1,
            offset: -5.0,
            unit: Some("kW".into()),
            quantity: Some((RegisterQuantity::Reading(Quantity::ActivePower), -1000.0)),
            poll: PollClass::Once,
            without_online: true,
            invalid: vec![-32768],
            symbols: vec![(-1, "none".into()), (2, "two".into())],
            only_while: Some(at("BI27")),
            alarm: Some("too much".into()),
            blocks: Some("too much of it".into()),
            sequence: true,
        }
    );
    assert_eq!(station.points[1].quantity, Some((RegisterQuantity::PhaseVoltage(1), 1.0)));
    assert_eq!(station.at(at("CTR3")).unwrap().name, "v");
}

#[test]
fn every_key_of_a_step_arrives() {
    let station = outstation(&format!(
        "{POINT}[[command]]\nname = \"set_active_power\"\nsupports = \"BI37\"\nsteps = [\n\
         {{ write = \"AO92\", reads = [], from = \"reversion\", optional = true }},\n\
         {{ write = \"AO93\", reads = \"AI154\", from = \"input\", percent_of = [\"rated\", \"rated\"], scale = 0.1, min = -100, max = 50, operate = \"select\", within_s = 2.5 }},\n\
         {{ write = \"BO18\", reads = [\"BI70\", \"DBI3\"], value = \"on\" }},\n]\n\
         release = [{{ write = \"BO19\", reads = \"DBI70\", value = 1, switch = \"pulse\", shows = \"off\" }}]\n\
         effect = {{ quantity = \"active_power\", equals = \"input\", within_s = 30 }}\n"
    ));
    let command = station.command(CommandName::SetActivePower).unwrap();
    assert_eq!(command.supports, Some(at("BI37")));
    let [reversion, target, enable] = command.steps.as_slice() else { panic!("{command:?}") };
    assert_eq!((reversion.optional, &reversion.value), (true, &StepSource::Argument(Argument::Reversion)));
    assert_eq!(
        *target,
        OutstationStep {
            write: at("AO93"),
            reads: vec![at("AI154")],
            value: StepSource::PercentOf {
                argument: Argument::Input,
                positive: "rated".into(),
                negative: Some("rated".into()),
            },
            scale: 0.1,
            range: Some((-100.0, 50.0)),
            operate: Some(Operate::Select),
            switch: None,
            shows: None,
            within: Some(Duration::from_millis(2500)),
            optional: false,
        }
    );
    assert_eq!(
        (enable.value.clone(), enable.reads.clone()),
        (StepSource::Constant(1.0), vec![at("BI70"), at("DBI3")])
    );
    assert_eq!((target.switch, target.shows, enable.switch, enable.shows), (None, None, None, None));
    let [undo] = command.release.as_slice() else { panic!("{command:?}") };
    assert_eq!(
        (undo.value.clone(), undo.switch, undo.shows),
        (StepSource::Constant(1.0), Some(Switch::Pulse), Some(false))
    );
    assert_eq!(command.effect.as_ref().unwrap().bound, EffectBound::Equals);
}

#[test]
fn every_part_of_what_is_asked_has_its_word() {
    for argument in Argument::ALL {
        assert_eq!(Argument::ALL.iter().filter(|other| other.name() == argument.name()).count(), 1);
    }
    let steps = |list: &[Argument]| {
        let step = |(k, a): (usize, &Argument)| {
            format!("{{ write = \"AO{k}\", reads = \"AI{k}\", from = \"{}\" }}", a.name())
        };
        list.iter().enumerate().map(step).collect::<Vec<_>>().join(", ")
    };
    use Argument as A;
    let enter = [
        A::VoltageHigh,
        A::VoltageLow,
        A::FrequencyHigh,
        A::FrequencyLow,
        A::Delay,
        A::RandomDelay,
        A::RampTime,
    ];
    let ramp = [A::RampUp, A::RampDown];
    let station = outstation(&format!(
        "{POINT}[[command]]\nname = \"set_enter_service\"\nsteps = [{}]\n[[command]]\nname = \"set_ramp_rates\"\nsteps = [{}]\n",
        steps(&enter),
        steps(&ramp)
    ));
    let written = |name| -> Vec<StepSource> {
        station.command(name).unwrap().steps.iter().map(|step| step.value.clone()).collect()
    };
    assert_eq!(written(CommandName::SetEnterService), enter.map(StepSource::Argument));
    assert_eq!(written(CommandName::SetRampRates), ramp.map(StepSource::Argument));
}

#[test]
fn every_key_of_curves_arrives() {
    let station = outstation(&format!(
        "{POINT}[curve_window]\nselect = {{ write = \"AO0\", read = \"AI100\" }}\ntype = {{ write = \"AO1\", read = \"AI101\" }}\n\
         count = {{ write = \"AO2\", read = \"AI102\" }}\nx_unit = {{ write = \"AO3\", read = \"AI103\" }}\n\
         y_unit = {{ write = \"AO4\", read = \"AI104\" }}\nfirst = {{ write = \"AO5\", read = \"AI105\" }}\nmax_points = 4\n\
         referenced = \"BI7\"\nlocked_while_followed = true\n\
         [[curve]]\nkind = \"high-voltage-trip\"\nsupports = \"BI31\"\n\
         points = {{ type = 9, x_unit = 4, y_unit = 8, x_scale = 0.001, y_scale = 0.1, swapped = true, exact = true, y_percent_of = \"rated\", numbers = [4, 14] }}\n\
         steps = [{{ write = \"AO23\", reads = \"AI73\", from = \"curve\" }}, {{ write = \"BO12\", reads = \"BI64\", value = \"on\" }}]\n"
    ));
    let pair = |write, read| WindowPoint { write, read };
    assert_eq!(
        station.window,
        Some(CurveWindow {
            select: pair(0, 100),
            kind: pair(1, 101),
            count: pair(2, 102),
            x_unit: pair(3, 103),
            y_unit: pair(4, 104),
            first: pair(5, 105),
            max_points: 4,
            referenced: Some(at("BI7")),
            locked_while_followed: true,
        })
    );
    let route = station.curve(CurveKind::HighVoltageTrip).unwrap();
    assert_eq!((route.supports, route.steps.len(), route.release.len()), (Some(at("BI31")), 2, 0));
    assert_eq!(
        route.points,
        Some(CurvePoints {
            kind: 9,
            x_unit: 4,
            y_unit: 8,
            x_scale: 0.001,
            y_scale: 0.1,
            swapped: true,
            y_percent_of: Some("rated".into()),
            exact: true,
            numbers: vec![4, 14],
        })
    );
}

/// The maps that the README shows, by their place in it.
fn of_readme(place: usize) -> DeviceMap {
    parse_map("README", of_readme_text(place)).unwrap_or_else(|faults| panic!("{faults}"))
}

fn of_readme_text(place: usize) -> &'static str {
    let readme = include_str!("../../../../device-maps/README.md");
    readme.split("```toml\n").nth(place).unwrap().split("```").next().unwrap()
}

#[test]
fn the_map_of_an_outstation_that_deviates_in_the_readme_is_good() {
    let map = of_readme(1);
    let (over, base) = (map.outstation.unwrap(), shipped("dnp3-an2018"));
    let power = over.point("active_power").unwrap();
    assert_eq!((power.at, power.scale, power.poll), (at("AI785"), 100.0, PollClass::Fast));
    assert_eq!(power.unit, base.point("active_power").unwrap().unit);
    assert_eq!(over.point("available_active_power").unwrap().at, at("AI43"), "not in the block");
    assert_eq!((over.control.binary, over.control.analog), (Operate::Direct, Operate::Direct));
    assert!(over.quality.assume_online);
    assert_eq!(over.command(CommandName::SetPowerFactor), None);
    let limit = over.command(CommandName::LimitActivePower).unwrap();
    let before = base.command(CommandName::LimitActivePower).unwrap();
    assert_eq!(
        (limit.supports, &limit.release, &limit.effect),
        (before.supports, &before.release, &before.effect)
    );
    let written: Vec<_> =
        limit.steps.iter().map(|step| (step.write.to_string(), step.value.clone())).collect();
    let percent = before.steps[4].value.clone();
    assert_eq!(
        written,
        [
            ("AO88".to_owned(), StepSource::Constant(100.0)),
            ("AO87".to_owned(), percent),
            ("BO17".to_owned(), StepSource::Constant(1.0))
        ]
    );
}

#[test]
fn the_map_of_any_other_outstation_in_the_readme_is_good() {
    let map = of_readme(2);
    let station = map.outstation.unwrap();
    assert_eq!((map.id.as_str(), station.points.len(), station.commands.len()), ("hydro-rtu", 7, 3));
    let power = station.point("power").unwrap();
    assert_eq!((power.at, power.scale, power.offset), (at("AI0"), 0.1, -500.0), "counted from 0");
    assert_eq!(power.quantity, Some((RegisterQuantity::Reading(Quantity::ActivePower), -1000.0)));
    let produced = station.point("produced").unwrap();
    assert_eq!(
        (produced.at, produced.scale, produced.quantity),
        (at("CTR0"), 10.0, Some((RegisterQuantity::Reading(Quantity::EnergyInjected), 1000.0)))
    );
    assert_eq!(station.quality.null_raw, [-32768]);
    assert_eq!(station.command(CommandName::LimitActivePower).unwrap().steps[0].reads, [at("AI3")]);
    let open = &station.command(CommandName::Disconnect).unwrap().steps[0];
    assert_eq!((open.switch, open.reads.as_slice()), (Some(Switch::TripClose), [at("DBI0")].as_slice()));
}

/// Every key that a map may have is in the README, and every default and range that it tells is so.
#[test]
fn the_readme_names_every_key() {
    let readme = include_str!("../../../../device-maps/README.md");
    let dnp3 = readme.split("### All keys").nth(1).unwrap();
    for (text, part) in [
        ("[link]\nx = 1\n", "[link]"),
        ("[control]\nx = 1\n", "[control]"),
        ("[quality]\nx = 1\n", "[quality]"),
        ("[identify]\nx = 1\n", "[identify]"),
        ("[[point]]\nname = \"p\"\nat = \"AI0\"\nx = 1\n", "[[point]]"),
        ("[[shift]]\nx = 1\n", "[[shift]]"),
        ("[curve_window]\nx = 1\n", "[curve_window]"),
        ("[[curve]]\nkind = \"freq-watt\"\nx = 1\n", "[[curve]]"),
        ("[[command]]\nname = \"connect\"\nx = 1\n", "[[command]]"),
        ("[[command]]\nname = \"connect\"\nsteps = [{ x = 1 }]\n", "step 1"),
    ] {
        let faults = wrong(text);
        let line = faults
            .lines()
            .find(|line| line.contains("has no key \"x\""))
            .unwrap_or_else(|| panic!("{faults}"));
        let known = line.split("it knows ").nth(1).unwrap();
        for key in known.split(", ") {
            assert!(dnp3.contains(&format!("`{key}`")), "{part}: {key} is not in the README");
        }
    }
    for argument in Argument::ALL {
        assert!(dnp3.contains(&format!("`{}`", argument.name())), "{argument:?}");
    }
}

/// A state of charge of something that stores nothing would be a 0 that nobody measured.
#[test]
fn what_cannot_charge_has_no_state_of_charge() {
    let station = shipped("dnp3-an2018");
    let charge = station.point("charge_max").unwrap().at;
    for name in ["state_of_charge", "usable_state_of_charge"] {
        assert_eq!(station.point(name).unwrap().only_while, Some(charge), "{name}");
    }
}

/// The gateway's quantities, the commands and the curves that the profile serves.
#[test]
fn the_profile_is_served() {
    let station = shipped("dnp3-an2018");
    let reports =
        |quantity| station.points.iter().any(|point| point.quantity.is_some_and(|(q, _)| q == quantity));
    for quantity in [
        Quantity::ActivePower,
        Quantity::ReactivePower,
        Quantity::ApparentPower,
        Quantity::Frequency,
        Quantity::StateOfCharge,
        Quantity::AvailableActivePower,
    ] {
        assert!(reports(RegisterQuantity::Reading(quantity)), "{quantity:?}");
    }
    for phase in 0..3 {
        assert!(
            reports(RegisterQuantity::PhaseVoltage(phase)) && reports(RegisterQuantity::PhaseCurrent(phase))
        );
    }
    let absorbs = RegisterQuantity::Rating(Rating::ReactiveAbsorbedMax);
    let absorbs = station.points.iter().find(|p| p.quantity.is_some_and(|(q, _)| q == absorbs)).unwrap();
    assert_eq!((absorbs.at, absorbs.quantity.unwrap().1), (at("AI13"), -1.0), "a size without sign");
    assert_eq!(station.point("charge_max").unwrap().scale, -1.0, "a size without sign");
    let commands: Vec<_> =
        CommandName::ALL.into_iter().filter(|name| station.command(*name).is_none()).collect();
    assert_eq!(commands, [CommandName::SetCurve, CommandName::ResetAlarms]);
    let curves: Vec<_> = CurveKind::ALL.into_iter().filter(|kind| station.curve(*kind).is_none()).collect();
    assert_eq!(curves, [CurveKind::WattPowerFactor]);
    assert_eq!(station.points.iter().filter(|point| point.blocks.is_some()).count(), 2);
    assert_eq!(station.points.iter().filter(|point| point.alarm.is_some()).count(), 23);
}

/// The order in which real power is moved: settings, then what enables them; both limits, for they share one enable.
#[test]
fn a_limit_of_the_profile_is_written_whole_and_enabled_last() {
    let station = shipped("dnp3-an2018");
    let limit = station.command(CommandName::LimitActivePower).unwrap();
    let written: Vec<String> = limit.steps.iter().map(|step| step.write.to_string()).collect();
    assert_eq!(written, ["AO83", "AO84", "AO85", "AO87", "AO88", "BO17"]);
    assert_eq!((limit.steps[3].value.clone(), limit.steps[3].scale), (StepSource::Constant(100.0), 0.1));
    assert!(!limit.steps[3].optional && !limit.steps[4].optional);
    let stop = station.command(CommandName::Disconnect).unwrap();
    let written: Vec<String> = stop.steps.iter().map(|step| step.write.to_string()).collect();
    assert_eq!(written, ["AO13", "AO14", "AO15", "BO4", "BO2"], "permission before the stop itself");
    for command in &station.commands {
        let last = command.steps.last().unwrap();
        let enables = last.write.kind == PointKind::BinaryOutput;
        assert_eq!(enables, command.name != CommandName::SetEnterService, "{}", command.name.name());
    }
}

#[test]
fn the_newer_profile_differs_where_the_reference_says_so_and_nowhere_else() {
    let (old, new) = (shipped("dnp3-an2018"), shipped("dnp3-ieee1815-2"));
    assert_eq!(new.identify, Some(Mark { at: at("AI0"), any_of: vec![110] }));
    assert!(new.window.as_ref().unwrap().locked_while_followed);
    let mut same = (*new).clone();
    same.identify.clone_from(&old.identify);
    same.window.as_mut().unwrap().locked_while_followed = false;
    same.profile.clone_from(&old.profile);
    // Percent are selected after they were written, and before they are enabled.
    let steps = same.commands.iter_mut().map(|command| &mut command.steps);
    let mut selectors = Vec::new();
    for steps in steps.chain(same.curves.iter_mut().map(|curve| &mut curve.steps)) {
        let Some(place) =
            steps.iter().position(|step| (43..48).contains(&step.write.index) && step.write.kind.is_binary())
        else {
            continue;
        };
        assert_eq!(place + 2, steps.len());
        let step = steps.remove(place);
        assert!(step.optional && step.value == StepSource::Constant(0.0), "{step:?}");
        selectors.push(format!("{} {}", step.write, step.reads[0]));
    }
    assert_eq!(selectors, ["BO45 BI113", "BO46 BI114", "BO47 BI115", "BO44 BI112"]);
    assert_eq!(same, *old);
}

#[test]
fn the_map_of_an_outstation_is_told_by_its_mark() {
    let maps = Maps::builtin();
    let id = |raw| maps.outstation_for(raw).map(|map| map.id.as_str());
    assert_eq!(id(Some(100)), Some("dnp3-an2018"));
    assert_eq!(id(Some(110)), Some("dnp3-ieee1815-2"));
    assert_eq!((id(None), id(Some(7))), (Some("dnp3-an2018"), Some("dnp3-an2018")));
}
