//! Any map of an outstation that is accepted, or one that ships, with any values of its points: read, judged and planned upon.
//! See [`crate::southbound::fuzzing`]. Nothing is sent: only what is pure runs.

use super::commands::Commands;
use super::field::{Identity, Part, Seen, Stamp};
use super::image::Image;
use super::plan::Act;
use super::poll::plan::{Plan, Why};
use super::readings::{complaints, nameplate, readings};
use super::sequence::Recorder;
use crate::der::{Quality, Setpoint};
use crate::device_map::dnp3::{AnalogNumber, At, OutstationMap, PointKind};
use crate::device_map::{MapKind, Maps, parse_map};
use crate::southbound::fuzzing::{Input, setpoint};
use jiff::Timestamp;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Most polls' worth of requests that one map may make: it has at most 2,000 points.
const REQUESTS: usize = 10_000;

/// The span of times of events, in seconds before and after what is heard now.
const SPAN: i64 = 40_000;

fn shipped() -> &'static [Arc<OutstationMap>] {
    static MAPS: OnceLock<Vec<Arc<OutstationMap>>> = OnceLock::new();
    MAPS.get_or_init(|| {
        let maps = Maps::builtin();
        let all = maps.ids().filter_map(|id| maps.get(id)).filter(|map| map.kind == MapKind::Dnp3);
        all.filter_map(|map| map.outstation.clone()).collect()
    })
}

/// A value of some point: which, where, raw, flags, time and whether the clock is right, and whether it is an event.
type Value = (u16, u16, f64, u8, Option<(i64, bool)>, bool);

/// What an input asks for before its map.
struct Said {
    seen: Vec<Value>,
    wishes: Vec<(Setpoint, Duration)>,
}

impl Said {
    fn of(input: &mut Input<'_>) -> Self {
        let seen = (0..input.byte() % 64)
            .map(|_| {
                let (which, index, raw, flags) = (input.word(), input.word(), input.number(), input.byte());
                let how = input.byte();
                let stamp = (how & 1 == 1).then(|| (i64::from(input.word()) - SPAN / 2, how & 2 == 2));
                (which, index, raw, flags, stamp, how & 4 == 4)
            })
            .collect();
        let wishes = (0..input.byte() % 12)
            .map(|_| (setpoint(input), Duration::from_secs(input.word().into())))
            .collect();
        Self { seen, wishes }
    }
}

/// An even first byte: the rest of the input is a map; an odd one: a map that ships.
pub fn outstations(mut input: Input<'_>) {
    let kind = input.byte();
    let said = Said::of(&mut input);
    let map = if kind & 1 == 0 {
        let text = std::str::from_utf8(input.bytes(input.left())).unwrap_or_default();
        parse_map("fuzz.toml", text).ok().and_then(|map| map.outstation)
    } else {
        let place = usize::from(kind / 2).checked_rem(shipped().len()).unwrap_or_default();
        shipped().get(place).cloned()
    };
    if let Some(map) = map {
        drive(&map, &said);
    }
}

fn drive(map: &Arc<OutstationMap>, said: &Said) {
    polls(map);
    let mut image = Image::new(map.clone());
    let mut recorder = Recorder::default();
    let seen: Vec<Seen> = said.seen.iter().map(|said| seen(map, said)).collect();
    for some in seen.chunks(8) {
        let _ = image.take(some);
        let _ = recorder.take(map, some);
        judge(&image);
        image.confirm();
    }
    let mut commands = Commands::new("fuzz", map.clone(), "");
    let capability = commands.capability(&image);
    for most in [capability.injection_max, capability.absorption_max] {
        assert!(most.get().is_finite() && most.get() >= 0.0, "{capability:?}");
    }
    for (setpoint, hold) in &said.wishes {
        if let Ok(preview) = commands.preview(setpoint, *hold, &image) {
            assert!(preview.active_power.is_none_or(|watts| watts.get().is_finite()), "{preview:?}");
            preview.acts.iter().for_each(sound);
        }
    }
    commands.hold_all_that_can_be_undone();
    commands.recall(&commands.notes());
    let _ = (nameplate(&image, &Identity::default()), complaints(&image), recorder.confirm(map));
    image.lose();
    judge(&image);
    image.renew();
}

/// Every second point is one of the map.
fn seen(map: &OutstationMap, said: &Value) -> Seen {
    let (which, index, raw, flags, stamp, event) = *said;
    let place = |len: usize| usize::from(index).checked_rem(len).unwrap_or_default();
    let own = map.points.get(place(map.points.len())).filter(|_| which & 1 == 0);
    let kind = PointKind::ALL.get(usize::from(which / 2) % PointKind::ALL.len()).copied();
    let at = own.map_or(At { kind: kind.unwrap_or(PointKind::AnalogInput), index }, |point| point.at);
    let heard = Timestamp::UNIX_EPOCH + Duration::from_hours(500_000);
    let stamp = stamp.and_then(|(seconds, synchronised)| {
        let at = heard.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()?;
        Some(Stamp { at, synchronised })
    });
    Seen { at, raw, flags, stamp, event, heard }
}

/// What is told as good is a number.
fn judge(image: &Image) {
    for told in readings(image, &|_| true, &|_| true) {
        assert!(told.value.is_finite() || told.quality != Quality::Good, "{told:?}");
    }
    let _ = image.blocked();
    for point in &image.map().points {
        let _ = (image.value(point), image.shows(point), image.measured(point.at));
    }
}

/// What goes out fits into its object.
fn sound(act: &Act) {
    let raw = act.raw();
    let fits = match act.operation.value {
        super::Output::Number(_, AnalogNumber::Int32) => i32::MIN.into()..=i32::MAX.into(),
        super::Output::Number(_, AnalogNumber::Int16) => i16::MIN.into()..=i16::MAX.into(),
        super::Output::Number(_, AnalogNumber::Float32) => f32::MIN.into()..=f32::MAX.into(),
        super::Output::Latch(_) | super::Output::Pulse { .. } => 0.0..=1.0,
    };
    assert!(fits.contains(&raw), "{act:?}");
}

/// Whatever is refused, polls come to an end, and what is left out is not asked for again.
fn polls(map: &OutstationMap) {
    let mut plan = Plan::new(map);
    let mut asked = 0;
    for round in 0..4 {
        let requests = plan.next(&[]);
        asked += requests.len();
        let first: Vec<Part> = requests.into_iter().flatten().take(1).collect();
        first
            .into_iter()
            .for_each(|part| plan.leave_out(part, if round == 0 { Why::Refused } else { Why::Broken }));
    }
    asked += plan.everything().len() + plan.before_command().len();
    assert!(asked <= REQUESTS, "{asked} requests");
    let _ = (plan.named(), plan.left_out(5));
    plan.restart();
}
