//! The queries of the dashboard and of the alerts, and what they ask for.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{ALERTS, DASHBOARD, PREFIX};
use crate::cargo;

/// A query, and what is written beside its result.
pub struct Query {
    pub text: String,
    pub legend: String,
}

/// A metric where a query uses it.
pub struct Used<'a> {
    /// The query up to it.
    pub before: &'a str,
    pub name: &'a str,
    /// What stands in braces after it.
    matchers: &'a str,
}

/// The queries of the dashboard, with those that fill its lists.
pub fn dashboard() -> Result<Vec<Query>> {
    let text = fs::read_to_string(cargo::root().join(DASHBOARD))?;
    let dashboard: Value = serde_json::from_str(&text)?;
    let query = |text: &Value, legend: &Value| Query {
        text: text.as_str().unwrap_or_default().to_owned(),
        legend: legend.as_str().unwrap_or_default().to_owned(),
    };
    let mut queries = Vec::new();
    let panels = dashboard["panels"].as_array().context("it has no panels")?;
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array());
    for target in targets.flatten() {
        ensure!(target["expr"].is_string(), "a target without a query");
        queries.push(query(&target["expr"], &target["legendFormat"]));
    }
    let lists = dashboard["templating"]["list"].as_array();
    for list in lists.context("it has no lists")? {
        queries.push(query(&list["query"]["query"], &Value::Null));
    }
    Ok(queries)
}

/// The queries of the alerts.
pub fn alerts() -> Result<Vec<Query>> {
    let (texts, legends) = (yaml(ALERTS, "expr:")?, yaml(ALERTS, "summary:")?);
    ensure!(
        texts.len() == legends.len(),
        "each alert has a query and a summary"
    );
    let queries = texts.into_iter().zip(legends);
    Ok(queries
        .map(|(text, legend)| Query { text, legend })
        .collect())
}

/// The values of a key in a YAML file in which each stands on a line.
pub fn yaml(file: &str, key: &str) -> Result<Vec<String>> {
    let text = fs::read_to_string(cargo::root().join(file))?;
    let values = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(key));
    let values: Vec<_> = values.map(|value| value.trim().to_owned()).collect();
    ensure!(!values.is_empty(), "{file} has no {key}");
    Ok(values)
}

impl Query {
    /// The metrics that it uses.
    pub fn metrics(&self) -> impl Iterator<Item = Used<'_>> {
        Used::all(&self.text)
    }

    /// The labels of `{{label}}` and of `{{ $labels.label }}`.
    pub fn legend_labels(&self) -> impl Iterator<Item = &str> {
        let inside = self
            .legend
            .split("{{")
            .skip(1)
            .filter_map(|rest| rest.split("}}").next());
        inside.map(|label| label.trim().trim_start_matches("$labels."))
    }
}

impl<'a> Used<'a> {
    /// All in a query, or in a line of a server's answer.
    pub fn all(text: &'a str) -> impl Iterator<Item = Self> {
        text.match_indices(PREFIX).map(|(at, _)| {
            let (before, rest) = text.split_at(at);
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let matchers = after
                .strip_prefix('{')
                .and_then(|braces| braces.split('}').next());
            Self {
                before,
                name,
                matchers: matchers.unwrap_or_default(),
            }
        })
    }

    /// The metric to which it belongs: a histogram has several.
    pub fn family(&self) -> &'a str {
        let ends = ["_bucket", "_sum", "_count"];
        let mut families = ends.iter().filter_map(|end| self.name.strip_suffix(end));
        families.next_back().unwrap_or(self.name)
    }

    /// The labels in the braces, and what they must be.
    pub fn labels(&self) -> Result<Vec<(String, String)>> {
        let matchers = self
            .matchers
            .split(',')
            .filter(|matcher| !matcher.is_empty());
        let labels = matchers.map(|matcher| {
            let (label, value) = matcher.split_once('=').context("a label without a value")?;
            let value = value.trim_start_matches('~').trim_matches('"');
            Ok((label.trim_end_matches('!').to_owned(), value.to_owned()))
        });
        labels.collect()
    }
}
