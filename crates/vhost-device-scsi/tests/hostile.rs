// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! All that a malicious driver or frontend may try.

mod driver;

use driver::{BLOCK, GOOD, Image, REQUEST, SENSE, header, ten};
use vhost_device_scsi::DEVICE_ID;
use virtio_guest::{Daemon, Guest, hostile};

fn read_request() -> Vec<u8> {
    header(driver::address(0, 0), 1, 0, &ten(0x28, 3, 1))
}

fn request(guest: &mut Guest) -> Result<(), String> {
    let expected = driver::pattern(3, 1);
    // The first commands of a connection may get unit attentions.
    for _ in 0..8 {
        let reply = guest
            .queue(REQUEST)
            .request(&[&read_request()], &[12 + SENSE, BLOCK])
            .map_err(|error| error.explain())?;
        let answer = driver::answer(&reply);
        if answer.status == GOOD && answer.data == expected {
            return Ok(());
        }
        if answer.status != driver::CHECK {
            return Err(format!("{answer:x?}"));
        }
    }
    Err("nothing but unit attentions".into())
}

fn run(engine: &str) {
    let image = Image::new(64 * BLOCK);
    let readable = read_request();
    let device = hostile::Device {
        name: "scsi",
        id: DEVICE_ID,
        queues: 3,
        request_queue: REQUEST,
        features: driver::HOTPLUG | driver::CHANGE,
        config_size: 36,
        readable: &[&readable],
        writable: &[12 + SENSE, BLOCK],
        request: &request,
    };
    let args = ["--io-engine", engine, "--no-lock", image.path()];

    hostile::run(|| Daemon::spawn(driver::EXE, &args), &device);
}

#[test]
fn the_daemon_stands_the_hostile_suite() {
    run("auto");
}

#[test]
fn the_daemon_with_threads_stands_the_hostile_suite() {
    run("threads");
}
