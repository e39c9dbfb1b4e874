// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask headers fetch`: the headers that bindings are made from, from the distribution's
//! packages: the kernel's for user space, and Xen's public ones.
//!
//! Only the headers that the bindings need are kept, and only those whose licence lets them be part of
//! any program. Old packages vanish from the archive: therefore the headers are committed, and a lock
//! file says where they are from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};

use crate::apt::{self, Apt, call};
use crate::bindings::table::{BINDINGS, Bindings};
use crate::{Result, children, workspace};

/// Headers of one package.
pub(crate) struct Source {
    /// Their folder in `ci/headers`.
    name: &'static str,
    package: &'static str,
    suites: &'static [&'static str],
    /// What bindings are made from, in C; the headers that these include come with them.
    wanted: fn() -> Result<String>,
    /// The architectures whose headers are kept.
    triples: fn() -> Vec<&'static str>,
    /// Whether a header's licence lets it be committed.
    is_free: fn(&str) -> bool,
}

/// The kernel's come first: Xen's include some of them.
pub(crate) const LINUX: Source = Source {
    name: "linux",
    package: "linux-libc-dev",
    suites: &["trixie-backports"],
    wanted: || Ok("#include <linux/kvm.h>\n#include <linux/stddef.h>\n".to_owned()),
    triples: || BINDINGS.iter().flat_map(triples).collect(),
    is_free: has_system_call_note,
};

pub(crate) const XEN: Source = Source {
    name: "xen",
    package: "libxen-dev",
    suites: &["trixie", "trixie-security"],
    wanted: || {
        let path = workspace::root().join("xen/xen-sys/wrapper.h");
        Ok(fs::read_to_string(path)?)
    },
    triples: || vec!["x86_64-linux-gnu", "aarch64-linux-gnu"],
    is_free: is_as_free_as_mit,
};

/// The multiarch triples that name the headers of each architecture.
pub(crate) fn triples(bindings: &Bindings) -> impl Iterator<Item = &'static str> {
    let architectures = bindings.architectures.iter();
    architectures.map(|architecture| architecture.triple)
}

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Download the newest packages, take their headers over, and show what changed
    Fetch,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    match options.action {
        Action::Fetch => {
            let changes = fetch(&LINUX)? + fetch(&XEN)?;
            if changes > 0 {
                println!("see `git diff`, then run `cargo xtask bindings`");
            }
            Ok(true)
        }
    }
}

impl Source {
    /// The folder of the vendored headers.
    pub(crate) fn folder(&self) -> PathBuf {
        workspace::root().join("ci/headers").join(self.name)
    }
}

/// What the lock file says, and the headers' hashes in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lock {
    package: String,
    version: String,
    archive: String,
    pub files: BTreeMap<String, String>,
}

impl Lock {
    pub(crate) fn read(source: &Source) -> Result<Self> {
        let folder = source.folder();
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
    pub(crate) fn update(mut self, source: &Source) -> Result<()> {
        let folder = source.folder();
        self.files = hashes(&folder)?;
        Ok(fs::write(folder.join("headers.lock"), self.text())?)
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

/// Takes over the headers of the newest package; says how many changed.
fn fetch(source: &Source) -> Result<usize> {
    let scratch = children::scratch().ok_or("there is no folder for temporary files")?;
    let scratch = scratch.join(source.name);
    let archive = Apt::new(&scratch.join("apt"), source.suites)?.download(source.package)?;
    let version = apt::field(&archive, "Version")?;
    let unpacked = scratch.join("unpacked");
    apt::unpack(&archive, &unpacked)?;
    let include = unpacked.join("usr/include");

    let mut wanted = BTreeSet::new();
    for triple in (source.triples)() {
        wanted.extend(needed(source, &include, triple)?);
    }
    let mut texts = BTreeMap::new();
    for file in wanted {
        let text = fs::read_to_string(include.join(&file))?;
        if !(source.is_free)(&text) {
            return Err(format!("{file}: its licence is not known to let it be committed").into());
        }
        texts.insert(file, text);
    }
    let folder = source.folder();
    let before = contents(&folder)?;
    let old = Lock::read(source).unwrap_or_default();
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
        package: source.package.to_owned(),
        version: version.clone(),
        archive: archive.split(' ').next().unwrap_or_default().to_owned(),
        files: BTreeMap::new(),
    };
    lock.update(source)?;

    println!("{} {version}: {} headers", source.package, texts.len());
    if !old.version.is_empty() && old.version != version {
        println!("  they were of {}", old.version);
    }
    let changes = changes(&before, &texts);
    for change in &changes {
        println!("  {change}");
    }
    if changes.is_empty() {
        println!("  nothing changed");
    }
    Ok(changes.len())
}

/// All headers in `folder`, by their paths below it.
fn contents(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = Vec::new();
    if folder.exists() {
        headers(folder, &mut files)?;
    }
    let mut texts = BTreeMap::new();
    for path in files {
        let name = path.strip_prefix(folder)?.display().to_string();
        texts.insert(name, fs::read_to_string(&path)?);
    }
    Ok(texts)
}

/// What is new, gone or changed, and by how many lines.
fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| match (before.get(name), after.get(name)) {
            (Some(old), Some(new)) if old == new => None,
            (Some(old), Some(new)) => Some(format!(
                "changed  {name} (+{} -{} lines)",
                more(new, old),
                more(old, new)
            )),
            (None, _) => Some(format!("    new  {name}")),
            (_, None) => Some(format!("   gone  {name}")),
        })
        .collect()
}

