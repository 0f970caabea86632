//! Failures that overlap, members that two dispatches cover, and what a cap allows.

use super::*;

const VALUE: &[DerFunction] = &[DerFunction::RealPowerDispatch];
const CAP: &[DerFunction] = &[DerFunction::MaxRealPowerLimiting];

/// PV of 30 kW that run free at `free` W.
fn pv(n: usize, functions: &[DerFunction], free: f64) -> Rig {
    let mut r = Rig::new(n, functions, vec![]);
    for i in 0..n {
        r.online(i);
        r.cap(i, cap(30e3, 0.0, LIMIT));
        r.poll(i, free);
    }
    r
}
fn no() -> Outcome {
    Outcome::Refused("local".into())
}
fn watts(setpoint: &Setpoint) -> f64 {
    match setpoint {
        Setpoint::LimitActivePower(w) | Setpoint::SetActivePower(w) => w.get(),
        other => panic!("{other}"),
    }
}
fn applied_as(c: &Command) -> Outcome {
    let active_power = Some(Watts::new(watts(&c.setpoint)));
    Outcome::Applied(ReadBack { active_power, bounded: true, verified: true, doubt: None })
}
fn asked(a: &Actions) -> Vec<(usize, Setpoint)> {
    a.commands.iter().map(|(i, c)| (i.get(), c.setpoint.clone())).collect()
}
fn limit(w: f64) -> Setpoint {
    Setpoint::LimitActivePower(Watts::new(w))
}
impl Rig {
    /// A dispatch of a group of the first device alone.
    fn dispatch_first(&mut self, w: f64) {
        let group = NewGroup {
            mrid: None,
            description: None,
            functions: VALUE.iter().copied().collect(),
            members: vec![Reference::by_mrid(mrid(0))],
            names: vec![Name::plain("first")],
            version: None,
        };
        let plan = self.state.create_groups(vec![group], self.now.wall);
        self.state.apply(plan.changes);
        let schedule = DispatchSchedule::new(
            CurveStyle::ConstantYValue,
            self.now.wall,
            3600,
            TimeIntervalKind::Second,
            vec![w],
        );
        let dispatch = NewDispatch {
            mrid: None,
            names: vec![],
            group: Reference::by_name("first"),
            parameter: Parameter::ActivePower,
            schedules: vec![schedule.unwrap()],
        };
        let plan = self.state.create_dispatches(vec![dispatch], self.now.wall);
        self.state.apply(plan.changes);
    }
    fn reason(&mut self, place: usize) -> String {
        self.state.snapshot().dispatches[place].reason.clone()
    }
}

/// A refusal that comes in after a newer command was sent does not keep the device from hearing the next ones.
#[test]
fn an_overtaken_refusal_does_not_delay_what_follows_a_success() {
    let mut r = pv(1, VALUE, 25e3);
    r.dispatch("a", 20e3, 0, 3600);
    let old = r.step();
    r.dispatch("b", 10e3, 0, 3600);
    r.pass(QUARTER);
    let new = r.step();
    assert_eq!(asked(&new), [(0, limit(10e3))]);
    r.end(dix(0), &old.commands[0].1, no());
    r.applied(&new);
    r.pass(QUARTER);
    r.dispatch("c", 5e3, 0, 3600);
    let next = r.step();
    assert_eq!(asked(&next), [(0, limit(5e3))]);
}

#[test]
fn a_failed_release_does_not_delay_the_next_dispatch_nor_a_failed_setpoint_the_release() {
    let mut r = pv(1, VALUE, 25e3);
    r.dispatch("a", 15e3, 0, 60);
    let a = r.step();
    r.applied(&a);
    for _ in 0..3 {
        r.pass(Duration::from_secs(60));
        let a = r.step();
        assert_eq!(asked(&a), [(0, Setpoint::ReleaseActivePower)]);
        r.end(dix(0), &a.commands[0].1, no());
    }
    r.pass(QUARTER);
    r.dispatch("b", 10e3, 0, 60);
    let b = r.step();
    assert_eq!(asked(&b), [(0, limit(10e3))]);
    r.pass(Duration::from_secs(59));
    r.end(dix(0), &b.commands[0].1, no());
    r.pass(Duration::from_secs(1));
    let a = r.step();
    assert_eq!(asked(&a), [(0, Setpoint::ReleaseActivePower)]);
}

