use super::*;
use crate::southbound::testing::{Server, legacy, peer};
use futures_util::poll;
use std::pin::pin;

#[tokio::test]
async fn a_command_does_not_wait_behind_the_reads_of_others() {
    let server = Server::start(&[(1, &legacy()), (2, &legacy())]).await;
    let endpoint = Endpoint::Tcp { host: server.address.ip().to_string(), port: server.address.port() };
    let bus = SharedBus::new(endpoint);
    let (first, second) = (bus.line(peer(1)), bus.line(peer(2)));
    let turn = first.turn().await;
    let mut waiting = pin!(second.read(40000, 2));
    assert!(poll!(&mut waiting).is_pending(), "a read waits for its turn");
    second.write(40187, &[5]).await.unwrap();
    assert_eq!(second.read_first(40187, 1).await.unwrap(), [5]);
    assert!(poll!(&mut waiting).is_pending());
    assert_eq!(first.read_in(turn, 40070, 1).await.unwrap(), [103]);
    assert_eq!(waiting.await.unwrap(), [0x5375, 0x6E53]);
    let order: Vec<(u8, u16)> = server.state().seen.iter().map(|s| (s.function, s.address)).collect();
    assert_eq!(order, [(16, 40187), (3, 40187), (3, 40070), (3, 40000)]);
}

#[tokio::test]
async fn a_connection_that_would_be_closed_is_kept_up() {
    for function in [3, 4] {
        let server = Server::start(&[(1, &legacy())]).await;
        server.state().inputs.insert(1, (0..20).map(|k| (40070 + k, k)).collect());
        let host = server.address.ip().to_string();
        let bus = SharedBus::new(Endpoint::Tcp { host, port: server.address.port() });
        let line = bus.line(Peer { idle_limit: Some(Duration::from_millis(200)), ..peer(1) });
        let work = async {
            // A limit that is known only once a map was chosen.
            bus.line(peer(1)).read(40000, 2).await.unwrap();
            match function {
                3 => line.read(40070, 9).await.unwrap(),
                _ => line.read_input(40070, 9).await.unwrap(),
            };
            while server.state().seen.len() < 4 {
                sleep_until(Instant::now() + Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = work => {}
            () = bus.keep_alive() => unreachable!(),
        }
        let asked: Vec<_> = server.state().seen.iter().map(|s| (s.function, s.address, s.quantity)).collect();
        assert_eq!(asked, [(3, 40000, 2), (function, 40070, 9), (function, 40070, 2), (function, 40070, 2)]);
        assert_eq!(server.state().connections, 1);
    }
}
