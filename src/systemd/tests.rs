use super::*;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

/// Set in the child process that plays the service. Environment variables cannot be set in this process: that is
/// unsafe while other tests run.
const CHILD: &str = "DERGATE_TEST_SYSTEMD_CHILD";

#[test]
fn child_tells_its_manager() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    ready();
    status("3 devices\nREADY=0");
    watchdog();
    stopping();
}

fn child() -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "systemd::tests::child_tells_its_manager"]).env(CHILD, "1");
    child.env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC").env_remove("WATCHDOG_PID");
    child
}

#[test]
fn the_manager_hears_each_word() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_nonblocking(true).unwrap();
    let child = child().env("NOTIFY_SOCKET", &path).output().unwrap();
    assert!(child.status.success(), "{child:?}");
    let mut heard = Vec::new();
    let mut buffer = [0; 256];
    while let Ok(size) = manager.recv(&mut buffer) {
        heard.push(String::from_utf8(buffer[..size].to_vec()).unwrap());
    }
    assert_eq!(heard, ["READY=1\n", "STATUS=3 devices READY=0\n", "WATCHDOG=1\n", "STOPPING=1\n"]);
}

#[test]
fn without_a_manager_nothing_happens() {
    assert!(child().output().unwrap().status.success());
}