/// A device in local control is in touch and refuses: the others do its part, and it has it again as soon as it may.
#[test]
fn a_member_in_local_control_hands_its_share_on_and_takes_it_again_at_once() {
    let mut r = pv(2, VALUE, 25e3);
    r.dispatch("a", 20e3, 0, 3600);
    let a = r.step();
    r.applied(&a);
    r.poll(0, 10e3);
    r.poll(1, 10e3);
    r.pass(Duration::from_secs(25));
    r.state(0, DeviceState::Degraded);
    let refreshed = r.step();
    r.end(dix(0), &refreshed.commands[0].1, no());
    r.end(dix(1), &refreshed.commands[1].1, applied_as(&refreshed.commands[1].1));
    r.poll(0, 4e3);
    r.pass(QUARTER);
    let a = r.step();
    assert_eq!(asked(&a), [(1, limit(16e3))]);
    r.applied(&a);
    assert_eq!(r.state.snapshot().dispatches[0].shares[0].reason, "local");
    r.pass(Duration::from_secs(2));
    r.poll(0, 4e3);
    assert_eq!(asked(&r.step()), [], "not asked all the time");
    r.state(0, DeviceState::Online);
    let a = r.step();
    assert_eq!(asked(&a), [(0, limit(5.5e3))], "what it has shown to give, and a little more");
    r.applied(&a);
    r.pass(QUARTER);
    assert_eq!(asked(&r.step()), []);
}

/// The outstation's configured maximum was lowered while it follows.
#[test]
fn a_member_whose_capability_shrinks_gives_up_what_it_cannot_do_any_more() {
    let mut r = pv(2, VALUE, 25e3);
    r.dispatch("a", 20e3, 0, 3600);
    let a = r.step();
    r.applied(&a);
    r.cap(0, cap(5e3, 0.0, LIMIT));
    r.pass(QUARTER);
    let a = r.step();
    let shares: Vec<f64> = a.commands.iter().map(|(_, c)| watts(&c.setpoint)).collect();
    assert!(shares[0] <= 5e3 && (shares.iter().sum::<f64>() - 20e3).abs() < 1.0, "{shares:?}");
}

/// The share that a later dispatch gave a member is not delivered by a member that is gone.
#[test]
fn a_lost_member_of_a_later_dispatch_is_made_up_for_by_the_earlier_one() {
    let mut r = pv(2, VALUE, 25e3);
    r.dispatch("big", 20e3, 0, 3600);
    r.dispatch_first(10e3);
    let a = r.step();
    assert_eq!(asked(&a), [(0, limit(10e3)), (1, limit(10e3))]);
    r.applied(&a);
    r.state(0, DeviceState::CommLost);
    r.pass(QUARTER);
    let a = r.step();
    assert_eq!(asked(&a), [(1, limit(20e3))]);
}

/// What others produce beyond a positive target has to be absorbed: that side is the one that is probed.
#[test]
fn a_storage_that_starts_late_absorbs_what_exceeds_a_positive_target() {
    let mut r = Rig::new(3, VALUE, vec![]);
    for (i, c) in [(0, cap(30e3, 0.0, &[])), (1, cap(10e3, 10e3, SET)), (2, cap(30e3, 0.0, LIMIT))] {
        r.online(i);
        r.cap(i, c);
    }
    r.dispatch("a", 10e3, 0, 3600);
    let (mut wanted, mut power, mut dark) = (0.0, 0.0, 0.0);
    for q in 0..(4 * 120) {
        if q % 4 == 0 {
            r.poll(0, 18e3);
            r.poll(1, power);
            r.poll(2, 0.0);
        }
        let a = r.step();
        for (_, c) in &a.commands {
            match c.setpoint {
                Setpoint::SetActivePower(w) => wanted = w.get(),
                Setpoint::LimitActivePower(w) => dark = w.get(),
                _ => {}
            }
        }
        r.applied(&a);
        if q >= 20 {
            power = wanted;
        }
        r.pass(QUARTER);
    }
    assert!((power + 8e3).abs() < 200.0, "asked {wanted}, delivers {power}");
    assert_eq!(dark, 0.0, "a dark PV is given no room");
}

/// Members under a cloud get room to recover out of the cap, not beyond it.
#[test]
fn what_the_members_may_deliver_never_exceeds_a_cap() {
    let mut r = pv(2, CAP, 15e3);
    r.dispatch("cap", 30.1e3, 0, 3600);
    let a = r.step();
    let sum: f64 = a
        .commands
        .iter()
        .map(|(_, c)| if let Setpoint::LimitActivePower(w) = c.setpoint { w.get() } else { 0.0 })
        .sum();
    assert!((sum - 30.1e3).abs() < 1.0, "{sum}: {:?}", asked(&a));
}

