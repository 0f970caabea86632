//! Curves through the window, with other masters at it, and droops.

use super::*;
use crate::der::{Curve, CurveShape};
use crate::device_map::dnp3::PointKind;
use crate::southbound::dnp3::{Identity, OperateError, Operation, Output, Part, ReadError, Seen};
use std::collections::BTreeMap;
use std::sync::Mutex;

const POINTS: [(f64, f64); 3] = [(92.0, 44.0), (100.0, 0.0), (108.0, -44.0)];

fn curve(points: &[(f64, f64)]) -> Setpoint {
    let shape = CurveShape::Points(points.to_vec());
    Setpoint::SetCurve(Arc::new(Curve { kind: CurveKind::VoltVar, shape, response: None }))
}

/// What stands behind the window: the selected curve, each curve's outputs 245 and up, and those that are followed.
#[derive(Default)]
struct Behind {
    selected: u16,
    curves: BTreeMap<u16, BTreeMap<u16, f64>>,
    followed: Vec<u16>,
}

type Between = Box<dyn FnMut(&Operation, &mut Behind) + Send>;

/// An outstation with a window.
pub struct Windowed {
    pub inner: Outstation,
    behind: Mutex<Behind>,
    /// What somebody else does after each operation of ours.
    between: Mutex<Between>,
}

impl Windowed {
    fn new(followed: &[u16], between: impl FnMut(&Operation, &mut Behind) + Send + 'static) -> Self {
        let behind = Behind { followed: followed.to_vec(), ..Behind::default() };
        Self { inner: good(), behind: Mutex::new(behind), between: Mutex::new(Box::new(between)) }
    }

    /// One that nobody else talks to.
    pub fn around(inner: Outstation) -> Self {
        Self { inner, behind: Mutex::default(), between: Mutex::new(Box::new(|_, _| {})) }
    }

    fn show(&self) {
        let behind = self.behind.lock().unwrap();
        let curve = behind.curves.get(&behind.selected);
        self.inner.put("AI328", f64::from(behind.selected));
        for index in 245..=256_u16 {
            let raw = curve.and_then(|curve| curve.get(&index)).copied().unwrap_or(0.0);
            self.inner.put(&At { kind: PointKind::AnalogInput, index: index + 84 }.to_string(), raw);
        }
        self.inner.put("BI107", f64::from(u8::from(behind.followed.contains(&behind.selected))));
    }

    async fn run(&self, commands: &mut Commands, setpoint: Setpoint) -> (Outcome, Vec<String>) {
        self.inner.state().seen.clear();
        let outcome = commands.carry_out(self, &order(setpoint), &Told::storage()).await;
        (outcome, trace(&self.inner))
    }
}

impl Field for Windowed {
    async fn read(&self, parts: &[Part]) -> Result<Vec<Seen>, ReadError> {
        self.show();
        self.inner.read(parts).await
    }

    async fn identity(&self) -> Result<Identity, ReadError> {
        self.inner.identity().await
    }

