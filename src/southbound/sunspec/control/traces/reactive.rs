//! Reactive power and power factor: 704 and 123 (SunSpec reference 8.5).

use super::*;
use crate::der::{Excitation, PowerFactor};
use crate::device_map::PfSign;

const OVER: Excitation = Excitation::Over;
const UNDER: Excitation = Excitation::Under;

fn factor(size: f64, excitation: Excitation) -> Setpoint {
    Setpoint::SetPowerFactor(PowerFactor { size, excitation })
}

const VAR_704: [(&str, i64); 7] = [
    ("VarSetEna", 0),
    ("VarSetMod", 1),
    ("VarSet", 0),
    ("VarSetRvrt", 0),
    ("VarSetEnaRvrt", 0),
    ("VarSetRvrtTms", 0),
    ("VarSet_SF", 0),
];
const PF_704: [(&str, i64); 8] = [
    ("PFWInjEna", 0),
    ("PFWInjEnaRvrt", 0),
    ("PFWInjRvrtTms", 0),
    ("PFWInj.PF", 1000),
    ("PFWInj.Ext", 0),
    ("PFWInjRvrt.PF", 1000),
    ("PFWInjRvrt.Ext", 0),
    ("PF_SF", -3),
];
const PF_123: [(&str, i64); 6] = [
    ("OutPFSet", 1000),
    ("OutPFSet_WinTms", 0),
    ("OutPFSet_RvrtTms", 0),
    ("OutPFSet_RmpTms", 0),
    ("OutPFSet_Ena", 0),
    ("OutPFSet_SF", -3),
];
const VAR_123: [(&str, i64); 6] = [
    ("VArPct_WinTms", 0),
    ("VArPct_RvrtTms", 0),
    ("VArPct_RmpTms", 0),
    ("VArPct_Mod", 0),
    ("VArPct_Ena", 0),
    ("VArPct_SF", -1),
];

fn with(some: &[(&'static str, i64)], more: &[(&'static str, i64)]) -> Vec<(&'static str, i64)> {
    some.iter().chain(more).copied().collect()
}

#[tokio::test]
async fn reactive_power_with_704() {
    let expected = "
        > set reactive power to -1500 VAr
        16 40108 x4: FFFF FA24 0000 0000
        16 40114 x3: 0000 0000 005A
        16 40106 x1: 0004
        16 40105 x1: 0001
        = applied, bounded
        > release reactive power
        16 40105 x1: 0000
        = applied
        > set reactive power to 6000 VAr
        = refused: a reactive power of 6000 VAr is outside what the device can do (VarMaxInj 5000 VAr)
        > set reactive power to -4500 VAr
        = refused: a reactive power of -4500 VAr is outside what the device can do (VarMaxAbs 4000 VAr)";
    let asked = vec![vars(-1500.0), Setpoint::ReleaseReactivePower, vars(6000.0), vars(-4500.0)];
    check("VARS", &der(&VAR_704), as_is, None, asked, expected).await;
    let percent = [
        ("VarSetEna", 0),
        ("VarSetMod", 0),
        ("VarSetPct", 0),
        ("VarSetPctRvrt", 0),
        ("VarSetEnaRvrt", 0),
        ("VarSetRvrtTms", 0),
        ("VarSetPct_SF", -1),
    ];
    // 30 % of 5000 VAr, 37.5 % of 4000 VAr.
    let expected = "
        > set reactive power to 1500 VAr
        16 40112 x5: 012C 0000 0000 0000 005A
        16 40106 x1: 0001
        16 40105 x1: 0001
        = applied, bounded
        > set reactive power to -1500 VAr
        16 40112 x5: FE89 0000 0000 0000 005A
        16 40106 x1: 0001
        16 40105 x1: 0001
        = applied, bounded";
    check("% VarMax", &der(&percent), as_is, None, vec![vars(1500.0), vars(-1500.0)], expected).await;
}

#[tokio::test]
async fn reactive_power_with_123() {
    let expected = "
        > set reactive power to -1000 VAr
        16 40086 x1: FF06
        16 40088 x5: 0000 005A 0000 0002 0001
        = applied, bounded
        > release reactive power
        16 40092 x1: 0000
        = applied";
    let asked = || vec![vars(-1000.0), Setpoint::ReleaseReactivePower];
    let book = inverter(&with(&VAR_123, &[("VArMaxPct", 0), ("VArWMaxPct", 0)]));
    check("% VArMax", &book, as_is, None, asked(), expected).await;
    let expected = "
        > set reactive power to -1000 VAr
        16 40085 x1: FF83
        16 40088 x5: 0000 005A 0000 0001 0001
        = applied, bounded
        > release reactive power
        16 40092 x1: 0000
        = applied";
    let book = inverter(&with(&VAR_123, &[("VArWMaxPct", 0)]));
    check("% WMax", &book, as_is, None, asked(), expected).await;
    let bare = [("VArMaxPct", 0), ("VArPct_Ena", 0), ("VArPct_SF", -1)];
    let expected = "
        > set reactive power to -1000 VAr
        16 40086 x1: FF06
        16 40092 x1: 0001
        = applied";
    check("no timers", &inverter(&bare), as_is, None, vec![vars(-1000.0)], expected).await;
}

