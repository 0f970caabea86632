//! What happens over time: holds, restarts, silence, ends.

use super::*;

/// Two dispatches back to back with the same target: the device's reversion timer must never run out between them.
#[test]
fn back_to_back_dispatches_of_one_value_never_let_the_hold_run_out() {
    let mut r = Rig::new(1, &[DerFunction::RealPowerDispatch], vec![]);
    r.online(0);
    r.cap(0, cap(30e3, 0.0, LIMIT));
    r.poll(0, 25e3);
    r.dispatch("a", 15e3, 0, 305);
    r.dispatch("b", 15e3, 305, 300);
    let (mut until, mut bare) = (None::<Instant>, Duration::ZERO);
    for _ in 0..(4 * 400) {
        let a = r.step();
        for (_, c) in &a.commands {
            assert_ne!(c.setpoint, Setpoint::ReleaseActivePower);
            until = Some(r.now.mono + c.hold);
        }
        r.applied(&a);
        r.poll(0, 15e3);
        if until.is_some_and(|u| u < r.now.mono) {
            bare += QUARTER;
        }
        r.pass(QUARTER);
    }
    assert_eq!(bare, Duration::ZERO, "reverted, running free");
}

/// After a restart nothing is released while its dispatch is active.
#[test]
fn a_restart_does_not_release_what_an_active_dispatch_covers() {
    let s = DispatchSchedule::new(
        CurveStyle::ConstantYValue,
        "2025-12-31T23:00:00Z".parse().unwrap(),
        2,
        TimeIntervalKind::Hour,
        vec![5e3],
    )
    .unwrap();
    let d = GroupDispatch {
        mrid: Mrid::parse("live").unwrap(),
        names: vec![],
        group: Mrid::parse("group").unwrap(),
        parameter: Parameter::ActivePower,
        schedules: vec![s],
    };
    let mut r = Rig::new(
        1,
        &[DerFunction::RealPowerDispatch],
        vec![DispatchRecord {
            dispatch: d,
            order: 1,
            members: vec![mrid(0)],
            aim: Aim::Value,
            phase: DispatchPhase::Accepted,
        }],
    );
    r.online(0);
    let a = r.step(); // a step falls between State and Capability
    assert!(a.commands.is_empty(), "{:?}", a.commands);
}

/// One dead device must not keep every later dispatch open.
#[test]
fn one_dead_member_does_not_pile_up_dispatches() {
    let mut r = Rig::new(2, &[DerFunction::RealPowerDispatch], vec![]);
    for i in 0..2 {
        r.online(i);
        r.cap(i, cap(30e3, 0.0, LIMIT));
        r.poll(i, 25e3);
    }
    r.dispatch("d0", 15e3, 0, 300);
    let a = r.step();
    r.applied(&a);
    r.state(0, DeviceState::CommLost);
    for n in 1..=50 {
        r.pass(Duration::from_secs(300));
        r.poll(1, 15e3);
        r.dispatch(&format!("d{n}"), 15e3, 0, 300);
        for _ in 0..3 {
            let a = r.step();
            r.applied(&a);
            r.pass(QUARTER);
        }
    }
    let open = r.state.snapshot().dispatches.iter().filter(|d| d.state != DispatchState::Ended).count();
    assert!(open <= 2, "{open} dispatches are open");
}

#[test]
fn a_quantity_that_no_poll_brings_any_more_goes_stale() {
    let mut r = Rig::new(1, &[DerFunction::RealPowerDispatch], vec![]);
    r.online(0);
    r.cap(0, cap(30e3, 0.0, LIMIT));
    r.poll(0, 25e3);
    for _ in 0..60 {
        r.pass(Duration::from_secs(1));
        r.state.report(
            dix(0),
            Report::Poll(Poll {
                readings: vec![Reading {
                    quantity: Quantity::Frequency,
                    value: 50.0,
                    quality: Quality::Good,
                    at: r.now.wall,
                }],
                lateness: Duration::ZERO,
                took: Duration::ZERO,
            }),
            r.now,
        );
        r.state.watch(r.now);
    }
    let s = r.state.snapshot();
    let p = s.devices[0].readings.iter().find(|x| x.quantity == Quantity::ActivePower).unwrap();
    assert_eq!(p.quality, Quality::Stale, "60 s old; group shows {:?}", s.groups[0].parameters[0]);
}

#[test]
fn the_time_of_an_aggregate_is_that_of_its_newest_measurement() {
    let mut r = Rig::new(1, &[DerFunction::RealPowerDispatch], vec![]);
    r.online(0);
    r.cap(0, cap(30e3, 0.0, LIMIT));
    r.poll(0, 25e3);
    r.pass(Duration::from_secs(3600));
    r.poll(0, 25e3);
    assert_eq!(r.state.snapshot().groups[0].parameters[0].at, Some(r.now.wall));
}

