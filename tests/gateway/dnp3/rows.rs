//! What can go wrong with an outstation and the wire to it, and what is to come of it (DNP3 reference sections 1.5, 2 and 3).

use super::proxy::Trouble;
use crate::faults::HERE;
use crate::faults::table::{Limit, Power, Row, Wire};
use dergate::der::DeviceState::{CommLost, Degraded, Discovering, IdentityChanged, Online};
use dergate::device_map::DeviceMap;
use dergate::simulator::Kind;
use std::sync::Arc;
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
    [well(), silences(), wires(), indications(), flags(), commands(), statuses()]
        .into_iter()
        .flatten()
        .collect()
}

/// Nothing wrong: what the others are compared with.
fn well() -> Vec<Row> {
    vec![
        out("").limit(Limit::Released).named(" without fault").well(),
        out("").named(" without fault, on without commands").well(),
        // The other protocol's devices go on as well.
        Row::new(Kind::Pv, "").named(" by Modbus, without fault").well(),
        wire(Trouble::Split, "octet by octet").limit(Limit::Released),
    ]
}

/// Who is on the wire.
fn silences() -> Vec<Row> {
    const NO_ANSWER: &str = "does not answer|no answer";
    let ms = Duration::from_millis;
    let patient = |map: &mut DeviceMap| map.link.response_timeout = Duration::from_secs(5);
    let mut strange = wire(Trouble::None, "the master looks for another link address").lost("link address");
    strange.wire = Some(Wire { address: Some(77), ..Wire::WELL });
    let mut second = wire_later(Trouble::Refused, "refused, a second end point");
    second.wire = second.wire.map(|wire| Wire { second: true, ..wire });
    let mut second_only = wire(Trouble::Refused, "refused from the start, a second end point");
    second_only.wire = second_only.wire.map(|wire| Wire { second: true, ..wire });
    vec![
        wire(Trouble::Refused, "refused").lost("connection refused").limit(Limit::Unreachable),
        wire_later(Trouble::Refused, "refused").gone("connection refused").limit(Limit::Unreachable),
        wire(Trouble::Silent, "silent").lost(NO_ANSWER).limit(Limit::Unreachable),
        wire_later(Trouble::Silent, "silent").gone(NO_ANSWER).limit(Limit::Unreachable),
        wire_later(Trouble::HalfOpen, "half-open").ends(HERE, "", Power::Good),
        second.ends(HERE, "", Power::Good).limit(Limit::Applied),
        second_only.limit(Limit::Applied),
        out("reset_after_accept").lost("another client|another master"),
        wire(Trouble::Slow(ms(60)), "each frame takes 60 ms").map(patient, ", limit 5 s"),
        wire(Trouble::Slow(ms(3_000)), "each frame takes 3 s").lost(NO_ANSWER),
        wire_later(Trouble::Slow(ms(3_000)), "each frame takes 3 s").gone(NO_ANSWER),
        strange,
        wire(Trouble::From(77), "answers as another link address").lost("link address"),
        wire_later(Trouble::From(77), "answers as another link address").gone("link address|does not answer"),
    ]
}

/// What comes over the wire.
fn wires() -> Vec<Row> {
    const BROKEN: &str = "broke|cuts it off|ends each connection";
    const NOISE: &str = "check sum|garbage|not DNP3|no DNP3";
    // Held back until it is older than what may be shown. The outstation waits 3 s for a confirmation, answers nothing meanwhile
    // and sends it again: if that were taken for silence, the connection would be made anew, and nothing would come late.
    // Without a time stamp nobody can tell that a message is late, so there is no such row.
    let patient = |map: &mut DeviceMap| map.link.response_timeout = Duration::from_secs(10);
    let late = wire_later(Trouble::LateUnsolicited(48), "unsolicited messages come late")
        .ends(HERE, "", Power::Good)
        .limit(Limit::Applied)
        .map(patient, ", limit 10 s");
    vec![
        wire(Trouble::Reset(900), "reset in the middle of an answer").lost(BROKEN),
        wire_later(Trouble::Reset(30), "reset in the middle of an answer").gone(BROKEN),
        later("reset_mid_response").gone(BROKEN),
        // Passed over, once it is known for what it is.
        wire(Trouble::Garbage, "garbage between frames").limit(Limit::Applied),
        wire(Trouble::Corrupt, "no frame fits its check sum").lost(NOISE),
        wire_later(Trouble::Corrupt, "no frame fits its check sum").gone(NOISE),
        wire_later(Trouble::CorruptEach(60), "one frame in 60 does not fit its check sum").ends(
            &[Online, Degraded, CommLost, Discovering],
            "",
            Power::True,
        ),
        wire_later(Trouble::TwiceAnswers, "every answer comes twice").ends(HERE, "", Power::Good),
        wire_later(Trouble::TwiceUnsolicited, "every unsolicited message comes twice")
            .ends(HERE, "", Power::Good)
            .limit(Limit::Applied),
        late,
    ]
}

