//! Ways of writing, interlocks, and the heartbeat.

use super::*;
use crate::der::{Excitation, PowerFactor};
use crate::device_map::registers::CommandName;
use crate::southbound::testing::trace::frame;

#[tokio::test]
async fn single_registers_only() {
    let single = |map: &mut DeviceMap| map.sunspec.write_function = WriteFunction::Single;
    let expected = "
        > limit active power to 4800 W
        6 40075: 0258
        6 40076: 0000
        6 40077: 005A
        6 40078: 0000
        6 40079: 0001
        = applied, bounded";
    check("123", &inverter(&LIMIT_123), single, None, vec![limit(4800.0)], expected).await;
    let watts = [("WSetEna", 0), ("WSetMod", 1), ("WSet", 0), ("WSet_SF", 0)];
    let expected = "
        > set active power to 100 W
        = refused: 704.WSet has 2 registers, and the device map allows single registers only (FC 6): it cannot be written
        > limit active power to 4800 W
        6 40085: 0258
        6 40086: 03E8
        6 40087: 0000
        6 40084: 0001
        = applied";
    let book = der(&[&watts[..], &LIMIT_704[..]].concat());
    check("704", &book, single, None, vec![set(100.0), limit(4800.0)], expected).await;
}

#[tokio::test]
async fn a_group_that_must_go_whole_is_refused_where_only_single_registers_go() {
    let single = |map: &mut DeviceMap| map.sunspec.write_function = WriteFunction::Single;
    let book = der(&[("PFWInjEna", 0), ("PFWInj.PF", 1000), ("PFWInj.Ext", 0), ("PF_SF", -3)]);
    let under = PowerFactor { size: 0.95, excitation: Excitation::Under };
    let expected = "
        > set power factor to 0.95 under-excited
        = refused: 704.PFWInj.PF to 704.PFWInj.Ext must be written in one request, and the device map allows single registers only (FC 6)";
    check("704", &book, single, None, vec![Setpoint::SetPowerFactor(under)], expected).await;
}

#[tokio::test]
async fn several_registers_only() {
    let multiple = |map: &mut DeviceMap| map.sunspec.write_function = WriteFunction::Multiple;
    let refuses = on_write(|_, _| Answer::Exception(2));
    let expected = "
        > disconnect
        16 40074 x1: 0000
        = refused: writing 123.Conn: the point is read-only or not there, or control over Modbus is switched off in the device's menu (exception 2 (illegal data address))";
    check("123", &inverter(&[("Conn", 1)]), multiple, refuses, vec![Setpoint::Disconnect], expected).await;
    let no_single = on_write(|seen, _| if seen.function == 6 { Answer::Silence } else { Answer::Good });
    let expected = "
        > limit active power to 4800 W
        16 40085 x5: 0258 03E8 0000 0000 005A
        16 40084 x1: 0001
        = applied, bounded";
    check("704 (APsystems)", &der(&LIMIT_704), multiple, no_single, vec![limit(4800.0)], expected).await;
}

#[tokio::test]
async fn fc_6_is_tried_once_a_point_where_fc_16_is_refused() {
    let wants_single = || {
        on_write(|seen, _| match (seen.function, seen.words.len()) {
            (16, 1) => Answer::Exception(2),
            _ => Answer::Good,
        })
    };
    let expected = "
        > limit active power to 4800 W
        16 40085 x5: 0258 03E8 0000 0000 005A
        16 40084 x1: 0001
        6 40084: 0001
        = applied, bounded
        > limit active power to 4000 W
        16 40085 x5: 01F4 03E8 0000 0000 005A
        6 40084: 0001
        = applied, bounded";
    let asked = vec![limit(4800.0), limit(4000.0)];
    check("Kostal", &der(&LIMIT_704), as_is, wants_single(), asked, expected).await;
    let no_multiple =
        on_write(|seen, _| if seen.function == 16 { Answer::Exception(1) } else { Answer::Good });
    let expected = "
        > limit active power to 4800 W
        16 40075 x5: 0258 0000 005A 0000 0001
        6 40075: 0258
        6 40076: 0000
        6 40077: 005A
        6 40078: 0000
        6 40079: 0001
        = applied, bounded
        > release active power
        6 40079: 0000
        = applied";
    let asked = vec![limit(4800.0), Setpoint::ReleaseActivePower];
    check("no FC 16", &inverter(&LIMIT_123), as_is, no_multiple, asked, expected).await;
}

