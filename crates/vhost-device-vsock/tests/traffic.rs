// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Bulk traffic as `cargo xtask bench` makes it, with full rings and a driver that polls.

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use virtio_guest::Daemon;
use virtio_guest::traffic::{Direction, Traffic};

const TIMEOUT: Duration = Duration::from_secs(20);

fn daemon() -> Daemon {
    let exe = env!("CARGO_BIN_EXE_vhost-device-vsock");
    Daemon::spawn(exe, &["--uds-path", "{dir}/v"]).unwrap()
}

/// Streams a total that no packet size divides, and ends the connection from the guest.
fn streams(direction: Direction, size: usize, lent: usize) {
    let daemon = daemon();
    let mut traffic = Traffic::boot(daemon.path(), size, lent).unwrap();
    let (mut connection, mut stream) = traffic.accept(&daemon.dir().join("v")).unwrap();

    let moved = traffic.stream(direction, &mut connection, &mut stream, 3_000_001);

    assert!(moved.is_ok(), "{moved:?}");
    traffic.close(&connection, false).unwrap();
}

#[test]
fn a_guest_that_keeps_its_ring_full_of_small_packets_is_heard_to_the_end() {
    streams(Direction::Up, 64, 64);
}

#[test]
fn a_guest_that_keeps_its_ring_full_of_large_packets_is_heard_to_the_end() {
    streams(Direction::Up, 64 * 1024, 64);
}

#[test]
fn a_program_that_never_pauses_reaches_a_guest_with_small_buffers() {
    streams(Direction::Down, 64, 64);
}

#[test]
fn a_program_that_never_pauses_reaches_a_guest_with_large_buffers() {
    streams(Direction::Down, 64 * 1024, 64 * 1024);
}

#[test]
fn large_writes_reach_a_guest_that_lends_pages() {
    streams(Direction::Down, 64 * 1024, 4096);
}

#[test]
fn connections_opened_and_ended_one_after_the_other_leave_nothing_behind() {
    let daemon = daemon();
    let listener = UnixListener::bind(daemon.dir().join("v_1234")).unwrap();
    let mut traffic = Traffic::boot(daemon.path(), 4096, 4096).unwrap();
    let (first, stream) = traffic.open(&listener).unwrap();
    traffic.close(&first, false).unwrap();
    drop(stream);
    let before = daemon.process().unwrap().fds().unwrap();

    for _ in 0..100 {
        let (connection, stream) = traffic.open(&listener).unwrap();
        traffic.close(&connection, true).unwrap();
        drop(stream);
    }

    // The guest hears of an end a moment before the descriptor is gone.
    let end = Instant::now() + TIMEOUT;
    while daemon.process().unwrap().fds().unwrap() > before {
        assert!(
            Instant::now() < end,
            "{:?}",
            daemon.process().unwrap().fd_targets()
        );
        std::thread::yield_now();
    }
}
