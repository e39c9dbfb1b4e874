// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Step descriptions in the rust-vmm format, and their expansion into cells.
//!
//! ```json
//! { "tests": [ {
//!     "test_name": "unittests",
//!     "command": "cargo test --target {target_platform}-unknown-linux-musl --features {memory}",
//!     "platform": ["x86_64", "aarch64"],
//!     "memory": ["mmap", "xen"]
//! } ] }
//! ```
//!
//! A step becomes a cell for each platform, and within it for each memory variant. Values that the
//! format takes for "not given" (null, false, 0, and what is empty) are taken so here.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::{Error, Place, Result};

/// Keys that this program understands, and so does not pass on as they are.
const UNDERSTOOD: &[&str] = &[
    "test_name",
    "command",
    "platform",
    "memory",
    "docker_plugin",
    "conditional",
    "timeout_in_minutes",
    "queue",
    "hypervisor",
    "crate",
    "crate_path",
    "scope",
];

/// What a step runs: one command line, or several after each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Commands {
    One(String),
    Several(Vec<String>),
}

impl Commands {
    fn lines(&self) -> &[String] {
        match self {
            Self::One(line) => std::slice::from_ref(line),
            Self::Several(lines) => lines,
        }
    }

    fn map(&self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::One(line) => Self::One(change(line)),
            Self::Several(lines) => Self::Several(lines.iter().map(|line| change(line)).collect()),
        }
    }

    /// All of it as one script.
    pub(crate) fn script(&self) -> String {
        self.lines().join("\n")
    }
}

/// One entry of `tests`, checked.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    file: PathBuf,
    number: usize,
    pub name: String,
    commands: Commands,
    /// None: the step runs on any platform.
    pub platforms: Vec<Option<String>>,
    /// None: the step does not know about memory variants.
    pub memories: Vec<Option<String>>,
    pub docker: Map<String, Value>,
    pub conditional: Option<String>,
    pub timeout: Option<Value>,
    pub queue: Option<String>,
    pub hypervisor: Option<String>,
    pub crate_path: Option<String>,
    /// Once for the workspace, not for each crate.
    pub workspace_scope: bool,
    /// Keys that are passed on unchanged, in their order.
    pub others: Map<String, Value>,
}

/// A crate that a step is made for.
#[derive(Clone, Debug)]
pub(crate) struct Crate {
    pub name: String,
    pub path: String,
}

/// One step on one platform with one memory variant.
#[derive(Clone, Debug)]
pub(crate) struct Cell<'a> {
    pub step: &'a Step,
    pub platform: Option<&'a str>,
    pub memory: Option<&'a str>,
    pub of: Option<&'a Crate>,
}

/// Python's idea of a value that is there.
fn given(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Whether `value` can stand for minutes: Buildkite counts whole ones, from 1.
pub(crate) fn is_minutes(value: &Value) -> bool {
    minutes(value).is_some_and(|minutes| minutes > 0)
}

/// Minutes, also when they are written as a string.
pub(crate) fn minutes(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }
}

/// Reads all steps of `file`.
pub(crate) fn read(file: &Path) -> Result<Vec<Step>> {
    let text = fs::read_to_string(file).map_err(Error::read(file))?;
    parse(file, &text)
}

/// Reads the steps that a crate has of its own; it need not have any.
pub(crate) fn read_optional(file: &Path) -> Result<Vec<Step>> {
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(file).map_err(Error::read(file))?;
    let value = json(file, &text)?;
    match value.get("tests") {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) if list.is_empty() => Ok(Vec::new()),
        Some(_) => parse(file, &text),
    }
}

fn json(file: &Path, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|source| Error::Syntax {
        file: file.to_owned(),
        source,
    })
}

