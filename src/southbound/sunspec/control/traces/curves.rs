//! Curves of every model: filled, read back, adopted, enabled (SunSpec reference 8.6).

use super::*;
use crate::core::port::Report;
use crate::der::{Control, Curve, CurveKind, CurveShape};
use crate::device_map::CurveRequest;
use crate::southbound::testing::Server;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn curve(kind: CurveKind, points: &[(f64, f64)], response: Option<u64>) -> Setpoint {
    let shape = CurveShape::Points(points.to_vec());
    Setpoint::SetCurve(Arc::new(Curve { kind, shape, response: response.map(Duration::from_secs) }))
}

const VOLT_VAR: [(f64, f64); 4] = [(92.0, 44.0), (98.0, 0.0), (102.0, 0.0), (108.0, -44.0)];

pub(super) fn volt_var() -> Setpoint {
    curve(CurveKind::VoltVar, &VOLT_VAR, Some(5))
}

/// 705 at 40070 with room for four points; the first set at 40085, 18 registers each. L = 13 + sets * 18.
fn book_705(sets: u16) -> Book {
    let length = 13 + sets * 18;
    let mut book = Book::at(40000).identity("S").sized(
        705,
        length,
        &[("NPt", 4), ("NCrv", sets)],
        &[
            ("Ena", 0),
            ("AdptCrvReq", 0),
            ("AdptCrvRslt", 1),
            ("V_SF", -1),
            ("DeptRef_SF", -1),
            ("RspTms_SF", -1),
        ],
    );
    for set in 0..sets {
        for (name, raw) in [("ActPt", 2), ("DeptRef", 1), ("RspTms", 100)] {
            book.set(705, &format!("Crv[{set}].{name}"), raw);
        }
        book.set(705, &format!("Crv[{set}].ReadOnly"), i64::from(set == 0));
        for (place, (v, var)) in [(950, 100 + i64::from(set)), (1050, -100)].into_iter().enumerate() {
            book.set(705, &format!("Crv[{set}].Pt[{place}].V"), v);
            book.set(705, &format!("Crv[{set}].Pt[{place}].Var"), var);
        }
    }
    book
}

/// A device that adopts: the set that is asked for is copied over the first one. `zero` is the number of the first
/// set; the last register of a set's head, which says that it is read-only, is not copied.
#[derive(Clone, Copy)]
struct Adopter {
    request: u16,
    first_set: u16,
    size: u16,
    sets: u16,
    zero: u16,
    read_only: u16,
}

const OF_705: Adopter =
    Adopter { request: 40073, first_set: 40085, size: 18, sets: 3, zero: 1, read_only: 9 };

impl Adopter {
    fn adopt(self, seen: &Seen, registers: &mut HashMap<u16, u16>) -> Answer {
        if seen.address == self.request {
            let set = seen.words[0].wrapping_sub(self.zero);
            if set >= self.sets {
                return Answer::Exception(3);
            }
            for at in (0..self.size).filter(|at| *at != self.read_only) {
                let word = registers[&(self.first_set + set * self.size + at)];
                registers.insert(self.first_set + at, word);
            }
            registers.insert(self.request + 1, 1);
        }
        Answer::Good
    }

    fn script(self) -> Option<Script> {
        on_write(move |seen, registers| self.adopt(seen, registers))
    }
}

