// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The daemon over its socket: data, commands, sense data and the rules of the transport.

mod driver;

use std::os::unix::fs::FileExt;
use std::process::Stdio;

use driver::*;
use virtio_guest::process;

const BLOCKS: u32 = 256;

fn image() -> Image {
    Image::new(BLOCKS as usize * BLOCK)
}

/// Each way of moving data that there is.
const WAYS: [&[&str]; 4] = [
    &["--io-engine", "auto"],
    &["--io-engine", "threads"],
    &["--cache", "writethrough"],
    &["--cache", "writethrough", "--io-engine", "threads"],
];

#[test]
fn what_is_written_is_read_back_and_stands_in_the_image() {
    for way in WAYS {
        let image = image();
        let daemon = daemon(&[way, &[image.path()]].concat());
        let mut guest = guest(&daemon);
        let mut disk = Disk::new(&mut guest, 0, 0).settle();
        let data = pattern(1000, 24);

        disk.write(8, &data).good();
        let read = disk.read(7, 26).good();
        disk.flush().good();

        let expected = [pattern(7, 1), data.clone(), pattern(32, 1)].concat();
        assert!(read.data == expected, "{way:?}");
        assert_eq!(read.residual, 0);
        assert!(
            image.content()[8 * BLOCK..32 * BLOCK] == data[..],
            "{way:?}"
        );
    }
}

#[test]
fn reads_and_writes_of_all_four_lengths_reach_the_same_blocks() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let mut twelve = [0; 12];
    twelve[..10].copy_from_slice(&ten(0xaa, 3, 0));
    twelve[9] = 1;

    disk.run(&[0x0a, 0, 0, 1, 1, 0], &pattern(101, 1), 0).good();
    disk.run(&ten(0x2a, 2, 1), &pattern(102, 1), 0).good();
    disk.run(&twelve, &pattern(103, 1), 0).good();
    disk.run(&sixteen(0x8a, 4, 1), &pattern(104, 1), 0).good();
    twelve[0] = 0xa8;
    let reads = [
        disk.run(&[0x08, 0, 0, 1, 1, 0], &[], BLOCK),
        disk.run(&ten(0x28, 2, 1), &[], BLOCK),
        disk.run(&twelve, &[], BLOCK),
        disk.run(&sixteen(0x88, 4, 1), &[], BLOCK),
    ];

    for (read, block) in reads.into_iter().zip(101..) {
        assert!(read.good().data == pattern(block, 1), "block {block}");
    }
}

#[test]
fn a_read_of_six_bytes_without_length_is_of_256_blocks() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    let read = disk.run(&[0x08, 0, 0, 0, 0, 0], &[], 256 * BLOCK).good();

    assert!(read.data == pattern(0, 256));
}

#[test]
fn a_forced_write_is_made() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let mut cdb = ten(0x2a, 5, 1);
    cdb[1] = 0x08;

    disk.run(&cdb, &pattern(77, 1), 0).good();

    assert!(image.content()[5 * BLOCK..6 * BLOCK] == pattern(77, 1)[..]);
}

#[test]
fn every_framing_of_a_request_is_answered() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    Disk::new(&mut guest, 0, 0).settle();
    let data = pattern(500, 2);
    let write = [header(address(0, 0), 9, 0, &ten(0x2a, 1, 2)), data.clone()].concat();
    let read = header(address(0, 0), 9, 0, &ten(0x28, 1, 2));

    for cut in [1, 7, 8, 19, 50, 51, 52, 700, write.len() - 1] {
        let reply = guest
            .queue(REQUEST)
            .request(&[&write[..cut], &write[cut..]], &[5, 7 + SENSE])
            .unwrap();
        assert_eq!(answer(&reply).status, GOOD, "cut at {cut}");
    }
    for cut in [1, 11, 12, 100, 108, 109, 108 + BLOCK, 107 + 2 * BLOCK] {
        let whole = 12 + SENSE + 2 * BLOCK;
        let reply = guest
            .queue(REQUEST)
            .request_indirect(&[&read[..3], &read[3..]], &[cut, whole - cut])
            .unwrap();
        let answer = answer(&reply).good();
        assert!(answer.data == data, "cut at {cut}");
        assert_eq!(reply.written(), whole);
    }
}

#[test]
fn too_little_room_for_the_data_is_an_overrun_and_moves_nothing() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    let read = disk.run(&ten(0x28, 0, 2), &[], BLOCK);
    let write = disk.run(&ten(0x2a, 0, 2), &pattern(9, 1), 0);
    let direction = disk.run(&ten(0x28, 0, 1), &pattern(9, 1), 0);
    let other = disk.run(&ten(0x2a, 0, 1), &[], BLOCK);

    for answer in [read, write, direction, other] {
        assert_eq!((answer.response, answer.residual), (OVERRUN, BLOCK));
    }
    assert!(image.content() == pattern(0, BLOCKS));
}

