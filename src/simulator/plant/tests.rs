use super::*;
use crate::device_map::{Layout, models};
use crate::simulator::demo_plant;
use crate::simulator::faults::Fault;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A Modbus client of a few lines, so that what goes over the wire is in plain sight.
struct Client {
    stream: TcpStream,
    transaction: u16,
    unit: u8,
}

impl Client {
    async fn connect(device: &Device) -> std::io::Result<Self> {
        let stream = TcpStream::connect(device.address()).await?;
        Ok(Self { stream, transaction: 0, unit: device.unit_id() })
    }

    async fn send(&mut self, pdu: &[u8]) -> std::io::Result<()> {
        self.transaction += 1;
        let [t1, t0] = self.transaction.to_be_bytes();
        let mut bytes = vec![t1, t0, 0, 0, 0, u8::try_from(pdu.len() + 1).unwrap(), self.unit];
        bytes.extend(pdu);
        self.stream.write_all(&bytes).await
    }

    async fn answer(&mut self) -> std::io::Result<Vec<u8>> {
        let mut head = [0; 7];
        self.stream.read_exact(&mut head).await?;
        let [t1, t0] = self.transaction.to_be_bytes();
        assert_eq!(head[..4], [t1, t0, 0, 0]);
        assert_eq!(head[6], self.unit);
        let mut pdu = vec![0; usize::from(u16::from_be_bytes([head[4], head[5]])) - 1];
        self.stream.read_exact(&mut pdu).await?;
        Ok(pdu)
    }

    async fn ask(&mut self, pdu: &[u8]) -> std::io::Result<Vec<u8>> {
        self.send(pdu).await?;
        self.answer().await
    }

    async fn read(&mut self, address: u16, count: u16) -> Vec<u16> {
        let ([a1, a0], [c1, c0]) = (address.to_be_bytes(), count.to_be_bytes());
        let pdu = self.ask(&[3, a1, a0, c1, c0]).await.unwrap();
        assert_eq!(pdu[..2], [3, u8::try_from(count * 2).unwrap()], "{pdu:?}");
        pdu[2..].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    }
}

async fn one(settings: DeviceSettings) -> (Plant, Device) {
    crate::testing::unhurried();
    let plant = Plant::start(PlantSettings { control: None, devices: vec![settings] }).await.unwrap();
    let device = plant.devices()[0].clone();
    (plant, device)
}

async fn with(faults: &[Fault]) -> (Plant, Device) {
    let mut settings = DeviceSettings::new("T", Kind::Pv);
    settings.faults = faults.to_vec();
    settings.listen = crate::testing::own_address();
    one(settings).await
}

const READ_MARKER: [u8; 5] = [3, 0x9C, 0x40, 0, 2];
const MARKER: [u8; 6] = [3, 4, 0x53, 0x75, 0x6E, 0x53];

#[tokio::test]
async fn every_kind_is_a_whole_chain_at_every_base() {
    for kind in Kind::ALL {
        for base in [40000, 0, 50000] {
            let mut settings = DeviceSettings::new("PV-7", kind);
            (settings.base, settings.unit) = (base, 126);
            let chain = settings.chain();
            let (plant, device) = one(settings).await;
            let mut client = Client::connect(&device).await.unwrap();
            assert_eq!(client.read(base, 2).await, [0x5375, 0x6E53]);
            let (mut at, mut found) = (base + 2, Vec::new());
            loop {
                let head = client.read(at, 2).await;
                if head == [0xFFFF, 0] {
                    break;
                }
                let count = |name: &str| match (kind, name) {
                    (Kind::Models, _) | (_, "NPrt") => Some(2),
                    (_, "NPt") => Some(5),
                    _ => Some(3),
                };
                let layout = Layout::new(&models().get(head[0]).unwrap(), head[1], &count);
                assert!(!layout.short, "{kind}: {head:?}");
                let whole = layout.points.last().map(|p| p.offset + p.point.size);
                assert_eq!(whole, Some(head[1] + 2), "{kind}: model {} is not filled", head[0]);
                for (from, count) in (0..head[1] + 2).step_by(125).map(|f| (f, (head[1] + 2 - f).min(125))) {
                    client.read(at + from, count).await;
                }
                found.push(head[0]);
                at += 2 + head[1];
            }
            assert_eq!(found, chain);
            let serial: Vec<u8> =
                client.read(base + 52, 2).await.iter().flat_map(|r| r.to_be_bytes()).collect();
            assert_eq!(serial, b"PV-7");
            let [e1, e0] = (at + 1).to_be_bytes();
            assert_eq!(client.ask(&[3, e1, e0, 0, 2]).await.unwrap(), [0x83, 2], "nothing behind the end");
            plant.stop().await;
        }
    }
}