#[tokio::test]
async fn volt_var_with_705() {
    let expected = "
        > set curve volt-var
        16 40103 x2: 0004 0001
        16 40110 x2: 0000 0032
        16 40113 x8: 0398 01B8 03D4 0000 03FC 0000 0438 FE48
        16 40073 x1: 0002
        16 40072 x1: 0001
        = applied
        > set curve volt-var
        16 40072 x1: 0001
        = applied
        > release curve volt-var
        16 40072 x1: 0000
        = applied";
    let asked = vec![volt_var(), volt_var(), Setpoint::ReleaseCurve(CurveKind::VoltVar)];
    check("one-based", &book_705(3), as_is, OF_705.script(), asked, expected).await;
    let zero_based = |map: &mut DeviceMap| map.sunspec.curve_request = CurveRequest::ZeroBased;
    let expected = "
        > set curve volt-var
        16 40103 x2: 0004 0001
        16 40110 x2: 0000 0032
        16 40113 x8: 0398 01B8 03D4 0000 03FC 0000 0438 FE48
        16 40073 x1: 0001
        16 40072 x1: 0001
        = applied";
    let device = Adopter { zero: 0, ..OF_705 };
    check("zero-based", &book_705(3), zero_based, device.script(), vec![volt_var()], expected).await;
}

#[tokio::test]
async fn a_device_that_counts_sets_the_other_way_is_found_out_and_remembered() {
    let other = curve(CurveKind::VoltVar, &[(95.0, 10.0), (105.0, -10.0)], None);
    // Set 2 is asked for, and set 3 is adopted.
    let expected = "
        > set curve volt-var
        16 40103 x2: 0004 0001
        16 40110 x2: 0000 0032
        16 40113 x8: 0398 01B8 03D4 0000 03FC 0000 0438 FE48
        16 40073 x1: 0002
        16 40073 x1: 0001
        16 40072 x1: 0001
        = applied
        > set curve volt-var
        16 40103 x2: 0002 0001
        16 40113 x4: 03B6 0064 041A FF9C
        16 40073 x1: 0001
        16 40072 x1: 0001
        = applied";
    let device = Adopter { zero: 0, ..OF_705 };
    check("three sets", &book_705(3), as_is, device.script(), vec![volt_var(), other], expected).await;
    let expected = "
        > set curve volt-var
        16 40103 x2: 0004 0001
        16 40110 x2: 0000 0032
        16 40113 x8: 0398 01B8 03D4 0000 03FC 0000 0438 FE48
        16 40073 x1: 0002
        16 40073 x1: 0001
        16 40072 x1: 0001
        = applied";
    let device = Adopter { zero: 0, sets: 2, ..OF_705 };
    check("two sets", &book_705(2), as_is, device.script(), vec![volt_var()], expected).await;
    let zero_based = |map: &mut DeviceMap| map.sunspec.curve_request = CurveRequest::ZeroBased;
    let expected = "
        > set curve volt-var
        16 40103 x2: 0004 0001
        16 40110 x2: 0000 0032
        16 40113 x8: 0398 01B8 03D4 0000 03FC 0000 0438 FE48
        16 40073 x1: 0001
        16 40073 x1: 0002
        16 40072 x1: 0001
        = applied";
    check("the map is wrong", &book_705(3), zero_based, OF_705.script(), vec![volt_var()], expected).await;
}

#[tokio::test]
async fn curves_are_offered_by_a_device_with_an_editable_set() {
    for (sets, offered) in [(3, true), (1, false)] {
        let server = Server::start(&[(1, &book_705(sets))]).await;
        let mut bench = Bench::of(server, as_is);
        let capability = bench
            .report(|report| match report {
                Report::Capability(capability) => Some(*capability),
                _ => None,
            })
            .await;
        assert_eq!(capability.controls.has(Control::SetCurve), offered, "{sets} sets");
    }
}

const FILLED: &str = "
        > set curve volt-var
        16 40103 x2: 0004 0001
        16 40110 x2: 0000 0032
        16 40113 x8: 0398 01B8 03D4 0000 03FC 0000 0438 FE48
        16 40073 x1: 0002\n";

#[tokio::test]
async fn an_adoption_that_fails_is_not_enabled() {
    let fails = on_write(|seen, registers| {
        if seen.address == 40073 {
            registers.insert(40074, 2);
        }
        Answer::Good
    });
    let words = "= refused: 705.AdptCrvReq: the device did not adopt the curve (result: failed); its points may not be what the device's rules allow";
    check("failed", &book_705(3), as_is, fails, vec![volt_var()], &format!("{FILLED}{words}")).await;
}

