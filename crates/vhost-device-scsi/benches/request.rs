// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a 4 KiB read or write costs the device on a local ring, beside the system call alone.

#![allow(missing_docs)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vhost_device_scsi::disk::{Cache, DiskOptions};
use vhost_device_scsi::server::{ImageOptions, Server};
use vhost_device_scsi::{Scsi, ScsiWorker};
use virtio_device::memory::{GuestAddress, MappedRegion, Memory, Tracking};
use virtio_device::{Device, EngineKind, GuestFaults, Queue, Queues, RingConfig, Token, Worker};

const SIZE: u16 = 256;
const QUEUE: u16 = 2;
const BATCH: u16 = 32;
const DESCRIPTORS: u64 = 0x1000;
const AVAILABLE: u64 = 0x3000;
const USED: u64 = 0x4000;
const REQUESTS: u64 = 0x1_0000;
const DATA: u64 = 0x10_0000;
const PIECE: u64 = 4096;
const PLACES: u64 = 4096;

const HEADER: u64 = 51;
const ANSWER: u64 = 108;
const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// A driver with so many requests of 4 KiB, each at another place every time.
struct Driver {
    memory: Arc<Memory>,
    slots: [Option<Queue>; 3],
    worker: ScsiWorker,
    available: u16,
    place: u64,
}

impl Driver {
    fn new(path: &Path, engine: EngineKind, code: u8) -> Self {
        let region = MappedRegion::anonymous(4 << 20, GuestAddress(0), &Tracking::new()).unwrap();
        let memory = Arc::new(Memory::new(vec![region]).unwrap());
        let reads = code == 0x28;
        for slot in 0..u64::from(BATCH) {
            let request = REQUESTS + slot * 0x400;
            let mut header = vec![1, 0, 0x40, 0];
            header.extend([0; HEADER as usize - 4]);
            header[19] = code;
            header[27] = 8;
            memory.write(request, &header).unwrap();
            let (data, answer) = (DATA + slot * PIECE, request + 0x200);
            let chain = if reads {
                [
                    (request, HEADER, 0),
                    (answer, ANSWER, WRITE),
                    (data, PIECE, WRITE),
                ]
            } else {
                [
                    (request, HEADER, 0),
                    (data, PIECE, 0),
                    (answer, ANSWER, WRITE),
                ]
            };
            for (n, (addr, len, flags)) in (0..).zip(chain) {
                let index = 3 * slot + n;
                let flags = flags | if n < 2 { NEXT } else { 0 };
                let mut descriptor = addr.to_le_bytes().to_vec();
                descriptor.extend((len as u32).to_le_bytes());
                descriptor.extend(flags.to_le_bytes());
                descriptor.extend((index as u16 + 1).to_le_bytes());
                memory.write(DESCRIPTORS + 16 * index, &descriptor).unwrap();
            }
        }
        for entry in 0..u64::from(SIZE) {
            let head = 3 * (entry as u16 % BATCH);
            let at = AVAILABLE + 4 + 2 * entry;
            memory.write(at, &head.to_le_bytes()).unwrap();
        }
        let options = ImageOptions {
            disk: DiskOptions {
                path: path.to_owned(),
                read_only: false,
                block_size: 512,
                cache: Cache::Writeback,
                unlocked: true,
            },
            solid_state: false,
            target: None,
            lun: 0,
            serial: None,
            wwn: None,
        };
        let server = Server::new(1, engine, None).unwrap();
        server.add(&options).unwrap();
        let config = RingConfig {
            size: SIZE,
            descriptors: DESCRIPTORS,
            available: AVAILABLE,
            used: USED,
            next_available: 0,
            next_used: Some(0),
            event_idx: false,
            indirect: false,
        };
        let faults = Arc::new(GuestFaults::new("bench"));
        let queue = Queue::new(QUEUE, config, memory.clone(), Box::new(()), faults).unwrap();
        Self {
            memory,
            slots: [None, None, Some(queue)],
            worker: Scsi::new(&server, 0, 1).worker(1).unwrap(),
            available: 0,
            place: 0,
        }
    }

    fn post(&mut self) {
        for slot in 0..u64::from(BATCH) {
            self.place = self
                .place
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let lba = ((self.place >> 33) % PLACES * 8) as u32;
            let at = REQUESTS + slot * 0x400 + 21;
            self.memory.write(at, &lba.to_be_bytes()).unwrap();
        }
        self.available = self.available.wrapping_add(BATCH);
        let index = self.available.to_le_bytes();
        self.memory.write(AVAILABLE + 2, &index).unwrap();
    }

    /// One turn, and more until all is answered.
    fn serve(&mut self) {
        if let Some(queue) = &mut self.slots[QUEUE as usize] {
            queue.begin_turn();
        }
        self.worker.kicked(QUEUE, &mut Queues::new(&mut self.slots));
        loop {
            if let Some(queue) = &mut self.slots[QUEUE as usize] {
                queue.flush();
                if queue.in_flight() == 0 {
                    return;
                }
            }
            self.worker
                .ready(Token(0), &mut Queues::new(&mut self.slots));
        }
    }
}

fn requests(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image");
    std::fs::write(&path, vec![1; (PLACES * PIECE) as usize]).unwrap();
    for (name, code) in [("read", 0x28), ("write", 0x2a)] {
        let mut group = criterion.benchmark_group(format!("scsi_{name}_4096_bytes"));
        group.throughput(Throughput::Elements(u64::from(BATCH)));
        for engine in [EngineKind::Uring, EngineKind::Threads] {
            if engine == EngineKind::Uring && vhost_device_scsi::server::probe_uring().is_err() {
                continue;
            }
            group.bench_function(format!("32 requests, {engine}"), |bencher| {
                let mut driver = Driver::new(&path, engine, code);
                bencher.iter_custom(|rounds| {
                    let mut spent = Duration::ZERO;
                    for _ in 0..rounds {
                        driver.post();
                        let start = Instant::now();
                        driver.serve();
                        spent += start.elapsed();
                    }
                    spent
                });
            });
        }
        group.bench_function("32 system calls", |bencher| {
            let file = File::options().read(true).write(true).open(&path).unwrap();
            let mut buffer = vec![0; PIECE as usize];
            let mut place = 0u64;
            bencher.iter(|| {
                for _ in 0..BATCH {
                    place = place
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let at = (place >> 33) % PLACES * PIECE;
                    if code == 0x28 {
                        file.read_exact_at(&mut buffer, at).unwrap();
                    } else {
                        file.write_all_at(&buffer, at).unwrap();
                    }
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, requests);
criterion_main!(benches);
