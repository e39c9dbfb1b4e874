// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The daemon over its socket, driven by the guest of this workspace.

use std::fs;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use virtio_guest::{Daemon, DaemonBuilder, Error, Guest, process};

const EXE: &str = env!("CARGO_BIN_EXE_vhost-device-rng");
const TIMEOUT: Duration = Duration::from_secs(20);

/// A quota period that no test outlives.
const LONG: &str = "600000";

fn daemon(args: &[&str]) -> Daemon {
    Daemon::spawn(EXE, args).unwrap()
}

fn several(count: usize, args: &[&str]) -> DaemonBuilder {
    let count_arg = count.to_string();
    Daemon::builder(EXE)
        .sockets(count)
        .args(["--socket-count", &count_arg])
        .args(args)
}

fn guest(daemon: &Daemon) -> Guest {
    Guest::builder(daemon.path())
        .timeout(TIMEOUT)
        .boot()
        .unwrap()
}

/// Something to read from, with this content, in a directory of its own.
fn file(content: &[u8]) -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("source");
    fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (directory, path)
}

#[test]
fn rng_answers_a_request_split_over_three_descriptors() {
    let daemon = daemon(&[]);
    let mut guest = guest(&daemon);

    let reply = guest.queue(0).request(&[], &[16, 0, 48]).unwrap();

    assert_eq!(reply.written(), 64);
    assert_ne!(reply.bytes(), [0; 64]);
}

#[test]
fn rng_ignores_what_the_driver_wrote_and_answers() {
    let daemon = daemon(&[]);
    let mut guest = guest(&daemon);

    let reply = guest.queue(0).request(&[b"please"], &[32]).unwrap();

    assert_eq!(reply.written(), 32);
}

#[test]
fn rng_answers_an_indirect_request() {
    let daemon = daemon(&[]);
    let mut guest = guest(&daemon);

    let reply = guest.queue(0).request_indirect(&[], &[100, 28]).unwrap();

    assert_eq!(reply.written(), 128);
}

#[test]
fn rng_answers_a_driver_without_event_idx() {
    let daemon = daemon(&[]);
    let mut guest = Guest::builder(daemon.path())
        .event_idx(false)
        .indirect(false)
        .boot()
        .unwrap();

    for _ in 0..100 {
        assert_eq!(guest.queue(0).request(&[], &[64]).unwrap().written(), 64);
    }
}

#[test]
fn rng_gives_a_request_without_room_back_unanswered() {
    let daemon = daemon(&[]);
    let mut guest = guest(&daemon);

    let empty = guest.queue(0).request(&[b"no room"], &[]).unwrap();
    let next = guest.queue(0).request(&[], &[8]).unwrap();

    assert_eq!((empty.written(), next.written()), (0, 8));
}

#[test]
fn rng_gives_a_huge_request_a_part() {
    let daemon = daemon(&[]);
    let mut guest = guest(&daemon);

    let reply = guest.queue(0).request(&[], &[1 << 20]).unwrap();

    assert!((1..=1 << 20).contains(&reply.written()));
    let bytes = reply.data();
    let ones: u32 = bytes.iter().map(|byte| byte.count_ones()).sum();
    let share = f64::from(ones) / (bytes.len() as f64 * 8.0);
    assert!(
        (0.48..0.52).contains(&share),
        "{share} of the bits are ones"
    );
}

#[test]
fn two_replies_differ() {
    let daemon = daemon(&[]);
    let mut guest = guest(&daemon);

    let first = guest.queue(0).request(&[], &[32]).unwrap().bytes();
    let second = guest.queue(0).request(&[], &[32]).unwrap().bytes();

    assert_ne!(first, second);
}

