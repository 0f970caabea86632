//! Who is asked for how much.

use super::*;

/// A storage that needs 3 s to start charging is asked again.
#[test]
fn a_storage_that_starts_late_still_charges() {
    let mut r = Rig::new(1, &[DerFunction::RealPowerDispatch], vec![]);
    r.online(0);
    r.cap(0, cap(10e3, 10e3, SET));
    r.poll(0, 0.0);
    r.dispatch("a", -8e3, 0, 3600);
    let (mut asked, mut power) = (0.0, 0.0);
    for q in 0..(4 * 120) {
        let a = r.step();
        for (_, c) in &a.commands {
            if let Setpoint::SetActivePower(w) = c.setpoint {
                asked = w.get();
            }
        }
        r.applied(&a);
        if q >= 12 {
            power = asked;
        }
        if q % 4 == 3 {
            r.poll(0, power);
        }
        r.pass(QUARTER);
    }
    assert!((power + 8e3).abs() < 200.0, "after 2 min: asked {asked}, delivers {power}");
}

/// Only absorbers may be probed under a negative target.
#[test]
fn a_dark_pv_is_not_given_room_by_a_negative_target() {
    let mut r = Rig::new(2, &[DerFunction::RealPowerDispatch], vec![]);
    for i in 0..2 {
        r.online(i);
    }
    r.cap(0, cap(100e3, 0.0, LIMIT));
    r.cap(1, cap(10e3, 10e3, SET));
    r.poll(0, 0.0);
    r.poll(1, 0.0);
    r.dispatch("a", -8e3, 0, 3600);
    let a = r.step();
    let pv: Vec<_> =
        a.commands.iter().filter(|(i, _)| i.get() == 0).map(|(_, c)| c.setpoint.clone()).collect();
    assert_eq!(pv, [Setpoint::LimitActivePower(Watts::ZERO)]);
}

/// A cap never makes a storage discharge.
#[test]
fn a_limit_only_group_never_discharges_a_storage() {
    let mut r = Rig::new(2, &[DerFunction::MaxRealPowerLimiting], vec![]);
    for i in 0..2 {
        r.online(i);
    }
    r.cap(0, cap(100e3, 0.0, LIMIT));
    r.cap(1, cap(50e3, 50e3, SET));
    r.poll(0, 20e3);
    r.poll(1, 0.0);
    r.dispatch("cap", 60e3, 0, 3600);
    let a = r.step();
    let st: Vec<_> =
        a.commands.iter().filter(|(i, _)| i.get() == 1).map(|(_, c)| c.setpoint.clone()).collect();
    assert!(st.iter().all(|s| !matches!(s, Setpoint::SetActivePower(w) if w.get() > 0.0)), "{st:?}");
}

/// A cap holds while a member that produces is out of reach.
#[test]
fn a_cap_counts_a_member_that_is_out_of_reach() {
    let mut r = Rig::new(6, &[DerFunction::MaxRealPowerLimiting], vec![]);
    for i in 0..6 {
        r.online(i);
        r.cap(i, cap(30e3, 0.0, LIMIT));
        r.poll(i, 25e3);
    }
    r.dispatch("cap", 90e3, 0, 3600);
    let a = r.step();
    r.applied(&a);
    let mut limits = [15e3; 6];
    r.pass(QUARTER);
    for i in 0..6 {
        r.poll(i, 15e3);
    }
    r.state(0, DeviceState::CommLost);
    for _ in 0..8 {
        let a = r.step();
        for (i, c) in &a.commands {
            if let Setpoint::LimitActivePower(w) = c.setpoint {
                limits[i.get()] = w.get();
            }
        }
        r.applied(&a);
        r.pass(QUARTER);
    }
    assert!(limits.iter().sum::<f64>() <= 90e3 + 1.0, "{limits:?} = {}", limits.iter().sum::<f64>());
}

/// A device that answers polls, but no write, is not counted on.
#[test]
fn a_member_whose_commands_time_out_is_replaced() {
    let mut r = Rig::new(2, &[DerFunction::RealPowerDispatch], vec![]);
    for i in 0..2 {
        r.online(i);
        r.cap(i, cap(30e3, 0.0, LIMIT));
        r.poll(i, 25e3);
    }
    r.dispatch("a", 30e3, 0, 3600);
    let mut p = [25e3, 25e3];
    for _ in 0..(4 * 120) {
        let a = r.step();
        for (i, c) in &a.commands {
            if i.get() == 0 {
                r.end(*i, c, Outcome::TimedOut);
                continue;
            }
            if let Setpoint::LimitActivePower(w) = c.setpoint {
                p[1] = w.get().min(25e3);
            }
            r.end(
                *i,
                c,
                Outcome::Applied(ReadBack {
                    active_power: Some(Watts::new(p[1])),
                    bounded: true,
                    verified: true,
                    doubt: None,
                }),
            );
        }
        for (i, power) in p.iter().enumerate() {
            r.poll(i, *power);
        }
        r.pass(QUARTER);
    }
    let v = r.state.snapshot().dispatches[0].clone();
    assert!((p[0] + p[1] - 30e3).abs() < 1e3, "asked 30 kW, delivers {p:?}; reason shown: {:?}", v.reason);
}

