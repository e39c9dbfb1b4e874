// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! A descriptor chain: one request of the driver, validated, owned by whoever works on it.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use guest_memory::{AccessError, Memory, Mode, Span};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::fault::GuestFaults;
use crate::wake::Wake;

/// The kernel takes no more pieces in one call. A driver could make a row of chains of many more, and
/// each call would walk them all.
const MAX_PIECES: usize = 1024;

/// One request (VIRTIO 1.3, section 2.7.4): bytes the driver wrote for the device, then room that
/// the device may write.
///
/// Everything about it was checked before it was handed out: each descriptor lies in guest memory,
/// readable ones come first, and the totals are known. It can be sent to another thread. It goes
/// back to the driver by [`crate::Queue::complete`] on the thread that owns the queue, or by
/// [`Chain::finish`] on any; one that is dropped goes back unanswered, with a warning, so that no
/// descriptor is ever lost.
#[must_use = "complete the chain, or the driver gets it back unanswered"]
#[derive(Debug)]
pub struct Chain {
    /// Empty only after the chain was given back.
    body: Option<Box<Body>>,
}

#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) memory: Arc<Memory>,
    pub(crate) home: Arc<Home>,
    pub(crate) head: u16,
    /// How many were taken before it, so that it can be put back if it was the last. An index of
    /// the ring would be ambiguous after 65536 more.
    pub(crate) ordinal: u64,
    /// Readable spans, then writable ones; none is empty.
    pub(crate) spans: Vec<Span>,
    pub(crate) readable_spans: usize,
    pub(crate) readable_len: u64,
    pub(crate) writable_len: u64,
    reader: Cursor,
    writer: Cursor,
    /// Bytes from the start of the writable part up to the last one written: `used.len`.
    written: u64,
    /// What a transfer is made of; kept for its allocation.
    pub(crate) pieces: Vec<Span>,
}

/// Boxed, because a body moves between a chain and these lists without being copied.
#[allow(clippy::vec_box)]
pub(crate) type Bodies = Vec<Box<Body>>;

#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    /// Index of the span, relative to the first of its direction.
    span: usize,
    /// Bytes of that span that are done.
    offset: u32,
    /// Bytes done in all.
    done: u64,
}

impl Cursor {
    /// The next piece, at most `max` bytes.
    #[inline]
    fn piece(&self, spans: &[Span], max: u64) -> Option<Span> {
        let span = spans.get(self.span)?;
        let len = max.min(u64::from(span.len - self.offset)) as u32;
        (len > 0).then_some(Span {
            addr: span.addr + u64::from(self.offset),
            len,
        })
    }

    #[inline]
    fn advance(&mut self, spans: &[Span], mut bytes: u64) {
        self.done += bytes;
        while let Some(span) = spans.get(self.span) {
            let left = u64::from(span.len - self.offset);
            if bytes < left {
                self.offset += bytes as u32;
                return;
            }
            bytes -= left;
            self.span += 1;
            self.offset = 0;
        }
    }

    /// The pieces that make up the next `max` bytes.
    fn pieces(self, spans: &[Span], max: u64) -> Vec<Span> {
        let mut pieces = Vec::new();
        self.add_pieces(spans, max, &mut pieces);
        pieces
    }

    /// As [`Cursor::pieces`], behind those that are in `pieces` already. Returns their bytes.
    fn add_pieces(mut self, spans: &[Span], max: u64, pieces: &mut Vec<Span>) -> u64 {
        let start = self.done;
        let end = start.saturating_add(max);
        while let Some(piece) = self.piece(spans, end - self.done) {
            self.advance(spans, u64::from(piece.len));
            pieces.push(piece);
        }
        self.done - start
    }
}

impl Body {
    pub(crate) fn new(memory: Arc<Memory>, home: Arc<Home>) -> Self {
        Self {
            memory,
            home,
            head: 0,
            ordinal: 0,
            spans: Vec::new(),
            readable_spans: 0,
            readable_len: 0,
            writable_len: 0,
            reader: Cursor::default(),
            writer: Cursor::default(),
            written: 0,
            pieces: Vec::new(),
        }
    }

    /// Makes the body ready for the next request; its allocation stays.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.spans.clear();
        self.readable_spans = 0;
        self.readable_len = 0;
        self.writable_len = 0;
        self.reader = Cursor::default();
        self.writer = Cursor::default();
        self.written = 0;
    }

    #[inline]
    pub(crate) fn used_len(&self) -> u32 {
        self.written.min(u64::from(u32::MAX)) as u32
    }

    #[inline]
    fn readable(&self) -> &[Span] {
        &self.spans[..self.readable_spans]
    }

    #[inline]
    fn writable(&self) -> &[Span] {
        &self.spans[self.readable_spans..]
    }
}

