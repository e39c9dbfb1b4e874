// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The driver's side of virtio-scsi, written from the specification and not from the device's code.

#![allow(dead_code, missing_docs, unreachable_pub)]

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use virtio_guest::{Daemon, Guest, Queue, Reply};

pub const EXE: &str = env!("CARGO_BIN_EXE_vhost-device-scsi");
pub const TIMEOUT: Duration = Duration::from_secs(30);

pub const CONTROL: u16 = 0;
pub const EVENT: u16 = 1;
pub const REQUEST: u16 = 2;

pub const HOTPLUG: u64 = 1 << 1;
pub const CHANGE: u64 = 1 << 2;

pub const SENSE: usize = 96;
pub const BLOCK: usize = 512;

pub const GOOD: u8 = 0;
pub const CHECK: u8 = 2;
pub const CONFLICT: u8 = 0x18;

pub const OK: u8 = 0;
pub const OVERRUN: u8 = 1;
pub const BAD_TARGET: u8 = 3;
pub const FAILURE: u8 = 9;

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub response: u8,
    pub status: u8,
    pub residual: usize,
    pub sense: Vec<u8>,
    /// All of the room for data, written or not.
    pub data: Vec<u8>,
}

impl Answer {
    pub fn parse(bytes: &[u8], sense_size: usize) -> Self {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let sense_len = word(0);
        Self {
            residual: word(4),
            status: bytes[10],
            response: bytes[11],
            sense: bytes[12..12 + sense_len].to_vec(),
            data: bytes[12 + sense_size..].to_vec(),
        }
    }

    /// Key, code and qualifier, of the fixed format.
    pub fn key(&self) -> (u8, u8, u8) {
        assert_eq!(
            (self.response, self.status),
            (OK, CHECK),
            "no check condition: {self:x?}"
        );
        (self.sense[2] & 0xf, self.sense[12], self.sense[13])
    }

    /// Byte of the command block, or of the data, that sense data points at.
    pub fn field(&self) -> (bool, u16) {
        assert_eq!(self.sense[15] & 0x80, 0x80, "no field: {self:x?}");
        let byte = u16::from_be_bytes([self.sense[16], self.sense[17]]);
        (self.sense[15] & 0x40 != 0, byte)
    }

    #[track_caller]
    pub fn good(self) -> Self {
        assert_eq!((self.response, self.status), (OK, GOOD), "{self:x?}");
        self
    }
}

pub const UNIT_ATTENTION: u8 = 6;
pub const ILLEGAL: u8 = 5;
pub const INVALID_OPCODE: (u8, u8, u8) = (5, 0x20, 0);
pub const OUT_OF_RANGE: (u8, u8, u8) = (5, 0x21, 0);
pub const INVALID_CDB: (u8, u8, u8) = (5, 0x24, 0);
pub const INVALID_PARAMETER: (u8, u8, u8) = (5, 0x26, 0);
pub const WRITE_PROTECTED: (u8, u8, u8) = (7, 0x27, 0);

pub fn address(target: u8, lun: u16) -> [u8; 8] {
    [1, target, 0x40 | (lun >> 8) as u8, lun as u8, 0, 0, 0, 0]
}

/// The readable part of a request before its data.
pub fn header(address: [u8; 8], tag: u64, attribute: u8, cdb: &[u8]) -> Vec<u8> {
    let mut bytes = address.to_vec();
    bytes.extend(tag.to_le_bytes());
    bytes.extend([attribute, 0, 0]);
    let mut block = [0; 32];
    block[..cdb.len()].copy_from_slice(cdb);
    bytes.extend(block);
    bytes
}

pub fn command(
    queue: &mut Queue,
    address: [u8; 8],
    cdb: &[u8],
    data_out: &[u8],
    data_in: usize,
) -> Answer {
    let header = header(address, 1, 0, cdb);
    let reply = queue
        .request(&[&header, data_out], &[12 + SENSE, data_in])
        .unwrap();
    answer(&reply)
}

pub fn answer(reply: &Reply) -> Answer {
    Answer::parse(&reply.bytes(), SENSE)
}

/// A disk and its driver.
pub struct Disk<'a> {
    pub guest: &'a mut Guest,
    pub address: [u8; 8],
}

