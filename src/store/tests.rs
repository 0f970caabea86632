use super::*;
use crate::core::port::{
    Aim, Change, DeviceRecord, DispatchPhase, DispatchRecord, PersistError, Persistence, Stored, persistence,
};
use crate::der::{DerFunctions, EndDeviceGroup, GroupDispatch, Mrid, Name, Parameter};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use tempfile::TempDir;
use tokio::sync::oneshot;

fn group(mrid: &str) -> EndDeviceGroup {
    EndDeviceGroup {
        mrid: Mrid::parse(mrid).unwrap(),
        description: Some("Gänsefüßchen „und“ \u{1F50B}".to_owned()),
        functions: DerFunctions::NONE,
        members: vec![Mrid::parse("D1").unwrap()],
        names: vec![Name::plain(mrid)],
        version: None,
    }
}

fn put(mrid: &str) -> Change {
    Change::PutGroup(group(mrid))
}

/// A dispatch whose acceptance number no column holds: the one change that is bad in itself.
fn bad() -> Change {
    let dispatch = GroupDispatch {
        mrid: Mrid::parse("bad").unwrap(),
        names: Vec::new(),
        group: Mrid::parse("G").unwrap(),
        parameter: Parameter::ActivePower,
        schedules: Vec::new(),
    };
    let record = DispatchRecord {
        dispatch,
        order: u64::MAX,
        aim: Aim::Value,
        members: Vec::new(),
        phase: DispatchPhase::Accepted,
    };
    Change::PutDispatch(record)
}

fn settings(dir: &TempDir) -> Settings {
    Settings::in_dir(dir.path().join("data"))
}

fn start(settings: &Settings) -> (Persistence, Running, Stored) {
    let (store, stored) = open(settings).unwrap();
    let (persistence, commits) = persistence(64);
    (persistence, spawn(store, commits).unwrap(), stored)
}

fn mrids(stored: &Stored) -> Vec<&str> {
    stored.groups.iter().map(|g| g.mrid.as_str()).collect()
}

/// A store with these groups, closed.
async fn filled(settings: &Settings, groups: &[&str]) {
    let (persistence, running, _) = start(settings);
    persistence.commit(groups.iter().map(|g| put(g)).collect()).await.unwrap();
    drop(persistence);
    running.ended().await.unwrap();
}

fn refusal(settings: &Settings) -> String {
    open(settings).map(|_| "opened").unwrap_err().to_string()
}

#[tokio::test]
async fn what_was_acknowledged_is_there_at_the_next_start() {
    let dir = TempDir::new().unwrap();
    let settings = settings(&dir);
    let (persistence, running, stored) = start(&settings);
    assert_eq!(stored, Stored::default());
    persistence.commit(vec![put("_G-1"), put("G-2"), Change::MarkSeeded(group("_G-1").mrid)]).await.unwrap();
    persistence.commit(vec![Change::DeleteGroup(group("g-2").mrid)]).await.unwrap();
    drop(persistence);
    running.ended().await.unwrap();
    assert!(!settings.path.with_extension("db-wal").exists(), "the journal is emptied and gone");
    let (store, stored) = open(&settings).unwrap();
    assert_eq!(
        stored,
        Stored { groups: vec![group("_G-1")], seeded: vec![group("_G-1").mrid], ..Stored::default() }
    );
    assert_eq!(mrids(&stored), ["_G-1"], "as it was written");
    let sync: i64 = store.db.pragma_query_value(None, "synchronous", |r| r.get(0)).unwrap();
    assert_eq!(sync, 2, "FULL: acknowledged means synced");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(settings.path.parent().unwrap()), mode(&settings.path)), (0o700, 0o600));
}

/// A commit without a queue, and where its answer comes.
fn commit(changes: Vec<Change>) -> (Commit, oneshot::Receiver<Result<(), PersistError>>) {
    let (done, answer) = oneshot::channel();
    (Commit { changes, done }, answer)
}

