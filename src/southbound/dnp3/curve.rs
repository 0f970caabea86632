//! Writes a curve through the window of an outstation, and finds the number that it goes to.
//!
//! One window serves all curves and all masters: what was written is read again, with the selector, and begun anew once if
//! somebody came between. A curve that is followed is never changed in place where there is another one. The device's task
//! carries out one command at a time, so no lock is needed on our side. (DNP3 reference 1.4.6.)
//!
//! It does not read curves for display: the window shows the one curve that is selected, and to select another is to write, under
//! the hands of whoever edits it. So `probe`, which writes nothing, cannot show the curve that a function follows.

use super::execute::{Bench, End, Goal, Verdict};
use super::field::{Field, Operation, Output};
use super::plan::{Act, Ground, Known};
use crate::der::{Curve, CurveShape};
use crate::device_map::dnp3::{
    Argument, At, CurvePoints, CurveRoute, CurveWindow, OutstationMap, PointKind, StepSource, WindowPoint,
    scaled,
};
use crate::southbound::lanes::Tidy;
use std::time::Duration;

/// A curve that stands under a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its number.
    pub number: u16,
    /// It stood there already.
    pub already: bool,
}

/// What the window is to hold, but for the selector.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Type, units, points.
    pub body: Vec<Act>,
    /// Number of points; written last.
    pub count: Act,
}

/// Everything for one curve.
pub struct Slate<'a, F> {
    /// Where operations go.
    pub bench: &'a Bench<'a, F>,
    /// The window.
    pub window: &'a CurveWindow,
    /// The function.
    pub route: &'a CurveRoute,
    /// How its points are written.
    pub points: &'a CurvePoints,
    /// What the outstation said last.
    pub known: &'a dyn Known,
}

impl<F: Field> Slate<'_, F> {
    /// Sees to it that a curve stands under a number that the function may follow. Gives the end of what failed, and true
    /// if the outstation may hold something of it.
    pub async fn place(&self, curve: &Curve) -> Result<Placed, (End, bool)> {
        let content = self.content(curve).map_err(|words| (End::Refused(words), false))?;
        let (followed, enabled) = self.followed().await.map_err(|end| (end, false))?;
        let ours = followed.filter(|number| self.points.numbers.contains(number));
        if let Some(number) = ours {
            self.select(number).await?;
            if self.stands(&content).await {
                return Ok(Placed { number, already: true });
            }
        }
        let others = self.points.numbers.iter().copied().filter(|number| Some(*number) != ours);
        for number in others {
            self.select(number).await?;
            if !self.is_referenced().await {
                return self.write(number, &content).await;
            }
        }
        match ours {
            Some(number) if !enabled || !self.window.locked_while_followed => {
                self.write(number, &content).await
            }
            _ => {
                let numbers: Vec<String> = self.points.numbers.iter().map(ToString::to_string).collect();
                let words = format!(
                    "every curve that is this gateway's to write ({}) is followed by a function",
                    numbers.join(", ")
                );
                Err((End::Refused(words), false))
            }
        }
    }

    /// Which curve the function points at, and whether it is enabled.
    async fn followed(&self) -> Result<(Option<u16>, bool), End> {
        let carries = |source: &StepSource| matches!(source, StepSource::Argument(Argument::CurveNumber));
        let select = self.route.steps.iter().find(|step| carries(&step.value));
        let number: Vec<At> = select.map(|step| step.reads.clone()).unwrap_or_default();
        let switch = self.route.steps.iter().rfind(|step| step.write.kind.is_binary());
        let enabled: Vec<At> = switch.map(|step| step.reads.clone()).unwrap_or_default();
        let wanted: Vec<At> = number.iter().chain(&enabled).copied().collect();
        let seen = self.bench.read_back(&wanted).await.map_err(|_| End::TimedOut)?;
        let raw = |at: &At| self.bench.raw(*at, &seen);
        let number = number.iter().find_map(raw).and_then(whole);
        // What cannot be seen may be enabled.
        let enabled = enabled.iter().find_map(raw).is_none_or(|raw| raw != 0.0);
        Ok((number, enabled))
    }

    /// Selects a curve, and sees that it is.
    async fn select(&self, number: u16) -> Result<(), (End, bool)> {
        let select = [self.selector(number)];
        self.bench.send_all(&select, Goal::Set).await.map_err(|(end, _)| (end, false))?;
        let [select] = &select;
        match self.bench.look(&[select]).await.into_iter().next() {
            Some(Verdict::Shown) => Ok(()),
            Some(Verdict::Differs(words)) => Err((End::NotKept(words), false)),
            Some(Verdict::Unseen | Verdict::Nowhere) => {
                let shown = At { kind: PointKind::AnalogInput, index: self.window.select.read };
                let words = format!("which curve is selected cannot be read ({shown}), so none is written");
                Err((End::Refused(words), false))
            }
            Some(Verdict::Silent) | None => Err((End::TimedOut, false)),
        }
    }

    async fn is_selected(&self, number: u16) -> bool {
        self.bench.stands(&[&self.selector(number)]).await == Some(true)
    }

    async fn stands(&self, content: &Content) -> bool {
        let all: Vec<&Act> = content.body.iter().chain([&content.count]).collect();
        self.bench.stands(&all).await == Some(true)
    }

    /// Whether an enabled function follows the selected curve.
    async fn is_referenced(&self) -> bool {
        let Some(at) = self.window.referenced else { return false };
        let seen = self.bench.read_back(&[at]).await.unwrap_or_default();
        self.bench.raw(at, &seen).is_some_and(|raw| raw != 0.0)
    }

    /// Writes the selected curve: the number of its points last, so that it does not count before it is whole.
    async fn write(&self, number: u16, content: &Content) -> Result<Placed, (End, bool)> {
        let mut why = String::new();
        for attempt in 0..2 {
            if attempt > 0 {
                self.select(number).await.map_err(|(end, _)| (end, true))?;
            }
            self.bench.send_all(&content.body, Goal::Set).await?;
            if !self.is_selected(number).await {
                why = format!("another master selected another curve while curve {number} was written");
                continue;
            }
            let count = std::slice::from_ref(&content.count);
            self.bench.send_all(count, Goal::Set).await.map_err(|(end, _)| (end, true))?;
            let selector = self.selector(number);
            let all: Vec<&Act> = content.body.iter().chain([&content.count, &selector]).collect();
            let verdicts = self.bench.look(&all).await;
            if verdicts.iter().all(|verdict| *verdict == Verdict::Shown) {
                return Ok(Placed { number, already: false });
            }
            if verdicts.contains(&Verdict::Silent) {
                return Err((End::TimedOut, true));
            }
            why = match verdicts.last() {
                Some(Verdict::Shown) => verdicts
                    .into_iter()
                    .find_map(|verdict| match verdict {
                        Verdict::Differs(words) => Some(format!("curve {number}: {words}")),
                        _ => None,
                    })
                    .unwrap_or_else(|| format!("curve {number} was written, but cannot be read back")),
                _ => format!("another master selected another curve while curve {number} was written"),
            };
        }
        Err((End::NotKept(why), true))
    }

    fn selector(&self, number: u16) -> Act {
        self.act(self.window.select, f64::from(number), 1.0)
    }

    fn act(&self, at: WindowPoint, value: f64, scale: f64) -> Act {
        window_act(self.bench.map, at, value, scale)
    }

    /// What the window is to hold for a curve.
    ///
    /// # Errors
    /// The curve does not fit, in words.
    pub fn content(&self, curve: &Curve) -> Result<Content, String> {
        let ground = Ground { map: self.bench.map, known: self.known };
        content(&ground, self.window, self.points, curve)
    }
}

