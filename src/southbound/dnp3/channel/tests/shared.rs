//! Several outstations on one channel: what one that is silent costs the others.

use super::*;
use crate::device_map::dnp3::{AnalogNumber, At, Operate, PointKind, SessionOptions};
use crate::southbound::dnp3::field::{OperateError, Operation, Output};
use crate::southbound::dnp3::peer::PATIENCE;
use tokio::time::Instant;

const NEAR: Dnp3Addresses = ADDRESSES;
const FAR: Dnp3Addresses = Dnp3Addresses { outstation: 11, ..ADDRESSES };

/// So long something may take until a test gives up, by the clock that all else runs on.
const LIMIT: Duration = Duration::from_mins(2);

/// Never lost, however long it is silent.
fn never_lost() -> SessionOptions {
    SessionOptions { keep_alive: None, lost_after_answers: 1_000, ..session() }
}

async fn channel(at: SocketAddr) -> Channel {
    let options = LinkOptions { connect_timeout: Duration::from_secs(1), ..LinkOptions::default() };
    Channel::open_at(place(&[at]), &options, None, false, pace()).await
}

/// Two that have been found, of which the far one is then silent and has not answered one request.
async fn one_of_two_silent() -> (Multidrop, Desktop, Desktop) {
    let rig = Multidrop::of(&[NEAR.outstation, FAR.outstation]).await;
    let channel = channel(rig.at).await;
    let mut near = Desktop::seated(channel.clone(), &session(), NEAR, PATIENCE * 20).await;
    let mut far = Desktop::seated(channel, &never_lost(), FAR, PATIENCE).await;
    near.channel.enable().await;
    near.values(Source::Integrity).await;
    far.values(Source::Integrity).await;
    rig.kill(FAR.outstation);
    // Something else may have been asked of it before.
    assert_eq!(far.outstation.read(&[Part::Events]).await, Err(ReadError::Silent));
    (rig, near, far)
}

/// Reads the near one until this holds.
async fn until(what: &str, near: &Desktop, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        near.ai0().await;
    }
}

fn number() -> Operation {
    let at = At { kind: PointKind::AnalogOutput, index: 0 };
    Operation { at, value: Output::Number(1.0, AnalogNumber::Int32), how: Operate::Direct }
}

#[tokio::test]
async fn a_gateway_that_starts_with_dead_outstations_finds_their_neighbour_at_once() {
    let rig = Multidrop::of(&[8, 9, NEAR.outstation]).await;
    rig.kill(8);
    rig.kill(9);
    let channel = channel(rig.at).await;
    let mut dead = Vec::new();
    for outstation in [8, 9] {
        let addresses = Dnp3Addresses { outstation, ..ADDRESSES };
        // An answer may take longer than this test.
        let patience = Duration::from_mins(1);
        dead.push(Desktop::seated(channel.clone(), &session(), addresses, patience).await);
    }
    let mut near = Desktop::seated(channel, &session(), NEAR, PATIENCE * 20).await;
    near.channel.enable().await;
    near.values(Source::Integrity).await;
    assert_eq!(near.ai0().await, 0.0);
    assert_eq!(rig.made.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn while_a_command_to_a_neighbour_is_under_way_a_silent_one_is_not_looked_for() {
    let (rig, near, far) = one_of_two_silent().await;
    // One more look is known to come.
    assert_eq!(far.outstation.read(&[Part::Events]).await, Err(ReadError::Silent));
    let under_way = near.outstation.under_way();
    until("the look that was under way is over", &near, || !near.channel.0.line.is_looking()).await;
    let before = rig.frames_to(FAR.outstation);
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE * 12 {
        near.outstation.operate(&[number()]).await.unwrap();
        near.ai0().await;
    }
    assert_eq!(rig.frames_to(FAR.outstation), before);
    drop(under_way);
    until("it is looked for again", &near, || rig.frames_to(FAR.outstation) > before).await;
}

#[tokio::test]
async fn a_silent_one_is_told_so_and_is_not_commanded_until_it_answers() {
    let (rig, near, mut far) = one_of_two_silent().await;
    let refused = far.outstation.operate(&[number()]).await;
    assert!(matches!(refused, Err(OperateError::NotSent(_))), "{refused:?}");
    assert_eq!(far.outstation.read(&[Part::Events]).await, Err(ReadError::Silent), "it was looked for again");
    near.outstation.operate(&[number()]).await.unwrap();
    assert_eq!(*rig.station(0).desk.commands.lock().unwrap(), ["direct 0 i32 1"]);
    rig.revive(FAR.outstation);
    far.values(Source::Integrity).await;
    far.outstation.operate(&[number()]).await.unwrap();
    assert_eq!(rig.made.load(Ordering::Relaxed), 1, "the connection stood all the time");
}

#[tokio::test]
async fn a_neighbour_that_reports_all_the_time_is_not_taken_for_the_lost_one() {
    let rig = Multidrop::of(&[NEAR.outstation, FAR.outstation]).await;
    let channel = channel(rig.at).await;
    let mut near = Desktop::seated(channel.clone(), &session(), NEAR, PATIENCE * 20).await;
    let mut far = Desktop::seated(channel, &session(), FAR, PATIENCE).await;
    near.channel.enable().await;
    near.values(Source::Integrity).await;
    far.values(Source::Integrity).await;
    rig.kill(FAR.outstation);
    let chatter = async {
        for value in 1_u32.. {
            rig.station(0).change(f64::from(value));
            near.values(Source::Unsolicited).await;
        }
    };
    let lost = async {
        let words = far.down().await;
        assert!(words.contains("not answer"), "{words}");
        let looked = rig.frames_to(FAR.outstation) + 2;
        let begun = Instant::now();
        while rig.frames_to(FAR.outstation) < looked {
            assert!(begun.elapsed() < LIMIT, "it is looked for no more");
            tokio::task::yield_now().await;
        }
        while let Ok(news) = far.news.try_recv() {
            assert_ne!(news, News::Link(LinkState::Up), "nobody there");
        }
    };
    tokio::select! {
        () = chatter => {}
        () = lost => {}
    }
}
