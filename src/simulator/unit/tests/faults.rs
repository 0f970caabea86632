//! Faults of the register image and of what writes do, as a client sees them.

use super::*;
use crate::simulator::faults::Fault;

fn faulty(kind: Kind, faults: &[Fault]) -> Bench {
    let mut bench = Bench::new(kind);
    bench.unit.set_behaviour(Behaviour::of(faults));
    bench
}

/// Ids and lengths of the chain; `None` where reading ends with an exception.
fn chain(bench: &mut Bench) -> Vec<Option<(u16, u16)>> {
    let mut at = bench.unit.view.base + 2;
    let mut found = Vec::new();
    loop {
        match bench.unit.read(at, 2) {
            Err(why) => {
                assert_eq!(why, Exception::ADDRESS);
                found.push(None);
                return found;
            }
            Ok(head) if head[0] == 0xFFFF => return found,
            Ok(head) => {
                found.push(Some((head[0], head[1])));
                at += 2 + head[1];
            }
        }
    }
}

#[test]
fn the_base_may_be_anywhere() {
    for base in [0, 1, 40_001, 50_000] {
        let mut bench = faulty(Kind::Pv, &[Fault::Base(base)]);
        assert_eq!(bench.read(base, 2), [0x5375, 0x6E53]);
        assert_eq!(chain(&mut bench).len(), Kind::Pv.models().len());
        assert!(base == 40_001 || bench.unit.read(40_000, 2).is_err());
    }
    assert_eq!(faulty(Kind::Pv, &[Fault::MarkerSwapped]).read(40_000, 2), [0x6E53, 0x5375]);
}

#[test]
fn a_chain_may_lack_its_end() {
    assert_eq!(chain(&mut faulty(Kind::Pv, &[Fault::NoEndModel])).last(), Some(&None));
    let mut bench = faulty(Kind::Pv, &[Fault::EndWithoutLength]);
    assert_eq!(chain(&mut bench).last(), Some(&None));
    let end = 40_000 + u16::try_from(bench.unit.registers.len()).unwrap() - 2;
    assert_eq!(bench.read(end, 1), [0xFFFF]);
}

#[test]
fn models_may_have_another_length_and_keep_their_values() {
    let mut bench = faulty(Kind::Pv, &[Fault::Model1L65, Fault::LongModel(103), Fault::ShortModel(120)]);
    let lengths: Vec<_> = chain(&mut bench).into_iter().flatten().map(|(_, length)| length).collect();
    assert_eq!(lengths[..6], [65, 53, 16, 30, 44, 24]);
    assert_eq!((bench.get("103.W"), bench.get("121.WMax")), (8_500.0, 10_000.0));
    assert_eq!(bench.unit.read(40_002 + 67 + 52, 3), Ok(vec![0x5A5A; 3]));
    bench.set("123.WMaxLimPct", 40.0).set("123.WMaxLim_Ena", 1.0).pass(20.0);
    assert_eq!(bench.get("103.W"), 4_000.0, "writes go where the models stand");
    let long = 40_002 + 67 + 50;
    assert_eq!(bench.unit.write(16, long, &[1; 5]), Err(Exception::ADDRESS), "not into what is not there");
}

#[test]
fn a_layout_moves_and_comes_back() {
    let mut bench = faulty(Kind::Storage700, &[Fault::MovingLayout(Duration::from_secs(10))]);
    let usual = chain(&mut bench);
    bench.pass(11.0);
    let moved = chain(&mut bench);
    assert_eq!((usual[6], moved[6]), (Some((714, 68)), Some((714, 93))));
    bench.pass(10.0);
    assert_eq!(chain(&mut bench), usual);
    let mut pv = faulty(Kind::Pv, &[Fault::MovingLayout(Duration::from_secs(10))]);
    pv.pass(11.0);
    assert_eq!(chain(&mut pv)[1], Some((103, 75)));
}

#[test]
fn a_changing_scale_factor_changes_no_value_within_one_read() {
    let mut bench = faulty(Kind::Pv, &[Fault::ChangingSf]);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let block = bench.read(40_070, 52);
        let (watts, power) = (block[14].cast_signed(), block[15].cast_signed());
        seen.push(power);
        assert_eq!(f64::from(watts) * 10_f64.powi(i32::from(power)), 8_500.0);
    }
    assert_eq!(seen, [1, 0, 1, 0]);
    bench.unit.set_behaviour(Behaviour::default());
    assert_eq!(bench.raw("103.W_SF"), [0]);
}

#[test]
fn points_are_masked_and_come_back() {
    let mut bench = faulty(Kind::Pv, &[Fault::NoSf("103.W_SF".to_owned())]);
    assert_eq!((bench.raw("103.W_SF"), bench.raw("103.W")), (vec![0x8000], vec![8_500]));
    bench.unit.set_behaviour(Behaviour::of(&[Fault::SerialChange("SN-2".to_owned())]));
    assert_eq!(bench.raw("1.SN")[..3], [0x534E, 0x2D32, 0]);
    assert_eq!(bench.raw("103.W_SF"), [0]);
    bench.unit.set_behaviour(Behaviour::of(&[Fault::Night]));
    bench.pass(60.0);
    let (energy, raw) =
        (bench.raw("103.WH"), [bench.raw("103.W"), bench.raw("103.W_SF"), bench.raw("103.St")]);
    assert_eq!(raw, [vec![0x8000], vec![0x8000], vec![0xFFFF]]);
    assert!(energy != [0, 0] && bench.power() == 0.0);
}

