//! Curves (SunSpec reference 8.6): an editable set is filled, read back, adopted, and then followed. The 70x models show
//! the active curve in their first set, which is read-only; the older ones name the active curve by number.

use super::draft::Draft;
use super::plans::{empty, enabled};
use super::reactive::{signed, whole_of};
use super::script::other_counting;
use super::{Adoption, Ask, Check, Other, Plan, Script, Step, Write};
use crate::der::{Curve, CurveKind, CurveShape, Excitation, PowerFactor};
use crate::device_map::{CurveRequest, PointType};
use crate::southbound::sunspec::block::{Block, Blocks};

/// How one model holds its curves.
struct Family {
    kind: CurveKind,
    model: u16,
    /// The repeating group.
    group: &'static str,
    /// What stands before the points within it.
    inner: &'static str,
    /// The points' names.
    names: (&'static str, &'static str),
    /// The reference of the dependent value: maximum active or reactive power.
    reference: Option<f64>,
    /// The point of the response time.
    response: Option<&'static str>,
}

const fn newer(kind: CurveKind, model: u16, names: (&'static str, &'static str)) -> Family {
    Family { kind, model, group: "Crv", inner: "", names, reference: None, response: None }
}

const fn trip(kind: CurveKind, model: u16, x: &'static str) -> Family {
    Family { inner: "MustTrip.", ..newer(kind, model, (x, "Tms")) }
}

const fn older(kind: CurveKind, model: u16, names: (&'static str, &'static str)) -> Family {
    Family { group: "curve", ..newer(kind, model, names) }
}

/// All models with curves, those to be preferred first.
const FAMILIES: [Family; 16] = [
    Family { reference: Some(1.0), response: Some("RspTms"), ..newer(CurveKind::VoltVar, 705, ("V", "Var")) },
    Family { reference: Some(0.0), response: Some("RspTms"), ..newer(CurveKind::VoltWatt, 706, ("V", "W")) },
    trip(CurveKind::LowVoltageTrip, 707, "V"),
    trip(CurveKind::HighVoltageTrip, 708, "V"),
    trip(CurveKind::LowFrequencyTrip, 709, "Hz"),
    trip(CurveKind::HighFrequencyTrip, 710, "Hz"),
    Family { group: "Ctl", response: Some("RspTms"), ..newer(CurveKind::FrequencyWatt, 711, ("", "")) },
    Family { reference: Some(1.0), ..newer(CurveKind::WattVar, 712, ("W", "Var")) },
    Family { reference: Some(2.0), response: Some("RmpTms"), ..older(CurveKind::VoltVar, 126, ("V", "VAr")) },
    older(CurveKind::LowVoltageTrip, 129, ("V", "Tms")),
    older(CurveKind::HighVoltageTrip, 130, ("V", "Tms")),
    Family { response: Some("RmpPT1Tms"), ..older(CurveKind::WattPowerFactor, 131, ("W", "PF")) },
    Family {
        reference: Some(1.0),
        response: Some("RmpPt1Tms"),
        ..older(CurveKind::VoltWatt, 132, ("V", "W"))
    },
    Family { response: Some("RmpPT1Tms"), ..older(CurveKind::FrequencyWatt, 134, ("Hz", "W")) },
    older(CurveKind::LowFrequencyTrip, 135, ("Hz", "Tms")),
    older(CurveKind::HighFrequencyTrip, 136, ("Hz", "Tms")),
];

impl Family {
    const fn is_newer(&self) -> bool {
        self.model >= 700
    }

    fn takes(&self, shape: &CurveShape) -> bool {
        matches!(shape, CurveShape::Droop { .. }) == (self.model == 711)
    }

    fn point(&self, set: usize, place: usize, name: &str) -> String {
        let Self { group, inner, .. } = self;
        if self.is_newer() {
            format!("{group}[{set}].{inner}Pt[{place}].{name}")
        } else {
            format!("{group}[{set}].{name}{}", place + 1)
        }
    }

    fn of_set(&self, set: usize, name: &str) -> String {
        format!("{}[{set}].{name}", self.group)
    }

    /// How many sets the device has.
    fn sets(&self, block: &Block) -> usize {
        let fitting =
            (0..).take_while(|set| block.layout.find(&self.of_set(*set, "ReadOnly")).is_some()).count();
        let stated = block.sample().and_then(|s| s.integer("NCrv")).and_then(|n| usize::try_from(n).ok());
        stated.map_or(fitting, |stated| fitting.min(stated))
    }