/// The request is shorter, or has less room, than the device's specification asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain has {has} bytes left where {needed} are needed")]
pub struct ChainTooShort {
    /// Bytes left in that direction.
    pub has: u64,
    /// Bytes the device asked for.
    pub needed: u64,
}

impl From<ChainTooShort> for io::Error {
    fn from(error: ChainTooShort) -> Self {
        Self::new(io::ErrorKind::UnexpectedEof, error)
    }
}

impl Chain {
    pub(crate) fn new(body: Box<Body>) -> Self {
        Self { body: Some(body) }
    }

    pub(crate) fn into_body(mut self) -> Option<Box<Body>> {
        self.body.take()
    }

    #[inline]
    pub(crate) fn body(&self) -> &Body {
        match &self.body {
            Some(body) => body,
            None => unreachable!("a chain has its body until it is consumed"),
        }
    }

    #[inline]
    pub(crate) fn body_mut(&mut self) -> &mut Body {
        match &mut self.body {
            Some(body) => body,
            None => unreachable!("a chain has its body until it is consumed"),
        }
    }

    /// Index of the first descriptor: names the request until it is completed.
    pub fn head(&self) -> u16 {
        self.body().head
    }

    /// Bytes that the driver wrote for the device and that were not read yet.
    #[inline]
    pub fn readable_len(&self) -> u64 {
        let body = self.body();
        body.readable_len - body.reader.done
    }

    /// Bytes of room that were not written yet.
    #[inline]
    pub fn writable_len(&self) -> u64 {
        let body = self.body();
        body.writable_len - body.writer.done
    }

    /// Bytes written so far, as the driver will be told.
    pub fn written(&self) -> u64 {
        self.body().written
    }

    /// Reads the next bytes, as many as there are and fit. Returns how many. Where there should be
    /// more, a page cannot be mapped (Xen): the guest was warned, and the request is to fail.
    #[inline]
    pub fn read(&mut self, buf: &mut [u8]) -> usize {
        let body = self.body_mut();
        let mut done = 0;
        while done < buf.len() {
            let Some(piece) = body.reader.piece(
                &body.spans[..body.readable_spans],
                (buf.len() - done) as u64,
            ) else {
                break;
            };
            let end = done + piece.len as usize;
            if let Err(error) = body.memory.read(piece.addr, &mut buf[done..end]) {
                body.unreachable(&error);
                break;
            }
            body.reader
                .advance(&body.spans[..body.readable_spans], u64::from(piece.len));
            done = end;
        }
        done
    }

    /// Reads exactly `buf.len()` bytes, or none.
    pub fn read_exact(&mut self, buf: &mut [u8]) -> Result<(), ChainTooShort> {
        let needed = buf.len() as u64;
        self.check_readable(needed)?;
        all_of(self.read(buf) as u64, needed)
    }

    /// Reads one structure of the wire format.
    #[inline]
    pub fn read_obj<T: FromBytes + IntoBytes>(&mut self) -> Result<T, ChainTooShort> {
        let mut object = T::new_zeroed();
        self.read_exact(object.as_mut_bytes())?;
        Ok(object)
    }

    /// Writes as much of `buf` as there is room for. Returns how much. After a look at
    /// [`Chain::writable_len`] a smaller number means that a page cannot be mapped (Xen): the guest
    /// was warned, and the request is to fail.
    #[inline]
    pub fn write(&mut self, buf: &[u8]) -> usize {
        let body = self.body_mut();
        let mut done = 0;
        while done < buf.len() {
            let Some(piece) = body.writer.piece(
                &body.spans[body.readable_spans..],
                (buf.len() - done) as u64,
            ) else {
                break;
            };
            let end = done + piece.len as usize;
            if let Err(error) = body.memory.write(piece.addr, &buf[done..end]) {
                body.unreachable(&error);
                break;
            }
            body.wrote(u64::from(piece.len));
            done = end;
        }
        done
    }

    /// Writes all of `buf`, or nothing.
    pub fn write_all(&mut self, buf: &[u8]) -> Result<(), ChainTooShort> {
        let needed = buf.len() as u64;
        self.check_writable(needed)?;
        all_of(self.write(buf) as u64, needed)
    }

