// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What is about units rather than their blocks: task management, events, the operator's socket,
//! reservations of several guests, migration.

mod driver;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use driver::*;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use virtio_guest::{Daemon, Guest, process};

const BLOCKS: usize = 64;

/// The bit of an event that says that others were lost.
const MISSED: u32 = 0x8000_0000;

const COMPLETE: u8 = 0;
const REJECTED: u8 = 11;
const INCORRECT_LUN: u8 = 12;

fn image() -> Image {
    Image::new(BLOCKS * BLOCK)
}

/// A task management function.
fn manage(guest: &mut Guest, subtype: u32, address: [u8; 8], tag: u64) -> u8 {
    let mut request = vec![0; 4];
    request.extend(subtype.to_le_bytes());
    request.extend(address);
    request.extend(tag.to_le_bytes());
    let reply = guest.queue(CONTROL).request(&[&request], &[1]).unwrap();
    assert_eq!(reply.written(), 1);
    reply.bytes()[0]
}

#[test]
fn every_task_management_function_is_answered() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let unit = address(0, 0);

    let answers: Vec<_> = (0..9)
        .map(|subtype| manage(&mut guest, subtype, unit, 1))
        .collect();

    assert_eq!(
        answers,
        [
            COMPLETE, COMPLETE, REJECTED, COMPLETE, COMPLETE, COMPLETE, COMPLETE, COMPLETE,
            REJECTED
        ]
    );
}

#[test]
fn a_unit_or_target_that_is_not_there_cannot_be_managed() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);

    assert_eq!(manage(&mut guest, 0, address(0, 1), 1), INCORRECT_LUN);
    assert_eq!(manage(&mut guest, 5, address(7, 0), 1), BAD_TARGET);
    assert_eq!(manage(&mut guest, 4, address(0, 1), 1), COMPLETE);
    assert_eq!(manage(&mut guest, 0, [0; 8], 1), BAD_TARGET);
}

#[test]
fn a_reset_unit_has_its_defaults_and_tells_of_the_reset() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    disk.run(&[0x1b, 0, 0, 0, 0, 0], &[], 0).good();

    manage(disk.guest, 5, address(0, 0), 0);
    let news = disk.run(&[0; 6], &[], 0);

    assert_eq!(news.key(), (UNIT_ATTENTION, 0x29, 3));
    disk.read(0, 1).good();
}

#[test]
fn odd_control_requests_are_given_back_and_the_next_is_answered() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let notification = [&[1u8, 0, 0, 0][..], &address(0, 0), &[0xff; 4]].concat();

    let queue = guest.queue(CONTROL);
    for request in [
        &[][..],
        &[1],
        &[0, 0, 0, 0, 5],
        &[9, 0, 0, 0],
        &[1, 0, 0, 0],
    ] {
        queue.request(&[request], &[4]).unwrap();
    }
    queue.request(&[&[0; 24]], &[]).unwrap();
    let answer = queue.request(&[&notification], &[5]).unwrap();

    assert_eq!(answer.data(), [0; 5]);
    assert_eq!(manage(&mut guest, 5, address(0, 0), 1), COMPLETE);
}

#[test]
fn aborts_under_load_leave_every_command_answered_once() {
    let image = image();
    let daemon = daemon(&["--cache", "writethrough", image.path()]);
    let mut guest = guest(&daemon);
    Disk::new(&mut guest, 0, 0).settle();

    for round in 0..20u32 {
        for n in 0..8u64 {
            let write = header(address(0, 0), n, 0, &ten(0x2a, 0, 8));
            guest
                .queue(REQUEST)
                .post(&[&write, &pattern(round, 8)], &[12 + SENSE])
                .unwrap();
        }
        guest.queue(REQUEST).kick().unwrap();
        let answer = manage(&mut guest, round % 2, address(0, 0), 3);
        let replies = guest.queue(REQUEST).wait_all(TIMEOUT).unwrap();

        assert_eq!(answer, COMPLETE);
        assert_eq!(replies.len(), 8);
        for reply in replies {
            let answer = driver::answer(&reply);
            assert!(matches!(answer.response, 0 | 2), "{answer:x?}");
        }
    }
}

