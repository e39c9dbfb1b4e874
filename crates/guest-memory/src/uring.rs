// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Transfers that the kernel works on while the caller goes on (io_uring).

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;

use io_uring::{IoUring, opcode, squeue, types};

use crate::memory::Memory;
use crate::region::Access;
use crate::transfer::{Mode, Span, Vectors};

/// Entries of the submission queue: what one system call can hand over. More than that may be in
/// flight.
const ENTRIES: u32 = 128;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the file to the guest.
    Read,
    /// From the guest to the file.
    Write,
}

/// A ring of the kernel's, and the guest memory that it works on.
///
/// The vectors, the mappings, the memory table and the file of a transfer stay with the ring until
/// the kernel is done with them, whatever the caller does meanwhile. Dropping the ring waits for that.
pub struct Uring<T> {
    ring: IoUring,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    /// Handed over and not yet reported by [`Uring::completed`].
    in_flight: usize,
    /// In the submission queue, where the kernel has not seen it.
    queued: usize,
    /// Completed while the slot was looked for; kept in order.
    done: VecDeque<(T, io::Result<usize>)>,
}

impl<T> fmt::Debug for Uring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uring")
            .field("in_flight", &self.in_flight)
            .field("queued", &self.queued)
            .finish_non_exhaustive()
    }
}

struct Slot<T> {
    vectors: Vectors,
    spans: Vec<Span>,
    /// Present while the kernel has the slot.
    work: Option<Work<T>>,
}

struct Work<T> {
    memory: Option<Arc<Memory>>,
    _file: Arc<File>,
    payload: T,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            vectors: Vectors::default(),
            spans: Vec::new(),
            work: None,
        }
    }
}

// SAFETY: what is not `Send` by itself are the vectors: addresses in mappings that belong
// to no thread, and that are only handed to the kernel.
unsafe impl<T: Send> Send for Uring<T> {}

impl<T> Uring<T> {
    /// Sets a ring up. `event`, an eventfd, becomes readable when something completes. Fails where
    /// the kernel has no io_uring, or forbids it.
    pub fn new(event: impl AsFd) -> io::Result<Self> {
        let ring = IoUring::builder().setup_clamp().build(ENTRIES)?;
        ring.submitter()
            .register_eventfd(event.as_fd().as_raw_fd())?;
        Ok(Self {
            ring,
            slots: Vec::new(),
            free: Vec::new(),
            in_flight: 0,
            queued: 0,
            done: VecDeque::new(),
        })
    }

