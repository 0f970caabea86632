//! Associations against an outstation on a real socket.

use crate::device_map::dnp3::{
    AnalogNumber, At, Operate, PointKind, ReadPlan, SessionOptions, TimeSync, Unsolicited,
};
use crate::southbound::Dnp3Addresses;
use crate::southbound::dnp3::field::{
    Field, Identity, Indications, LinkState, News, OperateError, Operation, Output, Part, ReadError, Refusal,
    Source, Status,
};
use crate::southbound::dnp3::peer::{ADDRESSES, Desktop, Flow, Pipe, Station, place, session, set};
use dnp3::app::control::CommandStatus;
use dnp3::app::measurement::Time;
use std::sync::atomic::Ordering;

const AI: PointKind = PointKind::AnalogInput;

fn at(kind: PointKind, index: u16) -> At {
    At { kind, index }
}

#[tokio::test]
async fn everything_is_read_once_in_one_piece_and_then_events_come_by_themselves() {
    let station = Station::new().await;
    let mut desk = Desktop::to(&[station.at]).await;
    desk.is(News::Link(LinkState::Up)).await;
    let all = desk.values(Source::Integrity).await;
    assert_eq!(all.iter().filter(|seen| seen.at.kind == AI).count(), 300, "over several fragments");
    let ai7 = all.iter().find(|seen| seen.at == at(AI, 7)).unwrap();
    assert_eq!((ai7.raw, ai7.flags, ai7.stamp, ai7.event), (7.0, 1, None, false));
    let bi0 = all.iter().find(|seen| seen.at == at(PointKind::BinaryInput, 0)).unwrap();
    assert_eq!((bi0.raw, bi0.flags), (0.0, 1), "packed, so without flags: that counts as ONLINE");
    // It had just been started, so its restart bit was set.
    desk.is(News::Restarted).await;

    station.switch(true, Time::synchronized(1_700_000_000_123));
    let seen = desk.values(Source::Unsolicited).await;
    let bi0 = seen.iter().find(|seen| seen.at == at(PointKind::BinaryInput, 0)).unwrap();
    let stamp = bi0.stamp.unwrap();
    assert_eq!((bi0.raw, bi0.flags, bi0.event), (1.0, 1, true), "the state is no flag");
    assert_eq!((stamp.at.as_millisecond(), stamp.synchronised), (1_700_000_000_123, true));

    station.switch(false, Time::unsynchronized(0));
    let seen = desk.values(Source::Unsolicited).await;
    assert_eq!(seen[0].stamp, None, "a time of 1970 is none");
}

#[tokio::test]
async fn a_read_gives_its_parts_and_an_outstation_that_may_not_report_is_polled() {
    let station = Station::new().await;
    let session = SessionOptions { unsolicited: Unsolicited::Off, ..session() };
    let mut desk = Desktop::with(place(&[station.at]), &session, ADDRESSES).await;
    desk.values(Source::Integrity).await;
    station.change(41.0);
    station.change(42.0);
    let seen = desk.outstation.read(&[Part::Events, Part::Range(AI, 5, 6)]).await.unwrap();
    let values: Vec<_> = seen.iter().map(|seen| (seen.at.index, seen.raw, seen.event)).collect();
    // Somebody may have read the events before, because the outstation said that it has some.
    assert!(values.ends_with(&[(5, 5.0, false), (6, 6.0, false)]), "{values:?}");
    let unknown = desk.outstation.read(&[Part::Range(PointKind::Counter, 0, 9)]).await;
    assert!(matches!(unknown, Ok(_) | Err(ReadError::Refused(Refusal { .. }))), "{unknown:?}");
}

#[tokio::test]
async fn a_restart_is_told_after_everything_was_read_again() {
    let station = Station::new().await;
    let mut desk = Desktop::to(&[station.at]).await;
    desk.is(News::Restarted).await;
    let here = station.unplug().await;
    desk.down().await;
    let again = Station::at(here, std::sync::Arc::default()).await;
    desk.is(News::Link(LinkState::Up)).await;
    desk.values(Source::Integrity).await;
    desk.is(News::Restarted).await;
    drop(again);
}

