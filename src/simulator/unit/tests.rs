use super::*;
use crate::der::Percent;
use crate::device_map::{Layout, models};
use crate::simulator::faults::Fault;
use crate::simulator::modbus::{Bank as _, Exception, MAX_READ, answer};
use crate::simulator::settings::Kind;
use proptest::prelude::*;
use std::time::Duration;

mod curves;
mod faults;
mod models;

/// A device and its clock; points are named like `123.WMaxLimPct`, and found as a client would: by walking the chain.
struct Bench {
    unit: Unit,
    now: Instant,
}

impl Bench {
    fn new(kind: Kind) -> Self {
        Self::of(DeviceSettings::new("T", kind))
    }

    fn of(settings: DeviceSettings) -> Self {
        let ports = super::super::plant::ports_of(&settings);
        let form = Form::new(settings.kind, &settings.chain(), ports, &|id| models().get(id)).unwrap();
        let now = Instant::now();
        Self { unit: Unit::new(settings, Arc::new(form), now, 8e8), now }
    }

    fn pass(&mut self, seconds: f64) -> &mut Self {
        self.now += Duration::from_secs_f64(seconds);
        self.unit.advance(self.now);
        self
    }

    fn read(&mut self, address: u16, count: u16) -> Vec<u16> {
        self.unit.read(address, count).unwrap()
    }

    /// Address and registers of a point, and its power of ten.
    fn find(&mut self, point: &str) -> (u16, u16, crate::device_map::PointType, i8) {
        let (id, path) = point.split_once('.').unwrap();
        let id: u16 = id.parse().unwrap();
        let (form, image) = (self.unit.form.clone(), self.unit.registers.clone());
        let mut at = self.unit.settings.base + 2;
        loop {
            let head = self.read(at, 2);
            assert_ne!(head[0], 0xFFFF, "no model {id}");
            if head[0] == id {
                let counts = |name: &str| {
                    let cell = form.points(id, name).next().unwrap();
                    image.get(cell.offset).copied()
                };
                let layout = Layout::new(&models().get(id).unwrap(), head[1], &counts);
                let placed = layout.find(path).unwrap_or_else(|| panic!("no point {point}")).clone();
                let power = match placed.scale {
                    Some(crate::device_map::PlacedScale::Point(p)) => {
                        let scale = at + layout.points[p].offset;
                        i8::try_from(self.read(scale, 1)[0].cast_signed()).unwrap_or(0)
                    }
                    _ => 0,
                };
                return (at + placed.offset, placed.point.size, placed.point.kind, power);
            }
            at += 2 + head[1];
        }
    }

    fn raw(&mut self, point: &str) -> Vec<u16> {
        let (address, size, ..) = self.find(point);
        self.read(address, size)
    }

    fn get(&mut self, point: &str) -> f64 {
        let (address, size, kind, power) = self.find(point);
        let registers = self.read(address, size);
        decode(kind, power, &registers).unwrap_or_else(|| panic!("{point} is not implemented"))
    }

    fn try_set(&mut self, point: &str, value: f64) -> Result<(), Exception> {
        let (address, size, kind, power) = self.find(point);
        let mut registers = vec![0; usize::from(size)];
        encode(kind, power, value, &mut registers);
        self.unit.write(16, address, &registers)
    }

    fn set(&mut self, point: &str, value: f64) -> &mut Self {
        self.try_set(point, value).unwrap_or_else(|why| panic!("{point} = {value}: {why:?}"));
        self
    }

    fn power(&self) -> f64 {
        self.unit.body().state.power_w
    }
}

fn storage(kind: Kind) -> Bench {
    Bench::new(kind)
}

#[test]
fn a_legacy_limit_acts_when_it_is_enabled_and_only_then() {
    for kind in [Kind::Pv, Kind::PvFloat, Kind::PvSingle] {
        let mut bench = Bench::new(kind);
        let model = kind.models()[1];
        assert_eq!(bench.power(), 8_500.0, "the sun shines from the start");
        bench.set("123.WMaxLimPct", 40.0).pass(10.0);
        assert_eq!(bench.power(), 8_500.0, "a setting is no order");
        bench.set("123.WMaxLim_Ena", 1.0).pass(1.0);
        assert_eq!(bench.power(), 6_500.0, "20 % of 10 kW each second");
        bench.pass(10.0);
        assert_eq!(bench.get(&format!("{model}.W")), 4_000.0);
        assert_eq!(bench.get(&format!("{model}.St")), 5.0, "throttled");
        assert_eq!(bench.get("122.StActCtl"), 1.0);
        bench.set("123.WMaxLimPct", 70.0).pass(10.0);
        assert_eq!(bench.power(), 4_000.0, "a changed setting waits for the enable too");
        bench.set("123.WMaxLim_Ena", 1.0).pass(10.0);
        assert_eq!(bench.power(), 7_000.0);
        bench.set("123.WMaxLim_Ena", 0.0).pass(10.0);
        assert_eq!((bench.power(), bench.get(&format!("{model}.St"))), (8_500.0, 4.0));
        assert!(!bench.unit.body().orders.held());
    }
}

