//! What the driver says and does when it cannot be sure.

use super::*;
use crate::der::Reading;
use jiff::Timestamp;
use std::sync::Mutex;

fn of(poll: &Poll, quantity: Quantity) -> Option<Reading> {
    poll.readings.iter().find(|r| r.quantity == quantity).copied()
}

impl Rig {
    /// Waits for a poll in which a quantity has this quality.
    async fn quality(&mut self, quantity: Quantity, wanted: Quality) -> Poll {
        self.report("quality", |_, report| match report {
            Report::Poll(poll) if of(poll, quantity).is_some_and(|r| r.quality == wanted) => {
                Some(poll.clone())
            }
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn a_reading_is_dated_before_it_was_asked_for() {
    let server = Server::start(&[(1, &newer())]).await;
    let book = newer();
    let (power, charge) = (book.address(701, "ID"), book.address(713, "ID"));
    let seen: Arc<Mutex<HashMap<u16, Vec<Timestamp>>>> = Arc::default();
    let log = seen.clone();
    server.script(move |request, _| {
        log.lock().unwrap().entry(request.address).or_default().push(Timestamp::now());
        Answer::Good
    });
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    for _ in 0..5 {
        let poll = rig.poll(0).await;
        for (quantity, address) in [(Quantity::ActivePower, power), (Quantity::StateOfCharge, charge)] {
            let at = of(&poll, quantity).unwrap().at;
            let seen = seen.lock().unwrap();
            let answered_by = seen[&address].iter().find(|seen| **seen >= at).expect("asked for later");
            let before = seen[&address].iter().filter(|seen| **seen < *answered_by).max().unwrap();
            assert!(at > *before, "not the time of an older request");
        }
        let (first, second) = (of(&poll, Quantity::ActivePower), of(&poll, Quantity::StateOfCharge));
        assert!(first.unwrap().at < second.unwrap().at, "each block has its own time");
    }
}

#[tokio::test]
async fn a_value_that_is_no_longer_implemented_is_reported_invalid() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.power(0, Some(5000.0)).await;
    let mut night = legacy();
    night.set(103, "W", 0x8000);
    server.state().units.insert(1, night.registers);
    let poll = rig.quality(Quantity::ActivePower, Quality::Invalid).await;
    assert!(of(&poll, Quantity::ActivePower).unwrap().value.is_nan());
    assert_eq!(of(&poll, Quantity::Frequency).unwrap().quality, Quality::Good);
    assert_eq!(of(&poll, Quantity::DcPower), None, "never reported, so not missed");
}

#[tokio::test]
async fn the_values_of_a_refused_block_are_reported_invalid() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.power(0, Some(5000.0)).await;
    server.script(|seen, _| if seen.address == 40070 { Answer::Exception(4) } else { Answer::Good });
    rig.quality(Quantity::ActivePower, Quality::Invalid).await;
    server.script(|_, _| Answer::Good);
    rig.quality(Quantity::ActivePower, Quality::Good).await;
}

#[tokio::test]
async fn one_silent_block_of_a_poll_does_not_take_the_others_with_it() {
    let charge = newer().address(713, "ID");
    let (server, mut rig) = Rig::one(&newer()).await;
    rig.power(0, Some(-2500.0)).await;
    server.script(move |seen, _| if seen.address == charge { Answer::Silence } else { Answer::Good });
    rig.quality(Quantity::StateOfCharge, Quality::Invalid).await;
    let lost = rig
        .report("ten polls", {
            let mut polls = 0;
            move |_, report| match report {
                Report::State { state: DeviceState::CommLost, .. } => Some(true),
                Report::Poll(poll) => {
                    assert_eq!(of(poll, Quantity::ActivePower).unwrap().quality, Quality::Good);
                    polls += 1;
                    (polls == 10).then_some(false)
                }
                _ => None,
            }
        })
        .await;
    assert!(!lost);
    server.script(|_, _| Answer::Good);
    rig.quality(Quantity::StateOfCharge, Quality::Good).await;
}

#[tokio::test]
async fn the_core_hears_of_the_abilities_before_it_hears_that_a_device_is_online() {
    let (_server, mut rig) = Rig::one(&legacy()).await;
    let mut capable = false;
    let told = rig
        .report("online", |_, report| match report {
            Report::Capability(_) => {
                capable = true;
                None
            }
            Report::State { state: DeviceState::Online, .. } => Some(capable),
            _ => None,
        })
        .await;
    assert!(told);
}

#[tokio::test]
async fn a_percentage_is_never_made_of_another_base_when_the_maximum_cannot_be_read_again() {
    let settings = legacy().address(121, "ID");
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.state(0, DeviceState::Online).await;
    server.script(move |seen, _| if seen.address == settings { Answer::Exception(6) } else { Answer::Good });
    let words = loop {
        match rig.command(0, LIMIT).await {
            Outcome::Applied(read) => assert_eq!(read.active_power, Some(Watts::new(4800.0))),
            Outcome::Refused(words) => break words,
            other => panic!("{other:?}"),
        }
    };
    assert!(words.contains("model 121 could not be read before writing"), "{words}");
    assert!(server.writes().iter().all(|(.., words)| words[0] == 600), "60 % of 8000 W, nothing else");
    assert!(matches!(rig.command(0, Setpoint::ReleaseActivePower).await, Outcome::Applied(_)));
}

#[tokio::test]
async fn a_set_point_that_was_enabled_but_not_kept_as_asked_is_undone_by_a_limit() {
    let book = newer();
    let (value, enable) = (book.address(704, "WSetMod"), book.address(704, "WSetEna"));
    let (server, mut rig) = Rig::one(&book).await;
    rig.state(0, DeviceState::Online).await;
    server.script(
        move |seen, _| {
            if is_write(seen) && seen.address == value { Answer::Ignored } else { Answer::Good }
        },
    );
    let set = rig.command(0, Setpoint::SetActivePower(Watts::new(-5000.0))).await;
    assert!(matches!(set, Outcome::NotKept(_)), "{set:?}");
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
    assert_eq!(server.writes().last(), Some(&(16, enable, vec![0])));
}

#[tokio::test]
async fn a_state_of_charge_that_shows_itself_later_is_reported_then() {
    let mut asleep = newer();
    asleep.set(713, "SoC", 0xFFFF);
    let (server, mut rig) = Rig::one(&asleep).await;
    rig.power(0, Some(-2500.0)).await;
    server.state().units.insert(1, newer().registers);
    rig.quality(Quantity::StateOfCharge, Quality::Good).await;
}

#[tokio::test]
async fn texts_too_long_for_a_device_s_reads_do_not_shift_what_follows() {
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|seen, _| if seen.quantity > 10 { Answer::Exception(3) } else { Answer::Good });
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    let plate = rig
        .report("nameplate", |_, report| match report {
            Report::Nameplate(plate) => Some(plate.clone()),
            _ => None,
        })
        .await;
    assert_eq!((plate.manufacturer.as_deref(), plate.version.as_deref()), (None, Some("1.0")));
    rig.power(0, Some(5000.0)).await;
}

#[tokio::test]
async fn a_map_that_never_stands_still_is_scanned_less_and_less_often() {
    let book = Book::at(40000).identity("SN-1").model(103, &[("W", 5), ("W_SF", 0)]);
    let at = book.address(103, "ID");
    let server = Server::start(&[(1, &book)]).await;
    // Its last register reads as an end model, so that the chain ends with either length; the length changes at
    // every second whole read, which is the poll after a discovery.
    server.script({
        let mut reads = 0;
        move |seen, registers| {
            if seen.address == at && seen.quantity > 2 {
                reads += 1;
                registers.insert(at + 51, 0xFFFF);
                if reads % 2 == 0 {
                    let length = registers[&(at + 1)];
                    registers.insert(at + 1, if length == 50 { 49 } else { 50 });
                }
            }
            Answer::Good
        }
    });
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    for _ in 0..3 {
        rig.state(0, DeviceState::Discovering).await;
    }
    let third = Instant::now();
    rig.state(0, DeviceState::Discovering).await;
    assert!(third.elapsed() > Duration::from_millis(450), "{:?}", third.elapsed());
}

#[tokio::test]
async fn a_device_that_is_busy_once_is_not_degraded_and_twice_is() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.state(0, DeviceState::Online).await;
    let measuring = legacy().address(103, "ID");
    let mut asked = 0;
    server.script(move |seen, _| {
        asked += u32::from(seen.address == measuring);
        let busy = seen.address == measuring && (asked == 2 || (10..14).contains(&asked));
        if busy { Answer::Exception(6) } else { Answer::Good }
    });
    let (mut polls, mut first) = (0, None);
    let reason = rig
        .report("degraded", |_, report| match report {
            Report::Poll(poll) => {
                polls += 1;
                let good = of(poll, Quantity::ActivePower).is_some_and(|r| r.quality == Quality::Good);
                first = first.or((!good).then_some(polls));
                None
            }
            Report::State { state: DeviceState::Degraded, reason } => Some(reason.clone()),
            Report::State { state, reason } => panic!("{state:?} {reason}"),
            _ => None,
        })
        .await;
    assert!(reason.contains("exception 6"), "{reason}");
    assert!(polls >= first.unwrap() + 6, "not at the first busy answer: {polls}, {first:?}");
    rig.state(0, DeviceState::Online).await;
}

