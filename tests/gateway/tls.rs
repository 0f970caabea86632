//! Modbus/TCP Security end to end: simulated devices over TLS, the gateway, and what an operator reads when it fails.

#[expect(dead_code, reason = "the unit tests use all of it")]
#[path = "../../src/southbound/tls/testing.rs"]
pub mod authority;

use authority::{Authority, Issued, Sheet, save, self_signed, utf8};
use dergate::app::Gateway;
use dergate::config;
use dergate::core::service::{DeviceView, NewDispatch, NewGroup, Reference, Service};
use dergate::der::{
    CurveStyle, DerFunction, DerFunctions, DeviceState, DispatchSchedule, Mrid, Name, Parameter, Quality,
    TimeIntervalKind,
};
use dergate::northbound::client::Client;
use dergate::simulator::{DeviceSettings, Kind, Plant, PlantSettings, TlsSettings, TlsVersion};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One device as a test wants it.
pub struct Case {
    pub name: &'static str,
    pub kind: Kind,
    /// A DNP3 outstation.
    pub dnp3: bool,
    /// It speaks in the clear, whatever the gateway is told.
    pub plain: bool,
    pub shows: Issued,
    pub only: Option<TlsVersion>,
    /// Further lines of its `[[device]]`.
    pub keys: String,
    /// What its state says in the end; empty for online.
    pub says: &'static str,
}

pub fn case(name: &'static str, shows: Issued, says: &'static str) -> Case {
    Case { name, kind: Kind::Pv, dnp3: false, plain: false, shows, only: None, keys: String::new(), says }
}

/// Devices behind TLS and a gateway with a certificate, in a folder.
pub struct Site {
    plant: Plant,
    client: Client,
    service: Service,
    running: tokio::task::JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

pub struct Authorities {
    pub utility: Authority,
    pub device: Authority,
}

impl Authorities {
    pub fn new() -> Self {
        Self { utility: Authority::new("utility CA"), device: Authority::new("device CA") }
    }

    pub fn device(&self, names: &[&'static str]) -> Issued {
        self.device.issue(&Sheet::device(names))
    }
}

/// A right device answers as its address.
pub const HERE: &[&str] = &["127.0.0.1"];

fn settings(folder: &Path, case: &Case) -> DeviceSettings {
    let (certificate, private_key) = case.shows.save(folder, case.name);
    let make = if case.dnp3 { DeviceSettings::dnp3 } else { DeviceSettings::new };
    let mut device = make(case.name, case.kind);
    let authorities = folder.join("utility-ca.pem");
    let tls = TlsSettings { certificate, private_key, authorities, only: case.only };
    device.tls = (!case.plain).then_some(tls);
    device
}

/// Starts devices and a gateway that shows this certificate. `trusts`: whose clients the devices let in.
pub async fn start(all: &Authorities, trusts: &Authority, gateway: &Issued, cases: &[Case]) -> Site {
    crate::testing::unhurried();
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "utility-ca.pem", &trusts.pem);
    save(folder.path(), "device-ca.pem", &all.device.pem);
    gateway.save(folder.path(), "gateway");
    let devices = cases.iter().map(|case| settings(folder.path(), case)).collect();
    let plant = Plant::start(PlantSettings { control: None, devices }).await.unwrap();
    let mut text = format!(
        "[gateway]\nname = \"tls\"\ndata_dir = {:?}\n[northbound]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.2:0\"\n\
         [southbound.tls]\ncertificate = \"gateway.pem\"\nprivate_key = \"gateway.key\"\nauthorities = \"device-ca.pem\"\n",
        folder.path().join("data").display().to_string()
    );
    for (device, case) in plant.devices().iter().zip(cases) {
        let (mrid, name) = (device.mrid(), device.name());
        let link = if case.plain { device.link().replace("+tcp:", "+tls:") } else { device.link() };
        assert!(link.starts_with(if case.dnp3 { "dnp3+tls://" } else { "modbus+tls://" }), "{link}");
        let _ = write!(
            text,
            "[[device]]\nmrid = \"{mrid}\"\nname = \"{name}\"\nlink = \"{link}\"\npoll = \"200ms\"\n{}",
            case.keys
        );
    }
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, &text).unwrap();
    let gateway = Gateway::start(config::load(&file).unwrap()).await.unwrap();
    let client = Client::new(&format!("http://{}", gateway.northbound())).unwrap();
    let (service, stop) = (gateway.service().clone(), CancellationToken::new());
    let running = tokio::spawn(gateway.run(stop.clone()));
    Site { plant, client, service, running, stop, _folder: folder }
}

