//! Buses whose connections are made within the process, for tests and fuzzing: virtual time works with them.

use super::Bus;
use crate::device_map::SerialOptions;
use crate::southbound::modbus::serial::SerialLine;
use crate::southbound::modbus::{Endpoint, Stream};

/// Makes a connection within the process.
pub type Dial = Box<dyn Fn() -> Box<dyn Stream> + Send + Sync>;

impl Bus {
    /// Connections that are made within the process.
    #[must_use]
    pub fn dialling(dial: Dial) -> Self {
        Self { dial: Some(dial), ..Self::new(Endpoint::Tcp { host: String::new(), port: 0 }) }
    }

    /// A serial line over something that is no port.
    pub fn over(port: Box<dyn Stream>, serial: SerialOptions) -> Self {
        let mut bus = Self::new(Endpoint::Serial { path: String::new(), serial });
        bus.line = Some(SerialLine::over(port, serial));
        bus
    }
}