#[tokio::test]
async fn value_and_scale_factor_of_a_block_read_in_parts_are_never_of_two_answers() {
    let server = Server::start(&[(1, &newer())]).await;
    let book = newer();
    let (scale, power) = (book.address(701, "W_SF"), book.address(701, "W"));
    let mut reads = 0;
    server.script(move |seen, registers| {
        if seen.quantity > 50 && seen.function == 3 {
            return Answer::Exception(3);
        }
        if (seen.address..seen.address + seen.quantity).contains(&scale) {
            reads += 1;
            if reads == 8 {
                // Just now, after the part with the value was read.
                registers.insert(power, 0_u16.wrapping_sub(25));
                registers.insert(scale, 2);
            }
        }
        Answer::Good
    });
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    rig.power(0, Some(-2500.0)).await;
    for _ in 0..12 {
        let power = of(&rig.poll(0).await, Quantity::ActivePower).unwrap();
        assert_eq!((power.value, power.quality), (-2500.0, Quality::Good));
    }
    assert_eq!(server.state().units[&1][&scale], 2, "it did change");
}

#[tokio::test]
async fn long_reads_are_tried_again_when_a_device_comes_back() {
    let server = Server::start(&[(1, &newer())]).await;
    server.script(
        |seen, _| if seen.function == 3 && seen.quantity > 50 { Answer::Exception(3) } else { Answer::Good },
    );
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    rig.power(0, Some(-2500.0)).await;
    server.script(|_, _| Answer::Silence);
    rig.state(0, DeviceState::CommLost).await;
    server.script(|_, _| Answer::Good);
    server.state().seen.clear();
    rig.state(0, DeviceState::Online).await;
    let start = newer().address(701, "ID");
    assert!(server.state().seen.iter().any(|s| s.address == start && s.quantity == 123));
}

