//! Channels over a serial line.

use super::*;
use crate::southbound::dnp3::peer::set;

/// A line to an outstation; its other end stays open, or it would hang up between two openings.
fn line_to(at: SocketAddr) -> Place {
    let (mut near, far) = tokio_serial::SerialStream::pair().unwrap();
    let path = tokio_serial::SerialPort::name(&far).unwrap();
    tokio::spawn(async move {
        let _far = far;
        let mut outstation = tokio::net::TcpStream::connect(at).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut near, &mut outstation).await;
    });
    let serial = crate::device_map::dnp3::usual_serial();
    Place { master: ADDRESSES.master, carrier: Carrier::Serial { path, serial }, own: None }
}

#[tokio::test]
async fn a_serial_line_carries_it() {
    let station = Station::new().await;
    let mut desk = Desktop::with(line_to(station.at), &session(), ADDRESSES).await;
    desk.is(News::Link(LinkState::Up)).await;
    let all = desk.values(Source::Integrity).await;
    assert!(all.len() > 300);
    assert_eq!(desk.ai0().await, 0.0);
}

#[tokio::test]
async fn the_time_goes_over_a_serial_line_with_its_delay_measured_and_over_a_network_without() {
    for serial in [true, false] {
        let station = Station::new().await;
        station.desk.need_time.store(true, Ordering::Relaxed);
        let to = if serial { line_to(station.at) } else { place(&[station.at]) };
        let mut desk = Desktop::with(to, &session(), ADDRESSES).await;
        // Reporting by itself comes after the time in a start.
        desk.values(Source::Integrity).await;
        while station.desk.need_time.load(Ordering::Relaxed) {
            desk.ai0().await;
        }
        station.handle.transaction(|db| set(db, 1.5));
        desk.values(Source::Unsolicited).await;
        assert_eq!(station.desk.times.load(Ordering::Relaxed), 1);
        assert_eq!(station.desk.delays.load(Ordering::Relaxed), usize::from(serial), "serial: {serial}");
    }
}
