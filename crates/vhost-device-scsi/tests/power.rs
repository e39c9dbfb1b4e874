// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A power cut at any moment loses nothing that was flushed, as the block layer saw it.
//!
//! The image is a device-mapper target `log-writes` over a disk in memory: it records what reached
//! the medium, in the order in which flushes and forced writes made it stay. After each flush that
//! the driver was told of, the test puts a mark into that record; what stands before the mark must
//! have all that was flushed. `cargo xtask guest --tier lab` makes the target and runs this; it is no
//! part of `cargo test`, which has no right to load modules.
//!
//! | variable | what it is |
//! |---|---|
//! | `POWER_CUT_IMAGE` | the target |
//! | `POWER_CUT_LOG` | the device that it records to |
//! | `POWER_CUT_MARK` | a command that puts its last argument into the record as a mark |
//! | `POWER_CUT_END` | a command that closes the record |

#[allow(dead_code)]
mod driver;

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;

use driver::*;

/// What is written at a time: a page, so that the page cache writes no other chunk with it.
const CHUNK: usize = 4096;
const CHUNKS: u64 = 64;

/// How many writes are under way together, and how often.
const BATCH: usize = 8;
const BATCHES: usize = 60;

const SYNCHRONIZE_CACHE: u8 = 0x35;
const WRITE: u8 = 0x2a;
const FORCE_UNIT_ACCESS: u8 = 1 << 3;

/// Of each chunk, the number of the write that made its content. Numbers only grow.
type Contents = HashMap<u64, u64>;

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: see the head of this file"))
}

fn call(variable: &str, more: &[&str]) {
    let line = setting(variable);
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    let status = command.args(words).args(more).status().unwrap();
    assert!(status.success(), "{line} {more:?}: {status}");
}

/// What a driver did, and what it may rely on after each mark.
struct Driver {
    number: u64,
    written: Contents,
    flushed: Contents,
    promises: Vec<Contents>,
}

