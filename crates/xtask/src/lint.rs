// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! `cargo xtask lint`: the rules that keep one crate's choice from becoming every crate's problem.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::workspace::{BOTH, Memory};
use crate::{Result, devices, workspace};

const SPDX: &str = "// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause";

/// The only crate whose code may ask for the memory variant.
const VARIANT_HOME: &str = "guest-memory";

/// Where devices live whose specification still moves.
const STAGING: &str = "crates/staging";

/// What a README there links to, each in a line of its own.
const ADMISSION: &[(&str, &str)] = &[
    ("Specification:", "the public proposal of its specification"),
    ("Driver:", "a public driver"),
];

/// A rule that is broken, and what to do.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    file: PathBuf,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

/// A member of the workspace.
#[derive(Clone)]
struct Member {
    name: String,
    folder: PathBuf,
    features: BTreeMap<String, Vec<String>>,
    /// Dependencies that everyone who uses the crate gets, by name.
    dependencies: BTreeSet<String>,
    /// Dependencies that come with a feature.
    optional: BTreeSet<String>,
}

pub(crate) fn run() -> Result<bool> {
    let metadata = workspace::metadata_of_all()?;
    let (members, others) = packages(&metadata)?;
    let mut findings = Vec::new();
    let root = workspace::root();
    let mut files = Vec::new();
    source_files(root, &mut files)?;
    let home = members
        .iter()
        .find(|member| member.name == VARIANT_HOME)
        .map(|member| member.folder.as_path());
    for file in &files {
        let text = fs::read_to_string(file)?;
        let in_home = home.is_some_and(|home| file.starts_with(home));
        source(file, &text, in_home, &mut findings);
    }
    for member in &members {
        let manifest = member.folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest)?;
        dependencies(&manifest, &text, &mut findings);
        forwards(member, &members, &others, &manifest, &text, &mut findings);
        if is_device(&member.name) {
            safety(member, &mut findings)?;
            listed(member, &manifest, &mut findings);
        }
    }
    staging(&root.join(STAGING), &mut findings)?;
    let manifest = root.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    git(&manifest, &text, &mut findings);
    let mut manifests = Vec::new();
    files_of(root, &|name| name == "Cargo.toml", &mut manifests)?;
    left_out(&manifest, &text, &manifests, &members, &mut findings);
    let readme = root.join("README.md");
    in_readme(
        &readme,
        &fs::read_to_string(&readme)?,
        &members,
        &mut findings,
    );

    for finding in &mut findings {
        if let Ok(relative) = finding.file.strip_prefix(root) {
            finding.file = relative.to_owned();
        }
        println!("{finding}");
    }
    let broken = findings.len();
    println!(
        "{} files, {} crates: {broken} findings",
        files.len(),
        members.len()
    );
    Ok(broken == 0)
}

fn is_device(name: &str) -> bool {
    name.starts_with("vhost-device-")
}

/// The members of the workspace, and what they are built with.
fn packages(metadata: &Value) -> Result<(Vec<Member>, Vec<Member>)> {
    let strings = |value: &Value| -> Vec<String> {
        let list = value.as_array().into_iter().flatten();
        list.filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    };
    let packages = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata lists no packages")?;
    let ours = strings(&metadata["workspace_members"]);
    let (mut members, mut others) = (Vec::new(), Vec::new());
    for package in packages {
        let manifest = package["manifest_path"]
            .as_str()
            .ok_or("a package without manifest")?;
        let features = package["features"].as_object().into_iter().flatten();
        let needs = |optional: bool| {
            let needs = package["dependencies"].as_array().into_iter().flatten();
            needs
                .filter(|need| need["kind"].is_null() && need["optional"] == optional)
                .filter_map(|need| need["name"].as_str().map(str::to_owned))
                .collect()
        };
        let member = Member {
            name: package["name"].as_str().unwrap_or_default().to_owned(),
            folder: Path::new(manifest)
                .parent()
                .unwrap_or(Path::new(""))
                .to_owned(),
            features: features
                .map(|(name, implied)| (name.clone(), strings(implied)))
                .collect(),
            dependencies: needs(false),
            optional: needs(true),
        };
        let is_ours = package["id"]
            .as_str()
            .is_some_and(|id| ours.iter().any(|ours| ours == id));
        if is_ours { &mut members } else { &mut others }.push(member);
    }
    Ok((members, others))
}

/// All Rust files below `folder`, except what was built or is hidden.
fn source_files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    files_of(folder, &|name| name.ends_with(".rs"), found)
}

