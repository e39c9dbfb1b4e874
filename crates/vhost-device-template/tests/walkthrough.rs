// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Does what the README tells a newcomer to do, by the README's own commands.
//!
//! They run in a workspace of their own: copies of the files in the root and of the template, and
//! links to everything else, below the target folder. What was built there is kept, so that only the
//! first time takes long.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;
use rustix::process::{Pid, Signal};

const README: &str = include_str!("../README.md");

/// The name that the README chose.
const COPY: &str = "vhost-device-shout";

/// The first time all dependencies are built, perhaps on a slow and busy machine.
const TIMEOUT: Duration = Duration::from_secs(9 * 60);

/// The commands between "```sh LABEL" and "```".
fn commands(label: &str) -> &'static str {
    let start = format!("\n```sh {label}\n");
    let (_, rest) = README.split_once(&start).unwrap();
    let (commands, _) = rest.split_once("\n```").unwrap();
    commands
}

/// Asks again and again, at most until `end`.
fn until<T>(end: Instant, mut done: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        let result = done();
        if result.is_some() || Instant::now() >= end {
            return result;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Makes a workspace like the real one at `copy`.
fn mirror(root: &Path, copy: &Path) {
    if copy.exists() {
        // Links are removed, not followed.
        fs::remove_dir_all(copy).unwrap();
    }
    fs::create_dir_all(copy.join("crates")).unwrap();
    for entry in fs::read_dir(root).unwrap().map(Result::unwrap) {
        let to = copy.join(entry.file_name());
        match entry.file_name().to_str().unwrap() {
            "crates" | "target" | ".git" => {}
            _ if entry.file_type().unwrap().is_file() => drop(fs::copy(entry.path(), to).unwrap()),
            _ => symlink(entry.path(), to).unwrap(),
        }
    }
    for entry in fs::read_dir(root.join("crates"))
        .unwrap()
        .map(Result::unwrap)
    {
        // `cp -r` would copy a link as a link.
        if entry.file_name() != "vhost-device-template" {
            symlink(entry.path(), copy.join("crates").join(entry.file_name())).unwrap();
        }
    }
    let template = copy.join("crates/vhost-device-template");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["", "src", "tests"] {
        fs::create_dir_all(template.join(folder)).unwrap();
        for entry in fs::read_dir(sources.join(folder))
            .unwrap()
            .map(Result::unwrap)
        {
            if entry.file_type().unwrap().is_file() {
                let to = template.join(folder).join(entry.file_name());
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
}

/// Runs `script` in `folder` and returns what it printed.
fn run(script: &str, folder: &Path, target: &Path, end: Instant) -> String {
    let log = folder.join("log");
    let output = File::create(&log).unwrap();
    let mut shell = Command::new("sh")
        .args(["-euxc", script])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_NET_OFFLINE", "true")
        // Nobody debugs what is built here. It takes half the space without.
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        // It runs for a moment only, emulated or not.
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "0")
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        // So that all of it can be ended.
        .process_group(0)
        .spawn()
        .unwrap();
    let status = until(end, || shell.try_wait().unwrap());
    if status.is_none() {
        let _ = rustix::process::kill_process_group(Pid::from_child(&shell), Signal::KILL);
        let _ = shell.wait();
    }
    let output = fs::read_to_string(&log).unwrap();
    let Some(status) = status else {
        panic!("still running after {TIMEOUT:?}:\n{output}");
    };
    assert!(status.success(), "{status}:\n{output}");
    output
}

#[test]
fn the_commands_of_the_readme_make_a_device_of_another_name() {
    let end = Instant::now() + TIMEOUT;
    let variant = virtio_device::memory::VARIANT;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().unwrap();
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("walkthrough");
    // Both variants' programs stand on the same crates of others.
    let target = scratch.join("target");
    let scratch = scratch.join(variant);
    let workspace = scratch.join("workspace");
    fs::create_dir_all(&scratch).unwrap();
    let lock = File::create(scratch.join("lock")).unwrap();
    let try_lock = || rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).ok();
    until(end, try_lock).expect("another run of this test takes too long");
    mirror(&root, &workspace);

    run(commands("copy"), &workspace, &target, end);
    let output = run(commands(variant), &workspace, &target, end);

    let last = output.lines().last().unwrap();
    assert_eq!(last, format!("{COPY} {}", env!("CARGO_PKG_VERSION")));
    let tests = output.matches("test result: ok").count();
    assert!(tests >= 3, "{tests} test programs ran:\n{output}");
    for folder in ["", "src", "tests"] {
        let folder = workspace.join("crates").join(COPY).join(folder);
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                let text = fs::read_to_string(entry.path()).unwrap().to_lowercase();
                assert!(!text.contains("template"), "{:?}", entry.path());
            }
        }
    }
}
