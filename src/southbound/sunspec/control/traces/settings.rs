//! Ramp rates, enter service, alarms (SunSpec reference 8.6).

use super::*;
use crate::der::{EnterService, Hertz, Percent, RampRates};
use std::time::Duration;

fn ramps(up: Option<f64>, down: Option<f64>, reactive: Option<f64>) -> Setpoint {
    let percent = |rate: Option<f64>| rate.map(Percent::new);
    Setpoint::SetRampRates(RampRates {
        active_up: percent(up),
        active_down: percent(down),
        reactive: percent(reactive),
    })
}

#[tokio::test]
async fn ramps_with_704_are_whole_percents_and_never_faster_than_asked() {
    let book = der(&[("WRmp", 100), ("WRmpRef", 0), ("VarRmp", 100)]);
    let expected = "
        > set ramp rates
        16 40119 x3: 0007 0001 0014
        = applied
        > set ramp rates
        = applied
        > set ramp rates
        16 40119 x1: 0001
        = applied";
    let asked = vec![
        ramps(Some(10.0), Some(7.9), Some(20.0)),
        ramps(Some(10.0), Some(7.9), Some(20.0)),
        ramps(Some(0.2), None, None),
    ];
    check("704", &book, as_is, None, asked, expected).await;
}

#[tokio::test]
async fn ramps_of_older_models() {
    let book = Book::at(40000)
        .identity("S")
        .model(121, &[("WMax", 8000), ("WMax_SF", 0), ("WGra", 100), ("WGra_SF", -1)]);
    // 121.WGra: offset 12.
    let expected = "
        > set ramp rates
        16 40082 x1: 0019
        = applied
        > set ramp rates
        = refused: the device has no ramp rate of reactive power (704.VarRmp)";
    let asked = vec![ramps(Some(2.5), None, None), ramps(None, None, Some(1.0))];
    check("121", &book, as_is, None, asked, expected).await;
    let book = Book::at(40000)
        .identity("S")
        .model(145, &[("NomRmpUpRte", 100), ("NomRmpDnRte", 100), ("Rmp_SF", 0)]);
    let expected = "
        > set ramp rates
        16 40072 x2: 0005 0032
        = applied
        > set ramp rates
        16 40073 x1: 0014
        = applied";
    let asked = vec![ramps(Some(5.0), Some(50.0), None), ramps(None, Some(20.0), None)];
    check("145", &book, as_is, None, asked, expected).await;
    let book = Book::at(40000)
        .identity("S")
        .model(
            124,
            &[
                ("WChaMax", 4000),
                ("WChaMax_SF", 0),
                ("WChaGra", 100),
                ("WDisChaGra", 100),
                ("WChaDisChaGra_SF", 0),
            ],
        )
        .model(120, &[("DERTyp", 80), ("WRtg", 8000), ("WRtg_SF", 0)]);
    // 10 %/s of 8000 W are 20 %/s of 4000 W.
    let expected = "
        > set ramp rates
        16 40073 x2: 000A 0014
        = applied";
    check("124", &book, as_is, None, vec![ramps(Some(10.0), Some(5.0), None)], expected).await;
}

#[tokio::test]
async fn enter_service_writes_what_is_asked_and_changed() {
    let book = Book::at(40000).identity("S").model(
        703,
        &[
            ("ES", 1),
            ("ESVHi", 1050),
            ("ESVLo", 917),
            ("V_SF", -1),
            ("ESHzHi", 6010),
            ("ESHzLo", 5950),
            ("Hz_SF", -2),
            ("ESDlyTms", 300),
            ("ESRmpTms", 300),
        ],
    );
    let base = EnterService {
        voltage_high: Some(Percent::new(106.0)),
        voltage_low: Some(Percent::new(91.7)),
        frequency_high: Some(Hertz::new(60.2)),
        delay: Some(Duration::from_secs(60)),
        ..EnterService::default()
    };
    let random = EnterService { random_delay: Some(Duration::from_secs(5)), ..EnterService::default() };
    let crossed = EnterService { frequency_low: Some(Hertz::new(61.0)), ..EnterService::default() };
    let asked = [base, base, random, crossed].map(Setpoint::SetEnterService).to_vec();
    let expected = "
        > set enter service
        16 40073 x1: 0424
        16 40075 x2: 0000 1784
        16 40079 x2: 0000 003C
        = applied
        > set enter service
        = applied
        > set enter service
        = refused: the device does not implement 703.ESRndTms
        > set enter service
        = refused: 703.ESHzLo 61 would not be under 703.ESHzHi 60.2";
    check("703", &book, as_is, None, asked, expected).await;
}

#[tokio::test]
async fn alarms_are_reset_once() {
    let reset = || vec![Setpoint::ResetAlarms];
    let book = Book::at(40000).identity("S").model(715, &[("LocRemCtl", 0), ("AlarmReset", 0)]);
    let expected = "
        > reset alarms
        16 40077 x1: 0001
        = applied, not verified";
    check("715", &book, as_is, None, reset(), expected).await;
    let silent = on_write(|_, _| Answer::Silence);
    let expected = "
        > reset alarms
        16 40077 x1: 0001
        = timed out";
    check("no answer", &book, as_is, silent, reset(), expected).await;
    let book = Book::at(40000).identity("S").model(802, &[("LocRemCtl", 0), ("AlmRst", 0)]);
    let expected = "
        > reset alarms
        16 40090 x1: 0001
        = applied, not verified";
    check("802", &book, as_is, None, reset(), expected).await;
}
