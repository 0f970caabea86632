use super::*;
use crate::der::{Excitation, PowerFactor, Vars, Watts};
use crate::device_map::registers::RegisterCommand;
use crate::southbound::points::testing::{command, write};
use proptest::prelude::*;

fn map(commands: &[CommandName]) -> RegisterMap {
    let commands = commands.iter().map(|name| command(*name)).collect();
    RegisterMap { commands, ..RegisterMap::default() }
}

#[test]
fn every_setpoint_finds_its_command() {
    let all = map(&CommandName::ALL);
    let of = |setpoint: Setpoint| wish(&setpoint, &all);
    let doing = |name, value| Some(Wish::Do(name, value));
    assert_eq!(
        of(Setpoint::LimitActivePower(Watts::new(1.0))),
        doing(CommandName::LimitActivePower, Some(1.0))
    );
    assert_eq!(
        of(Setpoint::SetActivePower(Watts::new(-1.0))),
        doing(CommandName::SetActivePower, Some(-1.0))
    );
    assert_eq!(
        of(Setpoint::SetReactivePower(Vars::new(2.0))),
        doing(CommandName::SetReactivePower, Some(2.0))
    );
    let factor = |excitation| Setpoint::SetPowerFactor(PowerFactor { size: 0.9, excitation });
    assert_eq!(of(factor(Excitation::Over)), doing(CommandName::SetPowerFactor, Some(0.9)));
    assert_eq!(of(factor(Excitation::Under)), doing(CommandName::SetPowerFactor, Some(-0.9)));
    assert_eq!(of(Setpoint::Connect), doing(CommandName::Connect, None));
    assert_eq!(of(Setpoint::Disconnect), doing(CommandName::Disconnect, None));
    assert_eq!(of(Setpoint::ResetAlarms), doing(CommandName::ResetAlarms, None));
    assert!(matches!(of(Setpoint::ReleaseActivePower), Some(Wish::Release(_))));
    assert_eq!(wish(&Setpoint::Disconnect, &map(&[])), None);
}

#[test]
fn connecting_is_undoing_a_disconnection_where_the_map_has_no_word_for_it() {
    let disconnect = RegisterCommand { release: vec![write("x", 1.0)], ..command(CommandName::Disconnect) };
    let map = RegisterMap { commands: vec![disconnect], ..RegisterMap::default() };
    assert_eq!(wish(&Setpoint::Connect, &map), Some(Wish::Undo(CommandName::Disconnect)));
}

fn input(unit: InputUnit, negate: bool) -> Input {
    Input { min: -100.0, max: 100.0, unit, negate }
}

#[test]
fn a_limit_above_the_largest_is_the_largest_and_a_set_point_outside_is_refused() {
    let percent = input(InputUnit::PercentOf(Base::Point("rated".to_owned())), false);
    let limit = |value| to_device(CommandName::LimitActivePower, &percent, value, Some(8000.0));
    assert_eq!(limit(4800.0), Ok(60.0));
    assert_eq!(limit(9000.0), Ok(100.0));
    assert!(limit(-9000.0).is_err(), "a limit that the device cannot go down to is not kept");
    let set = to_device(CommandName::SetActivePower, &percent, 9000.0, Some(8000.0));
    assert_eq!(set.unwrap_err(), "112.5 % is outside what the device takes, -100 to 100 %");
    let unknown = to_device(CommandName::LimitActivePower, &percent, 1.0, None).unwrap_err();
    assert_eq!(unknown, "rated is not known, so there is nothing to take percent of");
    assert!(to_device(CommandName::LimitActivePower, &percent, 1.0, Some(0.0)).is_err());
    let other = Input { negate: true, ..percent };
    let limit = |value| to_device(CommandName::LimitActivePower, &other, value, Some(8000.0));
    assert_eq!(limit(9000.0), Ok(-100.0), "for a device that counts the other way");
    assert!(limit(-9000.0).is_err());
}

proptest! {
    #[test]
    fn a_value_comes_back_as_it_went(
        value in -7999.0..7999.0_f64,
        negate in any::<bool>(),
        scaled in any::<bool>(),
        factor in prop::sample::select(vec![0.001, 0.01]),
    ) {
        let unit = if scaled { InputUnit::Scaled(factor) } else { InputUnit::PercentOf(Base::Point("r".into())) };
        let input = input(unit, negate);
        let device = to_device(CommandName::SetActivePower, &input, value, Some(8000.0)).unwrap();
        let back = from_device(&input, device, Some(8000.0)).unwrap();
        prop_assert!((back - value).abs() < 1e-6, "{} came back as {}", value, back);
        prop_assert_eq!(device.is_sign_negative() != negate, value.is_sign_negative());
    }
}
