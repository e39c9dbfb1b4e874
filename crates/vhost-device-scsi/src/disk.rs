// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! An image: a raw file or a block device, and what is done with it.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::fcntl::{FcntlArg, fcntl};
use rustix::fs::{FallocateFlags, OFlags};
use virtio_device::Chain;

/// How much is moved at a time where there has to be a buffer.
const CHUNK: usize = 256 * 1024;

/// Addresses and lengths of direct I/O are multiples of this, unless the kernel asks for more.
const DIRECT_ALIGN: u64 = 512;

/// What happens to a write before it is on the medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Cache {
    /// It stays in the host's page cache until the guest flushes it
    #[default]
    Writeback,
    /// It is on the medium before the guest is told that it was made
    Writethrough,
    /// It goes past the page cache (O_DIRECT); the disk's own cache is used
    None,
}

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Writeback => "writeback",
            Self::Writethrough => "writethrough",
            Self::None => "none",
        })
    }
}

/// How an image is opened.
#[derive(Clone, Debug)]
pub struct DiskOptions {
    /// Where it is.
    pub path: PathBuf,
    /// Nobody can write it.
    pub read_only: bool,
    /// Bytes of a block: 512 or 4096.
    pub block_size: u32,
    /// What happens to writes.
    pub cache: Cache,
    /// Take no lock: for migration, where two daemons have the image open for a while.
    pub unlocked: bool,
}

/// Why an image cannot be used. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum DiskError {
    #[error("cannot open {}: {cause}; {mend}", path.display())]
    Open {
        path: PathBuf,
        cause: io::Error,
        mend: &'static str,
    },
    #[error("{} is neither a file nor a block device; give a raw image", path.display())]
    NotAnImage { path: PathBuf },
    #[error("{} has {bytes} bytes, less than one block of {block_size}; make it larger", path.display())]
    TooSmall {
        path: PathBuf,
        bytes: u64,
        block_size: u32,
    },
    #[error("{} is in use by {holder}; stop that, or open it read-only in both", path.display())]
    InUse { path: PathBuf, holder: String },
    #[error(
        "{} cannot be read past the page cache in blocks of {block_size}: {cause}; use --block-size \
         4096 or another --cache", path.display()
    )]
    Direct {
        path: PathBuf,
        block_size: u32,
        cause: io::Error,
    },
}

/// What is done to an image, in order: for tests that cut the power at every point.
pub trait Witness: Send + Sync + fmt::Debug {
    /// A write of these bytes at this offset has been made. If it was to be durable it is on the
    /// medium, else it may be anywhere.
    fn wrote(&self, offset: u64, bytes: &[u8], durable: bool);
    /// A flush begins, and gets a number.
    fn flush_began(&self) -> u64;
    /// It has ended: what was written before it began is on the medium.
    fn flush_ended(&self, flush: u64);
}

/// An open image.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    file: Arc<File>,
    block_size: u32,
    read_only: bool,
    direct: bool,
    discards: bool,
    /// Reads, or writes, that must not wait are known to the file system.
    read_nowait: AtomicBool,
    write_nowait: AtomicBool,
    /// Flushes that failed. The kernel reports a lost write once and then forgets it.
    failed_flushes: AtomicU64,
    /// A read's flush was told of a lost write. Whoever wrote asks with a flush of its own.
    owed: AtomicBool,
    witness: Option<Arc<dyn Witness>>,
}

