// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What one request of 64 bytes on a local ring costs the device, which answers at once.
//!
//! Each measurement is of a batch: the driver posts it before the clock starts, the device takes,
//! answers and shows all of it, then the clock stops. The time is that of the batch, and the
//! throughput tells the requests. `post` is what the driver's part would add.

#![allow(missing_docs)]

#[path = "../tests/driver/mod.rs"]
mod driver;

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use driver::{Driver, Silent, faults, readable, writable};
use virtio_device::memory::GuestMemoryMmap;
use virtio_device::{Queue, Queues, Requests, RingConfig, Worker};

const ANSWER: [u8; 64] = [0x5a; 64];

/// Requests that the driver posts at a time.
const BATCHES: [u16; 2] = [1, 32];

struct Answer;

impl Requests for Answer {
    fn handle(&mut self, request: &mut virtio_device::Chain) {
        request.write(&ANSWER);
    }
}

/// Ready-made chains, so that posting is a matter of heads.
struct Posted {
    driver: Driver,
    heads: Vec<u16>,
}

impl Posted {
    fn new(mut driver: Driver, shape: Shape) -> Self {
        let heads = (0..64)
            .map(|_| {
                let (request, room) = (driver.place(16), driver.place(64));
                match shape {
                    Shape::Write => driver.link(&[writable(room, 64)]),
                    Shape::ReadWrite => driver.link(&[readable(request, 16), writable(room, 64)]),
                    Shape::Indirect => {
                        let chain = [readable(request, 16), writable(room, 64)];
                        let table = driver.table(&chain, 0);
                        driver.link(&[table])
                    }
                }
            })
            .collect();
        Self { driver, heads }
    }

    fn post(&mut self, batch: u16) {
        for _ in 0..batch {
            let next = usize::from(self.driver.next_available) % self.heads.len();
            self.driver.push(self.heads[next]);
        }
        self.driver.publish();
    }
}

#[derive(Clone, Copy)]
enum Shape {
    Write,
    ReadWrite,
    Indirect,
}

fn queue_of(driver: &Driver, event_idx: bool) -> Queue {
    let config = RingConfig {
        event_idx,
        ..driver.config()
    };
    driver.set_no_interrupt(true);
    driver.set_used_event(driver.next_used.wrapping_sub(1));
    Queue::new(0, config, driver.memory.clone(), Box::new(Silent), faults()).unwrap()
}

/// Times `device` alone, each time on a batch that was just posted.
fn timed(posted: &mut Posted, batch: u16, rounds: u64, mut device: impl FnMut()) -> Duration {
    let mut spent = Duration::ZERO;
    for _ in 0..rounds {
        posted.post(batch);
        let start = Instant::now();
        device();
        spent += start.elapsed();
    }
    spent
}

fn ours(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("answer_64_bytes");
    for batch in BATCHES {
        group.throughput(Throughput::Elements(u64::from(batch)));
        let shapes = [
            ("write", Shape::Write, false),
            ("write_event_idx", Shape::Write, true),
            ("read_write", Shape::ReadWrite, false),
            ("indirect", Shape::Indirect, false),
        ];
        for (name, shape, event_idx) in shapes {
            let mut posted = Posted::new(Driver::new(256), shape);
            let mut slots = [Some(queue_of(&posted.driver, event_idx))];
            let mut worker = Answer;
            group.bench_function(format!("{name}/{batch}"), |bencher| {
                bencher.iter_custom(|rounds| {
                    timed(&mut posted, batch, rounds, || {
                        if let Some(queue) = &mut slots[0] {
                            queue.begin_turn();
                            queue.disable_notification();
                        }
                        worker.kicked(0, &mut Queues::new(&mut slots));
                        if let Some(queue) = &mut slots[0] {
                            queue.flush();
                            queue.enable_notification();
                        }
                    })
                });
            });
        }
        let mut posted = Posted::new(Driver::new(256), Shape::Write);
        group.bench_function(format!("post/{batch}"), |bencher| {
            bencher.iter(|| posted.post(batch));
        });
        let mut posted = Posted::new(Driver::new(256), Shape::Write);
        group.bench_function(format!("nothing/{batch}"), |bencher| {
            bencher.iter_custom(|rounds| timed(&mut posted, batch, rounds, || ()));
        });
    }
    group.finish();
}

/// The same by `virtio_queue::Queue` and its iterators, as a device would be written without this
/// crate.
fn virtio_queue(criterion: &mut Criterion) {
    use virtio_queue::{Queue, QueueT};
    use vm_memory::{Bytes, GuestAddress};

    let mut group = criterion.benchmark_group("virtio_queue_64_bytes");
    for batch in BATCHES {
        group.throughput(Throughput::Elements(u64::from(batch)));
        for (name, shape) in [("write", Shape::Write), ("read_write", Shape::ReadWrite)] {
            let (memory, theirs) = driver::shared_memory();
            let mut posted = Posted::new(Driver::in_memory(memory, 256, 0), shape);
            let config = posted.driver.config();
            posted.driver.set_no_interrupt(true);
            let mut queue = Queue::new(256).unwrap();
            let table = GuestAddress(config.descriptors);
            queue.try_set_desc_table_address(table).unwrap();
            let available = GuestAddress(config.available);
            queue.try_set_avail_ring_address(available).unwrap();
            let used = GuestAddress(config.used);
            queue.try_set_used_ring_address(used).unwrap();
            queue.set_ready(true);
            let memory: &GuestMemoryMmap = &theirs;
            group.bench_function(format!("{name}/{batch}"), |bencher| {
                bencher.iter_custom(|rounds| {
                    timed(&mut posted, batch, rounds, || {
                        queue.disable_notification(memory).unwrap();
                        while let Some(chain) = queue.pop_descriptor_chain(memory) {
                            let head = chain.head_index();
                            let mut written = 0;
                            for descriptor in chain {
                                if descriptor.is_write_only() {
                                    let len = ANSWER.len().min(descriptor.len() as usize);
                                    memory
                                        .write_slice(&ANSWER[..len], descriptor.addr())
                                        .unwrap();
                                    written += len as u32;
                                }
                            }
                            queue.add_used(memory, head, written).unwrap();
                        }
                        queue.needs_notification(memory).unwrap();
                        queue.enable_notification(memory).unwrap();
                    })
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, ours, virtio_queue);
criterion_main!(benches);
