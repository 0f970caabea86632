//! Which units answer behind one address, each asked in its turn.

use super::{Session, Source, Tell};
use crate::southbound::modbus::{BusError, ConnectFault, Exception};
use crate::southbound::sunspec::block::ModelAt;
use crate::southbound::sunspec::block::Sample;
use crate::southbound::sunspec::probe::{Body, ProbeError, lay_out, whole_chain};
use crate::southbound::sunspec::scan::ScanError;

/// What one unit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitReport {
    /// Its id.
    pub unit: u8,
    /// What answers there.
    pub found: UnitFound,
}

/// What answers as one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitFound {
    /// A SunSpec device.
    Sunspec {
        /// Address of its marker.
        base: u16,
        /// Ids of its models.
        models: Vec<u16>,
        /// Manufacturer.
        manufacturer: Option<String>,
        /// Model.
        model: Option<String>,
        /// Serial number.
        serial: Option<String>,
    },
    /// Something that is not one, in words.
    Other(String),
    /// Nothing; what happened instead.
    Nothing(String),
}

impl Session {
    /// Asks each of the units what it is. One that does not answer costs one time-out: it is asked at the first base
    /// address only.
    ///
    /// # Errors
    /// There is no connection at all.
    pub async fn units(&self, units: &[u8], tell: Tell<'_>) -> Result<Vec<UnitReport>, ProbeError> {
        let mut reports = Vec::with_capacity(units.len());
        for (place, &unit) in units.iter().enumerate() {
            tell(&format!("unit {unit} ({} of {})", place + 1, units.len()));
            let found = self.who(unit).await.map_err(|error| self.broken(error))?;
            reports.push(UnitReport { unit, found });
        }
        Ok(reports)
    }

    async fn who(&self, unit: u8) -> Result<UnitFound, BusError> {
        let line = self.line_to(unit);
        if let Some(at) = line.retry_at().await {
            tokio::time::sleep_until(at).await;
        }
        let first = self.options.sunspec.base.first().copied().unwrap_or(40_000);
        match line.read(first, 2).await {
            Ok(_) => {}
            Err(BusError::Refused(exception)) if exception.unit_missing() => {
                return Ok(UnitFound::Nothing(exception.to_string()));
            }
            Err(BusError::Refused(Exception::ILLEGAL_FUNCTION)) => {
                return Ok(UnitFound::Other(
                    "answers, but does not let holding registers be read".to_owned(),
                ));
            }
            Err(BusError::Refused(_)) => {}
            Err(
                error @ BusError::Connect(
                    ConnectFault::Mute
                    | ConnectFault::Garbled
                    | ConnectFault::UnitSilent
                    | ConnectFault::AcceptedThenReset,
                ),
            ) => return Ok(UnitFound::Nothing(error.to_string())),
            Err(error @ BusError::Connect(_)) => return Err(error),
            Err(error) => return Ok(UnitFound::Nothing(error.to_string())),
        }
        match whole_chain(&line, &self.options.sunspec).await {
            Ok(chain) => {
                let source = Source::Line(line);
                let [manufacturer, model, serial] = match chain.models.iter().find(|m| m.id == 1) {
                    Some(at) => self.identity(&source, *at).await?,
                    None => [None, None, None],
                };
                let models = chain.models.iter().map(|m| m.id).collect();
                Ok(UnitFound::Sunspec { base: chain.base, models, manufacturer, model, serial })
            }
            Err(ScanError::Bus(
                error @ (BusError::TimedOut(_) | BusError::Closed | BusError::Connect(_)),
            )) => Ok(UnitFound::Other(format!("answered once, then: {error}"))),
            Err(error) => Ok(UnitFound::Other(error.to_string())),
        }
    }

    async fn identity(&self, source: &Source<'_>, at: ModelAt) -> Result<[Option<String>; 3], BusError> {
        let Some(model) = (self.lookup)(1) else { return Ok([None, None, None]) };
        let longest = self.options.link.max_read;
        let mut body = Body::of(at);
        let layout = lay_out(source, &model, longest, &mut body).await?;
        let points: Vec<(u16, u16)> = layout.points.iter().map(|p| (p.offset, p.point.size)).collect();
        body.read(source, &points, longest).await?;
        let registers = body.filled();
        let sample = Sample { layout: &layout, registers: &registers };
        Ok(["Mn", "Md", "SN"].map(|path| sample.text(path)))
    }
}
