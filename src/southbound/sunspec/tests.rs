//! The whole driver against a scripted server, seen from the core's side.

use super::{Lookup, MapChoice};
use crate::core::port::{Command, DeviceHandle, Inbox, Poll, Report, open};
use crate::der::{DeviceState, Outcome, Quality, Quantity, ReadBack, Setpoint, Watts};
use crate::device_map::Model;
use crate::southbound::connection::spawn;
use crate::southbound::testing::{Answer, Book, Seen, Server, legacy, newer, storage};
use crate::southbound::{DeviceSettings, Link, known};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

mod doubts;
mod hybrid;
mod nights;
mod quirks;
mod records;
mod secured;
mod silence;
mod unusable;

struct Rig {
    inbox: Inbox,
    handles: Vec<DeviceHandle>,
    tasks: JoinSet<()>,
    stop: CancellationToken,
    commands: u64,
}

impl Rig {
    fn new(devices: Vec<DeviceSettings>, lookup: Lookup) -> Self {
        Self::choosing(devices, lookup, Arc::new(|_, _, _| None))
    }

    fn choosing(devices: Vec<DeviceSettings>, lookup: Lookup, choice: MapChoice) -> Self {
        let (inbox, handles, ports) = open(devices.len());
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        spawn(devices, &ports, &mut tasks, &stop, &lookup, &choice);
        Self { inbox, handles, tasks, stop, commands: 0 }
    }

    async fn one(book: &Book) -> (Server, Self) {
        let server = Server::start(&[(1, book)]).await;
        let rig = Self::new(vec![server.device(0, 1)], known());
        (server, rig)
    }

    async fn report<T>(&mut self, what: &str, mut pick: impl FnMut(usize, &Report) -> Option<T>) -> T {
        let wanted = async {
            loop {
                let (device, report) = self.inbox.reports.recv().await.unwrap();
                if let Some(found) = pick(device.get(), &report) {
                    return found;
                }
            }
        };
        timeout(Duration::from_secs(20), wanted).await.unwrap_or_else(|_| panic!("no {what}"))
    }

    async fn state(&mut self, device: usize, wanted: DeviceState) -> String {
        self.report(wanted.name(), |from, report| match report {
            Report::State { state, reason } if (from, *state) == (device, wanted) => Some(reason.clone()),
            _ => None,
        })
        .await
    }