impl<'a> Disk<'a> {
    pub fn new(guest: &'a mut Guest, target: u8, lun: u16) -> Self {
        Self {
            guest,
            address: address(target, lun),
        }
    }

    pub fn run(&mut self, cdb: &[u8], data_out: &[u8], data_in: usize) -> Answer {
        let address = self.address;
        command(self.guest.queue(REQUEST), address, cdb, data_out, data_in)
    }

    /// Hears all that there is to hear, as a driver does before it goes on.
    pub fn settle(mut self) -> Self {
        for _ in 0..16 {
            let answer = self.run(&[0; 6], &[], 0);
            if answer.status == GOOD {
                return self;
            }
            assert_eq!(answer.key().0, UNIT_ATTENTION, "{answer:x?}");
        }
        panic!("unit attentions without end");
    }

    pub fn read(&mut self, lba: u32, blocks: u16) -> Answer {
        let cdb = ten(0x28, lba, blocks);
        self.run(&cdb, &[], usize::from(blocks) * BLOCK)
    }

    pub fn write(&mut self, lba: u32, data: &[u8]) -> Answer {
        let cdb = ten(0x2a, lba, (data.len() / BLOCK) as u16);
        self.run(&cdb, data, 0)
    }

    pub fn flush(&mut self) -> Answer {
        self.run(&ten(0x35, 0, 0), &[], 0)
    }
}

/// A command block of ten bytes with a range.
pub fn ten(code: u8, lba: u32, blocks: u16) -> [u8; 10] {
    let lba = lba.to_be_bytes();
    let blocks = blocks.to_be_bytes();
    [
        code, 0, lba[0], lba[1], lba[2], lba[3], 0, blocks[0], blocks[1], 0,
    ]
}

pub fn sixteen(code: u8, lba: u64, blocks: u32) -> [u8; 16] {
    let mut cdb = [0; 16];
    cdb[0] = code;
    cdb[2..10].copy_from_slice(&lba.to_be_bytes());
    cdb[10..14].copy_from_slice(&blocks.to_be_bytes());
    cdb
}

/// Blocks that say which they are.
pub fn pattern(first: u32, blocks: u32) -> Vec<u8> {
    (first..first + blocks)
        .flat_map(|block| block.to_be_bytes().repeat(BLOCK / 4))
        .collect()
}

/// An image of so many bytes, whose blocks say which they are.
pub struct Image {
    pub directory: TempDir,
    pub path: PathBuf,
}

impl Image {
    pub fn new(bytes: usize) -> Self {
        // Not in memory: a tmpfs has no direct I/O on older kernels.
        let directory = tempfile::Builder::new()
            .prefix("scsi")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .unwrap();
        let path = directory.path().join("image");
        let mut content = pattern(0, bytes.div_ceil(BLOCK) as u32);
        content.truncate(bytes);
        std::fs::write(&path, content).unwrap();
        Self { directory, path }
    }

    pub fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    pub fn beside(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().into()
    }

    pub fn content(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }

    pub fn file(&self) -> File {
        File::options()
            .read(true)
            .write(true)
            .open(&self.path)
            .unwrap()
    }
}

/// A daemon on plain `--socket-path`.
pub fn daemon(args: &[&str]) -> Daemon {
    Daemon::builder(EXE).args(args).spawn().unwrap()
}

/// A daemon for several guests.
pub fn daemon_for(guests: usize, args: &[&str]) -> Daemon {
    Daemon::builder(EXE)
        .sockets(guests)
        .args(["--socket-count", &guests.to_string()])
        .args(args)
        .spawn()
        .unwrap()
}

/// Waits until the daemon has said this. What it writes comes by another thread.
pub fn await_words(daemon: &Daemon, words: &str) {
    let end = Instant::now() + TIMEOUT;
    while !daemon.stderr().contains(words) {
        assert!(Instant::now() < end, "no '{words}': {}", daemon.stderr());
        std::thread::yield_now();
    }
}

pub fn guest(daemon: &Daemon) -> Guest {
    guest_on(daemon, 0)
}

pub fn guest_on(daemon: &Daemon, socket: usize) -> Guest {
    Guest::builder(daemon.socket(socket))
        .features(HOTPLUG | CHANGE)
        .timeout(TIMEOUT)
        .memory_size(16 << 20)
        .boot()
        .unwrap()
}
