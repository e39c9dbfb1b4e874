// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Sockets by path and by descriptor, as an operator or systemd asks for them.

mod child;

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vhost_user_daemon::listen::{self, Endpoint, ListenError};
use vhost_user_daemon::options::{Access, OperatorError, Sockets, Source};
use virtio_guest::process::output;

const TIMEOUT: Duration = Duration::from_secs(20);

fn sockets(paths: &[&Path], access: Access) -> Sockets {
    Sockets {
        source: Source::Paths {
            paths: paths.iter().map(PathBuf::from).collect(),
            flag: "--socket-path",
        },
        access,
    }
}

fn open(path: &Path) -> Result<Vec<Endpoint>, ListenError> {
    listen::open(&sockets(&[path], Access::default()))
}

fn directory() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rng.sock0");
    (dir, path)
}

/// A socket file that a daemon left behind when it was killed.
fn leave_stale(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
    // A child that another test starts has the socket as well, until it becomes a program.
    let end = Instant::now() + TIMEOUT;
    while UnixStream::connect(path).is_ok() {
        assert!(Instant::now() < end, "somebody keeps {}", path.display());
        thread::yield_now();
    }
}

fn names(dir: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_free_path_can_be_connected_to() {
    let (_dir, path) = directory();

    let _endpoints = open(&path).unwrap();

    UnixStream::connect(&path).unwrap();
}

#[test]
fn each_guest_has_its_own_socket() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["s0", "s1"].map(|name| dir.path().join(name));

    let endpoints = listen::open(&sockets(&[&one, &two], Access::default())).unwrap();

    assert_eq!(endpoints.len(), 2);
    assert_eq!(endpoints[1].to_string(), two.to_str().unwrap());
    UnixStream::connect(&one).unwrap();
    UnixStream::connect(&two).unwrap();
}

#[test]
fn nothing_but_the_socket_is_left_in_the_directory() {
    let (dir, path) = directory();

    let _endpoints = open(&path).unwrap();

    assert_eq!(names(&dir), ["rng.sock0"]);
}

#[test]
fn the_socket_is_removed_in_the_end() {
    let (dir, path) = directory();

    drop(open(&path).unwrap());

    assert!(names(&dir).is_empty());
}

#[test]
fn a_successors_socket_is_not_removed() {
    let (dir, path) = directory();
    let endpoints = open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let _successor = UnixListener::bind(&path).unwrap();

    drop(endpoints);

    assert_eq!(names(&dir), ["rng.sock0"]);
}

#[test]
fn a_socket_that_someone_removed_is_not_missed() {
    let (dir, path) = directory();
    let endpoints = open(&path).unwrap();
    fs::remove_file(&path).unwrap();

    drop(endpoints);

    assert!(names(&dir).is_empty());
}

#[test]
fn a_stale_socket_is_replaced() {
    let (_dir, path) = directory();
    leave_stale(&path);

    let _endpoints = open(&path).unwrap();

    UnixStream::connect(&path).unwrap();
}

#[test]
fn a_live_daemons_path_is_refused_with_its_pid() {
    let (_dir, path) = directory();
    let _live = UnixListener::bind(&path).unwrap();

    let error = open(&path).unwrap_err();

    assert_eq!(
        error.to_string(),
        format!(
            "cannot listen on {}: another daemon listens there (pid {}); \
             choose another --socket-path",
            path.display(),
            std::process::id()
        )
    );
    assert_eq!(error.exit_status(), 1);
}

#[test]
fn a_live_daemon_notices_nothing_of_the_refusal() {
    let (_dir, path) = directory();
    let live = UnixListener::bind(&path).unwrap();
    live.set_nonblocking(true).unwrap();

    open(&path).unwrap_err();

    assert_eq!(
        live.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
    UnixStream::connect(&path).unwrap();
}

#[test]
fn a_live_daemon_with_a_full_backlog_is_not_taken_for_a_stale_one() {
    let (_dir, path) = directory();
    let live = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&live, 0).unwrap();
    let _waiting = UnixStream::connect(&path).unwrap();

    let error = open(&path).unwrap_err();

    assert!(matches!(error, ListenError::InUse { .. }), "{error}");
}

#[test]
fn a_socket_that_is_bound_but_not_listening_yet_is_in_use() {
    let (_dir, path) = directory();
    let _datagram = UnixDatagram::bind(&path).unwrap();

    let error = open(&path).unwrap_err();

    assert!(matches!(error, ListenError::InUse { .. }), "{error}");
}

