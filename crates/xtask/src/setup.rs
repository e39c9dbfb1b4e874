// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask setup`: what the checks need from outside.
//!
//! ```text
//!  ci/packages/FAMILY.txt   packages of the distribution      needs root
//!  ci/rust.json             targets, components, cargo tools  needs rustup
//! ```
//!
//! What is missing is installed where that is allowed; else the command that does it is printed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use crate::workspace::{self, cargo};
use crate::{Result, children, text};

/// A mirror or a registry may be out of reach for a moment.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(5);

/// So much of a failed command's output is shown.
const TAIL: usize = 20;

#[derive(Args)]
pub(crate) struct Options {
    /// Install nothing; print what would be
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<bool> {
    let missing = look()?;
    if missing.is_empty() {
        println!("nothing is missing");
        return Ok(true);
    }
    if options.check {
        for command in missing.commands()? {
            println!("{command}");
        }
        return Ok(false);
    }
    install(&missing)
}

/// Installs what is missing, and tells whether all is there now. What may not be installed is printed
/// as a command.
pub(crate) fn ready() -> Result<bool> {
    match look()? {
        missing if missing.is_empty() => Ok(true),
        missing => install(&missing),
    }
}

/// The same for a chore that needs some packages of the list, and perhaps a target.
pub(crate) fn ready_for(packages: &[&str], targets: &[&str]) -> Result<bool> {
    let mut missing = look()?;
    missing
        .packages
        .retain(|package| packages.contains(&package.name.as_str()));
    missing
        .targets
        .retain(|target| targets.contains(&target.as_str()));
    missing.components.clear();
    missing.tools.clear();
    match missing {
        missing if missing.is_empty() => Ok(true),
        missing => install(&missing),
    }
}

/// A family of distributions, and how its packages are managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Debian,
    Fedora,
}

impl Family {
    /// From the text of `/etc/os-release`.
    fn of(release: &str) -> Option<Self> {
        let value = |key: &str| os_release(release, key).unwrap_or_default();
        let ids = format!("{} {}", value("ID"), value("ID_LIKE"));
        ids.split_whitespace().find_map(|id| match id {
            "debian" | "ubuntu" => Some(Self::Debian),
            "fedora" | "rhel" | "centos" => Some(Self::Fedora),
            _ => None,
        })
    }

    fn list(self) -> &'static str {
        match self {
            Self::Debian => "ci/packages/debian.txt",
            Self::Fedora => "ci/packages/fedora.txt",
        }
    }
}

fn os_release(text: &str, key: &str) -> Option<String> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim_matches('"').to_owned())
}

/// One line of a package list: `NAME`, or `NAME @SUITE` where the release of that suite has one that
/// is too old.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Package {
    name: String,
    suite: Option<String>,
}

/// The packages of a list for the release `codename`.
fn packages(list: &str, codename: &str) -> Vec<Package> {
    let entries = list.lines().filter_map(|line| {
        let entry = line.split('#').next().unwrap_or_default();
        let mut words = entry.split_whitespace();
        let name = words.next()?.to_owned();
        let suite = words
            .filter_map(|word| word.strip_prefix('@'))
            .find(|suite| !codename.is_empty() && suite.starts_with(&format!("{codename}-")))
            .map(str::to_owned);
        Some(Package { name, suite })
    });
    entries.collect()
}

/// A program that `cargo install` builds.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tool {
    name: String,
    version: String,
}

/// What has to be installed.
#[derive(Debug, Default)]
struct Missing {
    family: Option<Family>,
    packages: Vec<Package>,
    targets: Vec<String>,
    components: Vec<String>,
    tools: Vec<Tool>,
}

impl Missing {
    fn is_empty(&self) -> bool {
        self.packages.is_empty()
            && self.targets.is_empty()
            && self.components.is_empty()
            && self.tools.is_empty()
    }