/// How many lines `one` has that `other` has not.
fn more(one: &str, other: &str) -> usize {
    let mut left: BTreeMap<_, usize> = BTreeMap::new();
    for line in other.lines() {
        *left.entry(line).or_default() += 1;
    }
    one.lines()
        .filter(|line| match left.get_mut(line) {
            Some(count @ 1..) => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .count()
}

/// The licence has the system-call note; or there is nothing that could have one: the kernel's build
/// makes files that only include the generic header of the same name.
fn has_system_call_note(text: &str) -> bool {
    const NOTE: &str = "WITH Linux-syscall-note";
    let head = text.lines().take(3).any(|line| line.contains(NOTE));
    head || text
        .lines()
        .all(|line| line.is_empty() || line.starts_with("#include <asm-generic/"))
}

/// MIT by its name or in its words, or nobody's.
fn is_as_free_as_mit(text: &str) -> bool {
    let head: String = text.lines().take(40).collect::<Vec<_>>().join("\n");
    [
        "SPDX-License-Identifier: MIT",
        "Permission is hereby granted, free of charge",
        "This file is in the public domain.",
    ]
    .iter()
    .any(|words| head.contains(words))
}

/// The headers that the preprocessor reads for one architecture, below `include`.
fn needed(source: &Source, include: &Path, triple: &str) -> Result<BTreeSet<String>> {
    let machine = triple.split('-').next().unwrap_or_default();
    let compiler = if call(Command::new("cc").arg("-dumpmachine"))?.starts_with(machine) {
        "cc".to_owned()
    } else {
        format!("{triple}-gcc")
    };
    let wanted = include.join("wanted.c");
    fs::write(&wanted, (source.wanted)()?)?;
    let kernel = LINUX.folder();
    let mut command = Command::new(compiler);
    command.args(["-M", "-fno-canonical-system-headers", "-nostdinc"]);
    for folder in [
        include,
        &include.join(triple),
        // Of which a package without the kernel's headers makes use.
        &kernel,
        &kernel.join(triple),
    ] {
        command.arg("-isystem").arg(folder);
    }
    let text = call(command.arg(&wanted))?;
    Ok(text
        .split_whitespace()
        .filter_map(|word| Path::new(word).strip_prefix(include).ok())
        .filter(|path| path.extension().is_some_and(|end| end == "h"))
        .map(|path| straight(path).display().to_string())
        .collect())
}

/// A path without the detours that includes make: `hvm/../xen.h`. Links are no detours: the package
/// has some, for folders of an architecture.
fn straight(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut all, part| {
        match part {
            Component::ParentDir => drop(all.pop()),
            part => all.push(part),
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_with_the_note_and_bare_forwards_are_the_kernels_for_all() {
        assert!(has_system_call_note(
            "/* GPL-2.0 WITH Linux-syscall-note */\nint a;\n"
        ));
        assert!(has_system_call_note("#include <asm-generic/ioctl.h>\n"));
        assert!(!has_system_call_note("/* GPL-2.0 */\nint a;\n"));
        assert!(!has_system_call_note(
            "#include <asm-generic/ioctl.h>\nint a;\n"
        ));
    }

    #[test]
    fn only_headers_under_mit_or_of_nobody_are_xens_for_all() {
        assert!(is_as_free_as_mit("/* SPDX-License-Identifier: MIT */\n"));
        assert!(is_as_free_as_mit(
            "/*\n * This file is in the public domain.\n */\n"
        ));
        assert!(!is_as_free_as_mit("/* GPL-2.0 */\n"));
        assert!(!is_as_free_as_mit("int a;\n"));
    }

    #[test]
    fn a_header_beside_is_named_without_the_detour() {
        assert_eq!(
            straight(Path::new("xen/hvm/../xen.h")),
            Path::new("xen/xen.h")
        );
        assert_eq!(straight(Path::new("xen/xen.h")), Path::new("xen/xen.h"));
    }

    #[test]
    fn changes_name_the_headers_and_count_their_lines() {
        let texts = |list: &[(&str, &str)]| {
            let pairs = list.iter().map(|&(a, b)| (a.to_owned(), b.to_owned()));
            pairs.collect::<BTreeMap<_, _>>()
        };
        let before = texts(&[("a.h", "1\n2\n"), ("b.h", "1\n1\n2\n"), ("c.h", "")]);
        let after = texts(&[("a.h", "1\n2\n"), ("b.h", "1\n3\n4\n2\n"), ("d.h", "")]);

        assert_eq!(changes(&before, &before), [""; 0]);
        assert_eq!(
            changes(&before, &after),
            ["changed  b.h (+2 -1 lines)", "   gone  c.h", "    new  d.h"]
        );
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
