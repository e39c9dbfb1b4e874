// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! An initial file system, in the form that the kernel unpacks (cpio, "newc").

/// What is in it so far.
pub(super) struct Archive {
    bytes: Vec<u8>,
    number: u32,
    folders: Vec<String>,
}

impl Archive {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            number: 0,
            folders: Vec::new(),
        }
    }

    pub(super) fn folder(&mut self, name: &str) {
        if !self.folders.iter().any(|known| known == name) {
            self.folders.push(name.to_owned());
            self.entry(name, 0o040_755, &[]);
        }
    }

    /// A file, and the folder that it is in.
    pub(super) fn file(&mut self, name: &str, mode: u32, content: &[u8]) {
        if let Some((folder, _)) = name.rsplit_once('/') {
            self.folder(folder);
        }
        self.entry(name, 0o100_000 | mode, content);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.number = 0;
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.number += 1;
        let fields = [
            self.number,
            mode,
            0, // user
            0, // group
            1, // links
            0, // time
            content.len() as u32,
            0, // device of the file
            0,
            0, // device that the file is
            0,
            name.len() as u32 + 1,
            0, // no checksum
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_header_a_name_and_the_content_at_multiples_of_four() {
        let mut archive = Archive::new();

        archive.file("bin/a", 0o755, b"12345");
        let bytes = archive.finish();

        let text = String::from_utf8(bytes.clone()).unwrap();
        let at = text.find("bin/a").unwrap();
        assert_eq!(&text[at - 110..at - 104], "070701");
        assert_eq!(&text[at - 96..at - 88], "000081ed");
        assert_eq!(&bytes[(at + 6).next_multiple_of(4)..][..5], b"12345");
        assert_eq!(bytes.len() % 4, 0);
        assert!(text.contains("TRAILER!!!"));
    }
}