    /// What to call the package manager's `install` with, once for each suite and in this order. What a
    /// package of a suite depends on has to be of that suite too, and `NAME/SUITE` would not allow that.
    fn installs(&self) -> Vec<Vec<&str>> {
        let mut suites: BTreeMap<Option<&str>, Vec<&str>> = BTreeMap::new();
        for Package { name, suite } in &self.packages {
            suites.entry(suite.as_deref()).or_default().push(name);
        }
        suites
            .into_iter()
            .map(|(suite, names)| {
                let option = suite.into_iter().flat_map(|suite| ["-t", suite]);
                option.chain(names).collect()
            })
            .collect()
    }

    /// A source for the suite that a package comes from, if the machine has none yet.
    fn source(&self) -> Result<Option<(PathBuf, String)>> {
        let Some(suite) = self
            .packages
            .iter()
            .find_map(|package| package.suite.as_ref())
        else {
            return Ok(None);
        };
        let format = "$(REPO_URI) $(SUITE) $(CODENAME) $(RELEASE)";
        let targets = output(
            "apt-get",
            &["indextargets", "--format", format, "Created-By: Packages"],
        )?;
        let known = |line: &&str| line.split(' ').any(|word| word == suite);
        if targets.lines().any(|line| known(&line)) {
            return Ok(None);
        }
        let release = suite.split('-').next().unwrap_or_default();
        let same = |line: &&str| line.split(' ').skip(1).any(|word| word == release);
        let mirror = targets
            .lines()
            .find(same)
            .and_then(|line| line.split(' ').next());
        let mirror = mirror.ok_or_else(|| {
            format!("apt knows no mirror of {release}, to fetch {suite} from: run apt-get update")
        })?;
        Ok(Some((
            PathBuf::from(format!("/etc/apt/sources.list.d/{suite}.list")),
            format!("deb {mirror} {suite} main\n"),
        )))
    }

    /// All of it, as lines for a shell.
    fn commands(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        let installs = self.installs();
        match self.family {
            Some(Family::Debian) if !installs.is_empty() => {
                if let Some((file, line)) = self.source()? {
                    lines.push(format!(
                        "echo '{}' | sudo tee {}",
                        line.trim_end(),
                        file.display()
                    ));
                }
                lines.push("sudo apt-get update".to_owned());
                lines.extend(installs.iter().map(|names| {
                    let names = names.join(" ");
                    format!("sudo apt-get install -y --no-install-recommends {names}")
                }));
            }
            Some(Family::Fedora) => {
                lines.extend(installs.iter().map(|names| {
                    let names = names.join(" ");
                    format!("sudo dnf install -y {names}")
                }));
            }
            _ => {}
        }
        if !self.targets.is_empty() {
            lines.push(format!("rustup target add {}", self.targets.join(" ")));
        }
        if !self.components.is_empty() {
            lines.push(format!(
                "rustup component add {}",
                self.components.join(" ")
            ));
        }
        for Tool { name, version } in &self.tools {
            lines.push(format!("cargo install --locked {name}@{version}"));
        }
        Ok(lines)
    }
}

fn look() -> Result<Missing> {
    let root = workspace::root();
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let family = Family::of(&release);
    let mut missing = Missing {
        family,
        ..Missing::default()
    };
    match family {
        Some(family) => {
            let list = read(&root.join(family.list()))?;
            let codename = os_release(&release, "VERSION_CODENAME").unwrap_or_default();
            missing.packages = packages(&list, &codename);
            missing
                .packages
                .retain(|package| !installed(family, package));
        }
        None => println!("this distribution has no list in ci/packages: what it lacks is skipped"),
    }

    let rust: Value = serde_json::from_str(&read(&root.join("ci/rust.json"))?)
        .map_err(|error| format!("ci/rust.json: {error}"))?;
    let strings = |key: &str| -> Result<Vec<String>> {
        let list = rust[key].as_array();
        let list = list.ok_or_else(|| format!("ci/rust.json: `{key}` must be a list"))?;
        Ok(list
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect())
    };
    missing.targets = strings("targets")?;
    missing.targets.retain(|target| !has_std(target));
    missing.components = strings("components")?;
    // Without rustup there is no list; what the distribution's Rust lacks shows in the steps.
    let have = output("rustup", &["component", "list", "--installed"]).unwrap_or_default();
    let component = |name: &String| have.lines().any(|line| line.starts_with(name.as_str()));
    missing
        .components
        .retain(|name| !have.is_empty() && !component(name));
    for tool in rust["tools"].as_array().into_iter().flatten() {
        let text = |key: &str| tool[key].as_str().unwrap_or_default().to_owned();
        let tool = Tool {
            name: text("name"),
            version: text("version"),
        };
        if tool_version(&tool.name).is_none_or(|have| have < version(&tool.version)) {
            missing.tools.push(tool);
        }
    }
    Ok(missing)
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()).into())
}

