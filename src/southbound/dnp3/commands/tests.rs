use super::*;
use crate::der::{Excitation, PowerFactor, Quality, Vars};
use crate::southbound::dnp3::execute::tests::trace;
use crate::southbound::dnp3::testing::{Answer, Outstation, Request};

mod an2018;
mod curves;
pub mod profile;
mod restarts;
mod service;
mod swapped;

use profile::{Told, at, good, map};

const HOLD: Duration = Duration::from_secs(300);

pub fn commands() -> Commands {
    Commands::new("an2018", Arc::new(map()), "")
}

pub fn order(setpoint: Setpoint) -> Command {
    Command { id: 1, setpoint, hold: HOLD, expires_at: Instant::now() + Duration::from_secs(60) }
}

pub fn limit(watts: f64) -> Setpoint {
    Setpoint::LimitActivePower(Watts::new(watts))
}

pub fn set(watts: f64) -> Setpoint {
    Setpoint::SetActivePower(Watts::new(watts))
}

pub fn applied(watts: Option<f64>, bounded: bool) -> Outcome {
    let active_power = watts.map(Watts::new);
    Outcome::Applied(ReadBack { active_power, bounded, verified: true, doubt: None })
}

/// Carries out one command and gives what went over the line.
pub async fn run(
    commands: &mut Commands,
    outstation: &Outstation,
    setpoint: Setpoint,
) -> (Outcome, Vec<String>) {
    outstation.state().seen.clear();
    let outcome = commands.carry_out(outstation, &order(setpoint), &Told::storage()).await;
    (outcome, trace(outstation))
}

#[tokio::test(start_paused = true)]
async fn a_limit_and_its_release() {
    let (outstation, mut commands) = (good(), commands());
    let (outcome, sent) = run(&mut commands, &outstation, limit(6000.0)).await;
    assert_eq!(outcome, applied(Some(6000.0), true));
    assert_eq!(
        sent,
        [
            "AO83=0",
            "AO84=0",
            "AO85=300",
            "AO87=1000",
            "AO88=600",
            "read AI143-145 AI148-149",
            "BO17=on",
            "read BI69"
        ]
    );
    assert_eq!(commands.notes(), "limit_active_power");
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::ReleaseActivePower).await;
    assert_eq!((outcome, sent), (applied(None, false), vec!["BO17=off".to_owned(), "read BI69".to_owned()]));
    assert_eq!(commands.notes(), "");
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::ReleaseActivePower).await;
    assert_eq!((outcome, sent), (applied(None, false), Vec::new()), "nothing is held");
}

#[tokio::test(start_paused = true)]
async fn charging_is_a_signed_set_point() {
    let (outstation, mut commands) = (good(), commands());
    let (outcome, sent) = run(&mut commands, &outstation, set(-4000.0)).await;
    assert_eq!(outcome, applied(Some(-4000.0), true));
    let wanted = ["AO90=0", "AO91=0", "AO92=300", "AO93=-500", "read AI151-154", "BO18=on", "read BI70"];
    assert_eq!(sent, wanted);
}

#[tokio::test(start_paused = true)]
async fn constant_var_and_constant_power_factor() {
    let (outstation, mut commands) = (good(), commands());
    let (outcome, sent) =
        run(&mut commands, &outstation, Setpoint::SetReactivePower(Vars::new(-2000.0))).await;
    assert_eq!(outcome, applied(None, true));
    let wanted = [
        "AO5=2",
        "AO200=0",
        "AO201=0",
        "AO202=300",
        "AO203=-500",
        "read AI42 AI278-281",
        "BO27=on",
        "read BI79",
    ];
    assert_eq!(sent, wanted);
    let factor = PowerFactor { size: 0.95, excitation: Excitation::Under };
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::SetPowerFactor(factor)).await;
    assert_eq!(outcome, applied(None, true));
    let wanted = [
        "AO207=0",
        "AO208=0",
        "AO209=300",
        "read AI285-287",
        "BO10=on",
        "read BI29",
        "AO210=95",
        "read AI288",
        "BO28=on",
        "read BI80",
        // Only then the other mode of the lane.
        "BO27=off",
        "read BI79",
    ];
    assert_eq!(sent, wanted);
    assert_eq!(commands.notes(), "set_power_factor");
}

