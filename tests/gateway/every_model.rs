//! Every SunSpec model that is built in, with every point implemented, as a probe shows it.

use dergate::device_map::{Layout, Library, PointType, models};
use dergate::simulator::{DeviceSettings, Kind, Plant, PlantSettings};
use dergate::southbound::{Link, ProbeOptions, ProbedValue, session};
use std::collections::HashMap;
use std::sync::Arc;

#[tokio::test]
async fn a_probe_shows_every_point_of_every_model_and_what_nobody_knows_too() {
    crate::testing::unhurried();
    let mut settings = DeviceSettings::new("ALL", Kind::Models);
    settings.models = models().ids();
    settings.models.insert(7, 64_999);
    let plant = Plant::start(PlantSettings { control: None, devices: vec![settings] }).await.unwrap();
    let link = Link::parse(&plant.devices()[0].link()).unwrap();
    let report =
        session(&link, &ProbeOptions::default(), Arc::new(Library::default())).probe(&|_| {}).await.unwrap();
    assert_eq!(report.models.len(), 113);
    let unknown: Vec<_> =
        report.models.iter().filter(|m| m.name.is_none()).map(|m| (m.id, m.length)).collect();
    assert_eq!(unknown, [(64_999, 5)]);
    let (mut missing, mut shown) = (Vec::new(), 0);
    for probed in report.models.iter().filter(|m| m.id != 64_999) {
        let points: HashMap<&str, _> = probed.points.iter().map(|p| (p.path.as_str(), p)).collect();
        let layout = Layout::new(&models().get(probed.id).unwrap(), probed.length, &|_| Some(2));
        for placed in layout.points.iter().skip(2).filter(|p| p.point.kind != PointType::Pad) {
            match points.get(placed.path.as_str()) {
                Some(point) if !matches!(point.value, ProbedValue::Unusable(_)) => shown += 1,
                found => missing.push(format!("{}.{}: {found:?}", probed.id, placed.path)),
            }
        }
    }
    assert!(missing.is_empty(), "{} of {}:\n{}", missing.len(), missing.len() + shown, missing.join("\n"));
    assert!(shown > 4_000, "{shown}");
    plant.stop().await;
}
