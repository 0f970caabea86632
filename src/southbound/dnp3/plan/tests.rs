use super::*;
use crate::der::{EnterService, Excitation, Percent, PowerFactor, RampRates, Vars};
use crate::southbound::dnp3::commands::tests::profile::{Told, at, map};

mod properties;

const HOLD: Duration = Duration::from_secs(300);

fn plan(setpoint: &Setpoint, known: &Told) -> Result<Draft, String> {
    let map = map();
    let name = match setpoint {
        Setpoint::LimitActivePower(_) => CommandName::LimitActivePower,
        Setpoint::SetActivePower(_) => CommandName::SetActivePower,
        Setpoint::SetReactivePower(_) => CommandName::SetReactivePower,
        Setpoint::SetPowerFactor(_) => CommandName::SetPowerFactor,
        Setpoint::SetRampRates(_) => CommandName::SetRampRates,
        Setpoint::SetEnterService(_) => CommandName::SetEnterService,
        _ => CommandName::Disconnect,
    };
    let ground = Ground { map: &map, known };
    ground.command(map.command(name).unwrap(), &Arguments::of(setpoint, HOLD))
}

fn limit(watts: f64) -> Setpoint {
    Setpoint::LimitActivePower(Watts::new(watts))
}

fn set(watts: f64) -> Setpoint {
    Setpoint::SetActivePower(Watts::new(watts))
}

fn sent(draft: &Draft) -> Vec<String> {
    let sent = |act: &Act| match act.operation.value {
        Output::Latch(on) => format!("{}={}", act.at(), if on { "on" } else { "off" }),
        Output::Pulse { .. } => line(act),
        Output::Number(raw, _) => format!("{}={raw}", act.at()),
    };
    draft.acts.iter().map(sent).collect()
}

fn raw_at(setpoint: &Setpoint, output: &str) -> f64 {
    let draft = plan(setpoint, &Told::storage()).unwrap();
    draft.acts.iter().find(|act| act.at() == at(output)).unwrap().raw()
}

#[test]
fn a_limit_is_its_settings_both_limits_and_then_the_enable() {
    let draft = plan(&limit(6000.0), &Told::storage()).unwrap();
    assert_eq!(sent(&draft), ["AO83=0", "AO84=0", "AO85=300", "AO87=1000", "AO88=600", "BO17=on"]);
    assert_eq!(draft.words, "limit 60 % of 10000 W = 6000 W");
    let how: Vec<Operate> = draft.acts.iter().map(|act| act.operation.how).collect();
    assert_eq!(how.last(), Some(&Operate::Select), "what moves power is selected first");
    assert!(how[..5].iter().all(|how| *how == Operate::Direct));
}

#[test]
fn a_limit_is_never_above_what_was_asked_and_a_set_point_is_as_near_as_can_be() {
    assert_eq!(raw_at(&limit(5_999.9), "AO88"), 599.0);
    assert_eq!(raw_at(&limit(6_000.000_000_1), "AO88"), 600.0, "the last digit of a division");
    assert_eq!(raw_at(&limit(20_000.0), "AO88"), 1000.0, "above all is all");
    assert_eq!(raw_at(&limit(0.0), "AO88"), 0.0);
    assert_eq!(raw_at(&set(5_996.0), "AO93"), 600.0);
    assert_eq!(raw_at(&set(25.0), "AO93"), 3.0, "half away from zero");
    assert_eq!(raw_at(&set(-20.0), "AO93"), -3.0, "half away from zero");
}

#[test]
fn charging_is_a_percentage_of_the_charging_maximum() {
    assert_eq!(raw_at(&set(-4000.0), "AO93"), -500.0, "of 8 kW, which the device tells as a negative number");
    assert_eq!(raw_at(&set(4000.0), "AO93"), 400.0, "of 10 kW");
    let draft = plan(&set(-4000.0), &Told::storage()).unwrap();
    assert_eq!(draft.active_power(&set(-4000.0)), Some(Watts::new(-4000.0)));
    assert_eq!(draft.words, "set point -50 % of 8000 W = -4000 W");
    let positive = Told {
        named: [("w_max", 10_000.0), ("w_max_charge", 8000.0)].map(|(n, v)| (n.to_owned(), v)).into(),
        ..Told::default()
    };
    assert_eq!(sent(&plan(&set(-4000.0), &positive).unwrap())[3], "AO93=-500", "whatever its sign");
}

#[test]
fn reactive_power_chooses_its_reference_first() {
    let draft = plan(&Setpoint::SetReactivePower(Vars::new(-2000.0)), &Told::storage()).unwrap();
    assert_eq!(sent(&draft), ["AO5=2", "AO200=0", "AO201=0", "AO202=300", "AO203=-500", "BO27=on"]);
    assert_eq!(draft.words, "reactive power -50 % of 4000 var = -2000 var");
}

