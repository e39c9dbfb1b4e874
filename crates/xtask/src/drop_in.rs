// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask drop-in`: the newest published kvm-ioctls, with the kvm-bindings that it names and
//! with ours. Its own tests must have the same results, one by one.
//!
//! Not all need to pass: what a test says depends on the host's KVM. Without KVM, those that use it
//! fail on both sides, and only the others say something.
//!
//! Before that, each public name and field of the published kvm-bindings is looked for in ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::bindings::table::KVM;
use crate::workspace::{self, cargo};
use crate::{Result, surface};

const CRATE: &str = "kvm-ioctls";
const OURS: &str = KVM.name;

/// Results of tests by their names.
type Results = BTreeMap<String, String>;

pub(crate) fn run() -> Result<bool> {
    let folder = workspace::root().join("target/drop-in");
    let [(source, version), (published, old_version)] = newest(&folder.join("newest"))?;
    println!("{CRATE} {version}, which uses {OURS} {old_version}");
    let before = copy(&source, &folder.join("before"), None)?;
    let ours = workspace::root().join("crates").join(OURS);
    let after = copy(&source, &folder.join("after"), Some(&ours))?;

    let mut right = names_are_kept(&published, &ours)?;
    for target in KVM.architectures.iter().map(|one| one.rust) {
        if !installed(target) {
            println!(
                "{target}: skipped, Rust's standard library for it is missing (rustup target add {target})"
            );
            continue;
        }
        let compiled = own(&after, &["check", "--quiet", "--tests", "--target", target])
            .status()?
            .success();
        println!(
            "{target}: {}",
            if compiled {
                "compiles"
            } else {
                "does NOT compile"
            }
        );
        right &= compiled;
    }
    let kvm = OpenOptions::new().read(true).write(true).open("/dev/kvm");
    let (old, new) = (tests(&before)?, tests(&after)?);
    for results in [&old, &new] {
        if results.is_empty() {
            return Err(format!("the tests of {CRATE} did not run: see above").into());
        }
    }
    println!("as published: {}", summary(&old));
    println!("with ours:    {}", summary(&new));
    let differences = differences(&old, &new);
    for difference in &differences {
        println!("{difference}");
    }
    println!("{} tests, {} differ", old.len(), differences.len());
    if let Err(error) = kvm {
        println!(
            "skipped: the {} tests that fail on both sides, for /dev/kvm cannot be opened: {error}",
            failing(&old, &new)
        );
    }
    Ok(right && differences.is_empty())
}

/// Each name that users have of the published crate, they have of ours.
fn names_are_kept(published: &Path, ours: &Path) -> Result<bool> {
    let mut kept = true;
    for architecture in KVM.architectures.iter().map(|one| one.module) {
        let old = surface::of(&published.join("src").join(architecture))?;
        if old.len() < 1000 {
            return Err(format!("{architecture}: {} public names are too few", old.len()).into());
        }
        let mut new = surface::of(&ours.join("src").join(architecture))?;
        // What all architectures have.
        new.extend(surface::of(&ours.join("src"))?);
        let lost = surface::lost(&old, &new);
        for name in &lost {
            println!("{architecture}: {name}");
        }
        println!(
            "{architecture}: {} public names and fields, {} lost or changed",
            old.len(),
            lost.len()
        );
        kept &= lost.is_empty();
    }
    Ok(kept)
}

/// Where cargo keeps the sources of the newest version and of the bindings that it names, with their
/// versions. It downloads them if need be.
fn newest(folder: &Path) -> Result<[(PathBuf, String); 2]> {
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    fs::write(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"newest\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
             [dependencies]\n{CRATE} = \"*\"\n[workspace]\n"
        ),
    )?;
    // Offline, what was newest the last time has to do.
    if !own(folder, &["update", "--quiet"]).status()?.success() {
        println!("the registry does not answer: using what is here");
    }
    let output = own(folder, &["metadata", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("cannot get {CRATE} from the registry").into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let find = |name: &str| -> Result<(PathBuf, String)> {
        let mut packages = metadata["packages"].as_array().into_iter().flatten();
        let package = packages
            .find(|package| package["name"] == name)
            .ok_or_else(|| format!("cargo metadata does not list {name}"))?;
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let folder = Path::new(manifest)
            .parent()
            .ok_or("a manifest without a folder")?;
        let version = package["version"].as_str().unwrap_or_default();
        Ok((folder.to_owned(), version.to_owned()))
    };
    Ok([find(CRATE)?, find(OURS)?])
}

/// A workspace of its own with the sources, and our crate in place of the published one.
fn copy(from: &Path, to: &Path, ours: Option<&Path>) -> Result<PathBuf> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    tree(from, to)?;
    let manifest = to.join("Cargo.toml");
    let mut text = fs::read_to_string(&manifest)? + "\n[workspace]\n";
    if let Some(ours) = ours {
        text += &format!(
            "[patch.crates-io]\n{OURS} = {{ path = \"{}\" }}\n",
            ours.display()
        );
    }
    fs::write(&manifest, text)?;
    if ours.is_some() {
        if !own(to, &["update", "--quiet", OURS]).status()?.success() {
            return Err(format!("cargo cannot put our {OURS} under {CRATE}").into());
        }
        let lock = fs::read_to_string(to.join("Cargo.lock"))?;
        if !is_patched(&lock) {
            return Err(format!(
                "{CRATE} still uses the published {OURS}: our version must be compatible with \
                 the one that it asks for"
            )
            .into());
        }
    }
    Ok(to.to_owned())
}

