//! Whatever a technician drops into a map folder: device maps, model tables, the Alliance's JSON. What is accepted must
//! be of use: laid out, read and decoded without a panic, within a bound of requests.

use super::device::Image;
use super::{PEER, run};
use crate::device_map::{
    DeviceMap, Layout, MapKind, Model, PlacedScale, parse_map, parse_model, parse_model_json,
};
use crate::southbound::points::Points;
use std::sync::Arc;

/// Most requests of two polls: a map has at most 2,000 points.
const REQUESTS: usize = 10_000;

/// See the module.
pub fn maps(data: &[u8]) {
    if let Ok(model) = parse_model_json("fuzz.json", data) {
        lay_out(&model);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(model) = parse_model("fuzz.toml", text) {
        lay_out(&model);
    }
    if let Ok(map) = parse_map("fuzz.toml", text) {
        poll(map);
    }
}

/// A model over lengths that fit and that do not.
fn lay_out(model: &Model) {
    let fixed = u16::try_from(model.fixed_length()).unwrap_or(u16::MAX);
    let lengths = [0, 1, fixed.saturating_sub(1), fixed, fixed.saturating_add(100), u16::MAX];
    for (length, count) in lengths.into_iter().zip([Some(0), None, Some(1), Some(3), None, Some(u16::MAX)]) {
        sound(&Layout::new(model, length, &|_| count));
    }
}

/// Points stand one behind another, within the length, and are found by their paths.
pub fn sound(layout: &Layout) {
    let mut end = 0;
    for placed in &layout.points {
        assert!(placed.offset >= end, "{} overlaps the point before", placed.path);
        end = placed.offset.saturating_add(placed.point.size);
        assert!(
            usize::from(placed.offset) + usize::from(placed.point.size) <= usize::from(layout.length) + 2
        );
        if let Some(PlacedScale::Point(place)) = placed.scale {
            assert!(place < layout.points.len(), "the scale of {} is outside", placed.path);
        }
    }
}

/// A map against a device that holds zeros.
fn poll(map: DeviceMap) {
    if matches!(map.kind, MapKind::Sunspec | MapKind::Dnp3) {
        return;
    }
    run(async move {
        let (bus, device) = Image { fresh: vec![0], ..Image::default() }.start();
        let line = bus.line(PEER);
        let mut points = Points::new(Arc::new(map));
        for _ in 0..2 {
            let _ = points.poll(&line).await;
            points.read_all_next();
        }
        let _ = (points.nameplate(), points.capability(), points.faults());
        assert!(device.requests() <= REQUESTS, "{} requests for two polls", device.requests());
    });
}
