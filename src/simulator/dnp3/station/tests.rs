//! An outstation without its protocol: the same body as a device with registers.

use super::*;
use crate::der::Percent;
use crate::simulator::registers::Form;
use crate::simulator::settings::Kind;
use crate::simulator::unit::Unit;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

struct Pair {
    station: Station,
    unit: Unit,
    now: Instant,
}

impl Pair {
    /// The same device twice: once with points, once with registers (700 series, for they say all that points say).
    fn of(kind: Kind, ramp: f64) -> Self {
        let registers = if kind.stores() { Kind::Storage700 } else { Kind::Pv700 };
        let settings = |kind| {
            let mut settings = DeviceSettings::new("TWIN", kind);
            settings.ramp_percent_per_s = ramp;
            settings.soc = Percent::new(50.0);
            settings
        };
        let now = Instant::now();
        let form =
            Form::new(registers, &settings(registers).chain(), 2, &|id| crate::device_map::models().get(id));
        let unit = Unit::new(settings(registers), Arc::new(form.unwrap()), now, 0.0);
        Self { station: Station::new(settings(kind), now), unit, now }
    }

    fn pass(&mut self, seconds: f64) {
        self.now += Duration::from_secs_f64(seconds);
        self.station.advance(self.now);
        self.unit.advance(self.now);
    }

    fn write(&mut self, output: u16, raw: i32) {
        assert_eq!(self.station.obey(true, output, Action::Write(raw), false), 0, "AO{output}={raw}");
    }

    fn latch(&mut self, output: u16, on: bool) {
        assert_eq!(self.station.obey(false, output, Action::Latch(on), true), 0, "BO{output}={on}");
    }

    fn alike(&self) -> bool {
        let (a, b) = (&self.station.body.state, &self.unit.body().state);
        let near = |a: f64, b: f64| (a - b).abs() < 0.5;
        near(a.power_w, b.power_w)
            && near(a.reactive_var, b.reactive_var)
            && (a.soc - b.soc).abs() < 0.01
            && a.connection == b.connection
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_orders_give_the_same_power_whatever_tells_them() {
    for (kind, ramp) in [(Kind::Pv, 20.0), (Kind::Storage, 7.0)] {
        let mut pair = Pair::of(kind, ramp);
        assert!(pair.alike(), "at rest");
        pair.write(87, 1_000);
        pair.write(88, 300);
        pair.write(85, 12);
        pair.latch(17, true);
        pair.unit.order_limit(30.0, 12.0);
        for second in 0..20 {
            pair.pass(1.0);
            assert!(pair.alike(), "{kind}, limit, second {second}");
        }
        pair.write(5, 2);
        pair.write(203, 400);
        pair.latch(27, true);
        pair.unit.order_vars(0.4 * 4_800.0);
        pair.pass(1.0);
        assert!(pair.alike(), "{kind}, reactive power");
        pair.latch(5, false);
        pair.unit.order_connect(false);
        for tenth in 0..20 {
            pair.pass(0.1);
            assert!(pair.alike(), "{kind}, leaving, tenth {tenth}");
        }
    }
}

proptest! {
    /// Whatever is written, it never injects more than its source has, nor absorbs without a battery.
    #[test]
    fn no_command_makes_power_from_nothing(
        storage: bool,
        commands in proptest::collection::vec((any::<bool>(), 0_u16..460, any::<i32>(), 0_i32..1_200, any::<bool>()), 0..60),
    ) {
        let kind = if storage { Kind::Storage } else { Kind::Pv };
        let now = Instant::now();
        let mut station = Station::new(DeviceSettings::dnp3("ANY", kind), now);
        let mut later = now;
        for (analog, index, wild, tame, on) in commands {
            let raw = if on { tame } else { wild };
            let (index, action) = if analog { (index, Action::Write(raw)) } else { (index % 45, Action::Latch(on)) };
            station.obey(analog, index, action, true);
            later += Duration::from_millis(700);
            station.advance(later);
            let state = station.body.state;
            prop_assert!(state.power_w.is_finite() && state.power_w.abs() <= 10_000.0 + 1e-6);
            prop_assert!((0.0..=100.0).contains(&state.soc));
            prop_assert!(storage || (0.0..=8_500.0 + 1e-6).contains(&state.power_w));
        }
        for index in 0..600 {
            let _ = (station.analog(index), station.status(index), station.output(index), station.switch(index));
        }
    }
}
