use super::*;
use clap::Parser;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    how: How,
}

fn how(words: &[&str]) -> Result<How, clap::Error> {
    Line::try_parse_from(["x"].iter().chain(words)).map(|line| line.how)
}

#[test]
fn map_and_time_out_make_the_options() {
    let target = how(&["--map", "sma", "--timeout", "5"]).unwrap().target("modbus+tcp://h").unwrap();
    assert_eq!(target.options.link.response_timeout, Duration::from_secs(5));
    assert_eq!(target.map.as_ref().map(|map| map.id.as_str()), Some("sma"));
    assert_eq!(target.options.sunspec, target.map.unwrap().sunspec);
    assert!(how(&["--timeout", "0"]).is_err() && how(&["--timeout", "1h"]).is_err());
    assert_eq!(how(&["--timeout", "500ms"]).unwrap().timeout, Some(Duration::from_millis(500)));
}

#[test]
fn numbers_in_documents_have_no_needless_fraction() {
    assert_eq!(number(5.0).to_string(), "5");
    assert_eq!(number(230.1).to_string(), "230.1");
    assert_eq!(number(1e300).to_string(), "1e+300");
    assert!(number(f64::NAN).is_null());
}

#[test]
fn without_a_terminal_only_yes_is_a_yes() {
    let mut input = std::io::empty();
    let mut person = Person { present: false, input: &mut input };
    assert!(matches!(person.can_agree(false), Err(End::Usage(words)) if words.contains("--dry-run")));
    assert_eq!(person.can_agree(true), Ok(()));
    assert!(!person.agrees(false, "?").unwrap(), "nothing typed is a no");
}
