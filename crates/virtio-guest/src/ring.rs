// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! The driver's side of a split virtqueue (VIRTIO 1.3, section 2.7).
//!
//! Two layers: [`Queue::request`] and its parts keep to the rules, and hold the device to them; the
//! raw writes below them keep to nothing.

use std::{
    collections::HashMap,
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags};

use crate::{Arena, Error, Signal, frontend::poll};

/// Another descriptor follows.
pub const DESC_NEXT: u16 = 1;
/// The device writes.
pub const DESC_WRITE: u16 = 2;
/// The buffer is a table of descriptors.
pub const DESC_INDIRECT: u16 = 4;

const AVAIL_NO_INTERRUPT: u16 = 1;
const USED_NO_NOTIFY: u16 = 1;

/// A descriptor as it lies in the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Guest physical address.
    pub addr: u64,
    /// Length.
    pub len: u32,
    /// [`DESC_NEXT`], [`DESC_WRITE`], [`DESC_INDIRECT`].
    pub flags: u16,
    /// The following descriptor.
    pub next: u16,
}

impl Descriptor {
    /// Its sixteen bytes.
    pub fn bytes(&self) -> [u8; 16] {
        let mut out = [0; 16];
        out[0..8].copy_from_slice(&self.addr.to_le_bytes());
        out[8..12].copy_from_slice(&self.len.to_le_bytes());
        out[12..14].copy_from_slice(&self.flags.to_le_bytes());
        out[14..16].copy_from_slice(&self.next.to_le_bytes());
        out
    }
}

/// One buffer of a chain, in the caller's own guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Guest physical address.
    pub addr: u64,
    /// Length.
    pub len: u32,
    /// Whether the device writes it.
    pub writable: bool,
}

/// Where the three parts of a ring lie, as guest physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingAddresses {
    /// Descriptor table.
    pub descriptors: u64,
    /// Available ring.
    pub available: u64,
    /// Used ring.
    pub used: u64,
}

/// Names one posted chain; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(u64);

/// A chain that the device has used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    token: Token,
    written: u32,
    buffers: Vec<Vec<u8>>,
}

impl Reply {
    /// Which chain.
    pub fn token(&self) -> Token {
        self.token
    }

    /// How many bytes the device says it has written.
    pub fn written(&self) -> usize {
        self.written as usize
    }

    /// All device-writable bytes of the chain, one buffer after the other.
    pub fn bytes(&self) -> Vec<u8> {
        self.buffers.concat()
    }

    /// The first [`Reply::written`] of [`Reply::bytes`].
    pub fn data(&self) -> Vec<u8> {
        let mut bytes = self.bytes();
        bytes.truncate(self.written());
        bytes
    }

    /// The device-writable bytes, descriptor by descriptor.
    pub fn buffers(&self) -> &[Vec<u8>] {
        &self.buffers
    }
}

#[derive(Debug)]
struct InFlight {
    token: Token,
    /// Table entries to be given back.
    entries: Vec<u16>,
    writable: Vec<(u64, usize)>,
    /// Memory that belongs to the queue and is given back with the chain.
    owned: Vec<u64>,
}

/// One virtqueue, seen by the driver.
#[derive(Debug)]
pub struct Queue {
    index: u16,
    size: u16,
    arena: Arc<Arena>,
    ring: RingAddresses,
    /// What was allocated, while `ring` may point anywhere.
    memory: RingAddresses,
    event_idx: bool,
    timeout: Duration,
    fill: u8,

    free: Vec<u16>,
    in_flight: HashMap<u16, InFlight>,
    next_token: u64,
    next_avail: u16,
    last_used: u16,
    /// The available index at the time of the last decision on a kick.
    announced: u16,

    kick: Signal,
    call: Signal,
    error: Signal,
    kicks: u64,
    interrupts: u64,
    /// Only asked whether the daemon is still there.
    socket: Option<Arc<UnixStream>>,
}

