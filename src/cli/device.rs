//! What the commands that talk to one device have in common: its link, its map, progress, agreement, how they end.

use super::tls::TlsArgs;
use super::{End, say};
use crate::der::Nameplate;
use crate::device_map::registers::RegisterTable;
use crate::device_map::{DEFAULT_OUTSTATION, DeviceMap, LinkOptions, Maps};
use crate::southbound::tools::{NO_DNP3, Outstation, Session, map_suits, spoken_instead, usually_spoken};
use crate::southbound::{Link, ProbeError, ProbeOptions, SPEAKS_DNP3, session};
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest answer that is waited for, and shortest.
const TIMEOUTS: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(120);

/// What takes less is not talked about.
const LONG: Duration = Duration::from_secs(2);

/// What a tool may do to a gateway that drives the same outstation.
pub(super) const ONE_SESSION: &str = "note: many outstations serve one connection at a time: a gateway that drives this one \
     may have been cut off meanwhile, and comes back by itself";

/// How a device wants to be treated.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct How {
    /// Treat the device as this device map says: where its chain, registers or points stand, lengths, time-outs, commands;
    /// for a DNP3 link, without it, the map whose mark the outstation shows
    #[arg(long, value_name = "ID")]
    map: Option<String>,
    /// A folder of device maps beside the built-in ones
    #[arg(long, value_name = "DIR")]
    maps: Option<PathBuf>,
    /// Longest wait for one answer, such as 3s or 500ms, not for the whole command: who answers nothing is asked at each
    /// place where a SunSpec chain may begin (three), and what the port speaks instead is then looked for, for at most 3 s
    #[arg(long, value_name = "DURATION", value_parser = timeout)]
    timeout: Option<Duration>,
    /// Shows every request and answer on stderr: of Modbus as hexadecimal bytes, of DNP3 decoded
    #[arg(long)]
    trace: bool,
    #[command(flatten)]
    tls: TlsArgs,
}

fn timeout(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<u32>().ok().map(|s| Duration::from_secs(s.into()));
    let parsed =
        seconds.map_or_else(|| crate::toml_file::parse_duration(text).map_err(|e| e.to_string()), Ok)?;
    if TIMEOUTS.contains(&parsed) {
        return Ok(parsed);
    }
    Err("a time-out is 50ms to 120s".to_owned())
}

/// A device as a command is told of it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub link: Link,
    pub options: ProbeOptions,
    pub maps: Maps,
    pub map: Option<Arc<DeviceMap>>,
    trace: bool,
}

impl How {
    /// True if everything on the wire shall be shown.
    pub const fn traces(&self) -> bool {
        self.trace
    }

    /// The device maps, and the one that was named.
    pub fn maps(&self) -> Result<(Maps, Option<Arc<DeviceMap>>), End> {
        let maps = match &self.maps {
            None => Maps::builtin(),
            Some(folder) => {
                let (maps, faults) = Maps::load(std::slice::from_ref(folder));
                for fault in faults {
                    say(&fault.to_string());
                }
                maps
            }
        };
        let Some(id) = &self.map else { return Ok((maps, None)) };
        if let Some(map) = maps.get(id).cloned() {
            return Ok((maps, Some(map)));
        }
        let right = match maps.nearest(id) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("the maps are {}", maps.ids().take(20).collect::<Vec<_>>().join(", ")),
        };
        Err(End::Usage(format!("there is no device map \"{id}\"; {right}")))
    }

    /// Limits and pacing of the connection.
    fn link_settings(&self, map: Option<&DeviceMap>) -> LinkOptions {
        let mut link = map.map(|map| map.link.clone()).unwrap_or_default();
        if let Some(timeout) = self.timeout {
            link.response_timeout = timeout;
            link.connect_timeout = link.connect_timeout.max(timeout);
        }
        link
    }

    /// What the map and the command line say about reading.
    pub fn options(&self, map: Option<&Arc<DeviceMap>>) -> ProbeOptions {
        let sunspec = map.map(|map| map.sunspec.clone()).unwrap_or_default();
        ProbeOptions { link: self.link_settings(map.map(Arc::as_ref)), sunspec, tls: None, map: map.cloned() }
    }

    /// The device at a link.
    pub fn target(&self, link: &str) -> Result<Target, End> {
        let (maps, map) = self.maps()?;
        let options = self.options(map.as_ref());
        let link = Link::parse_for(link, &options.link).map_err(|why| End::Usage(why.to_string()))?;
        if link.dnp3().is_some() && !SPEAKS_DNP3 {
            return Err(End::Usage(format!("{link}: {NO_DNP3}")));
        }
        if let Some(map) = &map {
            map_suits(map, &link).map_err(End::Usage)?;
        }
        let options = if link.dnp3().is_some() && map.is_none() {
            let usual = maps.get(DEFAULT_OUTSTATION);
            ProbeOptions { link: self.link_settings(usual.map(Arc::as_ref)), ..options }
        } else {
            options
        };
        let (tls, warnings) = self.tls.client(&link).map_err(End::Usage)?;
        for warning in warnings {
            say(&warning);
        }
        let options = ProbeOptions { tls, ..options };
        Ok(Target { link, options, maps, map, trace: self.trace })
    }
}

