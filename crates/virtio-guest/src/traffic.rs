// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Streams through a socket device as fast as one thread can be both the guest and the host's
//! program, and what they take.
//!
//! As in [`crate::measure`], nothing is allocated or copied for a packet: buffers and headers are laid
//! out once. The driver polls, and keeps to the rules of credit.

use std::{
    io::{ErrorKind, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering, fence},
    },
    time::{Duration, Instant},
};

use crate::{
    Arena, DESC_NEXT, DESC_WRITE, Descriptor, Error, Guest, Signal,
    ring::crossed,
    vsock::{Connection, EVENT, HEADER, HOST, Header, RX, STREAM, TX, op},
};

/// Entries of each ring.
const RING: u16 = 128;

/// Room that the guest says it has.
const WINDOW: u32 = 1 << 20;

/// The host's port.
const PORT: u32 = 1234;

/// No step takes longer on any machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The guest.
    Up,
    /// The host's program.
    Down,
}

/// One virtqueue, with nothing between the driver and its memory.
struct Ring {
    /// Keeps the mapping.
    _arena: Arc<Arena>,
    avail: *mut u8,
    used: *mut u8,
    size: usize,
    event_idx: bool,
    kick: Signal,
    next: u16,
    shown: u16,
    seen: u16,
}

impl Ring {
    fn new(guest: &mut Guest, index: u16) -> Result<Self, Error> {
        let arena = guest.arena().clone();
        let queue = guest.queue(index);
        let (ring, size) = (queue.ring(), usize::from(queue.size()));
        let kick = || {
            let fd = queue.signals().0.theirs().try_clone_to_owned();
            fd.map_err(Error::os("cannot duplicate an eventfd"))
        };
        let kick = Signal::from_fds(Some(kick()?), kick()?);
        Ok(Self {
            avail: arena.host(ring.available, 6 + 2 * size)?.as_ptr(),
            used: arena.host(ring.used, 6 + 8 * size)?.as_ptr(),
            size,
            event_idx: queue.event_idx(),
            kick,
            next: 0,
            shown: 0,
            seen: 0,
            _arena: arena,
        })
    }

    fn word(base: *mut u8, at: usize) -> &'static AtomicU16 {
        // SAFETY: callers pass a place within the ring, whose mapping `_arena` keeps for as long as
        // the ring lives; the reference does not leave the statement.
        unsafe { AtomicU16::from_ptr(base.add(at).cast()) }
    }

    fn offer(&mut self, head: u16) {
        let at = 4 + 2 * (usize::from(self.next) & (self.size - 1));
        Self::word(self.avail, at).store(head, Ordering::Relaxed);
        self.next = self.next.wrapping_add(1);
    }

    /// Shows what was offered, and kicks if the device wants it.
    fn publish(&mut self) {
        let (old, new) = (self.shown, self.next);
        if old == new {
            return;
        }
        self.shown = new;
        Self::word(self.avail, 2).store(new, Ordering::Release);
        fence(Ordering::SeqCst);
        let wanted = if self.event_idx {
            let event = Self::word(self.used, 4 + 8 * self.size).load(Ordering::Relaxed);
            crossed(event, old, new)
        } else {
            Self::word(self.used, 0).load(Ordering::Relaxed) & 1 == 0
        };
        if wanted {
            self.kick.ring();
        }
    }

    /// The next used head. The driver never wants to be interrupted.
    fn take(&mut self) -> Option<(u16, u32)> {
        if Self::word(self.used, 2).load(Ordering::Acquire) == self.seen {
            return None;
        }
        let at = 4 + 8 * (usize::from(self.seen) & (self.size - 1));
        let half = |at| u32::from(Self::word(self.used, at).load(Ordering::Relaxed));
        let head = half(at) as u16;
        let len = half(at + 4) | half(at + 6) << 16;
        self.seen = self.seen.wrapping_add(1);
        if self.event_idx {
            // Further ahead than the ring is long.
            let never = self.seen.wrapping_add(0x7fff);
            Self::word(self.avail, 4 + 2 * self.size).store(never, Ordering::Relaxed);
        } else {
            Self::word(self.avail, 0).store(1, Ordering::Relaxed);
        }
        Some((head, len))
    }
}

