// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The daemon over its sockets: the guest's, and the host's.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use virtio_guest::vsock::{
    self, Connection, HOST, Header, NO_RECEIVE, NO_SEND, SEQPACKET, STREAM, Vsock, op,
};
use virtio_guest::{Daemon, Guest, process};

const EXE: &str = env!("CARGO_BIN_EXE_vhost-device-vsock");
const TIMEOUT: Duration = Duration::from_secs(20);

/// Some port.
const PORT: u32 = 1234;

fn daemon(args: &[&str]) -> Daemon {
    Daemon::spawn(EXE, &[&["--uds-path", "{dir}/v"], args].concat()).unwrap()
}

fn path(daemon: &Daemon, suffix: &str) -> PathBuf {
    daemon.dir().join(format!("v{suffix}"))
}

fn driver(daemon: &Daemon) -> Vsock {
    Vsock::connect(daemon.path(), TIMEOUT).unwrap()
}

fn listen(daemon: &Daemon, port: u32) -> UnixListener {
    UnixListener::bind(path(daemon, &format!("_{port}"))).unwrap()
}

fn patient(stream: UnixStream) -> UnixStream {
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(TIMEOUT)).unwrap();
    stream
}

fn program(daemon: &Daemon) -> UnixStream {
    patient(UnixStream::connect(path(daemon, "")).unwrap())
}

/// How many bytes come next; none at the end.
fn next_len(stream: &mut UnixStream) -> usize {
    loop {
        match stream.read(&mut [0; 8]) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => return other.unwrap(),
        }
    }
}

/// A connection that the guest opened, and the program's end.
fn guest_opens(daemon: &Daemon, driver: &mut Vsock) -> (Connection, UnixStream) {
    let listener = listen(daemon, PORT);
    let connection = driver.open(HOST, PORT, 50, STREAM).unwrap();
    let (stream, _) = listener.accept().unwrap();
    (connection, patient(stream))
}

/// A connection that a program opened, and its end.
fn host_opens(daemon: &Daemon, driver: &mut Vsock) -> (Connection, UnixStream) {
    let mut stream = program(daemon);
    stream.write_all(b"CONNECT 1234\n").unwrap();
    let connection = driver.accept().unwrap();
    assert_eq!(line(&mut stream), format!("OK {}", connection.peer_port));
    (connection, stream)
}

/// One line, and not a byte more.
fn line(stream: &mut UnixStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while byte != *b"\n" {
        line.extend(byte);
        stream.read_exact(&mut byte).unwrap();
    }
    line.remove(0);
    String::from_utf8(line).unwrap()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len as u32)
        .map(|at| (at.wrapping_mul(2654435761) >> 24) as u8)
        .collect()
}

#[test]
fn the_configuration_space_is_the_guests_cid() {
    let daemon = daemon(&["--guest-cid", "77"]);

    assert_eq!(driver(&daemon).cid(), 77);
}

#[test]
fn a_guest_that_connects_exchanges_bytes_with_a_program() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);

    driver.write(&mut connection, b"ping", 4096).unwrap();
    let mut got = [0; 4];
    stream.read_exact(&mut got).unwrap();
    stream.write_all(b"pong!").unwrap();
    let answer = driver.read(&mut connection, 5).unwrap();

    assert_eq!((&got, answer.as_slice()), (b"ping", b"pong!".as_slice()));
}

#[test]
fn a_program_that_connects_exchanges_bytes_with_the_guest() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = host_opens(&daemon, &mut driver);

    stream.write_all(b"hello").unwrap();
    let got = driver.read(&mut connection, 5).unwrap();
    driver.write(&mut connection, b"guest", 1).unwrap();
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).unwrap();

    assert_eq!((got.as_slice(), &answer), (b"hello".as_slice(), b"guest"));
    assert_eq!((connection.port, connection.peer_cid), (PORT, HOST));
}

#[test]
fn bytes_right_behind_connect_reach_the_guest() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let mut stream = program(&daemon);

    stream.write_all(b"CONNECT 1234\nright behind").unwrap();
    let mut connection = driver.accept().unwrap();
    let got = driver.read(&mut connection, 12).unwrap();

    assert_eq!(got, b"right behind");
}

#[test]
fn a_connect_line_in_pieces_is_one_line() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let mut stream = program(&daemon);

    for piece in ["CONN", "ECT", " 12", "34", "\n"] {
        stream.write_all(piece.as_bytes()).unwrap();
        driver.guest().frontend().sync().unwrap();
    }
    let connection = driver.accept().unwrap();

    assert_eq!(connection.port, PORT);
    assert_eq!(line(&mut stream), format!("OK {}", connection.peer_port));
}

