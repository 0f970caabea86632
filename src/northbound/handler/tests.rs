use super::*;
use crate::der::Parameter;
use crate::northbound::settings::FlowDirection;
use crate::northbound::testing::messages::{
    El, G, LAYOUTS, Layout, Ordered, dispatch, dispatch_message, group, groups_message, kilowatts, leaf,
    named, names, query_message, render,
};
use crate::northbound::testing::{PlayedCore, settings, text_of, validate};

mod identity;

struct Desk {
    handler: Handler,
    core: PlayedCore,
}

impl Desk {
    fn new(settings: Settings) -> Self {
        let core = PlayedCore::start();
        Self { handler: Handler::new(settings, core.service.clone()), core }
    }

    async fn with_groups() -> Self {
        let desk = Self::new(settings());
        let pv = group(Some("group-1"), Some("FDR12-PV"), &["device-1", "device-2"]);
        let reply = desk.ask(&groups_message("CreateDERGroups", "create", vec![pv])).await;
        assert_eq!(text_of(&reply, "Result"), Some("OK"), "{reply}");
        desk
    }

    async fn ask(&self, message: &El) -> String {
        self.ask_in(message, Layout::Prefixes).await
    }

    async fn ask_in(&self, message: &El, layout: Layout) -> String {
        let text = render(message, layout);
        let answer = self.handler.answer(text.as_bytes(), Family::Groups).await;
        validate(&answer.text, "an answer");
        answer.text
    }
}

/// What does not change from run to run: no times but those of the played measurements, no message ids.
fn stable(reply: &str) -> String {
    let mut parts = reply.split("amp>").map(|part| match part.split_once("</") {
        Some((text, rest)) if text.starts_with("20") && !text.starts_with("2026-04-09") => {
            format!("</{rest}")
        }
        _ => part.to_owned(),
    });
    let first = parts.next().unwrap_or_default();
    let text = parts.fold(first, |text, part| format!("{text}amp>{part}"));
    let (from, to) = (text.find("<m:MessageID>").unwrap(), text.find("</m:MessageID>").unwrap());
    format!("{}{}", &text[..from], &text[to..])
}

#[tokio::test]
async fn a_create_is_the_same_in_every_layout() {
    let message = groups_message(
        "CreateDERGroups",
        "create",
        vec![group(Some("group-1"), Some("FDR12-PV"), &["device-1", "device-2"])],
    );
    let mut seen = Vec::new();
    for layout in LAYOUTS {
        let desk = Desk::new(settings());
        let reply = desk.ask_in(&message, layout).await;
        assert_eq!(text_of(&reply, "Result"), Some("OK"), "{layout:?}: {reply}");
        assert_eq!(text_of(&reply, "code"), Some("0.0"));
        assert_eq!(text_of(&reply, "CorrelationID"), Some("correlation-1"));
        assert!(!reply.contains("Payload"), "a client's own mRID needs no echo: {reply}");
        seen.push((stable(&reply), desk.core.service.snapshot().groups[0].group.clone()));
    }
    let first = seen[0].1.clone();
    assert_eq!(first.description.as_deref(), Some("Feeder 12 <rooftop> & PV"));
    assert_eq!(first.members.len(), 2);
    assert_eq!(first.version.as_ref().unwrap().date, "2026-04-09T08:14:30Z".parse().ok());
    assert_eq!(first.names[0].name_type.as_ref().unwrap().authority.as_ref().unwrap().name, "DMS-East");
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:#?}");
}

#[tokio::test]
async fn queries_statuses_and_dispatches_are_the_same_in_every_layout() {
    let desk = Desk::with_groups().await;
    let asked = || vec![named(G, None, Some("FDR12-PV")), named(G, Some("_GROUP-1"), None)];
    let messages = [
        query_message(Family::GroupQueries, asked()),
        query_message(Family::StatusQueries, asked()),
        groups_message("ChangeDERGroups", "change", vec![named(G, None, Some("FDR12-PV"))]),
        dispatch_message(vec![dispatch(
            Some("dispatch-1"),
            Some("FDR12-PV"),
            Some("P-LIMIT"),
            &kilowatts(vec![("2", "95.5"), ("1", "120")]),
        )]),
    ];
    for message in &messages {
        let first = stable(&desk.ask(message).await);
        assert!(first.contains("<m:Result>OK</m:Result>"), "{first}");
        for layout in LAYOUTS {
            assert_eq!(first, stable(&desk.ask_in(message, layout).await), "{layout:?}");
        }
    }
    let kept = desk.core.dispatches.lock().unwrap();
    assert!(kept.windows(2).all(|pair| pair[0] == pair[1]), "{kept:#?}");
    assert_eq!(kept[0].schedules[0].values(), [120_000.0, 95_500.0], "points go by their numbers");
}