#[tokio::test]
async fn a_limit_over_the_wire_moves_the_power() {
    let (_plant, device) = one(DeviceSettings::new("T", Kind::Pv)).await;
    let mut client = Client::connect(&device).await.unwrap();
    // Model 123 of this kind: behind 1 (68), 103 (52), 120 (28), 121 (32) and 122 (46) registers.
    let [a1, a0] = (40_002_u16 + 68 + 52 + 28 + 32 + 46 + 5).to_be_bytes();
    let write = [16, a1, a0, 0, 5, 10, 0x13, 0x88, 0, 0, 0, 60, 0, 0, 0, 1];
    assert_eq!(client.ask(&write).await.unwrap(), [16, a1, a0, 0, 5]);
    assert!(device.limit_active() && device.held());
    assert_eq!(device.writes().last().unwrap().registers, [5_000, 0, 60, 0, 1]);
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(device.power(), Watts::new(5_000.0));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!((device.power(), device.held()), (Watts::new(8_500.0), false));
}

#[tokio::test]
async fn several_clients_and_several_requests_at_once_are_served_in_order() {
    let (_plant, device) = with(&[]).await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(Client::connect(&device).await.unwrap());
    }
    for client in &mut clients {
        client.send(&READ_MARKER).await.unwrap();
        client.transaction -= 1;
        client.send(&READ_MARKER).await.unwrap();
        assert_eq!(client.answer().await.unwrap(), MARKER);
        assert_eq!(client.answer().await.unwrap(), MARKER);
    }
}

#[tokio::test]
async fn other_units_and_other_protocols_get_no_registers() {
    let (_plant, device) = with(&[]).await;
    let mut client = Client::connect(&device).await.unwrap();
    client.unit = 9;
    assert_eq!(client.ask(&READ_MARKER).await.unwrap(), [0x83, 0x0B]);
    client.stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(client.answer().await.is_err(), "the connection is closed");
    let mut client = Client::connect(&device).await.unwrap();
    assert_eq!(client.ask(&READ_MARKER).await.unwrap(), MARKER, "the next one is served");
}

