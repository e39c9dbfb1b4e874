// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Cells as steps of a Buildkite pipeline.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::description::{self, Cell, Commands, Crate, Step};
use crate::error::{Error, Result};
use crate::overrides::Overrides;
use crate::yaml;

/// Where steps run that name no `.platform` file.
const PLATFORMS: &[&str] = &["x86_64", "aarch64"];

/// Agents are tagged with these; another name in a step means no tag.
const HYPERVISORS: &[&str] = &["kvm", "mshv"];

/// Buildkite ends a step after this time, unless the step says otherwise.
pub(crate) const DEFAULT_TIMEOUT: u64 = 15;

/// A change of these concerns every crate.
const EVERYONES: &[&str] = &["Cargo.toml", ".buildkite/**", "rust-vmm-ci/**"];

/// The container that steps run in.
#[derive(Args, Clone, Debug)]
pub(crate) struct Container {
    /// Image of the container [environment: RUST_VMM_CI_IMAGE; default: rustvmm/dev:g2b5b066];
    /// riscv64 steps use the one with -riscv behind its name
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,

    /// Version of Buildkite's docker plugin [environment: RUST_VMM_CI_DOCKER_PLUGIN; default:
    /// v5.3.0]
    #[arg(long, value_name = "VERSION")]
    docker_plugin: Option<String>,
}

/// What is the same for all steps.
#[derive(Debug)]
pub(crate) struct Settings {
    image: String,
    plugin: String,
}

impl Settings {
    pub(crate) fn new(container: &Container, get: impl Fn(&str) -> Option<String>) -> Self {
        let setting = |option: &Option<String>, variable, default: &str| {
            let value = option.clone().or_else(|| get(variable));
            let value = value.filter(|value| !value.is_empty());
            value.unwrap_or_else(|| default.to_owned())
        };
        let plugin = setting(
            &container.docker_plugin,
            "RUST_VMM_CI_DOCKER_PLUGIN",
            "v5.3.0",
        );
        Self {
            image: setting(
                &container.image,
                "RUST_VMM_CI_IMAGE",
                "rustvmm/dev:g2b5b066",
            ),
            plugin: format!("docker#{plugin}"),
        }
    }
}

/// The platforms that `file` allows, one a line; the default ones if it cannot be read.
pub(crate) fn allowed_platforms(file: &Path) -> Vec<String> {
    match fs::read_to_string(file) {
        Ok(text) => text.lines().map(|line| line.trim().to_owned()).collect(),
        Err(_) => PLATFORMS.iter().map(|&name| name.to_owned()).collect(),
    }
}

/// A pipeline in the making.
pub(crate) struct Pipeline<'a> {
    settings: &'a Settings,
    overrides: &'a Overrides,
    steps: Vec<Value>,
    /// What a reader of the description may not expect.
    pub notes: Vec<String>,
}

