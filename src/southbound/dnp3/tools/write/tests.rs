use super::super::testing::{at, map};
use super::*;
use crate::southbound::dnp3::Refusal;
use crate::southbound::dnp3::testing::{Answer, Outstation, Request};

fn orders(texts: &[&str]) -> Vec<OutputOrder> {
    texts.iter().map(|text| OutputOrder::parse(text).unwrap()).collect()
}

fn planned(texts: &[&str]) -> Result<Vec<PlannedOutput>, String> {
    plan(&map(), &orders(texts), None)
}

/// An outstation whose inputs show its outputs.
fn mirroring() -> Outstation {
    let field = Outstation::new(&[("AO88", 0.0), ("AI149", 0.0), ("BO17", 0.0), ("BI69", 0.0), ("AO5", 0.0)]);
    field.mirror("AO88", &["AI149"]);
    field.mirror("BO17", &["BI69"]);
    field
}

async fn done(field: &Outstation, texts: &[&str]) -> Vec<OperatedOutput> {
    carry_out(field, &map(), &planned(texts).unwrap(), &|_| {}).await
}

#[test]
fn a_number_is_raw_by_address_and_engineering_by_name() {
    let plans = planned(&["AO88=600", "DER.Limit=60", "limit=59.97", "BO17=on", "BO17=0"]).unwrap();
    let shown: Vec<_> =
        plans.iter().map(|p| (p.at.to_string(), p.raw, p.value.as_str(), p.object, p.how)).collect();
    let (direct, select) = (Operate::Direct, Operate::Select);
    let expected = [
        ("AO88", 600.0, "60 %", "g41v1", direct),
        ("AO88", 600.0, "60 %", "g41v1", direct),
        ("AO88", 600.0, "60 %", "g41v1", direct),
        ("BO17", 1.0, "on", "LATCH_ON", select),
        ("BO17", 0.0, "off", "LATCH_OFF", select),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(a, b, c, d, e)| (a.to_owned(), b, c, d, e)).collect();
    assert_eq!(shown, expected);
    assert_eq!((plans[0].pair, plans[3].pair), (Some(at("AI149")), Some(at("BI69"))));
    let other = plan(&map(), &orders(&["AO88=1"]), Some(Operate::Select)).unwrap();
    assert_eq!(other[0].how, Operate::Select);
}

#[test]
fn what_cannot_be_sent_is_told() {
    for (text, part) in [
        ("AO88=59.5", "whole raw number"),
        ("AO88=2147483648", "-2147483648 to 2147483647"),
        ("AO88=NaN", "takes a number"),
        ("AO88=on", "takes a number"),
        ("BO17=5", "takes on or off"),
        ("w=5", "is an input"),
        ("nothing=5", "no point is named"),
    ] {
        let said = planned(&[text]).unwrap_err();
        assert!(said.contains(part), "{text}: {said}");
    }
    let mut small = map();
    small.control.number = AnalogNumber::Int16;
    assert!(plan(&small, &orders(&["AO88=40000"]), None).unwrap_err().contains("-32768 to 32767"));
    small.control.number = AnalogNumber::Float32;
    assert_eq!(plan(&small, &orders(&["AO88=0.5"]), None).unwrap()[0].raw, 0.5);
}

#[tokio::test(start_paused = true)]
async fn outputs_are_operated_in_order_and_read_back() {
    let field = mirroring();
    let done = done(&field, &["AO88=600", "BO17=on", "AO5=7"]).await;
    assert_eq!(field.operations(), [["AO88=600"], ["BO17=on"], ["AO5=7"]]);
    let fates: Vec<_> = done.iter().map(|output| output.fate.name()).collect();
    assert_eq!(fates, ["written", "written", "accepted, not verified"]);
    assert_eq!(done[0].read_back.as_ref().unwrap().usable(), Some(60.0));
    assert_eq!(done[0].status.as_ref().unwrap().usable(), Some(60.0));
    assert_eq!(done[2].fate.words(), "no input is known that shows it");
}

/// The honest outcome of an enable whose status input never follows.
#[tokio::test(start_paused = true)]
async fn what_nothing_shows_is_accepted_and_not_verified() {
    let field = mirroring();
    field.state().mirrors.clear();
    let begun = Instant::now();
    let both = done(&field, &["BO17=on"]).await;
    assert_eq!((both[0].fate.name(), both[0].fate.words()), ("accepted, not verified", "BI69 shows off"));
    assert!(both[0].fate.is_good());
    assert!(begun.elapsed() >= map().control.verify, "it was given its time");
    let setting = done(&field, &["AO88=600"]).await;
    assert_eq!((setting[0].fate.name(), setting[0].fate.words()), ("not kept", "AI149 shows 0 %"));
    assert!(!setting[0].fate.is_good());
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_nothing_more_is_sent() {
    let refusal = Refusal { parameter_error: true, ..Refusal::default() };
    for (answer, name) in [
        (Answer::Status(7), "refused"),
        (Answer::Refused(refusal), "refused"),
        (Answer::Silent, "unknown"),
        (Answer::Broken("torn"), "unknown"),
        (Answer::NoConnection("gone"), "not sent"),
    ] {
        let field = mirroring();
        let told = answer.clone();
        field.script(move |request| match request {
            Request::Operate(_) => told.clone(),
            _ => Answer::Good,
        });
        let done = done(&field, &["AO88=600", "BO17=on"]).await;
        assert_eq!(done[0].fate.name(), name, "{answer:?}");
        assert!(!done[0].fate.is_good());
        assert_eq!(done[1].fate, OutputFate::NotSent("AO88 before it was not accepted".to_owned()));
        assert_eq!(field.operations().len(), 1, "{answer:?}");
    }
}

/// It acted and the answer was lost: what the outstation holds is looked at, and not known all the same.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_followed_by_a_look() {
    let field = mirroring();
    field.script(|request| match request {
        Request::Operate(_) => Answer::DoneInSilence,
        _ => Answer::Good,
    });
    let done = done(&field, &["AO88=600"]).await;
    assert_eq!(done[0].fate.name(), "unknown");
    assert_eq!(done[0].read_back.as_ref().unwrap().usable(), Some(60.0));
}
