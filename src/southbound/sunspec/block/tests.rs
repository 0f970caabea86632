use super::*;
use crate::southbound::known;
use crate::southbound::sunspec::abilities;
use crate::southbound::sunspec::readings::{choose, quiet, readings, stores};
use crate::southbound::testing::{legacy, newer};
use proptest::prelude::*;

#[test]
fn model_701_is_read_once_without_its_texts_and_no_point_is_split() {
    let blocks = newer().blocks();
    assert_eq!(blocks.get(701).unwrap().parts, [Part { offset: 0, quantity: 123 }]);
    for block in &blocks.list {
        let mut small = block.clone();
        small.cut(20);
        for part in &small.parts {
            assert!(part.quantity <= 20);
            assert!(small.layout.points.iter().any(|p| p.offset == part.offset), "begins at a point");
        }
    }
}

#[test]
fn a_model_that_moved_is_not_taken() {
    let mut block = legacy().blocks().get(103).unwrap().clone();
    let before = block.registers.clone();
    let mut moved = before.clone();
    moved[1] += 1;
    assert!(!block.take(moved, Instant::now()));
    assert!(!block.take(vec![], Instant::now()));
    assert_eq!(block.registers, before);
}

#[test]
fn the_scale_factor_comes_with_the_value() {
    let mut book = legacy();
    assert_eq!(book.blocks().good(103, "W"), Some(5000.0));
    book.set(103, "W", 500);
    book.set(103, "W_SF", 1);
    assert_eq!(book.blocks().good(103, "W"), Some(5000.0));
    book.set(103, "W_SF", 0x8000);
    assert_eq!(book.blocks().sample(103).unwrap().number("W"), Number::Bad(Fault::NoScale));
    book.set(103, "W_SF", 11);
    assert_eq!(book.blocks().sample(103).unwrap().number("W"), Number::Bad(Fault::BadScale(11)));
    book.set(103, "W", 0x8000);
    assert_eq!(book.blocks().sample(103).unwrap().number("W"), Number::Absent);
}

fn any_chain() -> impl Strategy<Value = Vec<(u16, u16)>> {
    let id = prop::sample::select(vec![
        1_u16, 101, 103, 111, 113, 120, 121, 122, 123, 124, 126, 134, 160, 203, 213, 701, 702, 703, 704, 705,
        707, 711, 713, 714, 715, 802, 803, 804, 64_000,
    ]);
    prop::collection::vec((id, 0..200_u16), 0..12)
}

proptest! {
    #[test]
    fn any_chain_with_any_registers_is_survived(
        chain in any_chain(),
        longest in 2..=125_u16,
        seed in any::<u64>(),
    ) {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut address = 2;
        let models: Vec<ModelAt> = chain.iter().map(|(id, length)| {
            let at = ModelAt { id: *id, instance: 0, address, length: *length };
            address += length + 2;
            at
        }).collect();
        let (options, layouts) = (SunspecOptions::default(), Layouts::default());
        let mut blocks = blocks_of(&models, &options, &known(), &layouts, longest);
        for block in &mut blocks.list {
            let end: u16 = block.parts.last().map_or(0, |p| p.offset + p.quantity);
            let mut words: Vec<u16> = (0..end).map(|_| match dice.u8(0..4) {
                0 => 0xFFFF, 1 => 0x8000, 2 => dice.u16(0..20), _ => dice.u16(..),
            }).collect();
            for (word, want) in words.iter_mut().zip([block.at.id, block.at.length]) { *word = want; }
            let _ = block.take(words.clone(), Instant::now());
            if block.open(&layouts) {
                let end = block.parts.last().map_or(0, |p| usize::from(p.offset + p.quantity));
                words.resize_with(end, || dice.u16(..));
                let _ = block.take(words, Instant::now());
            }
            let _ = block.odd_length();
            prop_assert!(block.parts.iter().all(|p| p.quantity <= longest.max(2)));
        }
        let sources = choose(&mut blocks);
        let at = jiff::Timestamp::UNIX_EPOCH;
        let (values, _) = readings(&blocks, sources, &|_| Some(at));
        prop_assert!(values.iter().all(|r| r.value.is_finite() == (r.quality == crate::der::Quality::Good)));
        let _ = (quiet(&blocks, sources, &[]), stores(&blocks, sources));
        let _ = abilities::nameplate(&blocks);
        let capability = abilities::capability(&blocks, abilities::routes(&blocks));
        prop_assert!(capability.injection_max.get() >= 0.0 && capability.absorption_max.get() >= 0.0);
    }
}