#[test]
fn a_malformed_line_is_answered_and_closed() {
    let daemon = daemon(&[]);
    for words in ["GET / HTTP/1.0\r\n\r\n", "CONNECT x\n", "CONNECT 1 2\n"] {
        let mut stream = program(&daemon);

        stream.write_all(words.as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(&stream).read_line(&mut answer).unwrap();

        assert!(answer.starts_with("ERR"), "{words:?}: {answer:?}");
    }
}

#[test]
fn a_line_without_end_is_answered_and_closed() {
    let daemon = daemon(&[]);
    let mut stream = program(&daemon);

    stream.write_all(&[b' '; 8]).unwrap();
    let mut answer = Vec::new();
    // Closed with bytes unread, so the end may be a reset.
    let _ = stream.read_to_end(&mut answer);

    assert!(answer.starts_with(b"ERR"), "{answer:?}");
}

#[test]
fn a_program_that_never_says_its_port_is_closed() {
    let daemon = daemon(&["--connect-timeout", "3"]);
    let mut silent = program(&daemon);
    let mut half = program(&daemon);
    half.write_all(b"CONNECT 12").unwrap();

    let silent = next_len(&mut silent);
    // Closed with bytes unread, so the end may be a reset.
    let half = half.read(&mut [0; 8]).unwrap_or(0);

    assert_eq!((silent, half), (0, 0));
}

#[test]
fn a_program_whose_request_the_guest_does_not_answer_is_closed_and_the_guest_told() {
    let daemon = daemon(&["--connect-timeout", "3"]);
    let mut driver = driver(&daemon);
    let mut stream = program(&daemon);
    stream.write_all(b"CONNECT 1234\n").unwrap();
    let mut connection = driver.incoming().unwrap();

    let end = next_len(&mut stream);
    let told = driver.receive_of(&mut connection).unwrap();

    assert_eq!((end, told.header.op), (0, op::RST));
}

#[test]
fn a_program_that_gives_up_early_resets_the_request_and_harms_nobody() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let mut stream = program(&daemon);
    stream.write_all(b"CONNECT 1234\n").unwrap();
    let mut connection = driver.incoming().unwrap();

    drop(stream);
    let told = driver.receive_of(&mut connection).unwrap();
    // The guest's answer crosses with the reset, and belongs to nothing any more.
    driver.say(&connection, op::RESPONSE, 0).unwrap();
    let answer = driver.receive_of(&mut connection).unwrap();

    assert_eq!((told.header.op, answer.header.op), (op::RST, op::RST));
    host_opens(&daemon, &mut driver);
}

#[test]
fn a_program_that_the_guest_refuses_is_closed() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let mut stream = program(&daemon);
    stream.write_all(b"CONNECT 1234\n").unwrap();
    let connection = driver.incoming().unwrap();

    driver.say(&connection, op::RST, 0).unwrap();

    assert_eq!(next_len(&mut stream), 0);
}

#[test]
fn a_request_that_nobody_listens_for_is_reset() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);

    let (_, answer) = driver.request(HOST, 9, 50, STREAM).unwrap();

    let header = answer.header;
    assert_eq!(
        (
            header.op,
            header.src_cid,
            header.dst_cid,
            header.src_port,
            header.dst_port
        ),
        (op::RST, HOST, 3, 9, 50)
    );
}

#[test]
fn every_packet_that_belongs_to_nothing_is_reset_except_a_reset() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let unknown = Header {
        src_cid: 3,
        dst_cid: HOST,
        src_port: 60,
        dst_port: 61,
        kind: STREAM,
        ..Header::default()
    };

    driver
        .send(
            &Header {
                op: op::RST,
                ..unknown
            },
            &[],
        )
        .unwrap();
    let mut answers = Vec::new();
    for op in [0, 2, 4, 5, 6, 7, 8, 0xffff] {
        driver.send(&Header { op, ..unknown }, &[]).unwrap();
        answers.push(driver.receive().unwrap().header);
    }

    for answer in answers {
        assert_eq!((answer.op, answer.dst_port), (op::RST, 60));
    }
    assert_eq!(driver.poll().unwrap(), None);
}

#[test]
fn unknown_types_cids_and_lengths_are_reset() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let _listener = listen(&daemon, PORT);
    let request = Header {
        src_cid: 3,
        dst_cid: HOST,
        src_port: 60,
        dst_port: PORT,
        kind: STREAM,
        op: op::REQUEST,
        ..Header::default()
    };

    for bad in [
        Header { kind: 0, ..request },
        Header { kind: 3, ..request },
        Header {
            src_cid: 4,
            ..request
        },
        Header {
            src_cid: 2,
            ..request
        },
        Header {
            dst_cid: 0,
            ..request
        },
        Header {
            dst_cid: 1,
            ..request
        },
        Header {
            dst_cid: 3,
            ..request
        },
        Header {
            dst_cid: 9,
            ..request
        },
        Header {
            dst_cid: 2 | 1 << 32,
            ..request
        },
        Header { len: 1, ..request },
        Header {
            len: u32::MAX,
            ..request
        },
    ] {
        driver.send(&bad, &[]).unwrap();
        let answer = driver.receive().unwrap().header;

        assert_eq!((answer.op, answer.dst_port), (op::RST, 60), "{bad:?}");
    }
    driver.open(HOST, PORT, 60, STREAM).unwrap();
}

#[test]
fn a_packet_without_a_whole_header_is_dropped_and_the_device_goes_on() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);

    for len in [1, 43] {
        let reply = driver
            .guest()
            .queue(vsock::TX)
            .request(&[&vec![1; len]], &[]);
        assert_eq!(reply.unwrap().written(), 0);
    }

    guest_opens(&daemon, &mut driver);
}

#[test]
fn a_second_request_of_the_same_ports_resets_the_connection() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (connection, mut stream) = guest_opens(&daemon, &mut driver);

    let (_, answer) = driver.request(HOST, PORT, connection.port, STREAM).unwrap();

    assert_eq!(answer.header.op, op::RST);
    assert_eq!(next_len(&mut stream), 0);
}

