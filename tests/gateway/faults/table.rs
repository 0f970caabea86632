//! What can go wrong, and what is to come of it (SunSpec reference sections 4 to 9 and 12).

use super::HERE;
use crate::dnp3::proxy::Trouble;
use dergate::der::DeviceState::{self, Asleep, CommLost, Degraded, Discovering, IdentityChanged, Online};
use dergate::device_map::DeviceMap;
use dergate::simulator::{Fault, Kind};
use std::time::Duration;

/// One fault and what is to come of it.
pub struct Row {
    /// As the table shows it.
    pub name: String,
    pub kind: Kind,
    pub models: Vec<u16>,
    /// From the start.
    pub start: Vec<Fault>,
    /// Once it has been found and read.
    pub later: Vec<Fault>,
    /// The sun goes down before the later faults come, and is seen to.
    pub dusk: bool,
    /// Its connections are cut before the later faults come.
    pub cut: bool,
    /// Another client holds a connection.
    pub taken: bool,
    /// It is well, and stays so whatever befalls the others.
    pub well: bool,
    /// The wire to it, if it is one that can go wrong; only for outstations.
    pub wire: Option<Wire>,
    pub poll: Duration,
    /// What its map says of it.
    pub shape: fn(&mut DeviceMap),
    /// Where it may end.
    pub states: &'static [DeviceState],
    /// One of these, with | between them, is in the reason.
    pub says: &'static str,
    /// This is in one of its events; empty if none is looked for.
    pub tells: &'static str,
    /// A good value is at most so old.
    pub age: Duration,
    pub power: Power,
    /// What becomes of a limit that is sent to it; none is sent if absent.
    pub limit: Option<Limit>,
}

/// The wire to an outstation.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// What is wrong with it from the start.
    pub start: Trouble,
    /// And once the outstation has been found and read.
    pub later: Trouble,
    /// The link address that the master looks for, if it is not the outstation's.
    pub address: Option<u16>,
    /// A second wire leads to the same outstation, which is well.
    pub second: bool,
}

#[cfg(feature = "dnp3")]
impl Wire {
    /// One that is well.
    pub const WELL: Self = Self { start: Trouble::None, later: Trouble::None, address: None, second: false };
}

/// What becomes of the active power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Power {
    /// It goes on being read.
    Good,
    /// It is never shown as good.
    Never,
    /// It was good and is not any more.
    Gone,
    /// Good or not, but true.
    True,
}

