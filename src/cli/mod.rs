//! The command line: one file per command. Data goes to stdout, talk to stderr; nothing else of the house prints.

mod check;
mod control;
mod demo;
mod device;
mod dispatch;
mod groups;
mod http;
mod json_error;
mod probe;
mod read;
mod record;
mod run;
mod simulate;
mod status;
mod table;
mod tls;
mod trace;
mod write;

use clap::{Parser, Subcommand, ValueEnum};
use std::io::IsTerminal;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// How a command ended; the words are for stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Exit status 0: done.
    Done,
    /// Exit status 1: refused, failed, or faults found.
    Failed(String),
    /// Exit status 2: wrong usage that the parser cannot see.
    Usage(String),
    /// Exit status 3: nothing answered.
    NoAnswer(String),
}

impl End {
    /// The exit status.
    const fn status(&self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::NoAnswer(_) => 3,
        }
    }

    /// What is to be said, without a full stop; empty if all is said.
    fn words(&self) -> &str {
        match self {
            Self::Done => "",
            Self::Failed(words) | Self::Usage(words) | Self::NoAnswer(words) => words,
        }
    }

    /// Says the words, and gives the exit status.
    fn told(&self) -> ExitCode {
        if !self.words().is_empty() {
            say(&format!("dergate: {}", self.words()));
        }
        ExitCode::from(self.status())
    }
}

/// What `--version` says: who gets the program is to see at once what he may do with it.
const VERSION: &str = if crate::southbound::SPEAKS_DNP3 {
    concat!(
        env!("CARGO_PKG_VERSION"),
        " with DNP3 (its library: no production use, not to be passed on; see LICENSE-DNP3.md)"
    )
} else {
    concat!(env!("CARGO_PKG_VERSION"), " without DNP3")
};

const AFTER_HELP: &str = "\
Exit status: 0 done; 1 refused, failed or faults found; 2 wrong usage; 3 nothing answered.
With --json, a command that fails and has nothing to show prints one object instead: error (the words that are on stderr \
too), kind (failed, usage, no_answer) and exit_status.

Start here:  dergate demo
             a simulated feeder and the gateway in one process; it prints what to try next";

/// A gateway between distributed energy resources in the field and the enterprise systems of a utility.
///
/// Southbound it talks SunSpec, plain Modbus and DNP3 to inverters, storage and meters; northbound it offers DER groups over IEC 61968-5.
#[derive(Debug, Parser)]
#[command(name = "dergate", version = VERSION, after_help = AFTER_HELP, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// What is logged to stderr: error, warn, info, debug, trace, or a filter such as dergate::southbound=debug
    #[arg(long, global = true, env = "DERGATE_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// How it is logged
    #[arg(long, global = true, env = "DERGATE_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Run(run::Args),
    /// A simulated feeder on real loopback sockets and the gateway, in one process
    Demo(demo::Args),
    /// Only the simulated devices, for somebody else's tests
    Simulate(SimulateArgs),
    /// Check config files, device maps and plants, without touching the network
    Check(check::Args),
    /// Discover one device: what it is, its models or points, its live values
    Probe(probe::Args),
    /// Read single points or registers of one device
    Read(read::Args),
    /// Write single points or registers of one device, by hand
    Write(write::Args),
    /// Try one control of a device, once, by hand
    Control(control::Args),
    /// Write every register or point of one device to a file
    Record(record::Args),
    /// What a running gateway knows: devices, groups, dispatches
    Status(status::Args),
    /// The DER groups of a running gateway, asked as a DMS would
    Groups(groups::Args),
    /// Ask a group for active power, as a DMS would
    Dispatch(dispatch::Args),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:  dergate simulate config/plant.toml")]
struct SimulateArgs {
    /// What is simulated
    #[arg(value_name = "PLANT.toml")]
    plant: std::path::PathBuf,
    /// Prints the devices as one object, for scripts
    #[arg(long)]
    json: bool,
}

impl Command {
    /// What is logged if nobody says: the gateway tells what it does, the tools only what is wrong.
    const fn default_log(&self) -> &'static str {
        match self {
            Self::Run(_) => "info",
            Self::Simulate(_) => "warn",
            _ => "error",
        }
    }

    /// True if everything on the wire of a device shall be shown.
    const fn traces(&self) -> bool {
        match self {
            Self::Probe(args) => args.how.traces(),
            Self::Read(args) => args.how.traces(),
            Self::Write(args) => args.how.traces(),
            Self::Control(args) => args.how.traces(),
            Self::Record(args) => args.how.traces(),
            _ => false,
        }
    }
}