    /// Writes one structure of the wire format.
    #[inline]
    pub fn write_obj<T: IntoBytes + Immutable>(&mut self, object: &T) -> Result<(), ChainTooShort> {
        self.write_all(object.as_bytes())
    }

    /// Writes `buf` at `offset` bytes behind the start of the writable part, wherever the next
    /// [`Chain::write`] goes: for a status that stands behind the data. The driver is told that all
    /// up to its end was written (2.7.8.2), so what lies before it should have been.
    pub fn write_at(&mut self, offset: u64, buf: &[u8]) -> Result<(), ChainTooShort> {
        let body = self.body_mut();
        let len = buf.len() as u64;
        let has = body.writable_len.saturating_sub(offset);
        if has < len {
            return Err(ChainTooShort { has, needed: len });
        }
        if len == 0 {
            return Ok(());
        }
        let mut cursor = Cursor::default();
        cursor.advance(body.writable(), offset);
        let mut done = 0;
        while let Some(piece) = cursor.piece(body.writable(), (buf.len() - done) as u64) {
            let end = done + piece.len as usize;
            if let Err(error) = body.memory.write(piece.addr, &buf[done..end]) {
                body.unreachable(&error);
                return all_of(done as u64, len);
            }
            cursor.advance(body.writable(), u64::from(piece.len));
            done = end;
        }
        body.written = body.written.max(offset + len);
        Ok(())
    }

    /// Passes over the next bytes of the readable part.
    pub fn skip(&mut self, bytes: u64) -> Result<(), ChainTooShort> {
        self.check_readable(bytes)?;
        let body = self.body_mut();
        body.reader
            .advance(&body.spans[..body.readable_spans], bytes);
        Ok(())
    }

    /// Writes up to `max` random bytes of the kernel. Returns how many.
    pub fn fill_random(&mut self, max: u64) -> io::Result<u64> {
        let body = self.body_mut();
        let mut done = 0;
        while let Some(piece) = body.writer.piece(body.writable(), max - done) {
            body.memory.fill_random(piece.addr, u64::from(piece.len))?;
            body.wrote(u64::from(piece.len));
            done += u64::from(piece.len);
        }
        Ok(done)
    }

    /// Passes over the next bytes of room: something is written there later, by
    /// [`Chain::write_at`].
    pub fn leave_room(&mut self, bytes: u64) -> Result<(), ChainTooShort> {
        self.check_writable(bytes)?;
        let body = self.body_mut();
        body.writer
            .advance(&body.spans[body.readable_spans..], bytes);
        Ok(())
    }

    /// Whether the next `max` bytes of room, piece by piece, begin and end at guest addresses that
    /// are multiples of `align`.
    pub fn is_room_aligned(&self, max: u64, align: u64) -> bool {
        let body = self.body();
        is_aligned(&body.writer.pieces(body.writable(), max), align)
    }

    /// Whether the next `max` bytes to read, piece by piece, begin and end at guest addresses that
    /// are multiples of `align`.
    pub fn is_readable_aligned(&self, max: u64, align: u64) -> bool {
        let body = self.body();
        is_aligned(&body.reader.pieces(body.readable(), max), align)
    }

    /// Reads from `file` straight into the room that is left, at most `max` bytes, by one system
    /// call. Returns the bytes read; zero at the end of the file.
    pub fn fill_from(
        &mut self,
        file: impl AsFd,
        offset: Option<u64>,
        max: u64,
    ) -> io::Result<usize> {
        self.fill_from_with(file, offset, max, Mode::default())
    }

    /// [`Chain::fill_from`] in a way of one's choice.
    pub fn fill_from_with(
        &mut self,
        file: impl AsFd,
        offset: Option<u64>,
        max: u64,
        mode: Mode,
    ) -> io::Result<usize> {
        let body = self.body_mut();
        let mut pieces = std::mem::take(&mut body.pieces);
        body.pieces_to_write(max, &mut pieces);
        let result = body.memory.read_from_with(file, offset, &pieces, mode);
        body.pieces = pieces;
        let done = result?;
        body.wrote(done as u64);
        Ok(done)
    }

    /// Writes what is left to read straight to `file`, at most `max` bytes, by one system call.
    /// Returns the bytes written.
    pub fn drain_to(
        &mut self,
        file: impl AsFd,
        offset: Option<u64>,
        max: u64,
    ) -> io::Result<usize> {
        self.drain_to_with(file, offset, max, Mode::default())
    }

