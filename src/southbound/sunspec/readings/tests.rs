use super::*;
use crate::southbound::testing::{Book, legacy, newer, storage};

fn values(book: &Book) -> Vec<(Quantity, f64)> {
    let mut blocks = book.blocks();
    let sources = choose(&mut blocks);
    let (readings, _) = readings(&blocks, sources, &|_| Some(Timestamp::UNIX_EPOCH));
    readings.iter().map(|r| (r.quantity, r.value)).collect()
}

fn value(book: &Book, quantity: Quantity) -> Option<f64> {
    values(book).into_iter().find(|(q, _)| *q == quantity).map(|(_, v)| v)
}

#[test]
fn a_legacy_inverter_reports_what_it_has_in_si_units() {
    let book = legacy();
    assert_eq!(value(&book, Quantity::ActivePower), Some(5000.0));
    assert_eq!(value(&book, Quantity::ReactivePower), Some(-300.0));
    assert_eq!(value(&book, Quantity::ApparentPower), Some(5010.0));
    assert_eq!(value(&book, Quantity::Frequency), Some(50.01));
    assert_eq!(value(&book, Quantity::EnergyInjected), Some(123_456.0));
    assert_eq!(value(&book, Quantity::Temperature), Some(41.5));
    assert!((value(&book, Quantity::Voltage).unwrap() - 230.2).abs() < 1e-9);
    assert_eq!(value(&book, Quantity::DcPower), None, "not implemented is not sent");
    assert_eq!(value(&book, Quantity::StateOfCharge), None);
}

#[test]
fn a_newer_storage_reports_charging_as_negative() {
    let book = newer();
    assert_eq!(value(&book, Quantity::ActivePower), Some(-2500.0));
    assert_eq!(value(&book, Quantity::EnergyInjected), Some(5e9));
    assert_eq!(value(&book, Quantity::EnergyAbsorbed), Some(77.0));
    assert_eq!(value(&book, Quantity::Voltage), Some(231.0));
    assert_eq!(value(&book, Quantity::Frequency), Some(49.985));
    assert_eq!(value(&book, Quantity::StateOfCharge), Some(55.5));
}

#[test]
fn a_device_with_both_generations_is_read_once() {
    let book = newer().model(103, &[("W", 1), ("W_SF", 0)]);
    let mut blocks = book.blocks();
    assert_eq!(choose(&mut blocks).measuring, Some(701));
    assert_eq!(blocks.get(103).unwrap().class, Class::OnDemand);
    let silent = Book::at(0).model(701, &[]).model(103, &[("W", 1), ("W_SF", 0)]);
    assert_eq!(choose(&mut silent.blocks()).measuring, Some(103), "701 says nothing");
}

#[test]
fn each_quantity_comes_once() {
    let book = legacy().model(122, &[("ActWh", 999), ("WAval", 60), ("WAval_SF", 2)]);
    let found = values(&book);
    assert_eq!(found.iter().filter(|(q, _)| *q == Quantity::EnergyInjected).count(), 1);
    assert_eq!(value(&book, Quantity::EnergyInjected), Some(123_456.0));
    assert_eq!(value(&book, Quantity::AvailableActivePower), Some(6000.0));
}

#[test]
fn a_storage_with_model_124_has_its_state_of_charge_polled() {
    let mut blocks = storage().blocks();
    assert_eq!(choose(&mut blocks).charge, Some((124, "ChaState")));
    assert_eq!(blocks.get(124).unwrap().class, Class::Normal);
}

#[test]
fn a_value_without_scale_is_invalid_and_never_zero() {
    let mut book = legacy();
    book.set(103, "W_SF", 0x8000);
    let mut blocks = book.blocks();
    let sources = choose(&mut blocks);
    let (readings, faults) = readings(&blocks, sources, &|_| Some(Timestamp::UNIX_EPOCH));
    let power = readings.iter().find(|r| r.quantity == Quantity::ActivePower).unwrap();
    assert_eq!(power.quality, Quality::Invalid);
    assert!(power.value.is_nan());
    assert_eq!(faults[0].0, 103);
    assert_eq!(faults[0].1, "W");
}

