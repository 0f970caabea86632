//! Carries out a draft on an outstation: settings first, read back, then what enables them, and says how it ended.
//!
//! It decides nothing about values. Numbers are written together and seen to stand before the next switch is operated; each
//! switch is seen before what follows it. An operation without an answer is never repeated before its read-back was looked
//! at, and nothing at all is sent after the time of the order. (DNP3 reference 1.4 and 1.5.)

mod look;

pub use look::Verdict;

use super::field::{Field, OperateError, Operation, Part, Seen};
use super::plan::{Act, Known};
use super::status::{self, Remedy};
use crate::der::{Outcome, ReadBack, Watts};
use crate::device_map::dnp3::{Argument, At, OutstationMap};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Before an output is operated once more.
const AGAIN_PAUSE: Duration = Duration::from_millis(500);

/// The switch was taken, and the point that shows it stands still.
const UNMOVED: &str =
    "the outstation accepted it, but the point that shows it did not follow; watch the measurements";
/// What shows it is not there, or does not count now.
const UNSEEN: &str = "the outstation accepted it, but what shows it could not be read";

/// How it ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// All was accepted.
    Done(Proof),
    /// The outstation said no.
    Refused(String),
    /// It took it and holds something else.
    NotKept(String),
    /// No answer: what it holds is not known.
    TimedOut,
    /// There is no way to the outstation.
    Unreachable,
    /// Its time ran out.
    Expired,
}

/// How far it is known that the outstation holds what it accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// All of it was seen.
    pub verified: bool,
    /// A reversion time was accepted and seen.
    pub bounded: bool,
    /// Why it was not seen.
    pub doubt: Option<&'static str>,
}

impl Proof {
    const WHOLE: Self = Self { verified: true, bounded: false, doubt: None };

    fn doubtful(&mut self, doubt: Option<&'static str>) {
        self.verified = false;
        self.doubt = doubt.or(self.doubt);
    }
}

impl End {
    /// The outcome of the command that this was all of.
    #[must_use]
    pub fn outcome(self, active_power: Option<Watts>) -> Outcome {
        match self {
            Self::Done(Proof { verified, bounded, doubt }) => {
                Outcome::Applied(ReadBack { active_power, bounded, verified, doubt })
            }
            Self::Refused(words) => Outcome::Refused(words),
            Self::NotKept(words) => Outcome::NotKept(words),
            Self::TimedOut => Outcome::TimedOut,
            Self::Unreachable => Outcome::Unreachable,
            Self::Expired => Outcome::Expired,
        }
    }
}

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Something new.
    Set,
    /// An end of what was: what is off already is done.
    Release,
}

/// Where operations go.
pub struct Bench<'a, F> {
    /// The outstation.
    pub field: &'a F,
    /// Its map.
    pub map: &'a OutstationMap,
    /// What it said last.
    pub known: &'a dyn Known,
    /// Nothing is sent after this.
    pub expires_at: Instant,
}

/// What became of one operation.
#[derive(Clone, Debug, PartialEq)]
enum Fate {
    Taken,
    /// The outstation does not have it, and need not.
    Passed,
    /// It did not happen, but for what the outstation may have done in spite of what it said.
    Failed {
        end: End,
        shown: bool,
    },
}

