use super::*;
use crate::der::{Quality, Quantity};
use crate::device_map::registers::{RegisterMap, RegisterPoint, RegisterType};
use crate::southbound::modbus::{Endpoint, SharedBus};
use crate::southbound::points::testing::{device_map, input, reading};
use crate::southbound::testing::{Answer, Book, Server, peer};
use std::sync::Arc;

async fn rig(points: Vec<RegisterPoint>, registers: &[(u16, u16)]) -> (Server, SharedBus, Points) {
    let server = Server::start(&[(1, &Book::at(40000))]).await;
    server.state().inputs.insert(1, registers.iter().copied().collect());
    let bus = SharedBus::new(Endpoint::of(&server.link(1)).unwrap());
    let map = device_map(RegisterMap { points, ..RegisterMap::default() });
    (server, bus, Points::new(Arc::new(map)))
}

fn power(readings: &[Reading]) -> Option<f64> {
    let power = readings.iter().find(|r| r.quantity == Quantity::ActivePower)?;
    Some(if power.quality == Quality::Good { power.value } else { f64::NAN })
}

fn scaled_power(scale_at: u16) -> Vec<RegisterPoint> {
    let power = reading(input("p", 0, RegisterType::U16), Quantity::ActivePower);
    vec![
        RegisterPoint { scale_from: Some("sf".to_owned()), ..power },
        input("sf", scale_at, RegisterType::I16),
    ]
}

#[tokio::test]
async fn a_scale_of_the_same_answer_is_used_as_it_is() {
    let (server, bus, mut points) = rig(scaled_power(1), &[(0, 500), (1, 1)]).await;
    let line = bus.line(peer(1));
    assert_eq!(power(&points.poll(&line).await.unwrap()), Some(5000.0));
    server.state().inputs.insert(1, [(0, 51), (1, 2)].into());
    assert_eq!(power(&points.poll(&line).await.unwrap()), Some(5100.0));
    server.state().inputs.insert(1, [(0, 51), (1, 0x8000)].into());
    assert!(power(&points.poll(&line).await.unwrap()).unwrap().is_nan(), "no scale, no value");
    let functions: Vec<u8> = server.state().seen.iter().map(|s| s.function).collect();
    assert_eq!(functions, [4, 4, 4]);
}

#[tokio::test]
async fn a_scale_of_another_answer_that_changes_makes_no_value() {
    let (server, bus, mut points) = rig(scaled_power(900), &[(0, 500), (900, 1)]).await;
    let line = bus.line(peer(1));
    assert_eq!(power(&points.poll(&line).await.unwrap()), Some(5000.0));
    server.state().inputs.insert(1, [(0, 51), (900, 2)].into());
    assert!(power(&points.poll(&line).await.unwrap()).unwrap().is_nan(), "which came first is not known");
    assert_eq!(power(&points.poll(&line).await.unwrap()), Some(5100.0));
}

#[tokio::test]
async fn a_point_that_the_device_does_not_have_costs_no_other() {
    let power = reading(input("p", 0, RegisterType::U16), Quantity::ActivePower);
    let (server, bus, mut points) = rig(vec![power, input("x", 5, RegisterType::U16)], &[(0, 7)]).await;
    let line = bus.line(peer(1));
    assert_eq!(power_of(&mut points, &line).await, Some(7.0));
    assert_eq!(power_of(&mut points, &line).await, Some(7.0));
    let asked: Vec<_> = server.state().seen.iter().map(|s| (s.address, s.quantity)).collect();
    assert_eq!(asked, [(0, 6), (0, 1), (5, 1), (0, 1)], "and it is not asked for again");
    assert_eq!(points.value("x"), None);
    assert!(points.faults().is_empty());
    points.restart();
    server.state().inputs.insert(1, [(0, 7), (5, 9)].into());
    assert_eq!(power_of(&mut points, &line).await, Some(7.0));
    assert_eq!(points.value("x"), Some(Value::Number(9.0)));
}

async fn power_of(points: &mut Points, line: &Line<'_>) -> Option<f64> {
    power(&points.poll(line).await.unwrap())
}

#[tokio::test]
async fn a_part_that_is_silent_or_fails_is_named_and_costs_no_other() {
    let power = reading(input("p", 0, RegisterType::U16), Quantity::ActivePower);
    let apart = vec![power, input("x", 500, RegisterType::U16), input("y", 501, RegisterType::U16)];
    let (server, bus, mut points) = rig(apart, &[(0, 7), (500, 1), (501, 1)]).await;
    let line = bus.line(peer(1));
    server.script(|seen, _| if seen.address == 500 { Answer::Silence } else { Answer::Good });
    assert_eq!(power_of(&mut points, &line).await, Some(7.0));
    assert_eq!(points.faults(), ["x to y cannot be read: no answer within 250ms"]);
    points.restart();
    server.script(|seen, _| if seen.address == 500 { Answer::Exception(4) } else { Answer::Good });
    assert_eq!(power_of(&mut points, &line).await, Some(7.0));
    assert_eq!(points.faults(), ["x to y cannot be read: exception 4 (device failure)"]);
    server.script(|_, _| Answer::Silence);
    assert!(points.poll(&line).await.is_err(), "all of it is silent");
}
