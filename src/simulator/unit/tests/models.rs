//! Devices that speak any model, meters, strings, and a second logical device.

use super::*;
use crate::device_map::PointType;
use crate::simulator::faults::Fault;

#[test]
fn every_point_of_every_model_is_implemented() {
    let mut bench = Bench::new(Kind::Models);
    let form = bench.unit.form.clone();
    assert_eq!(form.spans.len(), 112, "all in one chain");
    assert!(form.blank.len() < 15_000);
    let (mut points, mut factors) = (0, 0);
    for span in &form.spans {
        for cell in form.cells_of(span).iter().skip(2).filter(|c| c.kind != PointType::Pad) {
            let what = format!("{}.{}", span.id, cell.path);
            let at = 40_000 + u16::try_from(cell.offset).unwrap();
            let shown = bench.read(at, u16::try_from(cell.size).unwrap());
            let sentinel = cell.kind.not_implemented().unwrap_or_default();
            let accumulates = matches!(cell.kind, PointType::Acc16 | PointType::Acc32 | PointType::Acc64);
            assert!(accumulates || shown != sentinel, "{what} is not implemented");
            points += 1;
            let raw = f64::from(*shown.last().unwrap());
            match cell.kind {
                PointType::Enum16 if !cell.symbols.is_empty() => {
                    assert!(cell.symbols.iter().any(|s| f64::from(*s) == raw), "{what} = {raw}");
                }
                PointType::Sunssf => {
                    assert!((-10..=10).contains(&shown[0].cast_signed()), "{what}");
                    factors += 1;
                }
                PointType::String => assert_ne!(shown[0], 0, "{what} is empty"),
                _ => {}
            }
        }
    }
    assert!(points > 4_000 && factors > 300, "{points} points, {factors} scale factors");
}

#[test]
fn groups_repeat_twice_and_three_deep() {
    let mut bench = Bench::new(Kind::Models);
    assert_eq!(bench.get("707.NCrvSet"), 2.0);
    let (low, high) = (bench.get("707.Crv[1].MustTrip.Pt[0].V"), bench.get("707.Crv[1].MustTrip.Pt[1].V"));
    assert_eq!((low, high), (90.0, 92.0));
    assert_eq!((bench.get("160.module[1].ID"), bench.get("160.N")), (2.0, 2.0));
    assert_eq!(bench.get("103.W"), 8_500.0, "with physics where there is some");
}

#[test]
fn a_model_that_nobody_knows_stands_between_others() {
    let mut settings = DeviceSettings::new("T", Kind::Models);
    settings.models = vec![1, 103, 64_999, 160];
    let mut bench = Bench::of(settings);
    let at = 40_002 + 68 + 52;
    assert_eq!(bench.read(at, 3), [64_999, 5, 0x1111]);
    assert_eq!(bench.read(at + 7, 1), [160]);
    assert_eq!(bench.unit.write(16, at + 2, &[1]), Err(Exception::ADDRESS));
    assert_eq!(bench.get("160.module[0].DCW"), 4_381.0, "half of 8.5 kW and its losses");
}

#[test]
fn meters_count_what_comes_from_the_grid_as_positive() {
    for id in [201, 202, 203, 204, 211, 212, 213, 214] {
        let mut settings = DeviceSettings::new("T", Kind::Meter);
        settings.models = vec![1, id];
        let mut bench = Bench::of(settings);
        bench.pass(60.0);
        assert_eq!(bench.get(&format!("{id}.W")), -8_500.0);
        assert!(bench.get(&format!("{id}.TotWhExp")) > 1e6 && bench.get(&format!("{id}.PhV")) > 229.0);
        bench.unit.set_behaviour(Behaviour::of(&[Fault::MeterExport]));
        assert_eq!(bench.get(&format!("{id}.W")), 8_500.0);
    }
}

#[test]
fn a_meter_behind_an_inverter_is_a_device_of_its_own() {
    let mut bench = Bench::new(Kind::PvMeter);
    assert_eq!((bench.get("103.W"), bench.get("203.W")), (8_500.0, -8_500.0));
    let second: Vec<_> = bench.unit.form.points(1, "SN").map(|c| c.offset).collect();
    assert_eq!(second.len(), 2);
    let at = 40_000 + u16::try_from(second[1]).unwrap();
    assert_eq!(bench.read(at, 2), [0x542D, 0x4D00], "T-M");
}

#[test]
fn strings_share_the_power_and_the_heart_beats() {
    let mut bench = Bench::new(Kind::Pv);
    let strings = bench.get("160.module[0].DCW") + bench.get("160.module[1].DCW");
    assert!((strings - bench.get("103.DCW")).abs() <= 20.0, "{strings}");
    let mut bench = Bench::new(Kind::Pv700);
    let before = bench.get("715.DERHb");
    bench.pass(3.0);
    assert_eq!(bench.get("715.DERHb") - before, 3.0);
    assert_eq!((bench.get("715.LocRemCtl"), bench.get("714.NPrt")), (0.0, 2.0));
}
