// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Settings of a whole pipeline, from the environment.
//!
//! | variable | form | effect |
//! |---|---|---|
//! | `X86_LINUX_AGENT_TAGS` | `{"tests": [..], "cfg": {..}}` | tags of x86_64 agents of these tests are replaced |
//! | `AARCH64_LINUX_AGENT_TAGS` | the same | the same for aarch64 |
//! | `DOCKER_PLUGIN_CONFIG` | the same | keys are added to these tests' container settings |
//! | `TESTS_TO_SKIP` | `[..]` | these tests are left out |
//! | `TIMEOUTS_MIN` | `{"test": minutes}` | these tests' timeouts are replaced |
//! | `DEFAULT_AGENT_TAG_HYPERVISOR` | text | for steps that name none; `kvm` if unset |
//!
//! A variable that is empty is taken as unset, but for the last one: empty means no tag.

use serde_json::{Map, Value};

use crate::description::is_minutes;
use crate::error::{Error, Result};

/// A map that is laid over the settings of some tests.
#[derive(Debug, PartialEq)]
pub(crate) struct Overlay {
    tests: Vec<String>,
    pub cfg: Map<String, Value>,
}

impl Overlay {
    pub(crate) fn concerns(&self, test: &str) -> bool {
        self.tests.iter().any(|name| name == test)
    }
}

#[derive(Debug)]
pub(crate) struct Overrides {
    pub x86_64_tags: Option<Overlay>,
    pub aarch64_tags: Option<Overlay>,
    pub docker: Option<Overlay>,
    pub left_out: Vec<String>,
    timeouts: Map<String, Value>,
    pub hypervisor: String,
}

impl Overrides {
    /// Takes the variables from `get`.
    pub(crate) fn new(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let overlay = |name| {
            let Some(variable) = Variable::get(name, &get)? else {
                return Ok(None);
            };
            let Value::Object(mut map) = variable.json()? else {
                return Err(variable.fault("must be an object with the keys `tests` and `cfg`"));
            };
            let tests = variable.names("key `tests`: ", map.get("tests"))?;
            match map.get_mut("cfg").map(Value::take) {
                Some(Value::Object(cfg)) if !cfg.is_empty() => Ok(Some(Overlay { tests, cfg })),
                _ => Err(variable.fault("key `cfg`: must be an object that is not empty")),
            }
        };
        let left_out = match Variable::get("TESTS_TO_SKIP", &get)? {
            None => Vec::new(),
            Some(variable) => match variable.json()? {
                Value::Array(list) if list.is_empty() => Vec::new(),
                list => variable.names("", Some(&list))?,
            },
        };
        let timeouts = match Variable::get("TIMEOUTS_MIN", &get)? {
            None => Map::new(),
            Some(variable) => {
                let Value::Object(map) = variable.json()? else {
                    let form = "must be an object, as in {\"style\": 30}";
                    return Err(variable.fault(form));
                };
                if let Some((test, value)) = map.iter().find(|(_, value)| !is_minutes(value)) {
                    return Err(variable.fault(format!(
                        "key `{test}`: must be whole minutes, 1 or more, and is {value}"
                    )));
                }
                map
            }
        };
        Ok(Self {
            x86_64_tags: overlay("X86_LINUX_AGENT_TAGS")?,
            aarch64_tags: overlay("AARCH64_LINUX_AGENT_TAGS")?,
            docker: overlay("DOCKER_PLUGIN_CONFIG")?,
            left_out,
            timeouts,
            hypervisor: get("DEFAULT_AGENT_TAG_HYPERVISOR").unwrap_or_else(|| "kvm".to_owned()),
        })
    }

    pub(crate) fn from_environment() -> Result<Self> {
        Self::new(|name| std::env::var(name).ok())
    }

    pub(crate) fn leaves_out(&self, test: &str) -> bool {
        self.left_out.iter().any(|name| name == test)
    }

    pub(crate) fn timeout(&self, test: &str) -> Option<&Value> {
        self.timeouts.get(test)
    }
}

/// A variable that is set.
struct Variable {
    name: &'static str,
    value: String,
}

impl Variable {
    fn get(name: &'static str, get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        Ok(get(name)
            .filter(|value| !value.is_empty())
            .map(|value| Self { name, value }))
    }

    fn fault(&self, problem: impl Into<String>) -> Error {
        Error::Variable {
            name: self.name,
            value: self.value.clone(),
            problem: problem.into(),
        }
    }

    fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.value).map_err(|e| self.fault(format!("is not JSON: {e}")))
    }

    fn names(&self, place: &str, value: Option<&Value>) -> Result<Vec<String>> {
        let list = value
            .and_then(Value::as_array)
            .filter(|list| !list.is_empty());
        let names = list.and_then(|list| {
            let names = list.iter().map(|name| name.as_str().map(str::to_owned));
            names.collect::<Option<Vec<_>>>()
        });
        names.ok_or_else(|| self.fault(format!("{place}must be a list of names of tests")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Overrides, String> {
        Overrides::new(|asked| (asked == name).then(|| value.to_owned())).map_err(|e| e.to_string())
    }

    #[test]
    fn an_empty_environment_overrides_nothing_and_prefers_kvm() {
        let overrides = Overrides::new(|_| None).unwrap();

        assert_eq!(overrides.hypervisor, "kvm");
        assert_eq!(overrides.docker, None);
        assert!(!overrides.leaves_out("style"));
    }

    #[test]
    fn empty_variables_are_unset_but_the_hypervisor_can_be_none() {
        let overrides = Overrides::new(|_| Some(String::new())).unwrap();

        assert_eq!(overrides.hypervisor, "");
        assert_eq!(overrides.x86_64_tags, None);
    }

    #[test]
    fn a_timeout_is_known_for_its_test_only() {
        let overrides = with("TIMEOUTS_MIN", r#"{"style": 30}"#).unwrap();

        assert_eq!(overrides.timeout("style"), Some(&Value::from(30)));
        assert_eq!(overrides.timeout("clippy"), None);
    }

    #[test]
    fn wrong_variables_are_refused_with_name_and_key() {
        let cases = [
            ("TIMEOUTS_MIN", "[\"style\": 30]", "is not JSON"),
            (
                "TIMEOUTS_MIN",
                "{\"style\": 0}",
                "key `style`: must be whole minutes",
            ),
            ("TIMEOUTS_MIN", "[30]", "must be an object"),
            ("TESTS_TO_SKIP", "\"style\"", "must be a list of names"),
            ("TESTS_TO_SKIP", "[1]", "must be a list of names"),
            ("DOCKER_PLUGIN_CONFIG", r#"{"tests": ["a"]}"#, "key `cfg`"),
            (
                "DOCKER_PLUGIN_CONFIG",
                r#"{"cfg": {"a": 1}}"#,
                "key `tests`",
            ),
            (
                "X86_LINUX_AGENT_TAGS",
                r#"{"tests": "a", "cfg": {"a": 1}}"#,
                "key `tests`",
            ),
        ];
        for (name, value, problem) in cases {
            let error = with(name, value).unwrap_err();
            assert!(error.contains(name) && error.contains(problem), "{error}");
        }
    }
}
