// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The daemon over its socket, driven by the guest of this workspace.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use vhost_device_console::spec;
use virtio_guest::{Daemon, Error, Guest, process};

const EXE: &str = env!("CARGO_BIN_EXE_vhost-device-console");
const TIMEOUT: Duration = Duration::from_secs(30);

const RX: u16 = 0;
const TX: u16 = 1;

fn daemon(args: &[&str]) -> Daemon {
    Daemon::spawn(EXE, args).unwrap()
}

fn uds(args: &[&str]) -> Daemon {
    daemon(&[&["--backend", "uds", "--path", "{dir}/console"], args].concat())
}

/// A guest that knows nothing of several ports.
fn guest(daemon: &Daemon) -> Guest {
    Guest::builder(daemon.path())
        .timeout(TIMEOUT)
        .memory_size(16 << 20)
        .boot()
        .unwrap()
}

fn multiport(daemon: &Daemon) -> Guest {
    Guest::builder(daemon.path())
        .timeout(TIMEOUT)
        .memory_size(16 << 20)
        .features(spec::VIRTIO_CONSOLE_F_MULTIPORT)
        .boot()
        .unwrap()
}

fn client(daemon: &Daemon, name: &str) -> UnixStream {
    let stream = UnixStream::connect(daemon.dir().join(name)).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(TIMEOUT)).unwrap();
    stream
}

/// More than closing it: while another test starts a daemon, that child holds all descriptors for a
/// moment, and the client would still be there.
fn leave(client: UnixStream) {
    client.shutdown(std::net::Shutdown::Both).unwrap();
}

fn read(mut from: impl Read, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    from.read_exact(&mut bytes).unwrap();
    bytes
}

/// Looks again and again; a daemon has no other way to tell.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + TIMEOUT;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {TIMEOUT:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn control(id: u32, event: u16, value: u16) -> Vec<u8> {
    let mut message = id.to_le_bytes().to_vec();
    message.extend(event.to_le_bytes());
    message.extend(value.to_le_bytes());
    message
}

fn say(guest: &mut Guest, id: u32, event: u16, value: u16) {
    let message = control(id, event, value);
    let reply = guest.queue(spec::CONTROL_TX).request(&[&message], &[]);
    assert_eq!(reply.unwrap().written(), 0);
}

/// The next control message of the device.
fn hear(guest: &mut Guest) -> Vec<u8> {
    let queue = guest.queue(spec::CONTROL_RX);
    if queue.pending() == 0 {
        queue.post(&[], &[256]).unwrap();
        queue.kick().unwrap();
    }
    queue.wait(TIMEOUT).unwrap().data()
}

/// Brings a port up as a driver does, and swallows what the device says meanwhile.
fn open_port(guest: &mut Guest, id: u32, messages: usize) {
    say(guest, id, spec::PORT_READY, 1);
    for _ in 0..messages {
        hear(guest);
    }
    say(guest, id, spec::PORT_OPEN, 1);
}

fn receive(guest: &mut Guest, queue: u16, count: usize) -> Vec<u8> {
    let mut got = Vec::new();
    while got.len() < count {
        got.extend(guest.queue(queue).request(&[], &[4096]).unwrap().data());
    }
    got
}

fn pattern(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(|at| (at % 251) as u8).collect()
}

#[test]
fn output_in_several_descriptors_reaches_the_client_in_order() {
    let daemon = uds(&[]);
    let client = client(&daemon, "console");
    let mut guest = guest(&daemon);

    guest.queue(TX).request(&[b"one ", b"two "], &[]).unwrap();
    guest.queue(TX).request_indirect(&[b"three"], &[]).unwrap();

    assert_eq!(read(&client, 13), b"one two three");
}

#[test]
fn six_bytes_typed_are_six_bytes_in_one_used_buffer() {
    let daemon = uds(&[]);
    let mut client = client(&daemon, "console");
    let mut guest = guest(&daemon);
    guest.queue(RX).post(&[], &[64]).unwrap();
    guest.queue(RX).post(&[], &[64]).unwrap();
    guest.queue(RX).kick().unwrap();
    guest.frontend().sync().unwrap();

    client.write_all(b"sixsix").unwrap();
    let reply = guest.queue(RX).wait(TIMEOUT).unwrap();

    assert_eq!(reply.data(), b"sixsix");
    assert_eq!(guest.queue(RX).poll_used().unwrap(), None);
    assert_eq!(guest.queue(RX).pending(), 1);
}

#[test]
fn output_before_a_client_attaches_is_kept_in_order() {
    let daemon = uds(&[]);
    let mut guest = guest(&daemon);
    for number in 0..100 {
        let line = format!("line {number:03}\n");
        guest.queue(TX).request(&[line.as_bytes()], &[]).unwrap();
    }

    let got = read(client(&daemon, "console"), 900);

    let expected: String = (0..100).map(|n| format!("line {n:03}\n")).collect();
    assert_eq!(String::from_utf8(got).unwrap(), expected);
}