impl Disk {
    /// Opens and locks an image.
    pub fn open(options: &DiskOptions) -> Result<Self, DiskError> {
        let path = options.path.clone();
        let direct = options.cache == Cache::None;
        let flags = if direct {
            OFlags::DIRECT
        } else {
            OFlags::empty()
        };
        // What a pipe or a terminal is would be found out too late without this.
        let flags = flags | OFlags::NONBLOCK;
        let open = |flags: OFlags| {
            OpenOptions::new()
                .read(true)
                .write(!options.read_only)
                .custom_flags(flags.bits() as i32)
                .open(&path)
        };
        // When an image was last read is of no interest, and costs each read something. Only its
        // owner may leave it out.
        let file = open(flags | OFlags::NOATIME)
            .or_else(|_| open(flags))
            .map_err(|cause| DiskError::Open {
                mend: mend(&cause, direct),
                path: path.clone(),
                cause,
            })?;
        let open_error = |cause| DiskError::Open {
            path: options.path.clone(),
            cause,
            mend: "give a readable image",
        };
        let metadata = file.metadata().map_err(open_error)?;
        let kind = metadata.file_type();
        if !kind.is_file() && !kind.is_block_device() {
            return Err(DiskError::NotAnImage { path });
        }
        if !options.unlocked {
            lock(&file, options.read_only).map_err(|()| DiskError::InUse {
                holder: holder(&metadata),
                path: path.clone(),
            })?;
        }
        let discards = !options.read_only && (kind.is_block_device() || can_punch(&file));
        let disk = Self {
            path,
            file: Arc::new(file),
            block_size: options.block_size,
            read_only: options.read_only,
            direct,
            discards,
            read_nowait: AtomicBool::new(!direct),
            write_nowait: AtomicBool::new(!direct),
            failed_flushes: AtomicU64::new(0),
            owed: AtomicBool::new(false),
            witness: None,
        };
        if disk.blocks().map_err(open_error)? == 0 {
            return Err(DiskError::TooSmall {
                bytes: disk.bytes().map_err(open_error)?,
                path: disk.path,
                block_size: options.block_size,
            });
        }
        if direct {
            let mut buffer = Aligned::new(options.block_size as usize);
            // The second block, if there is one: the first lies well in any case.
            let at = if disk.blocks().map_err(open_error)? > 1 {
                options.block_size.into()
            } else {
                0
            };
            if let Err(cause) = disk.file.read_at(buffer.bytes(), at) {
                return Err(DiskError::Direct {
                    path: disk.path,
                    block_size: options.block_size,
                    cause,
                });
            }
        }
        Ok(disk)
    }

    /// With somebody who sees what is done.
    #[must_use]
    pub fn with_witness(mut self, witness: Arc<dyn Witness>) -> Self {
        self.witness = Some(witness);
        self
    }