/// What an outstation says of itself: its indications, its identity, its profile.
fn indications() -> Vec<Row> {
    vec![
        later("restart").ends(HERE, "", Power::Good).tells("it has restarted").limit(Limit::Applied),
        out("need_time").limit(Limit::Applied),
        out("need_time_refused").ends(&[Degraded], "setting its clock", Power::Good).limit(Limit::Applied),
        later("overflow").ends(HERE, "", Power::Good).tells("events were lost"),
        later("overflow_stuck").ends(&[Degraded], "it has lost events", Power::Good),
        out("trouble").ends(&[Degraded], "trouble of its own", Power::Good),
        out("config_corrupt").ends(&[Degraded], "configuration is corrupt", Power::Good),
        out("no_unsolicited").limit(Limit::Applied),
        out("events_without_time").limit(Limit::Applied),
        later("serial_change:OTHER")
            .cut()
            .ends(&[IdentityChanged], "OTHER", Power::True)
            .limit(Limit::HeldBack("serial number")),
        out("profile_version:110").lost("AI0 is 110"),
    ]
}

/// What an outstation says of its values.
fn flags() -> Vec<Row> {
    const AWAY: &str = "communication error";
    // The words of the flags, at the quantity that the group is dispatched by.
    const OFFLINE: &str = "ONLINE";
    const NOTHING: &str = "no value";
    vec![
        later("comm_lost").ends(&[Degraded], AWAY, Power::Gone),
        out("comm_lost").ends(&[Degraded], AWAY, Power::Never),
        later("offline").ends(&[Degraded], OFFLINE, Power::Gone),
        out("offline").ends(&[Degraded], OFFLINE, Power::Never),
        later("null_values").ends(&[Degraded], NOTHING, Power::Gone),
        out("null_values").ends(&[Degraded], NOTHING, Power::Never),
    ]
}

/// What becomes of commands.
fn commands() -> Vec<Row> {
    // The map waits longer before it says so.
    let soon = |map: &mut DeviceMap| {
        let Some(outstation) = &mut map.outstation else { return };
        for command in &mut Arc::make_mut(outstation).commands {
            if let Some(effect) = &mut command.effect {
                effect.within = Duration::from_secs(6);
            }
        }
    };
    vec![
        out("local").ends(&[Degraded], "local control", Power::Good).limit(Limit::HeldBack("local control")),
        out("lockout").ends(&[Degraded], "locked out", Power::Good).limit(Limit::HeldBack("locked out")),
        out("no_feedback").limit(Limit::Unverified),
        out("wrong_readback").limit(Limit::NotKept),
        out("not_kept").limit(Limit::NotKept),
        out("ignores_limit").map(soon, ", effect within 6 s").limit(Limit::AppliedWithoutEffect),
        out("default_reversion:5").limit(Limit::Applied),
    ]
}

/// Every command status: what an operator reads.
fn statuses() -> Vec<Row> {
    const STATUSES: [(u8, &str); 21] = [
        (1, "TIMEOUT (1): the operation came too long after its selection"),
        (2, "NO_SELECT (2): it was not selected before"),
        (3, "FORMAT_ERROR (3): the outstation does not understand the request"),
        // With IIN2.2, of which the stack tells no status.
        (
            4,
            "NOT_SUPPORTED (4): the outstation does not support this|it does not take a value or index (IIN2.2)",
        ),
        (5, "ALREADY_ACTIVE (5): it is active already"),
        (6, "HARDWARE_ERROR (6): the outstation has a fault in its hardware"),
        (7, "LOCAL (7): the outstation is in local control; switch it to remote"),
        (8, "TOO_MANY_OPS (8): the outstation is busy"),
        (9, "NOT_AUTHORIZED (9): this gateway may not do this"),
        (10, "AUTOMATION_INHIBIT (10): an automatic function of the outstation forbids it"),
        (11, "PROCESSING_LIMITED (11): the outstation has no capacity"),
        (12, "OUT_OF_RANGE (12): the outstation does not take this value"),
        (13, "DOWNSTREAM_LOCAL (13): a device behind the outstation is in local control"),
        (14, "ALREADY_COMPLETE (14): the operation is complete already"),
        (15, "BLOCKED (15): an interlock of the outstation blocks it"),
        (16, "CANCELLED (16): the outstation has cancelled it"),
        (17, "BLOCKED_OTHER_MASTER (17): another master has it under its control"),
        (18, "DOWNSTREAM_FAIL (18): the outstation could not reach the device behind it"),
        (99, "unknown status (99): the standard does not say what this means"),
        (126, "NON_PARTICIPATING (126): the outstation takes no part"),
        (127, "UNDEFINED (127): the outstation gives no reason"),
    ];
    STATUSES
        .into_iter()
        .map(|(code, words)| out(&format!("status:{code}")).limit(Limit::Refused(words)))
        .collect()
}
