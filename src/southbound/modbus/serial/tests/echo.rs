//! Adapters that hear themselves: each request comes back before its answer.

use super::*;
use crate::southbound::modbus::Exception;

/// The next request, handed back at once.
async fn hand_back(far: &mut Far, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    far.stream.read_exact(&mut bytes).await.unwrap();
    far.send(&bytes).await;
    bytes
}

async fn read_back(far: &mut Far, (unit, address, quantity): Asked3, after: Duration) {
    assert_eq!(hand_back(far, 8).await[..2], [unit, 3]);
    sleep(after).await;
    far.answer((unit, address, quantity)).await;
}

#[tokio::test(start_paused = true)]
async fn the_echo_of_a_read_is_taken_off() {
    // Addresses whose high byte as a byte count makes the echo a whole frame (3), a short one (0) and a long one.
    for address in [0, 0x0300, 0x0302, 40000] {
        let (mut bus, mut far) = line();
        let device = async {
            read_back(&mut far, (7, address, 10), Duration::from_millis(5)).await;
            // An answer that takes longer than the lull behind which nothing more is awaited.
            read_back(&mut far, (7, address, 4), Duration::from_millis(200)).await;
        };
        let client = async {
            assert_eq!(bus.read(&peer(7), address, 10).await.unwrap(), registers(address, 10), "{address}");
            assert_eq!(bus.read(&peer(7), address, 4).await.unwrap(), registers(address, 4), "{address}");
        };
        tokio::join!(device, client);
    }
}

#[tokio::test(start_paused = true)]
async fn the_echo_of_a_single_write_is_not_its_answer() {
    let (mut bus, mut far) = line();
    let device = async {
        read_back(&mut far, (7, 40000, 2), Duration::from_millis(5)).await;
        // Refused, then not answered at all, then done.
        hand_back(&mut far, 8).await;
        sleep(Duration::from_millis(20)).await;
        far.send(&frame(7, &[0x86, 3])).await;
        hand_back(&mut far, 8).await;
        // A write of several registers tells its echo by itself.
        hand_back(&mut far, 8).await;
        far.answer((7, 9, 1)).await;
        hand_back(&mut far, 13).await;
        far.send(&frame(7, &[16, 0, 5, 0, 2])).await;
        far.send(&[0xFF]).await;
        let asked = hand_back(&mut far, 8).await;
        sleep(Duration::from_millis(150)).await;
        far.send(&asked).await;
    };
    let client = async {
        assert!(bus.read(&peer(7), 40000, 2).await.is_ok());
        assert_eq!(bus.write_single(&peer(7), 5, 1).await, Err(BusError::Refused(Exception(3))));
        assert!(matches!(bus.write_single(&peer(7), 5, 1).await, Err(BusError::TimedOut(_))));
        assert_eq!(bus.read(&peer(7), 9, 1).await.unwrap(), [9]);
        bus.write(&peer(7), 5, &[1, 2]).await.unwrap();
        bus.write_single(&peer(7), 5, 3).await.unwrap();
    };
    tokio::join!(device, client);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_is_silent_behind_its_echo_timed_out() {
    let (mut bus, mut far) = line();
    let device = async {
        hand_back(&mut far, 8).await;
    };
    let mine = peer(7);
    let (error, ()) = tokio::join!(bus.read(&mine, 0x0301, 10), device);
    assert!(matches!(error, Err(BusError::TimedOut(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_does_not_hear_itself_any_more_is_noticed() {
    let (mut bus, mut far) = line();
    let device = async {
        read_back(&mut far, (7, 40000, 2), Duration::ZERO).await;
        for _ in 0..NO_ECHO_AFTER {
            let request = far.request().await;
            far.answer(request).await;
        }
        let mut write = [0; 8];
        far.stream.read_exact(&mut write).await.unwrap();
        far.send(&write).await;
    };
    let client = async {
        for _ in 0..=NO_ECHO_AFTER {
            assert!(bus.read(&peer(7), 40000, 2).await.is_ok());
        }
        bus.write_single(&peer(7), 5, 1).await.unwrap();
    };
    tokio::join!(device, client);
}