    /// Whether somebody sees what is done.
    pub(crate) fn witness(&self) -> Option<&Arc<dyn Witness>> {
        self.witness.as_ref()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Nobody can write it.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whether it goes past the page cache.
    pub fn is_direct(&self) -> bool {
        self.direct
    }

    /// Whether blocks can be discarded.
    pub fn discards(&self) -> bool {
        self.discards
    }

    pub(crate) fn read_nowait(&self) -> bool {
        self.read_nowait.load(Ordering::Relaxed)
    }

    pub(crate) fn write_nowait(&self) -> bool {
        self.write_nowait.load(Ordering::Relaxed)
    }

    pub(crate) fn no_read_nowait(&self) {
        self.read_nowait.store(false, Ordering::Relaxed);
    }

    pub(crate) fn no_write_nowait(&self) {
        self.write_nowait.store(false, Ordering::Relaxed);
    }

    /// Its size at this moment.
    pub fn bytes(&self) -> io::Result<u64> {
        // A block device tells its size nowhere else.
        (&*self.file).seek(SeekFrom::End(0))
    }

    /// Whole blocks at this moment.
    pub fn blocks(&self) -> io::Result<u64> {
        Ok(self.bytes()? / u64::from(self.block_size))
    }

    /// Gives a file another size.
    pub fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    /// Whether the next bytes of a chain can go to the image, or come from it, as they lie.
    pub(crate) fn takes(&self, chain: &Chain, reads: bool, max: u64) -> bool {
        !self.direct
            || if reads {
                chain.is_room_aligned(max, DIRECT_ALIGN)
            } else {
                chain.is_readable_aligned(max, DIRECT_ALIGN)
            }
    }

    /// How many flushes have failed so far.
    pub(crate) fn failed_flushes(&self) -> u64 {
        self.failed_flushes.load(Ordering::SeqCst)
    }

    /// What came of a flush that began when so many had failed. The kernel tells one of two that are
    /// under way at once of a lost write: the other has lost it as well.
    pub(crate) fn flushed(&self, result: io::Result<u64>, failed_before: u64) -> io::Result<u64> {
        let owed = self.owed.swap(false, Ordering::SeqCst);
        let result = self.counted(result, failed_before)?;
        if owed {
            return Err(io::Error::other("a flush for a read failed before"));
        }
        Ok(result)
    }

    /// The same of a flush that a read asked for: of what was lost the next flush is told as well.
    pub(crate) fn flushed_for_read(
        &self,
        result: io::Result<u64>,
        failed_before: u64,
    ) -> io::Result<u64> {
        if result.is_err() {
            self.owed.store(true, Ordering::SeqCst);
        }
        self.counted(result, failed_before)
    }

    fn counted(&self, result: io::Result<u64>, failed_before: u64) -> io::Result<u64> {
        if result.is_err() {
            self.failed_flushes.fetch_add(1, Ordering::SeqCst);
        } else if self.failed_flushes() != failed_before {
            return Err(io::Error::other("another flush failed meanwhile"));
        }
        result
    }

    /// Puts all that was written on the medium.
    pub fn flush(&self) -> io::Result<()> {
        let failed = self.failed_flushes();
        self.flushed(self.file.sync_data().map(|()| 0), failed)?;
        Ok(())
    }

    /// Makes blocks read as zeroes, and gives their room back if asked to.
    pub(crate) fn zero(&self, offset: u64, bytes: u64, unmap: bool) -> io::Result<()> {
        let how = if unmap {
            FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE
        } else {
            FallocateFlags::ZERO_RANGE | FallocateFlags::KEEP_SIZE
        };
        match retried(|| Ok(rustix::fs::fallocate(&self.file, how, offset, bytes)?)) {
            Err(error) if is_unsupported(&error) => self.write_pattern(offset, bytes, &[0]),
            other => other,
        }
    }

    /// Discards blocks. It is a hint, so a file system that cannot does nothing.
    pub(crate) fn discard(&self, offset: u64, bytes: u64) -> io::Result<()> {
        let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match retried(|| Ok(rustix::fs::fallocate(&self.file, how, offset, bytes)?)) {
            Err(error) if is_unsupported(&error) => Ok(()),
            other => other,
        }
    }

    /// Writes the same bytes again and again.
    pub(crate) fn write_pattern(&self, offset: u64, bytes: u64, pattern: &[u8]) -> io::Result<()> {
        let mut buffer = Aligned::new(CHUNK.min(usize::try_from(bytes).unwrap_or(CHUNK)));
        for part in buffer.bytes().chunks_mut(pattern.len().max(1)) {
            part.copy_from_slice(&pattern[..part.len()]);
        }
        let mut done = 0;
        while done < bytes {
            let chunk = buffer.bytes();
            let len = chunk
                .len()
                .min(usize::try_from(bytes - done).unwrap_or(CHUNK));
            retried(|| self.file.write_all_at(&chunk[..len], offset + done))?;
            done += len as u64;
        }
        Ok(())
    }

    /// Calls `each` with all bytes of a range, piece by piece. It says whether to go on.
    pub(crate) fn read_through(
        &self,
        offset: u64,
        bytes: u64,
        mut each: impl FnMut(u64, &mut [u8]) -> bool,
    ) -> io::Result<()> {
        let mut buffer = Aligned::new(CHUNK.min(usize::try_from(bytes).unwrap_or(CHUNK)));
        let mut done = 0;
        while done < bytes {
            let chunk = buffer.bytes();
            let len = chunk
                .len()
                .min(usize::try_from(bytes - done).unwrap_or(CHUNK));
            let piece = &mut chunk[..len];
            retried(|| self.file.read_exact_at(piece, offset + done))?;
            if !each(done, piece) {
                break;
            }
            done += len as u64;
        }
        Ok(())
    }

    /// Moves bytes by a buffer that lies as direct I/O wants it.
    pub(crate) fn bounce(
        &self,
        chain: &mut Chain,
        reads: bool,
        offset: u64,
        bytes: u64,
        durable: bool,
    ) -> io::Result<u64> {
        if reads {
            self.read_through(offset, bytes, |_, piece| chain.write(piece) == piece.len())?;
            return Ok(bytes);
        }
        let mut buffer = Aligned::new(CHUNK.min(usize::try_from(bytes).unwrap_or(CHUNK)));
        let mut done = 0;
        while done < bytes {
            let chunk = buffer.bytes();
            let len = chunk
                .len()
                .min(usize::try_from(bytes - done).unwrap_or(CHUNK));
            let piece = &mut chunk[..len];
            if chain.read(piece) < len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            retried(|| self.file.write_all_at(piece, offset + done))?;
            done += len as u64;
        }
        if durable {
            self.flush()?;
        }
        Ok(bytes)
    }
}

fn mend(cause: &io::Error, direct: bool) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "give an image that exists",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "give this user access to it, or open it with --read-only"
        }
        io::ErrorKind::InvalidInput if direct => {
            "its file system has no direct I/O: use another --cache"
        }
        _ => "give a raw image",
    }
}