#[tokio::test]
async fn completed_that_is_left_over_from_before_is_no_success() {
    // The result stands at 1 from the start, and nothing is ever adopted.
    let words = "= not kept: 705.AdptCrvReq: the device says that it adopted the curve, but its active curve is another one";
    check("left over", &book_705(3), as_is, None, vec![volt_var()], &format!("{FILLED}{words}")).await;
}

#[tokio::test]
async fn an_adoption_takes_its_time() {
    let mut looks = 0;
    let slow: Script = Box::new(move |seen, registers| {
        if seen.function == 16 && seen.address == 40073 {
            looks = 1;
            registers.insert(40074, 0);
        } else if looks > 0 && seen.address == 40074 && seen.quantity == 1 {
            looks += 1;
            if looks == 5 {
                let request = Seen { unit: 1, function: 16, address: 40073, quantity: 1, words: vec![2] };
                return OF_705.adopt(&request, registers);
            }
        }
        Answer::Good
    });
    let rest = "16 40072 x1: 0001\n= applied";
    check("slow", &book_705(3), as_is, Some(slow), vec![volt_var()], &format!("{FILLED}{rest}")).await;
}

#[tokio::test]
async fn curves_that_cannot_be_held_are_refused_and_nothing_is_written() {
    let five = [(90.0, 1.0), (95.0, 1.0), (100.0, 0.0), (105.0, 0.0), (110.0, 0.0)];
    let asked = vec![
        curve(CurveKind::VoltVar, &five, None),
        curve(CurveKind::VoltVar, &[(98.0, 0.0), (92.0, 44.0)], None),
        curve(CurveKind::VoltWatt, &VOLT_VAR, None),
    ];
    let expected = "
        > set curve volt-var
        = refused: the device takes at most 4 points, the curve has 5
        > set curve volt-var
        = refused: the points of a curve must stand in order of their first number
        > set curve volt-watt
        = refused: the device has no volt-watt curve of this shape (no model 706 or 132)";
    check("705", &book_705(2), as_is, None, asked, expected).await;
    let expected = "
        > set curve volt-var
        = refused: device offers no editable curve: every set of model 705 is read-only";
    check("one set", &book_705(1), as_is, None, vec![volt_var()], expected).await;
}

#[tokio::test]
async fn a_set_longer_than_a_write_is_split_between_points() {
    let short = |map: &mut DeviceMap| map.link.max_write = 5;
    let expected = "
        > set curve volt-var
        16 40103 x2: 0004 0001
        16 40110 x2: 0000 0032
        16 40113 x5: 0398 01B8 03D4 0000 03FC
        16 40118 x3: 0000 0438 FE48
        16 40073 x1: 0002
        16 40072 x1: 0001
        = applied";
    check("five registers", &book_705(3), short, OF_705.script(), vec![volt_var()], expected).await;
}

#[tokio::test]
async fn what_a_curve_does_not_say_stays_as_it_is_in_the_active_set() {
    let mut book = book_705(3);
    book.set(705, "Crv[0].RspTms", 50);
    let two = curve(CurveKind::VoltVar, &[(96.0, 10.0), (105.0, -10.0)], None);
    let expected = "
        > set curve volt-var
        16 40103 x2: 0002 0001
        16 40110 x2: 0000 0032
        16 40113 x4: 03C0 0064 041A FF9C
        16 40073 x1: 0002
        16 40072 x1: 0001
        = applied";
    check("705", &book, as_is, OF_705.script(), vec![two], expected).await;
    // 707: the momentary cessation of the set that is filled is not the active one's.
    let mut book = newer(707, 51, "Crv", &[("NPt", 2), ("NCrvSet", 2)], &[("V_SF", -1), ("Tms_SF", -2)]);
    for (set, volts) in [(0, 500), (1, 900)] {
        book.set(707, &format!("Crv[{set}].MomCess.ActPt"), 1);
        book.set(707, &format!("Crv[{set}].MomCess.Pt[0].V"), volts);
    }
    let device = Adopter { request: 40073, first_set: 40079, size: 22, sets: 2, zero: 1, read_only: 0 };
    let expected = "
        > set curve low-voltage-trip
        16 40102 x7: 0002 01F4 0000 0010 0370 0000 00C8
        16 40117 x1: 01F4
        16 40073 x1: 0002
        16 40072 x1: 0001
        = applied";
    let asked = vec![curve(CurveKind::LowVoltageTrip, &[(50.0, 0.16), (88.0, 2.0)], None)];
    check("707", &book, as_is, device.script(), asked, expected).await;
}