impl Queue {
    /// A ring of `size` entries in fresh memory of `arena`. Nobody serves it yet.
    pub fn new(arena: &Arc<Arena>, index: u16, size: u16, event_idx: bool) -> Result<Self, Error> {
        let entries = usize::from(size);
        let ring = RingAddresses {
            descriptors: arena.alloc_ring(16 * entries, 4096)?,
            available: arena.alloc_ring(6 + 2 * entries, 2)?,
            used: arena.alloc_ring(6 + 8 * entries, 4)?,
        };
        let mut queue = Self {
            index,
            size,
            arena: arena.clone(),
            ring,
            memory: ring,
            event_idx,
            timeout: Duration::from_secs(20),
            fill: 0,
            free: Vec::new(),
            in_flight: HashMap::new(),
            next_token: 0,
            next_avail: 0,
            last_used: 0,
            announced: 0,
            kick: Signal::eventfd()?,
            call: Signal::eventfd()?,
            error: Signal::eventfd()?,
            kicks: 0,
            interrupts: 0,
            socket: None,
        };
        queue.reset()?;
        Ok(queue)
    }

    /// Empties the ring: indices and table are zero, and what was in flight is forgotten.
    pub fn reset(&mut self) -> Result<(), Error> {
        let entries = usize::from(self.size);
        self.arena.fill(self.ring.descriptors, 16 * entries, 0)?;
        self.arena.fill(self.ring.available, 6 + 2 * entries, 0)?;
        self.arena.fill(self.ring.used, 6 + 8 * entries, 0)?;
        self.free = (0..self.size).rev().collect();
        for (_, chain) in self.in_flight.drain() {
            for addr in chain.owned {
                self.arena.free(addr);
            }
        }
        self.next_avail = 0;
        self.last_used = 0;
        self.announced = 0;
        Ok(())
    }

    /// Queue number.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// Number of ring entries.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// Where the ring lies.
    pub fn ring(&self) -> RingAddresses {
        self.ring
    }

    /// Places the ring elsewhere, for the next time the queue is set up. Memory is not touched.
    pub fn set_ring(&mut self, ring: RingAddresses) {
        self.ring = ring;
    }

    /// Places the ring where it was at first.
    pub fn restore_ring(&mut self) {
        self.ring = self.memory;
    }

    /// Whether notifications follow EVENT_IDX.
    pub fn event_idx(&self) -> bool {
        self.event_idx
    }

    /// How long [`Queue::request`] waits.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// The byte with which device-writable buffers are filled before they are posted.
    pub fn set_fill(&mut self, byte: u8) {
        self.fill = byte;
    }

    /// The kick descriptor.
    pub fn kick_signal(&mut self) -> &mut Signal {
        &mut self.kick
    }

    /// The call descriptor.
    pub fn call_signal(&mut self) -> &mut Signal {
        &mut self.call
    }

    /// The error descriptor: the device rings it when it gives the queue up.
    pub fn error_signal(&mut self) -> &mut Signal {
        &mut self.error
    }

    /// Takes another kick descriptor, for the next time the queue is set up.
    pub fn set_kick_signal(&mut self, signal: Signal) -> Signal {
        std::mem::replace(&mut self.kick, signal)
    }

    /// Takes another call descriptor, for the next time the queue is set up.
    pub fn set_call_signal(&mut self, signal: Signal) -> Signal {
        std::mem::replace(&mut self.call, signal)
    }

    pub(crate) fn watch(&mut self, socket: Arc<UnixStream>) {
        self.socket = Some(socket);
    }

    pub(crate) fn renew_signals(&mut self) -> Result<(), Error> {
        self.kick = Signal::eventfd()?;
        self.call = Signal::eventfd()?;
        self.error = Signal::eventfd()?;
        Ok(())
    }

    pub(crate) fn signals(&self) -> (&Signal, &Signal, &Signal) {
        (&self.kick, &self.call, &self.error)
    }

    /// How many kicks were sent.
    pub fn kicks(&self) -> u64 {
        self.kicks
    }

