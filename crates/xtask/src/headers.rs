// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask headers fetch`: the kernel's user-space headers, from the distribution's package.
//!
//! Only the headers that the bindings need are kept, and only those whose licence has the
//! system-call note, which lets them be part of any program. Old packages vanish from the archive:
//! therefore the headers are committed, and a lock file says where they are from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};

use crate::apt::{self, Apt, call};
use crate::{Result, children, workspace};

const PACKAGE: &str = "linux-libc-dev";
const SUITE: &str = "trixie-backports";
const LICENCE: &str = "WITH Linux-syscall-note";

/// What bindings are made from; the headers that these include come with them.
const WANTED: &[&str] = &["linux/kvm.h", "linux/stddef.h"];

/// The multiarch triples whose headers are kept.
pub(crate) const TRIPLES: &[&str] = &["x86_64-linux-gnu", "aarch64-linux-gnu", "riscv64-linux-gnu"];

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Download the newest package, take its headers over, and show what changed
    Fetch,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    match options.action {
        Action::Fetch => fetch(),
    }
}

/// The folder of the vendored headers.
pub(crate) fn folder() -> PathBuf {
    workspace::root().join("ci/headers/linux")
}

/// What the lock file says, and the headers' hashes in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lock {
    package: String,
    version: String,
    archive: String,
    pub files: BTreeMap<String, String>,
}

#[cfg_attr(not(feature = "generator"), allow(dead_code))] // fetching only writes
impl Lock {
    pub(crate) fn read() -> Result<Self> {
        Self::read_in(&folder())
    }

    pub(crate) fn read_in(folder: &Path) -> Result<Self> {
        let path = folder.join("headers.lock");
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Self::parse(&text).ok_or_else(|| {
            format!(
                "{} is damaged: run `cargo xtask headers fetch`",
                path.display()
            )
            .into()
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lock = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (key, value) = line.split_once(' ')?;
            let value = value.trim().to_owned();
            match key {
                "package" => lock.package = value,
                "version" => lock.version = value,
                "sha256" => lock.archive = value,
                hash => drop(lock.files.insert(value, hash.to_owned())),
            }
        }
        Some(lock)
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# Where these headers are from. Written by `cargo xtask headers fetch`.\n\
             package {}\nversion {}\nsha256 {}\n",
            self.package, self.version, self.archive
        );
        for (file, hash) in &self.files {
            let _ = writeln!(text, "{hash}  {file}");
        }
        text
    }

    /// Writes the lock file with the hashes that the files have now.
    pub(crate) fn update(mut self) -> Result<()> {
        self.files = hashes(&folder())?;
        Ok(fs::write(folder().join("headers.lock"), self.text())?)
    }
}

/// The hashes of all headers in `folder`, by their paths below it.
pub(crate) fn hashes(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = Vec::new();
    headers(folder, &mut files)?;
    if files.is_empty() {
        return Ok(BTreeMap::new());
    }
    let output = Command::new("sha256sum").args(&files).output()?;
    if !output.status.success() {
        return Err("sha256sum (of coreutils) failed".into());
    }
    let text = String::from_utf8(output.stdout)?;
    let prefix = format!("{}/", folder.display());
    Ok(text
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(hash, file)| {
            let file = file.strip_prefix(&prefix).unwrap_or(file);
            (file.to_owned(), hash.to_owned())
        })
        .collect())
}

