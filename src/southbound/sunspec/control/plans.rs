//! Active power and connection: one function per command and generation of models (SunSpec reference 8.1-8.4).

use super::draft::{Draft, Round};
use super::{Ask, Plan, Weight};
use crate::der::Watts;
use crate::southbound::lanes::Tidy;
use crate::southbound::sunspec::abilities::base_power;

/// A set point may lie this much (relative) beyond the device's maximum: a rounding elsewhere is no refusal.
pub(super) const SLACK: f64 = 1.001;

/// Why no percentage can be made.
pub(super) const UNKNOWN_BASE: &str = "the maximum active power of the device is not known (702/121 WMax and 702/120 ratings are missing), so a percentage cannot be computed";

pub(super) fn empty(ask: &Ask<'_>, summary: String) -> Plan {
    Plan {
        writes: Vec::new(),
        checks: Vec::new(),
        active_power: None,
        ours: ask.ours,
        otherwise: None,
        summary,
        once: false,
    }
}

impl Plan {
    pub(super) fn add(&mut self, draft: Draft<'_>) {
        let (writes, checks) = draft.done();
        self.writes.extend(writes);
        self.checks.extend(checks);
    }
}

/// Whether a model's enable point stands at something other than 0, or is ours though it does not show.
pub(super) fn enabled(ask: &Ask<'_>, draft: &Draft<'_>, model: u16, path: &str, ours: bool) -> bool {
    let shown = draft.sample().integer(path);
    shown.is_some_and(|value| value != 0 || ours || ask.is_shadow(model))
}

pub(super) fn limit(ask: &Ask<'_>, watts: Watts) -> Result<Plan, String> {
    let Some(model) = ask.routes.limit else {
        return Err(
            "the device offers no limit of active power (no model 704 or 123 with WMaxLimPct)".to_owned()
        );
    };
    let asked = watts.get();
    if !asked.is_finite() || asked < 0.0 {
        return Err(format!("a limit of {asked} W cannot be set; it must be 0 W or more"));
    }
    if model == 124 {
        return limit_124(ask, asked);
    }
    let (base, name) = base_power(ask.blocks, model).ok_or(UNKNOWN_BASE)?;
    let percent = (asked / base * 100.0).min(100.0);
    let mut draft = Draft::of(ask, model)?;
    let kept = if model == 704 {
        limit_704(&mut draft, ask, percent)?
    } else {
        limit_123(&mut draft, ask, percent)?
    };
    let effective = kept * base / 100.0;
    let mut plan = empty(ask, format!("limit {kept} % of {name} {base} W = {} W", Tidy(effective)));
    plan.add(draft);
    plan.active_power = Some(Watts::new(effective));
    plan.ours.limit = true;
    if ask.ours.set {
        undo_set(ask, &mut plan)?;
    }
    Ok(plan)
}

fn limit_704(draft: &mut Draft<'_>, ask: &Ask<'_>, percent: f64) -> Result<f64, String> {
    let kept = draft.must_round("WMaxLimPct", percent, "%", Round::Down)?;
    // After reversion: no limit. EnaRvrt is the state of Ena then, not a switch for the reversion.
    draft.may("WMaxLimPctRvrt", 100.0, Some(Weight::Reversion))?;
    draft.may("WMaxLimPctEnaRvrt", 0.0, Some(Weight::Reversion))?;
    draft.reversion("WMaxLimPctRvrtTms", ask.hold)?;
    draft.then();
    draft.enable("WMaxLimPctEna")?;
    Ok(kept)
}

fn limit_123(draft: &mut Draft<'_>, ask: &Ask<'_>, percent: f64) -> Result<f64, String> {
    let kept = draft.must_round("WMaxLimPct", percent, "%", Round::Down)?;
    let window = draft.may("WMaxLimPct_WinTms", 0.0, None)?;
    let reversion = draft.reversion("WMaxLimPct_RvrtTms", ask.hold)?;
    let ramp = draft.may("WMaxLimPct_RmpTms", 0.0, None)?;
    if !(window && reversion && ramp) {
        draft.then_singly();
    }
    // With all timers the five registers are neighbours, and their order makes the enable last.
    draft.enable("WMaxLim_Ena")?;
    Ok(kept)
}

