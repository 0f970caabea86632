use super::{own_address, unhurried};
use std::collections::HashSet;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

#[expect(clippy::disallowed_methods, reason = "what a machine does that is busy elsewhere")]
fn stall(time: Duration) {
    std::thread::sleep(time);
}

#[tokio::test]
async fn a_stall_trips_no_time_out_and_silence_does() {
    unhurried();
    unhurried();
    let listener = TcpListener::bind(own_address()).await.unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    tokio::spawn(async move {
        let (mut far, _) = listener.accept().await.unwrap();
        let mut asked = [0];
        far.read_exact(&mut asked).await.unwrap();
        stall(Duration::from_millis(300));
        // What has become due meanwhile goes first.
        tokio::task::yield_now().await;
        far.write_all(&asked).await.unwrap();
        std::future::pending::<()>().await;
    });
    near.write_all(&[7]).await.unwrap();
    let limit = Duration::from_millis(100);
    assert_eq!(timeout(limit, near.read_u8()).await.unwrap().unwrap(), 7);
    let begun = Instant::now();
    assert!(timeout(limit, near.read_u8()).await.is_err());
    assert!(begun.elapsed() >= limit);
}

#[test]
fn each_runtime_of_a_thread_has_its_own() {
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            unhurried();
            tokio::time::sleep(Duration::from_millis(20)).await;
        });
    }
}

#[tokio::test]
async fn addresses_are_different_and_can_be_listened_at() {
    let addresses: HashSet<_> = (0..600).map(|_| own_address()).collect();
    assert_eq!(addresses.len(), 600);
    for address in addresses.into_iter().take(20) {
        TcpListener::bind(address).await.unwrap();
    }
}