impl<'a> Pipeline<'a> {
    pub(crate) fn new(settings: &'a Settings, overrides: &'a Overrides) -> Self {
        Self {
            settings,
            overrides,
            steps: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds every cell of every step that is allowed.
    pub(crate) fn add(&mut self, steps: &[Step], allowed: &[String]) -> Result<()> {
        steps
            .iter()
            .try_for_each(|step| self.add_step(step, allowed, None, &[]))
    }

    /// Adds the steps once for each crate, to run when something in it changes; those of scope
    /// `workspace` once, to run always; and then the steps that crates have of their own.
    pub(crate) fn add_by_crate(
        &mut self,
        steps: &[Step],
        allowed: &[String],
        crates: &[Crate],
        root: &Path,
    ) -> Result<()> {
        let of_crate = |of: &Crate| allowed_platforms(&root.join(&of.path).join(".platform"));
        for step in steps {
            if step.workspace_scope {
                self.add_step(step, allowed, None, &[])?;
                continue;
            }
            for of in crates {
                self.add_step(step, &of_crate(of), Some(of), EVERYONES)?;
            }
        }
        for of in crates {
            let own = root.join(&of.path).join(".buildkite/test_description.json");
            for step in description::read_optional(&own)? {
                self.add_step(&step, &of_crate(of), Some(of), &[])?;
            }
        }
        Ok(())
    }

    fn add_step(
        &mut self,
        step: &Step,
        allowed: &[String],
        of: Option<&Crate>,
        also: &[&str],
    ) -> Result<()> {
        if self.overrides.leaves_out(&step.name) {
            return Ok(());
        }
        let mut ignored = Vec::new();
        for cell in step.cells(of) {
            let platform = cell.platform.map(str::to_owned);
            if platform.is_some_and(|platform| !allowed.contains(&platform)) {
                continue;
            }
            let value = self.step(&cell, also, &mut ignored)?;
            self.steps.push(value);
        }
        ignored.dedup();
        for key in ignored {
            self.notes.push(format!(
                "step `{}`: key `{key}` is not passed on: this program sets it",
                step.name
            ));
        }
        Ok(())
    }

    fn step(&self, cell: &Cell<'_>, also: &[&str], ignored: &mut Vec<String>) -> Result<Value> {
        let step = cell.step;
        let commands = cell.commands("")?;
        let image = &self.settings.image;
        // There are no riscv64 agents: an image for x86_64 holds an emulated machine, and its entry
        // point takes the command as one word.
        let (command, image, platform, hypervisor) = match cell.platform {
            Some("riscv64") => (
                Value::from(quoted(&commands)),
                format!("{image}-riscv"),
                Some("x86_64"),
                None,
            ),
            other => {
                let command = match commands {
                    Commands::One(line) => line.into(),
                    Commands::Several(lines) => lines.into(),
                };
                let hypervisor = step.hypervisor.as_deref();
                let hypervisor = hypervisor.or(Some(&self.overrides.hypervisor));
                (command, image.clone(), other, hypervisor)
            }
        };

        let mut agents = Map::new();
        agents.insert("os".to_owned(), "linux".into());
        let tag = match platform {
            Some("aarch64") => Some("arm"),
            other => other.filter(|name| !name.is_empty()),
        };
        if let Some(tag) = tag {
            agents.insert("platform".to_owned(), format!("{tag}.metal").into());
        }
        if let Some(hypervisor) = hypervisor.filter(|name| HYPERVISORS.contains(name)) {
            agents.insert("hypervisor".to_owned(), hypervisor.into());
        }
        if let Some(queue) = &step.queue {
            agents.insert("queue".to_owned(), queue.clone().into());
        }
        let tags = match tag {
            Some("x86_64") => &self.overrides.x86_64_tags,
            Some("arm") => &self.overrides.aarch64_tags,
            _ => &None,
        };
        if let Some(tags) = tags.as_ref().filter(|tags| tags.concerns(&step.name)) {
            agents = tags.cfg.clone();
        }

        let mut docker = Map::new();
        docker.insert("image".to_owned(), image.into());
        docker.insert("always-pull".to_owned(), true.into());
        docker.extend(step.docker.clone());
        let overlay = self.overrides.docker.as_ref();
        if let Some(overlay) = overlay.filter(|overlay| overlay.concerns(&step.name)) {
            docker.extend(overlay.cfg.clone());
        }

        let timeout = self.overrides.timeout(&step.name).or(step.timeout.as_ref());
        let mut plugins = Map::new();
        plugins.insert(self.settings.plugin.clone(), docker.into());
        let mut out = Map::new();
        out.insert("label".to_owned(), cell.label().into());
        out.insert("command".to_owned(), command);
        out.insert("retry".to_owned(), json!({ "automatic": false }));
        out.insert("agents".to_owned(), agents.into());
        out.insert("plugins".to_owned(), json!([plugins]));
        out.insert(
            "timeout_in_minutes".to_owned(),
            timeout.cloned().unwrap_or_else(|| DEFAULT_TIMEOUT.into()),
        );
        if let Some(conditional) = &step.conditional {
            out.insert("if".to_owned(), conditional.clone().into());
        }
        let mut others = step.others.clone();
        if let Some(of) = cell.of
            && !others.contains_key("if_changed")
        {
            let own = std::iter::once(format!("{}/**", of.path));
            let paths = own.chain(also.iter().map(|&path| path.to_owned()));
            others.insert("if_changed".to_owned(), paths.collect::<Vec<_>>().into());
        }
        for (key, value) in others {
            match out.contains_key(&key) {
                true => ignored.push(key),
                false => {
                    out.insert(key, value);
                }
            }
        }
        Ok(out.into())
    }

    /// The whole pipeline as YAML.
    pub(crate) fn yaml(self) -> String {
        let mut top = Map::new();
        top.insert("steps".to_owned(), self.steps.into());
        yaml::document(&top)
    }
}

/// A command as one word of JSON in ASCII.
fn quoted(commands: &Commands) -> String {
    let word = |text: &str| {
        let json = Value::from(text).to_string();
        let mut out = String::new();
        for c in json.chars() {
            match c {
                ' '..='~' => out.push(c),
                c => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
            }
        }
        out
    };
    match commands {
        Commands::One(line) => word(line),
        Commands::Several(lines) => {
            let words: Vec<_> = lines.iter().map(|line| word(line)).collect();
            format!("[{}]", words.join(", "))
        }
    }
}

/// The members of the Cargo workspace in `root`, by name.
pub(crate) fn crates(root: &Path) -> Result<Vec<Crate>> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&program)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|source| Error::Start {
            program: program.to_string_lossy().into_owned(),
            source,
        })?;
    let fault = |why: String| Error::Command {
        command: "cargo metadata".to_owned(),
        why,
    };
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(fault(text));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| fault(error.to_string()))?;
    let top = Path::new(metadata["workspace_root"].as_str().unwrap_or_default());
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let mut crates: Vec<_> = packages
        .filter_map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str()?);
            let path = manifest.parent()?.strip_prefix(top).ok()?;
            Some(Crate {
                name: package["name"].as_str()?.to_owned(),
                path: path.to_str()?.to_owned(),
            })
        })
        .collect();
    crates.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(crates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_command_is_json_in_ascii() {
        let command = Commands::One("RUSTFLAGS=\"-D warnings\" echo \\ é 😀\n\u{7f}".to_owned());

        assert_eq!(
            quoted(&command),
            r#""RUSTFLAGS=\"-D warnings\" echo \\ \u00e9 \ud83d\ude00\n\u007f""#
        );
        let two = Commands::Several(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(quoted(&two), r#"["a", "b"]"#);
    }

    #[test]
    fn settings_come_from_the_option_then_the_environment_then_the_default() {
        let container = Container {
            image: Some("own:1".to_owned()),
            docker_plugin: None,
        };
        let get = |name: &str| (name == "RUST_VMM_CI_DOCKER_PLUGIN").then(|| "v9".to_owned());

        let settings = Settings::new(&container, get);

        assert_eq!(settings.image, "own:1");
        assert_eq!(settings.plugin, "docker#v9");
    }

    #[test]
    fn without_a_platform_file_two_platforms_are_allowed() {
        let allowed = allowed_platforms(Path::new("/nonexistent/.platform"));

        assert_eq!(allowed, PLATFORMS);
    }
}
