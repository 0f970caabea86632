//! Reactive power and power factor (SunSpec reference 8.5). They exclude each other: the other's enable goes to 0 first,
//! in the same command.

use super::draft::Draft;
use super::plans::{SLACK, UNKNOWN_BASE, empty, enabled, hidden};
use super::{Ask, Ours, Plan, Weight};
use crate::der::{Excitation, PowerFactor, Vars};
use crate::device_map::PfSign;
use crate::southbound::lanes::Tidy;
use crate::southbound::sunspec::abilities::{base_power, base_reactive};

/// Enable points of a reactive power, by model.
const VAR_ENABLES: [(u16, &str); 2] = [(704, "VarSetEna"), (123, "VArPct_Ena")];
/// Enable points of a power factor, by model.
const FACTOR_ENABLES: [(u16, &str); 3] = [(704, "PFWInjEna"), (704, "PFWAbsEna"), (123, "OutPFSet_Ena")];

pub(super) fn set_var(ask: &Ask<'_>, vars: Vars) -> Result<Plan, String> {
    let Some(model) = ask.routes.var else {
        return Err("the device takes no reactive power (no model 704 with VarSet or VarSetPct, no model 123 with VArPct_Ena and a percentage that it implements)".to_owned());
    };
    let asked = vars.get();
    if !asked.is_finite() {
        return Err(format!("{asked} is not a reactive power that can be set"));
    }
    let asked = within_ratings(ask, model, asked)?;
    let mut plan = empty(ask, String::new());
    let mut draft = Draft::of(ask, model)?;
    exclude(ask, &mut plan, &mut draft, model, Mode::factor(ask))?;
    plan.summary =
        if model == 704 { var_704(&mut draft, ask, asked)? } else { var_123(&mut draft, ask, asked)? };
    plan.add(draft);
    plan.ours = Ours { var: true, pf: false, ..plan.ours };
    Ok(plan)
}

/// The value, if the device can do it; a rounding elsewhere is no refusal.
fn within_ratings(ask: &Ask<'_>, model: u16, asked: f64) -> Result<f64, String> {
    let Some((most, name)) = base_reactive(ask.blocks, model, asked >= 0.0) else { return Ok(asked) };
    if asked.abs() > most * SLACK {
        return Err(format!(
            "a reactive power of {asked} VAr is outside what the device can do ({name} {most} VAr)"
        ));
    }
    Ok(asked.clamp(-most, most))
}

fn var_704(draft: &mut Draft<'_>, ask: &Ask<'_>, vars: f64) -> Result<String, String> {
    let (mode, summary) = if draft.takes("VarSet") {
        let kept = draft.must("VarSet", vars, "VAr")?;
        draft.may("VarSetRvrt", 0.0, Some(Weight::Reversion))?;
        (4.0, format!("reactive power {kept} VAr"))
    } else {
        let (mode, base, name) = match base_reactive(ask.blocks, 704, vars >= 0.0) {
            Some((base, name)) => (1.0, base, name),
            None => base_power(ask.blocks, 704).map(|(base, name)| (0.0, base, name)).ok_or(UNKNOWN_BASE)?,
        };
        let kept = draft.must("VarSetPct", vars / base * 100.0, "%")?;
        draft.may("VarSetPctRvrt", 0.0, Some(Weight::Reversion))?;
        let effective = kept * base / 100.0;
        (mode, format!("reactive power {kept} % of {name} {base} = {} VAr", Tidy(effective)))
    };
    draft.may("VarSetEnaRvrt", 0.0, Some(Weight::Reversion))?;
    draft.reversion("VarSetRvrtTms", ask.hold)?;
    draft.then();
    // After the value: an enabled set point would jump to whatever stood there in the other mode.
    if !draft.may("VarSetMod", mode, Some(Weight::Essential))? && mode < 4.0 {
        return Err(
            "the device does not implement 704.VarSetMod, so what its percentage refers to is not known"
                .to_owned(),
        );
    }
    draft.then();
    draft.enable("VarSetEna")?;
    Ok(summary)
}

