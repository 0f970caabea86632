//! The wire itself: each trouble does what it is called, and none does no more than pass everything on.

use super::super::frame::{Frame, Frames, crc, frame};
use super::{Bend, Proxy, Trouble};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// FIN and FIR, a sequence octet, and a function code.
fn answer(source: u16) -> Frame {
    frame(source, &[0xC0, 0xC0, 0x81, 0, 0])
}

fn unsolicited(number: u8) -> Frame {
    frame(1024, &[0xC0, 0xF0 | number, 0x82, 0, 0])
}

/// An outstation that says one thing to everything; the wire to it; a master on it.
async fn wire(says: Vec<u8>) -> (Proxy, TcpStream) {
    crate::testing::unhurried();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::lay(listener.local_addr().unwrap()).await;
    tokio::spawn(async move {
        while let Ok((mut master, _)) = listener.accept().await {
            let says = says.clone();
            tokio::spawn(async move {
                let mut asked = [0; 64];
                while master.read(&mut asked).await.is_ok_and(|read| read > 0) {
                    master.write_all(&says).await.unwrap();
                }
            });
        }
    });
    let master = TcpStream::connect(proxy.address()).await.unwrap();
    (proxy, master)
}

async fn ask(master: &mut TcpStream, octets: usize) -> Vec<u8> {
    let mut told = vec![0; octets];
    master.write_all(b"?").await.unwrap();
    timeout(Duration::from_mins(1), master.read_exact(&mut told)).await.unwrap().unwrap();
    told
}

/// How a connection on which nothing comes ends; `None` if it does not.
async fn ends(master: &mut TcpStream) -> Option<std::io::Result<usize>> {
    let _ = master.write_all(b"?").await;
    timeout(Duration::from_millis(300), master.read(&mut [0; 64])).await.ok()
}

#[test]
fn the_check_sum_is_that_of_the_standard() {
    // The value that catalogues of CRCs give for these nine digits.
    assert_eq!(crc(b"123456789"), 0xEA82);
    // Reset of the link from 3 to 4, as books show it.
    assert_eq!(frame(3, &[]).0[8..], crc(&frame(3, &[]).0[..8]).to_le_bytes());
}

#[test]
fn frames_are_found_in_any_pieces_and_among_garbage() {
    let long = frame(7, &[0x42; 40]);
    assert_eq!(long.0.len(), 10 + 40 + 2 * 3, "three blocks of data, each with a check sum");
    let stream = [&[0xFF, 0x05][..], &long.0, &[0x64], &answer(7).0].concat();
    for size in 1..=stream.len() {
        let mut frames = Frames::default();
        let found: Vec<Frame> = stream.chunks(size).flat_map(|part| frames.take(part)).collect();
        assert_eq!(found, [long.clone(), answer(7)], "in pieces of {size}");
    }
}

#[test]
fn an_address_is_rewritten_with_a_right_check_sum() {
    assert_eq!(Bend::default().bend(answer(1024), Trouble::From(9)), [answer(9).0]);
}

#[test]
fn a_corrupt_frame_differs_in_its_check_sum_only() {
    let (good, mut bend) = (answer(1024).0, Bend::default());
    let bad = bend.bend(answer(1024), Trouble::Corrupt).concat();
    assert_eq!(bad[..good.len() - 1], good[..good.len() - 1]);
    assert_ne!(bad, good);
    let mut bend = Bend::default();
    let each: Vec<bool> =
        (0..6).map(|_| bend.bend(answer(1024), Trouble::CorruptEach(3)).concat() != good).collect();
    assert_eq!(each, [false, false, true, false, false, true]);
}

#[test]
fn garbage_comes_before_and_nothing_is_lost() {
    let bent = Bend::default().bend(answer(1024), Trouble::Garbage).concat();
    assert!(bent.len() > answer(1024).0.len() && bent.ends_with(&answer(1024).0));
    assert_eq!(Frames::default().take(&bent), [answer(1024)]);
}

