//! A chain and registers beside it.

use super::*;
use crate::der::{Control, Effect};
use crate::device_map::registers::{
    Access, Base, CommandName, EffectBound, EffectRule, Input, InputUnit, RegisterCommand, RegisterMap,
    RegisterPoint, RegisterTable, RegisterType, Require, StepValue,
};
use crate::device_map::{MapKind, PointRef};
use crate::southbound::points::testing::{command, holding, input, reading, verify, write, write_input};

/// A limit in percent of 120.WRtg, as SolarEdge has it, and a temperature.
fn registers() -> RegisterMap {
    let base = PointRef { model: 120, path: "WRtg".to_owned() };
    let limit = RegisterCommand {
        input: Some(Input {
            min: 0.0,
            max: 100.0,
            unit: InputUnit::PercentOf(Base::Sunspec(base)),
            negate: false,
        }),
        require: vec![Require {
            point: "enabled".to_owned(),
            equals: 1.0,
            hint: "power control is off".to_owned(),
        }],
        steps: vec![write_input("limit_pct")],
        verify: vec![verify("limit_pct", StepValue::Input)],
        effect: Some(EffectRule {
            quantity: Quantity::ActivePower,
            bound: EffectBound::AtMost,
            tolerance_percent: 5.0,
            within: Duration::from_millis(100),
        }),
        release: vec![write("limit_pct", 100.0)],
        ..command(CommandName::LimitActivePower)
    };
    let charge = RegisterPoint {
        table: RegisterTable::Holding,
        access: Access::Read,
        ..reading(input("soc", 0xF002, RegisterType::U16), Quantity::StateOfCharge)
    };
    let power = RegisterPoint {
        table: RegisterTable::Holding,
        ..reading(input("other_power", 0xF003, RegisterType::U16), Quantity::ActivePower)
    };
    RegisterMap {
        points: vec![
            holding("limit_pct", 0xF001, RegisterType::U16),
            charge,
            power,
            holding("enabled", 0xF142, RegisterType::U16),
        ],
        commands: vec![limit],
        ..RegisterMap::default()
    }
}

async fn rig() -> (Server, Rig) {
    let mut book = legacy();
    book.put(0xF001, &[100, 55, 1]);
    book.put(0xF142, &[1]);
    let server = Server::start(&[(1, &book)]).await;
    let mut device = server.device(0, 1);
    let mut map = (*device.map).clone();
    (map.kind, map.registers) = (MapKind::Hybrid, registers());
    device.map = Arc::new(map);
    let rig = Rig::new(vec![device], known());
    (server, rig)
}

#[tokio::test]
async fn registers_beside_the_chain_are_read_and_controlled() {
    let (server, mut rig) = rig().await;
    let controls = rig
        .report("capability", |_, report| match report {
            Report::Capability(capability) => Some(capability.controls),
            _ => None,
        })
        .await;
    assert!(controls.has(Control::LimitActivePower) && controls.has(Control::Connect));
    rig.state(0, DeviceState::Online).await;
    let poll = rig.poll(0).await;
    let of = |quantity| poll.readings.iter().find(|r| r.quantity == quantity).map(|r| r.value);
    assert_eq!(of(Quantity::StateOfCharge), Some(55.0));
    assert_eq!(of(Quantity::ActivePower), Some(5000.0), "the chain is asked first");
    let applied =
        ReadBack { active_power: Some(Watts::new(4800.0)), bounded: false, verified: true, doubt: None };
    assert_eq!(rig.command(0, LIMIT).await, Outcome::Applied(applied));
    assert_eq!(server.writes(), [(16, 0xF001, vec![48])], "48 % of 10 kW, and nothing in model 123");
    let effect = rig
        .report("effect", |_, report| match report {
            Report::Effect { effect, .. } => Some(effect.clone()),
            _ => None,
        })
        .await;
    assert_eq!(effect, Effect::Effective, "5000 W is within 5 % of 10 kW");
    assert!(matches!(rig.command(0, Setpoint::Disconnect).await, Outcome::Applied(_)));
    assert!(matches!(rig.command(0, Setpoint::ReleaseActivePower).await, Outcome::Applied(_)));
    assert_eq!(server.writes()[2..3], [(16, 0xF001, vec![100])]);
}

#[tokio::test]
async fn what_the_registers_require_is_said_and_what_is_silent_there_is_not_the_device() {
    let (server, mut rig) = rig().await;
    rig.state(0, DeviceState::Online).await;
    server.state().units.get_mut(&1).unwrap().insert(0xF142, 0);
    assert_eq!(rig.command(0, LIMIT).await, Outcome::Refused("power control is off".to_owned()));
    assert_eq!(server.writes(), []);
    server.script(|seen, _| if seen.address >= 0xF000 { Answer::Silence } else { Answer::Good });
    let seen = server.state().seen.len();
    while server.state().seen.len() < seen + 20 {
        rig.power(0, Some(5000.0)).await;
    }
}