#[test]
fn the_zeros_of_the_first_seconds_are_no_measurement() {
    let zeros: Vec<(&str, i64)> =
        ["A", "A_SF", "PhVphA", "PhVphB", "PhVphC", "V_SF", "W", "W_SF", "Hz", "Hz_SF", "WH", "WH_SF"]
            .into_iter()
            .map(|p| (p, 0))
            .collect();
    assert_eq!(values(&Book::at(0).model(103, &zeros)), []);
}

#[test]
fn the_zeros_of_the_first_seconds_are_no_measurement_of_a_model_with_floats_either() {
    let zeros = [("PhVphA", 0), ("Hz", 0), ("WH", 0), ("W", 0), ("A", 0)];
    assert_eq!(values(&Book::at(0).model(113, &zeros)), []);
    let dark = [("PhVphA", 0x4366_0000), ("Hz", 0x4248_0000), ("WH", 0), ("W", 0)];
    assert_eq!(value(&Book::at(0).model(113, &dark), Quantity::ActivePower), Some(0.0), "new, and at night");
}

#[test]
fn a_counter_beside_the_inverter_model_is_not_zero_because_the_device_sleeps_or_wakes() {
    let counter = |wh: i64| [("ActWh", wh)];
    let mut day = legacy().model(122, &counter(999));
    day.set(103, "WH", 0);
    let mut blocks = day.blocks();
    let sources = choose(&mut blocks);
    assert_eq!(sources.energy, Some(122));
    let energy = |book: &Book| {
        let (all, _) = readings(&book.blocks(), sources, &|_| Some(Timestamp::UNIX_EPOCH));
        all.iter().find(|r| r.quantity == Quantity::EnergyInjected).map(|r| r.value)
    };
    assert_eq!(energy(&day), Some(999.0));
    let night = |wh: i64| Book::at(0).model(103, &[]).model(122, &counter(wh));
    assert_eq!(energy(&night(0)), None, "it counts nothing");
    assert_eq!(energy(&night(999)), Some(999.0), "it still knows");
    let zeros = ["A_SF", "PhVphA", "PhVphB", "PhVphC", "V_SF", "W", "W_SF", "Hz", "Hz_SF", "WH", "WH_SF"];
    let woken = Book::at(0).model(103, &zeros.map(|path| (path, 0)));
    assert_eq!(energy(&woken.model(122, &counter(0))), None);
    day.set(122, "ActWh", 0);
    assert_eq!(energy(&day), Some(0.0), "it measures: then 0 is true, or for the counters to judge");
}

#[test]
fn a_meter_beside_an_inverter_never_speaks_for_it() {
    let meter = [("W", 3000), ("W_SF", 0)];
    let day = Book::at(0).model(103, &[("W", 7), ("W_SF", 0)]).model(203, &meter);
    let night = Book::at(0).model(103, &[]).model(203, &meter);
    assert_eq!(choose(&mut night.blocks()).measuring, Some(103), "found at night");
    assert_eq!(value(&night, Quantity::ActivePower), None);
    let mut sources = choose(&mut day.blocks());
    let mut blocks = night.blocks();
    sources.add_found(&mut blocks);
    assert_eq!(sources.measuring, Some(103), "when the night comes");
}

#[test]
fn everything_not_implemented_gives_no_values() {
    assert_eq!(values(&Book::at(0).model(701, &[]).model(713, &[])), []);
    assert_eq!(values(&Book::at(0).model(103, &[])), [], "a night of an SMA");
}

