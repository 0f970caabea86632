use super::*;
use crate::simulator::Plant;
use crate::simulator::faults::Fault;
use crate::simulator::settings::{DeviceSettings, Kind, PlantSettings};
use tokio::io::{DuplexStream, duplex};
use tokio::time::Instant;

/// A line with units 1 and 2 of a plant that has no use for its sockets, paced at 19200 Bd.
async fn line() -> (Plant, DuplexStream, CancellationToken) {
    let device = |unit| DeviceSettings { unit, ..DeviceSettings::new(format!("U-{unit}"), Kind::Pv) };
    let plant =
        Plant::start(PlantSettings { control: None, devices: vec![device(1), device(2)] }).await.unwrap();
    let (ours, theirs) = duplex(4096);
    let options = SerialOptions { baud: 19200, ..SerialOptions::default() };
    let units = plant.devices().iter().map(|d| d.shared().clone()).collect();
    let stop = CancellationToken::new();
    tokio::spawn(serve(ours, options, true, units, stop.clone()));
    (plant, theirs, stop)
}

async fn ask(line: &mut DuplexStream, unit: u8, pdu: &[u8], length: usize) -> Frame {
    line.write_all(&rtu::frame(unit, pdu)).await.unwrap();
    let mut bytes = vec![0; length + 3];
    line.read_exact(&mut bytes).await.unwrap();
    rtu::whole(&bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn units_answer_for_themselves_at_the_pace_of_the_line() {
    let (_plant, mut line, _stop) = line().await;
    let begun = Instant::now();
    for unit in [1, 2] {
        let answer = ask(&mut line, unit, &[3, 0x9C, 0x40, 0, 50], 102).await;
        assert_eq!((answer.unit, &answer.pdu[..6]), (unit, &[3, 100, 0x53, 0x75, 0x6E, 0x53][..]));
    }
    // Twice 8 and 105 characters, and the silence between: about 120 ms at 1920 characters a second.
    let took = begun.elapsed();
    assert!((110..=140).contains(&took.as_millis()), "{took:?}");
    let refused = ask(&mut line, 1, &[43, 14, 1, 0], 2).await;
    assert_eq!(refused.pdu, [43 | 0x80, 1], "found by the silence behind it");
}

#[tokio::test(start_paused = true)]
async fn a_strange_unit_a_wrong_checksum_and_a_broadcast_get_no_answer() {
    let (plant, mut line, _stop) = line().await;
    line.write_all(&rtu::frame(9, &[3, 0x9C, 0x40, 0, 2])).await.unwrap();
    let mut broken = rtu::frame(1, &[3, 0x9C, 0x40, 0, 2]);
    broken[7] ^= 1;
    line.write_all(&broken).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    // 40000 is the marker: no unit can write it, and none says so.
    line.write_all(&rtu::frame(0, &[6, 0x9C, 0x40, 0, 2])).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(timeout(Duration::from_secs(1), line.read_u8()).await.is_err());
    assert_eq!(
        plant.devices().iter().map(|d| d.writes().len()).sum::<usize>(),
        2,
        "both heard the broadcast"
    );
}

#[tokio::test(start_paused = true)]
async fn faults_work_over_a_line_too() {
    let (plant, mut line, _stop) = line().await;
    let first = &plant.devices()[0];
    first.set_fault(Fault::Exception(4));
    assert_eq!(ask(&mut line, 1, &[3, 0x9C, 0x40, 0, 2], 2).await.pdu, [0x83, 4]);
    first.set_fault(Fault::Slow(Duration::from_secs(5)));
    let begun = Instant::now();
    line.write_all(&rtu::frame(1, &[3, 0x9C, 0x40, 0, 2])).await.unwrap();
    // Its neighbour does not wait for it.
    assert_eq!(ask(&mut line, 2, &[3, 0x9C, 0x40, 0, 2], 6).await.unit, 2);
    assert!(begun.elapsed() < Duration::from_secs(1));
    let mut late = [0; 9];
    line.read_exact(&mut late).await.unwrap();
    assert_eq!(rtu::whole(&late).unwrap().unit, 1);
    assert!(begun.elapsed() >= Duration::from_secs(5));
    first.set_fault(Fault::Silent);
    line.write_all(&rtu::frame(1, &[3, 0x9C, 0x40, 0, 2])).await.unwrap();
    assert!(timeout(Duration::from_secs(60), line.read_u8()).await.is_err());
}