#[test]
fn a_shadow_shows_nothing_of_what_is_in_force() {
    let mut bench = faulty(Kind::Pv, &[Fault::Shadow]);
    let (address, ..) = bench.find("123.WMaxLimPct");
    bench.unit.write(16, address, &[5_000, 0, 0, 0, 1]).unwrap();
    bench.pass(20.0);
    assert_eq!((bench.raw("123.WMaxLimPct"), bench.raw("123.WMaxLim_Ena")), (vec![0], vec![1]));
    assert_eq!((bench.raw("123.Conn"), bench.power()), (vec![0], 5_000.0));
}

#[test]
fn a_stuck_enable_is_off_at_a_hundred_percent_only() {
    for (kind, model) in [(Kind::Pv, 123), (Kind::Pv700, 704)] {
        let enable = if model == 123 { "123.WMaxLim_Ena" } else { "704.WMaxLimPctEna" };
        let mut bench = faulty(kind, &[Fault::EnableStuck]);
        assert_eq!((bench.get(enable), bench.power()), (1.0, 8_500.0));
        bench.set(&format!("{model}.WMaxLimPct"), 30.0).set(enable, 0.0).pass(20.0);
        assert_eq!((bench.get(enable), bench.power()), (1.0, 3_000.0));
        bench.set(&format!("{model}.WMaxLimPct"), 100.0).pass(20.0);
        assert_eq!((bench.get(enable), bench.power()), (1.0, 8_500.0));
    }
}

#[test]
fn a_changed_limit_may_need_its_enable_to_go_off_and_on() {
    let mut bench = faulty(Kind::Pv, &[Fault::EnableEdge]);
    bench.set("123.WMaxLimPct", 40.0).set("123.WMaxLim_Ena", 1.0).pass(20.0);
    bench.set("123.WMaxLimPct", 60.0).set("123.WMaxLim_Ena", 1.0).pass(20.0);
    assert_eq!(bench.power(), 4_000.0);
    bench.set("123.WMaxLim_Ena", 0.0).set("123.WMaxLim_Ena", 1.0).pass(20.0);
    assert_eq!(bench.power(), 6_000.0);
}

#[test]
fn writes_are_refused_dropped_or_kept_without_effect() {
    let mut bench = faulty(Kind::Storage, &[Fault::Local]);
    assert_eq!(bench.get("802.LocRemCtl"), 1.0);
    assert_eq!(bench.try_set("123.WMaxLimPct", 40.0), Err(Exception::FAILURE));
    bench.unit.set_behaviour(Behaviour::of(&[Fault::NotKept]));
    bench.set("123.WMaxLimPct", 40.0);
    assert_eq!(bench.get("123.WMaxLimPct"), 100.0);
    let mut bench = faulty(Kind::Pv, &[Fault::IgnoresLimit]);
    bench.set("123.WMaxLimPct", 40.0).set("123.WMaxLim_Ena", 1.0).pass(60.0);
    assert_eq!((bench.get("123.WMaxLim_Ena"), bench.get("103.W")), (1.0, 8_500.0));
    bench.unit.set_behaviour(Behaviour::of(&[Fault::ExceptionOn(123, 6)]));
    let (address, ..) = bench.find("123.ID");
    assert_eq!(bench.unit.read(address, 2).unwrap()[0], 123, "the header is shown");
    assert_eq!(bench.unit.read(address, 26), Err(Exception(6)));
}

#[test]
fn a_default_reversion_ends_what_nobody_bounded() {
    let mut bench = faulty(Kind::Pv, &[Fault::DefaultReversion(Duration::from_secs(60))]);
    bench.set("123.WMaxLimPct", 40.0).set("123.WMaxLim_Ena", 1.0).pass(50.0);
    assert_eq!(bench.power(), 4_000.0);
    bench.pass(20.0);
    assert_eq!((bench.power(), bench.get("123.WMaxLim_Ena")), (8_500.0, 0.0));
    bench.set("123.WMaxLimPct_RvrtTms", 0.0).set("123.WMaxLim_Ena", 1.0).pass(4_000.0);
    assert_eq!(bench.power(), 4_000.0, "0 means without end");
}

#[test]
fn the_sign_of_a_power_factor_is_the_devices_own() {
    for (faults, sign) in [(vec![], 1.0), (vec![Fault::PfOverexcited], -1.0)] {
        let mut bench = faulty(Kind::Pv, &faults);
        bench.set("123.OutPFSet", -0.9).set("123.OutPFSet_Ena", 1.0).pass(5.0);
        assert!(bench.unit.body().state.reactive_var * sign > 1_000.0, "{faults:?}");
    }
}