    /// [`Chain::drain_to`] in a way of one's choice.
    pub fn drain_to_with(
        &mut self,
        file: impl AsFd,
        offset: Option<u64>,
        max: u64,
        mode: Mode,
    ) -> io::Result<usize> {
        let body = self.body_mut();
        let mut pieces = std::mem::take(&mut body.pieces);
        body.pieces_to_read(max, &mut pieces);
        let result = body.memory.write_to_with(file, offset, &pieces, mode);
        body.pieces = pieces;
        let done = result?;
        body.was_read(done as u64);
        Ok(done)
    }

    /// Forgets what lies more than `bytes` ahead in the readable part: a driver may lend more than its
    /// request is long.
    pub fn truncate_readable(&mut self, bytes: u64) {
        let body = self.body_mut();
        let end = body.reader.done.saturating_add(bytes);
        if end >= body.readable_len {
            return;
        }
        let mut kept = 0;
        let mut left = end;
        for span in &mut body.spans[..body.readable_spans] {
            if left == 0 {
                break;
            }
            span.len = left.min(u64::from(span.len)) as u32;
            left -= u64::from(span.len);
            kept += 1;
        }
        body.spans.drain(kept..body.readable_spans);
        body.readable_spans = kept;
        body.readable_len = end;
    }

    /// [`Chain::fill_from`] for several chains, by one system call: the next begins where the one
    /// before is full. Returns the bytes written in all; it may be less than there is room for.
    pub fn fill_all(chains: &mut [Self], file: impl AsFd, max: u64) -> io::Result<usize> {
        let mut left = max;
        let mut pieces = Vec::with_capacity(chains.len());
        let Some(memory) = Self::gather(chains, |body| {
            if pieces.len() < MAX_PIECES {
                left -= body.writer.add_pieces(body.writable(), left, &mut pieces);
            }
        }) else {
            return Ok(0);
        };
        let done = memory.read_from(file, None, &pieces)?;
        let mut left = done as u64;
        for chain in chains {
            let bytes = left.min(chain.writable_len());
            if bytes > 0 {
                chain.body_mut().wrote(bytes);
                left -= bytes;
            }
        }
        Ok(done)
    }

    /// [`Chain::drain_to`] for several chains, by one system call. Returns the bytes read in all; it
    /// may be less than there are.
    pub fn drain_all(chains: &mut [Self], file: impl AsFd, max: u64) -> io::Result<usize> {
        let mut left = max;
        let mut pieces = Vec::with_capacity(chains.len());
        let Some(memory) = Self::gather(chains, |body| {
            if pieces.len() < MAX_PIECES {
                left -= body.reader.add_pieces(body.readable(), left, &mut pieces);
            }
        }) else {
            return Ok(0);
        };
        let done = memory.write_to(file, None, &pieces)?;
        let mut left = done as u64;
        for chain in chains {
            let bytes = left.min(chain.readable_len());
            if bytes > 0 {
                let body = chain.body_mut();
                body.reader
                    .advance(&body.spans[..body.readable_spans], bytes);
                left -= bytes;
            }
        }
        Ok(done)
    }

    /// Calls `each` for the chains that lie in the same memory as the first. `None`: there is none.
    fn gather(chains: &[Self], mut each: impl FnMut(&Body)) -> Option<Arc<Memory>> {
        let memory = &chains.first()?.body().memory;
        chains
            .iter()
            .map(Self::body)
            // The table changed in between; the rest goes by the next call.
            .take_while(|body| Arc::ptr_eq(&body.memory, memory))
            .for_each(&mut each);
        Some(memory.clone())
    }

    /// Warns of what the driver asked for; at most a few lines in a few seconds for one guest.
    #[cold]
    pub fn warn(&self, what: std::fmt::Arguments<'_>) {
        let home = &self.body().home;
        home.faults
            .warn(format_args!("queue {}: {what}", home.queue));
    }

    /// Gives the chain back to the driver from any thread, with what was written so far. On the
    /// thread that owns the queue, [`crate::Queue::complete`] costs less.
    pub fn finish(mut self) {
        if let Some(body) = self.body.take() {
            Home::return_body(body);
        }
    }

    #[inline]
    fn check_readable(&self, needed: u64) -> Result<(), ChainTooShort> {
        let has = self.readable_len();
        if has < needed {
            return Err(ChainTooShort { has, needed });
        }
        Ok(())
    }