/// A limit-only storage cannot be counted on to charge.
#[test]
fn a_storage_with_a_limit_only_is_not_counted_on_to_absorb() {
    let mut r = Rig::new(2, &[DerFunction::RealPowerDispatch], vec![]);
    for i in 0..2 {
        r.online(i);
        r.poll(i, 0.0);
    }
    r.cap(0, cap(10e3, 10e3, LIMIT));
    r.cap(1, cap(10e3, 10e3, SET));
    r.dispatch("a", -8e3, 0, 3600);
    let mut last = 0.0;
    for q in 0..(4 * 60) {
        let a = r.step();
        r.applied(&a);
        for (i, c) in &a.commands {
            if let (1, Setpoint::SetActivePower(w)) = (i.get(), c.setpoint.clone()) {
                last = w.get();
            }
        }
        if q % 4 == 3 {
            r.poll(0, 0.0);
            r.poll(1, last);
        }
        r.pass(QUARTER);
    }
    assert!((last + 8e3).abs() < 1e2, "{last}; shown: {:?}", r.state.snapshot().dispatches[0].reason);
}

/// The others do not dip each time a refusing member is asked again.
#[test]
fn asking_a_refusing_member_again_does_not_move_the_others() {
    let mut r = Rig::new(5, &[DerFunction::RealPowerDispatch], vec![]);
    for i in 0..5 {
        r.online(i);
        r.cap(i, cap(30e3, 0.0, LIMIT));
        r.poll(i, if i == 0 { 0.0 } else { 28e3 });
    }
    r.poll(0, 28e3);
    r.dispatch("a", 100e3, 0, 3600);
    let mut p = [0.0; 5];
    let mut dips = 0;
    for q in 0..(4 * 100) {
        let a = r.step();
        for (i, c) in &a.commands {
            if let Setpoint::LimitActivePower(w) = c.setpoint {
                if i.get() == 0 {
                    r.end(*i, c, Outcome::Refused("local".into()));
                } else {
                    p[i.get()] = w.get();
                    r.end(
                        *i,
                        c,
                        Outcome::Applied(ReadBack {
                            active_power: Some(w),
                            bounded: true,
                            verified: true,
                            doubt: None,
                        }),
                    );
                }
            }
        }
        if q % 4 == 3 {
            for (i, power) in p.iter().enumerate() {
                r.poll(i, if i == 0 { 28e3 } else { *power });
            }
        }
        if q > 8 && (p.iter().sum::<f64>() + 28e3 - 100e3).abs() > 2e3 {
            dips += 1;
        }
        r.pass(QUARTER);
    }
    assert_eq!(dips, 0);
}

/// A refusal counts although a newer command is on its way.
#[test]
fn refusals_count_on_a_ramp_with_slow_answers() {
    let mut r = Rig::new(2, &[DerFunction::RealPowerDispatch], vec![]);
    for i in 0..2 {
        r.online(i);
        r.cap(i, cap(30e3, 0.0, LIMIT));
        r.poll(i, 25e3);
    }
    let s = DispatchSchedule::new(
        CurveStyle::StraightLineYValues,
        r.now.wall,
        120,
        TimeIntervalKind::Second,
        vec![45e3, 10e3],
    )
    .unwrap();
    let plan = r.state.create_dispatches(
        vec![NewDispatch {
            mrid: None,
            names: vec![],
            group: Reference::by_name("FDR"),
            parameter: Parameter::ActivePower,
            schedules: vec![s],
        }],
        r.now.wall,
    );
    r.state.apply(plan.changes);
    let mut flight: Vec<(usize, Command)> = vec![]; // each takes 750 ms
    let mut sent0 = 0;
    for q in 0..(4 * 100) {
        for (_, c) in flight.extract_if(.., |(at, _)| *at <= q).collect::<Vec<_>>() {
            r.end(dix(0), &c, Outcome::Refused("local".into()));
        }
        let a = r.step();
        for (i, c) in a.commands {
            if i.get() == 0 {
                sent0 += 1;
                flight.push((q + 3, c));
            } else {
                let w = match c.setpoint {
                    Setpoint::LimitActivePower(w) => Some(w),
                    _ => None,
                };
                r.end(
                    i,
                    &c,
                    Outcome::Applied(ReadBack {
                        active_power: w,
                        bounded: true,
                        verified: true,
                        doubt: None,
                    }),
                );
            }
        }
        if q % 4 == 3 {
            r.poll(0, 25e3);
        }
        r.pass(QUARTER);
    }
    assert!(sent0 < 10, "{sent0} commands in 100 s to a device that refused each");
}

