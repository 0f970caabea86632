//! An outstation whose maker took the two limits of the profile for the other way round (DNP3 reference 1.4.1).

use super::profile::good_for;
use super::*;
use crate::device_map::parse_map;

const SWAPPED: &str = r#"
format = 1
id = "swapped"
title = "Limits the other way round"
kind = "dnp3"
revision = "2026-11-22"
source = "a test"
extends = "dnp3-an2018"

[[command]]
name = "limit_active_power"
steps = [
  { write = "AO85", reads = "AI145", from = "reversion", optional = true },
  { write = "AO88", reads = "AI149", value = 100, scale = 0.1 },
  { write = "AO87", reads = "AI148", from = "input", percent_of = "active_power_max", scale = 0.1, min = 0, max = 100 },
  { write = "BO17", reads = "BI69", value = "on" },
]
"#;

#[tokio::test(start_paused = true)]
async fn a_map_of_its_own_turns_the_limits_round() {
    let map = parse_map("swapped.toml", SWAPPED).unwrap().outstation.unwrap();
    let outstation = good_for(&map);
    let mut commands = Commands::new("swapped", map, "");
    let known = Told { named: [("active_power_max".to_owned(), 10_000.0)].into(), ..Told::default() };
    let outcome = commands.carry_out(&outstation, &order(limit(6000.0)), &known).await;
    assert_eq!(outcome, applied(Some(6000.0), true));
    let wanted = ["AO85=300", "AO88=1000", "AO87=600", "read AI145 AI148-149", "BO17=on", "read BI69"];
    assert_eq!(trace(&outstation), wanted);
    outstation.state().seen.clear();
    let release = order(Setpoint::ReleaseActivePower);
    assert_eq!(commands.carry_out(&outstation, &release, &known).await, applied(None, false));
    assert_eq!(trace(&outstation), ["BO17=off", "read BI69"], "what the map does not say is as below it");
}
