// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What packets of a stream cost the device on a local ring, beside a Unix socket alone.

#![allow(missing_docs)]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vhost_device_vsock::spec::{Header, OP_CREDIT_UPDATE, OP_REQUEST, OP_RW, RX, TX, TYPE_STREAM};
use vhost_device_vsock::{Backend, Limits, Switch, Vsock};
use virtio_device::memory::{GuestAddress, MappedRegion, Memory, Tracking};
use virtio_device::{GuestFaults, Interrupt, RingConfig, Start, WorkerOptions, WorkerThread};
use zerocopy::{FromBytes, IntoBytes};

const SIZE: u16 = 64;
const HEADER: u64 = size_of::<Header>() as u64;
const BATCH: u16 = 16;
const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// Where the parts of a ring lie; one ring a mebibyte.
const AVAILABLE: u64 = 0x2000;
const USED: u64 = 0x3000;
const BUFFERS: u64 = 0x4000;
const RING: u64 = 1 << 22;

struct Silent;

impl Interrupt for Silent {
    fn used(&self) {}
}

/// A guest with a connection to a program of the host.
struct Driver {
    memory: Arc<Memory>,
    thread: WorkerThread,
    kick: rustix::fd::OwnedFd,
    stream: UnixStream,
    posted: u16,
    _directory: tempfile::TempDir,
}

impl Driver {
    fn new(len: u32) -> Self {
        let region = MappedRegion::anonymous(3 * RING as usize, GuestAddress(0), &Tracking::new());
        let memory = Arc::new(Memory::new(vec![region.unwrap()]).unwrap());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("v");
        let listener = UnixListener::bind(directory.path().join("v_1")).unwrap();
        let limits = Limits {
            window: 1 << 20,
            ..Limits::default()
        };
        let backend = Backend::Unix(path);
        let device = Vsock::new(3, Vec::new(), &Switch::new(), backend, limits).unwrap();
        let options = WorkerOptions {
            poll: Duration::from_millis(1),
            on_stall: Arc::new(|| {}),
            on_fault: Arc::new(|fault| panic!("{fault}")),
            faults: Arc::new(GuestFaults::new("bench")),
        };
        let thread = WorkerThread::spawn(Arc::new(device), 0, options).unwrap();
        thread.negotiated(1).unwrap();
        let flags = rustix::event::EventfdFlags::CLOEXEC;
        let kick = rustix::event::eventfd(0, flags).unwrap();
        for index in 0..SIZE {
            let at = u64::from(index);
            let room = BUFFERS + at * (HEADER + 4096);
            describe(&memory, RX, index, room, HEADER as u32 + 4096, WRITE, 0);
        }
        for slot in 0..BATCH {
            let header = RING + BUFFERS + u64::from(slot) * 64;
            let payload = RING + BUFFERS + 0x1000 + u64::from(slot) * u64::from(len);
            describe(
                &memory,
                TX,
                2 * slot,
                header,
                HEADER as u32,
                NEXT,
                2 * slot + 1,
            );
            describe(&memory, TX, 2 * slot + 1, payload, len, 0, 0);
        }
        let control = RING + BUFFERS + 0x800;
        describe(&memory, TX, SIZE - 1, control, HEADER as u32, 0, 0);
        for index in 0..SIZE {
            offer(&memory, RX, index, index);
        }
        show(&memory, RX, SIZE);
        for queue in [RX, TX] {
            let base = u64::from(queue) * RING;
            thread
                .start(Start {
                    index: queue,
                    config: RingConfig {
                        size: SIZE,
                        descriptors: base,
                        available: base + AVAILABLE,
                        used: base + USED,
                        next_available: 0,
                        next_used: Some(0),
                        event_idx: false,
                        indirect: false,
                    },
                    memory: memory.clone(),
                    interrupt: Box::new(Silent),
                    kick: Some(rustix::io::dup(&kick).unwrap()),
                    enabled: true,
                })
                .unwrap();
        }
        let request = header(OP_REQUEST, 0);
        memory.write(control, request.as_bytes()).unwrap();
        offer(&memory, TX, 0, SIZE - 1);
        show(&memory, TX, 1);
        rustix::io::write(&kick, &1u64.to_ne_bytes()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let data = header(OP_RW, len);
        for slot in 0..BATCH {
            let at = RING + BUFFERS + u64::from(slot) * 64;
            memory.write(at, data.as_bytes()).unwrap();
        }
        let mut driver = Self {
            memory,
            thread,
            kick,
            stream,
            posted: 1,
            _directory: directory,
        };
        // The answer, and no more.
        driver.wait(RX, 1);
        driver
    }

    fn wait(&mut self, queue: u16, wanted: u16) {
        let mut index = [0; 2];
        while u16::from_le_bytes(index) != wanted {
            let at = u64::from(queue) * RING + USED + 2;
            self.memory.read(at, &mut index).unwrap();
            std::hint::spin_loop();
        }
    }

    /// Has a batch of packets sent, and reads them.
    fn exchange(&mut self, buffer: &mut [u8]) {
        for slot in 0..BATCH {
            offer(&self.memory, TX, self.posted, 2 * slot);
            self.posted = self.posted.wrapping_add(1);
        }
        show(&self.memory, TX, self.posted);
        rustix::io::write(&self.kick, &1u64.to_ne_bytes()).unwrap();
        self.stream.read_exact(buffer).unwrap();
        self.wait(TX, self.posted);
        // Receive buffers are lent again by telling that all of those used are free.
        let mut used = [0; 2];
        self.memory.read(USED + 2, &mut used).unwrap();
        let shown = SIZE.wrapping_add(u16::from_le_bytes(used));
        for back in 0..SIZE {
            let at = shown.wrapping_sub(SIZE).wrapping_add(back);
            offer(&self.memory, RX, at, at % SIZE);
        }
        show(&self.memory, RX, shown);
    }
}

fn header(op: u16, len: u32) -> Header {
    Header {
        src_cid: 3.into(),
        dst_cid: 2.into(),
        src_port: 9.into(),
        dst_port: 1.into(),
        len: len.into(),
        kind: TYPE_STREAM.into(),
        op: op.into(),
        buf_alloc: (1 << 20).into(),
        ..Header::default()
    }
}

fn describe(memory: &Memory, queue: u16, index: u16, addr: u64, len: u32, flags: u16, next: u16) {
    let mut descriptor = addr.to_le_bytes().to_vec();
    descriptor.extend(len.to_le_bytes());
    descriptor.extend(flags.to_le_bytes());
    descriptor.extend(next.to_le_bytes());
    let at = u64::from(queue) * RING + 16 * u64::from(index);
    memory.write(at, &descriptor).unwrap();
}

fn offer(memory: &Memory, queue: u16, at: u16, head: u16) {
    let entry = u64::from(queue) * RING + AVAILABLE + 4 + 2 * u64::from(at % SIZE);
    memory.write(entry, &head.to_le_bytes()).unwrap();
}

fn show(memory: &Memory, queue: u16, index: u16) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
    let at = u64::from(queue) * RING + AVAILABLE + 2;
    memory.write(at, &index.to_le_bytes()).unwrap();
}