#[test]
fn more_room_than_data_is_told_as_residual() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    let read = disk.run(&ten(0x28, 0, 1), &[], 3 * BLOCK).good();
    let write = disk.run(&ten(0x2a, 0, 1), &pattern(9, 3), 0).good();
    let inquiry = disk.run(&[0x12, 0, 0, 0, 255, 0], &[], 255).good();
    let short = disk.run(&[0x12, 0, 0, 0, 5, 0], &[], 36).good();

    assert_eq!(read.residual, 2 * BLOCK);
    assert_eq!(write.residual, 2 * BLOCK);
    assert_eq!(inquiry.residual, 255 - 96);
    assert_eq!(short.residual, 31);
    assert_eq!(short.data[4..6], [91, 0]);
}

#[test]
fn data_in_both_directions_is_a_failure() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    let answer = disk.run(&[0x12, 0, 0, 0, 36, 0], &[0; 8], 36);

    assert_eq!(answer.response, FAILURE);
}

#[test]
fn a_request_that_is_too_short_is_a_failure_and_the_next_is_answered() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let whole = header(address(0, 0), 1, 0, &[0; 6]);

    let queue = disk.guest.queue(REQUEST);
    let short = queue.request(&[&whole[..50]], &[12 + SENSE]).unwrap();
    let no_sense = queue.request(&[&whole], &[12 + SENSE - 1]).unwrap();
    let no_room = queue.request(&[&whole], &[11]).unwrap();
    let nothing = queue.request(&[], &[12 + SENSE]).unwrap();

    assert_eq!(short.bytes()[11], FAILURE);
    assert_eq!(no_sense.bytes()[11], FAILURE);
    assert_eq!(no_room.written(), 0);
    assert_eq!(nothing.bytes()[11], FAILURE);
    disk.read(0, 1).good();
}

#[test]
fn a_block_out_of_range_is_refused_and_named() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    let first = disk.read(BLOCKS, 1);
    let last = disk.read(BLOCKS - 1, 2);
    let far = disk.run(&sixteen(0x88, u64::MAX, 1), &[], BLOCK);
    let write = disk.write(BLOCKS - 1, &pattern(0, 2));
    let none = disk.run(&ten(0x28, BLOCKS, 0), &[], 0);

    for answer in [&first, &last, &far, &write, &none] {
        assert_eq!(answer.key(), OUT_OF_RANGE, "{answer:x?}");
    }
    let block = u32::from_be_bytes(first.sense[3..7].try_into().unwrap());
    assert_eq!((first.sense[0], block), (0xf0, BLOCKS));
    assert_eq!(first.residual, BLOCK);
    disk.read(BLOCKS - 1, 1).good();
}

#[test]
fn a_transfer_beyond_the_block_limits_is_refused() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let limits = disk.run(&[0x12, 1, 0xb0, 0, 64, 0], &[], 64).good().data;
    let most = u32::from_be_bytes(limits[8..12].try_into().unwrap());

    let verify = disk.run(&sixteen(0x8f, 0, most + 1), &[], 0);

    assert_eq!((verify.key(), verify.field()), (INVALID_CDB, (true, 10)));
}

#[test]
fn unknown_commands_and_bad_fields_are_pointed_at() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    let opcode = disk.run(&[0xff; 6], &[], 0);
    let action = disk.run(&sixteen(0x9e, 0, 0), &[], 0);
    let reserved = disk.run(&[0x00, 0, 0, 1, 0, 0], &[], 0);
    let page = disk.run(&[0x12, 1, 0x55, 0, 64, 0], &[], 64);

    assert_eq!(opcode.key(), INVALID_OPCODE);
    assert_eq!((action.key(), action.field()), (INVALID_CDB, (true, 1)));
    assert_eq!((reserved.key(), reserved.field()), (INVALID_CDB, (true, 3)));
    assert_eq!((page.key(), page.field()), (INVALID_CDB, (true, 2)));
}

