use super::*;

#[test]
fn a_silent_unit_is_asked_less_and_less_often() {
    let now = Instant::now();
    let mut patience = Patience::new(Duration::from_secs(8));
    let mut pauses = Vec::new();
    for _ in 0..9 {
        patience.missed(7, ConnectFault::UnitSilent, now, 2);
        pauses.push(patience.until(7).map_or(0.0, |at| (at - now).as_secs_f64()));
    }
    assert_eq!(pauses[..2], [0.0, 0.0], "lost answers happen");
    assert!((4.0..=8.0).contains(&pauses[2]), "{pauses:?}");
    assert!((30.0..=60.0).contains(&pauses[8]), "{pauses:?}");
    assert_eq!(patience.until(8), None, "its neighbour is not concerned");
    patience.answered(7);
    patience.missed(7, ConnectFault::UnitSilent, now, 2);
    assert_eq!(patience.until(7), None, "one answer and all is forgotten");
}