/// What becomes of a limit.
#[derive(Clone, Debug)]
pub enum Limit {
    /// Read back as written, and obeyed.
    Applied,
    /// The same, and it can be released.
    Released,
    /// The same as the second of two.
    Changed,
    /// Obeyed, but cannot be read back.
    Unverified,
    /// Read back as written, and somebody notices that nothing happens.
    AppliedWithoutEffect,
    /// One of these words, with | between them.
    Refused(&'static str),
    /// The same, and nothing of it was sent.
    #[cfg(feature = "dnp3")]
    HeldBack(&'static str),
    NotKept,
    /// The same, although it is obeyed: the device does not show what it holds.
    SeemsNotKept,
    Unreachable,
}

impl Row {
    /// From the start.
    pub fn new(kind: Kind, faults: &str) -> Self {
        Self {
            name: format!("{kind} {faults}").trim_end().to_owned(),
            kind,
            models: Vec::new(),
            start: parse(faults),
            later: Vec::new(),
            dusk: false,
            cut: false,
            taken: false,
            well: false,
            wire: None,
            poll: Duration::from_millis(250),
            shape: |_| (),
            states: HERE,
            says: "",
            tells: "",
            age: Duration::from_secs(6),
            power: Power::Good,
            limit: None,
        }
    }

    /// The faults come later.
    pub fn later(kind: Kind, faults: &str) -> Self {
        let mut row = Self::new(kind, faults);
        row.later = std::mem::take(&mut row.start);
        row.power = Power::Gone;
        row.named(", later")
    }

    pub fn named(mut self, more: &str) -> Self {
        self.name.push_str(more);
        self
    }

    /// True if it is to be found and read before it fails.
    pub fn fails_later(&self) -> bool {
        !self.later.is_empty() || self.wire.is_some_and(|wire| wire.later != Trouble::None)
    }

    /// It is well.
    pub fn well(mut self) -> Self {
        self.well = true;
        self
    }

    /// Not found, and nothing of it is ever shown.
    pub fn lost(mut self, says: &'static str) -> Self {
        (self.states, self.says, self.power) = (&[CommLost], says, Power::Never);
        self
    }

    /// Not there any more.
    pub fn gone(mut self, says: &'static str) -> Self {
        (self.states, self.says, self.power) = (&[CommLost], says, Power::Gone);
        self
    }

    pub fn ends(mut self, states: &'static [DeviceState], says: &'static str, power: Power) -> Self {
        (self.states, self.says, self.power) = (states, says, power);
        self
    }

    pub fn limit(mut self, limit: Limit) -> Self {
        self.limit = Some(limit);
        self
    }

    pub fn map(mut self, shape: fn(&mut DeviceMap), more: &str) -> Self {
        self.shape = shape;
        self.named(more)
    }

    #[cfg(feature = "dnp3")]
    pub fn tells(mut self, words: &'static str) -> Self {
        self.tells = words;
        self
    }

    pub fn polled(mut self, poll: Duration) -> Self {
        self.poll = poll;
        self
    }

    fn dusk(mut self) -> Self {
        self.dusk = true;
        self.named(", after dusk")
    }

    pub fn cut(mut self) -> Self {
        self.cut = true;
        self
    }

    fn models(mut self, models: &[u16]) -> Self {
        self.models = models.to_vec();
        self
    }
}

fn parse(faults: &str) -> Vec<Fault> {
    faults.split_whitespace().map(|word| Fault::parse(word).unwrap()).collect()
}

/// Every row of the table.
pub fn rows() -> Vec<Row> {
    [layouts(), values(), wires(), exceptions(), writes()].into_iter().flatten().collect()
}

/// Where the models stand and how long they are.
fn layouts() -> Vec<Row> {
    use Kind::{Models, Pv, Pv700, PvMeter, Storage700};
    let shifted = |map: &mut DeviceMap| map.sunspec.base = vec![40_001];
    vec![
        Row::new(Pv, "").limit(Limit::Released).named(" without fault").well(),
        Row::new(Pv700, "").limit(Limit::Released).named(" without fault"),
        Row::new(Pv, "base:0"),
        Row::new(Pv, "base:50000"),
        Row::new(Pv, "base:40001").lost("shifted by one; set base = [40001]"),
        Row::new(Pv, "base:39999").lost("shifted by one; set base = [39999]"),
        Row::new(Pv, "base:40001").map(shifted, ", base = [40001]"),
        Row::new(Pv, "marker_swapped").lost("two registers swapped"),
        Row::new(Pv, "no_end_model"),
        Row::new(Pv, "end_without_length"),
        Row::new(Pv, "model1_l65"),
        Row::new(Pv, "short_model:103"),
        Row::new(Pv, "short_model:120"),
        Row::new(Pv, "short_model:123").limit(Limit::Refused("scale factor")),
        Row::new(Pv700, "short_model:704").limit(Limit::Refused("draft|704")),
        Row::new(Pv, "long_model:103"),
        Row::new(Pv700, "long_model:701"),
        Row::new(Storage700, "moving_layout:3").ends(&[Online, Degraded, Discovering], "", Power::Good),
        Row::new(Pv, "moving_layout:3").ends(&[Online, Degraded, Discovering], "", Power::Good),
        Row::later(Pv700, "long_model:701").ends(HERE, "", Power::Good),
        Row::later(Pv, "long_model:103").ends(HERE, "", Power::Good),
        Row::new(Models, "").models(&[1, 64_999, 103, 65_230, 120]).named(" with unknown models between"),
        Row::new(PvMeter, "").named(", a second logical device"),
    ]
}

/// What stands in the registers.
fn values() -> Vec<Row> {
    use Kind::{Meter, Pv, Pv700, PvSingle};
    let exports =
        |map: &mut DeviceMap| map.sunspec.meter_sign = dergate::device_map::MeterSign::ExportPositive;
    let known = |map: &mut DeviceMap| {
        let point = dergate::device_map::PointRef { model: 103, path: "W_SF".to_owned() };
        map.sunspec.scale_override = vec![(point, 0)];
    };
    vec![
        Row::new(Pv, "changing_sf"),
        Row::new(Pv700, "changing_sf"),
        Row::later(PvSingle, "changing_sf").ends(HERE, "", Power::Good),
        Row::new(Pv, "no_sf:103.W_SF").ends(HERE, "W_SF", Power::Never),
        Row::new(Pv700, "no_sf:701.W_SF").ends(HERE, "W_SF", Power::Never),
        Row::new(Pv, "no_sf:103.W_SF").map(known, ", sf_override 0"),
        Row::later(Pv, "no_sf:103.W_SF").ends(HERE, "W_SF", Power::Gone),
        Row::new(Pv, "night").ends(&[Asleep, Online, Degraded], "", Power::True),
        Row::later(Pv, "night").ends(&[Asleep, Online, Degraded], "", Power::True),
        Row::later(Pv, "night silent").dusk().cut().ends(&[Asleep], "at rest", Power::Gone),
        Row::later(Pv, "night").dusk().ends(&[Asleep], "no measurements", Power::Gone),
        Row::later(Pv, "night silent").cut().gone("").named(", at full power"),
        Row::new(Meter, ""),
        Row::new(Meter, "meter_sign:export").map(exports, ", meter_sign export_positive"),
        Row::later(Pv, "serial_change:OTHER")
            .cut()
            .ends(&[IdentityChanged], "OTHER", Power::True)
            .limit(Limit::Refused("serial number")),
    ]
}

/// What comes over the wire, or does not.
fn wires() -> Vec<Row> {
    use Kind::{Models, Pv, Pv700};
    let patient = |map: &mut DeviceMap| map.link.response_timeout = Duration::from_secs(3);
    let lenient = |map: &mut DeviceMap| map.sunspec.lenient_header = true;
    let mut taken =
        Row::new(Pv, "one_connection").lost("another Modbus client").named(", held by another client");
    taken.taken = true;
    vec![
        Row::new(Pv, "refused").lost("refused"),
        Row::new(Pv, "silent").lost("no request is answered|no answer").limit(Limit::Unreachable),
        Row::later(Pv, "silent").gone("no request is answered|no answer").limit(Limit::Unreachable),
        Row::new(Pv, "garbage").lost(""),
        Row::later(Pv, "garbage").gone(""),
        Row::new(Models, "slow:2900")
            .models(&[1, 103])
            .polled(Duration::from_secs(4))
            .map(patient, ", limit 3 s"),
        Row::new(Pv, "slow:600").lost("no request is answered|no answer"),
        Row::new(Pv, "late").lost(""),
        Row::later(Pv, "late").ends(&[CommLost, Online, Degraded, Discovering], "", Power::True),
        Row::new(Pv, "behind").lost(""),
        Row::later(Pv, "behind").ends(&[CommLost, Online, Degraded, Discovering], "", Power::True),
        Row::later(Pv700, "behind").ends(&[CommLost, Online, Degraded, Discovering], "", Power::True),
        Row::new(Pv, "wrong_unit").lost("bad answer|header|unit"),
        Row::new(Pv, "wrong_unit").map(lenient, ", lenient_header"),
        Row::new(Pv, "wrong_transaction").lost("bad answer|header|transaction"),
        Row::new(Pv, "wrong_transaction").map(lenient, ", lenient_header"),
        Row::later(Pv, "wrong_transaction").gone(""),
        Row::new(Pv, "split"),
        Row::new(Pv, "merged"),
        Row::new(Pv, "short_answer").lost("bad answer|got 1"),
        Row::later(Pv, "short_answer").gone(""),
        Row::new(Pv, "max_read:20").limit(Limit::Applied),
        Row::new(Pv700, "max_read:20").limit(Limit::Applied),
        Row::new(Pv, "one_connection"),
        taken,
        Row::new(Pv, "reset_after_accept").lost("another Modbus client"),
        Row::later(Pv, "reset_after_accept").gone("another Modbus client"),
        Row::new(Pv, "idle_close:1").polled(Duration::from_millis(1400)),
    ]
}

/// Refusals.
fn exceptions() -> Vec<Row> {
    use Kind::{Pv, Pv700};
    const WORDS: [&str; 11] = [
        "exception 1",
        "exception 2",
        "exception 3",
        "exception 4",
        "exception 5",
        "exception 6",
        "exception 7",
        "exception 8",
        "exception 9",
        "nothing answers as this unit|exception 10",
        "nothing answers as this unit|exception 11",
    ];
    let mut rows: Vec<Row> = (1..=11)
        .zip(WORDS)
        .map(|(code, words)| Row::new(Pv, &format!("exception:{code}")).lost(words))
        .collect();
    for (code, words) in [
        (2, "exception 2|cannot be read"),
        (4, "exception 4|cannot be read"),
        (6, "exception 6|cannot be read"),
    ] {
        rows.push(Row::later(Pv, &format!("exception:{code}")).ends(
            &[CommLost, Degraded, Discovering],
            words,
            Power::Gone,
        ));
    }
    rows.push(Row::later(Pv, "exception:11").gone("unit"));
    rows.push(Row::new(Pv, "busy:3"));
    rows.push(Row::new(Pv, "exception_on:122:4").ends(&[Degraded], "122", Power::Good));
    rows.push(
        Row::new(Pv, "exception_on:123:4")
            .ends(&[Degraded], "123", Power::Good)
            .limit(Limit::Refused("123|no way|not offer|limit")),
    );
    rows.push(Row::new(Pv700, "exception_on:701:2").ends(&[Degraded], "701", Power::Never));
    rows.push(Row::new(Pv, "input_registers_only").lost("exception 1|FC 4|input"));
    rows
}

/// What becomes of a limit.
fn writes() -> Vec<Row> {
    use Kind::{Pv, Pv700, Storage700};
    let edge = |map: &mut DeviceMap| {
        let path = "WMaxLim_Ena".to_owned();
        map.sunspec.enable_toggle = vec![dergate::device_map::PointRef { model: 123, path }];
    };
    let shadow = |map: &mut DeviceMap| map.sunspec.shadow_models = vec![123];
    vec![
        Row::new(Pv, "fc6_only").limit(Limit::Released),
        Row::new(Pv700, "fc6_only").limit(Limit::Released),
        Row::new(Pv700, "fc6_for_single").limit(Limit::Released),
        Row::new(Pv, "enable_edge").map(edge, ", ena_toggle").limit(Limit::Changed),
        Row::new(Pv, "fc16_only").limit(Limit::Released),
        Row::new(Pv, "never_fc6").limit(Limit::Released),
        Row::new(Pv, "shadow").limit(Limit::SeemsNotKept),
        Row::new(Pv, "shadow").map(shadow, ", readback none").limit(Limit::Unverified),
        Row::new(Pv, "enable_stuck").limit(Limit::Released),
        Row::new(Pv700, "enable_stuck").limit(Limit::Released),
        Row::new(Pv700, "local").limit(Limit::Refused("local mode")),
        Row::new(Storage700, "local").ends(HERE, "", Power::True).limit(Limit::Refused("local mode")),
        Row::new(Pv, "local").limit(Limit::Refused("exception 4")),
        Row::new(Pv, "not_kept").limit(Limit::NotKept),
        Row::new(Pv700, "not_kept").limit(Limit::NotKept),
        Row::new(Pv, "silent_ignore").limit(Limit::Released),
        Row::new(Pv, "ignores_limit").limit(Limit::AppliedWithoutEffect),
        Row::new(Pv, "default_reversion:5").limit(Limit::Applied),
        Row::new(Pv700, "default_reversion:5").limit(Limit::Applied),
    ]
}
