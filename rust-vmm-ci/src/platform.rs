// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Which platforms this machine can build and run for, and with which environment.
//!
//! A command of another platform than the machine's own is the same command; cargo learns from its
//! environment what to build for, how to link it, and which emulator runs it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is known about a platform.
struct Platform {
    name: &'static str,
    /// Rust's name of its usual target.
    target: &'static str,
    musl: Option<&'static str>,
    /// GNU's name of it, as in `aarch64-linux-gnu-gcc`.
    gnu: &'static str,
    /// The dynamic linker, as programs for it name it.
    loader: &'static str,
}

const KNOWN: &[Platform] = &[
    Platform {
        name: "x86_64",
        target: "x86_64-unknown-linux-gnu",
        musl: Some("x86_64-unknown-linux-musl"),
        gnu: "x86_64-linux-gnu",
        loader: "/lib64/ld-linux-x86-64.so.2",
    },
    Platform {
        name: "aarch64",
        target: "aarch64-unknown-linux-gnu",
        musl: Some("aarch64-unknown-linux-musl"),
        gnu: "aarch64-linux-gnu",
        loader: "/lib/ld-linux-aarch64.so.1",
    },
    Platform {
        name: "riscv64",
        target: "riscv64gc-unknown-linux-gnu",
        musl: Some("riscv64gc-unknown-linux-musl"),
        gnu: "riscv64-linux-gnu",
        loader: "/lib/ld-linux-riscv64-lp64d.so.1",
    },
];

/// How the commands of a platform run here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Way {
    pub emulated: bool,
    pub environment: Vec<(String, OsString)>,
}

/// This machine.
pub(crate) struct Machine {
    arch: &'static str,
    root: PathBuf,
    path: OsString,
    set: fn(&str) -> Option<OsString>,
    ways: HashMap<String, Result<Way, String>>,
}

impl Machine {
    /// The machine as it is, for commands that run in `root`.
    pub(crate) fn here(root: &Path) -> Self {
        Self {
            arch: std::env::consts::ARCH,
            root: root.to_owned(),
            path: std::env::var_os("PATH").unwrap_or_default(),
            set: |name| std::env::var_os(name),
            ways: HashMap::new(),
        }
    }

    /// How to run commands of `platform`, or why they cannot be run.
    pub(crate) fn way(&mut self, platform: Option<&str>) -> Result<Way, String> {
        let Some(name) = platform.filter(|&name| name != self.arch) else {
            return Ok(Way::default());
        };
        if !self.ways.contains_key(name) {
            let way = self.cross(name);
            self.ways.insert(name.to_owned(), way);
        }
        self.ways[name].clone()
    }

    fn cross(&self, name: &str) -> Result<Way, String> {
        let Some(platform) = KNOWN.iter().find(|platform| platform.name == name) else {
            return Err(format!("this machine is {}, not {name}", self.arch));
        };
        let Platform { target, gnu, .. } = platform;
        let mut missing = Vec::new();
        let linker = format!("{gnu}-gcc");
        let linker_variable = variable(target, "LINKER");
        if (self.set)(&linker_variable).is_none() && self.find(&linker).is_none() {
            missing.push(format!("the linker {linker}"));
        }
        let emulators = [format!("qemu-{name}-static"), format!("qemu-{name}")];
        let emulator = emulators
            .iter()
            .find(|program| self.find(program).is_some());
        let runner_variable = variable(target, "RUNNER");
        if (self.set)(&runner_variable).is_none() && emulator.is_none() {
            missing.push(format!("the emulator {}", emulators[0]));
        }
        if !self.has_std(target) {
            missing.push(format!("Rust's {target} (rustup target add {target})"));
        }
        if !missing.is_empty() {
            return Err(format!("missing here: {}", missing.join(", ")));
        }

        let mut runner = emulator.cloned().unwrap_or_default();
        let libraries = format!("/usr/{gnu}");
        if !Path::new(platform.loader).exists() && Path::new(&libraries).is_dir() {
            runner += &format!(" -L {libraries}");
        }
        let mut environment = vec![("CARGO_BUILD_TARGET".to_owned(), target.into())];
        for target in [Some(*target), platform.musl].into_iter().flatten() {
            environment.push((variable(target, "LINKER"), linker.clone().into()));
            environment.push((variable(target, "RUNNER"), runner.clone().into()));
        }
        // A translated instruction costs more than the compiler takes to save it.
        environment.push(("CARGO_PROFILE_DEV_OPT_LEVEL".to_owned(), "1".into()));
        // What is built here for another machine shows that it can be; nobody ships it.
        for (setting, value) in [("LTO", "off"), ("CODEGEN_UNITS", "16")] {
            environment.push((format!("CARGO_PROFILE_RELEASE_{setting}"), value.into()));
        }
        let under = target.replace('-', "_");
        environment.push((format!("CC_{under}"), linker.into()));
        environment.push((format!("PKG_CONFIG_ALLOW_CROSS_{under}"), "1".into()));
        environment.push((
            format!("PKG_CONFIG_LIBDIR_{under}"),
            format!("/usr/lib/{gnu}/pkgconfig:/usr/share/pkgconfig").into(),
        ));
        // Whoever set one of them knows better.
        environment.retain(|(name, _)| (self.set)(name).is_none() || name == "CARGO_BUILD_TARGET");
        Ok(Way {
            emulated: true,
            environment,
        })
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        std::env::split_paths(&self.path)
            .map(|folder| folder.join(program))
            .find(|file| file.is_file())
    }

