//! Reading back: whether the points that show an output show what was sent.

use super::Bench;
use crate::device_map::dnp3::{AnalogNumber, Argument, At, PointKind, scaled};
use crate::southbound::dnp3::field::{Field, Output, Part, ReadError, Seen};
use crate::southbound::dnp3::plan::Act;
use crate::southbound::lanes::Tidy;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two looks, at first and later.
const PAUSE: Duration = Duration::from_millis(300);
const LONG_PAUSE: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_secs(3);
/// A map cannot keep its outstation from being polled for longer than this.
const LONGEST: Duration = Duration::from_secs(30);
/// A switch was accepted, so it is only waited for as long as polls can wait: the measurements show the rest.
const SWITCH: Duration = Duration::from_millis(2500);
/// The same, if something follows: what did not show by then is looked at again at the end.
const STEP: Duration = Duration::from_secs(1);
/// A time that bounds a command is no reason to give up, so it is not waited for any longer.
const BOUND: Duration = Duration::from_secs(2);
/// Most ranges in one request.
const PARTS: usize = 8;
/// COMM_LOST and RESTART: what is shown is not what the outstation holds. ONLINE may be clear while a mode is off.
const LOST: u8 = 0x06;

/// What a look at one act showed.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It stands.
    Shown,
    /// Something else stands there; what, in words.
    Differs(String),
    /// What shows it has no value that counts.
    Unseen,
    /// Nothing shows it, or the outstation does not have what would.
    Nowhere,
    /// The outstation does not answer.
    Silent,
}

impl Verdict {
    /// It in words.
    pub fn words(&self) -> &str {
        match self {
            Self::Shown => "it stands",
            Self::Differs(words) => words,
            Self::Unseen => "what shows it has no value that counts",
            Self::Nowhere => "nothing shows it",
            Self::Silent => "no answer",
        }
    }
}

