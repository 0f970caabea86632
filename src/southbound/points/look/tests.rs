use super::*;
use crate::der::Quantity;
use crate::southbound::points::testing::{device_map, sungrow};
use std::sync::Arc;

#[test]
fn points_are_told_from_registers_that_were_kept() {
    let mut points = Points::new(Arc::new(device_map(sungrow())));
    let kept = |table, address, quantity: u16| match (table, address) {
        (RegisterTable::Input, 5030) => Some(vec![5120, 0]),
        (RegisterTable::Input, 5018) => Some(vec![2301]),
        (RegisterTable::Input, 5035) => (quantity == 2).then(|| vec![500, 0]),
        _ => None,
    };
    let readings = points.replay(&kept, Timestamp::UNIX_EPOCH);
    let power = readings.iter().find(|r| r.quantity == Quantity::ActivePower).unwrap();
    assert_eq!((power.value, power.at), (5120.0, Timestamp::UNIX_EPOCH));
    let volts = points.look("va").unwrap();
    assert_eq!((volts.words, volts.value.and_then(Value::number)), (&[2301][..], Some(230.1)));
    assert_eq!(points.look("hz").unwrap().words, [] as [u16; 0], "what was not kept stays unknown");
    assert!(points.look("nothing").is_none() && points.looks().count() == sungrow().points.len());
    assert!(!points.unread());
}