#[test]
fn a_file_is_read_in_order_and_its_end_is_no_bytes() {
    let (_directory, path) = file(b"0123456789");
    let daemon = daemon(&["--rng-source", &path]);
    let mut guest = guest(&daemon);

    let first = guest.queue(0).request(&[], &[4]).unwrap();
    let rest = guest.queue(0).request(&[], &[100]).unwrap();
    let end = guest.queue(0).request(&[], &[100]).unwrap();

    assert_eq!(first.data(), b"0123");
    assert_eq!(rest.data(), b"456789");
    assert_eq!(end.written(), 0);
}

#[test]
fn a_pipe_answers_once_it_has_something() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).unwrap();
    // Open for both, so that neither side's open waits and the pipe never ends.
    let mut pipe = fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let daemon = daemon(&["--rng-source", path.to_str().unwrap()]);
    let mut guest = guest(&daemon);
    let token = guest.queue(0).post(&[], &[16]).unwrap();
    guest.queue(0).kick().unwrap();
    // Nothing is to come, so the wait takes all of its time.
    let early = guest.queue(0).wait(Duration::from_millis(200));

    pipe.write_all(b"at last").unwrap();
    let reply = guest.queue(0).wait_for(token).unwrap();

    assert!(matches!(early, Err(Error::Timeout { .. })), "{early:?}");
    assert_eq!(reply.data(), b"at last");
}

#[test]
fn a_request_beyond_the_quota_waits_in_the_ring_and_holds_nothing_up() {
    let daemon = daemon(&["--max-bytes", "64", "--period", LONG]);
    let mut guest = guest(&daemon);
    let granted = guest.queue(0).request(&[], &[64]).unwrap();
    guest.queue(0).post(&[], &[64]).unwrap();
    guest.queue(0).kick().unwrap();

    // Answered at once, where a quota that sleeps would hold it for the period.
    let base = guest.stop_queue(0).unwrap();

    assert_eq!(granted.written(), 64);
    assert_eq!(base, 1, "the waiting request is still in the ring");
}

#[test]
fn a_request_beyond_the_quota_is_answered_in_the_next_period() {
    let daemon = daemon(&["--max-bytes", "64", "--period", "300"]);
    let mut guest = guest(&daemon);
    guest.queue(0).request(&[], &[64]).unwrap();

    let next = guest.queue(0).request(&[], &[64]).unwrap();

    assert_eq!(next.written(), 64);
}

#[test]
fn a_request_larger_than_what_is_left_gets_what_is_left() {
    let daemon = daemon(&["--max-bytes", "100", "--period", LONG]);
    let mut guest = guest(&daemon);
    guest.queue(0).request(&[], &[64]).unwrap();

    let rest = guest.queue(0).request(&[], &[64]).unwrap();

    assert_eq!(rest.written(), 36);
}

#[test]
fn each_guest_has_a_quota_of_its_own() {
    let daemon = several(2, &["--max-bytes", "64", "--period", LONG])
        .spawn()
        .unwrap();
    let mut greedy = Guest::connect(daemon.socket(0)).unwrap();
    let mut modest = Guest::connect(daemon.socket(1)).unwrap();

    let first = greedy.queue(0).request(&[], &[64]).unwrap();
    let second = modest.queue(0).request(&[], &[64]).unwrap();

    assert_eq!((first.written(), second.written()), (64, 64));
}

#[test]
fn a_greedy_guest_leaves_a_modest_one_its_half_of_a_shared_quota() {
    let daemon = several(
        2,
        &["--share-quota", "--max-bytes", "4000", "--period", LONG],
    )
    .spawn()
    .unwrap();
    let mut greedy = Guest::connect(daemon.socket(0)).unwrap();
    let mut modest = Guest::connect(daemon.socket(1)).unwrap();
    let first = modest.queue(0).request(&[], &[100]).unwrap();

    let most = greedy.queue(0).request(&[], &[4000]).unwrap();
    let rest = modest.queue(0).request(&[], &[4000]).unwrap();

    assert_eq!(
        (first.written(), most.written(), rest.written()),
        (100, 2000, 1900)
    );
}

