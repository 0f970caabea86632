//! Turns the stack's values of a fragment into ours, in the order in which they came.

use crate::device_map::dnp3::{At, PointKind};
use crate::southbound::dnp3::field::{Seen, Stamp};
use dnp3::app::measurement::{DoubleBit, Flags, Time};
use dnp3::master::HeaderInfo;
use jiff::Timestamp;

/// More values than an outstation can have; an answer that goes on after that is no answer.
pub const MOST: usize = 6 * 65_536;
/// A time before this is none: 2000-01-01, in ms.
const CENTURY: u64 = 946_684_800_000;

/// The values of one fragment.
#[derive(Default)]
pub struct Gather {
    seen: Vec<Seen>,
    heard: Timestamp,
}

impl Gather {
    /// A fragment begins.
    pub fn begin(&mut self) {
        self.seen.clear();
        self.heard = Timestamp::now();
    }

    /// What it brought.
    pub fn take(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.seen)
    }

    pub fn add(
        &mut self,
        info: HeaderInfo,
        kind: PointKind,
        values: impl Iterator<Item = (u16, f64, Flags, Option<Time>)>,
    ) {
        let heard = self.heard;
        // The upper bits of a binary point are its state.
        let mask = match kind {
            PointKind::BinaryInput | PointKind::BinaryOutput => 0x7F,
            PointKind::DoubleBitInput => 0x3F,
            PointKind::Counter | PointKind::AnalogInput | PointKind::AnalogOutput => 0xFF,
        };
        self.seen.extend(values.map(|(index, raw, flags, time)| Seen {
            at: At { kind, index },
            raw,
            flags: if info.has_flags { flags.value & mask } else { Flags::ONLINE.value },
            stamp: time.and_then(stamp),
            event: info.is_event,
            heard,
        }));
    }
}

/// A time of the outstation, unless it is none.
fn stamp(time: Time) -> Option<Stamp> {
    let ms = time.timestamp().raw_value();
    let at = Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
    (ms >= CENTURY).then_some(Stamp { at, synchronised: time.is_synchronized() })
}

/// A binary value as a number.
pub const fn bit(on: bool) -> f64 {
    if on { 1.0 } else { 0.0 }
}

/// A double-bit value as the standard numbers it.
pub const fn pair(value: DoubleBit) -> f64 {
    match value {
        DoubleBit::Intermediate => 0.0,
        DoubleBit::DeterminedOff => 1.0,
        DoubleBit::DeterminedOn => 2.0,
        DoubleBit::Indeterminate => 3.0,
    }
}

/// The methods of a `ReadHandler` that put values into its field of this name.
macro_rules! handlers {
    ($gather:ident) => {
        $crate::southbound::dnp3::handler::gather::handlers! { @each $gather
            handle_binary_input BinaryInput BinaryInput |value| gather::bit(value);
            handle_double_bit_binary_input DoubleBitBinaryInput DoubleBitInput |value| gather::pair(value);
            handle_binary_output_status BinaryOutputStatus BinaryOutput |value| gather::bit(value);
            handle_counter Counter Counter |value| f64::from(value);
            handle_analog_input AnalogInput AnalogInput |value| value;
            handle_analog_output_status AnalogOutputStatus AnalogOutput |value| value;
        }
    };
    (@each $gather:ident $($method:ident $value:ident $kind:ident |$raw:ident| $as_raw:expr;)+) => {
        $(fn $method(&mut self, info: HeaderInfo, iter: &mut dyn Iterator<Item = ($value, u16)>) {
            let kind = $crate::device_map::dnp3::PointKind::$kind;
            let values = iter.map(|(it, index)| {
                let $raw = it.value;
                (index, $as_raw, it.flags, it.time)
            });
            self.$gather.add(info, kind, values);
        })+
    };
}
pub(super) use handlers;