/// A device whose registers from here on are not there yet.
fn booting(seen: &Seen, from: u16) -> Answer {
    if seen.address >= from { Answer::Exception(2) } else { Answer::Good }
}

#[tokio::test]
async fn the_controls_of_a_device_found_while_booting_are_found_later() {
    let server = Server::start(&[(1, &legacy())]).await;
    let from = legacy().address(120, "ID");
    server.script(move |seen, _| booting(seen, from));
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    rig.power(0, Some(5000.0)).await;
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Refused(_)), "no controls yet");
    server.script(|_, _| Answer::Good);
    rig.report("a limit", |_, report| match report {
        Report::Capability(c) if c.injection_max.get() > 0.0 => Some(()),
        Report::State { state, .. } => {
            assert!(matches!(state, DeviceState::Discovering | DeviceState::Online), "{state:?}");
            None
        }
        _ => None,
    })
    .await;
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
}

#[tokio::test]
async fn a_chain_without_an_end_is_scanned_once_more_and_then_taken() {
    let mut book = legacy();
    let end = book.address(123, "ID") + 26;
    book.registers.retain(|at, _| *at < end);
    let (server, mut rig) = Rig::one(&book).await;
    rig.power(0, Some(5000.0)).await;
    let scans = || server.state().seen.iter().filter(|s| (s.address, s.quantity) == (40000, 2)).count();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        rig.poll(0).await;
    }
    assert_eq!(scans(), 2);
}

#[tokio::test]
async fn a_chain_broken_off_early_does_not_replace_the_longer_one_that_is_known() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.power(0, Some(5000.0)).await;
    let from = legacy().address(120, "ID");
    let whole = legacy().registers;
    for (at, word) in server.state().units.get_mut(&1).unwrap() {
        *word = if *at >= from { 0 } else { *word };
    }
    let Outcome::Refused(_) = rig.command(0, LIMIT).await else { panic!("not refused") };
    let reason = rig.state(0, DeviceState::Degraded).await;
    assert!(reason.contains("models 120, 121 and 123 cannot be read: the device shows zeros"), "{reason}");
    rig.power(0, Some(5000.0)).await;
    server.state().units.insert(1, whole);
    rig.state(0, DeviceState::Online).await;
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
}