fn headers(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            headers(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "h") {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}

fn fetch() -> Result<bool> {
    let scratch = children::scratch().ok_or("there is no folder for temporary files")?;
    let archive = Apt::new(&scratch.join("apt"), &[SUITE])?.download(PACKAGE)?;
    let version = apt::field(&archive, "Version")?;
    let unpacked = scratch.join("unpacked");
    apt::unpack(&archive, &unpacked)?;
    let include = unpacked.join("usr/include");

    let mut wanted = BTreeSet::new();
    for triple in TRIPLES {
        wanted.extend(needed(&include, triple)?);
    }
    let mut texts = BTreeMap::new();
    for file in wanted {
        let text = fs::read_to_string(include.join(&file))?;
        if !may_be_committed(&text) {
            return Err(format!("{file} lacks \"{LICENCE}\": it must not be committed").into());
        }
        texts.insert(file, text);
    }
    let folder = folder();
    let before = hashes(&folder).unwrap_or_default();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for (file, text) in &texts {
        let to = folder.join(file);
        fs::create_dir_all(to.parent().ok_or("a header without a folder")?)?;
        fs::write(to, text)?;
    }
    let archive = call(Command::new("sha256sum").arg(&archive))?;
    let lock = Lock {
        package: PACKAGE.to_owned(),
        version: version.clone(),
        archive: archive.split(' ').next().unwrap_or_default().to_owned(),
        files: BTreeMap::new(),
    };
    lock.update()?;

    let after = hashes(&folder)?;
    println!("{PACKAGE} {version}: {} headers", after.len());
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut changes = 0;
    for name in names {
        let what = match (before.get(name), after.get(name)) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(_), Some(_)) => "changed",
            (None, _) => "new",
            (_, None) => "gone",
        };
        changes += 1;
        println!("  {what:>7}  {name}");
    }
    if changes == 0 {
        println!("nothing changed");
    } else {
        println!("{changes} changes; see `git diff`, then run `cargo xtask bindings`");
    }
    Ok(true)
}

/// The licence has the system-call note; or there is nothing that could have one: the kernel's build
/// makes files that only include the generic header of the same name.
fn may_be_committed(text: &str) -> bool {
    let head = text.lines().take(3).any(|line| line.contains(LICENCE));
    head || text
        .lines()
        .all(|line| line.is_empty() || line.starts_with("#include <asm-generic/"))
}

/// The headers that the preprocessor reads for one architecture, below `include`.
fn needed(include: &Path, triple: &str) -> Result<BTreeSet<String>> {
    let machine = triple.split('-').next().unwrap_or_default();
    let compiler = if call(Command::new("cc").arg("-dumpmachine"))?.starts_with(machine) {
        "cc".to_owned()
    } else {
        format!("{triple}-gcc")
    };
    let source = include.join("wanted.c");
    let text: String = WANTED
        .iter()
        .map(|header| format!("#include <{header}>\n"))
        .collect();
    fs::write(&source, text)?;
    let mut command = Command::new(compiler);
    command
        .args([
            "-M",
            "-fno-canonical-system-headers",
            "-nostdinc",
            "-isystem",
        ])
        .arg(include);
    let text = call(
        command
            .arg("-isystem")
            .arg(include.join(triple))
            .arg(&source),
    )?;
    Ok(text
        .split_whitespace()
        .filter_map(|word| Path::new(word).strip_prefix(include).ok())
        .filter(|path| path.extension().is_some_and(|end| end == "h"))
        .map(|path| path.display().to_string())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_with_the_note_and_bare_forwards_may_be_committed() {
        assert!(may_be_committed(
            "/* GPL-2.0 WITH Linux-syscall-note */\nint a;\n"
        ));
        assert!(may_be_committed("#include <asm-generic/ioctl.h>\n"));
        assert!(!may_be_committed("/* GPL-2.0 */\nint a;\n"));
        assert!(!may_be_committed(
            "#include <asm-generic/ioctl.h>\nint a;\n"
        ));
    }

    #[test]
    fn a_lock_file_reads_as_it_was_written() {
        let lock = Lock {
            package: "p".to_owned(),
            version: "7.3~1".to_owned(),
            archive: "aa".to_owned(),
            files: BTreeMap::from([("linux/kvm.h".to_owned(), "bb".to_owned())]),
        };

        assert_eq!(Lock::parse(&lock.text()), Some(lock));
        assert_eq!(Lock::parse("nonsense"), None);
    }
}