fn files_of(folder: &Path, wanted: &dyn Fn(&str) -> bool, found: &mut Vec<PathBuf>) -> Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if name != "target" && !name.starts_with('.') {
                files_of(&path, wanted, found)?;
            }
        } else if wanted(&name) {
            found.push(path);
        }
    }
    Ok(())
}

fn source(file: &Path, text: &str, in_home: bool, findings: &mut Vec<Finding>) {
    let mut find = |line: usize, message: String| {
        findings.push(Finding {
            file: file.to_owned(),
            line,
            message,
        });
    };
    if text.lines().next() != Some(SPDX) {
        find(1, format!("no licence line: begin the file with `{SPDX}`"));
    }
    if in_home {
        return;
    }
    for (index, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for memory in BOTH {
            if asks_for(code, memory.feature()) {
                find(
                    index + 1,
                    format!(
                        "asks for the feature `{memory}`: only {VARIANT_HOME} may; give it a \
                         constant or a function that differs, and use that here"
                    ),
                );
            }
        }
    }
}

/// Whether `code` tests for a Cargo feature, however it is spaced.
fn asks_for(code: &str, feature: &str) -> bool {
    let dense: String = code.split_whitespace().collect();
    dense.contains(&format!("feature=\"{feature}\""))
}

/// Line numbers and texts of the dependency entries in a manifest: `(line, name, value)`.
fn dependency_lines(text: &str) -> Vec<(usize, String, String)> {
    let mut entries = Vec::new();
    let mut in_list = false;
    // `[dependencies.NAME]`: each line below is a key of that one.
    let mut single: Option<String> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_matches(['[', ']']);
            in_list = table.ends_with("dependencies");
            single = table
                .rsplit_once("dependencies.")
                .map(|(_, name)| name.to_owned());
        } else if let Some((key, value)) = line.split_once('=') {
            let (key, value) = (key.trim(), value.trim());
            if let Some(name) = &single {
                entries.push((index + 1, name.clone(), format!("{{ {key} = {value} }}")));
            } else if in_list {
                let (name, value) = match key.split_once('.') {
                    Some((name, key)) => (name, format!("{{ {key} = {value} }}")),
                    None => (key, value.to_owned()),
                };
                entries.push((index + 1, name.to_owned(), value));
            }
        }
    }
    entries
}

/// Whether an inline table has `key`.
fn has_key(value: &str, key: &str) -> bool {
    value
        .trim_start_matches('{')
        .split(',')
        .any(|part| part.split('=').next().unwrap_or_default().trim() == key)
}

fn dependencies(manifest: &Path, text: &str, findings: &mut Vec<Finding>) {
    for (line, name, value) in dependency_lines(text) {
        let message = if has_key(&value, "git") {
            from_git(&name)
        } else if value.starts_with('"') || has_key(&value, "version") {
            format!(
                "{name} has a version of its own: put it into [workspace.dependencies] of the \
                 root's Cargo.toml, and write `{name}.workspace = true` here"
            )
        } else {
            continue;
        };
        findings.push(Finding {
            file: manifest.to_owned(),
            line,
            message,
        });
    }
}

fn git(manifest: &Path, text: &str, findings: &mut Vec<Finding>) {
    for (line, name, value) in dependency_lines(text) {
        if has_key(&value, "git") {
            findings.push(Finding {
                file: manifest.to_owned(),
                line,
                message: from_git(&name),
            });
        }
    }
}

fn from_git(name: &str) -> String {
    format!("{name} comes from a git repository: use a version from the registry")
}

/// The line of the first occurrence of `what` at the beginning of a line.
fn line_of(text: &str, what: &str) -> usize {
    let found = text.lines().position(|line| line.starts_with(what));
    found.map_or(1, |index| index + 1)
}

/// The features `dependency/feature` that `feature` of `member` turns on by itself: what another
/// crate happens to forward today it may not forward tomorrow.
fn forwarded(member: &Member, feature: &str) -> BTreeSet<(String, String)> {
    let mut seen = BTreeSet::new();
    let mut found = BTreeSet::new();
    let mut left = vec![feature.to_owned()];
    while let Some(next) = left.pop() {
        for implied in member.features.get(&next).into_iter().flatten() {
            match implied.split_once('/') {
                Some((to, feature)) => {
                    found.insert((to.trim_end_matches('?').to_owned(), feature.to_owned()));
                }
                None if seen.insert(implied.clone()) => left.push(implied.clone()),
                None => {}
            }
        }
    }
    found
}

