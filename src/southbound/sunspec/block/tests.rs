use super::*;
use crate::device_map::{PointOverride, PointRef};
use crate::southbound::known;
use crate::southbound::sunspec::abilities;
use crate::southbound::sunspec::readings::{choose, quiet, readings, stores};
use crate::southbound::testing::{Book, legacy, newer};
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

fn parts(book: &Book, id: u16) -> Vec<(u16, u16)> {
    let blocks = book.blocks();
    blocks.get(id).unwrap().parts.iter().map(|p| (p.offset, p.quantity)).collect()
}

#[test]
fn the_texts_of_701_are_read_only_while_its_alarm_says_so() {
    let mut book = newer();
    book.set(701, "Alrm", 1 << 16);
    assert_eq!(parts(&book, 701), [(0, 123), (123, 32)]);
    book.set(701, "Alrm", 1);
    assert_eq!(parts(&book, 701), [(0, 123)]);
}

#[test]
fn groups_stay_whole_where_they_fit_in_a_read() {
    let strings = Book::at(0).longer(160, 8 + 20 * 12, &[("N", 12)]);
    assert_eq!(parts(&strings, 160), [(0, 110), (110, 120), (230, 20)], "header and 5, then 6 a read");
    let trips = Book::at(0).longer(707, 7 + 3 * (1 + 3 * 16), &[("NPt", 5), ("NCrvSet", 3)]);
    assert_eq!(parts(&trips, 707), [(0, 107), (107, 49)], "cut between curve sets");
    assert_eq!(parts(&newer(), 704), [(0, 67)]);
    let meter = Book::at(0).model(213, &[]);
    assert_eq!(parts(&meter, 213), [(0, 124)], "without its events");
    assert_eq!(parts(&Book::at(0).model(203, &[]), 203), [(0, 107)]);
}

#[test]
fn what_clears_itself_when_read_is_not_read() {
    let book = Book::at(0).model(122, &[("StSetLimMsk", 3), ("StActCtl", 5)]);
    let at = book.address(122, "StSetLimMsk") - book.address(122, "ID");
    assert_eq!(parts(&book, 122), [(0, at), (at + 2, 44 + 2 - at - 2)]);
    let blocks = book.blocks();
    let sample = blocks.sample(122).unwrap();
    assert_eq!((sample.integer("StSetLimMsk"), sample.integer("StActCtl")), (None, Some(5)));
}

#[test]
fn a_model_with_counts_is_closed_until_its_header_was_read() {
    let book = Book::at(0).longer(705, 13 + 2 * (10 + 2 * 4), &[("NPt", 4), ("NCrv", 2), ("Ena", 1)]);
    let layouts = Layouts::default();
    let model = known()(705).unwrap();
    let at = ModelAt { id: 705, instance: 0, address: 2, length: 49 };
    let mut block = Block::new(at, &model, &layouts, &SunspecOptions::default(), 125);
    assert!(block.closed() && !block.draft);
    assert_eq!(block.parts, [Part { offset: 0, quantity: 15 }]);
    let words = book.body_at(2);
    assert!(block.take(words[..15].to_vec(), Instant::now()));
    assert_eq!(block.sample().unwrap().integer("Ena"), Some(1), "the header is known by itself");
    assert!(block.open(&layouts), "there is more to be read");
    assert_eq!(block.parts, [Part { offset: 0, quantity: 51 }]);
    assert!(block.take(words.clone(), Instant::now()));
    assert!(!block.open(&layouts) && !block.closed());
    assert!(block.layout.find("Crv[1].Pt[3].Var").is_some());
    assert!(!block.draft && block.odd_length().is_none());
    let mut fewer = words;
    fewer[usize::from(block.layout.find("NCrv").unwrap().offset)] = 1;
    assert!(block.take(fewer, Instant::now()));
    assert!(!block.open(&layouts), "nothing more to read, but another layout");
    assert!(block.layout.find("Crv[1].Pt[0].Var").is_none());
    assert!(block.draft, "its length is not that of its counts");
}

