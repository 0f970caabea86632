//! Commands as a person types them, where several of them are concerned.

#[cfg(feature = "dnp3")]
mod outstations;

use super::device::How;
use super::{Cli, End};
use crate::southbound::SPEAKS_DNP3;
use clap::{CommandFactory, Parser};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    how: How,
}

fn usage(words: &[&str], link: &str) -> String {
    let line = Line::try_parse_from(["x"].iter().chain(words)).unwrap();
    match line.how.target(link) {
        Err(End::Usage(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_map_of_the_other_protocol_is_wrong_usage() {
    let words = usage(&["--map", "dnp3-an2018"], "modbus+tcp://192.0.2.1");
    assert!(words.contains("describes a DNP3 outstation, and modbus+tcp://192.0.2.1"), "{words}");
    if SPEAKS_DNP3 {
        let words = usage(&["--map", "sunspec"], "dnp3+tcp://192.0.2.1");
        assert!(words.contains("describes a Modbus device, and dnp3+tcp://192.0.2.1"), "{words}");
    } else {
        let words = usage(&[], "dnp3+tcp://192.0.2.1");
        assert!(words.contains("built without"), "{words}");
    }
}

#[test]
fn every_command_with_a_link_has_an_example_of_dnp3() {
    let mut cli = Cli::command();
    for name in ["probe", "read", "write", "control", "record"] {
        let command = cli.find_subcommand_mut(name).unwrap();
        let help = command.render_long_help().to_string();
        assert!(help.contains(&format!("dergate {name} 'dnp3+tcp://")), "{name}: {help}");
    }
}

#[test]
fn the_library_below_dnp3_is_not_heard_unless_it_is_named() {
    let filter = super::filter_of;
    assert_eq!(filter("info", false), "info,dnp3=error");
    assert_eq!(
        filter("info,dergate::southbound::dnp3=debug", false),
        "info,dergate::southbound::dnp3=debug,dnp3=error"
    );
    for own in ["dnp3=debug", concat!("warn, dnp3", "::master=info"), "info,dnp3", "off"] {
        assert_eq!(filter(own, false), own);
    }
    assert_eq!(filter("error", true), "error,dergate::wire=trace,dnp3=info");
}