#[test]
fn a_power_factor_is_a_size_and_a_quadrant() {
    let factor = |excitation| Setpoint::SetPowerFactor(PowerFactor { size: 0.95, excitation });
    let over = plan(&factor(Excitation::Over), &Told::storage()).unwrap();
    assert_eq!(sent(&over), ["AO207=0", "AO208=0", "AO209=300", "BO10=off", "AO210=95", "BO28=on"]);
    assert_eq!(over.words, "power factor 0.95 injecting");
    let under = plan(&factor(Excitation::Under), &Told::storage()).unwrap();
    assert_eq!(sent(&under)[3..], ["BO10=on", "AO210=95", "BO28=on"], "never a negative number");
}

#[test]
fn what_is_not_asked_for_is_left_out_and_what_cannot_be_said_is_refused() {
    let rates = RampRates { active_up: Some(Percent::new(2.0)), ..RampRates::default() };
    assert_eq!(sent(&plan(&Setpoint::SetRampRates(rates), &Told::default()).unwrap()), ["AO96=20"]);
    let all = RampRates { reactive: Some(Percent::new(2.0)), ..rates };
    let words = plan(&Setpoint::SetRampRates(all), &Told::default()).unwrap_err();
    assert_eq!(words, "the device map has no step for a ramp rate of reactive power");
    let none = plan(&Setpoint::SetRampRates(RampRates::default()), &Told::default()).unwrap_err();
    assert_eq!(none, "nothing is asked");
    let enter = |wanted| plan(&Setpoint::SetEnterService(wanted), &Told::default());
    let delay = EnterService { delay: Some(Duration::from_secs(60)), ..EnterService::default() };
    assert_eq!(sent(&enter(delay).unwrap()), ["AO10=60"]);
    let low = EnterService { voltage_low: Some(Percent::new(90.0)), ..delay };
    assert_eq!(enter(low).unwrap_err(), "the device map has no step for voltage low");
    let high = EnterService { voltage_high: Some(Percent::new(130.0)), ..delay };
    assert_eq!(enter(high).unwrap_err(), "130 is outside what the device takes in AO6, 100 to 120");
}

#[test]
fn a_command_needs_its_support_and_what_its_percentage_refers_to() {
    let mut known = Told::storage();
    known.on.insert(at("BI36"), false);
    let words = plan(&limit(1.0), &known).unwrap_err();
    assert_eq!(words, "the outstation says that it does not offer limit (BI36 is off)");
    known.on.insert(at("BI36"), true);
    assert!(plan(&limit(1.0), &known).is_ok());
    for bad in [None, Some(0.0), Some(f64::NAN), Some(f64::INFINITY)] {
        known.named.remove("w_max");
        known.named.extend(bad.map(|bad| ("w_max".to_owned(), bad)));
        let words = plan(&limit(1.0), &known).unwrap_err();
        let what = if bad == Some(0.0) { "0" } else { "not known" };
        assert_eq!(words, format!("w_max is {what}, so there is nothing to take percent of"), "{bad:?}");
    }
}

#[test]
fn what_no_device_can_take_is_refused_in_words() {
    let known = Told::storage();
    assert_eq!(
        plan(&set(11_000.0), &known).unwrap_err(),
        "110 % is outside what the device takes in AO93, -100 to 100 %"
    );
    assert_eq!(
        plan(&limit(-100.0), &known).unwrap_err(),
        "-1 % is outside what the device takes in AO88, 0 to 100 %"
    );
    assert!(plan(&set(f64::NAN), &known).unwrap_err().contains("not a number"));
    let mut map = map();
    map.control.number = AnalogNumber::Int16;
    let ground = Ground { map: &map, known: &known };
    let long = Arguments::of(&limit(1.0), Duration::from_secs(40_000));
    let words = ground.command(map.command(CommandName::LimitActivePower).unwrap(), &long).unwrap_err();
    assert_eq!(words, "40000 does not fit into the 16-bit number of AO85");
}

#[test]
fn a_time_that_bounds_is_never_without_end() {
    let map = map();
    let known = Told::storage();
    let ground = Ground { map: &map, known: &known };
    let command = map.command(CommandName::LimitActivePower).unwrap();
    for (hold, wanted) in [(0, 1.0), (1, 1.0), (400, 1.0), (1000, 1.0), (1001, 2.0), (59_500, 60.0)] {
        let asked = Arguments::of(&limit(1.0), Duration::from_millis(hold));
        let draft = ground.command(command, &asked).unwrap();
        assert_eq!(draft.acts[2].raw(), wanted, "{hold} ms");
    }
}