#[test]
fn a_regular_file_is_left_alone() {
    let (_dir, path) = directory();
    fs::write(&path, "precious").unwrap();

    let error = open(&path).unwrap_err();

    assert!(matches!(error, ListenError::NotASocket { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn a_symbolic_link_is_left_alone() {
    let (dir, path) = directory();
    leave_stale(&dir.path().join("elsewhere"));
    symlink("elsewhere", &path).unwrap();

    let error = open(&path).unwrap_err();

    assert!(matches!(error, ListenError::NotASocket { .. }), "{error}");
    assert!(path.is_symlink());
}

#[test]
fn a_missing_directory_is_named_with_the_mend() {
    let error = open(Path::new("/nonexistent/vm/rng.sock0")).unwrap_err();

    assert_eq!(
        error.to_string(),
        "cannot listen on /nonexistent/vm/rng.sock0: directory /nonexistent/vm does not exist; \
         create it or choose another --socket-path"
    );
}

#[test]
fn a_path_that_is_too_long_is_refused_with_the_limit() {
    let path = PathBuf::from(format!("/tmp/{}", "x".repeat(103)));

    let error = open(&path).unwrap_err();

    let message = error.to_string();
    assert!(
        message.contains("has 108 bytes, a Unix socket allows 107"),
        "{message}"
    );
    assert_eq!(error.exit_status(), 2);
}

#[test]
fn the_longest_possible_path_is_listened_on() {
    let dir = tempfile::tempdir().unwrap();
    let room = 107 - dir.path().as_os_str().len() - 1;
    let path = dir.path().join("x".repeat(room));

    let _endpoints = open(&path).unwrap();

    UnixStream::connect(&path).unwrap();
}

#[test]
fn a_path_without_a_file_name_is_refused() {
    for path in ["", "/", "/tmp/", "/tmp/.."] {
        let error = open(Path::new(path)).unwrap_err();

        assert!(
            matches!(error, ListenError::NoFileName { .. }),
            "{path}: {error}"
        );
    }
}

#[test]
fn the_same_path_for_two_guests_is_refused() {
    let (_dir, path) = directory();

    let error = listen::open(&sockets(&[&path, &path], Access::default())).unwrap_err();

    assert!(
        matches!(error, ListenError::SamePathTwice { .. }),
        "{error}"
    );
}

#[test]
fn a_failure_at_the_second_path_removes_the_first() {
    let (dir, path) = directory();
    let missing = dir.path().join("missing/s");

    listen::open(&sockets(&[&path, &missing], Access::default())).unwrap_err();

    assert!(names(&dir).is_empty());
}

#[test]
fn the_mode_is_what_was_asked_for_whatever_the_umask() {
    let (_dir, path) = directory();
    let access = Access {
        mode: Some(0o666),
        group: None,
    };

    let _endpoints = listen::open(&sockets(&[&path], access)).unwrap();

    let metadata = fs::metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o666);
}

#[test]
fn the_group_is_what_was_asked_for() {
    let (dir, path) = directory();
    let own = fs::metadata(dir.path()).unwrap();
    // Only root may choose any group.
    let gid = if own.uid() == 0 { 4242 } else { own.gid() };
    let access = Access {
        mode: Some(0o660),
        group: Some(gid),
    };

    let _endpoints = listen::open(&sockets(&[&path], access)).unwrap();

    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.gid(), gid);
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o660);
}

#[test]
fn of_eight_daemons_that_start_at_once_on_a_stale_path_one_wins() {
    for _ in 0..20 {
        let (dir, path) = directory();
        leave_stale(&path);
        let start = Barrier::new(8);

        let outcomes: Vec<_> = thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        open(&path)
                    })
                })
                .collect();
            racers
                .into_iter()
                .map(|racer| racer.join().unwrap())
                .collect()
        });

        let (winners, losers): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(winners.len(), 1, "{losers:?}");
        assert!(
            losers
                .iter()
                .all(|lost| matches!(lost, Err(ListenError::InUse { .. }))),
            "{losers:?}"
        );
        UnixStream::connect(&path).unwrap();
        assert_eq!(names(&dir), ["rng.sock0"]);
    }
}

fn reported(output: Output) -> Vec<String> {
    child::lines(&output.stderr[..], "")
}

/// What the daemon makes of `args` when its standard input is `stdin`.
fn run(args: &str, stdin: Stdio) -> Vec<String> {
    let mut command = child::command("listen", &[]);
    command
        .args(args.split_whitespace())
        .env_remove("LISTEN_FDS")
        .stdin(stdin);
    reported(output(&mut command, child::DEADLINE).unwrap())
}

