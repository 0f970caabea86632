use super::*;
use serde_json::Value;

/// What stands on stdout after a command that printed `before` ended like this.
fn printed(json: bool, before: &str, end: &End) -> String {
    let mut out = Out::new(Vec::new(), json);
    out.write_all(before.as_bytes()).unwrap();
    out.failure(end);
    String::from_utf8(out.to).unwrap()
}

#[test]
fn a_failure_with_nothing_to_show_is_one_object() {
    for (end, kind, status) in [
        (End::Failed("no \"way\"".to_owned()), "failed", 1),
        (End::Usage("no \"way\"".to_owned()), "usage", 2),
        (End::NoAnswer("no \"way\"".to_owned()), "no_answer", 3),
    ] {
        let document: Value = serde_json::from_str(&printed(true, "", &end)).unwrap();
        assert_eq!(document, json!({ "error": "no \"way\"", "kind": kind, "exit_status": status }));
    }
}

#[test]
fn nothing_is_added_to_data_nor_to_tables_nor_to_success() {
    let failed = End::Failed("not as asked".to_owned());
    assert_eq!(printed(true, "{}\n", &failed), "{}\n");
    assert_eq!(printed(false, "", &failed), "");
    assert_eq!(printed(true, "", &End::Done), "");
}

#[test]
fn wrong_usage_is_one_object_too() {
    let words = |words: &[&str]| -> Vec<OsString> { words.iter().map(OsString::from).collect() };
    assert!(is_wanted(&words(&["dergate", "probe", "--json"])));
    assert!(!is_wanted(&words(&["dergate", "probe", "--", "--json"])));
    use clap::Parser;
    let error = crate::cli::Cli::try_parse_from(["dergate", "read", "--json"]).unwrap_err();
    let mut out = Out::new(Vec::new(), true);
    assert_eq!(of_parser(&error, &mut out), ExitCode::from(2));
    let document: Value = serde_json::from_slice(&out.to).unwrap();
    assert_eq!(document["exit_status"], 2);
    assert!(
        document["error"].as_str().unwrap().starts_with("the following required arguments"),
        "{document}"
    );
    let help = crate::cli::Cli::try_parse_from(["dergate", "--version"]).unwrap_err();
    let mut out = Out::new(Vec::new(), true);
    assert_eq!(of_parser(&help, &mut out), ExitCode::SUCCESS);
    assert!(out.to.is_empty());
}
