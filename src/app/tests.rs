use super::*;
use crate::config;
use std::fs;
use std::path::Path;

fn gateway_toml(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("gateway.toml");
    let text = "[gateway]\nname = \"t\"\ndata_dir = \"data\"\n[northbound]\nlisten = \"127.0.0.1:0\"\n[admin]\n\
                listen = \"127.0.0.1:0\"\n[[device]]\nmrid = \"D1\"\nlink = \"modbus+tcp://127.0.0.1:9?unit=1\"\n";
    fs::write(&file, text).unwrap();
    file
}

fn new_group(mrid: &str) -> crate::core::service::NewGroup {
    crate::core::service::NewGroup {
        mrid: crate::der::Mrid::parse(mrid).ok(),
        description: None,
        functions: crate::der::DerFunctions::NONE,
        members: Vec::new(),
        names: Vec::new(),
        version: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_ends_by_itself_ends_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let config = config::load(&gateway_toml(folder.path())).unwrap();
    let gateway = Gateway::start(config).await.unwrap();
    let service = gateway.service().clone();
    let running = tokio::spawn(gateway.run(CancellationToken::new()));
    let groups: Vec<_> = (0..200).map(|n| new_group(&format!("G{n}"))).collect();
    assert!(service.create_groups(groups).await.unwrap().iter().all(Result::is_ok));
    // The disk fails: what is in the file is overwritten in place, and the open connection looks at it again.
    let path = folder.path().join("data").join(store::FILE_NAME);
    let other = rusqlite::Connection::open(&path).unwrap();
    other.pragma(None, "wal_checkpoint", "TRUNCATE", |_| Ok(())).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xA5);
    fs::write(&path, &bytes).unwrap();
    other.pragma_update(None, "user_version", 1).unwrap();
    let _ = service.create_groups(vec![new_group("X")]).await;
    let ended = tokio::time::timeout(Duration::from_mins(2), running).await.unwrap().unwrap();
    assert!(format!("{:#}", ended.unwrap_err()).contains("damaged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_told_to_stop_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let config = config::load(&gateway_toml(folder.path())).unwrap();
    let gateway = Gateway::start(config).await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    gateway.run(stop).await.unwrap();
}