/// An upper bound of discharging; charging stays free.
fn limit_124(ask: &Ask<'_>, watts: f64) -> Result<Plan, String> {
    let mut draft = Draft::of(ask, 124)?;
    let base = charge_base(ask)?;
    let kept = draft.must_round("OutWRte", (watts / base * 100.0).min(100.0), "%", Round::Down)?;
    rate_timers(&mut draft, ask)?;
    draft.must("StorCtl_Mod", 2.0, "")?;
    let effective = kept * base / 100.0;
    let mut plan =
        empty(ask, format!("limit discharge {kept} % of WChaMax {base} W = {} W", Tidy(effective)));
    plan.add(draft);
    plan.active_power = Some(Watts::new(effective));
    // The mode is one register: the new one ends a set point.
    plan.ours.limit = true;
    plan.ours.set = false;
    Ok(plan)
}

fn charge_base(ask: &Ask<'_>) -> Result<f64, String> {
    let base = ask.blocks.good(124, "WChaMax").filter(|w| *w > 0.0);
    base.ok_or_else(|| "124.WChaMax, to which the charge and discharge rates refer, is not known".to_owned())
}

fn rate_timers(draft: &mut Draft<'_>, ask: &Ask<'_>) -> Result<(), String> {
    draft.may("InOutWRte_WinTms", 0.0, None)?;
    draft.reversion("InOutWRte_RvrtTms", ask.hold)?;
    draft.may("InOutWRte_RmpTms", 0.0, None)?;
    draft.then();
    Ok(())
}

pub(super) fn set(ask: &Ask<'_>, watts: Watts) -> Result<Plan, String> {
    let Some(model) = ask.routes.set else {
        return Err("the device takes no active power set point (no model 704 with WSet, no model 124); it can be limited only".to_owned());
    };
    let asked = watts.get();
    if !asked.is_finite() {
        return Err(format!("{asked} is not a power that can be set"));
    }
    let capability = super::super::abilities::capability(ask.blocks, ask.routes);
    let (most, least) = (capability.injection_max.get(), -capability.absorption_max.get());
    if (asked > 0.0 && asked > most * SLACK) || (asked < 0.0 && asked < least * SLACK) {
        return Err(format!(
            "a set point of {asked} W is outside what the device can do ({least} W to {most} W)"
        ));
    }
    let asked = asked.clamp(least, most);
    let mut draft = Draft::of(ask, model)?;
    let mut plan = empty(ask, String::new());
    let effective = if model == 704 {
        set_704(&mut draft, ask, asked)?
    } else {
        set_124(&mut draft, ask, asked, &mut plan)?
    };
    plan.summary = format!("set point {} W", Tidy(effective));
    plan.add(draft);
    plan.active_power = Some(Watts::new(effective));
    plan.ours.set = true;
    if ask.ours.limit && ask.routes.limit == Some(124) {
        plan.ours.limit = false;
    } else if ask.ours.limit {
        undo_limit(ask, &mut plan)?;
    }
    Ok(plan)
}

fn set_704(draft: &mut Draft<'_>, ask: &Ask<'_>, watts: f64) -> Result<f64, String> {
    let (kept, value_then_mode) = if draft.takes("WSet") || !draft.takes("WSetPct") {
        draft.may("WSetMod", 1.0, Some(Weight::Essential))?;
        let kept = draft.must("WSet", watts, "W")?;
        draft.may("WSetRvrt", 0.0, Some(Weight::Reversion))?;
        (kept, None)
    } else {
        let (base, _) = base_power(ask.blocks, 704).ok_or(UNKNOWN_BASE)?;
        let kept = draft.must("WSetPct", watts / base * 100.0, "%")? * base / 100.0;
        draft.may("WSetPctRvrt", 0.0, Some(Weight::Reversion))?;
        (kept, Some(0.0))
    };
    draft.may("WSetEnaRvrt", 0.0, Some(Weight::Reversion))?;
    draft.reversion("WSetRvrtTms", ask.hold)?;
    draft.then();
    if let Some(mode) = value_then_mode {
        // Not before the value: an enabled set point would jump to whatever stood there.
        draft.may("WSetMod", mode, Some(Weight::Essential))?;
        draft.then();
    }
    draft.enable("WSetEna")?;
    Ok(kept)
}

/// Both bounds of a storage at the same power, one positive and one negative: charge, discharge or idle.
fn set_124(draft: &mut Draft<'_>, ask: &Ask<'_>, watts: f64, plan: &mut Plan) -> Result<f64, String> {
    let base = charge_base(ask)?;
    let percent = watts / base * 100.0;
    if watts < 0.0 && draft.sample().integer("ChaGriSet") == Some(0) {
        draft.may("ChaGriSet", 1.0, Some(Weight::Essential))?;
        draft.then();
        plan.ours.grid_charge = true;
    }
    let kept = draft.must("OutWRte", percent, "%")?;
    // -0 would be written as 0 all the same, but reads oddly in words.
    draft.must("InWRte", if kept == 0.0 { 0.0 } else { -percent }, "%")?;
    rate_timers(draft, ask)?;
    draft.must("StorCtl_Mod", 3.0, "")?;
    Ok(kept * base / 100.0)
}