#[test]
fn requests_that_are_reset_at_once_leave_nothing_to_those_behind_them() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let listener = listen(&daemon, PORT);
    let first = driver.open(HOST, PORT, 50, STREAM).unwrap();
    let mut streams = vec![patient(listener.accept().unwrap().0)];
    let cid = driver.cid();

    // All of it is there when the device looks; the connections have one number after the other.
    for (port, op) in [
        (50, op::RST),
        (60, op::REQUEST),
        (60, op::RST),
        (61, op::REQUEST),
        (61, op::RST),
    ] {
        let header = Header {
            src_port: port,
            ..first.header(cid, op)
        };
        driver.post(&header, &[]).unwrap();
    }
    let mut last = driver.open(HOST, PORT, 62, STREAM).unwrap();
    streams.extend((0..3).map(|_| patient(listener.accept().unwrap().0)));
    let mut stream = streams.pop().unwrap();
    stream.write_all(b"hello").unwrap();
    let heard = driver.read(&mut last, 5).unwrap();
    driver.write(&mut last, &pattern(400_000), 4096).unwrap();

    let mut got = vec![0; 400_000];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(heard, b"hello");
    assert!(got == pattern(400_000));
    for stream in &mut streams {
        assert_eq!(next_len(stream), 0);
    }
}

#[test]
fn what_a_guest_sends_before_it_has_its_answer_arrives_in_full() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let listener = listen(&daemon, PORT);
    let first = driver.open(HOST, PORT, 50, STREAM).unwrap();
    drop(listener.accept().unwrap());
    let cid = driver.cid();
    let header = |op, len| Header {
        src_port: 60,
        len,
        ..first.header(cid, op)
    };

    // It cannot know that there is room. All but as much as there is.
    driver.post(&header(op::REQUEST, 0), &[]).unwrap();
    for part in pattern(260_000).chunks(65_000) {
        driver.post(&header(op::RW, 65_000), part).unwrap();
    }
    driver.send(&header(op::SHUTDOWN, 0), &[]).unwrap();
    let mut stream = patient(listener.accept().unwrap().0);

    let mut got = vec![0; 260_000];
    stream.read_exact(&mut got).unwrap();
    assert!(got == pattern(260_000));
}

#[test]
fn a_program_that_stops_writing_still_reads() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);

    stream.write_all(b"last").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let data = driver.next_of(&mut connection).unwrap();
    let end = driver.next_of(&mut connection).unwrap();
    driver.write(&mut connection, b"thanks", 4096).unwrap();
    let mut got = [0; 6];
    stream.read_exact(&mut got).unwrap();

    assert_eq!(data.data, b"last");
    assert_eq!((end.header.op, end.header.flags), (op::SHUTDOWN, NO_SEND));
    assert_eq!(&got, b"thanks");
}

#[test]
fn a_guest_that_stops_writing_still_reads() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);

    driver.write(&mut connection, b"last", 4096).unwrap();
    driver.say(&connection, op::SHUTDOWN, NO_SEND).unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    stream.write_all(b"thanks").unwrap();
    let answer = driver.read(&mut connection, 6).unwrap();

    assert_eq!(
        (got.as_slice(), answer.as_slice()),
        (b"last".as_slice(), b"thanks".as_slice())
    );
}

#[test]
fn a_guest_that_stops_reading_still_writes() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);

    driver.say(&connection, op::SHUTDOWN, NO_RECEIVE).unwrap();
    let refused = stream.write_all(b"too late").unwrap_err();
    driver.write(&mut connection, b"more", 4096).unwrap();
    let mut got = [0; 4];
    stream.read_exact(&mut got).unwrap();

    assert_eq!(refused.kind(), std::io::ErrorKind::BrokenPipe);
    assert_eq!(&got, b"more");
}

#[test]
fn a_program_that_stops_reading_still_writes() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);

    stream.shutdown(std::net::Shutdown::Read).unwrap();
    driver.push(&mut connection, b"too late", 0).unwrap();
    let end = driver.next_of(&mut connection).unwrap();
    stream.write_all(b"more").unwrap();
    let got = driver.read(&mut connection, 4).unwrap();

    assert_eq!(
        (end.header.op, end.header.flags),
        (op::SHUTDOWN, NO_RECEIVE)
    );
    assert_eq!(got, b"more");
}

#[test]
fn a_program_that_closes_is_a_shutdown_of_both_directions_after_its_data() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);

    stream.write_all(&pattern(100_000)).unwrap();
    drop(stream);
    let data = driver.read(&mut connection, 100_000).unwrap();
    let end = driver.next_of(&mut connection).unwrap();
    driver.say(&connection, op::RST, 0).unwrap();
    driver.say(&connection, op::CREDIT_REQUEST, 0).unwrap();
    let unknown = driver.receive_of(&mut connection).unwrap();

    assert_eq!(data, pattern(100_000));
    assert_eq!(
        (end.header.op, end.header.flags),
        (op::SHUTDOWN, NO_SEND | NO_RECEIVE)
    );
    assert_eq!(unknown.header.op, op::RST, "the connection is forgotten");
}

#[test]
fn a_guest_that_closes_gets_a_reset_and_its_data_arrives() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);

    driver
        .write(&mut connection, &pattern(100_000), 4096)
        .unwrap();
    driver
        .say(&connection, op::SHUTDOWN, NO_SEND | NO_RECEIVE)
        .unwrap();
    let end = driver.next_of(&mut connection).unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();

    assert_eq!(end.header.op, op::RST);
    assert_eq!(got, pattern(100_000));
}

