//! Units that are late, silent, broken and mistaken at random: whatever is taken for an answer must be the answer.

use super::*;
use crate::southbound::modbus::Exception;
use std::collections::HashMap;
use tokio::io::split;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

/// What a register holds: no two of a line are alike, as far as this test looks.
fn held(unit: u8, address: u16) -> u16 {
    address ^ (u16::from(unit) << 12)
}

fn right(unit: u8, address: u16, quantity: u16) -> Vec<u16> {
    (address..address + quantity).map(|at| held(unit, at)).collect()
}

/// One random fate of an answer.
fn fate(random: &mut fastrand::Rng, unit: u8, mut bytes: Vec<u8>) -> Vec<u8> {
    match random.u8(..12) {
        0 => return vec![],
        1 => {
            let at = random.usize(..bytes.len());
            bytes[at] ^= 1 << random.u8(..8);
        }
        2 => bytes.truncate(random.usize(..bytes.len())),
        3 => bytes = (0..random.usize(1..20)).map(|_| random.u8(..)).chain(bytes).collect(),
        4 => return frame(unit, &[0x83, 2]),
        5 => bytes.extend((0..random.usize(1..20)).map(|_| random.u8(..))),
        _ => {}
    }
    bytes
}

/// Answers in the order in which each unit is asked, as units do, but at any time.
async fn misbehave(stream: DuplexStream, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut input, mut output) = split(stream);
    let (answers, mut ready) = mpsc::unbounded_channel::<Vec<u8>>();
    tokio::spawn(async move {
        while let Some(bytes) = ready.recv().await {
            if output.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut busy: HashMap<u8, Instant> = HashMap::new();
    let mut request = [0; 8];
    while input.read_exact(&mut request).await.is_ok() {
        let (unit, address) = (request[0], u16::from_be_bytes([request[2], request[3]]));
        let quantity = u16::from(request[5]);
        let mut pdu = vec![3, u8::try_from(quantity * 2).unwrap()];
        pdu.extend(right(unit, address, quantity).iter().flat_map(|word| word.to_be_bytes()));
        let bytes = fate(&mut random, unit, frame(unit, &pdu));
        // The limit is 250 ms: most are in time, some late by little, some by much.
        let delay = match random.u8(..8) {
            0 => random.u64(240..280),
            1 => random.u64(250..3000),
            _ => random.u64(1..100),
        };
        let at = Instant::now() + Duration::from_millis(delay);
        let at = busy.get(&unit).map_or(at, |before| at.max(*before + Duration::from_millis(2)));
        busy.insert(unit, at);
        let answers = answers.clone();
        tokio::spawn(async move {
            sleep_until(at).await;
            let _ = answers.send(bytes);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_is_taken_for_an_answer_is_the_answer() {
    let (mut good, mut lost) = (0, 0);
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed + 1000);
        let (ours, theirs) = duplex(4096);
        let mut bus = Bus::over(Box::new(ours), options());
        let far = tokio::spawn(misbehave(theirs, seed));
        for _ in 0..60 {
            let unit = random.u8(1..=3);
            let quantity = [10, 10, 10, 1, 2, 52][random.usize(..6)];
            let address = random.u16(..3000);
            let mine = peer(unit);
            // Some requests are given up half-way.
            let limit = if random.u8(..10) == 0 { random.u64(1..300) } else { 10_000 };
            let read = timeout(Duration::from_millis(limit), bus.read(&mine, address, quantity));
            match read.await {
                Ok(Ok(words)) => {
                    assert_eq!(words, right(unit, address, quantity), "seed {seed}");
                    good += 1;
                }
                Ok(Err(BusError::Refused(code))) => assert_eq!(code, Exception(2)),
                Ok(Err(BusError::Connect(_))) => sleep(Duration::from_secs(70)).await,
                Ok(Err(BusError::TimedOut(_) | BusError::BadAnswer(_))) | Err(_) => lost += 1,
                Ok(Err(other)) => panic!("{other:?}"),
            }
        }
        drop(bus);
        far.await.unwrap();
    }
    println!("{good} good answers, {lost} lost");
    assert!(good > 1000 && lost > 500, "{good} {lost}");
}
