//! Several outstations on one channel: what one that is silent costs the others.

use super::*;
use crate::device_map::dnp3::{AnalogNumber, At, Operate, PointKind, SessionOptions};
use crate::southbound::dnp3::field::{OperateError, Operation, Output};
use crate::southbound::dnp3::peer::PATIENCE;
use tokio::time::{Instant, timeout};

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

/// What is waited for comes, in test time.
async fn within<T>(what: &str, wait: impl Future<Output = T>) -> T {
    timeout(Duration::from_mins(1), wait).await.unwrap_or_else(|_| panic!("no {what}"))
}

/// Waits until so many more frames went to an outstation.
async fn looked_for(rig: &Multidrop, outstation: Dnp3Addresses, frames: usize) {
    let wanted = rig.frames_to(outstation.outstation) + frames;
    within("look", async {
        while rig.frames_to(outstation.outstation) < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
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
        looked_for(&rig, FAR, 2).await;
        while let Ok(news) = far.news.try_recv() {
            assert_ne!(news, News::Link(LinkState::Up), "nobody there");
        }
    };
    tokio::select! {
        () = chatter => {}
        () = lost => {}
    }
}

/// A dead outstation that has cost a lot owes a lot. A healthy one that misses one answer to noise owes nothing of that.
#[tokio::test]
async fn the_debt_of_a_lost_one_does_not_lock_a_neighbour_out_that_misses_one_answer() {
    const DEAD: Dnp3Addresses = Dnp3Addresses { outstation: 12, ..ADDRESSES };
    let rig = Multidrop::of(&[NEAR.outstation, FAR.outstation, DEAD.outstation]).await;
    let channel = channel(rig.at).await;
    let mut near = Desktop::seated(channel.clone(), &session(), NEAR, PATIENCE * 20).await;
    let mut far = Desktop::seated(channel.clone(), &never_lost(), FAR, PATIENCE).await;
    // Ten seconds after each look.
    let mut dead = Desktop::seated(channel, &session(), DEAD, PATIENCE * 4).await;
    near.channel.enable().await;
    for desk in [&mut near, &mut far, &mut dead] {
        desk.values(Source::Integrity).await;
    }
    rig.kill(DEAD.outstation);
    assert_eq!(dead.outstation.read(&[Part::Events]).await, Err(ReadError::Silent));
    dead.down().await;
    looked_for(&rig, DEAD, 1).await;
    while near.channel.0.line.is_looking() {
        near.ai0().await;
    }
    rig.kill(FAR.outstation);
    assert_eq!(far.outstation.read(&[Part::Events]).await, Err(ReadError::Silent));
    rig.revive(FAR.outstation);
    let missed = Instant::now();
    far.values(Source::Integrity).await;
    assert!(missed.elapsed() < PATIENCE * 16, "{:?}", missed.elapsed());
}

#[tokio::test]
async fn what_is_read_for_a_command_does_not_wait_until_a_silent_one_was_looked_for() {
    let (rig, near, mut far) = one_of_two_silent().await;
    while near.channel.0.line.is_looking() {
        near.ai0().await;
    }
    // So nobody is looked for.
    let _near = near.outstation.under_way();
    let under_way = far.outstation.under_way();
    let read = within("answer", far.outstation.read(&[Part::Events])).await;
    assert_eq!(read, Err(ReadError::Silent));
    drop((under_way, _near));
    rig.revive(FAR.outstation);
    far.values(Source::Integrity).await;
    let _under_way = far.outstation.under_way();
    far.outstation.read(&[Part::Events]).await.unwrap();
}

/// The stack does not look at who says that the link stands.
#[tokio::test]
async fn the_late_answer_of_a_neighbour_does_not_revive_a_dead_one() {
    let rig = Multidrop::of(&[NEAR.outstation, FAR.outstation]).await;
    let channel = channel(rig.at).await;
    let mut near = Desktop::seated(channel.clone(), &session(), NEAR, PATIENCE * 20).await;
    let mut far = Desktop::seated(channel, &session(), FAR, PATIENCE).await;
    near.channel.enable().await;
    near.values(Source::Integrity).await;
    far.values(Source::Integrity).await;
    rig.kill(FAR.outstation);
    assert_eq!(far.outstation.read(&[Part::Events]).await, Err(ReadError::Silent));
    far.down().await;
    rig.answer_once(FAR.outstation, NEAR.outstation);
    looked_for(&rig, FAR, 3).await;
    assert!(rig.has_answered(), "the neighbour's was heard");
    while let Ok(news) = far.news.try_recv() {
        assert_ne!(news, News::Link(LinkState::Up), "nobody there");
    }
    rig.revive(FAR.outstation);
    far.is(News::Link(LinkState::Up)).await;
}

#[tokio::test]
async fn a_long_look_gives_way_to_a_command_to_a_neighbour() {
    let rig = Multidrop::of(&[NEAR.outstation, FAR.outstation]).await;
    rig.kill(FAR.outstation);
    let channel = channel(rig.at).await;
    let mut near = Desktop::seated(channel.clone(), &session(), NEAR, PATIENCE * 20).await;
    let mut far = Desktop::seated(channel, &never_lost(), FAR, Duration::from_mins(1)).await;
    near.channel.enable().await;
    near.values(Source::Integrity).await;
    // The first look takes two seconds, the second one may take four.
    within("second look", async {
        while rig.frames_to(FAR.outstation) < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(near.channel.0.line.is_looking());
    let begun = Instant::now();
    let under_way = near.outstation.under_way();
    near.outstation.operate(&[number()]).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    drop(under_way);
    rig.revive(FAR.outstation);
    far.values(Source::Integrity).await;
}
