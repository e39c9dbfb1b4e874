// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The SCSI device: 4 KiB at random places of an image that is in the page cache.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use virtio_guest::Guest;
use virtio_guest::measure::{self, Load, Wait};

use super::Cpus;
use super::report::{Figure, Unit};
use super::socket::{Scale, Subject, wake_up_trip};
use crate::Result;
use crate::demo::{scsi_request, scsi_write_request};
use crate::devices::IMAGE_SIZE;

const QUEUE: u16 = 2;
const SIZE: usize = 4096;
const PLACES: u64 = IMAGE_SIZE / SIZE as u64;

/// Where the first block stands in a request: behind 19 bytes of header, from byte 2 on.
const LBA: std::ops::Range<usize> = 21..25;

/// The same places in the same order for every subject.
fn place(n: u64) -> u64 {
    let mut x = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) % PLACES
}

fn at_random(n: u64, request: &mut [u8]) {
    let lba = place(n) as u32 * (SIZE / 512) as u32;
    request[LBA].copy_from_slice(&lba.to_be_bytes());
}

/// One round: a fresh daemon, and all loads.
pub(crate) fn figures(subject: &Subject, cpus: Option<Cpus>, scale: Scale) -> Result<Vec<Figure>> {
    let mut out = Vec::new();
    let mut add = |name: &str, unit, value: f64| {
        out.push(Figure {
            name: name.to_owned(),
            unit,
            value,
        });
    };
    let daemon = subject.start_unseen(cpus)?;
    let process = daemon.process()?;
    std::thread::sleep(Duration::from_millis(200));
    let idle = process.resident()?;
    add(
        "memory before a guest",
        Unit::Size,
        (idle.anonymous + idle.file) as f64,
    );
    let mut guest = Guest::builder(daemon.path())
        .queue_size(128)
        .boot()
        .map_err(|error| format!("{error}: {}", daemon.stderr()))?;
    // The first commands tell of the reset.
    for _ in 0..4 {
        guest.queue(QUEUE).request(&[&test_unit_ready()], &[108])?;
    }
    let load = |request: crate::demo::Request, depth: u16, requests: u64, wait: Wait| Load {
        queue: QUEUE,
        readable: request.readable,
        writable: request.writable,
        depth,
        requests: requests / scale.divisor,
        warm_up: requests / scale.divisor / 10,
        wait,
        rewrite: Some(at_random),
        ..Load::default()
    };
    let nanos = |time: Option<Duration>| time.unwrap_or_default().as_nanos() as f64;

    let reads = load(scsi_request(SIZE), 32, 400_000, Wait::Poll);
    let writes = load(scsi_write_request(SIZE), 32, 400_000, Wait::Poll);
    for (name, load, way) in [("read", &reads, Way::Read), ("write", &writes, Way::Write)] {
        let plain = plain_rate(subject, way, load.requests);
        let ring = ring_rate(subject, way, 32, load.requests);
        let figures = measure::run(&mut guest, load, Some(&process))?;
        let mut add = |what: &str, unit, value| {
            add(&format!("4 KiB {name}, depth 32: {what}"), unit, value);
        };
        add("requests", Unit::Rate, figures.rate());
        let cpu = nanos(figures.cpu_per_request());
        add("daemon CPU per request", Unit::Time, cpu);
        let of = |rate: f64| 100.0 * figures.rate() / rate;
        if let Some(plain) = plain {
            add(way.plain_loop(), Unit::Percent, of(plain));
        }
        if let Some(ring) = ring {
            add("of an io_uring loop", Unit::Percent, of(ring));
        }
    }

    let single = load(scsi_request(SIZE), 1, 20_000, Wait::Sleep);
    let figures = measure::run(&mut guest, &single, Some(&process))?;
    let times = figures.round_trips.clone().unwrap_or_default();
    let median = nanos(Some(times.median()));
    add(
        "4 KiB read, depth 1: round trip, median",
        Unit::Time,
        median,
    );
    let most = nanos(Some(times.quantile(0.99)));
    add(
        "4 KiB read, depth 1: round trip, 99 % below",
        Unit::Time,
        most,
    );
    let cpu = nanos(figures.cpu_per_request());
    add(
        "4 KiB read, depth 1: daemon CPU per request",
        Unit::Time,
        cpu,
    );
    let wakes = wake_up_trip(cpus, single.requests)?.as_nanos() as f64;
    add(
        "two threads that wake each other: round trip, median",
        Unit::Time,
        wakes,
    );
    let used = process.resident()?;
    add(
        "memory after the load",
        Unit::Size,
        (used.anonymous + used.file) as f64,
    );
    drop(guest);
    drop(daemon);
    for queues in [1, 4] {
        // The published daemon has no such flag.
        let Ok(cpu) = cpu_on_queues(subject, cpus, &reads, queues) else {
            break;
        };
        let name = format!("4 KiB read, {queues} of 4 queues: daemon CPU per request");
        add(&name, Unit::Time, cpu);
    }
    Ok(out)
}

