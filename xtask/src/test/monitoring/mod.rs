//! The dashboard, the alerts and the documents name metrics, labels and values that a running server really has, and the
//! dashboard shows all of them.

mod metrics;
mod query;

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use anyhow::{Result, ensure};

use self::{
    metrics::Metrics,
    query::{Query, alerts, dashboard, yaml},
};
use super::{Outcome, Workshop, check};
use crate::{cargo, process::Process, server::Data};

const DASHBOARD: &str = "packaging/grafana/mensageiro.json";
const ALERTS: &str = "packaging/prometheus/alerts.yml";
const DOCUMENTS: &[&str] = &["docs/RUNNING.md", "docs/RUNNING.pt-BR.md"];

/// What begins the name of every metric.
const PREFIX: &str = "mensageiro_";

/// How long the server may take to start, and then to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a server with metrics and compares the files with them.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    let metrics = Metrics::parse(&ask(workshop)?)?;
    let mut outcome = check(&format!("queries of {DASHBOARD}"), || {
        let queries = dashboard()?;
        queries.iter().try_for_each(|query| metrics.check(query))?;
        let shown = queries.iter().flat_map(Query::metrics);
        let shown: BTreeSet<_> = shown.map(|used| used.family()).collect();
        metrics.check_complete(|metric| shown.contains(metric))
    });
    outcome = outcome.and(check(&format!("queries of {ALERTS}"), || {
        alerts()?.iter().try_for_each(|query| metrics.check(query))
    }));
    for document in DOCUMENTS {
        outcome = outcome.and(check(&format!("metrics and alerts in {document}"), || {
            let text = fs::read_to_string(cargo::root().join(document))?;
            let named: BTreeSet<_> = text
                .split('`')
                .filter(|word| word.starts_with(PREFIX))
                .collect();
            for name in &named {
                ensure!(metrics.has(name), "there is no {name}");
            }
            metrics.check_complete(|metric| named.contains(metric))?;
            for alert in yaml(ALERTS, "- alert:")? {
                ensure!(
                    text.contains(&format!("`{alert}`")),
                    "it does not say what to do about {alert}"
                );
            }
            Ok(())
        }));
    }
    Ok(outcome)
}

/// What a server answers to Prometheus.
fn ask(workshop: &Workshop) -> Result<String> {
    let data = Data::copy()?;
    let mut command = Command::new(&workshop.programs()?.server);
    command.args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
    command.arg("--data").arg(data.path());
    let server = Process::start("server", &mut command, false)?;
    let address = server.wait_for(PATIENCE, |line| {
        let url = line.strip_prefix("metrics:")?.trim();
        let address = url.strip_prefix("http://")?;
        address.strip_suffix("/metrics").map(str::to_owned)
    })?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    server.stop()?;
    Ok(answer)
}
