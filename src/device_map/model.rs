//! A SunSpec model as a table: groups of points, their types and sizes. No registers yet: see [`super::Layout`].

/// A SunSpec model definition (SunSpec Device Information Model 1.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Model id, 1 to 65534.
    pub id: u16,
    /// The top-level group. Its first two points are ID and L.
    pub group: Group,
}

/// A group of points, possibly repeating.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name, unique among its siblings.
    pub name: String,
    /// A sync group must be read and written in one request.
    pub sync: bool,
    /// How often it stands there.
    pub repeat: Repeat,
    /// Its points, in register order.
    pub points: Vec<Point>,
    /// Its subgroups, in register order, after all points.
    pub groups: Vec<Group>,
}

/// How often a group stands in a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// A fixed number of times, mostly once.
    Times(u16),
    /// As often as this top-level point says.
    Point(String),
    /// As often as the model's length leaves room for.
    FillLength,
}

/// One point of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its name, unique in its group.
    pub name: String,
    /// Its type.
    pub kind: PointType,
    /// Registers it takes; differs from the type's own only for `string` and `pad`.
    pub size: u16,
    /// Power of ten by which the raw value is scaled.
    pub scale: Option<Scale>,
    /// Unit as the model states it.
    pub unit: Option<String>,
    /// May be written.
    pub writable: bool,
    /// Every device with the model must have it.
    pub mandatory: bool,
    /// Does not change while the device runs.
    pub fixed: bool,
    /// Names of values (enumerations) or of bit numbers (bit fields).
    pub symbols: Vec<Symbol>,
}

/// Where a point's power of ten comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scale {
    /// A sunssf point in the same group or one of its parents.
    Point(String),
    /// Stated by the model.
    Power(i8),
}

/// A name of a value, or of a bit number in a bit field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The name.
    pub name: String,
    /// The value or bit number.
    pub value: u32,
}

/// SunSpec point types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are SunSpec's own")]
pub enum PointType {
    Int16,
    Uint16,
    Count,
    Raw16,
    Acc16,
    Enum16,
    Bitfield16,
    Pad,
    Sunssf,
    Int32,
    Uint32,
    Enum32,
    Acc32,
    Bitfield32,
    Ipaddr,
    Float32,
    Int64,
    Uint64,
    Acc64,
    Bitfield64,
    Float64,
    Eui48,
    Ipv6addr,
    String,
}

impl PointType {
    /// All types.
    pub const ALL: [Self; 24] = [
        Self::Int16,
        Self::Uint16,
        Self::Count,
        Self::Raw16,
        Self::Acc16,
        Self::Enum16,
        Self::Bitfield16,
        Self::Pad,
        Self::Sunssf,
        Self::Int32,
        Self::Uint32,
        Self::Enum32,
        Self::Acc32,
        Self::Bitfield32,
        Self::Ipaddr,
        Self::Float32,
        Self::Int64,
        Self::Uint64,
        Self::Acc64,
        Self::Bitfield64,
        Self::Float64,
        Self::Eui48,
        Self::Ipv6addr,
        Self::String,
    ];

    /// SunSpec's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int16 => "int16",
            Self::Uint16 => "uint16",
            Self::Count => "count",
            Self::Raw16 => "raw16",
            Self::Acc16 => "acc16",
            Self::Enum16 => "enum16",
            Self::Bitfield16 => "bitfield16",
            Self::Pad => "pad",
            Self::Sunssf => "sunssf",
            Self::Int32 => "int32",
            Self::Uint32 => "uint32",
            Self::Enum32 => "enum32",
            Self::Acc32 => "acc32",
            Self::Bitfield32 => "bitfield32",
            Self::Ipaddr => "ipaddr",
            Self::Float32 => "float32",
            Self::Int64 => "int64",
            Self::Uint64 => "uint64",
            Self::Acc64 => "acc64",
            Self::Bitfield64 => "bitfield64",
            Self::Float64 => "float64",
            Self::Eui48 => "eui48",
            Self::Ipv6addr => "ipv6addr",
            Self::String => "string",
        }
    }

    /// The type of a word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Registers it takes; `None` for a string, whose size the point states. (A pad may be longer than one.)
    #[must_use]
    pub const fn registers(self) -> Option<u16> {
        match self {
            Self::Int16
            | Self::Uint16
            | Self::Count
            | Self::Raw16
            | Self::Acc16
            | Self::Enum16
            | Self::Bitfield16
            | Self::Pad
            | Self::Sunssf => Some(1),
            Self::Int32
            | Self::Uint32
            | Self::Enum32
            | Self::Acc32
            | Self::Bitfield32
            | Self::Ipaddr
            | Self::Float32 => Some(2),
            Self::Int64 | Self::Uint64 | Self::Acc64 | Self::Bitfield64 | Self::Float64 | Self::Eui48 => {
                Some(4)
            }
            Self::Ipv6addr => Some(8),
            Self::String => None,
        }
    }

    /// What every register of a point reads if the device does not implement the point; first register first.
    /// `None`: the type has no such value (raw16). Accumulators read 0, which is also a legitimate count.
    #[must_use]
    pub const fn not_implemented(self) -> Option<&'static [u16]> {
        match self {
            Self::Int16 | Self::Pad | Self::Sunssf => Some(&[0x8000]),
            Self::Uint16 | Self::Count | Self::Enum16 | Self::Bitfield16 => Some(&[0xFFFF]),
            Self::Raw16 => None,
            Self::Acc16 => Some(&[0]),
            Self::Int32 => Some(&[0x8000, 0]),
            Self::Uint32 | Self::Enum32 | Self::Bitfield32 => Some(&[0xFFFF, 0xFFFF]),
            Self::Acc32 | Self::Ipaddr => Some(&[0, 0]),
            Self::Float32 => Some(&[0x7FC0, 0]),
            Self::Int64 => Some(&[0x8000, 0, 0, 0]),
            Self::Uint64 | Self::Bitfield64 | Self::Eui48 => Some(&[0xFFFF; 4]),
            Self::Acc64 => Some(&[0; 4]),
            Self::Float64 => Some(&[0x7FF8, 0, 0, 0]),
            Self::Ipv6addr => Some(&[0; 8]),
            Self::String => Some(&[]),
        }
    }
}

impl Group {
    /// Registers of one instance, without subgroups.
    #[must_use]
    pub fn own_registers(&self) -> usize {
        self.points.iter().map(|p| usize::from(p.size)).sum()
    }
}

impl Model {
    /// L of the model without its repeating groups: registers after L that every instance has. A table may nest groups so
    /// that no address space holds it.
    #[must_use]
    pub fn fixed_length(&self) -> usize {
        fn once(group: &Group) -> usize {
            let inner = group.groups.iter().map(|g| match g.repeat {
                Repeat::Times(n) => usize::from(n).saturating_mul(once(g)),
                Repeat::Point(_) | Repeat::FillLength => 0,
            });
            inner.fold(group.own_registers(), usize::saturating_add)
        }
        once(&self.group).saturating_sub(2)
    }
}
