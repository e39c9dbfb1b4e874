// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The device's side of a split virtqueue (VIRTIO 1.3, section 2.7).
//!
//! Rings are looked up once, when the queue is set up, and then accessed directly; indices and
//! descriptors are copied before they are checked, because the driver may change them at any time.
//! What the driver does wrong with one chain costs it that chain. What it does wrong with the ring
//! itself retires the queue: nothing more is taken from it until it is set up anew.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use guest_memory::{AccessError, Memory, PinError, Pinned, Span};
use virtio_queue::QueueT;

use crate::chain::{Bodies, Body, Chain, Home};
use crate::fault::GuestFaults;
use crate::wake::Wake;

/// VIRTIO 1.3, section 6.
pub const VIRTIO_RING_F_INDIRECT_DESC: u64 = 1 << 28;
/// VIRTIO 1.3, section 6.
pub const VIRTIO_RING_F_EVENT_IDX: u64 = 1 << 29;
/// VIRTIO 1.3, section 6.
pub const VIRTIO_F_VERSION_1: u64 = 1 << 32;

/// The ring features that [`Queue`] implements: whoever offers a device's features adds them.
pub const RING_FEATURES: u64 = VIRTIO_RING_F_INDIRECT_DESC | VIRTIO_RING_F_EVENT_IDX;

const DESC_F_NEXT: u16 = 1;
const DESC_F_WRITE: u16 = 2;
const DESC_F_INDIRECT: u16 = 4;
const DESC_SIZE: usize = 16;

const AVAIL_F_NO_INTERRUPT: u16 = 1;
const USED_F_NO_NOTIFY: u16 = 1;

/// Index of the fields in the available and used rings, in 16-bit words.
const RING_FLAGS: usize = 0;
const RING_IDX: usize = 1;
const RING_ENTRIES: usize = 2;

/// A driver may build an indirect table of any length. More pieces than this cannot go to the
/// kernel in one call, and no driver needs them.
const MAX_SEGMENTS: usize = 1024;

/// The specification's limit for all of a chain (2.7.5).
const MAX_CHAIN_BYTES: u64 = 1 << 32;

/// A driver that refills as fast as the device answers would keep a worker from everything else.
const MAX_POPS_A_TURN: u32 = 4096;

/// Completions become visible together, up to this many or this many bytes: a store per small
/// answer makes the ring's cache line travel for each; a large answer is worth showing at once.
const PUBLISH_CHAINS: u16 = 16;
const PUBLISH_BYTES: u64 = 4096;

/// A driver that waits for its interrupt while the device works through a long batch should get
/// something to do before the batch is over.
const INTERRUPT_BYTES: u64 = 64 * 1024;

/// How a transport tells the driver (or the frontend) about a queue.
pub trait Interrupt: Send {
    /// Used buffers are there and the driver wants to know: a used buffer notification (VIRTIO 1.3,
    /// section 2.3).
    fn used(&self);

    /// The ring is broken, and the queue out of use until it is set up anew.
    fn failed(&self) {}
}

/// A driver that looks at the used ring by itself.
impl Interrupt for () {
    fn used(&self) {}
}

/// Where a driver put a queue, and how far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingConfig {
    /// Number of descriptors: a power of two.
    pub size: u16,
    /// Guest address of the descriptor table.
    pub descriptors: u64,
    /// Guest address of the available ring.
    pub available: u64,
    /// Guest address of the used ring.
    pub used: u64,
    /// Index of the next entry of the available ring.
    pub next_available: u16,
    /// Index of the next entry of the used ring; `None`: where the ring in memory stands.
    pub next_used: Option<u16>,
    /// VIRTIO_RING_F_EVENT_IDX was negotiated.
    pub event_idx: bool,
    /// VIRTIO_RING_F_INDIRECT_DESC was negotiated.
    pub indirect: bool,
}

impl RingConfig {
    /// Takes over what a virtual machine monitor keeps in a `virtio_queue::Queue`.
    pub fn from_virtio_queue(queue: &virtio_queue::Queue, indirect: bool) -> Self {
        Self {
            size: queue.size(),
            descriptors: queue.desc_table(),
            available: queue.avail_ring(),
            used: queue.used_ring(),
            next_available: queue.next_avail(),
            next_used: Some(queue.next_used()),
            event_idx: queue.event_idx_enabled(),
            indirect,
        }
    }
}