#[tokio::test]
async fn a_device_is_measured_while_it_adopts() {
    let book = book_705(3).model(103, &[("W", 5000), ("W_SF", 0), ("PhVphA", 230), ("V_SF", 0)]);
    let measuring = book.address(103, "ID");
    let (mut adopting, mut polls) = (false, 0);
    let slow: Script = Box::new(move |seen, registers| {
        if seen.function == 16 && seen.address == 40073 {
            adopting = true;
            registers.insert(40074, 0);
        } else if adopting && seen.address == measuring {
            polls += 1;
            if polls == 3 {
                let request = Seen { unit: 1, function: 16, address: 40073, quantity: 1, words: vec![2] };
                return OF_705.adopt(&request, registers);
            }
        }
        Answer::Good
    });
    let rest = "16 40072 x1: 0001\n= applied";
    check("705", &book, as_is, Some(slow), vec![volt_var()], &format!("{FILLED}{rest}")).await;
}

/// A 70x model at 40070 with two sets, the second editable.
fn newer(id: u16, length: u16, group: &str, counts: &[(&str, u16)], points: &[(&str, i64)]) -> Book {
    let mut book = Book::at(40000).identity("S").sized(id, length, counts, points);
    let [request, result] =
        if id == 711 { ["AdptCtlReq", "AdptCtlRslt"] } else { ["AdptCrvReq", "AdptCrvRslt"] };
    for (path, raw) in [("Ena", 0), (request, 0), (result, 0)] {
        book.set(id, path, raw);
    }
    book.set(id, &format!("{group}[0].ReadOnly"), 1);
    book.set(id, &format!("{group}[1].ReadOnly"), 0);
    book
}

#[tokio::test]
async fn volt_watt_with_706() {
    // Sets of 5 + 2*2 registers from 40085 on: ActPt, DeptRef, RspTms, ReadOnly, points. L = 13 + 18.
    let scales = [("V_SF", -1), ("DeptRef_SF", 0), ("RspTms_SF", 0)];
    let book = newer(706, 31, "Crv", &[("NPt", 2), ("NCrv", 2)], &scales);
    let device = Adopter { request: 40073, first_set: 40085, size: 9, sets: 2, zero: 1, read_only: 4 };
    let expected = "
        > set curve volt-watt
        16 40094 x4: 0002 0000 0000 000A
        16 40099 x4: 0424 0064 044C 0014
        16 40073 x1: 0002
        16 40072 x1: 0001
        = applied";
    let asked = vec![curve(CurveKind::VoltWatt, &[(106.0, 100.0), (110.0, 20.0)], Some(10))];
    check("706", &book, as_is, device.script(), asked, expected).await;
}

