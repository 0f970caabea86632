//! The part of a device map that describes a DNP3 outstation: its points, what they report, and the commands made of them.
//!
//! Values only; `map_file/outstation` reads them, the driver in `southbound/dnp3` carries them out. They are there whether or not
//! the program speaks DNP3, so that a map can be checked anywhere. (DNP3 reference sections 1 and 4.)

mod argument;
mod control;
mod scaling;

pub use argument::Argument;
pub use control::{AnalogNumber, ControlOptions, Operate, Switch};
pub use scaling::scaled;

use super::map::Parity;
use super::registers::{CommandName, EffectRule, PollClass, RegisterQuantity};
use crate::der::CurveKind;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What an outstation is like and how it wants to be treated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutstationMap {
    /// The link and the association (`[link]`, beside the keys that all maps have).
    pub session: SessionOptions,
    /// How commands are sent (`[control]`).
    pub control: ControlOptions,
    /// When a value counts as good (`[quality]`).
    pub quality: QualityRules,
    /// The point by which the outstation is recognised (`[identify]`).
    pub identify: Option<Mark>,
    /// What its points report (`[[point]]`); names are unique, and so are addresses.
    pub points: Vec<OutstationPoint>,
    /// What it can be asked to do (`[[command]]`).
    pub commands: Vec<OutstationCommand>,
    /// The window through which its curves are edited (`[curve_window]`).
    pub window: Option<CurveWindow>,
    /// The functions that follow a curve (`[[curve]]`).
    pub curves: Vec<CurveRoute>,
    /// Names of all points of the profile that it follows, for the tools (`profile`); the driver reads none of it.
    pub profile: Option<Arc<Profile>>,
}

impl OutstationMap {
    /// The point of a name.
    #[must_use]
    pub fn point(&self, name: &str) -> Option<&OutstationPoint> {
        self.points.iter().find(|point| point.name == name)
    }

    /// The point at an address, if the map says something of it.
    #[must_use]
    pub fn at(&self, at: At) -> Option<&OutstationPoint> {
        self.points.iter().find(|point| point.at == at)
    }

    /// The command of a name.
    #[must_use]
    pub fn command(&self, name: CommandName) -> Option<&OutstationCommand> {
        self.commands.iter().find(|command| command.name == name)
    }

    /// The route to a curve.
    #[must_use]
    pub fn curve(&self, kind: CurveKind) -> Option<&CurveRoute> {
        self.curves.iter().find(|curve| curve.kind == kind)
    }
}

/// What kind of point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PointKind {
    /// Binary input, g1 and g2.
    BinaryInput,
    /// Double-bit binary input, g3 and g4; values 0 intermediate, 1 off, 2 on, 3 indeterminate.
    DoubleBitInput,
    /// Binary output, status g10, commanded by g12.
    BinaryOutput,
    /// Counter, g20 and g22.
    Counter,
    /// Analog input, g30 and g32.
    AnalogInput,
    /// Analog output, status g40, commanded by g41.
    AnalogOutput,
}

impl PointKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::BinaryInput,
        Self::DoubleBitInput,
        Self::BinaryOutput,
        Self::Counter,
        Self::AnalogInput,
        Self::AnalogOutput,
    ];

    /// The letters before an index: `AI`.
    #[must_use]
    pub const fn letters(self) -> &'static str {
        match self {
            Self::BinaryInput => "BI",
            Self::DoubleBitInput => "DBI",
            Self::BinaryOutput => "BO",
            Self::Counter => "CTR",
            Self::AnalogInput => "AI",
            Self::AnalogOutput => "AO",
        }
    }

    /// True if its value is on or off.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::BinaryInput | Self::BinaryOutput)
    }

    /// True if it can be commanded.
    #[must_use]
    pub const fn is_output(self) -> bool {
        matches!(self, Self::BinaryOutput | Self::AnalogOutput)
    }
}

/// The address of a point: `AI537`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct At {
    /// What kind of point.
    pub kind: PointKind,
    /// Its index.
    pub index: u16,
}

impl At {
    /// Reads an address such as `AI537`, in capitals or not.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| c.is_ascii_digit())?;
        let (letters, digits) = text.split_at(digits);
        let kind = PointKind::ALL.into_iter().find(|kind| kind.letters().eq_ignore_ascii_case(letters))?;
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        let index = digits.parse().ok().filter(|_| plain)?;
        Some(Self { kind, index })
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", self.kind.letters(), self.index))
    }
}