impl Site {
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < Duration::from_mins(3), "not within 3 min: {what}\n{}", self.table());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// State and reason of each device, as an operator reads them.
    pub fn table(&self) -> String {
        let snapshot = self.service.snapshot();
        let line = |d: &DeviceView| format!("{:<16} {:<10} {}\n", d.name, d.state.name(), d.reason);
        snapshot.devices.iter().map(|d| line(d)).collect()
    }

    /// What is known of each device.
    #[cfg(feature = "dnp3")]
    pub fn devices(&self) -> Vec<DeviceView> {
        self.service.snapshot().devices.iter().map(|device| DeviceView::clone(device)).collect()
    }

    /// True if every device that is right has a good value from after that.
    #[cfg(feature = "dnp3")]
    pub fn read_since(&self, cases: &[Case], since: jiff::Timestamp) -> bool {
        let read = |device: &DeviceView| {
            device.readings.iter().any(|r| r.quality == Quality::Good && r.at.is_some_and(|at| at > since))
        };
        self.devices().iter().zip(cases).all(|(device, case)| !case.says.is_empty() || read(device))
    }

    pub async fn settled(&self, cases: &[Case]) {
        let settled = |s: &Self| {
            s.service.snapshot().devices.iter().zip(cases).all(|(device, case)| match case.says {
                "" => {
                    let good = device.readings.iter().any(|r| r.quality == Quality::Good);
                    device.state == DeviceState::Online && good
                }
                words => device.state == DeviceState::CommLost && device.reason.contains(words),
            })
        };
        self.until("every device as it should be", settled).await;
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
        self.plant.stop().await;
    }
}

#[tokio::test]
async fn each_wrong_device_says_what_is_wrong_and_right_ones_deliver() {
    let all = Authorities::new();
    let odd = self_signed(&Sheet { until: (2021, 1, 1), ..Sheet::device(&[]) });
    let pin = |issued: &Issued| {
        use std::io::Write as _;
        // As an operator finds it out, and by another program than ours.
        let mut openssl = std::process::Command::new("sha256sum")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        openssl.stdin.take().unwrap().write_all(&issued.der).unwrap();
        let text = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
        format!("pinned_sha256 = \"{}\"\n", text.split_whitespace().next().unwrap())
    };
    let issue = |sheet: Sheet| all.device.issue(&sheet);
    let good = || all.device(HERE);
    let cases = [
        case("right", good(), ""),
        Case { only: Some(TlsVersion::Tls12), ..case("tls-1.2", good(), "") },
        Case { only: Some(TlsVersion::Tls13), ..case("tls-1.3", good(), "") },
        Case {
            keys: "server_name = \"inverter-7\"\n".to_owned(),
            ..case("server-name", all.device(&["inverter-7"]), "")
        },
        Case { keys: pin(&odd), ..case("pinned", odd, "") },
        Case {
            keys: format!("pinned_sha256 = \"{}\"\n", "ab".repeat(32)),
            ..case("pinned-wrong", good(), "another certificate than the pinned one: its SHA-256 is ")
        },
        case(
            "wrong-ca",
            Authority::new("maker CA").issue(&Sheet::device(HERE)),
            "is signed by \"CN=maker CA\", which is not in authorities",
        ),
        case(
            "expired",
            issue(Sheet { until: (2021, 1, 1), ..Sheet::device(HERE) }),
            "expired at 2021-01-01T00:00:00Z; the clock here says",
        ),
        case(
            "not-yet",
            issue(Sheet { from: (2110, 1, 1), ..Sheet::device(HERE) }),
            "is valid only from 2110-01-01T00:00:00Z",
        ),
        case(
            "wrong-name",
            all.device(&["inverter-1130012345"]),
            "is valid, but name \"127.0.0.1\" is not in it (SAN: DNS inverter-1130012345); set server_name",
        ),
        case("no-name", all.device(&[]), "has no subjectAltName"),
    ];
    let gateway = all.utility.issue(&Sheet::gateway("GridServiceSunSpec"));
    let site = start(&all, &all.utility, &gateway, &cases).await;
    site.settled(&cases).await;
    println!("{}", site.table());
    site.stop().await;
}