#[tokio::test(start_paused = true)]
async fn connect_and_disconnect() {
    let (outstation, mut commands) = (good(), commands());
    outstation.put("BI23", 1.0);
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::Disconnect).await;
    assert_eq!((outcome, sent), (applied(None, false), vec!["BO5=off".to_owned(), "read BI23".to_owned()]));
    assert_eq!(commands.notes(), "disconnect");
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::Connect).await;
    assert_eq!((outcome, sent), (applied(None, false), vec!["BO5=on".to_owned(), "read BI23".to_owned()]));
    assert_eq!(commands.notes(), "connect");
}

#[tokio::test(start_paused = true)]
async fn within_a_lane_the_new_mode_stands_before_the_old_one_ends() {
    let (outstation, mut commands) = (good(), commands());
    run(&mut commands, &outstation, limit(6000.0)).await;
    let (outcome, sent) = run(&mut commands, &outstation, set(5000.0)).await;
    assert_eq!(outcome, applied(Some(5000.0), true));
    assert_eq!(sent[sent.len() - 4..], ["BO18=on", "read BI70", "BO17=off", "read BI69"]);
    assert_eq!(commands.notes(), "set_active_power");
    // The old one cannot be ended: both are held, and it is said.
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs[0].at == at("BO18") => Answer::Status(15),
        _ => Answer::Good,
    });
    let (outcome, _) = run(&mut commands, &outstation, limit(4000.0)).await;
    let Outcome::Refused(words) = outcome else { panic!("{outcome:?}") };
    assert!(
        words.starts_with("limit 40 % of 10000 W = 4000 W stands, but what was held before it could not be ended: operating BO18: BLOCKED (15)"),
        "{words}"
    );
    assert_eq!(commands.notes(), "limit_active_power,set_active_power");
    // The new one fails: the old one stays, and is held.
    let (outstation, mut commands) = (good(), super::tests::commands());
    run(&mut commands, &outstation, limit(6000.0)).await;
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs[0].at == at("BO18") => Answer::Status(7),
        _ => Answer::Good,
    });
    let (outcome, sent) = run(&mut commands, &outstation, set(5000.0)).await;
    assert!(matches!(outcome, Outcome::Refused(_)));
    assert!(!sent.contains(&"BO17=off".to_owned()), "never a moment without a bound");
    assert_eq!(commands.notes(), "limit_active_power,set_active_power");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_repeated_writes_its_reversion_and_latches_again() {
    let (outstation, mut commands) = (good(), commands());
    let (_, first) = run(&mut commands, &outstation, limit(6000.0)).await;
    let (outcome, second) = run(&mut commands, &outstation, limit(6000.0)).await;
    assert_eq!(outcome, applied(Some(6000.0), true));
    assert_eq!(first.len(), 8);
    // Settings that stand are not written again; what bounds it and what enables it are.
    let refresh = ["read AI143-144 AI148-149", "AO85=300", "read AI145", "BO17=on", "read BI69"];
    assert_eq!(second, refresh);
    outstation.put("AI149", 1000.0);
    let (outcome, third) = run(&mut commands, &outstation, limit(6000.0)).await;
    assert_eq!(outcome, applied(Some(6000.0), true));
    assert_eq!(third[1..3], ["AO85=300", "AO88=600"], "somebody else changed it");
    let (_, other) = run(&mut commands, &outstation, limit(5000.0)).await;
    assert_eq!(other.len(), 8, "another order is written whole");
    run(&mut commands, &outstation, limit(6000.0)).await;
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs[0].at == at("BO17") => Answer::Status(5),
        _ => Answer::Good,
    });
    let (outcome, _) = run(&mut commands, &outstation, limit(6000.0)).await;
    assert_eq!(outcome, applied(Some(6000.0), true), "it is active already, and shows it");
}

#[tokio::test(start_paused = true)]
async fn a_reversion_that_is_not_kept_leaves_the_order_unbounded() {
    let (outstation, mut commands) = (good(), commands());
    outstation.mirror("AO85", &[]);
    let (outcome, _) = run(&mut commands, &outstation, limit(6000.0)).await;
    assert_eq!(outcome, applied(Some(6000.0), false));
}

