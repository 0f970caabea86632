//! A scripted unit at the other end of a line. Time stands still unless everybody waits.

use super::super::bus::Bus;
use super::super::line::SharedBus;
use super::super::{Exception, rtu};
use super::*;
use crate::southbound::testing::peer;
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::sleep;

fn options() -> SerialOptions {
    SerialOptions { baud: 19200, ..SerialOptions::default() }
}

mod echo;
mod hostile;

/// The other end of a line.
struct Far {
    stream: DuplexStream,
    /// When each request came, and of which unit it was.
    seen: Vec<(Instant, u8)>,
}

/// A request, as the far end sees it: unit, address, quantity.
type Asked3 = (u8, u16, u16);

impl Far {
    async fn request(&mut self) -> Asked3 {
        let mut bytes = [0; 8];
        let asked = timeout(Duration::from_secs(60), self.stream.read_exact(&mut bytes)).await;
        asked.expect("a request within a minute").unwrap();
        self.seen.push((Instant::now(), bytes[0]));
        assert_eq!(rtu::crc(&bytes[..6]).to_le_bytes(), bytes[6..]);
        assert_eq!(bytes[1], 3);
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        (bytes[0], word(2), word(4))
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn answer(&mut self, request: Asked3) {
        self.send(&good(request)).await;
    }
}

/// The right answer: each register holds its own address.
fn good((unit, address, quantity): Asked3) -> Vec<u8> {
    let mut pdu = vec![3, u8::try_from(quantity * 2).unwrap()];
    pdu.extend((address..address + quantity).flat_map(u16::to_be_bytes));
    frame(unit, &pdu)
}

fn registers(address: u16, quantity: u16) -> Vec<u16> {
    (address..address + quantity).collect()
}

fn line() -> (Bus, Far) {
    let (ours, theirs) = duplex(4096);
    (Bus::over(Box::new(ours), options()), Far { stream: theirs, seen: vec![] })
}

/// Answers everything from now on, until the line is closed; gives what was asked.
fn obey(mut far: Far) -> JoinHandle<Vec<Asked3>> {
    tokio::spawn(async move {
        let mut seen = Vec::new();
        let mut bytes = [0; 8];
        while far.stream.read_exact(&mut bytes).await.is_ok() {
            let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            let request = (bytes[0], word(2), word(4));
            seen.push(request);
            far.answer(request).await;
        }
        seen
    })
}

/// A read that goes wrong, then the same length elsewhere: the next good read is right.
async fn recovers(spoil: impl AsyncFnOnce(&mut Far, Asked3)) -> (BusError, Vec<Asked3>) {
    let (mut bus, mut far) = line();
    let mine = peer(7);
    let (first, ()) = tokio::join!(bus.read(&mine, 100, 10), async {
        let request = far.request().await;
        spoil(&mut far, request).await;
    });
    let obeying = obey(far);
    assert_eq!(bus.read(&mine, 200, 10).await.unwrap(), registers(200, 10));
    assert_eq!(bus.read(&peer(8), 300, 10).await.unwrap(), registers(300, 10));
    drop(bus);
    (first.unwrap_err(), obeying.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn reads_and_writes_go_over_the_line_with_silence_between() {
    let (mut bus, mut far) = line();
    let mine = Peer { inter_request: Duration::from_millis(20), ..peer(7) };
    let device = async {
        for _ in 0..2 {
            let request = far.request().await;
            far.answer(request).await;
        }
        let mut write = [0; 11];
        far.stream.read_exact(&mut write).await.unwrap();
        assert_eq!(write[..9], [7, 16, 0, 5, 0, 1, 2, 0xAB, 0xCD]);
        far.send(&frame(7, &[16, 0, 5, 0, 1])).await;
        let mut write = [0; 8];
        far.stream.read_exact(&mut write).await.unwrap();
        far.send(&frame(7, &[0x86, 2])).await;
    };
    let client = async {
        assert_eq!(bus.read(&mine, 100, 10).await.unwrap(), registers(100, 10));
        assert_eq!(bus.read(&mine, 40000, 125).await.unwrap(), registers(40000, 125));
        bus.write(&mine, 5, &[0xABCD]).await.unwrap();
        assert_eq!(bus.write_single(&mine, 5, 1).await, Err(BusError::Refused(Exception(2))));
    };
    tokio::join!(device, client);
    let apart = far.seen[1].0 - far.seen[0].0;
    assert!(apart >= Duration::from_millis(20) + silence(&options()), "{apart:?}");
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_is_never_taken_for_the_next_one_of_the_same_length() {
    // Right after the limit, while the next request is under way, and together with its answer.
    for late_ms in [1, 20, 200] {
        let (mut bus, mut far) = line();
        let device = async {
            let first = far.request().await;
            let next = far.request().await;
            sleep(Duration::from_millis(late_ms)).await;
            far.answer(first).await;
            far.answer(next).await;
            let last = far.request().await;
            far.answer(last).await;
            (next, last)
        };
        let client = async {
            assert!(matches!(bus.read(&peer(7), 100, 10).await, Err(BusError::TimedOut(_))));
            assert_eq!(bus.read(&peer(7), 200, 10).await.unwrap(), registers(200, 10), "late by {late_ms}");
        };
        let ((next, last), ()) = tokio::join!(device, client);
        assert_eq!((next, last), ((7, 200, 1), (7, 200, 10)), "first something that cannot be mistaken");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_of_another_length_costs_nothing() {
    let (mut bus, mut far) = line();
    let device = async {
        let first = far.request().await;
        let next = far.request().await;
        far.answer(first).await;
        far.answer(next).await;
    };
    let client = async {
        assert!(matches!(bus.read(&peer(7), 100, 10).await, Err(BusError::TimedOut(_))));
        assert_eq!(bus.read(&peer(7), 200, 9).await.unwrap(), registers(200, 9));
    };
    tokio::join!(device, client);
}

#[tokio::test(start_paused = true)]
async fn a_late_refusal_is_not_that_of_the_next_request() {
    let (mut bus, mut far) = line();
    let device = async {
        far.request().await;
        let next = far.request().await;
        far.send(&frame(7, &[0x83, 2])).await;
        far.answer(next).await;
    };
    let client = async {
        assert!(matches!(bus.read(&peer(7), 100, 10).await, Err(BusError::TimedOut(_))));
        assert_eq!(bus.read(&peer(7), 200, 9).await.unwrap(), registers(200, 9));
    };
    tokio::join!(device, client);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_refuses_short_reads_is_read_all_the_same() {
    let (error, asked) = recovers(async |_, _| {}).await;
    assert!(matches!(error, BusError::TimedOut(_)));
    assert_eq!(asked, [(7, 200, 1), (7, 200, 10), (8, 300, 10)]);
    let (mut bus, mut far) = line();
    let device = async {
        far.request().await;
        assert_eq!(far.request().await, (7, 200, 1));
        far.send(&frame(7, &[0x83, 3])).await;
        let last = far.request().await;
        far.answer(last).await;
    };
    let client = async {
        assert!(matches!(bus.read(&peer(7), 100, 10).await, Err(BusError::TimedOut(_))));
        assert_eq!(bus.read(&peer(7), 200, 10).await.unwrap(), registers(200, 10));
    };
    tokio::join!(device, client);
}

#[tokio::test(start_paused = true)]
async fn after_a_spoilt_answer_the_next_good_read_is_right() {
    let bad =
        |error: &BusError, word: &str| matches!(error, BusError::BadAnswer(what) if what.contains(word));
    let (error, _) = recovers(async |far, request| {
        let mut bytes = good(request);
        bytes[9] ^= 4;
        far.send(&bytes).await;
    })
    .await;
    assert!(bad(&error, "checksum"), "{error:?}");
    let (error, _) = recovers(async |far, request| {
        let bytes = good(request);
        far.send(&bytes[..bytes.len() - 3]).await;
    })
    .await;
    assert!(bad(&error, "checksum"), "cut short: {error:?}");
    let (error, _) = recovers(async |far, (unit, at, n)| far.answer((unit, at, n - 1)).await).await;
    assert!(bad(&error, "another kind"), "a register too few: {error:?}");
    let (error, _) = recovers(async |far, (unit, at, n)| far.answer((unit + 1, at, n)).await).await;
    assert!(bad(&error, "unit 8 answered"), "{error:?}");
    let (error, _) = recovers(async |far, (unit, ..)| far.send(&frame(unit, &[4, 2, 0, 0])).await).await;
    assert!(bad(&error, "another kind"), "another function: {error:?}");
    let (error, _) = recovers(async |far, _| far.send(&[0]).await).await;
    assert!(bad(&error, "1 bytes"), "a click: {error:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_spoilt_and_then_comes_right_is_no_answer_to_the_next() {
    // The right answer follows the broken one, after we have turned to the next request.
    let (mut bus, mut far) = line();
    let device = async {
        let first = far.request().await;
        far.send(&good(first)[..12]).await;
        let next = far.request().await;
        far.answer(first).await;
        far.answer(next).await;
        let last = far.request().await;
        far.answer(last).await;
    };
    let client = async {
        assert!(matches!(bus.read(&peer(7), 100, 10).await, Err(BusError::BadAnswer(_))));
        assert_eq!(bus.read(&peer(7), 200, 10).await.unwrap(), registers(200, 10));
    };
    tokio::join!(device, client);
}

#[tokio::test(start_paused = true)]
async fn noise_before_a_frame_and_a_frame_in_pieces_are_borne() {
    let (mut bus, mut far) = line();
    let device = async {
        let request = far.request().await;
        far.send(&[0xFF, 0, 7, 3, 255]).await;
        far.answer(request).await;
        let request = far.request().await;
        for byte in good(request) {
            far.send(&[byte]).await;
            sleep(Duration::from_millis(20)).await;
        }
        let request = far.request().await;
        far.send(&[7]).await;
        // A click long before the answer.
        sleep(Duration::from_millis(180)).await;
        far.answer(request).await;
    };
    let client = async {
        assert_eq!(bus.read(&peer(7), 100, 10).await.unwrap(), registers(100, 10));
        let slow = Peer { response_timeout: Duration::from_secs(2), ..peer(7) };
        assert_eq!(bus.read(&slow, 200, 10).await.unwrap(), registers(200, 10));
        assert_eq!(bus.read(&peer(7), 300, 10).await.unwrap(), registers(300, 10));
    };
    tokio::join!(device, client);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_keeps_the_line_until_its_answer_is_through() {
    let (mut bus, mut far) = line();
    let begun = Instant::now();
    let device = async {
        let first = far.request().await;
        sleep(Duration::from_millis(60)).await;
        far.answer(first).await;
        let next = far.request().await;
        far.answer(next).await;
    };
    let client = async {
        assert!(timeout(Duration::from_millis(20), bus.read(&peer(7), 100, 10)).await.is_err());
        assert_eq!(bus.read(&peer(8), 200, 10).await.unwrap(), registers(200, 10));
    };
    tokio::join!(device, client);
    let next = far.seen[1].0 - begun;
    assert!(next >= Duration::from_millis(60), "not while unit 7 may talk: {next:?}");
    assert!(next < Duration::from_millis(250), "and no longer than it does: {next:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_unit_costs_its_time_outs_only_and_the_others_go_on() {
    let (mut bus, mut far) = line();
    let device = tokio::spawn(async move {
        let mut bytes = [0; 8];
        while far.stream.read_exact(&mut bytes).await.is_ok() {
            let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            far.seen.push((Instant::now(), bytes[0]));
            if bytes[0] != 9 {
                far.answer((bytes[0], word(2), word(4))).await;
            }
        }
        far.seen
    });
    let begun = Instant::now();
    let (mut rounds, mut asked) = (0, 0);
    while begun.elapsed() < Duration::from_secs(300) {
        for unit in [1, 2] {
            assert_eq!(bus.read(&peer(unit), 100, 10).await.unwrap(), registers(100, 10));
        }
        match bus.read(&peer(9), 100, 10).await.unwrap_err() {
            BusError::TimedOut(_) => asked += 1,
            other => assert_eq!(other, BusError::Connect(ConnectFault::UnitSilent)),
        }
        assert!(bus.retry_at(1).is_none());
        rounds += 1;
        sleep(Duration::from_millis(100)).await;
    }
    drop(bus);
    let dead = device.await.unwrap().iter().filter(|(_, unit)| *unit == 9).count();
    assert!((6..=16).contains(&asked), "asked {asked} times in 5 minutes");
    assert_eq!(dead, asked);
    assert!(rounds > 2000, "{rounds}");
}

#[tokio::test(start_paused = true)]
async fn a_full_bus_is_late_but_fair_and_commands_go_first() {
    let (bus, mut far) = line();
    let shared = SharedBus::over(bus);
    // A fifth of a second for each answer: eight units that want to be read every second cannot be served in time.
    let device = async {
        let mut order = Vec::new();
        for _ in 0..48 {
            let mut head = [0; 8];
            far.stream.read_exact(&mut head).await.unwrap();
            let mut pdu = vec![head[1], 20];
            if head[1] == 16 {
                far.stream.read_exact(&mut [0; 3]).await.unwrap();
                pdu = head[1..6].to_vec();
            } else {
                pdu.extend([0; 20]);
            }
            order.push((head[0], head[1]));
            sleep(Duration::from_millis(200)).await;
            far.send(&frame(head[0], &pdu)).await;
        }
        order
    };
    let readers = (1..=8).map(|unit| {
        let line = shared.line(Peer { response_timeout: Duration::from_secs(2), ..peer(unit) });
        async move {
            loop {
                line.read(100, 10).await.unwrap();
            }
        }
    });
    let commander = async {
        let line = shared.line(Peer { response_timeout: Duration::from_secs(2), ..peer(3) });
        let mut longest = Duration::ZERO;
        for _ in 0..3 {
            sleep(Duration::from_millis(2100)).await;
            let begun = Instant::now();
            line.write(5, &[1]).await.unwrap();
            longest = longest.max(begun.elapsed());
        }
        assert!(longest < Duration::from_millis(700), "behind at most the reads under way: {longest:?}");
        std::future::pending::<()>().await;
    };
    let order = tokio::select! {
        order = device => order,
        _ = futures_util::future::join_all(readers) => unreachable!(),
        () = commander => unreachable!(),
    };
    let reads: Vec<u8> = order.iter().filter(|(_, f)| *f == 3).map(|(unit, _)| *unit).collect();
    assert_eq!(order.len() - reads.len(), 3, "all commands");
    for round in reads.chunks_exact(8) {
        let mut units = round.to_vec();
        units.sort_unstable();
        assert_eq!(units, [1, 2, 3, 4, 5, 6, 7, 8], "round robin: {reads:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_babbling_line_is_given_up_in_time() {
    let (mut bus, mut far) = line();
    let babble = tokio::spawn(async move {
        while far.stream.write_all(&[0x55; 16]).await.is_ok() {
            sleep(Duration::from_millis(1)).await;
        }
    });
    let begun = Instant::now();
    let error = bus.read(&peer(7), 100, 10).await.unwrap_err();
    assert!(matches!(&error, BusError::BadAnswer(what) if what.contains("never silent")), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(1));
    drop(bus);
    babble.await.unwrap();
}

#[tokio::test]
async fn a_port_that_cannot_be_had_is_said_in_words() {
    let open = async |path: &str| SerialLine::new(path, options()).open(Duration::from_mins(1)).await;
    assert_eq!(open("/dev/ttyNOTHERE0").await, Err(ConnectFault::NoPort));
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(open(file.path().to_str().unwrap()).await, Err(ConnectFault::NotAPort));
    let (_master, slave) = SerialStream::pair().unwrap();
    let path = tokio_serial::SerialPort::name(&slave).unwrap();
    let mut first = SerialLine::new(&path, options());
    assert_eq!(first.open(Duration::from_mins(1)).await, Ok(()));
    assert_eq!(open(&path).await, Err(ConnectFault::PortBusy));
    drop(first);
    assert_eq!(open(&path).await, Ok(()), "free again");
    let denied = tokio_serial::Error::new(
        tokio_serial::ErrorKind::Io(std::io::ErrorKind::PermissionDenied),
        "Permission denied",
    );
    assert!(fault_of(&denied).to_string().contains("dialout"));
    let mut bus =
        Bus::new(super::super::Endpoint::Serial { path: "/dev/ttyNOTHERE0".into(), serial: options() });
    assert_eq!(bus.read(&peer(1), 0, 2).await, Err(BusError::Connect(ConnectFault::NoPort)));
    assert!(bus.retry_at(1).is_some() && bus.retry_at(2).is_some(), "the port concerns all units");
}

#[tokio::test]
async fn a_port_that_vanishes_is_said_to_be_gone() {
    crate::testing::unhurried();
    let (master, slave) = SerialStream::pair().unwrap();
    let path = tokio_serial::SerialPort::name(&slave).unwrap();
    let mut bus = Bus::new(super::super::Endpoint::Serial { path, serial: options() });
    let (mut master, mine) = (master, peer(7));
    let (result, ()) = tokio::join!(bus.read(&mine, 100, 10), async {
        master.read_exact(&mut [0; 8]).await.unwrap();
        master.write_all(&good((7, 100, 10))).await.unwrap();
    });
    assert_eq!(result.unwrap(), registers(100, 10));
    drop((slave, master));
    assert_eq!(bus.read(&mine, 100, 10).await, Err(BusError::Closed));
    assert!(matches!(bus.read(&mine, 100, 10).await, Err(BusError::Connect(_))), "it is gone");
}