fn limit(watts: f64) -> NewDispatch {
    let schedule = DispatchSchedule::new(
        CurveStyle::ConstantYValue,
        jiff::Timestamp::now(),
        600,
        TimeIntervalKind::Second,
        vec![watts],
    );
    NewDispatch {
        mrid: None,
        names: vec![],
        group: Reference::by_name("ALL"),
        parameter: Parameter::ActivePower,
        schedules: vec![schedule.unwrap()],
    }
}

/// Two devices and a gateway with this role, asked together for 8 kW.
async fn asked(role: &str) -> Site {
    let all = Authorities::new();
    let cases = [
        case("PV", all.device(HERE), ""),
        Case { kind: Kind::Pv700, only: Some(TlsVersion::Tls12), ..case("PV-700", all.device(HERE), "") },
    ];
    let site = start(&all, &all.utility, &all.utility.issue(&Sheet::gateway(role)), &cases).await;
    site.settled(&cases).await;
    let group = NewGroup {
        mrid: Mrid::parse("7d0e5a52-6f0b-4c1e-9a57-2f4b8a3c1d01").ok(),
        description: None,
        functions: DerFunctions::NONE.with(DerFunction::RealPowerDispatch),
        members: site.plant.devices().iter().map(|d| Reference::by_mrid(d.mrid().clone())).collect(),
        names: vec![Name::plain("ALL")],
        version: None,
    };
    site.client.create_groups(&[group]).await.unwrap();
    site.client.create_dispatches(&[limit(8e3)]).await.unwrap();
    site
}

#[tokio::test]
async fn the_grid_service_limits_devices_over_tls() {
    let site = asked("GridServiceSunSpec").await;
    site.until("8 kW within 2 %", |s| (s.plant.power().get() - 8e3).abs() < 160.0).await;
    let applied = |s: &Site| {
        let snapshot = s.service.snapshot();
        snapshot.dispatches[0].shares.iter().filter(|share| share.outcome == "applied").count() == 2
    };
    site.until("read back as written", applied).await;
    site.stop().await;
}

#[tokio::test]
async fn a_role_that_may_not_write_is_named_in_the_outcome() {
    let site = asked("ReadOnlySunSpec").await;
    let named = |s: &Site| {
        let snapshot = s.service.snapshot();
        let told = |d: &str| {
            snapshot.dispatches[0].shares.iter().any(|share| {
                share.name == d
                    && share.reason.contains("client certificate role ReadOnlySunSpec may not write ")
            })
        };
        told("PV") && told("PV-700")
    };
    site.until("refused for the role", named).await;
    for share in &site.service.snapshot().dispatches[0].shares {
        println!("{:<16} {:<10} {}", share.name, share.outcome, share.reason);
    }
    assert!(site.plant.devices().iter().all(|d| d.writes().is_empty()), "nothing reached a register");
    site.stop().await;
}

#[tokio::test]
async fn a_gateway_that_devices_do_not_let_in_says_so() {
    let all = Authorities::new();
    let sheet = Sheet::gateway("GridServiceSunSpec");
    let strange = Authority::new("maker CA");
    let no_role = "the device answers exception 1 to a read: the client certificate has no role (";
    let doubled = vec![utf8("GridServiceSunSpec"), utf8("GridServiceSunSpec")];
    let printable = vec![b"\x13\x12GridServiceSunSpec".to_vec()];
    for (trusts, sheet, says) in [
        (&all.utility, Sheet { roles: vec![], ..sheet.clone() }, no_role),
        (&all.utility, Sheet { roles: doubled, ..sheet.clone() }, no_role),
        (&all.utility, Sheet { roles: printable, ..sheet.clone() }, no_role),
        (
            &all.utility,
            Sheet::gateway("gridServiceSunSpec"),
            "it does not know the client certificate role gridServiceSunSpec",
        ),
        (
            &strange,
            sheet,
            "client certificate not accepted (issuer CN=utility CA, expires 2120-01-01T00:00:00Z, role GridServiceSunSpec)",
        ),
    ] {
        let cases = [
            Case { only: Some(TlsVersion::Tls12), ..case("tls-1.2", all.device(HERE), says) },
            Case { only: Some(TlsVersion::Tls13), ..case("tls-1.3", all.device(HERE), says) },
        ];
        let site = start(&all, trusts, &all.utility.issue(&sheet), &cases).await;
        site.settled(&cases).await;
        println!("{}", site.table());
        site.stop().await;
    }
}
