//! Commands as traces of the protocol.

use super::*;
use crate::der::{Excitation, PowerFactor, Vars};
use crate::device_map::registers::{
    Access, CommandName, Input, InputUnit, RegisterCommand, RegisterPoint, RegisterType, Require, StepValue,
};
use crate::southbound::points::testing::{command, holding, scaled, verify, write, write_input};

/// The map with more points and commands.
fn with(points: Vec<RegisterPoint>, commands: Vec<RegisterCommand>) -> RegisterMap {
    let mut map = sungrow();
    map.points.extend(points);
    map.commands.retain(|c| commands.iter().all(|other| other.name != c.name));
    map.commands.extend(commands);
    map
}

/// Its own registers for what the map has beside the inverter.
fn battery() -> RegisterMap {
    let set = RegisterCommand {
        input: Some(Input { min: -5.0, max: 5.0, unit: InputUnit::Scaled(0.001), negate: true }),
        steps: vec![write_input("set"), write("mode", 2.0)],
        release: vec![write("mode", 0.0)],
        ..command(CommandName::SetActivePower)
    };
    let points = vec![
        RegisterPoint { scale: 0.001, ..holding("set", 6000, RegisterType::I32) },
        holding("mode", 6002, RegisterType::U16),
    ];
    with(points, vec![set])
}

async fn rig(map: RegisterMap) -> Rig {
    let mut rig = Rig::new(map).await;
    put(rig.server.state().units.get_mut(&1).unwrap(), &[(6000, &[0; 10])]);
    rig.state(DeviceState::Online).await;
    rig
}

#[tokio::test]
async fn a_limit_is_written_setting_first_read_back_and_released() {
    let mut rig = Rig::online(sungrow()).await;
    assert_eq!(rig.command(LIMIT).await, applied(Some(4800.0), false, true));
    assert_eq!(rig.writes(), [(16, 5007, vec![600]), (16, 5006, vec![0xAA])]);
    assert_eq!(rig.command(Setpoint::ReleaseActivePower).await, applied(None, false, true));
    assert_eq!(rig.writes()[2..], [(16, 5006, vec![0x55])]);
    assert_eq!(rig.command(Setpoint::ReleaseActivePower).await, applied(None, false, true));
    assert_eq!(rig.writes().len(), 3, "only what we set is released");
}

#[tokio::test]
async fn a_limit_above_the_rating_is_the_largest_one() {
    let mut rig = Rig::online(sungrow()).await;
    let outcome = rig.command(Setpoint::LimitActivePower(Watts::new(9000.0))).await;
    assert_eq!(outcome, applied(Some(8000.0), false, true));
    assert_eq!(rig.writes()[0], (16, 5007, vec![1000]));
}

#[tokio::test]
async fn stopping_and_starting_are_one_register() {
    let mut rig = Rig::online(sungrow()).await;
    assert_eq!(rig.command(Setpoint::Disconnect).await, applied(None, false, true));
    assert_eq!(rig.command(Setpoint::Connect).await, applied(None, false, true));
    assert_eq!(rig.writes(), [(16, 5005, vec![0xCE]), (16, 5005, vec![0xCF])]);
}

#[tokio::test]
async fn a_set_point_is_converted_signed_and_bounded() {
    let mut rig = rig(battery()).await;
    let set = |watts| Setpoint::SetActivePower(Watts::new(watts));
    assert_eq!(rig.command(set(-2500.0)).await, applied(Some(-2500.0), false, true));
    assert_eq!(rig.writes(), [(16, 6000, vec![0, 2500]), (16, 6002, vec![2])], "positive charges there");
    let Outcome::Refused(words) = rig.command(set(6000.0)).await else { panic!("not refused") };
    assert_eq!(words, "-6 is outside what the device takes, -5 to 5");
    assert_eq!(rig.command(LIMIT).await, applied(Some(4800.0), false, true));
    assert_eq!(
        rig.writes()[2..],
        [(16, 6002, vec![0]), (16, 5007, vec![600]), (16, 5006, vec![0xAA])],
        "the set point is given up for the limit"
    );
    rig.command(Setpoint::ReleaseActivePower).await;
    assert_eq!(rig.writes()[5..], [(16, 5006, vec![0x55])]);
}

#[tokio::test]
async fn reactive_power_and_power_factor_exclude_each_other() {
    let vars = RegisterCommand {
        input: scaled(-3000.0, 3000.0, 1.0),
        steps: vec![write_input("q"), write("q_mode", 1.0)],
        release: vec![write("q_mode", 0.0)],
        ..command(CommandName::SetReactivePower)
    };
    let factor = RegisterCommand {
        input: scaled(-1.0, 1.0, 1.0),
        steps: vec![write_input("pf"), write("pf_on", 1.0)],
        release: vec![write("pf_on", 0.0)],
        ..command(CommandName::SetPowerFactor)
    };
    let points = vec![
        holding("q", 6000, RegisterType::I16),
        holding("q_mode", 6001, RegisterType::U16),
        RegisterPoint { scale: 0.001, ..holding("pf", 6002, RegisterType::I16) },
        holding("pf_on", 6003, RegisterType::U16),
    ];
    let mut rig = rig(with(points, vec![vars, factor])).await;
    assert_eq!(rig.command(Setpoint::SetReactivePower(Vars::new(-500.0))).await, applied(None, false, true));
    let under = PowerFactor { size: 0.95, excitation: Excitation::Under };
    assert_eq!(rig.command(Setpoint::SetPowerFactor(under)).await, applied(None, false, true));
    rig.command(Setpoint::ReleaseReactivePower).await;
    assert_eq!(
        rig.writes(),
        [
            (16, 6000, vec![0xFE0C]),
            (16, 6001, vec![1]),
            (16, 6001, vec![0]),
            (16, 6002, vec![0xFC4A]),
            (16, 6003, vec![1]),
            (16, 6003, vec![0]),
        ]
    );
}