    /// The set to be filled, counted from 0: one that is not followed now, if there is a choice.
    fn editable(&self, block: &Block) -> Option<usize> {
        let sample = block.sample()?;
        let open = |set: &usize| sample.integer(&self.of_set(*set, "ReadOnly")) == Some(0);
        if self.is_newer() {
            return (1..self.sets(block)).find(open);
        }
        let active = self.active(block);
        let other = (0..self.sets(block)).find(|set| Some(*set) != active && open(set));
        other.or_else(|| active.filter(open))
    }

    /// The set that an older model follows, counted from 0.
    fn active(&self, block: &Block) -> Option<usize> {
        let number = block.sample()?.integer("ActCrv")?;
        usize::try_from(number).ok()?.checked_sub(1).filter(|set| *set < self.sets(block))
    }
}

/// The models of a function.
pub(super) fn models_of(kind: CurveKind) -> Vec<u16> {
    FAMILIES.iter().filter(|f| f.kind == kind).map(|f| f.model).collect()
}

/// True if the device has a curve set that can be filled.
#[must_use]
pub fn editable(blocks: &Blocks) -> bool {
    FAMILIES.iter().any(|family| {
        blocks.get(family.model).is_some_and(|block| !block.draft && family.editable(block).is_some())
    })
}

pub(super) fn set(ask: &Ask<'_>, curve: &Curve) -> Result<Script, String> {
    let name = curve.kind.name();
    let family = FAMILIES
        .iter()
        .find(|f| f.kind == curve.kind && f.takes(&curve.shape) && ask.blocks.get(f.model).is_some())
        .ok_or_else(|| {
            let models: Vec<String> = FAMILIES
                .iter()
                .filter(|f| f.kind == curve.kind && f.takes(&curve.shape))
                .map(|f| f.model.to_string())
                .collect();
            match models.join(" or ").as_str() {
                "" => format!("{name} does not take a curve of this shape"),
                models => format!("the device has no {name} curve of this shape (no model {models})"),
            }
        })?;
    let draft = Draft::of(ask, family.model)?;
    check(family, curve, &draft)?;
    let set = family.editable(draft.block()).ok_or_else(|| {
        format!("device offers no editable curve: every set of model {} is read-only", family.model)
    })?;
    if family.is_newer() { set_newer(ask, family, curve, set) } else { set_older(ask, family, curve, set) }
}

/// Refuses a curve that the device cannot hold.
fn check(family: &Family, curve: &Curve, draft: &Draft<'_>) -> Result<(), String> {
    if curve.response.is_some() && family.response.is_none() {
        return Err(format!("model {} has no response time; leave it out", family.model));
    }
    let points = match &curve.shape {
        CurveShape::Points(points) => points,
        CurveShape::Droop { over_band, under_band, over_slope, under_slope } => {
            let all = [over_band, under_band, over_slope, under_slope];
            return if all.iter().all(|v| v.is_finite() && **v >= 0.0) {
                Ok(())
            } else {
                Err("dead bands and slopes must be numbers of 0 or more".to_owned())
            };
        }
    };
    if points.is_empty() || points.iter().any(|(x, y)| !x.is_finite() || !y.is_finite()) {
        return Err("a curve has at least one point, and each point has two numbers".to_owned());
    }
    if points.iter().zip(points.iter().skip(1)).any(|((x, _), (next, _))| x > next) {
        return Err("the points of a curve must stand in order of their first number".to_owned());
    }
    let most = draft.sample().integer("NPt").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    if points.len() > most {
        return Err(format!("the device takes at most {most} points, the curve has {}", points.len()));
    }
    Ok(())
}

/// Puts a curve into a set. Unused points keep what stands there.
fn fill(
    draft: &mut Draft<'_>,
    ask: &Ask<'_>,
    family: &Family,
    curve: &Curve,
    set: usize,
) -> Result<(), String> {
    match &curve.shape {
        CurveShape::Points(points) => {
            let count = u16::try_from(points.len()).unwrap_or(u16::MAX);
            draft.fill(&family.of_set(set, &format!("{}ActPt", family.inner)), f64::from(count), "points")?;
            if let Some(reference) = family.reference {
                draft.fill(&family.of_set(set, "DeptRef"), reference, "")?;
            }
            let whole = whole_of(draft, &family.point(set, 0, "PF"));
            for (place, (x, y)) in points.iter().enumerate() {
                let y = if family.model == 131 { factor(*y, ask)? * whole } else { *y };
                draft.fill(&family.point(set, place, family.names.0), *x, "")?;
                draft.fill(&family.point(set, place, family.names.1), y, "")?;
            }
        }
        CurveShape::Droop { over_band, under_band, over_slope, under_slope } => {
            for (name, value) in
                [("DbOf", over_band), ("DbUf", under_band), ("KOf", over_slope), ("KUf", under_slope)]
            {
                draft.fill(&family.of_set(set, name), *value, "")?;
            }
        }
    }
    if let (Some(response), Some(name)) = (curve.response, family.response) {
        draft.fill(&family.of_set(set, name), response.as_secs_f64(), "s")?;
    }
    Ok(())
}