fn var_123(draft: &mut Draft<'_>, ask: &Ask<'_>, vars: f64) -> Result<String, String> {
    let of_max = base_reactive(ask.blocks, 123, vars >= 0.0).filter(|_| draft.has("VArMaxPct"));
    let of_power = base_power(ask.blocks, 123).filter(|_| draft.has("VArWMaxPct"));
    let (path, mode, (base, name)) = match (of_max, of_power) {
        (Some(base), _) => ("VArMaxPct", 2.0, base),
        (None, Some(base)) => ("VArWMaxPct", 1.0, base),
        (None, None) => {
            return Err(
                "neither the maximum reactive power (121.VArMaxQ1/Q4, 120.VArRtgQ1/Q4) with 123.VArMaxPct nor the maximum active power with 123.VArWMaxPct is known, so a percentage cannot be computed".to_owned(),
            );
        }
    };
    if !draft.has("VArPct_Mod") && draft.has("VArMaxPct") && draft.has("VArWMaxPct") {
        return Err("the device does not implement 123.VArPct_Mod, so which of its percentages it follows is not known".to_owned());
    }
    let kept = draft.must(path, vars / base * 100.0, "%")?;
    draft.then();
    let window = draft.may("VArPct_WinTms", 0.0, None)?;
    let reversion = draft.reversion("VArPct_RvrtTms", ask.hold)?;
    let ramp = draft.may("VArPct_RmpTms", 0.0, None)?;
    let moded = draft.may("VArPct_Mod", mode, Some(Weight::Essential))?;
    if !(window && reversion && ramp && moded) {
        draft.then_singly();
    }
    draft.enable("VArPct_Ena")?;
    let effective = kept * base / 100.0;
    Ok(format!("reactive power {kept} % of {name} {base} = {} VAr", Tidy(effective)))
}

pub(super) fn set_factor(ask: &Ask<'_>, factor: PowerFactor) -> Result<Plan, String> {
    let Some(model) = ask.routes.pf else {
        return Err(
            "the device takes no power factor (no model 704 with PFWInj, no model 123 with OutPFSet)"
                .to_owned(),
        );
    };
    if !(factor.size > 0.0 && factor.size <= 1.0) {
        return Err(format!("{} is no power factor; it must be over 0 and at most 1", factor.size));
    }
    let mut plan = empty(ask, format!("power factor {factor}"));
    let mut draft = Draft::of(ask, model)?;
    exclude(ask, &mut plan, &mut draft, model, Mode::var(ask))?;
    if model == 704 {
        factor_704(&mut draft, ask, factor)?;
    } else {
        factor_123(&mut draft, ask, factor)?;
    }
    plan.add(draft);
    plan.ours = Ours { var: false, pf: true, ..plan.ours };
    Ok(plan)
}

/// The size and the excitation, each its own point, in one request; the same while absorbing, where there is a point.
fn factor_704(draft: &mut Draft<'_>, ask: &Ask<'_>, factor: PowerFactor) -> Result<(), String> {
    let ext = match factor.excitation {
        Excitation::Over => 0.0,
        Excitation::Under => 1.0,
    };
    draft.sync(&[("PFWInj.PF", factor.size), ("PFWInj.Ext", ext)], Weight::Essential)?;
    if draft.has("PFWInjRvrt.PF") && draft.has("PFWInjRvrt.Ext") {
        draft.sync(&[("PFWInjRvrt.PF", 1.0), ("PFWInjRvrt.Ext", 0.0)], Weight::Reversion)?;
    }
    let absorbing = ["PFWAbs.PF", "PFWAbs.Ext", "PFWAbsEna"].iter().all(|path| draft.has(path));
    if absorbing {
        draft.sync(&[("PFWAbs.PF", factor.size), ("PFWAbs.Ext", ext)], Weight::Essential)?;
        if draft.has("PFWAbsRvrt.PF") && draft.has("PFWAbsRvrt.Ext") {
            draft.sync(&[("PFWAbsRvrt.PF", 1.0), ("PFWAbsRvrt.Ext", 0.0)], Weight::Reversion)?;
        }
    }
    draft.then();
    draft.may("PFWInjEnaRvrt", 0.0, Some(Weight::Reversion))?;
    draft.reversion("PFWInjRvrtTms", ask.hold)?;
    if absorbing {
        draft.may("PFWAbsEnaRvrt", 0.0, Some(Weight::Reversion))?;
        draft.reversion("PFWAbsRvrtTms", ask.hold)?;
    }
    draft.then();
    draft.enable("PFWInjEna")?;
    if absorbing {
        draft.then();
        draft.enable("PFWAbsEna")?;
    }
    Ok(())
}