impl Driver {
    /// Writes eight chunks at once, and waits for all.
    fn write(&mut self, disk: &mut Disk<'_>, flags: u8) {
        let queue = disk.guest.queue(REQUEST);
        for n in 0..BATCH as u64 {
            self.number += 1;
            let chunk =
                (self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % (CHUNKS / 8) * 8 + n;
            let mut data = vec![0; CHUNK];
            data[..8].copy_from_slice(&self.number.to_le_bytes());
            let blocks = (CHUNK / BLOCK) as u32;
            let mut cdb = ten(WRITE, chunk as u32 * blocks, blocks as u16);
            cdb[1] |= flags;
            let header = header(disk.address, self.number, 0, &cdb);
            queue.post(&[&header, &data], &[12 + SENSE]).unwrap();
            self.written.insert(chunk, self.number);
            if flags & FORCE_UNIT_ACCESS != 0 {
                self.flushed.insert(chunk, self.number);
            }
        }
        queue.kick().unwrap();
        for reply in queue.wait_all(TIMEOUT).unwrap() {
            answer(&reply).good();
        }
    }

    fn flush(&mut self, disk: &mut Disk<'_>) {
        disk.run(&ten(SYNCHRONIZE_CACHE, 0, 0), &[], 0).good();
        self.flushed = self.written.clone();
    }

    /// From here on, what was flushed stays.
    fn mark(&mut self) {
        call("POWER_CUT_MARK", &[&self.promises.len().to_string()]);
        self.promises.push(self.flushed.clone());
    }
}

/// An entry of the record, as `drivers/md/dm-log-writes.c` writes it.
struct Entry {
    sector: u64,
    sectors: u64,
    flags: u64,
    /// Where its data is in the record, or its text.
    data: u64,
    text: String,
}

const DISCARD: u64 = 1 << 2;
const MARK: u64 = 1 << 3;
const END: &str = "dm-log-writes-end";

/// All entries, up to the one that closes the record.
fn entries(log: &File) -> Vec<Entry> {
    let word = |at: u64| {
        let mut bytes = [0; 8];
        log.read_exact_at(&mut bytes, at).unwrap();
        u64::from_le_bytes(bytes)
    };
    assert_eq!(word(0), 0x006a_7366_7773_6872, "no record of log-writes");
    let sector_size = word(24) & 0xffff_ffff;
    let mut found = Vec::new();
    let mut at = sector_size;
    loop {
        let [sector, sectors, flags, length] = [0, 8, 16, 24].map(|field| word(at + field));
        let mut text = vec![0; length as usize];
        log.read_exact_at(&mut text, at + 32).unwrap();
        let entry = Entry {
            sector: sector * sector_size,
            sectors: sectors * sector_size,
            flags,
            data: at + sector_size,
            text: String::from_utf8_lossy(&text).into_owned(),
        };
        if entry.flags & MARK != 0 && entry.text == END {
            return found;
        }
        at += sector_size;
        if flags & DISCARD == 0 {
            at += entry.sectors;
        }
        found.push(entry);
    }
}

/// Plays the record, and compares what stays at each mark with what was promised there. Returns how
/// many writes, seen from the marks, had been answered without being promised, and were not there.
fn check(log: &File, promises: &[Contents], written: &[Contents]) -> usize {
    let mut medium = Contents::new();
    let mut marks = 0;
    let mut lost = 0;
    for entry in entries(log) {
        if entry.flags & MARK != 0 {
            let mark: usize = entry.text.parse().unwrap();
            assert_eq!(mark, marks, "marks are in order");
            for (chunk, &number) in &promises[mark] {
                let found = medium.get(chunk).copied().unwrap_or(0);
                assert!(
                    found >= number,
                    "a power cut at mark {mark} loses write {number} of chunk {chunk}: {found} stays"
                );
            }
            let missed =
                |(chunk, &number): (&u64, &u64)| medium.get(chunk).copied().unwrap_or(0) < number;
            lost += written[mark].iter().filter(|&entry| missed(entry)).count();
            marks += 1;
            continue;
        }
        for offset in (0..entry.sectors).step_by(CHUNK) {
            let mut number = [0; 8];
            log.read_exact_at(&mut number, entry.data + offset).unwrap();
            let chunk = (entry.sector + offset) / CHUNK as u64;
            medium.insert(chunk, u64::from_le_bytes(number));
        }
    }
    assert_eq!(marks, promises.len(), "all marks are in the record");
    lost
}

#[test]
fn no_power_cut_loses_what_was_flushed() {
    let image = setting("POWER_CUT_IMAGE");
    let mut driver = Driver {
        number: 0,
        written: Contents::new(),
        flushed: Contents::new(),
        promises: Vec::new(),
    };
    let mut written = Vec::new();
    for way in [
        &["--io-engine", "auto"][..],
        &["--io-engine", "threads"],
        &["--cache", "writethrough"],
        &["--cache", "none"],
    ] {
        let through = way.contains(&"writethrough");
        let daemon = daemon(&[way, &[&image]].concat());
        let mut guest = guest(&daemon);
        let mut disk = Disk::new(&mut guest, 0, 0).settle();
        for batch in 0..BATCHES {
            let forced = batch % 5 == 3;
            driver.write(&mut disk, if forced { FORCE_UNIT_ACCESS } else { 0 });
            if through {
                driver.flushed = driver.written.clone();
            } else if batch % 3 == 1 {
                driver.flush(&mut disk);
            }
            driver.mark();
            written.push(driver.written.clone());
        }
        // The next daemon finds a medium on which all stays.
        driver.flush(&mut disk);
    }
    call("POWER_CUT_END", &[]);

    let log = File::open(setting("POWER_CUT_LOG")).unwrap();
    let lost = check(&log, &driver.promises, &written);

    // Else the record would show as well what a cut loses, and prove nothing.
    assert!(lost > 0);
    println!(
        "power: {} cuts lose nothing that was flushed, and {lost} writes that were not",
        driver.promises.len()
    );
}
