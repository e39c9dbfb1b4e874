// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Third level: the daemon over its socket, driven by the guest of this workspace.

use std::time::Duration;

use vhost_device_template::spec::{Operation, STATUS_ERROR, STATUS_OK};
use virtio_guest::{Daemon, Guest};

const TIMEOUT: Duration = Duration::from_secs(20);

const ECHO: [u8; 4] = (Operation::Echo as u32).to_le_bytes();
const UPPER: [u8; 4] = (Operation::Upper as u32).to_le_bytes();

fn daemon(args: &[&str]) -> Daemon {
    Daemon::spawn(env!("CARGO_BIN_EXE_vhost-device-template"), args).unwrap()
}

fn guest(daemon: &Daemon) -> Guest {
    Guest::builder(daemon.path())
        .timeout(TIMEOUT)
        .boot()
        .unwrap()
}

fn answer(status: u32, result: &[u8]) -> Vec<u8> {
    [&status.to_le_bytes(), result].concat()
}

#[test]
fn a_guest_gets_its_bytes_in_upper_case() {
    let daemon = daemon(&[]);
    let mut guest = guest(&daemon);

    let reply = guest.queue(0).request(&[&UPPER, b"hello"], &[4, 5]);

    assert_eq!(reply.unwrap().data(), answer(STATUS_OK, b"HELLO"));
}

#[test]
fn a_request_in_an_indirect_table_is_answered() {
    let daemon = daemon(&[]);
    let mut guest = guest(&daemon);

    let reply = guest
        .queue(0)
        .request_indirect(&[&ECHO, b"hel", b"lo"], &[2, 7]);

    assert_eq!(reply.unwrap().data(), answer(STATUS_OK, b"hello"));
}

#[test]
fn a_refused_request_is_followed_by_a_good_one() {
    let mut daemon = daemon(&[]);
    let mut guest = guest(&daemon);

    let refused = guest.queue(0).request(&[&[0xff; 4], b"hello"], &[9]);
    let taken = guest.queue(0).request(&[&ECHO, b"hello"], &[9]);

    assert_eq!(refused.unwrap().data(), answer(STATUS_ERROR, b""));
    assert_eq!(taken.unwrap().data(), answer(STATUS_OK, b"hello"));
    // Once it has ended, all that it said is there.
    assert!(daemon.terminate(TIMEOUT).unwrap().success());
    let log = daemon.stderr();
    assert!(log.contains("operation 4294967295"), "{log}");
}

#[test]
fn many_requests_at_once_are_answered_in_order() {
    let daemon = daemon(&[]);
    let mut guest = guest(&daemon);
    let queue = guest.queue(0);
    let data: Vec<[u8; 1]> = (0..20).map(|number| [number]).collect();
    for data in &data {
        queue.post(&[&ECHO, data], &[5]).unwrap();
    }
    queue.kick().unwrap();

    let replies = queue.wait_all(TIMEOUT).unwrap();

    let got: Vec<_> = replies.iter().map(|reply| reply.data()).collect();
    let expected: Vec<_> = data.iter().map(|data| answer(STATUS_OK, data)).collect();
    assert_eq!(got, expected);
}

#[test]
fn the_limit_is_what_the_operator_says_and_the_driver_reads() {
    let daemon = daemon(&["--max-len", "8"]);
    let mut guest = guest(&daemon);

    let config = guest.get_config(0, 4).unwrap();
    let taken = guest.queue(0).request(&[&ECHO, &[1; 8]], &[100]).unwrap();
    let refused = guest.queue(0).request(&[&ECHO, &[1; 9]], &[100]).unwrap();

    assert_eq!(config, 8u32.to_le_bytes());
    assert_eq!(taken.data(), answer(STATUS_OK, &[1; 8]));
    assert_eq!(refused.data(), answer(STATUS_ERROR, b""));
}

#[test]
fn the_configuration_space_ends_where_it_ends_and_is_read_only() {
    let daemon = daemon(&[]);
    let mut guest = guest(&daemon);

    assert!(guest.get_config(4, 4).is_err());
    assert!(guest.get_config(0, 8).is_err());
    // Nobody is told that nothing was written: a driver has no use for the answer.
    let _ = guest.set_config(0, &[0; 4]);

    assert_eq!(guest.get_config(0, 4).unwrap(), 4096u32.to_le_bytes());
    let reply = guest.queue(0).request(&[&ECHO, b"hello"], &[9]);
    assert_eq!(reply.unwrap().data(), answer(STATUS_OK, b"hello"));
}

#[test]
fn a_guest_that_vanishes_leaves_a_daemon_for_the_next() {
    let daemon = daemon(&[]);
    let mut first = guest(&daemon);
    first.queue(0).post(&[&ECHO, b"hello"], &[9]).unwrap();
    first.queue(0).kick().unwrap();
    first.vanish();

    let reply = guest(&daemon).queue(0).request(&[&ECHO, b"hello"], &[9]);

    assert_eq!(reply.unwrap().data(), answer(STATUS_OK, b"hello"));
}