#[tokio::test]
async fn a_duplicate_is_refused_with_its_identity() {
    let desk = Desk::with_groups().await;
    let again = group(Some("GROUP-1"), Some("other"), &[]);
    let reply = desk.ask(&groups_message("CreateDERGroups", "create", vec![again])).await;
    assert!(
        reply.contains("<m:Result>FAILED</m:Result><m:Error><m:code>6.1</m:code><m:level>FATAL</m:level>")
    );
    assert!(reply.contains("<m:ID kind=\"uuid\" objectType=\"DERGroup\">GROUP-1</m:ID>"), "{reply}");
    let same_name = group(None, Some("FDR12-PV"), &[]);
    let reply = desk.ask(&groups_message("CreateDERGroups", "create", vec![same_name])).await;
    assert!(reply.contains("<m:ID kind=\"name\" objectType=\"DERGroup\">FDR12-PV</m:ID>"), "{reply}");
}

#[tokio::test]
async fn a_group_without_an_mrid_comes_back_whole() {
    let desk = Desk::new(settings());
    let new = group(None, Some("DEPOT-BESS"), &["device-3"]);
    let reply = desk.ask(&groups_message("CreateDERGroups", "create", vec![new])).await;
    assert_eq!(text_of(&reply, "Result"), Some("OK"));
    let given = text_of(inner_payload(&reply), "mRID").unwrap();
    assert!(uuid::Uuid::parse_str(given).is_ok(), "{given}");
    assert!(reply.contains("<o:realPowerDispatch>true</o:realPowerDispatch>"));
    assert!(reply.contains("Feeder 12 &lt;rooftop&gt; &amp; PV"));
}

fn inner_payload(reply: &str) -> &str {
    &reply[reply.find("<t:Payload>").expect("a payload")..]
}

#[tokio::test]
async fn what_is_compared_with_one_another_is_bounded() {
    let desk = Desk::with_groups().await;
    let mut many = named(G, Some("group-1"), None);
    many.children.extend((0..33).map(|n| names(G, &format!("name {n}"))));
    let reply = desk.ask(&groups_message("ChangeDERGroups", "change", vec![many.clone()])).await;
    let told = text_of(&reply, "faultstring").unwrap();
    assert_eq!(
        told,
        "Payload/DERGroups/EndDeviceGroup/Names[33]: is too many; at most 32 Names are accepted"
    );
    many.children.pop();
    let reply = desk.ask(&groups_message("ChangeDERGroups", "change", vec![many])).await;
    assert_eq!(text_of(&reply, "Result"), Some("OK"), "{reply}");
    let one = || dispatch(None, Some("FDR12-PV"), None, &kilowatts(vec![("1", "5")]));
    let reply = desk.ask(&dispatch_message((0..1001).map(|_| one()).collect())).await;
    let told = text_of(&reply, "faultstring").unwrap();
    assert!(told.contains("has more than 1000 dispatches"), "{told}");
}

#[tokio::test]
async fn an_unknown_member_is_named_beside_its_group() {
    let desk = Desk::new(settings());
    let new = group(None, Some("A"), &["device-9"]);
    let reply = desk.ask(&groups_message("CreateDERGroups", "create", vec![new])).await;
    assert!(reply.contains("<m:ID kind=\"name\" objectType=\"DERGroup\">A</m:ID>"), "{reply}");
    assert!(reply.contains("<m:relatedID kind=\"uuid\" objectType=\"EndDevice\">device-9</m:relatedID>"));
}

