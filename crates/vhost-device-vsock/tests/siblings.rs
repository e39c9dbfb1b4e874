// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Guests of one process that connect to each other.

use std::time::{Duration, Instant};

use virtio_guest::process::emulator;
use virtio_guest::vsock::{
    self, Connection, HOST, NO_RECEIVE, NO_SEND, SEQPACKET, STREAM, Vsock, op,
};
use virtio_guest::{Daemon, Guest};

const TIMEOUT: Duration = Duration::from_secs(20);
const PORT: u32 = 1234;

/// A daemon with guests of these groups, whose CIDs are 3, 4 and so on.
fn daemon(groups: &[&str]) -> Daemon {
    let mut args = Vec::new();
    for (index, groups) in groups.iter().enumerate() {
        args.push("--vm".to_owned());
        args.push(format!(
            "guest-cid={},socket={{socket}}{index},uds-path={{dir}}/v{index},groups={groups}",
            index + 3
        ));
    }
    Daemon::builder(env!("CARGO_BIN_EXE_vhost-device-vsock"))
        .args(&args)
        .sockets(groups.len())
        .spawn()
        .unwrap()
}

fn driver(daemon: &Daemon, index: usize) -> Vsock {
    Vsock::connect(daemon.socket(index), TIMEOUT).unwrap()
}

/// A connection from guest 3 to guest 4, at both ends.
fn connect(from: &mut Vsock, to: &mut Vsock, kind: u16) -> (Connection, Connection) {
    let mut ours = Connection {
        peer_cid: to.cid(),
        peer_port: PORT,
        port: 50,
        kind,
        window: 256 * 1024,
        received: 0,
        sent: 0,
        peer_window: 0,
        peer_forwarded: 0,
    };
    from.say(&ours, op::REQUEST, 0).unwrap();
    let theirs = to.accept().unwrap();
    let answer = from.receive_of(&mut ours).unwrap();
    assert_eq!(answer.header.op, op::RESPONSE);
    assert_eq!(
        (theirs.peer_cid, theirs.peer_port, theirs.port),
        (from.cid(), 50, PORT)
    );
    (ours, theirs)
}

#[test]
fn guests_of_one_group_exchange_bytes() {
    let daemon = daemon(&["a+b", "b+c"]);
    let (mut one, mut two) = (driver(&daemon, 0), driver(&daemon, 1));
    let (mut ours, mut theirs) = connect(&mut one, &mut two, STREAM);

    one.write(&mut ours, b"from one", 3).unwrap();
    let got = two.read(&mut theirs, 8).unwrap();
    two.write(&mut theirs, b"from two", 4096).unwrap();
    let answer = one.read(&mut ours, 8).unwrap();

    assert_eq!(
        (got.as_slice(), answer.as_slice()),
        (b"from one".as_slice(), b"from two".as_slice())
    );
}

#[test]
fn guests_of_one_group_exchange_messages() {
    let daemon = daemon(&["a", "a"]);
    let (mut one, mut two) = (driver(&daemon, 0), driver(&daemon, 1));
    let (mut ours, mut theirs) = connect(&mut one, &mut two, SEQPACKET);

    one.push(&mut ours, b"a mess", 0).unwrap();
    one.push(&mut ours, b"age", vsock::EOM).unwrap();
    let got = two.next_of(&mut theirs).unwrap();

    assert_eq!(
        (got.data.as_slice(), got.header.flags),
        (b"a message".as_slice(), vsock::EOM)
    );
}

#[test]
fn empty_messages_and_the_ends_of_records_reach_a_sibling() {
    let daemon = daemon(&["a", "a"]);
    let (mut one, mut two) = (driver(&daemon, 0), driver(&daemon, 1));
    let (mut ours, mut theirs) = connect(&mut one, &mut two, SEQPACKET);
    let end = vsock::EOM | vsock::EOR;
    let sent = [
        (b"first".as_slice(), vsock::EOM),
        (b"second", end),
        (b"", vsock::EOM),
        (b"", end),
        (b"third", vsock::EOM),
        (b"fourth", end),
    ];

    for (message, flags) in sent {
        one.push(&mut ours, message, flags).unwrap();
    }
    two.push(&mut theirs, b"back", end).unwrap();
    let got = sent.map(|_| two.next_of(&mut theirs).unwrap());
    let back = one.next_of(&mut ours).unwrap();

    let got = got.each_ref();
    let got = got.map(|packet| (packet.data.as_slice(), packet.header.flags));
    assert_eq!(got, sent);
    assert_eq!(
        (back.data.as_slice(), back.header.flags),
        (&b"back"[..], end)
    );
}

