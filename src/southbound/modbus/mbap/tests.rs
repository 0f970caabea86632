use super::*;
use crate::southbound::testing::peer;
use tokio::io::duplex;

const READ: [u8; 5] = [3, 0x9C, 0x40, 0, 2];

/// What a client makes of an answer, given as the bytes behind the transaction id.
async fn answered(lenient: bool, transaction: u16, rest: &[u8]) -> Result<Vec<u8>, Fault> {
    let (ours, mut theirs) = duplex(1000);
    let mut client = Mbap::new(Box::new(ours));
    let asked = Asked::read(3, 40000, 2);
    assert_eq!(asked.pdu, READ);
    let peer = Peer { lenient, ..peer(7) };
    let mut bytes = transaction.to_be_bytes().to_vec();
    bytes.extend(rest);
    let device = async {
        let mut request = [0; 12];
        theirs.read_exact(&mut request).await.unwrap();
        assert_eq!(request, [0, 1, 0, 0, 0, 6, 7, 3, 0x9C, 0x40, 0, 2]);
        // One byte at a time.
        for byte in bytes {
            theirs.write_all(&[byte]).await.unwrap();
        }
        drop(theirs);
    };
    let (result, ()) = tokio::join!(client.call(&peer, &asked), device);
    result
}

const GOOD: [u8; 11] = [0, 0, 0, 7, 7, 3, 4, 0, 1, 0, 2];

#[tokio::test]
async fn wrong_ids_are_taken_from_a_lenient_device_only() {
    assert_eq!(answered(false, 1, &GOOD).await.unwrap(), [3, 4, 0, 1, 0, 2]);
    let other_unit = [0, 0, 0, 7, 255, 3, 4, 0, 1, 0, 2];
    for (transaction, rest) in [(0, &GOOD), (1, &other_unit)] {
        assert!(matches!(answered(false, transaction, rest).await, Err(Fault::Wrong(_))));
        assert_eq!(answered(true, transaction, rest).await.unwrap(), [3, 4, 0, 1, 0, 2]);
    }
    assert_eq!(answered(true, 9, &[0, 0, 0, 3, 0, 0x83, 2]).await.unwrap(), [0x83, 2]);
}

#[tokio::test]
async fn leniency_is_about_ids_only() {
    for wrong in [
        &[0, 0, 0, 5, 7, 3, 2, 0, 1][..],
        &[0, 0, 0, 7, 7, 4, 4, 0, 1, 0, 2],
        &[0, 0, 0, 7, 7, 3, 6, 0, 1, 0, 2],
        &[0, 1, 0, 7, 7, 3, 4, 0, 1, 0, 2],
        &[0, 0, 0, 0],
        &[0, 0, 1, 0],
        &[0, 0, 0, 3, 7, 0x84, 2],
    ] {
        assert!(matches!(answered(true, 1, wrong).await, Err(Fault::Wrong(_))), "{wrong:?}");
    }
    assert!(matches!(answered(true, 1, &GOOD[..6]).await, Err(Fault::Ended)));
}

#[tokio::test]
async fn an_answer_that_comes_twice_is_not_that_to_the_next_request() {
    let (ours, mut theirs) = duplex(1000);
    let mut client = Mbap::new(Box::new(ours));
    let peer = Peer { lenient: true, ..peer(7) };
    for (transaction, word) in [(1, 11), (2, 22), (3, 33)] {
        let pdu = [3, 2, 0, word];
        let answer = frame(transaction, 7, &pdu);
        let device = async {
            theirs.read_exact(&mut [0; 12]).await.unwrap();
            theirs.write_all(&answer).await.unwrap();
        };
        let asked = Asked::read(3, u16::from(word), 1);
        let (result, ()) = tokio::join!(client.call(&peer, &asked), device);
        assert_eq!(result.unwrap(), pdu);
        // Once more, before anything else is asked.
        theirs.write_all(&answer).await.unwrap();
    }
}

#[test]
fn any_bytes_are_survived() {
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..2000 {
        let mut bytes: Vec<u8> = (0..random.usize(..40)).map(|_| random.u8(..8)).collect();
        while let Ok(Some(_)) = take(&mut bytes) {}
    }
}
