//! Powers that cannot be true of what the outstation is rated for.

use super::*;

fn power(readings: &[Reading]) -> &Reading {
    readings.iter().find(|r| r.quantity == Quantity::ActivePower).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_power_far_beyond_the_rating_never_passes_as_good() {
    let mut map = outstation_map();
    // The scale of the map is wrong by a hundred, and its sign.
    map.points[0].quantity = Some((RegisterQuantity::Reading(Quantity::ActivePower), -100.0));
    let mut rig = Rig::new(good(), map);
    rig.connect().await;
    let reason = rig.state(DeviceState::Degraded).await;
    for words in ["-500.0 kW was read", "62 times", "maximum active power 8.0 kW", "map by-hand"] {
        assert!(reason.contains(words), "{reason}");
    }
    for _ in 0..8 {
        assert_eq!(power(&rig.poll().await).quality, Quality::Invalid);
    }
    // What it tells by itself does not pass either, and at dusk nothing is good again.
    rig.outstation.put("AI537", 40.0);
    let seen = rig.outstation.now(at("AI537")).unwrap();
    rig.tell(News::Values(Source::Unsolicited, vec![seen])).await;
    assert_eq!(power(&rig.told().await).quality, Quality::Invalid);
    assert!(rig.states().iter().all(|(state, _)| *state != DeviceState::Online), "{:?}", rig.states());
}

#[tokio::test(start_paused = true)]
async fn a_generator_that_seems_to_absorb_has_a_wrong_sign() {
    let mut map = outstation_map();
    map.points[0].quantity = Some((RegisterQuantity::Reading(Quantity::ActivePower), -1.0));
    let mut rig = Rig::new(good(), map.clone());
    rig.connect().await;
    assert_eq!(rig.state(DeviceState::Online).await, "", "nobody knows that it stores nothing");
    map.points.push(OutstationPoint {
        quantity: Some((RegisterQuantity::Rating(Rating::ChargeMax), 1.0)),
        poll: PollClass::Once,
        ..point("charge_max", "AI33")
    });
    let outstation = good();
    outstation.put("AI33", 0.0);
    let mut rig = Rig::new(outstation, map);
    rig.connect().await;
    let reason = rig.state(DeviceState::Degraded).await;
    assert!(reason.contains("it can only generate") && reason.contains("look at its sign"), "{reason}");
}
