//! Active power and connection: 704, 123, 124, 703 (SunSpec reference 8.1-8.4).

use super::*;
use crate::der::Control;

fn three() -> Vec<Setpoint> {
    vec![limit(4800.0), limit(0.0), Setpoint::ReleaseActivePower]
}

#[tokio::test]
async fn limits_with_704() {
    let expected = "
        > limit active power to 4800 W
        16 40085 x5: 0258 03E8 0000 0000 005A
        16 40084 x1: 0001
        = applied, bounded
        > limit active power to 0 W
        16 40085 x5: 0000 03E8 0000 0000 005A
        16 40084 x1: 0001
        = applied, bounded
        > release active power
        16 40084 x1: 0000
        = applied";
    check("all timers", &der(&LIMIT_704), as_is, None, three(), expected).await;
    let bare = [("WMaxLimPctEna", 0), ("WMaxLimPct", 100), ("WMaxLimPct_SF", 0)];
    let expected = "
        > limit active power to 4800 W
        16 40085 x1: 003C
        16 40084 x1: 0001
        = applied
        > limit active power to 0 W
        16 40085 x1: 0000
        16 40084 x1: 0001
        = applied
        > release active power
        16 40084 x1: 0000
        = applied";
    check("no timers", &der(&bare), as_is, None, three(), expected).await;
}

#[tokio::test]
async fn limits_with_123() {
    let expected = "
        > limit active power to 4800 W
        16 40075 x5: 0258 0000 005A 0000 0001
        = applied, bounded
        > limit active power to 0 W
        16 40075 x5: 0000 0000 005A 0000 0001
        = applied, bounded
        > release active power
        16 40079 x1: 0000
        = applied";
    check("all timers", &inverter(&LIMIT_123), as_is, None, three(), expected).await;
    let some = [("WMaxLimPct", 1000), ("WMaxLimPct_RvrtTms", 0), ("WMaxLim_Ena", 0), ("WMaxLimPct_SF", -1)];
    let expected = "
        > limit active power to 4800 W
        16 40075 x1: 0258
        16 40077 x1: 005A
        16 40079 x1: 0001
        = applied, bounded";
    check("one timer", &inverter(&some), as_is, None, vec![limit(4800.0)], expected).await;
    let bare = [("WMaxLimPct", 100), ("WMaxLim_Ena", 0), ("WMaxLimPct_SF", 0)];
    let expected = "
        > limit active power to 4800 W
        16 40075 x1: 003C
        16 40079 x1: 0001
        = applied";
    check("no timers (SMA)", &inverter(&bare), as_is, None, vec![limit(4800.0)], expected).await;
}

#[tokio::test]
async fn a_limit_is_never_rounded_up() {
    let whole = [("WMaxLimPct", 100), ("WMaxLim_Ena", 0), ("WMaxLimPct_SF", 0)];
    // 4879 W are 60.99 % of 8000 W.
    let expected = "
        > limit active power to 4879 W
        16 40075 x1: 003C
        16 40079 x1: 0001
        = applied";
    check("60.99 %", &inverter(&whole), as_is, None, vec![limit(4879.0)], expected).await;
}

#[tokio::test]
async fn shadow_registers_are_written_and_not_read_back() {
    let shadow = |map: &mut DeviceMap| map.sunspec.shadow_models = vec![123];
    let expected = "
        > limit active power to 4800 W
        16 40075 x5: 0258 0000 005A 0000 0001
        = applied, not verified";
    check("123", &inverter(&LIMIT_123), shadow, None, vec![limit(4800.0)], expected).await;
}

#[tokio::test]
async fn an_enable_that_must_be_toggled_goes_to_0_first_when_it_is_1() {
    let toggle = |map: &mut DeviceMap| map.sunspec.enable_toggle = vec![toggling(123, "WMaxLim_Ena")];
    let expected = "
        > limit active power to 4800 W
        16 40075 x5: 0258 0000 005A 0000 0001
        = applied, bounded
        > limit active power to 4000 W
        16 40075 x4: 01F4 0000 005A 0000
        16 40079 x1: 0000
        16 40079 x1: 0001
        = applied, bounded";
    check("123", &inverter(&LIMIT_123), toggle, None, vec![limit(4800.0), limit(4000.0)], expected).await;
    let toggle = |map: &mut DeviceMap| map.sunspec.enable_toggle = vec![toggling(704, "WMaxLimPctEna")];
    let expected = "
        > limit active power to 4800 W
        16 40085 x5: 0258 03E8 0000 0000 005A
        16 40084 x1: 0001
        = applied, bounded
        > limit active power to 4000 W
        16 40085 x5: 01F4 03E8 0000 0000 005A
        16 40084 x1: 0000
        16 40084 x1: 0001
        = applied, bounded";
    check("704", &der(&LIMIT_704), toggle, None, vec![limit(4800.0), limit(4000.0)], expected).await;
}