#[test]
fn capacity_names_and_pages_are_told() {
    let image = image();
    let disk_arg = format!("serial=disk one,wwn=5000000000000001,path={}", image.path());
    let daemon = daemon(&["--solid-state", "--disk", &disk_arg]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    let ten_bytes = disk.run(&ten(0x25, 0, 0), &[], 8).good().data;
    let mut cdb = sixteen(0x9e, 0, 32);
    cdb[1] = 0x10;
    let sixteen_bytes = disk.run(&cdb, &[], 32).good().data;
    let page =
        |disk: &mut Disk, code: u8| disk.run(&[0x12, 1, code, 0, 255, 0], &[], 255).good().data;
    let supported = page(&mut disk, 0x00);
    let serial = page(&mut disk, 0x80);
    let names = page(&mut disk, 0x83);
    let limits = page(&mut disk, 0xb0);
    let characteristics = page(&mut disk, 0xb1);
    let provisioning = page(&mut disk, 0xb2);

    assert_eq!(ten_bytes, [0, 0, 0, 255, 0, 0, 2, 0]);
    assert_eq!(sixteen_bytes[..12], [0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 2, 0]);
    assert_eq!(
        supported[..10],
        [0, 0, 0, 6, 0, 0x80, 0x83, 0xb0, 0xb1, 0xb2]
    );
    assert_eq!(&serial[4..12], b"disk one");
    assert!(names.windows(8).any(|it| it == [0x50, 0, 0, 0, 0, 0, 0, 1]));
    assert_eq!(limits[..4], [0, 0xb0, 0, 0x3c]);
    assert_eq!(characteristics[4..6], [0, 1]);
    assert_eq!(provisioning[..2], [0, 0xb2]);
}

/// What the device is to know, by operation code and service action.
const KNOWN: &[(u8, Option<u8>)] = &[
    (0x00, None),
    (0x03, None),
    (0x08, None),
    (0x0a, None),
    (0x12, None),
    (0x15, None),
    (0x1a, None),
    (0x1b, None),
    (0x25, None),
    (0x28, None),
    (0x2a, None),
    (0x2f, None),
    (0x35, None),
    (0x41, None),
    (0x42, None),
    (0x55, None),
    (0x5a, None),
    (0x5e, Some(0)),
    (0x5e, Some(1)),
    (0x5e, Some(2)),
    (0x5e, Some(3)),
    (0x5f, Some(0)),
    (0x5f, Some(1)),
    (0x5f, Some(2)),
    (0x5f, Some(3)),
    (0x5f, Some(4)),
    (0x5f, Some(5)),
    (0x5f, Some(6)),
    (0x88, None),
    (0x8a, None),
    (0x8f, None),
    (0x91, None),
    (0x93, None),
    (0x9e, Some(0x10)),
    (0xa0, None),
    (0xa3, Some(0x0c)),
    (0xa3, Some(0x0d)),
    (0xa8, None),
    (0xaa, None),
    (0xaf, None),
];

#[test]
fn the_commands_that_are_reported_are_those_that_are_known() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let mut report = |option, code, action| {
        let cdb = [0xa3, 0x0c, option, code, 0, action, 0, 0, 0x10, 0, 0, 0];
        disk.run(&cdb, &[], 4096).good().data
    };

    let all = report(0, 0, 0);
    let one_by_one: Vec<_> = KNOWN
        .iter()
        .map(|&(code, action)| report(3, code, action.unwrap_or(0))[1] & 7)
        .collect();
    let format_unit = report(3, 0x04, 0)[1] & 7;
    let refused = disk.run(&[0x04, 0, 0, 0, 0, 0], &[], 0);

    let len = u32::from_be_bytes(all[..4].try_into().unwrap()) as usize;
    let listed: Vec<_> = all[4..4 + len]
        .chunks(8)
        .map(|it| (it[0], (it[5] & 1 != 0).then_some(it[3])))
        .collect();
    assert_eq!(listed, KNOWN);
    assert_eq!(one_by_one, vec![3; KNOWN.len()]);
    assert_eq!(format_unit, 1);
    assert_eq!(refused.key(), (5, 0x20, 0));
}