#[tokio::test(start_paused = true)]
async fn an_outstation_that_shows_no_switch_has_accepted_and_is_not_verified() {
    let (outstation, mut commands) = (good(), commands());
    outstation.mirror("BO17", &[]);
    let (outcome, sent) = run(&mut commands, &outstation, limit(6000.0)).await;
    let Outcome::Applied(read_back) = outcome else { panic!("{outcome:?}") };
    assert!(!read_back.verified && read_back.bounded);
    assert!(
        read_back.unverified().unwrap().contains("accepted it, but the point that shows it did not follow")
    );
    assert_eq!(sent.last().unwrap(), "read BO17");
    // Its release shows: the point was off all the time.
    let (outcome, _) = run(&mut commands, &outstation, Setpoint::ReleaseActivePower).await;
    assert_eq!(outcome, applied(None, false));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_the_middle_is_held_as_touched_and_undone_later() {
    let (outstation, mut commands) = (good(), commands());
    outstation.script(|request| match request {
        Request::Operate(outputs) if outputs[0].at == at("AO88") => Answer::Status(12),
        _ => Answer::Good,
    });
    let (outcome, sent) = run(&mut commands, &outstation, limit(6000.0)).await;
    let words = "writing AO88: OUT_OF_RANGE (12): the outstation does not take this value";
    assert_eq!(outcome, Outcome::Refused(words.to_owned()));
    assert!(!sent.contains(&"BO17=on".to_owned()));
    assert_eq!(commands.notes(), "limit_active_power");
    let (outcome, sent) = run(&mut commands, &outstation, Setpoint::ReleaseActivePower).await;
    assert_eq!((outcome, sent.len()), (applied(None, false), 2));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_in_local_control_and_none_without_a_command() {
    let (outstation, mut commands) = (good(), commands());
    let known = Told { blocked: Some("it is in local control".to_owned()), ..Told::storage() };
    for setpoint in [limit(1.0), set(1.0)] {
        let outcome = commands.carry_out(&outstation, &order(setpoint), &known).await;
        assert_eq!(outcome, Outcome::Refused("it is in local control".to_owned()));
    }
    let (outcome, _) = run(&mut commands, &outstation, Setpoint::ResetAlarms).await;
    let words = "cannot reset alarms: the map an2018 has no command for it";
    assert_eq!(outcome, Outcome::Refused(words.to_owned()));
    let late = Command { expires_at: Instant::now(), ..order(limit(1.0)) };
    assert_eq!(commands.carry_out(&outstation, &late, &Told::storage()).await, Outcome::Expired);
    assert_eq!(trace(&outstation), Vec::<String>::new());
    assert_eq!(commands.notes(), "");
}

#[tokio::test(start_paused = true)]
async fn the_measurements_say_whether_it_works() {
    let (outstation, mut commands) = (good(), commands());
    run(&mut commands, &outstation, limit(6000.0)).await;
    let power = |value| {
        let at = Timestamp::now() + Duration::from_millis(1);
        vec![Reading { quantity: Quantity::ActivePower, value, quality: Quality::Good, at }]
    };
    assert_eq!(commands.effects(&power(9000.0)), []);
    tokio::time::advance(Duration::from_secs(31)).await;
    let told = commands.effects(&power(9000.0));
    let words = "limit 60 % of 10000 W = 6000 W: sent and read back; power still 9000 W after 30 s. Device may ignore \
                 remote control (check its DNP3 menu, and whether it is in local control)";
    assert_eq!(told, [(limit(6000.0), Effect::NoEffect(words.to_owned()))]);
    run(&mut commands, &outstation, limit(5000.0)).await;
    assert_eq!(commands.effects(&power(4000.0)), [(limit(5000.0), Effect::Effective)]);
}

#[test]
fn a_person_sees_what_would_be_sent_and_nothing_is() {
    let mut commands = commands();
    let preview = commands.preview(&limit(6000.0), HOLD, &Told::storage()).unwrap();
    assert_eq!(preview.summary, "limit 60 % of 10000 W = 6000 W");
    assert_eq!(preview.active_power, Some(Watts::new(6000.0)));
    assert_eq!(preview.lines.len(), 6);
    let release = |commands: &Commands| {
        commands.preview(&Setpoint::ReleaseActivePower, HOLD, &Told::storage()).unwrap()
    };
    assert_eq!(release(&commands), Preview::default(), "nothing is held");
    commands.hold_all_that_can_be_undone();
    assert_eq!(release(&commands).summary, "release of set point, release of limit");
    assert_eq!(release(&commands).lines.len(), 2);
}
