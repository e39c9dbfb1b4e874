// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The guest's root: an archive of the form `newc` (Documentation/driver-api/early-userspace).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::Result;

const DIRECTORY: u32 = 0o040_755;
const EXECUTABLE: u32 = 0o100_755;
const CHARACTER: u32 = 0o020_600;

/// An archive that grows.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    folders: BTreeSet<String>,
    entries: u32,
}

impl Archive {
    /// With the device nodes that the kernel opens before there is a devtmpfs.
    pub(crate) fn new() -> Self {
        let mut archive = Self::default();
        archive.folder("dev");
        archive.entry("dev/console", CHARACTER, (5, 1), &[]);
        archive.entry("dev/null", CHARACTER, (1, 3), &[]);
        archive
    }

    /// A folder, with those above it.
    pub(crate) fn folder(&mut self, path: &str) {
        let path = path.trim_matches('/');
        let above = path.match_indices('/').map(|(end, _)| &path[..end]);
        for folder in above.chain([path]).filter(|folder| !folder.is_empty()) {
            if self.folders.insert(folder.to_owned()) {
                self.entry(folder, DIRECTORY, (0, 0), &[]);
            }
        }
    }

    /// An executable file, with the folders above it.
    pub(crate) fn file(&mut self, path: &str, contents: &[u8]) {
        let path = path.trim_start_matches('/');
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.folder(folder);
        }
        self.entry(path, EXECUTABLE, (0, 0), contents);
    }

    /// The same with the contents of a file here.
    pub(crate) fn copy(&mut self, path: &str, from: &Path) -> Result<()> {
        let contents = fs::read(from)
            .map_err(|error| format!("cannot read {} for the guest: {error}", from.display()))?;
        self.file(path, &contents);
        Ok(())
    }

    fn entry(&mut self, path: &str, mode: u32, device: (u32, u32), contents: &[u8]) {
        self.entries += 1;
        let fields = [
            self.entries,
            mode,
            0, // owner
            0, // group
            1, // links
            0, // time
            contents.len() as u32,
            0,
            0,
            device.0,
            device.1,
            path.len() as u32 + 1,
            0, // checksum, not in this form
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(contents);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// The whole archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn files_have_their_folders_once_and_in_front() {
        let mut archive = Archive::default();
        archive.file("/a/b/one", b"1");
        archive.file("a/b/two", b"22");
        let text = String::from_utf8(archive.finish()).unwrap();
        let at = |name: &str| text.find(&format!("{name}\0")).unwrap();

        assert_eq!(text.matches("070701").count(), 5);
        assert!(at("a") < at("a/b") && at("a/b") < at("a/b/one"));
    }

    #[test]
    fn every_entry_is_aligned() {
        let mut archive = Archive::default();
        archive.file("x", b"12345");
        archive.file("long-name", b"");
        let bytes = archive.finish();

        assert_eq!(bytes.len() % 4, 0);
        let starts = bytes.windows(6).enumerate();
        let starts: Vec<_> = starts.filter(|(_, six)| *six == b"070701").collect();
        assert_eq!(starts.len(), 3);
        assert!(starts.iter().all(|(at, _)| at % 4 == 0));
    }

    #[test]
    fn the_cpio_program_reads_it_where_there_is_one() {
        let mut archive = Archive::default();
        archive.file("guest/a", b"12345");
        let Ok(mut child) = Command::new("cpio")
            .args(["--list", "--quiet"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
        else {
            return;
        };
        let mut input = child.stdin.take().unwrap();
        input.write_all(&archive.finish()).unwrap();
        drop(input);

        let said = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), "guest\nguest/a\n");
    }
}