#[tokio::test]
async fn what_a_command_requires_is_read_first() {
    let require =
        vec![Require { point: "enabled".to_owned(), equals: 1.0, hint: "switch it on first".to_owned() }];
    let limit = sungrow().commands.remove(0);
    let limit = RegisterCommand { require, ..limit };
    let mut rig = rig(with(vec![holding("enabled", 6000, RegisterType::U16)], vec![limit])).await;
    assert_eq!(rig.command(LIMIT).await, Outcome::Refused("switch it on first".to_owned()));
    assert_eq!(rig.writes(), []);
    rig.server.state().units.get_mut(&1).unwrap().insert(6000, 1);
    assert!(matches!(rig.command(LIMIT).await, Outcome::Applied(_)), "as it is now, not as it was found");
}

#[tokio::test]
async fn a_value_that_the_device_does_not_keep_is_told_of_in_words() {
    let mut rig = Rig::online(sungrow()).await;
    rig.server.script(|seen, _| if is_write(seen) { Answer::Ignored } else { Answer::Good });
    let Outcome::NotKept(words) = rig.command(LIMIT).await else { panic!("kept") };
    assert_eq!(words, "written, but the device kept 100 % instead of 60 % in limit_pct");
    rig.server.script(
        |seen, _| if is_write(seen) && seen.address == 5006 { Answer::Ignored } else { Answer::Good },
    );
    let Outcome::NotKept(words) = rig.command(LIMIT).await else { panic!("kept") };
    assert_eq!(words, "written, but the device kept disable instead of enable in limit_switch");
}

#[tokio::test]
async fn an_exception_to_a_write_is_refused_and_what_was_written_is_undone_later() {
    let mut rig = Rig::online(sungrow()).await;
    rig.server.script(|seen, _| {
        if is_write(seen) && seen.words == [0xAA] { Answer::Exception(3) } else { Answer::Good }
    });
    let Outcome::Refused(words) = rig.command(LIMIT).await else { panic!("not refused") };
    assert_eq!(
        words,
        "writing limit_switch: the device does not accept the value (exception 3 (illegal data value))"
    );
    rig.command(Setpoint::ReleaseActivePower).await;
    assert_eq!(rig.writes().last(), Some(&(16, 5006, vec![0x55])));
}

#[tokio::test]
async fn a_device_that_wants_fc_6_for_single_registers_gets_it_from_then_on() {
    let mut rig = Rig::online(sungrow()).await;
    rig.server.script(|seen, _| if seen.function == 16 { Answer::Exception(1) } else { Answer::Good });
    assert!(matches!(rig.command(LIMIT).await, Outcome::Applied(_)));
    assert_eq!(rig.writes(), [(16, 5007, vec![600]), (6, 5007, vec![600]), (6, 5006, vec![0xAA])]);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_read_back_before_it_is_judged() {
    let mut rig = Rig::online(sungrow()).await;
    rig.server.script(|seen, _| if seen.words == [0xAA] { Answer::DoneInSilence } else { Answer::Good });
    assert!(matches!(rig.command(LIMIT).await, Outcome::Applied(_)));
    assert_eq!(rig.writes().len(), 2, "not repeated");
    rig.server.script(|seen, _| if is_write(seen) { Answer::Silence } else { Answer::Good });
    assert_eq!(rig.command(Setpoint::ReleaseActivePower).await, Outcome::TimedOut);
    assert_eq!(rig.writes().len(), 4, "repeated once, after reading back");
}

#[tokio::test]
async fn what_cannot_be_read_back_is_not_called_verified() {
    let point = RegisterPoint { access: Access::Write, ..holding("reset", 6000, RegisterType::U16) };
    let reset = RegisterCommand { steps: vec![write("reset", 1.0)], ..command(CommandName::ResetAlarms) };
    let mut rig = rig(with(vec![point], vec![reset])).await;
    assert_eq!(rig.command(Setpoint::ResetAlarms).await, applied(None, false, false));
    assert_eq!(rig.writes(), [(16, 6000, vec![1])]);
}

#[tokio::test]
async fn a_command_that_the_map_does_not_have_is_refused() {
    let mut rig = Rig::online(sungrow()).await;
    let outcome = rig.command(Setpoint::SetActivePower(Watts::new(1.0))).await;
    let words = "cannot set active power to 1 W: the map by-hand has no command for it";
    assert_eq!(outcome, Outcome::Refused(words.to_owned()));
}

#[tokio::test]
async fn a_verify_waits_as_long_as_the_map_says() {
    let limit = RegisterCommand {
        verify: vec![verify("limit_pct", StepValue::Input)],
        ..sungrow().commands.remove(0)
    };
    let mut rig = rig(with(vec![], vec![limit])).await;
    // Shown at the second look only.
    let mut looks = 0;
    rig.server.script(move |seen, registers| {
        if seen.function == 3 && seen.address == 5007 {
            looks += 1;
            registers.insert(5007, if looks > 1 { 600 } else { 1000 });
        }
        Answer::Good
    });
    assert_eq!(rig.command(LIMIT).await, applied(Some(4800.0), false, true));
}
