//! Curves of the models before the 70x: filled, read back, named as the active one, enabled (SunSpec reference 8.6).

use super::curves::{curve, volt_var};
use super::*;
use crate::der::CurveKind;

/// An older model at 40070 with two curves: ActCrv 2, ModEna 3, timers 4 to 6; the first curve at offset 12.
fn older(id: u16, size: u16, points: &[(&str, i64)]) -> Book {
    let head =
        [("ActCrv", 1), ("ModEna", 0), ("WinTms", 0), ("RvrtTms", 0), ("RmpTms", 0), ("NCrv", 2), ("NPt", 4)];
    let mut book = Book::at(40000).identity("S").sized(id, 10 + 2 * size, &[], &head);
    for (path, raw) in points {
        book.set(id, path, *raw);
    }
    for curve in 0..2 {
        book.set(id, &format!("curve[{curve}].ReadOnly"), 0);
    }
    book
}

/// What follows the set: the active curve, the timers, the enable.
const FOLLOW: &str = "
        16 40072 x1: 0002
        16 40074 x3: 0000 005A 0000
        16 40073 x1: 0001
        = applied, bounded";

#[tokio::test]
async fn volt_var_with_126() {
    let book = older(126, 54, &[("V_SF", -1), ("DeptRef_SF", -1), ("curve[1].RmpTms", 0)]);
    // Curve 2 at offset 66; its RmpTms behind 2 + 40 points and a name of 8.
    let expected = "
        > set curve volt-var
        16 40136 x10: 0004 0002 0398 01B8 03D4 0000 03FC 0000 0438 FE48
        16 40186 x1: 0005
        16 40072 x1: 0002
        16 40074 x3: 0000 005A 0000
        16 40073 x1: 0001
        = applied, bounded
        > set curve volt-var
        16 40074 x3: 0000 005A 0000
        16 40073 x1: 0001
        = applied, bounded
        > release curve volt-var
        16 40073 x1: 0000
        = applied";
    let asked = vec![volt_var(), volt_var(), Setpoint::ReleaseCurve(CurveKind::VoltVar)];
    check("126", &book, as_is, None, asked, expected).await;
    let mut locked = book.clone();
    locked.set(126, "curve[0].ReadOnly", 1);
    locked.set(126, "curve[1].ReadOnly", 1);
    let expected = "
        > set curve volt-var
        = refused: device offers no editable curve: every set of model 126 is read-only";
    check("read-only", &locked, as_is, None, vec![volt_var()], expected).await;
}

#[tokio::test]
async fn other_curves_of_older_models() {
    for (id, size, kind, scales, points, frame) in OLDER {
        let expected = format!("> set curve {}\n{frame}{FOLLOW}", kind.name());
        let asked = vec![curve(kind, points, None)];
        check(kind.name(), &older(id, size, scales), as_is, None, asked, &expected).await;
    }
}

/// Model, registers of a curve, function, scale factors, points, and the frame of the set.
type Older = (u16, u16, CurveKind, &'static [(&'static str, i64)], &'static [(f64, f64)], &'static str);

const OLDER: [Older; 7] = [
    (
        131,
        54,
        CurveKind::WattPowerFactor,
        &[("W_SF", 0), ("PF_SF", -2)],
        &[(50.0, 1.0), (100.0, -0.95)],
        "16 40136 x5: 0002 0032 0064 0064 005F",
    ),
    (
        132,
        54,
        CurveKind::VoltWatt,
        &[("V_SF", 0), ("DeptRef_SF", 0)],
        &[(106.0, 100.0), (110.0, 0.0)],
        "16 40136 x6: 0002 0001 006A 0064 006E 0000",
    ),
    (
        134,
        58,
        CurveKind::FrequencyWatt,
        &[("Hz_SF", -2), ("W_SF", 0)],
        &[(60.1, 100.0), (63.0, 0.0)],
        "16 40140 x5: 0002 177A 0064 189C 0000",
    ),
    (
        129,
        50,
        CurveKind::LowVoltageTrip,
        &[("V_SF", 0), ("Tms_SF", -2)],
        &[(50.0, 0.16), (88.0, 2.0)],
        "16 40132 x5: 0002 0010 0032 00C8 0058",
    ),
    (
        130,
        50,
        CurveKind::HighVoltageTrip,
        &[("V_SF", 0), ("Tms_SF", -2)],
        &[(110.0, 2.0), (120.0, 0.16)],
        "16 40132 x5: 0002 00C8 006E 0010 0078",
    ),
    (
        135,
        50,
        CurveKind::LowFrequencyTrip,
        &[("Hz_SF", -2), ("Tms_SF", -2)],
        &[(56.5, 0.16), (57.5, 2.0)],
        "16 40132 x5: 0002 0010 1612 00C8 1676",
    ),
    (
        136,
        50,
        CurveKind::HighFrequencyTrip,
        &[("Hz_SF", -2), ("Tms_SF", -2)],
        &[(61.0, 2.0), (62.0, 0.16)],
        "16 40132 x5: 0002 00C8 17D4 0010 1838",
    ),
];