#[test]
fn blocks_of_4096_bytes_are_served() {
    let image = Image::new(8 * 4096);
    let daemon = daemon(&["--block-size", "4096", image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    let capacity = disk.run(&ten(0x25, 0, 0), &[], 8).good().data;
    let read = disk.run(&ten(0x28, 1, 1), &[], 4096).good().data;

    assert_eq!(capacity, [0, 0, 0, 7, 0, 0, 16, 0]);
    assert!(read == pattern(8, 8));
}

#[test]
fn an_image_is_rounded_down_to_blocks_with_a_warning() {
    let image = Image::new(10 * BLOCK + 100);
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    let capacity = disk.run(&ten(0x25, 0, 0), &[], 8).good().data;
    let last = disk.read(9, 1).good().data;

    assert_eq!(capacity[..4], [0, 0, 0, 9]);
    assert!(last == pattern(9, 1));
    await_words(&daemon, "the last 100 bytes");
}

#[test]
fn a_read_only_unit_refuses_every_command_that_writes() {
    let image = image();
    let daemon = daemon(&["--read-only", image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let block = pattern(0, 1);
    let mut twelve = [0; 12];
    twelve[0] = 0xaa;
    twelve[9] = 1;

    let answers = [
        disk.run(&[0x0a, 0, 0, 0, 1, 0], &block, 0),
        disk.run(&ten(0x2a, 0, 1), &block, 0),
        disk.run(&twelve, &block, 0),
        disk.run(&sixteen(0x8a, 0, 1), &block, 0),
        disk.run(&ten(0x41, 0, 1), &block, 0),
        disk.run(&sixteen(0x93, 0, 1), &block, 0),
    ];
    let unmap = disk.run(&ten(0x42, 0, 24), &[0; 24], 0);
    let mode = disk.run(&[0x1a, 0, 0x3f, 0, 255, 0], &[], 255).good().data;

    for answer in answers {
        assert_eq!(answer.key(), WRITE_PROTECTED);
    }
    assert_eq!(unmap.key(), INVALID_OPCODE);
    assert_eq!(mode[2] & 0x80, 0x80);
    disk.flush().good();
    disk.read(0, 1).good();
    assert!(image.content() == pattern(0, BLOCKS));
}

#[test]
fn the_file_of_a_read_only_unit_is_open_for_reading_alone() {
    let image = image();
    let daemon = daemon(&["-r", image.path()]);
    drop(guest(&daemon));

    let directory = format!("/proc/{}/fdinfo", daemon.pid());
    let links = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    let fd = links
        .flatten()
        .find(|link| std::fs::read_link(link.path()).is_ok_and(|path| path == image.path));
    let Some(fd) = fd else {
        // An emulator shows its own descriptors.
        assert!(process::emulator().is_some(), "the image is not open");
        return;
    };
    let info = format!("{directory}/{}", fd.file_name().to_string_lossy());
    let info = std::fs::read_to_string(info).unwrap();
    let flags = info
        .lines()
        .find(|line| line.starts_with("flags:"))
        .unwrap();

    assert!(flags.trim_end().ends_with('0'), "{flags}");
}

#[test]
fn discarded_blocks_read_as_zeroes_and_the_others_stay() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let mut list = vec![0, 38, 0, 32, 0, 0, 0, 0];
    for (lba, blocks) in [(8u64, 8u32), (100, 3)] {
        list.extend(lba.to_be_bytes());
        list.extend(blocks.to_be_bytes());
        list.extend([0; 4]);
    }

    disk.run(&ten(0x42, 0, list.len() as u16), &list, 0).good();

    let mut expected = pattern(0, BLOCKS);
    expected[8 * BLOCK..16 * BLOCK].fill(0);
    expected[100 * BLOCK..103 * BLOCK].fill(0);
    assert!(image.content() == expected);
}

#[test]
fn unmap_of_no_blocks_at_the_end_is_good_and_discards_nothing() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let mut list = vec![0, 22, 0, 16, 0, 0, 0, 0];
    list.extend(u64::from(BLOCKS).to_be_bytes());
    list.extend([0; 8]);

    disk.run(&ten(0x42, 0, list.len() as u16), &list, 0).good();

    assert!(image.content() == pattern(0, BLOCKS));
}

#[test]
fn a_bad_unmap_list_is_refused_and_discards_nothing() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let mut list = vec![0, 38, 0, 32, 0, 0, 0, 0];
    for (lba, blocks) in [(8u64, 8u32), (250, 7)] {
        list.extend(lba.to_be_bytes());
        list.extend(blocks.to_be_bytes());
        list.extend([0; 4]);
    }

    let range = disk.run(&ten(0x42, 0, list.len() as u16), &list, 0);
    let short = disk.run(&ten(0x42, 0, 7), &list[..7], 0);
    let empty = disk.run(&ten(0x42, 0, 0), &[], 0);

    assert_eq!(range.key(), OUT_OF_RANGE);
    assert_eq!(short.key(), (5, 0x1a, 0));
    assert_eq!(empty.status, GOOD);
    assert!(image.content() == pattern(0, BLOCKS));
}

#[test]
fn write_same_repeats_a_block_and_zeroes() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let mut without_data = sixteen(0x93, 40, 4);
    without_data[1] = 0x01;
    let mut unmapping = sixteen(0x93, 60, 4);
    unmapping[1] = 0x08;

    disk.run(&ten(0x41, 10, 4), &pattern(7, 1), 0).good();
    disk.run(&sixteen(0x93, 20, 4), &[0; BLOCK], 0).good();
    disk.run(&without_data, &[], 0).good();
    disk.run(&unmapping, &[0; BLOCK], 0).good();
    let none = disk.run(&ten(0x41, 10, 0), &pattern(7, 1), 0);

    let mut expected = pattern(0, BLOCKS);
    for block in 10..14 {
        expected[block * BLOCK..(block + 1) * BLOCK].copy_from_slice(&pattern(7, 1));
    }
    for first in [20, 40, 60] {
        expected[first * BLOCK..(first + 4) * BLOCK].fill(0);
    }
    assert_eq!(none.key(), INVALID_CDB);
    assert!(image.content() == expected);
}