fn retried<R>(mut call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(code) if code == rustix::io::Errno::OPNOTSUPP.raw_os_error()
            || code == rustix::io::Errno::NOSYS.raw_os_error()
            || code == rustix::io::Errno::INVAL.raw_os_error()
    )
}

/// Whether a file system can punch holes: one behind the end changes nothing.
fn can_punch(file: &File) -> bool {
    let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let Ok(metadata) = file.metadata() else {
        return false;
    };
    let end = metadata.len().next_multiple_of(1 << 20);
    retried(|| Ok(rustix::fs::fallocate(file, how, end, 4096)?)).is_ok()
}

/// Locks all of a file, for as long as this open file description lives: whoever has it open
/// otherwise, this process included, is in conflict.
fn lock(file: &File, shared: bool) -> Result<(), ()> {
    let mut request = nix::libc::flock {
        l_type: if shared {
            nix::libc::F_RDLCK as i16
        } else {
            nix::libc::F_WRLCK as i16
        },
        l_whence: nix::libc::SEEK_SET as i16,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    request.l_pid = 0;
    match fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&request)) {
        Ok(_) => Ok(()),
        Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => Err(()),
        Err(error) => {
            // A file system without locks, or an emulator: nothing can be known.
            log::warn!("an image cannot be locked: {error}");
            Ok(())
        }
    }
}

/// Who has a lock on the file: the kernel tells processes that may look at each other.
fn holder(metadata: &fs::Metadata) -> String {
    let device = metadata.dev();
    let file = format!(
        "{:02x}:{:02x}:{}",
        rustix::fs::major(device),
        rustix::fs::minor(device),
        metadata.ino()
    );
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(descriptors) = fs::read_dir(process.path().join("fdinfo")) else {
            continue;
        };
        let locked = descriptors.flatten().any(|descriptor| {
            fs::read_to_string(descriptor.path()).is_ok_and(|info| {
                info.lines()
                    .any(|line| line.starts_with("lock:") && line.contains(&file))
            })
        });
        if locked {
            if pid == std::process::id() {
                return "this daemon itself".to_owned();
            }
            return match fs::read_link(process.path().join("exe")) {
                Ok(program) => format!("{} (process {pid})", program.display()),
                Err(_) => format!("process {pid}"),
            };
        }
    }
    "another process".to_owned()
}

/// A buffer that begins at a page.
struct Aligned {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl Aligned {
    fn new(len: usize) -> Self {
        const PAGE: usize = 4096;
        let bytes = vec![0; len + PAGE];
        let start = bytes.as_ptr().align_offset(PAGE).min(PAGE);
        Self { bytes, start, len }
    }

    fn bytes(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_a_reads_flush_was_told_the_next_flush_is_told_as_well() {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(512).unwrap();
        let disk = Disk::open(&DiskOptions {
            path: image.path().to_owned(),
            read_only: false,
            block_size: 512,
            cache: Cache::Writeback,
            unlocked: true,
        })
        .unwrap();
        let lost = || Err(io::ErrorKind::Other.into());

        let read = disk.flushed_for_read(lost(), disk.failed_flushes());
        let next = disk.flushed(Ok(0), disk.failed_flushes());
        let later = disk.flushed(Ok(0), disk.failed_flushes());

        assert!(read.is_err() && next.is_err());
        assert!(later.is_ok());
    }
}