    /// How many interrupts were heard. Several rings that were heard at once count as one.
    pub fn interrupts(&self) -> u64 {
        self.interrupts
    }

    /// How many chains the device holds.
    pub fn pending(&self) -> usize {
        self.in_flight.len()
    }

    /// How many descriptors are free.
    pub fn room(&self) -> usize {
        self.free.len()
    }

    /// Posts one chain with exactly these buffers, kicks, and waits for the answer.
    pub fn request(&mut self, readable: &[&[u8]], writable: &[usize]) -> Result<Reply, Error> {
        let token = self.post(readable, writable)?;
        self.kick()?;
        self.wait_for(token)
    }

    /// [`Queue::request`] with the chain in an indirect table.
    pub fn request_indirect(
        &mut self,
        readable: &[&[u8]],
        writable: &[usize],
    ) -> Result<Reply, Error> {
        let token = self.post_indirect(readable, writable)?;
        self.kick()?;
        self.wait_for(token)
    }

    /// Waits for the answer to `token`, which must be the next one.
    pub fn wait_for(&mut self, token: Token) -> Result<Reply, Error> {
        let reply = self.wait(self.timeout)?;
        if reply.token != token {
            return Err(self.broken(format!(
                "{:?} was used while {token:?} was waited for",
                reply.token
            )));
        }
        Ok(reply)
    }

    /// Posts a chain: copies of `readable`, then empty buffers of the lengths in `writable`.
    pub fn post(&mut self, readable: &[&[u8]], writable: &[usize]) -> Result<Token, Error> {
        let (segments, owned) = self.buffers(readable, writable)?;
        self.post_owned(&segments, owned)
    }

    /// [`Queue::post`] with the chain in an indirect table.
    pub fn post_indirect(
        &mut self,
        readable: &[&[u8]],
        writable: &[usize],
    ) -> Result<Token, Error> {
        let (segments, mut owned) = self.buffers(readable, writable)?;
        let table = self.arena.alloc(16 * segments.len(), 16)?;
        owned.push(table);
        for (i, entry) in link(&segments, |i| i as u16 + 1).iter().enumerate() {
            self.arena.write(table + 16 * i as u64, &entry.bytes())?;
        }
        let head = self
            .free
            .pop()
            .ok_or_else(|| Error::NoRoom("a descriptor".into()))?;
        self.write_descriptor(
            head,
            Descriptor {
                addr: table,
                len: 16 * segments.len() as u32,
                flags: DESC_INDIRECT,
                next: 0,
            },
        )?;
        self.expose(vec![head], &segments, owned)
    }

    /// Posts a chain of the caller's own memory.
    pub fn post_chain(&mut self, segments: &[Segment]) -> Result<Token, Error> {
        self.post_owned(segments, Vec::new())
    }

    fn post_owned(&mut self, segments: &[Segment], owned: Vec<u64>) -> Result<Token, Error> {
        if segments.is_empty() || segments.len() > self.free.len() {
            return Err(Error::NoRoom(format!(
                "a chain of {} in {} free descriptors",
                segments.len(),
                self.free.len()
            )));
        }
        let entries = self.free.split_off(self.free.len() - segments.len());
        let chain = link(segments, |i| entries[i + 1]);
        for (entry, descriptor) in entries.iter().zip(chain) {
            self.write_descriptor(*entry, descriptor)?;
        }
        self.expose(entries, segments, owned)
    }

    fn expose(
        &mut self,
        entries: Vec<u16>,
        segments: &[Segment],
        owned: Vec<u64>,
    ) -> Result<Token, Error> {
        let token = Token(self.next_token);
        self.next_token += 1;
        let head = entries[0];
        self.in_flight.insert(
            head,
            InFlight {
                token,
                entries,
                writable: segments
                    .iter()
                    .filter(|s| s.writable)
                    .map(|s| (s.addr, s.len as usize))
                    .collect(),
                owned,
            },
        );
        self.offer(head)?;
        Ok(token)
    }

