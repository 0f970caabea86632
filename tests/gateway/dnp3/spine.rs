//! One group, two field protocols: a dispatch moves members of both alike, and nothing northbound or on the status page tells
//! them apart. Over TCP, a serial line and TLS.

use crate::serial::Cable;
use crate::spine::{Site, dispatch, start_as};
use crate::tls::authority::{Sheet, save};
use crate::tls::{Authorities, HERE};
use dergate::der::{DeviceState, Quality, Quantity};
use dergate::device_map::SerialOptions;
use dergate::simulator::{
    Device, DeviceSettings, Fault, Kind, LinkAddresses, Plant, PlantSettings, SerialPlace, TlsSettings,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Keys of `/status.json` below which is what differs from device to device: values by quantity.
const BY_NAME: &[&str] = &["values"];

async fn plant(devices: Vec<DeviceSettings>) -> Plant {
    Plant::start(PlantSettings { control: None, devices }).await.unwrap()
}

fn bright(mut device: DeviceSettings) -> DeviceSettings {
    device.irradiance = 0.9;
    device
}

/// The status document.
async fn status(site: &Site) -> Value {
    let mut stream = TcpStream::connect(site.admin).await.unwrap();
    let request = format!("GET /status.json HTTP/1.0\r\nHost: {}\r\n\r\n", site.admin);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    serde_json::from_str(&answer[answer.find("\r\n\r\n").unwrap()..]).unwrap()
}

fn named<'a>(status: &'a Value, list: &str, name: &str) -> &'a Value {
    status[list].as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap()
}

/// The keys of a document and what kind of value each has, as far as they do not depend on the device.
fn shape(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) if BY_NAME.iter().any(|key| at.ends_with(key)) => {
            map.values().for_each(|value| shape(value, &format!("{at}.*"), into));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| shape(value, &format!("{at}.{key}"), into));
        }
        Value::Array(list) => list.iter().for_each(|value| shape(value, &format!("{at}[]"), into)),
        _ => {
            into.insert(at.to_owned());
        }
    }
}

fn shape_of(value: &Value) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    shape(value, "", &mut keys);
    keys
}

#[tokio::test]
async fn one_dispatch_moves_members_of_both_protocols_and_nothing_tells_them_apart() {
    let devices = vec![
        bright(DeviceSettings::new("S-PV", Kind::Pv700)),
        bright(DeviceSettings::dnp3("D-PV", Kind::Pv)),
        DeviceSettings::new("S-ESS", Kind::Storage700),
        DeviceSettings::dnp3("D-ESS", Kind::Storage),
    ];
    let site = start_as(plant(devices).await, tempfile::tempdir().unwrap(), "", Device::link).await;
    site.group().await;
    // 18 kW of sun and two batteries of 10 kW.
    site.client.create_dispatches(&[dispatch(16e3, 600)]).await.unwrap();
    site.near(16e3).await;
    site.applied().await;
    assert!(site.plant.devices().iter().all(Device::held), "every device holds its share");

    // What an operator sees of members of one kind differs in no key and no word.
    let status = status(&site).await;
    for (sunspec, dnp3) in [("S-PV", "D-PV"), ("S-ESS", "D-ESS")] {
        let (ours, theirs) = (named(&status, "devices", sunspec), named(&status, "devices", dnp3));
        assert_eq!(ours["state"], theirs["state"]);
        assert_eq!(ours["reason"], theirs["reason"], "nothing to say of either");
        // No map is named for either: the one that was found is told, and where each is reached.
        assert_eq!((&ours["map"], &theirs["map"]), (&"sunspec".into(), &"dnp3-an2018".into()));
        for (device, scheme) in [(ours, "modbus+tcp://"), (theirs, "dnp3+tcp://")] {
            assert!(device["link"].as_str().unwrap().starts_with(scheme), "{}", device["link"]);
        }
        let only_one = |key: &&String| {
            !key.contains(".nameplate") && !key.contains(".events") && !key.contains(".effect")
        };
        let (left, right) = (shape_of(ours), shape_of(theirs));
        let (left, right): (Vec<_>, Vec<_>) =
            (left.iter().filter(only_one).collect(), right.iter().filter(only_one).collect());
        assert_eq!(left, right, "{sunspec} and {dnp3}");
        for quantity in ["activePower", "reactivePower", "frequency"] {
            assert_eq!(ours["values"][quantity]["unit"], theirs["values"][quantity]["unit"], "{quantity}");
            assert_eq!(theirs["values"][quantity]["quality"], "good", "{quantity} of {dnp3}");
        }
        let mut told = status["dispatches"][0]["shares"].as_array().unwrap().iter();
        let share = told.find(|share| share["name"] == dnp3).unwrap();
        assert_eq!(share["outcome"], "applied");
        assert_eq!(share["reason"], "");
    }
    site.stop().await.0.stop().await;
}

