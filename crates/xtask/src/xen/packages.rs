// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The lab's packages: which ones is written in a lock file; they are fetched once, checked, and
//! unpacked into a cache. Nothing is installed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Version;
use crate::apt::{self, Apt, MIRROR, call};
use crate::{Result, children, workspace};

/// Where everything is that ever was in the archive.
const SNAPSHOTS: &str = "http://snapshot.debian.org/archive/";

/// The names in the lock file, the suites, and the packages; `*` is what the package depends on.
const WANTED: &[(&str, &str, &str)] = &[
    ("xen-4.20", "trixie", "xen-hypervisor-4.20-amd64"),
    ("xen-4.17", "bookworm", "xen-hypervisor-4.17-amd64"),
    ("kernel", "trixie", "linux-image-amd64 *"),
    ("busybox", "trixie", "busybox-static"),
    ("guest-utils-4.20", "trixie", "xen-utils-4.20"),
    ("guest-utils-4.17", "bookworm", "xen-utils-4.17"),
    ("guest-misc-4.20", "trixie", "libxenmisc4.20"),
    ("guest-misc-4.17", "bookworm", "libxenmisc4.17"),
    ("guest-xenstore", "trixie", "xenstore-utils"),
    ("guest-store", "trixie", "libxenstore4"),
    ("guest-call", "trixie", "libxencall1"),
    ("guest-devicemodel", "trixie", "libxendevicemodel1"),
    ("guest-evtchn", "trixie", "libxenevtchn1"),
    ("guest-foreignmemory", "trixie", "libxenforeignmemory1"),
    ("guest-gnttab", "trixie", "libxengnttab1"),
    ("guest-hypfs", "trixie", "libxenhypfs1"),
    ("guest-toolcore", "trixie", "libxentoolcore1"),
    ("guest-toollog", "trixie", "libxentoollog1"),
    ("guest-libc", "trixie", "libc6"),
    ("guest-gcc", "trixie", "libgcc-s1"),
    ("guest-lzma", "trixie", "liblzma5"),
    ("guest-uuid", "trixie", "libuuid1"),
    ("guest-yajl", "trixie", "libyajl2"),
    ("guest-zlib", "trixie", "zlib1g"),
    ("guest-zstd", "trixie", "libzstd1"),
];

/// How the names of those begin that only the lab's guest domain needs: the toolstack.
const OF_GUEST: &str = "guest-";

/// The toolstack's programs and shared objects that go with one version of Xen, which is added to
/// the names of their packages here, and of the shared objects.
const PROGRAMS: &[&str] = &["xl", "xenstored", "xenconsoled", "xen-init-dom0"];
const OF_VERSION: &[&str] = &["libxenctrl", "libxenguest", "libxenlight", "libxlutil"];

/// Programs that go with any, each with its package's name here.
const STORE: &[(&str, &str)] = &[
    ("guest-xenstore", "usr/bin/xenstore-write"),
    ("guest-xenstore", "usr/bin/xenstore-rm"),
];

/// The shared objects that all of these need, by the names that they ask for. They are those of the
/// newest Xen: what they speak to the kernel and to xenstore is the same for all.
const LIBRARIES: &[(&str, &str)] = &[
    ("guest-store", "libxenstore.so.4"),
    ("guest-call", "libxencall.so.1"),
    ("guest-devicemodel", "libxendevicemodel.so.1"),
    ("guest-evtchn", "libxenevtchn.so.1"),
    ("guest-foreignmemory", "libxenforeignmemory.so.1"),
    ("guest-gnttab", "libxengnttab.so.1"),
    ("guest-hypfs", "libxenhypfs.so.1"),
    ("guest-toolcore", "libxentoolcore.so.1"),
    ("guest-toollog", "libxentoollog.so.1"),
    ("guest-libc", "libc.so.6"),
    ("guest-gcc", "libgcc_s.so.1"),
    ("guest-lzma", "liblzma.so.5"),
    ("guest-uuid", "libuuid.so.1"),
    ("guest-yajl", "libyajl.so.2"),
    ("guest-zlib", "libz.so.1"),
    ("guest-zstd", "libzstd.so.1"),
];
const LOADER: &str = "ld-linux-x86-64.so.2";

