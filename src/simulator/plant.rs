//! A running plant: every device on its own socket, and what is true of it.

use super::control;
use super::faults::{Behaviour, Fault};
use super::registers::{Form, NoModel};
use super::serial::{self, SerialPlace};
use super::server::{Door, Shared, serve};
use super::settings::{DeviceSettings, Kind, PlantSettings};
use super::tls::{TlsDoor, TlsError};
use super::unit::{Unit, Write};
use crate::der::{Mrid, Percent, Vars, WattHours, Watts};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
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
    /// A model table.
    #[error(transparent)]
    Model(#[from] NoModel),
}

/// One device of a running plant. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Device {
    name: Arc<str>,
    mrid: Mrid,
    kind: Kind,
    rated: Watts,
    energy: WattHours,
    address: SocketAddr,
    serial: Option<SerialPlace>,
    unit_id: u8,
    faults: Arc<Mutex<Vec<Fault>>>,
    shared: Arc<Shared>,
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
        let places = list.iter().enumerate().map(|(n, d)| (d.name.clone(), n)).collect();
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
        let mut names = HashSet::new();
        let mut list = Vec::with_capacity(settings.devices.len());
        let now = Instant::now();
        let built_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |t| t.as_secs_f64());
        for device in settings.devices {
            if !names.insert(device.name.clone()) {
                return Err(PlantError::TwoNames(device.name));
            }
            let form = form_of(&mut forms, &device)?;
            if form.blank.len() + usize::from(device.base) > usize::from(u16::MAX) + 1 {
                return Err(PlantError::Base { name: device.name, base: device.base });
            }
            let (started, door) = Device::build(device, form, now, built_s - EPOCH_2000_S)?;
            let shared = started.shared.clone();
            match (&started.serial, door) {
                (Some(place), _) => lines.entry(place.clone()).or_default().push(shared),
                (None, Some(door)) => {
                    tasks.spawn(serve(shared, door, started.address, stop.clone()));
                }
                (None, None) => {}
            }
            list.push(started);
        }
        for (place, units) in lines {
            let port =
                serial::open(&place).map_err(|why| PlantError::Serial { path: place.path.clone(), why })?;
            // A pseudo terminal takes no time of its own.
            let paced = place.path.starts_with("/dev/pts/");
            tasks.spawn(serial::serve(port, place.line, paced, units, stop.clone()));
        }
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

impl Device {
    fn build(
        settings: DeviceSettings,
        form: Arc<Form>,
        now: Instant,
        built_s: f64,
    ) -> Result<(Self, Option<Door>), PlantError> {
        let behaviour = Behaviour::of(&settings.faults);
        let refused = settings.faults.contains(&Fault::Refused);
        let (door, address) = if settings.serial.is_some() {
            (None, settings.listen)
        } else {
            let taken = Door::take(settings.listen)
                .and_then(|(door, address)| Ok((Some(door.turn(!refused, address)?), address)));
            taken.map_err(|why| PlantError::Listen {
                name: settings.name.clone(),
                address: settings.listen,
                why,
            })?
        };
        let tls = match settings.tls.as_ref().map(|tls| tls.load()).transpose() {
            Ok(config) => config.map(|config| TlsDoor::new(config, &form)),
            Err(why) => return Err(PlantError::Tls { name: settings.name, why }),
        };
        let base = settings.base;
        let device = Self {
            name: settings.name.as_str().into(),
            mrid: settings.mrid.clone(),
            kind: settings.kind,
            rated: settings.rated,
            energy: settings.energy,
            address,
            serial: settings.serial.clone(),
            unit_id: settings.unit,
            faults: Arc::new(Mutex::new(settings.faults.clone())),
            shared: Arc::new(
                Shared::new(settings.unit, Unit::new(settings, form, now, built_s), behaviour)
                    .with_tls(base, tls),
            ),
        };
        Ok((device, door))
    }

    /// What its tasks share.
    #[cfg(test)]
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its identity.
    #[must_use]
    pub fn mrid(&self) -> &Mrid {
        &self.mrid
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Rated power.
    #[must_use]
    pub fn rated(&self) -> Watts {
        self.rated
    }

    /// Battery energy; none without a battery.
    #[must_use]
    pub fn energy(&self) -> Option<WattHours> {
        self.kind.stores().then_some(self.energy)
    }

    /// Where it listens, or would; means nothing for one on a serial port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its socket address or serial port.
    #[must_use]
    pub fn place(&self) -> String {
        self.serial.as_ref().map_or_else(|| self.address.to_string(), |serial| serial.path.clone())
    }

    /// Its Modbus unit id.
    #[must_use]
    pub fn unit_id(&self) -> u8 {
        self.unit_id
    }

    /// The LINK by which a gateway reaches it.
    #[must_use]
    pub fn link(&self) -> String {
        let unit = self.unit_id;
        let Some(SerialPlace { path, line }) = &self.serial else {
            let scheme = if self.shared.tls.is_some() { "modbus+tls" } else { "modbus+tcp" };
            return format!("{scheme}://{}?unit={unit}", self.address);
        };
        let parity = format!("{:?}", line.parity).to_lowercase();
        format!("modbus+rtu://{path}?baud={}&parity={parity}&unit={unit}", line.baud)
    }

    /// True active power now; of a device whose registers come from a file, nothing is known.
    #[must_use]
    pub fn power(&self) -> Watts {
        Watts::new(self.shared.now().state().power_w)
    }

    /// True reactive power now.
    #[must_use]
    pub fn reactive_power(&self) -> Vars {
        Vars::new(self.shared.now().state().reactive_var)
    }

    /// Energy injected and absorbed since it was built.
    #[must_use]
    pub fn energies(&self) -> (WattHours, WattHours) {
        let unit = self.shared.now();
        (WattHours::new(unit.state().injected_wh), WattHours::new(unit.state().absorbed_wh))
    }

    /// State of charge; none without a battery.
    #[must_use]
    pub fn soc(&self) -> Option<Percent> {
        self.kind.stores().then(|| Percent::new(self.shared.now().state().soc))
    }

    /// Sun, 0 to 1.
    #[must_use]
    pub fn irradiance(&self) -> f64 {
        self.shared.now().irradiance()
    }

    /// Lets the sun shine, 0 to 1.
    pub fn set_irradiance(&self, irradiance: f64) {
        self.shared.now().set_irradiance(irradiance);
    }

    /// Charges or empties the battery at a stroke.
    pub fn set_soc(&self, soc: Percent) {
        self.shared.now().set_soc(soc.get());
    }

    /// True while a limit of active power by a client is in force.
    #[must_use]
    pub fn limit_active(&self) -> bool {
        self.shared.now().orders().limit.active().is_some()
    }

    /// True while a client holds anything: limit, set point, reactive power, window or disconnection.
    #[must_use]
    pub fn held(&self) -> bool {
        self.shared.now().orders().held()
    }

    /// On the grid.
    #[must_use]
    pub fn connected(&self) -> bool {
        use super::physics::Connection::{Leaving, On};
        matches!(self.shared.now().state().connection, On | Leaving)
    }

    /// The last 1,000 writes that arrived, oldest first.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        self.shared.now().writes()
    }

    /// The faults that it has now.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has this fault, and no other.
    pub fn set_fault(&self, fault: Fault) {
        self.set_faults(&[fault]);
    }

    /// Has exactly these faults; none heals it.
    pub fn set_faults(&self, faults: &[Fault]) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults.to_vec();
        self.shared.behave(Behaviour::of(faults));
    }
}

#[cfg(test)]
mod tests;