#[tokio::test]
async fn an_enable_that_stays_at_1_is_released_with_a_hundred_percent() {
    let mut points = LIMIT_123;
    points[4] = ("WMaxLim_Ena", 1);
    let ignores = on_write(|seen, _| if seen.words == [0] { Answer::Ignored } else { Answer::Good });
    let expected = "
        > release active power
        16 40079 x1: 0000
        16 40075 x1: 03E8
        16 40079 x1: 0001
        = applied";
    let asked = vec![Setpoint::ReleaseActivePower];
    check("Kostal", &inverter(&points), as_is, ignores, asked, expected).await;
}

#[tokio::test]
async fn set_points_with_704() {
    let watts = [
        ("WSetEna", 0),
        ("WSetMod", 0),
        ("WSet", 0),
        ("WSetRvrt", 0),
        ("WSetEnaRvrt", 0),
        ("WSetRvrtTms", 0),
        ("WSet_SF", 0),
    ];
    let expected = "
        > set active power to -2000 W
        16 40093 x5: 0001 FFFF F830 0000 0000
        16 40100 x3: 0000 0000 005A
        16 40092 x1: 0001
        = applied, bounded
        > release active power
        16 40092 x1: 0000
        = applied";
    let asked = || vec![set(-2000.0), Setpoint::ReleaseActivePower];
    check("watts", &der(&watts), as_is, None, asked(), expected).await;
    let percent = [
        ("WSetEna", 0),
        ("WSetMod", 1),
        ("WSetPct", 0),
        ("WSetPctRvrt", 0),
        ("WSetEnaRvrt", 0),
        ("WSetRvrtTms", 0),
        ("WSetPct_SF", -1),
    ];
    let expected = "
        > set active power to -2000 W
        16 40098 x5: FF06 0000 0000 0000 005A
        16 40093 x1: 0000
        16 40092 x1: 0001
        = applied, bounded
        > release active power
        16 40092 x1: 0000
        = applied";
    check("percent", &der(&percent), as_is, None, asked(), expected).await;
}

/// A storage with 124 at 40070: 5000 W.
fn battery(points: &[(&str, i64)]) -> Book {
    let rates = [
        ("WChaMax", 5000),
        ("WChaMax_SF", 0),
        ("StorCtl_Mod", 0),
        ("OutWRte", 10_000),
        ("InWRte", 10_000),
        ("InOutWRte_SF", -2),
    ];
    let all: Vec<(&str, i64)> = rates.into_iter().chain(points.iter().copied()).collect();
    Book::at(40000)
        .identity("S")
        .model(124, &all)
        .model(120, &[("DERTyp", 80), ("WRtg", 6000), ("WRtg_SF", 0)])
}

#[tokio::test]
async fn storages_with_124() {
    let timers =
        [("InOutWRte_WinTms", 0), ("InOutWRte_RvrtTms", 3600), ("InOutWRte_RmpTms", 0), ("ChaGriSet", 0)];
    let expected = "
        > set active power to -2500 W
        16 40087 x1: 0001
        16 40082 x5: EC78 1388 0000 005A 0000
        16 40075 x1: 0003
        = applied, bounded
        > set active power to 2500 W
        16 40082 x5: 1388 EC78 0000 005A 0000
        16 40075 x1: 0003
        = applied, bounded
        > set active power to 0 W
        16 40082 x5: 0000 0000 0000 005A 0000
        16 40075 x1: 0003
        = applied, bounded
        > release active power
        16 40075 x1: 0000
        16 40087 x1: 0000
        = applied";
    let asked = || vec![set(-2500.0), set(2500.0), set(0.0), Setpoint::ReleaseActivePower];
    check("charge, discharge, idle, automatic", &battery(&timers), as_is, None, asked(), expected).await;
    let expected = "
        > set active power to -2500 W
        16 40082 x2: EC78 1388
        16 40075 x1: 0003
        = applied";
    check("no timers", &battery(&[]), as_is, None, vec![set(-2500.0)], expected).await;
}

