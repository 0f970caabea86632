//! The harness sees what it should: otherwise no input of a fuzzer would reach anything.

use super::*;
use crate::der::{Outcome, Watts};

/// A device with these models, each as an input says it is plain.
fn device(ids_wanted: &[u16]) -> Image {
    let mut words = vec![0x5375, 0x6E53];
    for id in ids_wanted {
        let pick = u8::try_from(ids().iter().position(|known| known == id).unwrap()).unwrap();
        words.extend(model(&mut Input::new(&[pick, 0, 2])));
    }
    words.extend([0xFFFF, 0]);
    Image { words, most: drive::REQUESTS, ..Image::default() }
}

#[test]
fn a_plain_device_is_driven_and_commanded() {
    for ids in [&[1, 103, 120, 121, 122, 123][..], &[1, 701, 702, 703, 704]] {
        run(async move {
            let limit = Setpoint::LimitActivePower(Watts::new(1.0));
            let asked = [limit, Setpoint::ReleaseActivePower, Setpoint::Disconnect, Setpoint::Connect];
            let wishes = asked.map(|setpoint| (Duration::from_secs(5), setpoint)).to_vec();
            let seen = drive::driver(device(ids), wishes).await;
            assert!(seen.polls > 20, "{seen:?}");
            assert!(seen.outcomes.iter().all(|o| matches!(o, Outcome::Applied(_))), "{ids:?}: {seen:?}");
        });
    }
}

#[test]
fn a_device_that_is_asked_too_often_is_seen() {
    let image = Image { most: 20, ..device(&[1, 103]) };
    run(async {
        let (bus, device) = image.start();
        let line = bus.line(crate::southbound::fuzzing::PEER);
        for _ in 0..20 {
            assert!(line.read(BASE, 2).await.is_ok());
        }
        assert!(line.read(BASE, 2).await.is_err());
        assert_eq!(device.requests(), 21);
    });
}