#[test]
fn verify_tells_the_first_block_that_differs() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let compare = |bytchk: u8, lba: u32, blocks: u16| {
        let mut cdb = ten(0x2f, lba, blocks);
        cdb[1] = bytchk << 1;
        cdb
    };
    let mut data = pattern(4, 3);

    disk.run(&ten(0x2f, 0, 200), &[], 0).good();
    disk.run(&compare(1, 4, 3), &data, 0).good();
    disk.run(&compare(3, 4, 1), &pattern(4, 1), 0).good();
    data[2 * BLOCK + 5] ^= 1;
    let each = disk.run(&compare(1, 4, 3), &data, 0);
    let one = disk.run(&compare(3, 4, 2), &pattern(4, 1), 0);
    let reserved = disk.run(&compare(2, 4, 2), &[], 0);

    assert_eq!((each.key(), each.sense[6]), ((0xe, 0x1d, 0), 6));
    assert_eq!((one.key(), one.sense[6]), ((0xe, 0x1d, 0), 5));
    assert_eq!(reserved.key(), INVALID_CDB);
}

#[test]
fn a_write_cache_that_is_turned_off_stays_off_and_others_hear_of_it() {
    let image = image();
    let daemon = daemon_for(2, &[image.path()]);
    let (mut first, mut second) = (guest_on(&daemon, 0), guest_on(&daemon, 1));
    let mut disk = Disk::new(&mut first, 0, 0).settle();
    let mut other = Disk::new(&mut second, 0, 0).settle();
    let mut list = disk.run(&[0x1a, 8, 0x08, 0, 24, 0], &[], 24).good().data;
    let before = list[6];
    list[0] = 0;
    list[2] = 0;
    list[6] &= !0x04;

    disk.run(&[0x15, 0x10, 0, 0, 24, 0], &list, 0).good();
    let after = disk.run(&[0x1a, 8, 0x08, 0, 24, 0], &[], 24).good().data[6];
    let heard = other.run(&[0; 6], &[], 0);
    disk.write(0, &pattern(9, 1)).good();

    assert_eq!((before & 4, after & 4), (4, 0));
    assert_eq!(heard.key(), (6, 0x2a, 1));
}

#[test]
fn a_mode_that_was_sensed_by_ten_bytes_is_selected_by_ten_bytes() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    // Behind the header a block descriptor, whose form depends on LLBAA, and the caching page.
    for (accept_long, descriptor, write_cache) in [(0, 8, 0), (0x10, 16, 0x04)] {
        let len = 8 + descriptor + 20;
        let sense = [0x5a, accept_long, 0x08, 0, 0, 0, 0, 0, len as u8, 0];
        let mut list = disk.run(&sense, &[], len).good().data;
        let header = list[..8].to_vec();
        list[..2].fill(0);
        list[3] = 0;
        list[8 + descriptor + 2] = write_cache;

        let select = [0x55, 0x10, 0, 0, 0, 0, 0, 0, len as u8, 0];
        disk.run(&select, &list, 0).good();
        let after = disk.run(&[0x1a, 8, 0x08, 0, 24, 0], &[], 24).good().data[6];

        let long = u8::from(accept_long != 0);
        assert_eq!(header[..2], [0, len as u8 - 2]);
        assert_eq!(header[4..], [long, 0, 0, descriptor as u8]);
        assert_eq!(after & 0x04, write_cache, "descriptor of {descriptor}");
    }
}

#[test]
fn sense_data_has_the_descriptor_format_once_that_was_selected() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let mut list = disk.run(&[0x1a, 8, 0x0a, 0, 16, 0], &[], 16).good().data;
    list[0] = 0;
    list[2] = 0;
    list[6] |= 0x04;

    disk.run(&[0x15, 0x10, 0, 0, 16, 0], &list, 0).good();
    let answer = disk.read(BLOCKS, 1);

    assert_eq!(answer.status, CHECK);
    assert_eq!(answer.sense[..4], [0x72, 5, 0x21, 0]);
}

#[test]
fn a_stopped_unit_is_not_ready_until_it_is_started() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    disk.run(&[0x1b, 0, 0, 0, 0, 0], &[], 0).good();
    let read = disk.read(0, 1);
    let ready = disk.run(&[0; 6], &[], 0);
    let sense = disk.run(&[0x03, 0, 0, 0, 18, 0], &[], 18).good().data;
    disk.run(&[0x1b, 0, 0, 0, 1, 0], &[], 0).good();

    assert_eq!(read.key(), (2, 4, 2));
    assert_eq!(ready.key(), (2, 4, 2));
    assert_eq!((sense[2], sense[12]), (2, 4));
    disk.read(0, 1).good();
}