#[test]
fn what_comes_behind_an_empty_message_arrives_though_the_sender_is_done() {
    let daemon = daemon(&["a", "a"]);
    let mut one = driver(&daemon, 0);
    let guest = Guest::builder(daemon.socket(1))
        .timeout(TIMEOUT)
        .features(vsock::F_SEQPACKET);
    // With one buffer, which the first message takes.
    let mut two = Vsock::boot(guest, TIMEOUT, 1, 4096).unwrap();
    let (mut ours, mut theirs) = connect(&mut one, &mut two, SEQPACKET);

    // The second is taken from the sender, but has no buffer; the third is looked at afterwards.
    for message in [b"first".as_slice(), b"", b"", b"last"] {
        one.push(&mut ours, message, vsock::EOM).unwrap();
    }
    one.say(&ours, op::SHUTDOWN, vsock::NO_SEND).unwrap();
    let got = [0; 5].map(|_| two.next_of(&mut theirs).unwrap());

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
fn guests_without_a_common_group_are_refused() {
    let daemon = daemon(&["a", "b"]);
    let mut one = driver(&daemon, 0);
    let mut two = driver(&daemon, 1);

    let (_, answer) = one.request(4, PORT, 50, STREAM).unwrap();

    assert_eq!(answer.header.op, op::RST);
    two.guest().frontend().sync().unwrap();
    assert_eq!(two.poll().unwrap(), None);
}

#[test]
fn a_guest_that_is_not_there_is_refused() {
    let daemon = daemon(&["a", "a"]);
    let mut one = driver(&daemon, 0);

    let (_, answer) = one.request(4, PORT, 50, STREAM).unwrap();

    assert_eq!(answer.header.op, op::RST);
}

#[test]
fn a_guest_that_refuses_resets_the_other() {
    let daemon = daemon(&["a", "a"]);
    let (mut one, mut two) = (driver(&daemon, 0), driver(&daemon, 1));
    let asking = std::thread::spawn(move || one.request(4, PORT, 50, STREAM).unwrap().1);

    let incoming = two.incoming().unwrap();
    two.say(&incoming, op::RST, 0).unwrap();
    let answer = asking.join().unwrap();

    assert_eq!(answer.header.op, op::RST);
}

#[test]
fn a_guest_that_shuts_down_one_direction_still_reads() {
    let daemon = daemon(&["a", "a"]);
    let (mut one, mut two) = (driver(&daemon, 0), driver(&daemon, 1));
    let (mut ours, mut theirs) = connect(&mut one, &mut two, STREAM);

    one.write(&mut ours, b"last", 4096).unwrap();
    one.say(&ours, op::SHUTDOWN, NO_SEND).unwrap();
    let got = two.read(&mut theirs, 4).unwrap();
    let end = two.next_of(&mut theirs).unwrap();
    two.write(&mut theirs, b"thanks", 4096).unwrap();
    let answer = one.read(&mut ours, 6).unwrap();

    assert_eq!(got, b"last");
    assert_eq!((end.header.op, end.header.flags), (op::SHUTDOWN, NO_SEND));
    assert_eq!(answer, b"thanks");
}

#[test]
fn a_guest_that_closes_ends_the_other_after_its_data() {
    let daemon = daemon(&["a", "a"]);
    let (mut one, mut two) = (driver(&daemon, 0), driver(&daemon, 1));
    let (mut ours, mut theirs) = connect(&mut one, &mut two, STREAM);

    one.write(&mut ours, b"last", 4096).unwrap();
    one.say(&ours, op::SHUTDOWN, NO_SEND | NO_RECEIVE).unwrap();
    let confirmed = one.next_of(&mut ours).unwrap();
    let got = two.read(&mut theirs, 4).unwrap();
    let end = two.next_of(&mut theirs).unwrap();

    assert_eq!(confirmed.header.op, op::RST);
    assert_eq!(got, b"last");
    assert_eq!(
        (end.header.op, end.header.flags),
        (op::SHUTDOWN, NO_SEND | NO_RECEIVE)
    );
}

#[test]
fn a_guest_that_resets_or_vanishes_resets_its_siblings() {
    let daemon = daemon(&["a", "a"]);
    let (mut one, mut two) = (driver(&daemon, 0), driver(&daemon, 1));

    let (ours, mut theirs) = connect(&mut one, &mut two, STREAM);
    one.say(&ours, op::RST, 0).unwrap();
    let reset = two.next_of(&mut theirs).unwrap();
    let (_ours, mut theirs) = connect(&mut one, &mut two, STREAM);
    one.into_guest().vanish();
    let vanished = two.next_of(&mut theirs).unwrap();

    assert_eq!((reset.header.op, vanished.header.op), (op::RST, op::RST));
}

#[test]
fn a_stalled_sibling_bounds_its_own_traffic_and_holds_up_nobody_else() {
    let daemon = daemon(&["a", "a", "a"]);
    let process = daemon.process().unwrap();
    let (mut one, mut three) = (driver(&daemon, 0), driver(&daemon, 2));
    // It has a buffer for the request, and then none.
    let guest = Guest::builder(daemon.socket(1))
        .timeout(TIMEOUT)
        .boot()
        .unwrap();
    let mut stalled = Vsock::on(guest, TIMEOUT, 2, 4096).unwrap();
    let (mut ours, _theirs) = connect(&mut one, &mut stalled, STREAM);
    let before = process.resident().unwrap();

    let mut sent = 0u64;
    while ours.room() > 0 {
        let len = ours.room().min(32 * 1024);
        one.push(&mut ours, &vec![1; len as usize], 0).unwrap();
        one.say(&ours, op::CREDIT_REQUEST, 0).unwrap();
        one.receive_of(&mut ours).unwrap();
        sent += u64::from(len);
        assert!(sent < 16 << 20, "nothing bounds what waits for a sibling");
    }
    let after = process.resident().unwrap();
    let mut asked = Connection {
        peer_cid: 5,
        port: 51,
        ..ours.clone()
    };
    one.say(&asked, op::REQUEST, 0).unwrap();
    let mut other = three.accept().unwrap();
    one.receive_of(&mut asked).unwrap();
    asked.sent = 0;
    one.push(&mut asked, b"still", 0).unwrap();

    assert_eq!(three.read(&mut other, 5).unwrap(), b"still");
    // An emulator keeps what it translated in the same memory.
    let spent = after.anonymous.saturating_sub(before.anonymous);
    assert!(emulator().is_some() || spent < 2 << 20, "{after:?}");
}

#[test]
fn megabytes_between_guests_arrive_whole() {
    const LEN: usize = 2 << 20;
    let daemon = daemon(&["a", "a"]);
    let (mut one, mut two) = (driver(&daemon, 0), driver(&daemon, 1));
    let (mut ours, mut theirs) = connect(&mut one, &mut two, STREAM);
    let all: Vec<u8> = (0..LEN as u32).map(|at| (at >> 8 ^ at) as u8).collect();
    let sent = all.clone();

    let writer = std::thread::spawn(move || {
        one.write(&mut ours, &sent, 8192).unwrap();
        one
    });
    let got = two.read(&mut theirs, LEN).unwrap();
    writer.join().unwrap();

    assert!(got == all);
}

#[test]
fn a_guest_that_moves_to_where_its_cid_is_anothers_gets_a_new_one_and_hears_of_it() {
    let (old, new) = (daemon(&["a"]), daemon(&["a", "a"]));
    let mut moving = driver(&old, 0);
    let token = moving.guest().queue(vsock::EVENT).post(&[], &[4]).unwrap();

    let mut guest = moving.into_guest().migrate(new.socket(1)).unwrap();
    let event = guest.queue(vsock::EVENT).wait_for(token).unwrap();
    let cid = guest.get_config(0, 8).unwrap();

    assert_eq!(event.data(), 0u32.to_le_bytes());
    assert_eq!(cid, 4u64.to_le_bytes());
    assert_eq!(driver(&new, 0).cid(), 3);
    let end = Instant::now() + TIMEOUT;
    while !new.stderr().contains("had the CID 3") {
        assert!(Instant::now() < end, "{}", new.stderr());
        std::thread::yield_now();
    }
}

#[test]
fn a_file_describes_guests_as_flags_do() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let text = format!(
        "vms:\n  - guest_cid: 7\n    socket: {}0\n    uds_path: {}\n  - guest_cid: 8\n    socket: {}1\n    \
         uds_path: {}\n    tx_buffer_size: 32768\n    queue_size: 512\n    groups: default+x\n",
        at("s"),
        at("v7"),
        at("s"),
        at("v8"),
    );
    std::fs::write(at("guests.yaml"), text).unwrap();

    let daemon = Daemon::builder(env!("CARGO_BIN_EXE_vhost-device-vsock"))
        .args(["--config", &at("guests.yaml")])
        .own_sockets()
        .without_waiting()
        .spawn()
        .unwrap();
    let mut seven = Vsock::connect(at("s0"), TIMEOUT).unwrap();
    let mut eight = Vsock::connect(at("s1"), TIMEOUT).unwrap();

    assert_eq!((seven.cid(), eight.cid()), (7, 8));
    connect(&mut seven, &mut eight, STREAM);
    let (_, host) = eight.request(HOST, 9, 60, STREAM).unwrap();
    assert_eq!(host.header.op, op::RST);
    drop(daemon);
}