/// Sends until neither the socket nor the credit takes more. Returns how much that was.
fn fill(driver: &mut Vsock, connection: &mut Connection) -> usize {
    let mut sent = 0;
    let mut all = Vec::new();
    while connection.room() > 0 {
        let len = (connection.room() as usize).min(4096);
        if all.len() < sent + len {
            all = pattern(2 * sent + (1 << 20));
        }
        driver.push(connection, &all[sent..sent + len], 0).unwrap();
        sent += len;
        driver.say(connection, op::CREDIT_REQUEST, 0).unwrap();
        driver.receive_of(connection).unwrap();
    }
    sent
}

#[test]
fn what_a_reset_connection_sent_to_a_slow_program_arrives_and_then_its_end() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);
    let sent = fill(&mut driver, &mut connection);

    driver.say(&connection, op::RST, 0).unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();

    assert_eq!(got.len(), sent);
    assert_eq!(got, pattern(sent));
}

#[test]
fn what_a_program_sends_behind_an_empty_message_arrives_though_it_is_done() {
    let daemon = daemon(&[]);
    let guest = Guest::builder(daemon.path())
        .timeout(TIMEOUT)
        .features(vsock::F_SEQPACKET);
    // With one buffer, which the first message takes.
    let mut driver = Vsock::boot(guest, TIMEOUT, 1, 4096).unwrap();
    let listener = seqpacket::listen(&path(&daemon, "_1234"));
    let mut connection = driver.open(HOST, PORT, 50, SEQPACKET).unwrap();
    let stream = seqpacket::accept(&listener);

    for message in [b"first".as_slice(), b"", b"", b"last"] {
        rustix::net::send(&stream, message, rustix::net::SendFlags::empty()).unwrap();
    }
    rustix::net::shutdown(&stream, rustix::net::Shutdown::Write).unwrap();
    let got = [0; 5].map(|_| driver.next_of(&mut connection).unwrap());

    let got = got.each_ref();
    let got = got.map(|packet| (packet.header.op, packet.data.as_slice()));
    assert_eq!(
        got,
        [
            (op::RW, b"first".as_slice()),
            (op::RW, b""),
            (op::RW, b""),
            (op::RW, b"last"),
            (op::SHUTDOWN, b""),
        ]
    );
}

#[test]
fn half_a_message_of_a_reset_connection_does_not_keep_the_program_waiting() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let listener = seqpacket::listen(&path(&daemon, "_1234"));
    let mut connection = driver.open(HOST, PORT, 50, SEQPACKET).unwrap();
    let stream = seqpacket::accept(&listener);

    driver.push(&mut connection, b"whole", vsock::EOM).unwrap();
    driver.push(&mut connection, b"half", 0).unwrap();
    driver.say(&connection, op::RST, 0).unwrap();
    let got = [seqpacket::receive(&stream), seqpacket::receive(&stream)];

    assert_eq!(got, [b"whole".to_vec(), Vec::new()]);
}

#[test]
fn what_a_closed_connection_sent_to_a_slow_program_arrives() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);
    let sent = fill(&mut driver, &mut connection);

    driver
        .say(&connection, op::SHUTDOWN, NO_SEND | NO_RECEIVE)
        .unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    let end = driver.next_of(&mut connection).unwrap();

    assert_eq!(got.len(), sent);
    assert_eq!(got, pattern(sent));
    assert_eq!(end.header.op, op::RST);
}

#[test]
fn a_guest_that_ignores_its_credit_is_reset() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, _stream) = guest_opens(&daemon, &mut driver);
    let chunk = vec![7; 32 * 1024];

    let answer = loop {
        driver.push(&mut connection, &chunk, 0).unwrap();
        if let Some(packet) = driver.poll().unwrap() {
            driver.lend().unwrap();
            if packet.header.op != op::CREDIT_UPDATE {
                break packet.header.op;
            }
        }
        assert!(connection.sent < 16 << 20, "no credit is enforced");
    };

    assert_eq!(answer, op::RST);
}

#[test]
fn a_guest_without_room_is_asked_for_credit_and_sent_no_more() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);
    connection.window = 1000;
    driver.say(&connection, op::CREDIT_UPDATE, 0).unwrap();

    stream.write_all(&pattern(3000)).unwrap();
    let mut got = Vec::new();
    let mut asked = 0;
    while got.len() < 3000 {
        let packet = driver.next_of(&mut connection).unwrap();
        match packet.header.op {
            op::RW => got.extend(packet.data),
            op::CREDIT_REQUEST => {
                asked += 1;
                assert_eq!(got.len() % 1000, 0, "it asked while there was room");
                driver.say(&connection, op::CREDIT_UPDATE, 0).unwrap();
            }
            op => panic!("op {op}"),
        }
    }

    assert_eq!(got, pattern(3000));
    assert!((2..=3).contains(&asked), "{asked}");
}

