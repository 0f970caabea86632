//! A device map: what one family of devices is like, and how it wants to be treated.
//!
//! Values only. Reading them from a file is `map_file`'s matter; the keys are those of SunSpec reference section 13.

use super::dnp3::OutstationMap;
use super::registers::{RegisterMap, RegisterQuantity};
use crate::der::Quantity;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A checked device map.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceMap {
    /// Its id, `[a-z0-9-]`, as gateway.toml names it in `map`.
    pub id: String,
    /// What a person calls it.
    pub title: String,
    /// What it describes.
    pub kind: MapKind,
    /// Which devices it is meant for, if a device names no map.
    pub matches: Option<Match>,
    /// Limits and pacing of the connection.
    pub link: LinkOptions,
    /// How its SunSpec chain is found and read; not used by kind `registers`.
    pub sunspec: SunspecOptions,
    /// Registers outside SunSpec; empty for kind `sunspec`.
    pub registers: RegisterMap,
    /// The outstation; only for kind `dnp3`.
    pub outstation: Option<Arc<OutstationMap>>,
}

impl DeviceMap {
    /// What a map lacks that is right in itself and of little use, in words.
    #[must_use]
    pub fn lacks(&self) -> Option<String> {
        let power = Some(RegisterQuantity::Reading(Quantity::ActivePower));
        let of = |quantity: &Option<(RegisterQuantity, f64)>| quantity.map(|(of, _)| of) == power;
        let measured = match self.kind {
            MapKind::Sunspec | MapKind::Hybrid => true,
            MapKind::Registers => self.registers.points.iter().any(|point| of(&point.quantity)),
            MapKind::Dnp3 => self.outstation.iter().flat_map(|o| &o.points).any(|point| of(&point.quantity)),
        };
        (!measured).then(|| {
            format!(
                "no point of the map \"{}\" is active_power: what such a device delivers is counted in no group, and no dispatch sees whether it follows",
                self.id
            )
        })
    }
}

/// What a map describes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MapKind {
    /// A SunSpec chain.
    #[default]
    Sunspec,
    /// Plain Modbus registers.
    Registers,
    /// A SunSpec chain and other registers beside it.
    Hybrid,
    /// A DNP3 outstation.
    Dnp3,
}

/// Which devices a map is meant for. Every glob given must match model 1, trimmed and without regard to case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Match {
    /// Of 1.Mn.
    pub manufacturer: Option<String>,
    /// Of 1.Md.
    pub model: Option<String>,
    /// Of 1.Vr; any of them.
    pub version: Vec<String>,
    /// The highest of the maps that match wins.
    pub priority: i32,
}

/// Limits and pacing of a connection (`[link]`).
#[derive(Clone, Debug, PartialEq)]
pub struct LinkOptions {
    /// Ways it can be reached: `tcp`, `tls`, `rtu`; empty if the map does not say.
    pub transports: Vec<Transport>,
    /// TCP port of links that name none.
    pub port: Option<u16>,
    /// Unit ids to look for; empty if the map does not say.
    pub units: Vec<u8>,
    /// Sessions that the device allows at a time.
    pub connections: Option<u16>,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for an answer.
    pub response_timeout: Duration,
    /// Pause between two requests.
    pub inter_request: Duration,
    /// The device closes a connection that was idle for so long.
    pub idle_limit: Option<Duration>,
    /// Time without an answer after which the device counts as lost.
    pub lost_after: Duration,
    /// Most registers in one read, 2 to 125.
    pub max_read: u16,
    /// Most registers in one write, 1 to 123.
    pub max_write: u16,
    /// How its serial line is set, for links that do not say.
    pub serial: Option<SerialOptions>,
}

/// A way to reach a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// TLS; for Modbus, Modbus/TCP Security.
    Tls,
    /// Modbus RTU.
    Rtu,
    /// DNP3 on a serial line.
    Serial,
}

/// How a serial line is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SerialOptions {
    /// Baud.
    pub baud: u32,
    /// 7 or 8.
    pub data_bits: u8,
    /// Parity.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
}

/// Parity of a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Parity {
    None,
    Even,
    Odd,
}