#[test]
fn five_registers_in_one_write_are_a_whole_limit_that_runs_out() {
    let mut bench = Bench::new(Kind::Pv);
    let (address, ..) = bench.find("123.WMaxLimPct");
    bench.unit.write(16, address, &[2_500, 0, 60, 0, 1]).unwrap();
    bench.pass(30.0);
    assert_eq!(bench.power(), 2_500.0);
    bench.unit.write(16, address, &[2_500, 0, 60, 0, 1]).unwrap();
    bench.pass(45.0);
    assert_eq!(bench.power(), 2_500.0, "the refresh started the time again");
    bench.pass(45.0);
    assert_eq!((bench.power(), bench.get("123.WMaxLim_Ena")), (8_500.0, 0.0));
    assert_eq!(bench.unit.writes().len(), 2);
}

#[test]
fn a_limit_of_the_700_series_reverts_to_what_it_says() {
    let mut bench = Bench::new(Kind::Pv700);
    let (address, ..) = bench.find("704.WMaxLimPct");
    bench.unit.write(16, address, &[3_000, 6_000, 1, 0, 20]).unwrap();
    bench.set("704.WMaxLimPctEna", 1.0).pass(5.0);
    assert_eq!((bench.power(), bench.get("704.WMaxLimPctRvrtRem")), (3_000.0, 15.0));
    assert_eq!(bench.get("701.ThrotSrc"), 1.0);
    bench.pass(20.0);
    assert_eq!((bench.power(), bench.get("704.WMaxLimPctEna")), (6_000.0, 1.0));
    assert_eq!((bench.get("704.WMaxLimPct"), bench.get("704.WMaxLimPctRvrtRem")), (60.0, 0.0));
    bench.set("704.WMaxLimPctEnaRvrt", 0.0).set("704.WMaxLimPctEna", 1.0).pass(30.0);
    assert_eq!((bench.power(), bench.get("704.WMaxLimPctEna")), (8_500.0, 0.0));
}

#[test]
fn percent_has_the_resolution_of_a_hundredth() {
    let mut bench = Bench::new(Kind::Pv700);
    bench.set("704.WMaxLimPct", 33.33).set("704.WMaxLimPctEna", 1.0).pass(60.0);
    assert_eq!((bench.power().round(), bench.get("701.W")), (3_333.0, 3_333.0));
}

#[test]
fn the_configured_maximum_is_the_base_of_percent() {
    let mut bench = Bench::new(Kind::Pv);
    bench.set("121.WMax", 5_000.0).pass(10.0);
    assert_eq!(bench.power(), 5_000.0);
    bench.set("123.WMaxLimPct", 50.0).set("123.WMaxLim_Ena", 1.0).pass(10.0);
    assert_eq!(bench.power(), 2_500.0);
}

#[test]
fn a_set_point_charges_and_discharges_the_700_series() {
    let mut bench = storage(Kind::Storage700);
    assert_eq!(bench.power(), 0.0);
    bench.set("704.WSetMod", 1.0).set("704.WSet", -4_000.0).pass(5.0);
    assert_eq!(bench.power(), 0.0);
    bench.set("704.WSetEna", 1.0).pass(3_600.0);
    assert_eq!((bench.power(), bench.get("701.W"), bench.get("714.DCW")), (-4_000.0, -4_000.0, -3_880.0));
    assert!((bench.get("713.SoC") - 69.2).abs() < 0.05, "4 kWh at 96 % into 20 kWh");
    bench.set("704.WSet", 6_000.0).set("704.WSetEna", 1.0).pass(60.0);
    assert_eq!(bench.power(), 6_000.0);
    bench.set("704.WMaxLimPct", 30.0).set("704.WMaxLimPctEna", 1.0).pass(60.0);
    assert_eq!(bench.power(), 3_000.0, "the limit caps the set point");
    bench.set("704.WSetEna", 0.0).pass(60.0);
    assert_eq!(bench.power(), 0.0);
    assert_eq!(bench.try_set("704.WSet", 10_001.0), Err(Exception::VALUE));
    assert_eq!(bench.try_set("704.WSet", -10_001.0), Err(Exception::VALUE));
}