#[test]
fn whole_messages_are_repeated_and_only_those_meant() {
    let parts = [frame(1, &[0x40, 0xC0, 0x81, 0, 0]), frame(1, &[0x81, 9, 9])];
    let whole = [parts[0].0.clone(), parts[1].0.clone()].concat();
    let mut bend = Bend::default();
    assert!(bend.bend(parts[0].clone(), Trouble::TwiceAnswers).is_empty(), "half a message");
    assert_eq!(bend.bend(parts[1].clone(), Trouble::TwiceAnswers), [whole.clone(), whole]);
    assert_eq!(bend.bend(unsolicited(0), Trouble::TwiceAnswers), [unsolicited(0).0]);
    assert_eq!(bend.bend(unsolicited(0), Trouble::TwiceUnsolicited), [unsolicited(0).0, unsolicited(0).0]);
    assert_eq!(bend.bend(answer(1), Trouble::TwiceUnsolicited), [answer(1).0]);
    assert_eq!(bend.bend(frame(1, &[]), Trouble::TwiceAnswers), [frame(1, &[]).0], "no message");
}

#[test]
fn a_late_message_comes_after_those_that_followed_it() {
    let (mut bend, late) = (Bend::default(), Trouble::LateUnsolicited(2));
    assert!(bend.bend(unsolicited(0), late).is_empty());
    assert_eq!(bend.bend(answer(1), late), [answer(1).0]);
    assert_eq!(bend.bend(unsolicited(1), late), [unsolicited(1).0, unsolicited(0).0]);
    assert!(bend.bend(unsolicited(2), late).is_empty(), "the next one is held back again");
}

#[tokio::test]
async fn it_passes_on_and_splits_and_slows() {
    let says = answer(1024).0;
    let (proxy, mut master) = wire(says.clone()).await;
    for trouble in [Trouble::None, Trouble::Split, Trouble::Slow(Duration::from_millis(20))] {
        proxy.set(trouble);
        let begun = tokio::time::Instant::now();
        assert_eq!(ask(&mut master, says.len()).await, says, "{trouble:?}");
        let slow = begun.elapsed() >= Duration::from_millis(20);
        assert!(slow || !matches!(trouble, Trouble::Slow(_)));
    }
    assert_eq!(proxy.connections(), 1);
    assert_eq!(proxy.more(), says.len() - 1, "the pieces of the split one");
}

#[tokio::test]
async fn a_reset_comes_in_the_middle_of_an_answer() {
    let says = answer(1024).0;
    let (proxy, mut master) = wire(says.clone()).await;
    proxy.set(Trouble::Reset(8));
    assert_eq!(ask(&mut master, 8).await, says[..8]);
    let end = timeout(Duration::from_mins(1), master.read(&mut [0; 64])).await.unwrap();
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset, "reset, not ended");
}

#[tokio::test]
async fn silent_says_nothing_and_half_open_only_where_it_stood() {
    let says = answer(1024).0;
    let (proxy, mut master) = wire(says.clone()).await;
    assert_eq!(ask(&mut master, says.len()).await, says);
    proxy.set(Trouble::HalfOpen);
    assert!(ends(&mut master).await.is_none(), "neither an answer nor an end");
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(ask(&mut other, says.len()).await, says, "a new one is well");
    proxy.set(Trouble::Silent);
    assert!(ends(&mut other).await.is_none());
    let mut third = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(ends(&mut third).await.is_none());
}

#[tokio::test]
async fn refused_hangs_up_and_lets_nobody_in_until_it_is_over() {
    let says = answer(1024).0;
    let (proxy, mut master) = wire(says.clone()).await;
    assert_eq!(ask(&mut master, says.len()).await, says);
    proxy.set(Trouble::Refused);
    assert!(ends(&mut master).await.is_some_and(|end| !end.is_ok_and(|read| read > 0)));
    let gone = async { while TcpStream::connect(proxy.address()).await.is_ok() {} };
    timeout(Duration::from_mins(1), gone).await.unwrap();
    proxy.set(Trouble::None);
    let back = async {
        loop {
            if let Ok(master) = TcpStream::connect(proxy.address()).await {
                return master;
            }
        }
    };
    let mut master = timeout(Duration::from_mins(1), back).await.unwrap();
    assert_eq!(ask(&mut master, says.len()).await, says);
}