#[tokio::test]
async fn what_an_outstation_records_is_shown_with_its_own_time() {
    let site = start_as(
        plant(vec![bright(DeviceSettings::dnp3("D-PV", Kind::Pv))]).await,
        tempfile::tempdir().unwrap(),
        "",
        Device::link,
    )
    .await;
    site.plant.devices()[0].set_fault(Fault::Local);
    let local = |s: &Site| s.service.snapshot().devices[0].reason.to_lowercase().contains("local");
    site.until("local mode is said", local).await;
    let status = status(&site).await;
    let events = named(&status, "devices", "D-PV")["events"].as_array().unwrap().clone();
    println!("{events:#?}");
    let event = events.iter().find(|event| event["value"] == "on").unwrap();
    assert_eq!(event["clock"], "device");
    assert_eq!(event["quality"], "good");
    let time = |key: &str| event[key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let late = time("received").duration_since(time("at"));
    assert!(late.abs() < jiff::SignedDuration::from_mins(1), "received {late} after it happened");
    site.stop().await.0.stop().await;
}

#[tokio::test]
async fn two_outstations_share_a_serial_line() {
    let cable = Cable::lay();
    let place = || SerialPlace {
        path: cable.far.clone(),
        line: SerialOptions { baud: 38_400, ..dergate::device_map::dnp3::usual_serial() },
    };
    let device = |(address, name): (u16, &str)| {
        let mut device = bright(DeviceSettings::dnp3(name, Kind::Pv));
        device.serial = Some(place());
        device.outstation = Some(LinkAddresses { outstation: address, master: 1 });
        device
    };
    let devices = [(10, "L-10"), (11, "L-11")].map(device).to_vec();
    let link = |device: &Device| device.link().replace(&cable.far, &cable.near);
    let site = start_as(plant(devices).await, tempfile::tempdir().unwrap(), "", link).await;
    site.group().await;
    site.client.create_dispatches(&[dispatch(9e3, 600)]).await.unwrap();
    site.near(9e3).await;
    site.applied().await;

    // One falls silent: it is said of this one, and the other is read on at once.
    let state = |s: &Site, place: usize| s.service.snapshot().devices[place].state;
    site.plant.devices()[1].set_fault(Fault::Silent);
    site.until("the silent one is lost", |s| state(s, 1) == DeviceState::CommLost).await;
    let snapshot = site.service.snapshot();
    assert!(snapshot.devices[1].reason.contains("does not answer"), "{}", snapshot.devices[1].reason);
    let lost = jiff::Timestamp::now();
    let read_on = |s: &Site| {
        let device = &s.service.snapshot().devices[0];
        let active = device.readings.iter().find(|r| r.quantity == Quantity::ActivePower);
        active.is_some_and(|r| r.quality == Quality::Good && r.at.is_some_and(|at| at > lost))
    };
    site.until("the other is read on", read_on).await;
    assert_eq!(state(&site, 0), DeviceState::Online);
    site.plant.devices()[1].set_faults(&[]);
    site.until("it is back", |s| state(s, 1) == DeviceState::Online).await;
    site.stop().await.0.stop().await;
}

#[tokio::test]
async fn an_outstation_that_restarts_is_told_again_what_it_has_lost() {
    let plant = plant(vec![bright(DeviceSettings::dnp3("D-PV", Kind::Pv))]).await;
    let site = start_as(plant, tempfile::tempdir().unwrap(), "", Device::link).await;
    site.group().await;
    site.client.create_dispatches(&[dispatch(4e3, 600)]).await.unwrap();
    site.near(4e3).await;
    site.applied().await;
    let restarts = |s: &Site| {
        let device = &s.service.snapshot().devices[0];
        let told = device.sequence.iter().filter(|event| event.value == "it has restarted");
        told.map(|event| event.repeats + 1).sum::<u64>()
    };
    let before = restarts(&site);
    site.plant.devices()[0].set_fault(Fault::Restart);
    site.until("its restart is told", |s| restarts(s) > before).await;
    site.until("it holds its limit again", |s| s.plant.devices()[0].held()).await;
    site.near(4e3).await;
    site.stop().await.0.stop().await;
}

/// Devices behind TLS: what they show, what they trust.
fn secured(folder: &Path, all: &Authorities, mut device: DeviceSettings) -> DeviceSettings {
    let (certificate, private_key) = all.device(HERE).save(folder, &device.name);
    let authorities = folder.join("utility-ca.pem");
    device.tls = Some(TlsSettings { certificate, private_key, authorities, only: None });
    device
}

#[tokio::test]
async fn members_of_both_protocols_over_tls() {
    let (all, folder) = (Authorities::new(), tempfile::tempdir().unwrap());
    save(folder.path(), "utility-ca.pem", &all.utility.pem);
    save(folder.path(), "device-ca.pem", &all.device.pem);
    all.utility.issue(&Sheet::gateway("GridServiceSunSpec")).save(folder.path(), "gateway");
    let devices = vec![
        secured(folder.path(), &all, bright(DeviceSettings::new("S-PV", Kind::Pv700))),
        secured(folder.path(), &all, bright(DeviceSettings::dnp3("D-PV", Kind::Pv))),
    ];
    let more = "[southbound.tls]\ncertificate = \"gateway.pem\"\nprivate_key = \"gateway.key\"\nauthorities = \"device-ca.pem\"\n";
    let site = start_as(plant(devices).await, folder, more, |device| {
        assert!(device.link().contains("+tls://"), "{}", device.link());
        device.link()
    })
    .await;
    site.group().await;
    site.client.create_dispatches(&[dispatch(8e3, 600)]).await.unwrap();
    site.near(8e3).await;
    site.applied().await;
    site.stop().await.0.stop().await;
}
