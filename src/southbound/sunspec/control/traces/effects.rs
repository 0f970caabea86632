//! What the measurements show after a command (SunSpec reference 8, step 7).

use super::*;
use crate::core::port::Report;
use crate::der::{Effect, Excitation, Outcome, PowerFactor};

async fn effect(bench: &mut Bench) -> (Setpoint, Effect) {
    bench
        .report(|report| match report {
            Report::Effect { setpoint, effect } => Some((setpoint.clone(), effect.clone())),
            _ => None,
        })
        .await
}

fn measured(watts: i64, vars: i64) -> Book {
    let points: Vec<(&str, i64)> =
        LIMIT_123.into_iter().chain([("OutPFSet", 1000), ("OutPFSet_Ena", 0), ("OutPFSet_SF", -3)]).collect();
    inverter(&points)
        .model(103, &[("W", watts), ("W_SF", 0), ("VAr", vars), ("VAr_SF", 0), ("PhVphA", 230), ("V_SF", 0)])
}

#[tokio::test]
async fn a_limit_that_the_device_ignores_is_told_once_with_a_hint() {
    let mut bench = Bench::start(&measured(7950, 0), as_is).await;
    assert!(matches!(bench.ask(limit(4800.0)).await, Outcome::Applied(_)));
    let (setpoint, told) = effect(&mut bench).await;
    assert_eq!(setpoint, limit(4800.0));
    assert_eq!(
        told,
        Effect::NoEffect(
            "limit 60 % of WMax 8000 W = 4800 W: written and read back; power still 7950 W after 1 s. Device may ignore remote control (check its Modbus/EMS menu)"
                .to_owned()
        )
    );
}

#[tokio::test]
async fn a_limit_that_is_followed_is_told_and_a_newer_one_ends_the_watch() {
    let book = measured(7950, 0);
    let power = book.address(103, "W");
    let mut bench = Bench::start(&book, as_is).await;
    bench.ask(limit(2000.0)).await;
    bench.ask(limit(4800.0)).await;
    bench.server.state().units.get_mut(&1).unwrap().insert(power, 4790);
    assert_eq!(effect(&mut bench).await, (limit(4800.0), Effect::Effective));
}

#[tokio::test]
async fn a_disconnection_is_judged_by_the_state_too() {
    let with_state = |state: i64| {
        inverter(&[("Conn", 1)]).model(
            103,
            &[("W", 0), ("W_SF", 0), ("PhVphA", 230), ("V_SF", 0), ("Hz", 50), ("Hz_SF", 0), ("St", state)],
        )
    };
    let mut bench = Bench::start(&with_state(4), as_is).await;
    assert!(matches!(bench.ask(Setpoint::Disconnect).await, Outcome::Applied(_)));
    let Effect::NoEffect(words) = effect(&mut bench).await.1 else { panic!("effective") };
    assert!(words.contains("still says after 1 s that it is connected (103.St)"), "{words}");
    let mut bench = Bench::start(&with_state(8), as_is).await;
    assert!(matches!(bench.ask(Setpoint::Disconnect).await, Outcome::Applied(_)));
    assert_eq!(effect(&mut bench).await, (Setpoint::Disconnect, Effect::Effective));
}

#[tokio::test]
async fn a_power_factor_of_which_the_sign_is_read_the_other_way_is_undone() {
    let book = measured(6000, 0);
    let (vars, enable) = (book.address(103, "VAr"), book.address(123, "OutPFSet_Ena"));
    let mut bench = Bench::start(&book, as_is).await;
    for _ in 0..3 {
        bench.report(|report| matches!(report, Report::Poll(_)).then_some(())).await;
    }
    // Over-excited by our sign is under-excited by the device's.
    bench.server.script(
        on_write(move |seen, registers| {
            if seen.address == 40080 || seen.address == enable {
                let on = seen.words.last() == Some(&1);
                registers.insert(vars, if on { (-1970_i16).cast_unsigned() } else { 0 });
            }
            Answer::Good
        })
        .unwrap(),
    );
    let over = Setpoint::SetPowerFactor(PowerFactor { size: 0.95, excitation: Excitation::Over });
    assert!(matches!(bench.ask(over.clone()).await, Outcome::Applied(_)));
    let (setpoint, told) = effect(&mut bench).await;
    assert_eq!(setpoint, over);
    let Effect::NoEffect(words) = told else { panic!("effective") };
    assert!(
        words.contains("moved the wrong way, to -1970 VAr") && words.ends_with("it was undone"),
        "{words}"
    );
    assert_eq!(bench.server.writes().last(), Some(&(16, enable, vec![0])));
    let Outcome::Refused(words) = bench.ask(over.clone()).await else { panic!("not refused") };
    assert!(words.ends_with("release reactive power before it is tried again"), "{words}");
    assert!(matches!(bench.ask(Setpoint::ReleaseReactivePower).await, Outcome::Applied(_)));
    assert!(matches!(bench.ask(over).await, Outcome::Applied(_)));
}