#[tokio::test]
async fn a_device_that_never_answers_fc_6_is_not_asked_with_it_again() {
    let mute = on_write(|seen, _| if seen.function == 6 { Answer::Silence } else { Answer::Exception(2) });
    let mut bench = Bench::start(&inverter(&[("Conn", 1)]), as_is).await;
    bench.server.script(mute.unwrap());
    let first = bench.trace(vec![Setpoint::Disconnect]).await;
    assert!(first.contains("6 40074: 0000\n"), "{first}");
    let second = bench.trace(vec![Setpoint::Disconnect]).await;
    assert!(!second.contains("\n6 "), "{second}");
}

#[tokio::test]
async fn local_mode_and_the_device_map_take_commands_away() {
    let local = Book::at(40000).identity("S").model(703, &[("ES", 1)]).model(715, &[("LocRemCtl", 1)]);
    let expected = "
        > disconnect
        = refused: the device is in local mode (715.LocRemCtl); release it at the device";
    check("715", &local, as_is, None, vec![Setpoint::Disconnect], expected).await;
    let local = Book::at(40000).identity("S").model(703, &[("ES", 1)]).model(802, &[("LocRemCtl", 1)]);
    let expected = "
        > disconnect
        = refused: the device is in local mode (802.LocRemCtl); release it at the device";
    check("802", &local, as_is, None, vec![Setpoint::Disconnect], expected).await;
    let disabled = |map: &mut DeviceMap| {
        map.sunspec.disabled = vec![(CommandName::LimitActivePower, "it trips the string fuses".into())];
    };
    let expected = "
        > limit active power to 4800 W
        = refused: the device map takes this command away: it trips the string fuses
        > release active power
        = applied";
    let asked = vec![limit(4800.0), Setpoint::ReleaseActivePower];
    check("disabled", &inverter(&LIMIT_123), disabled, None, asked, expected).await;
}

const HEART: [(&str, i64); 3] = [("LocRemCtl", 0), ("DERHb", 7), ("ControllerHb", 0xFFFF_FFFD)];

fn beating(map: &mut DeviceMap) {
    map.sunspec.heartbeat = true;
}

#[tokio::test]
async fn the_heartbeat_counts_up_every_second_and_never_reads_as_not_implemented() {
    let book = Book::at(40000).identity("S").model(715, &HEART);
    let mut bench = Bench::start(&book, beating).await;
    let server = bench.server.clone();
    let began = tokio::time::Instant::now();
    bench.report(|_| (server.writes().len() >= 3).then_some(())).await;
    assert!(began.elapsed() >= std::time::Duration::from_millis(1900));
    let frames: Vec<String> = server.writes().iter().map(|(f, at, w)| frame(*f, *at, w)).collect();
    assert_eq!(frames[..3], ["16 40075 x2: FFFF FFFE", "16 40075 x2: 0000 0000", "16 40075 x2: 0000 0001"]);
}

#[tokio::test]
async fn a_battery_has_a_heartbeat_of_one_register() {
    let book = Book::at(40000).identity("S").model(802, &[("LocRemCtl", 0), ("Hb", 1), ("CtrlHb", 0xFFFE)]);
    let mut bench = Bench::start(&book, beating).await;
    let server = bench.server.clone();
    bench.report(|_| (server.writes().len() >= 2).then_some(())).await;
    let frames: Vec<String> = server.writes().iter().map(|(f, at, w)| frame(*f, *at, w)).collect();
    assert_eq!(frames[..2], ["16 40089 x1: 0000", "16 40089 x1: 0001"]);
}

#[tokio::test]
async fn a_refused_heartbeat_ends_and_an_unwanted_one_never_begins() {
    let book = Book::at(40000).identity("S").model(715, &HEART);
    let mut bench = Bench::start(&book, beating).await;
    bench.server.script(on_write(|_, _| Answer::Exception(1)).unwrap());
    let server = bench.server.clone();
    bench.report(|_| server.writes().len().ge(&1).then_some(())).await;
    let before = server.writes().len();
    let until = tokio::time::Instant::now() + std::time::Duration::from_millis(2500);
    bench.report(|_| (tokio::time::Instant::now() >= until).then_some(())).await;
    assert!(server.writes().len() <= before + 1, "{:?}", server.writes());
    let mut bench = Bench::start(&book, as_is).await;
    let until = tokio::time::Instant::now() + std::time::Duration::from_millis(1500);
    bench.report(|_| (tokio::time::Instant::now() >= until).then_some(())).await;
    assert_eq!(bench.server.writes(), []);
}

