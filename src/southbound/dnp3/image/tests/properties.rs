//! Whatever an outstation sends, in whatever order and with whatever clock: what can be used was said live, last, and since the
//! connection stands.

use super::*;
use crate::der::{Quality, Quantity};
use crate::device_map::registers::RegisterQuantity;
use crate::southbound::dnp3::readings::readings;
use proptest::prelude::*;

/// What happens to an image.
#[derive(Clone, Debug)]
enum Step {
    /// A value of a point comes so many seconds later; an event may be stamped so many seconds from its receipt.
    Comes {
        point: usize,
        raw: f64,
        flags: u8,
        event: bool,
        stamp: Option<(i64, bool)>,
        later: i64,
    },
    /// What came last comes once more.
    Again,
    Turn,
    Confirm,
    Renew,
    Lose,
    Settle(usize),
}

const POINTS: [&str; 4] = ["AI1", "BI1", "AI2", "AI9"];

fn raw() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-3_i32..4).prop_map(f64::from),
        2 => any::<i32>().prop_map(f64::from),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::MAX, f64::from(i32::MIN), -7.0]),
    ]
}

fn comes() -> impl Strategy<Value = Step> {
    let flags = prop_oneof![3 => Just(1_u8), 2 => any::<u8>()];
    let stamp = prop::option::of((-40_i64..40, any::<bool>()));
    (0..POINTS.len(), raw(), flags, any::<bool>(), stamp, 0_i64..8).prop_map(
        |(point, raw, flags, event, stamp, later)| {
            let stamp = stamp.filter(|_| event);
            Step::Comes { point, raw, flags, event, stamp, later }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => comes(),
        1 => Just(Step::Again),
        2 => Just(Step::Turn),
        2 => Just(Step::Confirm),
        1 => Just(Step::Renew),
        1 => Just(Step::Lose),
        1 => (0..POINTS.len()).prop_map(Step::Settle),
    ]
}

/// A sum of two phases, of which one has a scale that takes it beyond all numbers, an alarm, and a setting (AI9) that no map
/// names.
fn phases() -> Image {
    let phase = |name: &str, address: &str, k: u8, scale: f64| OutstationPoint {
        quantity: Some((RegisterQuantity::PhaseCurrent(k), 1.0)),
        scale,
        offset: 0.5,
        invalid: vec![-7],
        ..point(name, address)
    };
    image(vec![phase("a", "AI1", 0, -0.1), point("alarm", "BI1"), phase("b", "AI2", 1, 1e5)])
}

/// What is known of a point without an image: what came since the connection stands.
#[derive(Clone, Debug, Default)]
struct Model {
    since: Vec<Seen>,
    last_event: Option<Seen>,
}

/// Whether this can be used, said in another way than the code says it.
fn sound(seen: &Seen) -> bool {
    let analog = seen.at.kind == PointKind::AnalogInput;
    let live = seen.flags & 0b111 == 0b001 && (!analog || seen.flags & 0b0110_0000 == 0);
    let null = seen.raw == f64::from(i32::MIN) || (analog && seen.raw == -7.0);
    live && seen.raw.is_finite() && !null
}

fn check(image: &Image, models: &BTreeMap<At, Model>) -> Result<(), TestCaseError> {
    let nothing = Model::default();
    for point in &image.map().points {
        let model = models.get(&point.at).unwrap_or(&nothing);
        let seen = image.seen(point.at);
        if let Value::Number { value, forced } = image.value(point) {
            let seen = seen.unwrap();
            prop_assert!(sound(seen), "{seen:?} passes as {value}");
            prop_assert!(model.since.contains(seen), "{seen:?} is of before the connection was lost");
            prop_assert!(value.is_finite());
            let wanted = seen.raw * point.scale + point.offset;
            prop_assert!((value - wanted).abs() <= value.abs() * 1e-12 + 1e-9, "{value}, not {wanted}");
            prop_assert_eq!(forced, seen.flags & 0b0001_1000 != 0);
        }
        if image.named(&point.name).is_some() || image.shows(point).is_some() {
            prop_assert!(!model.since.is_empty() && sound(seen.unwrap()));
        }
        let measured = image.measured(point.at);
        prop_assert!(measured.is_none_or(|at| seen.is_some_and(|seen| at <= seen.heard)));
    }
    let setting = at("AI9");
    if image.setting(setting).is_some() || image.is_on(setting).is_some() {
        let seen = image.seen(setting).unwrap();
        prop_assert!(seen.flags & 0b110 == 0 && seen.raw.is_finite());
        prop_assert!(models.get(&setting).unwrap_or(&nothing).since.contains(seen));
    }
    for reading in readings(image, &|_| true, &|_| true) {
        prop_assert_eq!(reading.quantity, Quantity::Current);
        prop_assert_eq!(reading.quality == Quality::Good, reading.value.is_finite(), "{:?}", reading);
        let mut phases = image.map().points.iter().filter(|point| point.quantity.is_some());
        let unusable = phases.any(|point| matches!(image.value(point), Value::Bad(_)));
        prop_assert!(!unusable || reading.quality != Quality::Good, "a sum without one of its parts");
    }
    Ok(())
}

/// A value comes: what it may replace, and what it may not.
fn comes_now(image: &mut Image, model: &mut Model, new: Seen) -> Result<(), TestCaseError> {
    let known = image.seen(new.at).copied();
    let latest = image.take(&[new]).contains(&new.at);
    if new.event {
        model.last_event = Some(new);
    }
    let kept = image.seen(new.at).unwrap();
    if !latest {
        prop_assert!(new.event, "what was read is always the latest word: {:?}", new);
        prop_assert_eq!(Some(kept.raw.to_bits()), known.map(|known| known.raw.to_bits()));
        return Ok(());
    }
    prop_assert_eq!(kept.heard, new.heard);
    model.since.push(new);
    let stamp = new.stamp.filter(|stamp| new.event && plausible(*stamp, new.heard));
    if let (Some(known), Some(stamp)) = (known.filter(|known| !known.event), stamp) {
        prop_assert!(stamp.at >= known.heard, "{:?} replaces {:?}, read later", new, known);
    }
    Ok(())
}

fn settles(image: &mut Image, models: &mut BTreeMap<At, Model>, point: At) -> Result<(), TestCaseError> {
    let doubted = image.doubts().find(|doubt| doubt.at == point);
    if let Some(doubt) = doubted {
        image.settle(doubt);
        let model = models.get_mut(&point).unwrap();
        let last = model.last_event.expect("a doubt of before the connection was lost");
        prop_assert_eq!(image.seen(point).map(|seen| seen.raw.to_bits()), Some(last.raw.to_bits()));
        model.since.push(last);
    }
    Ok(())
}

fn go(
    image: &mut Image,
    models: &mut BTreeMap<At, Model>,
    new: Option<Seen>,
    step: &Step,
) -> Result<(), TestCaseError> {
    match step {
        Step::Comes { .. } | Step::Again => {
            let Some(new) = new else { return Ok(()) };
            return comes_now(image, models.entry(new.at).or_default(), new);
        }
        Step::Turn => image.begin(),
        Step::Confirm => image.confirm(),
        Step::Renew => image.renew(),
        Step::Lose => {
            image.lose();
            models.clear();
        }
        Step::Settle(point) => return settles(image, models, at(POINTS[*point])),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_what_is_live_and_last_passes_as_good(steps in prop::collection::vec(step(), 1..60)) {
        let (mut image, mut models) = (phases(), BTreeMap::new());
        let (mut now, mut last): (i64, Option<Seen>) = (0, None);
        let mut times: BTreeMap<At, Timestamp> = BTreeMap::new();
        check(&image, &models)?;
        for step in &steps {
            if let Step::Comes { point, raw, flags, event, stamp, later } = step {
                now += later;
                let stamp = stamp.map(|(from, synchronised)| Stamp { at: time(now + from), synchronised });
                last = Some(Seen { flags: *flags, stamp, event: *event, ..read(POINTS[*point], *raw, now) });
            }
            let new = last.map(|seen| Seen { heard: time(now), ..seen });
            go(&mut image, &mut models, new, step)?;
            check(&image, &models)?;
            for text in POINTS {
                let Some(measured) = image.measured(at(text)) else { continue };
                let before = times.insert(at(text), measured);
                prop_assert!(before.is_none_or(|before| before <= measured), "the time of {} goes back", text);
            }
        }
    }

    /// Of events that one clock stamped the one that happened last counts, in whatever order they come.
    #[test]
    fn of_events_of_one_clock_the_latest_counts(
        order in Just((0_i64..12).collect::<Vec<_>>()).prop_shuffle(),
        synchronised in any::<bool>(),
    ) {
        let mut image = image(vec![point("p", "AI1")]);
        let mut latest = 0;
        for (heard, happened) in (20..).zip(&order) {
            let stamp = Some(Stamp { at: time(*happened), synchronised });
            image.take(&[Seen { stamp, ..event("AI1", *happened as f64, 0, heard) }]);
            latest = latest.max(*happened);
            prop_assert_eq!(value(&image), number(latest as f64));
        }
    }
}