fn parse(file: &Path, text: &str) -> Result<Vec<Step>> {
    let value = json(file, text)?;
    let fault = |problem: String| Error::Key {
        place: Place {
            file: file.to_owned(),
            step: None,
            key: "tests",
        },
        problem,
    };
    let Some(top) = value.as_object() else {
        return Err(fault(format!(
            "the file must hold an object with this key, and holds {}",
            kind(&value)
        )));
    };
    match top.get("tests") {
        Some(Value::Array(list)) if !list.is_empty() => list
            .iter()
            .enumerate()
            .map(|(index, entry)| step(file, index + 1, entry))
            .collect(),
        Some(Value::Array(_)) => Err(fault("the list of steps is empty".to_owned())),
        Some(other) => Err(fault(format!(
            "must be a list of steps, and is {}",
            kind(other)
        ))),
        None => Err(fault("is missing: it is the list of steps".to_owned())),
    }
}

/// Reads the keys of one entry, and knows where it is.
struct Reader<'a> {
    file: &'a Path,
    number: usize,
    name: Option<String>,
    entry: &'a Map<String, Value>,
}

impl Reader<'_> {
    fn fault(&self, key: &'static str, problem: impl Into<String>) -> Error {
        Error::Key {
            place: Place {
                file: self.file.to_owned(),
                step: Some((self.number, self.name.clone())),
                key,
            },
            problem: problem.into(),
        }
    }

    fn text(&self, key: &'static str) -> Result<Option<String>> {
        match given(self.entry.get(key)) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => {
                Err(self.fault(key, format!("must be a string, and is {}", kind(other))))
            }
        }
    }

    fn required(&self, key: &'static str) -> Error {
        match self.entry.contains_key(key) {
            true => self.fault(key, "is empty"),
            false => self.fault(key, "is missing"),
        }
    }

    /// A list of names, each once; a null in it stands for "any".
    fn names(&self, key: &'static str) -> Result<Vec<Option<String>>> {
        let list = match given(self.entry.get(key)) {
            None => return Ok(vec![None]),
            Some(Value::Array(list)) => list,
            Some(Value::String(text)) => {
                let problem = format!("must be a list, as in [\"{text}\"], and is a string");
                return Err(self.fault(key, problem));
            }
            Some(other) => {
                return Err(self.fault(key, format!("must be a list, and is {}", kind(other))));
            }
        };
        let mut names = Vec::new();
        for item in list {
            let name = match item {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => {
                    let problem = format!("must list strings, and lists {}", kind(other));
                    return Err(self.fault(key, problem));
                }
            };
            if names.contains(&name) {
                return Err(self.fault(key, format!("names {item} twice")));
            }
            names.push(name);
        }
        Ok(names)
    }

    fn commands(&self) -> Result<Commands> {
        let key = "command";
        match given(self.entry.get(key)) {
            None => Err(self.required(key)),
            Some(Value::String(line)) => Ok(Commands::One(line.clone())),
            Some(Value::Array(lines)) => lines
                .iter()
                .map(|line| match line {
                    Value::String(line) => Ok(line.clone()),
                    other => Err(self.fault(
                        key,
                        format!("must list command lines, and lists {}", kind(other)),
                    )),
                })
                .collect::<Result<_>>()
                .map(Commands::Several),
            Some(other) => Err(self.fault(
                key,
                format!(
                    "must be a string or a list of strings, and is {}",
                    kind(other)
                ),
            )),
        }
    }
}

