//! Whatever is asked of whatever outstation that follows a shipped map: what would go out is in order, within what the output
//! takes, never more than was asked, and of the right maximum.

use super::*;
use crate::device_map::Maps;
use crate::device_map::dnp3::PointKind;
use crate::southbound::dnp3::Seen;
use crate::southbound::dnp3::image::Image;
use jiff::Timestamp;
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

/// The maps that ship, and each of them with the other numbers that outputs may take.
static MAPS: LazyLock<Vec<Arc<OutstationMap>>> = LazyLock::new(|| {
    let maps = Maps::builtin();
    let shipped = ["dnp3-an2018", "dnp3-ieee1815-2"];
    let of = |number: AnalogNumber| {
        shipped.map(|id| {
            let mut map = (**maps.get(id).unwrap().outstation.as_ref().unwrap()).clone();
            map.control.number = number;
            Arc::new(map)
        })
    };
    [AnalogNumber::Int32, AnalogNumber::Int16, AnalogNumber::Float32].into_iter().flat_map(of).collect()
});

/// What an outstation tells: maxima, and its nameplate beside them, which is another one; capabilities.
#[derive(Clone, Debug)]
struct Site {
    /// AI32 to AI35, as they are on the wire.
    maxima: [i32; 4],
    flags: [u8; 4],
    supports: Vec<bool>,
}

fn site() -> impl Strategy<Value = Site> {
    let size = || prop_oneof![8 => 1_000..2_000_000, 1 => Just(0), 1 => Just(i32::MIN), 1 => any::<i32>()];
    let flags = || prop_oneof![12 => Just(1_u8), 1 => any::<u8>()];
    let maxima = (size(), size(), size(), size());
    let flags = (flags(), flags(), flags(), flags());
    let supports = prop::collection::vec(prop::bool::weighted(0.9), 21);
    (maxima, flags, supports).prop_map(|((w, charge, inject, absorb), flags, supports)| Site {
        maxima: [w, charge.saturating_neg(), inject, absorb.saturating_neg()],
        flags: flags.into(),
        supports,
    })
}

fn image(map: &Arc<OutstationMap>, site: &Site) -> Image {
    let seen = |text: &str, raw: f64, flags: u8| Seen {
        at: at(text),
        raw,
        flags,
        stamp: None,
        event: false,
        heard: Timestamp::UNIX_EPOCH,
    };
    let maxima = ["AI32", "AI33", "AI34", "AI35"].into_iter().zip(site.maxima).zip(site.flags);
    let maxima = maxima.map(|((text, raw), flags)| seen(text, f64::from(raw), flags));
    let plate = [("AI4", 9e6), ("AI5", -9e6), ("AI12", 9e6), ("AI13", -9e6), ("AI14", 9e6)];
    let plate = plate.into_iter().map(|(text, raw)| seen(text, raw, 1));
    let supports = (31..).zip(&site.supports);
    let supports = supports.map(|(index, on)| seen(&format!("BI{index}"), f64::from(u8::from(*on)), 1));
    let mut image = Image::new(map.clone());
    image.take(&maxima.chain(plate).chain(supports).collect::<Vec<_>>());
    image
}

/// The size of a maximum, if it can be used.
fn size(site: &Site, which: usize) -> Option<f64> {
    let (raw, flags) = (site.maxima[which], site.flags[which]);
    (flags & 0x67 == 1 && raw != 0 && raw != i32::MIN).then(|| f64::from(raw).abs())
}

