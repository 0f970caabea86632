//! Return to service: what the outstation is to hold is in force before it starts.
//!
//! Outstations end all modes when they stop (AN2018-001 does: BO2). What was given before the stop, and was asked for since
//! not so long that it is over, is looked for and given anew before the start, so that there is no moment of power that nobody
//! asked for. One that takes no modes while it is stopped gets them right after the start. What is not in force in the end is
//! believed to be no more: the outcome says so, and so does an effect of the order it was.

use super::{Ask, Commands, Kept, begun};
use crate::der::{Effect, Outcome, Setpoint};
use crate::device_map::dnp3::{At, OutstationStep};
use crate::device_map::registers::CommandName;
use crate::southbound::dnp3::execute::Bench;
use crate::southbound::dnp3::field::Field;
use tokio::time::Instant;

/// What is to be in force.
struct Wanted {
    key: Kept,
    setpoint: Setpoint,
    until: Instant,
}

impl Commands {
    pub(super) async fn connect<F: Field>(&mut self, ask: &Ask<'_, F>) -> Result<Outcome, Outcome> {
        let wanted = self.wanted();
        for one in &wanted {
            match self.give_anew(ask, one).await {
                Ok(_) => {}
                // It may take no modes while it is stopped.
                Err(outcome @ (Outcome::Refused(_) | Outcome::NotKept(_))) => {
                    let outcome = outcome.words();
                    tracing::debug!(asked = %one.setpoint, outcome, "not taken before the start");
                }
                // It does not answer, or there is no time left: nothing is started.
                Err(outcome) => return Err(outcome),
            }
        }
        let outcome = self.command(ask).await?;
        let mut missing = Vec::new();
        for one in &wanted {
            if let Err(outcome) = self.give_anew(ask, one).await {
                missing.push(self.is_missing(one, outcome));
            }
        }
        if missing.is_empty() {
            return Ok(outcome);
        }
        Err(Outcome::NotKept(format!("connect stands, but {}", missing.join("; "))))
    }

    /// What is held and still wanted, but for the connection itself.
    fn wanted(&self) -> Vec<Wanted> {
        let now = Instant::now();
        let connection = [CommandName::Connect, CommandName::Disconnect].map(Kept::Command);
        let modes = self.holding.iter().filter(|held| held.until > now && !connection.contains(&held.name));
        modes
            .flat_map(|held| {
                let (key, until) = (held.name, held.until);
                held.writes.iter().map(move |setpoint| Wanted { key, setpoint: setpoint.clone(), until })
            })
            .collect()
    }

    /// Gives it for the time that is left, if it is not in force.
    async fn give_anew<F: Field>(&mut self, ask: &Ask<'_, F>, one: &Wanted) -> Result<(), Outcome> {
        let left = one.until.saturating_duration_since(Instant::now());
        if left.is_zero() || self.is_in_force(ask, one).await {
            return Ok(());
        }
        let Bench { field, map, known, expires_at } = ask.bench;
        let bench = Bench { field, map, known, expires_at };
        let again = Ask { bench, setpoint: &one.setpoint, hold: left, known: ask.known, begun: begun() };
        if again.expired() {
            return Err(Outcome::Expired);
        }
        tracing::debug!(asked = %one.setpoint, "given anew for a return to service");
        match &one.setpoint {
            Setpoint::SetCurve(curve) => self.set_curve(&again, curve).await,
            _ => self.command(&again).await,
        }
        .map(|_| ())
    }

    async fn is_in_force<F: Field>(&self, ask: &Ask<'_, F>, one: &Wanted) -> bool {
        match one.key {
            Kept::Command(_) => self.stands(ask.bench.field, &one.setpoint, ask.known).await == Some(true),
            // A stop does not change a curve, it ends that it is followed.
            Kept::Curve(kind) => {
                let steps = ask.bench.map.curve(kind).map(|route| route.steps.as_slice()).unwrap_or_default();
                let switch = steps.iter().rfind(|step: &&OutstationStep| step.write.kind.is_binary());
                let reads: &[At] = switch.map(|step| step.reads.as_slice()).unwrap_or_default();
                let seen = ask.bench.read_back(reads).await.unwrap_or_default();
                reads.iter().any(|at| ask.bench.raw(*at, &seen).is_some_and(|raw| raw != 0.0))
            }
        }
    }

    /// It is not in force, and nobody is to believe that it is.
    fn is_missing(&mut self, one: &Wanted, outcome: Outcome) -> String {
        let why = match outcome {
            Outcome::Refused(why) | Outcome::NotKept(why) => why,
            other => other.name().to_owned(),
        };
        self.touched(one.key);
        let words = format!("{} was in force before and is not now: {why}", one.setpoint);
        self.known.push((one.setpoint.clone(), Effect::NoEffect(words.clone())));
        words
    }
}