#[test]
fn a_used_up_quota_and_a_waiting_request_move_to_another_daemon() {
    const PERIOD: Duration = Duration::from_secs(5);
    let quota = ["--max-bytes", "64", "--period", "5000"];
    let start = Instant::now();
    let (old, new) = (daemon(&quota), daemon(&quota));
    let mut guest = guest(&old);
    guest.queue(0).request(&[], &[64]).unwrap();
    let token = guest.queue(0).post(&[], &[48]).unwrap();
    guest.queue(0).kick().unwrap();

    let mut guest = guest.migrate(new.path()).unwrap();
    guest.queue(0).kick_always();
    guest.frontend().sync().unwrap();
    let early = guest.queue(0).poll_used().unwrap();
    let in_time = start.elapsed() < PERIOD;
    let reply = guest.queue(0).wait_for(token).unwrap();

    assert!(
        early.is_none() || !in_time,
        "the successor is as used up as the predecessor"
    );
    assert_eq!(reply.written(), 48);
}

#[test]
fn no_request_is_lost_when_a_guest_moves_under_load() {
    let daemons = [daemon(&[]), daemon(&[])];
    let mut guest = Guest::builder(daemons[0].path())
        .timeout(TIMEOUT)
        .queue_size(256)
        .boot()
        .unwrap();

    for round in 1..40 {
        let tokens: Vec<_> = (0..100)
            .map(|_| guest.queue(0).post(&[], &[16]).unwrap())
            .collect();
        guest.queue(0).kick().unwrap();
        guest = guest.migrate(daemons[round % 2].path()).unwrap();
        let mut replies: Vec<_> = guest
            .queue(0)
            .wait_all(TIMEOUT)
            .unwrap()
            .iter()
            .map(|reply| {
                assert_eq!(reply.written(), 16);
                reply.token()
            })
            .collect();
        replies.sort_by_key(|token| tokens.iter().position(|t| t == token));
        assert_eq!(replies, tokens);
    }
}

#[test]
fn a_guest_that_vanishes_leaves_the_other_alone() {
    let daemon = several(2, &[]).spawn().unwrap();
    let gone = Guest::connect(daemon.socket(0)).unwrap();
    let mut stays = Guest::connect(daemon.socket(1)).unwrap();

    gone.vanish();
    let reply = stays.queue(0).request(&[], &[64]).unwrap();
    let mut again = Guest::connect(daemon.socket(0)).unwrap();

    assert_eq!(reply.written(), 64);
    assert_eq!(again.queue(0).request(&[], &[64]).unwrap().written(), 64);
}

#[test]
fn immediate_reconnects_never_fail() {
    let daemon = daemon(&[]);
    let process = daemon.process().unwrap();
    let look = || (process.threads().unwrap(), process.fds().unwrap());
    drop(guest(&daemon));
    let before = wait_for_no_frontend(&look);

    for _ in 0..1000 {
        let mut guest = guest(&daemon);
        assert_eq!(guest.queue(0).request(&[], &[16]).unwrap().written(), 16);
    }

    let end = Instant::now() + TIMEOUT;
    while wait_for_no_frontend(&look) > before {
        assert!(Instant::now() < end, "{:?}, not {before:?}", look());
    }
}

/// A closed connection takes the daemon a moment to clean up after: what stays is the least seen.
fn wait_for_no_frontend(look: &dyn Fn() -> (usize, usize)) -> (usize, usize) {
    let deadline = Instant::now() + Duration::from_secs(1);
    let mut least = look();
    while Instant::now() < deadline {
        least = least.min(look());
        std::thread::yield_now();
    }
    least
}

#[test]
fn a_device_that_cannot_be_waited_for_answers_every_request() {
    let source = std::path::Path::new("/dev/hwrng");
    if fs::File::open(source).is_err() {
        eprintln!("skipped: this machine has no {}", source.display());
        return;
    }
    let daemon = daemon(&["--rng-source", "/dev/hwrng"]);
    let mut guest = guest(&daemon);

    for _ in 0..10 {
        assert!(guest.queue(0).request(&[], &[64]).unwrap().written() > 0);
    }
}