fn packets(criterion: &mut Criterion) {
    for len in [64u32, 4096, 65536] {
        let mut group = criterion.benchmark_group(format!("vsock_{len}_bytes"));
        let bytes = u64::from(len) * u64::from(BATCH);
        let mut buffer = vec![0; bytes as usize];
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function("16 packets to the host", |bencher| {
            let mut driver = Driver::new(len);
            bencher.iter(|| driver.exchange(&mut buffer));
            let mut last = [0; HEADER as usize];
            driver.memory.read(BUFFERS, &mut last).unwrap();
            assert!(Header::read_from_bytes(&last).unwrap().op.get() <= OP_CREDIT_UPDATE);
            driver.thread.stop(TX).unwrap();
        });
        group.bench_function("16 writes to a socket", |bencher| {
            bencher.iter_custom(|rounds| {
                let (mut reader, mut writer) = UnixStream::pair().unwrap();
                let part = vec![0; len as usize];
                let thread = std::thread::spawn(move || {
                    for _ in 0..rounds * u64::from(BATCH) {
                        writer.write_all(&part).unwrap();
                    }
                });
                let start = Instant::now();
                for _ in 0..rounds {
                    reader.read_exact(&mut buffer).unwrap();
                }
                let spent = start.elapsed();
                thread.join().unwrap();
                spent
            });
        });
        group.finish();
    }
}

criterion_group!(benches, packets);
criterion_main!(benches);