#[test]
fn an_infinite_rating_harms_nobody_else() {
    let mut r = Rig::new(2, &[DerFunction::RealPowerDispatch], vec![]);
    for i in 0..2 {
        r.online(i);
        r.poll(i, 25e3);
        r.poll(i, 25e3);
    }
    r.cap(0, cap(f64::INFINITY, 0.0, LIMIT));
    r.cap(1, cap(30e3, 0.0, LIMIT));
    r.dispatch("a", 20e3, 0, 3600);
    let a = r.step();
    println!("{:?}", a.commands);
    // What it delivers is known, what it could do is not: it is not asked, and the other makes room for it.
    let asked: Vec<_> = a.commands.iter().map(|(i, c)| (i.get(), c.setpoint.clone())).collect();
    assert_eq!(asked, [(1, Setpoint::LimitActivePower(Watts::ZERO))]);
}

#[test]
fn a_change_of_functions_does_not_turn_a_cap_into_a_set_point() {
    let mut r = Rig::new(1, &[DerFunction::MaxRealPowerLimiting], vec![]);
    r.online(0);
    r.cap(0, cap(50e3, 50e3, &[Control::LimitActivePower, Control::SetActivePower]));
    r.poll(0, 0.0);
    r.dispatch("cap", 30e3, 0, 3600);
    let a = r.step();
    r.applied(&a);
    r.pass(QUARTER);
    let plan = r.state.change_groups(
        vec![GroupChange {
            group: Reference::by_name("FDR"),
            description: None,
            functions: Some(
                [DerFunction::MaxRealPowerLimiting, DerFunction::RealPowerDispatch].into_iter().collect(),
            ),
            add_members: vec![],
            version: None,
        }],
        r.now.wall,
    );
    r.state.apply(plan.changes);
    let a = r.step();
    assert!(
        a.commands.iter().all(|(_, c)| !matches!(c.setpoint, Setpoint::SetActivePower(_))),
        "{:?}",
        a.commands
    );
}

#[test]
fn a_device_that_can_only_connect_makes_no_group_dispatchable() {
    let mut r = Rig::new(1, &[DerFunction::RealPowerDispatch], vec![]);
    r.online(0);
    r.cap(0, cap(50e3, 0.0, &[Control::Connect]));
    r.poll(0, 0.0);
    let s = DispatchSchedule::new(
        CurveStyle::ConstantYValue,
        r.now.wall,
        60,
        TimeIntervalKind::Second,
        vec![1e3],
    )
    .unwrap();
    let plan = r.state.create_dispatches(
        vec![NewDispatch {
            mrid: None,
            names: vec![],
            group: Reference::by_name("FDR"),
            parameter: Parameter::ActivePower,
            schedules: vec![s],
        }],
        r.now.wall,
    );
    assert!(plan.results[0].is_err());
}

/// A release that times out: what the state says while it hangs; and one dead-while-online release blocks finishing.
#[test]
fn an_earlier_dispatch_does_not_count_a_probe_as_delivered() {
    // Devices 0..4 in the big group; a later dispatch of a small group has device 0, which shows 0 W (dark).
    let mut r = Rig::new(2, &[DerFunction::RealPowerDispatch], vec![]);
    for i in 0..2 {
        r.online(i);
        r.cap(i, cap(30e3, 0.0, LIMIT));
    }
    r.poll(0, 0.0);
    r.poll(1, 28e3);
    let plan = r.state.create_groups(
        vec![NewGroup {
            mrid: None,
            description: None,
            functions: [DerFunction::RealPowerDispatch].into_iter().collect(),
            members: vec![Reference::by_mrid(mrid(0))],
            names: vec![Name::plain("small")],
            version: None,
        }],
        r.now.wall,
    );
    r.state.apply(plan.changes);
    r.dispatch("big", 20e3, 0, 3600);
    let s = DispatchSchedule::new(
        CurveStyle::ConstantYValue,
        r.now.wall,
        3600,
        TimeIntervalKind::Second,
        vec![10e3],
    )
    .unwrap();
    let plan = r.state.create_dispatches(
        vec![NewDispatch {
            mrid: None,
            names: vec![],
            group: Reference::by_name("small"),
            parameter: Parameter::ActivePower,
            schedules: vec![s],
        }],
        r.now.wall,
    );
    r.state.apply(plan.changes);
    let mut l = 0.0;
    for q in 0..(4 * 30) {
        let a = r.step();
        r.applied(&a);
        for (i, c) in &a.commands {
            if let (1, Setpoint::LimitActivePower(w)) = (i.get(), c.setpoint.clone()) {
                l = w.get();
            }
        }
        if q % 4 == 3 {
            r.poll(0, 0.0);
            r.poll(1, l);
        }
        r.pass(QUARTER);
    }
    assert!(
        (l - 20e3).abs() < 100.0,
        "big asked 20 kW, delivers {l}; {:?}",
        r.state.snapshot().dispatches.iter().map(|d| d.reason.clone()).collect::<Vec<_>>()
    );
}