#[tokio::test]
async fn a_refusing_device_keeps_its_port_and_can_be_healed() {
    let (_plant, device) = with(&[Fault::Refused]).await;
    let why = Client::connect(&device).await.err().unwrap();
    assert_eq!(why.kind(), std::io::ErrorKind::ConnectionRefused);
    device.set_faults(&[]);
    let mut client = loop {
        match Client::connect(&device).await {
            Ok(client) => break client,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(client.ask(&READ_MARKER).await.unwrap(), MARKER);
    device.set_fault(Fault::Refused);
    assert!(client.answer().await.is_err(), "what was connected is cut off");
    // The listener is dropped before the connections' end is seen, so it refuses from here on.
    while let Ok(mut late) = Client::connect(&device).await {
        assert!(late.ask(&READ_MARKER).await.is_err());
    }
}

#[tokio::test]
async fn a_silent_device_takes_requests_and_says_nothing_until_it_is_healed() {
    let (_plant, device) = with(&[Fault::Silent]).await;
    let mut client = Client::connect(&device).await.unwrap();
    client.send(&READ_MARKER).await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(50), client.answer()).await;
    assert!(waited.is_err(), "an answer from a silent device");
    device.set_faults(&[]);
    assert_eq!(client.ask(&READ_MARKER).await.unwrap(), MARKER, "the lost request stays lost");
}

#[tokio::test]
async fn a_slow_device_answers_late() {
    let (_plant, device) = with(&[Fault::Slow(Duration::from_millis(40))]).await;
    let mut client = Client::connect(&device).await.unwrap();
    let asked = tokio::time::Instant::now();
    assert_eq!(client.ask(&READ_MARKER).await.unwrap(), MARKER);
    assert!(asked.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn one_connection_means_one() {
    let (_plant, device) = with(&[Fault::OneConnection]).await;
    let mut first = Client::connect(&device).await.unwrap();
    assert_eq!(first.ask(&READ_MARKER).await.unwrap(), MARKER);
    let refused = match Client::connect(&device).await {
        Ok(mut second) => second.ask(&READ_MARKER).await.err(),
        Err(why) => Some(why),
    };
    assert!(refused.is_some(), "a second session was served");
    assert_eq!(first.ask(&READ_MARKER).await.unwrap(), MARKER);
    drop(first);
    loop {
        if let Ok(mut next) = Client::connect(&device).await
            && next.ask(&READ_MARKER).await.is_ok()
        {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn long_reads_and_everything_can_be_refused() {
    let (_plant, device) = with(&[Fault::MaxRead(60)]).await;
    let mut client = Client::connect(&device).await.unwrap();
    assert_eq!(client.read(40_000, 60).await.len(), 60);
    assert_eq!(client.ask(&[3, 0x9C, 0x40, 0, 61]).await.unwrap(), [0x83, 3]);
    device.set_fault(Fault::Exception(6));
    assert_eq!(client.ask(&READ_MARKER).await.unwrap(), [0x83, 6]);
}

#[tokio::test]
async fn a_garbage_device_is_never_right() {
    let (_plant, device) = with(&[Fault::Garbage]).await;
    for _ in 0..3 {
        let mut client = Client::connect(&device).await.unwrap();
        for _ in 0..12 {
            client.send(&READ_MARKER).await.unwrap();
            let mut bytes = [0; 512];
            let count = client.stream.read(&mut bytes).await.unwrap();
            assert!(count > 0);
            assert!(!bytes[..count].windows(6).any(|w| w == MARKER));
        }
    }
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let mut settings = demo_plant(2, 0, None);
    settings.devices[1].name = settings.devices[0].name.clone();
    let why = Plant::start(settings).await.err().unwrap();
    assert_eq!(why.to_string(), "two simulated devices are called \"PV-001\"; give each its own name");
    let (_plant, device) = with(&[]).await;
    let mut settings = demo_plant(1, 0, None);
    settings.devices[0].listen = device.address();
    let why = Plant::start(settings).await.err().unwrap();
    assert!(matches!(why, PlantError::Listen { .. }), "{why}");
    let mut settings = demo_plant(1, 0, None);
    settings.devices[0].base = 65_500;
    assert!(matches!(Plant::start(settings).await.err().unwrap(), PlantError::Base { .. }));
}

#[tokio::test]
async fn a_thousand_devices_answer() {
    let started = std::time::Instant::now();
    let plant = Plant::start(demo_plant(1_000, 0, None)).await.unwrap();
    let (mut watts, mut answered) = (0.0, 0);
    for device in plant.devices() {
        let mut client = Client::connect(device).await.unwrap();
        assert_eq!(client.ask(&READ_MARKER).await.unwrap(), MARKER);
        client.read(40_070, 50).await;
        watts += device.power().get();
        answered += 1;
    }
    assert_eq!(answered, 1_000);
    assert!((plant.power().get() - watts).abs() < watts * 0.01);
    plant.stop().await;
    // A few seconds on a slow machine; the bound only catches work that grows with the square of the number.
    assert!(started.elapsed() < Duration::from_mins(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_device_is_busy_for_a_while_resets_and_hangs_up_as_its_fault_says() {
    let (_plant, device) = with(&[Fault::Busy(2)]).await;
    let mut client = Client::connect(&device).await.unwrap();
    for _ in 0..2 {
        assert_eq!(client.ask(&READ_MARKER).await.unwrap(), [0x83, 6]);
    }
    assert_eq!(client.ask(&READ_MARKER).await.unwrap(), MARKER);
    device.set_fault(Fault::Split);
    assert_eq!(client.ask(&READ_MARKER).await.unwrap(), MARKER);
    device.set_fault(Fault::Merged);
    assert_eq!(client.ask(&READ_MARKER).await.unwrap(), MARKER);
    assert_eq!(client.answer().await.unwrap(), MARKER, "the same once more");
    device.set_fault(Fault::ResetAfterAccept);
    assert!(client.answer().await.is_err(), "what was connected is cut off");
    let refused = match Client::connect(&device).await {
        Ok(mut next) => next.ask(&READ_MARKER).await.err(),
        Err(why) => Some(why),
    };
    assert!(refused.is_some());
    device.set_fault(Fault::IdleClose(Duration::from_secs(1)));
    let mut client = loop {
        let Ok(mut client) = Client::connect(&device).await else { continue };
        if client.ask(&READ_MARKER).await.is_ok() {
            break client;
        }
    };
    let idle = tokio::time::Instant::now();
    assert!(client.answer().await.is_err());
    assert!(idle.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn registers_of_a_file_are_served_beside_a_chain_or_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.toml");
    std::fs::write(&path, "[input]\n5 = [1, 2]\n[holding]\n61440 = [100, 0]\n").unwrap();
    for kind in [Kind::Registers, Kind::Pv] {
        let mut settings = DeviceSettings::new("T", kind);
        settings.image = crate::simulator::Image::read(&path).ok();
        let (_plant, device) = one(settings).await;
        let mut client = Client::connect(&device).await.unwrap();
        assert_eq!(client.ask(&[4, 0, 5, 0, 2]).await.unwrap(), [4, 4, 0, 1, 0, 2]);
        assert_eq!(client.ask(&[4, 0, 5, 0, 3]).await.unwrap(), [0x84, 2]);
        assert_eq!(client.ask(&[6, 0xF0, 0, 0, 60]).await.unwrap(), [6, 0xF0, 0, 0, 60]);
        assert_eq!(client.read(61_440, 2).await, [60, 0]);
        let chain = client.ask(&READ_MARKER).await.unwrap();
        assert_eq!(chain == MARKER, kind == Kind::Pv, "{chain:?}");
        assert_eq!(device.writes().len(), 1);
    }
}
