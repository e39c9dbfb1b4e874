// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! All that a malicious driver or frontend may try.

use vhost_device_vsock::DEVICE_ID;
use virtio_guest::vsock::{HEADER, HOST, Header, RX, STREAM, TX, op};
use virtio_guest::{Daemon, Guest, hostile};

/// A packet that belongs to no connection, which is answered by a reset.
const UNKNOWN: Header = Header {
    src_cid: 3,
    dst_cid: HOST,
    src_port: 60,
    dst_port: 61,
    len: 0,
    kind: STREAM,
    op: op::CREDIT_REQUEST,
    flags: 0,
    buf_alloc: 0,
    fwd_cnt: 0,
};

fn request(guest: &mut Guest) -> Result<(), String> {
    let mut ask = || {
        // Packets are taken only while there is a queue for the answers, and some cases stop both.
        guest.renew_queue(RX)?;
        guest.queue(RX).post(&[], &[HEADER])?;
        guest.queue(RX).kick()?;
        guest.queue(TX).request(&[&UNKNOWN.bytes()], &[])?;
        loop {
            // Of packets that others sent before there was a buffer.
            let timeout = std::time::Duration::from_secs(4);
            let reply = guest.queue(RX).wait(timeout)?;
            let header = Header::parse(&reply.data()).unwrap_or_default();
            if header.op == op::RST && header.dst_port == UNKNOWN.src_port {
                return Ok(());
            }
            guest.queue(RX).post(&[], &[HEADER])?;
            guest.queue(RX).kick()?;
        }
    };
    ask().map_err(|error: virtio_guest::Error| error.explain())
}

#[test]
fn the_daemon_stands_the_hostile_suite() {
    let packet = UNKNOWN.bytes();
    let device = hostile::Device {
        name: "vsock",
        id: DEVICE_ID,
        queues: 3,
        request_queue: TX,
        features: 0,
        config_size: 8,
        readable: &[&packet],
        writable: &[],
        request: &request,
    };

    hostile::run(
        || {
            Daemon::spawn(
                env!("CARGO_BIN_EXE_vhost-device-vsock"),
                &["--uds-path", "{dir}/v"],
            )
        },
        &device,
    );
}
