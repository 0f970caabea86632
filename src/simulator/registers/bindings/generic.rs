//! What stands behind points that no table names: values made from the point itself, so that every type of every model
//! can be read, scaled and named. Also the sets of curves, which are alike in all models that have them.

use super::{Bind, Setting, What, once};
use crate::device_map::{Point, PointType};

/// Models whose untabled points are filled in for every kind of device: curves, settings, strings, control of the DER.
const FILLED: [u16; 18] =
    [126, 127, 128, 131, 132, 134, 145, 160, 705, 706, 707, 708, 709, 710, 711, 712, 714, 715];
/// Models with sets that are adopted (SunSpec 705 to 712).
const ADOPTED: std::ops::RangeInclusive<u16> = 705..=712;

/// True if points without a table entry are filled in.
pub fn fills(every_model: bool, model: u16) -> bool {
    every_model || FILLED.contains(&model)
}

/// How often a group stands there whose count a point states, or that fills the rest of its model.
pub fn instances(every_model: bool, ports: u16, model: u16, counted_by: Option<&str>) -> u16 {
    match (model, counted_by) {
        _ if every_model => 2,
        (714, _) | (160, None) => ports,
        (_, Some("NPt")) => 5,
        _ => 3,
    }
}

/// A plausible value for a point; `None` for padding. `counts` are the names of points that count groups.
pub fn bind(every_model: bool, ports: u16, model: u16, path: &str, point: &Point) -> Option<Bind> {
    if ADOPTED.contains(&model)
        && let Some(own) = adopted(every_model, model, path)
    {
        return own;
    }
    let what = value(every_model, ports, model, path, point)?;
    let read_only = ADOPTED.contains(&model) && is_first_set(path);
    if point.writable && !read_only && point.kind != PointType::Sunssf {
        Some(Bind::Setting(Setting::Kept(0), what))
    } else {
        Some(Bind::Once(what))
    }
}

/// What the machinery of adoption needs; the outer `None` is any other point.
fn adopted(every_model: bool, model: u16, path: &str) -> Option<Option<Bind>> {
    Some(match path {
        "Ena" => Some(Bind::Setting(Setting::Kept(0), What::Number(0.0))),
        "AdptCrvReq" | "AdptCtlReq" => Some(Bind::Setting(Setting::Adopt(model), What::Number(0.0))),
        "AdptCrvRslt" | "AdptCtlRslt" => Some(once(1.0)),
        // A timer that does not run is better not there.
        "RvrtTms" | "RvrtRem" | "RvrtCrv" | "RvrtCtl" if !every_model => None,
        _ => return None,
    })
}

/// The first set shows what is in force, and only that.
fn is_first_set(path: &str) -> bool {
    path.starts_with("Crv[0].") || path.starts_with("Ctl[0].")
}

fn value(every_model: bool, ports: u16, model: u16, path: &str, point: &Point) -> Option<What> {
    let count = |name| What::Steps(f64::from(instances(every_model, ports, model, name)));
    Some(match (point.kind, point.name.as_str()) {
        (PointType::Pad, _) => return None,
        (PointType::String, _) => What::Text("simulated"),
        (PointType::Ipaddr, _) => What::Raw(&[0xC000, 0x0201]),
        (PointType::Ipv6addr, _) => What::Raw(&[0x2001, 0x0DB8, 0, 0, 0, 0, 0, 1]),
        (PointType::Eui48, _) => What::Raw(&[0, 0x0200, 0x5E10, 0x0001]),
        // Nothing is asked of a device that has just been built.
        (PointType::Uint16 | PointType::Bitfield16, "ActCrv" | "ModEna") if !every_model => What::Number(0.0),
        (PointType::Uint16, name) if !every_model && name.ends_with("Tms") => What::Number(0.0),
        // Dead bands are told in thousandths of a hertz.
        (PointType::Sunssf, "Db_SF" | "K_SF") => What::Number(-3.0),
        (PointType::Sunssf, _) => What::Number(-2.0),
        (_, "ReadOnly") => What::Number(if is_first_set(path) { 1.0 } else { 0.0 }),
        (PointType::Enum16 | PointType::Enum32, _) => {
            What::Steps(point.symbols.first().map_or(1.0, |s| f64::from(s.value)))
        }
        (PointType::Bitfield16 | PointType::Bitfield32 | PointType::Bitfield64, _) => {
            let bit = point.symbols.first().map_or(0, |s| s.value.min(14));
            What::Steps(f64::from(1_u32 << bit))
        }
        (PointType::Count, _) | (_, "N") => count(None),
        (_, "NPt" | "NCrv" | "NCrvSet" | "NCtl" | "NPrt" | "NStr" | "NMod" | "NProf" | "IVLen") => {
            count(Some(&point.name))
        }
        (_, "ActPt") => What::Steps(2.0),
        (_, "ID") => What::Steps(f64::from(place(path)) + 1.0),
        (_, name) => What::Steps(number(path, name, point.kind)),
    })
}

/// The last index in a path.
fn place(path: &str) -> u16 {
    let index = path.rsplit_once('[').and_then(|(_, rest)| rest.split_once(']'));
    index.and_then(|(n, _)| n.parse().ok()).unwrap_or(0)
}

/// A raw value: steps of a curve rise, everything else differs from its neighbours.
fn number(path: &str, name: &str, kind: PointType) -> f64 {
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let inline = name.get(letters.len()..).and_then(|n| n.parse::<u16>().ok());
    let in_curve = path.contains("Pt[") || path.starts_with("curve[");
    let step = f64::from(inline.unwrap_or_else(|| place(path)).min(30));
    let value = match letters {
        "V" if in_curve => 9_000.0 + 200.0 * step,
        "Hz" if in_curve => 4_900.0 + 20.0 * step,
        "W" if in_curve => 300.0 * step,
        "Var" | "VAr" if in_curve => 1_000.0 - 100.0 * step,
        "Tms" | "Tm" if in_curve => 100.0 + 100.0 * step,
        _ => 1_000.0 + path.bytes().fold(0.0, |sum, b| (sum * 31.0 + f64::from(b)) % 89.0),
    };
    match kind {
        // No steps in a floating-point number.
        PointType::Float32 | PointType::Float64 => value / 100.0,
        _ => value,
    }
}
