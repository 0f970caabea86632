//! `dergate dispatch`: asks a group of a running gateway for active power, as a DMS would.
//!
//! Positive is injected into the grid. OK means accepted and stored; what the field did is in `dergate status`.

use super::End;
use super::groups::{refused, url};
use crate::core::service::{NewDispatch, Reference};
use crate::der::{CurveStyle, DispatchSchedule, MOST_VALUE, Mrid, Parameter, TimeIntervalKind};
use crate::northbound::client::Client;
use jiff::{SignedDuration, Timestamp};
use std::io::Write;

/// The code of a refusal because there is no such group.
const NO_SUCH_GROUP: &str = "99.1";

/// Dispatches active power to a group of a running gateway.
#[derive(clap::Args, Clone, Debug)]
#[command(
    after_help = "Examples:\n    dergate dispatch --group FDR12 --active-power 120kW --for 15m\n    dergate dispatch --group FDR12 --curve straight --point 0W --point 2MW --for 30m"
)]
pub struct Args {
    /// The group, by name or mRID
    #[arg(long, value_name = "GROUP")]
    pub group: String,
    /// What it is asked for, with its unit: W, kW or MW; case matters; positive is injected into the grid
    #[arg(long, value_name = "VALUE", value_parser = active_power, allow_hyphen_values = true,
          required_unless_present = "points", conflicts_with = "points")]
    pub active_power: Option<f64>,
    /// When it begins: now, or a time such as 2026-04-09T12:00:00Z
    #[arg(long, value_name = "TIME", default_value = "now", value_parser = start)]
    pub start: Timestamp,
    /// How long it lasts in all, such as 90s, 15m or 2h
    #[arg(long = "for", value_name = "DURATION", default_value = "15m", value_parser = duration)]
    pub lasts: SignedDuration,
    /// How values between two points are made
    #[arg(long, value_enum, default_value_t = Curve::Constant)]
    pub curve: Curve,
    /// A point of a curve, in turn; the time is divided evenly between them
    #[arg(long = "point", value_name = "VALUE", value_parser = active_power, allow_hyphen_values = true)]
    pub points: Vec<f64>,
    /// The gateway's northbound
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8061", env = "DERGATE_URL", value_parser = url)]
    pub url: String,
    /// Print JSON instead of words
    #[arg(long)]
    pub json: bool,
}

/// How values between two points are made.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// Held until the next point
    Constant,
    /// A straight line to the next point
    Straight,
}

/// Asks, and prints what was accepted.
///
/// # Errors
/// The output cannot be written.
pub async fn run(args: Args, out: &mut dyn Write) -> std::io::Result<End> {
    let schedule = match schedule(&args) {
        Ok(schedule) => schedule,
        Err(words) => return Ok(End::Usage(words)),
    };
    let mrid = Mrid::from(uuid::Uuid::new_v4());
    let dispatch = |group| NewDispatch {
        mrid: Some(mrid.clone()),
        names: Vec::new(),
        group,
        parameter: Parameter::ActivePower,
        schedules: vec![schedule.clone()],
    };
    match ask(&args, dispatch).await {
        Ok(()) => {}
        Err(ended) => return Ok(ended),
    }
    if args.json {
        let told = serde_json::json!({
            "mrid": mrid.as_str(),
            "group": args.group,
            "parameter": Parameter::ActivePower.literal(),
            "starts": schedule.start().to_string(),
            "ends": schedule.end().to_string(),
            "values": schedule.values(),
        });
        serde_json::to_writer_pretty(&mut *out, &told)?;
        writeln!(out)?;
    } else {
        let (starts, ends) = (schedule.start(), schedule.end());
        writeln!(out, "accepted: dispatch {mrid} for {}, {starts} to {ends}", args.group)?;
    }
    Ok(End::Done)
}

async fn ask(args: &Args, dispatch: impl Fn(Reference) -> NewDispatch) -> Result<(), End> {
    let client = Client::new(&args.url).map_err(End::from)?;
    // What is given may be a name or an mRID: the group that has the name goes first.
    let name = Reference::by_name(args.group.clone());
    let known = client.query_groups(std::slice::from_ref(&name)).await.map_err(End::from)?;
    let group = match (known.objects.first(), Mrid::parse(&args.group)) {
        (None, Ok(mrid)) => {
            let by_mrid = Reference::by_mrid(mrid);
            let found = client.query_groups(std::slice::from_ref(&by_mrid)).await.map_err(End::from)?;
            if found.objects.is_empty() { name } else { by_mrid }
        }
        _ => name,
    };
    let answer = client.create_dispatches(&[dispatch(group)]).await.map_err(End::from)?;
    refused(&answer.reply).map_err(|end| match end {
        End::Failed(words) if answer.reply.errors.iter().any(|error| error.code == NO_SUCH_GROUP) => {
            End::Failed(format!("{words}; `dergate groups` lists them"))
        }
        end => end,
    })
}

fn schedule(args: &Args) -> Result<DispatchSchedule, String> {
    let style = match args.curve {
        Curve::Constant => CurveStyle::ConstantYValue,
        Curve::Straight => CurveStyle::StraightLineYValues,
    };
    let values = match args.active_power {
        // A straight line with one value is that value throughout: two points make it.
        Some(value) if args.curve == Curve::Straight => vec![value, value],
        Some(value) => vec![value],
        None => args.points.clone(),
    };
    let intervals = match args.curve {
        Curve::Constant => values.len(),
        Curve::Straight => values.len().saturating_sub(1).max(1),
    };
    let intervals = i64::try_from(intervals.max(1)).map_err(|error| error.to_string())?;
    let seconds = args.lasts.as_secs();
    if seconds % intervals != 0 {
        return Err(format!(
            "--for {seconds}s cannot be divided evenly into {intervals} intervals of whole seconds"
        ));
    }
    DispatchSchedule::new(style, args.start, seconds / intervals, TimeIntervalKind::Second, values)
        .map_err(|error| error.to_string())
}

/// An active power with its unit.
fn active_power(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let (number, factor) = [("kW", 1e3), ("MW", 1e6), ("W", 1.0)]
        .into_iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))
        .ok_or("a unit is needed: W, kW or MW (case matters), as in 120kW")?;
    match number.trim().parse::<f64>() {
        Ok(value) if (value * factor).abs() <= MOST_VALUE => Ok(value * factor),
        Ok(value) if !value.is_nan() => {
            Err(format!("{text} is beyond any power plant; at most {:e} MW", MOST_VALUE / 1e6))
        }
        _ => Err(format!("{number} is not a number; 120kW would be right")),
    }
}

fn start(text: &str) -> Result<Timestamp, String> {
    if text == "now" {
        // Whole seconds: nobody needs the rest, and people read them.
        return Timestamp::from_second(Timestamp::now().as_second()).map_err(|error| error.to_string());
    }
    text.parse().map_err(|_| "a time such as 2026-04-09T12:00:00Z, or now, is expected".to_owned())
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    match text.parse::<SignedDuration>() {
        Ok(duration) if duration.as_secs() >= 1 && duration.subsec_nanos() == 0 => Ok(duration),
        _ => Err("a duration of whole seconds such as 90s, 15m or 2h is expected".to_owned()),
    }
}
