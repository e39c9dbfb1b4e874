// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The guests' file system: busybox, some tools and modules of the private root, guest-tool, and the
//! scripts of `ci/guest` and `ci/guest/qemu`, as an initial RAM disk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use super::super::add_scripts;
use super::super::initramfs::Archive;
use super::root::Root;
use crate::{Result, workspace};

const LOADER: &str = "lib64/ld-linux-x86-64.so.2";

/// Programs for guests that exercise devices.
pub(crate) const TOOLS: &[&str] = &[
    "usr/bin/fio",
    "usr/bin/rngtest",
    "usr/bin/sg_inq",
    "usr/bin/sg_luns",
    "usr/bin/sg_opcodes",
    "usr/bin/sg_persist",
    "usr/bin/sg_readcap",
    "usr/bin/sg_turs",
    "usr/bin/sg_vpd",
    "usr/sbin/e2fsck",
    "usr/sbin/mkfs.ext4",
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
pub(crate) const HOST_ROOT: &[&str] = &[
    "9p",
    "9pnet_virtio",
    "brd",
    "dm_log_writes",
    "vsock_loopback",
];

/// Makes a RAM disk. `own` is guest-tool, which the scripts of `ci/guest` call.
pub(crate) fn make(
    root: &Root,
    own: Option<&Path>,
    tools: &[&str],
    modules: &[&str],
) -> Result<Vec<u8>> {
    let mut disk = Archive::new();
    for folder in ["mnt", "proc", "sys", "tmp"] {
        disk.folder(folder);
    }
    let scripts = workspace::root().join("ci/guest/qemu");
    disk.copy("init", &scripts.join("init"))?;
    for entry in fs::read_dir(&scripts)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        disk.copy(&format!("lab/{name}"), &entry.path())?;
    }
    if let Some(own) = own {
        add_scripts(&mut disk)?;
        disk.copy("bin/guest-tool", own)?;
    }
    disk.copy("bin/busybox", &root.path.join("usr/bin/busybox"))?;
    disk.copy(LOADER, &root.path.join(LOADER))?;
    // This name makes kmod the better modprobe.
    disk.copy("usr/bin/modprobe", &root.path.join("usr/bin/kmod"))?;
    let mut libraries: BTreeSet<_> = root.libraries("usr/bin/kmod")?.into_iter().collect();
    for tool in tools {
        let name = tool.rsplit('/').next().unwrap_or(tool);
        disk.copy(&format!("usr/bin/{name}"), &root.path.join(tool))?;
        libraries.extend(root.libraries(tool)?);
    }
    for library in libraries {
        let name = library.file_name().unwrap_or_default().to_string_lossy();
        disk.copy(&format!("usr/lib/x86_64-linux-gnu/{name}"), &library)?;
    }
    add_modules(&mut disk, root, modules)?;
    Ok(disk.finish())
}

fn add_modules(disk: &mut Archive, root: &Root, wanted: &[&str]) -> Result<()> {
    let from = root.modules();
    let to = format!("lib/modules/{}", root.kernel);
    let listed = fs::read_to_string(from.join("modules.dep"))?;
    for path in closure(&listed, wanted) {
        disk.copy(&format!("{to}/{path}"), &from.join(&path))?;
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
            disk.file(&format!("{to}/{name}"), &content);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_come_with_all_that_they_depend_on() {
        let listed = "k/a-b.ko.xz: k/c.ko.xz\nk/c.ko.xz: k/d.ko.xz\nk/d.ko.xz:\nk/e.ko.xz:\n";
        let found: Vec<_> = closure(listed, &["a_b", "built_in"]).into_iter().collect();
        assert_eq!(found, ["k/a-b.ko.xz", "k/c.ko.xz", "k/d.ko.xz"]);
    }
}