#[test]
fn what_was_reported_and_is_not_any_more_is_invalid() {
    let all = |book: &Book| {
        let mut blocks = book.blocks();
        let sources = choose(&mut blocks);
        readings(&blocks, sources, &|_| Some(Timestamp::UNIX_EPOCH)).0
    };
    let mut reported = Reported::default();
    let mut day = all(&legacy());
    let count = day.len();
    reported.complete(&mut day, Timestamp::UNIX_EPOCH, &|_| false);
    assert_eq!(day.len(), count, "nothing is made up");
    let mut night = all(&Book::at(0).model(103, &[]));
    reported.complete(&mut night, Timestamp::UNIX_EPOCH, &|_| false);
    assert_eq!(night.len(), count);
    assert!(night.iter().all(|r| r.quality == Quality::Invalid && r.value.is_nan()), "{night:?}");
}

fn meter(sign: crate::device_map::MeterSign) -> Book {
    let points = [
        ("W", 1500),
        ("W_SF", 0),
        ("VAR", -200),
        ("VAR_SF", 0),
        ("A", 65),
        ("A_SF", -1),
        ("PhVphAB", 4000),
        ("PhVphBC", 4000),
        ("PhVphCA", 4000),
        ("V_SF", -1),
        ("TotWhExp", 111),
        ("TotWhImp", 222),
        ("TotWh_SF", 0),
    ];
    let mut book = Book::at(0).identity("M").model(203, &points);
    book.options.meter_sign = sign;
    book
}

#[test]
fn a_meter_reports_what_it_takes_from_the_grid_as_negative() {
    use crate::device_map::MeterSign;
    let book = meter(MeterSign::ImportPositive);
    assert_eq!(value(&book, Quantity::ActivePower), Some(-1500.0));
    assert_eq!(value(&book, Quantity::ReactivePower), Some(200.0));
    assert_eq!(value(&book, Quantity::Current), Some(6.5));
    assert_eq!(value(&book, Quantity::EnergyInjected), Some(111.0));
    assert_eq!(value(&book, Quantity::EnergyAbsorbed), Some(222.0));
    assert!((value(&book, Quantity::Voltage).unwrap() - 230.94).abs() < 0.01, "between phases");
    let book = meter(MeterSign::ExportPositive);
    assert_eq!(value(&book, Quantity::ActivePower), Some(1500.0));
    assert_eq!(value(&book, Quantity::EnergyInjected), Some(111.0));
    let floating = Book::at(0).model(213, &[("W", 0x44BB_8000), ("PhV", 0x4366_0000)]);
    assert_eq!(value(&floating, Quantity::ActivePower), Some(-1500.0));
    assert_eq!(value(&floating, Quantity::Voltage), Some(230.0));
    let idle = Book::at(0).model(201, &[("W", 0), ("W_SF", 0)]);
    assert!(value(&idle, Quantity::ActivePower).unwrap().is_sign_positive(), "no minus before 0");
}

#[test]
fn an_inverter_goes_before_a_meter_beside_it() {
    let book = meter(crate::device_map::MeterSign::ImportPositive).model(103, &[("W", 5), ("W_SF", 0)]);
    assert_eq!(choose(&mut book.blocks()).measuring, Some(103));
}

#[test]
fn the_dc_side_is_the_sum_of_what_is_valid() {
    let strings =
        [("N", 3), ("DCW_SF", 1), ("module[0].DCW", 100), ("module[2].DCW", 50), ("module[3].DCW", 999)];
    let unused = |mut book: Book| {
        book.set(160, "module[1].DCW", 0xFFFF);
        book
    };
    let book = unused(legacy().longer(160, 8 + 80, &strings));
    assert_eq!(value(&book, Quantity::DcPower), Some(1500.0), "an unused string voids nothing; N counts");
    let mut blocks = book.blocks();
    assert_eq!(choose(&mut blocks).direct, Some(160));
    assert_eq!(blocks.get(160).unwrap().class, Class::Fast);
    let mut both = unused(legacy().longer(160, 8 + 80, &strings));
    both.set(103, "DCW", 1480);
    both.set(103, "DCW_SF", 0);
    assert_eq!(value(&both, Quantity::DcPower), Some(1480.0), "the inverter knows it by itself");
    let mut blocks = both.blocks();
    choose(&mut blocks);
    assert_eq!(blocks.get(160).unwrap().class, Class::OnDemand, "not read twice");
    let ports = [("NPrt", 2), ("DCW", 0x8000), ("DCW_SF", 1), ("Prt[0].DCW", -30), ("Prt[1].DCW", 10)];
    let book = newer().longer(714, 18 + 50, &ports);
    assert_eq!(value(&book, Quantity::DcPower), Some(-200.0));
    let unscaled = newer().longer(714, 18 + 50, &[("NPrt", 2), ("DCW", 3), ("DCW_SF", 0x8000)]);
    assert_eq!(value(&unscaled, Quantity::DcPower), None);
}

