// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Where random bytes come from.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};

/// The kernel's generators as devices: /dev/random and /dev/urandom.
const KERNEL: [(u32, u32); 2] = [(1, 8), (1, 9)];

/// A source that was opened.
#[derive(Debug)]
pub enum Source {
    /// The kernel's generator.
    Kernel,
    /// A file, a character device or a pipe, opened so that reads do not wait. Several guests of
    /// one process read on where the other stopped.
    File(File),
}

/// Why a source cannot be used.
#[derive(Debug)]
pub enum SourceError {
    /// It cannot be opened.
    Io(io::Error),
    /// There is nothing to read from it.
    NotReadable,
}

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotReadable => f.write_str("it is neither a file, a device, nor a pipe"),
        }
    }
}

impl std::error::Error for SourceError {}

impl Source {
    /// Opens the file that the operator named.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|errno| SourceError::Io(errno.into()))?;
        let stat = rustix::fs::fstat(&file).map_err(|errno| SourceError::Io(errno.into()))?;
        let device = (
            rustix::fs::major(stat.st_rdev),
            rustix::fs::minor(stat.st_rdev),
        );
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::CharacterDevice if KERNEL.contains(&device) => Ok(Self::Kernel),
            FileType::CharacterDevice
            | FileType::RegularFile
            | FileType::BlockDevice
            | FileType::Fifo => Ok(Self::File(file.into())),
            _ => Err(SourceError::NotReadable),
        }
    }

    /// The same source for another reader.
    pub fn another(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Kernel => Self::Kernel,
            Self::File(file) => Self::File(file.try_clone()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urandom_is_the_kernels_generator() {
        let source = Source::open(Path::new("/dev/urandom")).unwrap();

        assert!(matches!(source, Source::Kernel));
    }

    #[test]
    fn a_directory_is_no_source() {
        let directory = tempfile::tempdir().unwrap();

        let result = Source::open(directory.path());

        assert!(matches!(result, Err(SourceError::NotReadable)));
    }

    #[test]
    fn a_missing_file_is_an_error_of_the_host() {
        let directory = tempfile::tempdir().unwrap();

        let result = Source::open(&directory.path().join("none"));

        assert!(
            matches!(result, Err(SourceError::Io(error)) if error.kind() == io::ErrorKind::NotFound)
        );
    }
}