#[tokio::test]
async fn an_unknown_group_is_99_1_in_every_operation_and_partial_results_follow_the_setting() {
    for (partial, result) in [(PartialResult::Failed, "FAILED"), (PartialResult::Partial, "PARTIAL")] {
        let desk = Desk::new(Settings { partial_result: partial, ..settings() });
        let pv = group(Some("group-1"), Some("FDR12-PV"), &["device-1"]);
        desk.ask(&groups_message("CreateDERGroups", "create", vec![pv])).await;
        let asked = || vec![named(G, None, Some("NO-SUCH-GROUP")), named(G, None, Some("FDR12-PV"))];
        for family in [Family::GroupQueries, Family::StatusQueries] {
            let reply = desk.ask(&query_message(family, asked())).await;
            assert_eq!(text_of(&reply, "Result"), Some(result));
            assert!(reply.contains("<m:code>99.1</m:code><m:level>FATAL</m:level><m:details>"), "{reply}");
            assert!(reply.contains("<m:ID kind=\"name\" objectType=\"DERGroup\">NO-SUCH-GROUP</m:ID>"));
            assert!(inner_payload(&reply).contains("group-1"), "the good one is told: {reply}");
        }
        let good = || kilowatts(vec![("1", "5")]);
        let two = vec![
            dispatch(None, Some("FDR12-PV"), None, &good()),
            dispatch(Some("d-2"), Some("NO-SUCH-GROUP"), None, &good()),
        ];
        let reply = desk.ask(&dispatch_message(two)).await;
        assert_eq!(text_of(&reply, "Result"), Some(result));
        assert!(reply.contains("objectType=\"DERGroupDispatch\">d-2</m:relatedID>"), "{reply}");
        assert_eq!(reply.contains("<t:Payload>"), partial == PartialResult::Partial);
        let reply = desk.ask(&groups_message("DeleteDERGroups", "delete", asked())).await;
        assert_eq!(text_of(&reply, "Result"), Some(result));
        assert!(desk.core.service.snapshot().groups.is_empty(), "the known one is deleted all the same");
    }
}

#[tokio::test]
async fn an_empty_query_means_all_and_none_at_all_has_no_payload() {
    let desk = Desk::new(settings());
    let all = || query_message(Family::StatusQueries, vec![named(G, None, None)]);
    let reply = desk.ask(&all()).await;
    assert_eq!((text_of(&reply, "Result"), reply.contains("Payload")), (Some("OK"), false), "{reply}");
    for name in ["A", "B"] {
        desk.ask(&groups_message("CreateDERGroups", "create", vec![group(None, Some(name), &[])])).await;
    }
    let reply = desk.ask(&all()).await;
    assert_eq!(reply.matches("<o:EndDeviceGroup>").count(), 2, "{reply}");
}

#[tokio::test]
async fn a_status_is_signed_and_an_unknown_value_is_left_out() {
    let desk = Desk::with_groups().await;
    let asked = || query_message(Family::StatusQueries, vec![named(G, Some("group-1"), None)]);
    let reply = desk.ask(&asked()).await;
    assert!(!reply.contains("flowDirection"));
    assert!(reply.contains("<o:yMultiplier>none</o:yMultiplier><o:yUnit>W</o:yUnit>"));
    assert_eq!(reply.matches("nominalYValue>").count(), 2, "the voltage is not known: {reply}");
    assert_eq!(text_of(&reply, "nominalYValue"), Some("-1250.5"));
    assert_eq!(text_of(&reply, "timeStamp"), Some("2026-04-09T10:04:58Z"));
    assert_eq!(text_of(&reply, "remark"), Some("rests on 1 of 2 members"));
    assert_eq!(text_of(&reply, "value"), Some("Degraded"));
    let forward = Settings { absent_flow_direction: FlowDirection::Forward, ..settings() };
    let other = Desk { handler: Handler::new(forward, desk.core.service.clone()), core: desk.core };
    let reply = other.ask(&asked()).await;
    assert_eq!(reply.matches("<o:flowDirection>reverse</o:flowDirection>").count(), 1, "{reply}");
}

