//! What can go wrong with an outstation and the wire to it, and what is to come of it (DNP3 reference sections 1.5, 2 and 3).

use super::proxy::Trouble;
use crate::faults::table::{Limit, Power, Row, Wire};
use dergate::der::DeviceState::{CommLost, Degraded, Discovering, IdentityChanged, Online};
use dergate::device_map::DeviceMap;
use dergate::simulator::Kind;
use std::time::Duration;

/// An outstation with these faults from the start, on a wire that is well.
fn out(faults: &str) -> Row {
    let mut row = Row::new(Kind::Pv, faults);
    row.wire = Some(Wire::WELL);
    row
}

/// The same, with the faults once it has been found and read.
fn later(faults: &str) -> Row {
    let mut row = Row::later(Kind::Pv, faults);
    row.wire = Some(Wire::WELL);
    row
}

/// An outstation that is well, on a wire with this trouble from the start.
fn wire(start: Trouble, name: &str) -> Row {
    let mut row = out("").named(" ").named(name);
    row.wire = Some(Wire { start, ..Wire::WELL });
    row
}

/// The same, with the trouble once the outstation has been found and read.
fn wire_later(trouble: Trouble, name: &str) -> Row {
    let mut row = out("").named(" ").named(name).named(", later");
    row.wire = Some(Wire { later: trouble, ..Wire::WELL });
    row.power = Power::Gone;
    row
}

/// Every row of the table.
pub fn rows() -> Vec<Row> {
    [well(), wires(), indications(), flags(), commands(), statuses()].into_iter().flatten().collect()
}

/// Nothing wrong: what the others are compared with.
fn well() -> Vec<Row> {
    vec![
        out("").limit(Limit::Released).named(" without fault").well(),
        out("").named(" without fault, on without commands").well(),
        wire(Trouble::Split, "octet by octet").limit(Limit::Released),
        wire(Trouble::Garbage, "garbage between frames").ends(
            &[Online, Degraded, CommLost, Discovering],
            "",
            Power::True,
        ),
    ]
}

/// What comes over the wire, or does not.
fn wires() -> Vec<Row> {
    let ms = Duration::from_millis;
    let patient = |map: &mut DeviceMap| map.link.response_timeout = Duration::from_secs(5);
    let mut strange =
        wire(Trouble::None, "the master looks for another link address").lost("link address|outstation");
    strange.wire = Some(Wire { address: Some(77), ..Wire::WELL });
    let mut second = wire_later(Trouble::Refused, "refused, a second end point");
    second.wire = second.wire.map(|wire| Wire { second: true, ..wire });
    let mut second_only = wire(Trouble::Refused, "refused from the start, a second end point");
    second_only.wire = second_only.wire.map(|wire| Wire { second: true, ..wire });
    vec![
        wire(Trouble::Refused, "refused").lost("refused"),
        wire_later(Trouble::Refused, "refused").gone("refused").limit(Limit::Unreachable),
        wire(Trouble::Silent, "silent").lost("no answer|not answer|silent").limit(Limit::Unreachable),
        wire_later(Trouble::Silent, "silent").gone("no answer|not answer|silent").limit(Limit::Unreachable),
        wire_later(Trouble::HalfOpen, "half-open").ends(&[Online, Degraded], "", Power::Good),
        wire(Trouble::Reset(900), "reset in the middle of an answer").lost(""),
        wire_later(Trouble::Reset(30), "reset in the middle of an answer").gone(""),
        later("reset_mid_response").gone(""),
        wire(Trouble::Slow(ms(60)), "each frame takes 60 ms").map(patient, ", limit 5 s"),
        wire(Trouble::Slow(ms(3_000)), "each frame takes 3 s").lost("no answer|not answer|in time"),
        wire_later(Trouble::Slow(ms(3_000)), "each frame takes 3 s").gone("no answer|not answer|in time"),
        strange,
        wire(Trouble::From(77), "answers as another link address")
            .lost("link address|no answer|not answer|outstation"),
        wire_later(Trouble::From(77), "answers as another link address")
            .gone("link address|no answer|not answer|outstation"),
        wire(Trouble::Corrupt, "no frame fits its check sum").lost(""),
        wire_later(Trouble::Corrupt, "no frame fits its check sum").gone(""),
        wire_later(Trouble::CorruptEach(60), "one frame in 60 does not fit its check sum").ends(
            &[Online, Degraded, CommLost, Discovering],
            "",
            Power::True,
        ),
        wire_later(Trouble::TwiceAnswers, "every answer comes twice").ends(
            &[Online, Degraded],
            "",
            Power::Good,
        ),
        wire_later(Trouble::TwiceUnsolicited, "every unsolicited message comes twice")
            .ends(&[Online, Degraded], "", Power::Good)
            .limit(Limit::Applied),
        wire_later(Trouble::LateUnsolicited(2), "unsolicited messages come late").ends(
            &[Online, Degraded],
            "",
            Power::Good,
        ),
        second.ends(&[Online, Degraded], "", Power::Good).limit(Limit::Applied),
        second_only.limit(Limit::Applied),
    ]
}

