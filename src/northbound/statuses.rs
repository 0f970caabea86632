//! The noun DERGroupStatuses: what the groups do now, one value per parameter.
//!
//! Values are in SI units (`yMultiplier` none) and signed: positive is injected. `flowDirection` is left out, as the
//! standard's examples do, except for powers when this gateway is set to read an absent direction as forward: then it
//! says `reverse`, so that reply and request mean the same. A value that is not known is left out, never shown as 0.

use super::identity::{self, Identity};
use super::namespace::Namespace;
use super::settings::FlowDirection;
use super::units;
use super::xml::write::Writer;
use super::xml::{Element, Invalid};
use crate::core::service::{GroupView, ParameterView};
use crate::der::{Mrid, Name, Parameter};
use jiff::Timestamp;

const OWN: Namespace = Namespace::Statuses;

/// Writes the status of one group. `now` stands in where no measurement has a time.
pub(super) fn write(out: &mut Writer, view: &GroupView, absent: FlowDirection, now: Timestamp) {
    let group = &view.group;
    out.open("o:EndDeviceGroup");
    out.leaf("o:mRID", group.mrid.as_str());
    for parameter in &view.parameters {
        write_parameter(out, parameter, absent, now);
    }
    if view.parameters.is_empty() {
        // The schema wants one parameter; a group without members has none that is known.
        write_parameter(out, &unknown(), absent, now);
    }
    identity::write_names(out, &group.names);
    write_state(out, view, now);
    out.close("o:EndDeviceGroup");
}

fn unknown() -> ParameterView {
    ParameterView {
        parameter: Parameter::ActivePower,
        value: None,
        at: None,
        rests_on: 0,
        installed_on: 0,
        installed_max: None,
        installed_min: None,
    }
}

fn write_parameter(out: &mut Writer, view: &ParameterView, absent: FlowDirection, now: Timestamp) {
    out.open("o:DERMonitorableParameter");
    out.value("o:DERParameter", view.parameter.literal());
    if absent == FlowDirection::Forward && units::has_direction(view.parameter) {
        out.value("o:flowDirection", "reverse");
    }
    out.value("o:yMultiplier", "none");
    out.value("o:yUnit", units::unit_of(view.parameter));
    number(out, "o:yUnitInstalledMax", view.installed_max);
    number(out, "o:yUnitInstalledMin", view.installed_min);
    out.open("o:DERCurveData");
    number(out, "o:nominalYValue", view.value);
    out.value("o:timeStamp", view.at.unwrap_or(now));
    out.close("o:DERCurveData");
    out.close("o:DERMonitorableParameter");
}

/// A number that is known; adding zero turns -0 into 0.
fn number(out: &mut Writer, name: &str, value: Option<f64>) {
    if let Some(value) = value.filter(|value| value.is_finite()) {
        out.value(name, value + 0.0);
    }
}

fn write_state(out: &mut Writer, view: &GroupView, now: Timestamp) {
    let members = view.group.members.len();
    let active = view.parameters.iter().find(|p| p.parameter == Parameter::ActivePower);
    let rests_on = active.or(view.parameters.first()).map_or(0, |parameter| parameter.rests_on);
    let newest = view.parameters.iter().filter_map(|parameter| parameter.at).max();
    out.open("o:status");
    out.value("o:dateTime", newest.unwrap_or(now));
    out.value("o:remark", format_args!("rests on {rests_on} of {members} members"));
    out.value("o:value", view.state());
    out.close("o:status");
}

/// A status as a client reads it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupStatus {
    /// The group's mRID, if given.
    pub mrid: Option<Mrid>,
    /// Its names.
    pub names: Vec<Name>,
    /// `Online`, `Degraded`, `Offline`, `Empty`, or another gateway's word.
    pub state: Option<String>,
    /// What is said beside it.
    pub remark: Option<String>,
    /// One value per parameter.
    pub parameters: Vec<StatusValue>,
}

/// One parameter of a status, in SI units, positive = injected.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusValue {
    /// Of what.
    pub parameter: Parameter,
    /// The value, if it is known.
    pub value: Option<f64>,
    /// Most the group can do, where told.
    pub installed_max: Option<f64>,
    /// Least it can do, where told.
    pub installed_min: Option<f64>,
    /// When it was measured.
    pub at: Timestamp,
}

/// Statuses as a reply tells them. Absent flow direction is read as reverse.
pub(super) fn read_told(noun: Element<'_>) -> Result<Vec<GroupStatus>, Invalid> {
    noun.only_children()?.map(read_group).collect()
}

fn read_group(element: Element<'_>) -> Result<GroupStatus, Invalid> {
    let mut own = Identity::default();
    let mut status = GroupStatus::default();
    for child in element.only_children()? {
        if own.take(child, OWN)? {
            continue;
        }
        match child.local() {
            "DERMonitorableParameter" => status.parameters.push(read_parameter(child)?),
            "status" => {
                for part in child.only_children()? {
                    match part.local() {
                        "value" => status.state = Some(part.text()?.to_owned()),
                        "remark" => status.remark = Some(part.text()?.to_owned()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let identity = own.finish()?;
    Ok(GroupStatus { mrid: identity.mrid, names: identity.names, ..status })
}

fn read_parameter(element: Element<'_>) -> Result<StatusValue, Invalid> {
    let (mut parameter, mut power, mut sign) = (None, 0, 1.0);
    let (mut max, mut min, mut value, mut at) = (None, None, None, None);
    for child in element.only_children()? {
        match child.name_in(OWN)? {
            "DERParameter" => parameter = Some(child.literal(Parameter::from_literal, "DERParameterKind")?),
            "flowDirection" if child.text()? == "forward" => sign = -1.0,
            "yMultiplier" => power = child.literal(units::multiplier, &units::multipliers())?,
            "yUnitInstalledMax" => max = Some(child.float()?),
            "yUnitInstalledMin" => min = Some(child.float()?),
            "DERCurveData" => {
                for point in child.only_children()? {
                    match point.name_in(OWN)? {
                        "nominalYValue" => value = Some(point.float()?),
                        "timeStamp" => at = Some(point.date_time(0)?),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let parameter = parameter.ok_or_else(|| element.missing("DERParameter"))?;
    let sign = if units::has_direction(parameter) { sign } else { 1.0 };
    let resolved = |value: Option<f64>| value.map(|value| sign * units::scaled(value, power));
    // With the sign turned, the largest becomes the least.
    let (max, min) = if sign < 0.0 { (min, max) } else { (max, min) };
    Ok(StatusValue {
        parameter,
        value: resolved(value),
        installed_max: resolved(max),
        installed_min: resolved(min),
        at: at.ok_or_else(|| element.missing("DERCurveData/timeStamp"))?,
    })
}