/// Charging from the grid as it was before we allowed it.
#[must_use]
pub fn forbid_grid_charge(ask: &Ask<'_>) -> Plan {
    let mut plan = empty(ask, "no charging from the grid".to_owned());
    if let Ok(mut draft) = Draft::of(ask, 124)
        && draft.may("ChaGriSet", 0.0, Some(Weight::Essential)).is_ok()
    {
        plan.add(draft);
    }
    plan
}

pub(super) fn release(ask: &Ask<'_>) -> Result<Plan, String> {
    let mut plan = empty(ask, "release active power".to_owned());
    undo_set(ask, &mut plan)?;
    undo_limit(ask, &mut plan)?;
    Ok(plan)
}

/// What we enabled and the device hides now (asleep) may still hold: it is not taken for undone.
pub(super) fn hidden(what: &str, ours: bool) -> Result<(), String> {
    if ours {
        return Err(format!(
            "the {what} that was set cannot be undone now: the device does not show its control (asleep?)"
        ));
    }
    Ok(())
}

/// No set point any more.
fn undo_set(ask: &Ask<'_>, plan: &mut Plan) -> Result<(), String> {
    let Some(model) = ask.routes.set else { return hidden("set point", ask.ours.set) };
    let mut draft = Draft::of(ask, model)?;
    let enable = if model == 704 { "WSetEna" } else { "StorCtl_Mod" };
    let ours = ask.ours.set || (ask.ours.limit && ask.routes.limit == Some(124));
    hidden("set point", ours && draft.sample().integer(enable).is_none())?;
    if enabled(ask, &draft, model, enable, ours) {
        draft.must(enable, 0.0, "")?;
    }
    if model == 124 && ask.ours.grid_charge {
        draft.then();
        draft.may("ChaGriSet", 0.0, None)?;
        plan.ours.grid_charge = false;
    }
    plan.add(draft);
    plan.ours.set = false;
    Ok(())
}

/// No limit any more. Some devices keep the enable at 1 for ever; for those 100 % is no limit.
fn undo_limit(ask: &Ask<'_>, plan: &mut Plan) -> Result<(), String> {
    let Some(model) = ask.routes.limit else { return hidden("limit", ask.ours.limit) };
    if model == 124 {
        // Its mode went to 0 with the set point's.
        plan.ours.limit = false;
        return Ok(());
    }
    let mut draft = Draft::of(ask, model)?;
    let enable = if model == 704 { "WMaxLimPctEna" } else { "WMaxLim_Ena" };
    hidden("limit", ask.ours.limit && draft.sample().integer(enable).is_none())?;
    if enabled(ask, &draft, model, enable, ask.ours.limit) {
        draft.must(enable, 0.0, "")?;
        let mut open = Draft::of(ask, model)?;
        if open.must("WMaxLimPct", 100.0, "%").is_ok() {
            let mut otherwise = plan.clone();
            otherwise.summary.push_str(", with a limit of 100 %");
            open.then();
            // Set again, so that the device takes the new value over.
            open.may(enable, 1.0, None)?;
            otherwise.add(open);
            otherwise.ours.limit = false;
            plan.otherwise = Some(Box::new(otherwise));
        }
    }
    plan.add(draft);
    plan.ours.limit = false;
    Ok(())
}

pub(super) fn connect(ask: &Ask<'_>, on: bool) -> Result<Plan, String> {
    let Some(model) = ask.routes.connect else {
        return Err("the device cannot be connected or disconnected (no model 703 or 123)".to_owned());
    };
    let mut draft = Draft::of(ask, model)?;
    let word = if on { "connect" } else { "disconnect" };
    let value = if on { 1.0 } else { 0.0 };
    if model == 703 {
        draft.must("ES", value, "")?;
    } else {
        let window = draft.may("Conn_WinTms", 0.0, None)?;
        // Permission to connect does not run out: falling back would mean to disconnect.
        let reversion = if on {
            draft.may("Conn_RvrtTms", 0.0, None)?
        } else {
            draft.reversion("Conn_RvrtTms", ask.hold)?
        };
        if !(window && reversion) {
            draft.then_singly();
        }
        draft.must("Conn", value, "")?;
    }
    let mut plan = empty(ask, word.to_owned());
    plan.add(draft);
    Ok(plan)
}
