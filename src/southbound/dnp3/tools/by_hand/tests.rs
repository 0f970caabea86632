use super::*;
use crate::device_map::Maps;
use crate::southbound::dnp3::testing::{Answer, Outstation, Request};

const HOLD: Duration = Duration::from_secs(60);

fn battery() -> Outstation {
    let points = [
        ("AI0", 100.0),
        ("AI32", 10_000.0),
        ("AI33", -10_000.0),
        ("AI537", 5_000.0),
        ("BI10", 0.0),
        ("BI11", 0.0),
        ("BI36", 1.0),
    ];
    let field = Outstation::new(&points);
    for (output, input) in [
        ("AO83", "AI143"),
        ("AO84", "AI144"),
        ("AO85", "AI145"),
        ("AO87", "AI148"),
        ("AO88", "AI149"),
        ("BO17", "BI69"),
    ] {
        for text in [output, input] {
            field.put(text, 0.0);
        }
        field.mirror(output, &[input]);
    }
    field
}

async fn by_hand(field: &Outstation) -> ByHand<Outstation> {
    let map = Maps::builtin().get("dnp3-an2018").unwrap().clone();
    let outstation = map.outstation.clone().unwrap();
    ByHand::new(field.clone(), &map, &outstation, &|_| {}).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_is_what_is_sent() {
    let field = battery();
    let mut hand = by_hand(&field).await;
    let limit = Setpoint::LimitActivePower(Watts::new(5_000.0));
    let preview = hand.preview(&limit, HOLD).unwrap();
    assert!(
        preview.lines.iter().any(|line| line.starts_with("AO88 wlim_discharge_setpoint [%] = 500 (50)")),
        "{:?}",
        preview.lines
    );
    assert!(
        preview.lines.last().unwrap().starts_with("BO17 enable_wlim_mode latch on"),
        "{:?}",
        preview.lines
    );
    assert_eq!(field.operations().len(), 0, "nothing is sent before it is agreed to");
    let outcome = hand.carry_out(&limit, HOLD, Duration::from_secs(10)).await;
    assert!(matches!(outcome, Outcome::Applied(read_back) if read_back.verified), "{outcome:?}");
    let sent = field.operations().concat();
    assert_eq!(sent.last().map(String::as_str), Some("BO17=on"), "enabled last");
    let shown = |operation: &String| {
        let at = operation.split_once('=').unwrap().0;
        preview.lines.iter().any(|line| line.starts_with(&format!("{at} ")))
    };
    assert!(sent.iter().all(shown), "{sent:?}");
    assert_eq!(hand.active_power().await, Ok(Some(Watts::new(5_000.0))));
}

#[tokio::test(start_paused = true)]
async fn a_release_undoes_what_another_hand_left() {
    let field = battery();
    let mut hand = by_hand(&field).await;
    let preview = hand.preview(&Setpoint::ReleaseActivePower, HOLD).unwrap();
    assert!(
        preview.lines.iter().any(|line| line.starts_with("BO17 enable_wlim_mode latch off")),
        "{:?}",
        preview.lines
    );
    let outcome = hand.carry_out(&Setpoint::ReleaseActivePower, HOLD, Duration::from_secs(10)).await;
    assert!(field.operations().concat().contains(&"BO17=off".to_owned()), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn local_mode_is_told_before_anything_is_sent() {
    let field = battery();
    field.put("BI10", 1.0);
    let mut hand = by_hand(&field).await;
    let refused = hand.preview(&Setpoint::LimitActivePower(Watts::new(5_000.0)), HOLD).unwrap_err();
    assert!(matches!(&refused, Outcome::Refused(words) if words.contains("local")), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_told() {
    let field = battery();
    let mut hand = by_hand(&field).await;
    field.script(|request| if matches!(request, Request::Read(_)) { Answer::Silent } else { Answer::Good });
    assert_eq!(hand.active_power().await, Err(ReadError::Silent));
    assert_eq!(hand.refresh().await, Err(ReadError::Silent));
}

#[tokio::test(start_paused = true)]
async fn what_another_master_sent_since_is_seen() {
    let field = battery();
    let mut hand = by_hand(&field).await;
    let limit = Setpoint::LimitActivePower(Watts::new(5_000.0));
    let outcome = hand.carry_out(&limit, HOLD, Duration::from_secs(10)).await;
    assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    let stands = hand.stands().await;
    assert!(!stands.is_empty() && stands.iter().all(|stand| stand.kept), "{stands:?}");
    field.put("AI149", 120.0);
    field.put("BI69", 0.0);
    let changed: Vec<String> = hand
        .stands()
        .await
        .iter()
        .filter(|stand| !stand.kept)
        .map(|stand| format!("{} {}", stand.name, stand.now))
        .collect();
    assert_eq!(changed, ["AO88 wlim_discharge_setpoint 12 %", "BO17 enable_wlim_mode off"]);
}