#[test]
fn a_set_point_runs_out() {
    let mut bench = storage(Kind::Storage700);
    bench.set("704.WSet", 5_000.0).set("704.WSetRvrtTms", 60.0).set("704.WSetEna", 1.0).pass(59.0);
    assert_eq!((bench.power(), bench.get("704.WSetRvrtRem")), (5_000.0, 1.0));
    bench.pass(10.0);
    assert_eq!((bench.power(), bench.get("704.WSetEna")), (0.0, 0.0));
}

#[test]
fn the_window_of_model_124_forces_holds_and_lets_go() {
    let mut bench = storage(Kind::Storage);
    let mut window = |mode: f64, charge: f64, discharge: f64| {
        bench.set("124.OutWRte", discharge).set("124.InWRte", charge).set("124.StorCtl_Mod", mode).pass(30.0);
        bench.power()
    };
    assert_eq!(window(3.0, 50.0, -50.0), -5_000.0);
    assert_eq!(window(3.0, -30.0, 30.0), 3_000.0);
    assert_eq!(window(3.0, 0.0, 0.0), 0.0);
    assert_eq!(window(0.0, 50.0, -50.0), 0.0);
    bench.set("124.InWRte", 20.0).set("124.OutWRte", -20.0).set("124.InOutWRte_RvrtTms", 100.0);
    bench.set("124.StorCtl_Mod", 3.0).pass(99.0);
    assert_eq!((bench.power(), bench.get("124.ChaSt")), (-2_000.0, 4.0));
    bench.pass(20.0);
    assert_eq!((bench.power(), bench.get("124.StorCtl_Mod")), (0.0, 0.0));
    assert_eq!(bench.try_set("124.StorCtl_Mod", 4.0), Err(Exception::VALUE));
}

#[test]
fn what_a_battery_does_alone_is_held_by_the_window() {
    let mut settings = DeviceSettings::new("T", Kind::Storage);
    settings.automatic = crate::der::Watts::new(4_000.0);
    let mut bench = Bench::of(settings);
    assert_eq!(bench.power(), 4_000.0);
    bench.set("124.OutWRte", 0.0).set("124.StorCtl_Mod", 2.0).pass(30.0);
    assert_eq!(bench.power(), 0.0);
}

#[test]
fn grid_charging_can_be_forbidden_and_the_reserve_is_kept() {
    let mut bench = storage(Kind::Storage);
    bench.set("124.ChaGriSet", 0.0);
    bench.set("124.InWRte", 50.0).set("124.OutWRte", -50.0).set("124.StorCtl_Mod", 3.0).pass(30.0);
    assert_eq!(bench.power(), 0.0);
    bench.set("124.MinRsvPct", 49.0).set("124.InWRte", -100.0).set("124.OutWRte", 100.0);
    bench.set("124.StorCtl_Mod", 3.0).pass(3_600.0);
    assert_eq!((bench.power(), bench.get("802.SoC"), bench.get("124.ChaSt")), (0.0, 49.0, 2.0));
}

#[test]
fn it_leaves_and_returns_with_the_legacy_control() {
    let mut bench = Bench::new(Kind::Pv);
    bench.set("123.Conn", 0.0).pass(2.0);
    assert_eq!((bench.power(), bench.get("103.St"), bench.get("122.ECPConn")), (0.0, 1.0, 0.0));
    bench.set("123.Conn", 1.0).pass(10.0);
    assert_eq!((bench.power(), bench.get("122.ECPConn"), bench.get("122.PVConn")), (8_500.0, 1.0, 7.0));
    bench.set("123.Conn_RvrtTms", 30.0).set("123.Conn", 0.0).pass(29.0);
    assert_eq!(bench.power(), 0.0);
    bench.pass(20.0);
    assert_eq!((bench.power(), bench.get("123.Conn")), (8_500.0, 1.0));
}