#[tokio::test]
async fn watt_var_with_712() {
    // Sets of 4 + 2*2 registers from 40084 on: ActPt, DeptRef, Pri, ReadOnly, points. L = 12 + 16.
    let book = newer(712, 28, "Crv", &[("NPt", 2), ("NCrv", 2)], &[("W_SF", 0), ("DeptRef_SF", 0)]);
    let device = Adopter { request: 40073, first_set: 40084, size: 8, sets: 2, zero: 1, read_only: 3 };
    let expected = "
        > set curve watt-var
        16 40092 x2: 0002 0001
        16 40096 x4: 0032 0000 0064 FFD4
        16 40073 x1: 0002
        16 40072 x1: 0001
        = applied
        > set curve watt-var
        = refused: model 712 has no response time; leave it out";
    let points = [(50.0, 0.0), (100.0, -44.0)];
    let asked = vec![curve(CurveKind::WattVar, &points, None), curve(CurveKind::WattVar, &points, Some(5))];
    check("712", &book, as_is, device.script(), asked, expected).await;
}

#[tokio::test]
async fn frequency_droop_with_711() {
    // Controls of 10 registers from 40084 on: DbOf, DbUf, KOf, KUf, RspTms, PMin, ReadOnly. L = 12 + 20.
    let scales = [("Db_SF", -3), ("K_SF", -2), ("RspTms_SF", 0)];
    let book = newer(711, 32, "Ctl", &[("NCtl", 2)], &scales);
    let device = Adopter { request: 40073, first_set: 40084, size: 10, sets: 2, zero: 1, read_only: 9 };
    let expected = "
        > set curve freq-watt
        16 40094 x8: 0000 0024 0000 0024 0005 0005 0000 0005
        16 40073 x1: 0002
        16 40072 x1: 0001
        = applied";
    let shape =
        CurveShape::Droop { over_band: 0.036, under_band: 0.036, over_slope: 0.05, under_slope: 0.05 };
    let response = Some(Duration::from_secs(5));
    let droop = Curve { kind: CurveKind::FrequencyWatt, shape, response };
    let asked = vec![Setpoint::SetCurve(Arc::new(droop))];
    check("711", &book, as_is, device.script(), asked, expected).await;
}

#[tokio::test]
async fn trips_with_707_to_710() {
    // 707, 708: sets of 1 + 3*(1 + 3*2) = 22 registers from 40079 on. L = 7 + 44.
    let voltage = [("V_SF", -1), ("Tms_SF", -2)];
    let frequency = [("Hz_SF", -2), ("Tms_SF", -2)];
    let counts = [("NPt", 2), ("NCrvSet", 2)];
    for (id, kind) in [(707, CurveKind::LowVoltageTrip), (708, CurveKind::HighVoltageTrip)] {
        let book = newer(id, 51, "Crv", &counts, &voltage);
        let device = Adopter { request: 40073, first_set: 40079, size: 22, sets: 2, zero: 1, read_only: 0 };
        let name = kind.name();
        let expected = format!(
            "> set curve {name}
            16 40102 x7: 0002 01F4 0000 0010 0370 0000 00C8
            16 40073 x1: 0002
            16 40072 x1: 0001
            = applied
            > release curve {name}
            = refused: {name} is a protection and is not switched off ({id}.Ena); set another curve instead"
        );
        let asked = vec![curve(kind, &[(50.0, 0.16), (88.0, 2.0)], None), Setpoint::ReleaseCurve(kind)];
        check(name, &book, as_is, device.script(), asked, &expected).await;
    }
    // 709, 710: sets of 1 + 3*(1 + 4*2) = 28 registers from 40079 on. L = 7 + 56.
    for (id, kind) in [(709, CurveKind::LowFrequencyTrip), (710, CurveKind::HighFrequencyTrip)] {
        let book = newer(id, 63, "Crv", &counts, &frequency);
        let device = Adopter { request: 40073, first_set: 40079, size: 28, sets: 2, zero: 1, read_only: 0 };
        let name = kind.name();
        let expected = format!(
            "> set curve {name}
            16 40108 x9: 0002 0000 1612 0000 0010 0000 1676 0000 7530
            16 40073 x1: 0002
            16 40072 x1: 0001
            = applied"
        );
        let asked = vec![curve(kind, &[(56.5, 0.16), (57.5, 300.0)], None)];
        check(name, &book, as_is, device.script(), asked, &expected).await;
    }
}
