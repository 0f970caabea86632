//! The spine, from SOAP to register and back: simulated devices on real sockets, the gateway, and a client.

use dergate::app::Gateway;
use dergate::config;
use dergate::core::service::{NewDispatch, NewGroup, Reference, Service};
use dergate::der::{
    CurveStyle, DerFunction, DerFunctions, DeviceState, DispatchSchedule, DispatchState, Mrid, Name,
    Parameter, TimeIntervalKind,
};
use dergate::northbound::client::Client;
use dergate::simulator::{Device, DeviceSettings, Kind, Plant, PlantSettings};
use dergate::southbound;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A gateway with a plant of every kind of device, and the way to both.
pub struct Site {
    pub plant: Plant,
    pub client: Client,
    pub service: Service,
    /// Where the status document is.
    #[cfg_attr(not(feature = "dnp3"), expect(dead_code, reason = "read with members of two protocols"))]
    pub admin: SocketAddr,
    running: tokio::task::JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
    folder: tempfile::TempDir,
}

async fn plant() -> Plant {
    let device = |(place, kind): (usize, &Kind)| {
        let mut device = DeviceSettings::new(format!("D-{place}"), *kind);
        device.irradiance = 0.9;
        device
    };
    let devices = Kind::DER.iter().enumerate().map(device).collect();
    Plant::start(PlantSettings { control: None, devices }).await.unwrap()
}

async fn start(plant: Plant, folder: tempfile::TempDir) -> Site {
    start_as(plant, folder, "", Device::link).await
}

/// With further lines of configuration, and devices reached by these links.
pub async fn start_as(
    plant: Plant,
    folder: tempfile::TempDir,
    more: &str,
    link: impl Fn(&Device) -> String,
) -> Site {
    crate::testing::unhurried();
    start_with(plant, folder, more, link, |_| {}).await
}

/// On whatever clock there is, with further settings of each device.
pub async fn start_with(
    plant: Plant,
    folder: tempfile::TempDir,
    more: &str,
    link: impl Fn(&Device) -> String,
    set: impl Fn(&mut southbound::DeviceSettings),
) -> Site {
    let data = folder.path().join("data");
    let mut text = format!(
        "[gateway]\nname = \"spine\"\ndata_dir = {:?}\n[northbound]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.2:0\"\n{more}",
        data.display().to_string()
    );
    for device in plant.devices() {
        let (mrid, name, link) = (device.mrid(), device.name(), link(device));
        let _ = write!(
            text,
            "[[device]]\nmrid = \"{mrid}\"\nname = \"{name}\"\nlink = \"{link}\"\npoll = \"200ms\"\n"
        );
    }
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, text).unwrap();
    let mut config = config::load(&file).unwrap();
    config.devices.iter_mut().for_each(set);
    let gateway = Gateway::start(config).await.unwrap();
    let client = Client::new(&format!("http://{}", gateway.northbound())).unwrap();
    let (service, admin, stop) = (gateway.service().clone(), gateway.admin(), CancellationToken::new());
    let running = tokio::spawn(gateway.run(stop.clone()));
    let site = Site { plant, client, service, admin, running, stop, folder };
    site.until("every device online", |s| {
        s.service.snapshot().devices.iter().all(|d| d.state == DeviceState::Online && !d.readings.is_empty())
    })
    .await;
    site
}

impl Site {
    pub async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !holds(self) {
            assert!(begun.elapsed() < Duration::from_mins(3), "not within 3 min: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Makes the group ALL.
    pub async fn group(&self) {
        let members = self.plant.devices().iter().map(|d| Reference::by_mrid(d.mrid().clone())).collect();
        let group = NewGroup {
            mrid: Mrid::parse("7d0e5a52-6f0b-4c1e-9a57-2f4b8a3c1d01").ok(),
            description: None,
            functions: DerFunctions::NONE.with(DerFunction::RealPowerDispatch),
            members,
            names: vec![Name::plain("ALL")],
            version: None,
        };
        let reply = self.client.create_groups(&[group]).await.unwrap().reply;
        assert!(reply.errors.iter().all(|e| e.code == "0.0"), "{reply:?}");
    }

    /// Every member has taken its share, and shows it.
    pub async fn applied(&self) {
        let applied = |s: &Self| {
            let snapshot = s.service.snapshot();
            let shares = &snapshot.dispatches[0].shares;
            shares.len() == s.plant.devices().len() && shares.iter().all(|s| s.outcome == "applied")
        };
        self.until("every member read back as written", applied).await;
    }

    fn power(&self) -> f64 {
        self.plant.power().get()
    }

    pub async fn near(&self, watts: f64) {
        let what = format!("{watts} W within 2 %");
        self.until(&what, |s| (s.power() - watts).abs() <= watts * 0.02).await;
    }

    pub async fn stop(self) -> (Plant, tempfile::TempDir) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
        (self.plant, self.folder)
    }
}

pub fn dispatch(watts: f64, seconds: i64) -> NewDispatch {
    let schedule = DispatchSchedule::new(
        CurveStyle::ConstantYValue,
        jiff::Timestamp::now(),
        seconds,
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

#[tokio::test]
async fn a_dispatch_goes_down_to_every_kind_of_device_and_its_outcome_comes_back() {
    let site = start(plant().await, tempfile::tempdir().unwrap()).await;
    site.group().await;

    // 60 kW are installed; PV has 36 kW of sun.
    site.client.create_dispatches(&[dispatch(30e3, 600)]).await.unwrap();
    site.near(30e3).await;
    site.applied().await;
    assert!(site.plant.devices().iter().all(|d| d.held()), "every device holds its share");

    // The sun goes from one member: the others take its part.
    site.plant.devices()[0].set_irradiance(0.0);
    site.until("the first is dark", |s| s.plant.devices()[0].power().get() < 1.0).await;
    site.near(30e3).await;
    let status = site.client.query_statuses(&[Reference::by_name("ALL")]).await.unwrap();
    assert_eq!(status.objects.len(), 1);

    // The gateway is stopped and started again in the middle of it: the dispatch goes on.
    let (plant, folder) = site.stop().await;
    let site = start(plant, folder).await;
    site.until("active again", |s| {
        s.service.snapshot().dispatches.iter().any(|d| d.state == DispatchState::Active)
    })
    .await;
    site.near(30e3).await;

    // The group goes, and everything is released.
    site.client.delete_groups(&[Reference::by_name("ALL")]).await.unwrap();
    site.until("every device released", |s| s.plant.devices().iter().all(|d| !d.held())).await;
    let (plant, _folder) = site.stop().await;
    plant.stop().await;
}
