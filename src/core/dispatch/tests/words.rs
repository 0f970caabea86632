//! What an operator is told of a member and of a dispatch, and what must not be told.

use super::*;
use crate::core::service::{DispatchView, ParameterView};

const VALUE: &[DerFunction] = &[DerFunction::RealPowerDispatch];
const SECOND: Duration = Duration::from_secs(1);
const NO_MORE: &str = "delivers what it can: its source or its storage gives no more";

/// PV of 30 kW that deliver 6 kW each of the 20 kW asked of them, for long.
fn limited(n: usize) -> Rig {
    let mut r = Rig::new(n, VALUE, vec![]);
    for i in 0..n {
        r.online(i);
        r.cap(i, cap(30e3, 0.0, LIMIT));
        r.poll(i, 6e3);
    }
    r.dispatch("a", 20e3 * n as f64, 0, 3600);
    r.run(8, 6e3);
    assert_eq!(r.shown(), NO_MORE);
    r
}

impl Rig {
    /// Seconds in which all deliver `watts` and take what they are asked.
    fn run(&mut self, seconds: u32, watts: f64) {
        for _ in 0..seconds {
            let a = self.step();
            self.applied(&a);
            self.pass(SECOND);
            for i in 0..self.state.snapshot().devices.len() {
                self.poll(i, watts);
            }
        }
        let a = self.step();
        self.applied(&a);
    }
    /// Why the first member is as it is, as of the last step.
    fn shown(&mut self) -> String {
        self.state.snapshot().dispatches[0].shares[0].reason.clone()
    }
    fn of(&mut self, name: &str) -> DispatchView {
        self.step();
        let all = self.state.snapshot().dispatches;
        (**all.iter().find(|d| d.mrid.as_str() == name).unwrap()).clone()
    }
    fn why(&mut self, i: usize) -> String {
        self.of("a").shares[i].reason.clone()
    }
    fn group_power(&mut self) -> ParameterView {
        let group = self.state.snapshot().groups[0].clone();
        *group.parameters.iter().find(|p| p.parameter == Parameter::ActivePower).unwrap()
    }
}

#[test]
fn a_share_that_was_not_applied_yet_is_no_proof_of_what_a_member_can_do() {
    let mut r = limited(1);
    r.dispatch("b", 2e3, 0, 3600);
    r.run(8, 2e3);
    r.dispatch("c", 29e3, 0, 3600);
    let asked = r.step();
    r.pass(SECOND);
    r.poll(0, 2e3);
    assert_eq!(r.of("c").shares[0].reason, "", "one second after a new share");
    r.applied(&asked);
    r.pass(SECOND);
    r.poll(0, 2.1e3);
    assert_ne!(r.of("c").shares[0].reason, NO_MORE, "applied just now");
}

#[test]
fn an_order_that_did_not_arrive_is_no_limit_of_its_source() {
    for outcome in [Outcome::Expired, Outcome::TimedOut] {
        let mut r = limited(1);
        let asks = (0..60).find_map(|_| {
            r.pass(SECOND);
            r.poll(0, 6e3);
            let a = r.step();
            (!a.commands.is_empty()).then_some(a)
        });
        let (index, command) = asks.unwrap().commands[0].clone();
        r.end(index, &command, outcome);
        r.pass(SECOND);
        r.poll(0, 6e3);
        assert_eq!(r.why(0), "what it was asked last is not confirmed: it is asked again");
    }
}

#[test]
fn one_that_was_taken_back_by_hand_a_second_ago_is_not_said_to_do_what_it_can() {
    let mut r = limited(1);
    r.run(1, 2e3);
    assert_ne!(r.shown(), NO_MORE);
    let told: Vec<String> = (0..30)
        .map(|_| {
            r.run(1, 2e3);
            r.shown()
        })
        .collect();
    assert!(told.iter().take(1).all(|why| why != NO_MORE), "{told:?}");
    assert!(told.iter().any(|why| why == NO_MORE), "{told:?}");
}

#[test]
fn what_is_to_be_released_is_counted_right() {
    let mut r = limited(3);
    r.pass(Duration::from_secs(3600));
    for i in 0..3 {
        r.poll(i, 6e3);
    }
    let releases = r.step();
    assert_eq!(releases.commands.len(), 3);
    assert_eq!(r.of("a").reason, "3 members to be released");
    // One is silent, and its driver still hopes.
    r.pass(Duration::from_secs(20));
    r.poll(0, 6e3);
    r.poll(1, 6e3);
    r.state.watch(r.now);
    assert_eq!(r.of("a").reason, "3 members to be released, 1 of them not reachable now");
    r.state(2, DeviceState::CommLost);
    for (index, command) in releases.commands.iter().filter(|(index, _)| *index != dix(2)) {
        r.end(*index, command, Outcome::Applied(ReadBack::default()));
    }
    assert_eq!(r.of("a").reason, "1 member to be released, which is not reachable now");
}

#[test]
fn a_dispatch_that_is_wholly_replaced_delivers_nothing() {
    let mut r = limited(2);
    assert_eq!((r.of("a").replaced, r.of("a").delivered), (false, Some(12e3)));
    r.dispatch("b", 5e3, 0, 3600);
    r.run(1, 6e3);
    let a = r.of("a");
    assert_eq!((a.replaced, a.delivered, a.asked), (true, None, Some(40e3)));
    assert_eq!(a.reason, "replaced: later dispatches have all its members");
    let b = r.of("b");
    assert_eq!((b.replaced, b.delivered), (false, Some(12e3)));
}

#[test]
fn installed_power_says_on_how_many_members_it_rests() {
    let mut r = Rig::new(2, VALUE, vec![]);
    r.online(0);
    r.cap(0, cap(80e3, 0.0, LIMIT));
    assert_eq!((r.group_power().installed_max, r.group_power().installed_on), (Some(80e3), 1));
    r.cap(1, cap(40e3, 0.0, LIMIT));
    assert_eq!((r.group_power().installed_max, r.group_power().installed_on), (Some(120e3), 2));
}

#[test]
fn all_that_a_silent_device_told_goes_stale_together() {
    let mut r = Rig::new(1, VALUE, vec![]);
    r.online(0);
    let tell = |r: &mut Rig, quantities: &[Quantity]| {
        let at = r.now.wall;
        let reading = |q: &Quantity| Reading { quantity: *q, value: 1e3, quality: Quality::Good, at };
        let readings = quantities.iter().map(reading).collect();
        r.state.report(dix(0), Report::Readings(readings), r.now);
    };
    let qualities = |r: &mut Rig| -> Vec<Quality> {
        r.state.watch(r.now);
        r.state.snapshot().devices[0].readings.iter().map(|reading| reading.quality).collect()
    };
    tell(&mut r, &[Quantity::ActivePower, Quantity::AvailableActivePower]);
    r.pass(Duration::from_secs(4));
    tell(&mut r, &[Quantity::ActivePower]);
    assert_eq!(qualities(&mut r), [Quality::Good, Quality::Good]);
    r.pass(Duration::from_secs(6));
    assert_eq!(qualities(&mut r), [Quality::Stale, Quality::Stale], "no poll, no value");
    // What is read seldom is as recent as usual, and its turn comes later.
    tell(&mut r, &[Quantity::ActivePower]);
    assert_eq!(qualities(&mut r), [Quality::Good, Quality::Good]);
    r.pass(Duration::from_secs(6));
    qualities(&mut r);
    r.pass(Duration::from_secs(600));
    tell(&mut r, &[Quantity::ActivePower]);
    assert_eq!(qualities(&mut r), [Quality::Good, Quality::Stale]);
}