/// As systemd starts it: with `first` and `second` as descriptors 3 and 4.
fn run_activated(args: &str, pid: &str, first: UnixListener, second: UnixListener) -> Vec<String> {
    let script =
        format!("LISTEN_FDS=2 LISTEN_PID={pid} exec \"$0\" \"$@\" 3<&0 4<&1 0</dev/null 1>&2");
    let mut child = child::command("listen", &["sh", "-c", &script])
        .args(args.split_whitespace())
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(first)))
        .stdout(Stdio::from(std::os::fd::OwnedFd::from(second)))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It says less than a pipe holds.
    child::wait(&mut child);
    child::lines(child.stderr.unwrap(), "")
}

fn two_listeners(dir: &TempDir) -> [UnixListener; 2] {
    ["a", "b"].map(|name| UnixListener::bind(dir.path().join(name)).unwrap())
}

fn as_stdin(socket: impl Into<std::os::fd::OwnedFd>) -> Stdio {
    Stdio::from(socket.into())
}

#[test]
fn an_inherited_listening_socket_is_served_under_its_path() {
    let (_dir, path) = directory();
    let listener = UnixListener::bind(&path).unwrap();

    let report = run("--socket-fd 0", as_stdin(listener));

    assert_eq!(report, [format!("listening: {}", path.display())]);
    assert!(path.exists());
}

#[test]
fn an_inherited_connected_socket_is_served() {
    let (ours, _theirs) = UnixStream::pair().unwrap();

    let report = run("--fd=0", as_stdin(ours));

    assert_eq!(report, ["connected: connected fd 0"]);
}

#[test]
fn a_relative_path_is_listened_on_in_the_working_directory() {
    let dir = tempfile::tempdir().unwrap();

    let mut command = child::command("listen", &[]);
    command.args(["-s", "rng.sock"]).current_dir(&dir);
    let output = output(&mut command, child::DEADLINE).unwrap();

    assert_eq!(reported(output), ["listening: rng.sock0"]);
}

#[test]
fn a_descriptor_that_is_not_there_is_a_usage_error() {
    let report = run("--fd 77", Stdio::null());

    assert_eq!(
        report,
        ["status 2: cannot use --fd 77: it is not open; pass a connected Unix stream socket"]
    );
}

#[test]
fn no_socket_at_all_is_a_usage_error() {
    let report = run("", Stdio::null());

    assert!(
        report[0].starts_with("status 2: nothing to listen on"),
        "{report:?}"
    );
}

#[test]
fn one_descriptor_for_two_guests_is_a_usage_error() {
    let (ours, _theirs) = UnixStream::pair().unwrap();

    let report = run("--fd 0 -c 2", as_stdin(ours));

    assert!(
        report[0].starts_with("status 2: --fd names one socket"),
        "{report:?}"
    );
}

#[test]
fn activated_sockets_are_a_guest_each() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = two_listeners(&dir);

    let report = run_activated("", "$$", first, second);

    let expected = ["a", "b"].map(|name| format!("listening: {}", dir.path().join(name).display()));
    assert_eq!(report, expected);
}

#[test]
fn a_count_that_agrees_with_the_activated_sockets_is_fine() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = two_listeners(&dir);

    let report = run_activated("-c 2", "$$", first, second);

    assert_eq!(report.len(), 2, "{report:?}");
}

#[test]
fn a_count_that_differs_from_the_activated_sockets_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = two_listeners(&dir);

    let report = run_activated("-c 3", "$$", first, second);

    assert!(
        report[0].starts_with("status 2: systemd passed 2 sockets, --socket-count says 3"),
        "{report:?}"
    );
}

#[test]
fn sockets_that_were_activated_for_another_process_are_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = two_listeners(&dir);

    let report = run_activated("", "1", first, second);

    assert!(
        report[0].starts_with("status 2: nothing to listen on"),
        "{report:?}"
    );
}

#[test]
fn a_socket_path_goes_before_activated_sockets() {
    let dir = tempfile::tempdir().unwrap();
    let [first, second] = two_listeners(&dir);
    let path = dir.path().join("own");

    let report = run_activated(&format!("-s {}", path.display()), "$$", first, second);

    assert_eq!(report, [format!("listening: {}0", path.display())]);
}

#[test]
fn a_devices_own_socket_may_be_of_another_kind_and_goes_with_its_path() {
    let (dir, path) = directory();
    leave_stale(&path);
    let kind = rustix::net::SocketType::SEQPACKET;

    let (owned, listener) = listen::bind(&path, "--uds-path", kind, Access::default()).unwrap();
    let second = listen::bind(&path, "--uds-path", kind, Access::default());
    let made = rustix::net::sockopt::socket_type(&listener).unwrap();
    drop((owned, listener));

    assert_eq!(made, kind);
    let message = second.unwrap_err().to_string();
    assert!(message.ends_with("choose another --uds-path"), "{message}");
    assert!(names(&dir).is_empty());
}