/// One line of the lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Package {
    name: String,
    sha256: String,
    /// When it was in the archive, as its snapshots are named.
    seen: String,
    /// Below the archive's address.
    path: String,
}

fn lock_file() -> PathBuf {
    workspace::root().join("xen/lab/packages.lock")
}

fn parse(text: &str) -> Result<Vec<Package>> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            let [name, sha256, seen, path] =
                <[String; 4]>::try_from(fields).map_err(|_| format!("damaged: {line}"))?;
            Ok(Package {
                name,
                sha256,
                seen,
                path,
            })
        })
        .collect()
}

/// The folders of the cache.
pub(super) struct Unpacked {
    root: PathBuf,
    pub(super) kernel: PathBuf,
}

impl Unpacked {
    pub(super) fn hypervisor(&self, version: Version) -> PathBuf {
        self.root.join(format!("xen-{}", version.name()))
    }

    pub(super) fn busybox(&self) -> PathBuf {
        self.root.join("busybox/usr/bin/busybox")
    }

    /// The toolstack of a version: where each file is to be, and where it is.
    pub(super) fn toolstack(&self, version: Version) -> Result<Vec<(String, PathBuf)>> {
        let version = version.name();
        let utils = self.root.join(format!("guest-utils-{version}"));
        let programs = PROGRAMS.iter().map(|name| {
            let path = utils.join(format!("usr/lib/xen-{version}/bin/{name}"));
            Ok((format!("bin/{name}"), path))
        });
        let store = STORE.iter().map(|(package, path)| {
            let name = path.rsplit('/').next().unwrap_or(path);
            Ok((format!("bin/{name}"), self.root.join(package).join(path)))
        });
        let library = |package: &str, name: &str| {
            let found = find(&self.root.join(package), name)?;
            Ok((format!("lib/{name}"), found))
        };
        let misc = format!("guest-misc-{version}");
        let of_version = OF_VERSION
            .iter()
            .map(|name| library(&misc, &format!("{name}.so.{version}")));
        let libraries = LIBRARIES
            .iter()
            .map(|(package, name)| library(package, name));
        let loader = find(&self.root.join("guest-libc"), LOADER)?;
        programs
            .chain(store)
            .chain(of_version)
            .chain(libraries)
            .chain([Ok((format!("lib64/{LOADER}"), loader))])
            .collect()
    }
}

/// The archive cannot be reached.
pub(super) struct Unreachable(String);

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The cache of what the lock file says, filled if need be; the toolstack only with a `guest`.
pub(super) fn unpacked(guest: bool) -> Result<Result<Unpacked, Unreachable>> {
    let path = lock_file();
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let packages = parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let root = cache()?;
    let needed = packages
        .iter()
        .filter(|package| guest || !package.name.starts_with(OF_GUEST));
    for package in needed {
        // The hash is in the name, so that another version of the lock file finds its own.
        let folder = root.join(&package.sha256[..16.min(package.sha256.len())]);
        if !folder.exists()
            && let Err(unreachable) = fetch(package, &root, &folder)?
        {
            return Ok(Err(unreachable));
        }
        let link = root.join(&package.name);
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&folder, &link)?;
    }
    Ok(Ok(Unpacked {
        kernel: root.join("kernel"),
        root,
    }))
}

fn cache() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(std::env::var_os("HOME").ok_or("neither XDG_CACHE_HOME nor HOME")?)
            .join(".cache"),
    };
    let root = base.join("vhost-device/xen");
    fs::create_dir_all(&root)?;
    Ok(root)
}

