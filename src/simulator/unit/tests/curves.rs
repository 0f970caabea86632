//! Curves: filled, adopted, refused, enabled.

use super::*;
use crate::simulator::faults::Fault;

fn fill(bench: &mut Bench, model: u16, set: u16, points: &[(f64, f64)]) {
    let (x, y) = match model {
        706 => ("V", "W"),
        712 => ("W", "Var"),
        _ => ("V", "Var"),
    };
    for (n, (a, b)) in points.iter().enumerate() {
        bench.set(&format!("{model}.Crv[{set}].Pt[{n}].{x}"), *a);
        bench.set(&format!("{model}.Crv[{set}].Pt[{n}].{y}"), *b);
    }
    let count = f64::from(u16::try_from(points.len()).unwrap());
    bench.set(&format!("{model}.Crv[{set}].ActPt"), count);
}

const RISING: [(f64, f64); 4] = [(92.0, 44.0), (98.0, 0.0), (102.0, 0.0), (108.0, -44.0)];

#[test]
fn a_set_that_was_filled_is_adopted_and_shown_by_the_first() {
    let mut bench = Bench::new(Kind::Pv700);
    fill(&mut bench, 705, 1, &RISING);
    bench.set("705.Crv[1].RspTms", 5.0).set("705.AdptCrvReq", 2.0);
    assert_eq!(bench.get("705.AdptCrvRslt"), 0.0, "in progress");
    bench.pass(1.0);
    assert_eq!(bench.get("705.AdptCrvRslt"), 1.0);
    assert_eq!((bench.get("705.Crv[0].Pt[3].V"), bench.get("705.Crv[0].Pt[3].Var")), (108.0, -44.0));
    assert_eq!((bench.get("705.Crv[0].ActPt"), bench.get("705.Crv[0].RspTms")), (4.0, 5.0));
    assert_eq!((bench.get("705.Crv[0].ReadOnly"), bench.get("705.Crv[1].ReadOnly")), (1.0, 0.0));
    assert_eq!(bench.try_set("705.Crv[0].ActPt", 2.0), Err(Exception::ADDRESS), "the first is read only");
    bench.set("705.Ena", 1.0);
    assert_eq!(bench.get("705.Ena"), 1.0);
}

#[test]
fn points_are_judged_at_adoption_and_not_before() {
    for (model, points) in [
        (705, vec![(98.0, 0.0), (92.0, 44.0)]),
        (706, vec![(110.0, 0.0), (106.0, 100.0)]),
        (712, vec![(100.0, 0.0), (50.0, 0.0)]),
        (705, vec![(98.0, 0.0)]),
    ] {
        let mut bench = Bench::new(Kind::Pv700);
        let before = bench.get(&format!("{model}.Crv[0].ActPt"));
        fill(&mut bench, model, 1, &points);
        bench.set(&format!("{model}.AdptCrvReq"), 2.0).pass(1.0);
        assert_eq!(bench.get(&format!("{model}.AdptCrvRslt")), 2.0, "{model}");
        assert_eq!(bench.get(&format!("{model}.Crv[0].ActPt")), before);
    }
    let mut bench = Bench::new(Kind::Pv700);
    fill(&mut bench, 706, 2, &[(106.0, 100.0), (110.0, 0.0)]);
    bench.set("706.AdptCrvReq", 3.0).pass(1.0);
    assert_eq!((bench.get("706.AdptCrvRslt"), bench.get("706.Crv[0].Pt[1].V")), (1.0, 110.0));
    for nothing in [1.0, 4.0] {
        bench.set("706.AdptCrvReq", nothing).pass(1.0);
        assert_eq!(bench.get("706.AdptCrvRslt"), 2.0, "set {nothing}");
    }
    bench.set("705.Crv[1].ActPt", 6.0).set("705.AdptCrvReq", 2.0).pass(1.0);
    assert_eq!(bench.get("705.AdptCrvRslt"), 2.0, "more points than there are");
}

#[test]
fn a_droop_is_adopted_whole() {
    let mut bench = Bench::new(Kind::Pv700);
    bench.set("711.Ctl[1].DbOf", 0.04).set("711.Ctl[1].KOf", 0.05).set("711.AdptCtlReq", 2.0).pass(1.0);
    assert_eq!((bench.get("711.AdptCtlRslt"), bench.get("711.Ctl[0].DbOf")), (1.0, 0.04));
    assert_eq!(bench.get("711.Ctl[0].ReadOnly"), 1.0);
}

#[test]
fn sets_may_be_counted_from_zero() {
    let mut bench = Bench::new(Kind::Pv700);
    bench.unit.set_behaviour(Behaviour::of(&[Fault::CurvesZeroBased]));
    fill(&mut bench, 705, 1, &RISING);
    bench.set("705.AdptCrvReq", 1.0).pass(1.0);
    assert_eq!((bench.get("705.AdptCrvRslt"), bench.get("705.Crv[0].Pt[0].Var")), (1.0, 44.0));
}

#[test]
fn a_legacy_curve_is_kept_and_chosen() {
    let mut bench = Bench::new(Kind::Pv);
    assert_eq!((bench.get("126.ActCrv"), bench.get("126.ModEna"), bench.get("126.NCrv")), (0.0, 0.0, 3.0));
    bench.set("126.curve[1].V1", 92.0).set("126.curve[1].VAr1", 44.0).set("126.curve[1].ActPt", 1.0);
    bench.set("126.ActCrv", 2.0).set("126.ModEna", 1.0).pass(5.0);
    assert_eq!((bench.get("126.curve[1].V1"), bench.get("126.ActCrv")), (92.0, 2.0));
    assert_eq!(bench.get("126.ModEna"), 1.0);
}

#[test]
fn a_new_request_replaces_the_one_under_way() {
    let mut bench = Bench::new(Kind::Pv700);
    fill(&mut bench, 705, 1, &RISING);
    bench.set("705.AdptCrvReq", 9.0).pass(0.2);
    bench.set("705.AdptCrvReq", 2.0).pass(0.3);
    assert_eq!(bench.get("705.AdptCrvRslt"), 0.0, "the first one is forgotten");
    bench.pass(0.2);
    assert_eq!(bench.get("705.AdptCrvRslt"), 1.0);
}
