//! The gateway on several threads, as it runs outside the tests: whatever two tasks of it do to each other at the same moment.
//!
//! The clock is the machine's here, and goes on while it stalls. So no time-out is short enough for a stall to matter, and nothing
//! is expected but that each thing happens in the end.

use super::proxy::Trouble;
use super::shared::{lay, outstations};
use crate::spine::{dispatch, start_with};
use dergate::core::service::Reference;
use dergate::der::DeviceState;
use dergate::simulator::{Device, DeviceSettings, Kind, Plant, PlantSettings};
use dergate::southbound;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Longer than any stall.
const PATIENCE: Duration = Duration::from_mins(1);

/// So long all of it may take.
const LIMIT: Duration = Duration::from_mins(15);

fn patient(device: &mut southbound::DeviceSettings) {
    let map = Arc::make_mut(&mut device.map);
    (map.link.connect_timeout, map.link.response_timeout) = (PATIENCE, PATIENCE);
    map.link.lost_after = PATIENCE * 10;
    // Another map would bring its own times.
    device.map_named = true;
    // A value is stale after three of them.
    device.poll = Duration::from_secs(3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_several_threads_two_outstations_behind_one_end_point_and_another_protocol_move_and_are_released()
{
    let all = async {
        let mut pv = DeviceSettings::new("S-PV", Kind::Pv700);
        pv.irradiance = 0.9;
        let devices = [outstations(), vec![pv]].concat();
        let plant = Plant::start(PlantSettings { control: None, devices }).await.unwrap();
        let ends: Vec<_> = plant.devices().iter().take(2).map(Device::address).collect();
        let (_trouble, told) = watch::channel(Trouble::None);
        let mut tasks = JoinSet::new();
        let here = lay(ends.clone(), told, &mut tasks).await;
        let link = |device: &Device| {
            let there = ends.iter().find(|end| **end == device.address());
            there.map_or(device.link(), |there| device.link().replace(&there.to_string(), &here.to_string()))
        };
        // All are found.
        let site = start_with(plant, tempfile::tempdir().unwrap(), "", link, patient).await;
        site.group().await;
        for watts in [9e3, 18e3, 12e3] {
            site.client.create_dispatches(&[dispatch(watts, 600)]).await.unwrap();
            site.near(watts).await;
        }
        assert!(site.plant.devices().iter().all(Device::held), "every device holds its share");
        site.client.delete_groups(&[Reference::by_name("ALL")]).await.unwrap();
        site.until("every device released", |s| !s.plant.devices().iter().any(Device::held)).await;
        // The sun gives 27 kW.
        site.near(27e3).await;
        let online = |s: &crate::spine::Site| {
            s.service.snapshot().devices.iter().all(|device| device.state == DeviceState::Online)
        };
        site.until("every device online at the end", online).await;
        site.stop().await.0.stop().await;
    };
    timeout(LIMIT, all).await.unwrap();
}