#[test]
fn megabytes_in_both_directions_arrive_whole() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, stream) = guest_opens(&daemon, &mut driver);
    let all = pattern(3 << 20);

    let reader = {
        let (mut stream, len) = (stream.try_clone().unwrap(), all.len());
        std::thread::spawn(move || {
            let mut got = vec![0; len];
            stream.read_exact(&mut got).unwrap();
            got
        })
    };
    driver.write(&mut connection, &all, 5000).unwrap();
    let up = reader.join().unwrap();
    let writer = {
        let (mut stream, all) = (stream, all.clone());
        std::thread::spawn(move || stream.write_all(&all).unwrap())
    };
    let down = driver.read(&mut connection, all.len()).unwrap();
    writer.join().unwrap();

    assert!(up == all && down == all);
}

#[test]
fn a_program_that_does_not_read_holds_up_nobody_else() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut stalled, _unread) = guest_opens(&daemon, &mut driver);
    while stalled.room() > 0 {
        let len = (stalled.room() as usize).min(4096);
        driver.push(&mut stalled, &vec![1; len], 0).unwrap();
        driver.say(&stalled, op::CREDIT_REQUEST, 0).unwrap();
        driver.receive_of(&mut stalled).unwrap();
    }

    let (mut connection, mut stream) = host_opens(&daemon, &mut driver);
    driver.write(&mut connection, b"still", 4096).unwrap();
    let mut got = [0; 5];
    stream.read_exact(&mut got).unwrap();

    assert_eq!(&got, b"still");
}

#[test]
fn a_guest_without_buffers_loses_nothing() {
    let daemon = daemon(&[]);
    let guest = Guest::builder(daemon.path())
        .timeout(TIMEOUT)
        .boot()
        .unwrap();
    let mut driver = Vsock::on(guest, TIMEOUT, 1, 4096).unwrap();
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);

    stream.write_all(&pattern(50_000)).unwrap();

    assert_eq!(
        driver.read(&mut connection, 50_000).unwrap(),
        pattern(50_000)
    );
}

#[test]
fn connections_that_open_and_close_leave_the_daemon_idle() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let listener = listen(&daemon, PORT);
    let process = daemon.process().unwrap();

    for port in 100..150 {
        let mut connection = driver.open(HOST, PORT, port, STREAM).unwrap();
        drop(listener.accept().unwrap());
        let end = driver.next_of(&mut connection).unwrap();
        assert_eq!(end.header.op, op::SHUTDOWN);
        driver.say(&connection, op::RST, 0).unwrap();
    }
    driver.guest().frontend().sync().unwrap();
    let before = process.cpu_time().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let spent = process.cpu_time().unwrap() - before;

    assert!(spent < Duration::from_millis(100), "{spent:?} while idle");
}

#[test]
fn sigterm_removes_all_sockets_and_exits_with_success() {
    let mut daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (_connection, _stream) = guest_opens(&daemon, &mut driver);
    assert!(path(&daemon, ".seqpacket").exists());

    let status = daemon.terminate(TIMEOUT).unwrap();

    assert!(status.success(), "{status}");
    for path in [
        daemon.path().to_owned(),
        path(&daemon, ""),
        path(&daemon, ".seqpacket"),
    ] {
        assert!(!path.exists(), "{}", path.display());
    }
}

#[test]
fn a_guest_that_vanishes_closes_its_programs_connections() {
    let daemon = daemon(&[]);
    let mut first = driver(&daemon);
    let (_connection, mut stream) = guest_opens(&daemon, &mut first);

    first.into_guest().vanish();
    let end = next_len(&mut stream);
    let mut second = driver(&daemon);
    let (mut connection, mut stream) = host_opens(&daemon, &mut second);
    stream.write_all(b"again").unwrap();

    assert_eq!(end, 0);
    assert_eq!(second.read(&mut connection, 5).unwrap(), b"again");
}

#[test]
fn a_driver_that_begins_anew_finds_no_connection_of_the_former() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (_connection, mut stream) = guest_opens(&daemon, &mut driver);
    let mut guest = driver.into_guest();

    // As a frontend does when the guest reboots: rings are stopped, and begin at zero.
    for queue in 0..3 {
        guest.renew_queue(queue).unwrap();
    }
    let mut driver = Vsock::on(guest, TIMEOUT, 16, 4096).unwrap();

    assert_eq!(next_len(&mut stream), 0);
    host_opens(&daemon, &mut driver);
}

#[test]
fn a_guest_that_is_paused_keeps_its_connections() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let (mut connection, mut stream) = guest_opens(&daemon, &mut driver);

    let bases: Vec<_> = (0..3)
        .map(|queue| driver.guest().stop_queue(queue).unwrap())
        .collect();
    stream.write_all(b"meanwhile").unwrap();
    for (queue, base) in (0..).zip(bases) {
        driver.guest().start_queue(queue, base).unwrap();
    }

    assert_eq!(driver.read(&mut connection, 9).unwrap(), b"meanwhile");
}

#[test]
fn a_move_ends_connections_and_tells_the_guest_who_keeps_its_cid() {
    let (old, new) = (
        daemon(&["--guest-cid", "33"]),
        daemon(&["--guest-cid", "44"]),
    );
    let mut driver = driver(&old);
    let (_connection, mut stream) = guest_opens(&old, &mut driver);
    let token = driver.guest().queue(vsock::EVENT).post(&[], &[4]).unwrap();

    let mut guest = driver.into_guest().migrate(new.path()).unwrap();
    let event = guest.queue(vsock::EVENT).wait_for(token).unwrap();
    let cid = guest.get_config(0, 8).unwrap();

    assert_eq!(event.data(), 0u32.to_le_bytes());
    assert_eq!(cid, 33u64.to_le_bytes());
    assert_eq!(next_len(&mut stream), 0);
    let second = guest.queue(vsock::EVENT).post(&[], &[4]).unwrap();
    guest.queue(vsock::EVENT).kick_always();
    guest.frontend().sync().unwrap();
    assert!(
        guest.queue(vsock::EVENT).poll_used().unwrap().is_none(),
        "{second:?}"
    );
}

