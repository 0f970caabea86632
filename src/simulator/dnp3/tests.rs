//! The simulated outstations as a master sees them, over real sockets, with the crate's own master.

mod faults;
mod master;
mod masters;
mod modes;

use crate::simulator::{DeviceSettings, Fault, Kind, Plant, PlantSettings};
use master::Master;
use std::time::Duration;

/// One outstation of a plant, and a master.
struct Rig {
    plant: Plant,
    master: Master,
}

impl Rig {
    async fn of(device: DeviceSettings) -> Self {
        crate::testing::unhurried();
        let plant = Plant::start(PlantSettings { control: None, devices: vec![device] }).await.unwrap();
        let master = Master::of(&plant.devices()[0]).await;
        Self { plant, master }
    }

    async fn with(kind: Kind, faults: &[Fault]) -> Self {
        let mut device = DeviceSettings::dnp3("D-1", kind);
        device.ramp_percent_per_s = 1_000.0;
        // It gives its port up for a while if it refuses connections.
        device.listen = crate::testing::own_address();
        device.faults = faults.to_vec();
        Self::of(device).await
    }

    async fn new(kind: Kind) -> Self {
        Self::with(kind, &[]).await
    }

    fn power(&self) -> f64 {
        self.plant.devices()[0].power().get()
    }

    fn fault(&self, fault: Fault) {
        self.plant.devices()[0].set_fault(fault);
    }
}

/// Looks again and again until it is so.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let looking = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), looking).await.unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn an_integrity_poll_shows_the_truth() {
    let mut rig = Rig::new(Kind::Pv).await;
    rig.master.integrity().await.unwrap();
    let seen = rig.master.seen();
    let nameplate = [(0, 100), (4, 10_000), (12, 4_800), (13, -4_800), (14, 11_000), (27, 0), (32, 10_000)];
    for (index, raw) in nameplate {
        assert_eq!(seen.analog(index), Some(raw), "AI{index}");
    }
    assert_eq!(f64::from(seen.analog(537).unwrap()), rig.power().round());
    assert_eq!(seen.analog(43), Some(8_500));
    for (index, on) in
        [(10, false), (14, true), (19, true), (20, false), (23, true), (36, true), (37, false), (69, false)]
    {
        assert_eq!(seen.status(index), Some(on), "BI{index}");
    }
    assert!(seen.flags_are(0x01), "everything is online");
    assert_eq!(seen.analog(154), None, "PV has no charge mode");
    // What it does not have is not there: a zero would be a value.
    for index in [5, 7, 10, 15, 16, 17, 18, 20, 21, 33, 37, 44, 47, 48, 64, 65] {
        assert_eq!(seen.analog(index), None, "AI{index}");
    }
    for index in [4, 5, 6, 7, 27, 90] {
        assert_eq!(seen.status(index), None, "BI{index}");
    }
    let master = &rig.master;
    until("it has just been started", || master.seen().restarts == 1).await;
}

#[tokio::test]
async fn storage_says_what_it_stores_and_takes() {
    let mut device = DeviceSettings::dnp3("B-1", Kind::Storage);
    device.soc = crate::der::Percent::new(60.0);
    let mut rig = Rig::of(device).await;
    rig.master.integrity().await.unwrap();
    let seen = rig.master.seen();
    for (index, raw) in [
        (5, -10_000),
        (15, -11_000),
        (16, 20_000),
        (18, 19_000),
        (33, -10_000),
        (37, -11_000),
        (44, -10_000),
        (47, 600),
        (27, 1),
    ] {
        assert_eq!(seen.analog(index), Some(raw), "AI{index}");
    }
    for index in [18, 27, 37] {
        assert_eq!(seen.status(index), Some(true), "BI{index}");
    }
    // What can be taken out is the same by either count.
    let [total, of_all, usable, of_usable] = [17, 47, 18, 48].map(|at| f64::from(seen.analog(at).unwrap()));
    let (left, there) = (total * (of_all - 50.0) / 1_000.0, usable * of_usable / 1_000.0);
    assert!((left - there).abs() < 20.0, "{left} Wh and {there} Wh");
}

#[tokio::test]
async fn device_attributes_name_the_device() {
    let mut rig = Rig::new(Kind::Storage).await;
    let words = rig.master.attributes().await.unwrap();
    for word in ["dergate", "simulated storage", "D-1"] {
        assert!(words.contains(&word.to_owned()), "{words:?}");
    }
}

#[tokio::test]
async fn several_outstations_share_a_socket_and_are_told_apart_by_their_addresses() {
    use super::{Front, Outstation};
    use crate::simulator::server::Door;
    use crate::simulator::settings::LinkAddresses;
    let stop = tokio_util::sync::CancellationToken::new();
    let mut ports = Vec::new();
    for (number, rated) in [(10, 3_000.0), (11, 7_000.0)] {
        let mut settings = DeviceSettings::dnp3(format!("M-{number}"), Kind::Pv);
        settings.rated = crate::der::Watts::new(rated);
        settings.outstation = Some(LinkAddresses { outstation: number, master: 1 });
        let outstation = Outstation::new(settings, tokio::time::Instant::now());
        ports.push(outstation.port());
        let running = outstation.start().await.unwrap();
        tokio::spawn(outstation.run(running, stop.clone()));
    }
    let (door, address) = Door::take("127.0.0.1:0".parse().unwrap()).unwrap();
    let front = Front { door: door.turn(true, address).unwrap(), address, tls: None, ports };
    tokio::spawn(front.serve(stop.clone()));
    let mut first = Master::at(address, 10).await;
    let mut second = first.beside(11).await;
    first.integrity().await.unwrap();
    second.integrity().await.unwrap();
    assert_eq!((first.seen().analog(4), second.seen().analog(4)), (Some(3_000), Some(7_000)));
    stop.cancel();
}