#[tokio::test]
async fn a_storage_that_refuses_negative_rates_is_offered_for_limits_only() {
    let timers =
        [("InOutWRte_WinTms", 0), ("InOutWRte_RvrtTms", 3600), ("InOutWRte_RmpTms", 0), ("ChaGriSet", 0)];
    let positive_only = on_write(|seen, _| {
        let rates = seen.address == 40082 && seen.words.iter().any(|word| *word > 0x7FFF);
        if rates { Answer::Exception(3) } else { Answer::Good }
    });
    let mut bench = Bench::start(&battery(&timers), as_is).await;
    let offers_set = |bench: &Bench| bench.capability.unwrap().controls.has(Control::SetActivePower);
    assert!(offers_set(&bench));
    bench.server.script(positive_only.unwrap());
    let asked = vec![set(-2500.0), set(2500.0), set(0.0), limit(1000.0), Setpoint::ReleaseActivePower];
    let sent = tokio::time::timeout(std::time::Duration::from_secs(20), bench.trace(asked)).await.unwrap();
    let expected = "
        > set active power to -2500 W
        16 40087 x1: 0001
        16 40082 x5: EC78 1388 0000 005A 0000
        16 40087 x1: 0000
        = refused: writing 124.OutWRte to 124.InOutWRte_RmpTms: the device does not accept the value (exception 3 (illegal data value))
        > set active power to 2500 W
        = refused: the storage refused a negative charge or discharge rate (124.InWRte, 124.OutWRte: exception 3), so it takes no set point other than 0 W; it can be limited only
        > set active power to 0 W
        16 40082 x5: 0000 0000 0000 005A 0000
        16 40075 x1: 0003
        = applied, bounded
        > limit active power to 1000 W
        16 40082 x1: 07D0
        16 40084 x3: 0000 005A 0000
        16 40075 x1: 0002
        = applied, bounded
        > release active power
        16 40075 x1: 0000
        = applied";
    assert_eq!(sent, crate::southbound::testing::trace::flush_left(expected));
    assert!(!offers_set(&bench) && bench.capability.unwrap().controls.has(Control::LimitActivePower));
}

#[tokio::test]
async fn a_storage_is_held_from_discharging_by_a_limit() {
    let timers = [("InOutWRte_WinTms", 0), ("InOutWRte_RvrtTms", 3600), ("InOutWRte_RmpTms", 0)];
    let expected = "
        > limit active power to 0 W
        16 40082 x1: 0000
        16 40084 x3: 0000 005A 0000
        16 40075 x1: 0002
        = applied, bounded
        > set active power to -2500 W
        16 40082 x5: EC78 1388 0000 005A 0000
        16 40075 x1: 0003
        = applied, bounded
        > limit active power to 1000 W
        16 40082 x1: 07D0
        16 40084 x3: 0000 005A 0000
        16 40075 x1: 0002
        = applied, bounded
        > release active power
        16 40075 x1: 0000
        = applied";
    let asked = vec![limit(0.0), set(-2500.0), limit(1000.0), Setpoint::ReleaseActivePower];
    check("hold", &battery(&timers), as_is, None, asked, expected).await;
}

#[tokio::test]
async fn connections() {
    let asked = || vec![Setpoint::Disconnect, Setpoint::Connect];
    let newer = Book::at(40000).identity("S").model(703, &[("ES", 1)]);
    let expected = "
        > disconnect
        16 40072 x1: 0000
        = applied
        > connect
        16 40072 x1: 0001
        = applied";
    check("703", &newer, as_is, None, asked(), expected).await;
    let expected = "
        > disconnect
        16 40072 x3: 0000 005A 0000
        = applied, bounded
        > connect
        16 40072 x3: 0000 0000 0001
        = applied";
    let timers = [("Conn_WinTms", 0), ("Conn_RvrtTms", 0), ("Conn", 1)];
    check("123", &inverter(&timers), as_is, None, asked(), expected).await;
    let expected = "
        > disconnect
        16 40074 x1: 0000
        = applied
        > connect
        16 40074 x1: 0001
        = applied";
    check("123 without timers", &inverter(&[("Conn", 1)]), as_is, None, asked(), expected).await;
}