#[test]
fn messages_arrive_as_such_in_both_directions() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let listener = seqpacket::listen(&path(&daemon, "_1234"));
    let mut connection = driver.open(HOST, PORT, 50, SEQPACKET).unwrap();
    let stream = seqpacket::accept(&listener);

    driver.push(&mut connection, b"one", vsock::EOM).unwrap();
    driver.push(&mut connection, b"tw", 0).unwrap();
    driver.push(&mut connection, b"o", vsock::EOM).unwrap();
    let up = [seqpacket::receive(&stream), seqpacket::receive(&stream)];
    seqpacket::send(&stream, b"three");
    seqpacket::send(&stream, &pattern(10_000));
    let first = driver.next_of(&mut connection).unwrap();
    let mut large = Vec::new();
    let flags = loop {
        let packet = driver.next_of(&mut connection).unwrap();
        large.extend(packet.data);
        if packet.header.flags != 0 {
            break packet.header.flags;
        }
    };

    assert_eq!(up, [b"one".to_vec(), b"two".to_vec()]);
    assert_eq!(
        (first.data.as_slice(), first.header.flags),
        (b"three".as_slice(), vsock::EOM)
    );
    assert_eq!((large, flags), (pattern(10_000), vsock::EOM));
}

#[test]
fn half_a_message_that_uses_up_the_room_is_told_of_what_went_before() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let listener = seqpacket::listen(&path(&daemon, "_1234"));
    let mut connection = driver.open(HOST, PORT, 50, SEQPACKET).unwrap();
    let _stream = seqpacket::accept(&listener);
    let whole = vec![7; 30 << 10];

    // Just below half of what a guest sends that takes 256 KiB itself, and a little beyond.
    for _ in 0..4 {
        driver.push(&mut connection, &whole, vsock::EOM).unwrap();
    }
    driver.push(&mut connection, &whole[..10 << 10], 0).unwrap();
    let told = driver.receive_of(&mut connection).unwrap();

    assert_eq!(told.header.op, op::CREDIT_UPDATE);
    assert_eq!(connection.peer_forwarded, 120 << 10);
}

#[test]
fn a_program_that_speaks_in_messages_connects_beside_the_one_of_streams() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let stream = seqpacket::connect(&path(&daemon, ".seqpacket"));

    seqpacket::send(&stream, b"CONNECT 1234\n");
    seqpacket::send(&stream, b"right behind");
    let mut connection = driver.accept().unwrap();
    let answer = seqpacket::receive(&stream);
    let got = driver.read(&mut connection, 12).unwrap();

    assert_eq!(connection.kind, SEQPACKET);
    assert_eq!(answer, format!("OK {}\n", connection.peer_port).as_bytes());
    assert_eq!(got, b"right behind");
}

#[test]
fn a_guests_messages_go_beside_a_program_of_streams() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let _streams = listen(&daemon, PORT);
    let listener = seqpacket::listen(&path(&daemon, ".seqpacket_1234"));

    let mut connection = driver.open(HOST, PORT, 50, SEQPACKET).unwrap();
    let stream = seqpacket::accept(&listener);
    driver.push(&mut connection, b"hello", vsock::EOM).unwrap();

    assert_eq!(seqpacket::receive(&stream), b"hello");
}

#[test]
fn messages_to_a_program_that_does_not_read_are_kept_whole_and_in_order() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let listener = seqpacket::listen(&path(&daemon, "_1234"));
    let mut connection = driver.open(HOST, PORT, 50, SEQPACKET).unwrap();
    let stream = seqpacket::accept(&listener);
    let mut sent = 0u32;
    while connection.room() >= 4096 {
        driver
            .push(&mut connection, &[sent as u8; 4096], vsock::EOM)
            .unwrap();
        sent += 1;
        driver.say(&connection, op::CREDIT_REQUEST, 0).unwrap();
        driver.receive_of(&mut connection).unwrap();
    }

    driver.say(&connection, op::SHUTDOWN, NO_SEND).unwrap();
    let got: Vec<_> = std::iter::from_fn(|| {
        let message = seqpacket::receive(&stream);
        (!message.is_empty()).then_some(message)
    })
    .collect();

    assert_eq!(got.len(), sent as usize);
    for (at, message) in (0u32..).zip(got) {
        assert_eq!(message, [at as u8; 4096]);
    }
}

#[test]
fn messages_that_were_not_negotiated_are_reset() {
    let daemon = daemon(&[]);
    let guest = Guest::builder(daemon.path())
        .timeout(TIMEOUT)
        .boot()
        .unwrap();
    let mut driver = Vsock::on(guest, TIMEOUT, 16, 4096).unwrap();
    let _listener = seqpacket::listen(&path(&daemon, "_1234"));

    let (_, answer) = driver.request(HOST, PORT, 50, SEQPACKET).unwrap();
    let stream = seqpacket::connect(&path(&daemon, ".seqpacket"));
    seqpacket::send(&stream, b"CONNECT 1234\n");
    let closed = seqpacket::receive(&stream);

    assert_eq!(answer.header.op, op::RST);
    assert!(closed.is_empty());
}

