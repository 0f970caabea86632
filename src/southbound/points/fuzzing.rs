//! Any registers under any shipped map: read, decoded, commanded. See [`crate::southbound::fuzzing`].

use super::codec::{Rounding, Value, decode, encode, say, tolerance};
use super::{Ask, Points};
use crate::der::Outcome;
use crate::device_map::registers::RegisterPoint;
use crate::device_map::{DeviceMap, MapKind, Maps};
use crate::southbound::fuzzing::{Image, Input, PEER, run, setpoint};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

/// Most requests of a run.
const REQUESTS: usize = 5000;

fn shipped() -> &'static [Arc<DeviceMap>] {
    static MAPS: OnceLock<Vec<Arc<DeviceMap>>> = OnceLock::new();
    MAPS.get_or_init(|| {
        let maps = Maps::builtin();
        let all = maps.ids().filter_map(|id| maps.get(id)).filter(|map| map.kind != MapKind::Sunspec);
        all.cloned().collect()
    })
}

/// Any registers under any shipped map.
pub fn registers(mut input: Input<'_>) {
    let place = usize::from(input.byte()).checked_rem(shipped().len()).unwrap_or_default();
    let Some(map) = shipped().get(place) else { return };
    let mut image = Image {
        forgetful: input.byte() & 7 == 7,
        moody: input.byte().saturating_sub(200),
        mood: input.byte() % 12,
        longest: u16::from(input.byte().saturating_sub(150)),
        ..Image::default()
    };
    let wishes = usize::from(input.byte() % 8);
    let asked: Vec<_> =
        (0..wishes).map(|_| (setpoint(&mut input), Duration::from_secs(input.word().into()))).collect();
    image.fresh = input.words(usize::MAX / 4);
    for point in &map.registers.points {
        there_and_back(point, &image.fresh);
    }
    run(async move {
        let (bus, device) = image.start();
        let line = bus.line(PEER);
        let mut points = Points::new(map.clone());
        for (setpoint, hold) in &asked {
            read(&mut points, &line).await;
            let expires_at = Instant::now() + Duration::from_secs(30);
            let ask = Ask { setpoint, hold: *hold, expires_at, sunspec: &|_| Some(5000.0) };
            if let Some(Outcome::Applied(back)) = points.command(&line, &ask).await {
                assert!(back.active_power.is_none_or(|watts| watts.get().is_finite()), "{back:?}");
            }
            let _ = points.refresh(&line).await;
        }
        read(&mut points, &line).await;
        let notes = points.notes();
        points.recall(&notes);
        points.stop_refreshing();
        assert!(device.requests() <= REQUESTS, "{} requests", device.requests());
    });
}

async fn read(points: &mut Points, line: &crate::southbound::modbus::Line<'_>) {
    let readings = points.poll(line).await.unwrap_or_default();
    for reading in &readings {
        assert!(reading.value.is_finite() || reading.quality != crate::der::Quality::Good, "{reading:?}");
    }
    let _ = points.effects(&readings);
    let capability = points.capability();
    for most in [capability.injection_max, capability.absorption_max] {
        assert!(most.get().is_finite() && most.get() >= 0.0, "{capability:?}");
    }
    let _ = (points.nameplate(), points.faults());
}

/// What is decoded can be encoded, and then means the same again.
fn there_and_back(point: &RegisterPoint, words: &[u16]) {
    for exponent in [0, -10, 3, 10] {
        let Value::Number(value) = decode(point, words, Some(exponent)) else { continue };
        let _ = say(point, value);
        let Ok(encoded) = encode(point, value, Some(exponent), Rounding::Nearest) else { continue };
        let Value::Number(again) = decode(point, &encoded.words, Some(exponent)) else {
            unreachable!("{}: {value} was written as what means nothing", point.name);
        };
        let slack = tolerance(point, value, Some(exponent)).max(value.abs() * 1e-9);
        assert!((again - value).abs() <= slack, "{}: {value} came back as {again}", point.name);
        assert!(again.to_bits() == encoded.value.to_bits(), "{}: not what was promised", point.name);
    }
}
