// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The daemon, driven by the public crate `virtio-drivers`: a second opinion that nobody here wrote.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use vhost_device_vsock::DEVICE_ID;
use virtio_drivers::device::socket::{
    DisconnectReason, VirtIOSocket, VsockAddr, VsockConnectionManager, VsockEvent, VsockEventType,
};
use virtio_guest::Daemon;
use virtio_guest::drivers::{GuestHal, SocketTransport, within};

const TIMEOUT: Duration = Duration::from_secs(20);
const PORT: u32 = 1234;

#[test]
fn a_public_driver_opens_and_accepts_connections_and_exchanges_bytes() {
    let exe = env!("CARGO_BIN_EXE_vhost-device-vsock");
    let daemon = Daemon::spawn(exe, &["--uds-path", "{dir}/v", "--guest-cid", "12"]).unwrap();
    let listener = UnixListener::bind(daemon.dir().join("v_1234")).unwrap();
    let transport = SocketTransport::connect(daemon.path(), DEVICE_ID).unwrap();
    let host = std::thread::spawn({
        let path = daemon.dir().join("v");
        move || {
            let (mut accepted, _) = listener.accept().unwrap();
            let mut got = [0; 5];
            accepted.read_exact(&mut got).unwrap();
            accepted.write_all(&got).unwrap();
            drop(accepted);
            let mut opened = UnixStream::connect(path).unwrap();
            opened.write_all(b"CONNECT 77\nfirst").unwrap();
            let mut answer = Vec::new();
            opened.read_to_end(&mut answer).unwrap();
            answer
        }
    });

    let (cid, echoed, reason, first) = within(TIMEOUT, move || {
        let driver = VirtIOSocket::<GuestHal, _>::new(transport).unwrap();
        let mut sockets = VsockConnectionManager::new(driver);
        let cid = sockets.guest_cid();
        let host = VsockAddr { cid: 2, port: PORT };
        sockets.listen(77);
        sockets.connect(host, 50).unwrap();
        // Events of the two connections come in any order.
        let mut early: Vec<VsockEvent> = Vec::new();
        let mut wait = |sockets: &mut VsockConnectionManager<_, _>,
                        wanted: fn(&VsockEventType) -> bool| {
            if let Some(at) = early.iter().position(|event| wanted(&event.event_type)) {
                return early.remove(at);
            }
            loop {
                let event = sockets.wait_for_event().unwrap();
                if wanted(&event.event_type) {
                    return event;
                }
                early.push(event);
            }
        };
        wait(&mut sockets, |event| {
            matches!(event, VsockEventType::Connected)
        });
        sockets.send(host, 50, b"hello").unwrap();
        let mut echoed = [0; 5];
        wait(&mut sockets, |event| {
            matches!(event, VsockEventType::Received { .. })
        });
        sockets.recv(host, 50, &mut echoed).unwrap();
        let end = wait(&mut sockets, |event| {
            matches!(event, VsockEventType::Disconnected { .. })
        });
        let VsockEventType::Disconnected { reason } = end.event_type else {
            unreachable!("waited for");
        };
        let asked = wait(&mut sockets, |event| {
            matches!(event, VsockEventType::ConnectionRequest)
        });
        wait(&mut sockets, |event| {
            matches!(event, VsockEventType::Received { .. })
        });
        let mut first = [0; 5];
        sockets.recv(asked.source, 77, &mut first).unwrap();
        sockets.send(asked.source, 77, b"second").unwrap();
        sockets.shutdown(asked.source, 77).unwrap();
        wait(&mut sockets, |event| {
            matches!(event, VsockEventType::Disconnected { .. })
        });
        (cid, echoed, reason, first)
    });
    let answer = String::from_utf8(host.join().unwrap()).unwrap();

    assert_eq!(cid, 12);
    assert_eq!((&echoed, &first), (b"hello", b"first"));
    assert_eq!(reason, DisconnectReason::Shutdown);
    assert!(
        answer.starts_with("OK ") && answer.ends_with("\nsecond"),
        "{answer:?}"
    );
}