/// What an outstation says of itself: its indications, its identity, its profile.
fn indications() -> Vec<Row> {
    vec![
        later("restart").ends(&[Online, Degraded], "", Power::Good),
        out("need_time").limit(Limit::Applied),
        out("need_time_refused").ends(&[Online, Degraded], "", Power::Good).limit(Limit::Applied),
        later("overflow").ends(&[Online, Degraded], "", Power::Good),
        later("overflow_stuck").ends(&[Online, Degraded], "", Power::Good),
        out("trouble").ends(&[Online, Degraded], "trouble", Power::Good),
        out("config_corrupt").ends(&[Online, Degraded], "config", Power::Good),
        out("no_unsolicited").limit(Limit::Applied),
        out("events_without_time").limit(Limit::Applied),
        later("serial_change:OTHER")
            .cut()
            .ends(&[IdentityChanged], "OTHER", Power::True)
            .limit(Limit::Refused("serial number")),
        out("profile_version:110").ends(
            &[Degraded, CommLost, Discovering, IdentityChanged],
            "AI0",
            Power::Never,
        ),
    ]
}

/// What an outstation says of its values.
fn flags() -> Vec<Row> {
    vec![
        later("comm_lost").ends(&[Online, Degraded], "", Power::Gone),
        out("comm_lost").ends(&[Online, Degraded], "", Power::Never),
        later("offline").ends(&[Online, Degraded], "", Power::Gone),
        out("offline").ends(&[Online, Degraded], "", Power::Never),
        later("null_values").ends(&[Online, Degraded], "", Power::Gone),
        out("null_values").ends(&[Online, Degraded], "", Power::Never),
    ]
}

/// What becomes of commands.
fn commands() -> Vec<Row> {
    vec![
        out("local").ends(&[Online, Degraded], "local", Power::Good).limit(Limit::Refused("local")),
        out("lockout").ends(&[Online, Degraded], "lock", Power::Good).limit(Limit::Refused("lock")),
        out("no_feedback").limit(Limit::Unverified),
        out("wrong_readback").limit(Limit::NotKept),
        out("not_kept").limit(Limit::NotKept),
        out("ignores_limit").limit(Limit::AppliedWithoutEffect),
        out("default_reversion:5").limit(Limit::Applied),
    ]
}

/// Every command status: what an operator reads.
fn statuses() -> Vec<Row> {
    const STATUSES: [(u8, &str); 19] = [
        (1, "TIMEOUT"),
        (2, "NO_SELECT"),
        (3, "FORMAT_ERROR"),
        (4, "NOT_SUPPORTED|does not take a value"),
        (5, "ALREADY_ACTIVE"),
        (6, "HARDWARE_ERROR"),
        (7, "LOCAL"),
        (8, "TOO_MANY_OPS"),
        (9, "NOT_AUTHORIZED"),
        (10, "AUTOMATION_INHIBIT"),
        (11, "PROCESSING_LIMITED"),
        (12, "OUT_OF_RANGE"),
        (13, "DOWNSTREAM_LOCAL"),
        (14, "ALREADY_COMPLETE"),
        (15, "BLOCKED"),
        (16, "CANCELLED"),
        (17, "BLOCKED_OTHER_MASTER"),
        (18, "DOWNSTREAM_FAIL"),
        (126, "NON_PARTICIPATING"),
    ];
    STATUSES
        .into_iter()
        .map(|(code, word)| out(&format!("status:{code}")).limit(Limit::Refused(word)))
        .collect()
}
