// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The driver's side of one split ring, written by hand into plain memory.

#![allow(dead_code, missing_docs, unreachable_pub)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use virtio_device::memory::{
    GuestAddress, GuestMemoryMmap, MappedRegion, Memory, Pinned, Tracking,
};
use virtio_device::{GuestFaults, Interrupt, Queue, RingConfig};

pub const NEXT: u16 = 1;
pub const WRITE: u16 = 2;
pub const INDIRECT: u16 = 4;

/// Every wait of a test ends after this.
pub const TIMEOUT: Duration = Duration::from_secs(20);

pub const MEMORY_SIZE: u64 = 8 << 20;
/// Nothing is mapped from here on.
pub const OUTSIDE: u64 = MEMORY_SIZE;

const DESCRIPTORS: u64 = 0x10_0000;
const AVAILABLE: u64 = 0x18_0000;
const USED: u64 = 0x1a_0000;
const TABLES: u64 = 0x20_0000;
const DATA: u64 = 0x40_0000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub addr: u64,
    pub len: u32,
    pub flags: u16,
    pub next: u16,
}

/// A device-writable descriptor.
pub fn writable(addr: u64, len: u32) -> Descriptor {
    Descriptor {
        addr,
        len,
        flags: WRITE,
        next: 0,
    }
}

/// A device-readable descriptor.
pub fn readable(addr: u64, len: u32) -> Descriptor {
    Descriptor {
        addr,
        len,
        flags: 0,
        next: 0,
    }
}

/// Memory of 8 MiB at address 0, in two adjacent regions.
pub fn memory() -> Arc<Memory> {
    if cfg!(miri) {
        // Miri knows neither files in memory nor signal handlers.
        return shared_memory().0;
    }
    let tracking = Tracking::new();
    let half = MEMORY_SIZE / 2;
    let regions = [0, half]
        .map(|base| MappedRegion::anonymous(half as usize, GuestAddress(base), &tracking).unwrap());
    Arc::new(Memory::new(regions.into()).unwrap())
}

/// The same memory for both sides of a comparison: as this crate sees it, and as rust-vmm does.
pub fn shared_memory() -> (Arc<Memory>, GuestMemoryMmap) {
    let theirs = GuestMemoryMmap::from_ranges(&[(GuestAddress(0), MEMORY_SIZE as usize)]).unwrap();
    let ours = Memory::from_vm_memory(&theirs, &Tracking::new()).unwrap();
    (Arc::new(ours), theirs)
}

pub struct Driver {
    pub memory: Arc<Memory>,
    size: u16,
    base: u64,
    descriptors: Pinned<u64>,
    available: Pinned<u16>,
    used: Pinned<u16>,
    used_entries: Pinned<u32>,
    /// What the available index will be after the next [`Driver::publish`].
    pub next_available: u16,
    pub next_used: u16,
    next_descriptor: u16,
    next_data: u64,
    next_table: u64,
}

impl Driver {
    pub fn new(size: u16) -> Self {
        Self::in_memory(memory(), size, 0)
    }

    /// Ring number `slot` of several; all but the first are for at most 256 descriptors.
    pub fn in_memory(memory: Arc<Memory>, size: u16, slot: u64) -> Self {
        assert!(slot == 0 || size <= 256);
        let entries = usize::from(size);
        let base = slot * 0x2000;
        let used = USED + base;
        Self {
            descriptors: memory.pin(DESCRIPTORS + base, 2 * entries, 16).unwrap(),
            available: memory.pin(AVAILABLE + base, entries + 3, 2).unwrap(),
            used: memory.pin(used, 4 * entries + 3, 2).unwrap(),
            used_entries: memory.pin(used + 4, 2 * entries, 4).unwrap(),
            memory,
            size,
            base,
            next_available: 0,
            next_used: 0,
            next_descriptor: 0,
            next_data: DATA + slot * 0x10_0000,
            next_table: TABLES + slot * 0x4_0000,
        }
    }

    pub fn config(&self) -> RingConfig {
        RingConfig {
            size: self.size,
            descriptors: DESCRIPTORS + self.base,
            available: AVAILABLE + self.base,
            used: USED + self.base,
            // What is not used yet is the device's to take.
            next_available: self.next_used,
            next_used: Some(self.next_used),
            event_idx: false,
            indirect: true,
        }
    }