    async fn poll(&mut self, device: usize) -> Poll {
        self.report("poll", |from, report| match report {
            Report::Poll(poll) if from == device => Some(poll.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for a poll in which the active power is this.
    async fn power(&mut self, device: usize, wanted: Option<f64>) {
        self.report("power", |from, report| match report {
            Report::Poll(poll) if from == device => {
                let power = poll.readings.iter().find(|r| r.quantity == Quantity::ActivePower);
                let value = power.filter(|r| r.quality == Quality::Good).map(|r| r.value);
                (value == wanted).then_some(())
            }
            _ => None,
        })
        .await;
    }

    fn send(&mut self, device: usize, setpoint: Setpoint) {
        self.commands += 1;
        self.handles[device].send(Command {
            id: self.commands,
            setpoint,
            hold: Duration::from_secs(90),
            expires_at: Instant::now() + Duration::from_secs(15),
        });
    }

    async fn command(&mut self, device: usize, setpoint: Setpoint) -> Outcome {
        self.send(device, setpoint);
        self.outcome().await
    }

    async fn outcome(&mut self) -> Outcome {
        loop {
            tokio::select! {
                biased;
                end = self.inbox.ends.recv() => return end.unwrap().outcome,
                _ = self.inbox.reports.recv() => {}
                () = tokio::time::sleep(Duration::from_secs(20)) => panic!("no outcome"),
            }
        }
    }
}

const LIMIT: Setpoint = Setpoint::LimitActivePower(Watts::new(4800.0));

fn is_write(seen: &Seen) -> bool {
    seen.function != 3
}

#[tokio::test]
async fn a_device_is_found_introduced_and_polled() {
    let (_server, mut rig) = Rig::one(&legacy()).await;
    let plate = rig
        .report("nameplate", |_, report| match report {
            Report::Nameplate(plate) => Some(plate.clone()),
            _ => None,
        })
        .await;
    assert_eq!(plate.serial.as_deref(), Some("SN-1"));
    assert_eq!(rig.state(0, DeviceState::Online).await, "");
    let poll = rig.poll(0).await;
    assert!(poll.readings.iter().any(|r| r.quantity == Quantity::ActivePower && r.value == 5000.0));
    assert!(poll.lateness < Duration::from_secs(1));
}

#[tokio::test]
async fn a_limit_is_applied_read_back_and_released() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.state(0, DeviceState::Online).await;
    let applied =
        ReadBack { active_power: Some(Watts::new(4800.0)), bounded: true, verified: true, doubt: None };
    assert_eq!(rig.command(0, LIMIT).await, Outcome::Applied(applied));
    assert_eq!(server.writes(), [(16, 40187, vec![600, 0, 90, 0, 1])]);
    let released = rig.command(0, Setpoint::ReleaseActivePower).await;
    assert_eq!(
        released,
        Outcome::Applied(ReadBack { active_power: None, bounded: false, verified: true, doubt: None })
    );
    assert_eq!(server.writes().last(), Some(&(16, 40191, vec![0])));
}

#[tokio::test]
async fn set_points_and_connection_of_both_generations_are_applied() {
    let (server, mut rig) = Rig::one(&newer()).await;
    rig.state(0, DeviceState::Online).await;
    let set = rig.command(0, Setpoint::SetActivePower(Watts::new(-5000.0))).await;
    let applied =
        ReadBack { active_power: Some(Watts::new(-5000.0)), bounded: true, verified: true, doubt: None };
    assert_eq!(set, Outcome::Applied(applied));
    assert!(matches!(rig.command(0, Setpoint::Disconnect).await, Outcome::Applied(_)));
    assert_eq!(server.writes().last(), Some(&(16, 40279, vec![0])));
    let (server, mut rig) = Rig::one(&storage()).await;
    rig.state(0, DeviceState::Online).await;
    assert!(matches!(
        rig.command(0, Setpoint::SetActivePower(Watts::new(-2500.0))).await,
        Outcome::Applied(_)
    ));
    assert!(matches!(rig.command(0, Setpoint::ReleaseActivePower).await, Outcome::Applied(_)));
    let last: Vec<_> = server.writes().into_iter().rev().take(2).collect();
    assert_eq!(last, [(16, 40167, vec![0]), (16, 40155, vec![0])]);
}

#[tokio::test]
async fn a_value_that_the_device_does_not_keep_is_refused_in_words() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.state(0, DeviceState::Online).await;
    server.script(|seen, _| if is_write(seen) { Answer::Ignored } else { Answer::Good });
    let Outcome::NotKept(words) = rig.command(0, LIMIT).await else { panic!("kept") };
    assert_eq!(words, "written, but the device kept 100 % instead of 60 % in 123.WMaxLimPct");
}

#[tokio::test]
async fn an_exception_to_a_write_is_refused_in_words() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.state(0, DeviceState::Online).await;
    server.script(|seen, _| if is_write(seen) { Answer::Exception(2) } else { Answer::Good });
    let Outcome::Refused(words) = rig.command(0, LIMIT).await else { panic!("not refused") };
    assert!(words.contains("switched off in the device's menu (exception 2"), "{words}");
}

#[tokio::test]
async fn local_mode_is_respected() {
    let mut book = newer();
    book.set(715, "LocRemCtl", 1);
    let (server, mut rig) = Rig::one(&book).await;
    rig.state(0, DeviceState::Online).await;
    let Outcome::Refused(words) = rig.command(0, LIMIT).await else { panic!("not refused") };
    assert!(words.contains("local mode"), "{words}");
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_read_back_before_it_is_judged() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.state(0, DeviceState::Online).await;
    server.script(|seen, _| if is_write(seen) { Answer::DoneInSilence } else { Answer::Good });
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
    assert_eq!(server.writes().len(), 1, "not repeated");
}

#[tokio::test]
async fn a_write_that_stays_unanswered_is_timed_out() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.state(0, DeviceState::Online).await;
    server.script(|seen, _| if is_write(seen) { Answer::Silence } else { Answer::Good });
    assert_eq!(rig.command(0, LIMIT).await, Outcome::TimedOut);
    assert_eq!(server.writes().len(), 2, "repeated once, after reading back");
}