/// A package from a path has no source in the lock file.
fn is_patched(lock: &str) -> bool {
    let mut packages = lock.split("[[package]]").skip(1);
    packages.any(|package| {
        package.contains(&format!("name = \"{OURS}\"")) && !package.contains("source = ")
    }) && !lock.contains("[[patch.unused]]")
}

fn tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            tree(&entry.path(), &to)?;
        } else {
            fs::write(to, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

/// Cargo in another workspace, which shares nothing with this one.
fn own(folder: &Path, args: &[&str]) -> Command {
    let mut command = cargo(args);
    command.current_dir(folder);
    command.env("CARGO_TARGET_DIR", folder.join("target"));
    command
        .env_remove("CARGO_BUILD_TARGET")
        .env_remove("RUSTFLAGS");
    command
}

fn installed(target: &str) -> bool {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(workspace::root())
        .output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists())
}

fn tests(folder: &Path) -> Result<Results> {
    let output = own(folder, &["test", "--no-fail-fast"]).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let results = results(&text);
    if results.is_empty() {
        eprintln!("{text}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(results)
}

/// The lines `test NAME ... RESULT`.
fn results(text: &str) -> Results {
    text.lines()
        .filter_map(|line| line.strip_prefix("test ")?.rsplit_once(" ... "))
        .map(|(name, result)| {
            let result = result.split(',').next().unwrap_or_default();
            (name.to_owned(), result.trim().to_owned())
        })
        .collect()
}

fn summary(results: &Results) -> String {
    let count = |wanted: &str| results.values().filter(|result| *result == wanted).count();
    format!(
        "{} passed, {} did not, {} ignored",
        count("ok"),
        results.len() - count("ok") - count("ignored"),
        count("ignored")
    )
}

fn failing(old: &Results, new: &Results) -> usize {
    let fails = |results: &Results, name| results.get(name).is_some_and(|one| one == "FAILED");
    let names = old
        .keys()
        .filter(|name| fails(old, *name) && fails(new, *name));
    names.count()
}

fn differences(old: &Results, new: &Results) -> Vec<String> {
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let show = |result: Option<&String>| result.map_or("not run", String::as_str).to_owned();
    names
        .into_iter()
        .filter(|&name| old.get(name) != new.get(name))
        .map(|name| {
            let (old, new) = (show(old.get(name)), show(new.get(name)));
            format!("{name}: {old} as published, {new} with ours")
        })
        .collect()
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn results_are_compared_by_name() {
        let old =
            results("running 2 tests\ntest a ... ok\ntest b ... FAILED\ntest c ... ignored, why\n");
        let new = results("test a ... ok\ntest b ... ok\n");

        assert_eq!(summary(&old), "1 passed, 1 did not, 1 ignored");
        assert_eq!([failing(&old, &old), failing(&old, &new)], [1, 0]);
        assert_eq!(differences(&old, &old), [""; 0]);
        assert_eq!(
            differences(&old, &new),
            [
                "b: FAILED as published, ok with ours",
                "c: ignored as published, not run with ours"
            ]
        );
    }

    #[test]
    fn an_unused_patch_is_found_in_the_lock_file() {
        let path = "[[package]]\nname = \"kvm-bindings\"\nversion = \"0.14.3\"\n";
        let registry = format!("{path}source = \"registry\"\n");

        assert!(is_patched(path));
        assert!(!is_patched(&registry));
        assert!(!is_patched(&format!("{registry}[[patch.unused]]\n{path}")));
    }
}
