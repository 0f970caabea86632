//! Curves and droops: written, followed, released.

use super::super::curve::Slate;
use super::super::execute::{End, Goal};
use super::super::field::Field;
use super::super::plan::{Arguments, Ground, Known};
use super::{Ask, Commands, Kept, interlock};
use crate::der::{Curve, CurveKind, CurveShape, Outcome, Quantity, ReadBack};
use crate::device_map::dnp3::{CurveRoute, OutstationMap};
use crate::device_map::registers::RegisterQuantity;
use std::sync::Arc;

impl Commands {
    pub(super) async fn set_curve<F: Field>(
        &mut self,
        ask: &Ask<'_, F>,
        curve: &Arc<Curve>,
    ) -> Result<Outcome, Outcome> {
        let map = ask.bench.map;
        let kind = curve.kind;
        let route = self.route(map, kind)?;
        interlock(ask.known)?;
        let ground = Ground { map, known: ask.known };
        ground.supports(route.supports, kind.name()).map_err(Outcome::Refused)?;
        let nominal = nominal(map, ask.known);
        let asked = |number: Option<u16>| {
            let asked = Arguments::of_curve(curve, number, ask.hold, nominal);
            asked.all_taken(&route.steps)?;
            ground.steps(&route.steps, &asked, false)
        };
        let mut touched = false;
        let number = match (&route.points, &map.window, &curve.shape) {
            (None, _, CurveShape::Droop { .. }) => None,
            (Some(points), Some(window), CurveShape::Points(_)) => {
                // Before anything is written: what follows must be possible.
                asked(points.numbers.first().copied()).map_err(Outcome::Refused)?;
                let placed =
                    Slate { bench: &ask.bench, window, route, points, known: ask.known }.place(curve).await;
                let placed = placed.map_err(|(end, _)| end.outcome(None))?;
                touched = !placed.already;
                Some(placed.number)
            }
            (Some(_), None, _) => {
                return Err(Outcome::Refused(format!("the map {} has no curve window", self.id)));
            }
            (Some(_), _, _) => {
                let words = format!("the device takes {} as points, not as a droop", kind.name());
                return Err(Outcome::Refused(words));
            }
            (None, _, _) => {
                let words = format!("the device takes {} as a droop, not as points", kind.name());
                return Err(Outcome::Refused(words));
            }
        };
        let draft = asked(number).map_err(Outcome::Refused)?;
        tracing::debug!(curve = kind.name(), number, rewritten = touched, "following a curve");
        match ask.bench.carry_out(&draft.acts, Goal::Set).await {
            (End::Done(proof), _) => {
                let outcome = End::Done(proof).outcome(None);
                if let Outcome::Applied(read_back) = &outcome {
                    self.applied(ask, Kept::Curve(kind), *read_back, &draft.acts);
                }
                Ok(outcome)
            }
            (end, stands) => {
                if stands {
                    self.touched(Kept::Curve(kind));
                }
                Err(end.outcome(None))
            }
        }
    }

    pub(super) async fn release_curve<F: Field>(
        &mut self,
        ask: &Ask<'_, F>,
        kind: CurveKind,
    ) -> Result<Outcome, Outcome> {
        let map = ask.bench.map;
        let Some(route) = map.curve(kind) else {
            return Ok(Outcome::Applied(ReadBack { verified: true, ..ReadBack::default() }));
        };
        if route.release.is_empty() {
            let words = format!("{} protects and is not ended by the map {}", kind.name(), self.id);
            return Err(Outcome::Refused(words));
        }
        let ground = Ground { map, known: ask.known };
        let draft = ground.steps(&route.release, &Arguments::default(), false).map_err(Outcome::Refused)?;
        self.undo_acts(ask, Kept::Curve(kind), &draft.acts).await
    }

    pub(super) fn route<'m>(
        &self,
        map: &'m OutstationMap,
        kind: CurveKind,
    ) -> Result<&'m CurveRoute, Outcome> {
        map.curve(kind).ok_or_else(|| {
            Outcome::Refused(format!(
                "cannot set curve {}: the map {} has no curve for it",
                kind.name(),
                self.id
            ))
        })
    }
}

/// The nominal frequency, Hz: what a point of that name says, else what the frequency is near to.
pub(super) fn nominal(map: &OutstationMap, known: &dyn Known) -> Option<f64> {
    let measured = || {
        map.points
            .iter()
            .filter(|point| {
                matches!(point.quantity, Some((RegisterQuantity::Reading(Quantity::Frequency), _)))
            })
            .find_map(|point| known.named(&point.name))
    };
    let near = |value: f64| [50.0, 60.0].into_iter().find(|nominal| (value - nominal).abs() < 3.0);
    known.named("nominal_frequency").and_then(near).or_else(|| measured().and_then(near))
}
