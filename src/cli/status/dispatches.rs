//! What was asked of groups: first what goes on, each member's part with the trouble on top; then what ended lately.

use super::document::{Dispatch, Share};
use super::words::{age, amount, count_by, left, share_of};
use crate::cli::table::{Align, Table, printable};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::io::{self, Write};

/// Ended dispatches that are shown: what goes on shall not stand below the screen.
const ENDED_SHOWN: usize = 5;

/// Of a member whose device cannot be told how long to hold what is asked.
const UNBOUNDED: &str = "no time limit: it holds this until it is released, also if the gateway dies";

/// Writes all that go on, and the latest that have ended.
pub(super) fn show(dispatches: &[Dispatch], now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let (mut ended, live): (Vec<&Dispatch>, Vec<&Dispatch>) = dispatches.iter().partition(|d| has_ended(d));
    let states = live.iter().chain(&ended).map(|d| d.state.as_str());
    writeln!(out, "\nDISPATCHES: {}", count_by(states))?;
    for dispatch in live {
        one(dispatch, now, out)?;
        shares(&dispatch.shares, &dispatch.unit, out)?;
    }
    ended.sort_by_key(|d| Reverse(d.ends));
    for dispatch in ended.iter().take(ENDED_SHOWN) {
        one(dispatch, now, out)?;
    }
    match ended.len().saturating_sub(ENDED_SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  {more} more have ended; --json shows them too"),
    }
}

/// Of an ended one, nobody has a part any more.
fn has_ended(dispatch: &Dispatch) -> bool {
    dispatch.state == "ended"
}

fn one(dispatch: &Dispatch, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let group = printable(&dispatch.group_name);
    let (name, reason) = (printable(&dispatch.name), printable(&dispatch.reason));
    write!(out, "  {name}: {} of {group}, {}", dispatch.parameter, dispatch.state)?;
    let unit = &dispatch.unit;
    // Before its time nothing is asked yet, and after it nothing any more: that is not a value that is unknown.
    let active = !matches!(dispatch.state.as_str(), "scheduled" | "releasing" | "ended");
    if active || dispatch.asked.is_some() {
        write!(out, ", asked {}", amount(dispatch.asked, unit))?;
    }
    // Of what was replaced nothing is delivered, whatever the members do for others.
    let active = active && !dispatch.replaced;
    if active || dispatch.delivered.is_some() {
        write!(out, ", delivered {}", amount(dispatch.delivered, unit))?;
    }
    if let Some(share) = share_of(dispatch.delivered, dispatch.asked) {
        write!(out, " ({share})")?;
    }
    // What the others deliver is not known, and is not in it.
    if let Some((known, all)) =
        dispatch.rests_on.zip(dispatch.members).filter(|(known, all)| active && known < all)
    {
        write!(out, " by {known} of {all} members")?;
    }
    if !has_ended(dispatch) {
        write!(out, ", {}", left(dispatch.starts, dispatch.ends, now))?;
    } else if let Some(over) = dispatch.ends.filter(|ends| *ends <= now) {
        write!(out, " {} ago", age(Some(over), now))?;
    }
    writeln!(out, "{}{reason}", if reason.is_empty() { "" } else { ": " })
}

/// What needs a look first: what did not work, then what is not as it was asked and says why.
fn trouble(share: &Share) -> (u8, bool) {
    let ended = match share.outcome.as_str() {
        "applied" | "" => 0,
        "accepted, not verified" | "superseded" => 1,
        "waiting" => 2,
        _ => 3,
    };
    (ended, !share.reason.is_empty())
}

/// Why, and whether it goes on when nobody is there to end it.
fn why(share: &Share) -> String {
    let parts = [share.reason.as_str(), if share.bounded == Some(false) { UNBOUNDED } else { "" }];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn shares(shares: &[Share], unit: &str, out: &mut dyn Write) -> io::Result<()> {
    if shares.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<&Share> = shares.iter().collect();
    sorted.sort_by_key(|share| Reverse(trouble(share)));
    let mut table = Table::new([
        ("MEMBER", Align::Left),
        ("ASKED", Align::Right),
        ("DELIVERED", Align::Right),
        ("OUTCOME", Align::Left),
        ("WHY", Align::Left),
    ]);
    for share in sorted {
        let asked = match share.asked {
            Some(value) => amount(Some(value), unit),
            None if share.release => "release".to_owned(),
            None => "nothing".to_owned(),
        };
        table.push([
            share.name.clone(),
            asked,
            amount(share.delivered, unit),
            share.outcome.clone(),
            why(share),
        ]);
    }
    table.write(out, "      ")
}
