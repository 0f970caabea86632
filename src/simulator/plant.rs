//! A running plant: every device on its own socket, and what is true of it.

mod device;
#[cfg(feature = "dnp3")]
mod outstations;

pub use device::Device;

use super::control;
use super::registers::{Form, NoModel};
use super::serial::{self, SerialPlace};
use super::server::{Shared, serve};
use super::settings::{DeviceSettings, Kind, PlantSettings};
use super::tls::TlsError;
use crate::der::Watts;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// 2000-01-01T00:00:00Z in Unix time.
const EPOCH_2000_S: f64 = 946_684_800.0;
/// Battery energy from which model 714 has a second port, Wh.
const TWO_PORTS_WH: f64 = 20_000.0;

/// Why a plant does not start.
#[derive(Debug, thiserror::Error)]
pub enum PlantError {
    /// Names must tell devices apart.
    #[error("two simulated devices are called \"{0}\"; give each its own name")]
    TwoNames(String),
    /// The registers would run past the last address.
    #[error("device \"{name}\": its registers from base {base} run past 65535; use base 40000, 0 or 50000")]
    Base {
        /// The device.
        name: String,
        /// Its base.
        base: u16,
    },
    /// A socket.
    #[error("device \"{name}\" cannot listen on {address}: {why}; use port 0 or another port")]
    Listen {
        /// The device.
        name: String,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        why: std::io::Error,
    },
    /// A serial port.
    #[error("the serial port {path} cannot be opened: {why}; is it there, and does no other program use it?")]
    Serial {
        /// Which.
        path: String,
        /// What the system says.
        why: std::io::Error,
    },
    /// The control socket.
    #[error("the control listener cannot listen on {address}: {why}; use port 0 or another port")]
    Control {
        /// Where.
        address: SocketAddr,
        /// What the system says.
        why: std::io::Error,
    },
    /// Its certificates.
    #[error("device \"{name}\": {why}")]
    Tls {
        /// The device.
        name: String,
        /// What is wrong.
        why: TlsError,
    },
    /// What stands at one address or on one line must be told apart.
    #[error("device \"{name}\" cannot share {place} with the one before it: {why}")]
    Shared {
        /// The second device.
        name: String,
        /// Where both are to be.
        place: String,
        /// What is the same or different.
        why: &'static str,
    },
    /// A part of an outstation.
    #[error("the outstation \"{name}\" cannot be started: {why}")]
    Outstation {
        /// The device.
        name: String,
        /// What the system says.
        why: std::io::Error,
    },
    /// The program does without DNP3.
    #[error("device \"{0}\" is a DNP3 outstation, and this program was built without DNP3; leave it out")]
    NoDnp3(String),
    /// A model table.
    #[error(transparent)]
    Model(#[from] NoModel),
}

/// Simulated devices on real sockets. Dropping it stops them.
#[derive(Debug)]
pub struct Plant {
    devices: Devices,
    control: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// The devices of a plant, by place and by name.
#[derive(Clone, Debug)]
pub struct Devices {
    list: Arc<Vec<Device>>,
    places: Arc<HashMap<Arc<str>, usize>>,
}

impl Devices {
    fn new(list: Vec<Device>) -> Self {
        let places = list.iter().enumerate().map(|(n, d)| (d.name().into(), n)).collect();
        Self { list: Arc::new(list), places: Arc::new(places) }
    }

    /// All, in the order of the settings.
    #[must_use]
    pub fn all(&self) -> &[Device] {
        &self.list
    }

    /// The one with a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Device> {
        self.list.get(*self.places.get(name)?)
    }
}

impl Plant {
    /// Builds and starts every device. When this returns, each port is open (or refuses, if that is its fault).
    ///
    /// # Errors
    /// Two devices of one name, a port that cannot be had, a base too high.
    pub async fn start(settings: PlantSettings) -> Result<Self, PlantError> {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut forms = Forms::new();
        let mut lines: HashMap<SerialPlace, Vec<Arc<Shared>>> = HashMap::new();
        #[cfg(feature = "dnp3")]
        let mut outstations = outstations::Outstations::default();
        let mut names = HashSet::new();
        let mut list = Vec::with_capacity(settings.devices.len());
        let now = Instant::now();
        let built_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64());
        for device in settings.devices {
            if !names.insert(device.name.clone()) {
                return Err(PlantError::TwoNames(device.name));
            }
            if device.outstation.is_some() {
                #[cfg(feature = "dnp3")]
                list.push(outstations.add(device, now)?);
                #[cfg(not(feature = "dnp3"))]
                return Err(PlantError::NoDnp3(device.name));
                #[cfg(feature = "dnp3")]
                continue;
            }
            let form = form_of(&mut forms, &device)?;
            if form.blank.len() + usize::from(device.base) > usize::from(u16::MAX) + 1 {
                return Err(PlantError::Base { name: device.name, base: device.base });
            }
            let (device, shared, door) = Device::build(device, form, now, built_s - EPOCH_2000_S)?;
            match (device.serial_place(), door) {
                (Some(place), _) => lines.entry(place.clone()).or_default().push(shared),
                (None, Some(door)) => {
                    tasks.spawn(serve(shared, door, device.address(), stop.clone()));
                }
                (None, None) => {}
            }
            list.push(device);
        }
        for (place, units) in lines {
            let port =
                serial::open(&place).map_err(|why| PlantError::Serial { path: place.path.clone(), why })?;
            // A pseudo terminal takes no time of its own.
            let paced = place.path.starts_with("/dev/pts/");
            tasks.spawn(serial::serve(port, place.line, paced, units, stop.clone()));
        }
        #[cfg(feature = "dnp3")]
        outstations.start(&mut tasks, &stop).await?;
        let devices = Devices::new(list);
        let control = match settings.control {
            Some(address) => {
                let failed = |why| PlantError::Control { address, why };
                let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
                let address = listener.local_addr().map_err(failed)?;
                tasks.spawn(control::serve(listener, devices.clone(), stop.clone()));
                Some(address)
            }
            None => None,
        };
        Ok(Self { devices, control, stop, tasks })
    }

    /// All devices, in the order of the settings.
    #[must_use]
    pub fn devices(&self) -> &[Device] {
        self.devices.all()
    }

    /// The devices as a handle of its own.
    #[must_use]
    pub fn all(&self) -> &Devices {
        &self.devices
    }

    /// The device with a name.
    #[must_use]
    pub fn device(&self, name: &str) -> Option<&Device> {
        self.devices.get(name)
    }

    /// Where the control listener is.
    #[must_use]
    pub fn control(&self) -> Option<SocketAddr> {
        self.control
    }

    /// Active power of all devices together.
    #[must_use]
    pub fn power(&self) -> Watts {
        self.devices().iter().map(Device::power).sum()
    }

    /// Closes every socket and waits until it is done.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Plant {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The chains made so far.
type Forms = HashMap<(Kind, Vec<u16>, u16), Arc<Form>>;

fn form_of(forms: &mut Forms, device: &DeviceSettings) -> Result<Arc<Form>, NoModel> {
    let key = (device.kind, device.chain(), ports_of(device));
    if let Some(form) = forms.get(&key) {
        return Ok(form.clone());
    }
    let form = Arc::new(Form::new(key.0, &key.1, key.2, &|id| crate::device_map::models().get(id))?);
    forms.insert(key, form.clone());
    Ok(form)
}

/// DC ports of a device, for model 714.
#[must_use]
pub fn ports_of(device: &DeviceSettings) -> u16 {
    if device.energy.get() >= TWO_PORTS_WH { 2 } else { 1 }
}

#[cfg(test)]
mod tests;