/// Why a queue cannot be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// The size is zero or not a power of two.
    #[error("a queue of {0} descriptors: split rings need a power of two")]
    Size(u16),
    /// A part of the ring cannot lie where it was put.
    #[error("the {part}: {source}")]
    Placement {
        /// Which part.
        part: &'static str,
        /// What is wrong there.
        source: PinError,
    },
}

/// The parts of the ring, in memory.
#[derive(Debug)]
struct Ring {
    /// Two words a descriptor.
    descriptors: Pinned<u64>,
    /// Flags, index, entries, used_event.
    available: Pinned<u16>,
    /// Flags and index.
    used: Pinned<u16>,
    /// Head and length of each entry.
    used_entries: Pinned<u32>,
    available_event: Pinned<u16>,
}

impl Ring {
    fn pin(memory: &Memory, config: &RingConfig) -> Result<Self, RingError> {
        let size = usize::from(config.size);
        let at = |part| move |source| RingError::Placement { part, source };
        let used = at("used ring");
        let used_entries = config.used.saturating_add(4);
        let available_event = used_entries.saturating_add(8 * size as u64);
        Ok(Self {
            descriptors: memory
                .pin(config.descriptors, 2 * size, 16)
                .map_err(at("descriptor table"))?,
            available: memory
                .pin(config.available, size + 3, 2)
                .map_err(at("available ring"))?,
            used: memory.pin(config.used, 2, 4).map_err(used)?,
            used_entries: memory.pin(used_entries, 2 * size, 4).map_err(used)?,
            available_event: memory.pin(available_event, 1, 2).map_err(used)?,
        })
    }
}

/// How the ring itself was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RingFault {
    /// The available index is further ahead than there are descriptors.
    #[error("the available index jumped from {from} to {to}")]
    IndexJump {
        /// Next entry that the device would take.
        from: u16,
        /// What the driver's index said.
        to: u16,
    },
    /// An entry names a descriptor that does not exist.
    #[error("the available ring names descriptor {0}")]
    Head(u16),
    /// More chains are with the device than the queue has descriptors.
    #[error("{0} chains are with the device, more than the queue has descriptors")]
    TooManyInFlight(u16),
    /// After a change of the memory table the ring is no longer in it.
    #[error("the ring is no longer in guest memory")]
    Unmapped,
    /// The device's own code failed while it worked on the queue.
    #[error("the device failed")]
    Device,
}

/// How a chain is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum ChainFault {
    #[error("descriptor {0} does not exist")]
    Index(u16),
    #[error("the chain is a loop or has more than {0} descriptors")]
    TooLong(usize),
    #[error("a readable descriptor follows a writable one")]
    Order,
    #[error("a descriptor points at {len:#x} bytes at {addr:#x}, which are not guest memory")]
    Unmapped { addr: u64, len: u32 },
    #[error("an indirect table: {0}")]
    Unreachable(AccessError),
    #[error("the chain has more than 4 GiB")]
    TooLarge,
    #[error("an indirect descriptor without the feature")]
    IndirectNotNegotiated,
    #[error("an indirect descriptor within an indirect table, or with a next one")]
    IndirectMisplaced,
    #[error("an indirect table of {0} bytes")]
    IndirectLength(u32),
}

#[derive(Clone, Copy)]
struct Descriptor {
    addr: u64,
    len: u32,
    flags: u16,
    next: u16,
}

impl Descriptor {
    /// From the two little-endian words it consists of.
    #[inline]
    fn from_words(addr: u64, rest: u64) -> Self {
        Self {
            addr,
            len: rest as u32,
            flags: (rest >> 32) as u16,
            next: (rest >> 48) as u16,
        }
    }
}

/// What the driver made available next, without taking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peek {
    /// Bytes for the device to read.
    pub readable_len: u64,
    /// Bytes of room.
    pub writable_len: u64,
}

