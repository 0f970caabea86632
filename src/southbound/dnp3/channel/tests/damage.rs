//! What is no frame, and connections that others end.

use super::*;
use crate::southbound::dnp3::peer::Flow;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn what_stands_between_frames_is_passed_over() {
    let station = Station::new().await;
    let pipe = Pipe::to(station.at).await;
    pipe.flow.send_replace(Flow::Noise);
    let mut desk = Desktop::to(&[pipe.at]).await;
    let words = desk.down().await;
    assert!(words.contains("damaged or no DNP3"), "{words}");
    desk.values(Source::Integrity).await;
    assert_eq!(desk.ai0().await, 0.0);
}

#[tokio::test]
async fn one_damaged_frame_does_not_lose_the_device_and_a_second_not_even_the_connection() {
    let station = Station::new().await;
    let pipe = Pipe::to(station.at).await;
    let mut desk = Desktop::to(&[pipe.at]).await;
    desk.values(Source::Integrity).await;
    pipe.flow.send_replace(Flow::Damage);
    assert!(desk.outstation.read(&[Part::Events]).await.is_err());
    let words = desk.down().await;
    assert!(words.contains("wrong check sums"), "{words}");
    desk.is(News::Link(LinkState::Up)).await;
    desk.values(Source::Integrity).await;
    let made = pipe.made.load(Ordering::Relaxed);
    pipe.flow.send_replace(Flow::Damage);
    while *pipe.flow.borrow() == Flow::Damage {
        let _ = desk.outstation.read(&[Part::Events]).await;
    }
    assert_eq!(desk.ai0().await, 0.0);
    assert_eq!(pipe.made.load(Ordering::Relaxed), made);
}

#[tokio::test]
async fn another_protocol_behind_the_port_is_said() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = [0; 64];
                while stream.read(&mut asked).await.is_ok_and(|got| got > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
                }
            });
        }
    });
    let mut desk = Desktop::to(&[at]).await;
    for _ in 0..2 {
        // At first because of the frame; once such are passed over, because nothing else comes.
        let words = desk.down().await;
        assert!(words.contains("another protocol"), "{words}");
        desk.is(News::Link(LinkState::Up)).await;
    }
    assert!(desk.outstation.silence().contains("another protocol"));
}

#[tokio::test]
async fn two_masters_that_push_each_other_away_are_told_so_and_the_last_one_has_it() {
    let station = Station::new().await;
    // Nothing lasts long enough here.
    let pace = crate::southbound::dnp3::channel::Pace { settled: Duration::from_mins(1), ..pace() };
    let mut one = Desktop::paced(place(&[station.at]), &session(), ADDRESSES, pace).await;
    one.values(Source::Integrity).await;
    let other = Desktop::paced(place(&[station.at]), &session(), ADDRESSES, pace).await;
    one.until(|news| match news {
        News::Link(LinkState::Down(words)) => words.contains("another master").then_some(()),
        _ => None,
    })
    .await;
    drop(other);
    one.is(News::Link(LinkState::Up)).await;
    one.values(Source::Integrity).await;
    assert_eq!(one.ai0().await, 0.0);
}
