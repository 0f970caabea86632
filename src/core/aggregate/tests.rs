use super::*;
use crate::der::{Controls, Watts};
use proptest::prelude::*;

fn part(power: Option<f64>, online: bool) -> Part {
    let capability = Capability {
        injection_max: Watts::new(1000.0),
        absorption_max: Watts::new(400.0),
        controls: Controls::NONE,
    };
    Part::new(|q| power.filter(|_| q == Quantity::ActivePower), Some(&capability), online)
}

#[test]
fn unknown_is_never_zero_and_says_on_how_many_it_rests() {
    let mut group = Aggregate::default();
    let nothing = Part::default();
    let (a, b) = (part(Some(250.25), true), part(None, false));
    group.replace(&nothing, &b);
    assert_eq!(group.view(Parameter::ActivePower).unwrap().value, None);
    group.replace(&nothing, &a);
    let view = group.view(Parameter::ActivePower).unwrap();
    assert_eq!((view.value, view.rests_on), (Some(250.25), 1));
    assert_eq!((view.installed_max, view.installed_min), (Some(2000.0), Some(-800.0)));
    assert_eq!(group.online(), 1);
    assert_eq!(group.view(Parameter::IncreasingRampRate), None);
}

#[test]
fn voltage_is_a_mean() {
    let mut group = Aggregate::default();
    for volts in [230.0, 240.0] {
        let part = Part::new(|q| (q == Quantity::Voltage).then_some(volts), None, true);
        group.replace(&Part::default(), &part);
    }
    assert_eq!(group.view(Parameter::Voltage).unwrap().value, Some(235.0));
}

proptest! {
    #[test]
    fn by_difference_equals_anew(
        changes in prop::collection::vec((0..5usize, prop::option::of(-1e6..1e6f64), any::<bool>()), 1..200)
    ) {
        let mut group = Aggregate::default();
        let mut now = [Part::default(); 5];
        for (member, power, online) in changes {
            let new = part(power, online);
            group.replace(&now[member], &new);
            now[member] = new;
        }
        let mut anew = Aggregate::default();
        for p in &now {
            anew.replace(&Part::default(), p);
        }
        prop_assert_eq!(group.view(Parameter::ActivePower), anew.view(Parameter::ActivePower));
        prop_assert_eq!(group.online(), anew.online());
    }
}