impl Target {
    /// A connection to it, made at the first request.
    pub fn session(&self) -> Session {
        session(&self.link, &self.options, self.maps.models().clone())
    }

    /// A connection to it as a DNP3 outstation; `None` for a link of another protocol.
    pub fn outstation(&self) -> Option<Outstation> {
        self.link.dnp3().map(|_| Outstation::new(&self.link, &self.options, &self.maps, self.trace))
    }
}

impl Target {
    /// How a command ends that found no device. Where somebody else may speak at the port, it is found out who.
    pub async fn ended(&self, error: &ProbeError) -> End {
        let words = error.to_string();
        let strange = match error {
            ProbeError::Silent { .. } => true,
            ProbeError::NotSunspec { .. } => words.contains("bad answer"),
            ProbeError::Refused { .. } => false,
        };
        let instead = if strange { spoken_instead(&self.link).await } else { None };
        match instead {
            Some(instead) => End::Failed(format!("{words}\n{instead}")),
            None => match (ended(error), usually_spoken(&self.link)) {
                // The port alone is a guess: nothing has answered.
                (End::NoAnswer(words), Some(guess)) => End::NoAnswer(format!("{words}\n{guess}")),
                (end, _) => end,
            },
        }
    }
}

/// The map whose `[match]` fits a device best.
pub(super) fn best_map(maps: &Maps, plate: &Nameplate) -> Option<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (maker, model, version) = (text(&plate.manufacturer), text(&plate.model), text(&plate.version));
    maps.best(&maker, &model, &version).map(|map| map.id.clone())
}

/// How a command ends that found no device.
pub(super) fn ended(error: &ProbeError) -> End {
    match error {
        ProbeError::Silent { .. } => End::NoAnswer(error.to_string()),
        ProbeError::NotSunspec { .. } | ProbeError::Refused { .. } => End::Failed(error.to_string()),
    }
}

/// Tells what is under way once it has taken a while.
pub(super) fn progress() -> impl Fn(&str) + Send + Sync {
    let begun = Instant::now();
    move |words| {
        if begun.elapsed() >= LONG {
            say(&format!("reading {words}"));
        }
    }
}

/// The person who may be asked before something is written.
pub(super) struct Person<'a> {
    /// Somebody sits at a terminal.
    pub present: bool,
    /// Where answers come from.
    pub input: &'a mut dyn BufRead,
}

impl Person<'_> {
    /// Refuses to write unasked: without a terminal somebody has to say `--yes` beforehand.
    pub fn can_agree(&self, yes: bool) -> Result<(), End> {
        if yes || self.present {
            return Ok(());
        }
        Err(End::Usage(
            "this writes to a device, and there is no terminal to ask at: --yes writes without asking, --dry-run shows what would be written"
                .to_owned(),
        ))
    }

    /// Asks; only a clear yes is one.
    pub fn agrees(&mut self, yes: bool, question: &str) -> std::io::Result<bool> {
        if yes {
            return Ok(true);
        }
        say(&format!("{question} [y/N]"));
        let mut line = String::new();
        self.input.read_line(&mut line)?;
        Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}

/// True if a person could answer a question.
pub(super) fn at_a_terminal() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// `0x0001 0x0002`.
pub(super) fn hex(words: &[u16]) -> String {
    words.iter().map(|word| format!("0x{word:04X}")).collect::<Vec<_>>().join(" ")
}

/// The word for a register table.
pub(super) const fn table_name(table: RegisterTable) -> &'static str {
    match table {
        RegisterTable::Holding => "holding",
        RegisterTable::Input => "input",
    }
}

/// A number without a fraction is one in documents too.
pub(super) fn number(value: f64) -> serde_json::Value {
    /// Beyond it a double has no place for units.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within 2^53")]
        let whole = value as i64;
        return serde_json::json!(whole);
    }
    serde_json::json!(value)
}

#[cfg(test)]
mod tests;
