//! Members that are slow, or held up, are not silent: nobody else is asked for their part.

use super::*;
use std::sync::Arc;

const VALUE: &[DerFunction] = &[DerFunction::RealPowerDispatch];
const SECOND: Duration = Duration::from_secs(1);

fn two() -> Rig {
    let mut r = Rig::new(2, VALUE, vec![]);
    for i in 0..2 {
        r.online(i);
        r.cap(i, cap(20e3, 0.0, LIMIT));
        r.poll(i, 20e3);
    }
    r.dispatch("a", 20e3, 0, 3600);
    let a = r.step();
    r.applied(&a);
    r
}

impl Rig {
    fn heard(&mut self, i: usize, took: Duration) {
        self.state.report(dix(i), Report::Heard { took }, self.now);
    }
    fn slow_poll(&mut self, i: usize, took: Duration) {
        let (quantity, quality) = (Quantity::ActivePower, Quality::Good);
        let readings = vec![Reading { quantity, value: 10e3, quality, at: self.now.wall }];
        let poll = Poll { readings, lateness: Duration::ZERO, took };
        self.state.report(dix(i), Report::Poll(poll), self.now);
    }
    /// What is asked of the second, of which is heard each second, while `first` is heard of as it may.
    fn asked_of_second(&mut self, seconds: u32, first: impl Fn(&mut Self, u32)) -> Vec<f64> {
        let mut asked = Vec::new();
        for second in 1..=seconds {
            self.pass(SECOND);
            first(self, second);
            self.poll(1, 10e3);
            self.state.watch(self.now);
            let a = self.step();
            asked.extend(a.commands.iter().filter(|(i, _)| i.get() == 1).map(|(_, c)| match c.setpoint {
                Setpoint::LimitActivePower(w) => w.get(),
                ref other => panic!("{other}"),
            }));
            self.applied(&a);
        }
        asked
    }
    fn seen(&mut self) -> Arc<crate::core::service::DispatchView> {
        self.step();
        self.state.snapshot().dispatches[0].clone()
    }
    fn quality(&mut self, i: usize) -> Quality {
        self.state.snapshot().devices[i].readings[0].quality
    }
}

#[test]
fn one_that_answers_the_steps_of_a_command_and_no_poll_keeps_its_part() {
    let mut r = two();
    let asked = r.asked_of_second(40, |r, _| r.heard(0, SECOND));
    assert!(asked.iter().all(|watts| *watts == 10e3), "{asked:?}");
    assert_eq!(r.quality(0), Quality::Stale, "its power is not known, and is not shown as if it were");
    let view = r.seen();
    assert_eq!((view.delivered, view.rests_on), (Some(10e3), 1));
    assert_eq!(
        view.reason,
        "the power of 1 of 2 members is not known: what is delivered rests on the other 1"
    );
    let asked = r.asked_of_second(7, |_, _| {});
    assert!(asked.contains(&20e3), "it is silent now: {asked:?}");
}

#[test]
fn values_of_a_slow_one_are_good_for_as_long_as_its_polls_take() {
    let mut r = two();
    r.slow_poll(0, SECOND * 6);
    let asked = r.asked_of_second(60, |r, second| {
        r.heard(0, SECOND * 3 / 2);
        if second % 7 == 0 {
            r.slow_poll(0, SECOND * 7);
        }
        assert_eq!(r.quality(0), Quality::Good, "after {second} s");
    });
    assert!(asked.iter().all(|watts| *watts == 10e3), "{asked:?}");
}

#[test]
fn an_order_to_a_slow_one_has_the_time_it_takes_and_not_beyond_half_its_hold() {
    let mut r = two();
    let expiry = |r: &Rig, a: &Actions| a.commands[0].1.expires_at - r.now.mono;
    r.dispatch("b", 30e3, 0, 3600);
    let a = r.step();
    assert_eq!(expiry(&r, &a), SECOND * 5);
    r.pass(SECOND * 9);
    r.applied(&a);
    r.slow_poll(0, SECOND * 4);
    r.dispatch("c", 20e3, 0, 3600);
    let a = r.step();
    assert_eq!(expiry(&r, &a), SECOND * 22);
    r.pass(SECOND * 50);
    r.slow_poll(0, SECOND * 50);
    r.applied(&a);
    r.dispatch("d", 30e3, 0, 3600);
    let a = r.step();
    assert_eq!(expiry(&r, &a), SECOND * 30);
}
