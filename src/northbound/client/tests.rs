use super::*;
use crate::der::{CurveStyle, DerFunctions, DispatchSchedule, Name, Parameter, TimeIntervalKind};
use crate::northbound::ReplyResult;
use crate::northbound::testing::validate;

#[test]
fn every_request_fits_the_schemas() {
    let named = Reference { mrid: Mrid::parse("group-1").ok(), names: vec![Name::plain("A & B")] };
    let new = NewGroup {
        mrid: None,
        description: Some("x".into()),
        functions: DerFunctions::NONE,
        members: vec![Reference::by_name("device")],
        names: named.names.clone(),
        version: Some(crate::der::Version { major: Some(1), ..Default::default() }),
    };
    let change = GroupChange {
        group: named.clone(),
        description: None,
        functions: None,
        add_members: vec![],
        version: None,
    };
    let start = "2026-04-09T12:00:00.5Z".parse().unwrap();
    let straight = CurveStyle::StraightLineYValues;
    let values = vec![1e-9, -2e12];
    let dispatch = NewDispatch {
        mrid: None,
        names: vec![],
        group: named.clone(),
        parameter: Parameter::ReactivePower,
        schedules: vec![DispatchSchedule::new(straight, start, 1, TimeIntervalKind::Month, values).unwrap()],
    };
    let status = ("DERGroupStatusQueries", Namespace::StatusQueries);
    let messages = [
        payload(Operation::CreateGroups, |out| groups::write_new(out, &new)),
        payload(Operation::ChangeGroups, |out| groups::write_change(out, &change)),
        payload(Operation::DeleteGroups, |out| groups::write_reference(out, &named)),
        payload(Operation::CreateDispatches, |out| dispatches::write_new(out, &dispatch)),
        query(Operation::QueryGroups, "DERGroupQueries", Namespace::GroupQueries, &[]),
        query(Operation::QueryStatuses, status.0, status.1, std::slice::from_ref(&named)),
    ];
    for message in messages {
        validate(&message, "a request");
    }
}

#[test]
fn replies_of_others_are_read_by_local_names() {
    let text = "<S:Envelope xmlns:S='http://schemas.xmlsoap.org/soap/envelope/'><S:Body><r xmlns='any'><Header/>\
        <Reply><Result>partial</Result><Error><code>0.2</code></Error><Error><code>6.1</code><ID kind='name'>X</ID>\
        </Error></Reply></r></S:Body></S:Envelope>";
    let answer = decode(text.as_bytes(), Family::Groups, groups::read_told).unwrap();
    assert_eq!((answer.reply.result, answer.reply.errors.len()), (ReplyResult::Partial, 2));
    assert!(answer.reply.errors[0].is_acknowledgement());
    assert_eq!(answer.reply.errors[1].words(), "6.1");
    assert!(answer.objects.is_empty());
}

#[test]
fn faults_and_strangers_are_told_apart() {
    let fault = "<S:Envelope xmlns:S='http://schemas.xmlsoap.org/soap/envelope/'><S:Body><S:Fault><faultcode>S:Client\
        </faultcode><faultstring>no</faultstring></S:Fault></S:Body></S:Envelope>";
    let read = |text: &str| decode(text.as_bytes(), Family::Groups, groups::read_told).unwrap_err();
    assert!(matches!(read(fault), ClientError::Fault(words) if words == "no"));
    assert!(matches!(read("<html><body>404</body></html>"), ClientError::NotUnderstood(_)));
    assert!(matches!(read("not found"), ClientError::NotUnderstood(_)));
}

#[test]
fn addresses_are_checked() {
    for wrong in ["127.0.0.1:8061", "https://x", "http://", "http:///x", ""] {
        assert!(matches!(Client::new(wrong), Err(ClientError::BadUrl { .. })), "{wrong}");
    }
    for right in ["http://x", "http://[::1]:81", "http://x:1/other/base/"] {
        assert!(Client::new(right).is_ok(), "{right}");
    }
}