    fn has_std(&self, target: &str) -> bool {
        let output = Command::new("rustc")
            .args(["--print", "target-libdir", "--target", target])
            .env("PATH", &self.path)
            .current_dir(&self.root)
            .stderr(Stdio::null())
            .output();
        output.is_ok_and(|output| {
            let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            output.status.success() && Path::new(&folder).is_dir()
        })
    }
}

/// `CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER`.
fn variable(target: &str, what: &str) -> String {
    let target = target.replace('-', "_").to_ascii_uppercase();
    format!("CARGO_TARGET_{target}_{what}")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// An x86_64 machine with only these programs.
    fn machine(folder: &Path, programs: &[(&str, &str)]) -> Machine {
        for (name, script) in programs {
            let file = folder.join(name);
            fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Machine {
            arch: "x86_64",
            root: folder.to_owned(),
            path: folder.as_os_str().to_owned(),
            set: |_| None,
            ways: HashMap::new(),
        }
    }

    #[test]
    fn the_own_platform_and_none_need_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut machine = machine(folder.path(), &[]);

        assert_eq!(machine.way(Some("x86_64")), Ok(Way::default()));
        assert_eq!(machine.way(None), Ok(Way::default()));
    }

    #[test]
    fn a_bare_machine_says_all_that_is_missing_for_aarch64() {
        let folder = tempfile::tempdir().unwrap();
        let mut machine = machine(folder.path(), &[]);

        let reason = machine.way(Some("aarch64")).unwrap_err();

        assert_eq!(
            reason,
            "missing here: the linker aarch64-linux-gnu-gcc, the emulator qemu-aarch64-static, \
             Rust's aarch64-unknown-linux-gnu (rustup target add aarch64-unknown-linux-gnu)"
        );
    }

    #[test]
    fn a_machine_with_the_tools_runs_aarch64_under_the_emulator() {
        let folder = tempfile::tempdir().unwrap();
        let tools = [
            ("aarch64-linux-gnu-gcc", ""),
            ("qemu-aarch64", ""),
            ("rustc", "echo /"),
        ];
        let mut machine = machine(folder.path(), &tools);

        let way = machine.way(Some("aarch64")).unwrap();

        assert!(way.emulated);
        let environment: HashMap<_, _> = way.environment.into_iter().collect();
        assert_eq!(
            environment["CARGO_BUILD_TARGET"],
            "aarch64-unknown-linux-gnu"
        );
        assert_eq!(
            environment["CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER"],
            "aarch64-linux-gnu-gcc"
        );
        let runner = &environment["CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER"];
        assert!(runner.to_string_lossy().starts_with("qemu-aarch64"));
    }

    #[test]
    fn a_platform_that_no_one_knows_cannot_be_run() {
        let folder = tempfile::tempdir().unwrap();
        let mut machine = machine(folder.path(), &[]);

        let reason = machine.way(Some("s390x")).unwrap_err();

        assert_eq!(reason, "this machine is x86_64, not s390x");
    }
}