/// SolarEdge as its map ships: model 123 is taken away, the register command of the same name is not.
#[tokio::test]
async fn the_shipped_solaredge_map_limits_by_its_own_register() {
    let mut book = legacy();
    book.put(0xF001, &[100]);
    book.put(0xF100, &[0]);
    book.put(0xF104, &[4, 0]);
    book.put(0xF142, &[1, 0]);
    let server = Server::start(&[(1, &book)]).await;
    let mut device = server.device(0, 1);
    let mut map = (**crate::device_map::Maps::builtin().get("solaredge").unwrap()).clone();
    assert!(map.sunspec.disabled.iter().any(|(name, _)| *name == CommandName::LimitActivePower));
    map.link.idle_limit = None;
    (device.map, device.map_named) = (Arc::new(map), true);
    let mut rig = Rig::new(vec![device], known());
    let controls = rig
        .report("capability", |_, report| match report {
            Report::Capability(capability) => Some(capability.controls),
            _ => None,
        })
        .await;
    assert!(controls.has(Control::LimitActivePower));
    rig.state(0, DeviceState::Online).await;
    // A gateway that starts anew does not know what it left there: a release lifts it.
    assert!(matches!(rig.command(0, Setpoint::ReleaseActivePower).await, Outcome::Applied(_)));
    assert_eq!(server.writes(), [(16, 0xF001, vec![100])]);
    let asked = Setpoint::LimitActivePower(Watts::new(4890.0));
    let applied =
        ReadBack { active_power: Some(Watts::new(4800.0)), bounded: false, verified: true, doubt: None };
    assert_eq!(rig.command(0, asked).await, Outcome::Applied(applied), "lost at a restart is not bounded");
    assert_eq!(
        server.writes()[1..],
        [(16, 0xF001, vec![48])],
        "never above what was asked, nothing in model 123"
    );
    assert!(matches!(rig.command(0, Setpoint::ReleaseActivePower).await, Outcome::Applied(_)));
    assert_eq!(server.writes()[2..], [(16, 0xF001, vec![100])]);
}

/// A limit in the chain takes the place of a set point in the registers.
#[tokio::test]
async fn what_the_registers_hold_gives_way_to_a_command_of_the_chain() {
    let mut book = legacy();
    book.put(0xF001, &[0, 0, 0, 0]);
    let server = Server::start(&[(1, &book)]).await;
    let set = RegisterCommand {
        input: Some(Input { min: -5000.0, max: 5000.0, unit: InputUnit::Scaled(1.0), negate: false }),
        steps: vec![write_input("set"), write("mode", 1.0)],
        release: vec![write("mode", 0.0)],
        ..command(CommandName::SetActivePower)
    };
    let registers = RegisterMap {
        points: vec![holding("set", 0xF001, RegisterType::I16), holding("mode", 0xF002, RegisterType::U16)],
        commands: vec![set],
        ..RegisterMap::default()
    };
    let mut device = server.device(0, 1);
    let mut map = (*device.map).clone();
    (map.kind, map.registers) = (MapKind::Hybrid, registers);
    device.map = Arc::new(map);
    let mut rig = Rig::new(vec![device], known());
    rig.state(0, DeviceState::Online).await;
    let set = Setpoint::SetActivePower(Watts::new(1000.0));
    assert!(matches!(rig.command(0, set).await, Outcome::Applied(_)));
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
    let writes = server.writes();
    let (last, before) = writes[2..].split_last().unwrap();
    assert_eq!(*last, (16, 0xF002, vec![0]), "given up once the limit holds, without a gap: {writes:?}");
    assert!(!before.is_empty() && before.iter().all(|(_, address, _)| *address < 0xF000), "{writes:?}");
}

#[tokio::test]
async fn a_release_that_the_registers_refuse_still_releases_the_chain() {
    let (server, mut rig) = rig().await;
    rig.state(0, DeviceState::Online).await;
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
    let enable = legacy().address(123, "WMaxLim_Ena");
    server.state().units.get_mut(&1).unwrap().insert(enable, 1);
    server.script(|seen, _| match (is_write(seen), seen.address) {
        (true, 0xF001) => Answer::Exception(2),
        _ => Answer::Good,
    });
    assert!(matches!(rig.command(0, Setpoint::ReleaseActivePower).await, Outcome::Refused(_)));
    assert!(server.writes().contains(&(16, enable, vec![0])), "{:?}", server.writes());
}

#[tokio::test]
async fn what_the_registers_hold_is_released_after_a_restart() {
    let mut book = legacy();
    book.put(0xF001, &[100, 55, 1]);
    book.put(0xF142, &[1]);
    let server = Server::start(&[(1, &book)]).await;
    let mut device = server.device(0, 1);
    let mut map = (*device.map).clone();
    (map.kind, map.registers) = (MapKind::Hybrid, registers());
    device.map = Arc::new(map);
    let mut rig = Rig::new(vec![device.clone()], known());
    rig.state(0, DeviceState::Online).await;
    rig.send(0, LIMIT);
    let record = rig
        .report("record", |_, report| match report {
            Report::Remember(record) if record.notes.contains("\nbeside ") => Some(record.clone()),
            _ => None,
        })
        .await;
    drop(rig);
    device.record = Some(record);
    let mut rig = Rig::new(vec![device], known());
    rig.state(0, DeviceState::Online).await;
    assert!(matches!(rig.command(0, Setpoint::ReleaseActivePower).await, Outcome::Applied(_)));
    assert_eq!(server.writes().last(), Some(&(16, 0xF001, vec![100])));
}