fn installed(family: Family, package: &Package) -> bool {
    let name = &package.name;
    match family {
        Family::Debian => {
            let format = "${db:Status-Status} ${Version}\n";
            let said = output("dpkg-query", &["--show", "--showformat", format, name]);
            said.is_ok_and(|said| {
                // A package of another release's suite carries the mark of its backport.
                said.lines().any(|line| {
                    line.starts_with("installed ")
                        && (package.suite.is_none() || line.contains("~bpo"))
                })
            })
        }
        Family::Fedora => output("rpm", &["--query", name]).is_ok(),
    }
}

fn has_std(target: &str) -> bool {
    let said = output("rustc", &["--print", "target-libdir", "--target", target]);
    said.is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

/// The version of an installed cargo subcommand.
fn tool_version(name: &str) -> Option<(u64, u64, u64)> {
    let subcommand = name.strip_prefix("cargo-")?;
    let said = output("cargo", &[subcommand, "--version"]).ok()?;
    Some(version(said.split_whitespace().last()?))
}

/// `1.2.3` as numbers.
fn version(text: &str) -> (u64, u64, u64) {
    let mut parts = text
        .split(['.', '-', '+'])
        .map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next())
}

/// What a command says, if it ends well.
fn output(program: &str, args: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(args)
        .current_dir(workspace::root())
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{program}: {}", output.status).into()),
    }
}

fn install(missing: &Missing) -> Result<bool> {
    let mut complete = true;
    if !missing.packages.is_empty() {
        if rustix::process::geteuid().is_root() {
            install_packages(missing)?;
        } else {
            complete = false;
            println!("only root may install packages; this is what is missing:");
            let only_packages = Missing {
                family: missing.family,
                packages: missing.packages.clone(),
                ..Missing::default()
            };
            for command in only_packages.commands()? {
                println!("    {command}");
            }
        }
    }
    for (what, names) in [
        ("target", &missing.targets),
        ("component", &missing.components),
    ] {
        if !names.is_empty() {
            let mut command = Command::new("rustup");
            command.args([what, "add"]).args(names);
            step(
                &format!("rustup {what} add {}", names.join(" ")),
                &mut command,
            )?;
        }
    }
    for Tool { name, version } in &missing.tools {
        let mut command = cargo(&["install", "--locked", "--version", version, name]);
        // They are used once or twice: what counts is how soon they are built.
        command
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "false")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CARGO_BUILD_TARGET");
        step(&format!("cargo install {name}@{version}"), &mut command)?;
    }
    Ok(complete)
}

fn install_packages(missing: &Missing) -> Result<()> {
    let installs = missing.installs();
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"])
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    match missing.family {
        Some(Family::Debian) => {
            let source = match missing.source() {
                Ok(source) => source,
                // A fresh container has sources, and no lists of what they offer.
                Err(_) => {
                    step("apt-get update", &mut apt(&["update"]))?;
                    missing.source()?
                }
            };
            if let Some((file, line)) = source {
                println!("setup: writing {}: {}", file.display(), line.trim_end());
                fs::write(&file, line)
                    .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
            }
            step("apt-get update", &mut apt(&["update"]))?;
            for names in installs {
                let mut install = apt(&["install", "-y", "--no-install-recommends"]);
                step(
                    &format!("apt-get install {}", names.join(" ")),
                    install.args(&names),
                )?;
            }
        }
        Some(Family::Fedora) => {
            for names in installs {
                let mut install = Command::new("dnf");
                install.args(["install", "-y"]).args(&names);
                step(&format!("dnf install {}", names.join(" ")), &mut install)?;
            }
        }
        None => {}
    }
    Ok(())
}