#[test]
fn with_nobody_attached_the_last_of_the_output_is_kept_and_memory_does_not_grow() {
    let daemon = uds(&["--scrollback", "4"]);
    let mut guest = guest(&daemon);
    let before = daemon.process().unwrap().resident().unwrap().anonymous;
    let chunk = pattern(0, 64 * 1024);
    for _ in 0..320 {
        guest.queue(TX).request(&[&chunk], &[]).unwrap();
    }
    guest.queue(TX).request(&[b"the end"], &[]).unwrap();

    let got = read(client(&daemon, "console"), 4096);
    let after = daemon.process().unwrap().resident().unwrap().anonymous;

    assert_eq!(&got[4089..], b"the end");
    assert_eq!(got[..4089], chunk[chunk.len() - 4089..]);
    assert!(after < before + (2 << 20), "{before} -> {after}");
}

#[test]
fn a_client_that_reads_nothing_holds_up_its_port_alone_and_loses_nothing() {
    let daemon = uds(&["--ports", "2"]);
    let stalled = client(&daemon, "console0");
    let other = client(&daemon, "console1");
    let mut guest = multiport(&daemon);
    let chunk = 64 * 1024;
    let chunks = 48;
    for number in 0..chunks {
        let bytes = pattern(number * chunk, chunk);
        guest.queue(TX).post(&[&bytes], &[]).unwrap();
    }
    guest.queue(TX).kick().unwrap();

    guest.queue(5).request(&[b"still alive"], &[]).unwrap();
    let alive = read(&other, 11);
    let left = guest.queue(TX).pending();
    let reader = std::thread::spawn(move || read(&stalled, chunk * chunks));
    for _ in 0..chunks {
        guest.queue(TX).wait(TIMEOUT).unwrap();
    }
    let got = reader.join().unwrap();

    assert_eq!(alive, b"still alive");
    assert!(left > 0, "a socket does not hold {} bytes", chunk * chunks);
    assert!(
        got == pattern(0, chunk * chunks),
        "bytes were lost or moved"
    );
}

#[test]
fn a_queue_that_is_stopped_in_the_middle_of_a_buffer_goes_on_where_it_was() {
    let daemon = uds(&[]);
    let client = client(&daemon, "console");
    let mut guest = guest(&daemon);
    let bytes = pattern(0, 3 << 20);
    guest.queue(TX).post(&[&bytes], &[]).unwrap();
    guest.queue(TX).kick().unwrap();
    let first = read(&client, 1000);

    let base = guest.stop_queue(TX).unwrap();
    guest.start_queue(TX, base).unwrap();
    let reader = std::thread::spawn(move || read(&client, (3 << 20) - 1000));
    guest.queue(TX).wait(TIMEOUT).unwrap();
    let rest = reader.join().unwrap();

    assert_eq!(base, 0, "the buffer was not done");
    assert!(
        [first, rest].concat() == bytes,
        "bytes were lost or doubled"
    );
}

#[test]
fn input_waits_for_a_guest_without_buffers_and_comes_in_order() {
    let daemon = uds(&[]);
    let mut client = client(&daemon, "console");
    let mut guest = guest(&daemon);
    let bytes = pattern(0, 1 << 20);
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || {
        client.write_all(&sent).unwrap();
        client
    });

    let got = receive(&mut guest, RX, bytes.len());
    writer.join().unwrap();

    assert!(got == bytes, "bytes were lost or moved");
}

#[test]
fn a_second_client_waits_for_the_first_to_leave() {
    let daemon = uds(&[]);
    let first = client(&daemon, "console");
    let second = client(&daemon, "console");
    let mut guest = guest(&daemon);
    guest.queue(TX).request(&[b"to the first"], &[]).unwrap();
    assert_eq!(read(&first, 12), b"to the first");

    leave(first);
    // Whether the daemon has seen that yet, or keeps it for the next one.
    guest.queue(TX).request(&[b"to the second"], &[]).unwrap();

    assert_eq!(read(&second, 13), b"to the second");
}

#[test]
fn a_client_that_only_writes_and_leaves_is_heard() {
    let daemon = uds(&[]);
    let mut guest = guest(&daemon);
    client(&daemon, "console").write_all(b"bye").unwrap();

    let got = receive(&mut guest, RX, 3);

    assert_eq!(got, b"bye");
}

#[test]
fn what_clients_sent_before_they_left_comes_before_what_the_next_one_sends() {
    let daemon = uds(&[]);
    let mut guest = guest(&daemon);
    for (number, text) in ["one ", "two ", "three "].iter().enumerate() {
        let mut stream = client(&daemon, "console");
        stream.write_all(text.as_bytes()).unwrap();
        // It was let in, though the guest has taken nothing yet.
        let greeting = format!("hello {number}");
        guest
            .queue(TX)
            .request(&[greeting.as_bytes()], &[])
            .unwrap();
        assert_eq!(read(&stream, 7), greeting.as_bytes());
        leave(stream);
    }
    let mut last = client(&daemon, "console");
    last.write_all(b"four").unwrap();
    guest.queue(TX).request(&[b"hello 3"], &[]).unwrap();
    let greeted = read(&last, 7);

    let got = receive(&mut guest, RX, 18);
    guest.queue(TX).request(&[b"answer"], &[]).unwrap();
    let answer = read(&last, 6);
    last.write_all(b"five").unwrap();
    let more = receive(&mut guest, RX, 4);

    assert_eq!(greeted, b"hello 3");
    assert_eq!(got, b"one two three four");
    assert_eq!(answer, b"answer");
    assert_eq!(more, b"five");
}

