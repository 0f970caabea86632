//! Decisions of the dispatches on a scripted field: each test is a scene that once went wrong, or would.

use super::super::port::{CommandEnd, DispatchPhase, DispatchRecord, Poll, Report, Stored};
use super::super::registry::DeviceEntry;
use super::super::service::{Ask, GroupChange, NewDispatch, NewGroup, Reference};
use super::super::state::State;
use super::*;
use crate::der::*;

mod doubts;
mod power;
mod slow;
mod time;
mod told;
mod unknown;
mod words;

struct Rig {
    state: State,
    now: Now,
}
fn mrid(n: usize) -> Mrid {
    Mrid::parse(&format!("dev-{n}")).unwrap()
}
fn dix(n: usize) -> DeviceIndex {
    DeviceIndex::new(n)
}
fn cap(inj: f64, abs: f64, c: &[Control]) -> Capability {
    Capability {
        injection_max: Watts::new(inj),
        absorption_max: Watts::new(abs),
        controls: c.iter().fold(Controls::NONE, |a, b| a.with(*b)),
    }
}
impl Rig {
    fn new(n: usize, functions: &[DerFunction], stored: Vec<DispatchRecord>) -> Self {
        let devices = (0..n)
            .map(|i| DeviceEntry {
                mrid: mrid(i),
                name: format!("D{i}"),
                link: "".into(),
                map: None,
                poll: Duration::from_secs(1),
            })
            .collect();
        let now = Now { wall: "2026-01-01T00:00:00Z".parse().unwrap(), mono: Instant::now() };
        let group = EndDeviceGroup {
            mrid: Mrid::parse("group").unwrap(),
            description: None,
            functions: functions.iter().copied().collect(),
            members: (0..n).map(mrid).collect(),
            names: vec![Name::plain("FDR")],
            version: None,
        };
        let stored = Stored { groups: vec![group], dispatches: stored, seeded: vec![], devices: vec![] };
        let (state, _) = State::new(Settings::default(), devices, stored, vec![], now.wall);
        Self { state, now }
    }
    fn pass(&mut self, d: Duration) {
        self.now.mono += d;
        self.now.wall += jiff::SignedDuration::try_from(d).unwrap();
    }
    fn online(&mut self, i: usize) {
        self.state(i, DeviceState::Online)
    }
    fn state(&mut self, i: usize, s: DeviceState) {
        self.state.report(dix(i), Report::State { state: s, reason: String::new() }, self.now)
    }
    fn cap(&mut self, i: usize, c: Capability) {
        self.state.report(dix(i), Report::Capability(c), self.now)
    }
    fn poll(&mut self, i: usize, w: f64) {
        let r =
            Reading { quantity: Quantity::ActivePower, value: w, quality: Quality::Good, at: self.now.wall };
        self.state.report(
            dix(i),
            Report::Poll(Poll { readings: vec![r], lateness: Duration::ZERO, took: Duration::ZERO }),
            self.now,
        )
    }
    fn step(&mut self) -> Actions {
        self.state.step(self.now)
    }
    fn applied(&mut self, a: &Actions) {
        for (i, c) in &a.commands {
            let w = match c.setpoint {
                Setpoint::LimitActivePower(w) | Setpoint::SetActivePower(w) => Some(w),
                _ => None,
            };
            self.end(
                *i,
                c,
                Outcome::Applied(ReadBack { active_power: w, bounded: true, verified: true, doubt: None }),
            );
        }
    }
    fn end(&mut self, i: DeviceIndex, c: &Command, o: Outcome) {
        self.state
            .ended(&CommandEnd { device: i, id: c.id, setpoint: c.setpoint.clone(), outcome: o }, self.now)
    }
    fn dispatch(&mut self, name: &str, w: f64, wait: i64, secs: i64) {
        let start = self.now.wall + jiff::SignedDuration::from_secs(wait);
        let s =
            DispatchSchedule::new(CurveStyle::ConstantYValue, start, secs, TimeIntervalKind::Second, vec![w])
                .unwrap();
        let plan = self.state.create_dispatches(
            vec![NewDispatch {
                mrid: Some(Mrid::parse(name).unwrap()),
                names: vec![],
                group: Reference::by_name("FDR"),
                parameter: Parameter::ActivePower,
                schedules: vec![s],
            }],
            self.now.wall,
        );
        assert!(plan.results[0].is_ok(), "{:?}", plan.results[0]);
        self.state.apply(plan.changes);
    }
}
const LIMIT: &[Control] = &[Control::LimitActivePower];
const SET: &[Control] = &[Control::SetActivePower];
const QUARTER: Duration = Duration::from_millis(250);
