//! The DNP3 outstations of a plant: which of them share a socket or a line, and their start.

use super::{Device, PlantError};
use crate::simulator::dnp3::{Front, Line, Outstation, Port};
use crate::simulator::faults::Fault;
use crate::simulator::serial::{self, SerialPlace};
use crate::simulator::server::Door;
use crate::simulator::settings::DeviceSettings;
use crate::simulator::tls::{PlainTls, TlsSettings};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Outstations that are not started yet.
#[derive(Default)]
pub struct Outstations {
    list: Vec<(String, Arc<Outstation>)>,
    fronts: HashMap<SocketAddr, (Front, Option<TlsSettings>)>,
    lines: HashMap<SerialPlace, Vec<Port>>,
}

/// Adds a port if its link address is free there.
fn join(ports: &mut Vec<Port>, port: Port, name: &str, place: String) -> Result<(), PlantError> {
    if ports.iter().any(|other| other.address == port.address) {
        let why = "they have the same link address; give each an outstation of its own";
        return Err(PlantError::Shared { name: name.to_owned(), place, why });
    }
    ports.push(port);
    Ok(())
}

impl Outstations {
    /// Adds an outstation where its settings want it: alone, or beside those that are there.
    pub fn add(&mut self, settings: DeviceSettings, now: Instant) -> Result<Device, PlantError> {
        let name = settings.name.clone();
        let outstation = Outstation::new(settings.clone(), now);
        let port = outstation.port();
        let address = match &settings.serial {
            Some(place) => {
                join(self.lines.entry(place.clone()).or_default(), port, &name, place.path.clone())?;
                settings.listen
            }
            None => self.listen(&settings, port)?,
        };
        self.list.push((name, outstation.clone()));
        Ok(Device::outstation(settings, address, outstation))
    }

    fn listen(&mut self, settings: &DeviceSettings, port: Port) -> Result<SocketAddr, PlantError> {
        let (name, place) = (&settings.name, settings.listen.to_string());
        if let Some((front, tls)) = self.fronts.get_mut(&settings.listen) {
            if *tls != settings.tls {
                let why = "one of them has other certificates";
                return Err(PlantError::Shared { name: name.clone(), place, why });
            }
            join(&mut front.ports, port, name, place)?;
            return Ok(front.address);
        }
        let open = !settings.faults.contains(&Fault::Refused);
        let taken =
            Door::take(settings.listen).and_then(|(door, address)| Ok((door.turn(open, address)?, address)));
        let (door, address) =
            taken.map_err(|why| PlantError::Listen { name: name.clone(), address: settings.listen, why })?;
        let tls = settings.tls.as_ref().map(TlsSettings::load).transpose();
        let tls = tls.map_err(|why| PlantError::Tls { name: name.clone(), why })?;
        let tls = tls.map(|config| Arc::new(PlainTls::new(config)));
        self.fronts.insert(address, (Front { door, address, tls, ports: vec![port] }, settings.tls.clone()));
        Ok(address)
    }

    /// Starts all of them.
    pub async fn start(self, tasks: &mut JoinSet<()>, stop: &CancellationToken) -> Result<(), PlantError> {
        for (name, outstation) in self.list {
            let running = outstation.start().await.map_err(|why| PlantError::Outstation { name, why })?;
            tasks.spawn(outstation.run(running, stop.clone()));
        }
        for (front, _) in self.fronts.into_values() {
            tasks.spawn(front.serve(stop.clone()));
        }
        for (place, ports) in self.lines {
            let stream =
                serial::open(&place).map_err(|why| PlantError::Serial { path: place.path.clone(), why })?;
            tasks.spawn(Line { stream, place, ports }.serve(stop.clone()));
        }
        Ok(())
    }
}
