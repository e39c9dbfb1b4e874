// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a service manager hears from a process that it started.

mod child;

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Stdio;

/// Runs the daemon under a service manager that can be found at `name`. Its exit status: 0, or 3
/// where its children would know of the service manager.
fn run(name: &OsStr) -> Option<i32> {
    let mut child = child::command("notify", &[])
        .env("NOTIFY_SOCKET", name)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child::wait(&mut child).code()
}

fn received(manager: &UnixDatagram) -> String {
    let mut message = [0; 256];
    manager.set_read_timeout(Some(child::DEADLINE)).unwrap();
    let len = manager.recv(&mut message).unwrap();
    String::from_utf8_lossy(&message[..len]).into_owned()
}

#[test]
fn a_daemon_tells_that_it_is_ready_and_that_it_stops() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();

    let status = run(path.as_os_str());

    assert!(matches!(status, Some(0 | 3)), "{status:?}");
    assert_eq!(received(&manager), "READY=1\nSTATUS=listening\n");
    assert_eq!(received(&manager), "STOPPING=1\n");
}

#[test]
fn an_abstract_socket_is_found() {
    let name = format!("vhost-user-daemon-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let manager = UnixDatagram::bind_addr(&address).unwrap();

    let status = run(format!("@{name}").as_ref());

    assert!(matches!(status, Some(0 | 3)), "{status:?}");
    assert_eq!(received(&manager), "READY=1\nSTATUS=listening\n");
}

#[test]
fn a_service_manager_that_is_not_there_is_no_reason_to_fail() {
    let status = run("/nonexistent/notify".as_ref());

    assert!(matches!(status, Some(0 | 3)), "{status:?}");
}

#[test]
fn children_of_a_daemon_do_not_know_of_its_service_manager() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let _manager = UnixDatagram::bind(&path).unwrap();

    assert_eq!(run(path.as_os_str()), Some(0));
}