#[test]
fn more_clients_than_may_wait_leave_input_and_none_is_lost() {
    let daemon = uds(&[]);
    let mut guest = guest(&daemon);
    let files = daemon.process().unwrap().fds().unwrap();
    for number in 0..40 {
        let mut stream = client(&daemon, "console");
        stream
            .write_all(format!("{number:02} ").as_bytes())
            .unwrap();
    }
    let mut most = 0;
    guest.queue(TX).request(&[b"to nobody"], &[]).unwrap();
    for _ in 0..50 {
        guest.frontend().sync().unwrap();
        most = most.max(daemon.process().unwrap().fds().unwrap());
    }

    let got = receive(&mut guest, RX, 120);

    let expected: String = (0..40).map(|number| format!("{number:02} ")).collect();
    assert_eq!(String::from_utf8(got).unwrap(), expected);
    assert!(most <= files + 20, "{files} -> {most}");
}

#[test]
fn a_client_that_comes_while_there_are_no_descriptors_is_let_in_when_there_are() {
    let daemon = uds(&[]);
    let mut guest = guest(&daemon);
    let pid = Pid::from_raw(daemon.pid() as i32);
    let limit = |current| {
        let maximum = Some(4096);
        prlimit(pid, Resource::Nofile, Rlimit { current, maximum }).unwrap();
    };
    // The standard ones are open, so there is none left to be had.
    limit(Some(3));
    let client = client(&daemon, "console");
    until("a line that says so", || {
        daemon.stderr().contains("cannot let anybody in")
    });
    let process = daemon.process().unwrap();
    let before = process.cpu_time().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let spent = process.cpu_time().unwrap() - before;
    let lines = daemon.stderr().matches("cannot let anybody in").count();

    limit(Some(1024));
    guest.queue(TX).request(&[b"at last"], &[]).unwrap();

    assert_eq!(read(&client, 7), b"at last");
    assert!(spent < Duration::from_millis(250), "{spent:?}");
    assert_eq!(lines, 1);
}

#[test]
fn a_client_that_only_sends_keeps_its_place() {
    let daemon = uds(&[]);
    let mut guest = guest(&daemon);
    let mut sender = client(&daemon, "console");
    sender.shutdown(std::net::Shutdown::Read).unwrap();
    sender.write_all(b"early ").unwrap();
    guest.queue(TX).request(&[b"unread"], &[]).unwrap();
    let mut next = client(&daemon, "console");
    next.write_all(b"next").unwrap();
    let early = receive(&mut guest, RX, 6);
    sender.write_all(b"late ").unwrap();
    let late = receive(&mut guest, RX, 5);

    leave(sender);
    let got = receive(&mut guest, RX, 4);

    assert_eq!(early, b"early ");
    assert_eq!(late, b"late ");
    assert_eq!(got, b"next");
    assert_eq!(read(&next, 6), b"unread");
}

#[test]
fn a_client_that_shut_its_sending_side_still_reads() {
    let daemon = uds(&[]);
    let mut stream = client(&daemon, "console");
    let mut guest = guest(&daemon);
    stream.write_all(b"ls\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(receive(&mut guest, RX, 3), b"ls\n");
    guest.queue(RX).post(&[], &[16]).unwrap();
    guest.queue(RX).kick().unwrap();

    guest.queue(TX).request(&[b"answer"], &[]).unwrap();

    assert_eq!(read(&stream, 6), b"answer");
}

#[test]
fn the_network_backend_listens_on_localhost_at_the_port_given() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let daemon = daemon(&["-b", "network", "-p", &port.to_string()]);
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut guest = guest(&daemon);

    stream.write_all(b"in").unwrap();
    let got = receive(&mut guest, RX, 2);
    guest.queue(TX).request(&[b"out"], &[]).unwrap();

    assert_eq!(got, b"in");
    assert_eq!(read(&stream, 3), b"out");
}

