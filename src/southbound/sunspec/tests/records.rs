//! What is remembered of a device, and what becomes of it at the next start.

use super::*;
use crate::core::port::DeviceRecord;

impl Rig {
    async fn remembered(&mut self) -> DeviceRecord {
        self.report("record", |_, report| match report {
            Report::Remember(record) => Some(record.clone()),
            _ => None,
        })
        .await
    }
}

fn chain_reads(server: &Server) -> usize {
    server.state().seen.iter().filter(|s| s.quantity == 2 && s.address > 40001).count()
}

async fn noted(book: &Book) -> DeviceRecord {
    let (_server, mut rig) = Rig::one(book).await;
    rig.remembered().await
}

fn serial(book: &mut Book, text: [u16; 3]) {
    let at = book.address(1, "SN");
    book.put(at, &text);
}

const OTHER: [u16; 3] = [0x4F54, 0x4845, 0x5200];

#[tokio::test]
async fn a_device_that_is_known_is_not_scanned_again() {
    let record = noted(&legacy()).await;
    assert_eq!(record.serial.as_deref(), Some("SN-1"));
    assert!(record.notes.contains("chain 1:66 103:50 120:26 121:30 123:24"), "{}", record.notes);
    let server = Server::start(&[(1, &legacy())]).await;
    let mut device = server.device(0, 1);
    device.record = Some(record);
    let mut rig = Rig::new(vec![device], known());
    rig.power(0, Some(5000.0)).await;
    assert_eq!(chain_reads(&server), 1, "the last model; its end is one register");
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
}

#[tokio::test]
async fn another_chain_another_firmware_or_damaged_notes_are_scanned() {
    let record = noted(&legacy()).await;
    let mut grown = legacy().model(122, &[]);
    let mut newer_firmware = legacy();
    let at = newer_firmware.address(1, "Vr");
    newer_firmware.put(at, &[0x322E, 0x3000]);
    grown.set(103, "W", 5000);
    let damaged = DeviceRecord { notes: "sunspec 1\nbase x".into(), ..record.clone() };
    for (book, record) in [(&grown, &record), (&newer_firmware, &record), (&legacy(), &damaged)] {
        let server = Server::start(&[(1, book)]).await;
        let mut device = server.device(0, 1);
        device.record = Some(record.clone());
        let mut rig = Rig::new(vec![device], known());
        assert_eq!(rig.state(0, DeviceState::Online).await, "");
        let now = rig.remembered().await;
        assert!(chain_reads(&server) > 4, "scanned");
        assert_ne!(&now, record);
    }
}

#[tokio::test]
async fn another_device_at_the_next_start_is_read_and_not_written() {
    let record = noted(&legacy()).await;
    let mut other = legacy();
    serial(&mut other, OTHER);
    let server = Server::start(&[(1, &other)]).await;
    let mut device = server.device(0, 1);
    device.record = Some(record.clone());
    let mut rig = Rig::new(vec![device.clone()], known());
    let reason = rig.state(0, DeviceState::IdentityChanged).await;
    assert!(reason.contains("changed from SN-1 to OTHER"), "{reason}");
    assert!(reason.contains("write serial = \"OTHER\" into the device's table"), "{reason}");
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Refused(_)));
    assert_eq!(server.writes(), []);
    rig.power(0, Some(5000.0)).await;
    // The remedy of the message.
    device.serial = Some("OTHER".into());
    let mut rig = Rig::new(vec![device], known());
    rig.state(0, DeviceState::Online).await;
    assert_eq!(rig.remembered().await.serial.as_deref(), Some("OTHER"));
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
}

#[tokio::test]
async fn a_device_that_the_configuration_does_not_name_is_not_written() {
    let server = Server::start(&[(1, &legacy())]).await;
    let mut device = server.device(0, 1);
    device.serial = Some("SN-2".into());
    let mut rig = Rig::new(vec![device], known());
    let remembered = rig
        .report("identity changed", {
            let mut remembered = false;
            move |_, report| match report {
                Report::Remember(_) => {
                    remembered = true;
                    None
                }
                Report::State { state: DeviceState::IdentityChanged, reason } => {
                    assert!(
                        reason.starts_with("its serial number is SN-1, the configuration names SN-2"),
                        "{reason}"
                    );
                    Some(remembered)
                }
                _ => None,
            }
        })
        .await;
    assert!(!remembered, "a stranger is not remembered");
}