    pub fn config_with_event_idx(&self) -> RingConfig {
        RingConfig {
            event_idx: true,
            ..self.config()
        }
    }

    /// Both indices start here instead of at zero, as after 65536 requests and more.
    pub fn start_at(&mut self, index: u16) {
        (self.next_available, self.next_used) = (index, index);
        self.available.store(1, index, Ordering::Relaxed);
        self.used.store(1, index, Ordering::Relaxed);
    }

    /// Forgets all, as a driver that resets its device.
    pub fn reset(&mut self) {
        self.start_at(0);
        self.next_descriptor = 0;
        self.available.store(0, 0, Ordering::Relaxed);
        self.used.store(0, 0, Ordering::Relaxed);
    }

    pub fn set_descriptor(&self, index: u16, descriptor: Descriptor) {
        let at = 2 * usize::from(index);
        let rest = u64::from(descriptor.len)
            | u64::from(descriptor.flags) << 32
            | u64::from(descriptor.next) << 48;
        self.descriptors
            .store(at, descriptor.addr, Ordering::Relaxed);
        self.descriptors.store(at + 1, rest, Ordering::Relaxed);
    }

    /// Room for data that nobody else uses.
    pub fn place(&mut self, len: u64) -> u64 {
        let at = self.next_data;
        self.next_data += len;
        at
    }

    pub fn place_bytes(&mut self, bytes: &[u8]) -> u64 {
        let at = self.place(bytes.len() as u64);
        self.memory.write(at, bytes).unwrap();
        at
    }

    /// Links descriptors to a chain in the table; flags and addresses are taken as they are.
    /// Returns the head.
    pub fn link(&mut self, chain: &[Descriptor]) -> u16 {
        let head = self.next_descriptor;
        for (n, descriptor) in chain.iter().enumerate() {
            let index = (head + n as u16) % self.size;
            let mut descriptor = *descriptor;
            if n + 1 < chain.len() {
                descriptor.flags |= NEXT;
                descriptor.next = (index + 1) % self.size;
            }
            self.set_descriptor(index, descriptor);
        }
        self.next_descriptor = (head + chain.len() as u16) % self.size;
        head
    }

    /// An indirect descriptor for a table with this chain and so many entries behind it that
    /// nobody refers to.
    pub fn table(&mut self, chain: &[Descriptor], unused: usize) -> Descriptor {
        let mut bytes = Vec::new();
        for (n, descriptor) in chain.iter().enumerate() {
            let last = n + 1 == chain.len();
            let flags = descriptor.flags | if last { 0 } else { NEXT };
            bytes.extend(descriptor.addr.to_le_bytes());
            bytes.extend(descriptor.len.to_le_bytes());
            bytes.extend(flags.to_le_bytes());
            bytes.extend((if last { 0 } else { n as u16 + 1 }).to_le_bytes());
        }
        bytes.extend(std::iter::repeat_n(0xff, 16 * unused));
        let addr = self.next_table;
        self.next_table += bytes.len() as u64;
        self.memory.write(addr, &bytes).unwrap();
        Descriptor {
            addr,
            len: bytes.len() as u32,
            flags: INDIRECT,
            next: 0,
        }
    }

    /// Puts a head into the available ring, without telling.
    pub fn push(&mut self, head: u16) {
        let entry = 2 + usize::from(self.next_available % self.size);
        self.available.store(entry, head, Ordering::Relaxed);
        self.next_available = self.next_available.wrapping_add(1);
    }

    pub fn publish(&self) {
        self.set_available_index(self.next_available);
    }