/// A power factor that is positive when over-excited, as the device signs it.
fn factor(value: f64, ask: &Ask<'_>) -> Result<f64, String> {
    let size = value.abs();
    if !(size > 0.0 && size <= 1.0) {
        return Err(format!("{value} is no power factor; its size must be over 0 and at most 1"));
    }
    let excitation = if value > 0.0 { Excitation::Over } else { Excitation::Under };
    signed(PowerFactor { size, excitation }, ask.options.pf_sign)
}

/// What a set must show, whether or not it is the one that is written.
fn shown(ask: &Ask<'_>, family: &Family, curve: &Curve, set: usize) -> Result<Vec<Check>, String> {
    let mut draft = Draft::of(ask, family.model)?;
    fill(&mut draft, ask, family, curve, set)?;
    Ok(draft.done().1)
}

/// The write of a set and its read-back.
fn filling(ask: &Ask<'_>, family: &Family, curve: &Curve, set: usize) -> Result<Plan, String> {
    let mut draft = Draft::of(ask, family.model)?;
    fill(&mut draft, ask, family, curve, set)?;
    keep_rest(&mut draft, family, set)?;
    let mut plan = empty(ask, String::new());
    plan.add(draft);
    Ok(plan)
}

/// A set is followed as a whole: what the curve does not say (response times, priority, the other trip regions) stays as
/// it is in the active set, whatever stood in the one that is filled.
fn keep_rest(draft: &mut Draft<'_>, family: &Family, set: usize) -> Result<(), String> {
    let block = draft.block();
    let active = if family.is_newer() { Some(0) } else { family.active(block) };
    let Some(active) = active.filter(|active| *active != set) else { return Ok(()) };
    let (from, to) = (family.of_set(active, ""), family.of_set(set, ""));
    let own_points = format!("{}Pt[", family.inner);
    let own = |name: &str| {
        let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let older = bare != name && (bare == family.names.0 || bare == family.names.1);
        name == "ReadOnly" || if family.is_newer() { name.starts_with(&own_points) } else { older }
    };
    for placed in &block.layout.points {
        let Some(name) = placed.path.strip_prefix(&from).filter(|name| !own(name)) else { continue };
        let kept = placed.point.writable
            && placed.point.kind != PointType::String
            && draft.sample().implemented(&placed.path).is_some();
        if let (true, Some(there)) = (kept, block.layout.find(&format!("{to}{name}"))) {
            draft.copy(placed, there)?;
        }
    }
    Ok(())
}

fn all_stand(checks: &[Check], block: &Block) -> bool {
    !checks.is_empty() && checks.iter().all(|check| check.stands_in(block))
}

fn set_newer(ask: &Ask<'_>, family: &Family, curve: &Curve, set: usize) -> Result<Script, String> {
    let mut steps = Vec::new();
    let active = shown(ask, family, curve, 0)?;
    let mut draft = Draft::of(ask, family.model)?;
    let block = draft.block();
    if !all_stand(&active, block) {
        steps.push(Step::Write(Box::new(filling(ask, family, curve, set)?)));
        steps.push(Step::Adopt(Box::new(adoption(ask, family, block, set, active)?)));
    }
    // Only where the device names the curve that it would fall back to.
    let back = ["RvrtCrv", "RvrtCtl"].iter().any(|path| draft.sample().integer(path).is_some_and(|n| n > 0));
    if back {
        draft.reversion("RvrtTms", ask.hold)?;
    } else {
        draft.may("RvrtTms", 0.0, None)?;
        draft.drop_unchanged();
    }
    draft.then();
    draft.enable("Ena")?;
    let mut plan = empty(ask, String::new());
    plan.add(draft);
    steps.push(Step::Write(Box::new(plan)));
    Ok(Script { steps, summary: summary(family, curve, set) })
}