/// A guest that is ready to send packets of one size, and to receive.
pub struct Traffic {
    guest: Guest,
    cid: u64,
    tx: Ring,
    rx: Ring,
    size: usize,
    /// Where each receive buffer, and each packet to send, lies.
    rx_at: Vec<u64>,
    tx_at: Vec<u64>,
    free: Vec<u16>,
    /// Empty packets to send have a place of their own, and so do their descriptors.
    control_at: Vec<u64>,
    control_free: Vec<u16>,
    next_port: u32,
}

impl std::fmt::Debug for Traffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traffic")
            .field("cid", &self.cid)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Descriptors of TX for packets without payload.
const CONTROL: u16 = 32;
/// Packets with payload, of two descriptors each.
const PACKETS: u16 = (RING - CONTROL) / 2;

impl Traffic {
    /// Boots a guest that sends packets of `size` bytes of payload, and lends buffers for `room`.
    pub fn boot(path: &Path, size: usize, room: usize) -> Result<Self, Error> {
        let each = |payload: usize| (payload + HEADER).next_multiple_of(4096);
        let memory = each(room) * usize::from(RING) + each(size) * usize::from(PACKETS) + (4 << 20);
        let mut guest = Guest::builder(path)
            .memory_size(memory)
            .regions(1)
            .queue_size(RING)
            .timeout(PATIENCE)
            .boot()?;
        let config = guest.get_config(0, 8)?;
        let cid = u64::from_le_bytes(config.try_into().unwrap_or_default());
        for index in [RX, TX] {
            guest.stop_queue(index)?;
            guest.queue(index).reset()?;
        }
        let _ = EVENT;
        let arena = guest.arena().clone();
        let mut rx_at = Vec::new();
        for entry in 0..RING {
            let addr = arena.alloc(room + HEADER, 64)?;
            guest.queue(RX).write_descriptor(
                entry,
                Descriptor {
                    addr,
                    len: (room + HEADER) as u32,
                    flags: DESC_WRITE,
                    next: 0,
                },
            )?;
            rx_at.push(addr);
        }
        let (mut tx_at, mut control_at) = (Vec::new(), Vec::new());
        for slot in 0..PACKETS {
            let header = arena.alloc(HEADER, 64)?;
            let payload = arena.alloc(size, 4096)?;
            arena.fill(payload, size, 0x5a)?;
            let parts = [
                (2 * slot, header, HEADER, DESC_NEXT),
                (2 * slot + 1, payload, size, 0),
            ];
            for (entry, addr, len, flags) in parts {
                guest.queue(TX).write_descriptor(
                    entry,
                    Descriptor {
                        addr,
                        len: len as u32,
                        flags,
                        next: entry + 1,
                    },
                )?;
            }
            tx_at.push(header);
        }
        for entry in 2 * PACKETS..2 * PACKETS + CONTROL {
            let addr = arena.alloc(HEADER, 64)?;
            guest.queue(TX).write_descriptor(
                entry,
                Descriptor {
                    addr,
                    len: HEADER as u32,
                    flags: 0,
                    next: 0,
                },
            )?;
            control_at.push(addr);
        }
        for index in [RX, TX] {
            guest.start_queue(index, 0)?;
        }
        let (tx, mut rx) = (Ring::new(&mut guest, TX)?, Ring::new(&mut guest, RX)?);
        for head in 0..RING {
            rx.offer(head);
        }
        rx.publish();
        Ok(Self {
            guest,
            cid,
            tx,
            rx,
            size,
            rx_at,
            tx_at,
            free: (0..PACKETS).collect(),
            control_at,
            control_free: (0..CONTROL).collect(),
            next_port: 5000,
        })
    }

    /// The guest below.
    pub fn guest(&mut self) -> &mut Guest {
        &mut self.guest
    }

    fn connection(&mut self) -> Connection {
        self.next_port += 1;
        Connection {
            peer_cid: HOST,
            peer_port: PORT,
            port: self.next_port,
            kind: STREAM,
            window: WINDOW,
            received: 0,
            sent: 0,
            peer_window: 0,
            peer_forwarded: 0,
        }
    }

