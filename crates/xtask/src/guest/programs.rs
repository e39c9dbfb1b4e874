// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Programs for guests, from the distribution's packages, with the libraries that they need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cache;
use super::initramfs::Archive;
use crate::apt::{self, Apt, call};
use crate::{Result, children};

const SUITE: &str = "trixie";

/// The packages, and which of their programs guests may have.
const PACKAGES: &[(&str, &[&str])] = &[
    ("busybox-static", &["busybox"]),
    ("e2fsprogs", &["mkfs.ext4", "e2fsck"]),
    ("fio", &["fio"]),
    ("libiscsi-bin", &["iscsi-test-cu"]),
    ("rng-tools-debian", &["rngtest"]),
    (
        "sg3-utils",
        &[
            "sg_inq",
            "sg_luns",
            "sg_modes",
            "sg_opcodes",
            "sg_persist",
            "sg_readcap",
            "sg_requests",
            "sg_sync",
            "sg_turs",
            "sg_unmap",
            "sg_verify",
            "sg_vpd",
            "sg_write_same",
        ],
    ),
];

const LOADER: &str = "lib64/ld-linux-x86-64.so.2";
const LIBRARIES: &[&str] = &[
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/ceph",
    "usr/lib64",
];
const FOLDERS: &[&str] = &["usr/bin", "usr/sbin", "bin", "sbin"];

/// The programs, unpacked.
#[derive(Debug)]
pub(crate) struct Programs {
    root: PathBuf,
}

/// The packages' programs: from the cache, or made now.
pub(crate) fn get() -> Result<Programs> {
    let list = format!("{SUITE} {PACKAGES:?} 3");
    let key = cache::key(&[&list])?;
    if let Some(root) = cache::find("programs", &key)? {
        return Ok(Programs { root });
    }
    let names: Vec<_> = PACKAGES.iter().map(|(name, _)| *name).collect();
    println!("programs for guests: {} ...", names.join(" "));
    let scratch = children::scratch().ok_or("there is no folder for temporary files")?;
    let apt = Apt::new(&scratch.join("apt-programs"), &[SUITE])?;
    let tree = scratch.join("programs");
    let mut packages = String::new();
    for archive in apt.closure(&names)? {
        apt::unpack(&archive, &tree)?;
        for field in ["Package", "Version"] {
            packages.push_str(&apt::field(&archive, field)?);
            packages.push(if field == "Package" { ' ' } else { '\n' });
        }
    }
    let root = cache::store("programs", SUITE, &key, |entry| {
        for program in PACKAGES.iter().flat_map(|(_, programs)| *programs) {
            for file in needed(&tree, program)? {
                let to = entry.join(&file.inside);
                fs::create_dir_all(to.parent().unwrap_or(entry))?;
                fs::copy(&file.outside, &to)?;
            }
        }
        // What they are, for whoever wonders.
        Ok(fs::write(entry.join("packages"), packages)?)
    })?;
    Ok(Programs { root })
}

impl Programs {
    /// Puts `program`, and what it needs, into the guest's root.
    pub(crate) fn add(&self, program: &str, archive: &mut Archive) -> Result<()> {
        for file in needed(&self.root, program)? {
            archive.copy(&file.inside, &file.outside)?;
        }
        Ok(())
    }
}

struct File {
    outside: PathBuf,
    inside: String,
}

fn find(tree: &Path, program: &str) -> Result<PathBuf> {
    FOLDERS
        .iter()
        .map(|folder| tree.join(folder).join(program))
        .find(|path| path.exists())
        .ok_or_else(|| format!("the packages have no program {program}").into())
}

/// A program and its libraries, as the dynamic loader of the tree finds them.
fn needed(tree: &Path, program: &str) -> Result<Vec<File>> {
    let path = find(tree, program)?;
    let mut files = vec![File {
        inside: format!("bin/{program}"),
        outside: path.clone(),
    }];
    let loader = [format!("usr/{LOADER}"), LOADER.to_owned()]
        .map(|loader| tree.join(loader))
        .into_iter()
        .find(|loader| loader.exists())
        .ok_or("the packages have no dynamic loader")?;
    let folders: Vec<_> = LIBRARIES
        .iter()
        .chain(&["lib", "lib64"])
        .map(|folder| tree.join(folder).display().to_string())
        .collect();
    // A static program has no libraries, which the loader calls a failure.
    let listed = Command::new(&loader)
        .args(["--library-path", &folders.join(":"), "--list"])
        .arg(&path)
        .output()?;
    if !listed.status.success() {
        let said = String::from_utf8_lossy(&listed.stderr);
        return match program {
            "busybox" => Ok(files),
            _ => Err(format!("{program} for guests: {}", said.trim()).into()),
        };
    }
    files.push(File {
        outside: loader,
        inside: LOADER.to_owned(),
    });
    for library in libraries(&String::from_utf8_lossy(&listed.stdout))? {
        let name = library.file_name().unwrap_or_default().to_string_lossy();
        files.push(File {
            inside: format!("lib/{name}"),
            outside: library.clone(),
        });
    }
    Ok(files)
}

/// The paths in `NAME => PATH (ADDRESS)` lines.
fn libraries(listed: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for line in listed.lines() {
        let Some((name, rest)) = line.trim().split_once(" => ") else {
            continue;
        };
        if name.contains("ld-linux") {
            continue;
        }
        match rest.split(" (").next() {
            Some(path) if path.starts_with('/') => found.push(PathBuf::from(path)),
            _ => {
                return Err(format!("a library of the guest's programs is missing: {name}").into());
            }
        }
    }
    Ok(found)
}

/// Whether this machine can unpack packages at all.
pub(crate) fn missing() -> Option<String> {
    let there = call(Command::new("apt-get").arg("--version")).is_ok();
    (!there).then(|| "Debian's apt-get is missing, which programs and kernels come by".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_those_with_a_path() {
        let listed = "\tlinux-vdso.so.1 (0x7f)\n\tlibc.so.6 => /t/libc.so.6 (0x7f)\n\
                      \t/lib64/ld-linux-x86-64.so.2 => /t/ld.so (0x7f)\n";
        assert_eq!(libraries(listed).unwrap(), [PathBuf::from("/t/libc.so.6")]);
    }

    #[test]
    fn a_library_that_is_not_found_is_an_error() {
        assert!(libraries("\tlibx.so => not found\n").is_err());
    }
}