fn summary(family: &Family, curve: &Curve, set: usize) -> String {
    let size = match &curve.shape {
        CurveShape::Points(points) => format!("{} points", points.len()),
        CurveShape::Droop { .. } => "a droop".to_owned(),
    };
    format!("curve {} with {size} in {}.{}", curve.kind.name(), family.model, family.of_set(set, ""))
        .trim_end_matches('.')
        .to_owned()
}

fn adoption(
    ask: &Ask<'_>,
    family: &Family,
    block: &Block,
    set: usize,
    active: Vec<Check>,
) -> Result<Adoption, String> {
    let [wish, answer] =
        if family.model == 711 { ["AdptCtlReq", "AdptCtlRslt"] } else { ["AdptCrvReq", "AdptCrvRslt"] };
    let at = |name: &str| {
        let placed = block.layout.find(name);
        placed
            .map(|p| block.at.address.saturating_add(p.offset))
            .ok_or_else(|| format!("the device has no {}.{name}", family.model))
    };
    let (wish_at, result) = (at(wish)?, at(answer)?);
    let request = |counting: CurveRequest| {
        let number = match counting {
            CurveRequest::OneBased => set + 1,
            CurveRequest::ZeroBased => set,
        };
        let registers = vec![u16::try_from(number).unwrap_or(u16::MAX)];
        Write { address: wish_at, registers, name: format!("{}.{wish}", family.model), whole: false }
    };
    let start = |set: usize| {
        let first = block.layout.points.iter().find(|p| p.path.starts_with(&family.of_set(set, "")));
        first.map(|p| p.offset)
    };
    let other = match ask.counting {
        CurveRequest::ZeroBased if set == 1 => Other::Nothing,
        CurveRequest::ZeroBased => held(block, &active, start(0), start(set - 1)),
        CurveRequest::OneBased if set + 1 >= family.sets(block) => Other::OutOfRange,
        CurveRequest::OneBased => held(block, &active, start(0), start(set + 1)),
    };
    Ok(Adoption {
        counting: ask.counting,
        request: request(ask.counting),
        other_request: request(other_counting(ask.counting)),
        result,
        active,
        other,
    })
}

/// What the active set would show if it were another one.
fn held(block: &Block, active: &[Check], first: Option<u16>, other: Option<u16>) -> Other {
    let (Some(first), Some(other)) = (first, other) else { return Other::OutOfRange };
    let there = active.iter().map(|check| {
        let from = usize::from(check.address.saturating_sub(block.at.address).saturating_add(other - first));
        let registers = block.registers.get(from..from + check.registers.len()).unwrap_or_default().to_vec();
        Check { registers, ..check.clone() }
    });
    Other::Adopts(there.collect())
}

fn set_older(ask: &Ask<'_>, family: &Family, curve: &Curve, set: usize) -> Result<Script, String> {
    let mut steps = Vec::new();
    let mut draft = Draft::of(ask, family.model)?;
    let block = draft.block();
    let followed = family.active(block);
    let stands = match followed {
        Some(active) => all_stand(&shown(ask, family, curve, active)?, block),
        None => false,
    };
    let chosen = followed.filter(|_| stands).unwrap_or(set);
    if !stands {
        steps.push(Step::Write(Box::new(filling(ask, family, curve, set)?)));
        draft.must("ActCrv", f64::from(u16::try_from(set + 1).unwrap_or(u16::MAX)), "")?;
        draft.then();
    }
    draft.may("WinTms", 0.0, None)?;
    draft.reversion("RvrtTms", ask.hold)?;
    draft.may("RmpTms", 0.0, None)?;
    draft.then();
    draft.enable("ModEna")?;
    let mut plan = empty(ask, String::new());
    plan.add(draft);
    steps.push(Step::Write(Box::new(plan)));
    Ok(Script { steps, summary: summary(family, curve, chosen) })
}

pub(super) fn release(ask: &Ask<'_>, kind: CurveKind) -> Result<Plan, String> {
    let mut plan = empty(ask, format!("release curve {}", kind.name()));
    for family in FAMILIES.iter().filter(|f| f.kind == kind && ask.blocks.get(f.model).is_some()) {
        let mut draft = Draft::of(ask, family.model)?;
        let enable = if family.is_newer() { "Ena" } else { "ModEna" };
        if !enabled(ask, &draft, family.model, enable, false) {
            continue;
        }
        if kind.is_trip() {
            return Err(format!(
                "{} is a protection and is not switched off ({}.{enable}); set another curve instead",
                kind.name(),
                family.model
            ));
        }
        draft.must(enable, 0.0, "")?;
        plan.add(draft);
    }
    Ok(plan)
}
