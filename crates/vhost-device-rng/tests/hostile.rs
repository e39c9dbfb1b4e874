// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! All that a malicious driver or frontend may try.

use vhost_device_rng::DEVICE_ID;
use virtio_guest::{Daemon, Guest, hostile};

fn request(guest: &mut Guest) -> Result<(), String> {
    let reply = guest
        .queue(0)
        .request(&[], &[64])
        .map_err(|error| error.explain())?;
    if reply.written() == 64 && reply.bytes() != [0; 64] {
        Ok(())
    } else {
        Err(format!("{} bytes: {:?}", reply.written(), reply.bytes()))
    }
}

#[test]
fn the_daemon_stands_the_hostile_suite() {
    let device = hostile::Device {
        name: "rng",
        id: DEVICE_ID,
        queues: 1,
        request_queue: 0,
        features: 0,
        config_size: 0,
        readable: &[],
        writable: &[64],
        request: &request,
    };

    hostile::run(
        || Daemon::spawn(env!("CARGO_BIN_EXE_vhost-device-rng"), &[]),
        &device,
    );
}