#[tokio::test]
async fn a_device_that_is_away_at_the_start_is_not_scanned_in_vain() {
    let record = noted(&legacy()).await;
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|_, _| Answer::Silence);
    let mut device = server.device(0, 1);
    device.record = Some(record);
    let mut rig = Rig::new(vec![device], known());
    rig.state(0, DeviceState::CommLost).await;
    let asked: Vec<u16> = server.state().seen.iter().map(|s| s.address).collect();
    assert!(asked.iter().all(|at| *at == 40000), "only the marker where it is known to be: {asked:?}");
    server.script(|_, _| Answer::Good);
    rig.state(0, DeviceState::Online).await;
    assert_eq!(chain_reads(&server), 1);
}

#[tokio::test]
async fn a_scan_that_breaks_off_does_not_replace_what_an_earlier_run_knew() {
    let record = noted(&legacy()).await;
    let mut broken = legacy();
    let from = broken.address(120, "ID");
    for (at, word) in &mut broken.registers {
        *word = if *at >= from { 0 } else { *word };
    }
    let server = Server::start(&[(1, &broken)]).await;
    let mut device = server.device(0, 1);
    device.record = Some(record.clone());
    let mut rig = Rig::new(vec![device], known());
    let reason = rig.state(0, DeviceState::Degraded).await;
    assert!(reason.contains("models 120, 121 and 123 cannot be read: the device shows zeros"), "{reason}");
    server.state().units.insert(1, legacy().registers);
    rig.state(0, DeviceState::Online).await;
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
}

#[tokio::test]
async fn the_longest_read_that_a_device_takes_is_remembered() {
    let short = |seen: &Seen, _: &mut HashMap<u16, u16>| {
        if seen.function == 3 && seen.quantity > 70 { Answer::Exception(3) } else { Answer::Good }
    };
    let server = Server::start(&[(1, &newer())]).await;
    server.script(short);
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    let record = rig.remembered().await;
    assert!(record.notes.contains("max_read 61"), "{}", record.notes);
    let server = Server::start(&[(1, &newer())]).await;
    server.script(short);
    let mut device = server.device(0, 1);
    device.record = Some(record);
    let mut rig = Rig::new(vec![device], known());
    rig.power(0, Some(-2500.0)).await;
    assert!(server.state().seen.iter().all(|s| s.quantity <= 70), "no long read was tried");
}

#[tokio::test]
async fn what_was_allowed_before_a_restart_is_undone_after_it() {
    let server = Server::start(&[(1, &storage())]).await;
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    rig.state(0, DeviceState::Online).await;
    rig.send(0, Setpoint::SetActivePower(Watts::new(-2500.0)));
    let record = rig
        .report("record", |_, report| match report {
            Report::Remember(record) if record.notes.contains("\nours ") => Some(record.clone()),
            _ => None,
        })
        .await;
    assert!(record.notes.contains("\nours set grid_charge\n"), "{}", record.notes);
    drop(rig);
    let mut device = server.device(0, 1);
    device.record = Some(record);
    let mut rig = Rig::new(vec![device], known());
    rig.state(0, DeviceState::Online).await;
    let before = server.writes().len();
    rig.send(0, Setpoint::ReleaseActivePower);
    let record = rig.remembered().await;
    assert_eq!(server.writes()[before..], [(16, 40155, vec![0]), (16, 40167, vec![0])]);
    assert!(!record.notes.contains("ours"), "{}", record.notes);
}

#[tokio::test]
async fn what_another_device_held_is_not_taken_for_ours() {
    let mut record = noted(&legacy()).await;
    record.notes = record.notes.replace("\nchain", "\nours limit\nchain");
    let mut book = legacy();
    serial(&mut book, OTHER);
    let server = Server::start(&[(1, &book)]).await;
    let mut device = server.device(0, 1);
    (device.record, device.serial) = (Some(record), Some("OTHER".to_owned()));
    let mut rig = Rig::new(vec![device], known());
    rig.state(0, DeviceState::Online).await;
    assert!(matches!(rig.command(0, Setpoint::ReleaseActivePower).await, Outcome::Applied(_)));
    assert_eq!(server.writes(), []);
}