#[test]
fn a_bad_commit_fails_alone() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&settings(&dir)).unwrap();
    let (group, mut answers): (Vec<_>, Vec<_>) =
        [vec![put("A")], vec![put("B"), bad()], vec![put("C")], vec![]].into_iter().map(commit).unzip();
    store.carry_out(group).unwrap();
    let answers: Vec<_> = answers.iter_mut().map(|answer| answer.try_recv().unwrap()).collect();
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, true]);
    let said = answers[1].clone().unwrap_err().to_string();
    assert!(said.contains("acceptance number"), "{said}");
    assert!(store.writable().load(Ordering::Relaxed), "a bad value is no fault of the store");
    drop(store);
    let (_store, stored) = open(&settings(&dir)).unwrap();
    assert_eq!(mrids(&stored), ["A", "C"], "all of the bad commit is undone, B too");
}

#[test]
fn commits_that_wait_together_share_one_transaction() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&settings(&dir)).unwrap();
    let commits_seen = |store: &Store| -> i64 {
        // Goes up with each transaction that another connection commits.
        store.db.pragma_query_value(None, "data_version", |r| r.get(0)).unwrap()
    };
    let path = settings(&dir).path;
    let watcher = Store {
        db: rusqlite::Connection::open(&path).unwrap(),
        path,
        writable: Arc::default(),
        _lock: tempfile::tempfile().unwrap(),
    };
    let before = commits_seen(&watcher);
    let (group, mut answers): (Vec<_>, Vec<_>) =
        (0..100).map(|n| commit(vec![put(&format!("G{n}"))])).unzip();
    store.carry_out(group).unwrap();
    assert!(answers.iter_mut().all(|answer| answer.try_recv().unwrap().is_ok()));
    assert_eq!(commits_seen(&watcher), before + 1);
}

#[test]
fn a_full_disk_is_said_and_got_over() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&settings(&dir)).unwrap();
    let writable = store.writable();
    let pages: i64 = store.db.pragma_query_value(None, "page_count", |r| r.get(0)).unwrap();
    let limit = |store: &Store, pages: i64| {
        store.db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    };
    limit(&store, pages);
    let (much, mut answer) = commit((0..500).map(|n| put(&format!("G{n}"))).collect());
    store.carry_out(vec![much]).unwrap();
    let said = answer.try_recv().unwrap().unwrap_err().to_string();
    assert!(said.contains("full; free space"), "{said}");
    assert!(!writable.load(Ordering::Relaxed));
    limit(&store, 100_000);
    store.probe().unwrap();
    assert!(writable.load(Ordering::Relaxed), "found out without waiting for a request");
    drop(store);
    assert_eq!(open(&settings(&dir)).unwrap().1, Stored::default());
}

#[tokio::test]
async fn everything_queued_is_done_before_it_stops() {
    let dir = TempDir::new().unwrap();
    let settings = settings(&dir);
    let (store, _) = open(&settings).unwrap();
    let (persistence, commits) = persistence(2000);
    let asked: Vec<_> = (0..1000)
        .map(|n| {
            let persistence = persistence.clone();
            let changes = vec![put(&format!("G{n}"))];
            Box::pin(async move { persistence.commit(changes).await })
        })
        .collect();
    // Unconstrained: tokio would send some of them around again, and out of order.
    let mut asked = tokio::task::unconstrained(futures_util::future::join_all(asked));
    // Polled once, each is in the queue, in order.
    assert!(futures_util::poll!(&mut asked).is_pending());
    drop(persistence);
    let running = spawn(store, commits).unwrap();
    assert!(asked.await.iter().all(Result::is_ok));
    running.ended().await.unwrap();
    let (_store, stored) = open(&settings).unwrap();
    let wanted: Vec<String> = (0..1000).map(|n| format!("G{n}")).collect();
    assert_eq!(mrids(&stored), wanted);
}

#[tokio::test]
async fn ten_thousand_groups_in_one_commit() {
    let dir = TempDir::new().unwrap();
    let settings = settings(&dir);
    let (persistence, running, _) = start(&settings);
    let groups: Vec<String> = (0..10_000).map(|n| format!("_G-{n}")).collect();
    persistence.commit(groups.iter().map(|g| put(g)).collect()).await.unwrap();
    drop(persistence);
    running.ended().await.unwrap();
    assert_eq!(mrids(&open(&settings).unwrap().1), groups);
}

