//! Whether what is to be written by hand lies beyond what the map, the kind of point or the ratings of the device leave room
//! for.
//!
//! A doubt only: what can be encoded can be written, for a device may take more than is known of it. Who writes is warned.

use super::{Frame, Meaning, Planned};
use crate::device_map::registers::RegisterPoint;
use crate::southbound::points;
use crate::southbound::sunspec::probe::{ProbedValue, WholeChain};
use crate::southbound::sunspec::tools::read::Shown;
use crate::southbound::sunspec::tools::target::{Order, RawTarget, Target};
use crate::southbound::sunspec::tools::{Session, Source};
use crate::southbound::sunspec::value::{Value, decode, scaled};

/// Beyond a rating by rounding is not beyond.
const SLACK: f64 = 1.0 + 1e-6;

/// Models whose percentages are of what the device can do; elsewhere they are of voltages too, which may be above 100.
const OF_POWER: [u16; 3] = [123, 124, 704];

impl Session {
    /// What speaks against the values, in words, in the order of the frames.
    pub(super) async fn beyond(
        &self,
        source: &Source<'_>,
        chain: &WholeChain,
        orders: &[Order],
        frames: &[Frame],
    ) -> Vec<String> {
        let mut doubts = Vec::new();
        for planned in frames.iter().flat_map(|frame| &frame.points) {
            let name = &planned.name;
            let Some(order) = orders.iter().find(|order| order.target.to_string() == *name) else { continue };
            let doubt = match &planned.meaning {
                Meaning::Named { point, exponent } => of_map(point, planned, *exponent),
                Meaning::Raw(raw) => self.of_registers(raw, planned),
                Meaning::Point { .. } => self.of_model(source, chain, &order.target, planned).await,
            };
            doubts.extend(doubt.map(|words| format!("{name} = {}: {words}", planned.value())));
        }
        doubts
    }

    /// Registers by address that are a point of the map.
    fn of_registers(&self, raw: &RawTarget, planned: &Planned) -> Option<String> {
        let map = self.register_map()?;
        let same = |point: &&RegisterPoint| {
            point.table == raw.table
                && point.address == raw.address
                && usize::from(point.kind.registers()) == planned.registers.len()
                && point.scale_from.is_none()
        };
        let point = map.registers.points.iter().find(same)?;
        let words = of_map(point, planned, Some(0))?;
        Some(format!("this is {} of the map; {words}", point.name))
    }

    async fn of_model(
        &self,
        source: &Source<'_>,
        chain: &WholeChain,
        target: &Target,
        planned: &Planned,
    ) -> Option<String> {
        let (Target::Model { id, path: Some(path), .. }, Meaning::Point { kind, power, unit, .. }) =
            (target, &planned.meaning)
        else {
            return None;
        };
        let Some(Value::Integer(raw)) = decode(*kind, &planned.registers) else { return None };
        #[expect(clippy::cast_precision_loss, reason = "compared with ratings")]
        let value = scaled(raw as f64, *power)?;
        if let Some(words) = by_kind(*id, path, unit, value) {
            return Some(words);
        }
        for (model, rating) in ratings(*id, path, value) {
            if let Some(most) = self.rating(source, chain, model, &rating).await {
                let words = || format!("beyond what the device is rated for ({model}.{rating} = {most})");
                return (value.abs() > most * SLACK).then(words);
            }
        }
        None
    }

    /// A rating that the device tells; `None` if it does not, or none that is one.
    async fn rating(&self, source: &Source<'_>, chain: &WholeChain, model: u16, point: &str) -> Option<f64> {
        let shown = self.read_points(source, chain, (model, 0), Some(point)).await.ok()?;
        match shown.first() {
            Some(Shown::Point(read)) => match read.point.value {
                ProbedValue::Number(number) if number.abs() > 0.0 => Some(number.abs()),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What is so of all devices.
fn by_kind(model: u16, path: &str, unit: &str, value: f64) -> Option<String> {
    let name = path.rsplit('.').next().unwrap_or_default();
    if matches!((model, name), (704, "PF") | (123, "OutPFSet")) && value.abs() > 1.0 {
        return Some("a power factor is at most 1".to_owned());
    }
    let percent = (unit == "Pct" || unit.starts_with('%')) && !unit.contains('/');
    (percent && OF_POWER.contains(&model) && value.abs() > 100.0).then(|| "beyond 100 %".to_owned())
}

/// The ratings that a value must keep within, the first that the device tells counts.
fn ratings(model: u16, path: &str, value: f64) -> Vec<(u16, String)> {
    let all = |list: &[(u16, &str)]| list.iter().map(|(model, name)| (*model, (*name).to_owned())).collect();
    match (model, path) {
        (121, "WMax") => all(&[(120, "WRtg"), (702, "WMaxRtg")]),
        (121, "VAMax") => all(&[(120, "VARtg"), (702, "VAMaxRtg")]),
        (121, "VArMaxQ1" | "VArMaxQ2" | "VArMaxQ3" | "VArMaxQ4") => {
            vec![(120, path.replacen("Max", "Rtg", 1))]
        }
        (124, "WChaMax") => all(&[(120, "MaxChaRte"), (702, "WChaRteMaxRtg")]),
        // Each setting of 702 stands beside its rating.
        (702, _) => vec![(702, format!("{path}Rtg"))],
        (704, "WSet" | "WSetRvrt") if value < 0.0 => all(&[(702, "WChaRteMaxRtg"), (702, "WMaxRtg")]),
        (704, "WSet" | "WSetRvrt") => all(&[(702, "WMaxRtg")]),
        (704, "VarSet" | "VarSetRvrt") if value < 0.0 => all(&[(702, "VarMaxAbsRtg")]),
        (704, "VarSet" | "VarSetRvrt") => all(&[(702, "VarMaxInjRtg")]),
        _ => Vec::new(),
    }
}

/// Beyond the range of a point in a register map; without one, beyond 100 %.
fn of_map(point: &RegisterPoint, planned: &Planned, exponent: Option<i32>) -> Option<String> {
    let points::Value::Number(value) = points::decode(point, &planned.registers, exponent) else {
        return None;
    };
    if let Some((low, high)) = point.range {
        let slack = (high - low).abs() * (SLACK - 1.0);
        let words = || format!("outside {low} to {high}, the range in the device map");
        return (!(low - slack..=high + slack).contains(&value)).then(words);
    }
    (point.unit.as_deref() == Some("%") && value.abs() > 100.0).then(|| "beyond 100 %".to_owned())
}