#[tokio::test]
async fn flow_directions_and_multipliers_end_at_this_border() {
    let cases = [
        (None, FlowDirection::Reverse, "M", "1.5", 1_500_000.0),
        (None, FlowDirection::Forward, "k", "5", -5_000.0),
        (Some("reverse"), FlowDirection::Forward, "none", "7", 7.0),
        (Some("forward"), FlowDirection::Reverse, "m", "250", -0.25),
        (Some("forward"), FlowDirection::Reverse, "k", "-3", 3_000.0),
    ];
    for (direction, absent, multiplier, value, expected) in cases {
        let desk = Desk::with_groups().await;
        let handler =
            Handler::new(Settings { absent_flow_direction: absent, ..settings() }, desk.core.service.clone());
        let desk = Desk { handler, ..desk };
        let ordered = Ordered { direction, multiplier, ..kilowatts(vec![("1", value)]) };
        let reply = desk.ask(&dispatch_message(vec![dispatch(None, Some("FDR12-PV"), None, &ordered)])).await;
        assert_eq!(text_of(&reply, "Result"), Some("OK"), "{reply}");
        assert_eq!(desk.core.only_dispatch().schedules[0].values(), [expected]);
        assert_eq!(text_of(&reply, "nominalYValue"), Some(expected.to_string().as_str()), "told as accepted");
    }
}

#[tokio::test]
async fn a_dispatch_that_makes_no_sense_is_refused_alone() {
    let bad = |change: fn(&mut Ordered)| {
        let mut ordered = kilowatts(vec![("1", "5")]);
        change(&mut ordered);
        ordered
    };
    let cases: [(Ordered, &str, &str); 10] = [
        (bad(|o| o.unit = "VAr"), "1.8", "VAr does not fit activePower; W does"),
        (bad(|o| o.points = vec![("1", "NaN")]), "1.8", "nominalYValue: is not a finite number"),
        (bad(|o| o.points = vec![("1", "-INF")]), "1.8", "is not a finite number"),
        (bad(|o| o.points = vec![("1", "5"), ("2", "-1e300")]), "1.8", "beyond any power plant"),
        (bad(|o| o.points = vec![("1", "1e300"), ("2", "1e309")]), "1.8", "is not a finite number"),
        (bad(|o| o.points = vec![]), "5.8", "DispatchSchedule/DERCurveData is missing"),
        (bad(|o| o.points = vec![("0", "5")]), "1.8", "intervalNumber: must be 1 or more; it is 0"),
        (bad(|o| o.points = vec![("1", "5"), ("3", "6")]), "1.8", "no point with intervalNumber 2"),
        (bad(|o| o.direction = Some("net")), "1.8", "net cannot be dispatched; forward and reverse can"),
        (bad(|o| o.parameter = "apparentPower"), "1.8", "W does not fit apparentPower; VA does"),
    ];
    for (ordered, code, words) in cases {
        let desk = Desk::with_groups().await;
        let two = vec![
            dispatch(Some("bad"), Some("FDR12-PV"), None, &ordered),
            dispatch(Some("good"), Some("FDR12-PV"), None, &kilowatts(vec![("1", "5")])),
        ];
        let reply = desk.ask(&dispatch_message(two)).await;
        assert_eq!(text_of(&reply, "Result"), Some("FAILED"));
        assert_eq!(text_of(&reply, "code"), Some(code), "{reply}");
        assert!(text_of(&reply, "reason").unwrap().contains(words), "{words}: {reply}");
        assert!(reply.contains("objectType=\"DERGroup\">FDR12-PV</m:ID>"));
        assert_eq!(desk.core.only_dispatch().mrid.unwrap().as_str(), "good");
    }
}

#[tokio::test]
async fn doubled_interval_numbers_fall_back_to_document_order() {
    let desk = Desk::with_groups().await;
    let ordered = kilowatts(vec![("2", "3"), ("2", "1"), ("1", "2")]);
    desk.ask(&dispatch_message(vec![dispatch(None, Some("FDR12-PV"), None, &ordered)])).await;
    assert_eq!(desk.core.only_dispatch().schedules[0].values(), [3_000.0, 1_000.0, 2_000.0]);
}

#[tokio::test]
async fn the_name_of_the_group_may_stand_on_the_dispatch() {
    for (inside, outside, own) in [
        (None, Some("FDR12-PV"), vec![]),
        (Some("P-LIMIT"), Some("FDR12-PV"), vec!["P-LIMIT"]),
        (Some("FDR12-PV"), Some("P-LIMIT"), vec!["P-LIMIT"]),
    ] {
        let desk = Desk::with_groups().await;
        let one = dispatch(Some("d"), inside, outside, &kilowatts(vec![("1", "5")]));
        let reply = desk.ask(&dispatch_message(vec![one])).await;
        assert_eq!(text_of(&reply, "Result"), Some("OK"), "{inside:?} {outside:?}: {reply}");
        let kept = desk.core.only_dispatch();
        assert_eq!(kept.group.names[0].name, "FDR12-PV");
        assert_eq!(kept.names.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), own);
    }
    let desk = Desk::with_groups().await;
    let gone = dispatch(Some("d"), None, Some("GONE"), &kilowatts(vec![("1", "5")]));
    let reply = desk.ask(&dispatch_message(vec![gone])).await;
    assert!(reply.contains("<m:ID kind=\"name\" objectType=\"DERGroup\">GONE</m:ID>"), "{reply}");
}