#[tokio::test]
async fn a_device_whose_own_heart_stands_still_is_degraded() {
    let book = Book::at(40000).identity("S").model(103, &[("W", 1), ("W_SF", 0)]).model(715, &HEART);
    let mut bench = Bench::start(&book, beating).await;
    let reason = bench
        .report(|report| match report {
            crate::core::port::Report::State { reason, .. } if reason.contains("stalled") => {
                Some(reason.clone())
            }
            _ => None,
        })
        .await;
    assert_eq!(reason, "device_stalled: 715.DERHb has not moved for 5 s");
}

#[tokio::test]
async fn a_device_without_fc_16_gets_704_in_single_registers_without_what_takes_two() {
    let no_multiple =
        on_write(|seen, _| if seen.function == 16 { Answer::Exception(1) } else { Answer::Good });
    let expected = "
        > set active power to 100 W
        16 40093 x3: 0001 0000 0064
        = refused: 704.WSet has 2 registers, and the device does not know FC 16 (write multiple registers): it cannot be written
        > limit active power to 4800 W
        16 40085 x5: 0258 03E8 0000 0000 005A
        6 40085: 0258
        6 40086: 03E8
        6 40087: 0000
        6 40084: 0001
        = applied
        > limit active power to 4000 W
        6 40085: 01F4
        6 40086: 03E8
        6 40087: 0000
        6 40084: 0001
        = applied
        > release active power
        6 40084: 0000
        = applied";
    let watts = [("WSetEna", 0), ("WSetMod", 1), ("WSet", 0), ("WSet_SF", 0)];
    let book = der(&[&watts[..], &LIMIT_704[..]].concat());
    let asked = vec![set(100.0), limit(4800.0), limit(4000.0), Setpoint::ReleaseActivePower];
    check("704", &book, as_is, no_multiple, asked, expected).await;
}

#[tokio::test]
async fn a_device_that_knows_neither_function_is_asked_with_fc_16_again_the_next_time() {
    let neither = on_write(|_, _| Answer::Exception(1));
    let words = "= refused: writing 704.WMaxLimPct: the device does not accept this way of writing (exception 1 (illegal function))";
    let each = format!(
        "> limit active power to 4800 W
        16 40085 x5: 0258 03E8 0000 0000 005A
        6 40085: 0258
        {words}\n"
    );
    let asked = vec![limit(4800.0), limit(4800.0)];
    check("neither", &der(&LIMIT_704), as_is, neither, asked, &each.repeat(2)).await;
}

#[tokio::test]
async fn one_lost_answer_to_fc_6_does_not_take_it_away() {
    let mut lost = false;
    let loses_one = on_write(move |seen, _| match seen.function {
        16 => Answer::Exception(2),
        _ if !std::mem::replace(&mut lost, true) => Answer::Silence,
        _ => Answer::Good,
    });
    let expected = "
        > disconnect
        16 40074 x1: 0000
        6 40074: 0000
        16 40074 x1: 0000
        6 40074: 0000
        = applied";
    check("123", &inverter(&[("Conn", 1)]), as_is, loses_one, vec![Setpoint::Disconnect], expected).await;
}

#[tokio::test]
async fn a_device_that_is_busy_with_a_write_is_read_back_again() {
    let mut busy = 0;
    let script: Script = Box::new(move |seen, _| {
        match (seen.function, busy) {
            (16, _) => busy = 1,
            (3, 1 | 2) if seen.address > 40070 => {
                busy += 1;
                return Answer::Exception(6);
            }
            _ => {}
        }
        Answer::Good
    });
    let expected = "
        > limit active power to 4800 W
        16 40075 x5: 0258 0000 005A 0000 0001
        = applied, bounded";
    check("123", &inverter(&LIMIT_123), as_is, Some(script), vec![limit(4800.0)], expected).await;
}

#[tokio::test]
async fn a_device_that_is_busy_gets_the_next_heartbeat() {
    let book = Book::at(40000).identity("S").model(715, &HEART);
    let mut bench = Bench::start(&book, beating).await;
    bench.server.script(on_write(|_, _| Answer::Exception(6)).unwrap());
    let (server, before) = (bench.server.clone(), bench.server.writes().len());
    bench.report(|_| (server.writes().len() >= before + 3).then_some(())).await;
}