fn step(file: &Path, number: usize, entry: &Value) -> Result<Step> {
    let Some(map) = entry.as_object() else {
        return Err(Error::Key {
            place: Place {
                file: file.to_owned(),
                step: Some((number, None)),
                key: "tests",
            },
            problem: format!("a step must be an object, and is {}", kind(entry)),
        });
    };
    let mut reader = Reader {
        file,
        number,
        name: None,
        entry: map,
    };
    let name = reader
        .text("test_name")?
        .ok_or_else(|| reader.required("test_name"))?;
    reader.name = Some(name.clone());
    let docker = match given(map.get("docker_plugin")) {
        None => Map::new(),
        Some(Value::Object(settings)) => settings.clone(),
        Some(other) => {
            let problem = format!("must be an object, and is {}", kind(other));
            return Err(reader.fault("docker_plugin", problem));
        }
    };
    let timeout = given(map.get("timeout_in_minutes")).cloned();
    if let Some(value) = &timeout
        && !is_minutes(value)
    {
        let problem = format!("must be whole minutes, 1 or more, and is {value}");
        return Err(reader.fault("timeout_in_minutes", problem));
    }
    let mut others = map.clone();
    others.retain(|key, _| !UNDERSTOOD.contains(&key.as_str()));
    Ok(Step {
        file: file.to_owned(),
        number,
        commands: reader.commands()?,
        platforms: reader.names("platform")?,
        memories: reader.names("memory")?,
        conditional: reader.text("conditional")?,
        queue: reader.text("queue")?,
        hypervisor: reader.text("hypervisor")?,
        crate_path: reader.text("crate_path")?,
        workspace_scope: map.get("scope").and_then(Value::as_str) == Some("workspace"),
        name,
        docker,
        timeout,
        others,
    })
}

impl Step {
    /// Every cell of this step: platforms outside, memory variants inside.
    pub(crate) fn cells<'a>(&'a self, of: Option<&'a Crate>) -> Vec<Cell<'a>> {
        let mut cells = Vec::new();
        for platform in &self.platforms {
            for memory in &self.memories {
                cells.push(Cell {
                    step: self,
                    platform: platform.as_deref(),
                    memory: memory.as_deref(),
                    of,
                });
            }
        }
        cells
    }

    fn fault(&self, key: &'static str, problem: String) -> Error {
        Error::Key {
            place: Place {
                file: self.file.clone(),
                step: Some((self.number, Some(self.name.clone()))),
                key,
            },
            problem,
        }
    }
}