/// CPU time of a request, in ns, where a daemon with four queues is busy on so many.
fn cpu_on_queues(subject: &Subject, cpus: Option<Cpus>, load: &Load, queues: u16) -> Result<f64> {
    let daemon = subject.with(&["--num-queues", "4"]).start_unseen(cpus)?;
    let process = daemon.process()?;
    std::thread::sleep(Duration::from_millis(200));
    let mut guest = Guest::builder(daemon.path())
        .queue_size(128)
        .queues(QUEUE + 4)
        .boot()?;
    for _ in 0..4 {
        guest.queue(QUEUE).request(&[&test_unit_ready()], &[108])?;
    }
    let busy: Vec<_> = (QUEUE..QUEUE + queues).collect();
    let load = Load {
        requests: load.requests / u64::from(queues),
        warm_up: load.warm_up / u64::from(queues),
        ..load.clone()
    };
    let figures = measure::run_queues(&mut guest, &load, &busy, Some(&process))?;
    let cpu = figures.cpu_per_request().unwrap_or_default();
    Ok(cpu.as_nanos() as f64)
}

fn test_unit_ready() -> Vec<u8> {
    [1, 0, 0x40, 0].into_iter().chain([0; 47]).collect()
}

/// What is done to the image, by the daemon and by loops without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Read,
    Write,
}

impl Way {
    fn plain_loop(self) -> &'static str {
        match self {
            Self::Read => "of a pread loop",
            Self::Write => "of a pwrite loop",
        }
    }

    /// The daemon's lock on the image is advisory, and its content of no matter.
    fn open(self, subject: &Subject) -> Option<File> {
        let write = self == Self::Write;
        let mut options = File::options();
        let options = options.read(!write).write(write);
        options.open(subject.arguments().first()?).ok()
    }
}

/// Requests a second by a plain loop over the same image.
fn plain_rate(subject: &Subject, way: Way, requests: u64) -> Option<f64> {
    let file = way.open(subject)?;
    let mut buffer = vec![0; SIZE];
    let start = Instant::now();
    for n in 0..requests {
        let at = place(n) * SIZE as u64;
        match way {
            Way::Read => file.read_exact_at(&mut buffer, at).ok()?,
            Way::Write => file.write_all_at(&buffer, at).ok()?,
        }
    }
    Some(requests as f64 / start.elapsed().as_secs_f64())
}

/// Requests a second by io_uring, so many in flight; `None` where it is forbidden.
fn ring_rate(subject: &Subject, way: Way, depth: u32, requests: u64) -> Option<f64> {
    let file = way.open(subject)?;
    let mut buffers = vec![[0_u8; SIZE]; depth as usize];
    let mut ring = io_uring::IoUring::new(depth).ok()?;
    let mut free: Vec<usize> = (0..buffers.len()).collect();
    let (mut posted, mut done, mut failed) = (0, 0, false);
    let start = Instant::now();
    // To the end of all that is in flight, whatever happens: the buffers go afterwards.
    while done < posted || (posted < requests && !failed) {
        while posted < requests
            && !failed
            && let Some(slot) = free.pop()
        {
            let fd = io_uring::types::Fd(file.as_raw_fd());
            let buffer = buffers[slot].as_mut_ptr();
            let at = place(posted) * SIZE as u64;
            let entry = match way {
                Way::Read => {
                    let read = io_uring::opcode::Read::new(fd, buffer, SIZE as u32);
                    read.offset(at).build()
                }
                Way::Write => {
                    let write = io_uring::opcode::Write::new(fd, buffer, SIZE as u32);
                    write.offset(at).build()
                }
            };
            let entry = entry.user_data(slot as u64);
            // SAFETY: the file is open and the buffers are there until nothing is in flight; and a buffer
            // is in use by one request, for its slot is not free.
            failed = unsafe { ring.submission().push(&entry) }.is_err();
            posted += u64::from(!failed);
        }
        // An interrupted wait is no more than one that is over early.
        let _ = ring.submit_and_wait(1);
        for completion in ring.completion() {
            failed |= completion.result() != SIZE as i32;
            free.push(completion.user_data() as usize);
            done += 1;
        }
    }
    (!failed).then(|| requests as f64 / start.elapsed().as_secs_f64())
}
