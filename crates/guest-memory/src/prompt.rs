// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Several reads by one system call, of what a file has at hand.

use std::fmt;
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use io_uring::{IoUring, Probe, opcode, types};

use crate::memory::Memory;
use crate::region::Access;
use crate::transfer::{Mode, Span, Vectors};

/// Of fewer, each is as cheap by a call of its own.
const WORTH_A_RING: usize = 3;

/// One read of [`PromptReads`].
#[derive(Clone, Copy, Debug)]
pub struct PromptRead<'a> {
    /// Where the spans lie.
    pub memory: &'a Arc<Memory>,
    /// Where the bytes go.
    pub spans: &'a [Span],
    /// Where they come from.
    pub file: &'a Arc<File>,
    /// Where in the file.
    pub offset: u64,
}

/// Carries out reads that do not wait for a disk (RWF_NOWAIT), many at a time: by io_uring, whose
/// completions are there when the call returns, or where that is not to be had one by one.
pub struct PromptReads {
    ring: Option<IoUring>,
    limit: usize,
    mode: Mode,
    vectors: Vec<Vectors>,
    results: Vec<Option<i32>>,
}

impl fmt::Debug for PromptReads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = self.ring.as_ref().map_or("one by one", |_| "io_uring");
        f.debug_tuple("PromptReads").field(&how).finish()
    }
}

// SAFETY: what is not `Send` by itself are the vectors, which are empty but within a call.
unsafe impl Send for PromptReads {}

impl PromptReads {
    /// For up to `limit` reads at once, with a ring of the kernel's if it has one.
    pub fn new(limit: u16, uring: bool) -> Self {
        let ring = uring.then(|| ring(limit)).flatten();
        let entries = ring.as_ref().map_or(usize::MAX, |ring| {
            ring.params().sq_entries().min(ring.params().cq_entries()) as usize
        });
        Self {
            ring,
            limit: entries.min(limit.into()),
            mode: Mode {
                nowait: true,
                durable: false,
            },
            vectors: Vec::new(),
            results: Vec::new(),
        }
    }

    /// As many reads can be given to [`PromptReads::run`].
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Carries the reads out, and tells of each in its order how many bytes came. Nothing is under
    /// way when this returns. More than the limit are carried out one by one.
    pub fn run<'a>(
        &mut self,
        reads: impl Iterator<Item = PromptRead<'a>> + Clone,
        mut done: impl FnMut(io::Result<usize>),
    ) {
        let count = reads.clone().count();
        if self.ring.is_none() || count < WORTH_A_RING || count > self.limit {
            for read in reads {
                done(alone(&read, self.mode));
            }
            return;
        }
        self.results.clear();
        self.results.resize(count, None);
        self.vectors
            .resize_with(count.max(self.vectors.len()), Vectors::default);
        let queued = self.queue(reads.clone());
        if !self.finish(queued) {
            // The kernel may still have some: what they point to stays for good. It does not happen,
            // for none of them waits.
            mem::forget(mem::take(&mut self.vectors));
            self.vectors.resize_with(count, Vectors::default);
            for read in reads.clone() {
                mem::forget((read.memory.clone(), read.file.clone()));
            }
        }
        for (read, (result, vectors)) in reads.zip(self.results.iter().zip(&mut self.vectors)) {
            let result = match result {
                // It was not queued, or nobody knows.
                None => alone(&read, self.mode),
                Some(result) => usize::try_from(*result)
                    .map_err(|_| io::Error::from_raw_os_error(result.wrapping_neg())),
            };
            vectors.clear();
            if let Ok(done) = result {
                read.memory.mark_written(read.spans, done);
            }
            done(result);
        }
    }

    fn queue<'a>(&mut self, reads: impl Iterator<Item = PromptRead<'a>>) -> usize {
        let Some(ring) = &mut self.ring else {
            return 0;
        };
        let flags = self.mode.flags();
        let mut submission = ring.submission();
        let mut queued = 0;
        for ((read, vectors), index) in reads.zip(&mut self.vectors).zip(0..) {
            if vectors.map(read.memory, read.spans, Access::Write).is_err() {
                continue;
            }
            let fd = types::Fd(read.file.as_raw_fd());
            let entry = match vectors.only() {
                Some(one) => opcode::Read::new(fd, one.iov_base.cast(), one.iov_len as u32)
                    .offset(read.offset)
                    .rw_flags(flags)
                    .build(),
                None => opcode::Readv::new(fd, vectors.as_ptr().cast(), vectors.count() as u32)
                    .offset(read.offset)
                    .rw_flags(flags)
                    .build(),
            };
            // SAFETY: the caller's file, and the vectors with the mappings that they point into, stay as
            // they are until `finish` saw the completions of all that were queued.
            if unsafe { submission.push(&entry.user_data(index)) }.is_err() {
                break;
            }
            queued += 1;
        }
        queued
    }

    /// Waits for so many completions, which are there as soon as the kernel took the entries. False if
    /// it took some, and nobody knows whether it is done with them.
    fn finish(&mut self, queued: usize) -> bool {
        let Some(ring) = &mut self.ring else {
            return true;
        };
        let mut left = queued;
        while left > 0 {
            let result = ring.submit_and_wait(left);
            for entry in ring.completion() {
                let index = entry.user_data() as usize;
                if let Some(slot) = self.results.get_mut(index) {
                    *slot = Some(entry.result());
                    left -= 1;
                }
            }
            match result {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if left == 0 {
                        break;
                    }
                    log::error!("io_uring takes no requests: {error}");
                    // What it did not take goes with the ring.
                    let untaken = ring.submission().len();
                    self.ring = None;
                    return left == untaken;
                }
            }
        }
        true
    }
}

