//! The noun DERGroupDispatches: what groups are asked to do, read into SI units with one sign, and told back.
//!
//! What the schema forbids makes the whole message a fault. What only makes no sense (a unit that does not fit, a value that is
//! not finite, an empty schedule) refuses the one dispatch and leaves the others alone (61968-5 reference 7.9).

use super::identity::{self, Identity};
use super::namespace::Namespace;
use super::settings::{FlowDirection, Settings};
use super::units;
use super::xml::write::Writer;
use super::xml::{Element, Invalid, assign, unexpected};
use crate::core::service::{NewDispatch, Reference};
use crate::der::{
    CurveStyle, DispatchSchedule, GroupDispatch, MOST_VALUE, Mrid, Name, Parameter, TimeIntervalKind,
};

const OWN: Namespace = Namespace::Dispatches;
/// Most dispatches in one message: each one that makes no sense is told with its place among the others.
const MAX_DISPATCHES: usize = 1000;

/// One dispatch of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    /// Its mRID, if given.
    pub(super) mrid: Option<Mrid>,
    /// Its Names, of which one may in truth be the group's (61968-5 reference 7.8).
    pub(super) names: Vec<Name>,
    /// The group as named inside EndDeviceGroup; may be empty.
    pub(super) group: Reference,
    /// What is asked for, if it makes sense.
    pub(super) content: Result<Content, Nonsense>,
}

/// What a dispatch asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    pub(super) parameter: Parameter,
    pub(super) schedules: Vec<DispatchSchedule>,
}

/// Why one dispatch makes no sense: a code of 61968-9, and where and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Nonsense {
    pub(super) code: &'static str,
    pub(super) words: String,
}

/// Either the message is bad, or only this dispatch is.
enum Trouble {
    Message(Invalid),
    Dispatch(Nonsense),
}

impl From<Invalid> for Trouble {
    fn from(invalid: Invalid) -> Self {
        Self::Message(invalid)
    }
}

/// A value or combination that the schema permits and nobody can follow.
fn senseless(element: Element<'_>, words: impl std::fmt::Display) -> Trouble {
    Trouble::Dispatch(Nonsense { code: "1.8", words: element.invalid(words).0 })
}

/// Something mandatory that is absent inside one dispatch.
fn absent(element: Element<'_>, what: &str) -> Trouble {
    Trouble::Dispatch(Nonsense { code: "5.8", words: element.missing(what).0 })
}

/// Every dispatch of the noun; there must be one.
pub(super) fn read(noun: Element<'_>, settings: &Settings) -> Result<Vec<Asked>, Invalid> {
    let mut all = Vec::new();
    for child in noun.only_children()? {
        match child.name_in(OWN)? {
            "DERGroupDispatch" if all.len() >= MAX_DISPATCHES => {
                let words = format!("has more than {MAX_DISPATCHES} dispatches; send several messages");
                return Err(noun.invalid(words));
            }
            "DERGroupDispatch" => all.push(read_dispatch(child, settings)?),
            _ => return Err(unexpected(child, "DERGroupDispatch")),
        }
    }
    if all.is_empty() {
        return Err(noun.missing("DERGroupDispatch"));
    }
    Ok(all)
}

fn read_dispatch(element: Element<'_>, settings: &Settings) -> Result<Asked, Invalid> {
    let mut own = Identity::default();
    let mut group = None;
    for child in element.only_children()? {
        if own.take(child, OWN)? {
            continue;
        }
        match child.local() {
            "EndDeviceGroup" => assign(&mut group, child)?,
            _ => return Err(unexpected(child, "mRID, EndDeviceGroup and Names")),
        }
    }
    let group = group.ok_or_else(|| element.missing("EndDeviceGroup"))?;
    let mut named = Identity::default();
    let mut parameter = None;
    for child in group.only_children()? {
        if named.take(child, OWN)? {
            continue;
        }
        match child.local() {
            "DERMonitorableParameter" => assign(&mut parameter, child)?,
            _ => return Err(unexpected(child, "mRID, DERMonitorableParameter and Names")),
        }
    }
    let parameter = parameter.ok_or_else(|| group.missing("DERMonitorableParameter"))?;
    let content = match read_parameter(parameter, settings) {
        Ok(content) => Ok(content),
        Err(Trouble::Dispatch(nonsense)) => Err(nonsense),
        Err(Trouble::Message(invalid)) => return Err(invalid),
    };
    let own = own.finish()?;
    Ok(Asked { mrid: own.mrid, names: own.names, group: named.finish()?, content })
}