    /// What was handed over and not yet reported by [`Uring::completed`].
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Queues a transfer between `file` at `offset` and the spans. [`Uring::submit`] hands it, and
    /// all that were queued before it, to the kernel. On an error nothing was queued and the payload
    /// is handed back.
    #[allow(clippy::too_many_arguments)]
    pub fn transfer(
        &mut self,
        direction: Direction,
        memory: &Arc<Memory>,
        spans: &[Span],
        file: &Arc<File>,
        offset: u64,
        mode: Mode,
        payload: T,
    ) -> Result<(), (T, io::Error)> {
        let index = self.take_slot();
        let fd = types::Fd(file.as_raw_fd());
        let slot = &mut self.slots[index as usize];
        let access = match direction {
            Direction::Read => Access::Write,
            Direction::Write => Access::Read,
        };
        let entry = slot.vectors.map(memory, spans, access).map(|()| {
            let (iov, count) = (slot.vectors.as_ptr(), slot.vectors.count() as u32);
            match direction {
                Direction::Read => opcode::Readv::new(fd, iov.cast(), count)
                    .offset(offset)
                    .rw_flags(mode.flags())
                    .build(),
                Direction::Write => opcode::Writev::new(fd, iov.cast(), count)
                    .offset(offset)
                    .rw_flags(mode.flags())
                    .build(),
            }
        });
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                self.release(index);
                return Err((payload, error.into()));
            }
        };
        if direction == Direction::Read {
            slot.spans.extend_from_slice(spans);
        }
        let work = Work {
            memory: Some(memory.clone()),
            _file: file.clone(),
            payload,
        };
        self.push(index, entry, work)
    }

    /// Queues an fdatasync of `file`.
    pub fn sync(&mut self, file: &Arc<File>, payload: T) -> Result<(), (T, io::Error)> {
        let index = self.take_slot();
        let entry = opcode::Fsync::new(types::Fd(file.as_raw_fd()))
            .flags(types::FsyncFlags::DATASYNC)
            .build();
        let work = Work {
            memory: None,
            _file: file.clone(),
            payload,
        };
        self.push(index, entry, work)
    }

    fn take_slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        })
    }

    fn release(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        slot.vectors.clear();
        slot.spans.clear();
        self.free.push(index);
    }

    fn push(
        &mut self,
        index: u32,
        entry: squeue::Entry,
        work: Work<T>,
    ) -> Result<(), (T, io::Error)> {
        let entry = entry.user_data(u64::from(index));
        if self.ring.submission().is_full()
            && let Err(error) = self.submit()
        {
            self.release(index);
            return Err((work.payload, error));
        }
        // SAFETY: the vectors of the slot, the mappings they point into and the file stay as they
        // are until the entry's completion was seen: nothing touches a slot that has work, and
        // dropping the ring waits. `slots` may grow, but what a vector points to stays in place.
        if unsafe { self.ring.submission().push(&entry) }.is_err() {
            self.release(index);
            return Err((work.payload, io::ErrorKind::WouldBlock.into()));
        }
        self.slots[index as usize].work = Some(work);
        self.in_flight += 1;
        self.queued += 1;
        Ok(())
    }

    /// Hands what was queued to the kernel, by one system call. What it does not take now stays
    /// queued.
    pub fn submit(&mut self) -> io::Result<()> {
        while self.queued > 0 {
            match self.ring.submit() {
                Ok(_) => self.queued = self.ring.submission().len(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Its completion queue is full, which reading it mends.
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => self.reap(),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes something that is done: what came with it, and the bytes that were moved, which may be
    /// fewer than asked for.
    pub fn completed(&mut self) -> Option<(T, io::Result<usize>)> {
        if self.done.is_empty() {
            self.reap();
        }
        self.done.pop_front()
    }

    fn reap(&mut self) {
        loop {
            let next = self.ring.completion().next();
            let Some(entry) = next else {
                // What did not fit into the completion queue, the kernel keeps until it is asked.
                if self.ring.submission().cq_overflow() && self.ring.submit().is_ok() {
                    self.queued = self.ring.submission().len();
                    continue;
                }
                return;
            };
            let Ok(index) = u32::try_from(entry.user_data()) else {
                continue;
            };
            let Some(slot) = self.slots.get_mut(index as usize) else {
                continue;
            };
            let Some(work) = slot.work.take() else {
                continue;
            };
            let result = match usize::try_from(entry.result()) {
                Ok(done) => Ok(done),
                Err(_) => Err(io::Error::from_raw_os_error(entry.result().wrapping_neg())),
            };
            if let (Ok(done), Some(memory)) = (&result, &work.memory) {
                memory.mark_written(&slot.spans, *done);
            }
            self.release(index);
            self.in_flight -= 1;
            self.done.push_back((work.payload, result));
        }
    }
}

impl<T> Drop for Uring<T> {
    fn drop(&mut self) {
        while self.in_flight > 0 {
            match self.ring.submit_and_wait(1) {
                Ok(_) => {}
                Err(error)
                    if error.kind() == io::ErrorKind::Interrupted
                        || error.raw_os_error() == Some(libc::EBUSY) => {}
                Err(error) => {
                    // The kernel may still have the vectors: they are left where they are.
                    log::error!(
                        "an io_uring with requests in flight cannot be waited for: {error}"
                    );
                    mem::forget(mem::take(&mut self.slots));
                    return;
                }
            }
            self.reap();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};
    use std::time::{Duration, Instant};

    use rustix::event::{EventfdFlags, eventfd};

    use super::*;
    use crate::{GuestAddress, MappedRegion, Tracking};

    const TIMEOUT: Duration = Duration::from_secs(20);

    fn memory() -> Arc<Memory> {
        let tracking = Tracking::new();
        let region = |base| MappedRegion::anonymous(0x1000, GuestAddress(base), &tracking).unwrap();
        Arc::new(Memory::new(vec![region(0), region(0x1000)]).unwrap())
    }

    /// `None` where the kernel has none, or an emulator does not know it.
    fn ring() -> Option<Uring<u32>> {
        let event = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
        Uring::new(event)
            .inspect_err(|error| eprintln!("skipped: no io_uring here: {error}"))
            .ok()
    }

    fn next(ring: &mut Uring<u32>) -> (u32, io::Result<usize>) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if let Some(done) = ring.completed() {
                return done;
            }
            assert!(Instant::now() < deadline, "nothing completed");
            std::thread::yield_now();
        }
    }

    #[test]
    fn scattered_spans_are_read_and_written() {
        let Some(mut ring) = ring() else { return };
        let memory = memory();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abcdefgh").unwrap();
        let file = Arc::new(file);
        let spans = [
            Span { addr: 0x10, len: 3 },
            Span {
                addr: 0xffe,
                len: 4,
            },
        ];

        let mode = Mode::default();
        ring.transfer(Direction::Read, &memory, &spans, &file, 1, mode, 7)
            .unwrap();
        ring.submit().unwrap();
        let read = next(&mut ring);
        ring.transfer(Direction::Write, &memory, &spans, &file, 8, mode, 8)
            .unwrap();
        ring.submit().unwrap();
        let written = next(&mut ring);

        let mut all = String::new();
        (&*file).rewind().unwrap();
        (&*file).read_to_string(&mut all).unwrap();
        assert_eq!((read.0, read.1.unwrap()), (7, 7));
        assert_eq!((written.0, written.1.unwrap()), (8, 7));
        assert_eq!(all, "abcdefghbcdefgh");
        assert_eq!(ring.in_flight(), 0);
    }

    #[test]
    fn more_than_the_queue_holds_is_all_done() {
        let Some(mut ring) = ring() else { return };
        let memory = memory();
        let file = Arc::new(tempfile::tempfile().unwrap());
        let count = 3 * ENTRIES;

        for n in 0..count {
            let span = [Span { addr: 0, len: 1 }];
            let (direction, mode) = (Direction::Write, Mode::default());
            ring.transfer(direction, &memory, &span, &file, n.into(), mode, n)
                .unwrap();
        }
        ring.submit().unwrap();
        let mut seen: Vec<_> = (0..count).map(|_| next(&mut ring).0).collect();
        seen.sort_unstable();

        assert_eq!(seen, (0..count).collect::<Vec<_>>());
        assert_eq!(file.metadata().unwrap().len(), u64::from(count));
    }

    #[test]
    fn a_dropped_ring_has_finished_what_it_was_given() {
        let Some(mut ring) = ring() else { return };
        let memory = memory();
        let file = Arc::new(tempfile::tempfile().unwrap());
        let (direction, mode) = (Direction::Write, Mode::default());
        let span = [Span { addr: 0, len: 64 }];
        ring.transfer(direction, &memory, &span, &file, 0, mode, 1)
            .unwrap();

        drop(ring);

        assert_eq!(file.metadata().unwrap().len(), 64);
        assert_eq!(Arc::strong_count(&file), 1);
    }

    #[test]
    fn a_span_outside_memory_is_refused_and_the_payload_comes_back() {
        let Some(mut ring) = ring() else { return };
        let file = Arc::new(tempfile::tempfile().unwrap());
        let span = [Span {
            addr: 0x1fff,
            len: 2,
        }];

        let (direction, mode) = (Direction::Read, Mode::default());
        let refused = ring.transfer(direction, &memory(), &span, &file, 0, mode, 5);

        assert_eq!(refused.unwrap_err().0, 5);
        assert_eq!(ring.in_flight(), 0);
    }

    #[test]
    fn an_error_of_the_kernel_is_reported_with_its_payload() {
        let Some(mut ring) = ring() else { return };
        let directory = tempfile::tempdir().unwrap();
        let file = Arc::new(File::open(directory.path()).unwrap());
        let span = [Span { addr: 0, len: 8 }];
        let (direction, mode) = (Direction::Read, Mode::default());

        ring.transfer(direction, &memory(), &span, &file, 0, mode, 5)
            .unwrap();
        ring.submit().unwrap();
        let (payload, result) = next(&mut ring);

        assert_eq!(payload, 5);
        assert!(result.is_err());
    }
}
