// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! All that a malicious driver or frontend may try.

use vhost_device_console::{DEVICE_ID, spec};
use virtio_guest::{Daemon, Guest, hostile};

/// Output of port 0, which the daemon takes whether anybody reads it or not.
fn request(guest: &mut Guest) -> Result<(), String> {
    let reply = guest
        .queue(1)
        .request(&[b"hello"], &[])
        .map_err(|error| error.explain())?;
    match reply.written() {
        0 => Ok(()),
        written => Err(format!("{written} bytes were written to nowhere")),
    }
}

#[test]
fn the_daemon_stands_the_hostile_suite() {
    let device = hostile::Device {
        name: "console",
        id: DEVICE_ID,
        queues: 4,
        request_queue: 1,
        features: spec::VIRTIO_CONSOLE_F_MULTIPORT
            | spec::VIRTIO_CONSOLE_F_EMERG_WRITE
            | spec::VIRTIO_CONSOLE_F_SIZE,
        config_size: 12,
        readable: &[b"hello"],
        writable: &[],
        request: &request,
    };

    hostile::run(
        || {
            Daemon::spawn(
                env!("CARGO_BIN_EXE_vhost-device-console"),
                &["--backend", "uds", "--path", "{dir}/console"],
            )
        },
        &device,
    );
}
