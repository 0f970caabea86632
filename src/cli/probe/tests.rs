use super::*;
use crate::southbound::{Link, ProbeOptions};

async fn probed(
    server: &crate::southbound::testing::Server,
    unit: u8,
    json: bool,
) -> (ProbeExit, String, String) {
    let mut options = ProbeOptions::default();
    options.link.response_timeout = std::time::Duration::from_millis(250);
    let (mut out, mut talk) = (Vec::new(), Vec::new());
    let exit = run(&server.link(unit), &options, json, &mut out, &mut talk).await;
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(talk).unwrap())
}

#[tokio::test]
async fn a_table_names_device_models_points_and_values() {
    let book = crate::southbound::testing::legacy().stranger(64_870, 4);
    let server = crate::southbound::testing::Server::start(&[(1, &book)]).await;
    let (exit, out, talk) = probed(&server, 1, false).await;
    assert_eq!((exit, talk.as_str()), (ProbeExit::Found, ""));
    for part in [
        "Acme",
        "SN-1",
        "(unknown to this version)",
        "PhVphA                 230.1 V",
        "(MPPT)",
        "activePower            5000 W",
        "limitActivePower, connectDisconnect",
    ] {
        assert!(out.contains(part), "{part} is missing in\n{out}");
    }
}

#[tokio::test]
async fn json_carries_the_same() {
    let server =
        crate::southbound::testing::Server::start(&[(1, &crate::southbound::testing::newer())]).await;
    let (exit, out, _) = probed(&server, 1, true).await;
    assert_eq!(exit, ProbeExit::Found);
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["serial"], "SN-7");
    assert_eq!(document["base"], 40000);
    assert_eq!(document["models"][1]["id"], 701);
    assert_eq!(document["capability"]["injectionMax"]["value"], 9000.0);
    let readings = document["readings"].as_array().unwrap();
    assert!(readings.iter().any(|r| r["quantity"] == "activePower" && r["value"] == -2500.0));
    assert_eq!(server.writes(), [], "a probe only reads");
}

#[tokio::test]
async fn nobody_there_and_no_sunspec_are_told_apart() {
    let book = crate::southbound::testing::Book::at(40001);
    let server = crate::southbound::testing::Server::start(&[(1, &book)]).await;
    let (exit, out, talk) = probed(&server, 1, false).await;
    assert_eq!((exit, out.as_str()), (ProbeExit::Failed, ""));
    assert!(talk.contains("set base = [40001]"), "{talk}");
    let link = Link::parse("modbus+tcp://127.0.0.1:1").unwrap();
    let (mut out, mut talk) = (Vec::new(), Vec::new());
    let exit = run(&link, &ProbeOptions::default(), false, &mut out, &mut talk).await;
    assert_eq!(exit, ProbeExit::Silent);
    assert!(String::from_utf8(talk).unwrap().contains("connection refused"));
}

#[tokio::test]
async fn one_silent_model_hides_no_other() {
    use crate::southbound::testing::{Answer, Server, legacy};
    let book = legacy();
    let ratings = book.address(120, "ID");
    let server = Server::start(&[(1, &book)]).await;
    server.script(
        move |seen, _| {
            if seen.address == ratings && seen.quantity > 2 { Answer::Silence } else { Answer::Good }
        },
    );
    let (exit, out, talk) = probed(&server, 1, false).await;
    assert_eq!((exit, talk.as_str()), (ProbeExit::Found, ""));
    assert!(out.contains("model 120: not read: no answer"), "{out}");
    assert!(out.contains("activePower            5000 W"), "{out}");
}

#[tokio::test]
async fn a_device_that_refuses_long_reads_is_shown_whole() {
    use crate::southbound::testing::{Answer, Server, newer};
    let server = Server::start(&[(1, &newer())]).await;
    server.script(|seen, _| if seen.quantity > 40 { Answer::Exception(3) } else { Answer::Good });
    let (exit, out, _) = probed(&server, 1, false).await;
    assert_eq!(exit, ProbeExit::Found);
    assert!(out.contains("activePower            -2500 W"), "{out}");
    assert!(!out.contains("exception"), "{out}");
}

#[tokio::test]
async fn answers_that_make_no_sense_are_an_answer_all_the_same() {
    use crate::southbound::testing::{Answer, Server, legacy};
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|_, _| Answer::OtherUnit);
    let (exit, _, talk) = probed(&server, 1, false).await;
    assert_eq!(exit, ProbeExit::Failed);
    assert!(talk.contains("bad answer") && talk.len() < 250, "{talk}");
}