/// The link and the association. Times that all maps have (answers, connection) are in [`super::LinkOptions`].
#[derive(Clone, Debug, PartialEq)]
pub struct SessionOptions {
    /// A link-status request goes out after so long without a byte; `None` never.
    pub keep_alive: Option<Duration>,
    /// Answers missed in a row after which the connection is made anew and the device counts as lost.
    pub lost_after_answers: u32,
    /// How the clock of the outstation is set when it asks for it.
    pub time_sync: TimeSync,
    /// Whether it may report by itself.
    pub unsolicited: Unsolicited,
    /// How everything is read.
    pub read: ReadPlan,
    /// How often everything is read once more.
    pub integrity: Duration,
}

/// How the clock of an outstation is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeSync {
    /// By the kind of link: LAN for TCP and TLS, non-LAN for serial.
    #[default]
    Auto,
    /// Record current time, then write (g50v3).
    Lan,
    /// Delay measurement, then write (g50v1).
    NonLan,
    /// Write only.
    Write,
    /// Never.
    Off,
}

/// Whether an outstation may report by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unsolicited {
    /// Asked to; if it refuses, it is polled.
    #[default]
    Auto,
    /// Not asked to, and told not to.
    Off,
}

/// How everything is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadPlan {
    /// By class 1, 2, 3 and 0.
    #[default]
    Classes,
    /// By ranges of the points that the map names: for outstations whose class 0 has objects that cannot be read.
    Ranges,
}

/// When a value counts as good.
#[derive(Clone, Debug, PartialEq)]
pub struct QualityRules {
    /// A clear ONLINE flag does not make a value bad.
    pub assume_online: bool,
    /// Raw values that mean "no value", beside those of a point itself.
    pub null_raw: Vec<i64>,
}

/// The point by which an outstation is recognised.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Which.
    pub at: At,
    /// Raw values of outstations that the map is for.
    pub any_of: Vec<i64>,
}

/// What a point reports.
#[derive(Clone, Debug, PartialEq)]
pub struct OutstationPoint {
    /// Its name, unique in the map.
    pub name: String,
    /// Its address, after all shifts.
    pub at: At,
    /// The value is raw * scale + offset; the sign of the device turned to ours.
    pub scale: f64,
    /// See `scale`.
    pub offset: f64,
    /// Unit after scaling, as the file has it.
    pub unit: Option<String>,
    /// What it reports, and by what its value is multiplied to be in the unit and sign of the quantity.
    pub quantity: Option<(RegisterQuantity, f64)>,
    /// How often it is read by itself, beside events and integrity polls. `Fast`: in each poll. `Once`: never so.
    pub poll: PollClass,
    /// A clear ONLINE flag does not make it bad.
    pub without_online: bool,
    /// Raw values that mean "no value".
    pub invalid: Vec<i64>,
    /// Names of values.
    pub symbols: Vec<(i64, String)>,
    /// It counts only while this point is on, or not 0.
    pub only_while: Option<At>,
    /// On (or not 0) is an alarm, in these words.
    pub alarm: Option<String>,
    /// While on (or not 0), nothing is commanded, for this reason.
    pub blocks: Option<String>,
    /// Its changes belong into the sequence of events.
    pub sequence: bool,
}

/// One command: steps in order, what enables it last.
#[derive(Clone, Debug, PartialEq)]
pub struct OutstationCommand {
    /// Which.
    pub name: CommandName,
    /// The binary point that says whether the outstation can do it; without one it can.
    pub supports: Option<At>,
    /// What is sent, in this order.
    pub steps: Vec<OutstationStep>,
    /// What is sent to undo it.
    pub release: Vec<OutstationStep>,
    /// What the measurements must show.
    pub effect: Option<EffectRule>,
}

/// One output, and where its value can be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct OutstationStep {
    /// Which output.
    pub write: At,
    /// Points that show it, any of them is enough; none if nothing does.
    pub reads: Vec<At>,
    /// What is written.
    pub value: StepSource,
    /// The raw output is value / scale, rounded half away from zero; limits are rounded towards less power.
    pub scale: f64,
    /// Smallest and largest value before scaling; for an input in percent, percent.
    pub range: Option<(f64, f64)>,
    /// How it is operated, if not as `[control]` says.
    pub operate: Option<Operate>,
    /// With what a binary output is operated, if not as `[control]` says.
    pub switch: Option<Switch>,
    /// What the points that show it are then, if not what is written: on or off.
    pub shows: Option<bool>,
    /// Longest wait for the read-back, if not as `[control]` says.
    pub within: Option<Duration>,
    /// An outstation without this point is no reason to give up: the step is passed over.
    pub optional: bool,
}