/// Runs a command, some times over if it fails, and prints how long it took.
fn step(what: &str, command: &mut Command) -> Result<()> {
    let folder = workspace::root().join("target/ci");
    let log = folder.join("00-setup.log");
    fs::create_dir_all(&folder)?;
    let start = Instant::now();
    for attempt in 1.. {
        let output = File::create(&log)
            .map_err(|error| format!("cannot write {}: {error}", log.display()))?;
        let status = command
            .current_dir(workspace::root())
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output)
            .status()
            .map_err(|error| format!("{what}: cannot start it: {error}"))?;
        children::rest_if_interrupted();
        if status.success() {
            break;
        }
        if attempt == TRIES {
            let said = fs::read(&log)?;
            let said = String::from_utf8_lossy(&said);
            let lines: Vec<_> = said.lines().collect();
            for line in &lines[lines.len().saturating_sub(TAIL)..] {
                println!("    | {line}");
            }
            return Err(format!("{what}: {status}, {TRIES} times").into());
        }
        std::thread::sleep(PAUSE);
    }
    println!("setup: {what}: {}", text::time(start.elapsed()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_known_by_its_name_or_by_what_it_is_like() {
        assert_eq!(Family::of("NAME=x\nID=debian\n"), Some(Family::Debian));
        assert_eq!(
            Family::of("ID=mint\nID_LIKE=\"ubuntu debian\"\n"),
            Some(Family::Debian)
        );
        assert_eq!(
            Family::of("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"),
            Some(Family::Fedora)
        );
        assert_eq!(Family::of("ID=nixos\n"), None);
    }

    #[test]
    fn a_suite_counts_only_for_its_own_release() {
        let list = "# why\nqemu-user-static @bookworm-backports # too old\n\ngcc\n";
        let on = |codename| -> Vec<String> {
            let missing = Missing {
                packages: packages(list, codename),
                ..Missing::default()
            };
            let installs = missing.installs();
            installs.iter().map(|names| names.join(" ")).collect()
        };

        assert_eq!(
            on("bookworm"),
            ["gcc", "-t bookworm-backports qemu-user-static"]
        );
        assert_eq!(on("trixie"), ["qemu-user-static gcc"]);
        assert_eq!(on(""), ["qemu-user-static gcc"]);
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(version("0.10.2") > version("0.9.11"));
        assert!(version("1.0.0-rc.1") == version("1.0.0"));
        assert!(version("0.6") < version("0.6.1"));
    }

    #[test]
    fn what_is_missing_becomes_commands() {
        let missing = Missing {
            family: Some(Family::Fedora),
            packages: packages("gcc\nmake\n", ""),
            targets: vec!["a".to_owned()],
            components: vec!["b".to_owned()],
            tools: vec![Tool {
                name: "cargo-c".to_owned(),
                version: "1.2.3".to_owned(),
            }],
        };

        assert_eq!(
            missing.commands().unwrap(),
            [
                "sudo dnf install -y gcc make",
                "rustup target add a",
                "rustup component add b",
                "cargo install --locked cargo-c@1.2.3",
            ]
        );
    }

    #[test]
    fn the_lists_of_this_workspace_can_be_read() {
        let root = workspace::root();
        for family in [Family::Debian, Family::Fedora] {
            let list = read(&root.join(family.list())).unwrap();
            assert!(
                packages(&list, "")
                    .iter()
                    .any(|package| package.name == "gcc")
            );
        }
        look().unwrap();
    }
}