#[test]
fn a_cap_that_is_not_reached_is_no_shortfall_but_one_that_others_exceed_is() {
    let mut r = pv(2, CAP, 15e3);
    r.dispatch("cap", 50e3, 0, 3600);
    r.step();
    assert_eq!(r.reason(0), "");
    r.cap(0, cap(60e3, 0.0, &[]));
    r.poll(0, 55e3);
    let a = r.step();
    assert!(asked(&a).contains(&(1, limit(0.0))), "{:?}", asked(&a));
    assert!(r.reason(0).contains("5.0 kW less"), "{}", r.reason(0));
}

/// A small step up is no proof of a limit at the moment after it.
#[test]
fn a_small_step_of_the_target_does_not_make_the_members_limited() {
    let mut r = pv(2, VALUE, 25e3);
    r.dispatch("a", 30e3, 0, 3600);
    for _ in 0..20 {
        let a = r.step();
        r.applied(&a);
        r.pass(Duration::from_secs(1));
        r.poll(0, 15e3);
        r.poll(1, 15e3);
    }
    r.dispatch("b", 32e3, 0, 3600);
    let a = r.step();
    r.applied(&a);
    r.pass(QUARTER);
    r.poll(0, 15e3);
    r.poll(1, 15e3);
    let a = r.step();
    assert!(asked(&a).is_empty(), "{:?}", asked(&a));
    assert_eq!(r.reason(1), "");
    // One that still stands there when the time is over is.
    r.pass(Duration::from_secs(2));
    r.poll(0, 15e3);
    r.step();
    r.pass(QUARTER);
    let view = r.state.snapshot().dispatches[1].clone();
    assert!(view.shares[1].asked == Ask::Share(17e3), "{:?}", view.shares);
}

#[test]
fn a_wall_clock_that_is_set_back_does_not_stop_the_learning() {
    let mut r = pv(2, VALUE, 25e3);
    r.dispatch("a", 30e3, -1800, 7200);
    let a = r.step();
    r.applied(&a);
    r.now.wall -= jiff::SignedDuration::from_mins(20);
    for _ in 0..5 {
        r.pass(Duration::from_secs(1));
        r.poll(0, 0.0);
        r.poll(1, 15e3);
    }
    let a = r.step();
    assert!(asked(&a).contains(&(1, limit(26.5e3))), "{:?}", asked(&a));
}

#[test]
fn a_member_whose_commands_always_expire_is_not_counted_on() {
    let mut r = pv(2, VALUE, 5e3);
    r.dispatch("a", 8e3, 0, 3600);
    for _ in 0..40 {
        let a = r.step();
        for (i, c) in &a.commands {
            if i.get() == 0 {
                r.end(*i, c, Outcome::Expired);
            }
        }
        r.pass(QUARTER);
        r.poll(0, 5e3);
    }
    let view = r.state.snapshot().dispatches[0].clone();
    assert_eq!(view.shares[1].asked, Ask::Share(3e3), "{:?}", view.shares);
}

/// Refreshes that fail do not lengthen the hold of what was applied before.
#[test]
fn a_lost_member_of_a_cap_counts_fully_when_the_last_applied_hold_is_over() {
    let mut r = pv(2, CAP, 25e3);
    r.dispatch("cap", 30e3, 0, 3600);
    let a = r.step();
    r.applied(&a);
    for _ in 0..(4 * 58) {
        r.pass(QUARTER);
        let a = r.step();
        for (i, c) in &a.commands {
            let o = if i.get() == 0 { Outcome::TimedOut } else { r_applied(c) };
            r.end(*i, c, o);
        }
    }
    r.state(0, DeviceState::CommLost);
    r.pass(Duration::from_secs(3));
    let a = r.step();
    assert_eq!(asked(&a), [(1, limit(0.0))]);
}
fn r_applied(c: &Command) -> Outcome {
    let active_power = match c.setpoint {
        Setpoint::LimitActivePower(w) => Some(w),
        _ => None,
    };
    Outcome::Applied(ReadBack { active_power, bounded: true, verified: true, doubt: None })
}

#[test]
fn a_dispatch_that_lost_all_its_members_to_later_ones_says_so() {
    let mut r = pv(2, VALUE, 25e3);
    r.dispatch("a", 40e3, 0, 3600);
    r.dispatch("b", 10e3, 0, 3600);
    let a = r.step();
    assert_eq!(asked(&a), [(0, limit(5e3)), (1, limit(5e3))]);
    assert_eq!(r.reason(0), "replaced: later dispatches have all its members");
    assert!(r.state.snapshot().dispatches[0].shares.is_empty());
    assert_eq!(r.reason(1), "");
}