    fn buffers(
        &mut self,
        readable: &[&[u8]],
        writable: &[usize],
    ) -> Result<(Vec<Segment>, Vec<u64>), Error> {
        let mut segments = Vec::new();
        let mut owned = Vec::new();
        for bytes in readable {
            let addr = self.arena.alloc(bytes.len(), 1)?;
            owned.push(addr);
            self.arena.write(addr, bytes)?;
            segments.push(Segment {
                addr,
                len: bytes.len() as u32,
                writable: false,
            });
        }
        for &len in writable {
            let addr = self.arena.alloc(len, 1)?;
            owned.push(addr);
            self.arena.fill(addr, len, self.fill)?;
            segments.push(Segment {
                addr,
                len: len as u32,
                writable: true,
            });
        }
        Ok((segments, owned))
    }

    /// Notifies the device, unless it has said that it need not be.
    pub fn kick(&mut self) -> Result<(), Error> {
        let (old, new) = (self.announced, self.next_avail);
        self.announced = new;
        // The index must be out before the device's wish is read, or both sides could sleep.
        fence(Ordering::SeqCst);
        let wanted = if self.event_idx {
            crossed(self.avail_event()?, old, new)
        } else {
            self.arena.load_u16(self.ring.used)? & USED_NO_NOTIFY == 0
        };
        if wanted {
            self.kick_always();
        }
        Ok(())
    }

    /// Notifies the device, whatever it said. Touches no guest memory.
    pub fn kick_always(&mut self) {
        self.announced = self.next_avail;
        self.kicks += 1;
        self.kick.ring();
    }

    /// Takes one chain that the device has used.
    pub fn poll_used(&mut self) -> Result<Option<Reply>, Error> {
        let index = self.used_idx()?;
        if index == self.last_used {
            return Ok(None);
        }
        let fresh = index.wrapping_sub(self.last_used);
        if fresh > self.size {
            return Err(self.broken(format!(
                "used index went from {} to {index} in a ring of {}",
                self.last_used, self.size
            )));
        }
        let (id, written) = self.used_entry(self.last_used)?;
        self.last_used = self.last_used.wrapping_add(1);
        let chain = u16::try_from(id)
            .ok()
            .and_then(|head| self.in_flight.remove(&head))
            .ok_or_else(|| self.broken(format!("head {id} was used but is not in flight")))?;
        let room: usize = chain.writable.iter().map(|(_, len)| len).sum();
        let buffers = chain
            .writable
            .iter()
            .map(|&(addr, len)| self.arena.read_vec(addr, len))
            .collect::<Result<Vec<_>, _>>()?;
        self.free.extend(chain.entries.iter().rev());
        for addr in chain.owned {
            self.arena.free(addr);
        }
        if written as usize > room {
            return Err(self.broken(format!(
                "{written} bytes written to head {id}, which has room for {room}"
            )));
        }
        Ok(Some(Reply {
            token: chain.token,
            written,
            buffers,
        }))
    }

    /// Sleeps on the call descriptor until a chain has been used.
    ///
    /// A chain that was used without the interrupt which was asked for is an error of its own.
    pub fn wait(&mut self, timeout: Duration) -> Result<Reply, Error> {
        let end = Instant::now() + timeout;
        loop {
            if let Some(reply) = self.poll_used()? {
                return Ok(reply);
            }
            self.ask_for_interrupt()?;
            if let Some(reply) = self.poll_used()? {
                return Ok(reply);
            }
            let left = end.saturating_duration_since(Instant::now());
            if !self.sleep(left)? {
                if self.used_idx()? != self.last_used {
                    return Err(Error::MissedInterrupt { queue: self.index });
                }
                return Err(Error::Timeout {
                    what: format!("a used buffer of queue {}", self.index),
                    timeout,
                });
            }
        }
    }

    /// Waits until all chains in flight were used, and returns them in that order.
    pub fn wait_all(&mut self, timeout: Duration) -> Result<Vec<Reply>, Error> {
        let end = Instant::now() + timeout;
        let mut replies = Vec::new();
        while self.pending() > 0 {
            replies.push(self.wait(end.saturating_duration_since(Instant::now()))?);
        }
        Ok(replies)
    }

