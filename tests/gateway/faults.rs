//! The fault matrix: simulated devices that misbehave in every way we know of, through the real driver, all at once. For
//! each: what state it ends in, what an operator is told, what becomes of its active power and of a limit sent to it. And
//! for all of them: wrong data never passes as good, and a device that is well is read on as if it were alone.

mod rig;
pub mod table;
mod truth;

use dergate::der::{DeviceState, Outcome, Quality};
use rig::{Rig, Seen};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;
use table::{Limit, Power, Row, rows};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Longest wait for a device to end up as it should, and for a limit.
const PATIENCE: Duration = Duration::from_secs(45);
/// What must hold is looked at again after this.
const CALM: Duration = Duration::from_secs(3);
/// A last good value older than this is not the device's any more.
const FORGOTTEN: Duration = Duration::from_millis(2500);

/// Longest that a device that is well may go without a good value while others fail.
const GAP: Duration = Duration::from_secs(4);

/// What became of a row.
struct Verdict {
    row: Row,
    seen: Seen,
    at: Instant,
    limit: String,
    /// How long the others that are well were not read at most, while this went wrong.
    others: Duration,
    wrong: Vec<String>,
}

#[tokio::test]
async fn every_fault_ends_in_a_known_state_and_wrong_data_never_passes_as_good() {
    matrix(rows, "fault-matrix.txt", std::future::ready(String::new())).await;
}

/// Lets every row happen, all at once, and beside them what gives `more` rows; prints the table and writes it beside the build.
pub async fn matrix(rows: fn() -> Vec<Row>, file: &str, more: impl Future<Output = String>) {
    let begun = Instant::now();
    let (verdicts, more) = tokio::join!(verdicts(rows), more);
    let mut report = table_of(&verdicts) + &more;
    let count = report.lines().count() - 1;
    let _ = writeln!(report, "{count} rows in {:.0} s", begun.elapsed().as_secs_f64());
    println!("{report}");
    let target = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    std::fs::write(target.join(file), &report).unwrap();
    let failed: Vec<String> = verdicts
        .iter()
        .filter(|verdict| !verdict.wrong.is_empty())
        .map(|verdict| format!("{}: {}", verdict.row.name, verdict.wrong.join("; ")))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What becomes of each row.
async fn verdicts(rows: fn() -> Vec<Row>) -> Vec<Verdict> {
    let rig = Rig::start(rows()).await;
    let mut tasks = JoinSet::new();
    for (place, row) in rows().into_iter().enumerate() {
        let rig = rig.clone();
        tasks.spawn(async move { (place, follow(&rig, place, row).await) });
    }
    let mut verdicts = tasks.join_all().await;
    verdicts.sort_by_key(|(place, _)| *place);
    rig.stop().await;
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

async fn follow(rig: &Rig, place: usize, row: Row) -> Verdict {
    let mut wrong = Vec::new();
    if row.fails_later() {
        let found = rig.until(place, PATIENCE, |seen| seen.good_after(None)).await;
        if !found {
            wrong.push("not found while it was well".to_owned());
        }
        rig.fail(place, &row).await;
    }
    let since = Instant::now();
    rig.until(place, PATIENCE, |seen| settled(&row, seen, since).is_ok()).await;
    let mut limit = "-".to_owned();
    if let Some(expected) = &row.limit {
        let (ended, fault) = rig.try_limit(place, expected).await;
        limit = ended;
        wrong.extend(fault);
    }
    tokio::time::sleep(CALM).await;
    // States that alternate are right if one of them comes again.
    rig.until(place, CALM * 4, |seen| settled(&row, seen, since).is_ok()).await;
    let seen = rig.seen(place);
    wrong.extend(settled(&row, &seen, since).err());
    // One of a kind, by its first word: many are alike.
    let mut kinds = BTreeSet::new();
    let lies = seen.lies.iter().filter(|lie| kinds.insert(lie.split(' ').next()));
    wrong.extend(lies.take(3).cloned());
    if !row.tells.is_empty() && !seen.told(row.tells) {
        wrong.push(format!("\"{}\" is not among its events: {:?}", row.tells, seen.events));
    }
    if !rig.until_wire_did(place, &row, PATIENCE).await {
        wrong.push("nothing came twice or late: the row proves nothing".to_owned());
    }
    let others = rig.gap_of_others(place, since);
    if others > GAP {
        wrong.push(format!("others that are well were not read for {others:?} meanwhile"));
    }
    Verdict { row, seen, at: Instant::now(), limit, others, wrong }
}

/// Whether a device has ended up as it should.
fn settled(row: &Row, seen: &Seen, since: Instant) -> Result<(), String> {
    if !row.states.contains(&seen.state) {
        return Err(format!("state {} ({})", seen.state.name(), seen.reason));
    }
    if !row.says.is_empty() && !row.says.split('|').any(|words| seen.reason.contains(words)) {
        return Err(format!("reason \"{}\" instead of \"{}\"", seen.reason, row.says));
    }
    let now = Instant::now();
    let fresh = seen.good.is_some_and(|(at, _)| now - at < FORGOTTEN.max(row.poll * 3));
    match row.power {
        Power::Good if !(fresh && seen.good_after(Some(since))) => Err("no good active power".to_owned()),
        Power::Never if seen.good.is_some() => Err("an active power passes as good".to_owned()),
        Power::Gone if fresh => Err("the active power still passes as good".to_owned()),
        _ => Ok(()),
    }
}

/// The table, for people.
fn table_of(verdicts: &[Verdict]) -> String {
    let mut text = String::from(
        "fault | state | reason the operator sees | active power | limit 4000 W | others | right?\n",
    );
    for Verdict { row, seen, at: looked, limit, others, wrong } in verdicts {
        let power = match (seen.good, seen.last) {
            (_, Some((_, Quality::Invalid))) => "invalid".to_owned(),
            (Some((at, watts)), _) if *looked - at < FORGOTTEN.max(row.poll * 3) => {
                format!("{watts:.0} W good")
            }
            (Some((_, watts)), _) => format!("{watts:.0} W stale"),
            (None, _) => "never read".to_owned(),
        };
        let right = match wrong.is_empty() {
            true => "yes".to_owned(),
            false => format!("NO: {}", wrong.join("; ")),
        };
        let others = if *others > GAP { "held up" } else { "read on" };
        let mut reason = seen.reason.clone();
        if !row.tells.is_empty() {
            let _ = write!(reason, " [event: {}]", row.tells);
        }
        let (name, state) = (&row.name, seen.state.name());
        let _ = writeln!(text, "{name} | {state} | {reason} | {power} | {limit} | {others} | {right}");
    }
    text
}

/// True if a command ended as a row expects.
fn ended_as(expected: &Limit, outcome: &Outcome) -> bool {
    match (expected, outcome) {
        (
            Limit::Applied | Limit::Changed | Limit::AppliedWithoutEffect | Limit::Released,
            Outcome::Applied(back),
        ) => back.verified,
        (Limit::Unverified, Outcome::Applied(back)) => !back.verified,
        (Limit::Refused(words), Outcome::Refused(reason)) => {
            words.split('|').any(|words| reason.contains(words))
        }
        #[cfg(feature = "dnp3")]
        (Limit::HeldBack(words), Outcome::Refused(reason)) => reason.contains(words),
        (Limit::NotKept | Limit::SeemsNotKept, Outcome::NotKept(_))
        | (Limit::Unreachable, Outcome::Unreachable) => true,
        _ => false,
    }
}

/// States in which a device answers.
pub const HERE: &[DeviceState] = &[DeviceState::Online, DeviceState::Degraded];
