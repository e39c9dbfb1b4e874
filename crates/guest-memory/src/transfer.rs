// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Transfers between guest memory and the kernel, without a buffer between.
//!
//! Each call maps what it needs, holds the mappings until the kernel is done, and marks what was
//! written in the dirty log.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use crate::memory::{AccessError, Memory};
use crate::region::Access;
use crate::variant::Hold;

/// The kernel takes this many pieces in one call (`UIO_MAXIOV`).
const MAX_PIECES: usize = 1024;

/// A range of guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First guest address.
    pub addr: u64,
    /// Length in bytes.
    pub len: u32,
}

/// How a transfer is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mode {
    /// Fail with `WouldBlock`, or stop short, instead of waiting for a disk (RWF_NOWAIT).
    pub nowait: bool,
    /// What was written is on stable storage when the call returns (RWF_DSYNC).
    pub durable: bool,
}

impl Mode {
    pub(crate) fn flags(self) -> libc::c_int {
        let nowait = if self.nowait { libc::RWF_NOWAIT } else { 0 };
        let durable = if self.durable { libc::RWF_DSYNC } else { 0 };
        nowait | durable
    }
}

/// I/O vectors over guest memory, with what keeps them mapped.
#[derive(Debug, Default)]
pub(crate) struct Vectors {
    iov: Vec<libc::iovec>,
    holds: Vec<Hold>,
}

thread_local! {
    /// Emptied vectors of this thread, so that a transfer costs no allocation.
    static SPARE: Cell<Vectors> = Cell::default();
}

/// Runs `transfer` with vectors that are empty, and that the next transfer of this thread uses again.
fn with_vectors<R>(transfer: impl FnOnce(&mut Vectors) -> R) -> R {
    let mut vectors = SPARE.take();
    let result = transfer(&mut vectors);
    vectors.clear();
    SPARE.set(vectors);
    result
}

impl Vectors {
    /// A guest may grant a page for reading alone, so what is only read is not mapped for more.
    pub(crate) fn map(
        &mut self,
        memory: &Memory,
        spans: &[Span],
        access: Access,
    ) -> Result<(), AccessError> {
        for span in spans {
            if !self.has_room() {
                break;
            }
            memory.windows(span.addr, u64::from(span.len), access, |_, _, window| {
                if self.has_room() {
                    self.iov.push(libc::iovec {
                        iov_base: window.start().cast(),
                        iov_len: window.len(),
                    });
                    self.holds.push(window.into_hold());
                }
                self.has_room()
            })?;
        }
        Ok(())
    }
    fn has_room(&self) -> bool {
        self.iov.len() < MAX_PIECES
    }

    pub(crate) fn clear(&mut self) {
        self.iov.clear();
        self.holds.clear();
    }

    /// The vector, if it is the only one.
    pub(crate) fn only(&self) -> Option<libc::iovec> {
        match self.iov[..] {
            [one] => Some(one),
            _ => None,
        }
    }

    pub(crate) fn as_ptr(&self) -> *const libc::iovec {
        self.iov.as_ptr()
    }

    pub(crate) fn count(&self) -> libc::c_int {
        // At most MAX_PIECES.
        self.iov.len() as libc::c_int
    }
}