#[test]
fn the_network_backend_listens_on_the_address_given_and_on_localhost_alone_without() {
    let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
    let number = reserved.local_addr().unwrap().port();
    drop(reserved);
    let port = number.to_string();
    let network = ["-b", "network", "-p", &port];

    let _plain = daemon(&network);
    let elsewhere = TcpStream::connect(("127.0.0.2", number));
    let told = daemon(&[&network[..], &["--tcp-address", "127.0.0.2"]].concat());
    let stream = TcpStream::connect(("127.0.0.2", number)).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut guest = guest(&told);
    guest.queue(TX).request(&[b"out"], &[]).unwrap();

    assert_eq!(
        elsewhere.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    assert_eq!(read(&stream, 3), b"out");
}

#[test]
fn a_socket_of_somebody_else_is_connected_to_again_and_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("theirs");
    let listener = UnixListener::bind(&path).unwrap();
    let daemon = daemon(&[
        "-b",
        "uds",
        "--uds-connect",
        "--path",
        path.to_str().unwrap(),
    ]);
    let mut guest = guest(&daemon);
    let (first, _) = listener.accept().unwrap();
    guest.queue(TX).request(&[b"first"], &[]).unwrap();
    assert_eq!(read(&first, 5), b"first");

    leave(first);
    let (second, _) = listener.accept().unwrap();
    guest.queue(TX).request(&[b"second"], &[]).unwrap();

    assert_eq!(read(&second, 6), b"second");
}

/// A listener with room for one who waits, and that one.
fn crowded(path: &std::path::Path) -> (UnixListener, UnixStream) {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    bind(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    listen(&socket, 0).unwrap();
    (socket.into(), UnixStream::connect(path).unwrap())
}

#[test]
fn a_socket_whose_owner_accepts_nobody_holds_nothing_up_and_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("theirs");
    let (listener, _waiting) = crowded(&path);
    let daemon = daemon(&[
        "-b",
        "uds",
        "--uds-connect",
        "--path",
        path.to_str().unwrap(),
    ]);
    let mut guest = guest(&daemon);

    guest.queue(TX).request(&[b"early"], &[]).unwrap();
    until("a line that says why", || {
        daemon.stderr().contains("theirs yet: ")
    });
    listener.accept().unwrap();
    let (accepted, _) = listener.accept().unwrap();

    assert_eq!(read(&accepted, 5), b"early");
}

#[test]
fn a_path_that_no_socket_can_have_is_refused_at_the_start() {
    let long = format!("/{}", "x".repeat(200));
    let mut daemon = Daemon::builder(EXE)
        .args(["-b", "uds", "--uds-connect", "--path", &long])
        .without_waiting()
        .spawn()
        .unwrap();

    let status = daemon.wait_exit(TIMEOUT).unwrap();

    let message = daemon.stderr();
    assert_eq!(status.code(), Some(1), "{message}");
    assert!(message.contains("cannot connect to /xxx"), "{message}");
    assert!(message.contains("choose another --path"), "{message}");
}

#[test]
fn a_socket_whose_owner_accepts_nobody_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("theirs");
    let (_listener, _waiting) = crowded(&path);
    let mut daemon = Daemon::builder(EXE)
        .args(["-b", "uds", "--path", path.to_str().unwrap()])
        .without_waiting()
        .spawn()
        .unwrap();

    let status = daemon.wait_exit(TIMEOUT).unwrap();

    let message = daemon.stderr();
    assert_eq!(status.code(), Some(1), "{message}");
    assert!(message.contains("choose another --path"), "{message}");
}

#[test]
fn a_limit_of_the_size_of_files_is_a_full_disk_and_not_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let daemon = daemon(&["-b", "file", "--path", path.to_str().unwrap()]);
    let mut guest = guest(&daemon);
    let pid = Pid::from_raw(daemon.pid() as i32);
    let former = getrlimit(Resource::Fsize);
    let limit = Rlimit {
        current: Some(6),
        ..former
    };
    prlimit(pid, Resource::Fsize, limit).unwrap();

    for _ in 0..3 {
        guest.queue(TX).request(&[b"1234"], &[]).unwrap();
    }

    assert_eq!(fs::read_to_string(&path).unwrap(), "123412");
    until("a line that says so", || {
        daemon.stderr().contains("output is lost")
    });
    // Where coverage is measured, a daemon leaves a file when it ends.
    prlimit(pid, Resource::Fsize, former).unwrap();
}

#[test]
fn a_file_gets_the_output_behind_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    fs::write(&path, "before\n").unwrap();
    let daemon = daemon(&["-b", "file", "--path", path.to_str().unwrap()]);
    let mut guest = guest(&daemon);

    guest.queue(TX).request(&[b"after\n"], &[]).unwrap();

    assert_eq!(fs::read_to_string(&path).unwrap(), "before\nafter\n");
}

#[test]
fn a_file_at_its_cap_takes_no_more_and_the_guest_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let args = [
        "-b",
        "file",
        "--size-cap",
        "10",
        "--path",
        path.to_str().unwrap(),
    ];
    let daemon = daemon(&args);
    let mut guest = guest(&daemon);

    for _ in 0..5 {
        guest.queue(TX).request(&[b"1234"], &[]).unwrap();
    }

    assert_eq!(fs::read_to_string(&path).unwrap(), "1234123412");
}