fn read_parameter(element: Element<'_>, settings: &Settings) -> Result<Content, Trouble> {
    let (mut parameter, mut direction, mut multiplier, mut unit) = (None, None, None, None);
    let mut schedules = Vec::new();
    for child in element.only_children()? {
        match child.name_in(OWN)? {
            "DERParameter" => assign(&mut parameter, child)?,
            "flowDirection" => assign(&mut direction, child)?,
            "yMultiplier" => assign(&mut multiplier, child)?,
            "yUnit" => assign(&mut unit, child)?,
            "DispatchSchedule" => schedules.push(child),
            _ => {
                let known = "DERParameter, flowDirection, yMultiplier, yUnit and DispatchSchedule";
                return Err(unexpected(child, known).into());
            }
        }
    }
    let parameter = parameter
        .ok_or_else(|| element.missing("DERParameter"))?
        .literal(Parameter::from_literal, &Parameter::ALL.map(Parameter::literal).join(", "))?;
    let power = multiplier
        .ok_or_else(|| element.missing("yMultiplier"))?
        .literal(units::multiplier, &units::multipliers())?;
    let unit = unit.ok_or_else(|| element.missing("yUnit"))?;
    let symbol = unit.literal(units::unit, "DERUnitSymbol")?;
    let direction = read_direction(direction, settings.absent_flow_direction)?;
    let right = units::unit_of(parameter);
    if symbol != right {
        let words = format!("{symbol} does not fit {}; {right} does", parameter.literal());
        return Err(senseless(unit, words));
    }
    if schedules.is_empty() {
        return Err(absent(element, "DispatchSchedule"));
    }
    let sign = if units::has_direction(parameter) { units::sign(direction) } else { 1.0 };
    let resolve = |value: f64| sign * units::scaled(value, power);
    let schedules = schedules.into_iter().map(|s| read_schedule(s, resolve, settings.naive_time_offset_s));
    Ok(Content { parameter, schedules: schedules.collect::<Result<_, _>>()? })
}

fn read_direction(element: Option<Element<'_>>, absent: FlowDirection) -> Result<FlowDirection, Trouble> {
    let Some(element) = element else { return Ok(absent) };
    match element.literal(units::direction, "FlowDirectionKind")? {
        "forward" => Ok(FlowDirection::Forward),
        "reverse" => Ok(FlowDirection::Reverse),
        other => Err(senseless(element, format!("{other} cannot be dispatched; forward and reverse can"))),
    }
}

fn read_schedule(
    element: Element<'_>,
    resolve: impl Fn(f64) -> f64,
    naive_offset_s: i32,
) -> Result<DispatchSchedule, Trouble> {
    let (mut style, mut start, mut duration, mut unit) = (None, None, None, None);
    let mut points = Vec::new();
    for child in element.only_children()? {
        match child.name_in(OWN)? {
            "curveStyleKind" => assign(&mut style, child)?,
            "startTime" => assign(&mut start, child)?,
            "timeIntervalDuration" => assign(&mut duration, child)?,
            "timeIntervalUnit" => assign(&mut unit, child)?,
            "DERCurveData" => points.push(read_point(child)?),
            _ => {
                let known =
                    "curveStyleKind, startTime, timeIntervalDuration, timeIntervalUnit and DERCurveData";
                return Err(unexpected(child, known).into());
            }
        }
    }
    let style = style
        .ok_or_else(|| element.missing("curveStyleKind"))?
        .literal(CurveStyle::from_literal, "constantYValue, straightLineYValues")?;
    let start = start.ok_or_else(|| element.missing("startTime"))?.date_time(naive_offset_s)?;
    let duration = duration.ok_or_else(|| element.missing("timeIntervalDuration"))?;
    let step = duration.integer()?;
    let unit = unit
        .ok_or_else(|| element.missing("timeIntervalUnit"))?
        .literal(TimeIntervalKind::from_literal, "s, m (minute), h, D, M (month), Y")?;
    if step < 1 {
        return Err(senseless(duration, format!("must be 1 or more; it is {step}")));
    }
    if points.is_empty() {
        return Err(absent(element, "DERCurveData"));
    }
    let values: Vec<f64> = in_order(element, points)?.into_iter().map(resolve).collect();
    if let Some(value) = values.iter().find(|value| !is_sane(**value)) {
        let words = format!(
            "has the value {value:e} in the SI unit; {MOST_VALUE:e} is the most, beyond any power plant"
        );
        return Err(senseless(element, words));
    }
    DispatchSchedule::new(style, start, step, unit, values).map_err(|error| senseless(element, error))
}

/// False for a value beyond any power plant, or none at all.
fn is_sane(value: f64) -> bool {
    value.abs() <= MOST_VALUE
}

