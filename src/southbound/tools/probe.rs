//! Everything a device shows, by its chain, by the registers of its map, or by both; and which maps may fit.

use super::{Recording, Session, Tell};
use crate::der::{Capability, Reading};
use crate::device_map::registers::RegisterTable;
use crate::device_map::{DeviceMap, MapKind, Maps};
use crate::southbound::plausible::doubts;
use crate::southbound::points::Points;
use crate::southbound::registers::{Stranger, identify};
use crate::southbound::sunspec::Lookup;
use crate::southbound::sunspec::probe::{self, ProbeError, ProbeReport, RegisterReport};
use crate::southbound::sunspec::tools::probed;
use crate::southbound::{ProbeOptions, modbus::BusError};
use jiff::Timestamp;
use std::sync::Arc;

/// Maps that get no answer in a row before the others are not tried any more: each costs a time-out.
const PATIENCE: usize = 2;

/// Whether a device is one that its map is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The map does not say how to tell.
    NotSaid,
    /// It is.
    Yes,
    /// It is not; why.
    No(String),
}

impl Session {
    /// Reads everything that a device shows, as its map says; by its chain if no map was named.
    ///
    /// # Errors
    /// See [`ProbeError`].
    pub async fn discover(&self, tell: Tell<'_>) -> Result<ProbeReport, ProbeError> {
        let Some(map) = self.register_map() else { return self.probe(tell).await };
        if map.kind == MapKind::Registers {
            let fit = self.fit().await?;
            tell("the registers of the map");
            let (mut points, readings) = self.poll_once(Points::new(map.clone())).await?;
            return Ok(of_points(map, fit, &mut points, readings));
        }
        let mut report = self.probe(tell).await?;
        tell("the registers beside the chain");
        let fit = self.fit().await?;
        let (points, readings) = self.poll_once(Points::beside_chain(map.clone())).await?;
        add_points(&mut report, map, fit, &points, readings);
        Ok(report)
    }

    pub(super) async fn poll_once(&self, mut points: Points) -> Result<(Points, Vec<Reading>), ProbeError> {
        let readings = points.poll(&self.line()).await.map_err(|error| self.broken(error))?;
        Ok((points, readings))
    }

    /// Whether the device is one of the register map that was named.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn fit(&self) -> Result<Fit, ProbeError> {
        let Some(map) = self.register_map().filter(|map| map.registers.identify.is_some()) else {
            return Ok(Fit::NotSaid);
        };
        match identify(&self.line(), map).await {
            Ok(()) => Ok(Fit::Yes),
            Err(Stranger::Other(words)) => Ok(Fit::No(words)),
            Err(Stranger::Bus(error)) => Err(self.broken(error)),
        }
    }

    /// The ids of the register maps whose `[identify]` this device answers. Only reads.
    pub async fn maps_that_fit(&self, maps: &Maps) -> Vec<String> {
        let mut fitting = Vec::new();
        let mut silent = 0;
        for map in maps.ids().filter_map(|id| maps.get(id)) {
            if map.kind != MapKind::Registers || map.registers.identify.is_none() {
                continue;
            }
            match identify(&self.line(), map).await {
                Ok(()) => fitting.push(map.id.clone()),
                Err(Stranger::Other(_)) => silent = 0,
                Err(Stranger::Bus(BusError::Connect(_))) => break,
                Err(Stranger::Bus(_)) => silent += 1,
            }
            if silent >= PATIENCE {
                break;
            }
        }
        fitting
    }
}

fn register_report(map: &DeviceMap, fit: Fit, points: &Points) -> RegisterReport {
    let (recognised, stranger) = match fit {
        Fit::NotSaid => (false, None),
        Fit::Yes => (true, None),
        Fit::No(words) => (false, Some(words)),
    };
    RegisterReport {
        map: map.id.clone(),
        title: map.title.clone(),
        recognised,
        stranger,
        points: points.looks().map(|look| probed(&look)).collect(),
    }
}

fn of_points(map: &DeviceMap, fit: Fit, points: &mut Points, readings: Vec<Reading>) -> ProbeReport {
    let mut warnings = points.faults();
    let registers = register_report(map, fit, points);
    warnings.extend(registers.stranger.clone());
    let (plate, able) = (points.nameplate(), points.capability());
    warnings.extend(doubts(&plate, &able, (&readings, &map.id), points.stores_nothing()));
    ProbeReport {
        nameplate: plate,
        base: None,
        models: Vec::new(),
        registers: Some(registers),
        outstation: None,
        warnings,
        readings,
        capability: able,
    }
}

/// As the driver of a hybrid map joins the two.
fn add_points(report: &mut ProbeReport, map: &DeviceMap, fit: Fit, points: &Points, readings: Vec<Reading>) {
    let registers = register_report(map, fit, points);
    report.warnings.extend(points.faults());
    report.warnings.extend(registers.stranger.clone());
    let known: Vec<_> = report.readings.iter().map(|r| r.quantity).collect();
    let more: Vec<Reading> = readings.into_iter().filter(|r| !known.contains(&r.quantity)).collect();
    let told = doubts(&report.nameplate, &report.capability, (&more, &map.id), points.stores_nothing());
    report.warnings.extend(told);
    report.readings.extend(more);
    let controls = points.controls().iter().fold(report.capability.controls, |all, one| all.with(one));
    report.capability = Capability { controls, ..report.capability };
    report.registers = Some(registers);
}

/// Reads what was recorded of a device as if it were the device.
///
/// # Errors
/// See [`ProbeError`].
pub async fn replay(
    recording: &Recording,
    options: &ProbeOptions,
    lookup: &Lookup,
) -> Result<ProbeReport, ProbeError> {
    let map = options.map.as_ref().filter(|map| map.kind != MapKind::Sunspec);
    let chain = if recording.models.is_empty() {
        None
    } else {
        Some(probe::probe_recording(recording, options, lookup).await?)
    };
    let (report, map) = match (chain, map) {
        (Some(report), None) => return Ok(report),
        (None, None) => {
            let reason =
                "it has plain registers and no chain; name the map that it was recorded with, --map ID";
            return Err(ProbeError::NotSunspec { link: recording.link.clone(), reason: reason.to_owned() });
        }
        (report, Some(map)) => (report, map),
    };
    let (points, readings) = replay_points(map, recording, recording.at);
    Ok(match report {
        Some(mut report) => {
            add_points(&mut report, map, Fit::NotSaid, &points, readings);
            report
        }
        None => of_points(map, Fit::NotSaid, &mut { points }, readings),
    })
}

fn replay_points(map: &Arc<DeviceMap>, recording: &Recording, at: Timestamp) -> (Points, Vec<Reading>) {
    let mut points = Points::new(map.clone());
    let readings = points.replay(
        &|table, address, quantity| match table {
            RegisterTable::Holding => recording.read(address, quantity),
            RegisterTable::Input => recording.read_input(address, quantity),
        },
        at,
    );
    (points, readings)
}