impl Cell<'_> {
    /// `unittests-aarch64-xen`.
    pub(crate) fn label(&self) -> String {
        let mut label = self.step.name.clone();
        for part in [self.platform, self.memory].into_iter().flatten() {
            if !part.is_empty() {
                label = format!("{label}-{part}");
            }
        }
        match self.of {
            Some(of) => format!("{}: {label}", of.name),
            None => label,
        }
    }

    /// The commands with every placeholder filled in.
    pub(crate) fn commands(&self, skips: &str) -> Result<Commands> {
        let step = self.step;
        let path = step.crate_path.as_deref();
        let values = [
            ("{target_platform}", "platform", self.platform),
            ("{memory}", "memory", self.memory),
            ("{crate}", "crate", self.of.map(|of| of.name.as_str())),
            (
                "{crate_path}",
                "crate_path",
                path.or(self.of.map(|of| of.path.as_str())),
            ),
            ("{skips}", "command", Some(skips)),
        ];
        let mut commands = step.commands.clone();
        for (placeholder, key, value) in values {
            if !commands
                .lines()
                .iter()
                .any(|line| line.contains(placeholder))
            {
                continue;
            }
            let Some(value) = value else {
                let problem = match key {
                    "crate" | "crate_path" => format!(
                        "`command` has {placeholder}, which is known in a workspace-selective \
                         pipeline only"
                    ),
                    _ => format!("`command` has {placeholder}, but the step has no such key"),
                };
                return Err(step.fault(key, problem));
            };
            // Nothing to leave out: no empty arguments of the test program either.
            let with_dashes = format!(" -- {placeholder}");
            commands = commands.map(|line| match value {
                "" => line.replace(&with_dashes, "").replace(placeholder, ""),
                value => line.replace(placeholder, value),
            });
        }
        Ok(commands)
    }

    /// Whether the commands take the list of tests that an emulator cannot run.
    pub(crate) fn takes_skips(&self) -> bool {
        let mut lines = self.step.commands.lines().iter();
        lines.any(|line| line.contains("{skips}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Step>, String> {
        super::parse(Path::new("steps.json"), text).map_err(|e| crate::error::chain(&e))
    }

    fn one(entry: &str) -> Result<Step, String> {
        parse(&format!("{{\"tests\": [{entry}]}}")).map(|mut steps| steps.remove(0))
    }

    #[test]
    fn platforms_and_memories_expand_into_a_cell_each() {
        let step = one(
            r#"{"test_name": "t", "command": "c --target {target_platform} --features {memory}",
                "platform": ["x86_64", "aarch64"], "memory": ["mmap", "xen"]}"#,
        )
        .unwrap();

        let cells = step.cells(None);

        let labels: Vec<_> = cells.iter().map(Cell::label).collect();
        assert_eq!(
            labels,
            [
                "t-x86_64-mmap",
                "t-x86_64-xen",
                "t-aarch64-mmap",
                "t-aarch64-xen"
            ]
        );
        assert_eq!(
            cells[3].commands("").unwrap().script(),
            "c --target aarch64 --features xen"
        );
    }

    #[test]
    fn a_step_without_platform_is_one_cell_named_like_the_step() {
        let step =
            one(r#"{"test_name": "style", "command": "cargo fmt", "platform": []}"#).unwrap();

        let cells = step.cells(None);

        assert_eq!(cells.len(), 1);
        assert_eq!(cells[0].label(), "style");
    }

    #[test]
    fn a_placeholder_without_its_key_is_refused_with_file_step_and_key() {
        let step = one(r#"{"test_name": "musl", "command": "c {target_platform}"}"#).unwrap();

        let error = step.cells(None)[0].commands("").unwrap_err().to_string();

        assert_eq!(
            error,
            "steps.json: step 1 (`musl`): key `platform`: `command` has {target_platform}, but \
             the step has no such key"
        );
    }

    #[test]
    fn wrong_types_are_refused_with_file_step_and_key() {
        let cases = [
            (
                r#"{"command": "c"}"#,
                "steps.json: step 1: key `test_name`: is missing",
            ),
            (
                r#"{"test_name": "a", "command": ""}"#,
                "steps.json: step 1 (`a`): key `command`: is empty",
            ),
            (
                r#"{"test_name": "a", "command": "c", "platform": "x86_64"}"#,
                "steps.json: step 1 (`a`): key `platform`: must be a list, as in [\"x86_64\"], \
                 and is a string",
            ),
            (
                r#"{"test_name": "a", "command": "c", "memory": [3]}"#,
                "steps.json: step 1 (`a`): key `memory`: must list strings, and lists a number",
            ),
            (
                r#"{"test_name": "a", "command": "c", "memory": ["xen", "xen"]}"#,
                "steps.json: step 1 (`a`): key `memory`: names \"xen\" twice",
            ),
            (
                r#"{"test_name": "a", "command": "c", "docker_plugin": [1]}"#,
                "steps.json: step 1 (`a`): key `docker_plugin`: must be an object, and is a list",
            ),
            (
                r#"{"test_name": "a", "command": "c", "timeout_in_minutes": 2.5}"#,
                "steps.json: step 1 (`a`): key `timeout_in_minutes`: must be whole minutes, 1 or \
                 more, and is 2.5",
            ),
            (
                r#"7"#,
                "steps.json: step 1: key `tests`: a step must be an object, and is a number",
            ),
        ];
        for (entry, expected) in cases {
            assert_eq!(one(entry).unwrap_err(), expected, "{entry}");
        }
    }

    #[test]
    fn a_file_without_steps_is_refused() {
        for text in ["{}", "[]", r#"{"tests": []}"#, r#"{"tests": {}}"#] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with("steps.json: key `tests`: "), "{error}");
        }
        let error = parse("{\n  \"tests\": [,]\n}").unwrap_err();
        assert!(error.contains("steps.json is not JSON"), "{error}");
        assert!(error.contains("line 2"), "{error}");
    }
}