/// One point: its number and its value as written.
fn read_point(element: Element<'_>) -> Result<(i64, f64), Trouble> {
    let (mut number, mut value) = (None, None);
    for child in element.only_children()? {
        match child.name_in(OWN)? {
            "intervalNumber" => assign(&mut number, child)?,
            "nominalYValue" => assign(&mut value, child)?,
            _ => return Err(unexpected(child, "intervalNumber and nominalYValue").into()),
        }
    }
    let number = number.ok_or_else(|| element.missing("intervalNumber"))?;
    let value = value.ok_or_else(|| element.missing("nominalYValue"))?;
    let (at, number) = (number, number.integer()?);
    if number < 1 {
        return Err(senseless(at, format!("must be 1 or more; it is {number}")));
    }
    let (at, value) = (value, value.float()?);
    if !value.is_finite() {
        return Err(senseless(at, "is not a finite number"));
    }
    Ok((number, value))
}

/// The values by intervalNumber if the numbers are distinct, else as they stand (61968-5 reference 7.8). A gap is refused:
/// what to do in it is not said.
fn in_order(schedule: Element<'_>, mut points: Vec<(i64, f64)>) -> Result<Vec<f64>, Trouble> {
    let as_written: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    points.sort_by_key(|(number, _)| *number);
    if points.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
        return Ok(as_written);
    }
    for ((number, _), expected) in points.iter().zip(1..) {
        if *number != expected {
            let words = format!("has no point with intervalNumber {expected} but one with {number}");
            return Err(senseless(schedule, words));
        }
    }
    Ok(points.into_iter().map(|(_, value)| value).collect())
}

/// The mRIDs of the dispatches that a reply tells.
pub(super) fn read_told(noun: Element<'_>) -> Result<Vec<Mrid>, Invalid> {
    let mrid = |dispatch: Element<'_>| {
        let own = dispatch.children().find(|child| child.is(OWN, "mRID"));
        identity::mrid(own.ok_or_else(|| dispatch.missing("mRID"))?)
    };
    noun.only_children()?.map(mrid).collect()
}

/// Writes a dispatch as it was accepted: SI units, signed, direction as in `statuses.rs`.
pub(super) fn write(out: &mut Writer, dispatch: &GroupDispatch, absent: FlowDirection) {
    let direction = (absent == FlowDirection::Forward).then_some("reverse");
    let group = Reference::by_mrid(dispatch.group.clone());
    let told = Told {
        mrid: Some(&dispatch.mrid),
        group: &group,
        names: &dispatch.names,
        parameter: dispatch.parameter,
        schedules: &dispatch.schedules,
    };
    write_told(out, &told, direction);
}

/// Writes a dispatch to be accepted, with its direction in so many words.
pub(super) fn write_new(out: &mut Writer, dispatch: &NewDispatch) {
    let told = Told {
        mrid: dispatch.mrid.as_ref(),
        group: &dispatch.group,
        names: &dispatch.names,
        parameter: dispatch.parameter,
        schedules: &dispatch.schedules,
    };
    write_told(out, &told, Some("reverse"));
}

struct Told<'a> {
    mrid: Option<&'a Mrid>,
    group: &'a Reference,
    names: &'a [Name],
    parameter: Parameter,
    schedules: &'a [DispatchSchedule],
}

fn write_told(out: &mut Writer, told: &Told<'_>, direction: Option<&str>) {
    out.open("o:DERGroupDispatch");
    if let Some(mrid) = told.mrid {
        out.leaf("o:mRID", mrid.as_str());
    }
    out.open("o:EndDeviceGroup");
    if let Some(mrid) = &told.group.mrid {
        out.leaf("o:mRID", mrid.as_str());
    }
    out.open("o:DERMonitorableParameter");
    out.value("o:DERParameter", told.parameter.literal());
    out.some_leaf("o:flowDirection", direction.filter(|_| units::has_direction(told.parameter)));
    out.value("o:yMultiplier", "none");
    out.value("o:yUnit", units::unit_of(told.parameter));
    for schedule in told.schedules {
        write_schedule(out, schedule);
    }
    out.close("o:DERMonitorableParameter");
    identity::write_names(out, &told.group.names);
    out.close("o:EndDeviceGroup");
    identity::write_names(out, told.names);
    out.close("o:DERGroupDispatch");
}

fn write_schedule(out: &mut Writer, schedule: &DispatchSchedule) {
    out.open("o:DispatchSchedule");
    out.value("o:curveStyleKind", schedule.style().literal());
    out.value("o:startTime", schedule.start());
    out.value("o:timeIntervalDuration", schedule.step());
    out.value("o:timeIntervalUnit", schedule.unit().literal());
    for (number, value) in (1..).zip(schedule.values()) {
        let number: u64 = number;
        out.open("o:DERCurveData");
        out.value("o:intervalNumber", number);
        out.value("o:nominalYValue", value + 0.0);
        out.close("o:DERCurveData");
    }
    out.close("o:DispatchSchedule");
}
