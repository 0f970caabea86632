use super::value::amount_of;
use super::*;
use crate::der::{Excitation, PowerFactor};
use crate::device_map::registers::CommandName;
use crate::southbound::testing::{Answer, Book, Server, legacy, newer};
use clap::Parser;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

async fn asked(server: &Server, words: &[&str], says: Option<&str>) -> (End, String) {
    let link = server.link(1).to_string();
    let all = ["control", "--timeout", "250ms", "--watch", "0", &link];
    let line = Line::try_parse_from(all.iter().chain(words)).unwrap();
    let mut input = says.unwrap_or_default().as_bytes();
    let mut person = Person { present: says.is_some(), input: &mut input };
    let mut out = Vec::new();
    let end = run(&line.args, &mut out, &mut person).await.unwrap();
    (end, String::from_utf8(out).unwrap())
}

#[tokio::test]
async fn a_limit_is_shown_written_read_back_and_judged() {
    let book = legacy();
    let server = Server::start(&[(1, &book)]).await;
    let (end, out) = asked(&server, &["limit_active_power", "60%", "--yes"], None).await;
    assert_eq!(end, End::Done, "{out}");
    for part in [
        "Acme X1 SN-1",
        "plan: limit 60 % of WMax 8000 W = 4800 W (1 write)",
        "0x0258 0x0000 0x003C 0x0000 0x0001",
        "applied: read back as written",
        "active power 5000 W",
        "effect: none seen yet (4800 W asked)",
        "falls back by itself 60 s after",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
}

#[tokio::test]
async fn a_power_that_follows_is_said_to_follow_and_released_if_asked() {
    let book = newer();
    let server = Server::start(&[(1, &book)]).await;
    let (end, out) = asked(&server, &["set_active_power", "-2.5kW", "--yes", "--release"], None).await;
    assert_eq!(end, End::Done, "{out}");
    assert!(out.contains("effect: the power follows (-2500 W asked)"), "{out}");
    assert!(out.contains("release applied"), "{out}");
    assert_eq!(server.writes().last(), Some(&(16, book.address(704, "WSetEna"), vec![0])));
}

#[tokio::test]
async fn nothing_is_written_without_a_yes() {
    let server = Server::start(&[(1, &legacy())]).await;
    let (end, _) = asked(&server, &["disconnect"], None).await;
    assert!(matches!(&end, End::Usage(words) if words.contains("--yes")), "{end:?}");
    let (end, out) = asked(&server, &["disconnect", "--dry-run"], None).await;
    assert_eq!(end, End::Done);
    assert!(out.contains("plan: disconnect"), "{out}");
    let (end, _) = asked(&server, &["disconnect"], Some("n\n")).await;
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    assert_eq!(server.writes(), []);
}

#[tokio::test]
async fn every_end_has_its_status() {
    let server = Server::start(&[(1, &legacy())]).await;
    for (answer, part, status) in [(Answer::Exception(3), "refused:", 1), (Answer::Ignored, "kept", 1)] {
        server.script(move |seen, _| if seen.function == 16 { answer.clone() } else { Answer::Good });
        let (end, out) = asked(&server, &["limit_active_power", "100W", "--yes"], None).await;
        assert!(out.contains(part), "{out}");
        assert_eq!(matches!(end, End::Failed(_)), status == 1, "{end:?}");
    }
    let (end, _) = asked(&server, &["set_active_power", "5W", "--yes"], None).await;
    assert!(matches!(&end, End::Failed(words) if words.contains("limited only")), "{end:?}");
    let line = Line::try_parse_from(["control", "modbus+tcp://127.0.0.1:1", "connect", "--yes"]).unwrap();
    let mut person = Person { present: false, input: &mut std::io::empty() };
    let end = run(&line.args, &mut Vec::new(), &mut person).await.unwrap();
    assert!(matches!(end, End::NoAnswer(_)), "{end:?}");
}

#[test]
fn commands_and_values_are_read_or_told_what_would_be_right() {
    assert_eq!(command_of("connect"), Ok(Manual::Command(CommandName::Connect)));
    assert_eq!(command_of("release_active_power"), Ok(Manual::ReleaseActivePower));
    assert!(command_of("limit_active_powr").unwrap_err().contains("did you mean limit_active_power?"));
    assert!(command_of("explode").unwrap_err().contains("release_reactive_power"));
    let factor = |size, excitation| Ok(Amount::Factor(PowerFactor { size, excitation }));
    for (text, value) in [
        ("4800W", Ok(Amount::Watts(4800.0))),
        ("-4.8kW", Ok(Amount::Watts(-4800.0))),
        ("60%", Ok(Amount::Percent(60.0))),
        ("1.2 kvar", Ok(Amount::Vars(1200.0))),
        ("0.95over", factor(0.95, Excitation::Over)),
        ("0.9under", factor(0.9, Excitation::Under)),
    ] {
        assert_eq!(amount_of(text), value, "{text}");
    }
    for (text, part) in [
        ("60", "has no unit"),
        ("1.2over", "at most 1"),
        ("0under", "over 0"),
        ("5kg", "not a value"),
        ("kW", "not a value"),
        ("--", "not a value"),
    ] {
        assert!(amount_of(text).unwrap_err().contains(part), "{text}");
    }
}

#[test]
fn what_nothing_shows_is_not_said_to_be_applied() {
    let said = |read_back| {
        let mut out = Vec::new();
        let end = tell(&mut out, &Outcome::Applied(read_back)).unwrap();
        assert_eq!(end, End::Done);
        String::from_utf8(out).unwrap()
    };
    let verified = ReadBack { verified: true, ..ReadBack::default() };
    assert_eq!(said(verified), "applied: read back as written\n");
    let words = said(ReadBack::default());
    assert_eq!(words, "accepted, not verified: the device gives nothing to read back\n");
    let words = said(ReadBack { doubt: Some("it did not follow"), ..ReadBack::default() });
    assert_eq!(words, "accepted, not verified: it did not follow\n");
}

#[test]
fn a_power_that_is_not_told_is_not_judged() {
    let asked = Setpoint::LimitActivePower(Watts::new(500.0));
    let words = verdict(&asked, ReadBack::default(), None, Watts::new(1000.0));
    assert!(words.contains("does not tell its active power"), "{words}");
}

/// A device at which another master sets a limit of its own whenever the power was read.
async fn fought_over(book: &Book) -> Server {
    let server = Server::start(&[(1, book)]).await;
    let [power, percent, enable] =
        [book.address(103, "W"), book.address(123, "WMaxLimPct"), book.address(123, "WMaxLim_Ena")];
    let mut written = false;
    server.script(move |seen, registers| {
        written |= seen.function == 16;
        if written && (seen.address..seen.address.saturating_add(seen.quantity)).contains(&power) {
            registers.extend([(percent, 120), (enable, 0)]);
        }
        Answer::Good
    });
    server
}

#[tokio::test]
async fn a_set_point_that_another_master_overwrote_is_told() {
    let server = fought_over(&legacy()).await;
    let words = ["limit_active_power", "60%", "--yes", "--release"];
    let (end, out) = asked(&server, &words, None).await;
    assert!(out.contains("applied: read back as written"), "{out}");
    assert!(out.contains("another master, or the device itself, has changed it: now 123."), "{out}");
    assert!(out.contains("WMaxLimPct 12 "), "{out}");
    assert!(out.contains("WMaxLim_Ena DISABLED") || out.contains("WMaxLim_Ena 0"), "{out}");
    assert!(!out.contains("none seen yet"), "{out}");
    assert!(matches!(&end, End::Failed(words) if words.contains("it was not released")), "{end:?}");
    assert_eq!(server.writes().len(), 1, "what stands there is not ours to release");
}

#[tokio::test]
async fn more_than_a_device_is_rated_for_needs_a_second_word() {
    let server = Server::start(&[(1, &legacy())]).await;
    for value in ["160%", "60MW"] {
        let (end, out) = asked(&server, &["limit_active_power", value, "--yes"], None).await;
        assert!(out.contains("warning: ") && out.contains("rated for, 8000 W"), "{out}");
        assert!(matches!(&end, End::Failed(words) if words.contains("--beyond-range")), "{end:?}");
    }
    let (end, _) = asked(&server, &["limit_active_power", "160%"], Some("n\n")).await;
    assert!(matches!(end, End::Failed(_)), "{end:?}");
    assert_eq!(server.writes(), []);
    let (end, out) = asked(&server, &["limit_active_power", "160%", "--yes", "--beyond-range"], None).await;
    assert_eq!(end, End::Done, "{out}");
    assert!(out.contains("plan: limit 100 % of WMax 8000 W"), "{out}");
    let (_, out) = asked(&server, &["limit_active_power", "100%", "--yes"], None).await;
    assert!(!out.contains("warning"), "{out}");
}

#[tokio::test]
async fn a_curve_that_runs_backwards_is_refused_before_anything_is_sent() {
    let server = Server::start(&[(1, &newer())]).await;
    let words = ["set_curve", "volt-var", "--points", "98:44,92:0,102:0", "--yes", "--beyond-range"];
    let (end, _) = asked(&server, &words, None).await;
    assert!(matches!(&end, End::Failed(words) if words.contains("x 92 comes after 98")), "{end:?}");
    assert_eq!(server.writes(), []);
}
