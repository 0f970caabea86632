//! What the core hears of an outstation while something longer than a poll is under way; time stands still until all wait.

use super::*;
use crate::core::port::{Inbox, open};
use crate::southbound::dnp3::testing::{Answer, Outstation, UNKNOWN};
use std::sync::atomic::{AtomicBool, Ordering};

const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);
const EVENTS: &[Part] = &[Part::Events];

fn heard(inbox: &mut Inbox) -> Vec<Duration> {
    let reports = std::iter::from_fn(|| inbox.reports.try_recv().ok());
    let took = |(_, report)| match report {
        Report::Heard { took } => took,
        other => panic!("{other:?}"),
    };
    reports.map(took).collect()
}

#[tokio::test(start_paused = true)]
async fn every_answer_is_heard_of_at_most_once_a_second_with_the_slowest() {
    let (mut inbox, _handles, ports) = open(1);
    let outstation = Outstation::new(&[]);
    let field = Hearing::new(&outstation, &ports[0].reports, PATIENCE);
    outstation.script(|_| Answer::After(SECOND * 3));
    field.read(EVENTS).await.unwrap();
    field.identity().await.unwrap();
    assert_eq!(heard(&mut inbox), [SECOND * 3, SECOND * 3]);
    outstation.script(|_| Answer::After(SECOND / 10));
    for _ in 0..40 {
        field.clone().read(EVENTS).await.unwrap();
    }
    assert_eq!(heard(&mut inbox), [SECOND / 10; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer_and_silence_and_noise_are_none() {
    let (mut inbox, _handles, ports) = open(1);
    let outstation = Outstation::new(&[]);
    let field = Hearing::new(&outstation, &ports[0].reports, PATIENCE);
    outstation.script(|_| Answer::Refused(UNKNOWN));
    field.read(EVENTS).await.unwrap_err();
    assert_eq!(heard(&mut inbox), [Duration::ZERO]);
    for answer in [Answer::Silent, Answer::Broken("noise"), Answer::NoConnection("down")] {
        tokio::time::sleep(SECOND * 2).await;
        outstation.script(move |_| answer.clone());
        field.read(EVENTS).await.unwrap_err();
    }
    assert!(heard(&mut inbox).is_empty());
}

/// One that others are asked before, for a long time.
struct Queue {
    outstation: Outstation,
    waits: AtomicBool,
}

impl Field for Queue {
    async fn read(&self, parts: &[Part]) -> Result<Vec<Seen>, ReadError> {
        self.outstation.read(parts).await
    }
    async fn identity(&self) -> Result<Identity, ReadError> {
        self.outstation.identity().await
    }
    async fn operate(&self, outputs: &[Operation]) -> Result<(), OperateError> {
        self.outstation.operate(outputs).await
    }
    fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_its_turn_is_vouched_for_no_longer_than_an_answer_may_take() {
    let (mut inbox, _handles, ports) = open(1);
    let queue = Queue { outstation: Outstation::new(&[]), waits: AtomicBool::new(true) };
    let field = Hearing::new(&queue, &ports[0].reports, PATIENCE);
    queue.outstation.script(|_| Answer::After(SECOND * 60));
    field.read(EVENTS).await.unwrap();
    assert_eq!(heard(&mut inbox), [SECOND * 60], "nothing was ever heard of it before");
    field.read(EVENTS).await.unwrap();
    let told = heard(&mut inbox);
    assert_eq!(told, [vec![Duration::ZERO; 10], vec![SECOND * 60]].concat());
    queue.waits.store(false, Ordering::Relaxed);
    field.read(EVENTS).await.unwrap();
    assert_eq!(heard(&mut inbox), [SECOND * 60], "it was asked, and nobody knows whether it is there");
}