#[tokio::test]
async fn a_device_that_wants_fc_6_for_single_registers_gets_it_from_then_on() {
    let (server, mut rig) = Rig::one(&newer()).await;
    rig.state(0, DeviceState::Online).await;
    server.script(|seen, _| match (seen.function, seen.words.len()) {
        (16, 1) => Answer::Exception(2),
        _ => Answer::Good,
    });
    assert!(matches!(rig.command(0, Setpoint::Disconnect).await, Outcome::Applied(_)));
    assert!(matches!(rig.command(0, Setpoint::Connect).await, Outcome::Applied(_)));
    let functions: Vec<u8> = server.writes().iter().map(|w| w.0).collect();
    assert_eq!(functions, [16, 6, 6]);
}

#[tokio::test]
async fn an_enable_that_never_goes_off_is_released_with_a_hundred_percent() {
    let mut book = legacy();
    book.set(123, "WMaxLim_Ena", 1);
    book.set(123, "WMaxLimPct", 600);
    let (server, mut rig) = Rig::one(&book).await;
    rig.state(0, DeviceState::Online).await;
    server.script(|seen, _| if seen.words == [0] { Answer::Ignored } else { Answer::Good });
    assert!(matches!(rig.command(0, Setpoint::ReleaseActivePower).await, Outcome::Applied(_)));
    assert_eq!(server.writes().last(), Some(&(16, 40191, vec![1])));
}

#[tokio::test]
async fn an_enable_that_must_not_be_cleared_is_released_with_a_hundred_percent() {
    let mut book = legacy();
    book.set(123, "WMaxLim_Ena", 1);
    book.set(123, "WMaxLimPct", 600);
    let (server, mut rig) = Rig::one(&book).await;
    rig.state(0, DeviceState::Online).await;
    server.script(|seen, _| if seen.words == [0] { Answer::Exception(3) } else { Answer::Good });
    assert!(matches!(rig.command(0, Setpoint::ReleaseActivePower).await, Outcome::Applied(_)));
    let percent = book.address(123, "WMaxLimPct");
    assert_eq!(
        server.writes(),
        [(16, 40191, vec![0]), (16, percent, vec![1000]), (16, 40191, vec![1])],
        "a hundred percent after the refusal"
    );
    server.script(|seen, _| if is_write(seen) { Answer::Exception(3) } else { Answer::Good });
    let Outcome::Refused(words) = rig.command(0, Setpoint::ReleaseActivePower).await else {
        panic!("not refused")
    };
    assert!(words.contains("123.WMaxLimPct"), "{words}");
}

#[tokio::test]
async fn a_silent_device_is_lost_its_commands_end_at_once_and_it_comes_back() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.state(0, DeviceState::Online).await;
    server.script(|_, _| Answer::Silence);
    let reason = rig.state(0, DeviceState::CommLost).await;
    assert!(reason.contains("no request is answered") || reason.contains("no answer"), "{reason}");
    let asked = Instant::now();
    assert_eq!(rig.command(0, LIMIT).await, Outcome::Unreachable);
    assert!(asked.elapsed() < Duration::from_millis(200), "at once");
    server.script(|_, _| Answer::Good);
    rig.state(0, DeviceState::Online).await;
    rig.power(0, Some(5000.0)).await;
}