#[test]
fn permission_to_enter_service_waits_its_delay() {
    let mut bench = Bench::new(Kind::Pv700);
    bench.set("703.ESDlyTms", 10.0).set("703.ES", 0.0).pass(2.0);
    assert_eq!((bench.power(), bench.get("701.ConnSt"), bench.get("701.St")), (0.0, 0.0, 0.0));
    bench.set("703.ES", 1.0).pass(4.0);
    assert_eq!((bench.power(), bench.get("703.ESDlyRemTms"), bench.get("701.InvSt")), (0.0, 6.0, 2.0));
    bench.pass(20.0);
    assert_eq!((bench.power(), bench.get("701.ConnSt"), bench.get("703.ESDlyRemTms")), (8_500.0, 1.0, 0.0));
}

#[test]
fn reactive_power_and_power_factor_exclude_each_other() {
    let mut bench = Bench::new(Kind::Pv700);
    bench.set("704.VarSetMod", 4.0).set("704.VarSet", -2_000.0).set("704.VarSetEna", 1.0).pass(1.0);
    assert_eq!((bench.get("701.Var"), bench.get("701.ThrotSrc")), (-2_000.0, 4.0));
    let (group, ..) = bench.find("704.PFWInj.PF");
    assert_eq!(bench.unit.write(16, group, &[950]), Err(Exception::ADDRESS), "half a sync group");
    bench.unit.write(16, group, &[950, 0]).unwrap();
    bench.set("704.PFWInjEna", 1.0).pass(1.0);
    assert_eq!(bench.get("704.VarSetEna"), 0.0);
    assert!((bench.get("701.Var") - 2_794.0).abs() <= 1.0 && (bench.get("701.PF") - 0.95).abs() < 1e-9);
}

#[test]
fn the_legacy_power_factor_has_the_eei_sign() {
    let mut bench = Bench::new(Kind::Pv);
    bench.set("123.OutPFSet", -0.9).set("123.OutPFSet_Ena", 1.0).pass(1.0);
    assert!(bench.get("103.VAr") > 0.0 && bench.get("103.PF") < 0.0);
    bench.set("123.OutPFSet", 0.9).set("123.OutPFSet_Ena", 1.0).pass(1.0);
    assert!(bench.get("103.VAr") < 0.0 && bench.get("103.PF") > 0.0);
    bench.set("123.VArPct_Mod", 1.0).set("123.VArWMaxPct", 10.0).set("123.VArPct_Ena", 1.0).pass(1.0);
    assert_eq!((bench.get("103.VAr"), bench.get("123.OutPFSet_Ena")), (1_000.0, 0.0));
}

#[test]
fn what_cannot_be_written_is_refused_and_nothing_of_it_is_kept() {
    let mut bench = Bench::new(Kind::Pv);
    assert_eq!(bench.try_set("103.W", 1.0), Err(Exception::ADDRESS), "read-only");
    assert_eq!(bench.try_set("121.PFMinQ1", 0.9), Err(Exception::ADDRESS), "not implemented");
    assert_eq!(bench.try_set("123.WMaxLimPct", 100.5), Err(Exception::VALUE));
    assert_eq!(bench.try_set("123.WMaxLim_Ena", 2.0), Err(Exception::VALUE));
    let (address, ..) = bench.find("123.WMaxLimPct");
    assert_eq!(bench.unit.write(16, address, &[5_000, 0, 0, 0, 7]), Err(Exception::VALUE));
    assert_eq!(bench.unit.write(6, address, &[0xFFFF]), Err(Exception::VALUE), "the sentinel");
    assert_eq!(bench.get("123.WMaxLimPct"), 100.0);
    let refused: Vec<_> = bench.unit.writes().iter().map(|w| w.refused).collect();
    assert_eq!(refused, [Some(2), Some(2), Some(3), Some(3), Some(3), Some(3)]);
    let mut wide = Bench::new(Kind::Pv700);
    let (address, ..) = wide.find("704.WSet");
    assert_eq!(wide.unit.write(6, address, &[0]), Err(Exception::ADDRESS), "half a point");
}

#[test]
fn devices_of_the_old_specification_ignore_and_go_on() {
    let mut bench = Bench::new(Kind::Pv);
    bench.unit.set_behaviour(Behaviour::of(&[Fault::SilentIgnore]));
    assert_eq!(bench.try_set("103.W", 1.0), Ok(()));
    assert_eq!(bench.get("103.W"), 8_500.0);
    let (address, ..) = bench.find("123.WMaxLimPct");
    assert_eq!(bench.unit.write(16, address, &[5_000, 0, 0, 0, 7]), Err(Exception::VALUE));
    assert_eq!(bench.get("123.WMaxLimPct"), 50.0, "what stands before the bad value is written");
}

