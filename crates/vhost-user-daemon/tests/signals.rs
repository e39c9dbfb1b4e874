// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! SIGTERM and SIGINT, sent to a process of their own.

mod child;

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// A child that waits for the request, and then for more if it is to hang.
fn start(end: &str) -> Child {
    let mut child = child::command("signals", &[])
        .args((end == "hang").then_some("--hang"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Left open: a player that cannot write its last line would fail.
    let stdout = child.stdout.as_mut().unwrap();
    assert_eq!(child::lines(stdout, "ready"), ["ready"]);
    child
}

fn send(child: &Child, signal: Signal) {
    // Children have ended when that fails.
    let _ = rustix::process::kill_process(Pid::from_child(child), signal);
}

/// Sends `signal` again and again until the child ends; its status.
fn insist(child: &mut Child, signal: Signal) -> i32 {
    let deadline = Instant::now() + child::DEADLINE;
    while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        send(child, signal);
        thread::sleep(Duration::from_millis(10));
    }
    let status = child::wait(child);
    // As a shell shows it.
    status
        .code()
        .or(status.signal().map(|signal| 128 + signal))
        .unwrap()
}

#[test]
fn sigterm_asks_for_an_orderly_end() {
    let mut child = start("at once");

    send(&child, Signal::TERM);

    assert_eq!(child::wait(&mut child).code(), Some(0));
}

#[test]
fn sigint_asks_for_an_orderly_end() {
    let mut child = start("at once");

    send(&child, Signal::INT);

    assert_eq!(child::wait(&mut child).code(), Some(0));
}

#[test]
fn the_same_signal_twice_at_once_is_one_request() {
    let mut child = start("at once");

    send(&child, Signal::TERM);
    send(&child, Signal::TERM);

    assert_eq!(child::wait(&mut child).code(), Some(0));
}

#[test]
fn a_second_sigterm_ends_a_daemon_that_hangs() {
    let mut child = start("hang");

    send(&child, Signal::TERM);

    assert_eq!(insist(&mut child, Signal::TERM), 143);
}

#[test]
fn a_sigint_after_a_sigterm_ends_a_daemon_that_hangs() {
    let mut child = start("hang");

    send(&child, Signal::TERM);

    assert_eq!(insist(&mut child, Signal::INT), 130);
}

#[test]
fn sighup_ends_the_process_as_ever() {
    let mut child = start("hang");

    send(&child, Signal::HUP);

    assert_eq!(child::wait(&mut child).signal(), Some(Signal::HUP.as_raw()));
}