#[test]
fn sigterm_removes_the_sockets_and_exits_with_success() {
    let mut daemon = several(2, &[]).spawn().unwrap();
    let _guest = Guest::connect(daemon.socket(0)).unwrap();

    let status = daemon.terminate(TIMEOUT).unwrap();

    assert!(status.success(), "{status}");
    assert!(!daemon.socket(0).exists());
    assert!(!daemon.socket(1).exists());
}

#[test]
fn sigterm_in_the_middle_of_a_message_exits_with_success() {
    let mut daemon = daemon(&[]);
    let mut stream = UnixStream::connect(daemon.path()).unwrap();
    stream.write_all(&[1, 0, 0]).unwrap();

    let status = daemon.terminate(TIMEOUT).unwrap();

    assert!(status.success(), "{status}");
}

#[test]
fn sigterm_with_a_waiting_request_exits_with_success() {
    let mut daemon = daemon(&["--max-bytes", "1", "--period", LONG]);
    let mut guest = guest(&daemon);
    guest.queue(0).request(&[], &[1]).unwrap();
    guest.queue(0).post(&[], &[1]).unwrap();
    guest.queue(0).kick().unwrap();

    let status = daemon.terminate(TIMEOUT).unwrap();

    assert!(status.success(), "{status}");
}

/// Starts the daemon with `socket` as its standard input, which is descriptor 0.
fn inherit(socket: impl Into<OwnedFd>, flag: &str) -> std::process::Child {
    process::command(EXE)
        .args([flag, "0"])
        .stdin(Stdio::from(socket.into()))
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_connected_socket_is_served_once() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut child = inherit(theirs, "--fd");
    let mut guest = Guest::unconnected().boot_on(ours).unwrap();

    let written = guest.queue(0).request(&[], &[64]).unwrap().written();
    drop(guest);
    let status = process::wait(&mut child, TIMEOUT).unwrap();

    assert_eq!(written, 64);
    assert!(status.success(), "{status}");
}

#[test]
fn an_inherited_listener_is_served_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    assert!(listener.as_raw_fd() > 2);
    let mut child = inherit(listener, "--socket-fd");

    for _ in 0..3 {
        let mut guest = Guest::connect(&path).unwrap();
        assert_eq!(guest.queue(0).request(&[], &[64]).unwrap().written(), 64);
    }

    child.kill().unwrap();
    let status = process::wait(&mut child, TIMEOUT).unwrap();
    assert_eq!(status.signal(), Some(9));
    assert!(path.exists(), "an inherited socket is not the daemon's");
}

fn run(args: &[&str]) -> std::process::Output {
    let mut command = process::command(EXE);
    process::output(command.args(args).stdin(Stdio::null()), TIMEOUT).unwrap()
}

#[test]
fn a_missing_source_is_one_line_with_flag_value_and_mend() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("s");

    let output = run(&["-s", socket.to_str().unwrap(), "-f", "/no/such/file"]);

    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains("--rng-source /no/such/file"), "{line}");
    assert!(line.contains("give a readable file"), "{line}");
}

#[test]
fn a_wrong_flag_is_a_usage_error() {
    assert_eq!(run(&["--period", "0"]).status.code(), Some(2));
    assert_eq!(run(&["--no-such-flag"]).status.code(), Some(2));
}

#[test]
fn capabilities_are_json() {
    let output = run(&["--print-capabilities"]);

    assert!(output.status.success());
    let text: String = String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(text, r#"{"type":"rng","features":[]}"#);
}

#[test]
fn help_and_version_are_answered() {
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    let version = String::from_utf8(run(&["--version"]).stdout).unwrap();

    for flag in [
        "--socket-path",
        "--socket-count",
        "--rng-source",
        "--period",
        "--max-bytes",
        "--poll-us",
        "--print-capabilities",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
    assert_eq!(
        version.trim(),
        concat!("vhost-device-rng ", env!("CARGO_PKG_VERSION"))
    );
}