#[test]
fn a_second_dergate_is_refused_until_the_first_has_gone() {
    let dir = TempDir::new().unwrap();
    let settings = settings(&dir);
    let first = open(&settings).unwrap();
    let said = refusal(&settings);
    let pid = std::process::id();
    assert!(
        said.contains(&format!("another dergate is running on this data_dir ({}", dir.path().display())),
        "{said}"
    );
    assert!(said.contains(&format!("process {pid})")), "{said}");
    drop(first);
    open(&settings).unwrap();
}

#[tokio::test]
async fn an_operator_can_read_while_it_runs() {
    let dir = TempDir::new().unwrap();
    let settings = settings(&dir);
    let (persistence, running, _) = start(&settings);
    persistence.commit(vec![put("_G-1")]).await.unwrap();
    let reader = rusqlite::Connection::open(&settings.path).unwrap();
    let read =
        || reader.query_row("SELECT count(*), max(mrid) FROM groups", [], |r| Ok((r.get(0)?, r.get(1)?)));
    assert_eq!(read(), Ok((1_i64, "_G-1".to_owned())));
    persistence.commit(vec![put("_G-2")]).await.unwrap();
    assert_eq!(read(), Ok((2, "_G-2".to_owned())));
    drop(persistence);
    running.ended().await.unwrap();
    let journal = fs::metadata(settings.path.with_extension("db-wal")).unwrap();
    assert_eq!(journal.len(), 0, "emptied, even though a reader keeps it open");
}

#[test]
fn an_operator_who_writes_delays_nobody_for_long() {
    let dir = TempDir::new().unwrap();
    let (mut store, _) = open(&settings(&dir)).unwrap();
    // Each try waits that long; the test would notice a wait for each of a hundred commits.
    store.db.busy_timeout(std::time::Duration::from_secs(1)).unwrap();
    let operator = rusqlite::Connection::open(settings(&dir).path).unwrap();
    operator.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (group, mut answers): (Vec<_>, Vec<_>) =
        (0..100).map(|n| commit(vec![put(&format!("G{n}"))])).unzip();
    let begun = std::time::Instant::now();
    store.carry_out(group).unwrap();
    assert!(begun.elapsed() < std::time::Duration::from_secs(50));
    for answer in &mut answers {
        let said = answer.try_recv().unwrap().unwrap_err().to_string();
        assert!(said.contains("another program, such as sqlite3, is writing"), "{said}");
    }
    assert!(!store.writable().load(Ordering::Relaxed));
    operator.execute_batch("ROLLBACK").unwrap();
    let (again, mut answer) = commit(vec![put("G")]);
    store.carry_out(vec![again]).unwrap();
    assert!(answer.try_recv().unwrap().is_ok() && store.writable().load(Ordering::Relaxed));
}

