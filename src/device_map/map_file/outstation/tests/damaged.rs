//! Maps of outstations with parts cut out, repeated or changed: they are read or refused, and never end the program.

use super::of_readme_text;
use crate::device_map::{Maps, parse_map, shipped};
use proptest::prelude::*;

/// What stands where it does not belong.
const ODD: [&str; 12] = [
    "-1",
    "1e308",
    "nan",
    "65536",
    "\"AI65535\"",
    "[]",
    "{}",
    "\"\"",
    "true",
    "[[point]]\n",
    "\"BO0\"",
    "99999999999999999999",
];

/// Every shipped map and those of the README.
fn texts() -> Vec<String> {
    let shipped = ["dnp3-an2018", "dnp3-ieee1815-2"]
        .map(|id| shipped::text(&format!("{id}.toml")).unwrap().into_owned());
    shipped.into_iter().chain([1, 2].map(|place| of_readme_text(place).to_owned())).collect()
}

/// What is accepted holds together: names and addresses once, what steps refer to is there.
fn sound(text: &str) {
    let Ok(map) = parse_map("a.toml", text) else { return };
    let Some(station) = map.outstation else { return };
    for (k, point) in station.points.iter().enumerate() {
        assert!(point.scale != 0.0 && point.scale.is_finite() && point.offset.is_finite(), "{point:?}");
        let same = |other: &&crate::device_map::dnp3::OutstationPoint| {
            other.name == point.name || other.at == point.at
        };
        assert_eq!(station.points.iter().take(k).find(same), None, "{point:?}");
    }
    for step in station.commands.iter().flat_map(|command| command.steps.iter().chain(&command.release)) {
        assert!(step.write.kind.is_output() && step.scale != 0.0, "{step:?}");
        if let crate::device_map::dnp3::StepSource::PercentOf { positive, .. } = &step.value {
            assert!(station.point(positive).is_some(), "{step:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_map_is_read_or_refused(
        which in 0_usize..4,
        from in any::<prop::sample::Index>(),
        length in 0_usize..200,
        odd in 0..ODD.len(),
        how in 0..4,
    ) {
        let text = texts().swap_remove(which);
        let lines: Vec<&str> = text.lines().collect();
        let at = from.index(lines.len());
        let damaged = match how {
            0 => [&lines[..at], &lines[(at + length).min(lines.len())..]].concat().join("\n"),
            1 => [&lines[..(at + length % 20).min(lines.len())], &lines[at..]].concat().join("\n"),
            2 => text.chars().take(text.chars().count() * at / lines.len()).collect(),
            _ => {
                let line = lines[at].split_once('=').map_or(lines[at].to_owned(), |(key, _)| format!("{key}= {}", ODD[odd]));
                [&lines[..at], &[line.as_str()], &lines[at + 1..]].concat().join("\n")
            }
        };
        sound(&damaged);
    }
}

#[test]
fn what_is_not_damaged_is_sound() {
    assert_eq!(texts().len(), 4);
    texts().iter().for_each(|text| {
        assert!(parse_map("a.toml", text).is_ok());
        sound(text);
    });
    assert!(Maps::builtin().get("dnp3-an2018").is_some());
}