    /// Looks at the used ring without sleeping on an interrupt: for queues whose call descriptor
    /// is no use.
    pub fn wait_polling(&mut self, timeout: Duration) -> Result<Reply, Error> {
        let end = Instant::now() + timeout;
        loop {
            if let Some(reply) = self.poll_used()? {
                return Ok(reply);
            }
            if Instant::now() >= end {
                return Err(Error::Timeout {
                    what: format!("a used buffer of queue {}", self.index),
                    timeout,
                });
            }
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// Asks for an interrupt at the next used chain.
    pub fn ask_for_interrupt(&mut self) -> Result<(), Error> {
        if self.event_idx {
            self.set_used_event(self.last_used)?;
        } else {
            self.set_avail_flags(0)?;
        }
        fence(Ordering::SeqCst);
        Ok(())
    }

    /// Asks for no interrupts. With EVENT_IDX this holds until the index has gone once around.
    pub fn suppress_interrupts(&mut self) -> Result<(), Error> {
        if self.event_idx {
            self.set_used_event(self.last_used.wrapping_sub(1))
        } else {
            self.set_avail_flags(AVAIL_NO_INTERRUPT)
        }
    }

    fn sleep(&mut self, timeout: Duration) -> Result<bool, Error> {
        let end = Instant::now() + timeout;
        let gone = {
            let mut fds = Vec::with_capacity(2);
            if let Some(call) = self.call.ours() {
                fds.push(PollFd::from_borrowed_fd(call, PollFlags::IN));
            }
            let watched = self.socket.as_ref().map(|socket| {
                fds.push(PollFd::new(socket, PollFlags::RDHUP));
                fds.len() - 1
            });
            poll(&mut fds, timeout).map_err(Error::os("cannot poll the call descriptor"))?;
            watched.is_some_and(|i| !fds[i].revents().is_empty())
        };
        let left = if gone {
            Duration::ZERO
        } else {
            end.saturating_duration_since(Instant::now())
        };
        let rung = self.call.wait(left)?;
        if rung {
            self.interrupts += 1;
        } else if gone && self.used_idx()? == self.last_used {
            return Err(Error::Disconnected {
                during: "waiting for a used buffer",
            });
        }
        Ok(rung)
    }

    fn broken(&self, what: String) -> Error {
        Error::Ring {
            queue: self.index,
            what,
        }
    }

    // From here on nothing is checked or remembered.

    /// Writes an entry of the descriptor table.
    pub fn write_descriptor(&self, entry: u16, descriptor: Descriptor) -> Result<(), Error> {
        let addr = self.ring.descriptors + 16 * u64::from(entry);
        self.arena.write(addr, &descriptor.bytes())
    }

    /// Writes the available entry that index `slot` falls on.
    pub fn set_avail_entry(&self, slot: u16, head: u16) -> Result<(), Error> {
        let at = self.ring.available + 4 + 2 * u64::from(slot % self.size);
        self.arena.store_u16(at, head)
    }

    /// Makes `head` available, whatever it is.
    pub fn offer(&mut self, head: u16) -> Result<(), Error> {
        self.set_avail_entry(self.next_avail, head)?;
        self.next_avail = self.next_avail.wrapping_add(1);
        self.set_avail_idx(self.next_avail)
    }

    /// Writes the available index.
    pub fn set_avail_idx(&self, index: u16) -> Result<(), Error> {
        fence(Ordering::SeqCst);
        self.arena.store_u16(self.ring.available + 2, index)
    }

    /// The available index as it lies in memory.
    pub fn avail_idx(&self) -> Result<u16, Error> {
        self.arena.load_u16(self.ring.available + 2)
    }

    /// Writes the flags of the available ring.
    pub fn set_avail_flags(&self, flags: u16) -> Result<(), Error> {
        self.arena.store_u16(self.ring.available, flags)
    }

    /// Writes the used index up to which the driver wants no interrupt.
    pub fn set_used_event(&self, index: u16) -> Result<(), Error> {
        let at = self.ring.available + 4 + 2 * u64::from(self.size);
        self.arena.store_u16(at, index)
    }

    /// The used index as it lies in memory.
    pub fn used_idx(&self) -> Result<u16, Error> {
        self.arena.load_u16(self.ring.used + 2)
    }

    /// The used entry that index `slot` falls on: head and length.
    pub fn used_entry(&self, slot: u16) -> Result<(u32, u32), Error> {
        let at = self.ring.used + 4 + 8 * u64::from(slot % self.size);
        let mut bytes = [0; 8];
        self.arena.read(at, &mut bytes)?;
        let (id, len) = bytes.split_at(4);
        Ok((
            u32::from_le_bytes(id.try_into().expect("four bytes")),
            u32::from_le_bytes(len.try_into().expect("four bytes")),
        ))
    }

    /// The available index up to which the device wants no kick.
    pub fn avail_event(&self) -> Result<u16, Error> {
        let at = self.ring.used + 4 + 8 * u64::from(self.size);
        self.arena.load_u16(at)
    }

    /// The index that the next available entry gets.
    pub fn next_avail(&self) -> u16 {
        self.next_avail
    }

    /// Moves the driver's own idea of the available index, for a ring that starts elsewhere.
    pub fn set_next_avail(&mut self, index: u16) {
        self.next_avail = index;
        self.announced = index;
    }

    /// The used index up to which the driver has looked.
    pub fn last_used(&self) -> u16 {
        self.last_used
    }

    /// Moves the driver's own idea of the used index.
    pub fn set_last_used(&mut self, index: u16) {
        self.last_used = index;
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        for (_, chain) in self.in_flight.drain() {
            for addr in chain.owned {
                self.arena.free(addr);
            }
        }
        for addr in [
            self.memory.descriptors,
            self.memory.available,
            self.memory.used,
        ] {
            self.arena.free(addr);
        }
    }
}

fn link(segments: &[Segment], next: impl Fn(usize) -> u16) -> Vec<Descriptor> {
    let last = segments.len().saturating_sub(1);
    segments
        .iter()
        .enumerate()
        .map(|(i, segment)| {
            let more = i < last;
            Descriptor {
                addr: segment.addr,
                len: segment.len,
                flags: if segment.writable { DESC_WRITE } else { 0 }
                    | if more { DESC_NEXT } else { 0 },
                next: if more { next(i) } else { 0 },
            }
        })
        .collect()
}

/// Whether going from `old` to `new` passed `event` (2.7.10.1).
pub(crate) fn crossed(event: u16, old: u16, new: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(event_idx: bool) -> Queue {
        let arena = Arena::new(1 << 20, 2, false).unwrap();
        Queue::new(&arena, 0, 8, event_idx).unwrap()
    }

    /// Plays the device: uses the next available head.
    fn answer(queue: &Queue, at: u16, written: u32) -> u16 {
        let slot = queue.ring.available + 4 + 2 * u64::from(at % queue.size);
        let head = queue.arena.load_u16(slot).unwrap();
        use_head(queue, u32::from(head), written);
        head
    }

    fn use_head(queue: &Queue, head: u32, written: u32) {
        let index = queue.used_idx().unwrap();
        let entry = queue.ring.used + 4 + 8 * u64::from(index % queue.size);
        queue.arena.write(entry, &head.to_le_bytes()).unwrap();
        queue
            .arena
            .write(entry + 4, &written.to_le_bytes())
            .unwrap();
        queue
            .arena
            .store_u16(queue.ring.used + 2, index.wrapping_add(1))
            .unwrap();
    }

    #[test]
    fn chains_come_back_with_their_token_whatever_the_order() {
        let mut queue = queue(false);
        let first = queue.post(&[b"abc"], &[4, 0, 2]).unwrap();
        let second = queue.post(&[], &[1]).unwrap();
        assert_eq!(queue.room(), 3);
        answer(&queue, 1, 1);
        answer(&queue, 0, 6);
        assert_eq!(queue.poll_used().unwrap().unwrap().token(), second);
        let reply = queue.poll_used().unwrap().unwrap();
        assert_eq!((reply.token(), reply.written()), (first, 6));
        assert_eq!(reply.buffers().len(), 3);
        assert_eq!(queue.room(), 8);
        assert_eq!(queue.poll_used().unwrap(), None);
    }

    #[test]
    fn a_head_used_twice_and_a_length_beyond_the_buffers_are_reported() {
        let mut queue = queue(false);
        queue.post(&[], &[4]).unwrap();
        let head = answer(&queue, 0, 4);
        queue.poll_used().unwrap().unwrap();
        use_head(&queue, u32::from(head), 4);
        assert!(matches!(queue.poll_used(), Err(Error::Ring { .. })));
        queue.post(&[], &[4]).unwrap();
        answer(&queue, 1, 5);
        assert!(matches!(queue.poll_used(), Err(Error::Ring { .. })));
    }

    #[test]
    fn an_answer_without_interrupt_is_an_error_and_one_with_is_not() {
        let mut queue = queue(true);
        queue.post(&[], &[4]).unwrap();
        let timeout = Duration::from_millis(20);
        assert!(matches!(queue.wait(timeout), Err(Error::Timeout { .. })));
        let end = std::time::Instant::now() + Duration::from_secs(60);
        let error = loop {
            queue.last_used = 0;
            queue.arena.store_u16(queue.ring.used + 2, 0).unwrap();
            let outcome = std::thread::scope(|scope| {
                let (arena, ring) = (queue.arena.clone(), queue.ring);
                scope.spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    arena.store_u16(ring.used + 2, 1).unwrap();
                });
                queue.wait(Duration::from_secs(2))
            });
            match outcome {
                Err(error) => break error,
                // The answer was there before the wait, which needs no interrupt then.
                Ok(_) => assert!(std::time::Instant::now() < end, "no wait began before it"),
            }
            queue.post(&[], &[4]).unwrap();
        };
        assert!(matches!(error, Error::MissedInterrupt { queue: 0 }));
        queue.call.ring();
        queue.last_used = 1;
        use_head(&queue, 0, 0);
        assert_eq!(queue.wait(timeout).unwrap().written(), 0);
    }