/// A line with outstations on it, and the master's end.
#[tokio::test]
async fn outstations_share_a_serial_line() {
    use crate::device_map::SerialOptions;
    use crate::simulator::SerialPlace;
    use crate::simulator::settings::LinkAddresses;
    use dnp3::serial::{SerialSettings, spawn_master_serial};
    use tokio_serial::{SerialPort as _, SerialStream};
    // Two pseudo terminals and a wire between their far ends.
    let (mut near_master, near) = SerialStream::pair().unwrap();
    let (mut far_master, far) = SerialStream::pair().unwrap();
    let (ours, theirs) = (near.name().unwrap(), far.name().unwrap());
    // What opens a port wants it for itself: these have only made the names.
    drop((near, far));
    let wire = tokio::spawn(async move {
        let _ = tokio::io::copy_bidirectional(&mut near_master, &mut far_master).await;
    });
    let device = |number| {
        let mut settings = DeviceSettings::dnp3(format!("L-{number}"), Kind::Pv);
        settings.rated = crate::der::Watts::new(1_000.0 * f64::from(number));
        settings.outstation = Some(LinkAddresses { outstation: number, master: 1 });
        let line = SerialOptions { baud: 115_200, ..SerialOptions::default() };
        settings.serial = Some(SerialPlace { path: theirs.clone(), line });
        settings
    };
    let plant =
        Plant::start(PlantSettings { control: None, devices: vec![device(3), device(4)] }).await.unwrap();
    assert_eq!(
        plant.devices()[1].link(),
        format!("dnp3+serial://{theirs}?baud=115200&parity=none&outstation=4&master=1")
    );
    let mut channel = spawn_master_serial(
        dnp3::master::MasterChannelConfig::new(dnp3::link::EndpointAddress::try_new(1).unwrap()),
        &ours,
        SerialSettings { baud_rate: 115_200, ..SerialSettings::default() },
        Duration::from_millis(50),
        dnp3::app::NullListener::create(),
    );
    channel.enable().await.unwrap();
    let mut third = Master::on(channel, 3).await;
    let mut fourth = third.beside(4).await;
    third.integrity().await.unwrap();
    fourth.integrity().await.unwrap();
    assert_eq!((third.seen().analog(4), fourth.seen().analog(4)), (Some(3_000), Some(4_000)));
    assert_eq!(fourth.latch(17, true).await, Some(0));
    assert!(plant.devices()[1].held() && !plant.devices()[0].held());
    wire.abort();
}

#[tokio::test]
async fn over_tls_only_those_with_a_certificate_are_heard() {
    use crate::simulator::TlsSettings;
    use dnp3::tcp::EndpointList;
    use dnp3::tcp::tls::{MinTlsVersion, TlsClientConfig, spawn_master_tls_client};
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    std::fs::write(path("ca.pem"), params.self_signed(&authority_key).unwrap().pem()).unwrap();
    let authority = rcgen::Issuer::new(params, authority_key);
    for name in ["device", "master"] {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![format!("{name}.example")]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        std::fs::write(path(&format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let mut settings = DeviceSettings::dnp3("T-1", Kind::Pv);
    settings.tls = Some(TlsSettings {
        certificate: path("device.pem"),
        private_key: path("device.key"),
        authorities: path("ca.pem"),
        only: None,
    });
    let plant = Plant::start(PlantSettings { control: None, devices: vec![settings] }).await.unwrap();
    let device = &plant.devices()[0];
    assert!(device.link().starts_with("dnp3+tls://127.0.0.1:"), "{}", device.link());
    let tls = TlsClientConfig::full_pki(
        Some("device.example".to_owned()),
        &path("ca.pem"),
        &path("master.pem"),
        &path("master.key"),
        None,
        MinTlsVersion::V12,
    );
    let fast = Duration::from_millis(50);
    let mut channel = spawn_master_tls_client(
        dnp3::link::LinkErrorMode::Close,
        dnp3::master::MasterChannelConfig::new(dnp3::link::EndpointAddress::try_new(1).unwrap()),
        EndpointList::single(device.address().to_string()),
        dnp3::app::ConnectStrategy::new(fast, fast, fast),
        dnp3::app::NullListener::create(),
        tls.unwrap(),
    );
    channel.enable().await.unwrap();
    let mut master = Master::on(channel, 1024).await;
    master.integrity().await.unwrap();
    assert_eq!(master.seen().analog(4), Some(10_000));
    let mut stranger = Master::of(device).await;
    assert!(stranger.integrity().await.is_err(), "in the clear nobody is heard");
}
