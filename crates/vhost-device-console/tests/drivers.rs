// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The daemon, driven by the public crate `virtio-drivers`: a second opinion that nobody here wrote.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use vhost_device_console::DEVICE_ID;
use virtio_drivers::device::console::VirtIOConsole;
use virtio_guest::Daemon;
use virtio_guest::drivers::{GuestHal, SocketTransport, within};

const TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn a_public_driver_writes_to_a_client_and_reads_from_it() {
    let daemon = Daemon::spawn(
        env!("CARGO_BIN_EXE_vhost-device-console"),
        &["--backend", "uds", "--path", "{dir}/console"],
    )
    .unwrap();
    // A frontend is served only once clients can connect, too.
    let transport = SocketTransport::connect(daemon.path(), DEVICE_ID).unwrap();
    let mut client = UnixStream::connect(daemon.dir().join("console")).unwrap();
    client.set_read_timeout(Some(TIMEOUT)).unwrap();
    client.write_all(b"typed").unwrap();

    let got = within(TIMEOUT, move || {
        let mut driver = VirtIOConsole::<GuestHal, _>::new(transport).unwrap();
        for &byte in b"login: " {
            driver.send(byte).unwrap();
        }
        driver.send_bytes(b"root\n").unwrap();
        let mut got = Vec::new();
        let end = Instant::now() + TIMEOUT;
        while got.len() < 5 && Instant::now() < end {
            driver.ack_interrupt().unwrap();
            if let Some(byte) = driver.recv(true).unwrap() {
                got.push(byte);
            }
        }
        got
    });

    let mut read = [0; 12];
    client.read_exact(&mut read).unwrap();
    assert_eq!(got, b"typed");
    assert_eq!(&read, b"login: root\n");
}
