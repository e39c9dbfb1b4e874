// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The guests' file system: busybox, some tools and modules of the private root, and the scripts of
//! `ci/guest/qemu`, as an initial RAM disk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use super::root::Root;
use crate::{Result, workspace};

const FILE: u32 = 0o100_755;
const FOLDER: u32 = 0o040_755;
const LINK: u32 = 0o120_777;
const END: &str = "TRAILER!!!";

/// Programs for guests that exercise devices.
pub(crate) const TOOLS: &[&str] = &[
    "usr/bin/fio",
    "usr/bin/rngtest",
    "usr/bin/sg_inq",
    "usr/bin/sg_persist",
    "usr/bin/sg_readcap",
    "usr/bin/sg_vpd",
    "usr/bin/socat",
    "usr/sbin/mkfs.ext4",
    "usr/sbin/sfdisk",
];

/// Modules of the drivers, and what the scripts need besides.
pub(crate) const DRIVERS: &[&str] = &[
    "ext4",
    "sd_mod",
    "sg",
    "virtio_rng",
    "virtio_scsi",
    "vmw_vsock_virtio_transport",
];

/// For a guest whose root is the host's.
pub(crate) const HOST_ROOT: &[&str] = &["9p", "9pnet_virtio"];

/// Makes a RAM disk.
pub(crate) fn make(root: &Root, tools: &[&str], modules: &[&str]) -> Result<Vec<u8>> {
    let mut disk = Archive::default();
    for folder in [
        "bin",
        "dev",
        "lib",
        "lib64",
        "lib/modules",
        "mnt",
        "proc",
        "sys",
        "tmp",
        "usr",
        "usr/bin",
        "usr/lib",
        "usr/lib/x86_64-linux-gnu",
    ] {
        disk.add(folder, FOLDER, Vec::new());
    }
    let scripts = workspace::root().join("ci/guest/qemu");
    disk.add("init", FILE, fs::read(scripts.join("init"))?);
    disk.add("lab", FOLDER, Vec::new());
    for entry in fs::read_dir(&scripts)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        disk.add(&format!("lab/{name}"), FILE, fs::read(entry.path())?);
    }
    disk.add(
        "bin/busybox",
        FILE,
        fs::read(root.path.join("usr/bin/busybox"))?,
    );
    disk.add("bin/sh", LINK, b"busybox".to_vec());
    disk.add(
        "lib64/ld-linux-x86-64.so.2",
        FILE,
        fs::read(root.path.join("lib64/ld-linux-x86-64.so.2"))?,
    );
    let mut libraries = BTreeSet::new();
    for tool in tools.iter().chain(&["usr/bin/kmod"]) {
        let name = tool.rsplit('/').next().unwrap_or(tool);
        disk.add(
            &format!("usr/bin/{name}"),
            FILE,
            fs::read(root.path.join(tool))?,
        );
        libraries.extend(root.libraries(tool)?);
    }
    disk.add("usr/bin/modprobe", LINK, b"kmod".to_vec());
    for library in libraries {
        let name = library.file_name().unwrap_or_default().to_string_lossy();
        disk.add(
            &format!("usr/lib/x86_64-linux-gnu/{name}"),
            FILE,
            fs::read(&library)?,
        );
    }
    add_modules(&mut disk, root, modules)?;
    Ok(disk.finish())
}

fn add_modules(disk: &mut Archive, root: &Root, wanted: &[&str]) -> Result<()> {
    let from = root.modules();
    let to = format!("lib/modules/{}", root.kernel);
    disk.add(&to, FOLDER, Vec::new());
    let listed = fs::read_to_string(from.join("modules.dep"))?;
    for path in closure(&listed, wanted) {
        let mut folder = String::new();
        for part in Path::new(&path).parent().into_iter().flat_map(Path::iter) {
            folder = format!("{folder}/{}", part.to_string_lossy());
            disk.add(&format!("{to}{folder}"), FOLDER, Vec::new());
        }
        disk.add(&format!("{to}/{path}"), FILE, fs::read(from.join(&path))?);
    }
    for index in [
        "dep.bin",
        "alias.bin",
        "builtin.bin",
        "softdep",
        "symbols.bin",
    ] {
        let name = format!("modules.{index}");
        if let Ok(content) = fs::read(from.join(&name)) {
            disk.add(&format!("{to}/{name}"), FILE, content);
        }
    }
    Ok(())
}

/// The paths of modules and of all that they depend on. One that is not listed is built in, or is
/// missed by the script that loads it.
fn closure(listed: &str, wanted: &[&str]) -> BTreeSet<String> {
    let name = |path: &str| {
        let file = path.rsplit('/').next().unwrap_or(path);
        file.split('.').next().unwrap_or(file).replace('-', "_")
    };
    let mut by_name = BTreeMap::new();
    let mut needs = BTreeMap::new();
    for line in listed.lines() {
        if let Some((path, rest)) = line.split_once(':') {
            by_name.insert(name(path), path);
            needs.insert(path, rest.split_whitespace().collect::<Vec<_>>());
        }
    }
    let mut queue: VecDeque<_> = wanted
        .iter()
        .filter_map(|module| by_name.get(&module.replace('-', "_")).copied())
        .collect();
    let mut found = BTreeSet::new();
    while let Some(path) = queue.pop_front() {
        if found.insert(path.to_owned()) {
            queue.extend(needs.get(path).into_iter().flatten());
        }
    }
    found
}

/// A cpio archive in the kernel's format ("newc").
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    names: BTreeSet<String>,
}

impl Archive {
    /// Adds something, unless there is something of that name already.
    fn add(&mut self, name: &str, mode: u32, content: Vec<u8>) {
        if self.names.insert(name.to_owned()) {
            self.entry(name, mode, &content);
        }
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        let number = self.names.len();
        let header = [
            number,
            mode as usize,
            0,
            0,
            1,
            0,
            content.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in header {
            self.bytes
                .extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.entry(END, 0, &[]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_with_all_that_they_depend_on() {
        let listed = "k/a-b.ko.xz: k/c.ko.xz\nk/c.ko.xz: k/d.ko.xz\nk/d.ko.xz:\nk/e.ko.xz:\n";
        let found: Vec<_> = closure(listed, &["a_b", "built_in"]).into_iter().collect();
        assert_eq!(found, ["k/a-b.ko.xz", "k/c.ko.xz", "k/d.ko.xz"]);
    }

    #[test]
    fn an_archive_is_padded_and_has_an_end() {
        let mut archive = Archive::default();
        archive.add("a", FILE, b"xyz".to_vec());
        archive.add("a", FILE, b"again".to_vec());
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[54..62], b"00000003");
        assert_eq!(&bytes[112..115], b"xyz");
        assert!(
            bytes
                .windows(END.len())
                .any(|window| window == END.as_bytes())
        );
    }
}