#[test]
fn at_night_a_pv_inverter_sleeps() {
    let mut bench = Bench::new(Kind::Pv);
    bench.unit.set_irradiance(0.0);
    assert_eq!((bench.power(), bench.get("103.W"), bench.get("103.St")), (0.0, 0.0, 2.0));
    assert_eq!(bench.raw("103.PF"), [0x8000], "nothing flows, so there is no power factor");
    bench.unit.set_irradiance(0.5);
    bench.pass(1.0);
    assert_eq!(bench.power(), 2_000.0, "the morning comes at the ramp");
}

#[test]
fn measurements_agree_with_each_other() {
    let mut bench = Bench::new(Kind::PvFloat);
    bench.pass(3_600.0);
    let (w, va, a, v) =
        (bench.get("113.W"), bench.get("113.VA"), bench.get("113.AphB"), bench.get("113.PhVphB"));
    assert!((a * v * 3.0 - va).abs() < 1.0 && (va - w).abs() < 1.0);
    assert!((bench.get("113.PPVphAB") / v - 3_f64.sqrt()).abs() < 1e-4);
    assert!((49.9..50.1).contains(&bench.get("113.Hz")));
    let before = bench.get("122.ActWh");
    bench.pass(3_600.0);
    assert_eq!(bench.get("122.ActWh") - before, 8_500.0);
    assert_eq!(bench.get("122.Tms"), 8e8 + 7_200.0);
}

#[test]
fn the_sun_swings_slowly_and_the_same_each_time() {
    let mut settings = DeviceSettings::new("T", Kind::Pv);
    settings.variation = 0.1;
    let course = |mut bench: Bench| (0..60).map(|_| bench.pass(10.0).power()).collect::<Vec<_>>();
    let (one, two) = (course(Bench::of(settings.clone())), course(Bench::of(settings)));
    assert_eq!(one, two);
    assert!(one.iter().any(|p| *p > 9_000.0) && one.iter().any(|p| *p < 8_000.0), "{one:?}");
}

#[test]
fn a_year_of_silence_is_worked_through_in_bounded_time() {
    let mut settings = DeviceSettings::new("T", Kind::Storage700);
    settings.variation = 0.1;
    let mut bench = Bench::of(settings);
    bench.set("704.WSet", 1_000.0).set("704.WSetEna", 1.0).pass(3.15e7);
    assert_eq!((bench.power(), bench.get("713.SoC")), (0.0, 5.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_request_upsets_a_device(
        kind in prop::sample::select(Kind::ALL.to_vec()),
        requests in prop::collection::vec((prop::sample::select(vec![3_u8, 6, 16]), 39_990_u16..40_600, 1_u8..30, any::<[u8; 8]>(), 0.0..100.0_f64), 1..20),
    ) {
        let mut bench = Bench::new(kind);
        for (function, address, count, data, seconds) in requests {
            let [high, low] = address.to_be_bytes();
            let mut pdu = vec![function, high, low];
            match function {
                16 => {
                    pdu.extend([0, count, count * 2]);
                    // Mostly small numbers: they are the ones that get through.
                    pdu.extend(data.iter().cycle().enumerate().map(|(n, b)| if n % 2 == 0 { 0 } else { b % 4 }).take(usize::from(count) * 2));
                }
                6 => pdu.extend([0, data[0] % 8]),
                _ => pdu.extend([0, count]),
            }
            let reply = answer(&pdu, &mut bench.unit, MAX_READ);
            prop_assert!(reply[0] & 0x7F == function);
            bench.pass(seconds);
            let state = bench.unit.body().state;
            prop_assert!(state.power_w.is_finite() && state.power_w.abs() <= 10_000.0 + 1e-6);
            prop_assert!((0.0..=100.0).contains(&state.soc) && state.soc == Percent::new(state.soc).get());
            prop_assert!(kind.stores() || (0.0..=8_500.0 + 1e-6).contains(&state.power_w));
        }
    }
}

/// Orders put in force past the registers: for the comparison with an outstation.
impl Unit {
    pub fn order_limit(&mut self, percent: f64, revert_s: f64) {
        let limit = crate::simulator::orders::Limit { percent, charge_percent: 100.0, ramp_s: 0.0 };
        self.body.orders.limit.give(limit, 0.0, revert_s);
    }

    pub fn order_vars(&mut self, vars: f64) {
        self.body.orders.vars.give(crate::simulator::physics::Reactive::Vars(vars), 0.0, 0.0);
    }

    pub fn order_connect(&mut self, on: bool) {
        self.body.orders.connect.give(on, 0.0, 0.0);
    }
}