/// The device's end of one virtqueue. Belongs to one worker.
pub struct Queue {
    index: u16,
    config: RingConfig,
    ring: Ring,
    memory: Arc<Memory>,
    interrupt: Box<dyn Interrupt>,
    home: Arc<Home>,
    faults: Arc<GuestFaults>,
    enabled: bool,
    /// Being drained: chains come back, none is handed out.
    stopping: bool,
    fault: Option<RingFault>,
    next_available: u16,
    /// The driver's index when a pop last read it.
    seen_available: u16,
    /// The driver's index that the worker knows of, whether it took anything or not: a worker may
    /// leave buffers in the ring until it has something for them, and must not be called for these
    /// again and again.
    told_available: u16,
    /// No pop has found the ring empty since one found something. A worker that leaves the rest of the
    /// ring for later does not wait for the driver, and comes back by itself.
    content: bool,
    next_used: u16,
    /// Completed but not yet in the driver's sight.
    unpublished: u16,
    unpublished_bytes: u64,
    /// More completions follow at once.
    gathering: bool,
    /// In the driver's sight, and no interrupt was considered yet.
    unsignalled: u16,
    unsignalled_bytes: u64,
    in_flight: u16,
    /// Chains taken since the queue was set up and not put back.
    taken: u64,
    pops_left: u32,
    /// Bodies of former chains, to be used again: nothing is allocated per request.
    pool: Bodies,
    table: Vec<u8>,
    /// Empty, but for its allocation.
    returned: Bodies,
    /// The wake of a queue that does not share one with its worker's thread.
    own_wake: Option<Arc<Wake>>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("index", &self.index)
            .field("config", &self.config)
            .field("enabled", &self.enabled)
            .field("fault", &self.fault)
            .field("next_available", &self.next_available)
            .field("next_used", &self.next_used)
            .field("in_flight", &self.in_flight)
            .finish_non_exhaustive()
    }
}

impl Queue {
    /// Sets a queue up. It is enabled. `index` is its number in the device.
    ///
    /// A queue made here is for callers that run the worker themselves, which is to say, in this
    /// order: [`Queue::begin_turn`], [`crate::Worker::kicked`], [`Queue::flush`], and before they
    /// sleep [`Queue::enable_notification`]. Chains that were finished or dropped on other threads
    /// come back by [`Queue::collect`], when [`Queue::returned_fd`] is readable.
    pub fn new(
        index: u16,
        config: RingConfig,
        memory: Arc<Memory>,
        interrupt: Box<dyn Interrupt>,
        faults: Arc<GuestFaults>,
    ) -> Result<Self, QueueError> {
        let wake = Arc::new(Wake::new()?);
        let mut queue = Self::with_wake(index, config, memory, interrupt, faults, wake.clone())?;
        queue.own_wake = Some(wake);
        Ok(queue)
    }

    pub(crate) fn with_wake(
        index: u16,
        config: RingConfig,
        memory: Arc<Memory>,
        interrupt: Box<dyn Interrupt>,
        faults: Arc<GuestFaults>,
        wake: Arc<Wake>,
    ) -> Result<Self, RingError> {
        if !config.size.is_power_of_two() {
            return Err(RingError::Size(config.size));
        }
        let ring = Ring::pin(&memory, &config)?;
        let next_used = config
            .next_used
            .unwrap_or_else(|| ring.used.load(RING_IDX, Ordering::Relaxed));
        Ok(Self {
            index,
            config,
            ring,
            memory,
            interrupt,
            home: Home::new(index, faults.clone(), wake),
            faults,
            enabled: true,
            stopping: false,
            fault: None,
            next_available: config.next_available,
            seen_available: config.next_available,
            told_available: config.next_available,
            content: false,
            next_used,
            unpublished: 0,
            unpublished_bytes: 0,
            gathering: false,
            unsignalled: 0,
            unsignalled_bytes: 0,
            in_flight: 0,
            taken: 0,
            pops_left: MAX_POPS_A_TURN,
            pool: Bodies::new(),
            table: Vec::new(),
            returned: Bodies::new(),
            own_wake: None,
        })
    }

    /// Number of the queue in the device.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// Number of descriptors.
    pub fn size(&self) -> u16 {
        self.config.size
    }

    /// Index of the next entry that would be taken from the available ring.
    pub fn next_available(&self) -> u16 {
        self.next_available
    }

    /// Index of the next entry of the used ring.
    pub fn next_used(&self) -> u16 {
        self.next_used
    }

    /// Chains that were taken and did not come back yet.
    pub fn in_flight(&self) -> u16 {
        self.in_flight
    }

    /// Why the queue is retired, if it is.
    pub fn fault(&self) -> Option<RingFault> {
        self.fault
    }

