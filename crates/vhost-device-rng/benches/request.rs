// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What a request for random bytes costs the device on a local ring, beside getrandom alone.

#![allow(missing_docs)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rustix::rand::GetRandomFlags;
use vhost_device_rng::{Rng, Source};
use virtio_device::memory::{GuestAddress, MappedRegion, Memory, Tracking};
use virtio_device::{Device, GuestFaults, Queue, Queues, RingConfig, Worker};

const SIZE: u16 = 256;
const DESCRIPTORS: u64 = 0x1000;
const AVAILABLE: u64 = 0x2000;
const USED: u64 = 0x3000;
const BUFFERS: u64 = 0x1_0000;
const BATCH: u16 = 32;
const WRITE: u16 = 2;

/// A guest that asks for `len` bytes, `BATCH` times at once.
struct Driver {
    memory: Arc<Memory>,
    available: u16,
}

impl Driver {
    fn new(len: u32) -> Self {
        let region = MappedRegion::anonymous(1 << 20, GuestAddress(0), &Tracking::new()).unwrap();
        let memory = Arc::new(Memory::new(vec![region]).unwrap());
        for index in 0..SIZE {
            let addr = BUFFERS + u64::from(index % BATCH) * u64::from(len);
            let mut descriptor = addr.to_le_bytes().to_vec();
            descriptor.extend(len.to_le_bytes());
            descriptor.extend(WRITE.to_le_bytes());
            descriptor.extend(0u16.to_le_bytes());
            let at = DESCRIPTORS + 16 * u64::from(index);
            memory.write(at, &descriptor).unwrap();
            let entry = AVAILABLE + 4 + 2 * u64::from(index);
            memory.write(entry, &index.to_le_bytes()).unwrap();
        }
        Self {
            memory,
            available: 0,
        }
    }

    fn queue(&self) -> Queue {
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
        Queue::new(0, config, self.memory.clone(), Box::new(()), faults).unwrap()
    }

    fn post(&mut self) {
        self.available = self.available.wrapping_add(BATCH);
        let index = self.available.to_le_bytes();
        self.memory.write(AVAILABLE + 2, &index).unwrap();
    }
}

fn requests(criterion: &mut Criterion) {
    for len in [64u32, 4096] {
        let mut group = criterion.benchmark_group(format!("rng_{len}_bytes"));
        group.throughput(Throughput::Bytes(u64::from(len) * u64::from(BATCH)));
        group.bench_function("32 requests", |bencher| {
            let mut driver = Driver::new(len);
            let mut slots = [Some(driver.queue())];
            let mut worker = Rng::new(Source::Kernel).worker(0).unwrap();
            bencher.iter_custom(|rounds| {
                let mut spent = Duration::ZERO;
                for _ in 0..rounds {
                    driver.post();
                    let start = Instant::now();
                    slots[0].as_mut().unwrap().begin_turn();
                    worker.kicked(0, &mut Queues::new(&mut slots));
                    slots[0].as_mut().unwrap().flush();
                    spent += start.elapsed();
                }
                spent
            });
        });
        group.bench_function("32 calls of getrandom", |bencher| {
            let mut buffer = vec![0u8; len as usize];
            bencher.iter(|| {
                for _ in 0..BATCH {
                    rustix::rand::getrandom(&mut buffer, GetRandomFlags::empty()).unwrap();
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, requests);
criterion_main!(benches);
