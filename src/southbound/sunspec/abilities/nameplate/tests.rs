use super::*;
use crate::southbound::testing::{Book, legacy, newer};

#[test]
fn ratings_come_from_both_generations() {
    let plate = nameplate(&legacy().blocks());
    assert_eq!(plate.active_power_max, Some(Watts::new(10_000.0)));
    assert_eq!((plate.serial.as_deref(), plate.charge_max), (Some("SN-1"), None));
    let plate = nameplate(&newer().blocks());
    assert_eq!(plate.energy_rating, Some(WattHours::new(20_000.0)));
    assert_eq!(plate.charge_max, Some(Watts::new(10_000.0)));
}

#[test]
fn a_rating_of_zero_is_one_that_was_not_filled_in() {
    let zero = [("WRtg", 0), ("WRtg_SF", 0), ("VArRtgQ4", -300), ("VArRtg_SF", 1)];
    let battery = [("WHRtg", 12), ("WHRtg_SF", 3), ("WChaRteMax", 5), ("WChaDisChaMax_SF", 3)];
    let plate = nameplate(&Book::at(0).model(120, &zero).model(802, &battery).blocks());
    assert_eq!(plate.active_power_max, None);
    assert_eq!(plate.reactive_absorbed_max, Some(Vars::new(3000.0)), "a size, whatever its sign");
    assert_eq!(plate.energy_rating, Some(WattHours::new(12_000.0)));
    assert_eq!(plate.charge_max, Some(Watts::new(5000.0)));
}
