//! Points and maps for tests, by hand.

use crate::der::Quantity;
use crate::device_map::registers::{
    Access, Base, CommandName, EffectBound, EffectRule, Identify, Identity, Input, InputUnit, PollClass,
    Rating, RegisterCommand, RegisterMap, RegisterPoint, RegisterQuantity, RegisterTable, RegisterType, Step,
    StepValue, Verify, WordOrder,
};
use crate::device_map::{DeviceMap, MapKind};
use std::time::Duration;

/// An input register point that is read with each poll.
pub fn input(name: &str, address: u16, kind: RegisterType) -> RegisterPoint {
    RegisterPoint {
        name: name.to_owned(),
        table: RegisterTable::Input,
        address,
        kind,
        word_order: WordOrder::HighFirst,
        byte_swap: false,
        scale: 1.0,
        offset: 0.0,
        scale_from: None,
        unit: None,
        quantity: None,
        access: Access::Read,
        range: None,
        symbols: Vec::new(),
        bits: Vec::new(),
        invalid: Vec::new(),
        poll: PollClass::Fast,
        stored: false,
        alias: false,
    }
}

/// A holding register point that may be written, read once.
pub fn holding(name: &str, address: u16, kind: RegisterType) -> RegisterPoint {
    RegisterPoint {
        table: RegisterTable::Holding,
        access: Access::ReadWrite,
        poll: PollClass::Once,
        ..input(name, address, kind)
    }
}

pub fn reading(point: RegisterPoint, quantity: Quantity) -> RegisterPoint {
    RegisterPoint { quantity: Some((RegisterQuantity::Reading(quantity), 1.0)), ..point }
}

pub fn write(point: &str, value: f64) -> Step {
    Step::Write { point: point.to_owned(), value: StepValue::Constant(value) }
}

pub fn write_input(point: &str) -> Step {
    Step::Write { point: point.to_owned(), value: StepValue::Input }
}

pub fn verify(point: &str, equals: StepValue) -> Verify {
    Verify { point: point.to_owned(), equals, within: Duration::from_millis(400) }
}

pub fn command(name: CommandName) -> RegisterCommand {
    RegisterCommand {
        name,
        input: None,
        require: Vec::new(),
        steps: Vec::new(),
        verify: Vec::new(),
        effect: None,
        release: Vec::new(),
        refresh: None,
        reverts_after: None,
        min_interval: None,
    }
}

pub fn scaled(min: f64, max: f64, factor: f64) -> Option<Input> {
    Some(Input { min, max, unit: InputUnit::Scaled(factor), negate: false })
}

/// A string inverter as in SunSpec reference 13, example 2, with PDU addresses.
pub fn sungrow() -> RegisterMap {
    RegisterMap {
        identify: Some(Identify {
            table: RegisterTable::Input,
            address: 4999,
            kind: RegisterType::U16,
            any_of: vec![0x26, 0x27],
        }),
        points: sungrow_points(),
        commands: sungrow_commands(),
        procedures: Vec::new(),
    }
}

fn sungrow_points() -> Vec<RegisterPoint> {
    let text = |value: RegisterPoint, identity| RegisterPoint {
        quantity: Some((RegisterQuantity::Identity(identity), 1.0)),
        poll: PollClass::Once,
        ..value
    };
    vec![
        text(input("serial", 4989, RegisterType::Text(10)), Identity::Serial),
        input("type", 4999, RegisterType::U16),
        RegisterPoint {
            scale: 100.0,
            unit: Some("W".to_owned()),
            quantity: Some((RegisterQuantity::Rating(Rating::ActivePowerMax), 1.0)),
            poll: PollClass::Once,
            ..input("rated", 5000, RegisterType::U16)
        },
        RegisterPoint {
            scale: 0.1,
            quantity: Some((RegisterQuantity::PhaseVoltage(0), 1.0)),
            ..input("va", 5018, RegisterType::U16)
        },
        RegisterPoint {
            word_order: WordOrder::LowFirst,
            invalid: vec![0xFFFF_FFFF, 0x7FFF_FFFF],
            ..reading(input("p", 5030, RegisterType::U32), Quantity::ActivePower)
        },
        RegisterPoint { scale: 0.1, ..reading(input("hz", 5035, RegisterType::U16), Quantity::Frequency) },
        RegisterPoint {
            symbols: vec![(0xCF, "start".to_owned()), (0xCE, "stop".to_owned())],
            ..holding("start_stop", 5005, RegisterType::U16)
        },
        RegisterPoint {
            symbols: vec![(0xAA, "enable".to_owned()), (0x55, "disable".to_owned())],
            ..holding("limit_switch", 5006, RegisterType::U16)
        },
        RegisterPoint {
            scale: 0.1,
            unit: Some("%".to_owned()),
            range: Some((0.0, 110.0)),
            ..holding("limit_pct", 5007, RegisterType::U16)
        },
    ]
}

fn sungrow_commands() -> Vec<RegisterCommand> {
    let limit = RegisterCommand {
        input: Some(Input {
            min: 0.0,
            max: 100.0,
            unit: InputUnit::PercentOf(Base::Point("rated".to_owned())),
            negate: false,
        }),
        steps: vec![write_input("limit_pct"), write("limit_switch", 170.0)],
        verify: vec![
            verify("limit_pct", StepValue::Input),
            verify("limit_switch", StepValue::Constant(170.0)),
        ],
        effect: Some(EffectRule {
            quantity: Quantity::ActivePower,
            bound: EffectBound::AtMost,
            tolerance_percent: 5.0,
            within: Duration::from_millis(150),
        }),
        release: vec![write("limit_switch", 85.0)],
        ..command(CommandName::LimitActivePower)
    };
    let disconnect = RegisterCommand {
        steps: vec![write("start_stop", 206.0)],
        release: vec![write("start_stop", 207.0)],
        ..command(CommandName::Disconnect)
    };
    vec![limit, disconnect]
}

/// A device map of plain registers, with short limits.
pub fn device_map(registers: RegisterMap) -> DeviceMap {
    DeviceMap {
        id: "by-hand".to_owned(),
        title: "string inverter".to_owned(),
        kind: MapKind::Registers,
        registers,
        outstation: None,
        ..crate::southbound::testing::map()
    }
}
