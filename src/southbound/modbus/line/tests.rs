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