#[tokio::test]
async fn what_the_group_may_not_do_is_a_business_refusal() {
    let desk = Desk::with_groups().await;
    for (parameter, unit) in [("voltage", "V"), ("increasingRampRate", "WPers")] {
        let ordered = Ordered { parameter, unit, ..kilowatts(vec![("1", "5")]) };
        let reply = desk.ask(&dispatch_message(vec![dispatch(None, Some("FDR12-PV"), None, &ordered)])).await;
        assert_eq!(text_of(&reply, "code"), Some("6.1"), "{reply}");
        assert!(text_of(&reply, "reason").unwrap().contains(parameter));
    }
    assert_eq!(desk.core.dispatches.lock().unwrap()[0].parameter, Parameter::Voltage);
}

/// The words of a fault about a message, which must be one.
async fn fault(desk: &Desk, message: &El) -> (String, String) {
    let answer = desk.handler.answer(render(message, Layout::Prefixes).as_bytes(), Family::Groups).await;
    assert!(answer.is_fault, "{}", answer.text);
    if answer.text.contains("<detail>") {
        validate(&answer.text, "a fault");
    }
    let words = text_of(&answer.text, "faultstring").unwrap().to_owned();
    (text_of(&answer.text, "code").unwrap_or_default().to_owned(), words)
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of what can be wrong")]
async fn a_fault_says_where_and_what_would_be_right() {
    let desk = Desk::with_groups().await;
    let good = || groups_message("CreateDERGroups", "create", vec![group(Some("x"), Some("X"), &[])]);
    let changed = |change: fn(&mut El)| {
        let mut message = good();
        change(&mut message);
        message
    };
    type Change = fn(&mut El);
    let cases: [(Change, &str, &str); 13] = [
        (
            |m| m.children[0].children[0].text = "CREAT".into(),
            "1.8",
            "Header/Verb: value CREAT is not one of the permitted verbs",
        ),
        (|m| drop(m.children.remove(0)), "1.5", "Header is missing"),
        (|m| drop(m.children.remove(1)), "1.7", "Payload is missing"),
        (|m| drop(m.children[0].children.remove(1)), "1.8", "Header/Noun is missing"),
        (
            |m| m.children[1].children[0].children[0].namespace = Namespace::Statuses,
            "1.8",
            "http://iec.ch/TC57/2017/DERGroups# is right here",
        ),
        (
            |m| m.children[1].children[0].children.clear(),
            "1.8",
            "Payload/DERGroups/EndDeviceGroup is missing",
        ),
        (
            |m| {
                let mut second = m.children[1].children[0].children[0].clone();
                second.children.retain(|child| child.name != "DERFunction");
                m.children[1].children[0].children.push(second);
            },
            "1.8",
            "Payload/DERGroups/EndDeviceGroup[2]/DERFunction is missing",
        ),
        (
            |m| m.children[1].children[0].children[0].children[2].children[3].text = "yes".into(),
            "1.8",
            "Payload/DERGroups/EndDeviceGroup/DERFunction/rampRateControl: value yes is not a boolean",
        ),
        (
            |m| drop(m.children[1].children[0].children[0].children[2].children.pop()),
            "1.8",
            "DERFunction/voltWattCurveFunction is missing",
        ),
        (
            |m| m.children[1].children[0].children[0].children.push(leaf(G, "colour", "red")),
            "1.8",
            "EndDeviceGroup/colour: is not known here",
        ),
        (
            |m| m.children[1].children[0].children[0].children.push(leaf(G, "mRID", "y")),
            "1.8",
            "mRID[2]: may stand only once here",
        ),
        (|m| m.name = "MakeDERGroups".into(), "2.5", "known are CreateDERGroups, ChangeDERGroups"),
        (|m| m.name = "CancelDERGroups".into(), "2.5", "CancelDERGroups is not supported by this version"),
    ];
    for (change, code, words) in cases {
        let (found, said) = fault(&desk, &changed(change)).await;
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(found, code, "{said}");
    }
    assert_eq!(desk.core.service.snapshot().groups.len(), 1, "nothing was done");
    let query = query_message(Family::StatusQueries, vec![]);
    let (_, said) = fault(&desk, &query).await;
    assert_eq!(said, "Request/DERGroupStatusQueries/EndDeviceGroup is missing");
    let mut query = query_message(Family::StatusQueries, vec![named(G, None, None)]);
    query.children.pop();
    assert_eq!(fault(&desk, &query).await, ("1.6".to_owned(), "Request is missing".to_owned()));
}

#[tokio::test]
async fn extensions_other_order_and_a_wrong_verb_are_tolerated() {
    let desk = Desk::with_groups().await;
    let mut message = query_message(Family::GroupQueries, vec![named(G, None, Some("FDR12-PV"))]);
    message.children[0].children[0].text = "CHANGE".into();
    message.children[0].children.push(leaf(Namespace::Soap12, "extension", "x"));
    message.children[1].children.push(leaf(Namespace::Soap12, "extension", "x"));
    message.children[0].children.reverse();
    message.children.reverse();
    let reply = desk.ask(&message).await;
    assert_eq!(text_of(&reply, "Result"), Some("OK"), "{reply}");
}

#[tokio::test]
async fn without_a_correlation_the_message_id_is_echoed() {
    let desk = Desk::with_groups().await;
    let mut message = query_message(Family::GroupQueries, vec![named(G, None, None)]);
    message.children[0].children.pop();
    let reply = desk.ask(&message).await;
    assert_eq!(text_of(&reply, "CorrelationID"), Some("message-1"));
    let id = text_of(&reply, "MessageID").unwrap().to_owned();
    assert_ne!(text_of(&desk.ask(&message).await, "MessageID"), Some(id.as_str()));
}

#[tokio::test]
async fn envelopes_of_other_versions_and_old_drafts_are_refused_in_words() {
    let desk = Desk::with_groups().await;
    let text = render(&groups_message("CreateDERGroups", "create", vec![]), Layout::Prefixes);
    let soap12 = text.replace(Namespace::Soap11.uri(), Namespace::Soap12.uri());
    let answer = desk.handler.answer(soap12.as_bytes(), Family::Groups).await.text;
    assert_eq!(text_of(&answer, "faultcode"), Some("soap:VersionMismatch"), "{answer}");
    for old in ["http://www.epri.com/2016/", "http://iec.ch/TC57/2016/"] {
        let draft = text.replace("http://iec.ch/TC57/2017/", old);
        let answer = desk.handler.answer(draft.as_bytes(), Family::Groups).await.text;
        assert!(answer.contains("belongs to an older draft"), "{answer}");
    }
    let secured = text.replace("<soap:Header xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"/>",
        "<soap:Header xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><w:Security xmlns:w=\"w\" soap:mustUnderstand=\"1\"/></soap:Header>");
    assert_ne!(secured, text);
    let answer = desk.handler.answer(secured.as_bytes(), Family::Groups).await.text;
    assert_eq!(text_of(&answer, "faultcode"), Some("soap:MustUnderstand"), "{answer}");
}

#[tokio::test]
async fn a_core_that_stops_or_sleeps_is_said_so() {
    let (service, requests, _snapshot) = Service::new(1);
    drop(requests);
    let handler = Handler::new(settings(), service);
    let text = render(
        &groups_message("DeleteDERGroups", "delete", vec![named(G, Some("x"), None)]),
        Layout::Prefixes,
    );
    let answer = handler.answer(text.as_bytes(), Family::Groups).await;
    assert_eq!((answer.is_fault, text_of(&answer.text, "code")), (false, Some("5.1")), "{}", answer.text);
    tokio::time::pause();
    let (service, _requests, _snapshot) = Service::new(1);
    let answer = Handler::new(settings(), service).answer(text.as_bytes(), Family::Groups).await;
    assert_eq!(text_of(&answer.text, "code"), Some("4.1"), "{}", answer.text);
}
