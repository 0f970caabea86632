use super::super::testing::{at, map};
use super::*;
use crate::southbound::dnp3::Part;
use crate::southbound::dnp3::testing::{Answer, Outstation};

fn pick(text: &str) -> Pick {
    Pick::parse(text).unwrap()
}

#[tokio::test]
async fn points_are_read_by_address_range_and_name() {
    let field = Outstation::new(&[
        ("AI537", 5000.0),
        ("AI149", 600.0),
        ("AO88", 600.0),
        ("BI10", 0.0),
        ("BI12", 1.0),
    ]);
    let picks = [pick("AI537"), pick("BI10..BI12"), pick("w"), pick("der.limit")];
    let answers = read(&field, &map(), &picks).await.unwrap();
    let of = |place: usize| answers[place].result.as_ref().unwrap();
    let power = &of(0)[0];
    assert_eq!((power.usable(), power.unit.as_deref(), power.quality()), (Some(10_000.0), Some("W"), "good"));
    assert_eq!(
        (power.name.as_deref(), power.profile.as_deref(), power.class),
        (Some("w"), Some("DER.W"), Some(2))
    );
    let states: Vec<_> = of(1).iter().map(|p| (p.at, p.seen.as_ref().unwrap().symbols.clone())).collect();
    assert_eq!(states, [(at("BI10"), vec!["off".to_owned()]), (at("BI12"), vec!["on".to_owned()])]);
    assert_eq!(of(2)[0].at, at("AI537"));
    let both: Vec<_> = of(3).iter().map(|point| (point.at, point.usable())).collect();
    assert_eq!(both, [(at("AI149"), Some(60.0)), (at("AO88"), Some(60.0))], "input and output of one name");
    assert!(field.reads().concat().iter().all(|part| matches!(part, Part::Range(..))));
}

/// Wrong data never passes as good.
#[tokio::test]
async fn flags_and_numbers_that_mean_nothing_are_told() {
    let field = Outstation::new(&[("AI537", 5.0), ("AI149", -1.0), ("AI0", -2_147_483_648.0)]);
    for (flags, part) in [(0x00, "ONLINE"), (0x03, "RESTART"), (0x05, "COMM_LOST"), (0x21, "OVER_RANGE")] {
        field.state().points.insert(at("AI537"), (5.0, flags));
        let answers = read(&field, &map(), &[pick("AI537")]).await.unwrap();
        let point = &answers[0].result.as_ref().unwrap()[0];
        assert_eq!((point.usable(), point.quality()), (None, "invalid"), "{flags}");
        let fault = point.seen.as_ref().unwrap().fault.clone().unwrap();
        assert!(fault.contains(part), "{fault}");
    }
    for address in ["AI149", "AI0"] {
        let answers = read(&field, &map(), &[pick(address)]).await.unwrap();
        assert_eq!(answers[0].result.as_ref().unwrap()[0].usable(), None, "{address}");
    }
}

#[tokio::test]
async fn what_is_missing_is_told_in_its_place() {
    let field = Outstation::new(&[("AI537", 5.0), ("AI3", 1.0)]);
    field.state().unknown.insert(at("AI4"));
    let picks = [pick("AI900"), pick("AI4"), pick("derr.w"), pick("AI3..AI4"), pick("AI537")];
    let answers = read(&field, &map(), &picks).await.unwrap();
    let why = |place: usize| answers[place].result.clone().unwrap_err();
    assert_eq!(why(0), "the outstation does not have it");
    assert!(why(1).contains("IIN2.1"), "{}", why(1));
    assert!(why(2).contains("did you mean DER.W?"), "{}", why(2));
    assert_eq!(answers[3].result.as_ref().unwrap().len(), 1, "the part that is there");
    assert!(answers[4].result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn silence_is_an_error_of_all() {
    let field = Outstation::new(&[]);
    field.script(|_| Answer::Silent);
    assert_eq!(read(&field, &map(), &[pick("AI1")]).await, Err(ReadError::Silent));
}