/// What a step writes.
#[derive(Clone, Debug, PartialEq)]
pub enum StepSource {
    /// Always this.
    Constant(f64),
    /// A part of what is asked.
    Argument(Argument),
    /// A part of what is asked in percent of the value of a point: of the first for values from 0 up, of the second below.
    PercentOf {
        /// Which part.
        argument: Argument,
        /// Name of the point for values from 0 up.
        positive: String,
        /// Name of the point for values below 0, whose size counts; the first if there is none.
        negative: Option<String>,
    },
}

/// The window through which curves are edited: outputs that are written, and inputs that show the selected curve.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveWindow {
    /// Selects a curve, and shows which is selected.
    pub select: WindowPoint,
    /// Type of the curve.
    pub kind: WindowPoint,
    /// Number of its points; written last.
    pub count: WindowPoint,
    /// Unit of x.
    pub x_unit: WindowPoint,
    /// Unit of y.
    pub y_unit: WindowPoint,
    /// x of the first point; y is the next, then x of the second.
    pub first: WindowPoint,
    /// Most points.
    pub max_points: u16,
    /// Is on while an enabled function follows the selected curve.
    pub referenced: Option<At>,
    /// The outstation refuses to change a curve that is followed: another one is written, and the function pointed at it.
    pub locked_while_followed: bool,
}

/// An output of the window and the input that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowPoint {
    /// Index of the analog output.
    pub write: u16,
    /// Index of the analog input.
    pub read: u16,
}

/// A function that follows a curve, or a droop.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveRoute {
    /// Which.
    pub kind: CurveKind,
    /// The binary point that says whether the outstation has it.
    pub supports: Option<At>,
    /// How its curve is written into the window; `None` for a function without points, as a droop.
    pub points: Option<CurvePoints>,
    /// What is sent after the curve was written, what enables it last.
    pub steps: Vec<OutstationStep>,
    /// What is sent to follow it no more; empty if that must not be (a protection).
    pub release: Vec<OutstationStep>,
}

/// How a curve is written into the window.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePoints {
    /// Raw type of the curve.
    pub kind: i32,
    /// Raw unit of x.
    pub x_unit: i32,
    /// Raw unit of y.
    pub y_unit: i32,
    /// x = raw * this.
    pub x_scale: f64,
    /// y = raw * this.
    pub y_scale: f64,
    /// x on the wire is the second number of a point, y the first: trips, whose time is x.
    pub swapped: bool,
    /// Name of the point in percent of whose value y is written: Hz in % of the nominal frequency.
    pub y_percent_of: Option<String>,
    /// A number between two raw values is refused, not rounded: a protection must be as it was asked for.
    pub exact: bool,
    /// Curves that are ours to write; the one that is not followed is taken.
    pub numbers: Vec<u16>,
}

/// Names of all points of a profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Its id, as the name of its file.
    pub id: String,
    /// Sorted by address.
    pub points: Vec<ProfilePoint>,
}

impl Profile {
    /// The point at an address.
    #[must_use]
    pub fn at(&self, at: At) -> Option<&ProfilePoint> {
        let place = self.points.binary_search_by_key(&at, |point| point.at).ok()?;
        self.points.get(place)
    }
}

/// One point of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfilePoint {
    /// Its address.
    pub at: At,
    /// Its name in the profile.
    pub name: String,
    /// Unit after scaling; empty if it has none.
    pub unit: String,
    /// The value is raw * this.
    pub scale: f64,
    /// Event class 1 to 3 by default, 0 if it makes no events.
    pub class: u8,
    /// The input that shows an output.
    pub pair: Option<At>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            keep_alive: Some(Duration::from_secs(30)),
            lost_after_answers: 3,
            time_sync: TimeSync::default(),
            unsolicited: Unsolicited::default(),
            read: ReadPlan::default(),
            integrity: Duration::from_secs(3600),
        }
    }
}

impl Default for QualityRules {
    /// The smallest number is what outstations send for "no value".
    fn default() -> Self {
        Self { assume_online: false, null_raw: vec![i64::from(i32::MIN)] }
    }
}

/// How a serial line of DNP3 is set, if the link does not say: 9600 8N1.
#[must_use]
pub const fn usual_serial() -> super::SerialOptions {
    super::SerialOptions { baud: 9600, data_bits: 8, parity: Parity::None, stop_bits: 1 }
}

#[cfg(test)]
mod tests;