#[test]
fn a_log_at_its_cap_begins_anew_and_keeps_the_one_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let args = [
        "-b",
        "log",
        "--size-cap",
        "10",
        "--path",
        path.to_str().unwrap(),
    ];
    let daemon = daemon(&args);
    let mut guest = guest(&daemon);

    guest
        .queue(TX)
        .request(&[b"0123456789abcdef"], &[])
        .unwrap();

    let old = PathBuf::from(format!("{}.1", path.display()));
    assert_eq!(fs::read_to_string(old).unwrap(), "0123456789");
    assert_eq!(fs::read_to_string(&path).unwrap(), "abcdef");
}

#[test]
fn a_pty_passes_bytes_both_ways_and_is_linked_to() {
    let daemon = daemon(&["-b", "pty", "--pty-link", "{dir}/tty"]);
    let link = daemon.dir().join("tty");
    let mut guest = guest(&daemon);
    guest.queue(TX).request(&[b"before "], &[]).unwrap();
    let mut tty = fs::File::options()
        .read(true)
        .write(true)
        .open(&link)
        .unwrap();

    guest.queue(TX).request(&[b"after"], &[]).unwrap();
    tty.write_all(b"\x03typed").unwrap();
    let got = receive(&mut guest, RX, 6);

    assert_eq!(read(&tty, 12), b"before after");
    assert_eq!(got, b"\x03typed", "Ctrl-C is for the guest");
}