    fn reclaim(&mut self) {
        while let Some((head, _)) = self.tx.take() {
            match head.checked_sub(2 * PACKETS) {
                Some(control) => self.control_free.push(control),
                None => self.free.push(head / 2),
            }
        }
    }

    fn say(&mut self, connection: &Connection, op: u16, flags: u32) -> Result<(), Error> {
        let end = Instant::now() + PATIENCE;
        let slot = loop {
            self.reclaim();
            if let Some(slot) = self.control_free.pop() {
                break slot;
            }
            late(end, "room for a packet")?;
        };
        let header = Header {
            flags,
            ..connection.header(self.cid, op)
        };
        let addr = self.control_at[usize::from(slot)];
        self.guest.arena().write(addr, &header.bytes())?;
        self.tx.offer(2 * PACKETS + slot);
        self.tx.publish();
        Ok(())
    }

    /// The header of the next packet, if one came. Its buffer is lent again with the next publish.
    fn receive(&mut self) -> Result<Option<Header>, Error> {
        let Some((head, len)) = self.rx.take() else {
            return Ok(None);
        };
        let mut bytes = [0; HEADER];
        let addr = self.rx_at.get(usize::from(head)).copied().unwrap_or(0);
        self.guest.arena().read(addr, &mut bytes)?;
        self.rx.offer(head);
        let header = Header::parse(&bytes).unwrap_or_default();
        if len as usize != HEADER + header.len as usize {
            return Err(Error::Protocol(format!(
                "{len} bytes were used for a packet of {}",
                header.len
            )));
        }
        Ok(Some(header))
    }

    fn wait(&mut self, what: &str) -> Result<Header, Error> {
        let end = Instant::now() + PATIENCE;
        loop {
            self.rx.publish();
            if let Some(header) = self.receive()? {
                return Ok(header);
            }
            std::hint::spin_loop();
            late(end, what)?;
        }
    }

    /// Opens a connection to a program that listens.
    pub fn open(&mut self, listener: &UnixListener) -> Result<(Connection, UnixStream), Error> {
        let mut connection = self.connection();
        self.say(&connection, op::REQUEST, 0)?;
        loop {
            let header = self.wait("an answer to a request")?;
            if header.dst_port != connection.port {
                continue;
            }
            if header.op != op::RESPONSE {
                return Err(Error::Protocol(format!("op {} to a request", header.op)));
            }
            connection.peer_window = header.buf_alloc;
            connection.peer_forwarded = header.fwd_cnt;
            break;
        }
        let (stream, _) = listener.accept().map_err(Error::os("cannot accept"))?;
        Ok((connection, stream))
    }

    /// Has a program open a connection to the guest.
    pub fn accept(&mut self, path: &Path) -> Result<(Connection, UnixStream), Error> {
        let os = |error| Error::os("cannot talk to the device's socket")(error);
        let mut stream = UnixStream::connect(path).map_err(os)?;
        stream.write_all(b"CONNECT 77\n").map_err(os)?;
        let mut connection = self.connection();
        loop {
            let header = self.wait("a request")?;
            if header.op == op::REQUEST {
                connection.peer_port = header.src_port;
                connection.port = header.dst_port;
                connection.peer_window = header.buf_alloc;
                connection.peer_forwarded = header.fwd_cnt;
                break;
            }
        }
        self.say(&connection, op::RESPONSE, 0)?;
        // The program polls as the guest does: what is measured is the device's part.
        stream.set_nonblocking(true).map_err(os)?;
        let end = Instant::now() + PATIENCE;
        let mut line = [0; 32];
        let mut len = 0;
        while !line[..len].ends_with(b"\n") {
            match stream.read(&mut line[len..]) {
                Ok(0) => return Err(Error::Protocol("a program's connection ended".into())),
                Ok(bytes) => len += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => late(end, "an OK")?,
                Err(error) => return Err(os(error)),
            }
        }
        stream.set_nonblocking(false).map_err(os)?;
        Ok((connection, stream))
    }