    #[inline]
    fn check_writable(&self, needed: u64) -> Result<(), ChainTooShort> {
        let has = self.writable_len();
        if has < needed {
            return Err(ChainTooShort { has, needed });
        }
        Ok(())
    }
}

/// A page that cannot be mapped is as good as none.
#[inline]
fn all_of(has: u64, needed: u64) -> Result<(), ChainTooShort> {
    if has < needed {
        return Err(ChainTooShort { has, needed });
    }
    Ok(())
}

fn is_aligned(pieces: &[Span], align: u64) -> bool {
    pieces
        .iter()
        .all(|piece| piece.addr.is_multiple_of(align) && u64::from(piece.len).is_multiple_of(align))
}

impl Body {
    /// The next `max` bytes of room.
    pub(crate) fn pieces_to_write(&self, max: u64, pieces: &mut Vec<Span>) {
        pieces.clear();
        self.writer.add_pieces(self.writable(), max, pieces);
    }

    /// Keeps the next `max` bytes to write in `pieces`.
    pub(crate) fn prepare_to_write(&mut self, max: u64) {
        let mut pieces = std::mem::take(&mut self.pieces);
        self.pieces_to_write(max, &mut pieces);
        self.pieces = pieces;
    }

    /// The next `max` bytes to read.
    pub(crate) fn pieces_to_read(&self, max: u64, pieces: &mut Vec<Span>) {
        pieces.clear();
        self.reader.add_pieces(self.readable(), max, pieces);
    }

    #[cold]
    fn unreachable(&self, error: &AccessError) {
        self.home.faults.warn(format_args!(
            "queue {}: request {}: {error}",
            self.home.queue, self.head
        ));
    }

    pub(crate) fn was_read(&mut self, bytes: u64) {
        self.reader
            .advance(&self.spans[..self.readable_spans], bytes);
    }

    #[inline]
    pub(crate) fn wrote(&mut self, bytes: u64) {
        self.writer
            .advance(&self.spans[self.readable_spans..], bytes);
        self.written = self.written.max(self.writer.done);
    }
}

impl io::Read for Chain {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        Ok(Chain::read(self, buf))
    }
}

impl io::Write for Chain {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(Chain::write(self, buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        if let Some(mut body) = self.body.take() {
            body.written = 0;
            body.home.faults.warn(format_args!(
                "queue {}: the device dropped request {} unanswered",
                body.home.queue, body.head
            ));
            Home::return_body(body);
        }
    }
}

/// Where chains of one queue return to when they do not come back through the queue itself.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) queue: u16,
    pub(crate) faults: Arc<GuestFaults>,
    returned: Mutex<Returned>,
    /// For a stop that waits. It must not take the wake, which is for others as well.
    came_back: Condvar,
    wake: Arc<Wake>,
}

#[derive(Debug, Default)]
struct Returned {
    bodies: Bodies,
    /// The queue is gone. What comes now has nowhere to go.
    closed: bool,
}

impl Home {
    pub(crate) fn new(queue: u16, faults: Arc<GuestFaults>, wake: Arc<Wake>) -> Arc<Self> {
        Arc::new(Self {
            queue,
            faults,
            returned: Mutex::default(),
            came_back: Condvar::new(),
            wake,
        })
    }

    fn returned(&self) -> MutexGuard<'_, Returned> {
        self.returned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn return_body(body: Box<Body>) {
        let home = body.home.clone();
        let mut returned = home.returned();
        if !returned.closed {
            returned.bodies.push(body);
            drop(returned);
            home.came_back.notify_all();
            home.wake.wake();
        }
    }

    /// Moves what came back to `bodies`, which is empty.
    pub(crate) fn take_returned(&self, bodies: &mut Bodies) {
        std::mem::swap(&mut self.returned().bodies, bodies);
    }

    /// Waits until something is returned, at most `timeout`. Returns whether there is anything.
    pub(crate) fn wait_returned(&self, timeout: Duration) -> bool {
        let (returned, _) = self
            .came_back
            .wait_timeout_while(self.returned(), timeout, |returned| {
                returned.bodies.is_empty()
            })
            .unwrap_or_else(PoisonError::into_inner);
        !returned.bodies.is_empty()
    }

    /// A returned body refers to its home: keeping it would keep both for ever.
    pub(crate) fn close(&self) {
        let mut returned = self.returned();
        returned.closed = true;
        returned.bodies.clear();
    }
}