#[test]
fn the_paths_of_ptys_are_printed_and_their_links_removed_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("tty");
    let mut child = process::command(EXE)
        .args(["--log-level", "off", "-b", "pty", "--ports", "2", "-s"])
        .arg(directory.path().join("s"))
        .arg("--pty-link")
        .arg(&link)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut printed = || lines.next().unwrap().unwrap();

    for port in 0..2 {
        let line = printed();
        let target = fs::read_link(format!("{}{port}", link.display())).unwrap();
        assert_eq!(line, format!("guest 0 port {port}: {}", target.display()));
    }
    // It handles signals before it opens anything.
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    process::wait(&mut child, TIMEOUT).unwrap();

    let left: Vec<_> = fs::read_dir(directory.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_pty_that_nobody_reads_holds_up_its_port_alone_and_loses_nothing() {
    let daemon = uds(&["--ports", "2", "--port", "0,backend=pty,path={dir}/tty"]);
    let mut guest = multiport(&daemon);
    say(&mut guest, 0, spec::DEVICE_READY, 1);
    hear(&mut guest);
    hear(&mut guest);
    say(&mut guest, 0, spec::PORT_READY, 1);
    hear(&mut guest);
    let tty = fs::File::open(daemon.dir().join("tty")).unwrap();
    assert_eq!(hear(&mut guest), control(0, spec::PORT_OPEN, 1));
    let other = client(&daemon, "console1");
    let bytes = pattern(0, 1 << 20);
    guest.queue(TX).post(&[&bytes], &[]).unwrap();
    guest.queue(TX).kick().unwrap();

    guest.queue(5).request(&[b"still alive"], &[]).unwrap();
    let alive = read(&other, 11);
    let early = guest.queue(TX).poll_used().unwrap();
    let reader = std::thread::spawn(move || read(&tty, 1 << 20));
    guest.queue(TX).wait(TIMEOUT).unwrap();
    let got = reader.join().unwrap();

    assert_eq!(alive, b"still alive");
    assert_eq!(early, None, "a terminal does not hold a megabyte");
    assert!(got == bytes, "bytes were lost or moved");
}

#[test]
fn a_pty_that_was_closed_keeps_output_for_the_next_one() {
    let daemon = daemon(&["-b", "pty", "--pty-link", "{dir}/tty"]);
    let link = daemon.dir().join("tty");
    let open = || {
        fs::File::options()
            .read(true)
            .write(true)
            .open(&link)
            .unwrap()
    };
    let mut guest = multiport(&daemon);
    say(&mut guest, 0, spec::DEVICE_READY, 1);
    hear(&mut guest);
    say(&mut guest, 0, spec::PORT_READY, 1);
    assert_eq!(hear(&mut guest), control(0, spec::CONSOLE_PORT, 1));
    let tty = open();
    assert_eq!(hear(&mut guest), control(0, spec::PORT_OPEN, 1));
    drop(tty);
    assert_eq!(hear(&mut guest), control(0, spec::PORT_OPEN, 0));

    guest.queue(TX).request(&[b"missed"], &[]).unwrap();

    assert_eq!(read(open(), 6), b"missed");
}

#[test]
fn the_size_of_a_pty_reaches_the_guest_when_it_changes() {
    let daemon = daemon(&["-b", "pty", "--pty-link", "{dir}/tty"]);
    let tty = fs::File::open(daemon.dir().join("tty")).unwrap();
    let mut guest = multiport(&daemon);
    say(&mut guest, 0, spec::DEVICE_READY, 1);
    hear(&mut guest);
    open_port(&mut guest, 0, 2);

    let size = rustix::termios::Winsize {
        ws_col: 132,
        ws_row: 43,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(&tty, size).unwrap();
    let message = hear(&mut guest);

    let mut expected = control(0, spec::RESIZE, 0);
    expected.extend([132, 0, 43, 0]);
    assert_eq!(message, expected);
    assert_eq!(guest.get_config(0, 4).unwrap(), [132, 0, 43, 0]);
}

#[test]
fn ports_are_announced_named_and_opened_in_order() {
    let daemon = uds(&["--ports", "2", "--port", "1,name=org.test.agent"]);
    let mut guest = multiport(&daemon);
    assert_eq!(guest.queues(), 6);
    assert_eq!(guest.get_config(4, 4).unwrap(), [2, 0, 0, 0]);

    say(&mut guest, 0, spec::DEVICE_READY, 1);
    assert_eq!(hear(&mut guest), control(0, spec::PORT_ADD, 1));
    assert_eq!(hear(&mut guest), control(1, spec::PORT_ADD, 1));
    say(&mut guest, 0, spec::PORT_READY, 1);
    assert_eq!(hear(&mut guest), control(0, spec::CONSOLE_PORT, 1));
    say(&mut guest, 1, spec::PORT_READY, 1);
    let mut name = control(1, spec::PORT_NAME, 1);
    name.extend(b"org.test.agent");
    assert_eq!(hear(&mut guest), name);
    let stream = client(&daemon, "console1");
    assert_eq!(hear(&mut guest), control(1, spec::PORT_OPEN, 1));
    leave(stream);
    assert_eq!(hear(&mut guest), control(1, spec::PORT_OPEN, 0));
}

#[test]
fn input_waits_until_the_guest_opens_the_port() {
    let daemon = uds(&["--ports", "2"]);
    let mut stream = client(&daemon, "console1");
    stream.write_all(b"early").unwrap();
    let mut guest = multiport(&daemon);
    let token = guest.queue(4).post(&[], &[64]).unwrap();
    guest.queue(4).kick().unwrap();
    say(&mut guest, 0, spec::DEVICE_READY, 1);
    hear(&mut guest);
    hear(&mut guest);
    say(&mut guest, 1, spec::PORT_READY, 1);
    assert_eq!(hear(&mut guest), control(1, spec::PORT_OPEN, 1));
    let early = guest.queue(4).poll_used().unwrap();

    say(&mut guest, 1, spec::PORT_OPEN, 1);
    let reply = guest.queue(4).wait_for(token).unwrap();

    assert_eq!(early, None);
    assert_eq!(reply.data(), b"early");
}

#[test]
fn input_for_a_port_that_the_guest_closed_waits_until_it_opens_it_again() {
    let daemon = uds(&["--ports", "2"]);
    let mut stream = client(&daemon, "console1");
    let mut guest = multiport(&daemon);
    say(&mut guest, 0, spec::DEVICE_READY, 1);
    hear(&mut guest);
    hear(&mut guest);
    open_port(&mut guest, 1, 1);
    stream.write_all(b"before").unwrap();
    let before = receive(&mut guest, 4, 6);
    say(&mut guest, 1, spec::PORT_OPEN, 0);

    stream.write_all(b"meanwhile").unwrap();
    let token = guest.queue(4).post(&[], &[64]).unwrap();
    guest.queue(4).kick().unwrap();
    // When the second of these is answered, the worker was done with all that was there before the
    // first: the input, and the buffer for it.
    for _ in 0..2 {
        guest.queue(5).request(&[b"."], &[]).unwrap();
    }
    let early = guest.queue(4).poll_used().unwrap();
    say(&mut guest, 1, spec::PORT_OPEN, 1);
    let reply = guest.queue(4).wait_for(token).unwrap();

    assert_eq!(before, b"before");
    assert_eq!(early, None);
    assert_eq!(reply.data(), b"meanwhile");
}

#[test]
fn input_waits_until_the_guest_was_told_of_its_sender() {
    let daemon = uds(&["--ports", "2"]);
    let mut guest = multiport(&daemon);
    say(&mut guest, 0, spec::DEVICE_READY, 1);
    hear(&mut guest);
    hear(&mut guest);
    open_port(&mut guest, 1, 0);
    let token = guest.queue(4).post(&[], &[64]).unwrap();
    guest.queue(4).kick().unwrap();
    client(&daemon, "console1").write_all(b"hello").unwrap();
    // A reader in the guest would take what is there for all that will be.
    let early = guest.queue(4).wait(Duration::from_millis(200));

    let told = hear(&mut guest);
    let reply = guest.queue(4).wait_for(token).unwrap();

    assert!(matches!(early, Err(Error::Timeout { .. })), "{early:?}");
    assert_eq!(told, control(1, spec::PORT_OPEN, 1));
    assert_eq!(reply.data(), b"hello");
}

#[test]
fn garbage_on_the_control_queue_is_warned_of_and_survived() {
    let daemon = uds(&["--ports", "2"]);
    let mut guest = multiport(&daemon);
    for message in [
        b"".to_vec(),
        b"short".to_vec(),
        control(7, spec::PORT_READY, 1),
        control(u32::MAX, spec::PORT_OPEN, 1),
        control(0, spec::PORT_READY, 1),
        control(0, 999, 9),
        vec![0xff; 4096],
    ] {
        guest
            .queue(spec::CONTROL_TX)
            .request(&[&message], &[])
            .unwrap();
    }

    say(&mut guest, 0, spec::DEVICE_READY, 1);

    assert_eq!(hear(&mut guest), control(0, spec::PORT_ADD, 1));
    until("a warning", || daemon.stderr().contains("port 7"));
}

#[test]
fn what_the_driver_could_not_set_up_is_told_nothing_until_it_could() {
    let daemon = uds(&[]);
    let mut guest = multiport(&daemon);
    guest.queue(spec::CONTROL_RX).post(&[], &[64]).unwrap();
    guest.queue(spec::CONTROL_RX).kick().unwrap();

    say(&mut guest, 0, spec::DEVICE_READY, 0);
    guest.frontend().sync().unwrap();
    let early = guest.queue(spec::CONTROL_RX).poll_used().unwrap();
    say(&mut guest, 0, spec::DEVICE_READY, 1);
    let added = hear(&mut guest);
    guest.queue(spec::CONTROL_RX).post(&[], &[64]).unwrap();
    guest.queue(spec::CONTROL_RX).kick().unwrap();
    say(&mut guest, 0, spec::PORT_READY, 0);
    guest.frontend().sync().unwrap();
    let failed = guest.queue(spec::CONTROL_RX).poll_used().unwrap();
    say(&mut guest, 0, spec::PORT_READY, 1);

    assert_eq!((early, failed), (None, None));
    assert_eq!(added, control(0, spec::PORT_ADD, 1));
    assert_eq!(hear(&mut guest), control(0, spec::CONSOLE_PORT, 1));
    until("a warning", || daemon.stderr().contains("could not set"));
}

#[test]
fn a_driver_without_room_for_messages_gets_the_state_as_it_is_when_it_has() {
    let daemon = uds(&[]);
    let mut guest = multiport(&daemon);
    say(&mut guest, 0, spec::DEVICE_READY, 1);
    hear(&mut guest);
    for _ in 0..1000 {
        say(&mut guest, 0, spec::PORT_READY, 1);
    }
    let small = guest.queue(spec::CONTROL_RX).request(&[], &[4]).unwrap();

    let first = hear(&mut guest);

    assert_eq!(small.written(), 0);
    assert_eq!(first, control(0, spec::CONSOLE_PORT, 1));
    guest.queue(spec::CONTROL_RX).post(&[], &[64]).unwrap();
    guest.queue(spec::CONTROL_RX).kick().unwrap();
    guest.frontend().sync().unwrap();
    assert_eq!(guest.queue(spec::CONTROL_RX).poll_used().unwrap(), None);
}

#[test]
fn an_emergency_character_reaches_the_client_without_a_queue() {
    let daemon = uds(&[]);
    let mut guest = Guest::builder(daemon.path()).queues(0).boot().unwrap();
    let stream = client(&daemon, "console");

    for &byte in b"panic!" {
        guest.set_config(8, &u32::from(byte).to_le_bytes()).unwrap();
    }
    guest.frontend().sync().unwrap();

    assert_eq!(read(&stream, 6), b"panic!");
}

#[test]
fn an_emergency_character_reaches_an_attached_client_where_nothing_is_kept() {
    let daemon = uds(&["--scrollback", "0"]);
    let mut guest = multiport(&daemon);
    say(&mut guest, 0, spec::DEVICE_READY, 1);
    hear(&mut guest);
    say(&mut guest, 0, spec::PORT_READY, 1);
    hear(&mut guest);
    let stream = client(&daemon, "console");
    assert_eq!(hear(&mut guest), control(0, spec::PORT_OPEN, 1));

    guest.set_config(8, &u32::from(b'!').to_le_bytes()).unwrap();

    assert_eq!(read(&stream, 1), b"!");
}

#[test]
fn a_config_read_beyond_the_space_gets_nothing_foreign() {
    let daemon = uds(&[]);
    let guest = guest(&daemon);

    assert!(guest.get_config(0, 200).is_err());
    assert_eq!(guest.get_config(0, 12).unwrap().len(), 12);
}

#[test]
fn without_multiport_there_are_two_queues() {
    let daemon = uds(&["--no-multiport"]);
    let mut guest = multiport(&daemon);
    let stream = client(&daemon, "console");

    guest.queue(TX).request(&[b"plain"], &[]).unwrap();

    assert_eq!(guest.queues(), 2);
    assert_eq!(guest.features() & spec::VIRTIO_CONSOLE_F_MULTIPORT, 0);
    assert_eq!(read(&stream, 5), b"plain");
}

#[test]
fn two_guests_have_consoles_of_their_own() {
    let daemon = Daemon::builder(EXE)
        .sockets(2)
        .args(["-c", "2", "-b", "uds", "--path", "{dir}/console"])
        .spawn()
        .unwrap();
    for index in 0..2 {
        let mut guest = Guest::builder(daemon.socket(index))
            .timeout(TIMEOUT)
            .boot()
            .unwrap();
        let text = format!("guest {index}");
        guest.queue(TX).request(&[text.as_bytes()], &[]).unwrap();

        let stream = client(&daemon, &format!("console{index}"));

        assert_eq!(read(&stream, 7), text.as_bytes());
    }
}

#[test]
fn a_ring_of_1024_is_taken_where_the_operator_allows_it() {
    let daemon = uds(&["-q", "1024"]);
    let stream = client(&daemon, "console");
    let mut guest = Guest::builder(daemon.path())
        .timeout(TIMEOUT)
        .memory_size(16 << 20)
        .queue_size(1024)
        .boot()
        .unwrap();

    for _ in 0..1024 {
        guest.queue(TX).post(&[b"x"], &[]).unwrap();
    }
    guest.queue(TX).kick().unwrap();

    assert_eq!(read(&stream, 1024), vec![b'x'; 1024]);
}

#[test]
fn the_last_port_of_127_passes_bytes() {
    let daemon = uds(&["--ports", "127"]);
    let mut guest = Guest::builder(daemon.path())
        .timeout(TIMEOUT)
        .memory_size(16 << 20)
        .features(spec::VIRTIO_CONSOLE_F_MULTIPORT)
        .boot()
        .unwrap();
    let stream = client(&daemon, "console126");

    guest.queue(255).request(&[b"far away"], &[]).unwrap();

    assert_eq!(guest.queues(), 256);
    assert_eq!(read(&stream, 8), b"far away");
}

#[test]
fn a_guest_that_moves_takes_its_port_states_and_unread_output_along() {
    let (old, new) = (uds(&["--ports", "2"]), uds(&["--ports", "2"]));
    let mut guest = multiport(&old);
    say(&mut guest, 0, spec::DEVICE_READY, 1);
    hear(&mut guest);
    hear(&mut guest);
    say(&mut guest, 1, spec::PORT_READY, 1);
    say(&mut guest, 1, spec::PORT_OPEN, 1);
    guest.queue(5).request(&[b"unread"], &[]).unwrap();

    let mut guest = guest.migrate(new.path()).unwrap();
    let mut stream = client(&new, "console1");
    stream.write_all(b"hello").unwrap();

    assert_eq!(read(&stream, 6), b"unread");
    assert_eq!(hear(&mut guest), control(1, spec::PORT_OPEN, 1));
    assert_eq!(receive(&mut guest, 4, 5), b"hello");
}

#[test]
fn a_daemon_that_is_started_twice_leaves_the_link_of_the_first_alone() {
    let daemon = daemon(&["-b", "pty", "--pty-link", "{dir}/tty"]);
    let link = daemon.dir().join("tty");
    let target = fs::read_link(&link).unwrap();
    let mut second = Daemon::builder(EXE)
        .args(["-b", "pty", "--pty-link", link.to_str().unwrap(), "-s"])
        .args([daemon.dir().join("s.sock").to_str().unwrap()])
        .own_sockets()
        .without_waiting()
        .spawn()
        .unwrap();

    let status = second.wait_exit(TIMEOUT).unwrap();

    let message = second.stderr();
    assert_eq!(status.code(), Some(1), "{message}");
    assert!(
        message.contains("another daemon listens there"),
        "{message}"
    );
    assert_eq!(fs::read_link(&link).unwrap(), target);
}

#[test]
fn a_socket_left_behind_is_replaced_and_removed_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("console");
    drop(UnixListener::bind(&path).unwrap());
    let mut daemon = daemon(&["-b", "uds", "--path", path.to_str().unwrap()]);
    until("a client is let in", || UnixStream::connect(&path).is_ok());

    let status = daemon.terminate(TIMEOUT).unwrap();

    assert!(status.success());
    assert!(!path.exists());
}

#[test]
fn wrong_flags_are_refused_in_one_line_that_names_the_mend() {
    for (args, mend) in [
        (&["-c", "2"][..], "--port INDEX,backend"),
        (&["-b", "uds"], "--path"),
        (&["--ports", "200", "-b", "pty"], "a second daemon"),
        (&["--port", "127,name=x", "-b", "pty"], "0 to 126"),
        (&["-q", "100"], "power of two"),
        (&["--port", "3,name=x"], "--ports"),
        (&["-b", "network", "-p", "65535", "-c", "2"], "--tcp-port"),
    ] {
        let mut daemon = Daemon::builder(EXE)
            .args(args)
            .without_waiting()
            .spawn()
            .unwrap();

        let status = daemon.wait_exit(TIMEOUT).unwrap();

        assert_eq!(status.code(), Some(2), "{args:?}: {}", daemon.stderr());
        assert!(
            daemon.stderr().contains(mend),
            "{args:?}: {}",
            daemon.stderr()
        );
    }
}