fn factor_123(draft: &mut Draft<'_>, ask: &Ask<'_>, factor: PowerFactor) -> Result<(), String> {
    let value = signed(factor, ask.options.pf_sign)? * whole_of(draft, "OutPFSet");
    draft.must("OutPFSet", value, "")?;
    let window = draft.may("OutPFSet_WinTms", 0.0, None)?;
    let reversion = draft.reversion("OutPFSet_RvrtTms", ask.hold)?;
    let ramp = draft.may("OutPFSet_RmpTms", 0.0, None)?;
    if !(window && reversion && ramp) {
        draft.then_singly();
    }
    draft.enable("OutPFSet_Ena")
}

/// Some devices state a power factor in percent: what stands there tells (SunSpec reference 7, note a).
pub(super) fn whole_of(draft: &Draft<'_>, path: &str) -> f64 {
    if draft.sample().good(path).is_some_and(|shown| shown.abs() > 1.0001) { 100.0 } else { 1.0 }
}

/// A power factor as a signed number.
///
/// # Errors
/// The device takes a size only, and the excitation matters.
pub(super) fn signed(factor: PowerFactor, sign: PfSign) -> Result<f64, String> {
    let over = factor.excitation == Excitation::Over;
    // At 1 there is no reactive power, and some devices take no -1.
    if factor.size >= 1.0 {
        return Ok(1.0);
    }
    match sign {
        PfSign::Eei => Ok(if over { -factor.size } else { factor.size }),
        PfSign::OverexcitedPositive => Ok(if over { factor.size } else { -factor.size }),
        PfSign::None => Err(
            "the device takes the size of a power factor only (pf_sign = \"none\"), so over- and under-excited cannot be told apart; set power factor 1 or a reactive power".to_owned(),
        ),
    }
}

pub(super) fn release(ask: &Ask<'_>) -> Result<Plan, String> {
    let mut plan = empty(ask, "release reactive power".to_owned());
    let (var, pf) = (ask.routes.var, ask.routes.pf);
    hidden("reactive power", ask.ours.var && var.is_none())?;
    hidden("power factor", ask.ours.pf && pf.is_none())?;
    let mut models: Vec<u16> = [var, pf].into_iter().flatten().collect();
    models.dedup();
    for model in models {
        let mut draft = Draft::of(ask, model)?;
        let asleep = |path: &str| !draft.has(path);
        let (var_asleep, pf_asleep) = match model {
            704 => (asleep("VarSetEna"), asleep("PFWInjEna")),
            _ => (asleep("VArPct_Ena"), asleep("OutPFSet_Ena")),
        };
        hidden("reactive power", ask.ours.var && var == Some(model) && var_asleep)?;
        hidden("power factor", ask.ours.pf && pf == Some(model) && pf_asleep)?;
        disable(ask, &mut draft, model, Mode::var(ask))?;
        disable(ask, &mut draft, model, Mode::factor(ask))?;
        plan.add(draft);
    }
    plan.ours = Ours { var: false, pf: false, ..plan.ours };
    Ok(plan)
}

/// One of the two modes: where it is enabled.
#[derive(Clone, Copy)]
struct Mode {
    route: Option<u16>,
    enables: &'static [(u16, &'static str)],
    ours: bool,
}

impl Mode {
    const fn var(ask: &Ask<'_>) -> Self {
        Self { route: ask.routes.var, enables: &VAR_ENABLES, ours: ask.ours.var }
    }

    const fn factor(ask: &Ask<'_>) -> Self {
        Self { route: ask.routes.pf, enables: &FACTOR_ENABLES, ours: ask.ours.pf }
    }
}

/// Switches off the other mode before anything else is written, in this model and in the one of the other's route.
fn exclude(
    ask: &Ask<'_>,
    plan: &mut Plan,
    draft: &mut Draft<'_>,
    model: u16,
    other: Mode,
) -> Result<(), String> {
    if let Some(elsewhere) = other.route.filter(|route| *route != model) {
        let mut first = Draft::of(ask, elsewhere)?;
        disable(ask, &mut first, elsewhere, other)?;
        plan.add(first);
    }
    disable(ask, draft, model, other)
}

/// Writes 0 to the enable points of a mode that are not 0, or are ours.
fn disable(ask: &Ask<'_>, draft: &mut Draft<'_>, model: u16, mode: Mode) -> Result<(), String> {
    for (_, path) in mode.enables.iter().filter(|(id, _)| *id == model) {
        if enabled(ask, draft, model, path, mode.ours) {
            draft.must(path, 0.0, "")?;
            draft.then();
        }
    }
    Ok(())
}
