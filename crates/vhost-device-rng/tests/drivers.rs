// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The daemon, driven by the public crate `virtio-drivers`: a second opinion that nobody here wrote.

use std::time::Duration;

use vhost_device_rng::DEVICE_ID;
use virtio_drivers::device::rng::VirtIORng;
use virtio_guest::Daemon;
use virtio_guest::drivers::{GuestHal, SocketTransport, within};

const TIMEOUT: Duration = Duration::from_secs(20);

#[test]
fn a_public_driver_gets_different_bytes_each_time() {
    let daemon = Daemon::spawn(env!("CARGO_BIN_EXE_vhost-device-rng"), &[]).unwrap();
    let transport = SocketTransport::connect(daemon.path(), DEVICE_ID).unwrap();

    let (first, second) = within(TIMEOUT, move || {
        let mut driver = VirtIORng::<GuestHal, _>::new(transport).unwrap();
        let (mut first, mut second) = ([0; 48], [0; 48]);
        assert_eq!(driver.request_entropy(&mut first).unwrap(), first.len());
        assert_eq!(driver.request_entropy(&mut second).unwrap(), second.len());
        (first, second)
    });

    assert_ne!(first, [0; 48]);
    assert_ne!(first, second);
}