fn wish() -> impl Strategy<Value = (CommandName, Setpoint)> {
    let amount = || prop_oneof![8 => -2e6..2e6, 1 => Just(0.0), 1 => Just(f64::NAN), 1 => Just(1e300)];
    let excitation = prop_oneof![Just(Excitation::Over), Just(Excitation::Under)];
    prop_oneof![
        amount().prop_map(|w| (CommandName::LimitActivePower, limit(w))),
        amount().prop_map(|w| (CommandName::SetActivePower, set(w))),
        amount().prop_map(|var| (CommandName::SetReactivePower, Setpoint::SetReactivePower(Vars::new(var)))),
        (0.0..1.0, excitation).prop_map(|(size, excitation)| {
            (CommandName::SetPowerFactor, Setpoint::SetPowerFactor(PowerFactor { size, excitation }))
        }),
        Just((CommandName::Disconnect, Setpoint::Disconnect)),
        Just((CommandName::Connect, Setpoint::Connect)),
    ]
}

/// Settings before what they are settings of, raw numbers within what their output and their step take, a bound in time that
/// is one.
fn in_order(command: &OutstationCommand, draft: &Draft, hold: Duration) -> Result<(), TestCaseError> {
    let last = draft.acts.last().unwrap();
    let enabling = command.steps.last().unwrap().write;
    prop_assert_eq!((last.at(), last.operation.value), (enabling, Output::Latch(true)), "enabled last");
    prop_assert_eq!(draft.acts.iter().filter(|act| act.at() == enabling).count(), 1);
    for act in &draft.acts {
        let step = command.steps.iter().find(|step| step.write == act.at()).unwrap();
        prop_assert!(!act.reads.is_empty(), "{} is seen nowhere", act.at());
        let Output::Number(raw, number) = act.operation.value else { continue };
        let most = match number {
            AnalogNumber::Int32 => f64::from(i32::MAX),
            AnalogNumber::Int16 => f64::from(i16::MAX),
            AnalogNumber::Float32 => f64::from(f32::MAX),
        };
        prop_assert!(raw.is_finite() && raw.abs() <= most, "{} = {raw}", act.at());
        prop_assert!(number == AnalogNumber::Float32 || raw.fract() == 0.0, "{} = {raw}", act.at());
        let (least, most) = step.range.unwrap_or((f64::MIN, f64::MAX));
        prop_assert!(
            (least..=most).contains(&(raw * step.scale)) || (raw * step.scale - most).abs() < 1e-9,
            "{} = {raw}",
            act.at()
        );
        if act.part == Some(Argument::Reversion) {
            prop_assert!(
                raw >= 1.0 && raw >= hold.as_secs_f64() * (1.0 - 1e-5),
                "{} = {raw} for {hold:?}",
                act.at()
            );
        }
    }
    Ok(())
}

/// What is asked, the maxima for values from 0 up and below it, and the output that carries it.
fn asked(setpoint: &Setpoint, site: &Site) -> Option<(f64, Option<f64>, &'static str)> {
    let (value, [up, down], output) = match setpoint {
        Setpoint::LimitActivePower(watts) => (watts.get(), [0, 0], "AO88"),
        Setpoint::SetActivePower(watts) => (watts.get(), [0, 1], "AO93"),
        Setpoint::SetReactivePower(vars) => (vars.get(), [2, 3], "AO203"),
        _ => return None,
    };
    Some((value, size(site, if value < 0.0 { down } else { up }), output))
}