/// `None` where the kernel has none, forbids it, or knows only reads into several places.
fn ring(entries: u16) -> Option<IoUring> {
    let mut builder = IoUring::builder();
    builder.setup_clamp();
    let ring = builder.build(entries.into()).ok()?;
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe).ok()?;
    probe.is_supported(opcode::Read::CODE).then_some(ring)
}

fn alone(read: &PromptRead<'_>, mode: Mode) -> io::Result<usize> {
    read.memory
        .read_from_with(read.file, Some(read.offset), read.spans, mode)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::{GuestAddress, MappedRegion, Tracking};

    fn memory() -> Arc<Memory> {
        let tracking = Tracking::new();
        let region = |base| MappedRegion::anonymous(0x1000, GuestAddress(base), &tracking).unwrap();
        Arc::new(Memory::new(vec![region(0), region(0x1000)]).unwrap())
    }

    /// With a ring, where the kernel has one, and without; and one that would wait, for an emulator that
    /// does not know how not to.
    fn readers() -> Vec<PromptReads> {
        let mut waiting = PromptReads::new(8, false);
        waiting.mode = Mode::default();
        let mut readers = vec![waiting];
        let prompt = Mode {
            nowait: true,
            ..Mode::default()
        };
        let probe = memory().read_from_with(file(b"x"), Some(0), &[span(0, 1)], prompt);
        match probe {
            Ok(_) => readers.extend([true, false].map(|uring| PromptReads::new(8, uring))),
            Err(error) => eprintln!("without RWF_NOWAIT: {error}"),
        }
        readers
    }

    fn file(content: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        Arc::new(file)
    }

    fn span(addr: u64, len: u32) -> Span {
        Span { addr, len }
    }

    fn run(
        reader: &mut PromptReads,
        memory: &Arc<Memory>,
        reads: &[(&Arc<File>, u64, &[Span])],
    ) -> Vec<Result<usize, io::ErrorKind>> {
        let mut results = Vec::new();
        let reads = reads.iter().map(|&(file, offset, spans)| PromptRead {
            memory,
            spans,
            file,
            offset,
        });
        reader.run(reads, |result| {
            results.push(result.map_err(|error| error.kind()));
        });
        results
    }

    fn bytes<const N: usize>(memory: &Memory, addr: u64) -> [u8; N] {
        let mut bytes = [0; N];
        memory.read(addr, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn each_read_goes_where_its_spans_are_and_is_told_of_in_its_order() {
        for mut reader in readers() {
            let memory = memory();
            let (first, second) = (file(b"0123456789"), file(b"abcdefgh"));

            let results = run(
                &mut reader,
                &memory,
                &[
                    (&first, 2, &[span(0x10, 4)]),
                    (&second, 0, &[span(0xffe, 4), span(0x20, 2)]),
                    (&first, 0, &[span(0x1ffe, 2)]),
                    (&second, 6, &[span(0x30, 4)]),
                ],
            );

            assert_eq!(results, [Ok(4), Ok(6), Ok(2), Ok(2)]);
            assert_eq!(&bytes(&memory, 0x10), b"2345");
            assert_eq!(&bytes(&memory, 0xffe), b"abcd");
            assert_eq!(&bytes(&memory, 0x20), b"ef");
            assert_eq!(&bytes(&memory, 0x1ffe), b"01");
            assert_eq!(&bytes(&memory, 0x30), b"gh\0\0");
        }
    }

    #[test]
    fn a_read_that_fails_costs_no_other() {
        for mut reader in readers() {
            let memory = memory();
            let good = file(b"0123456789");
            let directory = tempfile::tempdir().unwrap();
            let bad = Arc::new(File::open(directory.path()).unwrap());

            let results = run(
                &mut reader,
                &memory,
                &[
                    (&good, 0, &[span(0x10, 4)]),
                    (&bad, 0, &[span(0x20, 4)]),
                    (&good, 0, &[span(0x1fff, 2)]),
                    (&good, 6, &[span(0x30, 4)]),
                ],
            );

            assert_eq!([&results[0], &results[3]], [&Ok(4), &Ok(4)]);
            assert!(results[1].is_err());
            assert_eq!(results[2], Err(io::ErrorKind::InvalidInput));
            assert_eq!(&bytes(&memory, 0x30), b"6789");
        }
    }

    #[test]
    fn a_reader_can_be_used_again_for_more_and_for_fewer() {
        for mut reader in readers() {
            let memory = memory();
            let file = file(b"0123456789");

            for count in [8, 3, 1, 0, 5, 20] {
                let spans: Vec<_> = (0..count).map(|n| [span(n * 0x10, 1)]).collect();
                let reads: Vec<_> = (0..count)
                    .zip(&spans)
                    .map(|(n, spans)| (&file, n % 10, &spans[..]))
                    .collect();

                let results = run(&mut reader, &memory, &reads);

                assert_eq!(results, vec![Ok(1); count as usize]);
                for n in 0..count {
                    assert_eq!(bytes(&memory, n * 0x10), [b'0' + (n % 10) as u8]);
                }
            }
        }
    }

    #[test]
    fn a_ring_that_the_kernel_serves_no_more_is_given_up_and_the_reads_are_made() {
        let mut reader = PromptReads::new(8, true);
        let Some(ring) = &reader.ring else {
            eprintln!("skipped: no io_uring here");
            return;
        };
        let other = File::open("/dev/null").unwrap();
        // SAFETY: the number stays the ring's, which closes it; what is open behind it is another file.
        assert!(unsafe { libc::dup2(other.as_raw_fd(), ring.as_raw_fd()) } >= 0);
        let (memory, file) = (memory(), file(b"0123456789"));
        let spans: Vec<_> = (0..4).map(|n| [span(n * 0x10, 1)]).collect();
        let reads: Vec<_> = (0..4)
            .zip(&spans)
            .map(|(n, at)| (&file, n, &at[..]))
            .collect();

        let first = run(&mut reader, &memory, &reads);
        let second = run(&mut reader, &memory, &reads);

        assert_eq!(first, [Ok(1); 4]);
        assert_eq!(second, first);
        assert!(format!("{reader:?}").contains("one by one"));
        assert_eq!(bytes(&memory, 0x30), *b"3");
    }
}