#[test]
fn curves_without_counts_by_name_have_a_header_too() {
    let book = Book::at(0).longer(126, 10 + 54, &[("NCrv", 1), ("NPt", 4)]);
    let model = known()(126).unwrap();
    let at = ModelAt { id: 126, instance: 0, address: 2, length: 64 };
    let mut block = Block::new(at, &model, &Layouts::default(), &SunspecOptions::default(), 125);
    assert_eq!(block.parts, [Part { offset: 0, quantity: 12 }]);
    assert!(block.take(book.body_at(2)[..12].to_vec(), Instant::now()));
    assert!(block.open(&Layouts::default()));
    assert!(block.layout.find("curve[0].ActPt").is_some());
}

#[test]
fn equal_devices_share_a_layout_and_corrected_ones_have_their_own() {
    let layouts = Layouts::default();
    let model = known()(103).unwrap();
    let at = ModelAt { id: 103, instance: 0, address: 2, length: 50 };
    let plain = SunspecOptions::default();
    let fixed = SunspecOptions {
        scale_override: vec![(PointRef { model: 103, path: "W_SF".into() }, 1)],
        ..SunspecOptions::default()
    };
    let of = |options: &SunspecOptions| Block::new(at, &model, &layouts, options, 125).layout;
    assert!(Arc::ptr_eq(&of(&plain), &of(&plain)));
    assert!(Arc::ptr_eq(&of(&fixed), &of(&fixed)));
    assert!(!Arc::ptr_eq(&of(&plain), &of(&fixed)));
}

#[test]
fn odd_lengths_are_told_unless_the_map_knows_them() {
    let book = |length: u16| Book::at(0).longer(103, length, &[]);
    let odd = |book: &Book| book.blocks().list[0].odd_length();
    assert_eq!(odd(&book(50)), None);
    assert!(odd(&book(40)).unwrap().contains("L is 40, the model has 50"));
    assert!(odd(&book(52)).unwrap().contains("2 registers behind"));
    let mut known = book(52);
    known.options.model_lengths.insert(103, vec![52]);
    assert_eq!(odd(&known), None);
    assert_eq!(odd(&Book::at(0).longer(1, 65, &[])), None);
}

#[test]
fn a_map_corrects_points() {
    let mut book = legacy().model(203, &[("TotWhExp", -500), ("TotWh_SF", 0), ("W", 7), ("W_SF", 0)]);
    let of = |model: u16, path: &str| PointRef { model, path: path.into() };
    let none = PointOverride { point: of(0, ""), kind: None, unit: None, negate: false, ignore: false };
    assert_eq!(book.blocks().good(203, "TotWhExp"), Some(4_294_966_796.0), "as Kostal meters show it");
    book.set(103, "PF", 9583);
    book.set(103, "PF_SF", -2);
    book.set(103, "A_SF", 0x8000);
    book.options.points = vec![
        PointOverride {
            point: of(203, "TotWhExp"),
            kind: Some(PointType::Int32),
            negate: true,
            ..none.clone()
        },
        PointOverride { point: of(103, "TmpCab"), ignore: true, ..none.clone() },
        PointOverride { point: of(103, "PF"), unit: Some("percent".into()), ..none },
    ];
    book.options.scale_override = vec![(of(103, "A_SF"), -1), (of(103, "W_SF"), 3)];
    let blocks = book.blocks();
    assert_eq!(blocks.good(203, "TotWhExp"), Some(500.0));
    assert_eq!(blocks.sample(103).unwrap().number("TmpCab"), Number::Absent);
    assert!((blocks.good(103, "PF").unwrap() - 0.9583).abs() < 1e-12);
    assert_eq!(blocks.good(103, "A"), Some(21.7), "its scale factor is not implemented");
    assert_eq!(blocks.good(103, "W"), Some(5000.0), "the device's own scale factor comes first");
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

#[test]
fn an_accumulator_at_0_without_its_scale_factor_is_not_implemented() {
    let number =
        |points: &[(&str, i64)]| Book::at(0).model(103, points).blocks().sample(103).unwrap().number("WH");
    assert_eq!(number(&[("WH", 0)]), Number::Absent);
    assert_eq!(number(&[("WH", 0), ("WH_SF", 0)]), Number::Good(0.0), "a new device");
    assert_eq!(number(&[("WH", 7)]), Number::Bad(Fault::NoScale));
}