#[test]
fn targets_and_units_are_told_apart() {
    let images = [image(), image(), image()];
    let third = format!("target=1,lun=300,path={}", images[2].path());
    let daemon = daemon(&[images[0].path(), "--disk", &third, images[1].path()]);
    let mut guest = guest(&daemon);
    let mut first = Disk::new(&mut guest, 0, 0).settle();
    first.write(0, &pattern(50, 1)).good();
    let listed = first
        .run(&[0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0], &[], 64)
        .good();

    let mut absent = Disk::new(&mut guest, 1, 0);
    let inquiry = absent.run(&[0x12, 0, 0, 0, 36, 0], &[], 36).good();
    let refused = absent.run(&[0; 6], &[], 0);
    let report = absent
        .run(&[0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0], &[], 64)
        .good();
    let nobody = Disk::new(&mut guest, 9, 0).run(&[0; 6], &[], 0);
    let mut flat = Disk::new(&mut guest, 1, 300).settle();
    let flat_read = flat.read(0, 1).good();
    let mut second = Disk::new(&mut guest, 2, 0).settle();
    let second_read = second.read(0, 1).good();

    assert_eq!(
        listed.data[..16],
        [0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(inquiry.data[0], 0x7f);
    assert_eq!(refused.key(), (5, 0x25, 0));
    assert_eq!(
        report.data[..12],
        [0, 0, 0, 8, 0, 0, 0, 0, 0x41, 0x2c, 0, 0]
    );
    assert_eq!(nobody.response, BAD_TARGET);
    assert!(flat_read.data == pattern(0, 1));
    assert!(second_read.data == pattern(0, 1));
}

#[test]
fn the_well_known_unit_reports_and_bad_addresses_are_bad_targets() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let report = [0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0];
    let mut at = |address: [u8; 8]| command(guest.queue(REQUEST), address, &report, &[], 64);

    let of_target = at([1, 0, 0xc1, 1, 0, 0, 0, 0]);
    let of_all = at([0xc1, 1, 0, 0, 0, 0, 0, 0]);
    let bad = [
        at([0; 8]),
        at([1, 0, 0x80, 0, 0, 0, 0, 0]),
        at([1, 0, 0x40, 0, 0, 0, 0, 7]),
        at([0xff; 8]),
    ];

    assert_eq!(of_target.good().data[3], 8);
    assert_eq!(of_all.good().data[8..12], [1, 0, 0x40, 0]);
    for answer in bad {
        assert_eq!(answer.response, BAD_TARGET);
    }
}

#[test]
fn requests_on_several_queues_are_answered() {
    let image = image();
    let daemon = daemon(&["--num-queues", "4", image.path()]);
    let mut guest = guest(&daemon);
    Disk::new(&mut guest, 0, 0).settle();

    let queues = guest.queues();
    for queue in REQUEST..queues {
        let cdb = ten(0x28, u32::from(queue), 1);
        let read = command(guest.queue(queue), address(0, 0), &cdb, &[], BLOCK).good();
        assert!(read.data == pattern(u32::from(queue), 1));
    }

    assert_eq!(queues, 6);
    assert_eq!(guest.get_config(0, 4).unwrap(), [4, 0, 0, 0]);
}

#[test]
fn ordered_commands_among_others_are_all_answered_in_order() {
    let image = image();
    let daemon = daemon(&["--cache", "writethrough", image.path()]);
    let mut guest = guest(&daemon);
    Disk::new(&mut guest, 0, 0).settle();
    let queue = guest.queue(REQUEST);

    // Forced writes go through the engine, so that there is something to wait for.
    let tokens: Vec<_> = (0..15u32)
        .map(|n| {
            let attribute = u8::from(n % 5 == 4);
            let write = header(address(0, 0), n.into(), attribute, &ten(0x2a, 1, 1));
            queue
                .post(&[&write, &pattern(n, 1)], &[12 + SENSE])
                .unwrap()
        })
        .collect();
    queue.kick().unwrap();
    let replies = queue.wait_all(TIMEOUT).unwrap();

    assert_eq!(replies.len(), tokens.len());
    let place = |token| replies.iter().position(|reply| reply.token() == token);
    for (n, &token) in tokens.iter().enumerate() {
        for (m, &other) in tokens.iter().enumerate().take(n) {
            if n % 5 == 4 || m % 5 == 4 {
                assert!(place(other) < place(token), "{m} before {n}");
            }
        }
    }
    // The last one was ordered.
    assert!(image.content()[BLOCK..2 * BLOCK] == pattern(14, 1)[..]);
}

#[test]
fn sizes_that_the_driver_chooses_are_taken_and_others_are_not() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    Disk::new(&mut guest, 0, 0).settle();

    guest.set_config(20, &32u32.to_le_bytes()).unwrap();
    guest.set_config(24, &16u32.to_le_bytes()).unwrap();
    guest.set_config(24, &4096u32.to_le_bytes()).unwrap();
    guest.set_config(20, &1000u32.to_le_bytes()).unwrap();
    guest.set_config(0, &9u32.to_le_bytes()).unwrap();
    let config = guest.get_config(0, 36).unwrap();
    let request = &header(address(0, 0), 1, 0, &ten(0x28, BLOCKS, 1))[..19 + 16];
    let reply = guest
        .queue(REQUEST)
        .request(&[request], &[12 + 32, BLOCK])
        .unwrap();

    assert_eq!(config[20..28], [32, 0, 0, 0, 16, 0, 0, 0]);
    assert_eq!(config[0], 1);
    let answer = Answer::parse(&reply.bytes(), 32);
    assert_eq!(answer.key(), OUT_OF_RANGE);
}

