// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The device as a library: a virtual machine monitor has the guest's memory and a
//! `virtio_queue::Queue` that its transport set up. No socket, no vhost-user.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use vhost_device_rng::{Rng, Source};
use virtio_device::memory::{GuestAddress, GuestMemoryMmap, Memory, Tracking};
use virtio_device::{
    Device, GuestFaults, Interrupt, Queue, Queues, RingConfig, Start, Worker, WorkerOptions,
    WorkerThread,
};
use virtio_queue::QueueT;

const TIMEOUT: Duration = Duration::from_secs(20);

const SIZE: u16 = 16;
const DESCRIPTORS: u64 = 0x1000;
const AVAILABLE: u64 = 0x2000;
const USED: u64 = 0x3000;
const BUFFER: u64 = 0x8000;

const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// What a monitor has of a guest, and the driver in that guest.
struct Monitor {
    memory: Arc<Memory>,
    queue: virtio_queue::Queue,
    available: u16,
    used: u16,
}

impl Monitor {
    fn boot() -> Self {
        let theirs: GuestMemoryMmap =
            GuestMemoryMmap::from_ranges(&[(GuestAddress(0), 0x1_0000)]).unwrap();
        let memory = Memory::from_vm_memory(&theirs, &Tracking::new()).unwrap();
        let mut queue = virtio_queue::Queue::new(SIZE).unwrap();
        queue
            .try_set_desc_table_address(GuestAddress(DESCRIPTORS))
            .unwrap();
        queue
            .try_set_avail_ring_address(GuestAddress(AVAILABLE))
            .unwrap();
        queue.try_set_used_ring_address(GuestAddress(USED)).unwrap();
        queue.set_ready(true);
        assert!(queue.is_valid(&theirs));
        Self {
            memory: Arc::new(memory),
            queue,
            available: 0,
            used: 0,
        }
    }

    fn ring(&self) -> RingConfig {
        RingConfig::from_virtio_queue(&self.queue, true)
    }

    /// The driver offers one buffer of these parts.
    fn offer(&mut self, parts: &[u32]) {
        let mut addr = BUFFER;
        for (index, &len) in (0u16..).zip(parts) {
            let last = usize::from(index) + 1 == parts.len();
            let flags = if last { WRITE } else { WRITE | NEXT };
            let mut descriptor = addr.to_le_bytes().to_vec();
            descriptor.extend(len.to_le_bytes());
            descriptor.extend(flags.to_le_bytes());
            descriptor.extend((index + 1).to_le_bytes());
            let at = DESCRIPTORS + 16 * u64::from(index);
            self.memory.write(at, &descriptor).unwrap();
            addr += u64::from(len);
        }
        let entry = AVAILABLE + 4 + 2 * u64::from(self.available % SIZE);
        self.memory.write(entry, &0u16.to_le_bytes()).unwrap();
        self.available = self.available.wrapping_add(1);
        let index = self.available.to_le_bytes();
        self.memory.write(AVAILABLE + 2, &index).unwrap();
    }

    /// What the driver got in the next used buffer, if there is one.
    fn take_answer(&mut self) -> Option<Vec<u8>> {
        let mut index = [0; 2];
        self.memory.read(USED + 2, &mut index).unwrap();
        if u16::from_le_bytes(index) == self.used {
            return None;
        }
        let mut len = [0; 4];
        let entry = USED + 4 + 8 * u64::from(self.used % SIZE);
        self.memory.read(entry + 4, &mut len).unwrap();
        self.used = self.used.wrapping_add(1);
        let mut bytes = vec![0; u32::from_le_bytes(len) as usize];
        self.memory.read(BUFFER, &mut bytes).unwrap();
        Some(bytes)
    }

    /// The monitor takes the ring back, to save it or to reset it.
    fn take_back(&mut self, next_available: u16, next_used: u16) {
        self.queue.set_next_avail(next_available);
        self.queue.set_next_used(next_used);
    }
}

struct Irq(Sender<()>);

impl Interrupt for Irq {
    fn used(&self) {
        let _ = self.0.send(());
    }
}

fn irq() -> (Box<dyn Interrupt>, Receiver<()>) {
    let (sender, receiver) = channel();
    (Box::new(Irq(sender)), receiver)
}

fn is_random(bytes: &[u8]) -> bool {
    // Of 200 random bytes, these many are the same by chance less often than hardware fails.
    bytes
        .chunks(64)
        .all(|part| part.iter().any(|&byte| byte != part[0]))
}

#[test]
fn a_monitor_that_calls_the_worker_itself_gets_random_bytes() {
    let mut monitor = Monitor::boot();
    let device = Rng::new(Source::Kernel);
    let mut worker = device.worker(0).unwrap();
    let (interrupt, fired) = irq();
    let faults = Arc::new(GuestFaults::new("guest"));
    let queue = Queue::new(0, monitor.ring(), monitor.memory.clone(), interrupt, faults);
    let mut slots = [Some(queue.unwrap())];
    monitor.offer(&[64, 8, 128]);

    // What a monitor does when the guest writes to the notification register.
    if let Some(queue) = &mut slots[0] {
        queue.begin_turn();
    }
    worker.kicked(0, &mut Queues::new(&mut slots));
    if let Some(queue) = &mut slots[0] {
        queue.flush();
    }

    let answer = monitor.take_answer().unwrap();
    assert_eq!(answer.len(), 200);
    assert!(is_random(&answer));
    assert_eq!(fired.try_iter().count(), 1);
    assert!(monitor.take_answer().is_none());
}

#[test]
fn a_monitor_that_lets_a_worker_thread_run_gets_random_bytes() {
    let mut monitor = Monitor::boot();
    let options = WorkerOptions {
        poll: Duration::ZERO,
        on_stall: Arc::new(|| {}),
        on_fault: Arc::new(|fault| panic!("{fault}")),
        faults: Arc::new(GuestFaults::new("guest")),
    };
    let thread = WorkerThread::spawn(Arc::new(Rng::new(Source::Kernel)), 0, options).unwrap();
    let kick = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
    let mut answers = Vec::new();

    // Twice, so that the ring goes to the device and comes back.
    for _ in 0..2 {
        let (interrupt, fired) = irq();
        thread
            .start(Start {
                index: 0,
                config: monitor.ring(),
                memory: monitor.memory.clone(),
                interrupt,
                kick: Some(kick.as_fd().try_clone_to_owned().unwrap()),
                enabled: true,
            })
            .unwrap();
        for _ in 0..SIZE {
            monitor.offer(&[64, 8, 128]);
            rustix::io::write(&kick, &1u64.to_ne_bytes()).unwrap();
            let answer = loop {
                if let Some(answer) = monitor.take_answer() {
                    break answer;
                }
                fired.recv_timeout(TIMEOUT).expect("no interrupt came");
            };
            assert_eq!(answer.len(), 200);
            assert!(is_random(&answer));
            answers.push(answer);
        }
        let stopped = thread.stop(0).unwrap().unwrap();
        monitor.take_back(stopped.next_available, stopped.next_used);
    }

    assert_eq!(monitor.queue.next_avail(), 2 * SIZE);
    answers.sort();
    answers.dedup();
    assert_eq!(answers.len(), 2 * usize::from(SIZE));
}