/// The operator's side of the control socket.
struct Operator {
    reader: BufReader<UnixStream>,
}

impl Operator {
    fn connect(path: &str) -> Self {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match UnixStream::connect(path) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
                    let reader = BufReader::new(stream);
                    return Self { reader };
                }
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::yield_now();
        }
    }

    fn send(&mut self, line: &str) -> Value {
        writeln!(self.reader.get_mut(), "{line}").unwrap();
        let mut answer = String::new();
        self.reader.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}

/// Gives the driver's event queue buffers.
fn post_events(guest: &mut Guest, count: usize) {
    for _ in 0..count {
        guest.queue(EVENT).post(&[], &[16]).unwrap();
    }
    guest.queue(EVENT).kick().unwrap();
}

/// Event, target and reason.
fn next_event(guest: &mut Guest) -> (u32, u8, u32) {
    let (event, address, reason) = next_event_with_address(guest);
    (event, address[1], reason)
}

fn next_event_with_address(guest: &mut Guest) -> (u32, [u8; 8], u32) {
    let bytes = guest.queue(EVENT).wait(TIMEOUT).unwrap().bytes();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    (word(0), bytes[4..12].try_into().unwrap(), word(12))
}

#[test]
fn an_image_comes_and_goes_while_a_guest_runs() {
    let (first, second) = (image(), image());
    let control = first.beside("control");
    let daemon = daemon(&["--control", &control, first.path()]);
    let mut guest = guest(&daemon);
    let disk = Disk::new(&mut guest, 0, 0).settle();
    post_events(disk.guest, 4);
    let mut operator = Operator::connect(&control);

    let add = json!({ "command": "add", "image": second.path(), "target": 5, "serial": "hot" });
    let added = operator.send(&add.to_string());
    let event = next_event(disk.guest);
    let read = Disk::new(disk.guest, 5, 0).settle().read(3, 1).good();
    let listed = operator.send(r#"{"command":"list"}"#);
    let removed = operator.send(r#"{"command":"remove","target":5}"#);
    let gone = next_event(disk.guest);
    let after = Disk::new(disk.guest, 5, 0).run(&[0; 6], &[], 0);

    assert_eq!(added, json!({ "ok": true, "target": 5, "lun": 0 }));
    assert_eq!(event, (1, 5, 1));
    assert!(read.data == pattern(3, 1));
    assert_eq!(listed["units"][1]["serial"], "hot");
    assert_eq!(listed["units"][1]["blocks"], BLOCKS);
    assert_eq!(removed, json!({ "ok": true }));
    assert_eq!(gone, (1, 5, 2));
    assert_eq!(after.response, BAD_TARGET);
}

#[test]
fn a_removed_image_is_free_for_another_daemon() {
    let (first, second) = (image(), image());
    let control = first.beside("control");
    let daemon = daemon(&["--control", &control, first.path(), second.path()]);
    let mut guest = guest(&daemon);
    Disk::new(&mut guest, 1, 0)
        .settle()
        .write(0, &pattern(7, 1))
        .good();
    let mut operator = Operator::connect(&control);

    operator.send(r#"{"command":"remove","target":1}"#);
    let other = driver::daemon(&[second.path()]);
    let mut theirs = driver::guest(&other);
    let read = Disk::new(&mut theirs, 0, 0).settle().read(0, 1).good();

    assert!(read.data == pattern(7, 1));
}

#[test]
fn a_new_unit_of_a_target_is_news_to_the_others() {
    let (first, second) = (image(), image());
    let control = first.beside("control");
    let daemon = daemon(&["--control", &control, first.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    let add = json!({ "command": "add", "image": second.path(), "target": 0, "lun": 3 });
    Operator::connect(&control).send(&add.to_string());
    let news = disk.run(&[0; 6], &[], 0);
    let listed = disk
        .run(&[0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0], &[], 64)
        .good();

    assert_eq!(news.key(), (UNIT_ATTENTION, 0x3f, 0x0e));
    assert_eq!(listed.data[3], 16);
    assert_eq!(listed.data[16..18], [0, 3]);
}

#[test]
fn a_grown_image_is_an_event_and_news_and_has_its_new_blocks() {
    let image = image();
    let control = image.beside("control");
    let daemon = daemon(&["--control", &control, image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    post_events(disk.guest, 1);
    let mut operator = Operator::connect(&control);

    let size = 2 * BLOCKS * BLOCK;
    let resize = json!({ "command": "resize", "target": 0, "size": size });
    let resized = operator.send(&resize.to_string());
    let event = next_event(disk.guest);
    let news = disk.run(&[0; 6], &[], 0);
    let capacity = disk.run(&ten(0x25, 0, 0), &[], 8).good().data;
    disk.write(BLOCKS as u32, &pattern(1, 1)).good();
    image.file().set_len((BLOCKS * BLOCK) as u64).unwrap();
    let shrunk = operator.send(r#"{"command":"resize","target":0}"#);

    assert_eq!(resized, json!({ "ok": true, "blocks": 2 * BLOCKS }));
    assert_eq!(event, (3, 0, 0x2a | 0x09 << 8));
    assert_eq!(news.key(), (UNIT_ATTENTION, 0x2a, 9));
    assert_eq!(capacity[3], 127);
    assert_eq!(shrunk["blocks"], BLOCKS);
}

/// As many images of eight blocks, beside the first.
fn images(count: usize) -> (Image, Vec<String>) {
    let first = driver::Image::new(8 * BLOCK);
    let mut paths = vec![first.path().to_owned()];
    for n in 1..count {
        let path = first.beside(&format!("image{n}"));
        std::fs::write(&path, [0; 8 * BLOCK]).unwrap();
        paths.push(path);
    }
    (first, paths)
}

#[test]
fn of_256_targets_the_last_has_its_own_image_and_one_more_is_refused() {
    let (first, paths) = images(257);
    let control = first.beside("control");
    let mut args = vec!["--control", control.as_str()];
    args.extend(paths[..256].iter().map(String::as_str));
    let daemon = daemon(&args);
    let mut guest = guest(&daemon);
    let mut operator = Operator::connect(&control);

    let written = Disk::new(&mut guest, 255, 0)
        .settle()
        .write(3, &pattern(900, 1));
    let listed = operator.send(r#"{"command":"list"}"#);
    let add = json!({ "command": "add", "image": paths[256] });
    let refused = operator.send(&add.to_string());

    written.good();
    let mut expected = vec![0; 8 * BLOCK];
    expected[3 * BLOCK..4 * BLOCK].copy_from_slice(&pattern(900, 1));
    assert!(std::fs::read(&paths[255]).unwrap() == expected);
    assert_eq!(listed["units"].as_array().unwrap().len(), 256);
    assert_eq!(refused["ok"], false);
    let error = refused["error"].as_str().unwrap();
    assert!(error.contains("all 256 targets"), "{error}");
}

#[test]
fn a_257th_image_on_the_command_line_is_refused_by_name() {
    let (first, paths) = images(257);
    let socket = first.beside("s.sock");
    let mut command = process::command(EXE);
    command
        .args(["-s", &socket, "--log-level", "error"])
        .args(&paths)
        .stdin(Stdio::null());

    let output = process::output(&mut command, TIMEOUT).unwrap();

    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains(&paths[256]), "{line}");
    assert!(line.contains("all 256 targets"), "{line}");
}

/// Linux's driver takes the third and the fourth byte for the unit's number as they are.
#[test]
fn events_name_units_as_report_luns_does() {
    let (first, second, third) = (image(), image(), image());
    let control = first.beside("control");
    let daemon = daemon(&["--control", &control, first.path()]);
    let mut guest = guest(&daemon);
    post_events(&mut guest, 4);
    let mut operator = Operator::connect(&control);

    for (image, target, lun) in [(&second, 0, 7), (&third, 5, 300)] {
        let add = json!({ "command": "add", "image": image.path(), "target": target, "lun": lun });
        assert_eq!(operator.send(&add.to_string())["ok"], true);
    }
    operator.send(&json!({ "command": "resize", "target": 0, "size": 8192 }).to_string());
    operator.send(r#"{"command":"remove","target":0}"#);
    let addresses = [(); 4].map(|()| next_event_with_address(&mut guest).1);

    assert_eq!(
        addresses,
        [
            [1, 0, 0, 7, 0, 0, 0, 0],
            [1, 5, 0x41, 0x2c, 0, 0, 0, 0],
            [1, 0, 0, 0, 0, 0, 0, 0],
            [1, 0, 0, 0, 0, 0, 0, 0],
        ]
    );
}

#[test]
fn an_image_that_was_cut_to_nothing_keeps_the_size_that_guests_know() {
    let image = image();
    let control = image.beside("control");
    let daemon = daemon(&["--control", &control, image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    image.file().set_len(BLOCK as u64 - 1).unwrap();
    let refused = Operator::connect(&control).send(r#"{"command":"resize","target":0}"#);
    let capacity = disk.run(&ten(0x25, 0, 0), &[], 8).good().data;

    assert_eq!(refused["ok"], false);
    assert!(
        refused["error"]
            .as_str()
            .unwrap()
            .contains("less than a block")
    );
    assert_eq!(capacity[3], 63);
}

#[test]
fn events_without_buffers_wait_and_too_many_are_told_as_missed() {
    let image = image();
    let control = image.beside("control");
    let daemon = daemon(&["--control", &control, image.path()]);
    let mut guest = guest(&daemon);
    let mut operator = Operator::connect(&control);
    let sizes = [BLOCKS, 2 * BLOCKS];
    for n in 0..70 {
        let size = sizes[(n + 1) % 2] * BLOCK;
        let resize = json!({ "command": "resize", "target": 0, "size": size });
        assert_eq!(operator.send(&resize.to_string())["ok"], true);
    }

    post_events(&mut guest, 1);
    let first = next_event(&mut guest);

    assert_eq!(first, (3 | MISSED, 0, 0x2a | 0x09 << 8));
}

#[test]
fn a_driver_that_did_not_take_the_features_gets_no_events() {
    let image = image();
    let control = image.beside("control");
    let daemon = daemon(&["--control", &control, image.path()]);
    let mut guest = Guest::builder(daemon.path())
        .features(CHANGE)
        .timeout(TIMEOUT)
        .boot()
        .unwrap();
    post_events(&mut guest, 2);
    let mut operator = Operator::connect(&control);
    let other = driver::Image::new(BLOCK * 8);

    let add = json!({ "command": "add", "image": other.path() });
    operator.send(&add.to_string());
    let resize = json!({ "command": "resize", "target": 0, "size": 8192 });
    operator.send(&resize.to_string());

    assert_eq!(
        next_event(&mut guest).0,
        3,
        "the first was not for this driver"
    );
}

#[test]
fn a_unit_that_is_added_has_the_cache_that_the_command_names() {
    let image = image();
    let control = image.beside("control");
    let daemon = daemon(&["--control", &control, image.path()]);
    let mut operator = Operator::connect(&control);
    let other = driver::Image::new(BLOCK * 8);

    let add = json!({
        "command": "add", "image": other.path(), "target": 7, "cache": "writethrough",
    });
    let added = operator.send(&add.to_string());
    let mut guest = guest(&daemon);
    let mut write_cache = |target: u8| {
        let mut disk = Disk::new(&mut guest, target, 0).settle();
        let page = disk.run(&[0x1a, 0, 8, 0, 24, 0], &[], 24).good();
        // Behind the header and the block descriptor.
        page.data[12 + 2] & 4
    };

    assert_eq!(added["ok"], true, "{added}");
    assert_eq!([write_cache(0), write_cache(7)], [4, 0]);
}

#[test]
fn wrong_commands_of_an_operator_are_answered_each() {
    let image = image();
    let control = image.beside("control");
    let _daemon = daemon(&["--control", &control, image.path()]);
    let mut operator = Operator::connect(&control);

    let answers = [
        operator.send("nonsense"),
        operator.send("{}"),
        operator.send(r#"{"command":"explode"}"#),
        operator.send(r#"{"command":"list","verbose":true}"#),
        operator.send(r#"{"command":"remove","target":9}"#),
        operator.send(r#"{"command":"remove","target":256}"#),
        operator.send(r#"{"command":"resize","target":9}"#),
        operator.send(r#"{"command":"resize","target":0,"size":1}"#),
        operator.send(r#"{"command":"add","image":"/no/such/image"}"#),
        operator.send(r#"{"command":"add","image":"/x","block_size":1000}"#),
        operator.send(r#"{"command":"add","image":"/x","wwn":"zz"}"#),
        operator.send(r#"{"command":"add","image":"/x","cache":"unsafe"}"#),
        operator.send(&json!({ "command": "add", "image": image.path() }).to_string()),
    ];

    for answer in answers {
        assert_eq!(answer["ok"], false, "{answer}");
        assert!(!answer["error"].as_str().unwrap().is_empty());
    }
    assert_eq!(operator.send(r#"{"command":"list"}"#)["ok"], true);
}

#[test]
fn an_operator_who_says_nothing_or_too_much_holds_nobody_up() {
    let image = image();
    let control = image.beside("control");
    let mut daemon = daemon(&["--control", &control, image.path()]);
    let silent: Vec<_> = (0..3).map(|_| Operator::connect(&control)).collect();
    let mut endless = Operator::connect(&control);

    let refused = endless.send(&"x".repeat(100_000));
    let listed = Operator::connect(&control).send(r#"{"command":"list"}"#);
    let mode = std::fs::metadata(&control).unwrap().permissions().mode();
    let status = daemon.terminate(TIMEOUT).unwrap();

    assert_eq!(refused["ok"], false);
    assert_eq!(listed["ok"], true);
    assert_eq!(mode & 0o777, 0o600);
    assert!(status.success());
    assert!(!std::path::Path::new(&control).exists());
    drop(silent);
}

#[test]
fn an_operator_who_comes_while_there_are_no_descriptors_is_served_when_there_are() {
    let image = image();
    let control = image.beside("control");
    let daemon = daemon(&["--control", &control, image.path()]);
    // It has all the descriptors that it needs.
    let _guest = guest(&daemon);
    let limit = |current| {
        let maximum = Some(4096);
        let limit = Rlimit { current, maximum };
        prlimit(Pid::from_raw(daemon.pid() as i32), Resource::Nofile, limit).unwrap();
    };
    // The standard ones are open, so there is none left to be had.
    limit(Some(3));
    let mut operator = Operator::connect(&control);
    let end = Instant::now() + TIMEOUT;
    while !daemon.stderr().contains("cannot be served") {
        assert!(Instant::now() < end, "nothing is said");
        std::thread::sleep(Duration::from_millis(2));
    }
    let process = daemon.process().unwrap();
    let before = process.cpu_time().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let spent = process.cpu_time().unwrap() - before;
    let lines = daemon.stderr().matches("cannot be served").count();

    limit(Some(1024));
    let listed = operator.send(r#"{"command":"list"}"#);

    assert_eq!(listed["ok"], true);
    assert!(spent < Duration::from_millis(250), "{spent:?}");
    assert_eq!(lines, 1);
}

#[test]
fn a_daemon_may_start_with_nothing_but_a_control_socket() {
    let image = image();
    let control = image.beside("control");
    let daemon = daemon(&["--control", &control]);
    let mut guest = guest(&daemon);
    let empty = Disk::new(&mut guest, 0, 0).run(&[0; 6], &[], 0);

    let add = json!({ "command": "add", "image": image.path() });
    Operator::connect(&control).send(&add.to_string());

    assert_eq!(empty.response, BAD_TARGET);
    Disk::new(&mut guest, 0, 0).settle().read(0, 1).good();
}

/// PERSISTENT RESERVE OUT.
fn reserve(disk: &mut Disk<'_>, action: u8, kind: u8, key: u64, other: u64, flags: u8) -> Answer {
    let cdb = [0x5f, action, kind, 0, 0, 0, 0, 0, 24, 0];
    let mut list = key.to_be_bytes().to_vec();
    list.extend(other.to_be_bytes());
    list.extend([0, 0, 0, 0, flags, 0, 0, 0]);
    disk.run(&cdb, &list, 0)
}

fn keys(disk: &mut Disk<'_>) -> Vec<u64> {
    let cdb = [0x5e, 0, 0, 0, 0, 0, 0, 0, 255, 0];
    let data = disk.run(&cdb, &[], 255).good().data;
    let len = u32::from_be_bytes(data[4..8].try_into().unwrap()) as usize;
    data[8..8 + len]
        .chunks(8)
        .map(|key| u64::from_be_bytes(key.try_into().unwrap()))
        .collect()
}

#[test]
fn one_guests_reservation_keeps_the_other_from_writing() {
    let image = image();
    let daemon = daemon_for(2, &[image.path()]);
    let (mut one, mut two) = (guest_on(&daemon, 0), guest_on(&daemon, 1));
    let mut owner = Disk::new(&mut one, 0, 0).settle();
    let mut other = Disk::new(&mut two, 0, 0).settle();

    reserve(&mut owner, 0, 0, 0, 0xaaaa, 0).good();
    reserve(&mut owner, 1, 1, 0xaaaa, 0, 0).good();
    let write = other.write(0, &pattern(9, 1));
    let read = other.read(0, 1);
    let mine = owner.write(1, &pattern(9, 1));
    let seen = keys(&mut other);
    reserve(&mut owner, 2, 1, 0xaaaa, 0, 0).good();
    let released = other.write(0, &pattern(9, 1));

    assert_eq!((write.response, write.status), (OK, CONFLICT));
    assert_eq!((read.status, mine.status), (GOOD, GOOD));
    assert_eq!(seen, [0xaaaa]);
    assert_eq!(released.status, GOOD);
}

#[test]
fn a_preempted_guest_hears_of_it_and_is_shut_out() {
    let image = image();
    let daemon = daemon_for(2, &[image.path()]);
    let (mut one, mut two) = (guest_on(&daemon, 0), guest_on(&daemon, 1));
    let mut first = Disk::new(&mut one, 0, 0).settle();
    let mut second = Disk::new(&mut two, 0, 0).settle();
    for (disk, key) in [(&mut first, 1), (&mut second, 2)] {
        reserve(disk, 0, 0, 0, key, 0).good();
    }
    reserve(&mut first, 1, 6, 1, 0, 0).good();

    reserve(&mut second, 5, 6, 2, 1, 0).good();
    let heard = first.run(&[0; 6], &[], 0);
    let read = first.read(0, 1);

    assert_eq!(heard.key(), (UNIT_ATTENTION, 0x2a, 5));
    assert_eq!(read.status, CONFLICT);
    assert_eq!(keys(&mut second), [2]);
    second.write(0, &pattern(1, 1)).good();
}

#[test]
fn a_parameter_list_of_another_length_is_refused() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    let short = disk.run(&[0x5f, 0, 0, 0, 0, 0, 0, 0, 23, 0], &[0; 23], 0);
    let long = disk.run(&[0x5f, 0, 0, 0, 0, 0, 1, 0, 0, 0], &[0; 65536], 0);
    let persist = reserve(&mut disk, 0, 0, 0, 5, 1);

    assert_eq!(short.key(), (ILLEGAL, 0x1a, 0));
    assert_eq!(long.key(), (ILLEGAL, 0x1a, 0));
    assert_eq!(
        (persist.key(), persist.field()),
        (INVALID_PARAMETER, (false, 20))
    );
}

#[test]
fn reservations_outlive_the_daemon_if_that_was_asked_for() {
    let image = image();
    let file = image.beside("reservations");
    let args = ["--reservations", &file, image.path()];
    let mut old = daemon_for(2, &args);
    let mut one = guest_on(&old, 0);
    let mut owner = Disk::new(&mut one, 0, 0).settle();
    reserve(&mut owner, 0, 0, 0, 77, 1).good();
    reserve(&mut owner, 1, 3, 77, 0, 0).good();
    old.signal(rustix::process::Signal::KILL).unwrap();
    old.wait_exit(TIMEOUT).unwrap();

    let new = daemon_for(2, &args);
    let (mut one, mut two) = (guest_on(&new, 0), guest_on(&new, 1));
    let mut owner = Disk::new(&mut one, 0, 0).settle();
    let mut other = Disk::new(&mut two, 0, 0).settle();

    assert_eq!(keys(&mut owner), [77]);
    assert_eq!(other.read(0, 1).status, CONFLICT);
    owner.write(0, &pattern(1, 1)).good();
}

#[test]
fn without_the_wish_reservations_end_with_the_daemon() {
    let image = image();
    let file = image.beside("reservations");
    let args = ["--reservations", &file, image.path()];
    let mut old = daemon(&args);
    let mut guest = driver::guest(&old);
    let mut owner = Disk::new(&mut guest, 0, 0).settle();
    reserve(&mut owner, 0, 0, 0, 77, 0).good();
    old.terminate(TIMEOUT).unwrap();

    let new = daemon(&args);
    let mut guest = driver::guest(&new);
    let mut owner = Disk::new(&mut guest, 0, 0).settle();

    assert!(keys(&mut owner).is_empty());
}

fn pair(image: &Image) -> (Daemon, Daemon) {
    let args = ["--no-lock", image.path()];
    (daemon(&args), daemon(&args))
}

#[test]
fn a_guest_that_moves_keeps_its_reservation_and_its_mode_and_is_not_told_of_a_reset() {
    let image = image();
    let (old, new) = pair(&image);
    let mut guest = guest(&old);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    reserve(&mut disk, 0, 0, 0, 5, 0).good();
    reserve(&mut disk, 1, 3, 5, 0, 0).good();
    let mut list = disk.run(&[0x1a, 8, 0x08, 0, 24, 0], &[], 24).good().data;
    (list[0], list[2]) = (0, 0);
    list[6] &= !0x04;
    disk.run(&[0x15, 0x10, 0, 0, 24, 0], &list, 0).good();
    guest.set_config(20, &64u32.to_le_bytes()).unwrap();

    let mut guest = guest.migrate(new.path()).unwrap();
    let config = guest.get_config(20, 4).unwrap();
    guest.set_config(20, &(SENSE as u32).to_le_bytes()).unwrap();
    let mut disk = Disk::new(&mut guest, 0, 0);
    let ready = disk.run(&[0; 6], &[], 0);
    let mode = disk.run(&[0x1a, 8, 0x08, 0, 24, 0], &[], 24).good().data;
    let held = disk
        .run(&[0x5e, 1, 0, 0, 0, 0, 0, 0, 255, 0], &[], 255)
        .good()
        .data;

    assert_eq!(config, [64, 0, 0, 0]);
    assert_eq!(ready.status, GOOD, "{ready:x?}");
    assert_eq!(mode[6] & 4, 0);
    assert_eq!((held[15], held[21]), (5, 3));
}

#[test]
fn a_guest_that_moves_reads_no_smaller_generation_of_its_keys() {
    let image = image();
    let (old, new) = pair(&image);
    let mut guest = guest(&old);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    // Of a key, its change, and its change back.
    for (key, other) in [(0, 5), (5, 6), (6, 5)] {
        reserve(&mut disk, 0, 0, key, other, 0).good();
    }
    let generation = |disk: &mut Disk<'_>| {
        let cdb = [0x5e, 0, 0, 0, 0, 0, 0, 0, 255, 0];
        let data = disk.run(&cdb, &[], 255).good().data;
        u32::from_be_bytes(data[..4].try_into().unwrap())
    };
    let before = generation(&mut disk);

    let mut guest = guest.migrate(new.path()).unwrap();
    let mut disk = Disk::new(&mut guest, 0, 0);
    let after = generation(&mut disk);
    reserve(&mut disk, 0, 0, 5, 7, 0).good();
    let changed = generation(&mut disk);

    assert_eq!((before, after, changed), (3, 3, 4));
}

#[test]
fn a_guest_that_moves_hears_that_an_image_has_another_size_there() {
    let (there, here) = (image(), image());
    let grown = std::fs::File::options().write(true).open(here.path());
    grown.unwrap().set_len((2 * BLOCKS * BLOCK) as u64).unwrap();
    let (old, new) = (daemon(&[there.path()]), daemon(&[here.path()]));
    let mut guest = guest(&old);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let known = disk.run(&ten(0x25, 0, 0), &[], 8).good().data[3];

    let mut guest = guest.migrate(new.path()).unwrap();
    post_events(&mut guest, 1);
    let event = next_event(&mut guest).0;
    let mut disk = Disk::new(&mut guest, 0, 0);
    let heard = disk.run(&[0; 6], &[], 0);
    let found = disk.run(&ten(0x25, 0, 0), &[], 8).good().data[3];

    assert_eq!((known, found), (63, 127));
    assert_eq!(heard.key(), (UNIT_ATTENTION, 0x2a, 9));
    assert_eq!(event & MISSED, MISSED);
}

#[test]
fn a_guest_that_moves_keeps_the_size_that_its_image_got_meanwhile() {
    let image = image();
    let control = image.beside("control");
    let old = daemon(&["--no-lock", "--control", &control, image.path()]);
    let new = daemon(&["--no-lock", image.path()]);
    let mut guest = guest(&old);
    let resize = json!({ "command": "resize", "target": 0, "size": 2 * BLOCKS * BLOCK });
    let resized = Operator::connect(&control).send(&resize.to_string());
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let known = disk.run(&ten(0x25, 0, 0), &[], 8).good().data[3];

    let mut guest = guest.migrate(new.path()).unwrap();
    let mut disk = Disk::new(&mut guest, 0, 0);
    let found = disk.run(&ten(0x25, 0, 0), &[], 8).good().data[3];

    assert_eq!(resized["ok"], true);
    assert_eq!((known, found), (127, 127));
}

#[test]
fn a_guest_that_moves_before_it_had_buffers_for_events_hears_that_it_missed_some() {
    let image = image();
    let control = image.beside("control");
    let old = daemon(&["--no-lock", "--control", &control, image.path()]);
    let new = daemon(&["--no-lock", image.path()]);
    let guest = guest(&old);
    let mut operator = Operator::connect(&control);
    for size in [2 * BLOCKS * BLOCK, BLOCKS * BLOCK] {
        let resize = json!({ "command": "resize", "target": 0, "size": size });
        assert_eq!(operator.send(&resize.to_string())["ok"], true);
    }

    let mut guest = guest.migrate(new.path()).unwrap();
    post_events(&mut guest, 1);
    let event = next_event(&mut guest);

    assert_eq!(event, (MISSED, 0, 0));
}

#[test]
fn no_command_is_lost_when_a_guest_moves_under_load() {
    let image = image();
    let (old, new) = pair(&image);
    let daemons = [&old, &new];
    let mut guest = guest(&old);
    Disk::new(&mut guest, 0, 0).settle();

    for round in 1..20 {
        for n in 0..20u32 {
            let mut cdb = ten(0x2a, n, 1);
            cdb[1] = 0x08;
            let write = header(address(0, 0), n.into(), 0, &cdb);
            let data = pattern(round * 100 + n, 1);
            guest
                .queue(REQUEST)
                .post(&[&write, &data], &[12 + SENSE])
                .unwrap();
        }
        guest.queue(REQUEST).kick().unwrap();
        guest = guest.migrate(daemons[round as usize % 2].path()).unwrap();
        guest.queue(REQUEST).kick_always();
        let replies = guest.queue(REQUEST).wait_all(TIMEOUT).unwrap();

        assert_eq!(replies.len(), 20);
        for reply in replies {
            driver::answer(&reply).good();
        }
        let content = image.content();
        assert!(content[..20 * BLOCK] == pattern(round * 100, 20)[..]);
    }
}

#[test]
fn a_guest_does_not_move_to_a_daemon_without_its_images() {
    let (image, other) = (image(), image());
    let (old, new) = (
        daemon(&["--disk", &format!("target=4,path={}", image.path())]),
        daemon(&[other.path()]),
    );
    let guest = guest(&old);

    let moved = guest.migrate(new.path());

    assert!(moved.is_err());
    let deadline = Instant::now() + Duration::from_secs(20);
    while !new.stderr().contains("start it with the same images") {
        assert!(Instant::now() < deadline, "{}", new.stderr());
        std::thread::yield_now();
    }
}