/// Every crate that stands on guest-memory, or may, forwards both features to all that have them.
fn forwards(
    member: &Member,
    members: &[Member],
    others: &[Member],
    manifest: &Path,
    text: &str,
    findings: &mut Vec<Finding>,
) {
    let stands = stands_on_memory(member, members);
    let may_stand = members
        .iter()
        .any(|other| member.optional.contains(&other.name) && stands_on_memory(other, members));
    if !stands && !may_stand {
        return;
    }
    let has_variant = |name: &str, feature: &str| {
        members
            .iter()
            .any(|other| other.name == name && stands_on_memory(other, members))
            || others
                .iter()
                .any(|other| other.name == name && other.features.contains_key(feature))
    };
    let mut find = |line: usize, message: String| {
        findings.push(Finding {
            file: manifest.to_owned(),
            line,
            message,
        });
    };
    for &memory in BOTH {
        let feature = memory.feature();
        if !member.features.contains_key(feature) {
            find(
                line_of(text, "[features]"),
                format!("has no feature `{memory}`: forward it to the crates it depends on"),
            );
            continue;
        }
        let forwarded = forwarded(member, feature);
        let always = member.dependencies.iter().map(|name| (name, ""));
        let sometimes = member.optional.iter().map(|name| (name, "?"));
        for (name, mark) in always.chain(sometimes) {
            if has_variant(name, feature) && !forwarded.contains(&(name.clone(), feature.into())) {
                find(
                    line_of(text, &format!("{feature} =")),
                    format!(
                        "does not forward `{memory}` to {name}: add \"{name}{mark}/{memory}\" to \
                         the feature"
                    ),
                );
            }
        }
    }
    // Without what is optional it has no guest memory, and nothing to choose.
    if !stands {
        return;
    }
    let default = member.features.get("default");
    if default.is_none_or(|list| list != &[Memory::Mmap.feature()]) {
        find(
            line_of(text, "default ="),
            "write `default = [\"mmap\"]`: a plain `cargo build` is for shared memory".to_owned(),
        );
    }
}

fn stands_on_memory(member: &Member, members: &[Member]) -> bool {
    member.name == VARIANT_HOME
        || members
            .iter()
            .filter(|other| member.dependencies.contains(&other.name))
            .any(|other| stands_on_memory(other, members))
}