    async fn operate(&self, outputs: &[Operation]) -> Result<(), OperateError> {
        self.inner.operate(outputs).await?;
        let mut behind = self.behind.lock().unwrap();
        for output in outputs {
            if let Output::Number(raw, _) = output.value {
                match output.at.index {
                    244 => behind.selected = (0..=20).find(|n| (f64::from(*n) - raw).abs() < 0.1).unwrap(),
                    index @ 245..=448 => {
                        let selected = behind.selected;
                        behind.curves.entry(selected).or_default().insert(index, raw);
                    }
                    _ => {}
                }
            }
            (self.between.lock().unwrap())(output, &mut behind);
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_curve_is_selected_written_counted_seen_and_followed() {
    let (outstation, mut commands) = (Windowed::new(&[], |_, _| {}), commands());
    let (outcome, sent) = outstation.run(&mut commands, curve(&POINTS)).await;
    assert_eq!(outcome, applied(None, true));
    let wanted = [
        "read BI81 AI297",
        "AO244=1",
        "read AI328",
        "read BI107",
        "AO245=2",
        "AO247=129",
        "AO248=2",
        "AO249=920",
        "AO250=440",
        "AO251=1000",
        "AO252=0",
        "AO253=1080",
        "AO254=-440",
        "read AI328",
        "AO246=3",
        "read AI328-338",
        "AO213=0",
        "AO214=0",
        "AO215=300",
        "AO217=1",
        "read AI291-293 AI297",
        "BO29=on",
        "read BI81",
    ];
    assert_eq!(sent, wanted);
    assert_eq!(commands.notes(), "volt-var");
    // Asked for again, it stands: nothing of it is written, and the time it is held begins anew.
    let (outcome, sent) = outstation.run(&mut commands, curve(&POINTS)).await;
    assert_eq!(outcome, applied(None, true));
    assert_eq!(sent[..5], ["read BI81 AI297", "AO244=1", "read AI328", "read AI329-338", "AO213=0"]);
    // Another one goes to the other number, and the function is pointed at it while it is enabled.
    let (outcome, sent) = outstation.run(&mut commands, curve(&POINTS[..2])).await;
    assert_eq!(outcome, applied(None, true));
    assert!(sent.contains(&"AO244=11".to_owned()) && sent.contains(&"AO217=11".to_owned()), "{sent:?}");
    let (outcome, sent) = outstation.run(&mut commands, Setpoint::ReleaseCurve(CurveKind::VoltVar)).await;
    assert_eq!((outcome, sent), (applied(None, false), vec!["BO29=off".to_owned(), "read BI81".to_owned()]));
    assert_eq!(commands.notes(), "");
}

#[tokio::test(start_paused = true)]
async fn a_number_that_somebody_follows_is_left_alone() {
    let (outstation, mut commands) = (Windowed::new(&[1], |_, _| {}), commands());
    let (outcome, sent) = outstation.run(&mut commands, curve(&POINTS)).await;
    assert_eq!(outcome, applied(None, true));
    assert!(sent.contains(&"AO217=11".to_owned()), "{sent:?}");
    assert!(outstation.behind.lock().unwrap().curves.keys().all(|number| *number == 11));
    let (outstation, mut commands) = (Windowed::new(&[1, 11], |_, _| {}), super::commands());
    let (outcome, _) = outstation.run(&mut commands, curve(&POINTS)).await;
    let words = "every curve that is this gateway's to write (1, 11) is followed by a function";
    assert_eq!(outcome, Outcome::Refused(words.to_owned()));
    assert!(outstation.behind.lock().unwrap().curves.is_empty());
    assert_eq!(commands.notes(), "");
}

#[tokio::test(start_paused = true)]
async fn a_second_master_that_comes_between_once_is_survived_and_twice_is_told() {
    let interfering = |times: usize| {
        let mut left = times;
        Windowed::new(&[], move |operation, behind| {
            if operation.at == at("AO253") && left > 0 {
                left -= 1;
                behind.selected = 3;
            }
        })
    };
    let (outstation, mut commands) = (interfering(1), commands());
    let (outcome, sent) = outstation.run(&mut commands, curve(&POINTS)).await;
    assert_eq!(outcome, applied(None, true));
    assert_eq!(sent.iter().filter(|line| **line == "AO244=1").count(), 2);
    assert_eq!(
        sent.iter().filter(|line| **line == "AO246=3").count(),
        1,
        "no count for somebody else's curve"
    );
    let (outstation, mut commands) = (interfering(2), super::commands());
    let (outcome, sent) = outstation.run(&mut commands, curve(&POINTS)).await;
    let words = "another master selected another curve while curve 1 was written";
    assert_eq!(outcome, Outcome::NotKept(words.to_owned()));
    assert!(!sent.iter().any(|line| line.starts_with("AO217") || line.starts_with("BO29")), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_point_that_is_not_kept_is_written_once_more_and_then_told() {
    let outstation = Windowed::new(&[], |_, behind| {
        let selected = behind.selected;
        behind.curves.entry(selected).or_default().insert(250, 430.0);
    });
    let (outcome, sent) = outstation.run(&mut commands(), curve(&POINTS)).await;
    let words = "curve 1: AO250 was written, but the device kept 43 instead of 44 in AI334";
    assert_eq!(outcome, Outcome::NotKept(words.to_owned()));
    assert_eq!(sent.iter().filter(|line| **line == "AO246=3").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_curve_that_cannot_be_is_refused_before_anything_is_written() {
    let (outstation, mut commands) = (Windowed::new(&[], |_, _| {}), commands());
    let slow = |setpoint: Setpoint| {
        let Setpoint::SetCurve(curve) = setpoint else { panic!() };
        Setpoint::SetCurve(Arc::new(Curve { response: Some(Duration::from_secs(5)), ..(*curve).clone() }))
    };
    let many = vec![(100.0, 0.0); 101];
    let cases = [
        (slow(curve(&POINTS)), "the device map has no step for response"),
        (curve(&many), "the device takes 1 to 100 points, not 101"),
        (curve(&[(1e12, 0.0)]), "1000000000000 does not fit into AO249"),
    ];
    for (setpoint, words) in cases {
        let (outcome, sent) = outstation.run(&mut commands, setpoint).await;
        assert_eq!((outcome, sent), (Outcome::Refused(words.to_owned()), Vec::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_droop_is_its_steps() {
    let (outstation, mut commands) = (good(), commands());
    let shape =
        CurveShape::Droop { over_band: 0.036, under_band: 0.036, over_slope: 0.05, under_slope: 0.05 };
    let droop = Setpoint::SetCurve(Arc::new(Curve { kind: CurveKind::FrequencyWatt, shape, response: None }));
    let (outcome, sent) = run(&mut commands, &outstation, droop.clone()).await;
    assert_eq!(outcome, applied(None, false), "it has no reversion");
    // 5 % of 50 Hz for all of the power: 40 % a Hz.
    let wanted = ["AO62=36", "AO64=40000", "AO66=-36", "AO68=40000"];
    assert_eq!(sent[..4], wanted);
    assert_eq!(sent[4..], ["read AI121 AI123 AI125 AI127", "BO16=on", "read BI68"]);
    let preview = commands.preview(&droop, HOLD, &Told::storage()).unwrap();
    assert_eq!(preview.lines.len(), 5);
    let unknown = commands.carry_out(&outstation, &order(droop), &Told::default()).await;
    let words = "the nominal frequency is not known, so a slope cannot be computed";
    assert_eq!(unknown, Outcome::Refused(words.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_protection_is_not_ended() {
    let (outstation, mut commands) = (good(), commands());
    let release = Setpoint::ReleaseCurve(CurveKind::HighVoltageTrip);
    let (outcome, sent) = run(&mut commands, &outstation, release).await;
    let words = "high-voltage-trip protects and is not ended by the map an2018";
    assert_eq!((outcome, sent), (Outcome::Refused(words.to_owned()), Vec::new()));
    let (outcome, _) = run(&mut commands, &outstation, Setpoint::ReleaseCurve(CurveKind::WattVar)).await;
    assert_eq!(outcome, applied(None, false), "what the device has not is not followed");
}

#[test]
fn a_person_sees_a_curve_before_it_is_written() {
    let preview = commands().preview(&curve(&POINTS), HOLD, &Told::storage()).unwrap();
    assert_eq!(preview.summary, "curve volt-var under the first number of 1, 11 that is not followed");
    assert_eq!(preview.lines.len(), 1 + 3 + 6 + 1 + 5);
}