#[test]
fn a_string_that_was_not_read_this_time_is_not_summed() {
    let one = [("N", 1), ("DCW_SF", 0), ("module[0].DCW", 100)];
    let mut blocks = legacy().longer(160, 28, &one).longer(160, 28, &one).blocks();
    let sources = choose(&mut blocks);
    let now = Timestamp::UNIX_EPOCH;
    let power = |blocks: &Blocks| {
        let (all, _) = readings(blocks, sources, &|_| Some(now));
        all.iter().find(|r| r.quantity == Quantity::DcPower).unwrap().value
    };
    assert_eq!(power(&blocks), 200.0);
    let before = now - jiff::SignedDuration::from_secs(1);
    blocks.list.last_mut().unwrap().asked_at = Some(before);
    assert_eq!(power(&blocks), 100.0);
    let last = blocks.list.last_mut().unwrap();
    (last.asked_at, last.fault) = (Some(now), Some("busy".into()));
    assert_eq!(power(&blocks), 100.0);
}

#[test]
fn the_energy_counter_that_was_chosen_is_kept() {
    let both = |wh: i64| Book::at(0).model(103, &[("W", 1), ("W_SF", 0), ("WH", wh), ("WH_SF", 0)]);
    let book = both(0).model(122, &[("ActWh", 999)]);
    let mut blocks = book.blocks();
    let mut sources = choose(&mut blocks);
    assert_eq!(sources.energy, Some(122), "103 counts nothing");
    let mut later = both(500).model(122, &[("ActWh", 1000)]).blocks();
    sources.add_found(&mut later);
    sources.choose_again(&mut later);
    assert_eq!(sources.energy, Some(122));
    assert_eq!(choose(&mut later).energy, Some(103));
    let gone = &mut both(500).blocks();
    sources.choose_again(gone);
    assert_eq!(sources.energy, Some(103), "the device has it no more");
}

#[test]
fn another_measuring_model_takes_over_while_the_first_says_nothing() {
    let book = |w: &[(&str, i64)]| Book::at(0).model(701, w).model(103, &[("W", 7), ("W_SF", 0)]);
    let mut day = book(&[("W", 8), ("W_SF", 0)]).blocks();
    let mut sources = choose(&mut day);
    assert_eq!((sources.measuring, day.get(103).unwrap().class), (Some(701), Class::OnDemand));
    let mut mute = book(&[]).blocks();
    assert!(sources.mute(&mute));
    // What 103 said long ago is no reason.
    let ours = mute.list[0].read_at.unwrap();
    mute.list[0].read_at = Some(ours + 2 * RECENT);
    sources.add_found(&mut mute);
    assert_eq!((sources.measuring, mute.get(103).unwrap().class), (Some(701), Class::Normal));
    mute.list[0].read_at = Some(ours);
    sources.add_found(&mut mute);
    assert_eq!((sources.measuring, mute.get(103).unwrap().class), (Some(103), Class::Fast));
}