/// Device crates leave the unsafe code to guest-memory and the daemon.
fn safety(member: &Member, findings: &mut Vec<Finding>) -> Result<()> {
    for name in ["src/lib.rs", "src/main.rs"] {
        let file = member.folder.join(name);
        if !file.exists() {
            continue;
        }
        let text = fs::read_to_string(&file)?;
        if !text
            .lines()
            .any(|line| line.trim() == "#![forbid(unsafe_code)]")
        {
            findings.push(Finding {
                file,
                line: 1,
                message: "a device crate without `#![forbid(unsafe_code)]`: add it below the \
                          module's documentation"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

/// A crate that is no member is built by nothing, and no step would tell.
fn left_out(
    root: &Path,
    text: &str,
    manifests: &[PathBuf],
    members: &[Member],
    findings: &mut Vec<Finding>,
) {
    // A workspace of its own is named where it is kept out.
    let excluded: Vec<_> = text
        .lines()
        .skip_while(|line| !line.starts_with("exclude = ["))
        .take_while(|line| !line.starts_with("members"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .collect();
    let workspace = root.parent().unwrap_or(Path::new(""));
    for manifest in manifests.iter().filter(|&manifest| manifest != root) {
        let folder = manifest.parent().unwrap_or(Path::new(""));
        let name = folder.strip_prefix(workspace).unwrap_or(folder);
        let known = members.iter().any(|member| member.folder == folder)
            || excluded.iter().any(|excluded| name.starts_with(excluded));
        if !known {
            findings.push(Finding {
                file: manifest.clone(),
                line: 1,
                message: format!(
                    "no member of the workspace, so no step builds or tests it: add \"{}\" to \
                     `members` of the root's Cargo.toml",
                    name.display()
                ),
            });
        }
    }
}

/// Users look for a device in the README.
fn in_readme(readme: &Path, text: &str, members: &[Member], findings: &mut Vec<Finding>) {
    for member in members.iter().filter(|member| is_device(&member.name)) {
        let row =
            |line: &str| line.starts_with('|') && line.contains(&format!("`{}`", member.name));
        if !text.lines().any(row) {
            findings.push(Finding {
                file: readme.to_owned(),
                line: line_of(text, "## Devices"),
                message: format!(
                    "the table of devices has no row with `{}`: add it",
                    member.name
                ),
            });
        }
    }
}

/// A device that is not in the table would never be shown or measured, and nobody would notice.
fn listed(member: &Member, manifest: &Path, findings: &mut Vec<Finding>) {
    if !devices::DEVICES
        .iter()
        .any(|device| device.name == member.name)
    {
        findings.push(Finding {
            file: manifest.to_owned(),
            line: 1,
            message: format!(
                "{} is not in the table of crates/xtask/src/devices.rs: add its line",
                member.name
            ),
        });
    }
}

/// Each crate in the folder `staging` links to what it was admitted for.
fn staging(staging: &Path, findings: &mut Vec<Finding>) -> Result<()> {
    if !staging.exists() {
        return Ok(());
    }
    let mut entries = fs::read_dir(staging)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let folder = entry.path();
        if !folder.join("Cargo.toml").exists() {
            continue;
        }
        let file = folder.join("README.md");
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error.into()),
        };
        for (label, what) in ADMISSION {
            let linked = text
                .lines()
                .filter_map(|line| line.strip_prefix(label))
                .any(has_link);
            if !linked {
                findings.push(Finding {
                    file: file.clone(),
                    line: line_of(&text, label),
                    message: format!(
                        "no link to {what}: add a line `{label} <https://...>` (see \
                         {STAGING}/README.md)"
                    ),
                });
            }
        }
    }
    Ok(())
}

/// Whether a web address with a host stands in `text`.
fn has_link(text: &str) -> bool {
    text.split("https://").skip(1).any(|rest| {
        let host = rest.split(['/', '>', ')', ' ']).next().unwrap_or_default();
        host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(findings: &[Finding]) -> Vec<usize> {
        findings.iter().map(|finding| finding.line).collect()
    }

    fn in_source(text: &str, in_home: bool) -> Vec<usize> {
        let mut findings = Vec::new();
        source(Path::new("a.rs"), text, in_home, &mut findings);
        lines(&findings)
    }

    fn in_manifest(text: &str) -> Vec<usize> {
        let mut findings = Vec::new();
        dependencies(Path::new("Cargo.toml"), text, &mut findings);
        lines(&findings)
    }

    fn member(name: &str, features: &[(&str, &[&str])], dependencies: &[&str]) -> Member {
        let owned = |list: &[&str]| list.iter().map(|&item| item.to_owned()).collect();
        Member {
            name: name.to_owned(),
            folder: PathBuf::new(),
            features: features
                .iter()
                .map(|(name, implied)| ((*name).to_owned(), owned(implied)))
                .collect(),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
            optional: BTreeSet::new(),
        }
    }

    fn in_features(member: &Member) -> usize {
        let base: &[(&str, &[&str])] = &[("mmap", &[]), ("xen", &[])];
        let all = [
            member.clone(),
            self::member(VARIANT_HOME, &[], &[]),
            self::member("virtio-device", base, &[VARIANT_HOME]),
        ];
        let others = [self::member("vhost", &[("xen", &[])], &[])];
        let mut findings = Vec::new();
        forwards(
            member,
            &all,
            &others,
            Path::new("Cargo.toml"),
            "",
            &mut findings,
        );
        findings.len()
    }

    #[test]
    fn a_file_needs_its_licence_line_first() {
        assert_eq!(in_source(&format!("{SPDX}\n"), false), [0usize; 0]);
        assert_eq!(in_source("//! Text.\n", false), [1]);
        assert_eq!(in_source("", false), [1]);
    }

    #[test]
    fn a_variant_may_be_asked_for_at_home_only_and_named_in_comments() {
        let text = format!("{SPDX}\n#[cfg(not(feature=\"xen\"))]\n// feature = \"mmap\"\n");
        assert_eq!(in_source(&text, false), [2]);
        assert_eq!(in_source(&text, true), [0usize; 0]);
        let text = format!("{SPDX}\nif cfg!(feature = \"mmap\") {{}}\n");
        assert_eq!(in_source(&text, false), [2]);
    }

    #[test]
    fn versions_and_git_belong_to_nobody_but_the_workspace() {
        let text = "[package]\nversion = \"1\"\n[dependencies]\na = \"1\"\nb.workspace = true\n\
                    c = { workspace = true, features = [\"version\"] }\n\
                    d = { version = \"1\" } # why\ne = { path = \"../e\" }\n\
                    f = { git = \"https://example.org\" }\n[dev-dependencies.g]\nversion = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\nh = \"1\"\n[features]\ni = []\n";
        assert_eq!(in_manifest(text), [4, 7, 9, 11, 13]);
    }

    #[test]
    fn a_git_dependency_is_found_in_the_workspace_too() {
        let mut findings = Vec::new();
        let text = "[workspace.dependencies]\na = { git = \"x\" }\nb = \"1\"\n";
        git(Path::new("Cargo.toml"), text, &mut findings);
        assert_eq!(lines(&findings), [2]);
    }

    /// What is said of a tree with one staged crate that has this README, if any.
    fn in_staging(readme: Option<&str>) -> Vec<(usize, String)> {
        let tree = tempfile::tempdir().unwrap();
        let folder = tree.path().join("vhost-device-made-up");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("Cargo.toml"), "").unwrap();
        if let Some(readme) = readme {
            fs::write(folder.join("README.md"), readme).unwrap();
        }
        fs::create_dir(tree.path().join("no-crate")).unwrap();
        let mut findings = Vec::new();
        staging(tree.path(), &mut findings).unwrap();
        let said = findings.into_iter();
        said.map(|finding| (finding.line, finding.message))
            .collect()
    }

    #[test]
    fn a_staged_crate_with_both_links_is_admitted() {
        let readme = "# made-up\n\nSpecification: [v3](https://lists.example.org/1)\n\
                      Driver: <https://git.example.org/linux>\n";
        assert_eq!(in_staging(Some(readme)), []);
    }

    #[test]
    fn a_staged_crate_without_a_link_is_found_with_the_one_that_is_missing() {
        let readme =
            "# made-up\n\nSpecification: https://example.org/1\nDriver: soon, https://...\n";
        let said = in_staging(Some(readme));
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].0, 4);
        assert!(said[0].1.contains("a public driver"), "{}", said[0].1);
    }

    #[test]
    fn a_staged_crate_without_a_readme_lacks_both_links() {
        assert_eq!(in_staging(None).len(), 2);
    }

    #[test]
    fn a_crate_that_is_no_member_is_found_and_an_excluded_one_is_not() {
        let mut member = member("a", &[], &[]);
        member.folder = PathBuf::from("/w/crates/a");
        let manifests: Vec<_> = ["", "crates/a/", "crates/b/", "crates/fuzz/"]
            .map(|folder| PathBuf::from(format!("/w/{folder}Cargo.toml")))
            .into();
        let text = "[workspace]\nmembers = [\n    \"crates/a\",\n]\nexclude = [\"crates/fuzz\"]\n";
        let mut findings = Vec::new();

        left_out(&manifests[0], text, &manifests, &[member], &mut findings);

        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].file, manifests[2]);
    }

    #[test]
    fn a_device_without_a_row_in_the_readme_is_found() {
        let members = [member("vhost-device-a", &[], &[]), member("b", &[], &[])];
        let found = |text: &str| {
            let mut findings = Vec::new();
            in_readme(Path::new("README.md"), text, &members, &mut findings);
            lines(&findings)
        };

        assert_eq!(
            found("## Devices\n| a | [`vhost-device-a`](x) |\n"),
            [0usize; 0]
        );
        assert_eq!(found("\n## Devices\n`vhost-device-a`\n"), [2]);
    }

    #[test]
    fn a_missing_forward_is_found_and_a_complete_set_is_not() {
        let whole: &[(&str, &[&str])] = &[
            ("default", &["mmap"]),
            ("mmap", &["virtio-device/mmap"]),
            ("xen", &["virtio-device/xen"]),
        ];
        assert_eq!(in_features(&member("d", whole, &["virtio-device"])), 0);
        let mut broken = whole.to_vec();
        broken[2] = ("xen", &["virtio-device/mmap"]);
        assert_eq!(in_features(&member("d", &broken, &["virtio-device"])), 1);
        assert_eq!(in_features(&member("d", &[], &["virtio-device"])), 3);
        assert_eq!(in_features(&member("d", &[], &[])), 0);
    }

    #[test]
    fn a_variant_that_a_published_crate_has_is_forwarded_to_it() {
        let names = &["virtio-device", "vhost"];
        let whole: &[(&str, &[&str])] = &[
            ("default", &["mmap"]),
            ("mmap", &["virtio-device/mmap"]),
            ("xen", &["virtio-device/xen", "vhost/xen"]),
        ];
        assert_eq!(in_features(&member("d", whole, names)), 0);
        let mut broken = whole.to_vec();
        broken[2] = ("xen", &["virtio-device/xen"]);
        assert_eq!(in_features(&member("d", &broken, names)), 1);
    }

    #[test]
    fn a_crate_with_an_optional_device_forwards_to_it_and_needs_no_default() {
        let mut member = member(
            "d",
            &[
                ("mmap", &["virtio-device?/mmap"]),
                ("xen", &["virtio-device?/xen"]),
            ],
            &[],
        );
        member.optional.insert("virtio-device".to_owned());
        assert_eq!(in_features(&member), 0);

        member.features.insert("xen".to_owned(), Vec::new());

        assert_eq!(in_features(&member), 1);
    }
}