/// So many descriptors for this process. False if it cannot have them.
fn have_descriptors(needed: u64) -> bool {
    let resource = rustix::process::Resource::Nofile;
    let limit = rustix::process::getrlimit(resource);
    if limit.maximum.is_some_and(|maximum| maximum < needed) {
        eprintln!(
            "skipped: this process may have {:?} descriptors",
            limit.maximum
        );
        return false;
    }
    let raised = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    rustix::process::setrlimit(resource, raised).is_ok()
}

#[test]
fn a_crowd_of_programs_that_say_nothing_keeps_nobody_out() {
    if !have_descriptors(3000) {
        return;
    }
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);

    let mut crowd: Vec<_> = (0..1500).map(|_| program(&daemon)).collect();
    host_opens(&daemon, &mut driver);
    let oldest = next_len(&mut crowd[0]);

    assert_eq!(oldest, 0, "the oldest made room");
}

#[test]
fn a_program_that_accepts_late_is_waited_for() {
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let listener = hesitant(&path(&daemon, "_1234"));
    // Fills the backlog.
    let first = driver.open(HOST, PORT, 50, STREAM).unwrap();
    let mut second = Connection { port: 51, ..first };
    driver.say(&second, op::REQUEST, 0).unwrap();
    driver.guest().frontend().sync().unwrap();
    let early = driver.poll().unwrap();

    let _one = listener.accept().unwrap();
    let answer = driver.next_of(&mut second).unwrap();

    assert_eq!(early, None);
    assert_eq!(answer.header.op, op::RESPONSE);
}

/// One that has room for a single program.
fn hesitant(path: &std::path::Path) -> UnixListener {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    socket.into()
}

/// Whether this host's kernel has AF_VSOCK between its own programs.
fn has_loopback() -> bool {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, VsockAddr, bind, socket};
    use std::os::fd::AsRawFd;
    let found = socket(
        AddressFamily::Vsock,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .and_then(|fd| bind(fd.as_raw_fd(), &VsockAddr::new(1, u32::MAX)));
    if let Err(error) = found {
        eprintln!("this host has no vsock loopback ({error}): only what it refuses is tried");
        return false;
    }
    true
}

#[test]
fn a_guest_is_forwarded_to_the_hosts_own_vsock_or_reset_where_there_is_none() {
    let args = ["--forward-cid", "1", "--socket", "{socket}"];
    let daemon = Daemon::spawn(EXE, &args).unwrap();
    let mut driver = driver(&daemon);
    if !has_loopback() {
        let kinds = [STREAM, SEQPACKET];
        let answers = kinds.map(|kind| driver.request(HOST, 9000, 50, kind).unwrap().1);
        assert_eq!(answers.map(|answer| answer.header.op), [op::RST; 2]);
        return;
    }
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, VsockAddr, getsockname};
    use std::os::fd::AsRawFd;
    let flags = SockFlag::SOCK_CLOEXEC;
    let listener =
        nix::sys::socket::socket(AddressFamily::Vsock, SockType::Stream, flags, None).unwrap();
    let any = VsockAddr::new(1, u32::MAX);
    nix::sys::socket::bind(listener.as_raw_fd(), &any).unwrap();
    rustix::net::listen(&listener, 1).unwrap();
    let port = getsockname::<VsockAddr>(listener.as_raw_fd())
        .unwrap()
        .port();

    // An enclave calls its parent by another CID than the host's.
    for (cid, from) in [(HOST, 50), (77, 51)] {
        let mut connection = driver.open(cid, port, from, STREAM).unwrap();
        let mut stream = std::fs::File::from(rustix::net::accept(&listener).unwrap());
        driver.write(&mut connection, b"ping", 4096).unwrap();
        let mut got = [0; 4];
        stream.read_exact(&mut got).unwrap();
        stream.write_all(b"pong").unwrap();

        assert_eq!(&got, b"ping");
        assert_eq!(driver.read(&mut connection, 4).unwrap(), b"pong");
    }
}

#[test]
fn a_forwarded_port_leads_to_the_guest_or_is_refused_with_the_mend() {
    let args = [
        "--forward-cid",
        "1",
        "--forward-listen",
        "49001",
        "--socket",
        "{socket}",
    ];
    if !has_loopback() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("s");
        let output = run(&[&args[..4], &["--socket", socket.to_str().unwrap()]].concat());
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(
            line.contains("port 49001 of the host's vsock CID 1"),
            "{line}"
        );
        assert!(line.contains("vsock_loopback"), "{line}");
        assert!(!socket.exists());
        return;
    }
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, VsockAddr, connect, socket};
    use std::os::fd::AsRawFd;
    let daemon = Daemon::spawn(EXE, &args).unwrap();
    let mut driver = driver(&daemon);
    let program = socket(
        AddressFamily::Vsock,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    );
    let program = program.unwrap();

    connect(program.as_raw_fd(), &VsockAddr::new(1, 49001)).unwrap();
    let mut connection = driver.accept().unwrap();
    std::fs::File::from(program).write_all(b"hello").unwrap();

    assert_eq!(connection.port, 49001);
    assert_eq!(driver.read(&mut connection, 5).unwrap(), b"hello");
}

