//! How objects are named, and how often.

use super::*;

#[tokio::test]
async fn an_object_with_too_many_names_is_refused_as_a_message() {
    let desk = Desk::with_groups().await;
    let names = |count: usize| {
        let names = "<g:Names><g:name>N</g:name></g:Names>".repeat(count);
        format!(
            "<s:Envelope xmlns:s=\"{}\"><s:Body><t:DeleteDERGroups xmlns:t=\"{}\" xmlns:m=\"{}\" xmlns:g=\"{}\">\
             <t:Header><m:Verb>delete</m:Verb><m:Noun>DERGroups</m:Noun></t:Header><t:Payload><g:DERGroups>\
             <g:EndDeviceGroup>{names}</g:EndDeviceGroup></g:DERGroups></t:Payload></t:DeleteDERGroups></s:Body></s:Envelope>",
            Namespace::Soap11.uri(),
            Namespace::GroupsMessage.uri(),
            Namespace::Message.uri(),
            Namespace::Groups.uri()
        )
    };
    let many = desk.handler.answer(names(33).as_bytes(), Family::Groups).await;
    assert!(many.is_fault && many.text.contains("at most 32 Names"), "{}", many.text);
    let enough = desk.handler.answer(names(32).as_bytes(), Family::Groups).await;
    assert!(!enough.is_fault, "{}", enough.text);
}

#[tokio::test]
async fn an_empty_mrid_of_a_generated_client_names_nothing() {
    let desk = Desk::with_groups().await;
    let message = |names: &str| {
        format!(
            "<s:Envelope xmlns:s=\"{}\"><s:Body><t:DeleteDERGroups xmlns:t=\"{}\" xmlns:m=\"{}\" xmlns:g=\"{}\">\
             <t:Header><m:Verb>delete</m:Verb><m:Noun>DERGroups</m:Noun></t:Header><t:Payload><g:DERGroups>\
             <g:EndDeviceGroup><g:mRID/>{names}</g:EndDeviceGroup></g:DERGroups></t:Payload></t:DeleteDERGroups></s:Body></s:Envelope>",
            Namespace::Soap11.uri(),
            Namespace::GroupsMessage.uri(),
            Namespace::Message.uri(),
            Namespace::Groups.uri()
        )
    };
    let known = desk.core.service.snapshot().groups[0].group.label().to_owned();
    let named = message(&format!("<g:Names><g:name>{known}</g:name></g:Names>"));
    let answer = desk.handler.answer(named.as_bytes(), Family::Groups).await;
    assert_eq!((answer.is_fault, text_of(&answer.text, "Result")), (false, Some("OK")), "{}", answer.text);
    let answer = desk.handler.answer(message("").as_bytes(), Family::Groups).await;
    assert_eq!(text_of(&answer.text, "code"), Some("1.7"), "{}", answer.text);
}