    /// Ends a connection from the guest's side, and waits until the device has confirmed it.
    pub fn close(&mut self, connection: &Connection, both: bool) -> Result<(), Error> {
        if !both {
            return self.say(connection, op::RST, 0);
        }
        self.say(connection, op::SHUTDOWN, 3)?;
        loop {
            let header = self.wait("the end of a connection")?;
            if header.op == op::RST && header.dst_port == connection.port {
                return Ok(());
            }
        }
    }

    /// Moves `total` bytes, after a tenth of that for warming up. Returns the time they took.
    pub fn stream(
        &mut self,
        direction: Direction,
        connection: &mut Connection,
        stream: &mut UnixStream,
        total: u64,
    ) -> Result<Duration, Error> {
        stream
            .set_nonblocking(true)
            .map_err(Error::os("cannot set up a socket"))?;
        let mut buffer = vec![0x5a; self.size];
        self.run(direction, connection, stream, total / 10, &mut buffer)?;
        let start = Instant::now();
        self.run(direction, connection, stream, total, &mut buffer)?;
        Ok(start.elapsed())
    }

    fn run(
        &mut self,
        direction: Direction,
        connection: &mut Connection,
        stream: &mut UnixStream,
        total: u64,
        buffer: &mut [u8],
    ) -> Result<(), Error> {
        let header = Header {
            len: self.size as u32,
            ..connection.header(self.cid, op::RW)
        };
        for &addr in &self.tx_at {
            self.guest.arena().write(addr, &header.bytes())?;
        }
        let (mut written, mut arrived, mut untold) = (0u64, 0u64, 0u32);
        let mut part = 0;
        let mut idle = 0u32;
        let mut end = Instant::now() + PATIENCE;
        while arrived < total {
            let before = (written, arrived);
            self.reclaim();
            while let Some(header) = self.receive()? {
                if header.dst_port != connection.port {
                    continue;
                }
                connection.peer_window = header.buf_alloc;
                connection.peer_forwarded = header.fwd_cnt;
                match header.op {
                    op::RW => {
                        connection.received = connection.received.wrapping_add(header.len);
                        untold += header.len;
                        arrived += u64::from(header.len);
                    }
                    op::CREDIT_UPDATE => {}
                    op::CREDIT_REQUEST => untold = WINDOW,
                    op => return Err(Error::Protocol(format!("op {op} in a stream"))),
                }
            }
            self.rx.publish();
            if untold >= WINDOW / 4 {
                untold = 0;
                self.say(connection, op::CREDIT_UPDATE, 0)?;
            }
            match direction {
                Direction::Up => {
                    while written < total
                        && connection.room() as usize >= self.size
                        && let Some(slot) = self.free.pop()
                    {
                        self.tx.offer(2 * slot);
                        connection.sent = connection.sent.wrapping_add(self.size as u32);
                        written += self.size as u64;
                    }
                    self.tx.publish();
                    for _ in 0..16 {
                        match stream.read(buffer) {
                            Ok(0) => return Err(Error::Protocol("the stream ended".into())),
                            Ok(bytes) => arrived += bytes as u64,
                            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                            Err(error) => return Err(Error::os("cannot read")(error)),
                        }
                    }
                }
                Direction::Down => {
                    for _ in 0..16 {
                        if written >= total {
                            break;
                        }
                        match stream.write(&buffer[part..]) {
                            Ok(bytes) => {
                                part = (part + bytes) % buffer.len();
                                written += bytes as u64;
                            }
                            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                            Err(error) => return Err(Error::os("cannot write")(error)),
                        }
                    }
                }
            }
            if before != (written, arrived) {
                idle = 0;
                continue;
            }
            idle += 1;
            if idle.is_multiple_of(4096) {
                // On a busy machine the daemon may be waiting for this very CPU.
                std::thread::yield_now();
                late(end, "progress of a stream")?;
            } else if idle == 1 {
                end = Instant::now() + PATIENCE;
            }
            std::hint::spin_loop();
        }
        Ok(())
    }
}

fn late(end: Instant, what: &str) -> Result<(), Error> {
    if Instant::now() < end {
        return Ok(());
    }
    Err(Error::Timeout {
        what: what.to_owned(),
        timeout: PATIENCE,
    })
}
