//! What the stack writes of the traffic for `--trace`, and nothing otherwise.
//!
//! The lines come through `tracing` at level INFO under the target `dnp3`; showing them is the log
//! filter's matter (`dnp3=info`).

use dnp3::decode::{AppDecodeLevel, DecodeLevel, LinkDecodeLevel, PhysDecodeLevel, TransportDecodeLevel};

/// All values and link headers, or nothing.
pub const fn level(trace: bool) -> DecodeLevel {
    if trace {
        DecodeLevel {
            application: AppDecodeLevel::ObjectValues,
            transport: TransportDecodeLevel::Nothing,
            link: LinkDecodeLevel::Header,
            physical: PhysDecodeLevel::Nothing,
        }
    } else {
        DecodeLevel {
            application: AppDecodeLevel::Nothing,
            transport: TransportDecodeLevel::Nothing,
            link: LinkDecodeLevel::Nothing,
            physical: PhysDecodeLevel::Nothing,
        }
    }
}