#[tokio::test]
async fn the_time_is_set_when_it_is_asked_for() {
    let station = Station::new().await;
    station.desk.need_time.store(true, Ordering::Relaxed);
    let mut desk = Desktop::to(&[station.at]).await;
    desk.until(|news| match news {
        News::Indications(now) => now.need_time.then_some(()),
        _ => None,
    })
    .await;
    desk.values(Source::Integrity).await;
    while station.desk.need_time.load(Ordering::Relaxed) {
        desk.ai0().await;
    }
    desk.ai0().await;
    desk.is(News::Indications(Indications::default())).await;
    assert_eq!(station.desk.times.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_outstation_that_asks_for_the_time_and_refuses_it_starves_nothing() {
    let station = Station::new().await;
    station.desk.need_time.store(true, Ordering::Relaxed);
    station.desk.refuse_time.store(true, Ordering::Relaxed);
    let mut desk = Desktop::to(&[station.at]).await;
    let words = desk
        .until(|news| match news {
            News::TaskFailed("setting its clock", words) if words.contains("three times") => {
                Some(words.clone())
            }
            _ => None,
        })
        .await;
    assert!(words.contains("not to be trusted"), "{words}");
    // From here on it reports by itself, which comes after the time in a start.
    desk.values(Source::Integrity).await;
    station.change(77.0);
    let seen = desk.values(Source::Unsolicited).await;
    assert_eq!(seen[0].raw, 77.0);
    assert_eq!(station.desk.times.load(Ordering::Relaxed), 3, "and it is left alone");
}

#[tokio::test]
async fn a_clock_that_is_not_to_be_set_is_not() {
    let station = Station::new().await;
    station.desk.need_time.store(true, Ordering::Relaxed);
    let session = SessionOptions { time_sync: TimeSync::Off, ..session() };
    let mut desk = Desktop::with(place(&[station.at]), &session, ADDRESSES).await;
    desk.values(Source::Integrity).await;
    station.change(1.5);
    desk.values(Source::Unsolicited).await;
    assert_eq!(station.desk.times.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn lost_events_make_everything_be_read_again() {
    let station = Station::new().await;
    let session = SessionOptions { unsolicited: Unsolicited::Off, ..session() };
    let mut desk = Desktop::with(place(&[station.at]), &session, ADDRESSES).await;
    desk.values(Source::Integrity).await;
    desk.is(News::Restarted).await;
    // Its buffer holds four.
    station.handle.transaction(|db| {
        for n in 0..9_u8 {
            set(db, f64::from(n) + 100.0);
        }
    });
    desk.ai0().await;
    desk.until(|news| matches!(news, News::Indications(now) if now.overflow).then_some(())).await;
    let all = desk.values(Source::Integrity).await;
    assert!(all.iter().any(|seen| seen.at == at(AI, 299)), "all of it");
    assert!(all.iter().any(|seen| seen.at == at(AI, 0) && seen.raw == 108.0));
}

#[tokio::test]
async fn an_outstation_read_by_ranges_is_never_asked_for_all() {
    let station = Station::new().await;
    let session = SessionOptions { read: ReadPlan::Ranges, ..session() };
    let mut desk = Desktop::with(place(&[station.at]), &session, ADDRESSES).await;
    desk.is(News::ReadRanges).await;
    assert_eq!(desk.ai0().await, 0.0);
    desk.is(News::Restarted).await;
    station.change(5.0);
    let seen = desk.values(Source::Unsolicited).await;
    assert_eq!(
        seen.iter().map(|seen| seen.raw).collect::<Vec<_>>(),
        [5.0],
        "it reports by itself all the same"
    );
}

#[tokio::test]
async fn silence_makes_the_connection_be_made_anew() {
    let station = Station::new().await;
    let pipe = Pipe::to(station.at).await;
    let mut desk = Desktop::to(&[pipe.at]).await;
    desk.values(Source::Integrity).await;
    let made = pipe.made.load(Ordering::Relaxed);
    pipe.flow.send_replace(Flow::Swallow);
    assert_eq!(desk.outstation.read(&[Part::Events]).await, Err(ReadError::Silent));
    let words = desk.down().await;
    assert!(words.contains("does not answer any more"), "{words}");
    pipe.flow.send_replace(Flow::Pass);
    desk.values(Source::Integrity).await;
    assert!(pipe.made.load(Ordering::Relaxed) > made);
}

#[tokio::test]
async fn a_wrong_link_address_is_a_silent_outstation() {
    let station = Station::new().await;
    let wrong = Dnp3Addresses { outstation: 11, ..ADDRESSES };
    let mut desk = Desktop::with(place(&[station.at]), &session(), wrong).await;
    let words = desk.down().await;
    assert!(words.contains("outstation 11") && words.contains("link addresses"), "{words}");
    assert_eq!(desk.outstation.silence(), words, "the device task says the same");
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_no_answer() {
    let station = Station::new().await;
    let pipe = Pipe::to(station.at).await;
    let mut desk = Desktop::to(&[pipe.at]).await;
    desk.values(Source::Integrity).await;
    pipe.flow.send_replace(Flow::CutAfter(20));
    let cut = desk.outstation.read(&[Part::Range(AI, 0, 50)]).await;
    assert!(matches!(cut, Err(ReadError::NoConnection(_))), "{cut:?}");
    desk.down().await;
    pipe.flow.send_replace(Flow::Pass);
    desk.values(Source::Integrity).await;
    assert_eq!(desk.ai0().await, 0.0);
}

#[tokio::test]
async fn a_dead_outstation_on_a_shared_channel_costs_the_other_one_nothing() {
    let station = Station::new().await;
    let mut desk = Desktop::to(&[station.at]).await;
    desk.values(Source::Integrity).await;
    let dead = Dnp3Addresses { outstation: 11, ..ADDRESSES };
    let mut other = Desktop::on(desk.channel.clone(), &session(), dead).await;
    let words = other.down().await;
    assert!(words.contains("does not answer"), "{words}");
    assert_eq!(other.outstation.read(&[Part::Events]).await, Err(ReadError::Silent), "at once");
    let not_sent = other.outstation.operate(&[number(0, 1.0, Operate::Direct)]).await;
    assert!(matches!(not_sent, Err(OperateError::NotSent(_))), "{not_sent:?}");
    assert_eq!(desk.ai0().await, 0.0);
    assert_eq!(desk.channel.state(), LinkState::Up);
    assert!(desk.news.try_recv().is_err() || desk.outstation.read(&[Part::Events]).await.is_ok());
}

fn number(index: u16, value: f64, how: Operate) -> Operation {
    let value = Output::Number(value, AnalogNumber::Int32);
    Operation { at: at(PointKind::AnalogOutput, index), value, how }
}

fn latch(index: u16, on: bool, how: Operate) -> Operation {
    Operation { at: at(PointKind::BinaryOutput, index), value: Output::Latch(on), how }
}

#[tokio::test]
async fn outputs_are_operated_as_asked_and_refusals_are_told() {
    let station = Station::new().await;
    let mut desk = Desktop::to(&[station.at]).await;
    desk.values(Source::Integrity).await;
    let field = &desk.outstation;
    field.operate(&[number(88, 800.0, Operate::Direct)]).await.unwrap();
    field.operate(&[latch(17, true, Operate::Select)]).await.unwrap();
    field.operate(&[latch(17, false, Operate::Direct), number(3, -1.5, Operate::Direct)]).await.unwrap();
    let small =
        Operation { value: Output::Number(-7.0, AnalogNumber::Int16), ..number(4, 0.0, Operate::Direct) };
    let float =
        Operation { value: Output::Number(0.5, AnalogNumber::Float32), ..number(5, 0.0, Operate::Direct) };
    field.operate(&[small, float]).await.unwrap();
    for (on, trip_close) in [(true, true), (false, true), (true, false), (false, false)] {
        let value = Output::Pulse { on, trip_close, ms: 250 };
        field.operate(&[Operation { value, ..latch(9, on, Operate::Direct) }]).await.unwrap();
    }
    let commands = std::mem::take(&mut *station.desk.commands.lock().unwrap());
    let wanted = [
        "direct 88 i32 800",
        "select 17 on x1",
        "operate 17 on x1",
        "direct 17 off x1",
        "direct 3 i32 -2",
        "direct 4 i16 -7",
        "direct 5 f32 0.5",
        "direct 9 PulseOn Close 250 ms x1",
        "direct 9 PulseOn Trip 250 ms x1",
        "direct 9 PulseOn Nul 250 ms x1",
        "direct 9 PulseOff Nul 250 ms x1",
    ];
    assert_eq!(commands, wanted);

    for (status, code) in
        [(CommandStatus::Local, 7), (CommandStatus::OutOfRange, 12), (CommandStatus::HardwareError, 6)]
    {
        station.desk.operate.lock().unwrap().push(status);
        let refused = field.operate(&[number(88, 1.0, Operate::Direct)]).await;
        assert_eq!(refused, Err(OperateError::Status(Status(code))));
    }
    station.desk.select.lock().unwrap().push(CommandStatus::Blocked);
    station.desk.commands.lock().unwrap().clear();
    let refused = field.operate(&[latch(17, true, Operate::Select)]).await;
    assert_eq!(refused, Err(OperateError::Status(Status(15))));
    assert_eq!(*station.desk.commands.lock().unwrap(), ["select 17 on x1"], "nothing is operated then");
}

#[tokio::test]
async fn outputs_that_cannot_be_sent_are_not() {
    let station = Station::new().await;
    let mut desk = Desktop::to(&[station.at]).await;
    desk.values(Source::Integrity).await;
    let field = &desk.outstation;
    let wide =
        Operation { value: Output::Number(40_000.0, AnalogNumber::Int16), ..number(4, 0.0, Operate::Direct) };
    let cases = [
        vec![number(1, 3.0e9, Operate::Direct)],
        vec![number(1, f64::NAN, Operate::Direct)],
        vec![wide],
        vec![Operation { at: at(AI, 1), ..number(1, 1.0, Operate::Direct) }],
        vec![Operation { at: at(PointKind::BinaryOutput, 1), ..number(1, 1.0, Operate::Direct) }],
        vec![number(1, 1.0, Operate::Direct), number(2, 1.0, Operate::Select)],
    ];
    for case in cases {
        let result = field.operate(&case).await;
        assert!(matches!(result, Err(OperateError::NotSent(_))), "{case:?}: {result:?}");
    }
    assert!(station.desk.commands.lock().unwrap().is_empty());
    field.operate(&[]).await.unwrap();
}

#[tokio::test]
async fn what_was_sent_and_not_answered_is_not_known() {
    let station = Station::new().await;
    let pipe = Pipe::to(station.at).await;
    let mut desk = Desktop::to(&[pipe.at]).await;
    desk.values(Source::Integrity).await;
    pipe.flow.send_replace(Flow::Swallow);
    let result = desk.outstation.operate(&[number(1, 1.0, Operate::Direct)]).await;
    assert_eq!(result, Err(OperateError::NoAnswer));
    assert_eq!(*station.desk.commands.lock().unwrap(), ["direct 1 i32 1"], "it was done all the same");
    desk.down().await;
    let result = desk.outstation.operate(&[number(1, 2.0, Operate::Direct)]).await;
    assert!(matches!(result, Err(OperateError::NotSent(_) | OperateError::NoAnswer)), "{result:?}");
    assert_eq!(
        station.desk.commands.lock().unwrap().len(),
        1 + usize::from(result == Err(OperateError::NoAnswer))
    );
}

#[tokio::test]
async fn an_outstation_without_attributes_tells_nothing_of_itself() {
    let station = Station::new().await;
    let mut desk = Desktop::to(&[station.at]).await;
    desk.values(Source::Integrity).await;
    assert_eq!(desk.outstation.identity().await, Ok(Identity::default()));
    station.handle.transaction(|db| {
        use dnp3::app::attr::{AttrProp, StringAttr};
        let serial = StringAttr::DeviceSerialNumber.with_value("SN 7");
        db.define_attr(AttrProp::default(), serial).unwrap();
    });
    let serial = Some("SN 7".to_owned());
    assert_eq!(desk.outstation.identity().await, Ok(Identity { serial, ..Identity::default() }));
}

#[tokio::test]
async fn local_control_is_told_when_it_begins_and_when_it_ends() {
    let station = Station::new().await;
    let mut desk = Desktop::to(&[station.at]).await;
    desk.values(Source::Integrity).await;
    station.desk.local.store(true, Ordering::Relaxed);
    desk.ai0().await;
    desk.is(News::Indications(Indications { local: true, ..Indications::default() })).await;
    station.desk.local.store(false, Ordering::Relaxed);
    desk.ai0().await;
    desk.is(News::Indications(Indications::default())).await;
}