#[tokio::test]
async fn a_device_that_was_never_there_is_lost_with_a_reason() {
    let server = Server::start(&[]).await;
    let mut gone = server.device(0, 1);
    gone.link = Link::parse("modbus+tcp://127.0.0.1:1").unwrap();
    let mut rig = Rig::new(vec![gone], known());
    let reason = rig.state(0, DeviceState::CommLost).await;
    assert!(reason.contains("refused"), "{reason}");
    assert_eq!(rig.command(0, LIMIT).await, Outcome::Unreachable);
}

#[tokio::test]
async fn a_dead_unit_does_not_stop_the_live_one_behind_the_same_connection() {
    let server = Server::start(&[(1, &legacy()), (2, &newer())]).await;
    server.script(|seen, _| if seen.unit == 2 { Answer::Silence } else { Answer::Good });
    let mut rig = Rig::new(vec![server.device(0, 1), server.device(1, 2), server.device(2, 3)], known());
    assert_eq!(rig.tasks.len(), 1, "one task a connection");
    let reason = rig.state(2, DeviceState::CommLost).await;
    assert!(
        reason.starts_with("nothing answers as this unit") && reason.contains("try another unit"),
        "{reason}"
    );
    rig.state(1, DeviceState::CommLost).await;
    rig.power(0, Some(5000.0)).await;
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
    rig.power(0, Some(5000.0)).await;
}

#[tokio::test]
async fn a_model_that_moves_is_noticed_and_found_again() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.power(0, Some(5000.0)).await;
    let mut moved = Book::at(40000).identity("SN-1").stranger(64_001, 5);
    moved = moved.model(103, &[("W", 777), ("W_SF", 0), ("PhVphA", 230), ("V_SF", 0)]);
    server.state().units.insert(1, moved.registers);
    rig.state(0, DeviceState::Discovering).await;
    rig.power(0, Some(777.0)).await;
}

#[tokio::test]
async fn a_scale_factor_that_changes_between_polls_changes_no_value() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.power(0, Some(5000.0)).await;
    let mut book = legacy();
    book.set(103, "W", 51);
    book.set(103, "W_SF", 2);
    server.state().units.insert(1, book.registers.clone());
    let next = rig
        .report("another power", |_, report| match report {
            Report::Poll(poll) => poll
                .readings
                .iter()
                .find(|r| r.quantity == Quantity::ActivePower && r.value != 5000.0)
                .copied(),
            _ => None,
        })
        .await;
    assert_eq!((next.value, next.quality), (5100.0, Quality::Good));
    book.set(103, "W_SF", 0x8000);
    server.state().units.insert(1, book.registers);
    rig.power(0, None).await;
}

#[tokio::test]
async fn a_model_that_cannot_be_read_degrades_the_device_and_no_more() {
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|seen, _| {
        if seen.address == 40182 && seen.quantity > 2 { Answer::Exception(4) } else { Answer::Good }
    });
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    let reason = rig.state(0, DeviceState::Degraded).await;
    assert!(reason.contains("model 123 cannot be read: exception 4"), "{reason}");
    rig.power(0, Some(5000.0)).await;
}

#[tokio::test]
async fn a_model_that_is_silent_degrades_the_device_and_no_more() {
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(
        |seen, _| if seen.address == 40122 && seen.quantity > 2 { Answer::Silence } else { Answer::Good },
    );
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    let reason = rig.state(0, DeviceState::Degraded).await;
    assert!(reason.contains("model 120 cannot be read: no answer"), "{reason}");
    rig.power(0, Some(5000.0)).await;
}

#[tokio::test]
async fn a_device_that_refuses_long_reads_is_read_in_shorter_ones() {
    let server = Server::start(&[(1, &newer())]).await;
    server.script(
        |seen, _| if seen.quantity > 50 && !is_write(seen) { Answer::Exception(3) } else { Answer::Good },
    );
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    assert_eq!(rig.state(0, DeviceState::Online).await, "");
    rig.power(0, Some(-2500.0)).await;
}

