use super::*;
use crate::der::{Capability, Nameplate};
use std::sync::Arc;

fn sizes() -> Sizes {
    let capability = Capability {
        injection_max: Watts::new(20_000.0),
        absorption_max: Watts::new(10_000.0),
        ..Capability::default()
    };
    let nameplate = Nameplate { reactive_injected_max: Some(Vars::new(5_000.0)), ..Nameplate::default() };
    Sizes::of(capability, nameplate)
}

fn curve(kind: CurveKind, points: &[(f64, f64)]) -> Setpoint {
    Setpoint::SetCurve(Arc::new(Curve { kind, shape: CurveShape::Points(points.to_vec()), response: None }))
}

#[test]
fn what_is_more_than_a_device_is_rated_for_is_told() {
    use Setpoint as S;
    for (setpoint, part) in [
        (S::LimitActivePower(Watts::new(32_000.0)), Some("32000 W is 160 % of")),
        (S::LimitActivePower(Watts::new(60e6)), Some("rated for, 20000 W")),
        (S::LimitActivePower(Watts::new(20_000.0)), None),
        (S::LimitActivePower(Watts::new(-5.0)), None),
        (
            S::SetActivePower(Watts::new(-15_000.0)),
            Some("-15000 W is 150 % of what the device is rated for, 10000 W"),
        ),
        (S::SetActivePower(Watts::new(15_000.0)), None),
        (S::SetReactivePower(Vars::new(7_500.0)), Some("7500 var is 150 %")),
        // What is not known is not exceeded.
        (S::SetReactivePower(Vars::new(-7_500.0)), None),
        (S::Connect, None),
    ] {
        let told = doubts(&setpoint, &sizes());
        match part {
            Some(part) => assert!(told.len() == 1 && told[0].contains(part), "{setpoint:?}: {told:?}"),
            None => assert_eq!(told, Vec::<String>::new(), "{setpoint:?}"),
        }
    }
}

#[test]
fn a_curve_that_runs_backwards_is_refused() {
    let words =
        curve_fault(&curve(CurveKind::VoltVar, &[(98.0, 44.0), (92.0, 0.0), (102.0, 0.0)])).unwrap_err();
    assert!(words.contains("x 92 comes after 98"), "{words}");
    assert_eq!(curve_fault(&curve(CurveKind::VoltVar, &[(92.0, 44.0), (92.0, 0.0), (102.0, 0.0)])), Ok(()));
    assert_eq!(curve_fault(&Setpoint::Connect), Ok(()));
}

#[test]
fn what_is_odd_about_a_curve_is_told() {
    for (kind, points, parts) in [
        (CurveKind::VoltVar, &[(92.0, 44.0), (98.0, 0.0), (102.0, 0.0), (108.0, -44.0)][..], &[][..]),
        (CurveKind::VoltVar, &[(92.0, 44.0), (92.0, 0.0)], &["x 92 comes twice (92:44, 92:0)"]),
        (
            CurveKind::VoltVar,
            &[(92.0, 4400.0), (1e9, 0.0)],
            &["y = 4400 % is outside -100 to 100 %", "x = 1000000000 %"],
        ),
        (CurveKind::WattPowerFactor, &[(50.0, 1.0), (100.0, -9.0)], &["y = -9 is outside -1 to 1"]),
        (CurveKind::FrequencyWatt, &[(50.2, 100.0), (515.0, 0.0)], &["x = 515 Hz"]),
        // A protection may step.
        (CurveKind::LowVoltageTrip, &[(50.0, 0.16), (50.0, 2.0), (88.0, 2.0)], &[]),
        (CurveKind::HighVoltageTrip, &[(110.0, -2.0)], &["y = -2 s"]),
    ] {
        let told = doubts(&curve(kind, points), &sizes());
        assert_eq!(told.len(), parts.len(), "{told:?}");
        for (words, part) in told.iter().zip(parts) {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
}