/// How a SunSpec chain is found, read and written (`[sunspec]`).
#[derive(Clone, Debug, PartialEq)]
pub struct SunspecOptions {
    /// Base addresses to try, in this order.
    pub base: Vec<u16>,
    /// False if the chain of a sound device may end without an end model: no warning then.
    pub end_model_required: bool,
    /// Reads may run over the border of two models.
    pub cross_model: bool,
    /// Scale factors never change: they need not be in the same answer as the value.
    pub static_sf: bool,
    /// Answers with another unit id or transaction id than asked for are taken all the same.
    pub lenient_header: bool,
    /// Lengths that are right for a model beside the published one.
    pub model_lengths: BTreeMap<u16, Vec<u16>>,
    /// Models never read.
    pub ignore_models: Vec<u16>,
    /// Models whose control registers do not show what was written, so that read-back proves nothing.
    pub shadow_models: Vec<u16>,
    /// How registers are written.
    pub write_function: WriteFunction,
    /// What the sign of OutPFSet (123) means.
    pub pf_sign: PfSign,
    /// What positive power of a meter means.
    pub meter_sign: MeterSign,
    /// Enable points that must be written 0 before 1 for a changed setting to be taken over, as `123.WMaxLim_Ena`.
    pub enable_toggle: Vec<PointRef>,
    /// How curve sets are counted in an adoption request.
    pub curve_request: CurveRequest,
    /// The gateway counts up the controller heartbeat (715.ControllerHb, 802.CtrlHb) every second.
    pub heartbeat: bool,
    /// Corrections of single points.
    pub points: Vec<PointOverride>,
    /// Powers of ten to use for scale factor points that the device does not implement.
    pub scale_override: Vec<(PointRef, i8)>,
    /// Commands that are not offered, and why; the names are those of [`super::registers::CommandName`].
    pub disabled: Vec<(super::registers::CommandName, String)>,
}

/// How registers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteFunction {
    /// FC 16, and FC 6 for single registers if the device refuses that.
    #[default]
    Auto,
    /// FC 6 only.
    Single,
    /// FC 16 only.
    Multiple,
}

/// What the sign of a power factor set point means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PfSign {
    /// EEI: negative is over-excited while injecting.
    #[default]
    Eei,
    /// Positive is over-excited.
    OverexcitedPositive,
    /// The device takes a size only: over-excitation cannot be told apart.
    None,
}

/// What positive power of a meter means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MeterSign {
    /// Positive is taken from the grid.
    #[default]
    ImportPositive,
    /// Positive is fed to the grid.
    ExportPositive,
}

/// How curve sets are counted in an adoption request (SunSpec reference 8.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CurveRequest {
    /// The read-only set is 1.
    #[default]
    OneBased,
    /// The read-only set is 0.
    ZeroBased,
}

/// A point of a model, in all instances of the model: `123.WMaxLim_Ena`, `160.module[*].Tmp`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PointRef {
    /// Model id.
    pub model: u16,
    /// Path within the model; `[*]` stands for every index.
    pub path: String,
}

/// A correction of one point (`[[sunspec.point]]`).
#[derive(Clone, Debug, PartialEq)]
pub struct PointOverride {
    /// Which.
    pub point: PointRef,
    /// It is of this type in truth.
    pub kind: Option<super::PointType>,
    /// It is in this unit in truth.
    pub unit: Option<String>,
    /// Its sign is reversed.
    pub negate: bool,
    /// It is never used.
    pub ignore: bool,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            transports: Vec::new(),
            port: None,
            units: Vec::new(),
            connections: None,
            connect_timeout: Duration::from_secs(3),
            response_timeout: Duration::from_secs(3),
            inter_request: Duration::ZERO,
            idle_limit: None,
            lost_after: Duration::from_secs(10),
            max_read: 125,
            max_write: 123,
            serial: None,
        }
    }
}

impl Default for SerialOptions {
    /// As the Modbus serial line specification has it by default, but without parity, which is what devices ship with.
    fn default() -> Self {
        Self { baud: 9600, data_bits: 8, parity: Parity::None, stop_bits: 1 }
    }
}

impl Default for SunspecOptions {
    fn default() -> Self {
        Self {
            base: vec![40000, 0, 50000],
            end_model_required: true,
            cross_model: false,
            static_sf: false,
            lenient_header: false,
            model_lengths: BTreeMap::new(),
            ignore_models: Vec::new(),
            shadow_models: Vec::new(),
            write_function: WriteFunction::default(),
            pf_sign: PfSign::default(),
            meter_sign: MeterSign::default(),
            enable_toggle: Vec::new(),
            curve_request: CurveRequest::default(),
            heartbeat: false,
            points: Vec::new(),
            scale_override: Vec::new(),
            disabled: Vec::new(),
        }
    }
}