    #[test]
    fn a_device_that_wants_no_kick_gets_none() {
        let mut by_flag = queue(false);
        by_flag.arena.store_u16(by_flag.ring.used, 1).unwrap();
        by_flag.post(&[], &[1]).unwrap();
        by_flag.kick().unwrap();
        assert_eq!(by_flag.kicks(), 0);

        let mut by_index = queue(true);
        let event = by_index.ring.used + 4 + 8 * 8;
        by_index.arena.store_u16(event, 1).unwrap();
        by_index.post(&[], &[1]).unwrap();
        by_index.kick().unwrap();
        assert_eq!(by_index.kicks(), 0);
        by_index.post(&[], &[1]).unwrap();
        by_index.kick().unwrap();
        assert_eq!(by_index.kicks(), 1);
    }

    #[test]
    fn crossing_is_right_around_the_wrap() {
        assert!(crossed(0, 0, 1));
        assert!(!crossed(1, 0, 1));
        assert!(crossed(u16::MAX, u16::MAX, 1));
        assert!(!crossed(5, u16::MAX, 1));
        assert!(!crossed(4, 5, 6));
        assert!(!crossed(7, 7, 7));
    }

    #[test]
    fn a_dropped_queue_gives_its_memory_back() {
        let arena = Arena::new(1 << 20, 1, false).unwrap();
        let mut queue = Queue::new(&arena, 0, 16, false).unwrap();
        queue.post(&[b"x"], &[100]).unwrap();
        queue.post_indirect(&[b"x"], &[100, 5]).unwrap();
        drop(queue);
        assert_eq!(arena.allocated(), 0);
    }
}
