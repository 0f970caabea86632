//! One device of a running plant, whatever it speaks: what is true of it, and how it is steered.

use super::PlantError;
use crate::der::{Mrid, Percent, Vars, WattHours, Watts};
use crate::simulator::body::Body;
#[cfg(feature = "dnp3")]
use crate::simulator::dnp3::{Outstation, Received};
use crate::simulator::faults::{Behaviour, Fault};
use crate::simulator::physics::Connection::{Leaving, On};
use crate::simulator::registers::Form;
use crate::simulator::serial::SerialPlace;
use crate::simulator::server::{Door, Shared};
use crate::simulator::settings::{DeviceSettings, Kind, LinkAddresses};
use crate::simulator::tls::TlsDoor;
use crate::simulator::unit::{Unit, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// What is behind the socket or the line.
#[derive(Clone, Debug)]
enum Inside {
    /// Registers.
    Registers(Arc<Shared>),
    /// DNP3 points.
    #[cfg(feature = "dnp3")]
    Outstation(Arc<Outstation>),
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
    addresses: Option<LinkAddresses>,
    tls: bool,
    faults: Arc<Mutex<Vec<Fault>>>,
    inside: Inside,
}

impl Device {
    /// A device with registers, and its socket if it has one.
    pub(super) fn build(
        settings: DeviceSettings,
        form: Arc<Form>,
        now: Instant,
        built_s: f64,
    ) -> Result<(Self, Arc<Shared>, Option<Door>), PlantError> {
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
        let unit = Unit::new(settings.clone(), form, now, built_s);
        let shared = Arc::new(Shared::new(settings.unit, unit, behaviour).with_tls(base, tls));
        let device = Self::described(settings, address, Inside::Registers(shared.clone()));
        Ok((device, shared, door))
    }

    /// An outstation that is reached at an address.
    #[cfg(feature = "dnp3")]
    pub(super) fn outstation(settings: DeviceSettings, address: SocketAddr, inside: Arc<Outstation>) -> Self {
        Self::described(settings, address, Inside::Outstation(inside))
    }

    fn described(settings: DeviceSettings, address: SocketAddr, inside: Inside) -> Self {
        Self {
            name: settings.name.as_str().into(),
            mrid: settings.mrid,
            kind: settings.kind,
            rated: settings.rated,
            energy: settings.energy,
            address,
            serial: settings.serial,
            unit_id: settings.unit,
            addresses: settings.outstation,
            tls: settings.tls.is_some(),
            faults: Arc::new(Mutex::new(settings.faults)),
            inside,
        }
    }

    /// Looks at its body as it is now.
    fn body<T>(&self, look: impl FnOnce(&Body) -> T) -> T {
        match &self.inside {
            Inside::Registers(shared) => look(shared.now().body()),
            #[cfg(feature = "dnp3")]
            Inside::Outstation(outstation) => look(&outstation.now().body),
        }
    }

    /// The serial port that it is on.
    #[must_use]
    pub fn serial_place(&self) -> Option<&SerialPlace> {
        self.serial.as_ref()
    }

    /// True if it is a DNP3 outstation.
    #[must_use]
    pub fn is_outstation(&self) -> bool {
        self.addresses.is_some()
    }

    /// What the tasks of a device with registers share.
    #[cfg(test)]
    pub(in crate::simulator) fn shared(&self) -> &Arc<Shared> {
        match &self.inside {
            Inside::Registers(shared) => shared,
            #[cfg(feature = "dnp3")]
            Inside::Outstation(_) => unreachable!("an outstation has no registers"),
        }
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
        let (protocol, query) = match self.addresses {
            Some(LinkAddresses { outstation, master }) => {
                ("dnp3", format!("outstation={outstation}&master={master}"))
            }
            None => ("modbus", format!("unit={}", self.unit_id)),
        };
        let Some(SerialPlace { path, line }) = &self.serial else {
            let transport = if self.tls { "tls" } else { "tcp" };
            return format!("{protocol}+{transport}://{}?{query}", self.address);
        };
        let parity = format!("{:?}", line.parity).to_lowercase();
        let transport = if self.addresses.is_some() { "serial" } else { "rtu" };
        format!("{protocol}+{transport}://{path}?baud={}&parity={parity}&{query}", line.baud)
    }

    /// True active power now; of a device whose registers come from a file, nothing is known.
    #[must_use]
    pub fn power(&self) -> Watts {
        Watts::new(self.body(|body| body.state.power_w))
    }

    /// True reactive power now.
    #[must_use]
    pub fn reactive_power(&self) -> Vars {
        Vars::new(self.body(|body| body.state.reactive_var))
    }

    /// Energy injected and absorbed since it was built.
    #[must_use]
    pub fn energies(&self) -> (WattHours, WattHours) {
        let (out, back) = self.body(|body| (body.state.injected_wh, body.state.absorbed_wh));
        (WattHours::new(out), WattHours::new(back))
    }

    /// State of charge; none without a battery.
    #[must_use]
    pub fn soc(&self) -> Option<Percent> {
        self.kind.stores().then(|| Percent::new(self.body(|body| body.state.soc)))
    }

    /// Sun, 0 to 1.
    #[must_use]
    pub fn irradiance(&self) -> f64 {
        self.body(Body::irradiance)
    }

    /// Lets the sun shine, 0 to 1.
    pub fn set_irradiance(&self, irradiance: f64) {
        match &self.inside {
            Inside::Registers(shared) => shared.now().set_irradiance(irradiance),
            #[cfg(feature = "dnp3")]
            Inside::Outstation(outstation) => outstation.steer(|station| station.set_irradiance(irradiance)),
        }
    }

    /// Charges or empties the battery at a stroke.
    pub fn set_soc(&self, soc: Percent) {
        match &self.inside {
            Inside::Registers(shared) => shared.now().set_soc(soc.get()),
            #[cfg(feature = "dnp3")]
            Inside::Outstation(outstation) => outstation.steer(|station| station.set_soc(soc.get())),
        }
    }

    /// True while a limit of active power by a client is in force.
    #[must_use]
    pub fn limit_active(&self) -> bool {
        self.body(|body| body.orders.limit.active().is_some())
    }

    /// True while a client holds anything: limit, set point, reactive power, window or disconnection.
    #[must_use]
    pub fn held(&self) -> bool {
        match &self.inside {
            Inside::Registers(shared) => shared.now().body().orders.held(),
            #[cfg(feature = "dnp3")]
            Inside::Outstation(outstation) => outstation.now().is_held(),
        }
    }

    /// On the grid.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.body(|body| matches!(body.state.connection, On | Leaving))
    }

    /// The last 1,000 writes that arrived at its registers, oldest first; an outstation has none.
    #[must_use]
    pub fn writes(&self) -> Vec<Write> {
        match &self.inside {
            Inside::Registers(shared) => shared.now().writes(),
            #[cfg(feature = "dnp3")]
            Inside::Outstation(_) => Vec::new(),
        }
    }

    /// The last 1,000 commands that arrived at an outstation, oldest first; others have none.
    #[cfg(feature = "dnp3")]
    #[must_use]
    pub fn commands(&self) -> Vec<Received> {
        match &self.inside {
            Inside::Registers(_) => Vec::new(),
            Inside::Outstation(outstation) => outstation.now().received(),
        }
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
        match &self.inside {
            Inside::Registers(shared) => shared.behave(Behaviour::of(faults)),
            #[cfg(feature = "dnp3")]
            Inside::Outstation(outstation) => outstation.behave(Behaviour::of(faults)),
        }
    }
}