#[test]
fn ten_thousand_idle_connections_cost_less_than_20_mib() {
    // An emulator's memory says nothing, and its connections take a minute.
    let emulated = virtio_guest::process::emulator().is_some();
    let count: u32 = if emulated { 1000 } else { 10_000 };
    if !have_descriptors(u64::from(count) + 2000) {
        return;
    }
    let daemon = daemon(&[]);
    let mut driver = driver(&daemon);
    let listener = listen(&daemon, PORT);
    let threads = daemon.process().unwrap().threads().unwrap();
    let mut held = Vec::new();

    for port in 0..count {
        let connection = driver.open(HOST, PORT, 10_000 + port, STREAM).unwrap();
        held.push((connection, listener.accept().unwrap().0));
    }
    let process = daemon.process().unwrap();
    let memory = process.resident().unwrap();
    let more_threads = process.threads().unwrap().saturating_sub(threads);
    let (mut last, mut stream) = held.pop().unwrap();
    driver.write(&mut last, b"alive", 4096).unwrap();
    let mut got = [0; 5];
    patient(stream.try_clone().unwrap());
    stream.read_exact(&mut got).unwrap();

    assert_eq!(&got, b"alive");
    assert_eq!(more_threads, 0, "connections have no threads");
    if !emulated {
        let used = memory.anonymous + memory.file;
        assert!(used < 20 << 20, "{used} bytes");
    }
}

fn run(args: &[&str]) -> Output {
    let mut command = process::command(EXE);
    process::output(command.args(args).stdin(Stdio::null()), TIMEOUT).unwrap()
}

#[test]
fn reserved_cids_are_refused_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();

    for cid in ["0", "1", "2"] {
        let output = run(&[
            "--guest-cid",
            cid,
            "--socket",
            &at("s"),
            "--uds-path",
            &at("v"),
        ]);

        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains(&format!("the CID {cid}")), "{line}");
    }
}

#[test]
fn two_guests_with_one_cid_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let vm = |name: &str| {
        let at = directory.path().join(name);
        format!("guest-cid=5,socket={0}.s,uds-path={0}.v", at.display())
    };

    let output = run(&["--vm", &vm("a"), "--vm", &vm("b")]);

    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{line}");
    assert!(
        line.contains("two guests cannot have the same CID 5"),
        "{line}"
    );
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_path_that_is_in_use_is_named_with_its_flag() {
    let daemon = daemon(&[]);
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("s");

    let output = run(&[
        "--socket",
        socket.to_str().unwrap(),
        "--uds-path",
        path(&daemon, "").to_str().unwrap(),
    ]);

    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert!(line.contains("choose another --uds-path"), "{line}");
    assert!(!socket.exists());
}

#[test]
fn the_frontends_socket_appears_after_those_for_programs() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let _programs = UnixListener::bind(at("v")).unwrap();
    // As if another daemon was about to listen there.
    let lock = std::fs::File::create(at("s.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();

    let output = run(&[
        "--socket",
        at("s").to_str().unwrap(),
        "--uds-path",
        at("v").to_str().unwrap(),
    ]);

    // What is opened first is missed first.
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert!(line.contains("choose another --uds-path"), "{line}");
}

#[test]
fn capabilities_are_json() {
    let output = run(&["--print-capabilities"]);

    assert!(output.status.success());
    let text: String = String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(text, r#"{"type":"vsock","features":[]}"#);
}

#[test]
fn immediate_reconnects_never_fail() {
    let daemon = daemon(&[]);

    for _ in 0..200 {
        let mut driver = driver(&daemon);
        host_opens(&daemon, &mut driver);
    }
}

/// Unix sockets with boundaries, which the standard library does not have.
mod seqpacket {
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::net::{
        AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
    };

    use super::TIMEOUT;

    fn socket() -> OwnedFd {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None).unwrap()
    }

    fn wait(fd: &OwnedFd, what: PollFlags) {
        let limit = Timespec::try_from(TIMEOUT).unwrap();
        let ready = poll(&mut [PollFd::new(fd, what)], Some(&limit)).unwrap();
        assert_eq!(ready, 1, "nothing happened in {TIMEOUT:?}");
    }

    pub(super) fn listen(path: &Path) -> OwnedFd {
        let socket = socket();
        rustix::net::bind(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
        rustix::net::listen(&socket, 16).unwrap();
        socket
    }

    pub(super) fn accept(listener: &OwnedFd) -> OwnedFd {
        wait(listener, PollFlags::IN);
        rustix::net::accept(listener).unwrap()
    }

    pub(super) fn connect(path: &Path) -> OwnedFd {
        let socket = socket();
        let address = SocketAddrUnix::new(path).unwrap();
        rustix::net::connect(&socket, &address).unwrap();
        socket
    }

    pub(super) fn send(fd: &OwnedFd, message: &[u8]) {
        wait(fd, PollFlags::OUT);
        assert_eq!(
            rustix::net::send(fd, message, SendFlags::NOSIGNAL),
            Ok(message.len())
        );
    }

    /// Empty at the end.
    pub(super) fn receive(fd: &OwnedFd) -> Vec<u8> {
        wait(fd, PollFlags::IN);
        let mut message = vec![0; 1 << 20];
        let (len, _) = rustix::net::recv(fd, &mut message[..], RecvFlags::empty()).unwrap();
        message.truncate(len);
        message
    }
}