#[tokio::test]
async fn another_device_in_the_same_place_is_read_and_not_written() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.power(0, Some(5000.0)).await;
    server.script(|_, _| Answer::Silence);
    rig.state(0, DeviceState::CommLost).await;
    let mut other = legacy();
    let serial = other.address(1, "SN");
    other.put(serial, &[0x4F54, 0x4845, 0x5200]);
    server.state().units.insert(1, other.registers);
    server.script(|_, _| Answer::Good);
    let reason = rig.state(0, DeviceState::IdentityChanged).await;
    assert!(reason.contains("from SN-1 to OTHER"), "{reason}");
    rig.power(0, Some(5000.0)).await;
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Refused(_)));
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn a_panic_in_one_connection_does_not_stop_another() {
    fn explosive(id: u16) -> Option<Arc<Model>> {
        assert_ne!(id, 802, "this table panics on purpose");
        known()(id)
    }
    let (good, bad) = (legacy(), legacy().model(802, &[]));
    let (first, second) = (Server::start(&[(1, &good)]).await, Server::start(&[(1, &bad)]).await);
    let mut rig = Rig::new(vec![first.device(0, 1), second.device(1, 1)], Arc::new(explosive));
    // Twice: it was started again.
    rig.state(1, DeviceState::Discovering).await;
    rig.state(1, DeviceState::Discovering).await;
    rig.power(0, Some(5000.0)).await;
    assert_eq!(rig.tasks.len(), 2);
}

#[tokio::test]
async fn drivers_end_soon_after_the_stop_even_when_a_device_is_silent() {
    let server = Server::start(&[(1, &legacy()), (2, &legacy())]).await;
    server.script(|seen, _| if seen.unit == 2 { Answer::Silence } else { Answer::Good });
    let mut rig = Rig::new(vec![server.device(0, 1), server.device(1, 2)], known());
    rig.state(0, DeviceState::Online).await;
    rig.stop.cancel();
    let all = async { while rig.tasks.join_next().await.is_some() {} };
    timeout(Duration::from_secs(1), all).await.expect("ended within a second");
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn a_model_that_moved_between_polls_is_never_written() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.power(0, Some(5000.0)).await;
    let mut moved = legacy();
    moved.put(40183, &[23]);
    server.state().units.insert(1, moved.registers);
    let Outcome::Refused(words) = rig.command(0, LIMIT).await else { panic!("not refused") };
    assert!(words.contains("expected id 123 L 24 at 40182, found id 123 L 23"), "{words}");
    assert_eq!(server.writes(), []);
    rig.state(0, DeviceState::Discovering).await;
}

#[tokio::test]
async fn a_limit_that_somebody_else_ends_is_put_back_and_what_we_release_is_not() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    rig.state(0, DeviceState::Online).await;
    assert!(matches!(rig.command(0, LIMIT).await, Outcome::Applied(_)));
    let enable = 40191;
    let reads = |server: &Server| {
        let covers = |seen: &&Seen| {
            seen.function == 3 && (seen.address..seen.address + seen.quantity).contains(&enable)
        };
        server.state().seen.iter().filter(covers).count()
    };
    // It was read since, and seen to stand.
    let before = reads(&server);
    while reads(&server) == before {
        rig.poll(0).await;
    }
    rig.poll(0).await;
    server.state().units.get_mut(&1).unwrap().insert(enable, 0);
    while server.writes().len() < 2 {
        rig.poll(0).await;
    }
    assert_eq!(server.state().units[&1][&enable], 1);
    assert!(matches!(rig.command(0, Setpoint::ReleaseActivePower).await, Outcome::Applied(_)));
    let (before, writes) = (reads(&server), server.writes().len());
    while reads(&server) < before + 2 {
        rig.poll(0).await;
    }
    assert_eq!(server.writes().len(), writes, "what we release is not put back");
}
