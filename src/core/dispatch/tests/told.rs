//! What devices tell between polls, and what they take without a proof.

use super::*;

const VALUE: &[DerFunction] = &[DerFunction::RealPowerDispatch];

/// PV of 30 kW that run free at `free` W.
fn pv(n: usize, free: f64) -> Rig {
    let mut r = Rig::new(n, VALUE, vec![]);
    for i in 0..n {
        r.online(i);
        r.cap(i, cap(30e3, 0.0, LIMIT));
        r.tell(i, free);
    }
    r
}

impl Rig {
    /// A reading that the device sends by itself.
    fn tell(&mut self, i: usize, w: f64) {
        let (quantity, quality) = (Quantity::ActivePower, Quality::Good);
        let reading = Reading { quantity, value: w, quality, at: self.now.wall };
        self.state.report(dix(i), Report::Readings(vec![reading]), self.now);
    }
    /// It delivers what it is asked.
    fn obey(&mut self, i: usize) {
        let asked = self.asked_of(i);
        self.tell(i, asked);
    }
    fn unproven(&mut self, a: &Actions) {
        for (i, c) in &a.commands {
            let read_back = ReadBack { bounded: true, doubt: Some("nothing follows"), ..ReadBack::default() };
            self.end(*i, c, Outcome::Applied(read_back));
        }
    }
    fn share(&mut self, i: usize) -> crate::core::service::ShareView {
        self.step();
        self.state.snapshot().dispatches[0].shares[i].clone()
    }
    fn asked_of(&mut self, i: usize) -> f64 {
        let Ask::Share(watts) = self.share(i).asked else { panic!("nothing is asked of {i}") };
        watts
    }
}

#[test]
fn what_a_device_tells_by_itself_counts_as_a_poll_does() {
    let mut r = pv(2, 20e3);
    let snapshot = r.state.snapshot();
    assert_eq!((snapshot.counters.readings, snapshot.counters.polls), (2, 0));
    let power = |s: &crate::core::service::Snapshot| {
        s.groups[0].parameters.iter().find(|p| p.parameter == Parameter::ActivePower).unwrap().value
    };
    assert_eq!(power(&snapshot), Some(40e3), "the group adds it up");
    r.dispatch("a", 36e3, 0, 3600);
    let a = r.step();
    r.applied(&a);
    for _ in 0..4 {
        // The first delivers a third of its part, and no more.
        r.pass(Duration::from_secs(1));
        r.tell(0, 6e3);
        r.obey(1);
        let a = r.step();
        r.applied(&a);
    }
    assert!(r.asked_of(1) > 24e3, "the other makes it up: {:?}", r.state.snapshot().dispatches[0].shares);
}

#[test]
fn a_device_that_tells_each_small_step_of_its_way_is_not_taken_for_limited() {
    let mut r = pv(2, 20e3);
    r.pass(Duration::from_secs(1));
    r.tell(0, 5e3);
    r.dispatch("a", 40e3, 0, 3600);
    // What it was free to give before is not what it can do.
    r.pass(Duration::from_secs(1));
    r.tell(0, 29e3);
    r.pass(Duration::from_secs(1));
    r.tell(0, 29e3);
    let a = r.step();
    r.applied(&a);
    let before = r.asked_of(1);
    for step in 0..60_u32 {
        // 1 % of its rating in a second, in ten steps.
        r.pass(Duration::from_millis(100));
        r.tell(0, 5e3 + f64::from(step) * 30.0);
        r.obey(1);
        let a = r.step();
        r.applied(&a);
    }
    assert_eq!(r.asked_of(1), before, "the first is on its way: nobody makes up for it");
    for _ in 0..30 {
        r.pass(Duration::from_millis(100));
        r.tell(0, 6.8e3);
        r.obey(1);
        let a = r.step();
        r.applied(&a);
    }
    assert!(r.asked_of(1) > 29e3, "it has come to a stop: {}", r.asked_of(1));
}

#[test]
fn what_is_taken_without_a_proof_is_not_called_applied() {
    let mut r = pv(1, 20e3);
    r.dispatch("a", 10e3, 0, 60);
    let a = r.step();
    r.unproven(&a);
    let share = r.share(0);
    assert_eq!((share.outcome, share.reason.as_str()), ("accepted, not verified", "nothing follows"));
    assert_eq!(r.state.snapshot().counters.outcomes, [("accepted, not verified", 1)]);
    assert_eq!(share.asked, Ask::Share(10e3), "it is left its part: what it delivers shows the rest");
    let no_effect = Effect::NoEffect("power still 20000 W".into());
    let setpoint = a.commands[0].1.setpoint.clone();
    r.state.report(dix(0), Report::Effect { setpoint, effect: no_effect }, r.now);
    assert_eq!(r.share(0).reason, "power still 20000 W", "what was seen says more");
    r.pass(Duration::from_secs(60));
    let a = r.step();
    assert_eq!(a.commands[0].1.setpoint, Setpoint::ReleaseActivePower);
    assert_eq!(r.share(0).outcome, "waiting");
    r.applied(&a);
    r.step();
    assert_eq!(r.state.snapshot().dispatches[0].state, DispatchState::Ended);
}