/// Percent are of the configured maximum of the right sign, never of the nameplate; a limit never allows more than was asked.
fn of_the_right_size(setpoint: &Setpoint, draft: &Draft, site: &Site) -> Result<(), TestCaseError> {
    let Some((value, base, output)) = asked(setpoint, site) else { return Ok(()) };
    prop_assert!(value.is_finite() && base.is_some(), "{value} of {base:?} cannot be worked out");
    let base = base.unwrap();
    prop_assert_eq!(draft.base, Some(base));
    let act = draft.acts.iter().find(|act| act.at() == at(output)).unwrap();
    let sent = act.raw() / 1000.0 * base;
    let slack = value.abs() * 2e-6 + 1e-9;
    prop_assert!((draft.value.unwrap() - sent).abs() <= slack, "told as {:?}, sent {sent}", draft.value);
    prop_assert!(sent == 0.0 || (sent < 0.0) == (value < 0.0), "{value} goes out as {sent}");
    let step = base / 1000.0;
    if matches!(setpoint, Setpoint::LimitActivePower(_)) {
        prop_assert!(sent <= value + slack, "{sent} is more than {value}");
        prop_assert!(
            sent > value.min(base) - step - slack,
            "{sent} is needlessly less than {value} of {base}"
        );
    } else {
        prop_assert!((sent - value).abs() <= step / 2.0 + slack, "{sent} for {value}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_out_is_in_order_within_bounds_and_never_more_than_was_asked(
        which in 0_usize..6, site in site(), (name, setpoint) in wish(), hold in 0_u64..200_000_000,
    ) {
        let map = &MAPS[which];
        let image = image(map, &site);
        let ground = Ground { map, known: &image };
        let command = map.command(name).unwrap();
        let hold = Duration::from_millis(hold);
        let worked_out = ground.command(command, &Arguments::of(&setpoint, hold));
        let denied = command.supports.is_some_and(|at| !site.supports[usize::from(at.index) - 31]);
        prop_assert!(!denied || worked_out.is_err(), "the outstation says that it cannot");
        match worked_out {
            Ok(draft) => {
                in_order(command, &draft, hold)?;
                of_the_right_size(&setpoint, &draft, &site)?;
            }
            Err(words) => prop_assert!(!words.is_empty()),
        }
    }

    /// What can be asked of an outstation that tells what it must is not refused.
    #[test]
    fn what_is_within_its_maxima_is_never_refused(part in -1.0..1.0, hold in 1_u64..30_000, which in 0_usize..2) {
        let site = Site { maxima: [50_000, -40_000, 30_000, -20_000], flags: [1; 4], supports: vec![true; 21] };
        let (map, hold) = (&MAPS[which], Duration::from_secs(hold));
        let image = image(map, &site);
        let of = |up: f64, down: f64| if part < 0.0 { part * down } else { part * up };
        let wishes = [
            (CommandName::LimitActivePower, limit(f64::abs(part) * 50_000.0)),
            (CommandName::SetActivePower, set(of(50_000.0, 40_000.0))),
            (CommandName::SetReactivePower, Setpoint::SetReactivePower(Vars::new(of(30_000.0, 20_000.0)))),
        ];
        for (name, setpoint) in wishes {
            let command = map.command(name).unwrap();
            let draft = Ground { map, known: &image }.command(command, &Arguments::of(&setpoint, hold));
            let bound = draft.unwrap().acts.iter().find(|act| act.part == Some(Argument::Reversion)).map(Act::raw);
            prop_assert_eq!(bound, Some(hold.as_secs_f64()));
        }
    }
}

/// A mode is ended by the output that began it, by LATCH_OFF, and by nothing else.
#[test]
fn what_is_released_is_latched_off_where_it_was_latched_on() {
    for map in MAPS.iter() {
        let known = Told::default();
        let ground = Ground { map, known: &known };
        let commands = map.commands.iter().map(|command| (&command.steps, &command.release));
        let all = commands.chain(map.curves.iter().map(|curve| (&curve.steps, &curve.release)));
        let mut ended = 0;
        for (steps, release) in all.filter(|(_, release)| !release.is_empty()) {
            let enabling = steps.last().unwrap();
            assert_eq!(
                (enabling.write.kind, &enabling.value),
                (PointKind::BinaryOutput, &StepSource::Constant(1.0))
            );
            let acts = ground.steps(release, &Arguments::default(), false).unwrap().acts;
            let [act] = acts.as_slice() else { panic!("{acts:?}") };
            assert_eq!((act.at(), act.operation.value), (enabling.write, Output::Latch(false)));
            assert_eq!((&act.reads, act.operation.how), (&enabling.reads, Operate::Select));
            ended += 1;
        }
        assert_eq!(ended, 8);
    }
}
