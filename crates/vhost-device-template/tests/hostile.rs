// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Fourth level: all that a malicious driver or frontend may try. The suite is the same for every
//! device; what it must know of this one is below.

use vhost_device_template::DEVICE_ID;
use vhost_device_template::spec::{Operation, STATUS_OK};
use virtio_guest::{Daemon, Guest, hostile};

const ECHO: [u8; 4] = (Operation::Echo as u32).to_le_bytes();

/// A well-formed request, which must be answered after each attack as it was before.
fn request(guest: &mut Guest) -> Result<(), String> {
    let reply = guest
        .queue(0)
        .request(&[&ECHO, b"hello"], &[4, 5])
        .map_err(|error| error.explain())?;
    let expected = [&STATUS_OK.to_le_bytes()[..], b"hello"].concat();
    if reply.data() == expected {
        Ok(())
    } else {
        Err(format!("answered with {:?}", reply.data()))
    }
}

#[test]
fn the_daemon_stands_the_hostile_suite() {
    let device = hostile::Device {
        name: "template",
        id: DEVICE_ID,
        queues: 1,
        request_queue: 0,
        features: 0,
        config_size: 4,
        readable: &[&ECHO, b"hello"],
        writable: &[4, 5],
        request: &request,
    };

    hostile::run(
        || Daemon::spawn(env!("CARGO_BIN_EXE_vhost-device-template"), &[]),
        &device,
    );
}
