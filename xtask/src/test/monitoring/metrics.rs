//! The metrics of a running server, and whether a query asks for nothing else.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

use super::{
    PREFIX,
    query::{Query, Used},
};

/// Labels that Prometheus adds itself.
const ADDED: &[&str] = &["instance", "job"];

/// Metrics by name.
pub struct Metrics(BTreeMap<String, Metric>);

#[derive(Default)]
struct Metric {
    /// gauge, counter or histogram.
    kind: String,
    labels: BTreeMap<String, BTreeSet<String>>,
}

impl Metrics {
    /// Reads the text format of Prometheus.
    pub fn parse(answer: &str) -> Result<Self> {
        let mut metrics = BTreeMap::<String, Metric>::new();
        for line in answer.lines() {
            if let Some(typed) = line.strip_prefix("# TYPE ") {
                let (name, kind) = typed.split_once(' ').context("a type without a kind")?;
                metrics.entry(name.to_owned()).or_default().kind = kind.to_owned();
            } else if line.starts_with(PREFIX) {
                let sample = Used::all(line).next().context("a sample has a name")?;
                let metric = metrics.get_mut(sample.family());
                let metric = metric.with_context(|| format!("{line} has no type"))?;
                for (label, value) in sample.labels()? {
                    metric.labels.entry(label).or_default().insert(value);
                }
            }
        }
        ensure!(!metrics.is_empty(), "a server has no metrics: {answer}");
        Ok(Self(metrics))
    }

    /// Whether a server has what a query asks for, and the query uses it as its kind demands.
    pub fn check(&self, query: &Query) -> Result<()> {
        let text = &query.text;
        let mut known: BTreeSet<_> = ADDED.iter().map(|label| (*label).to_owned()).collect();
        for used in query.metrics() {
            let metric = self.0.get(used.family());
            let metric =
                metric.with_context(|| format!("there is no {}, as in {text}", used.name))?;
            ensure!(
                (metric.kind == "histogram") == (used.family() != used.name),
                "{} is a {}, in {text}",
                used.name,
                metric.kind
            );
            let over_time = ["rate(", "increase("]
                .iter()
                .any(|function| used.before.ends_with(function));
            ensure!(
                over_time != (metric.kind == "gauge"),
                "{} is a {}, in {text}",
                used.name,
                metric.kind
            );
            for (label, wanted) in used.labels()? {
                if ADDED.contains(&label.as_str()) {
                    continue;
                }
                let values = metric.labels.get(&label);
                let values = values
                    .with_context(|| format!("{} has no {label}, as in {text}", used.name))?;
                for value in wanted.split('|') {
                    ensure!(
                        values.contains(value),
                        "no {label} is {value:?}, as in {text}"
                    );
                }
            }
            known.extend(metric.labels.keys().cloned());
        }
        let kept: Vec<_> = text
            .split("by (")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
            .collect();
        for label in kept.iter().flat_map(|labels| labels.split(", ")) {
            ensure!(
                known.contains(label),
                "there is no label {label}, as in {text}"
            );
        }
        for label in query.legend_labels() {
            let is_kept = kept.is_empty()
                || kept
                    .iter()
                    .any(|labels| labels.split(", ").any(|kept| kept == label));
            ensure!(
                known.contains(label) && is_kept,
                "{label} is not in the result of {text}"
            );
        }
        Ok(())
    }

    /// Whether there is a metric of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether every metric is where it should be.
    pub fn check_complete(&self, has: impl Fn(&str) -> bool) -> Result<()> {
        let missing: Vec<_> = self.0.keys().filter(|metric| !has(metric)).collect();
        ensure!(missing.is_empty(), "these are missing: {missing:?}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "# TYPE mensageiro_users gauge\nmensageiro_users 3\n\
        # TYPE mensageiro_refusals_total counter\nmensageiro_refusals_total{budget=\"disk\"} 0\n\
        # TYPE mensageiro_commit_seconds histogram\nmensageiro_commit_seconds_bucket{le=\"1\"} 0\n";

    fn checked(text: &str, legend: &str) -> Result<()> {
        let (text, legend) = (text.to_owned(), legend.to_owned());
        Metrics::parse(ANSWER)?.check(&Query { text, legend })
    }

    #[test]
    fn queries_that_a_server_can_answer_are_right() {
        for (query, legend) in [
            ("up == 0", "{{ $labels.instance }}"),
            ("mensageiro_users{instance=\"$instance\"}", "{{instance}}"),
            (
                "rate(mensageiro_refusals_total{budget=~\"disk\"}[5m])",
                "{{budget}}",
            ),
            (
                "sum by (le) (rate(mensageiro_commit_seconds_bucket[5m]))",
                "half",
            ),
        ] {
            checked(query, legend).unwrap();
        }
    }

    #[test]
    fn wrong_names_labels_values_and_kinds_are_noticed() {
        for (query, legend) in [
            ("mensageiro_people", ""),
            ("rate(mensageiro_users[5m])", ""),
            ("mensageiro_refusals_total", ""),
            ("rate(mensageiro_commit_seconds[5m])", ""),
            ("mensageiro_users{room=\"a\"}", ""),
            ("rate(mensageiro_refusals_total{budget=\"moon\"}[5m])", ""),
            ("sum by (room) (mensageiro_users)", ""),
            (
                "sum by (budget) (rate(mensageiro_refusals_total[5m]))",
                "{{instance}}",
            ),
        ] {
            assert!(checked(query, legend).is_err(), "{query} {legend}");
        }
    }
}