impl<F: Field> Bench<'_, F> {
    /// Reads back until everything stands, each act for as long as it is given.
    pub async fn look(&self, acts: &[&Act]) -> Vec<Verdict> {
        self.look_for(acts, false).await
    }

    /// The same; `more` is to follow.
    pub(super) async fn look_for(&self, acts: &[&Act], more: bool) -> Vec<Verdict> {
        let begun = Instant::now();
        let longest = acts.iter().map(|act| patience(act, more)).max().unwrap_or_default();
        loop {
            let verdicts = self.look_once(acts).await;
            let elapsed = begun.elapsed();
            let open = |(act, verdict): (&&Act, &Verdict)| {
                let settled = matches!(verdict, Verdict::Shown | Verdict::Nowhere);
                !settled && elapsed < patience(act, more)
            };
            if !acts.iter().zip(&verdicts).any(open) {
                return verdicts;
            }
            let pause = if elapsed < SOON { PAUSE } else { LONG_PAUSE };
            sleep(pause.min(longest.saturating_sub(elapsed))).await;
        }
    }

    /// Whether what shows an act showed it when the outstation was last heard of; `None` if that is not known.
    pub fn stood(&self, act: &Act) -> Option<bool> {
        let shown = |at: &At| Some(self.agrees(act, *at, self.known.shown(*at)?));
        act.reads.iter().filter_map(shown).reduce(|a, b| a || b)
    }

    /// Whether one act shows, waiting no longer than for a setting; `None` if that cannot be seen.
    pub(super) async fn shows(&self, act: &Act) -> Option<bool> {
        let within = act.within.min(self.map.control.verify);
        let act = Act { within, ..act.clone() };
        said(self.look(&[&act]).await.first())
    }

    /// The same, without waiting.
    pub(super) async fn shows_now(&self, act: &Act) -> Option<bool> {
        said(self.look_once(&[act]).await.first())
    }

    /// Whether all acts show now; `None` if that cannot be seen.
    pub async fn stands(&self, acts: &[&Act]) -> Option<bool> {
        let verdicts = self.look_once(acts).await;
        let each = || verdicts.iter().map(|verdict| said(Some(verdict)));
        if each().any(|shown| shown == Some(false)) {
            return Some(false);
        }
        each().all(|shown| shown == Some(true)).then_some(true)
    }

    /// Looks once.
    pub async fn look_once(&self, acts: &[&Act]) -> Vec<Verdict> {
        let wanted: Vec<At> = acts.iter().flat_map(|act| act.reads.iter().copied()).collect();
        let seen = match self.read_back(&wanted).await {
            Ok(seen) => seen,
            Err(_) => {
                let silent = |act: &&Act| {
                    if act.reads.is_empty() { Verdict::Nowhere } else { Verdict::Silent }
                };
                return acts.iter().map(silent).collect();
            }
        };
        acts.iter().map(|act| self.judge(act, &seen)).collect()
    }

    /// Reads points, neighbours together, and never what was not asked for. What the outstation refuses is left out.
    ///
    /// # Errors
    /// It does not answer, or not in a way that can be used.
    pub async fn read_back(&self, wanted: &[At]) -> Result<Vec<Seen>, ReadError> {
        let mut seen = Vec::new();
        for parts in ranges(wanted).chunks(PARTS) {
            match self.field.read(parts).await {
                Ok(values) => seen.extend(values),
                Err(ReadError::Refused(_)) => {
                    for part in singles(parts) {
                        match self.field.read(&[part]).await {
                            Ok(values) => seen.extend(values),
                            Err(ReadError::Refused(_)) => {}
                            Err(error) => return Err(error),
                        }
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(seen)
    }

    fn judge(&self, act: &Act, seen: &[Seen]) -> Verdict {
        if !act.reads.iter().any(|at| seen.iter().any(|seen| seen.at == *at)) {
            return Verdict::Nowhere;
        }
        let mut differs = None;
        for at in &act.reads {
            let Some(raw) = self.raw(*at, seen) else { continue };
            if self.agrees(act, *at, raw) {
                return Verdict::Shown;
            }
            differs = differs.or_else(|| Some(self.differing(act, *at, raw)));
        }
        differs.map_or(Verdict::Unseen, Verdict::Differs)
    }

    /// The latest value of a point, if it counts.
    pub fn raw(&self, at: At, seen: &[Seen]) -> Option<f64> {
        let last = seen.iter().rfind(|seen| seen.at == at)?;
        let analog = matches!(at.kind, PointKind::AnalogInput | PointKind::AnalogOutput);
        let none = |null: &i64| i32::try_from(*null).is_ok_and(|null| near(f64::from(null), last.raw));
        let absent = analog && self.map.quality.null_raw.iter().any(none);
        (last.flags & LOST == 0 && !absent && last.raw.is_finite()).then_some(last.raw)
    }

    fn agrees(&self, act: &Act, at: At, raw: f64) -> bool {
        match act.operation.value {
            Output::Latch(on) | Output::Pulse { on, .. } => {
                let on = act.shows.unwrap_or(on);
                match at.kind {
                    PointKind::DoubleBitInput => near(raw, if on { 2.0 } else { 1.0 }),
                    _ => (raw != 0.0) == on,
                }
            }
            // 0 is without end, however coarse what shows it is.
            Output::Number(..) if act.part == Some(Argument::Reversion) && raw == 0.0 => false,
            // A number may be shown as it was sent, or in a scale of its own.
            Output::Number(sent, number) => {
                let step = if number == AnalogNumber::Float32 { sent.abs() * 1e-5 } else { 0.5 };
                let own = self.map.at(at).is_some_and(|point| {
                    let coarse = point.scale.abs().max(act.scale.abs()) / 2.0;
                    (point.value(raw) - act.value).abs() < coarse
                });
                // A floating number is not rounded to steps, unless a whole one shows it.
                let floats = number == AnalogNumber::Float32 && raw.fract() != 0.0;
                let near = act.value.abs() * 1e-5;
                let same = self.map.at(at).is_some_and(|point| (point.value(raw) - act.value).abs() <= near);
                let own = if floats { same } else { own };
                (raw - sent).abs() < step || (raw - sent).abs() <= f64::EPSILON || own
            }
        }
    }

    fn differing(&self, act: &Act, at: At, raw: f64) -> String {
        if act.is_switch() {
            let wanted = if act.raw() == 0.0 { "off" } else { "on" };
            return format!("{} was switched {wanted}, but {at} shows that it is not", act.at());
        }
        let shown = match self.map.at(at) {
            Some(point) => point.value(raw),
            None => scaled(raw, act.scale),
        };
        let (shown, wanted) = (Tidy(shown), Tidy(act.value));
        format!("{} was written, but the device kept {shown} instead of {wanted} in {at}", act.at())
    }
}

/// How long an act is waited for.
fn patience(act: &Act, more: bool) -> Duration {
    let most = match act.part {
        Some(Argument::Reversion) => BOUND,
        // What need not be kept is not waited for.
        _ if act.need_not_stand() => Duration::ZERO,
        _ if !act.is_switch() => LONGEST,
        _ if more => STEP,
        _ => SWITCH,
    };
    act.within.min(most)
}

const fn said(verdict: Option<&Verdict>) -> Option<bool> {
    match verdict {
        Some(Verdict::Shown) => Some(true),
        Some(Verdict::Differs(_)) => Some(false),
        _ => None,
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 0.5
}

/// The ranges that cover points and nothing else.
fn ranges(wanted: &[At]) -> Vec<Part> {
    let mut sorted = wanted.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
        .chunk_by(|a, b| a.kind == b.kind && a.index.checked_add(1) == Some(b.index))
        .filter_map(|run| Some(Part::Range(run.first()?.kind, run.first()?.index, run.last()?.index)))
        .collect()
}

fn singles(parts: &[Part]) -> Vec<Part> {
    let each = |part: &Part| match *part {
        Part::Range(kind, from, to) => (from..=to).map(|index| Part::Range(kind, index, index)).collect(),
        other => vec![other],
    };
    parts.iter().flat_map(each).collect()
}
