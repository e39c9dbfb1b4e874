// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What takes long to make, kept outside target/: `$XDG_CACHE_HOME/vhost-device/KIND-VERSION-KEY`.
//!
//! `VERSION` is that of the sources, `KEY` a hash of whatever else decides on the contents. An entry
//! lists the hashes of its files; one that differs from its list is made anew. Newer packages in the
//! distribution's archive make none: a run that has all it needs asks nobody. Delete an entry for that.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::apt::call;
use crate::{Result, children};

const SUMS: &str = "SHA256SUMS";

const UNFINISHED: &str = ".unfinished-";

/// No entry takes so long.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// The folder of all entries.
pub(crate) fn root() -> Result<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".cache")))
        .map(|folder| folder.join("vhost-device"))
        .ok_or_else(|| "neither XDG_CACHE_HOME nor HOME names a folder: set one".into())
}

/// A hash that is short, but long enough for a key.
pub(crate) fn key(parts: &[&str]) -> Result<String> {
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        for part in parts {
            input.write_all(part.as_bytes())?;
            input.write_all(&[0])?;
        }
    }
    let output = child.wait_with_output()?;
    let text = String::from_utf8(output.stdout)?;
    text.get(..12)
        .map(str::to_owned)
        .ok_or_else(|| "sha256sum (of coreutils) failed".into())
}

/// The newest entry of this kind and key, if its files are what they were.
pub(crate) fn find(kind: &str, key: &str) -> Result<Option<PathBuf>> {
    find_in(&root()?, kind, key)
}

fn find_in(root: &Path, kind: &str, key: &str) -> Result<Option<PathBuf>> {
    let Ok(entries) = fs::read_dir(root) else {
        return Ok(None);
    };
    let (start, end) = (format!("{kind}-"), format!("-{key}"));
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&start) && name.ends_with(&end)
        })
        .collect();
    found.sort_by_key(|path| fs::metadata(path).and_then(|data| data.modified()).ok());
    while let Some(entry) = found.pop() {
        match verify(&entry) {
            Ok(()) => return Ok(Some(entry)),
            Err(error) => {
                println!("{} is damaged and made anew: {error}", entry.display());
                fs::remove_dir_all(&entry)?;
            }
        }
    }
    Ok(None)
}

fn verify(entry: &Path) -> Result<()> {
    call(
        Command::new("sha256sum")
            .args(["--check", "--quiet", "--strict", SUMS])
            .current_dir(entry),
    )
    .map(drop)
}

/// Lets `make` fill a new entry. One that fails leaves none; what one leaves that is interrupted goes
/// a day later.
pub(crate) fn store(
    kind: &str,
    version: &str,
    key: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    store_in(&root()?, kind, version, key, make)
}

fn store_in(
    root: &Path,
    kind: &str,
    version: &str,
    key: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    fs::create_dir_all(root)
        .map_err(|error| format!("cannot make the cache {}: {error}", root.display()))?;
    remove_abandoned(root)?;
    let unfinished = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempdir_in(root)?;
    let folder = unfinished.path().join("entry");
    fs::create_dir(&folder)?;
    make(&folder)?;
    children::rest_if_interrupted();
    let sums = "find . -type f -print0 | sort -z | xargs -0 sha256sum";
    let text = call(Command::new("sh").args(["-c", sums]).current_dir(&folder))?;
    fs::write(folder.join(SUMS), text)?;
    let entry = root.join(format!("{kind}-{version}-{key}"));
    if entry.exists() {
        fs::remove_dir_all(&entry)?;
    }
    fs::rename(&folder, &entry)?;
    Ok(entry)
}

fn remove_abandoned(root: &Path) -> Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let ours = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if ours && age > ABANDONED {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_its_kind_and_key() {
        let root = tempfile::tempdir().unwrap();
        let fill = |folder: &Path| Ok(fs::write(folder.join("a"), "text")?);
        let made = store_in(root.path(), "uml", "7.3-1", "k1", fill).unwrap();

        assert_eq!(find_in(root.path(), "uml", "k1").unwrap(), Some(made));
        assert_eq!(find_in(root.path(), "uml", "k2").unwrap(), None);
        assert_eq!(find_in(root.path(), "tools", "k1").unwrap(), None);
    }

    #[test]
    fn an_entry_with_a_changed_file_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let fill = |folder: &Path| Ok(fs::write(folder.join("a"), "text")?);
        let made = store_in(root.path(), "uml", "7.3-1", "k", fill).unwrap();
        fs::write(made.join("a"), "tex!").unwrap();

        assert_eq!(find_in(root.path(), "uml", "k").unwrap(), None);
        assert!(!made.exists());
    }

    #[test]
    fn what_fails_leaves_no_entry() {
        let root = tempfile::tempdir().unwrap();

        store_in(root.path(), "uml", "7.3-1", "k", |_| Err("no".into())).unwrap_err();

        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_left_unfinished_goes_after_a_day() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str, age: Duration| {
            let path = root.path().join(name);
            fs::create_dir(&path).unwrap();
            let then = std::time::SystemTime::now() - age;
            fs::File::open(&path).unwrap().set_modified(then).unwrap();
            path
        };
        let old = folder(".unfinished-a", 2 * ABANDONED);
        let young = folder(".unfinished-b", ABANDONED / 2);
        let other = folder("uml-7.3-1-k", 2 * ABANDONED);

        remove_abandoned(root.path()).unwrap();

        assert!(!old.exists() && young.exists() && other.exists());
    }

    #[test]
    fn keys_of_other_parts_differ() {
        assert_ne!(key(&["ab", "c"]).unwrap(), key(&["a", "bc"]).unwrap());
        assert_eq!(key(&["a"]).unwrap().len(), 12);
    }
}