#[test]
fn no_storage_has_no_state_of_charge() {
    let battery = |points: &[(&str, i64)]| value(&Book::at(0).model(713, points), Quantity::StateOfCharge);
    assert_eq!(battery(&[("SoC", 0), ("Pct_SF", 0)]), None);
    assert_eq!(battery(&[("SoC", 0), ("Pct_SF", 0), ("WHRtg", 0), ("WH_SF", 0)]), None);
    assert_eq!(battery(&[("SoC", 0), ("Pct_SF", 0), ("WHRtg", 9), ("WH_SF", 0)]), Some(0.0), "empty");
}

#[test]
fn an_inverter_at_night_that_keeps_its_counter_reports_only_that() {
    let mut book = Book::at(0).model(103, &[("WH", 4711), ("WH_SF", 0x8000)]);
    let mut blocks = book.blocks();
    let sources = choose(&mut blocks);
    let (none, faults) = readings(&blocks, sources, &|_| Some(Timestamp::UNIX_EPOCH));
    assert!(none.is_empty() && faults.is_empty(), "its scale factor sleeps too: {none:?}");
    book.set(103, "WH_SF", 0);
    assert_eq!(values(&book), [(Quantity::EnergyInjected, 4711.0)]);
    assert!(speechless(103, &book.blocks().sample(103).unwrap()));
}

#[test]
fn rest_is_told_by_power_before_state() {
    let rests = |points: &[(&str, i64)]| {
        let mut blocks = Book::at(0)
            .model(103, &[&[("W_SF", 0), ("PhVphA", 230), ("V_SF", 0)][..], points].concat())
            .model(120, &[("DERTyp", 4), ("WRtg", 10_000), ("WRtg_SF", 0)])
            .model(123, &[("Conn", 1)])
            .blocks();
        let sources = choose(&mut blocks);
        assert!(!stores(&blocks, sources));
        quiet(&blocks, sources, &[])
    };
    assert_eq!(rests(&[("W", 99), ("St", 4)]), Some(true), "under 1 %");
    assert_eq!(rests(&[("W", 101), ("St", 2)]), Some(false), "a state that lies");
    assert_eq!(rests(&[("St", 2)]), Some(true));
    assert_eq!(rests(&[("St", 4)]), None);
    assert_eq!(rests(&[("W", 0), ("St", 7)]), Some(false), "a fault is no night");
    let mut told = Book::at(0).model(103, &[("W", 0), ("W_SF", 0)]).model(123, &[("Conn", 0)]).blocks();
    let sources = choose(&mut told);
    assert_eq!(quiet(&told, sources, &[]), Some(false), "it was told to stop");
    assert_eq!(quiet(&told, sources, &[123]), Some(true), "123 does not show what holds");
    let mut battery = storage().blocks();
    let sources = choose(&mut battery);
    assert!(stores(&battery, sources));
}

#[test]
fn counters_of_a_model_that_measured_first_are_still_read_when_another_measures() {
    let older = [("W", 7), ("W_SF", 0), ("WH", 50), ("WH_SF", 0), ("DCW", 8), ("DCW_SF", 0)];
    let book = |w: &[(&str, i64)]| Book::at(0).model(701, w).model(103, &older);
    let mut dusk = book(&[]).blocks();
    let mut sources = choose(&mut dusk);
    assert_eq!((sources.measuring, sources.energy, sources.direct), (Some(103), Some(103), Some(103)));
    let mut day = book(&[("W", 9), ("W_SF", 0), ("TotWhInj", 60), ("TotWh_SF", 0)]).blocks();
    sources.choose_again(&mut day);
    assert_eq!((sources.measuring, sources.energy), (Some(701), Some(103)));
    assert_eq!(day.get(103).unwrap().class, Class::Normal);
    let (all, _) = readings(&day, sources, &|_| Some(Timestamp::UNIX_EPOCH));
    let of =
        |quantity| all.iter().filter(move |r| r.quantity == quantity).map(|r| r.value).collect::<Vec<_>>();
    assert_eq!(of(Quantity::ActivePower), [9.0]);
    assert_eq!(of(Quantity::EnergyInjected), [50.0]);
    assert_eq!(of(Quantity::DcPower), [8.0]);
}
