// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Debian's packages without installing them: the host's package lists and its release do not matter.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, children};

/// Where Debian's archives are, each in a folder.
pub(crate) const MIRROR: &str = "http://deb.debian.org/";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Package lists of their own, in a folder.
#[derive(Debug)]
pub(crate) struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// The lists of `suites`, as they are now.
    pub(crate) fn new(folder: &Path, suites: &[&str]) -> Result<Self> {
        Self::with(folder, suites, "")
    }

    /// The lists of a suite with its security updates, for amd64 whatever the host is.
    pub(crate) fn amd64(folder: &Path, suite: &str) -> Result<Self> {
        let machine = "APT::Architecture \"amd64\";\nAPT::Architectures \"amd64\";\n";
        Self::with(folder, &[suite, &format!("{suite}-security")], machine)
    }

    fn with(folder: &Path, suites: &[&str], settings: &str) -> Result<Self> {
        if !Path::new(KEYRING).exists() {
            return Err(format!(
                "{KEYRING} is missing: Debian's packages are needed, on Debian or with the package \
                 debian-archive-keyring"
            )
            .into());
        }
        fs::create_dir_all(folder.join("lists/partial"))?;
        fs::create_dir_all(folder.join("cache/archives/partial"))?;
        let sources = suites.iter().map(|suite| source(suite));
        fs::write(folder.join("sources.list"), sources.collect::<String>())?;
        let at = folder.display();
        fs::write(
            folder.join("apt.conf"),
            format!(
                "Dir::State::lists \"{at}/lists\";\nDir::Cache \"{at}/cache\";\n\
                 Dir::Etc::sourcelist \"{at}/sources.list\";\nDir::Etc::sourceparts \"-\";\n\
                 Dir::State::status \"/dev/null\";\nAPT::Sandbox::User \"root\";\n\
                 APT::Install-Recommends \"false\";\nDebug::NoLocking \"true\";\n\
                 Acquire::Retries \"3\";\n{settings}"
            ),
        )?;
        let apt = Self {
            folder: folder.to_owned(),
        };
        apt.call("apt-get", &["update"])?;
        Ok(apt)
    }

    fn call(&self, program: &str, args: &[&str]) -> Result<String> {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.folder);
        call(command.env("APT_CONFIG", self.folder.join("apt.conf")))
    }

    /// One package, without what it depends on.
    pub(crate) fn download(&self, package: &str) -> Result<PathBuf> {
        self.call("apt-get", &["download", package])?;
        let start = format!("{package}_");
        archives(&self.folder)?
            .into_iter()
            .find(|path| name(path).starts_with(&start))
            .ok_or_else(|| format!("apt-get downloaded no {package}").into())
    }

    /// Where a package is, and its sha256.
    pub(crate) fn address(&self, package: &str) -> Result<(String, String)> {
        // 'http://...' FILE SIZE SHA256:HASH
        let said = self.call("apt-get", &["download", "--print-uris", package])?;
        let address = said.split('\'').nth(1).unwrap_or_default();
        let hash = said.trim().rsplit_once("SHA256:").unwrap_or_default().1;
        if address.is_empty() || hash.len() != 64 {
            return Err(format!("apt-get says of {package}: {said}").into());
        }
        Ok((address.to_owned(), hash.to_owned()))
    }

    /// The first package that this one depends on.
    pub(crate) fn dependency(&self, package: &str) -> Result<String> {
        let said = self.call("apt-cache", &["depends", package])?;
        said.lines()
            .find_map(|line| line.trim().strip_prefix("Depends: "))
            .map(str::to_owned)
            .ok_or_else(|| format!("{package} depends on nothing").into())
    }

    /// Packages with all that they depend on.
    pub(crate) fn closure(&self, packages: &[&str]) -> Result<Vec<PathBuf>> {
        let mut args = vec!["install", "-y", "--download-only"];
        args.extend(packages);
        self.call("apt-get", &args)?;
        archives(&self.folder.join("cache/archives"))
    }
}

fn source(suite: &str) -> String {
    let archive = match suite.ends_with("-security") {
        true => "debian-security",
        false => "debian",
    };
    format!("deb [signed-by={KEYRING}] {MIRROR}{archive} {suite} main\n")
}

fn archives(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<_> = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "deb"))
        .collect();
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A field of a package's description.
pub(crate) fn field(archive: &Path, field: &str) -> Result<String> {
    let said = call(Command::new("dpkg-deb").arg("-f").arg(archive).arg(field))?;
    Ok(said.trim().to_owned())
}

/// The files of a package.
pub(crate) fn unpack(archive: &Path, to: &Path) -> Result<()> {
    call(Command::new("dpkg-deb").arg("-x").args([archive, to])).map(drop)
}

/// What the command prints, if it succeeds.
pub(crate) fn call(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .map_err(|error| format!("cannot run {:?}: {error}", command.get_program()))?;
    children::rest_if_interrupted();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{:?}: {}\n{errors}", command.get_program(), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