#[test]
fn a_device_that_counts_the_other_way_is_commanded_the_other_way() {
    let mut map = map();
    let known = Told::storage();
    let command = map.commands.iter_mut().find(|c| c.name == CommandName::SetActivePower).unwrap();
    command.steps.iter_mut().find(|step| step.write == at("AO93")).unwrap().scale = -0.1;
    let command = map.command(CommandName::SetActivePower).unwrap();
    let ground = Ground { map: &map, known: &known };
    let draft = ground.command(command, &Arguments::of(&set(-4000.0), HOLD)).unwrap();
    assert_eq!(sent(&draft)[3], "AO93=500");
    assert_eq!(draft.value, Some(-4000.0));
}

#[test]
fn a_limit_of_a_swapped_device_is_rounded_to_less_power_too() {
    let mut map = map();
    let known = Told::storage();
    let command = map.commands.iter_mut().find(|c| c.name == CommandName::LimitActivePower).unwrap();
    command.steps.iter_mut().find(|step| step.write == at("AO88")).unwrap().scale = -0.1;
    let command = map.command(CommandName::LimitActivePower).unwrap();
    let draft = Ground { map: &map, known: &known }.command(command, &Arguments::of(&limit(5999.9), HOLD));
    assert_eq!(sent(&draft.unwrap())[4], "AO88=-599");
}

#[test]
fn a_release_leaves_alone_what_the_new_command_operates() {
    let map = map();
    let known = Told::storage();
    let ground = Ground { map: &map, known: &known };
    let command = map.command(CommandName::LimitActivePower).unwrap();
    assert_eq!(sent(&ground.release(command, &[]).unwrap()), ["BO17=off"]);
    let own = plan(&limit(1.0), &known).unwrap();
    assert!(ground.release(command, &own.acts).unwrap().acts.is_empty());
}

#[test]
fn the_ability_is_that_of_the_map_but_for_what_the_device_denies() {
    use crate::der::Control;
    let map = map();
    let mut known = Told::storage();
    let able = capability(&map, &known);
    assert_eq!(able.injection_max, Watts::new(10_000.0));
    assert_eq!(able.absorption_max, Watts::new(8000.0));
    let all = [Control::LimitActivePower, Control::SetActivePower, Control::Connect, Control::SetCurve];
    assert!(all.into_iter().all(|control| able.controls.has(control)));
    assert!(!able.controls.has(Control::ResetAlarms));
    known.on.insert(at("BI37"), false);
    let able = capability(&map, &known);
    assert!(!able.controls.has(Control::SetActivePower) && able.controls.has(Control::LimitActivePower));
    assert_eq!(capability(&map, &Told::default()).injection_max, Watts::ZERO, "nothing is known");
}

#[test]
fn a_person_reads_what_would_be_sent() {
    let draft = plan(&limit(6000.0), &Told::storage()).unwrap();
    let lines: Vec<String> = draft.acts.iter().map(line).collect();
    assert_eq!(lines[0], "AO83 = 0, direct operate, seen in AI143, optional");
    assert_eq!(lines[4], "AO88 = 600 (60), direct operate, seen in AI149");
    assert_eq!(lines[5], "BO17 latch on, select, operate, seen in BI69");
}

/// The RTU of the README: floating numbers in kW with the sign turned, and a breaker with one output for both coils.
#[test]
fn a_map_of_ones_own_sends_what_its_maker_means() {
    let readme = include_str!("../../../../device-maps/README.md");
    let text = readme.split("```toml\n").nth(2).unwrap().split("```").next().unwrap();
    let map = crate::device_map::parse_map("README", text).unwrap().outstation.unwrap();
    let known = Told::default();
    let draft = |setpoint: &Setpoint, name| {
        let command = map.command(name).unwrap();
        Ground { map: &map, known: &known }.command(command, &Arguments::of(setpoint, HOLD)).unwrap()
    };
    let limit = draft(&limit(1234.5), CommandName::LimitActivePower);
    let [power, enable] = limit.acts.as_slice() else { panic!("{limit:?}") };
    assert_eq!(power.operation.value, Output::Number(-1.2345, AnalogNumber::Float32), "not rounded to kW");
    assert_eq!((power.operation.how, enable.operation.how), (Operate::Direct, Operate::Direct));
    assert!((limit.value.unwrap() - 1234.5).abs() < 1e-9, "{limit:?}");
    let open = draft(&Setpoint::Disconnect, CommandName::Disconnect);
    assert_eq!(open.acts[0].operation.value, Output::Pulse { on: false, trip_close: true, ms: 1000 });
    assert_eq!(line(&open.acts[0]), "BO1 trip for 1000 ms, direct operate, seen in DBI0");
}