/// Whose controls are hidden at night is released in the morning.
#[test]
fn a_device_that_hides_its_controls_is_released_when_it_shows_them() {
    let mut r = pv(1, VALUE, 25e3);
    r.dispatch("a", 15e3, 0, 60);
    let a = r.step();
    r.applied(&a);
    r.cap(0, cap(30e3, 0.0, &[]));
    r.pass(Duration::from_secs(60));
    for _ in 0..10 {
        for (i, c) in &r.step().commands {
            r.end(*i, c, no());
        }
        r.pass(QUARTER);
    }
    assert_eq!(r.state.snapshot().dispatches[0].state, DispatchState::Releasing);
    r.cap(0, cap(30e3, 0.0, LIMIT));
    r.pass(Duration::from_secs(31));
    let a = r.step();
    assert_eq!(asked(&a), [(0, Setpoint::ReleaseActivePower)]);
    r.applied(&a);
    r.step();
    assert_eq!(r.state.snapshot().dispatches[0].state, DispatchState::Ended);
}

/// A member that a dispatch has is not shown as one that another is about to release.
#[test]
fn what_another_dispatch_has_is_not_to_be_released() {
    let mut r = pv(2, VALUE, 25e3);
    r.dispatch("a", 40e3, 0, 60);
    let a = r.step();
    r.applied(&a);
    r.dispatch_first(10e3);
    r.pass(Duration::from_secs(60));
    r.step();
    let view = r.state.snapshot().dispatches[0].clone();
    assert_eq!(view.state, DispatchState::Releasing);
    assert_eq!(view.shares.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["D1"]);
}

/// The record keeps what ended last, not what was accepted last.
#[test]
fn a_long_dispatch_that_has_just_ended_is_still_to_be_seen() {
    let mut r = pv(1, VALUE, 25e3);
    r.dispatch("long", 10e3, 0, 700);
    for n in 0..210 {
        r.dispatch(&format!("short-{n}"), 5e3, n, 1);
    }
    r.step();
    for wait in [300, 401, 1] {
        r.pass(Duration::from_secs(wait));
        let a = r.step();
        r.applied(&a);
    }
    let dispatches = r.state.snapshot().dispatches;
    assert!(dispatches.len() <= 201, "{}", dispatches.len());
    let long = dispatches.iter().find(|d| d.mrid == Mrid::parse("long").unwrap());
    assert_eq!(long.map(|d| d.state), Some(DispatchState::Ended));
}

#[test]
fn an_ended_dispatch_keeps_its_members_on_disk_only() {
    let mut r = pv(2, VALUE, 25e3);
    r.dispatch("a", 10e3, 0, 1);
    let a = r.step();
    r.applied(&a);
    let mut durable = None;
    for _ in 0..3 {
        r.pass(Duration::from_secs(1));
        let a = r.step();
        r.applied(&a);
        durable = a.changes.last().cloned().or(durable);
    }
    let Some(Change::PutDispatch(record)) = durable else { panic!("{durable:?}") };
    assert_eq!((record.phase, record.members.len()), (DispatchPhase::Ended, 2));
    assert!(r.state.dispatches.records["a"].members.is_empty());
}

#[test]
fn a_member_that_ignores_its_limit_is_made_up_for_by_the_others_until_it_follows() {
    let mut r = pv(2, VALUE, 10e3);
    r.dispatch("d", 12e3, 0, 600);
    let a = r.step();
    assert_eq!(asked(&a), [(0, limit(6e3)), (1, limit(6e3))]);
    r.applied(&a);
    let told = |effect| Report::Effect { setpoint: limit(6e3), effect };
    r.state.report(dix(0), told(Effect::NoEffect("still 10 kW".into())), r.now);
    r.poll(0, 10e3);
    r.poll(1, 6e3);
    r.pass(Duration::from_secs(1));
    let a = r.step();
    assert!(asked(&a).contains(&(1, limit(2e3))), "{:?}", asked(&a));
    r.applied(&a);
    r.state.report(dix(0), told(Effect::Effective), r.now);
    r.poll(0, 6e3);
    r.poll(1, 2e3);
    r.pass(Duration::from_secs(1));
    let a = r.step();
    assert!(asked(&a).contains(&(1, limit(6e3))), "{:?}", asked(&a));
}