impl<F: Field> Bench<'_, F> {
    /// Carries out acts in order. Gives the end, and true if the outstation may hold something of it.
    pub async fn carry_out(&self, acts: &[Act], goal: Goal) -> (End, bool) {
        let (mut proof, mut touched) = (Proof::WHOLE, false);
        let mut open: Vec<&Act> = Vec::new();
        let mut stages = acts.chunk_by(|a, b| !a.is_switch() && !b.is_switch()).peekable();
        while let Some(stage) = stages.next() {
            if self.is_over() {
                return (End::Expired, touched);
            }
            let taken = match self.send_all(stage, goal).await {
                Ok(taken) => taken,
                Err((End::Unreachable, _)) if touched => return (End::TimedOut, true),
                Err((end, stands)) => return (end, touched || stands),
            };
            touched |= !taken.is_empty();
            open.extend(taken);
            open = match self.prove(&open, stages.peek().is_some(), &mut proof).await {
                Ok(open) => open,
                Err(end) => return (end, touched),
            };
        }
        (End::Done(proof), touched)
    }

    /// Looks whether what was accepted stands. Gives what is looked at again at the end, if `more` follows: switches that say
    /// themselves that they were operated, while the points that show them have not followed.
    async fn prove<'x>(&self, taken: &[&'x Act], more: bool, proof: &mut Proof) -> Result<Vec<&'x Act>, End> {
        let mut open = Vec::new();
        for (act, verdict) in taken.iter().copied().zip(self.look_for(taken, more).await) {
            match verdict {
                Verdict::Shown => proof.bounded |= act.part == Some(Argument::Reversion),
                // The device will not fall back as it was asked to, which is told by `bounded`.
                _ if act.need_not_stand() => {
                    let shows = verdict.words();
                    tracing::debug!(output = %act.at(), shows, "a setting that need not be kept is not");
                }
                // What it does not show, it need not have.
                Verdict::Nowhere if act.optional => {}
                Verdict::Nowhere => proof.doubtful(None),
                Verdict::Unseen => proof.doubtful(Some(UNSEEN)),
                Verdict::Silent => return Err(End::TimedOut),
                Verdict::Differs(words) if act.is_switch() => match self.standing(act).await {
                    Standing::Off if !more => return Err(End::NotKept(words)),
                    // It is given the time that it would have at the end.
                    Standing::Off => match self.look(&[act]).await.into_iter().next() {
                        Some(Verdict::Shown) => {}
                        _ => return Err(End::NotKept(words)),
                    },
                    Standing::Open if more => open.push(act),
                    Standing::Open => proof.doubtful(Some(UNMOVED)),
                },
                Verdict::Differs(words) => return Err(End::NotKept(words)),
            }
        }
        Ok(open)
    }

    /// The point that shows a switch did not follow: what the switch itself says. One that the map gives more time than others
    /// may follow yet, whatever it says.
    async fn standing(&self, act: &Act) -> Standing {
        if act.within > self.map.control.verify {
            return Standing::Open;
        }
        let at = act.at();
        let own = self.field.read(&[Part::Range(at.kind, at.index, at.index)]).await.unwrap_or_default();
        let last = own.iter().rfind(|seen: &&Seen| seen.at == at);
        let off = last.is_some_and(|seen| (seen.raw != 0.0) != (act.raw() != 0.0));
        if off { Standing::Off } else { Standing::Open }
    }

    /// Of what was written before and seen to stand, only what must be written again to be held on: what bounds it in time,
    /// the switches, and what does not show any more.
    pub async fn due(&self, acts: Vec<Act>) -> Vec<Act> {
        let setting = |act: &Act| !act.is_switch() && act.part != Some(Argument::Reversion);
        let settings: Vec<&Act> = acts.iter().filter(|act| setting(act)).collect();
        let verdicts = self.look_once(&settings).await;
        let shown = settings.iter().zip(verdicts).filter(|(_, verdict)| *verdict == Verdict::Shown);
        let stand: Vec<At> = shown.map(|(act, _)| act.at()).collect();
        acts.into_iter().filter(|act| !setting(act) || !stand.contains(&act.at())).collect()
    }

    /// Sends acts, as many in one request as the map says. Gives those that were taken, or the end of the first that was
    /// not, and true if the outstation may hold something.
    pub async fn send_all<'x>(&self, acts: &'x [Act], goal: Goal) -> Result<Vec<&'x Act>, (End, bool)> {
        let batch = usize::from(self.map.control.batch.max(1));
        let mut taken: Vec<&Act> = Vec::new();
        for run in acts.chunk_by(|a, b| a.operation.how == b.operation.how) {
            for chunk in run.chunks(batch) {
                self.send_chunk(chunk, goal, &mut taken).await?;
            }
        }
        Ok(taken)
    }

    async fn send_chunk<'x>(
        &self,
        chunk: &'x [Act],
        goal: Goal,
        taken: &mut Vec<&'x Act>,
    ) -> Result<(), (End, bool)> {
        // Some of them may stand, though nothing says so.
        let (mut sent, mut in_doubt) = (false, false);
        if chunk.len() > 1 {
            if self.is_over() {
                return Err((End::Expired, !taken.is_empty()));
            }
            let outputs: Vec<Operation> = chunk.iter().map(|act| act.operation).collect();
            match self.field.operate(&outputs).await {
                Ok(()) => {
                    taken.extend(chunk);
                    return Ok(());
                }
                Err(OperateError::NotSent(_)) if taken.is_empty() => return Err((End::Unreachable, false)),
                Err(OperateError::NotSent(_)) => return Err((End::TimedOut, true)),
                // Which of them it was is not said: one by one it is, and what stands is not sent again.
                Err(error) => {
                    sent = true;
                    in_doubt = matches!(error, OperateError::NoAnswer | OperateError::Broken(_));
                }
            }
        }
        for act in chunk {
            if chunk.len() > 1 && self.shows_now(act).await == Some(true) {
                taken.push(act);
                continue;
            }
            match self.send(act, goal).await {
                Fate::Taken => taken.push(act),
                Fate::Passed => {}
                Fate::Failed { end: End::Unreachable, .. } if sent || !taken.is_empty() => {
                    return Err((End::TimedOut, true));
                }
                Fate::Failed { end: End::Expired, .. } if sent => return Err((End::TimedOut, true)),
                Fate::Failed { end, shown } => return Err((end, shown || in_doubt || !taken.is_empty())),
            }
        }
        Ok(())
    }

    async fn send(&self, act: &Act, goal: Goal) -> Fate {
        let (mut repeated, mut lost) = (false, false);
        loop {
            if self.is_over() {
                let end = if lost { End::TimedOut } else { End::Expired };
                return Fate::Failed { end, shown: lost };
            }
            let answer = self.field.operate(std::slice::from_ref(&act.operation)).await;
            let status = match answer {
                Ok(()) => return Fate::Taken,
                Err(OperateError::NotSent(_)) => {
                    let end = if lost { End::TimedOut } else { End::Unreachable };
                    return Fate::Failed { end, shown: lost };
                }
                Err(OperateError::NoAnswer | OperateError::Broken(_)) => {
                    match self.shows(act).await {
                        Some(true) => return Fate::Taken,
                        Some(false) if !lost => lost = true,
                        _ => return Fate::Failed { end: End::TimedOut, shown: true },
                    }
                    continue;
                }
                Err(OperateError::Refused(_)) if self.may_pass(act).await => return Fate::Passed,
                Err(OperateError::Refused(refusal)) => {
                    return self.refused(act, &status::explain_refusal(refusal), goal, lost).await;
                }
                Err(OperateError::Status(status)) => status,
            };
            match status::remedy(status) {
                Remedy::Again if !repeated => {
                    repeated = true;
                    sleep(AGAIN_PAUSE).await;
                }
                // "Already": if nothing says otherwise, the outstation is believed. Whether it is proven is seen later.
                Remedy::Look => match self.shows(act).await {
                    Some(false) if act.optional && !act.is_switch() => return Fate::Passed,
                    Some(false) => return self.refused(act, &status::explain(status), goal, lost).await,
                    Some(true) | None => return Fate::Taken,
                },
                _ if status::is_lack(status) && self.may_pass(act).await => return Fate::Passed,
                _ => return self.refused(act, &status::explain(status), goal, lost).await,
            }
        }
    }

    /// Whether a refusal is no reason to give up: the outstation need not have it, and does not show that it has it as it must
    /// not be.
    async fn may_pass(&self, act: &Act) -> bool {
        act.optional && !(act.is_switch() && self.shows_now(act).await == Some(false))
    }

    /// The time of the order has run out.
    fn is_over(&self) -> bool {
        Instant::now() >= self.expires_at
    }

    /// A refusal. Outstations were seen that refuse and do it all the same.
    async fn refused(&self, act: &Act, why: &str, goal: Goal, lost: bool) -> Fate {
        let at = act.at();
        let stands = !act.reads.is_empty() && self.shows_now(act).await == Some(true);
        if stands && goal == Goal::Release {
            return Fate::Taken;
        }
        let before = self.stood(act);
        let doing = if act.is_switch() { "operating" } else { "writing" };
        let nonetheless = match act.reads.first() {
            Some(read) if stands && before == Some(false) => format!("; {read} shows it nonetheless"),
            _ => String::new(),
        };
        // A setting that was so before is nothing of ours; a mode that is on may be.
        let ours = stands && (act.is_switch() || before != Some(true));
        Fate::Failed { end: End::Refused(format!("{doing} {at}: {why}{nonetheless}")), shown: ours || lost }
    }
}

/// What a switch says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is operated, or says nothing, or has time yet.
    Open,
    /// It is not operated.
    Off,
}

#[cfg(test)]
pub mod tests;
