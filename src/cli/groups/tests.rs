use super::*;
use crate::cli::dispatch;
use crate::northbound::testing::PlayedCore;
use crate::northbound::{Settings, serve};
use clap::Parser;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[derive(clap::Parser)]
struct Groups {
    #[command(flatten)]
    args: Args,
}

#[derive(clap::Parser)]
struct Dispatch {
    #[command(flatten)]
    args: dispatch::Args,
}

async fn gateway() -> (PlayedCore, String) {
    let core = PlayedCore::start();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(Settings::default(), listener, core.service.clone(), CancellationToken::new()));
    (core, url)
}

async fn groups(url: &str, more: &[&str]) -> (End, String) {
    let args = [&["groups", "--url", url], more].concat();
    let mut out = Vec::new();
    let ended = run(Groups::parse_from(args).args, &mut out).await.unwrap();
    (ended, String::from_utf8(out).unwrap())
}

async fn dispatch(url: &str, more: &[&str]) -> (End, String) {
    let args = [&["dispatch", "--url", url], more].concat();
    let mut out = Vec::new();
    let ended = dispatch::run(Dispatch::parse_from(args).args, &mut out).await.unwrap();
    (ended, String::from_utf8(out).unwrap())
}

async fn create(url: &str) {
    let new = crate::core::service::NewGroup {
        mrid: crate::der::Mrid::parse("group-1").ok(),
        description: None,
        functions: crate::der::DerFunctions::NONE.with(crate::der::DerFunction::RealPowerDispatch),
        members: vec![Reference::by_mrid(crate::der::Mrid::parse("device-1").unwrap())],
        names: vec![crate::der::Name::plain("FDR12-PV")],
        version: None,
    };
    let reply = Client::new(url).unwrap().create_groups(&[new]).await.unwrap().reply;
    assert_eq!(reply.result, ReplyResult::Ok);
}

#[tokio::test]
async fn groups_are_shown_as_a_table_and_as_json() {
    let (_core, url) = gateway().await;
    assert_eq!(groups(&url, &[]).await, (End::Done, "no groups\n".to_owned()));
    create(&url).await;
    let (ended, table) = groups(&url, &[]).await;
    assert_eq!(ended, End::Done);
    let lines: Vec<_> = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    assert_eq!(lines[0], ["NAME", "MRID", "STATE", "ACTIVE", "POWER", "MEMBERS", "FUNCTIONS"]);
    assert_eq!(lines[1], ["FDR12-PV", "group-1", "Online", "-1250", "W", "1", "realPowerDispatch"]);
    let (_, json) = groups(&url, &["--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["groups"][0]["parameters"][0]["value"], -1250.5);
    assert_eq!(json["groups"][0]["parameters"][1]["value"], serde_json::Value::Null, "not known is not 0");
}

#[tokio::test]
async fn a_dispatch_is_sent_by_name_or_mrid() {
    for (group, more, values, step) in [
        ("FDR12-PV", &["--active-power", "120kW"][..], vec![120_000.0], 900),
        ("GROUP-1", &["--active-power", "-0.5 MW", "--for", "1h"][..], vec![-500_000.0], 3600),
        (
            "FDR12-PV",
            &["--curve", "straight", "--point", "0W", "--point", "-2kW", "--point", "5W"][..],
            vec![0.0, -2_000.0, 5.0],
            450,
        ),
    ] {
        let (core, url) = gateway().await;
        create(&url).await;
        let start = "2026-04-09T12:00:00Z";
        let (ended, said) = dispatch(&url, &[&["--group", group, "--start", start], more].concat()).await;
        assert_eq!(ended, End::Done, "{said}");
        assert!(said.starts_with("accepted: dispatch "), "{said}");
        let kept = core.only_dispatch();
        assert_eq!(kept.schedules[0].values(), values);
        assert_eq!(
            (kept.schedules[0].step(), kept.schedules[0].start().to_string()),
            (step, start.to_owned())
        );
    }
}

#[tokio::test]
async fn a_refusal_and_silence_end_differently() {
    let (_core, url) = gateway().await;
    let (ended, said) = dispatch(&url, &["--group", "NONE", "--active-power", "1kW"]).await;
    assert_eq!(ended, End::Failed("NONE: no such DER group [99.1]; `dergate groups` lists them".to_owned()));
    assert_eq!(said, "");
    let listener = TcpListener::bind(crate::testing::own_address()).await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (ended, _) = groups(&nobody, &[]).await;
    assert!(
        matches!(&ended, End::NoAnswer(words) if words.contains(" did not answer: ") && words.ends_with("is this its [northbound] listen?")),
        "{ended:?}"
    );
    assert!(Groups::try_parse_from(["groups", "--url", "127.0.0.1:1"]).is_err());
}

#[tokio::test]
async fn the_admin_listener_is_told_as_such() {
    use crate::admin::{Health, serve};
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (service, _requests, _cell) = crate::core::service::Service::new(1);
    let health = Health::new(std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true)));
    tokio::spawn(serve(listener, service, health, CancellationToken::new()));
    for ended in
        [groups(&url, &[]).await.0, dispatch(&url, &["--group", "FDR12", "--active-power", "1kW"]).await.0]
    {
        assert!(
            matches!(&ended, End::Failed(words) if words.starts_with("this is the admin listener of a dergate;")),
            "{ended:?}"
        );
    }
}

#[test]
fn values_need_their_unit_in_the_right_case() {
    let parse = |more: &[&str]| Dispatch::try_parse_from([&["dispatch", "--group", "A"], more].concat());
    for wrong in ["120", "120kw", "120mW", "120KW", "kW", "nanW", "120 kVA"] {
        assert!(parse(&["--active-power", wrong]).is_err(), "{wrong}");
    }
    for (right, value) in [("120kW", 120_000.0), ("-3 W", -3.0), ("1.5MW", 1_500_000.0)] {
        assert_eq!(parse(&["--active-power", right]).ok().unwrap().args.active_power, Some(value));
    }
    assert!(parse(&[]).is_err(), "a value or points are needed");
    assert!(parse(&["--active-power", "1W", "--for", "0s"]).is_err());
    assert!(parse(&["--active-power", "1W", "--start", "soon"]).is_err());
}

#[tokio::test]
async fn a_name_from_the_network_does_not_reach_the_terminal_as_it_is() {
    let (_core, url) = gateway().await;
    let new = crate::core::service::NewGroup {
        mrid: crate::der::Mrid::parse("group-2").ok(),
        description: None,
        functions: crate::der::DerFunctions::NONE,
        members: Vec::new(),
        names: vec![crate::der::Name::plain("a\nb\u{9b}31m")],
        version: None,
    };
    // The northbound does not take it; one that came in another way, such as from an older store, is printed harmlessly.
    let refused = Client::new(&url).unwrap().create_groups(&[new]).await.unwrap_err().to_string();
    assert!(refused.contains("control characters"), "{refused}");
    assert_eq!(crate::cli::table::printable("a\nb\u{9b}31m"), "a\u{FFFD}b\u{FFFD}31m");
}
