use super::*;

fn checked(paths: &[&str], json: bool) -> (bool, String) {
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let mut out = Vec::new();
    let good = check(&paths, json, &mut out).unwrap();
    (good, String::from_utf8(out).unwrap())
}

/// Every wrong file of the folder has its exact output beside it. `UPDATE_GOLDEN=1` writes them anew: then read them.
#[test]
fn wrong_files_are_told_as_agreed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("tests/golden/config");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "toml"));
    files.sort();
    assert!(files.len() >= 30);
    let mut wrong = Vec::new();
    for file in &files {
        let (good, out) = checked(&[file.to_str().unwrap()], false);
        assert!(!good, "{} is meant to be wrong", file.display());
        let out = out.replace(&format!("{}/", folder.display()), "");
        // What has to do with DNP3 is told otherwise by a program that does not speak it.
        let apart = file.to_string_lossy().contains("/dnp3-") && !crate::southbound::SPEAKS_DNP3;
        let golden = file.with_extension(if apart { "without.txt" } else { "txt" });
        if update {
            std::fs::write(&golden, &out).unwrap();
        }
        let agreed = std::fs::read_to_string(&golden).unwrap_or_default();
        if agreed != out {
            wrong.push(format!("--- {}\n{agreed}+++ is now\n{out}", golden.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_ships_is_good() {
    let root = env!("CARGO_MANIFEST_DIR");
    let (good, out) = checked(&[&format!("{root}/config/gateway.toml")], false);
    assert!(good, "{out}");
    assert_eq!(out, "1 file checked (1 gateway configuration): no faults\n");
    let (good, out) = checked(&[&format!("{root}/device-maps")], false);
    assert!(good, "{out}");
    assert!(out.ends_with("112 model tables): no faults\n"), "{out}");
}

#[test]
fn json_is_an_array_of_faults() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, "[gateway]\n").unwrap();
    let (good, out) = checked(&[path.to_str().unwrap()], true);
    assert!(!good);
    let list: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(list[1]["line"], 1);
    assert_eq!(list[1]["message"], "there is no [[device]]; add one with its mrid and link");
    let (good, out) = checked(&[&format!("{}/config/gateway.toml", env!("CARGO_MANIFEST_DIR"))], true);
    assert_eq!((good, out.trim()), (true, "[]"));
}

#[test]
fn the_role_is_told_and_counts_as_nothing_and_an_expired_certificate_counts() {
    use crate::southbound::tls::testing::{Authority, Sheet, save};
    let folder = tempfile::tempdir().unwrap();
    let file = save(
        folder.path(),
        "gateway.toml",
        "[gateway]\nname = \"g\"\n[southbound.tls]\ncertificate = \"g.pem\"\nprivate_key = \"g.key\"\nauthorities = \"ca.pem\"\n\
         [[device]]\nmrid = \"a\"\nlink = \"modbus+tls://192.0.2.1\"\n",
    );
    let own = Authority::new("utility CA");
    save(folder.path(), "ca.pem", &Authority::new("device CA").pem);
    let mut sheet = Sheet::gateway("GridServiceSunSpec");
    for (until, good, summary) in [((2120, 1, 1), true, "no faults"), ((2021, 1, 1), false, "1 fault")] {
        sheet.until = until;
        own.issue(&sheet).save(folder.path(), "g");
        let (fine, out) = checked(&[file.to_str().unwrap()], false);
        assert_eq!(fine, good, "{out}");
        assert!(
            out.contains("gateway.toml:4:15: note: ")
                && out.contains("shown to devices as GridServiceSunSpec")
        );
        assert!(out.ends_with(&format!("1 file checked (1 gateway configuration): {summary}\n")), "{out}");
        let (_, json) = checked(&[file.to_str().unwrap()], true);
        assert_eq!(json.matches("message").count(), usize::from(!good), "{json}");
    }
}

#[test]
fn what_is_not_toml_is_one_fault() {
    let (good, out) = checked(&[concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")], false);
    assert!(!good);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines.len(), lines.last().copied()), (2, Some("1 file checked: 1 fault")), "{out}");
    assert!(lines[0].ends_with(" more: this is not a TOML file"), "{out}");
}

#[test]
fn what_is_not_there_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("gateway.toml");
    let (good, out) = checked(&[missing.to_str().unwrap(), folder.path().to_str().unwrap()], false);
    assert!(!good);
    let out = out.replace(folder.path().to_str().unwrap(), "F");
    assert_eq!(
        out,
        "F: no *.toml or *.json file in this folder; name a file or the folder that has them\n\
         F/gateway.toml: there is no such file; check the path\n\
         1 file checked: 2 faults\n"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(128))]
    #[test]
    fn no_text_makes_it_panic(
        text in "\\PC{0,200}",
        lines in proptest::collection::vec(
            "(\\[gateway\\]|\\[\\[device\\]\\]|\\[\\[group\\]\\]|\\[northbound\\]|\\[link\\]|\\[sunspec\\]|format = 1|points = \\[\\]|[a-z_]{1,12} = .{0,20}|(name|mrid|link|map|poll|members|functions|listen|include|base|readback|time_zone_offset) = (\"\\PC{0,20}\"|\\[\"\\PC{0,9}\"\\]|-?[0-9]{1,25}|\\{[0-9] = \"none\"\\}))",
            0..12
        )
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        for text in [text, lines.join("\n")] {
            std::fs::write(&path, text).unwrap();
            let _ = checked(&[path.to_str().unwrap()], false);
            let _ = crate::config::load(&path);
        }
    }
}

#[test]
fn a_map_without_active_power_is_worth_a_word_and_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let text = |points: &str| {
        format!(
            "format = 1\nid = \"mine\"\ntitle = \"Mine\"\nkind = \"registers\"\n[[point]]\nname = \"p\"\naddress = 100\ntype = \"u16\"\n{points}"
        )
    };
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, text("")).unwrap();
    let (good, out) = checked(&[path.to_str().unwrap()], false);
    assert!(good && out.contains("warning: no point of the map \"mine\" is active_power"), "{out}");
    std::fs::write(&path, text("quantity = \"active_power\"\nunit = \"W\"\n")).unwrap();
    let (good, out) = checked(&[path.to_str().unwrap()], false);
    assert!(good && !out.contains("warning"), "{out}");
}