    /// Whether the driver lets the device use the queue.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    pub(crate) fn set_enabled(&mut self, enabled: bool) {
        self.enabled = enabled;
    }

    pub(crate) fn set_stopping(&mut self, stopping: bool) {
        self.stopping = stopping;
    }

    pub(crate) fn memory_vanished(&self) -> bool {
        self.memory.has_vanished()
    }

    pub(crate) fn set_interrupt(&mut self, interrupt: Box<dyn Interrupt>) {
        self.interrupt = interrupt;
        // What the former one may not have delivered.
        self.interrupt.used();
    }

    /// Warns of what the driver did; at most a few lines in a few seconds for one guest.
    #[cold]
    pub fn warn(&self, what: fmt::Arguments<'_>) {
        self.faults
            .warn(format_args!("queue {}: {what}", self.index));
    }

    /// Takes the next request. `None` when there is none, when the queue is disabled or retired,
    /// or when enough was taken for one turn (the worker is called again then).
    #[inline]
    pub fn pop(&mut self) -> Option<Chain> {
        loop {
            let head = self.next_head()?;
            let mut body = match self.pool.pop() {
                Some(body) => body,
                None => Box::new(Body::new(self.memory.clone(), self.home.clone())),
            };
            body.clear();
            body.head = head;
            body.ordinal = self.taken;
            self.taken += 1;
            self.next_available = self.next_available.wrapping_add(1);
            self.pops_left -= 1;
            self.in_flight += 1;
            // A chain from here on: should a mapping fail below, it still comes back.
            let mut chain = Chain::new(body);
            match self.fill(chain.body_mut(), head) {
                Ok(()) => return Some(chain),
                Err(fault) => {
                    self.warn(format_args!("request {head} refused: {fault}"));
                    self.complete(chain);
                }
            }
        }
    }

    /// What [`Queue::pop`] would return, without taking it.
    pub fn peek(&mut self) -> Option<Peek> {
        let chain = self.pop()?;
        let peek = Peek {
            readable_len: chain.readable_len(),
            writable_len: chain.writable_len(),
        };
        // It was the last one popped, so it can be put back.
        let _ = self.put_back(chain);
        Some(peek)
    }

    /// Undoes a pop: the chain is the next one again. Works backwards from the chain that was
    /// taken last; any other is handed back to the caller.
    pub fn put_back(&mut self, chain: Chain) -> Result<(), Chain> {
        let Some(body) = chain.into_body() else {
            return Ok(());
        };
        if !self.owns(&body) || body.ordinal + 1 != self.taken {
            return Err(Chain::new(body));
        }
        self.taken = body.ordinal;
        self.next_available = self.next_available.wrapping_sub(1);
        self.in_flight -= 1;
        self.pops_left += 1;
        self.recycle(body);
        Ok(())
    }

    /// Gives a chain back to the driver, with what was written to it. The driver sees it, and gets
    /// its interrupt, with the batch that it belongs to.
    #[inline]
    pub fn complete(&mut self, chain: Chain) {
        if let Some(body) = chain.into_body() {
            if self.owns(&body) {
                self.give_back(body);
            } else {
                self.send_home(body);
            }
        }
    }

    #[inline]
    fn owns(&self, body: &Body) -> bool {
        Arc::ptr_eq(&body.home, &self.home)
    }

    /// A mistake of the device, which must not confuse two rings.
    #[cold]
    fn send_home(&self, body: Box<Body>) {
        log::error!(
            "{}: a chain of queue {} was given to queue {}",
            self.faults.guest(),
            body.home.queue,
            self.index
        );
        Home::return_body(body);
    }

    /// Keeps the allocation for the next request, unless it holds another memory table.
    #[inline]
    fn recycle(&mut self, body: Box<Body>) {
        if Arc::ptr_eq(&body.memory, &self.memory) {
            self.pool.push(body);
        }
    }

    #[inline]
    fn give_back(&mut self, body: Box<Body>) {
        self.in_flight -= 1;
        if self.fault.is_none() {
            let len = body.used_len();
            let mask = self.config.size - 1;
            let entry = 2 * usize::from(self.next_used & mask);
            let order = Ordering::Relaxed;
            self.ring
                .used_entries
                .store(entry, u32::from(body.head), order);
            self.ring.used_entries.store(entry + 1, len, order);
            self.next_used = self.next_used.wrapping_add(1);
            self.unpublished += 1;
            self.unpublished_bytes += u64::from(len);
            self.publish_if_due();
        }
        self.recycle(body);
    }

    /// Completions that follow each other at once are shown at once as well, when this is taken back:
    /// a driver that looks at the ring meanwhile would make each of them wait for its cache line.
    #[inline]
    pub fn gather(&mut self, on: bool) {
        self.gathering = on;
        self.publish_if_due();
    }

    #[inline]
    fn publish_if_due(&mut self) {
        let due = self.unpublished >= PUBLISH_CHAINS || self.unpublished_bytes >= PUBLISH_BYTES;
        if due && !self.gathering {
            self.publish();
        }
    }

    /// Shows the driver what was completed, and interrupts it if it asked for that. Called after
    /// each turn of a worker; of use to a device that makes a driver wait within one.
    #[inline]
    pub fn flush(&mut self) {
        if self.unpublished > 0 {
            self.publish();
        }
        if self.unsignalled > 0 {
            self.signal();
        }
    }

    #[inline]
    fn publish(&mut self) {
        // Release: the entries are written before the index that covers them.
        self.ring
            .used
            .store(RING_IDX, self.next_used, Ordering::Release);
        self.unsignalled = self.unsignalled.saturating_add(self.unpublished);
        self.unsignalled_bytes += self.unpublished_bytes;
        self.unpublished = 0;
        self.unpublished_bytes = 0;
        if self.unsignalled_bytes >= INTERRUPT_BYTES {
            self.signal();
        }
    }

    #[inline]
    fn signal(&mut self) {
        // The index is visible before the driver's wish is read (2.7.7.2), or both sides wait.
        fence(Ordering::SeqCst);
        let wanted = if self.config.event_idx {
            let event = RING_ENTRIES + usize::from(self.config.size);
            let event = self.ring.available.load(event, Ordering::Relaxed);
            let old = self.next_used.wrapping_sub(self.unsignalled);
            let passed = self.next_used.wrapping_sub(event).wrapping_sub(1);
            passed < self.next_used.wrapping_sub(old)
        } else {
            let flags = self.ring.available.load(RING_FLAGS, Ordering::Relaxed);
            flags & AVAIL_F_NO_INTERRUPT == 0
        };
        self.unsignalled = 0;
        self.unsignalled_bytes = 0;
        if wanted {
            self.interrupt.used();
        }
    }

    /// Whether the worker should be called: the driver made something available since the last turn
    /// began or a [`Queue::pop`] looked, or the turn ended because enough was taken.
    #[inline]
    pub fn has_news(&self) -> bool {
        self.enabled
            && self.fault.is_none()
            && (self.pops_left == 0
                || self.ring.available.load(RING_IDX, Ordering::Relaxed) != self.told_available)
    }

    /// The worker took something and left more than that.
    #[inline]
    fn is_content(&self) -> bool {
        self.content && self.next_available != self.seen_available && self.pops_left > 0
    }

    /// Whether there is what the worker would be notified of.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        self.has_news() && !self.is_content()
    }

    /// Asks the driver not to notify: the device is looking anyway.
    #[inline]
    pub fn disable_notification(&mut self) {
        // With EVENT_IDX the driver notifies once for each index it was told, so silence is the
        // default.
        if !self.config.event_idx && self.fault.is_none() {
            self.ring
                .used
                .store(RING_FLAGS, USED_F_NO_NOTIFY, Ordering::Relaxed);
        }
    }

    /// Asks the driver to notify of what comes after that which was looked at. Returns whether
    /// something came already: then look again, there may be no notification for it.
    ///
    /// Not asked for are notifications of a queue from which [`Queue::pop`] took and left something:
    /// a device that has enough receive buffers would be woken for each that comes back.
    #[inline]
    pub fn enable_notification(&mut self) -> bool {
        if !self.enabled || self.fault.is_some() {
            return false;
        }
        if self.is_content() {
            return false;
        }
        if self.config.event_idx {
            self.ring
                .available_event
                .store(0, self.told_available, Ordering::Relaxed);
        } else {
            self.ring.used.store(RING_FLAGS, 0, Ordering::Relaxed);
        }
        // The wish is visible before the index is read again (2.7.10), or both sides wait.
        fence(Ordering::SeqCst);
        self.has_news()
    }

    /// Starts a worker's turn: it may take a number of chains, and is told of all there are.
    #[inline]
    pub fn begin_turn(&mut self) {
        self.refill_budget();
        if self.fault.is_none() {
            self.told_available = self.ring.available.load(RING_IDX, Ordering::Relaxed);
        }
    }

    /// For a turn that is not about this queue, but may take from it.
    #[inline]
    pub(crate) fn refill_budget(&mut self) {
        self.pops_left = MAX_POPS_A_TURN;
    }

    /// Puts chains that were finished or dropped elsewhere into the used ring. [`Queue::flush`]
    /// shows them to the driver.
    pub fn collect(&mut self) {
        if let Some(wake) = &self.own_wake {
            wake.clear();
        }
        let mut returned = std::mem::take(&mut self.returned);
        self.home.take_returned(&mut returned);
        for body in returned.drain(..) {
            self.give_back(body);
        }
        self.returned = returned;
    }

    /// Readable when there is something to [`Queue::collect`]. `None` for the queues of a
    /// [`crate::WorkerThread`], which sees to that itself.
    pub fn returned_fd(&self) -> Option<BorrowedFd<'_>> {
        self.own_wake.as_ref().map(|wake| wake.as_fd())
    }

    /// Collects, and waits for chains that are elsewhere, at most `timeout` for each. Returns
    /// whether all came back.
    pub(crate) fn wait_idle(&mut self, timeout: Duration) -> bool {
        self.collect();
        while self.in_flight > 0 {
            if !self.home.wait_returned(timeout) {
                return false;
            }
            self.collect();
        }
        true
    }

    /// Takes the queue out of use until it is set up anew.
    #[cold]
    pub(crate) fn retire(&mut self, fault: RingFault) {
        if self.fault.is_none() {
            self.fault = Some(fault);
            log::warn!(
                "{}: queue {} is out of use until the driver sets it up anew: {fault}",
                self.faults.guest(),
                self.index
            );
            self.interrupt.failed();
        }
    }

    /// Moves the queue to another memory table. Chains that were taken before keep the memory
    /// they were taken from, so there should be none if regions went away.
    pub(crate) fn set_memory(&mut self, memory: Arc<Memory>) {
        match Ring::pin(&memory, &self.config) {
            Ok(ring) => self.ring = ring,
            Err(_) => self.retire(RingFault::Unmapped),
        }
        self.memory = memory;
        // The pooled bodies hold the former table.
        self.pool.clear();
    }

    #[inline]
    fn next_head(&mut self) -> Option<u16> {
        if !self.enabled || self.stopping || self.fault.is_some() || self.pops_left == 0 {
            return None;
        }
        if self.next_available == self.seen_available {
            // Acquire: the entries that the index covers are read after it.
            let index = self.ring.available.load(RING_IDX, Ordering::Acquire);
            if index == self.next_available {
                self.content = false;
                return None;
            }
            if index.wrapping_sub(self.next_available) > self.config.size {
                self.retire(RingFault::IndexJump {
                    from: self.next_available,
                    to: index,
                });
                return None;
            }
            self.seen_available = index;
            self.told_available = index;
        }
        // A driver that makes descriptors available that it made available before could make a
        // device that waits for an event hold any number of chains.
        if self.in_flight >= self.config.size {
            self.collect();
            if self.in_flight >= self.config.size {
                self.retire(RingFault::TooManyInFlight(self.in_flight));
                return None;
            }
        }
        let mask = self.config.size - 1;
        let entry = RING_ENTRIES + usize::from(self.next_available & mask);
        let head = self.ring.available.load(entry, Ordering::Relaxed);
        if head >= self.config.size {
            self.retire(RingFault::Head(head));
            return None;
        }
        self.content = true;
        Some(head)
    }

    #[inline]
    fn descriptor(&self, index: u16) -> Descriptor {
        let at = 2 * usize::from(index);
        Descriptor::from_words(
            self.ring.descriptors.load(at, Ordering::Relaxed),
            self.ring.descriptors.load(at + 1, Ordering::Relaxed),
        )
    }

    /// Walks the chain from `head` on and checks all of it.
    #[inline]
    fn fill(&mut self, body: &mut Body, head: u16) -> Result<(), ChainFault> {
        let limit = usize::from(self.config.size).min(MAX_SEGMENTS);
        let mut index = head;
        for _ in 0..limit {
            if index >= self.config.size {
                return Err(ChainFault::Index(index));
            }
            let descriptor = self.descriptor(index);
            if descriptor.flags & DESC_F_INDIRECT != 0 {
                return self.fill_indirect(body, descriptor);
            }
            self.take(body, descriptor)?;
            if descriptor.flags & DESC_F_NEXT == 0 {
                return Ok(());
            }
            index = descriptor.next;
        }
        Err(ChainFault::TooLong(limit))
    }

    fn fill_indirect(&mut self, body: &mut Body, table: Descriptor) -> Result<(), ChainFault> {
        if !self.config.indirect {
            return Err(ChainFault::IndirectNotNegotiated);
        }
        if table.flags & DESC_F_NEXT != 0 {
            return Err(ChainFault::IndirectMisplaced);
        }
        if table.len == 0 || !table.len.is_multiple_of(DESC_SIZE as u32) {
            return Err(ChainFault::IndirectLength(table.len));
        }
        let entries = (table.len as usize / DESC_SIZE).min(MAX_SEGMENTS);
        let mut bytes = std::mem::take(&mut self.table);
        bytes.resize(entries * DESC_SIZE, 0);
        let result = self
            .memory
            .read(table.addr, &mut bytes)
            .map_err(|error| match error {
                AccessError::Outside { .. } => ChainFault::Unmapped {
                    addr: table.addr,
                    len: table.len,
                },
                error @ AccessError::Unmappable { .. } => ChainFault::Unreachable(error),
            })
            .and_then(|()| self.walk_table(body, &bytes, entries));
        self.table = bytes;
        result
    }

    /// `table` is a copy, so what is checked here is what is used.
    fn walk_table(&self, body: &mut Body, table: &[u8], entries: usize) -> Result<(), ChainFault> {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&table[at..at + 8]);
            u64::from_le_bytes(word)
        };
        let mut index = 0u16;
        for _ in 0..entries {
            let at = usize::from(index) * DESC_SIZE;
            if at >= table.len() {
                return Err(ChainFault::Index(index));
            }
            let descriptor = Descriptor::from_words(word(at), word(at + 8));
            if descriptor.flags & DESC_F_INDIRECT != 0 {
                return Err(ChainFault::IndirectMisplaced);
            }
            self.take(body, descriptor)?;
            if descriptor.flags & DESC_F_NEXT == 0 {
                return Ok(());
            }
            index = descriptor.next;
        }
        Err(ChainFault::TooLong(entries))
    }

    #[inline]
    fn take(&self, body: &mut Body, descriptor: Descriptor) -> Result<(), ChainFault> {
        let Descriptor {
            addr, len, flags, ..
        } = descriptor;
        // Nothing is touched, so its address and direction do not matter.
        if len == 0 {
            return Ok(());
        }
        let bytes = u64::from(len);
        if !self.memory.contains(addr, bytes) {
            return Err(ChainFault::Unmapped { addr, len });
        }
        if flags & DESC_F_WRITE != 0 {
            body.writable_len += bytes;
        } else {
            if body.writable_len > 0 {
                return Err(ChainFault::Order);
            }
            body.readable_len += bytes;
            body.readable_spans += 1;
        }
        if body.readable_len + body.writable_len > MAX_CHAIN_BYTES {
            return Err(ChainFault::TooLarge);
        }
        body.spans.push(Span { addr, len });
        Ok(())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.home.close();
    }
}

/// Why a queue cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The driver's ring is of no use.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The host is out of descriptors.
    #[error("cannot create an event: {0}")]
    Event(#[from] std::io::Error),
}

/// The queues that a worker serves, as they are at the moment: those that the driver has set up,
/// enabled, and not broken.
pub struct Queues<'a> {
    slots: &'a mut [Option<Queue>],
}

impl<'a> Queues<'a> {
    /// `slots[n]` is queue `n` of the device.
    pub fn new(slots: &'a mut [Option<Queue>]) -> Self {
        Self { slots }
    }

    /// `None` while the queue is not to be touched. One that is being stopped is always there, even
    /// retired, so that a worker can give back what it holds; nothing can be taken from it.
    #[inline]
    pub fn get(&mut self, index: u16) -> Option<&mut Queue> {
        self.slots
            .get_mut(usize::from(index))?
            .as_mut()
            .filter(|queue| queue.stopping || (queue.enabled && queue.fault.is_none()))
    }

    /// Gives a chain back through the queue it came from, if that is still there.
    pub fn complete(&mut self, index: u16, chain: Chain) {
        match self.slots.get_mut(usize::from(index)) {
            Some(Some(queue)) => queue.complete(chain),
            _ => chain.finish(),
        }
    }
}