fn fetch(package: &Package, root: &Path, folder: &Path) -> Result<Result<(), Unreachable>> {
    let archive = root.join(format!("{}.part", package.name));
    let Package { path, seen, .. } = package;
    let (suite, rest) = path.split_once('/').ok_or("a path without a folder")?;
    let addresses = [
        format!("{MIRROR}{path}"),
        format!("{SNAPSHOTS}{suite}/{seen}/{rest}"),
    ];
    let mut errors = String::new();
    for address in &addresses {
        println!("fetching {address}");
        let result = Command::new("curl")
            .args(["--fail", "--silent", "--show-error", "--location"])
            .args(["--retry", "3", "--connect-timeout", "20", "--output"])
            .arg(&archive)
            .arg(address)
            .output()
            .map_err(|error| format!("cannot run curl: {error}"))?;
        children::rest_if_interrupted();
        if !result.status.success() {
            let _ = write!(
                errors,
                "; {}",
                String::from_utf8_lossy(&result.stderr).trim()
            );
            continue;
        }
        let hash = call(Command::new("sha256sum").arg(&archive))?;
        if hash.split(' ').next() != Some(&package.sha256) {
            return Err(format!("{address} is not what the lock file says: {hash}").into());
        }
        // A half-unpacked one must not be taken for whole.
        let half = root.join(format!("{}.half", package.name));
        let _ = fs::remove_dir_all(&half);
        apt::unpack(&archive, &half)?;
        fs::rename(&half, folder)?;
        fs::remove_file(&archive)?;
        return Ok(Ok(()));
    }
    Ok(Err(Unreachable(format!(
        "the package {} cannot be had (`cargo xtask xen --update` takes what the archive has \
         now){errors}",
        package.name
    ))))
}

/// The first file below `folder` whose name begins so.
pub(super) fn find(folder: &Path, start: &str) -> Result<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).map_err(|e| format!("{}: {e}", next.display()))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.file_name().to_string_lossy().starts_with(start) {
                return Ok(entry.path());
            }
        }
    }
    Err(format!("there is no {start} below {}", folder.display()).into())
}

/// Writes the lock file anew, from the archive's lists of today.
pub(super) fn update() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let seen = call(Command::new("date").args(["-u", "+%Y%m%dT000000Z"]))?;
    let mut text = String::from(
        "# The packages of the Xen lab: name, sha256, when it was in the archive, path there.\n\
         # Written by `cargo xtask xen --update`.\n",
    );
    let mut lists = BTreeMap::new();
    for (name, suite, package) in WANTED {
        let apt = match lists.entry(suite) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Apt::amd64(&scratch.path().join(suite), suite)?),
        };
        let package = match package.strip_suffix(" *") {
            Some(package) => apt.dependency(package)?,
            None => (*package).to_owned(),
        };
        let (address, hash) = apt.address(&package)?;
        let path = address
            .strip_prefix(MIRROR)
            .ok_or_else(|| format!("{package} is elsewhere: {address}"))?;
        let _ = writeln!(text, "{name} {hash} {} {path}", seen.trim());
        println!("{name}: {path}");
    }
    let path = lock_file();
    Ok(fs::write(path, text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_names_all_that_is_wanted_once() {
        let packages = parse(&fs::read_to_string(lock_file()).unwrap()).unwrap();

        let names: Vec<_> = packages
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        let wanted: Vec<_> = WANTED.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, wanted);
        assert!(packages.iter().all(|package| package.sha256.len() == 64));
    }

    #[test]
    fn a_line_of_another_shape_is_refused() {
        assert!(parse("# only a comment\n").unwrap().is_empty());
        assert!(parse("kernel abc").is_err());
    }

    #[test]
    fn a_file_is_found_by_how_its_name_begins() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::write(folder.path().join("a/b/vmlinuz-6.12"), "").unwrap();

        let found = find(folder.path(), "vmlinuz-").unwrap();

        assert!(found.ends_with("a/b/vmlinuz-6.12"));
        assert!(find(folder.path(), "initrd").is_err());
    }
}