#[tokio::test]
async fn a_power_factor_with_704_goes_in_one_request_with_its_excitation() {
    let expected = "
        > set power factor to 0.95 under-excited
        16 40129 x4: 03B6 0001 03E8 0000
        16 40073 x3: 0000 0000 005A
        16 40072 x1: 0001
        = applied, bounded
        > release reactive power
        16 40072 x1: 0000
        = applied";
    let asked = || vec![factor(0.95, UNDER), Setpoint::ReleaseReactivePower];
    check("injecting", &der(&PF_704), as_is, None, asked(), expected).await;
    let absorbing = [
        ("PFWAbsEna", 0),
        ("PFWAbsEnaRvrt", 0),
        ("PFWAbsRvrtTms", 0),
        ("PFWAbs.PF", 1000),
        ("PFWAbs.Ext", 0),
    ];
    let expected = "
        > set power factor to 0.95 under-excited
        16 40129 x6: 03B6 0001 03E8 0000 03B6 0001
        16 40073 x3: 0000 0000 005A
        16 40079 x3: 0000 0000 005A
        16 40072 x1: 0001
        16 40078 x1: 0001
        = applied, bounded
        > release reactive power
        16 40072 x1: 0000
        16 40078 x1: 0000
        = applied";
    check("both", &der(&with(&PF_704, &absorbing)), as_is, None, asked(), expected).await;
}

#[tokio::test]
async fn a_power_factor_with_123_is_signed_as_the_map_says() {
    let asked = || vec![factor(0.95, OVER), factor(0.95, UNDER)];
    let expected = "
        > set power factor to 0.95 over-excited
        16 40080 x5: FC4A 0000 005A 0000 0001
        = applied, bounded
        > set power factor to 0.95 under-excited
        16 40080 x5: 03B6 0000 005A 0000 0001
        = applied, bounded";
    check("eei", &inverter(&PF_123), as_is, None, asked(), expected).await;
    let positive = |map: &mut DeviceMap| map.sunspec.pf_sign = PfSign::OverexcitedPositive;
    let expected = "
        > set power factor to 0.95 over-excited
        16 40080 x5: 03B6 0000 005A 0000 0001
        = applied, bounded
        > set power factor to 0.95 under-excited
        16 40080 x5: FC4A 0000 005A 0000 0001
        = applied, bounded";
    check("positive", &inverter(&PF_123), positive, None, asked(), expected).await;
    let none = |map: &mut DeviceMap| map.sunspec.pf_sign = PfSign::None;
    let expected = "
        > set power factor to 0.95 over-excited
        = refused: the device takes the size of a power factor only (pf_sign = \"none\"), so over- and under-excited cannot be told apart; set power factor 1 or a reactive power
        > set power factor to 1 over-excited
        16 40080 x5: 03E8 0000 005A 0000 0001
        = applied, bounded";
    let asked = vec![factor(0.95, OVER), factor(1.0, OVER)];
    check("none", &inverter(&PF_123), none, None, asked, expected).await;
    let percent = [("OutPFSet", 9900), ("OutPFSet_Ena", 0), ("OutPFSet_SF", -2)];
    let expected = "
        > set power factor to 0.95 under-excited
        16 40080 x1: 251C
        16 40084 x1: 0001
        = applied";
    check("in percent, no timers", &inverter(&percent), as_is, None, vec![factor(0.95, UNDER)], expected)
        .await;
}

#[tokio::test]
async fn power_factor_and_reactive_power_exclude_each_other() {
    let expected = "
        > set reactive power to 1500 VAr
        16 40108 x4: 0000 05DC 0000 0000
        16 40114 x3: 0000 0000 005A
        16 40106 x1: 0004
        16 40105 x1: 0001
        = applied, bounded
        > set power factor to 0.9 over-excited
        16 40105 x1: 0000
        16 40129 x4: 0384 0000 03E8 0000
        16 40073 x3: 0000 0000 005A
        16 40072 x1: 0001
        = applied, bounded
        > set reactive power to 1500 VAr
        16 40072 x1: 0000
        16 40108 x4: 0000 05DC 0000 0000
        16 40114 x3: 0000 0000 005A
        16 40106 x1: 0004
        16 40105 x1: 0001
        = applied, bounded";
    let asked = || vec![vars(1500.0), factor(0.9, OVER), vars(1500.0)];
    check("704", &der(&with(&VAR_704, &PF_704)), as_is, None, asked(), expected).await;
    let book = inverter(&with(&with(&VAR_123, &PF_123), &[("VArMaxPct", 0)]));
    let expected = "
        > set reactive power to 1500 VAr
        16 40086 x1: 012C
        16 40088 x5: 0000 005A 0000 0002 0001
        = applied, bounded
        > set power factor to 0.9 over-excited
        16 40092 x1: 0000
        16 40080 x5: FC7C 0000 005A 0000 0001
        = applied, bounded
        > set reactive power to 1500 VAr
        16 40084 x1: 0000
        16 40086 x1: 012C
        16 40088 x5: 0000 005A 0000 0002 0001
        = applied, bounded";
    check("123", &book, as_is, None, asked(), expected).await;
}