/// See [`Slate::content`].
///
/// # Errors
/// As there.
pub fn content(
    ground: &Ground<'_>,
    window: &CurveWindow,
    how: &CurvePoints,
    curve: &Curve,
) -> Result<Content, String> {
    let map = ground.map;
    let CurveShape::Points(points) = &curve.shape else {
        return Err(format!("the device takes {} as points, not as a droop", curve.kind.name()));
    };
    let most = usize::from(window.max_points);
    if points.is_empty() || points.len() > most {
        return Err(format!("the device takes 1 to {most} points, not {}", points.len()));
    }
    // y, as the outstation counts it.
    let per_y = match &how.y_percent_of {
        None => 1.0,
        Some(name) => 100.0 / ground.base(name).ok_or_else(|| ground.baseless(name))?,
    };
    let mut body = vec![
        window_act(map, window.kind, f64::from(how.kind), 1.0),
        window_act(map, window.x_unit, f64::from(how.x_unit), 1.0),
        window_act(map, window.y_unit, f64::from(how.y_unit), 1.0),
    ];
    let wire = |(first, second): &(f64, f64)| {
        let (x, y) = if how.swapped { (*second, *first) } else { (*first, *second) };
        [(x, how.x_scale), (y * per_y, how.y_scale)]
    };
    let mut place = Some(window.first);
    for (value, scale) in points.iter().flat_map(wire) {
        let at = place.ok_or("the window of the device map ends before the points do")?;
        let act = window_act(map, at, value, scale);
        fits(&act, value, how.exact)?;
        body.push(act);
        let next = |index: u16| index.checked_add(1);
        place = next(at.write).zip(next(at.read)).map(|(write, read)| WindowPoint { write, read });
    }
    let count = u16::try_from(points.len()).map_err(|_| "too many points")?;
    Ok(Content { body, count: window_act(map, window.count, f64::from(count), 1.0) })
}

/// Whether a number of a curve can be written; a protection as it was asked for, or not at all.
fn fits(act: &Act, value: f64, exact: bool) -> Result<(), String> {
    let (raw, at) = (act.raw(), act.at());
    if !(raw >= f64::from(i32::MIN) && raw <= f64::from(i32::MAX)) {
        return Err(format!("{} does not fit into {at}", Tidy(value)));
    }
    if exact && (value / act.scale - raw).abs() > 1e-6 * raw.abs().max(1.0) {
        let (value, step) = (Tidy(value), Tidy(act.scale));
        return Err(format!(
            "{value} lies between the steps of {step} that {at} takes, and a protection is not rounded"
        ));
    }
    Ok(())
}

/// One output of the window.
#[must_use]
pub fn window_act(map: &OutstationMap, at: WindowPoint, value: f64, scale: f64) -> Act {
    let raw = (value / scale).round();
    let output = At { kind: PointKind::AnalogOutput, index: at.write };
    let within: Duration = map.control.verify;
    Act {
        operation: Operation {
            at: output,
            value: Output::Number(raw, map.control.number),
            how: map.control.analog,
        },
        reads: vec![At { kind: PointKind::AnalogInput, index: at.read }],
        value: scaled(raw, scale),
        scale,
        within,
        optional: false,
        part: None,
        shows: None,
    }
}

fn whole(raw: f64) -> Option<u16> {
    (0..=u16::MAX).find(|number| (f64::from(*number) - raw).abs() < 0.5)
}
