//! `--trace` as lines for a technician: seconds since the start, direction, what was said. Other lines of the log stay as they
//! are.

use super::table::printable;
use crate::southbound::tools::TraceReader;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The bytes of Modbus, as they are.
const WIRE: &str = "dergate::wire";

/// Where the library below DNP3 logs.
const LIBRARY: &str = "dnp3";

/// How the lines are made.
pub(super) struct Lines {
    begun: Instant,
    reader: Mutex<TraceReader>,
    others: Format<Full>,
}

impl Lines {
    pub fn new() -> Self {
        Self { begun: Instant::now(), reader: Mutex::default(), others: Format::default() }
    }

    fn of(&self, target: &str, message: &str) -> Vec<String> {
        if target == WIRE {
            return vec![message.to_owned()];
        }
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).lines(message)
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let target = event.metadata().target();
        let of_library = target.split("::").next() == Some(LIBRARY);
        if target != WIRE && !of_library {
            return self.others.format_event(context, writer, event);
        }
        let mut message = Message::default();
        event.record(&mut message);
        for (at, line) in self.of(target, &message.0).iter().enumerate() {
            let line = printable(line);
            if at == 0 {
                writeln!(writer, "{:>8.3} {line}", self.begun.elapsed().as_secs_f64())?;
            } else {
                writeln!(writer, "{:>8} {line}", "")?;
            }
        }
        Ok(())
    }
}

/// The words of an event; further fields behind them.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write;
        // A String takes whatever is written to it.
        let _ = if field.name() == "message" {
            write!(self.0, "{value:?}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests;
