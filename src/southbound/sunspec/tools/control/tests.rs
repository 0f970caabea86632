use super::*;
use crate::device_map::registers::CommandName;
use crate::southbound::testing::{Book, Server, legacy, map, newer};

const HOLD: Duration = Duration::from_secs(60);

fn session(server: &Server, options: ProbeOptions) -> Session {
    Session::new(&server.link(1), &options, crate::southbound::known())
}

use crate::southbound::ProbeOptions;

fn options() -> ProbeOptions {
    ProbeOptions { link: map().link, ..ProbeOptions::default() }
}

async fn asked(book: &Book, command: Manual, amount: Option<Amount>) -> Result<ControlPlan, String> {
    let server = Server::start(&[(1, book)]).await;
    let session = session(&server, options());
    let device = session.control(&|_| {}).await.unwrap();
    let setpoint = device.setpoint(command, amount)?;
    let plan = device.plan(command, &setpoint, HOLD);
    assert_eq!(server.writes(), []);
    plan
}

const LIMIT: Manual = Manual::Command(CommandName::LimitActivePower);
const SET: Manual = Manual::Command(CommandName::SetActivePower);

#[tokio::test]
async fn percentages_are_of_what_the_device_says_it_can() {
    let plan = asked(&legacy(), LIMIT, Some(Amount::Percent(60.0))).await.unwrap();
    assert_eq!(plan.active_power, Some(Watts::new(4800.0)));
    let plan = asked(&newer(), SET, Some(Amount::Percent(-50.0))).await.unwrap();
    assert_eq!(plan.active_power, Some(Watts::new(-4000.0)), "half of what it can charge with");
    let plan = asked(&newer(), SET, Some(Amount::Percent(50.0))).await.unwrap();
    assert_eq!(plan.active_power, Some(Watts::new(4500.0)));
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_in_words() {
    let bare = Book::at(40000).identity("SN-3").model(103, &[("W", 5), ("W_SF", 0)]);
    for (book, command, amount, part) in [
        (legacy(), LIMIT, None, "limit_active_power takes a value such as 4800W"),
        (legacy(), LIMIT, Some(Amount::Vars(5.0)), "4800W"),
        (legacy(), SET, Some(Amount::Watts(100.0)), "it can be limited only"),
        (bare.clone(), LIMIT, Some(Amount::Percent(50.0)), "which it does not tell"),
        (bare, Manual::Command(CommandName::Connect), None, "cannot be connected"),
        (legacy(), Manual::Command(CommandName::SetCurve), None, "--points"),
        (legacy(), Manual::Command(CommandName::SetEnterService), None, "not given by hand"),
    ] {
        let words = asked(&book, command, amount).await.unwrap_err();
        assert!(words.contains(part), "{command:?}: {words}");
    }
    let mut local = newer();
    local.set(715, "LocRemCtl", 1);
    let words = asked(&local, LIMIT, Some(Amount::Watts(5.0))).await.unwrap_err();
    assert!(words.contains("local mode"), "{words}");
}

#[tokio::test]
async fn what_the_map_takes_away_is_not_offered() {
    let mut options = options();
    options.sunspec.disabled = vec![(CommandName::LimitActivePower, "it forgets it at night".to_owned())];
    let server = Server::start(&[(1, &legacy())]).await;
    let session = session(&server, options);
    let device = session.control(&|_| {}).await.unwrap();
    let words = device.plan(LIMIT, &Setpoint::LimitActivePower(Watts::new(5.0)), HOLD).unwrap_err();
    assert!(words.contains("it forgets it at night"), "{words}");
    assert!(device.plan(Manual::ReleaseActivePower, &Setpoint::ReleaseActivePower, HOLD).is_ok());
}

#[tokio::test]
async fn a_control_is_carried_out_watched_and_released() {
    let book = legacy();
    let server = Server::start(&[(1, &book)]).await;
    let session = session(&server, options());
    let mut device = session.control(&|_| {}).await.unwrap();
    let plan = device.plan(LIMIT, &Setpoint::LimitActivePower(Watts::new(4000.0)), HOLD).unwrap();
    assert_eq!(plan.writes.len(), 1);
    let outcome = device.carry_out(&plan, HOLD).await;
    assert!(matches!(outcome, Outcome::Applied(back) if back.bounded && back.verified), "{outcome:?}");
    let [pct, enable] = [book.address(123, "WMaxLimPct"), book.address(123, "WMaxLim_Ena")];
    assert_eq!(server.writes(), [(16, pct, vec![500, 0, 60, 0, 1])]);
    assert_eq!(device.active_power().await.unwrap(), Some(Watts::new(5000.0)));
    server.state().units.get_mut(&1).unwrap().insert(book.address(103, "W"), 4000);
    assert_eq!(device.active_power().await.unwrap(), Some(Watts::new(4000.0)));
    device.refresh().await.unwrap();
    let release = device.plan(Manual::ReleaseActivePower, &Setpoint::ReleaseActivePower, HOLD).unwrap();
    assert!(matches!(device.carry_out(&release, HOLD).await, Outcome::Applied(_)));
    assert_eq!(server.writes().last(), Some(&(16, enable, vec![0])));
}

#[tokio::test]
async fn a_plan_that_was_agreed_to_late_is_not_carried_out() {
    let server = Server::start(&[(1, &legacy())]).await;
    let session = session(&server, options());
    let mut device = session.control(&|_| {}).await.unwrap();
    let plan = device.plan(LIMIT, &Setpoint::LimitActivePower(Watts::new(4000.0)), HOLD).unwrap();
    tokio::time::advance(Duration::from_secs(61)).await;
    let outcome = device.carry_out(&plan, HOLD).await;
    assert!(
        matches!(&outcome, Outcome::Refused(words) if words.contains("nothing was written")),
        "{outcome:?}"
    );
    assert_eq!(server.writes(), []);
}