impl From<AccessError> for io::Error {
    fn from(error: AccessError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

fn offset_or_here(offset: Option<u64>) -> libc::off_t {
    offset.map_or(-1, |offset| offset as libc::off_t)
}

fn checked(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

impl Memory {
    /// One read from `file` into the spans, at `offset` or where the file stands. Returns the
    /// bytes read, which may be fewer than asked for; zero at the end of the file.
    pub fn read_from(
        &self,
        file: impl AsFd,
        offset: Option<u64>,
        spans: &[Span],
    ) -> io::Result<usize> {
        self.read_from_with(file, offset, spans, Mode::default())
    }

    /// [`Memory::read_from`] in a way of one's choice.
    pub fn read_from_with(
        &self,
        file: impl AsFd,
        offset: Option<u64>,
        spans: &[Span],
        mode: Mode,
    ) -> io::Result<usize> {
        let done = with_vectors(|vectors| {
            vectors.map(self, spans, Access::Write)?;
            let (fd, iov, count) = (file.as_fd().as_raw_fd(), vectors.as_ptr(), vectors.count());
            let result = match (offset, mode.flags(), vectors.only()) {
                // With one place, the kernel has no vectors to copy and check.
                //
                // SAFETY: each vector lies in guest memory that its hold keeps mapped until after
                // the call, and the kernel writes nothing else. Nobody holds references into it.
                (Some(offset), 0, Some(one)) => unsafe {
                    libc::pread(fd, one.iov_base, one.iov_len, offset as libc::off_t)
                },
                // SAFETY: as above.
                (Some(offset), 0, None) => unsafe {
                    libc::preadv(fd, iov, count, offset as libc::off_t)
                },
                // SAFETY: as above.
                (None, 0, _) => unsafe { libc::readv(fd, iov, count) },
                // SAFETY: as above. An offset of -1 is where the file stands.
                (offset, flags, _) => unsafe {
                    libc::preadv2(fd, iov, count, offset_or_here(offset), flags)
                },
            };
            checked(result)
        })?;
        self.mark_written(spans, done);
        Ok(done)
    }

    /// One write of the spans to `file`, at `offset` or where the file stands. Returns the bytes
    /// written, which may be fewer than asked for.
    pub fn write_to(
        &self,
        file: impl AsFd,
        offset: Option<u64>,
        spans: &[Span],
    ) -> io::Result<usize> {
        self.write_to_with(file, offset, spans, Mode::default())
    }

    /// [`Memory::write_to`] in a way of one's choice.
    pub fn write_to_with(
        &self,
        file: impl AsFd,
        offset: Option<u64>,
        spans: &[Span],
        mode: Mode,
    ) -> io::Result<usize> {
        with_vectors(|vectors| {
            vectors.map(self, spans, Access::Read)?;
            let (fd, iov, count) = (file.as_fd().as_raw_fd(), vectors.as_ptr(), vectors.count());
            let result = match (offset, mode.flags(), vectors.only()) {
                // SAFETY: as in `read_from_with`, and the kernel only reads.
                (Some(offset), 0, Some(one)) => unsafe {
                    libc::pwrite(fd, one.iov_base, one.iov_len, offset as libc::off_t)
                },
                // SAFETY: as above.
                (Some(offset), 0, None) => unsafe {
                    libc::pwritev(fd, iov, count, offset as libc::off_t)
                },
                // SAFETY: as above.
                (None, 0, _) => unsafe { libc::writev(fd, iov, count) },
                // SAFETY: as above.
                (offset, flags, _) => unsafe {
                    libc::pwritev2(fd, iov, count, offset_or_here(offset), flags)
                },
            };
            checked(result)
        })
        .or_else(|error| {
            // An emulator need not know these flags. A flush does the same, for more than was asked.
            let unknown = matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EOPNOTSUPP));
            if !mode.durable || mode.nowait || !unknown {
                return Err(error);
            }
            let done = self.write_to(file.as_fd(), offset, spans)?;
            rustix::fs::fdatasync(&file)?;
            Ok(done)
        })
    }

    /// Fills a range with random bytes of the kernel (getrandom).
    pub fn fill_random(&self, addr: u64, len: u64) -> io::Result<()> {
        let mut result = Ok(());
        self.windows(addr, len, Access::Write, |region, addr, window| {
            let (start, len) = (window.start(), window.len());
            let mut done = 0;
            while result.is_ok() && done < len {
                // SAFETY: the window keeps `len` bytes mapped, of which `done` are filled.
                let filled =
                    unsafe { libc::getrandom(start.wrapping_add(done).cast(), len - done, 0) };
                match checked(filled) {
                    Ok(filled) => done += filled,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => result = Err(error),
                }
            }
            region.tracking().mark(addr, done as u64);
            result.is_ok()
        })?;
        result
    }

    pub(crate) fn mark_written(&self, spans: &[Span], written: usize) {
        let mut left = written as u64;
        for span in spans {
            let len = left.min(u64::from(span.len));
            // A guest may put a span without a byte before those that have some.
            if len == 0 {
                continue;
            }
            if let Some((region, _)) = self.find(span.addr) {
                region.tracking().mark(span.addr, len);
            }
            left -= len;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;
    use crate::{GuestAddress, MappedRegion, Tracking};

    fn memory() -> Memory {
        let tracking = Tracking::new();
        Memory::new(vec![
            MappedRegion::anonymous(0x1000, GuestAddress(0), &tracking).unwrap(),
            MappedRegion::anonymous(0x1000, GuestAddress(0x1000), &tracking).unwrap(),
        ])
        .unwrap()
    }

    #[test]
    fn a_file_is_read_into_scattered_spans() {
        let memory = memory();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abcdefgh").unwrap();
        file.rewind().unwrap();

        let spans = [
            Span { addr: 0x10, len: 3 },
            Span {
                addr: 0xffe,
                len: 4,
            },
        ];
        let done = memory.read_from(&file, None, &spans).unwrap();

        let (mut first, mut second) = ([0; 3], [0; 4]);
        memory.read(0x10, &mut first).unwrap();
        memory.read(0xffe, &mut second).unwrap();
        assert_eq!((done, &first, &second), (7, b"abc", b"defg"));
    }

    #[test]
    fn spans_are_written_to_a_file_at_an_offset() {
        let memory = memory();
        memory.write(0xffc, b"12345678").unwrap();
        let file = tempfile::tempfile().unwrap();

        let done = memory
            .write_to(
                &file,
                Some(4),
                &[Span {
                    addr: 0xffc,
                    len: 8,
                }],
            )
            .unwrap();

        assert_eq!(done, 8);
        assert_eq!(file.metadata().unwrap().len(), 12);
    }

    #[test]
    fn a_durable_write_at_an_offset_is_read_back_without_waiting() {
        let memory = memory();
        memory.write(0x10, b"durable").unwrap();
        let file = tempfile::tempfile().unwrap();
        let (durable, nowait) = (
            Mode {
                durable: true,
                nowait: false,
            },
            Mode {
                durable: false,
                nowait: true,
            },
        );

        let from = [Span { addr: 0x10, len: 7 }];
        let to = [Span { addr: 0x80, len: 7 }];
        let written = memory.write_to_with(&file, Some(3), &from, durable);
        let read = memory.read_from_with(&file, Some(3), &to, nowait);

        let mut bytes = [0; 7];
        memory.read(0x80, &mut bytes).unwrap();
        assert_eq!(written.unwrap(), 7);
        // A file system, or an emulator, need not know how not to wait.
        if let Ok(read) = read {
            assert_eq!((read, &bytes), (7, b"durable"));
        }
    }

    #[test]
    fn the_end_of_a_file_is_zero_bytes() {
        let file = tempfile::tempfile().unwrap();

        let done = memory().read_from(&file, None, &[Span { addr: 0, len: 8 }]);

        assert_eq!(done.unwrap(), 0);
    }

    #[test]
    fn a_span_outside_guest_memory_reads_nothing() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();

        let spans = [
            Span { addr: 0, len: 1 },
            Span {
                addr: 0x1fff,
                len: 2,
            },
        ];
        let result = memory().read_from(&file, Some(0), &spans);

        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn random_bytes_fill_a_range_over_two_regions() {
        let memory = memory();

        memory.fill_random(0xfc0, 0x80).unwrap();

        let (mut low, mut high) = ([0; 0x40], [0; 0x40]);
        memory.read(0xfc0, &mut low).unwrap();
        memory.read(0x1000, &mut high).unwrap();
        assert_ne!(low, [0; 0x40]);
        assert_ne!(high, [0; 0x40]);
    }
}