#[tokio::test]
async fn a_damaged_file_is_refused_and_left_as_it_is() {
    let dir = TempDir::new().unwrap();
    let settings = settings(&dir);
    let groups: Vec<String> = (0..200).map(|n| format!("G{n}")).collect();
    filled(&settings, &groups.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let sound = fs::read(&settings.path).unwrap();
    let mut spoilt_header = sound.clone();
    spoilt_header[..16].fill(b'x');
    let mut spoilt_page = sound.clone();
    let middle = sound.len() / 8192 * 4096;
    spoilt_page[middle..middle + 4096].fill(0xA5);
    let cut = sound[..sound.len() / 2].to_vec();
    for (what, bytes) in [("header", spoilt_header), ("page", spoilt_page), ("cut", cut), ("empty", vec![])] {
        fs::write(&settings.path, &bytes).unwrap();
        let said = refusal(&settings);
        assert!(said.contains("dergate.db: the store is damaged: "), "{what}: {said}");
        assert!(said.contains("Restore a backup"), "{what}: {said}");
        assert_eq!(fs::read(&settings.path).unwrap(), bytes, "{what}: not touched");
    }
    fs::write(&settings.path, &sound).unwrap();
    assert_eq!(open(&settings).unwrap().1.groups.len(), 200);
}

#[tokio::test]
async fn damage_found_while_running_ends_the_store() {
    let dir = TempDir::new().unwrap();
    let settings = settings(&dir);
    let groups: Vec<String> = (0..200).map(|n| format!("G{n}")).collect();
    filled(&settings, &groups.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (persistence, running, _) = start(&settings);
    let mut bytes = fs::read(&settings.path).unwrap();
    bytes[4096..].fill(0xA5);
    // In place, as a failing disk would: the open file stays the same file.
    fs::write(&settings.path, &bytes).unwrap();
    // The cache of the open connection is thrown away when somebody else has written.
    let other = rusqlite::Connection::open(&settings.path).unwrap();
    other.pragma_update(None, "user_version", 1).unwrap();
    assert!(persistence.commit(vec![put("G0")]).await.is_err());
    let ended = running.ended().await;
    assert!(matches!(ended, Err(StoreError::Damaged { .. })), "{ended:?}");
    assert_eq!(persistence.commit(vec![put("G1")]).await, Err(PersistError("it has stopped".to_owned())));
}

#[tokio::test]
async fn files_that_are_not_ours_to_read_are_refused_in_words() {
    let dir = TempDir::new().unwrap();
    let settings = settings(&dir);
    filled(&settings, &["G"]).await;
    let change = |pragma: &str, value: i64| {
        let db = rusqlite::Connection::open(&settings.path).unwrap();
        db.pragma_update(None, pragma, value).unwrap();
    };
    change("user_version", 7);
    let said = refusal(&settings);
    assert!(
        said.contains("has schema version 7, this dergate knows up to 2; run the newer dergate"),
        "{said}"
    );
    change("user_version", 0);
    assert!(refusal(&settings).contains("which never existed"));
    change("user_version", 2);
    change("application_id", 5);
    assert!(refusal(&settings).contains("not one of dergate; point data_dir elsewhere"));
    fs::rename(&settings.path, dir.path().join("away")).unwrap();
    fs::write(settings.path.with_extension("db-wal"), b"left").unwrap();
    assert!(refusal(&settings).contains("-wal is there, but the file itself is gone"));
}

#[tokio::test]
async fn a_store_of_version_1_is_upgraded_and_keeps_what_it_holds() {
    let dir = TempDir::new().unwrap();
    let settings = settings(&dir);
    filled(&settings, &["G"]).await;
    let db = rusqlite::Connection::open(&settings.path).unwrap();
    db.execute_batch("DROP TABLE devices; PRAGMA user_version=1;").unwrap();
    drop(db);
    let (persistence, running, stored) = start(&settings);
    assert_eq!((stored.groups.len(), stored.devices.len()), (1, 0));
    let device = (Mrid::parse("D").unwrap(), DeviceRecord { serial: Some("7".into()), notes: String::new() });
    persistence.commit(vec![Change::PutDevice(device.0.clone(), device.1.clone())]).await.unwrap();
    drop(persistence);
    running.ended().await.unwrap();
    let (_, stored) = open(&settings).unwrap();
    assert_eq!(stored.devices, [device]);
}

#[test]
fn a_data_dir_that_cannot_be_is_said_with_what_would_be_right() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("file"), b"").unwrap();
    let said = refusal(&Settings::in_dir(dir.path().join("file")));
    assert!(said.contains("a file is in the way of the data_dir"), "{said}");
    let said = refusal(&Settings::in_dir("/proc/dergate"));
    assert!(said.contains("/proc/dergate: cannot make the data_dir: "), "{said}");
    fs::create_dir(dir.path().join("dergate.db")).unwrap();
    let said = refusal(&Settings::in_dir(dir.path()));
    assert!(said.contains("it is not a file; move it away"), "{said}");
}

#[test]
fn a_first_start_that_was_cut_short_is_no_damage() {
    let dir = TempDir::new().unwrap();
    let settings = Settings::in_dir(dir.path());
    fs::write(dir.path().join("dergate.db.new"), b"half a file").unwrap();
    assert_eq!(open(&settings).unwrap().1, Stored::default());
    assert!(!dir.path().join("dergate.db.new").exists());
}
