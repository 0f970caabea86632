//! What stands in for the driver in a program that does not speak DNP3: it refuses in words.

use super::super::{OperatedOutput, OutputOrder, OutstationRecording, Pick, PlannedOutput, PointAnswer};
use super::NO_DNP3;
use crate::der::{Capability, Nameplate, Outcome, Setpoint, Watts};
use crate::device_map::dnp3::Operate;
use crate::device_map::{DeviceMap, Maps};
use crate::southbound::sunspec::probe::{ProbeError, ProbeReport};
use crate::southbound::sunspec::tools::Tell;
use crate::southbound::tools::Stand;
use crate::southbound::{Link, ProbeOptions};
use std::sync::Arc;
use std::time::Duration;

/// An outstation that cannot be reached.
pub struct Live {
    link: String,
}

/// There is none to be controlled.
pub enum Controlled {}

impl Controlled {
    /// Who it is.
    pub fn nameplate(&self) -> Nameplate {
        match *self {}
    }

    /// What it can be asked for.
    pub fn capability(&self) -> Capability {
        match *self {}
    }

    /// What would be sent.
    ///
    /// # Errors
    /// There is none to ask.
    pub fn preview(&mut self, _: &Setpoint, _: Duration) -> Result<(String, Vec<String>), Outcome> {
        match *self {}
    }

    /// Sends it.
    pub async fn carry_out(&mut self, _: &Setpoint, _: Duration, _: Duration) -> Outcome {
        match *self {}
    }

    /// How what was sent stands.
    pub async fn stands(&self) -> Vec<Stand> {
        match *self {}
    }

    /// Reads once more.
    ///
    /// # Errors
    /// There is none to ask.
    pub async fn refresh(&mut self) -> Result<(), ProbeError> {
        match *self {}
    }

    /// The active power now.
    ///
    /// # Errors
    /// There is none to ask.
    pub async fn active_power(&mut self) -> Result<Option<Watts>, ProbeError> {
        match *self {}
    }
}

fn refused<T>(link: &str) -> Result<T, ProbeError> {
    Err(ProbeError::Refused { link: link.to_owned(), reason: NO_DNP3.to_owned() })
}

impl Live {
    pub fn new(link: &Link, _: &ProbeOptions, _: &Maps, _: bool) -> Self {
        Self { link: link.to_string() }
    }

    pub async fn map(&self) -> Result<Arc<DeviceMap>, ProbeError> {
        refused(&self.link)
    }

    pub async fn discover(&self, _: Tell<'_>) -> Result<ProbeReport, ProbeError> {
        refused(&self.link)
    }

    pub async fn read(&self, _: &[Pick]) -> Result<Vec<PointAnswer>, ProbeError> {
        refused(&self.link)
    }

    pub async fn plan(
        &self,
        _: &[OutputOrder],
        _: Option<Operate>,
    ) -> Result<Result<Vec<PlannedOutput>, String>, ProbeError> {
        refused(&self.link)
    }

    pub async fn operate(&self, _: &[PlannedOutput], _: Tell<'_>) -> Result<Vec<OperatedOutput>, ProbeError> {
        refused(&self.link)
    }

    pub async fn by_hand(&self, _: Tell<'_>) -> Result<Controlled, ProbeError> {
        refused(&self.link)
    }

    pub async fn record(&self, _: Tell<'_>) -> Result<OutstationRecording, ProbeError> {
        refused(&self.link)
    }
}

pub async fn replay(recording: &OutstationRecording, _: &Arc<DeviceMap>) -> Result<ProbeReport, ProbeError> {
    refused(&recording.link)
}
