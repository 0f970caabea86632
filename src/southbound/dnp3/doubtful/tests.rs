use super::*;
use crate::device_map::dnp3::{Argument, OutstationCommand, OutstationStep};
use crate::device_map::registers::CommandName;
use crate::southbound::dnp3::Seen;
use crate::southbound::dnp3::image::tests::point;
use std::sync::Arc;

fn seen(address: &str, flags: u8, second: i64) -> Seen {
    let heard = Timestamp::from_second(1_780_000_000 + second).unwrap();
    Seen { at: At::parse(address).unwrap(), raw: 9.0, flags, stamp: None, event: false, heard }
}

fn of(name: &str, address: &str, quantity: RegisterQuantity) -> OutstationPoint {
    OutstationPoint { quantity: Some((quantity, 1.0)), ..point(name, address) }
}

fn map() -> OutstationMap {
    let mut alarm = point("overvoltage", "BI54");
    alarm.alarm = Some("overvoltage trip".to_owned());
    let mut local = point("local", "BI10");
    local.blocks = Some("in local mode".to_owned());
    let base =
        StepSource::PercentOf { argument: Argument::Input, positive: "w_max".to_owned(), negative: None };
    let step = OutstationStep {
        write: At::parse("AO88").unwrap(),
        reads: Vec::new(),
        value: base,
        scale: 1.0,
        range: None,
        operate: None,
        switch: None,
        shows: None,
        within: None,
        optional: false,
    };
    let command = OutstationCommand {
        name: CommandName::LimitActivePower,
        supports: None,
        steps: vec![step],
        release: Vec::new(),
        effect: None,
    };
    OutstationMap {
        points: vec![
            of("frequency", "AI536", RegisterQuantity::Reading(Quantity::Frequency)),
            of("w", "AI537", RegisterQuantity::Reading(Quantity::ActivePower)),
            of("va", "AI547", RegisterQuantity::PhaseVoltage(0)),
            of("vb", "AI549", RegisterQuantity::PhaseVoltage(1)),
            point("w_max", "AI32"),
            point("plain", "AI7"),
            alarm,
            local,
        ],
        commands: vec![command],
        ..OutstationMap::default()
    }
}

fn image() -> Image {
    let mut image = Image::new(Arc::new(map()));
    image.take(&map().points.iter().map(|point| seen(&point.at.to_string(), 1, 0)).collect::<Vec<_>>());
    image
}

fn said(image: &Image) -> Vec<String> {
    words(image, &|_| false)
}

#[test]
fn a_good_outstation_gives_no_reason() {
    assert_eq!(said(&image()), Vec::<String>::new());
}

#[test]
fn a_lost_measurement_is_named_with_its_reason_and_its_last_good_time() {
    let mut image = image();
    image.take(&[seen("AI537", 0x05, 7)]);
    let lost = "is not usable: the outstation has lost what it comes from (COMM_LOST), last good 2026-05-28 20:26:40Z";
    assert_eq!(said(&image), [format!("w (AI537) {lost}")]);
    image.take(&[seen("AI537", 1, 8)]);
    assert_eq!(said(&image), Vec::<String>::new());
}

#[test]
fn points_with_one_reason_are_told_together_power_first_and_not_without_end() {
    let mut image = image();
    let all: Vec<Seen> = map().points.iter().map(|point| seen(&point.at.to_string(), 0x05, 7)).collect();
    image.take(&all);
    let told = said(&image);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("w (AI537), frequency (AI536), va (AI547), vb (AI549) and 3 more are"));
}

#[test]
fn what_is_only_not_live_counts_where_nothing_else_tells_it() {
    let mut image = image();
    for text in ["AI549", "AI32", "BI54", "AI7"] {
        image.take(&[seen(text, 0, 7)]);
    }
    assert_eq!(said(&image), Vec::<String>::new(), "a phase, a function that it may not have");
    image.take(&[seen("AI549", 0x05, 8)]);
    assert!(said(&image)[0].starts_with("vb (AI549) is not usable"), "but a phase that was lost");
    image.take(&[seen("AI536", 0, 8), seen("BI10", 0, 8)]);
    assert!(said(&image)[0].starts_with("frequency (AI536), local (BI10) are not usable: it is not live"));
}

#[test]
fn power_that_never_came_is_missed_and_nothing_else() {
    let image = Image::new(Arc::new(map()));
    assert_eq!(said(&image), ["w (AI537) is not usable: the outstation does not tell it"]);
    assert_eq!(words(&image, &|_| true), Vec::<String>::new(), "it is told already that it is refused");
}

#[test]
fn what_was_put_there_by_hand_is_told_and_what_was_lost_is_not_believed() {
    let mut image = image();
    let words = |image: &Image| super::words(image, &|_| false);
    let good: Vec<Seen> =
        ["AI536", "AI537", "AI547", "AI549", "AI32", "AI7", "BI54", "BI10"].map(|a| seen(a, 1, 5)).into();
    image.take(&good);
    assert_eq!(words(&image), Vec::<String>::new());
    image.take(&[seen("AI537", 0x11, 6), seen("AI7", 0x11, 6), seen("AI32", 0x09, 6)]);
    assert_eq!(words(&image), ["w (AI537), w_max (AI32) are put there by hand, not measured (forced)"]);
    image.lose();
    let told = words(&image);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("w (AI537), "), "{told:?}");
    assert!(
        told[0].contains("not usable: it was not read since the connection was lost, last good"),
        "{told:?}"
    );
    image.take(&good);
    assert_eq!(words(&image), Vec::<String>::new());
}