#[test]
fn a_long_row_of_random_requests_is_answered_as_a_plain_array_would() {
    for way in WAYS {
        let image = image();
        let daemon = daemon(&[way, &[image.path()]].concat());
        let mut guest = guest(&daemon);
        let mut disk = Disk::new(&mut guest, 0, 0).settle();
        let mut expected = pattern(0, BLOCKS);
        let mut seed = 0x1234_5678_u32;
        let mut random = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) % below
        };

        for round in 0..300 {
            let lba = random(BLOCKS - 32);
            let blocks = 1 + random(32);
            let range = lba as usize * BLOCK..(lba + blocks) as usize * BLOCK;
            if random(2) == 0 {
                let data = pattern(round * 1000, blocks);
                disk.write(lba, &data).good();
                expected[range].copy_from_slice(&data);
            } else {
                let read = disk.read(lba, blocks as u16).good();
                assert!(read.data == expected[range], "{way:?} round {round}");
            }
        }
        disk.flush().good();

        assert!(image.content() == expected, "{way:?}");
    }
}

#[test]
fn direct_io_serves_buffers_that_lie_anyhow() {
    let image = image();
    let daemon = virtio_guest::Daemon::builder(EXE)
        .args(["--cache", "none", image.path()])
        .spawn();
    let Ok(daemon) = daemon else {
        eprintln!("skipped: no direct I/O in {}", image.path());
        return;
    };
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();
    let data = pattern(900, 9);

    // The data begins right behind the header, and the room behind the response.
    let write = [header(address(0, 0), 1, 0, &ten(0x2a, 3, 9)), data.clone()].concat();
    let written = disk
        .guest
        .queue(REQUEST)
        .request(&[&write], &[12 + SENSE])
        .unwrap();
    let read = header(address(0, 0), 1, 0, &ten(0x28, 3, 9));
    let room = 12 + SENSE + 9 * BLOCK;
    let read = disk
        .guest
        .queue(REQUEST)
        .request(&[&read], &[room])
        .unwrap();
    let aligned = disk.read(3, 9).good();
    disk.flush().good();

    assert_eq!(answer(&written).status, GOOD);
    assert!(answer(&read).good().data == data);
    assert!(aligned.data == data);
    assert!(image.content()[3 * BLOCK..12 * BLOCK] == data[..]);
}

#[test]
fn an_image_that_was_cut_is_a_medium_error_at_its_block() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0).settle();

    image.file().set_len(100 * BLOCK as u64).unwrap();
    let cut = disk.read(96, 16);
    let behind = disk.read(200, 1);

    assert_eq!((cut.key(), cut.sense[6]), ((3, 0x11, 0), 100));
    assert_eq!((behind.key(), behind.sense[6]), ((3, 0x11, 0), 200));
    disk.read(0, 8).good();
}

#[test]
fn the_daemon_goes_on_after_a_disconnect() {
    let image = image();
    let daemon = daemon(&[image.path()]);

    for round in 0..20 {
        let mut guest = guest(&daemon);
        let mut disk = Disk::new(&mut guest, 0, 0).settle();
        disk.write(1, &pattern(round, 1)).good();
        guest.vanish();
    }

    assert!(image.content()[BLOCK..2 * BLOCK] == pattern(19, 1)[..]);
}