    pub fn set_available_index(&self, index: u16) {
        self.available.store(1, index, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// Links a chain and makes it available.
    pub fn offer(&mut self, chain: &[Descriptor]) -> u16 {
        let head = self.link(chain);
        self.push(head);
        self.publish();
        head
    }

    /// Offers a buffer to write to. Returns its head and its address.
    pub fn offer_room(&mut self, len: u32) -> (u16, u64) {
        let addr = self.place(u64::from(len));
        (self.offer(&[writable(addr, len)]), addr)
    }

    /// Offers bytes to read and room for an answer. Returns the head and the room's address.
    pub fn offer_request(&mut self, bytes: &[u8], room: u32) -> (u16, u64) {
        let request = self.place_bytes(bytes);
        let answer = self.place(u64::from(room));
        let chain = [
            readable(request, bytes.len() as u32),
            writable(answer, room),
        ];
        (self.offer(&chain), answer)
    }

    pub fn used_index(&self) -> u16 {
        self.used.load(1, Ordering::Acquire)
    }

    /// The next used buffer in the driver's sight: head and length.
    pub fn take_used(&mut self) -> Option<(u32, u32)> {
        if self.used_index() == self.next_used {
            return None;
        }
        let entry = 2 * usize::from(self.next_used % self.size);
        self.next_used = self.next_used.wrapping_add(1);
        Some((
            self.used_entries.load(entry, Ordering::Relaxed),
            self.used_entries.load(entry + 1, Ordering::Relaxed),
        ))
    }

    pub fn bytes(&self, addr: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.memory.read(addr, &mut bytes).unwrap();
        bytes
    }

    pub fn set_no_interrupt(&self, on: bool) {
        self.available.store(0, u16::from(on), Ordering::Relaxed);
    }

    /// VIRTIO_RING_F_EVENT_IDX: interrupt when the used index goes past this.
    pub fn set_used_event(&self, index: u16) {
        self.available
            .store(2 + usize::from(self.size), index, Ordering::Relaxed);
    }

    /// VIRTIO_RING_F_EVENT_IDX: the device wants a kick when the available index goes past this.
    pub fn available_event(&self) -> u16 {
        self.used
            .load(2 + 4 * usize::from(self.size), Ordering::Relaxed)
    }

    pub fn device_wants_no_kick(&self) -> bool {
        self.used.load(0, Ordering::Relaxed) & 1 != 0
    }
}

/// Counts interrupts and lets a test wait for them.
#[derive(Clone)]
pub struct Line {
    used: Arc<AtomicU32>,
    failed: Arc<AtomicU32>,
    events: Sender<&'static str>,
}

pub struct LineEnd {
    used: Arc<AtomicU32>,
    failed: Arc<AtomicU32>,
    events: Receiver<&'static str>,
}

pub fn line() -> (Line, LineEnd) {
    let (events, receiver) = channel();
    let (used, failed) = <(Arc<AtomicU32>, Arc<AtomicU32>)>::default();
    let line = Line {
        used: used.clone(),
        failed: failed.clone(),
        events,
    };
    let end = LineEnd {
        used,
        failed,
        events: receiver,
    };
    (line, end)
}

impl Interrupt for Line {
    fn used(&self) {
        self.used.fetch_add(1, Ordering::SeqCst);
        let _ = self.events.send("used");
    }

    fn failed(&self) {
        self.failed.fetch_add(1, Ordering::SeqCst);
        let _ = self.events.send("failed");
    }
}

impl LineEnd {
    pub fn used(&self) -> u32 {
        self.used.load(Ordering::SeqCst)
    }

    pub fn failed(&self) -> u32 {
        self.failed.load(Ordering::SeqCst)
    }

    /// Waits for the next event.
    pub fn next(&self) -> &'static str {
        self.events
            .recv_timeout(TIMEOUT)
            .expect("no interrupt came")
    }

    /// Waits until the queue is reported to be out of use.
    pub fn wait_failed(&self) {
        while self.next() != "failed" {}
    }

    /// Waits until the driver sees another used buffer.
    pub fn wait_used(&self, driver: &mut Driver) -> (u32, u32) {
        loop {
            if let Some(used) = driver.take_used() {
                return used;
            }
            self.next();
        }
    }
}

/// An interrupt that nobody listens to.
pub struct Silent;

impl Interrupt for Silent {
    fn used(&self) {}
}

pub fn faults() -> Arc<GuestFaults> {
    Arc::new(GuestFaults::new("test"))
}

/// The device's side of the ring, as somebody who calls the worker himself makes it.
pub fn queue(driver: &Driver, config: RingConfig) -> (Queue, LineEnd) {
    let (line, end) = line();
    let queue = Queue::new(0, config, driver.memory.clone(), Box::new(line), faults()).unwrap();
    (queue, end)
}