/// Reads the command line, runs the command, and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let mut out = json_error::Out::new(std::io::stdout(), json_error::is_wanted(&words));
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => return json_error::of_parser(&error, &mut out),
    };
    if let Err(why) = start_log(&cli) {
        return out.ended(&End::Usage(format!("{why:#}")));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            return out.ended(&End::Failed(format!("the runtime cannot be started: {why}")));
        }
    };
    let end = runtime.block_on(execute(cli.command, &mut out));
    // A reader of stdin or a name look-up may still block; nothing of ours waits for it.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    match end {
        Ok(end) => out.ended(&end),
        Err(why) if is_broken_pipe(&why) => ExitCode::SUCCESS,
        Err(why) => out.ended(&End::Failed(format!("{why:#}"))),
    }
}

async fn execute(command: Command, out: &mut dyn std::io::Write) -> anyhow::Result<End> {
    let mut input = std::io::BufReader::new(std::io::stdin());
    match command {
        Command::Run(args) => run::run(args, stop_on_signal()?).await,
        Command::Demo(args) => demo::run(args, out, stop_on_signal()?).await,
        Command::Simulate(args) => {
            simulate::run(&args.plant, args.json, out, stop_on_signal()?).await?;
            Ok(End::Done)
        }
        Command::Check(args) => Ok(check::run(&args, out)?),
        Command::Probe(args) => Ok(probe::run(&args, out).await?),
        Command::Read(args) => Ok(read::run(&args, out).await?),
        Command::Write(args) => Ok(write::run(&args, out, &mut person(&mut input)).await?),
        Command::Control(args) => Ok(control::run(&args, out, &mut person(&mut input)).await?),
        Command::Record(args) => Ok(record::run(&args, out).await?),
        Command::Status(args) => Ok(status::run(&args, out).await),
        Command::Groups(args) => Ok(groups::run(args, out).await?),
        Command::Dispatch(args) => Ok(dispatch::run(args, out).await?),
    }
}

/// Who may be asked before something is written.
fn person(input: &mut dyn std::io::BufRead) -> device::Person<'_> {
    device::Person { present: device::at_a_terminal(), input }
}

/// A token that is cancelled by Ctrl-C and by SIGTERM.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}

fn start_log(cli: &Cli) -> anyhow::Result<()> {
    let wanted = cli.log.as_deref().unwrap_or_else(|| cli.command.default_log());
    let filter = filter_of(wanted, cli.command.traces());
    let filter: EnvFilter = filter.parse().map_err(|why| {
        anyhow::anyhow!("--log {filter} is not a filter ({why}); try info or dergate::southbound=debug")
    })?;
    // A log that nobody takes is dropped: telling so on the same stderr would panic.
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        .log_internal_errors(false);
    match cli.log_format {
        LogFormat::Json => log.json().flatten_event(true).init(),
        LogFormat::Text if cli.command.traces() => {
            say(crate::southbound::tools::LEGEND);
            log.with_ansi(std::io::stderr().is_terminal()).event_format(trace::Lines::new()).init();
        }
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
    }
    Ok(())
}

/// What is logged. The library below DNP3 tells each time-out and each try to connect: the driver says the same once, when
/// it changes. Who names `dnp3` hears it all.
fn filter_of(wanted: &str, traces: bool) -> String {
    let named = wanted.split(',').any(|part| {
        part.trim()
            .strip_prefix("dnp3")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', ':', '[']))
    });
    match (traces, named || wanted.trim() == "off") {
        (true, _) => format!("{wanted},dergate::wire=trace,dnp3=info"),
        (false, true) => wanted.to_owned(),
        (false, false) => format!("{wanted},dnp3=error"),
    }
}

fn is_broken_pipe(why: &anyhow::Error) -> bool {
    why.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Talk to the person at the terminal.
fn say(text: &str) {
    use std::io::Write;
    // Whoever has stopped listening (`2>&1 | head`) is no reason to fail, let alone to panic.
    let _ = writeln!(std::io::stderr(), "{}", harmless(text));
}

/// One line on what may be done with this program, if DNP3 is in it; `run` says the same in its log.
fn say_licence() {
    if let Some(licence) = crate::app::DNP3_LICENCE {
        say(&format!("dergate: {licence}"));
    }
}

/// Lines for a terminal: words of a gateway or device cannot move its cursor or change its colours.
fn harmless(text: &str) -> String {
    text.split('\n').map(table::printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