#[test]
fn a_driver_hears_of_the_reset_that_it_made() {
    let image = image();
    let daemon = daemon(&[image.path()]);
    drop(guest(&daemon));

    let mut guest = guest(&daemon);
    let mut disk = Disk::new(&mut guest, 0, 0);
    let first = disk.run(&[0; 6], &[], 0);
    let inquiry = disk.run(&[0x12, 0, 0, 0, 36, 0], &[], 36);

    assert_eq!((first.key().0, first.key().1), (UNIT_ATTENTION, 0x29));
    assert_eq!(inquiry.status, GOOD);
}

#[test]
fn a_second_writer_is_refused_and_told_who_has_the_image() {
    let image = image();
    let first = daemon(&[image.path()]);

    let mut second = virtio_guest::Daemon::builder(EXE)
        .args(["-s", &image.beside("second.sock"), image.path()])
        .own_sockets()
        .without_waiting()
        .spawn()
        .unwrap();
    let status = second.wait_exit(TIMEOUT).unwrap();

    let line = second.stderr();
    let last = line.lines().last().unwrap_or_default();
    assert_eq!(status.code(), Some(1), "{line}");
    assert!(last.contains(image.path()), "{line}");
    assert!(last.contains("in use by"), "{line}");
    if process::emulator().is_none() {
        assert!(last.contains(&first.pid().to_string()), "{line}");
    }
}

#[test]
fn two_readers_share_an_image() {
    let image = image();
    let _first = daemon(&["-r", image.path()]);
    let second = daemon(&["-r", image.path()]);
    let mut guest = guest(&second);

    Disk::new(&mut guest, 0, 0).settle().read(0, 1).good();
}

#[test]
fn operators_mistakes_are_one_line_each() {
    let image = image();
    let socket = image.beside("s.sock");
    let small = image.beside("small");
    std::fs::write(&small, [0; 100]).unwrap();
    let missing = image.beside("missing");
    let run = |args: &[&str]| {
        let mut command = process::command(EXE);
        command
            .args(["-s", &socket, "--log-level", "error"])
            .args(args)
            .stdin(Stdio::null());
        let output = process::output(&mut command, TIMEOUT).unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), line)
    };

    for (args, status, words) in [
        (&[][..], 2, "IMAGE"),
        (&[missing.as_str()], 1, "exists"),
        (&[small.as_str()], 1, "less than one block"),
        (&["/dev/null"], 1, "block device"),
        (&[image.path(), image.path()], 1, "this daemon itself"),
    ] {
        let (code, line) = run(args);
        assert_eq!(code, status, "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.contains(words), "{line}");
    }
    assert_eq!(run(&["--block-size", "1000", image.path()]).0, 2);
    assert_eq!(run(&["--num-queues", "0", image.path()]).0, 2);
}

#[test]
fn the_chosen_engine_is_logged() {
    let image = image();

    let threads = daemon(&["--io-engine", "threads", image.path()]);
    let auto = daemon(&["--no-lock", image.path()]);
    drop((guest(&threads), guest(&auto)));

    await_words(&threads, "I/O engine: threads");
    await_words(&auto, "I/O engine: ");
}

#[test]
fn capabilities_are_json() {
    let mut command = process::command(EXE);
    command.arg("--print-capabilities").stdin(Stdio::null());
    let output = process::output(&mut command, TIMEOUT).unwrap();

    let text: String = String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(text, r#"{"type":"scsi","features":[]}"#);
}

#[test]
fn requests_in_flight_are_finished_before_a_queue_stops() {
    for way in WAYS {
        let image = image();
        let daemon = daemon(&[way, &[image.path()]].concat());
        let mut guest = guest(&daemon);
        Disk::new(&mut guest, 0, 0).settle();
        let queue = guest.queue(REQUEST);
        for n in 0..16u32 {
            let mut cdb = ten(0x2a, 8 * n, 8);
            cdb[1] = 0x08;
            let write = header(address(0, 0), n.into(), 0, &cdb);
            queue
                .post(&[&write, &pattern(n * 100, 8)], &[12 + SENSE])
                .unwrap();
        }
        queue.kick().unwrap();

        let base = guest.stop_queue(REQUEST).unwrap();
        let mut done = 0;
        while let Some(reply) = guest.queue(REQUEST).poll_used().unwrap() {
            assert_eq!(answer(&reply).status, GOOD);
            done += 1;
        }

        // Those before were settled with.
        assert!(usize::from(base) >= done, "{base} taken, {done} answered");
        assert_eq!(guest.queue(REQUEST).pending(), 16 - done);
        let mut block = vec![0; BLOCK];
        for n in 0..done {
            image
                .file()
                .read_exact_at(&mut block, (n * 8 * BLOCK) as u64)
                .unwrap();
            assert!(block == pattern(n as u32 * 100, 1), "{way:?} {n}");
        }
    }
}