#[test]
fn a_new_group_has_the_time_of_its_value() {
    let mut r = Rig::new(1, &[DerFunction::RealPowerDispatch], vec![]);
    r.online(0);
    r.cap(0, cap(30e3, 0.0, LIMIT));
    r.poll(0, 25e3);
    let plan = r.state.create_groups(
        vec![NewGroup {
            mrid: None,
            description: None,
            functions: DerFunctions::NONE,
            members: vec![Reference::by_mrid(mrid(0))],
            names: vec![Name::plain("x")],
            version: None,
        }],
        r.now.wall,
    );
    r.state.apply(plan.changes);
    let p = r.state.snapshot().groups[1].parameters[0];
    assert!(p.value.is_some() && p.at.is_some(), "{p:?}");
}

#[test]
fn another_device_in_its_place_adds_nothing() {
    let mut r = Rig::new(1, &[DerFunction::RealPowerDispatch], vec![]);
    r.online(0);
    r.cap(0, cap(50e3, 0.0, LIMIT));
    r.poll(0, 7e3);
    r.state(0, DeviceState::IdentityChanged);
    r.poll(0, 40e3);
    assert_eq!(r.state.snapshot().groups[0].parameters[0].value, None);
}

/// The poll that was under way when the setpoint was applied says nothing about it.
#[test]
fn a_measurement_older_than_the_setpoint_teaches_nothing() {
    let mut r = Rig::new(2, &[DerFunction::RealPowerDispatch], vec![]);
    for i in 0..2 {
        r.online(i);
        r.cap(i, cap(30e3, 0.0, LIMIT));
        r.poll(i, 25e3);
    }
    r.dispatch("a", 4e3, 0, 3600);
    let a = r.step();
    r.applied(&a);
    r.pass(Duration::from_secs(10));
    for i in 0..2 {
        r.poll(i, 2e3);
    }
    r.dispatch("b", 40e3, 0, 3600);
    let a = r.step();
    r.applied(&a);
    let before = r.now.wall;
    r.pass(Duration::from_secs(2)); // a slow serial poll, read before the setpoint
    let late = Reading {
        quantity: Quantity::ActivePower,
        value: 2e3,
        quality: Quality::Good,
        at: before - jiff::SignedDuration::from_millis(100),
    };
    r.state.report(
        dix(0),
        Report::Poll(Poll { readings: vec![late], lateness: Duration::ZERO, took: Duration::from_secs(2) }),
        r.now,
    );
    let a = r.step();
    assert!(
        a.commands.is_empty(),
        "{:?}",
        a.commands.iter().map(|(i, c)| (i, c.setpoint.clone())).collect::<Vec<_>>()
    );
}

/// A device that refuses its release all night is released in the morning.
#[test]
fn a_refused_release_is_tried_until_it_succeeds() {
    let mut r = Rig::new(1, &[DerFunction::RealPowerDispatch], vec![]);
    r.online(0);
    r.cap(0, cap(30e3, 0.0, LIMIT));
    r.poll(0, 25e3);
    r.dispatch("a", 15e3, 0, 60);
    let a = r.step();
    r.applied(&a);
    r.pass(Duration::from_secs(60));
    let mut tries = 0;
    for _ in 0..(4 * 600) {
        let a = r.step();
        for (i, c) in &a.commands {
            tries += 1;
            r.end(*i, c, Outcome::Refused("asleep".into()));
        }
        r.pass(QUARTER);
    }
    assert!((10..40).contains(&tries), "{tries} tries in ten minutes");
    assert_eq!(r.state.snapshot().dispatches[0].state, DispatchState::Releasing);
    r.pass(Duration::from_secs(31));
    let a = r.step();
    assert_eq!(a.commands.len(), 1);
    r.applied(&a);
    r.step();
    assert_eq!(r.state.snapshot().dispatches[0].state, DispatchState::Ended);
}

/// After a start the first members found are not asked for the part of all.
#[test]
fn after_a_start_a_dispatch_waits_for_members_that_are_being_found() {
    let mut r = Rig::new(2, &[DerFunction::RealPowerDispatch], vec![]);
    r.dispatch("a", 30e3, 0, 3600);
    r.cap(0, cap(30e3, 0.0, LIMIT));
    r.online(0);
    r.poll(0, 25e3);
    assert!(r.step().commands.is_empty());
    r.state(1, DeviceState::Discovering);
    r.pass(Duration::from_secs(9));
    r.poll(0, 25e3);
    assert!(r.step().commands.is_empty(), "the second is still being found");
    r.pass(Duration::from_secs(2));
    r.poll(0, 25e3);
    let a = r.step();
    assert_eq!(a.commands.len(), 1, "long enough: {:?}", a.commands);
}
